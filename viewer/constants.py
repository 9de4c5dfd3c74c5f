# SPDX-License-Identifier: Apache-2.0
"""The constants of a dumped code object, read from their records.

They are made anew and are nobody else's: the garbage collector does not look into code objects, so a constant that
held anything of the heap would keep the whole heap, and so itself, alive for ever. What no compiler makes a constant
of (damage, or code objects built by hand) is named instead of shown. Tuples may contain each other in any way a dump
can state: the number of values and the depth are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .containers import FILL_LIMIT
from .items import expand, run_length
from .kinds import MAPPED, leaf_value
from .missing import Missing

if TYPE_CHECKING:
    from .heap import Heap

TUPLE, FROZENSET = 8, 12
PLAIN = (int, str, bytes, float, complex, bool, type(None), type(...), Missing)
MAX_DEPTH = 20  # tuples within tuples


class Constants:
    """Makes the constants of one code object; `code_of` gives the code object of a MAPPED record's id."""

    def __init__(self, heap: Heap, code_of: Callable[[int], CodeType | Missing]) -> None:
        self._heap = heap
        self._code_of = code_of
        self._left = FILL_LIMIT

    def of(self, raw: Any) -> tuple[Any, ...]:
        """The tuple behind a raw `co_consts`; an empty one when it is none or has too many values."""
        record = self._heap.record(raw.id) if type(raw) is Ref else None
        return self._values(record, 0) or () if record and record[0] == TUPLE else ()

    def _values(self, record: list[Any], depth: int) -> tuple[Any, ...] | None:
        """Those of a TUPLE or FROZENSET record; None when they are too many."""
        count = run_length(record[1:])
        if count > self._left:
            return None
        self._left -= count
        return tuple(self._value(raw, depth + 1) for raw in expand(record[1:]))

    def _value(self, raw: Any, depth: int) -> Any:
        if type(raw) is not Ref:
            return raw if type(raw) in PLAIN else Missing("not a constant")
        record = self._heap.record(raw.id)
        if not record:
            return Missing("not in the dump")
        if record[0] == MAPPED:
            return self._code_of(raw.id)
        if record[0] in (TUPLE, FROZENSET):
            values = self._values(record, depth) if depth < MAX_DEPTH else None
            if values is None:
                return Missing("too many constants within constants")
            return values if record[0] == TUPLE else frozenset(values)
        found = leaf_value(record)
        if type(found) not in PLAIN:
            return Missing("too long, or of no type that constants have: look for it in the frame or the module")
        return found
