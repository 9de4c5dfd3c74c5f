# SPDX-License-Identifier: Apache-2.0
"""Fatal signals: what install() asks of the C handler (libpyheapdump/crash), and alternate signal stacks for threads.

The handler runs no Python and reads nothing of this module: all it needs is copied to it here. A thread can be told of
an overflow of its stack only when it has an alternate signal stack. Threads that start from now on get one on their
way in (pymodule/thread_starts.c); those that run already are interrupted once.
"""

from __future__ import annotations

import _thread
import threading
import time
from contextlib import suppress
from types import BuiltinFunctionType

from . import _pyheapdump, capture, files

# How long install() waits for running threads to get their signal stacks, seconds.
STACKS_TIMEOUT = 1.0

_watching = False  # threads get signal stacks


def install(settings: capture.Settings) -> None:
    """Let fatal signals leave dumps as `settings` say. What cannot be set up is told on stderr, no more."""
    try:
        directories = files.directories(settings.directory)
    except files.DumpingDisabledError:
        uninstall()
        return
    except OSError as problem:  # relative to a current directory that has gone
        uninstall()
        capture.say(f"fatal signals will leave no dump: the current directory: {problem.strerror}")
        return
    try:
        _pyheapdump.signals_install(
            directories=directories,
            timeout=settings.crash_timeout,
            executable=capture.executable(),
            level=settings.level,
            max_bytes=settings.max_bytes or 0,
            max_buffer=settings.max_buffer or 0,
            max_buffers=settings.max_buffers or 0,
            max_seconds=settings.max_seconds,
            max_dumps=settings.max_dumps or 0,
            sources=settings.sources,
            redact=settings.redact,
            quiet=settings.quiet,
        )
    except _pyheapdump.CaptureError as problem:
        uninstall()  # of what an earlier call has set up
        capture.say(f"fatal signals will leave no dump: {problem}")
        return
    _watch_threads()


def uninstall() -> None:
    """Put back the signal handlers and what starts threads."""
    global _watching
    _pyheapdump.signals_uninstall()
    _pyheapdump.thread_starts_close()
    _watching = False


def _watch_threads() -> None:
    """Give threads alternate signal stacks, whatever other libraries have made of threading."""
    global _watching
    if _watching:
        return
    _watching = True
    if not _pyheapdump.thread_starts_open(_thread):
        capture.say("threads that start from now on leave no dump when their stacks overflow: no signal stack for them")
    # Those of _thread and of C code are not in the list of threading.
    running = set(_pyheapdump.thread_native_ids()) | _listed_native_ids()
    if running:
        _pyheapdump.add_signal_stacks(list(running), STACKS_TIMEOUT)


def _listed_native_ids() -> set[int]:
    """The kernel ids of the threads that threading lists; other libraries list what is none, and has no such id."""
    found = set()
    with suppress(Exception):
        listed = threading.enumerate()
        _wait_for_ids(listed)
        for thread in listed:
            native_id = getattr(thread, "native_id", None)
            if type(native_id) is int:
                found.add(native_id)
    return found


def _wait_for_ids(threads: list[threading.Thread]) -> None:
    """Threads that are just starting, without our function, do not know their ids yet.

    A library that has put its own sleep in place has no such threads: it would run something else meanwhile.
    """
    if not isinstance(time.sleep, BuiltinFunctionType):
        return
    deadline = time.monotonic() + STACKS_TIMEOUT
    while any(getattr(thread, "native_id", 0) is None for thread in threads) and time.monotonic() < deadline:
        time.sleep(0.001)
