# SPDX-License-Identifier: Apache-2.0
"""Values of the C types of the standard library, rebuilt from the fields of their layout.

The table LAYOUTS maps the name of a layout (the C type's tp_name, see libpyheapdump/layout/types/) to a kind. Most are
a `ValueKind`: a function that makes the object, and the fields that it needs. Subclasses written in Python have the
same layout, so the functions get the class to make an instance of. Whatever a function raises on odd contents, the
object becomes a stand-in that has the fields as attributes (heap.py sees to that).
"""

from __future__ import annotations

import array
import datetime
import decimal
import functools
import io
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from pyheapdump._pyheapdump import ABSENT as NULL
from pyheapdump._pyheapdump import Ref

from .class_info import ABSENT
from .containers import FILL_LIMIT, LazyDeque, Unloaded, distinct
from .content import SHARED, content_of
from .display import bounded_repr
from .inert import Fields, InertKind, own_attributes
from .items import expand, run_length
from .kinds import Kind, Node, leaf_value, stand_in
from .long_text import LongText, text_of
from .missing import DumpedCodeError, Missing
from .numpy_values import NUMPY, numpy
from .pandas_values import PANDAS
from .shared import memory_of
from .windows import layout_of
from .zones import UnknownZone


class ValueKind(InertKind):
    """A value made at once by `make(cls, fields)` from the fields `needs`."""

    makes_value = True

    def __init__(self, make: Callable[[type, Fields], Any], *needs: str) -> None:
        self.make = make
        self.needs = needs
        self.consumed = frozenset(needs)

    def create(self, node: Node) -> Any:
        return self.make(node.cls, Fields(node))


class ExactKind(ValueKind):
    """The same of instances of exactly the real type: those of its subclasses are stand-ins."""

    def create(self, node: Node) -> Any:
        return super().create(node) if node.info is not None and node.info.real else stand_in(node)


class BufferKind(InertKind):
    """A value made by `make(cls, fields, content)` from the str or bytes that it carries."""

    makes_value = True

    def __init__(self, make: Callable[[type, Fields, Any], Any], *consumed: str) -> None:
        self.make = make
        self.consumed = frozenset(consumed)

    def create(self, node: Node) -> Any:
        content = leaf_value(node.content) if node.content else ABSENT
        if content is ABSENT and node.content:
            content = text_of(node.heap.file, node.id, node.content)
        if content is ABSENT or isinstance(content, (LongText, Missing)):
            return stand_in(node)
        return self.make(node.cls, Fields(node), content)


class MemoryviewKind(InertKind):
    """memoryview: one of the memory of the object that it was of; where there is no such memoryview, a window."""

    def parts(self, node: Node) -> Iterable[Any]:
        return self.before(node)

    def before(self, node: Node) -> Iterable[Any]:
        raw = node.fields().get("content")
        return [raw[4]] if isinstance(raw, list) and len(raw) == 7 and raw[0] == SHARED else []

    def create(self, node: Node) -> Any:
        fields = node.fields()
        if "content" not in fields:
            return stand_in(node)  # it had been released
        size = fields["itemsize"]
        shape, strides, offset = layout_of(fields, size)
        memory, start = memory_of(
            node.heap, node.id, content_of(node.heap.file, node.id, fields["content"]), not fields.get("readonly")
        )
        code: Any = Fields(node).get("format") or "B"
        try:
            view = view_of(memory, code, size, (shape, strides, start + offset))
        except ValueError:
            if numpy() is None:
                raise
            view = memoryview(numpy().ndarray(shape, code, memory, start + offset, strides))
        return view.toreadonly() if fields.get("readonly") else view


def view_of(memory: Any, code: Any, size: int, layout: tuple[tuple[int, ...], tuple[int, ...], int]) -> memoryview:
    """A memoryview with this format, shape, strides and offset. Raises ValueError when Python alone can make none."""
    shape, strides, offset = layout
    whole = memoryview(memory).cast("B")
    if len(shape) == 1 and (shape[0] == 1 or (shape[0] and strides[0] and strides[0] % size == 0)):
        step = strides[0] // size if shape[0] > 1 else 1
        reach = (shape[0] - 1) * step * size
        low = min(offset, offset + reach)
        return part_of(whole, low, low + abs(reach) + size).cast(code)[::step]
    expected = size
    for count, stride in zip(reversed(shape), reversed(strides)):
        if count > 1 and stride != expected:
            raise ValueError("a memoryview that Python alone cannot make")
        expected *= count
    part = part_of(whole, offset, offset + expected)
    return part.cast(code) if shape == (0,) else part.cast(code, shape)


def part_of(whole: memoryview, start: int, stop: int) -> memoryview:
    if not 0 <= start <= stop <= len(whole):
        raise ValueError("a memoryview that exceeds its memory")
    return whole[start:stop]


class DequeKind(InertKind):
    """collections.deque: made empty, then filled; a long or far one is lazy."""

    makes_value = True
    consumed = frozenset({"maxlen", "_leftblock", "_rightblock", "_leftindex", "_rightindex", "_size", "_state"})

    def values(self, node: Node) -> list[Any]:
        if node.items is None and node.content:
            node.hold(deque)
        return node.values or []

    def cost(self, node: Node) -> int:
        return len(self.values(node))

    def always_lazy(self, node: Node) -> bool:
        return not self.values(node) and node.items is not None and node.items.count > 0

    def parts(self, node: Node) -> Iterable[Any]:
        return self.values(node)

    def create(self, node: Node) -> Any:
        return self.holding((), node.cls, node)

    def holding(self, elements: Iterable[Any], cls: Any, node: Node) -> Any:
        made: Any = deque.__new__(cls)
        maxlen = node.fields().get("maxlen")
        deque.__init__(made, elements, maxlen if isinstance(maxlen, int) and maxlen >= 0 else None)
        return made

    def fill(self, node: Node, made: Any) -> None:
        deque.extend(made, node.heap.parts(self.values(node)))

    def lazy(self, node: Node) -> Any:
        self.values(node)
        if node.items is None or not issubclass(node.cls, deque):  # a damaged type may have lost its bases
            return super().lazy(node)
        return self.holding((Unloaded(node.items),), LazyDeque if node.cls is deque else node.cls, node)


class OrderedKind(InertKind):
    """OrderedDict and defaultdict: dicts that have to be filled by methods of their own."""

    makes_value = True
    consumed = frozenset({"default_factory", "_first", "_last"})

    def __init__(self, base: Any) -> None:
        self.of = base

    def values(self, node: Node) -> list[Any]:
        if not node.content or node.content[0] != 10 or run_length(node.content[1:]) > FILL_LIMIT:
            return []
        return expand(node.content[1:])

    def cost(self, node: Node) -> int:
        return len(self.values(node))

    def parts(self, node: Node) -> Iterable[Any]:
        return [*self.values(node), node.fields().get("default_factory")]

    def before(self, node: Node) -> Iterable[Any]:
        return self.values(node)[::2]

    def create(self, node: Node) -> Any:
        keys = node.heap.parts(self.values(node)[::2])
        if not distinct(keys) or (node.content and node.content[0] != 10):
            return stand_in(node)
        made = self.of.__new__(node.cls)
        self.of.__init__(made)
        for key in keys:
            self.of.__setitem__(made, key, None)
        return made

    def fill(self, node: Node, made: Any) -> None:
        if not isinstance(made, self.of):
            return
        for key, raw in zip(list(made), self.values(node)[1::2]):
            self.of.__setitem__(made, key, node.heap.part(raw))
        if isinstance(made, defaultdict):
            factory = node.heap.part(node.fields().get("default_factory"))
            made.default_factory = factory if factory in HARMLESS_FACTORIES else inert_factory(factory)


# What makes a default out of nothing. `in` compares classes of the dump by identity alone.
HARMLESS_FACTORIES = (None, list, dict, set, tuple, frozenset, str, bytes, int, float, bool)


def inert_factory(factory: Any) -> Any:
    """A default_factory that looks like `factory`, which may be real and do anything, and raises when it is called."""
    return InertFactory(factory) if callable(factory) else None


class InertFactory:
    """Stands for a factory that is not called."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(self) -> Any:
        raise DumpedCodeError(f"{bounded_repr(self._factory)} would make the default; code of the dump does not run")

    def __repr__(self) -> str:
        return bounded_repr(self._factory)


# --- dates ------------------------------------------------------------------------------------------------------


def make_date(cls: Any, fields: Fields) -> Any:
    data = fields.raw["data"]
    return datetime.date.__new__(cls, data[0] << 8 | data[1], data[2], data[3])


def zone(fields: Fields) -> Any:
    """The tzinfo; the field holds nothing of use in an instance without one."""
    if not fields.raw.get("hastzinfo"):
        return None
    found = fields.whatever("tzinfo")
    return found if isinstance(found, datetime.tzinfo) else UnknownZone(found)


def make_time(cls: Any, fields: Fields) -> Any:
    data, fold = fields.raw["data"], fields.raw.get("fold")
    micro = data[3] << 16 | data[4] << 8 | data[5]
    return datetime.time.__new__(cls, data[0], data[1], data[2], micro, zone(fields), fold=1 if fold == 1 else 0)


def make_datetime(cls: Any, fields: Fields) -> Any:
    data, fold = fields.raw["data"], fields.raw.get("fold")
    micro = data[7] << 16 | data[8] << 8 | data[9]
    day = (data[0] << 8 | data[1], data[2], data[3])
    clock = (data[4], data[5], data[6], micro, zone(fields))
    return datetime.datetime.__new__(cls, *day, *clock, fold=1 if fold == 1 else 0)


def make_timedelta(cls: Any, fields: Fields) -> Any:
    raw = fields.raw
    return datetime.timedelta.__new__(cls, raw["days"], raw["seconds"], raw["microseconds"])


def make_timezone(cls: Any, fields: Fields) -> Any:
    offset, name = fields.get("offset"), fields.get("name")
    if not offset and name in (None, "UTC"):
        return datetime.timezone.utc
    return datetime.timezone(offset) if name is None else datetime.timezone(offset, name)


def make_zone_info(cls: Any, fields: Fields) -> Any:
    """By its key, with the rules that the reader's machine has for it."""
    key = fields.get("key")
    if not isinstance(key, str):
        raise ValueError("a zone of a file")
    return cls(key)


# --- numbers, text, functions -----------------------------------------------------------------------------------


def make_decimal(cls: Any, fields: Fields, content: Any) -> Any:
    """The writer spells the number out."""
    return decimal.Decimal.__new__(cls, content)


def of_type(value: Any, wanted: type) -> Any:
    """`value`, which a record says is one of type `wanted`; ValueError when it is not."""
    if not isinstance(value, wanted) or isinstance(value, LongText):
        raise ValueError(f"{type(value).__name__} where {wanted.__name__} should be")
    return value


def make_array(cls: Any, fields: Fields, content: Any) -> Any:
    code = fields.get("typecode")
    code = code if isinstance(code, str) else of_type(code, bytes).decode("ascii")
    made = array.array.__new__(cls, code.partition("\0")[0])
    array.array.frombytes(made, content)
    return made


def make_string_io(cls: Any, fields: Fields, content: Any) -> Any:
    made = io.StringIO.__new__(cls)
    io.StringIO.__init__(made, content, newline="")
    io.StringIO.seek(made, fields.raw.get("_pos") or 0)
    return made


def make_bytes_io(cls: Any, fields: Fields) -> Any:
    made = io.BytesIO.__new__(cls)
    io.BytesIO.__init__(made, of_type(fields.get("_buf"), bytes)[: fields.raw.get("_string_size")])
    io.BytesIO.seek(made, fields.raw.get("_pos") or 0)
    return made


def make_alias(cls: Any, fields: Fields) -> Any:
    return types.GenericAlias(fields.get("__origin__"), fields.get("__args__"))


class PartialKind(InertKind):
    """functools.partial: its keywords are a dict, which is filled after it."""

    needs = ("func", "args")
    later = ("keywords",)
    consumed = frozenset({"func", "args", "keywords"})

    def parts(self, node: Node) -> Iterable[Any]:
        return [*super().parts(node), node.attributes, *(raw for _, raw in node.attribute_pairs())]

    def create(self, node: Node) -> Any:
        return functools.partial.__new__(node.cls, Fields(node).get("func"))

    def fill(self, node: Node, made: Any) -> None:
        fields = Fields(node)
        arguments = tuple(iter(fields.get("args")))
        made.__setstate__((fields.get("func"), arguments, fields.get("keywords"), own_attributes(node)))


class GeneratorKind(Kind):
    """Generators, coroutines and async generators: stand-ins with a real frame.

    `prefix` is "gi", "cr" or "ag"; the record's base tells the frame, and the frame's stack what it waits for.
    """

    WAITED_FOR = ("generator", "coroutine", "async_generator_asend", "coroutine_wrapper", "_asyncio.FutureIter")

    def __init__(self, prefix: str, waiting: str) -> None:
        self.prefix = prefix
        self.waiting = waiting

    def create(self, node: Node) -> Any:
        return stand_in(node)

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        """The fields under the names that Python gives them."""
        frame = found.pop("frame", None)
        record = node.heap.record(frame.id) if type(frame) is Ref else None
        described = record[1] if record and record[0] == 14 and isinstance(record[1], dict) else {}
        found[f"{self.prefix}_frame"] = frame
        if "code" in described:
            found[f"{self.prefix}_code"] = described["code"]
        found[self.waiting] = self.waited_for(node, described)
        return found

    def waited_for(self, node: Node, described: dict[str, Any]) -> Any:
        """What a `yield from` or `await` delegates to: the top of the stack, if it is something to wait for.

        3.15 has a second word for each iterator above it, which is NULL here.
        """
        stack = described.get("stack")
        values = stack if isinstance(stack, list) else []
        top = next((raw for raw in reversed(values) if raw is not NULL), None)
        record = node.heap.record(top.id) if type(top) is Ref else None
        if record and record[0] == 1 and type(record[1]) is Ref and self.delegates(node, described):
            info = node.heap.classes.info(record[1].id)
            return top if info.layout in self.WAITED_FOR else None
        return None

    @staticmethod
    def delegates(node: Node, described: dict[str, Any]) -> bool:
        """Does the frame stand in a `yield from` or `await`, not in a plain `yield`?

        The instruction it goes on with tells: YIELD_FROM (72) up to 3.10; since then RESUME, whose argument's low
        bits are 2 or 3. `lasti` is the one before it, from 3.13 on itself.
        """
        raw, lasti, version = described.get("code"), described.get("lasti"), node.heap.python
        record = node.heap.record(raw.id) if type(raw) is Ref else None
        about = record[2] if record and len(record) > 2 and isinstance(record[2], dict) else {}
        content = about.get("co_code")
        if not isinstance(content, bytes) or not isinstance(lasti, int):
            return True  # a long code's bytes are elsewhere: say what the stack says
        opcode, argument = (*content[lasti + (0 if version >= (3, 13) else 2) :][:2], 0, 0)[:2]
        return bool(argument & 3 >= 2 if version >= (3, 11) else opcode == 72)


LAYOUTS: dict[str, Kind] = {
    "slice": ValueKind(lambda cls, f: slice(f.get("start"), f.get("stop"), f.get("step")), "start", "stop", "step"),
    "range": ValueKind(lambda cls, f: range(f.get("start"), f.get("stop"), f.get("step")), "start", "stop", "step"),
    "types.GenericAlias": ValueKind(make_alias, "__origin__", "__args__"),
    "generator": GeneratorKind("gi", "gi_yieldfrom"),
    "coroutine": GeneratorKind("cr", "cr_await"),
    "async_generator": GeneratorKind("ag", "ag_await"),
    "datetime.date": ValueKind(make_date, "data", "hashcode", "hastzinfo"),
    "datetime.time": ValueKind(make_time, "data", "hashcode", "hastzinfo", "fold", "tzinfo"),
    "datetime.datetime": ValueKind(make_datetime, "data", "hashcode", "hastzinfo", "fold", "tzinfo"),
    "datetime.timedelta": ValueKind(make_timedelta, "days", "seconds", "microseconds", "hashcode"),
    "datetime.timezone": ValueKind(make_timezone, "offset", "name"),
    "zoneinfo.ZoneInfo": ExactKind(make_zone_info, "key"),
    "decimal.Decimal": BufferKind(
        make_decimal, "hash", *(f"_mpd_{name}" for name in ("flags", "exp", "digits", "len", "alloc", "data"))
    ),
    "array.array": BufferKind(make_array, "typecode", "ob_item", "_length", "allocated", "ob_exports"),
    "memoryview": MemoryviewKind(),
    "collections.deque": DequeKind(),
    "collections.OrderedDict": OrderedKind(OrderedDict),
    "collections.defaultdict": OrderedKind(defaultdict),
    "functools.partial": PartialKind(),
    "_io.StringIO": BufferKind(make_string_io),
    "_io.BytesIO": ValueKind(make_bytes_io, "_buf", "_pos", "_string_size"),
    **NUMPY,
    **PANDAS,
}
