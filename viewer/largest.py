# SPDX-License-Identifier: Apache-2.0
"""The largest objects of a dump: what takes the memory, and by which variable it is reached.

The search (`DumpFile.largest`) goes through all records in C and gives two lists: objects by their own size, and
holders by what they directly refer to. A dump does not record sizes; they are made from what it does record
(libpyheapdump/graph/contents.h), so an object may take more. What a holder has is no retained size: what its objects
refer to in turn is not counted, and others may refer to them, too.

Objects are described from their records, none is made: who looks for the largest must not load them all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pyheapdump._pyheapdump import Pairs, Ref

from .builtin_types import base_of_code
from .display import BRACKETS, bounded_repr
from .dump import Dump
from .items import Items
from .kinds import FRAME, MAPPED, OBJECT, TYPE, is_split, is_text, items_of, leaf_value
from .report import place_report
from .text import counted, printable, size_text
from .ways import Way, Ways

DEFAULT = 10
MOST = 1000  # of each list
SHOWN = 2  # elements or attributes of one object
BEGINNING = 30  # bytes shown of a text that stands in blocks of its own
TEXT = 50  # characters of a value within an object


class Large(NamedTuple):
    """One object: `own` and `held` are bytes, `elements` those of a container (of a dict its pairs)."""

    id: int
    address: int | None
    type: str
    own: int
    held: int
    elements: int
    text: str
    way: Way


class Largest(NamedTuple):
    """What was found in a dump of `objects` objects which take `bytes` by themselves."""

    objects: int
    bytes: int
    by_own: list[Large]
    by_held: list[Large]


def largest(dump: Dump, count: int = DEFAULT) -> Largest:
    """The `count` (1 to MOST) largest objects, and as many that hold most. Reads the whole dump."""
    objects, total, by_own, by_held = dump.file.largest(count)
    ways = Ways(dump, {rid: way for rid, _, _, _, way in [*by_own, *by_held]})

    def described(found: tuple[int, int, int, int, list[int]]) -> Large:
        rid, own, held, elements, _ = found
        name, text = Described(dump).of(rid)
        return Large(rid, dump.file.address(rid), name, own, held, elements, text, ways.to(rid))

    return Largest(objects, total, [described(one) for one in by_own], [described(one) for one in by_held])


class Described:
    """Types and short texts of objects, from their records."""

    def __init__(self, dump: Dump) -> None:
        self._heap = dump.heap

    def of(self, rid: int, depth: int = 1) -> tuple[str, str]:
        """The name of the type, and a short text, which shows what is in the object while `depth` is left."""
        record = self._heap.record(rid) or [None]
        code: Any = record[0]
        if code in (OBJECT, MAPPED) and len(record) > 1 and type(record[1]) is Ref:
            cls = self._heap.classes.info(record[1].id).cls
            plain = cls.__module__ in ("builtins", "__main__")
            name = printable(cls.__qualname__ if plain else f"{cls.__module__}.{cls.__qualname__}", 100)
            return name, self._instance(record, name, depth)
        if code in (TYPE, FRAME):
            return ("type", "<class>") if code == TYPE else ("frame", "<frame>")
        split = is_split(record, range(17)) or is_text(record)
        base = base_of_code(record[1] if split else code)
        if base is None:
            return "?", short(leaf_value(record))
        if base in BRACKETS:
            return base.__name__, self._container(items_of(self._heap, rid, record), base, depth)
        return base.__name__, self._beginning(rid, base) if split else short(leaf_value(record))

    def _value(self, raw: Any) -> str:
        """A value within another object."""
        return self.of(raw.id, 0)[1] if type(raw) is Ref else short(self._heap.value(raw))

    def _beginning(self, rid: int, base: type) -> str:
        """The first characters or bytes of what stands in blocks of its own."""
        try:
            content: Any = self._heap.file.content(rid, 0, BEGINNING)
        except KeyError:
            return "..."
        if base is str:
            content = content.decode("utf-8", "replace").rstrip("\ufffd")  # the last character may be cut
        text = f"{bounded_repr(content, total=TEXT)}..."
        return f"bytearray({text})" if base is bytearray else text

    def _container(self, items: Items, base: Any, depth: int) -> str:
        each = 2 if base is dict else 1
        count = items.count // each
        opening, closing = BRACKETS[base]
        if not count or depth <= 0:
            return f"{opening}{'...' if count else ''}{closing}"
        texts = [self._value(raw) for raw in items.fetch(0, SHOWN * each)]
        shown = texts if each == 1 else [": ".join(pair) for pair in zip(texts[::2], texts[1::2])]
        more = [f"... {count - len(shown):,} more"] if count > len(shown) else []
        return f"{opening}{', '.join([*shown, *more])}{closing}"

    def _instance(self, record: list[Any], name: str, depth: int) -> str:
        attributes = record[3] if record[0] == OBJECT and len(record) > 3 else None
        pairs = list(attributes.items()) if isinstance(attributes, dict) else []
        pairs += attributes if isinstance(attributes, Pairs) else []
        if depth <= 0 or not pairs:
            return f"<{name}>"
        shown = [f"{printable(str(self._heap.leaf(key)), 40)}={self._value(raw)}" for key, raw in pairs[:SHOWN]]
        return f"<{name} {' '.join(shown)}{' ...' if len(pairs) > SHOWN else ''}>"


def short(value: Any) -> str:
    return printable(bounded_repr(value, total=TEXT), TEXT)


# --- words ---


def largest_text(dump: Dump, count: int = DEFAULT) -> str:
    """Both lists for people."""
    found = largest(dump, count)
    lines = [f"{counted(found.objects, 'object')}, about {size_text(found.bytes)} in all"]
    lines += ["", "largest objects, each by itself:"]
    for one in found.by_own:
        lines += [f"{size_text(one.own):>12}  {title(one)}", *way_lines(one)]
    lines += ["", "objects that hold most (what they directly refer to; no more than that is counted):"]
    for one in found.by_held:
        lines += [f"{size_text(one.held):>12}  in {title(one)}", *way_lines(one)]
    return "\n".join(lines)


def title(one: Large) -> str:
    count = f" of {counted(one.elements, 'element')}" if one.elements else ""
    return f"{one.type}{count}: {one.text}" if not one.text.startswith("<") else f"{one.text}{count}"


def way_lines(one: Large) -> list[str]:
    return [f"{'':12}  {one.way.text}"]


def largest_report(dump: Dump, count: int) -> dict[str, Any]:
    """Both lists for programs (docs/json.md)."""
    found = largest(dump, count)
    return {
        "objects": found.objects,
        "bytes": found.bytes,
        "by_own": [one_report(one) for one in found.by_own],
        "by_held": [one_report(one) for one in found.by_held],
    }


def one_report(one: Large) -> dict[str, Any]:
    way = one.way
    return {
        "id": one.id,
        "address": one.address,
        "type": one.type,
        "own": one.own,
        "held": one.held,
        "elements": one.elements,
        "text": one.text,
        "expression": way.expression,
        "frame": None if way.frame is None else place_report(way.frame, way.frame.f_lineno or 0),
        "thread": way.thread,
    }
