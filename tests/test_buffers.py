# SPDX-License-Identifier: Apache-2.0
"""Buffers in a dump: written once, cut at bounds that are told, and shared again in the viewer."""

from __future__ import annotations

import array
import ctypes
import io
import mmap
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from pyheapdump.view import Dump, NotInDumpError, load

SECONDS = 120


def local_of(dump: Dump, name: str) -> Any:
    """Local `name` of the innermost frame that has it."""
    for frame in reversed(dump.threads[0].frames):
        if name in frame.f_locals:
            return frame.f_locals[name]
    raise LookupError(name)


def dumped(path: Path, **held: Any) -> Dump:
    """A dump of this process that has `held` among its locals."""
    pyheapdump.dump(str(path))
    return load(str(path))


def size_of_dump(path: Path, program: str, *arguments: str) -> int:
    """The size of the dump that a program of its own leaves when it fails; its modules are not counted."""
    text = textwrap.dedent(program)
    environment = {**os.environ, "PYHEAPDUMP_DIR": str(path)}
    path.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], env=environment, timeout=SECONDS, capture_output=True, text=True
    )
    assert "ZeroDivisionError" in done.stderr, done.stderr
    (made,) = path.glob("*.dump")
    return made.stat().st_size


# --- written once -------------------------------------------------------------------------------------------------

VIEWS = {
    "numpy": """
        import numpy
        array = numpy.frombuffer(os.urandom(4_000_000)).copy()
        views = [array[i:] for i in range(count)] + [array[::-i - 1] for i in range(count)]
    """,
    "memoryview": """
        array = bytearray(os.urandom(4_000_000))
        views = [memoryview(array)[i:] for i in range(count)] + [memoryview(array)[i::2] for i in range(count)]
    """,
    "ctypes": """
        import ctypes
        array = bytearray(os.urandom(4_000_000))
        views = [(ctypes.c_char * 3_000_000).from_buffer(array, i) for i in range(count)]
    """,
    "memory of C": """
        import ctypes
        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        array = libc.malloc(4_000_000)
        ctypes.memmove(array, os.urandom(4_000_000), 4_000_000)
        views = [(ctypes.c_char * (4_000_000 - 3 * i)).from_address(array + 2 * i) for i in range(count + 1)]
    """,
}


@pytest.mark.parametrize("kind", VIEWS)
def test_fifty_views_take_no_more_than_one(kind: str, tmp_path: Path) -> None:
    if kind == "numpy":
        pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    program = "import os, sys, pyheapdump; pyheapdump.install()\ndef hold(count):\n"
    program += textwrap.indent(textwrap.dedent(VIEWS[kind]), "    ") + "    1 / 0\nhold(int(sys.argv[1]))\n"
    one, many = (size_of_dump(tmp_path / count, program, count) for count in ("0", "50"))
    assert one > 3_900_000, "the bytes are there"
    assert many <= 1.1 * one


def test_a_view_of_bytes_that_nothing_else_refers_to(tmp_path: Path) -> None:
    view = memoryview(os.urandom(300_000))[5:]
    dump = dumped(tmp_path / "a.dump", view=view)
    assert local_of(dump, "view") == view
    assert sum(content.count(view[1000:1100]) for content in contents(dump)) == 1


# --- shared again -------------------------------------------------------------------------------------------------


def test_views_of_python_objects_are_views_again(tmp_path: Path) -> None:
    writable = bytearray(range(256))
    numbers = array.array("d", range(100))
    stream = io.BytesIO(bytes(1000))
    views = [
        memoryview(writable)[7:99],
        memoryview(writable)[::-3],
        memoryview(writable).cast("I"),
        memoryview(numbers),
    ]
    views += [memoryview(writable).cast("B", (16, 16)), stream.getbuffer()[3:], memoryview(b"read only")[2:]]
    described = [(v.tolist(), v.format, v.shape, v.strides, v.readonly) for v in views]
    dump = dumped(tmp_path / "a.dump", writable=writable, numbers=numbers, views=views)
    found, whole = local_of(dump, "views"), local_of(dump, "writable")
    assert [(v.tolist(), v.format, v.shape, v.strides, v.readonly) for v in found] == described
    whole[9] = 77
    assert found[0][2] == 77 and found[1][82] == 77 and found[2][2] >> 8 & 255 == 77 and found[4][0, 9] == 77
    assert [v.obj is whole for v in found] == [True, True, True, False, True, False, False]


def test_an_mmap_and_what_looks_at_it(tmp_path: Path) -> None:
    mapped = mmap.mmap(-1, 100_000)
    mapped[:5] = b"hello"
    mapped[-3:] = b"end"
    view = memoryview(mapped)[1:9]
    dump = dumped(tmp_path / "a.dump", mapped=mapped, view=view)
    found = local_of(dump, "mapped")
    assert (len(found), found[:5], found[-1], found[99_997:], found[4::-1]) == (
        100_000,
        b"hello",
        100,
        b"end",
        b"olleh",
    )
    assert bytes(local_of(dump, "view")) == b"ello\0\0\0\0"
    assert "hello" in repr(found)


# --- numpy ----------------------------------------------------------------------------------------------------------

READER = """
    import pickle, sys
    if sys.argv[2] == "without numpy":
        sys.modules["numpy"] = None
    from pyheapdump.view import load
    dump = load(sys.argv[1])
    held = next(f.f_locals["held"] for f in reversed(dump.threads[0].frames) if "held" in f.f_locals)
    described = []
    for one in held:
        last = tuple(length - 1 for length in one.shape)
        described.append((type(one).__module__, one.shape, one.strides, one.nbytes, one.tolist(),
                          len(one) if one.shape else None, one[last] if one.size else None))
    sys.stdout.buffer.write(pickle.dumps(described))
"""


def described(path: Path, how: str) -> list[Any]:
    """What a reader with or without numpy finds of the list `held`."""
    command = [sys.executable, "-c", textwrap.dedent(READER), str(path), how]
    done = subprocess.run(command, timeout=SECONDS, capture_output=True)
    assert not done.returncode, done.stderr.decode()
    found: list[Any] = pickle.loads(done.stdout)
    return found


def samples(numpy: Any) -> list[Any]:
    """Arrays and views of all kinds, many of the same memory."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    made: list[Any] = []
    types = "b1 i1 u2 i4 >i4 u8 f2 f4 >f8 c8 c16 S5 U3 M8[D] M8[us] m8[s] V3 O".split()
    types += [[("a", "i2"), ("b", "f8", (2,))], [("o", "O"), ("n", "i4"), ("p", "O", (2,))]]  # type: ignore[list-item]

    @seed(1)
    @settings(max_examples=40, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def build(data: Any) -> None:
        dtype = numpy.dtype(data.draw(st.sampled_from(types)))
        shape = tuple(data.draw(st.lists(st.integers(0, 7), max_size=4)))
        count = int(numpy.prod(shape))
        if dtype.hasobject:
            whole = numpy.empty(shape, dtype)
            objects = whole if dtype.kind == "O" else whole["o"]
            objects[...] = numpy.arange(count).reshape(shape)
        else:
            content = bytes(
                number % 120 if dtype.kind != "U" or not number % 4 else 0 for number in range(count * dtype.itemsize)
            )
            whole = numpy.frombuffer(bytearray(content), dtype).reshape(shape)
        made.append(whole)
        for _ in range(3):
            keys = [data.draw(st.slices(length)) for length in whole.shape]
            view = whole[(*keys, ...)]
            view = view.T if data.draw(st.booleans()) else view
            if data.draw(st.booleans()):
                view = numpy.broadcast_to(view, (3, *view.shape))
            made.append(view)

    build()
    made += [numpy.array(5.5), numpy.zeros((3, 0, 2)), numpy.asfortranarray(numpy.arange(12).reshape(3, 4))]
    made += [numpy.lib.stride_tricks.as_strided(numpy.arange(20), (9, 4), (16, 8))]
    made += [numpy.array([1, "x", {"k": 1}, None], dtype=object), numpy.array(list(range(30_000)), dtype=object)]
    made += [made[-1][29_990::-2], numpy.array(5, dtype=object), numpy.array([], dtype=object)]
    made += [numpy.ndarray((2, 3), "i4", memoryview(bytearray(range(64)))[4:], 8, (12, -4))]
    return made


def expected_of(value: Any) -> tuple[Any, ...]:
    """What a reader must find, in the form of READER."""
    last = value.item(*(length - 1 for length in value.shape)) if value.size else None
    length = len(value) if value.shape else None
    return value.shape, value.strides, value.nbytes, plain(value.tolist()), length, plain(last)


def plain(value: Any) -> Any:
    """Without numpy's own types, and NaN equal to itself."""
    if isinstance(value, (list, tuple)):
        return type(value)(plain(one) for one in value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return "nan" if value != value else value  # noqa: PLR0124


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Any]]]:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    held = samples(numpy)
    path = tmp_path_factory.mktemp("arrays") / "a.dump"
    pyheapdump.dump(str(path))
    yield path, held


@pytest.mark.parametrize("how", ["with numpy", "without numpy"])
def test_elements(arrays: tuple[Path, list[Any]], how: str) -> None:
    path, held = arrays
    found = described(path, how)
    assert len(found) == len(held)
    for value, (_, *rest) in zip(held, found):
        assert plain(tuple(rest)) == expected_of(value), (value.dtype, value.shape, value.strides)


def test_arrays_share_memory_as_before(arrays: tuple[Path, list[Any]]) -> None:
    import numpy

    path, held = arrays
    found = local_of(load(str(path)), "held")
    real = [(value, one) for value, one in zip(held, found) if isinstance(one, numpy.ndarray)]
    assert len(real) >= len(held) - 2, "all but those of very many objects"
    for before, after in zip(real, real[1:]):
        sharing = [numpy.shares_memory(before[i], after[i], max_work=10_000) for i in range(2)]
        plain_bytes = not before[0].dtype.hasobject or before[0].dtype.kind == "O"
        assert sharing[0] == sharing[1] or not plain_bytes
        assert after[1].flags.writeable == after[0].flags.writeable


def test_a_view_has_its_array_as_base(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    whole = numpy.arange(1000)
    view = whole[3:]
    dump = dumped(tmp_path / "a.dump", whole=whole, view=view)
    found = local_of(dump, "view")
    assert found.base is local_of(dump, "whole")
    local_of(dump, "whole")[3] = -5
    assert found[0] == -5 and view[0] == 3


def test_columns_of_a_frame_are_written_once(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed for this interpreter")
    numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    values = numpy.frombuffer(os.urandom(8 * 60_000), "i8").reshape(6000, 10)
    frame = pandas.DataFrame(values)
    parts = [frame.iloc[i:] for i in range(20)] + [frame[i] for i in range(10)]
    dump = dumped(tmp_path / "a.dump", frame=frame, parts=parts)
    marks = [values[2500].tobytes(), numpy.ascontiguousarray(values[2000:2020, 3]).tobytes()]
    written = b"".join(contents(dump))
    assert 1 <= sum(written.count(mark) for mark in marks) <= 2, "pandas may have made a copy"


def contents(dump: Dump) -> Iterator[bytes]:
    """The content of all objects that have blocks of their own."""
    file = dump.file
    for rid in range(file.object_count):
        if file.content_kept(rid):
            yield file.content(rid)


# --- bounds ---------------------------------------------------------------------------------------------------------

LARGE = """
    import array, io, mmap, pyheapdump, sys
    def hold():
        size = 1_000_000
        ascii = "a" * 10 + "x" * (size - 20) + "z" * 10
        wide = "\\u03c0" * 10 + "\\u03c3" * (size - 20) + "\\u03c9" * 10
        data = b"a" * 10 + b"x" * (size - 20) + b"z" * 10
        changeable = bytearray(data)
        stream = io.BytesIO(data + b"!")
        numbers = array.array("i", range(size))
        mapped = mmap.mmap(-1, size)
        mapped[:3], mapped[-3:] = b"one", b"two"
        view = memoryview(changeable)[5:]
        text = io.StringIO("s" * size)
        pyheapdump.dump(sys.argv[1])
    pyheapdump.install(max_buffer=100_000, max_buffers=None)
    hold()
"""


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Dump:
    path = tmp_path_factory.mktemp("cut") / "a.dump"
    subprocess.run([sys.executable, "-c", textwrap.dedent(LARGE), str(path)], timeout=SECONDS, check=True)
    return load(str(path))


def error_of(function: Any) -> str:
    with pytest.raises(NotInDumpError) as found:
        function()
    text = str(found.value)
    assert "\n" not in text
    return text


def test_texts_and_bytes_that_are_cut(cut: Dump) -> None:
    size = 1_000_000
    for name, first, last in (("ascii", "a", "z"), ("wide", "\u03c0", "\u03c9")):
        text = local_of(cut, name)
        assert (len(text), text[:10], text[0], text[-10:], text[-1]) == (size, first * 10, first, last * 10, last)
        for missing in (lambda: text[size // 2], lambda: text[5:-5], text.load, text.upper, lambda: "y" in text):
            assert "max_buffer" in error_of(missing)
    for name in ("data", "changeable"):
        data = local_of(cut, name)
        assert (len(data), bytes(data[:10]), data[0], bytes(data[-10:]), data[size - 1]) == (
            size,
            b"a" * 10,
            97,
            b"z" * 10,
            122,
        )
        for missing in (lambda: data[size // 2], lambda: data[5:-5], data.load, lambda: data == b"a" * size):
            assert "max_buffer" in error_of(missing)
        assert "100,000 of them kept" in repr(data)


def test_arrays_and_maps_that_are_cut(cut: Dump) -> None:
    numbers, mapped, view = (local_of(cut, name) for name in ("numbers", "mapped", "view"))
    assert (len(numbers), numbers[0], numbers[-1], numbers[10_000]) == (1_000_000, 0, 999_999, 10_000)
    assert (len(mapped), mapped[:3], mapped[-3:]) == (1_000_000, b"one", b"two")
    assert (len(view), view.nbytes, view[0], view[-1]) == (999_995, 999_995, 97, 122)
    for missing in (lambda: numbers[500_000], lambda: mapped[500_000], lambda: list(view), numbers.tolist):
        assert "max_buffer" in error_of(missing)
    for one in (numbers, mapped, view):
        assert "97.7 KiB of" in repr(one) and "kept: larger than max_buffer" in repr(one)
    omitted = {one["what"]: one["count"] for one in cut.end["omitted"]}
    assert omitted["buffers"] >= 8 and omitted["bytes of buffers"] > 8 * 890_000


def test_an_array_that_is_cut(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    program = """
        import numpy, pyheapdump; pyheapdump.install(max_buffer=100_000)
        def hold():
            large = numpy.arange(1_000_000).reshape(1000, 1000); same = large.T
            row, column, head, most = large[500], large[400:500, 7], large[:2, ::2], large[1:]
            1 / 0
        hold()
    """
    assert size_of_dump(tmp_path / "dumps", program) < 3_000_000
    dump = load(str(next((tmp_path / "dumps").glob("*.dump"))))
    frames = dump.traceback
    while frames is not None and frames.tb_next:
        frames = frames.tb_next
    assert frames is not None
    held = frames.tb_frame.f_locals
    large, same = held["large"], held["same"]
    assert (large.shape, large.nbytes, len(large), large[0, 7], large[-1, -1]) == (
        (1000, 1000),
        8_000_000,
        1000,
        7,
        999_999,
    )
    assert same[7, 0] == 7 and same.shape == (1000, 1000)
    assert type(large[1]) is numpy.ndarray and large[1].tolist() == list(range(1000, 2000))
    assert numpy.asarray(held["head"]).tolist() == [list(range(0, 1000, 2)), list(range(1000, 2000, 2))]
    assert held["row"].tolist() == list(range(500_000, 501_000)), "a small view of the middle has its elements"
    assert held["column"].tolist() == list(range(400_007, 500_000, 1000))
    for missing in (lambda: large[600, 500], lambda: held["most"][600, 3], large.tolist, lambda: numpy.asarray(large)):
        assert "max_buffer" in error_of(missing)
    assert " KiB of 7.6 MiB kept: larger than max_buffer" in repr(large)


def test_all_buffers_together(tmp_path: Path) -> None:
    program = """
        import os, pyheapdump; pyheapdump.install(max_buffers=1_000_000)
        def hold():
            near = os.urandom(900_000)
            far = [[[[[[os.urandom(900_000)]]]]]]
            1 / 0
        hold()
    """
    assert 900_000 < size_of_dump(tmp_path / "dumps", program) < 3_500_000
    dump = load(str(next((tmp_path / "dumps").glob("*.dump"))))
    omitted = {one["what"]: one["count"] for one in dump.end["omitted"]}
    near = dump.traceback.tb_next.tb_frame.f_locals["near"]  # type: ignore[union-attr]
    far = dump.traceback.tb_next.tb_frame.f_locals["far"][0][0][0][0][0][0]  # type: ignore[union-attr]
    assert type(near) is bytes and len(near) == 900_000
    assert len(far) == 900_000 and "max_buffers" in error_of(far.load)
    assert omitted["buffers"] >= 1


def test_much_more_memory_than_a_mail_takes(tmp_path: Path) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    program = """
        import numpy, pyheapdump; pyheapdump.install()
        def hold():
            huge = numpy.zeros(20 << 30, "u1")
            huge[0], huge[-1] = 1, 2
            1 / 0
        hold()
    """
    assert size_of_dump(tmp_path / "dumps", program) < 10_000_000
    dump = load(str(next((tmp_path / "dumps").glob("*.dump"))))
    huge = dump.traceback.tb_next.tb_frame.f_locals["huge"]  # type: ignore[union-attr]
    assert (len(huge), huge.nbytes, huge[0], huge[-1], huge[1000]) == (20 << 30, 20 << 30, 1, 2, 0)
    assert "max_buffer" in error_of(lambda: huge[10 << 30])
    assert "64.0 MiB of 20.0 GiB kept" in repr(huge)


def test_pages_of_a_file_that_was_cut(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    numpy.arange(4096.0).tofile(tmp_path / "file")
    whole = numpy.memmap(tmp_path / "file", dtype="f8", mode="r+", shape=(4096,))
    every = whole[::2]
    os.truncate(tmp_path / "file", mmap.PAGESIZE)
    dump = dumped(tmp_path / "a.dump", whole=whole, every=every)
    found, second = local_of(dump, "whole"), local_of(dump, "every")
    last = mmap.PAGESIZE // 8 - 1
    assert (len(found), found[last], second[last // 2]) == (4096, float(last), float(last - 1))
    assert "could not be read" in error_of(lambda: found[4000])


# --- hostile and old files ------------------------------------------------------------------------------------------


def test_ctypes_instances_keep_their_bytes(tmp_path: Path) -> None:
    owner = bytearray(b"0123456789" * 50)
    instance = (ctypes.c_char * 300).from_buffer(owner, 7)
    dump = dumped(tmp_path / "a.dump", owner=owner, instance=instance)
    assert bytes(local_of(dump, "instance").content) == bytes(owner[7:307])
