# SPDX-License-Identifier: Apache-2.0
"""Where dumps go: the directories and the names.

A dump is written as `<name>.part` and gets its name `python_heap_<pid>_<n>.dump` when it is complete. Which directory
takes it, and which name is free there, its writer finds out (libpyheapdump/place): a file system that does not answer
must not hold a process that fails. So nothing here asks a file system, but for free_name().
"""

from __future__ import annotations

import os

DIRECTORY_VARIABLE = "PYHEAPDUMP_DIR"
DISABLED = "disable"
PREFIX = "python_heap_"
SUFFIX = ".dump"
PART_SUFFIX = ".part"


class DumpingDisabledError(Exception):
    """PYHEAPDUMP_DIR says "disable"."""


def temporary_directory() -> str:
    """The system's directory for temporary files, without importing tempfile in a failing process."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        if os.environ.get(name):
            return os.environ[name]
    return "/tmp"


def directories(directory: str | None, fall_back: bool = True) -> list[str]:
    """Where dumps go, as absolute paths, of which the first that the process may write to counts.

    That is the argument, else PYHEAPDUMP_DIR; then, to `fall_back` on or where there is neither, the current directory
    and one for temporary files. Raises DumpingDisabledError when PYHEAPDUMP_DIR is "disable", whatever the argument;
    OSError when the first is relative to a current directory that has gone.
    """
    configured = os.environ.get(DIRECTORY_VARIABLE)
    if configured == DISABLED:
        raise DumpingDisabledError(f"{DIRECTORY_VARIABLE} is {DISABLED!r}")
    wanted = configured or None if directory is None else os.fspath(directory)
    found = [] if wanted is None else [os.path.abspath(wanted)]
    if found and not fall_back:
        return found
    try:
        found.append(os.getcwd())
        found.append(os.path.abspath(temporary_directory()))
    except OSError:  # it may have been removed
        if os.path.isabs(temporary_directory()):
            found.append(temporary_directory())
    return found


def name_of(pid: int, number: int) -> str:
    """The name of dump `number` of process `pid`."""
    return f"{PREFIX}{pid}_{number}{SUFFIX}"


def free_name(directory: str, pid: int, first: int) -> tuple[str, int]:
    """The first name from number `first` on that no file in `directory` has, and its number."""
    number = first
    while any(os.path.lexists(os.path.join(directory, name_of(pid, number) + end)) for end in ("", PART_SUFFIX)):
        number += 1
    return name_of(pid, number), number
