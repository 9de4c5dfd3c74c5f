# SPDX-License-Identifier: Apache-2.0
"""Arrays, memoryviews and bytes as the format writes them: older forms, pieces of other objects, and files that lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyheapdump.view import NotInDumpError
from pyheapdump.view.missing import Missing
from support.dumped_program import DumpedProgram
from support.format_writer import ref

SPLIT, MAPPED, SHARED, BYTES, BYTEARRAY, LIST = 16, 17, 18, 6, 7, 9
INTS = bytes(range(1, 33))  # four of eight bytes each


def number_at(index: int) -> int:
    return int.from_bytes(INTS[8 * index : 8 * index + 8], "little")


@pytest.fixture
def program() -> DumpedProgram:
    return DumpedProgram()


@pytest.fixture(params=["with numpy", "without numpy"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "with numpy":
        pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    else:
        for module in ("numpy_values", "layouts"):
            monkeypatch.setattr(f"pyheapdump.view.{module}.numpy", lambda: None)


def dtype(program: DumpedProgram, kind: str = "i", itemsize: int = 8) -> int:
    base = [MAPPED, None, {"names": None, "fields": None, "subdtype": None, "datetime_unit": None}]
    fields = {"kind": kind, "byteorder": "=", "itemsize": itemsize, "flags": int(kind == "O")}
    return program.special("numpy.dtype", fields, base, "numpy")


def array(program: DumpedProgram, described: dict[str, Any], kind: str = "i") -> int:
    fields = {"data": 4096, "ndim": 1, "base": None, "dtype": ref(dtype(program, kind))}
    return program.special("numpy.ndarray", fields, [MAPPED, None, described], "numpy")


def listed(value: Any) -> Any:
    return value.tolist()


def opened(program: DumpedProgram, tmp_path: Path) -> Any:
    return program.load(tmp_path / "program.dump").heap


def test_elements_in_c_order_without_an_offset(program: DumpedProgram, tmp_path: Path) -> None:
    """As dumps had them before views referred to their arrays: strides are those of the process, and do not count."""
    stepped = array(program, {"shape": [2, 2], "strides": [-64, 800], "content": INTS})
    repeated = array(program, {"shape": [3, 4], "strides": [0, 8], "content": INTS})
    objects = array(program, {"shape": [2, 2], "strides": [8, 16], "objects": [LIST, 1, "b", None, 4.5]}, "O")
    heap = opened(program, tmp_path)
    assert listed(heap.get(stepped)) == [[number_at(0), number_at(1)], [number_at(2), number_at(3)]]
    assert listed(heap.get(repeated)) == [[number_at(i) for i in range(4)]] * 3
    assert heap.get(objects)[1, 1] == 4.5 and heap.get(objects)[0, 1] == "b"


def test_pieces_of_others(program: DumpedProgram, tmp_path: Path) -> None:
    """Content of three pieces: of bytes, of an array that shares them itself, and of the object's own blocks."""
    first = program.add(BYTES, INTS[:16])
    second = array(
        program, {"shape": [1], "strides": [8], "offset": 0, "content": [SHARED, 6, 8, None, ref(first), 8, 8]}
    )
    pieces = [ref(first), 0, 8, ref(second), 0, 8, ref(program.dump.next_id + 1), 16, 16]
    whole = array(program, {"shape": [4], "strides": [8], "offset": 0, "content": [SHARED, 6, 32, None, *pieces]})
    program.dump.content(whole, INTS[16:], 16)
    backwards = array(
        program, {"shape": [2], "strides": [-16], "offset": 16, "content": [SHARED, 6, 24, None, ref(whole), 8, 24]}
    )
    copy = program.add(SHARED, BYTEARRAY, 12, None, ref(first), 2, 12)
    heap = opened(program, tmp_path)
    assert listed(heap.get(second)) == [number_at(1)]
    assert listed(heap.get(whole)) == [number_at(i) for i in range(4)]
    assert listed(heap.get(backwards)) == [number_at(3), number_at(1)]
    assert heap.get(copy) == bytearray(INTS[2:14])


def test_what_was_left_out(program: DumpedProgram, tmp_path: Path) -> None:
    why = "larger than max_buffer: its middle is left out"
    large = array(program, {"shape": [100], "strides": [8], "offset": 0, "content": [SPLIT, 6, 800, why]})
    program.dump.content(large, INTS[:16], 0)
    program.dump.content(large, INTS[16:], 784)
    view = array(
        program, {"shape": [99], "strides": [8], "offset": 0, "content": [SHARED, 6, 792, None, ref(large), 8, 792]}
    )
    gap = program.add(SHARED, BYTES, 40, why, ref(program.add(BYTES, INTS[:8])), 0, 8, None, 0, 32)
    heap = opened(program, tmp_path)
    found, part, text = heap.get(large), heap.get(view), heap.get(gap)
    assert (len(found), found.nbytes, found[1], found[99]) == (100, 800, number_at(1), number_at(3))
    assert (len(part), part[0], part[98]) == (99, number_at(1), number_at(3))
    assert (len(text), text[:8]) == (40, INTS[:8])
    for missing in (lambda: found[50], lambda: listed(part[3:5]), lambda: text[8], lambda: text[:9]):
        with pytest.raises(NotInDumpError, match="max_buffer"):
            missing()
    assert "32 bytes of 800 bytes kept: larger than max_buffer" in repr(found)


LIES: dict[str, dict[str, Any]] = {
    "a shape beyond the content": {"shape": [1 << 60], "strides": [8], "offset": 0, "content": INTS},
    "a negative offset": {"shape": [2], "strides": [8], "offset": -8, "content": INTS},
    "strides beyond the content": {"shape": [2], "strides": [1 << 62], "offset": 0, "content": INTS},
    "a negative length": {"shape": [-1], "strides": [8], "offset": 0, "content": INTS},
    "no strides": {"shape": [4], "strides": [], "offset": 0, "content": INTS},
    "a content that it is itself": {
        "shape": [4],
        "strides": [8],
        "offset": 0,
        "content": [SHARED, 6, 32, None, ref(8), 0, 32],
    },
    "a size that nothing has": {"shape": [1 << 50], "strides": [8], "offset": 0, "content": [SPLIT, 6, 1 << 53]},
    "pieces of negative length": {
        "shape": [4],
        "strides": [8],
        "offset": 0,
        "content": [SHARED, 6, 32, None, ref(0), 0, -32],
    },
    "too few pieces": {"shape": [4], "strides": [8], "offset": 0, "content": [SHARED, 6, 32, None, ref(0)]},
    "an owner without content": {
        "shape": [4],
        "strides": [8],
        "offset": 0,
        "content": [SHARED, 6, 32, None, ref(0), 0, 32],
    },
    "a text": {"shape": "4", "strides": "8", "offset": "0", "content": "text"},
    "repeated for ever": {"shape": [1 << 40, 4], "strides": [0, 8], "offset": 0, "content": INTS},
    "offsets of objects": {"shape": [4], "strides": [8], "offset": 0, "content": INTS, "object_offsets": [1 << 40]},
}


@pytest.mark.parametrize("lie", LIES)
def test_arrays_that_lie(lie: str, program: DumpedProgram, tmp_path: Path) -> None:
    found = opened_array(program, tmp_path, LIES[lie])
    assert len(repr(found)) < 2000
    for look in (
        lambda: found[0],
        lambda: found[:2],
        lambda: listed(found[-1:]),
        lambda: next(iter(found)),
        lambda: found[1 << 58],
    ):
        try:
            look()
        except (NotInDumpError, LookupError, TypeError, ValueError):
            continue


def opened_array(program: DumpedProgram, tmp_path: Path, described: dict[str, Any]) -> Any:
    made = array(program, described)
    return opened(program, tmp_path).get(made)


def test_contents_that_refer_to_each_other(program: DumpedProgram, tmp_path: Path) -> None:
    first = program.dump.next_id
    program.add(SHARED, BYTES, 32, None, ref(first + 1), 0, 32)
    program.add(SHARED, BYTES, 32, None, ref(first), 0, 32)
    many = program.add(SHARED, BYTES, 1 << 40, None, *[ref(first), 0, 1] * 100_000)
    heap = opened(program, tmp_path)
    found = heap.get(first)
    assert len(found) == 32
    with pytest.raises(NotInDumpError):
        found.load()
    assert isinstance(heap.get(many), (bytes, Missing))


def test_objects_that_refer_to_each_other(program: DumpedProgram, tmp_path: Path) -> None:
    array(program, {"shape": [0], "strides": [8], "offset": 0, "objects": [LIST]}, "O")  # makes the types
    first = program.dump.next_id + 1  # each array comes behind its dtype
    made = [
        array(
            program,
            {"shape": [4], "strides": [8], "offset": 0, "objects": [SHARED, LIST, 4, None, ref(owner), 0, 4]},
            "O",
        )
        for owner in (first + 2, first)
    ]
    assert made == [first, first + 2]
    heap = opened(program, tmp_path)
    for rid in made:
        assert repr(heap.get(rid))
