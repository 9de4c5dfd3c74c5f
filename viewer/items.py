# SPDX-License-Identifier: Apache-2.0
"""The values of one container in the dump, fetched piece by piece.

A container's values stand either in its own record, where a *run* may abbreviate any number of references, or in
ITEMS blocks of their own (a SPLIT record). `Items` hides the difference: `fetch(start, stop)` gives raw values (see
docs/format.md, section 3), `objects(start, stop)` the objects. Only one page is held at a time, so that ten million
values cost as much as five hundred.
"""

from __future__ import annotations

import bisect
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref, Run

if TYPE_CHECKING:
    from .heap import Heap

PAGE = 512  # values fetched at once


def run_length(values: Sequence[Any]) -> int:
    """How many values `values` stands for, runs expanded."""
    return sum(v.count if type(v) is Run else 1 for v in values)


def expand(values: Sequence[Any]) -> list[Any]:
    """`values` with each run replaced by its references; the caller has checked `run_length`."""
    out: list[Any] = []
    for value in values:
        if type(value) is Run:
            out += map(Ref, range(value.id, value.id + value.count))
        else:
            out.append(value)
    return out


class Items:
    """The `count` raw values of the container `owner`.

    `values` are those of its record; None when they stand in ITEMS blocks.
    """

    __slots__ = ("_ends", "_page", "_page_start", "_values", "count", "heap", "owner")

    def __init__(self, heap: Heap, owner: int, count: int, values: Sequence[Any] | None) -> None:
        self.heap = heap
        self.owner = owner
        self.count = min(max(count, 0), sys.maxsize)
        self._values = values
        self._ends: list[int] | None = None
        self._page: list[Any] = []
        self._page_start = 0

    def fetch(self, start: int, stop: int) -> list[Any]:
        """The raw values start…stop-1, no runs among them."""
        stop = min(stop, self.count)
        if start >= stop:
            return []
        if self._values is None:
            found: list[Any] = self.heap.file.values(self.owner, start, stop)
            return found
        if len(self._values) == self.count:
            return list(self._values[start:stop])
        return self._expanded(start, stop)

    def _expanded(self, start: int, stop: int) -> list[Any]:
        """Part of a record's values that hold runs, without expanding the rest."""
        assert self._values is not None
        if self._ends is None:
            self._ends, total = [], 0
            for value in self._values:
                total += value.count if type(value) is Run else 1
                self._ends.append(total)
        out: list[Any] = []
        index = bisect.bisect_right(self._ends, start)
        while len(out) < stop - start:
            value = self._values[index]
            if type(value) is Run:
                begin = self._ends[index] - value.count
                low, high = max(start - begin, 0), min(stop - begin, value.count)
                out += map(Ref, range(value.id + low, value.id + high))
            else:
                out.append(value)
            index += 1
        return out

    def raw(self, index: int) -> Any:
        """One raw value, through the page that holds it."""
        offset = index - self._page_start
        if not 0 <= offset < len(self._page):
            self._page_start = index - index % PAGE
            self._page = self.fetch(self._page_start, self._page_start + PAGE)
            offset = index - self._page_start
        return self._page[offset]

    def object(self, index: int) -> Any:
        """The object at `index`, 0 ≤ index < count."""
        return self.heap.value(self.raw(index))

    def objects(self, start: int, stop: int) -> list[Any]:
        """The objects start…stop-1, made together."""
        return self.heap.values(self.fetch(start, stop))

    def raws(self) -> Iterator[Any]:
        """All raw values in order."""
        for start in range(0, self.count, PAGE):
            yield from self.fetch(start, start + PAGE)

    def __iter__(self) -> Iterator[Any]:
        for index in range(self.count):
            yield self.object(index)
