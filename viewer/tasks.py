# SPDX-License-Identifier: Apache-2.0
"""asyncio tasks of the dump: their names and the frames of the coroutines they wait in."""

from __future__ import annotations

import functools
from types import FrameType
from typing import Any

MAX_AWAITS = 10_000  # coroutines that wait for one another

_NAMES = ("task_name", "_name", "name")
_CORO = ("task_coro", "_coro", "coro")
_FRAME = ("cr_frame", "gi_frame", "ag_frame")
_AWAIT = ("cr_await", "gi_yieldfrom", "ag_await")


class Task:
    """One task: `object` is the dumped Task (a stand-in), `frames` its stack, outermost first."""

    def __init__(self, found: Any) -> None:
        self.object = found
        name = first_of(found, _NAMES)
        self.name = name if isinstance(name, str) else f"Task-{name}" if isinstance(name, int) else "?"
        self.coroutine = first_of(found, _CORO)

    @functools.cached_property
    def frames(self) -> list[FrameType]:
        """The frames of the task's coroutine and of those that it awaits, outermost first."""
        frames: list[FrameType] = []
        seen: set[int] = set()
        waiting = self.coroutine
        while waiting is not None and id(waiting) not in seen and len(seen) < MAX_AWAITS:
            seen.add(id(waiting))
            frame = first_of(waiting, _FRAME)
            if isinstance(frame, FrameType):
                frames.append(frame)
            waiting = first_of(waiting, _AWAIT)
        return frames

    def __repr__(self) -> str:
        return f"<task {self.name!r}: {len(self.frames)} frames>"


def first_of(found: Any, names: tuple[str, ...]) -> Any:
    """The first of the attributes `names` that `found` has; None when it has none."""
    for name in names:
        value = getattr(found, name, None)
        if value is not None:
            return value
    return None
