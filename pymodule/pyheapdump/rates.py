# SPDX-License-Identifier: Apache-2.0
"""How often failures of one kind are dumped that nobody asked dumps of: those that come to hooks.

Of one kind are exceptions of the same class whose tracebacks go through the same places (file, function and line) of
the program's own code, not of the standard library or of installed packages; repeated places, of a recursion, count
once. Within a process the first of a kind is dumped at once, then at most one a minute for ten minutes, then one an
hour. What is held back is counted, and told with the next dump of the kind or at the end of the program.

No lock is waited for: where two threads ask at the same time for the same kind, one of them is held back.
"""

from __future__ import annotations

import itertools
import os
import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

# Seconds.
FREQUENT_FOR = 600.0
INTERVAL_AT_FIRST = 60.0
INTERVAL_THEN = 3600.0
# Kinds that are remembered at a time; of the others the oldest are forgotten.
MAX_KINDS = 1000
# Steps of a traceback that are looked at, and places of them that count: the innermost.
MAX_STEPS = 10_000
MAX_PLACES = 32

# Where code lies that is not the program's own.
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_dict_of = vars(type)["__dict__"].__get__
_name_of = vars(type)["__qualname__"].__get__


class Kind:
    """What is known of one kind."""

    __slots__ = ("counter", "deciding", "dumped", "first", "last")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.counter = itertools.count(1)
        self.dumped = 0
        self.deciding = allocate_lock()

    def is_due(self, now: float) -> bool:
        """May one be dumped again?"""
        interval = INTERVAL_AT_FIRST if now - self.first < FREQUENT_FOR else INTERVAL_THEN
        return now - self.last >= interval


_kinds: dict[int, Kind] = {}
_passed_over = itertools.count()


def ask(kind: int, now: float | None = None) -> int | None:
    """How many of this kind were held back since its last dump, if there may be one now; None: held back, too."""
    if now is None:
        now = time.monotonic()
    mine = Kind(now)
    found = _kinds.setdefault(kind, mine)
    number = next(found.counter)
    if found is not mine and not _decide(found, now):
        return None
    if found is mine:
        _forget_oldest()
    held_back = number - found.dumped - 1
    found.dumped = number
    return held_back


def _decide(found: Kind, now: float) -> bool:
    if not found.is_due(now) or not found.deciding.acquire(False):
        return False
    due = found.is_due(now)
    if due:
        found.last = now
    found.deciding.release()
    return due


def _forget_oldest() -> None:
    for kind in tuple(_kinds)[:-MAX_KINDS]:
        _kinds.pop(kind, None)


def held_back() -> int:
    """How many failures were held back and told with no dump by now. To be asked once."""
    return sum(next(kind.counter) - kind.dumped - 1 for kind in tuple(_kinds.values()))


def pass_over() -> None:
    """One that came while the dump of another was written: the next of its kind may be dumped."""
    next(_passed_over)


def passed_over() -> int:
    """How many there were. To be asked once."""
    return next(_passed_over)


def forget() -> None:
    """In a forked child, which is another process."""
    global _passed_over
    _kinds.clear()
    _passed_over = itertools.count()


def kind_of(exception: BaseException, traceback: TracebackType | None) -> int:
    """A number that stands for the kind in every process; not 0."""
    places = tuple(_places(traceback))
    own = [place for place in places if _is_own(place[0])]
    module: Any = _dict_of(type(exception)).get("__module__")
    text = [str.__str__(module) if issubclass(type(module), str) else "", _name_of(type(exception))]
    for name, function, line in (own or places)[-MAX_PLACES:]:
        text.append(f"{name}\0{function}\0{line}")
    return _hash("\0\0".join(text).encode("utf-8", "surrogatepass"))


def _places(traceback: TracebackType | None) -> Iterator[tuple[str, str, int]]:
    seen = set()
    for _ in range(MAX_STEPS):
        if traceback is None:
            return
        code = traceback.tb_frame.f_code
        place = (code.co_filename, code.co_name, traceback.tb_lineno)
        if place not in seen:
            seen.add(place)
            yield place
        traceback = traceback.tb_next


def _is_own(name: str) -> bool:
    """Does the file belong to the program?"""
    return not name.startswith(("<frozen ", _STANDARD_LIBRARY)) and not any(part in name for part in _PACKAGES)


def _hash(text: bytes) -> int:
    """FNV-1a, 63 bits: the same in every process and version."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value >> 1 or 1
