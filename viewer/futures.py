# SPDX-License-Identifier: Apache-2.0
"""What a future of asyncio stands for: the tasks behind shield() and gather(), and the work of an executor.

A future does not tell who will set its result, but its callbacks do: that of shield() has the task in its closure, that
of wrap_future(), by which run_in_executor() awaits, the concurrent.futures.Future (Lib/asyncio/tasks.py and futures.py,
3.9 to 3.15). Which thread works for that one, or that nobody does yet, is seen in the frames of the executors' threads
(Lib/concurrent/futures/thread.py and process.py): the work item at hand, and the queue of those to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType, FunctionType
from typing import Any, NamedTuple

from .dump import Dump, Thread
from .missing import Missing
from .tasks import first_of
from .text import printable

MAX_BEHIND = 100_001  # futures that one future stands for, with itself
MAX_CALLBACKS = 1_000
MAX_WORK = 100_000  # items of one executor's queue
# The callback of a future, and the variable of its closure that has what the future waits for.
CLOSURES = {"_outer_done_callback": "inner", "_call_check_cancel": "source"}


class Work(NamedTuple):
    """The function that an executor is to run for a future, and the thread that does; `where` says so in words."""

    function: str
    where: str
    thread: Thread | None = None

    @property
    def text(self) -> str:
        return f"{printable(self.function, 60)}() {self.where}"


def behind(future: Any) -> Iterator[Any]:
    """A future and all those that it stands for, through gather(), shield() and wrap_future()."""
    found: dict[int, Any] = {}
    waiting = [future]
    while waiting and len(found) < MAX_BEHIND:
        one = waiting.pop()
        if one is None or isinstance(one, Missing) or id(one) in found:
            continue
        found[id(one)] = one
        yield one
        children = first_of(one, ("_children",))
        waiting += reversed(children[:MAX_BEHIND]) if isinstance(children, (list, tuple)) else ()
        waiting += [held for function in callbacks(one) for held in closed_over(function)]


def callbacks(future: Any) -> Iterator[Any]:
    """The functions that are called when a future is done: in C the first apart from the others."""
    yield first_of(future, ("fut_callback0",))
    others = first_of(future, ("fut_callbacks", "_callbacks"))
    for pair in others[:MAX_CALLBACKS] if isinstance(others, list) else ():
        yield pair[0] if isinstance(pair, tuple) and pair else None


def closed_over(function: Any) -> Iterator[Any]:
    """What a callback of asyncio's own passes on from."""
    if not isinstance(function, FunctionType) or not str(function.__module__).startswith("asyncio."):
        return
    wanted = CLOSURES.get(function.__name__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        if name == wanted:
            yield first_of(cell, ("cell_contents",))


class Executors:
    """The work items of a dump's executors, by the future of each."""

    def __init__(self, dump: Dump) -> None:
        self._work: dict[int, Work] = {}
        workers = [(thread, frame) for thread in dump.threads for frame in thread.frames if is_of_executor(frame)]
        for thread, frame in workers:
            item = frame.f_locals.get("work_item")
            self._note(item, Work(function_of(item), f"in thread {thread_name(thread)}", thread))
        for thread, frame in workers:
            for item in queued(frame.f_locals.get("work_queue")):
                self._note(item, Work(function_of(item), f"queued for the executor of thread {thread_name(thread)}"))
            pending = first_of(frame.f_locals.get("self"), ("pending_work_items",))
            for item in list(pending.values())[:MAX_WORK] if isinstance(pending, dict) else ():
                self._note(item, Work(function_of(item), f"in the process pool of thread {thread_name(thread)}"))

    def work_for(self, future: Any) -> Work | None:
        """The work that sets this concurrent.futures.Future."""
        return self._work.get(id(future))

    def _note(self, item: Any, work: Work) -> None:
        future = first_of(item, ("future",))
        if future is not None:
            self._work.setdefault(id(future), work)


def queued(queue: Any) -> list[Any]:
    """The items of a queue.SimpleQueue: `content`; before 3.13 those of `_lst` from `_lst_pos` on (docs/types.md)."""
    items, start = first_of(queue, ("content", "_lst")), first_of(queue, ("_lst_pos",))
    start = start if isinstance(start, int) else 0
    return items[start : start + MAX_WORK] if isinstance(items, list) else []


def is_of_executor(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") in ("concurrent.futures.thread", "concurrent.futures.process")


def thread_name(thread: Thread) -> str:
    return printable(thread.name or f"{thread.native_id or thread.ident or '?'}", 60)


def function_of(item: Any) -> str:
    """The name of the function of a work item (3.14: of the first of its `task`); asyncio.to_thread()'s is the first
    argument of Context.run."""
    task = first_of(item, ("task",))
    function = task[0] if isinstance(task, tuple) and task else first_of(item, ("fn",))
    for _ in range(10):
        inner = first_of(function, ("func",))
        arguments = first_of(function, ("args",))
        if inner is None:
            break
        is_run = getattr(inner, "__name__", None) == "run" and isinstance(arguments, tuple) and arguments
        function = arguments[0] if is_run else inner
    method = first_of(function, ("__func__",))
    name = first_of(function if method is None else method, ("__qualname__", "__name__"))
    return name if isinstance(name, str) else type(function).__qualname__
