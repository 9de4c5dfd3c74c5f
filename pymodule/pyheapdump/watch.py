# SPDX-License-Identifier: Apache-2.0
"""Dumps of a process that lives: dump_later(), register(), and what install() sets up of them.

A thread of C code makes these dumps (libpyheapdump/watch); it needs neither the GIL nor anything of this module. Here
it is told where dumps go, and is stopped and started around forks.
"""

from __future__ import annotations

import os
from contextlib import suppress

from . import _pyheapdump, capture, files

_is_prepared = False
_forks_are_watched = False
# The signal that install() has registered.
_installed_signal: int | None = None


def dump_later(seconds: float, repeat: bool = False, *, exit: bool = False) -> None:
    """Make a dump in `seconds` from now unless cancel_dump_later() is called before, whatever the process does then.

    repeat: again every `seconds`. exit: end the process after the dump by _exit(1). A second call replaces the first.
    Directory, limits and the rest are those of install(). A forked child has no dump_later.
    """
    _prepare(capture.installed() or capture.DEFAULTS)
    _pyheapdump.dump_later(seconds, repeat, exit)


def cancel_dump_later() -> None:
    """Forget what dump_later() asked for; a dump that has begun is finished."""
    _pyheapdump.cancel_dump_later()


def register(signum: int, *, chain: bool = False) -> None:
    """Make a dump when the signal comes, whatever the process does then; it goes on.

    chain: the handler found now is called, too, as soon as the process is frozen. Raises ValueError for a signal that
    cannot be had. Directory, limits and the rest are those of install().
    """
    _prepare(capture.installed() or capture.DEFAULTS)
    _pyheapdump.register_signal(signum, chain)


def unregister(signum: int) -> bool:
    """Undo register(); return whether the signal was registered."""
    return _pyheapdump.unregister_signal(signum)


def install(settings: capture.Settings) -> None:
    """What install() asks for."""
    global _installed_signal
    if _is_prepared or settings.register is not None or settings.memory_errors or settings.memory_limit is not None:
        _prepare(settings)
    wanted = None if settings.register is None else int(settings.register)
    if _installed_signal is not None and _installed_signal != wanted:
        unregister(_installed_signal)
        _installed_signal = None
    if wanted is not None:
        _pyheapdump.register_signal(wanted, False)
        _installed_signal = wanted
    if settings.memory_errors:
        _pyheapdump.watch_start()
        without_pymalloc = os.environ.get("PYTHONMALLOC", "").startswith("malloc")
        _pyheapdump.memory_errors_install(_largest_possible(), settings.crash_timeout, without_pymalloc)
    else:
        _pyheapdump.memory_errors_uninstall()
    if settings.memory_limit is not None:
        from . import memory_limit

        found = memory_limit.parse(settings.memory_limit)
        _pyheapdump.watch_memory(found.bytes, found.share, settings.crash_timeout)
    else:
        _pyheapdump.unwatch_memory()
    _be_attachable(settings.attachable)


def _be_attachable(wanted: bool) -> None:
    """Let `attach` ask this process for a snapshot. Without the thread for that it is read from outside."""
    if wanted:
        _survive_forks()
    with suppress(_pyheapdump.CaptureError):
        _pyheapdump.attachable(wanted)


def _largest_possible() -> int:
    """The largest allocation that the process could have had: a larger one is a wrong number, not a lack of memory."""
    import resource

    possible = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    possible += [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min(limit for limit in possible if limit >= 0)


def uninstall() -> None:
    """What install() had asked for ends; what was asked for by name goes on."""
    global _installed_signal
    if _installed_signal is not None:
        unregister(_installed_signal)
        _installed_signal = None
    _pyheapdump.memory_errors_uninstall()
    _pyheapdump.unwatch_memory()
    _be_attachable(False)


def _survive_forks() -> None:
    """Let the threads be stopped and started around forks; a subinterpreter does not fork."""
    global _forks_are_watched
    if not _forks_are_watched and _pyheapdump.is_main_interpreter():
        from functools import partial

        os.register_at_fork(
            before=_pyheapdump.watch_before_fork,
            after_in_parent=partial(_pyheapdump.watch_after_fork, False),
            after_in_child=partial(_pyheapdump.watch_after_fork, True),
        )
        _forks_are_watched = True


def _prepare(settings: capture.Settings) -> None:
    """Tell the thread how dumps are made, and see that it survives forks and the end of the main interpreter."""
    global _is_prepared
    _survive_forks()
    if not _is_prepared and _pyheapdump.is_main_interpreter():
        import atexit

        atexit.register(_pyheapdump.watch_interpreter_ends)
        _is_prepared = True
    try:
        directories = files.directories(settings.directory)
    except files.DumpingDisabledError:
        _pyheapdump.watch_disable()
        return
    except OSError as problem:  # relative to a current directory that has gone
        _pyheapdump.watch_disable()
        capture.say(f"no dumps of the living process: the current directory: {problem.strerror}")
        return
    limit = settings.max_seconds
    _pyheapdump.watch_configure(
        settings.gil_wait,
        directories=directories,
        timeout=limit + capture.CHILD_GRACE if limit > 0 else 0.0,
        executable=capture.executable(),
        level=settings.level,
        max_bytes=settings.max_bytes or 0,
        max_buffer=settings.max_buffer or 0,
        max_buffers=settings.max_buffers or 0,
        max_seconds=limit,
        max_dumps=settings.max_dumps or 0,
        sources=settings.sources,
        redact=settings.redact,
        quiet=settings.quiet,
    )
