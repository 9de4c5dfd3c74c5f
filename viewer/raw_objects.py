# SPDX-License-Identifier: Apache-2.0
"""What an object of the dump consists of, read from its record without making an object.

A value such as a UUID or the offset of a time zone is needed while objects are being made, when those that it consists
of may not be filled yet. Everything here is read from records, each with its type and a bound; what is not as it should
be raises ValueError.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .items import expand, run_length

if TYPE_CHECKING:
    from .heap import Heap
    from .kinds import Node

OBJECT, TUPLE, LIST, DICT, TYPE = 1, 8, 9, 10, 13
MAX_ITEMS = 10_000  # of one container


class RawObject:
    """The attributes of one object by name, as raw values."""

    def __init__(self, heap: Heap, attributes: dict[str, Any], rid: int) -> None:
        self.heap = heap
        self.id = rid
        self._attributes = attributes

    @classmethod
    def of_node(cls, node: Node) -> RawObject:
        heap = node.heap
        found = dict(node.fields())
        pairs = node.attribute_pairs() or pairs_of(heap, node.attributes)
        found.update((name, raw) for name, raw in ((heap.leaf(name), raw) for name, raw in pairs) if type(name) is str)
        return cls(heap, found, node.id)

    @classmethod
    def of_class(cls, heap: Heap, described: Any) -> RawObject:
        """What a class has in its dict, by its TYPE map."""
        pairs = pairs_of(heap, described.get("dict"))
        names = ((heap.leaf(name), raw) for name, raw in pairs)
        return cls(heap, {name: raw for name, raw in names if type(name) is str}, -1)

    def __contains__(self, name: str) -> bool:
        return name in self._attributes

    def raw(self, name: str) -> Any:
        if name not in self._attributes:
            raise ValueError(f"no {name}")
        return self._attributes[name]

    def leaf(self, name: str) -> Any:
        """A str, int or the like; nothing else."""
        return plain_leaf(self.heap, self.raw(name))

    def number(self, name: str) -> int:
        found = self.leaf(name)
        if type(found) is not int:
            raise ValueError(f"{name} is no int")
        return found

    def text(self, name: str) -> str:
        found = self.leaf(name)
        if type(found) is not str:
            raise ValueError(f"{name} is no str")
        return found

    def values(self, name: str) -> list[Any]:
        """The raw values of a list or tuple."""
        raw = self.raw(name)
        record = self.heap.record(raw.id) if type(raw) is Ref else None
        if not record or record[0] not in (LIST, TUPLE) or run_length(record[1:]) > MAX_ITEMS:
            raise ValueError(f"{name} is no list")
        return expand(record[1:])

    def leaves(self, name: str, kind: type) -> list[Any]:
        """The values of a list or tuple, which are all of one plain type."""
        found = [plain_leaf(self.heap, raw) for raw in self.values(name)]
        if not all(type(value) is kind for value in found):
            raise ValueError(f"{name} holds others than {kind.__name__}")
        return found

    def object(self, name: str) -> RawObject:
        return raw_object(self.heap, self.raw(name))

    def duration(self, name: str) -> datetime.timedelta:
        """A timedelta."""
        return self.object(name).as_duration()

    def as_duration(self) -> datetime.timedelta:
        numbers = {name: self.number(name) for name in ("days", "seconds", "microseconds")}
        try:
            return datetime.timedelta(**numbers)
        except OverflowError:
            raise ValueError("no timedelta") from None


def raw_object(heap: Heap, raw: Any) -> RawObject:
    """The object behind a raw reference."""
    from .kinds import object_node  # it needs the kinds that read such objects

    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != OBJECT or len(record) < 2 or type(record[1]) is not Ref:
        raise ValueError("no instance")
    return RawObject.of_node(object_node(heap, raw.id, record))


def plain_leaf(heap: Heap, raw: Any) -> Any:
    """The value behind a raw one that has no parts; None for any other."""
    from .kinds import leaf_value

    if type(raw) is not Ref:
        return raw
    record = heap.record(raw.id)
    found = None if record is None else leaf_value(record)
    return found if type(found) in (str, int, bool, bytes, float) else None


def pairs_of(heap: Heap, raw: Any) -> list[tuple[Any, Any]]:
    """The raw keys and values of a dict; empty when it is none, or a long one."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != DICT or run_length(record[1:]) > MAX_ITEMS:
        return []
    values = expand(record[1:])
    return list(zip(values[::2], values[1::2]))
