# SPDX-License-Identifier: Apache-2.0
"""The rows of the layout table against the memory of the running interpreter.

Each instance of support/type_samples.py is looked up as the walker does, along tp_base, and read with the offsets of
its row. What a field tells must be what Python shows; and an instance must refer to nothing that its row does not
tell (gc.get_referents), so that no field is missing.
"""

from __future__ import annotations

import ctypes
import gc
import reprlib
import struct
import sys
import weakref
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from support import layout_table, type_samples
from support.layout_table import Field, Row
from support.type_samples import SAMPLES, Sample

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
    if field.kind in REFERENCES:
        return ctypes.cast(word(at), ctypes.py_object).value if word(at) else ABSENT
    if field.kind in NUMBERS:
        code = NUMBERS[field.kind]
        return struct.unpack(code, ctypes.string_at(at, struct.calcsize(code)))[0] or 0
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


HERE = [sample for sample in SAMPLES if sample.here]


@pytest.fixture(scope="module", autouse=True)
def _close_what_is_open() -> Iterator[None]:
    yield
    type_samples.finish()


@pytest.mark.parametrize("sample", HERE, ids=lambda sample: sample.row)
def test_fields_are_where_the_table_says(sample: Sample) -> None:
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
        if field.kind in REFERENCES:
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


def test_each_row_has_a_sample() -> None:
    sampled = {sample.row for sample in HERE}
    assert sorted({row.name for row in ROWS.values()} - sampled - WITHOUT_SAMPLE) == []


# Instances that Python code cannot get hold of. Their offsets come from the same declarations as all others.
WITHOUT_SAMPLE = {
    "async_generator_wrapped_value",  # lives between an asynchronous generator and its asend() only
    "TaskStepMethWrapper",  # the callback of a task that has not begun
    "_asyncio.TaskStepMethWrapper",
    "sqlite3.Blob",  # sqlite may be built without
    "builtin_method",  # no module of 3.9 has one; sampled on later versions
}


@pytest.mark.parametrize("minor", range(9, 16))
def test_field_widths_fit_their_kinds(minor: int) -> None:
    for row in layout_table.rows(minor):
        for field in row.fields:
            if field.kind in NUMBERS:
                assert field.size in (struct.calcsize(NUMBERS[field.kind]), 4 if field.kind == "BOOL" else 0), (
                    row,
                    field,
                )
            elif field.kind in REFERENCES:
                assert field.size == 8, (row.name, field)
            assert 0 < field.offset, (row.name, field)


# Types whose C name changed, and ended with the version before.
RENAMED = {
    10: {"Context", "ContextVar", "Token", "weakref", "weakproxy", "weakcallableproxy", "arrayiterator", "_ctypes.PyCFuncPtr"},
    12: {
        "CArgObject", "TaskStepMethWrapper", "_collections._tuplegetter", "_collections._deque_iterator",
        "_collections._deque_reverse_iterator",
    },
    14: {"types.UnionType", "_ctypes.CField"},
}  # fmt: skip


@pytest.mark.parametrize("minor", range(10, 16))
def test_no_type_is_lost_from_one_version_to_the_next(minor: int) -> None:
    before = {row.name for row in layout_table.rows(minor - 1)}
    now = {row.name for row in layout_table.rows(minor)}
    assert before - now == RENAMED.get(minor, set())
