# SPDX-License-Identifier: Apache-2.0
"""C types whose content fields cannot tell: what the writer put into a dump, compared with the values themselves.

All values are in one dump; the tests look at its raw records, so nothing that the viewer does can hide an error.
"""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import decimal
import io
import os
import queue
import sys
import time
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import layout_table
from support.raw_dump import Written, dump_values

VERSION = sys.version_info[:2]
VALUES: dict[str, Any] = {}


def add(kind: str, values: dict[str, Any]) -> list[str]:
    """Put values into the dump; return their names there."""
    names = [f"{kind} {name}" for name in values]
    VALUES.update(zip(names, values.values()))
    return names


class Dumped:
    """The dump and the raw values in it."""

    def __init__(self, written: Written, raw: dict[str, Any]) -> None:
        self.written = written
        self.raw = raw

    def base(self, name: str) -> Any:
        return self.written.base(self.raw[name])

    def fields(self, name: str) -> dict[str, Any]:
        return self.written.fields(self.raw[name])


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumped]:
    written, raw = dump_values(tmp_path_factory.mktemp("special") / "a.dump", VALUES)
    yield Dumped(written, raw)
    written.file.close()


# --- containers


def rotated(count: int) -> Any:
    """A deque that does not begin at the begin of a block."""
    made = collections.deque(range(count))
    made.rotate(count // 3 + 5)
    made.extendleft(["left", "more"])
    return made


DEQUES = add(
    "deque",
    {
        "empty": collections.deque(),
        "one": collections.deque(["a"]),
        "blocks": rotated(500),
        "bounded": collections.deque(range(1000), 70),
        "huge": rotated(20_000),
    },
)


@pytest.mark.parametrize("name", DEQUES)
def test_deque(name: str, dumped: Dumped) -> None:
    assert dumped.base(name) == list(VALUES[name])


def moved(count: int) -> Any:
    """An OrderedDict whose order is not that of its dict."""
    made = collections.OrderedDict((f"key {i}", i) for i in range(count))
    for i in range(0, count, 3):
        made.move_to_end(f"key {i}", last=i % 2 == 0)
    for i in range(0, count, 5):
        del made[f"key {i}"]
    made["new"] = "value"
    return made


DICTS = add("ordered", {str(count): moved(count) for count in (0, 3, 100, 300, 70_000)})
DICTS += add("ordered", {"plain": collections.OrderedDict(a=1, b=2)})
DICTS += add("default", {"list": collections.defaultdict(list, a=1, b=2)})


@pytest.mark.parametrize("name", DICTS)
def test_dict(name: str, dumped: Dumped) -> None:
    assert dumped.base(name) == list(VALUES[name].items())


def test_default_factory(dumped: Dumped) -> None:
    assert "default_factory" in dumped.fields("default list")


def wrapped_queue() -> Any:
    """A queue whose memory begins in the middle."""
    made: Any = queue.SimpleQueue()
    for i in range(6):
        made.put(i)
    for _ in range(5):
        made.get()
    for i in range(6, 11):
        made.put(i)
    return made


add("queue", {"wrapped": wrapped_queue()})


@pytest.mark.skipif(VERSION < (3, 13), reason="before 3.13 the items are a list, told by the fields")
def test_simple_queue(dumped: Dumped) -> None:
    assert dumped.base("queue wrapped") == [5, 6, 7, 8, 9, 10]


def context(count: int) -> Any:
    """A context with this many variables, and those that the interpreter's modules have set."""
    made = contextvars.copy_context()
    for i in range(count):
        made.run(contextvars.ContextVar(f"v{i}").set, f"value {i}")
    return made


# trees of one node, of bitmap nodes, and (over 16 in one place) of array nodes
CONTEXTS = add("context", {str(count): context(count) for count in (0, 1, 5, 40, 3000)})


@pytest.mark.parametrize("name", CONTEXTS)
def test_context(name: str, dumped: Dumped) -> None:
    found = dumped.base(name)
    assert len(found) == len(VALUES[name])
    mine = {text for _, text in found if isinstance(text, str) and text.startswith("value ")}
    assert mine == {f"value {i}" for i in range(int(name.split()[1]))}


add(
    "element",
    {
        "children": xml.etree.ElementTree.fromstring("<root key='x'>" + "<a/>text" * 7 + "</root>"),
        "lone": xml.etree.ElementTree.Element("lone"),
    },
)


def test_element(dumped: Dumped) -> None:
    written = dumped.written
    children = dumped.base("element children")
    assert [written.value(written.fields(child)["tag"]) for child in children] == ["a"] * 7
    assert dumped.base("element lone") == []
    assert "attrib" in dumped.fields("element children")


# --- numbers

SPELLED = """0 -0 1 -12.5 1E+5 1E-400 NaN -NaN sNaN NaN123 sNaN45 Infinity -Infinity 12345678901234567890
    10000000000000000000 99999999999999999999999999999999999999 1000000000000000000000000000000000000000E-7""".split()
DECIMALS = add("decimal", {text: decimal.Decimal(text) for text in SPELLED})
DECIMALS += add("decimal", {"many digits": decimal.Decimal("7" * 100_000 + "E-3")})


@pytest.mark.parametrize("name", DECIMALS)
def test_decimal(name: str, dumped: Dumped) -> None:
    assert decimal.Decimal(dumped.base(name)).as_tuple() == VALUES[name].as_tuple()


# --- bytes and text

ARRAYS = add(
    "array",
    {
        f"{code} {count}": array.array(code, [i % 100 for i in range(count)])
        for code in "bBhHiIlLqQfd"
        for count in (0, 3, 50_000)
    },
)


@pytest.mark.parametrize("name", ARRAYS)
def test_array(name: str, dumped: Dumped) -> None:
    assert dumped.base(name) == VALUES[name].tobytes()
    assert dumped.fields(name)["typecode"] == VALUES[name].typecode


def written_in_parts(*parts: str) -> Any:
    stream = io.StringIO()
    for part in parts:
        stream.write(part)
    return stream


def overwritten() -> Any:
    stream = io.StringIO("abcdef")
    stream.seek(2)
    stream.write("\U0001f40d")
    return stream


TEXTS = add(
    "text",
    {
        "empty": io.StringIO(),
        "initial": io.StringIO("some \u20ac text"),
        "written": written_in_parts("one ", "two\n", "\xe9\u20ac\U0001f40d"),
        "many": written_in_parts(*(f"line {i}\n" for i in range(5000))),
        "surrogates": written_in_parts("a", "\ud800", "b"),
        "surrogates_realized": io.StringIO("\udfff"),
        "large": io.StringIO("\u20ac" * 200_000),
        "large_written": written_in_parts(*["\xe9" * 1000] * 200),
        "overwritten": overwritten(),
    },
)


@pytest.mark.parametrize("name", TEXTS)
def test_string_io(name: str, dumped: Dumped) -> None:
    found = dumped.base(name)
    assert found == VALUES[name].getvalue()


VIEWS = add(
    "view",
    {
        "plain": memoryview(b"0123456789"),
        "stepped": memoryview(bytes(range(100)))[3:90:7],
        "reversed": memoryview(bytes(range(20)))[::-1],
        "two": memoryview(bytes(range(24))).cast("B", (4, 6)),
        "ints": memoryview(array.array("i", range(1000)))[::3],
        "huge": memoryview(bytes(300_000))[::2],
        "zero": memoryview(b"abcd").cast("i", ()),
        "empty": memoryview(b""),
    },
)


@pytest.mark.parametrize("name", VIEWS)
def test_memoryview(name: str, dumped: Dumped) -> None:
    found, value = dumped.base(name), VALUES[name]
    assert found["content"] == value.tobytes()
    assert (tuple(found["shape"]), tuple(found["strides"])) == (value.shape, value.strides)
    assert dumped.fields(name)["format"] == value.format


RELEASED = memoryview(b"gone")
RELEASED.release()
add("released", {"view": RELEASED})


def test_released_memoryview(dumped: Dumped) -> None:
    assert dumped.written.file.record(dumped.raw["released view"].id)[2] is None


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


MEMORIES = add(
    "ctypes",
    {
        "structure": Point(3, 1.5),
        "int": ctypes.c_int(-5),
        "array": (ctypes.c_int16 * 4)(1, -2, 3, -4),
        "large": ctypes.create_string_buffer(b"text", 100_000),
    },
)
add("nowhere", {"int": ctypes.c_int.from_address(0x1000)})


@pytest.mark.parametrize("name", MEMORIES)
def test_ctypes(name: str, dumped: Dumped) -> None:
    assert dumped.base(name)["content"] == bytes(VALUES[name])


def test_ctypes_instance_without_memory(dumped: Dumped) -> None:
    assert type(dumped.base("nowhere int")["content"]).__name__ == "Missing"
    assert dumped.fields("nowhere int")["b_size"] == 4


STRUCTURES = add("sequence", {"stat": os.stat_result(range(10, 29)), "time": time.localtime(), "flags": sys.flags})


@pytest.mark.parametrize("name", STRUCTURES)
def test_named_items_of_struct_sequences(name: str, dumped: Dumped) -> None:
    """Also those that are no items of the tuple."""
    value, found = VALUES[name], {n: dumped.written.value(raw) for n, raw in dumped.fields(name).items()}
    assert dumped.base(name) == list(value)
    assert value.n_unnamed_fields + len(found) == value.n_fields
    assert found == {member: getattr(value, member) for member in found}


# --- broken memory

BROKEN = {  # the pointer to break, by the row of the type
    "collections.deque": ("_leftblock", lambda: collections.deque([1, 2])),
    "collections.OrderedDict": ("_first", lambda: moved(9)),
    "decimal.Decimal": ("_mpd_data", lambda: decimal.Decimal("1.5")),
    "array.array": ("ob_item", lambda: array.array("i", [1, 2])),
    "_io.StringIO": ("_buf", lambda: io.StringIO("text")),
    "memoryview": ("buf", lambda: memoryview(b"abc")),
}


def pointer_of(row_name: str, value: Any) -> ctypes.c_size_t:
    """The word in memory that the table calls by this field's name."""
    row = next(row for row in layout_table.rows() if row.name == row_name)
    field = next(field for field in row.fields if field.name == BROKEN[row_name][0])
    return ctypes.c_size_t.from_address(id(value) + field.offset)


def test_broken_content_costs_the_content_only(tmp_path: Path) -> None:
    values = {name: build() for name, (_, build) in BROKEN.items()}
    sound, _ = dump_values(tmp_path / "sound.dump", values)  # what else is broken in a process that ran other tests
    pointers = {name: pointer_of(name, value) for name, value in values.items()}
    whole = {name: pointer.value for name, pointer in pointers.items()}
    for pointer in pointers.values():
        pointer.value = 0x1010
    try:
        written, raw = dump_values(tmp_path / "a.dump", values)
    finally:
        for name, pointer in pointers.items():
            pointer.value = whole[name]
    for name in BROKEN:
        record = written.file.record(raw[name].id)
        assert record[0] == 1, (name, record)
        content = record[2][2]["content"] if name == "memoryview" else record[2]
        assert type(content).__name__ == "Missing", (name, record)
        assert BROKEN[name][0] in written.fields(raw[name])
    end = written.file.blocks(8)[0]
    assert (end["broken"], "reason" in end) == (sound.file.blocks(8)[0]["broken"], False)
    assert end["missing_values"] >= len(BROKEN)


@pytest.mark.parametrize("change", [-2 * 19, -19, 1, 19, 1 << 40])
def test_a_decimal_whose_digits_do_not_fit_its_words(tmp_path: Path, change: int) -> None:
    """No digits are invented, and none left out."""
    value = decimal.Decimal("7" * 57)
    row = next(row for row in layout_table.rows() if row.name == "decimal.Decimal")
    field = next(field for field in row.fields if field.name == "_mpd_digits")
    digits = ctypes.c_size_t.from_address(id(value) + field.offset)
    assert digits.value == 57
    digits.value = 57 + change
    try:
        written, raw = dump_values(tmp_path / "a.dump", {"value": value})
    finally:
        digits.value = 57
    record = written.file.record(raw["value"].id)
    assert record[0] == 1 and type(record[2]).__name__ == "Missing", record
