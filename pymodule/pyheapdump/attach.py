# SPDX-License-Identifier: Apache-2.0
"""Reading a running process from outside: `python -m pyheapdump attach PID`.

The target needs nothing of ours: no import, no debug symbols, no code run in it. The C library stops its threads by
ptrace, copies its writable memory, lets it go, and writes the dump from the copy. With `--stacks` only the stacks and
what is near to them are read; they are dumped to a temporary file and shown by the viewer, so that there is one way to
read a process and one to show it.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from . import _pyheapdump, files
from .capture import DEFAULTS

# How long threads are waited for that wait in the kernel and do not stop at once, seconds.
FREEZE_SECONDS = 1.0

HIGHEST_PID = (1 << 31) - 1


class AttachError(Exception):
    """The process cannot be read; the text is one line: the thing, the cause, the remedy."""


class Options(NamedTuple):
    """What attach is asked for; the names are those of install() where it has them."""

    pid: int
    freeze: bool = True
    ask: bool = True  # a process with pyheapdump installed for a snapshot of itself
    only_stacks: bool = False
    sources: bool = DEFAULTS.sources
    redact: bool = DEFAULTS.redact
    max_seconds: float = DEFAULTS.max_seconds
    max_bytes: int = 0
    level: int = DEFAULTS.level
    memory: int = 0  # bytes that a copy of the process may take, 0: what the system has


def attach(options: Options, path: str | None = None) -> tuple[str, dict[str, Any]]:
    """Dump a process to `path` (default: a new file in the current directory); its path, and what was written.

    Raises AttachError, CaptureError, or OSError when the file cannot be made.
    """
    check(options.pid)
    if path is None:
        directory = os.getcwd()
        name, number = files.free_name(directory, options.pid, 0)
    else:
        directory, name = os.path.split(os.path.abspath(path))
        number = 0
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "a dump never replaces a file", path)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    part = name + files.PART_SUFFIX
    try:
        found = interruptible(
            lambda: _pyheapdump.attach(
                pid=options.pid,
                directory=descriptor,
                temporary_name=part,
                final_name=name,
                sequence=number,
                time_ns=time.time_ns(),
                level=options.level,
                max_bytes=options.max_bytes,
                max_seconds=options.max_seconds,
                sources=options.sources,
                redact=options.redact,
                freeze=options.freeze,
                freeze_seconds=FREEZE_SECONDS,
                only_stacks=options.only_stacks,
                memory=options.memory,
                ask=options.ask,
            )
        )
    except OSError as problem:
        if problem.filename is None:
            raise AttachError(f"no dump can be written in {directory}: {problem.strerror}") from None
        raise AttachError(refusal(options.pid, problem)) from None
    except _pyheapdump.CaptureError as problem:
        raise AttachError(f"process {options.pid} ({command_of(str(options.pid))}): {problem}") from None
    except KeyboardInterrupt:  # the descriptor stays open: it is still in use
        with suppress(OSError):
            os.unlink(part, dir_fd=descriptor)
        descriptor = -1
        raise
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return os.path.join(directory, name), found


def stacks(options: Options) -> tuple[Any, dict[str, Any]]:
    """The stacks of a process as an open Dump, whose file is gone already, and what was read. Raises AttachError."""
    from .view import load

    directory = os.path.join(files.temporary_directory(), f"pyheapdump-{os.getpid()}-{time.time_ns()}")
    path = os.path.join(directory, "stacks.dump")
    os.mkdir(directory, 0o700)
    try:
        _, found = attach(options._replace(only_stacks=True), path)
        return load(path), found
    finally:
        for remove, name in (os.unlink, path), (os.rmdir, directory):
            with suppress(OSError):
                remove(name)


def interruptible(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `call` returns or raises. It runs in a thread of its own, as C code that takes long is not interrupted by
    Ctrl-C; then it is left alone, to end with this process.
    """
    results: list[dict[str, Any]] = []
    problems: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(call())
        except BaseException as problem:  # noqa: BLE001 - handed over
            problems.append(problem)
        done.set()

    threading.Thread(target=run, daemon=True, name="pyheapdump attach").start()
    done.wait()
    if problems:
        raise problems[0]
    return results[0]


# --- why not


def check(pid: int) -> None:
    """Raise AttachError for an id that is none of a process that can be read."""
    if not 0 < pid <= HIGHEST_PID or not os.path.exists(f"/proc/{pid}"):
        raise AttachError(f"there is no process {pid}")
    if pid == os.getpid():
        raise AttachError(f"process {pid} is this one: use pyheapdump.dump()")
    process = status_of(pid).get("Tgid", str(pid))
    if process != str(pid):
        raise AttachError(f"{pid} is a thread of process {process}: attach to that")


def refusal(pid: int, problem: OSError) -> str:
    """Why the kernel lets us not read the process, and what would help."""
    status = status_of(pid)
    if status.get("State", "").startswith("Z"):
        return f"process {pid} has ended already (a zombie, its parent {status.get('PPid', '?')} has not waited for it)"
    if problem.errno == errno.ESRCH or not status:
        return f"process {pid} has ended meanwhile"
    if "VmSize" not in status:
        return f"process {pid} ({command_of(str(pid))}) is a thread of the kernel"
    if problem.errno not in (errno.EPERM, errno.EACCES):
        return f"process {pid} cannot be read ({problem.filename}): {problem.strerror}"
    return f"no permission to read process {pid}: {cause_of_refusal(pid, status)}"


def cause_of_refusal(pid: int, status: dict[str, str]) -> str:
    """What stands in the way, by what the kernel asks for (ptrace(2), "Ptrace access mode checking")."""
    tracer = status.get("TracerPid", "0")
    if tracer != "0":
        return f"process {tracer} ({command_of(tracer)}) traces it already; end that one first"
    owner = status.get("Uid", "").split()[:1]
    if owner and owner[0] != str(os.geteuid()) and os.geteuid() != 0:
        return f"it belongs to user {owner[0]}, this is user {os.geteuid()}; run as that user or with sudo"
    if os.geteuid() != 0 and yama_scope() > 0:
        return (
            f"kernel.yama.ptrace_scope is {yama_scope()}: run with sudo, or `sysctl kernel.yama.ptrace_scope=0`; in a "
            "container give it the capability SYS_PTRACE"
        )
    if os.geteuid() != 0:
        return "it cannot be traced (set-user-id or PR_SET_DUMPABLE 0): run with sudo"
    if status_of(os.getpid()).get("Seccomp", "0") == "2":
        return "the seccomp profile of this container forbids ptrace; run it with --cap-add=SYS_PTRACE"
    return "the capability SYS_PTRACE is missing; in a container start it with --cap-add=SYS_PTRACE"


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


def yama_scope() -> int:
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return 0
