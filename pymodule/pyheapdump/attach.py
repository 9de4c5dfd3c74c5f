# SPDX-License-Identifier: Apache-2.0
"""Reading a running process from outside: `python -m pyheapdump attach PID`.

The target needs nothing of ours: no import, no debug symbols, no code run in it. The C library stops its threads by
ptrace, copies its writable memory, lets it go, and writes the dump from the copy.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Any, NamedTuple

from . import _pyheapdump, files, outside
from .outside import OutsideError

# How long threads are waited for that wait in the kernel and do not stop at once, seconds.
FREEZE_SECONDS = 1.0

HIGHEST_PID = (1 << 31) - 1


class Process(NamedTuple):
    """The process that is read, and how."""

    pid: int
    freeze: bool = True
    ask: bool = True  # where pyheapdump is installed, for a snapshot of itself


def attach(
    process: Process, options: outside.Options = outside.DEFAULT, path: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Dump a process to `path` (default: a new file in the current directory); its path, and what was written.

    Raises OutsideError, or OSError when the file cannot be made.
    """
    pid = process.pid
    check(pid)
    if path is None:
        directory = outside.absolute("")
        name, number = files.free_name(directory, pid, 0)
    else:
        (directory, name), number = outside.place_of(path), 0
    try:
        read = partial(_pyheapdump.attach, pid, process.freeze, FREEZE_SECONDS, process.ask)
        found = outside.write(read, options, directory, name, number)
    except OSError as problem:
        if problem.filename in ("ptrace", "maps"):
            raise OutsideError(refusal(pid, problem)) from None
        raise
    except _pyheapdump.CaptureError as problem:
        raise OutsideError(f"process {pid} ({command_of(str(pid))}): {problem}") from None
    return os.path.join(directory, name), found


def stacks(process: Process, options: outside.Options = outside.DEFAULT) -> tuple[Any, dict[str, Any]]:
    """The stacks of a process as an open Dump, whose file is gone already, and what was read. Raises OutsideError."""
    wanted = options._replace(only_stacks=True)
    return outside.stacks(lambda path: attach(process, wanted, path)[1])


# --- why not


def check(pid: int) -> None:
    """Raise OutsideError for an id that is none of a process that can be read."""
    if not 0 < pid <= HIGHEST_PID or not os.path.exists(f"/proc/{pid}"):
        raise OutsideError(f"there is no process {pid}")
    if pid == os.getpid():
        raise OutsideError(f"process {pid} is this one: use pyheapdump.dump()")
    process = status_of(pid).get("Tgid", str(pid))
    if process != str(pid):
        raise OutsideError(f"{pid} is a thread of process {process}: attach to that")


def refusal(pid: int, problem: OSError) -> str:
    """Why the kernel lets us not read the process, and what would help."""
    status = status_of(pid)
    if status.get("State", "").startswith("Z"):
        return f"process {pid} has ended already (a zombie, its parent {status.get('PPid', '?')} has not waited for it)"
    if problem.errno == errno.ESRCH or not status:
        return f"process {pid} has ended meanwhile"
    if "VmSize" not in status:
        return f"process {pid} ({command_of(str(pid))}) is a thread of the kernel"
    filtered = problem.errno == errno.ENOSYS and is_filtered()  # some profiles of containers answer so
    if problem.errno not in (errno.EPERM, errno.EACCES) and not filtered:
        return f"process {pid} cannot be read ({problem.filename}): {problem.strerror}"
    return f"no permission to read process {pid}: {cause_of_refusal(pid, status)}"


def cause_of_refusal(pid: int, status: dict[str, str]) -> str:
    """What stands in the way, by what the kernel asks for (ptrace(2), "Ptrace access mode checking")."""
    tracer = status.get("TracerPid", "0")
    if tracer != "0":
        return f"process {tracer} ({command_of(tracer)}) traces it already; end that one first"
    if yama_scope() == YAMA_NOBODY:
        return (
            f"kernel.yama.ptrace_scope is {YAMA_NOBODY}: nobody may trace until the machine starts anew; a program "
            "that called pyheapdump.register() dumps itself when it gets that signal"
        )
    owner = status.get("Uid", "").split()[:1]
    if owner and owner[0] != str(os.geteuid()) and os.geteuid() != 0:
        return f"it belongs to user {owner[0]}, this is user {os.geteuid()}; run as that user or with sudo"
    if os.geteuid() != 0 and yama_scope() > 0:
        return (
            f"kernel.yama.ptrace_scope is {yama_scope()}: run with sudo, or `sysctl kernel.yama.ptrace_scope=0`; in a "
            "container give it the capability SYS_PTRACE"
        )
    if os.geteuid() != 0 and not is_dumpable(pid):
        return "it cannot be traced (set-user-id or PR_SET_DUMPABLE 0): run with sudo"
    if is_filtered():
        return "the seccomp profile of this container forbids ptrace; run it with --cap-add=SYS_PTRACE"
    if not int(status_of(os.getpid()).get("CapEff", "0"), 16) >> CAP_SYS_PTRACE & 1:
        return "the capability SYS_PTRACE is missing; in a container start it with --cap-add=SYS_PTRACE"
    return (
        "the kernel does not say why, and this process has the capability SYS_PTRACE; a security module (AppArmor, "
        "SELinux) or another user namespace may stand in the way: run where the process was started"
    )


CAP_SYS_PTRACE = 19  # linux/capability.h


def is_filtered() -> bool:
    """Has this process a filter of system calls (seccomp)?"""
    return status_of(os.getpid()).get("Seccomp", "0") == "2"


def is_dumpable(pid: int) -> bool:
    """May its own user trace the process? The files of one that he may not are root's (proc(5))."""
    try:
        return os.stat(f"/proc/{pid}/maps").st_uid != 0
    except OSError:
        return True


def status_of(pid: int) -> dict[str, str]:
    """/proc/PID/status; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/status") as stream:
            pairs = (line.partition(":") for line in stream)
            return {name: value.strip() for name, _, value in pairs}
    except OSError:
        return {}


def command_of(pid: str) -> str:
    return status_of(int(pid)).get("Name", "?") if pid.isdigit() else "?"


# Not even the superuser, and it cannot be lowered (Documentation/admin-guide/LSM/Yama.rst of the kernel).
YAMA_NOBODY = 3


def yama_scope() -> int:
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return 0
