# SPDX-License-Identifier: Apache-2.0
"""Who waits for what: threads for locks, tasks for tasks, and the circles among them.

What a thread waits for is known from the kernel: the futex of its system call, which is part of a lock object (up to
3.13 a semaphore that the lock points to, from 3.14 on the lock's PyMutex). Who holds a lock is known where an RLock has
its owner, and where a frame is in a with statement, whose context manager then lies on its evaluation stack. A plain
lock that was taken by acquire() has no owner that memory tells of; then it says so. Conditions, events, queues and the
ends of threads are waited for by locks that nobody sees; there the frames of threading and queue tell what it is for.
What the locks are called: lock_names.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .circles import circles
from .dump import Dump, Thread
from .lock_names import (
    LOCK_TYPES,
    MAX_FRAMES,
    MONITORS,
    LockNames,
    entered_on,
    is_lock,
    is_of_monitor,
    locks_behind,
    locks_near,
    may_give_up,
)
from .missing import Missing, NotShown, for_each
from .simple_queues import simple_queue_of
from .task_waits import task_wait_text
from .task_waits import title as task_title
from .tasks import first_of
from .text import printable

# Where the PyMutex of a lock lies in it (3.14+, Modules/_threadmodule.c, lockobject and rlockobject).
MUTEX_OFFSET = 16
MAX_LOCKS = 200_000  # looked through
SMALL = 100_000  # objects of a heap that is gone through without being asked
FUTEX = 202  # its number as a system call
# Functions of threading that run what a program gave them.
RUNNERS = ("run", "_bootstrap", "_bootstrap_inner")


class Wait(NamedTuple):
    """A thread that waits: for the object `what`, which `owners` hold, as far as is known. `by` is the method that
    waits when that is no lock: `Queue.get`, `Thread.join`; the thread that is joined is the owner of its end."""

    thread: Thread
    what: Any
    name: str
    owners: list[Thread]
    by: str | None = None


class Locks:
    """The locks of one dump, who waits for them and who holds them.

    The locks that threads wait for are looked for near their frames. `thorough`: then in the whole heap, as is done in
    small ones anyway; that takes some seconds for a million objects.
    """

    def __init__(self, dump: Dump, thorough: bool = False) -> None:
        self._dump = dump
        self._thorough = thorough or dump.file.object_count <= SMALL
        self._by_futex: dict[int, Any] | None = None
        self.problems: dict[int, NotShown] = {}  # by id() of a thread: why it is not known what it waits for
        threads = dump.threads
        nothing: list[tuple[Any, Any]] = []
        self._wanted = for_each(threads, self._lock_of, None, self.problems)
        self._monitors = for_each(threads, self._monitor_of, None, self.problems)
        self._entered = for_each(threads, lambda thread: list(entered_locks(thread)), nothing, self.problems)
        self._held = {id(thread): self.held_by(thread) for thread in threads}
        seen = [(lock, thread) for thread in threads for lock in self._held[id(thread)]]
        seen += [(self._wanted[id(thread)], thread) for thread in threads if self._wanted[id(thread)] is not None]
        self._names = LockNames(dump, seen)
        waits = for_each(threads, self._wait_of, None, self.problems)
        self.waits: list[Wait] = [wait for wait in waits.values() if wait is not None]

    def of(self, thread: Thread) -> Wait | None:
        """What a thread waits for, if that could be found."""
        return next((wait for wait in self.waits if wait.thread is thread), None)

    def name(self, lock: Any, threads: list[Thread]) -> str:
        """What these threads, the first of them that can tell, call the lock."""
        return self._names.of(lock, threads)

    def held_by(self, thread: Thread) -> list[Any]:
        """The locks that a thread holds by a with statement, each once."""
        return list({id(lock): lock for _, lock in self._entered[id(thread)]}.values())

    def _wait_of(self, thread: Thread) -> Wait | None:
        lock, monitor = self._wanted[id(thread)], self._monitors[id(thread)]
        if monitor is not None:
            what, by = monitor
            joined = [other for other in self._dump.threads if by == "Thread.join" and is_thread(other, what)]
            name = title(joined[0]) if joined else self.name(what, [thread])
            return Wait(thread, what, name, joined, by)
        if lock is None:
            return None
        owners = [other for other in self._dump.threads if other is not thread and self._holds(other, lock)]
        owners = [thread] if self._holds_itself(thread, lock) else owners
        return Wait(thread, lock, self.name(lock, [thread, *owners]), owners)

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
        near = next((lock for lock in locks_near(thread) if semaphore_of(lock) == thread.futex), None)
        return self._futexes().get(thread.futex) if near is None and self._thorough else near

    def _monitor_of(self, thread: Thread) -> tuple[Any, str] | None:
        """What a method of threading or queue waits for, and its name; None when a thread waits for a lock itself."""
        if thread.waits_for_gil or thread.holds_gil or thread.system_call not in (FUTEX, None):
            return None
        found = None
        wanted = self._wanted[id(thread)]
        for own, name in monitor_calls(thread):
            if any(lock is wanted for lock in locks_behind(own)):
                return None
            found = own, f"{method_class(own)}.{name}"
        queue = simple_queue_of(thread) if found is None and wanted is None else None
        return found if queue is None else (queue, "SimpleQueue.get")

    def _futexes(self) -> dict[int, Any]:
        """The locks by the address of their semaphore (up to 3.13)."""
        if self._by_futex is None:
            self._by_futex = {}
            for kind in LOCK_TYPES:
                for count, lock in enumerate(self._dump.objects(kind)):
                    address = semaphore_of(lock)
                    if address is not None:
                        self._by_futex[address] = lock
                    if count >= MAX_LOCKS:
                        break
        return self._by_futex

    def _holds(self, thread: Thread, lock: Any) -> bool:
        owner = getattr(lock, "owner", None)
        if isinstance(owner, int) and type(lock).__name__ == "RLock":
            return owner != 0 and owner == thread.ident
        return any(held is lock for held in self._held[id(thread)])

    def _holds_itself(self, thread: Thread, lock: Any) -> bool:
        """Does a thread wait for a lock that it holds? An RLock it could take again; and of an object of the program
        that merely has the lock nobody knows whether its with statement takes it.
        """
        return type(lock).__name__ != "RLock" and any(
            held is lock and (manager is lock or method_class(manager) == "Condition")
            for manager, held in self._entered[id(thread)]
        )

    # --- circles ---

    def deadlocks(self) -> list[list[Wait]]:
        """The circles of threads each of which waits for a lock that the next one holds."""
        by_thread = {id(wait.thread): wait for wait in self.waits}
        lasting = {key: wait for key, wait in by_thread.items() if not may_give_up(wait.thread.frames)}
        links = {key: [id(owner) for owner in wait.owners] for key, wait in lasting.items()}
        return [[by_thread[key] for key in circle] for circle in circles(links)]


def semaphore_of(lock: Any) -> int | None:
    """The address of the semaphore that a lock points to (up to 3.13)."""
    address = first_of(lock, ("lock_lock", "rlock_lock"))
    return address if isinstance(address, int) and address else None


def is_thread(thread: Thread, found: Any) -> bool:
    """Is `found` the threading.Thread of this thread?"""
    ident = getattr(found, "_ident", None)
    return isinstance(ident, int) and ident == thread.ident


def monitor_calls(thread: Thread) -> Iterator[tuple[Any, str]]:
    """The methods of threading and queue that a thread is in, the innermost first: the object and the method's name."""
    for frame in reversed(thread.frames[-MAX_FRAMES:]):
        own, name = frame.f_locals.get("self"), frame.f_code.co_name
        if not is_of_monitor(frame) or name in RUNNERS or own is None or isinstance(own, Missing):
            return
        yield own, name


def released_locks(thread: Thread) -> Iterator[Any]:
    """The locks of conditions that a thread waits for."""
    for own, name in monitor_calls(thread):
        if name == "wait" and method_class(own) == "Condition":
            yield from locks_behind(own)


def method_class(own: Any) -> str:
    """The class of threading or queue that has the method: `Thread` for a thread of a class of the program's."""
    return next((cls.__name__ for cls in type(own).__mro__ if cls.__module__ in MONITORS), type(own).__name__)


def entered_locks(thread: Thread) -> Iterator[tuple[Any, Any]]:
    """The context managers of the with statements that a thread is in, the innermost frame's first, and their locks;
    without those of conditions that it waits for, which are let go meanwhile.
    """
    released = {id(lock) for lock in released_locks(thread)}
    inner = None
    for frame, stack in thread.stacks(MAX_FRAMES):
        for manager in entered_on(stack, inner):
            yield from ((manager, lock) for lock in locks_behind(manager) if id(lock) not in released)
        inner = frame


# --- words ---


def wait_text(thread: Thread, locks: Locks) -> str | None:
    """What a thread waits for, in words; None when that is not known or it does not wait."""
    if thread.waits_for_gil:
        return "waits for the GIL"
    wait = locks.of(thread)
    if wait is None:
        problem = locks.problems.get(id(thread))
        return None if problem is None else f"what it waits for: {problem!r}"
    return for_what(wait) if wait.by is not None else f"{for_what(wait)}, {held_by(wait)}"


def for_what(wait: Wait) -> str:
    """`waits for pool.lock`, `waits in Queue.get() for pool.jobs`."""
    if wait.by == "Thread.join":
        return f"waits for the end of {wait.name}"
    return f"waits for {wait.name}" if wait.by is None else f"waits in {printable(wait.by, 60)}() for {wait.name}"


def held_by(wait: Wait) -> str:
    if not wait.owners:
        return "held by nobody known"
    return f"held by {', '.join('itself' if owner is wait.thread else title(owner) for owner in wait.owners)}"


def title(thread: Thread) -> str:
    return printable(thread.name or f"thread {thread.native_id or thread.ident or '?'}", 60)


def deadlock_texts(locks: Locks) -> list[str]:
    """`deadlock: worker-1 holds A and waits for B; worker-2 holds B and waits for A`, a line for each circle."""
    found = []
    for circle in locks.deadlocks():
        parts = []
        for at, wait in enumerate(circle):
            wanted = circle[at - 1]  # by the thread before
            held = locks.name(wanted.what, [wait.thread, wanted.thread])
            holds = f"holds {held} and " if wanted.by is None else ""
            parts.append(f"{title(wait.thread)} {holds}{for_what(wait)}")
        found.append(f"deadlock: {'; '.join(parts)}")
    return found


def all_deadlock_texts(dump: Dump, locks: Locks | None = None) -> list[str]:
    """A sentence for each circle of threads or tasks that wait for one another."""
    return [*deadlock_texts(locks or dump.locks), *dump.task_waits.deadlocks()]


def locks_text(dump: Dump) -> str:
    """The whole view: circles first, then what each thread waits for and what it holds."""
    locks = Locks(dump, thorough=True)
    lines = all_deadlock_texts(dump, locks)
    lines += [""] * bool(lines)
    for thread in dump.threads:
        lines.append(f"{title(thread)}: {wait_text(thread, locks) or 'waits for nothing that is known'}")
        lines += [f"  holds {locks.name(lock, [thread])}" for lock in locks.held_by(thread)]
    for task in dump.task_waits.tasks:
        text = task_wait_text(task, dump.task_waits)
        if text is not None:
            lines.append(f"{task_title(task)}: {text}")
            lines += [f"  holds {name}" for name in dump.task_waits.held_by(task)]
    return "\n".join(lines)
