# SPDX-License-Identifier: Apache-2.0
"""What asyncio tasks wait for: other tasks, locks, queues, events; and the circles among them.

A task's `_fut_waiter` is what it awaits. That may be another task, or a future that stands for tasks or for the work of
an executor (futures.py). Everything else awaits a plain future, which tells nothing; there the innermost frames, of
asyncio, tell whose method waits: `Lock.acquire`, `Queue.get`, wait() for a set of tasks, a task group. Who holds an
asyncio.Lock or Semaphore is known where a coroutine is in `async with`, whose context manager then lies on its
evaluation stack.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, NamedTuple

from .circles import circles
from .dump import Dump
from .futures import Executors, Work, behind
from .lock_names import MAX_FRAMES, LockNames, entered_on, may_give_up, module_of
from .missing import Missing, NotShown, for_each
from .tasks import Task, first_of
from .text import printable

MAX_AWAITED = 100_000  # tasks that one task waits for
SHOWN = 5  # of their names; more are counted
# Functions of asyncio/tasks.py that wait for what stands in one of their variables.
HELD = ("Lock", "Semaphore")  # classes of asyncio whose holders are told
WAITERS = {"_wait": "fs", "wait": "fs", "wait_for": "fut"}


class TaskWait(NamedTuple):
    """A task that waits: for `owners` themselves, or for the object `what`, called `name`, which they hold as far as is
    known. `by` is the function of asyncio that waits: `Queue.get`, `sleep`; None where the task awaits others. `work`
    is what an executor does for it.
    """

    task: Task
    what: Any
    name: str
    owners: list[Task]
    by: str | None = None
    work: Work | None = None


class TaskWaits:
    """What the tasks of one dump wait for. `tasks` are those of the dump, always the same objects."""

    def __init__(self, dump: Dump) -> None:
        self._dump = dump
        self.tasks = dump.tasks
        self._by_object = {id(task.object): task for task in self.tasks}
        self.problems: dict[int, NotShown] = {}  # by id() of a task: why it is not known what it waits for
        nothing: list[Any] = []
        self._held = for_each(self.tasks, lambda task: list(self._held_by(task)), nothing, self.problems)
        self._holders: dict[int, list[Task]] = {}
        for task in self.tasks:
            for lock in self._held[id(task)]:
                self._holders.setdefault(id(lock), []).append(task)
        calls = for_each(self.tasks, asyncio_call, None, self.problems)
        # One task is enough to tell what an object is called.
        seen = {id(call[0]): (call[0], task) for task in self.tasks for call in [calls[id(task)]] if call is not None}
        held = [(lock, task) for task in self.tasks for lock in self._held[id(task)]]
        self._names = LockNames(dump, [*seen.values(), *held])
        self._namer = {key: task for key, (_, task) in seen.items()}
        waits = for_each(self.tasks, lambda task: self._wait_of(task, calls[id(task)]), None, self.problems)
        self._waits = {key: wait for key, wait in waits.items() if wait is not None}

    def of(self, task: Task) -> TaskWait | None:
        """What a task waits for, if that is known."""
        return self._waits.get(id(task))

    def held_by(self, task: Task) -> list[str]:
        """The names of the locks that a task holds by `async with`."""
        return [self._names.of(lock, [task]) for lock in self._held[id(task)]]

    def _wait_of(self, task: Task, call: tuple[Any, str] | None) -> TaskWait | None:
        awaited = list(self._awaited(task))
        if awaited:
            return TaskWait(task, None, "", awaited)
        for future in self._futures(task):
            work = None if first_of(future, ("_condition",)) is None else self._executors.work_for(future)
            if work is not None:
                return TaskWait(task, future, work.text, [], None, work)
        if call is None:
            future = first_of(task.object, ("task_fut_waiter", "_fut_waiter", "fut_waiter"))
            return None if future is None else TaskWait(task, future, type(future).__name__, [])
        what, by = call
        owners = self._holders.get(id(what), [])
        name = "" if what is None else self._names.of(what, [task, self._namer.get(id(what), task), *owners])
        return TaskWait(task, what, name, owners, by)

    @functools.cached_property
    def _executors(self) -> Executors:
        return Executors(self._dump)

    def _awaited(self, task: Task) -> Iterator[Task]:
        """The tasks that a task awaits: itself, by gather(), shield(), wait(), wait_for() or a task group."""
        futures = self._futures(task)
        known = {id(one): self._by_object[id(one)] for one in futures if id(one) in self._by_object}
        known.pop(id(task.object), None)
        yield from known.values()

    def _futures(self, task: Task) -> list[Any]:
        """All futures that a task awaits, with those that they stand for."""
        futures: list[Any] = [first_of(task.object, ("task_fut_waiter", "_fut_waiter", "fut_waiter"))]
        for frame in reversed(task.frames[-MAX_FRAMES:]):
            if not is_of_asyncio(frame):
                break
            named = frame.f_locals.get(WAITERS.get(frame.f_code.co_name, ""))
            own = frame.f_locals.get("self")
            group = own if frame.f_globals.get("__name__") in ("asyncio.taskgroups", "asyncio.tasks") else None
            futures += [named, *items(named), *items(first_of(group, ("_tasks", "_todo")))]
        return list(itertools.islice((one for future in futures for one in behind(future)), MAX_AWAITED + 1))

    def _held_by(self, task: Task) -> Iterator[Any]:
        found: dict[int, Any] = {}
        inner = None
        for frame in reversed(task.frames[-MAX_FRAMES:]):
            for manager in entered_on(self._dump.stack_of(frame), inner):
                lock = manager if is_asyncio(manager, *HELD) else first_of(manager, ("_lock",))
                if lock is not None and is_asyncio(lock, *HELD):
                    found[id(lock)] = lock
            inner = frame
        for own in released_locks(task):
            found.pop(id(own), None)
        return iter(found.values())

    def deadlocks(self) -> list[str]:
        """A sentence for each circle of tasks that wait for one another. A semaphore may be released by another one."""
        waits = [
            wait
            for wait in self._waits.values()
            if not is_asyncio(wait.what, "Semaphore") and not may_give_up(wait.task.frames)
        ]
        links = {id(wait.task): [id(owner) for owner in wait.owners] for wait in waits}
        found = []
        for circle in circles(links):
            waits = [self._waits[key] for key in circle]
            parts = []
            for at, wait in enumerate(waits):
                wanted = waits[at - 1]  # by the task before
                holds = (
                    "" if wanted.by is None else f"holds {self._names.of(wanted.what, [wait.task, wanted.task])} and "
                )
                parts.append(f"{title(wait.task)} {holds}{for_what(wait)}")
            found.append(f"deadlock: {'; '.join(parts)}")
        return found


def asyncio_call(task: Task) -> tuple[Any, str] | None:
    """The function of asyncio that a task waits in: the object whose method it is, or None, and its name."""
    found = None
    for frame in reversed(task.frames[-MAX_FRAMES:]):
        if not is_of_asyncio(frame):
            break
        own = frame.f_locals.get("self")
        own = None if isinstance(own, Missing) else own
        name = frame.f_code.co_name
        if name == "_wait_for_one":
            own, name = None, "as_completed"
        if found is None or not name.startswith("__"):  # `Lock.acquire` tells more than the `Lock.__aenter__` around it
            found = own, name if own is None else f"{type(own).__name__}.{name}"
    return found


def released_locks(task: Task) -> Iterator[Any]:
    """The locks of conditions that a task waits for, also within a barrier."""
    for frame in reversed(task.frames[-MAX_FRAMES:]):
        if not is_of_asyncio(frame):
            return
        own = frame.f_locals.get("self")
        if frame.f_code.co_name == "wait" and is_asyncio(own, "Condition"):
            yield first_of(own, ("_lock",))


def is_of_asyncio(frame: FrameType) -> bool:
    return module_of(frame).startswith("asyncio.")


def is_asyncio(found: Any, *names: str) -> bool:
    return any(cls.__name__ in names and cls.__module__ == "asyncio.locks" for cls in type(found).__mro__)


def items(found: Any) -> list[Any]:
    """The futures in a list, tuple or set."""
    return list(found)[:MAX_AWAITED] if isinstance(found, (list, tuple, set, frozenset)) else []


# --- words ---


def title(task: Task) -> str:
    return f"task {printable(task.name, 60)}"


def titles(tasks: Iterable[Task]) -> str:
    names = [title(task) for task in tasks]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def for_what(wait: TaskWait) -> str:
    """`awaits task 7`, `waits in Queue.get() for jobs`, `awaits a Future`."""
    if wait.work is not None:
        return f"awaits {wait.work.text}"
    if wait.by is not None:
        return f"waits in {printable(wait.by, 60)}()" + (f" for {wait.name}" if wait.name else "")
    return f"awaits {titles(wait.owners)}" if wait.owners else f"awaits a {printable(wait.name, 60)}"


def task_wait_text(task: Task, waits: TaskWaits) -> str | None:
    """What a task waits for, in words; None when that is not known."""
    wait = waits.of(task)
    if wait is None:
        problem = waits.problems.get(id(task))
        return None if problem is None else f"what it awaits: {problem!r}"
    if wait.by is None or not wait.owners:
        return for_what(wait)
    return f"{for_what(wait)}, held by {'itself' if wait.owners == [task] else titles(wait.owners)}"
