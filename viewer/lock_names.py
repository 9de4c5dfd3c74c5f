# SPDX-License-Identifier: Apache-2.0
"""What a program calls its locks.

A lock has no name of its own. What a frame calls it (`lock`, `target.lock`, `accounts['bob']`) is short, but another
frame may say the same of another lock, or something else of this one. Then the lock is told by whose attribute it is,
or by its address.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from .display import bounded_repr
from .dump import Dump, Thread
from .missing import Missing
from .tasks import Task, first_of
from .text import printable

ENTERS, EXITS = ("__enter__", "__aenter__"), ("__exit__", "__aexit__")
LOCK_TYPES = ("_thread.lock", "_thread.RLock")
MONITORS = ("threading", "queue")  # modules whose functions wait by locks of their own
MAX_FRAMES = 200  # innermost ones of a thread, in which names and with statements are looked for
MAX_NAMES = 2_000  # variables and attributes looked at for the name of one lock
MAX_ITEMS = 200  # of a dict or list that is looked through for one


def is_lock(found: Any) -> bool:
    cls = type(found)
    return f"{cls.__module__}.{cls.__qualname__}" in LOCK_TYPES


def locks_behind(found: Any) -> Iterator[Any]:
    """A lock, or that of a condition or semaphore (threading.py: `_lock`, `_cond`)."""
    for _ in range(3):
        if found is None or isinstance(found, (Missing, type, ModuleType)):
            return
        if is_lock(found):
            yield found
            return
        found = first_of(found, ("_lock", "_cond"))


def locks_near(thread: Thread) -> Iterator[Any]:
    """The locks that the frames of a thread get at in one step from their variables, the innermost frame's first."""
    for frame in reversed(thread.frames[-MAX_FRAMES:]):
        for space in frame.f_locals, frame.f_globals:
            for _, value in list(space.items())[:MAX_NAMES]:
                yield from locks_behind(value)
                for _, held in () if isinstance(value, (Missing, type, ModuleType)) else attributes_of(value):
                    yield from locks_behind(held)
                if isinstance(value, (dict, list)) and len(value) <= MAX_ITEMS:
                    for held in list(value.values() if isinstance(value, dict) else value):
                        yield from locks_behind(held)


def entered_on(stack: list[Any], inner: FrameType | None) -> Iterator[Any]:
    """The context managers of the with statements that a frame has entered, from its evaluation stack; `inner` is the
    frame that it runs or awaits.

    Up to 3.13 the bound method `__exit__` of the manager lies on the stack, from 3.14 on the function and then the
    manager. That of a with statement which is being entered may lie on it, too: below `__enter__` or the coroutine of
    `__aenter__`; or on top (3.14+), while the inner frame is that of its `__enter__`.
    """
    for at, value in enumerate(stack):
        above = stack[at + 1] if at + 1 < len(stack) else None
        found, enters = None, is_named(above, ENTERS)
        if is_named(value, EXITS):
            found = getattr(value, "__self__", None)
        elif at and is_named(stack[at - 1], EXITS) and getattr(stack[at - 1], "__self__", None) is None:
            found, enters = value, enters or (above is None and is_entered_by(inner, value))
        if found is not None and not isinstance(found, Missing) and not enters:
            yield found


def is_entered_by(inner: FrameType | None, manager: Any) -> bool:
    """Is this the frame of the manager's `__enter__`?"""
    return inner is not None and inner.f_code.co_name in ENTERS and inner.f_locals.get("self") is manager


def is_named(value: Any, names: tuple[str, ...]) -> bool:
    """Is this a function or method that goes by one of the names?"""
    if isinstance(value, Missing):
        return False
    function = getattr(value, "__func__", value)  # of a bound method
    return getattr(function, "__name__", None) in names


class LockName(NamedTuple):
    """How a frame gets at a lock; `holder` is the object whose attribute it is there, None when it is a variable."""

    text: str
    holder: Any = None


class LockNames:
    """Names of locks that tell them apart; `seen` are those that will be told of, each with a thread that knows it."""

    def __init__(self, dump: Dump, seen: Iterable[tuple[Any, Thread | Task]]) -> None:
        self._dump = dump
        self._found: dict[tuple[int, int], LockName | None] = {}
        texts: dict[int, set[str]] = {}
        locks: dict[str, set[int]] = {}
        for lock, thread in seen:
            found = self._name(lock, thread)
            if found is not None:
                texts.setdefault(id(lock), set()).add(found.text)
                locks.setdefault(found.text, set()).add(id(lock))
        self._ambiguous = {one for one, names in texts.items() if len(names) > 1}
        self._ambiguous.update(*(alike for alike in locks.values() if len(alike) > 1))

    def of(self, lock: Any, threads: Iterable[Thread | Task]) -> str:
        """The name that the first of `threads` has for the lock which has one, else that of a global variable."""
        found = next(filter(None, (self._name(lock, thread) for thread in threads)), None)
        if found is None:
            found = LockName(self._globals[id(lock)][0]) if id(lock) in self._globals else None
        if found is None:
            address = self._address(lock)
            kind = "lock" if is_lock(lock) else printable(type(lock).__qualname__, 60)
            a = "an" if kind[0] in "AEIOU" else "a"
            return f"{a} {kind} without a name" if address is None else f"{a} {kind} at {address:#x}"
        if id(lock) not in self._ambiguous:
            return printable(found.text, 100)
        if found.holder is not None:
            return f"{printable(found.text, 100)} of {self._holder(found.holder)}"
        address = self._address(lock)
        return printable(found.text, 100) + ("" if address is None else f" at {address:#x}")

    @functools.cached_property
    def _globals(self) -> dict[int, tuple[str, Any]]:
        """The names of the global variables, and of their attributes, in the modules of the threads' frames: by id of
        the value, with the value, so that it lives and no other gets its id.
        """
        modules = {id(frame.f_globals): frame for thread in self._dump.threads for frame in thread.frames[-MAX_FRAMES:]}
        found: dict[int, tuple[str, Any]] = {}
        for frame in modules.values():
            space = [] if is_of_monitor(frame) else list(frame.f_globals.items())[:MAX_NAMES]
            variables = [(name, value) for name, value in space if isinstance(name, str)]
            for name, value in variables:
                found.setdefault(id(value), (name, value))
            for name, value in variables:
                for attribute, held in [] if isinstance(value, (Missing, type, ModuleType)) else attributes_of(value):
                    found.setdefault(id(held), (f"{name}.{attribute}", held))
        return found

    def _name(self, lock: Any, thread: Thread | Task) -> LockName | None:
        key = id(lock), id(thread)
        if key not in self._found:
            self._found[key] = lock_name(lock, thread)
        return self._found[key]

    def _holder(self, holder: Any) -> str:
        """`<Account owner='bob' at 0x7f...>`: an object by its class, its first text or number, and its address."""
        attributes = attributes_of(holder)
        plain = next((name for name, value in attributes if type(value) in (str, int, bytes)), None)
        words = [printable(type(holder).__qualname__, 60)]
        if plain is not None:
            words.append(f"{printable(plain, 40)}={bounded_repr(dict(attributes)[plain], total=40)}")
        address = self._address(holder)
        return f"<{' '.join(words)}{'' if address is None else f' at {address:#x}'}>"

    def _address(self, lock: Any) -> int | None:
        return self._dump.heap.address_of(lock)


def lock_name(lock: Any, thread: Thread | Task) -> LockName | None:
    """What a frame of the thread, the innermost that can, calls the lock."""
    for frame in reversed(thread.frames[-MAX_FRAMES:]):
        found = None if is_of_monitor(frame) else name_in(frame, lock)
        if found is not None:
            return found
    return None


def is_of_monitor(frame: FrameType) -> bool:
    module = module_of(frame)
    return module in MONITORS or module.startswith("asyncio.")


def module_of(frame: FrameType) -> str:
    """The name of a frame's module; empty when it has none."""
    found = frame.f_globals.get("__name__")
    return found if isinstance(found, str) else ""


def may_give_up(frames: list[FrameType]) -> bool:
    """Is this a wait that may end by itself: with a timeout, or for any one of several? The innermost frames tell it,
    those of threading, queue and asyncio. A timeout that acquire() of a lock itself was given stands in none.
    """
    for frame in reversed(frames[-MAX_FRAMES:]):
        if not is_of_monitor(frame):
            break
        timeout = frame.f_locals.get("timeout")
        if isinstance(timeout, (int, float)) and timeout >= 0:
            return True
        if frame.f_locals.get("return_when", "ALL_COMPLETED") != "ALL_COMPLETED":
            return True
        if frame.f_code.co_name == "_wait_for_one":  # of as_completed()
            return True
    return False


def name_in(frame: FrameType, lock: Any) -> LockName | None:
    variables = [(name, frame.f_locals[name]) for name in list(frame.f_locals)[:MAX_NAMES] if isinstance(name, str)]
    for name, value in variables:
        if is_or_has(value, lock):
            return LockName(name)
    for name, value in variables:
        attribute = attribute_with(value, lock)
        if attribute is not None:
            return LockName(f"{name}.{attribute}", value)
    of_module = [(name, value) for name, value in list(frame.f_globals.items())[:MAX_NAMES] if isinstance(name, str)]
    for name, value in of_module:
        if is_or_has(value, lock):
            return LockName(name)
    for name, value in (*variables, *of_module):
        key = key_of(value, lock)
        if key is not None:
            return LockName(f"{name}[{key}]")
    return None


def is_or_has(value: Any, lock: Any) -> bool:
    """Is `value` the lock, or a condition or such around it?"""
    return value is lock or any(found is lock for found in locks_behind(value))


def attribute_with(value: Any, lock: Any) -> str | None:
    """The attribute of `value` that is the lock, or a condition or such around it."""
    if isinstance(value, Missing):
        return None
    return next((name for name, held in attributes_of(value) if is_or_has(held, lock)), None)


def attributes_of(value: Any) -> list[tuple[str, Any]]:
    attributes = getattr(value, "__dict__", None)
    found = list(attributes.items())[:MAX_NAMES] if isinstance(attributes, dict) else []
    return [(name, held) for name, held in found if isinstance(name, str)]


def key_of(value: Any, lock: Any) -> str | None:
    """The key or index at which a dict or list of the program has the lock, as the program would write it."""
    if not isinstance(value, (dict, list)) or len(value) > MAX_ITEMS:
        return None
    for key, held in value.items() if isinstance(value, dict) else enumerate(value):
        if is_or_has(held, lock):
            return bounded_repr(key, total=40)
    return None
