# SPDX-License-Identifier: Apache-2.0
"""The queue.SimpleQueue that a thread waits for.

Its get() is C code, so there is no frame of it that tells. From 3.14 on the queue lies on the evaluation stack of the
frame that calls get(). Before, what lies on top of the stack of a running frame is not known; there a queue counts that
says of itself that a thread waits for it, and that goes by the name which the line calls get() of.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .dump import Thread
from .lock_names import MAX_NAMES, attributes_of
from .missing import Missing


def simple_queue_of(thread: Thread) -> Any:
    """The SimpleQueue whose get() the innermost frame of a thread waits in; None when there is none that is known."""
    frame, stack = next(thread.stacks(1), (None, []))
    if frame is None:
        return None
    on_stack = next((value for value in reversed(stack) if is_awaited(value)), None)
    if on_stack is not None:
        return on_stack
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0)
    return next((queue for name, queue in queues_near(frame) if f"{name}.get(" in line), None)


def queues_near(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """The queues that are waited for in the variables of a frame and in their attributes, with what it calls them."""
    for space in frame.f_locals, frame.f_globals:
        for name, value in list(space.items())[:MAX_NAMES]:
            if is_awaited(value):
                yield str(name), value
            elif not isinstance(value, Missing):
                yield from ((f"{name}.{one}", held) for one, held in attributes_of(value) if is_awaited(held))


def is_awaited(found: Any) -> bool:
    """Is this a SimpleQueue that a thread waits for? (Modules/_queuemodule.c: `locked` up to 3.12)"""
    cls = type(found)
    if (cls.__module__, cls.__name__) != ("_queue", "SimpleQueue"):
        return False  # and it is not asked for more: it may be anything
    return getattr(found, "locked", None) is True or getattr(found, "has_threads_waiting", None) is True
