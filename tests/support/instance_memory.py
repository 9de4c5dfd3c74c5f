# SPDX-License-Identifier: Apache-2.0
"""Instances read from memory by the offsets of the layout table, and compared with what Python shows of them.

`verify` looks an instance up as the walker does, along tp_base. What a field tells must be what Python shows; and an
instance must refer to nothing that its row does not tell (gc.get_referents), so that no field is missing.
"""

from __future__ import annotations

import ctypes
import gc
import reprlib
import struct
import sys
import weakref
from typing import Any, Optional

from . import layout_table
from .layout_table import Field, Row
from .type_samples import Sample

ROWS = {(row.name, row.basicsize): row for row in layout_table.rows()}
NUMBERS = {
    "SHORT": "h", "INT": "i", "LONG": "l", "FLOAT": "f", "DOUBLE": "d", "BYTE": "b", "UBYTE": "B", "USHORT": "H",
    "UINT": "I", "ULONG": "L", "BOOL": "?", "LONGLONG": "q", "ULONGLONG": "Q", "SSIZE": "n", "ADDRESS": "P",
}  # fmt: skip
REFERENCES = ("OBJECT", "OBJECT_EX", "BORROWED")
TP_NAME = 24  # offset of tp_name in PyTypeObject, all versions
ABSENT = object()


def tp_name(kind: type) -> str:
    """The C name of a type."""
    name = ctypes.c_char_p.from_address(id(kind) + TP_NAME).value
    assert name is not None
    return name.decode()


def row_of(value: Any) -> Optional[Row]:
    """The row that describes `value`: of the nearest type along tp_base that has one."""
    kind: Optional[type] = type(value)
    while kind is not None:
        row = ROWS.get((tp_name(kind), kind.__basicsize__))
        if row is not None:
            return row
        kind = kind.__base__
    return None


def short(value: Any) -> str:
    return type(value).__name__ + " " + reprlib.repr(value)


def word(address: int) -> int:
    return int(ctypes.c_size_t.from_address(address).value)


def text(address: int) -> Optional[str]:
    content = ctypes.c_char_p(address).value
    return None if content is None else content.decode()


def read(value: Any, field: Field) -> Any:
    """What `field` of `value` holds; for a reference the object, or ABSENT when it is NULL."""
    at = id(value) + field.offset
    if field.kind == "OBJECT_IF" and not ctypes.c_uint8.from_address(id(value) + field.size).value:
        return ABSENT
    if field.kind in (*REFERENCES, "OBJECT_IF"):
        return ctypes.cast(word(at), ctypes.py_object).value if word(at) else ABSENT
    if field.kind == "OBJECT_INDIRECT":
        inner = word(word(at)) if word(at) else 0
        return ctypes.cast(inner, ctypes.py_object).value if inner else ABSENT
    if field.kind in NUMBERS:
        code = NUMBERS[field.kind]
        return struct.unpack(code, ctypes.string_at(at, struct.calcsize(code)))[0] or 0
    if field.kind == "CHAR":
        return ctypes.string_at(at, 1).decode()
    if field.kind == "BYTES":
        return ctypes.string_at(at, field.size)
    if field.kind == "STRING":
        return text(word(at))
    if field.kind == "STRING_INDIRECT":
        return text(word(word(at)))
    byte = ctypes.c_uint8.from_address(at).value
    if field.kind == "BITS":
        return byte >> (field.size >> 8) & ((1 << (field.size & 255)) - 1)
    assert field.kind == "LOCK_COUNT", field
    return word(at + 16) + 1 if byte & 1 else 0


def shown(sample: Sample, value: Any, field: Field) -> Any:
    """What Python says the field holds; ABSENT when it does not show it, or shows something else by that name."""
    if field.name in sample.hidden:
        return ABSENT
    if field.name in sample.shows:
        expected = sample.shows[field.name]
        return expected(value) if callable(expected) else expected
    if isinstance(value, weakref.ProxyTypes):
        return ABSENT
    return getattr(value, field.name, ABSENT)


def same(found: Any, expected: Any) -> bool:
    """Identity, or equality of plain values; NULL stands for None, and -1 or 0 for it in numbers."""
    if found is ABSENT:
        return expected is None
    if found is expected:
        return True
    if type(found) in (bytes, bool, int, str) and isinstance(expected, (bytes, bool, int, str)):
        return bool(found == expected)
    return type(found) is type(expected) and bool(found == expected)


def referents(sample: Sample, value: Any) -> list[Any]:
    """What `value` refers to, beside its type and its own attributes."""
    attributes = getattr(value, "__dict__", None) if not isinstance(value, weakref.ProxyTypes) else None
    own = list(attributes.values()) + [attributes] if type(attributes) is dict else []
    found = [o for o in gc.get_referents(value) if o is not type(value) and not any(o is mine for mine in own)]
    return found


def verify(sample: Sample) -> None:
    """Build the instance of `sample` and compare each field of its row with what Python shows."""
    value = sample.build()
    for expected in sample.shows.values():
        if callable(expected):
            expected(value)  # asked first: some values are made when they are asked for
    row = row_of(value)
    size = type(value).__basicsize__
    assert row is not None, f"no row for {tp_name(type(value))} with basicsize {size} on {sys.version_info[:2]}"
    assert row.name == sample.row
    told = []
    for field in row.fields:
        found = read(value, field)
        if field.kind in (*REFERENCES, "OBJECT_IF"):
            told.append(found)
        expected = shown(sample, value, field)
        if expected is not ABSENT:
            assert same(found, expected), f"{field.name} holds {short(found)}, Python shows {short(expected)}"
        elif field.kind in REFERENCES and field.name not in sample.hidden:
            assert found is ABSENT or any(found is o for o in referents(sample, value)), (
                f"{field.name} holds {short(found)}, to which the instance does not refer"
            )
        else:
            assert field.name in sample.hidden, f"nothing says what {field.name} must hold; it holds {short(found)}"
    if not sample.contents:
        forgotten = [o for o in referents(sample, value) if not any(o is t for t in told)]
        assert not forgotten, f"no field tells {short(forgotten)}"
