# SPDX-License-Identifier: Apache-2.0
"""Where dumps go: the directory, the names, and how many of ours may stay.

A dump is written as `<name>.part` and gets its name `python_heap_<pid>_<n>.dump` when it is complete. Files of others
are never touched.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

DIRECTORY_VARIABLE = "PYHEAPDUMP_DIR"
DISABLED = "disable"
PREFIX = "python_heap_"
SUFFIX = ".dump"
PART_SUFFIX = ".part"
# How far clocks may be apart (a step of the wall clock, a file server), seconds.
CLOCK_SLACK = 60.0


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
    with suppress(OSError):  # it may have been removed
        if os.access(".", os.W_OK):
            return os.getcwd()
    return temporary_directory()


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


def _start_of(pid: int) -> float | None:
    """When the living process `pid` started, in seconds since 1970; None when there is none, or nobody tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            ticks = int(stat.read().rpartition(b")")[2].split()[19])  # proc(5): field 22, starttime
    except (OSError, ValueError, IndexError):
        return None
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def _in_progress(name: str, changed: float) -> bool:
    """Is `name`, last changed at `changed`, the unfinished dump of a process that still lives?

    The same pid, 1 in a container above all, may have had an earlier owner, whose files nobody will finish.
    """
    if not name.endswith(PART_SUFFIX):
        return False
    start = _start_of(int(name[len(PREFIX) :].partition("_")[0]))
    return start is not None and changed > start - CLOCK_SLACK


def remove_oldest(directory: str, keep: int) -> list[str]:
    """Remove our oldest dumps in `directory` so that at most `keep` remain; return the paths removed."""
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if not ours(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            try:
                changed = entry.stat(follow_symlinks=False).st_mtime_ns
            except FileNotFoundError:  # a dump that was just finished has another name now
                continue
            if not _in_progress(entry.name, changed / 1e9):
                found.append((changed, entry.path))
    removed = []
    for _, path in sorted(found)[: max(0, len(found) - keep)]:
        try:
            os.unlink(path)
        except OSError:
            continue  # another process was faster, or it is somebody else's: no reason to do without the new dump
        removed.append(path)
    return removed
