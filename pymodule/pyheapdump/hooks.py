# SPDX-License-Identifier: Apache-2.0
"""The hooks through which Python tells of exceptions that nobody catches.

The program cannot tell that we are there: no attribute is set. Where Python or the program calls one of the hooks, a
pointer to C code is exchanged (pymodule/hooks.c), in the builtin, in a function of the program's that is the hook at
install(), and in the type of the argument of threading.excepthook. A call comes to us first, then to what it was meant
for: it starts the dump, the hook does what it would have done, the dump is waited for and told. So the program's
traceback comes at once and is the same as without us. Only a hook that is no function, and where the exchange is
refused, is replaced by one that calls it (replaced).

A sys.excepthook that the program sets later and that never calls ours is not seen. What it was called for is in
sys.last_exc, and dumped at the end of the program.

No lock is held while a hook runs, and no dump is waited for before it. Nothing that fails here reaches the program;
what its own signal handlers raise meanwhile does.
"""

from __future__ import annotations

import _thread
import builtins
import os
import sys
from contextlib import suppress
from functools import partial

from . import _pyheapdump, capture, children, dumped, files, late_texts, prompts, rates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NamedTuple
else:
    from collections import namedtuple

# Exceptions that end a program on purpose.
NO_DUMP = (SystemExit, KeyboardInterrupt, GeneratorExit)
# Members of a group of exceptions that are looked at; one with more is no way to leave.
MAX_MEMBERS = 10_000
_GROUP: Any = vars(builtins).get("BaseExceptionGroup")
LABEL_AT_EXIT = "found at the end of the program, whose sys.excepthook took the exception"

_active: capture.Settings | None = None


# --- which exceptions -------------------------------------------------------------------------------------------


def is_leaving(exception: BaseException, kinds: tuple[type[BaseException], ...] = NO_DUMP) -> bool:
    """Is it one of `kinds`, which are a way to leave, or a group of nothing else? Asks no method of the exception's."""
    remaining: list[Any] = [exception]
    seen = 0
    while remaining:
        member = remaining.pop()
        seen += 1
        if issubclass(type(member), kinds):
            continue
        members = _members(member)
        if not members or seen + len(members) > MAX_MEMBERS:
            return False
        remaining.extend(members)
    return True


def _members(exception: BaseException) -> tuple[Any, ...]:
    """Of an exception group, also of the package exceptiongroup for Python before 3.11."""
    found: Any = ()
    if _GROUP is not None:
        if issubclass(type(exception), _GROUP):
            found = vars(_GROUP)["exceptions"].__get__(exception)
    else:
        backport = vars(sys.modules.get("exceptiongroup", sys)).get("BaseExceptionGroup")
        if backport is not None and issubclass(type(exception), backport):
            found = dumped.instance_dict(exception).get("_exceptions")
    return found if type(found) is tuple else ()


# --- a dump -----------------------------------------------------------------------------------------------------


def watch(
    exception: BaseException, traceback: TracebackType | None, reason: str, finishes: bool = True
) -> Callable[[BaseException | None], None] | None:
    """Start a dump about `exception` and return what finishes it, if one was started: that gets the exception when
    Python itself has printed it, else None.

    finishes: that will be called. If not, the next door that the exception comes to in this thread gets it.
    Raises only what a signal handler of the program raises.
    """
    settings = _active
    # By the type: isinstance() would ask the exception's own __class__, too.
    if settings is None or not issubclass(type(exception), BaseException) or is_leaving(exception):
        return None
    try:
        return _watch(exception, traceback, reason, settings, finishes)
    except Exception as problem:  # memory is short, above all
        if capture.raised_by_program(problem):
            raise
        return None


def _watch(
    exception: BaseException, traceback: TracebackType | None, reason: str, settings: capture.Settings, finishes: bool
) -> Callable[[BaseException | None], None] | None:
    entry = dumped.entry_of(exception)
    if entry is not None:
        finish = entry.finish if finishes and entry.thread == _thread.get_ident() else None
        if finish is not None:
            entry.finish = None
        return finish
    taken = _take(exception, traceback)
    if taken is None:
        return None
    entry, held_back = taken
    dumping = _start(entry, exception, traceback, reason, settings, held_back=held_back, texts_follow=True)
    finish = None if dumping is None else partial(_finish, dumping)
    if finishes:
        return finish
    entry.finish = finish
    return None


def _take(exception: BaseException, traceback: TracebackType | None) -> tuple[dumped.Entry, int] | None:
    """The entry of an exception that may be dumped unasked, and how many of its kind were held back before it."""
    if dumped.was_held_back(exception):
        return None
    entry = dumped.take(exception)
    if entry is None:
        return None
    held_back = rates.ask(rates.kind_of(exception, traceback))
    if held_back is None:
        entry.begun(None)
        dumped.hold_back(entry)
        return None
    return entry, held_back


def active() -> capture.Settings | None:
    """The settings of install() where exceptions are to be dumped."""
    return _active


def begin(
    exception: BaseException, traceback: TracebackType | None, reason: str, settings: capture.Settings
) -> capture.Dumping | None:
    """Start a dump about an exception that goes on to be handled by the program; nobody waits for it.

    None: there is none, as one was made before, or its kind is held back.
    """
    if is_leaving(exception):
        return None
    taken = _take(exception, traceback)
    if taken is None:
        return None
    return _start(taken[0], exception, traceback, reason, settings, held_back=taken[1])


def dump_now(
    exception: BaseException,
    reason: str,
    settings: capture.Settings,
    message: str | None = None,
    label: str | None = None,
) -> str | None:
    """Dump about `exception`, wait, and tell, with `message` formatted where it is given.

    The path of the dump about it, which may have been made before; None when there is none. Raises only what a signal
    handler of the program raises; the dump is finished all the same.
    """
    try:
        entry = dumped.take(exception)
        if entry is not None:
            traceback = capture.traceback_of(exception)
            dumping = _start(entry, exception, traceback, reason, settings, message, label)
            if dumping is not None:
                dumping.collect()
        return dumped.path_of(exception)
    except Exception as problem:
        if capture.raised_by_program(problem):
            raise
        return None


def _start(
    entry: dumped.Entry,
    exception: BaseException,
    traceback: TracebackType | None,
    reason: str,
    settings: capture.Settings,
    message: str | None = None,
    label: str | None = None,
    held_back: int = 0,
    texts_follow: bool = False,
) -> capture.Dumping | None:
    """Begin the dump about what `entry` was made for, if that can be done."""
    _watch_fork()
    dumping = None
    try:
        dumping = capture.begin(
            exception, traceback, reason, settings, label=label, held_back=held_back, texts_follow=texts_follow
        )
        dumping.tell = partial(_tell, entry, dumping, message, held_back)
        capture.finish_later(dumping)
        return dumping
    except files.DumpingDisabledError:
        return None
    except Exception as problem:
        if capture.raised_by_program(problem):
            raise
        capture.say(f"no dump: {capture.describe(problem)}")
        return None
    finally:
        entry.begun(dumping)
        if dumping is None:
            dumped.forget(entry)


def _finish(dumping: capture.Dumping, printed: BaseException | None) -> None:
    """Wait for the dump, after the exception was printed: by Python itself, or (None) perhaps by somebody else."""
    try:
        if printed is not None:
            late_texts.give(dumping, printed)
    except Exception as problem:  # memory is short
        if capture.raised_by_program(problem):
            raise
    finally:
        dumping.collect()


def _tell(
    entry: dumped.Entry,
    dumping: capture.Dumping,
    message: str | None,
    held_back: int,
    result: dict[str, Any] | None,
    problem: Exception | None,
) -> None:
    """Of a dump that is finished."""
    if problem is not None:
        dumped.forget(entry)
        dumping.say_failed(problem)
    elif result is not None and not dumping.settings.quiet:
        capture.say(message.format(filename=dumping.path) if message else _announcement(dumping, held_back, result))


def _announcement(dumping: capture.Dumping, held_back: int, result: dict[str, Any]) -> str:
    others = f"{held_back} like it before made none" if held_back else ""
    extent = "; ".join(filter(None, (capture.extent(result), others, dumping.refusal)))
    return f"wrote {dumping.path} ({extent}); open it with: python -m pyheapdump.view {dumping.path}"


# --- the hooks --------------------------------------------------------------------------------------------------


def _from_excepthook(
    exception: BaseException, traceback: TracebackType | None, finishes: bool
) -> Callable[[BaseException | None], None] | None:
    if prompts.at_prompt() or prompts.is_shown(traceback):
        return None
    return watch(exception, traceback, "exception", finishes)


def _from_thread(
    exception: BaseException, traceback: TracebackType | None, finishes: bool
) -> Callable[[BaseException | None], None] | None:
    return watch(exception, traceback, "exception in a thread", finishes)


def _from_unraisable(
    exception: BaseException, traceback: TracebackType | None, finishes: bool
) -> Callable[[BaseException | None], None] | None:
    return watch(exception, traceback, "unraisable exception", finishes)


if TYPE_CHECKING:

    class Hook(NamedTuple):
        """One of the hooks, where it is and what Python has there."""

        module: str  # not imported before it is needed: a program without threads need not have threading
        attribute: str
        builtin: Any
        maker: Any  # the type of its argument, when Python's own code makes it
        begin: Callable[[BaseException, TracebackType | None, bool], Callable[[BaseException | None], None] | None]

else:
    Hook = namedtuple("Hook", "module attribute builtin maker begin")

# As pymodule/hooks.c names them.
_HOOKS = {
    "excepthook": Hook("sys", "excepthook", sys.__excepthook__, None, _from_excepthook),
    "thread_excepthook": Hook(
        "threading",
        "excepthook",
        getattr(_thread, "_excepthook", None),
        getattr(_thread, "_ExceptHookArgs", None),
        _from_thread,
    ),
    "unraisable_hook": Hook("sys", "unraisablehook", sys.__unraisablehook__, None, _from_unraisable),
}
# Hooks that had to be replaced: what we put there, what was there.
_replaced: dict[str, tuple[Any, Any]] = {}


def _module(hook: Hook) -> Any:
    return sys.modules.get(hook.module) or __import__(hook.module)


def _open(name: str) -> None:
    """See what comes to this hook."""
    hook = _HOOKS[name]
    seen = _pyheapdump.hook_open(name, hook.builtin, hook.maker, hook.begin)
    current = getattr(_module(hook), hook.attribute, None)
    if current is hook.builtin and seen:
        return
    function = getattr(current, "__func__", current)
    if name in _replaced and current is _replaced[name][0]:
        return
    if not _pyheapdump.hook_open_function(name, function) and not (seen and hook.maker) and callable(current):
        _replace(name, current)


def _close(name: str) -> None:
    """Put back what was there."""
    hook = _HOOKS[name]
    _pyheapdump.hook_close(name)
    ours, previous = _replaced.pop(name, (None, None))
    if ours is not None and getattr(_module(hook), hook.attribute, None) is ours:
        setattr(_module(hook), hook.attribute, previous)


def _replace(name: str, previous: Callable[..., object]) -> None:
    """Put a hook there that calls `previous`."""
    hook = _HOOKS[name]

    def replacement(*arguments: Any) -> None:
        finish = None
        if name in _replaced and _replaced[name][0] is replacement:
            exception, traceback = (arguments if name == "excepthook" else arguments[0])[1:3]
            finish = hook.begin(exception, traceback, True)
        try:
            previous(*arguments)
        finally:
            if finish is not None:
                finish(None)

    setattr(_module(hook), hook.attribute, replacement)
    _replaced[name] = (replacement, previous)


def silence() -> None:
    """Let nothing else come of an exception that sys.excepthook is called for than a dump."""
    previous = sys.excepthook
    _replace("excepthook", lambda *_: None)
    _replaced["excepthook"] = (_replaced["excepthook"][0], previous)


# --- the ends of processes --------------------------------------------------------------------------------------


def _last_exception() -> BaseException | None:
    """The last one that the interpreter printed by calling sys.excepthook."""
    found = vars(sys).get("last_exc")
    if found is None:
        found = vars(sys).get("last_value")
    return found if issubclass(type(found), BaseException) else None


def _look_at_last() -> None:
    """At the end of the program: a sys.excepthook that was set after install() and never called ours."""
    exception = _last_exception()
    if exception is None or prompts.at_prompt() or dumped.was_taken(exception):
        return
    traceback = capture.traceback_of(exception)
    replaced = getattr(sys, "excepthook", None) is not sys.__excepthook__
    if not prompts.is_outermost(traceback) and (not replaced or prompts.is_shown(traceback)):
        return
    settings = _active
    if settings is not None and not is_leaving(exception):
        dump_now(exception, "exception", settings, label=LABEL_AT_EXIT)


def _tell_held_back() -> None:
    """At the end of the program: failures that no dump has told of."""
    count = rates.held_back()
    if count and _active is not None and not _active.quiet:
        failures = "failure" if count == 1 else "failures"
        capture.say(f"{count} more {failures}, like others that were dumped, made no dump")
    count = rates.passed_over()
    if count and _active is not None and not _active.quiet:
        capture.say(f"{count} more logged while a dump was written made no dump")


_exit_is_watched = False


def _watch_exit() -> None:
    global _exit_is_watched
    import atexit

    if not _exit_is_watched:
        capture.finish_at_exit()
        atexit.register(_tell_held_back)
        atexit.register(_look_at_last)
        _exit_is_watched = True


_fork_is_watched = False


def _after_fork() -> None:
    """In a forked child: the dumps of its parent are not its own, nor is what failed there."""
    capture.forget_unfinished()
    rates.forget()
    with suppress(Exception):  # there is no dump of a multiprocessing child then
        children.forked()
    last = _last_exception()
    if last is not None:
        with suppress(MemoryError):
            dumped.take(last)


def _watch_fork() -> None:
    global _fork_is_watched
    if not _fork_is_watched:
        os.register_at_fork(after_in_child=_after_fork)
        _fork_is_watched = True


# --- installing -------------------------------------------------------------------------------------------------


def install(settings: capture.Settings) -> None:
    """See the exceptions that `settings` ask for."""
    global _active
    _watch_fork()
    _watch_exit()
    _active = settings if settings.exceptions else None
    wanted = {
        "excepthook": settings.exceptions,
        "thread_excepthook": settings.exceptions,
        "unraisable_hook": settings.exceptions and settings.unraisable,
    }
    for name in _HOOKS:
        if wanted[name]:
            _open(name)
        else:
            _close(name)
    children.watch(settings.exceptions)


def uninstall() -> None:
    """Put back what was there before."""
    global _active
    _active = None
    for name in _HOOKS:
        _close(name)
    children.watch(False)


def dump_child_exception(exception: BaseException) -> None:
    """For call_watched: a dump about an exception that a multiprocessing child's bootstrap is going to swallow."""
    finish = watch(exception, capture.traceback_of(exception), "exception in a child process")
    if finish is not None:
        finish(None)
