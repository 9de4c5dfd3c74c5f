# SPDX-License-Identifier: Apache-2.0
"""Where dumps go: the directory, the names, and how many of ours may stay.

A dump is written as `<name>.part` and gets its name `python_heap_<pid>_<n>.dump` when it is complete. Files of others
are never touched.
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


def choose_directory(directory: str | None) -> str:
    """Where dumps go: the argument, else PYHEAPDUMP_DIR, else the current directory if writable, else a temporary one.

    Raises DumpingDisabledError when PYHEAPDUMP_DIR is "disable", whatever the argument.
    """
    configured = os.environ.get(DIRECTORY_VARIABLE)
    if configured == DISABLED:
        raise DumpingDisabledError(f"{DIRECTORY_VARIABLE} is {DISABLED!r}")
    if directory is not None:
        return os.fspath(directory)
    if configured:
        return configured
    return os.getcwd() if os.access(".", os.W_OK) else temporary_directory()


def ours(name: str) -> bool:
    """Is `name` the name of a dump of ours, complete or not?"""
    if name.endswith(PART_SUFFIX):
        name = name[: -len(PART_SUFFIX)]
    if not (name.startswith(PREFIX) and name.endswith(SUFFIX)):
        return False
    pid, _, number = name[len(PREFIX) : -len(SUFFIX)].partition("_")
    return pid.isdigit() and number.isdigit()


def name_of(pid: int, number: int) -> str:
    """The name of dump `number` of process `pid`."""
    return f"{PREFIX}{pid}_{number}{SUFFIX}"


def free_name(directory: str, pid: int, first: int) -> tuple[str, int]:
    """The first name from number `first` on that no file in `directory` has, and its number."""
    number = first
    while any(os.path.lexists(os.path.join(directory, name_of(pid, number) + end)) for end in ("", PART_SUFFIX)):
        number += 1
    return name_of(pid, number), number


def _in_progress(name: str) -> bool:
    """Is `name` the unfinished dump of a process that still lives?"""
    return name.endswith(PART_SUFFIX) and os.path.exists(f"/proc/{name[len(PREFIX) :].partition('_')[0]}")


def remove_oldest(directory: str, keep: int) -> list[str]:
    """Remove our oldest dumps in `directory` so that at most `keep` remain; return the paths removed."""
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if ours(entry.name) and entry.is_file(follow_symlinks=False) and not _in_progress(entry.name):
                found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path))
    removed = []
    for _, path in sorted(found)[: max(0, len(found) - keep)]:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # another process was faster
        removed.append(path)
    return removed
