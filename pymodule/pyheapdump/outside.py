# SPDX-License-Identifier: Apache-2.0
"""What reading a process from outside (attach.py) and reading a core file (core.py) have in common.

Both have the C library write a dump of a process that is not this one. With `--stacks` only the stacks and what is
near to them are read; they are dumped to a temporary file and shown by the viewer, so that there is one way to read a
process and one to show it.
"""

from __future__ import annotations

import errno
import importlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from . import files
from .capture import DEFAULTS


class OutsideError(Exception):
    """The process or core cannot be read; the text is one line: the thing, the cause, the remedy."""


class Options(NamedTuple):
    """What a dump from outside is asked for; the names are those of install() where it has them."""

    only_stacks: bool = False
    sources: bool = DEFAULTS.sources
    redact: bool = DEFAULTS.redact
    max_seconds: float = DEFAULTS.max_seconds
    max_bytes: int = 0
    max_buffer: int = DEFAULTS.max_buffer or 0
    max_buffers: int = DEFAULTS.max_buffers or 0
    level: int = DEFAULTS.level
    memory: int = 0  # bytes that a copy of the process may take, 0: what the system has


DEFAULT = Options()


def place_of(path: str) -> tuple[str, str]:
    """Directory and name of a new dump. Raises FileExistsError."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "a dump never replaces a file", path)
    return os.path.split(absolute(path))


def absolute(path: str) -> str:
    """The path from the root on. Raises OutsideError."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise OutsideError(
            "the current directory is gone: change to another one, or give paths that begin with /"
        ) from None


def write(
    read: Callable[..., dict[str, Any]], options: Options, directory: str, name: str, number: int = 0
) -> dict[str, Any]:
    """What `read` found, which gets the request as keyword arguments and writes the dump `name` in `directory`.

    Raises what it raises, OutsideError when the dump cannot be written, or OSError when the directory cannot be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    part = name + files.PART_SUFFIX
    try:
        return interruptible(
            lambda: read(
                directory=descriptor,
                temporary_name=os.fsencode(part),
                final_name=os.fsencode(name),
                sequence=number,
                time_ns=time.time_ns(),
                **options._asdict(),
            )
        )
    except OSError as problem:
        if problem.filename is None:
            raise OutsideError(f"no dump can be written in {directory}: {problem.strerror}") from None
        raise
    except KeyboardInterrupt:  # the descriptor stays open: it is still in use
        with suppress(OSError):
            os.unlink(part, dir_fd=descriptor)
        descriptor = -1
        raise
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def stacks(dump: Callable[[str], dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """The open Dump that `dump` writes to the path it is given, whose file is gone already, and what that returns."""
    # The viewer is loaded while the C library reads, which needs no GIL.
    viewer = threading.Thread(target=importlib.import_module, args=("pyheapdump.view.process_text",))
    directory = os.path.join(files.temporary_directory(), f"pyheapdump-{os.getpid()}-{time.time_ns()}")
    path = os.path.join(directory, "stacks.dump")
    os.mkdir(directory, 0o700)
    try:
        viewer.start()
        found = dump(path)
        from .view import load

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

    threading.Thread(target=run, daemon=True, name="pyheapdump reader").start()
    done.wait()
    if problems:
        raise problems[0]
    return results[0]
