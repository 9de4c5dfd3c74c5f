# SPDX-License-Identifier: Apache-2.0
"""Who waits for what: threads for locks, tasks for tasks, and the circles among them.

What a thread waits for is known from the kernel: the futex of its system call, which is part of a lock object (up to
3.13 a semaphore that the lock points to, from 3.14 on the lock's PyMutex). Who holds a lock is known where an RLock has
its owner, and where a frame is in a with statement, whose context manager then lies on its evaluation stack. A plain
lock that was taken by acquire() has no owner that memory tells of; then it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from .dump import Dump, Thread
from .missing import Missing
from .tasks import Task, first_of
from .text import printable

LOCK_TYPES = ("_thread.lock", "_thread.RLock")
# Where the PyMutex of a lock lies in it (3.14+, Modules/_threadmodule.c, lockobject and rlockobject).
MUTEX_OFFSET = 16
MAX_LOCKS = 200_000  # looked through
MAX_FRAMES = 200  # innermost ones of a thread, in which with statements are looked for
MAX_NAMES = 2_000  # variables and attributes looked at for the name of one lock
MAX_AWAITS = 10_000


class Wait(NamedTuple):
    """A thread that waits for a lock; `owners` hold it, as far as is known."""

    thread: Thread
    lock: Any
    name: str
    owners: list[Thread]


class Locks:
    """The locks of one dump, who waits for them and who holds them. To make it may mean going through the heap."""

    def __init__(self, dump: Dump) -> None:
        self._dump = dump
        self._by_futex: dict[int, Any] | None = None
        self._wanted = {id(thread): self._lock_of(thread) for thread in dump.threads}
        self._held = {id(thread): self.held_by(thread) for thread in dump.threads}
        self.waits: list[Wait] = [wait for wait in map(self._wait_of, dump.threads) if wait is not None]

    def of(self, thread: Thread) -> Wait | None:
        """What a thread waits for, if that is a lock that could be found."""
        return next((wait for wait in self.waits if wait.thread is thread), None)

    def held_by(self, thread: Thread) -> list[Any]:
        """The locks that a thread holds by a with statement, each once. From 3.14 on the one that a with statement is
        just waiting for lies on the stack already."""
        found = {id(lock): lock for lock in held_locks(thread)}
        found.pop(id(self._wanted[id(thread)]), None)
        return list(found.values())

    def _wait_of(self, thread: Thread) -> Wait | None:
        lock = self._wanted[id(thread)]
        if lock is None:
            return None
        owners = [other for other in self._dump.threads if other is not thread and self._holds(other, lock)]
        return Wait(thread, lock, lock_name(lock, [thread, *owners]), owners)

    def _lock_of(self, thread: Thread) -> Any:
        """The lock object that a thread waits for; None when it waits for none, or for one that is not in the dump."""
        if thread.waits_for_gil or thread.futex is None:
            return None
        if thread.mutex is not None:
            try:
                found = self._dump.object(thread.mutex - MUTEX_OFFSET)
            except KeyError:
                return None
            return None if isinstance(found, Missing) or not is_lock(found) else found
        return self._futexes().get(thread.futex)

    def _futexes(self) -> dict[int, Any]:
        """The locks by the address of their semaphore (up to 3.13)."""
        if self._by_futex is None:
            self._by_futex = {}
            for kind in LOCK_TYPES:
                for count, lock in enumerate(self._dump.objects(kind)):
                    address = first_of(lock, ("lock_lock", "rlock_lock"))
                    if isinstance(address, int) and address:
                        self._by_futex[address] = lock
                    if count >= MAX_LOCKS:
                        break
        return self._by_futex

    def _holds(self, thread: Thread, lock: Any) -> bool:
        owner = getattr(lock, "owner", None)
        if isinstance(owner, int) and type(lock).__name__ == "RLock":
            return owner != 0 and owner == thread.ident
        return any(held is lock for held in self._held[id(thread)])

    # --- circles ---

    def deadlocks(self) -> list[list[Wait]]:
        """The circles of threads each of which waits for a lock that the next one holds."""
        by_thread = {id(wait.thread): wait for wait in self.waits}
        links = {key: [id(owner) for owner in wait.owners] for key, wait in by_thread.items()}
        return [[by_thread[key] for key in circle] for circle in circles(links)]


def circles(links: dict[int, list[int]]) -> Iterator[list[int]]:
    """The circles that following `links` leads into, each once; of links that branch, one circle for each start."""
    done: set[int] = set()
    for start in links:
        path: dict[int, None] = {}
        at: int | None = start
        while at is not None and at in links and at not in path and at not in done:
            path[at] = None
            at = next((one for one in links[at] if one in links and one not in done), None)
        if at is not None and at in path:
            order = list(path)
            yield order[order.index(at) :]
        done.update(path)


def is_lock(found: Any) -> bool:
    cls = type(found)
    return f"{cls.__module__}.{cls.__qualname__}" in LOCK_TYPES


def held_locks(thread: Thread) -> Iterator[Any]:
    """The locks of the with statements that a thread is in, the innermost frame's first.

    Up to 3.13 the bound method `__exit__` of the lock lies on the stack, from 3.14 on the function and then the lock.
    """
    for stack in thread.stacks(MAX_FRAMES):
        for at, value in enumerate(stack):
            found = getattr(value, "__self__", None) if is_exit(value) else None
            if found is None and at and is_exit(stack[at - 1]):
                found = value
            yield from locks_behind(found)


def is_exit(value: Any) -> bool:
    if isinstance(value, Missing):
        return False
    function = getattr(value, "__func__", value)  # of a bound method
    return getattr(function, "__name__", None) in ("__exit__", "__aexit__")


def locks_behind(found: Any) -> Iterator[Any]:
    """A lock, or that of a condition or semaphore (threading.py: `_lock`, `_cond`)."""
    for _ in range(3):
        if found is None or isinstance(found, (Missing, type, ModuleType)):
            return
        if is_lock(found):
            yield found
            return
        found = first_of(found, ("_lock", "_cond"))


# --- names ---


def lock_name(lock: Any, threads: list[Thread]) -> str:
    """What the program calls the lock, where a frame of these threads has it in a variable or an attribute."""
    for thread in threads:
        for frame in reversed(thread.frames[-MAX_FRAMES:]):
            if frame.f_code.co_filename.endswith("threading.py"):
                continue
            name = name_in(frame, lock)
            if name is not None:
                return printable(name, 100)
    address = getattr(lock, "lock_lock", None)
    return f"a lock at {address:#x}" if isinstance(address, int) else "a lock without a name"


def name_in(frame: FrameType, lock: Any) -> str | None:
    variables = [(name, frame.f_locals[name]) for name in list(frame.f_locals)[:MAX_NAMES] if isinstance(name, str)]
    for name, value in variables:
        if is_or_has(value, lock):
            return name
    for name, value in variables:
        attribute = attribute_with(value, lock)
        if attribute is not None:
            return f"{name}.{attribute}"
    for name, value in list(frame.f_globals.items())[:MAX_NAMES]:
        if isinstance(name, str) and is_or_has(value, lock):
            return name
    return None


def is_or_has(value: Any, lock: Any) -> bool:
    """Is `value` the lock, or a condition or such around it?"""
    return value is lock or any(found is lock for found in locks_behind(value))


def attribute_with(value: Any, lock: Any) -> str | None:
    """The attribute of `value` that is the lock, or a condition or such around it."""
    if isinstance(value, Missing):
        return None
    attributes = getattr(value, "__dict__", None)
    for name, held in list(attributes.items())[:MAX_NAMES] if isinstance(attributes, dict) else ():
        if isinstance(name, str) and is_or_has(held, lock):
            return name
    return None


# --- words ---


def wait_text(thread: Thread, locks: Locks) -> str | None:
    """What a thread waits for, in words; None when that is not known or it does not wait."""
    if thread.waits_for_gil:
        return "waits for the GIL"
    wait = locks.of(thread)
    if wait is None:
        return None
    return f"waits for {wait.name}, {held_by(wait)}"


def held_by(wait: Wait) -> str:
    if not wait.owners:
        return "held by nobody known"
    return f"held by {', '.join(title(owner) for owner in wait.owners)}"


def title(thread: Thread) -> str:
    return printable(thread.name or f"thread {thread.native_id or thread.ident or '?'}", 60)


def deadlock_texts(locks: Locks) -> list[str]:
    """`deadlock: worker-1 holds A and waits for B; worker-2 holds B and waits for A`, a line for each circle."""
    found = []
    for circle in locks.deadlocks():
        parts = []
        for at, wait in enumerate(circle):
            parts.append(f"{title(wait.thread)} holds {circle[at - 1].name} and waits for {wait.name}")
        found.append(f"deadlock: {'; '.join(parts)}")
    return found


def task_deadlock_texts(tasks: list[Task]) -> list[str]:
    """The circles of asyncio tasks that await one another."""
    by_object = {id(task.object): task for task in tasks}
    links = {key: [id(one) for one in [awaited_by(task)] if one is not None] for key, task in by_object.items()}
    return [
        "deadlock: " + "; ".join(f"task {printable(by_object[key].name, 60)} awaits the next" for key in circle)
        for circle in circles({key: [one for one in ones if one in by_object] for key, ones in links.items()})
    ]


def awaited_by(task: Task) -> Any:
    """The object that a task waits for; a task, or a future."""
    return first_of(task.object, ("task_fut_waiter", "_fut_waiter", "fut_waiter"))


def locks_text(dump: Dump) -> str:
    """The whole view: circles first, then what each thread waits for and what it holds."""
    locks = Locks(dump)
    lines = [*deadlock_texts(locks), *task_deadlock_texts(dump.tasks)]
    lines += [""] * bool(lines)
    for thread in dump.threads:
        lines.append(f"{title(thread)}: {wait_text(thread, locks) or 'waits for no lock that is known'}")
        lines += [f"  holds {lock_name(lock, [thread])}" for lock in locks.held_by(thread)]
    names = {id(task.object): task.name for task in dump.tasks}
    for task in dump.tasks:
        found = awaited_by(task)
        if found is not None:
            what = f"task {names[id(found)]}" if id(found) in names else type(found).__name__
            lines.append(f"task {printable(task.name, 60)}: awaits {printable(what, 100)}")
    return "\n".join(lines)
