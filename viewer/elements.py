# SPDX-License-Identifier: Apache-2.0
"""Elements of arrays as Python values, read from their bytes without numpy.

A dtype is read from its raw record (docs/types.md) and becomes a `Decoder`; elements are what numpy's item() gives for
them: int, float, complex, bool, str, bytes, date, datetime, timedelta, tuples of structures, lists of subarrays. What
has no such form is its number or its bytes: datetime64 in nanoseconds, raw data.
"""

from __future__ import annotations

import datetime
import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pyheapdump._pyheapdump import Ref

from .items import expand, run_length
from .kinds import Node

if TYPE_CHECKING:
    from .heap import Heap

DICT, TUPLE, OBJECT = 10, 8, 1
MAX_NESTING = 16  # of structured dtypes
MAX_PARTS = 2_000  # dtypes that one is made of, each as often as it is used
MAX_FIELDS = 10_000
MAX_ITEMSIZE = 1 << 30  # bytes of one element that is decoded
UNITS = ("Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "")  # NPY_DATETIMEUNIT
NOT_A_TIME = -(1 << 63)
MICROSECONDS = {"W": 604_800_000_000, "D": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000,
                "ms": 1_000, "us": 1}  # fmt: skip
EPOCH = datetime.datetime(1970, 1, 1)

Decode = Callable[[bytes], Any]


class Decoder(NamedTuple):
    """How elements of a dtype are read: their size, what it is called, and the value of one's bytes.

    `objects`: they are references.
    """

    itemsize: int
    name: str
    decode: Decode
    objects: bool = False


# Elements of an array of objects.
OBJECTS = Decoder(8, "object", lambda content: content, objects=True)


# --- raw records ------------------------------------------------------------------------------------------------


def fields_of(heap: Heap, raw: Any) -> dict[str, Any]:
    """The raw fields of the object behind a reference; empty when it is no OBJECT."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != OBJECT or len(record) < 2 or type(record[1]) is not Ref:
        return {}
    content = record[2] if len(record) > 2 and isinstance(record[2], list) else None
    return Node(heap, raw.id, record, heap.classes.info(record[1].id), content).fields()


def items_of(heap: Heap, raw: Any, code: int) -> list[Any]:
    """The raw values of a tuple or dict record."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != code or run_length(record[1:]) > MAX_FIELDS:
        return []
    return expand(record[1:])


def letter(value: Any) -> str:
    """A field that is one character."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# --- dtypes -----------------------------------------------------------------------------------------------------


def check_parts(heap: Heap, raw: Any) -> None:
    """Raises ValueError when a dtype is made of too many others: what is made of it is as large, and so is its repr."""
    work, left = [raw], MAX_PARTS
    while work and left:
        left -= 1
        fields = fields_of(heap, work.pop())
        if isinstance(fields.get("subdtype"), list):
            work += fields["subdtype"][:1]
        elif type(fields.get("names")) is Ref:
            mapping = fields.get("fields")
            values = items_of(heap, fields_of(heap, mapping).get("mapping", mapping), DICT)[1::2]
            work += [part for value in values for part in items_of(heap, value, TUPLE)[:1]]
    if work:
        raise ValueError("a dtype that is made of too many others")


def decoder_of(heap: Heap, raw: Any, depth: int = 0, objects: Callable[[int], Any] | None = None) -> Decoder:
    """The decoder of the dtype behind a reference. Raises ValueError, TypeError or LookupError when it makes no sense.

    `objects`: what a reference within a structure stands for, whose place in the bytes a number has taken.
    """
    if depth == 0:
        check_parts(heap, raw)
    fields = fields_of(heap, raw)
    if not fields or depth > MAX_NESTING:
        raise ValueError("not a dtype")
    size = fields["itemsize"]
    if type(size) is not int or not 0 <= size <= MAX_ITEMSIZE:
        raise ValueError("a dtype of impossible size")
    if isinstance(fields.get("subdtype"), list):
        inner, shape = fields["subdtype"]
        return subarray(
            decoder_of(heap, inner, depth + 1, objects), [heap.leaf(n) for n in items_of(heap, shape, TUPLE)], size
        )
    if type(fields.get("names")) is Ref:
        return structure(heap, fields, size, depth, objects)
    kind, order = letter(fields["kind"]), "big" if letter(fields["byteorder"]) == ">" else "little"
    if kind == "O" and objects is not None and depth:
        return Decoder(size, "object", lambda content: objects(int.from_bytes(content, "little")))
    return simple(kind, order, size, fields.get("datetime_unit"))


def subarray(inner: Decoder, shape: list[int], size: int) -> Decoder:
    """Elements that are arrays themselves, as nested lists."""
    if math.prod(shape) * inner.itemsize != size:
        raise ValueError("a subarray of impossible shape")

    def nested(content: bytes, level: int) -> Any:
        if level == len(shape):
            return inner.decode(content)
        each = len(content) // shape[level] if shape[level] else 0
        return [nested(content[i * each : (i + 1) * each], level + 1) for i in range(shape[level])]

    return Decoder(size, f"({inner.name}, {tuple(shape)})", lambda content: nested(content, 0))


def structure(
    heap: Heap, fields: dict[str, Any], size: int, depth: int, objects: Callable[[int], Any] | None
) -> Decoder:
    """Elements with named fields, as tuples."""
    names = [heap.leaf(name) for name in items_of(heap, fields["names"], TUPLE)]
    raw = fields.get("fields")
    pairs = items_of(heap, fields_of(heap, raw).get("mapping", raw), DICT)
    described = {heap.leaf(key): items_of(heap, value, TUPLE) for key, value in zip(pairs[::2], pairs[1::2])}
    parts = [
        (heap.leaf(described[name][1]), decoder_of(heap, described[name][0], depth + 1, objects)) for name in names
    ]
    if any(type(offset) is not int or offset < 0 or offset + part.itemsize > size for offset, part in parts):
        raise ValueError("a structure whose fields exceed it")

    def decode(content: bytes) -> Any:
        return tuple(part.decode(content[offset : offset + part.itemsize]) for offset, part in parts)

    return Decoder(
        size, f"[{', '.join(f'{name}: {part.name}' for name, (_, part) in zip(names, parts))}]"[:200], decode
    )


def simple(kind: str, order: Any, size: int, unit: Any) -> Decoder:
    """Elements of a dtype without parts."""
    mark = ">" if order == "big" else "<"
    if kind == "b":
        return Decoder(size, "bool", lambda content: content != b"\0")
    if kind in "iu":
        signed = kind == "i"
        return Decoder(size, f"{'' if signed else 'u'}int{8 * size}",
                       lambda content: int.from_bytes(content, order, signed=signed))  # fmt: skip
    if kind in "fc":
        return floating(kind, mark, size)
    if kind == "S":
        return Decoder(size, f"S{size}", lambda content: content.rstrip(b"\0"))
    if kind == "U":
        encoding = "utf-32-be" if order == "big" else "utf-32-le"
        return Decoder(size, f"U{size // 4}",
                       lambda content: content.decode(encoding, "surrogatepass").rstrip("\0"))  # fmt: skip
    if kind in "mM":
        return time_decoder(kind, order, size, unit)
    if kind == "O":
        return Decoder(size, "object", lambda content: content, objects=True)
    return Decoder(size, f"V{size}", bytes)


def floating(kind: str, mark: str, size: int) -> Decoder:
    """float16 … longdouble, complex64 … clongdouble."""
    width = size if kind == "f" else size // 2
    code = {2: "e", 4: "f", 8: "d"}.get(width)

    def real(content: bytes) -> float:
        if code is not None:
            return float(struct.unpack(mark + code, content)[0])
        return extended(content)

    name = f"{'float' if kind == 'f' else 'complex'}{8 * size}"
    if kind == "f":
        return Decoder(size, name, real)
    return Decoder(size, name, lambda content: complex(real(content[:width]), real(content[width:])))


def extended(content: bytes) -> float:
    """A long double of x86, as far as a float can hold it."""
    mantissa, exponent = struct.unpack("<QH", content[:10])
    sign, exponent = -1.0 if exponent & 0x8000 else 1.0, exponent & 0x7FFF
    if exponent == 0x7FFF:
        return sign * math.inf if mantissa << 1 & (1 << 64) - 1 == 0 else math.nan
    try:
        return sign * math.ldexp(mantissa, exponent - 16383 - 63)
    except OverflowError:
        return sign * math.inf


def time_decoder(kind: str, order: Any, size: int, unit: Any) -> Decoder:
    """datetime64 and timedelta64: None for NaT; the count of units where datetime has no such value."""
    name = UNITS[unit[0]] if isinstance(unit, list) and 0 <= unit[0] < len(UNITS) else ""
    step = unit[1] if isinstance(unit, list) else 1

    def decode(content: bytes) -> Any:
        count = int.from_bytes(content, order, signed=True)
        if count == NOT_A_TIME:
            return None
        if name not in MICROSECONDS:
            return years(count * step, name) if kind == "M" and name in ("Y", "M") else count * step
        try:
            passed = datetime.timedelta(microseconds=count * step * MICROSECONDS[name])
            if kind == "m":
                return passed
            return (EPOCH + passed).date() if name in ("D", "W") else EPOCH + passed
        except OverflowError:
            return count * step

    return Decoder(size, f"{'datetime64' if kind == 'M' else 'timedelta64'}[{name or 'generic'}]", decode)


def years(count: int, unit: str) -> Any:
    """The first day of the year or month that is `count` of them after 1970."""
    months = count * 12 if unit == "Y" else count
    try:
        return datetime.date(1970 + months // 12, months % 12 + 1, 1)
    except (OverflowError, ValueError):
        return count


# --- struct formats ---------------------------------------------------------------------------------------------

BYTE = Decoder(1, "B", lambda content: content[0])


def format_decoder(code: Any, size: int) -> Decoder:
    """The decoder of a memoryview's format or an array's typecode; of one that struct does not know, the bytes."""
    if code is None:
        return BYTE
    text = code if isinstance(code, str) else ""
    if text == "w":  # a character of UCS-4
        return Decoder(size, text, lambda content: chr(int.from_bytes(content, "little")))
    try:
        described = struct.Struct(text)
    except struct.error:
        return Decoder(size, f"bytes of format {text[:100]!r}", bytes)
    if described.size != size:
        return Decoder(size, f"bytes of format {text[:100]!r}", bytes)

    def decode(content: bytes) -> Any:
        found = described.unpack(content)
        return found[0] if len(found) == 1 else found

    return Decoder(size, text, decode)
