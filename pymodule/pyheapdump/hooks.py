# SPDX-License-Identifier: Apache-2.0
"""The hooks through which Python tells of exceptions that nobody catches.

Each hook starts the dump, lets the hook found at install time do what it would have done, then waits for the dump: so
the program's traceback comes at once and is the same as without us. Nothing that fails here reaches the program.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from . import capture, dumped, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

# Exceptions that end a program on purpose.
NO_DUMP = (SystemExit, KeyboardInterrupt, GeneratorExit)

_active: capture.Settings | None = None
# The hook of the program that we call while a dump is written may come back to us.
_lock = threading.RLock()


def watch(exception: BaseException | None, traceback: TracebackType | None, reason: str) -> Callable[[], None]:
    """Start a dump about `exception` and return what finishes it. Never raises."""
    settings = _active
    # By the type: isinstance() would ask the exception's own __class__, too.
    if settings is None or issubclass(type(exception), NO_DUMP):
        return _nothing
    return _start(exception, traceback, reason, settings, None)


def dump_now(
    exception: BaseException,
    reason: str,
    settings: capture.Settings,
    message: str | None = None,
    label: str | None = None,
) -> str | None:
    """Dump about `exception`, wait, and tell, with `message` formatted where it is given. Never raises.

    The path of the dump about it, which may have been made before; None when there is none.
    """
    try:
        _start(exception, capture.traceback_of(exception), reason, settings, message, label)()
        return dumped.path_of(exception)
    except Exception:  # noqa: BLE001  as in _start; KeyboardInterrupt goes to the program
        return None


def _start(
    exception: BaseException | None,
    traceback: TracebackType | None,
    reason: str,
    settings: capture.Settings,
    message: str | None,
    label: str | None = None,
) -> Callable[[], None]:
    _watch_fork()
    if not _lock.acquire(timeout=settings.max_seconds + capture.CHILD_GRACE if settings.max_seconds > 0 else -1):
        return _nothing
    try:
        if exception is not None and dumped.path_of(exception) is not None:
            _lock.release()
            return _nothing
        dumping = capture.begin(exception, traceback, reason, settings, label=label)
        if exception is not None:
            with suppress(MemoryError):  # then it may be dumped twice
                dumped.remember(exception, dumping.path)
    except files.DumpingDisabledError:
        _lock.release()
        return _nothing
    except BaseException as problem:  # noqa: BLE001  whatever it is, the program's own exception comes first
        _lock.release()
        capture.say(f"no dump: {describe(problem)}")
        return _nothing
    return lambda: _finish(dumping, message)


def _nothing() -> None:
    return None


def _finish(dumping: capture.Dumping, message: str | None) -> None:
    try:
        result = dumping.finish()
        if not dumping.settings.quiet:
            capture.say(message.format(filename=dumping.path) if message else _announcement(dumping, result))
    except BaseException as problem:  # noqa: BLE001  as above
        dumped.forget(dumping.path)
        capture.say(f"no dump at {dumping.path}: {describe(problem)}")
    finally:
        _lock.release()


def _announcement(dumping: capture.Dumping, result: dict[str, Any]) -> str:
    return f"wrote {dumping.path} ({capture.extent(result)}); open it with: python -m pyheapdump.view {dumping.path}"


def describe(problem: BaseException) -> str:
    """An error of ours in one line."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return " ".join(str(problem).split()) or type(problem).__name__


# --- sys.excepthook


def _around(previous: str, reason: str, exception: Any, traceback: Any, call: tuple[Any, ...]) -> None:
    """Start the dump, let the previous hook do its work, finish the dump; whatever fails of ours stays ours.

    Under memory pressure even the handlers in watch() can fail: hence the outer nets.
    """
    finish = _nothing
    with suppress(BaseException):
        finish = watch(exception, traceback, reason)
    try:
        _previous[previous](*call)
    finally:
        with suppress(BaseException):
            finish()


def excepthook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
    """Replaces sys.excepthook."""
    _around("excepthook", "exception", value, traceback, (kind, value, traceback))


def thread_excepthook(args: Any) -> None:
    """Replaces threading.excepthook."""
    _around("thread_excepthook", "exception in a thread", args.exc_value, args.exc_traceback, (args,))


def unraisable_hook(unraisable: Any) -> None:
    """Replaces sys.unraisablehook when asked for."""
    found = (unraisable.exc_value, unraisable.exc_traceback)
    _around("unraisable_hook", "unraisable exception", *found, (unraisable,))


# hook name: (module, attribute, our function)
_HOOKS: dict[str, tuple[Any, str, Any]] = {
    "excepthook": (sys, "excepthook", excepthook),
    "thread_excepthook": (threading, "excepthook", thread_excepthook),
    "unraisable_hook": (sys, "unraisablehook", unraisable_hook),
}
# What was there before; the interpreter's own until we are installed.
_previous: dict[str, Any] = {
    "excepthook": sys.__excepthook__,
    "thread_excepthook": threading.excepthook,
    "unraisable_hook": sys.__unraisablehook__,
}


def _set(name: str, wanted: bool) -> None:
    module, attribute, ours = _HOOKS[name]
    current = getattr(module, attribute)
    if wanted and current is not ours and name not in _in_place:
        _previous[name] = current
        setattr(module, attribute, ours)
        _in_place.add(name)
    elif not wanted and name in _in_place and current is ours:
        setattr(module, attribute, _previous[name])
        _in_place.discard(name)


# Hooks that we put in place; one that somebody wrapped since stays there and only passes on.
_in_place: set[str] = set()


_fork_is_watched = False


def _after_fork() -> None:
    """In a forked child: a lock that another thread held has no holder here, and the parent's dumps are not ours."""
    global _lock
    _lock = threading.RLock()
    capture.forget_unfinished()


def _watch_fork() -> None:
    global _fork_is_watched
    if not _fork_is_watched:
        os.register_at_fork(after_in_child=_after_fork)
        _fork_is_watched = True


def install(settings: capture.Settings) -> None:
    """Put the hooks in place that `settings` ask for."""
    global _active
    _watch_fork()
    from . import children

    _active = settings if settings.exceptions else None
    _set("excepthook", settings.exceptions)
    _set("thread_excepthook", settings.exceptions)
    _set("unraisable_hook", settings.exceptions and settings.unraisable)
    children.watch(settings.exceptions)


def replace_previous(name: str, function: Any) -> None:
    """Let `function` stand for the hook that was found at install time."""
    _previous[name] = function


def uninstall() -> None:
    """Put back what was there before."""
    global _active
    from . import children

    _active = None
    for name in _HOOKS:
        _set(name, False)
    children.watch(False)


def dump_child_exception(exception: BaseException) -> None:
    """For call_watched: a dump about an exception that a multiprocessing child's bootstrap is going to swallow."""
    watch(exception, capture.traceback_of(exception), "exception in a child process")()
