# SPDX-License-Identifier: Apache-2.0
"""DumpFile, the C reader of dumps: random access, and files that are cut, damaged or hostile.

The dumps are made by support/format_writer.py, a writer that shares no code with the reader.
"""

import math
import os
import random
import resource
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyheapdump._pyheapdump import ABSENT, Address, DumpError, DumpFile, Missing, Pairs, Ref, Run
from support import format_writer as fw
from support.format_writer import Block, DumpBuilder

SECONDS = 10.0  # no hostile file of these tests may take longer to open and read through


def open_bytes(folder: Path, data: bytes) -> DumpFile:
    path = folder / "made.dump"
    path.write_bytes(data)
    return DumpFile(path)


def small_dump(count: int = 500, **options: Any) -> DumpBuilder:
    """A dump with `count` records [5, "text <id>"], some of each other kind of block, and a container in pieces."""
    dump = DumpBuilder(records_per_block=20, **options)
    dump.facts()
    dump.roots({"exception": fw.ref(1)})
    dump.source("/app/app.py", "raise ValueError\n")
    for i in range(count - 2):
        dump.add([5, f"text {i}"])
    big = dump.add([16, 9, 1000])
    text = dump.add([16, 5, 300])
    end = 0
    for start in range(0, 1000, 100):
        end = dump.items(big, [10 * n for n in range(start, start + 100)], end)
    for start in range(0, 300, 100):
        dump.content(text, bytes([65 + start // 100]) * 100, start)
    dump.end()
    return dump


def expected(count: int = 500) -> "dict[int, Any]":
    """What small_dump() holds."""
    records: "dict[int, Any]" = {i: [5, f"text {i}"] for i in range(count - 2)}
    records[count - 2] = [16, 9, 1000]
    records[count - 1] = [16, 5, 300]
    return records


def read_through(dump: DumpFile) -> "dict[int, Any]":
    """Everything of a dump is asked for; what is missing must be said in the agreed ways. Returns the records."""
    records: "dict[int, Any]" = {}
    assert isinstance(dump.text, str) and isinstance(dump.headers, list) and len(dump.index) >= 1
    for kind in (fw.FACTS, fw.ROOTS, fw.SOURCE, fw.PROC, fw.END):
        assert all(isinstance(found, (dict, list)) for found in dump.blocks(kind))
    count = dump.object_count
    for identifier in [*range(min(count, 2000)), count - 1, count, 2**63]:
        if identifier < 0:
            continue
        try:
            records[identifier] = dump.record(identifier)
            assert dump.has(identifier)
        except KeyError as error:
            assert isinstance(error.args[0], str) and error.args[0]
        try:
            dump.address(identifier)
        except KeyError as error:
            assert isinstance(error.args[0], str)
        dump.values(identifier, 0, 10)
        dump.content(identifier, 0, 1000)
    assert dump.find_address(1) in (None, *range(count))
    assert all(isinstance(problem, str) and "\n" not in problem for problem in dump.problems)
    return records


# --- what a good dump gives ---


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    with open_bytes(tmp_path, small_dump().to_bytes()) as dump:
        assert (dump.version, dump.index_found, dump.problems) == (3, True, [])
        assert dump.object_count == 500
        assert read_through(dump) == expected()
        assert dump.blocks(fw.FACTS)[0]["python"] == [3, 11, 7]
        assert dump.blocks(fw.ROOTS)[0]["exception"] == Ref(1)
        assert dump.blocks(fw.END)[0]["complete"] is True
        assert dump.text.startswith("Traceback (most recent call last):\n")
        assert ("X-Python-Heapdump-Pid", "4711") in dump.headers


VALUES = [
    (None, None),
    (True, True),
    (-(2**63), -(2**63)),
    (2**64 - 1, 2**64 - 1),
    (2**64, 2**64),
    (-(2**90), -(2**90)),
    (10**5000, 10**5000),
    (-(10**5000), -(10**5000)),
    (-0.0, -0.0),
    (float("inf"), float("inf")),
    ("ü𝄞\0", "ü𝄞\0"),
    ("\ud800x\udfff", "\ud800x\udfff"),
    (b"\0\xff", b"\0\xff"),
    (1.5 - 2.5j, 1.5 - 2.5j),
    (fw.ref(0), Ref(0)),
    (fw.ref(300), Ref(300)),
    (fw.ref(2**40), Ref(2**40)),
    (fw.forward(0), Ref(7)),
    (fw.forward(70_000), Ref(70_007)),
    (fw.run(5, 6), Run(5, 6)),
    (fw.address(0xDEADBEEF), Address(0xDEADBEEF)),
    ({"a": 1, "\ud800": 2}, {"a": 1, "\ud800": 2}),
    ({1: 2, "a": None}, [(1, 2), ("a", None)]),
    ({"a": 1, 2: 3}, [("a", 1), (2, 3)]),
    ({}, {}),
    ([[], [1, [2]]], [[], [1, [2]]]),
]


@pytest.mark.parametrize("written, read", VALUES, ids=range(len(VALUES)))
def test_values(tmp_path: Path, written: Any, read: Any) -> None:
    dump = DumpBuilder()
    for _ in range(7):
        dump.add([2, 1])
    dump.add([9, written])  # id 7
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        (value,) = file.record(7)[1:]
    assert type(value) is (Pairs if isinstance(written, dict) and isinstance(read, list) else type(read))
    assert value == read
    if isinstance(read, float):
        assert math.copysign(1, value) == math.copysign(1, read)


def test_values_without_equality(tmp_path: Path) -> None:
    dump = DumpBuilder()
    odd = fw.msgpack.ExtType(77, b"later")
    dump.add([9, fw.ABSENT, fw.missing("too large", 64), fw.missing("lost"), odd, float("nan")])
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        absent, large, lost, unknown, nan = file.record(0)[1:]
    assert absent is ABSENT and repr(absent) == "ABSENT"
    assert (type(large), large.reason, large.address) == (Missing, "too large", 64)
    assert (lost.reason, lost.address) == ("lost", 0)
    assert type(unknown) is Missing and "77" in unknown.reason
    assert nan != nan


def test_text_that_is_no_utf8_is_shown(tmp_path: Path) -> None:
    dump = DumpBuilder()
    dump.raw_block(Block(fw.OBJECTS, 0, 1, b"\x92\x05\xa2a\xff" + fw.encode({"a": [64]})))
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.record(0) == [5, "a\\xff"]


def test_ref_types() -> None:
    assert Ref(3) == Ref(3) != Ref(4) and Ref(3) != 3 and hash(Ref(3)) == hash(Ref(3))
    assert {Ref(2**62): 1}[Ref(2**62)] == 1
    assert (Run(1, 2).id, Run(1, 2).count) == (1, 2)
    assert Run(3, 1) != Ref(3) and Address(3) != Ref(3) and Run(1, 2) != Run(1, 3)
    assert (Missing("why").reason, Missing("why", 5).address) == ("why", 5)
    with pytest.raises(OverflowError):
        Ref(-1)
    with pytest.raises(TypeError):
        Ref("1")
    with pytest.raises(TypeError):
        Missing(3)
    with pytest.raises(AttributeError):
        Ref(1).id = 2
    with pytest.raises(TypeError):
        type(ABSENT)()


def test_addresses(tmp_path: Path) -> None:
    dump = DumpBuilder(records_per_block=7)
    numbers = random.Random(5)
    addresses = [numbers.randrange(2**62) for _ in range(100)]
    for at in addresses:
        dump.add([2, 1], at)
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert [file.address(i) for i in range(100)] == addresses
        assert [file.find_address(at) for at in addresses] == list(range(100))
        assert file.find_address(1) is None and file.find_address(1) is None
        assert file.find_address(addresses[50]) == 50


def test_a_block_without_addresses(tmp_path: Path) -> None:
    dump = DumpBuilder()
    content = fw.encode([2, 5]) + fw.encode({"z": [1, 2], "size": {"x": 1}})
    dump.raw_block(Block(fw.OBJECTS, 0, 1, content))
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.record(0) == [2, 5]
        assert file.address(0) is None and file.find_address(0) is None


def test_runs_in_a_large_container(tmp_path: Path) -> None:
    dump = DumpBuilder()
    big = dump.add([16, 9, 10_000_005])
    end = dump.items(big, [fw.run(100, 10_000_000), "a", fw.forward(2)])
    dump.items(big, [fw.run(7, 1), fw.run(8, 0), 1.5, fw.ref(1)], end)
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.values(big, 0, 2) == [Ref(100), Ref(101)]
        assert file.values(big, 9_999_998, 10_000_005) == [
            *(Ref(10_000_098), Ref(10_000_099), "a", Ref(2), Ref(7), 1.5, Ref(1)),
        ]
        assert file.values(big, 5, 5) == file.values(big, 6, 5) == []
        beyond = file.values(big, 10_000_004, 10_000_006)
        assert beyond[0] == Ref(1) and "not in the file" in beyond[1].reason
        with pytest.raises(ValueError, match="at most"):
            file.values(big, 0, 2**40)


def test_every_slice_of_a_large_container(tmp_path: Path) -> None:
    dump = DumpBuilder()
    big = dump.add([16, 9, 3000])
    written: "list[Any]" = []
    values: "list[Any]" = []
    for i in range(1000):
        written.append(fw.run(i, 3) if i % 3 == 0 else i)
        values += [Ref(i), Ref(i + 1), Ref(i + 2)] if i % 3 == 0 else [i]
    end = dump.items(big, written[:600])
    dump.items(big, written[600:], end)
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        for start in range(0, len(values), 13):
            for stop in (start + 1, min(start + 40, len(values)), len(values)):
                assert file.values(big, start, stop) == values[start:stop]


def test_content_in_pieces(tmp_path: Path) -> None:
    dump = DumpBuilder()
    text = dump.add([16, 5, 30])
    subclass = dump.add([1, fw.ref(0), [16, 6, 12], None])
    for start in (20, 0, 10):  # any order
        dump.content(text, bytes(range(start, start + 10)), start)
    dump.content(subclass, b"abcd", 4)
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.content(text) == bytes(range(30)) and file.content_missing(text) == 0
        assert file.content(text, 5, 25) == bytes(range(5, 25))
        assert file.content(text, 30) == b""
        assert file.content(subclass) == b"abcd" and file.content_missing(subclass) == 8
        assert file.content(99) == b""
        with pytest.raises(KeyError):
            file.content_missing(99)


def test_wrong_use(tmp_path: Path) -> None:
    file = open_bytes(tmp_path, small_dump().to_bytes())
    with pytest.raises(TypeError):
        file.record("1")
    with pytest.raises(OverflowError):
        file.record(-1)
    with pytest.raises(ValueError, match="record"):
        file.blocks(fw.OBJECTS)
    assert file.record(Ref(3)) == [5, "text 3"]
    file.close()
    file.close()
    for use in (
        lambda: file.record(1),
        lambda: file.headers,
        lambda: file.text,
        lambda: file.index,
        lambda: file.values(1, 0, 1),
        lambda: file.content(1),
        lambda: file.find_address(1),
        lambda: file.blocks(1),
        lambda: file.__enter__(),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert "closed" in repr(file) and file.problems == []


def test_folded_and_encoded_headers(tmp_path: Path) -> None:
    headers = {"Subject": "[pyheapdump]\n =?utf-8?q?=C3=BC?=\n\tend", "X-Long": "x" * 5000, "X-Odd": "\udcff"}
    dump = DumpBuilder(headers=headers)
    dump.facts()
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        found = dict(file.headers)
    assert found["Subject"] == "[pyheapdump] =?utf-8?q?=C3=BC?=\tend"
    assert found["X-Long"] == "x" * 5000 and found["X-Odd"] == "\udcff"


def test_text_that_quotes_the_binary_part(tmp_path: Path) -> None:
    text = "look:\nContent-Type: application/x.python-heapdump\n\nand PHDINDEX\n--=_pyheapdump_\nend"
    dump = DumpBuilder(text=text)
    dump.add([2, 1])
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.record(0) == [2, 1] and file.text == text and file.index_found


def test_unknown_kinds_and_later_fields_are_skipped(tmp_path: Path) -> None:
    dump = DumpBuilder()
    dump.add([2, 1])
    dump.raw_block(Block(200, 5, 7, b"no msgpack at all \xc1"))
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.problems == [] and file.record(0) == [2, 1] and file.index[1][1] == 200
        with pytest.raises(ValueError, match="hold no map"):
            file.blocks(200)


# --- cut files ---


@pytest.mark.parametrize("percent", range(0, 100, 2))
def test_cut_file(tmp_path: Path, percent: int) -> None:
    builder = small_dump()
    data = builder.to_bytes()
    cut = data[: len(data) * percent // 100]
    whole_blocks = sum(place.end <= len(cut) for place in builder.places)
    if whole_blocks == 0:
        with pytest.raises(DumpError, match="empty|is not a heap dump|cut|without any readable block"):
            open_bytes(tmp_path, cut)
        return
    with open_bytes(tmp_path, cut) as file:
        # The index is rebuilt, or whole though the end of the message is cut. All blocks that are there are found.
        assert len(file.index) == whole_blocks
        assert any("cut" in problem for problem in file.problems)
        there = sum(place.kind == fw.OBJECTS and place.end <= len(cut) for place in builder.places) * 20
        assert file.object_count == there
        records = read_through(file)
        assert records == {i: record for i, record in expected().items() if i < there}


def test_cut_container_says_what_is_missing(tmp_path: Path) -> None:
    builder = small_dump()
    data = builder.to_bytes()
    items = [place for place in builder.places if place.kind == fw.ITEMS]
    with open_bytes(tmp_path, data[: items[3].frame + 5]) as file:
        values = file.values(498, 0, 1000)
        assert values[:300] == [10 * n for n in range(300)]
        assert len(values) == 1000 and all(type(value) is Missing for value in values[300:])
        assert file.content(499) == b"" and file.content_missing(499) == 300


def test_missing_index(tmp_path: Path) -> None:
    with open_bytes(tmp_path, small_dump().to_bytes(index=False)) as file:
        assert not file.index_found and any("index is missing" in problem for problem in file.problems)
        assert read_through(file) == expected()
        rebuilt = file.index
    with open_bytes(tmp_path, small_dump().to_bytes()) as file:
        assert file.index == rebuilt


# --- damaged files ---


def check_damaged(file: DumpFile) -> int:
    """No record is wrong: each is what was written, or missing. Returns how many are missing."""
    good = expected()
    records = read_through(file)
    assert all(records[identifier] == good.get(identifier) for identifier in records)
    return len(good) - len(records)


def flips(data: bytes, positions: "range | list[int]") -> "Any":
    for position in positions:
        for mask in (0x01, 0x80):
            yield data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


def test_flipped_bytes_in_descriptors(tmp_path: Path) -> None:
    """With the index, damage of one descriptor costs its own block at most."""
    builder = small_dump()
    data = builder.to_bytes()
    for place in builder.places[::4]:
        for spoilt in flips(data, range(place.descriptor, place.frame)):
            with open_bytes(tmp_path, spoilt) as file:
                assert check_damaged(file) <= 20


def test_flipped_bytes_in_descriptors_without_index(tmp_path: Path) -> None:
    """Without the index damage of one descriptor costs no more."""
    builder = small_dump()
    data = builder.to_bytes(index=False)
    for place in builder.places[::4]:
        for spoilt in flips(data, range(place.descriptor, place.frame)):
            with open_bytes(tmp_path, spoilt) as file:
                assert check_damaged(file) <= 20


def test_flipped_bytes_in_the_index(tmp_path: Path) -> None:
    builder = small_dump()
    data = builder.to_bytes()
    for spoilt in flips(data, range(builder.places[-1].end, builder.part_end, 5)):
        with open_bytes(tmp_path, spoilt) as file:
            assert check_damaged(file) <= 20
            assert file.index_found or file.object_count == 500


def test_flipped_bytes_in_frames(tmp_path: Path) -> None:
    builder = small_dump()
    data = builder.to_bytes()
    flipped = lost = 0
    for place in builder.places:
        for spoilt in flips(data, [*range(place.frame, place.end, 29), place.end - 1]):
            with open_bytes(tmp_path, spoilt) as file:
                missing = check_damaged(file)
                # A few bits of a compressed frame have no meaning.
                assert missing == 0 or (missing == 20 and place.kind == fw.OBJECTS)
                assert missing == 0 or any("damaged" in problem for problem in file.problems)
            flipped += place.kind == fw.OBJECTS
            lost += missing == 20
    assert lost > 0.95 * flipped


def test_flipped_bytes_in_the_message(tmp_path: Path) -> None:
    builder = small_dump()
    data = builder.to_bytes()
    opened = 0
    positions = [*range(0, builder.part_start, 5), *range(builder.part_end, len(data))]
    for spoilt in flips(data, positions):
        try:
            file = open_bytes(tmp_path, spoilt)
        except DumpError as error:
            assert "\n" not in str(error)
            continue
        opened += 1
        assert file.object_count == 500 and file.record(77) == [5, "text 77"]
        file.close()
    assert opened > 0.9 * 2 * len(positions)  # the version and the part's type are what must be intact


def test_a_damaged_stretch_is_jumped_over(tmp_path: Path) -> None:
    builder = small_dump()
    data = bytearray(builder.to_bytes(index=False))
    first, last = builder.places[6], builder.places[9]
    for at in range(first.descriptor - 3, last.descriptor + 9):
        data[at] = (at * 37) % 251
    with open_bytes(tmp_path, bytes(data)) as file:
        missing = check_damaged(file)
        assert 80 <= missing <= 120 and any("the next block is found" in problem for problem in file.problems)


def test_a_hole_of_zeros_with_index(tmp_path: Path) -> None:
    builder = small_dump()
    data = bytearray(builder.to_bytes())
    place = builder.places[8]
    data[place.descriptor : place.end] = bytes(place.end - place.descriptor)
    with open_bytes(tmp_path, bytes(data)) as file:
        assert check_damaged(file) == 20
        lost = file.index[8][2]
        assert not file.has(lost) and file.has(lost - 1)
        with pytest.raises(KeyError, match="damaged"):
            file.record(lost)


def test_damaged_items_say_so(tmp_path: Path) -> None:
    builder = small_dump()
    data = bytearray(builder.to_bytes())
    place = [place for place in builder.places if place.kind == fw.ITEMS][4]
    data[place.frame + 20] ^= 0x40
    piece = [place for place in builder.places if place.kind == fw.CONTENT][1]
    data[piece.end - 1] ^= 0x40
    with open_bytes(tmp_path, bytes(data)) as file:
        values = file.values(498, 350, 550)
        assert values[:50] == [10 * n for n in range(350, 400)] and values[150:] == [10 * n for n in range(500, 550)]
        assert all(type(value) is Missing and "damaged" in value.reason for value in values[50:150])
        assert file.content(499) == b"A" * 100 + b"C" * 100 and file.content_missing(499) == 100


# --- files that are something else ---


OTHERS = {
    "empty": (b"", "is empty"),
    "text": (b"Hello, world.\nThis is no dump.\n\n" * 100, "is not a heap dump"),
    "mail": (b"Subject: hello\nContent-Type: text/plain\n\nno dump\n", "is not a heap dump"),
    "pickle": (b"\x80\x04\x95\x00", "pickle"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gunzip"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "zstd -d"),
    "binary": (bytes(range(256)) * 5000, "is not a heap dump"),
    "headers alone": (b"Subject: x\nX-Python-Heapdump-Version: 3\n\n", "cut .*before its first data"),
    "endless header": (b"A: " + b"x" * 3_000_000, "is not a heap dump"),
    "later": (b"X-Python-Heapdump-Version: 4\n\n", "format version 4, this pyheapdump reads version 3"),
    "much later": (b"X-Python-Heapdump-Version: 999999999\n\n", "newer pyheapdump"),
    "original": (b"X-python-heapdump-version: 2\n\n", "original pyheapdump"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files(tmp_path: Path, name: str) -> None:
    data, message = OTHERS[name]
    with pytest.raises(DumpError, match=message) as caught:
        open_bytes(tmp_path, data)
    assert str(caught.value).startswith(f"{tmp_path}/made.dump: ") and "\n" not in str(caught.value)


def test_paths(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match="No such file"):
        DumpFile(tmp_path / "absent")
    with pytest.raises(DumpError, match="is a directory"):
        DumpFile(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DumpError, match="not a regular file"):
        DumpFile(tmp_path / "fifo")
    with pytest.raises(DumpError, match="not a regular file"):
        DumpFile("/dev/zero")
    odd = os.fsencode(tmp_path) + b"/\xff\n.dump"
    Path(os.fsdecode(odd)).write_bytes(small_dump().to_bytes())
    with DumpFile(odd) as file:
        assert file.record(1) == [5, "text 1"] and file.path == os.fsdecode(odd)


def test_a_later_version_in_facts_is_refused(tmp_path: Path) -> None:
    for version in (4, 2**80):
        dump = DumpBuilder()
        dump.facts({"version": version})
        with pytest.raises(DumpError, match="newer pyheapdump"):
            open_bytes(tmp_path, dump.to_bytes())


def test_version_header_is_not_needed(tmp_path: Path) -> None:
    data = small_dump().to_bytes().replace(b"X-Python-Heapdump-Version: 3", b"X-Python-Heapdump-Version: q")
    with open_bytes(tmp_path, data) as file:
        assert file.version == 3 and "Version header" in file.problems[0] and file.record(0)


# --- hostile files ---


def hostile(*blocks: Block, **options: Any) -> bytes:
    dump = DumpBuilder(**options)
    dump.facts()
    for block in blocks:
        dump.raw_block(block)
    return dump.to_bytes()


def columns(count: int) -> bytes:
    return fw.encode({"a": [64] * count})


def in_budget(read: Callable[[], Any], megabytes: int) -> Any:
    """Runs `read` and checks the seconds and the growth of the peak memory it takes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    result = read()
    assert time.monotonic() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < megabytes * 1024
    return result


HUGE = 2**32 - 1
HOSTILE_CONTENT = {
    "array32 too large": b"\xdd\xff\xff\xff\xff\x05",
    "map32 too large": b"\x91\xdf\xff\xff\xff\xff\x05",
    "str32 too large": b"\x92\x05\xdb\xff\xff\xff\xffabc",
    "bin32 too large": b"\x92\x06\xc6\xff\xff\xff\xff",
    "ext32 too large": b"\x92\x06\xc9\xff\xff\xff\xff\x05",
    "never used": b"\x91\xc1",
    "ends early": b"\x93\x05",
    "nested": b"\x91" * 5000,
    "nested maps": b"\x91" + b"\x81\xa0" * 5000,
    "nested counts": b"\xdd\x00\x01\x00\x00" * 40 + bytes(1 << 16),
    "no record": b"\x05",
}


@pytest.mark.parametrize("name", HOSTILE_CONTENT)
def test_hostile_records(tmp_path: Path, name: str) -> None:
    data = hostile(Block(fw.OBJECTS, 0, 1, HOSTILE_CONTENT[name] + columns(1)))
    with open_bytes(tmp_path, data) as file:
        with pytest.raises(KeyError, match="damaged"):
            in_budget(lambda: file.record(0), 50)


HOSTILE_VALUES = {
    "reference of 3 bytes": b"\xc7\x03\x02abc",
    "reference too large": b"\xd7\x02" + b"\xff" * 8,
    "forward too large": b"\xd7\x01" + b"\xff" * 8,
    "run of 15 bytes": b"\xc7\x0f\x03" + bytes(15),
    "run too large": b"\xd8\x03" + b"\xff" * 16,
    "surrogates": b"\xc7\x02\x05\xff\xff",
    "missing": b"\xc7\x01\x06\x05",
    "missing without reason": b"\xc7\x02\x06\x91\x05",
    "address": b"\xc7\x03\x07abc",
    "complex": b"\xd7\x09" + bytes(8),
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_hostile_values(tmp_path: Path, name: str) -> None:
    value = HOSTILE_VALUES[name]
    records = b"\x92\x09" + value + fw.encode([9, 5])
    data = hostile(
        Block(fw.OBJECTS, 0, 2, records + columns(2)),
        Block(fw.ITEMS, 1, 3, fw.encode(1) + value + fw.encode(3)),
    )
    with open_bytes(tmp_path, data) as file:
        with pytest.raises(KeyError, match="damaged"):
            file.record(0)
        assert file.record(1) == [9, 5]
        values = file.values(1, 0, 3)
        assert len(values) == 3 and type(values[1]) is Missing


def test_empty_bigint_is_zero(tmp_path: Path) -> None:
    with open_bytes(tmp_path, hostile(Block(fw.OBJECTS, 0, 1, b"\x92\x02\xc7\x00\x04" + columns(1)))) as file:
        assert file.record(0) == [2, 0]


@pytest.mark.parametrize("element", [b"\x90", b"\x80", b"\xc0", b"\xd4\x02\x05", b"\xa0", b"\xc7\x00\x06"])
def test_many_elements_stay_in_budget(tmp_path: Path, element: bytes) -> None:
    """A block of 16 MiB that decodes to as much as possible."""
    count = (16 * 2**20 - 100) // len(element)
    content = b"\xdd" + struct.pack(">I", count) + element * count + columns(1)
    with open_bytes(tmp_path, hostile(Block(fw.OBJECTS, 0, 1, content))) as file:
        try:
            record = in_budget(lambda: file.record(0), 700)
            assert len(record) == count
        except KeyError as error:
            assert "damaged" in str(error)


BOMB = zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True).compress(bytes(17 << 20))
LIES = {
    "raw size above the limit": Block(fw.OBJECTS, 0, 1, b"", raw_size=17 << 20, frame=BOMB),
    "raw size 2**64-1": Block(fw.OBJECTS, 0, 1, b"", raw_size=2**64 - 1),
    "raw size within the limit, content above": Block(fw.OBJECTS, 0, 1, b"", raw_size=16 << 20, frame=BOMB),
    "raw size too small": Block(fw.OBJECTS, 0, 1, b"\x91\x05" * 50, raw_size=10),
    "count 2**62": Block(fw.OBJECTS, 0, 2**62, b"\x91\x05" + columns(1)),
    "count 2**20": Block(fw.OBJECTS, 0, 2**20, b"\x91\x05" + columns(1)),
    "count too small": Block(fw.OBJECTS, 0, 1, b"\x91\x05" * 2 + columns(1)),
    "first 2**64-1": Block(fw.OBJECTS, 2**64 - 1, 1, b"\x91\x05" + columns(1)),
    "stored size too large": Block(fw.OBJECTS, 0, 1, b"\x91\x05" + columns(1), stored_size=2**63),
    "stored size 0": Block(fw.OBJECTS, 0, 1, b"\x91\x05" + columns(1), stored_size=0),
    "no frame": Block(fw.OBJECTS, 0, 1, b"", frame=b"", raw_size=5),
    "no checksum": Block(
        fw.OBJECTS, 0, 1, b"\x91\x05" + columns(1), frame=zstandard.compress(b"\x91\x05" + columns(1))
    ),
    "kind 2**40": Block(2**40, 0, 1, b"x"),
    "items count 2**62": Block(fw.ITEMS, 0, 2**62, b"\x05"),
    "items beyond": Block(fw.ITEMS, 0, 1, b"\x05", offset=2**62),
    "items offset 2**64-1": Block(fw.ITEMS, 0, 1, b"\x05", offset=2**64 - 1),
    "content far": Block(fw.CONTENT, 0, 1, b"abc", offset=2**62),
}


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("name", LIES)
def test_lying_descriptors(tmp_path: Path, name: str, index: bool) -> None:
    dump = DumpBuilder()
    dump.facts()
    dump.raw_block(LIES[name])
    dump.raw_block(Block(fw.PROC, 0, 1, fw.encode({"path": "/proc/self/maps", "content": b"x"})))

    def read() -> None:
        with open_bytes(tmp_path, dump.to_bytes(index)) as file:
            read_through(file)
            assert file.values(0, 0, 5)[0] if "items" not in name else True
            assert len(file.blocks(fw.FACTS)) == 1
            with pytest.raises(KeyError):
                file.record(0)

    in_budget(read, 100)


def test_content_bomb(tmp_path: Path) -> None:
    """Pieces that are small in the file and claim hundreds of gigabytes."""
    dump = DumpBuilder()
    owner = dump.add([16, 6, 2**40])
    piece = Block(fw.CONTENT, owner, 1, bytes(16 << 20))
    frame = piece.compressed()
    for i in range(200):
        dump.raw_block(Block(fw.CONTENT, owner, 1, piece.content, offset=i << 24, frame=frame))
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        with pytest.raises(ValueError, match="ask for a part"):
            in_budget(lambda: file.content(owner), 100)
        assert in_budget(lambda: len(file.content(owner, 5 << 24, (5 << 24) + 100)), 100) == 100
        assert file.content_missing(owner) == 2**40 - (200 << 24)


def test_overlapping_pieces(tmp_path: Path) -> None:
    dump = DumpBuilder()
    owner = dump.add([16, 6, 20])
    dump.content(owner, b"aaaaaaaaaa", 0)
    dump.content(owner, b"bbbbbbbbbb", 5)
    dump.content(owner, b"cc", 6)
    big = dump.add([16, 9, 10])
    dump.items(big, [1] * 6, 0)
    dump.items(big, [2] * 6, 3)
    dump.items(big, [3], 4)
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        assert file.content(owner) == b"aaaaaaaaaabbbbb" and file.content_missing(owner) == 5
        values = file.values(big, 0, 10)
        assert len(values) == 10 and values[0] == 1 and type(values[9]) is Missing


def test_a_million_fake_descriptors(tmp_path: Path) -> None:
    """Descriptors that each lead the walk astray: the time stays linear."""
    descriptor = fw._skippable(fw.DESCRIPTOR_MAGIC, fw.encode([99, 0, 0, 0, 300, 0]))
    dump = DumpBuilder()
    dump.facts()
    head = dump.to_bytes(index=False)[: dump.part_end]
    data = head + (descriptor + b"\x28\xb5\x2f\xfd") * 300_000
    file = in_budget(lambda: open_bytes(tmp_path, data), 200)
    assert len(file.index) > 1000 and len(file.problems) <= 210
    file.close()


@pytest.mark.parametrize("index", [True, False])
def test_opening_does_not_depend_on_the_size(tmp_path: Path, index: bool) -> None:
    """A file of 64 GiB, nearly all of it holes: only its ends, and without the index the descriptors, are read."""
    dump = DumpBuilder()
    for i in range(1000):
        dump.add([2, i])
    head = dump.to_bytes(index=False)[: dump.part_end]
    entries = [
        [place.descriptor - dump.part_start, *block.fields()] for place, block in zip(dump.places, dump.blocks())
    ]
    path = tmp_path / "huge.dump"
    with open(path, "wb") as out:
        out.write(head)
        for i in range(4096):
            fields = [99, 0, 0, 0, 16 << 20, 0]
            entries.append([out.tell() - dump.part_start, *fields])
            out.write(fw._skippable(fw.DESCRIPTOR_MAGIC, fw.encode(fields)))
            out.seek(16 << 20, os.SEEK_CUR)
        if index:
            content = fw.encode(entries)
            tail = content + struct.pack("<I", len(content)) + fw.INDEX_MARK
            out.write(fw._skippable(fw.INDEX_MAGIC, tail) + f"\n--{dump.boundary}--\n".encode())
        else:
            out.truncate()

    def read() -> None:
        with DumpFile(path) as file:
            assert file.size > 64 << 30 and file.index_found == index and len(file.index) == 10 + 4096
            assert file.record(999) == [2, 999]

    in_budget(read, 20)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage(tmp_path: Path, data: st.DataObject) -> None:
    """Several changes at random places: an error of ours or a usable dump, never a wrong record."""
    spoilt = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        change = data.draw(st.sampled_from(["set", "cut", "insert", "delete", "copy"]))
        if change == "set":
            spoilt[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del spoilt[max(at, 800) :]
        elif change == "insert":
            spoilt[at:at] = data.draw(st.binary(max_size=20))
        elif change == "delete":
            del spoilt[at : at + data.draw(st.integers(1, 50))]
        else:
            source = data.draw(st.integers(0, len(spoilt) - 1))
            spoilt[at : at + 30] = spoilt[source : source + 30]
        if not spoilt:
            break
    try:
        file = open_bytes(tmp_path, bytes(spoilt))
    except DumpError as error:
        assert "\n" not in str(error)
        return
    with file:
        good = expected()
        records = read_through(file)
        wrong = {i: record for i, record in records.items() if record != good.get(i)}
        assert not wrong or not file.index_found


DATA = small_dump().to_bytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_content(tmp_path: Path, content: bytes) -> None:
    """Random bytes as the content of blocks with a right checksum."""
    dump = DumpBuilder()
    dump.raw_block(Block(fw.OBJECTS, 0, 1, content + columns(1)))
    for kind in (fw.FACTS, fw.ROOTS, fw.ITEMS, fw.CONTENT, fw.END):
        dump.raw_block(Block(kind, 0, 1, content))
    try:
        file = open_bytes(tmp_path, dump.to_bytes())
    except DumpError as error:
        assert "newer" in str(error)
        return
    with file:
        read_through(file)


# --- memory and threads ---


def test_memory_stays_bounded_while_reading_all(tmp_path: Path) -> None:
    """100 blocks of 2 MiB, read in any order: the cache holds 32 MiB."""
    dump = DumpBuilder(records_per_block=1)
    for i in range(100):
        dump.add([6, bytes([i]) * (2 << 20)])
    with open_bytes(tmp_path, dump.to_bytes()) as file:
        del dump
        order = [*range(100)] * 2
        random.Random(3).shuffle(order)

        def read() -> None:
            for i in order:
                assert file.record(i)[1][:1] == bytes([i])

        in_budget(read, 60)


def test_threads_share_a_dump(tmp_path: Path) -> None:
    dump = DumpBuilder(records_per_block=2)
    for i in range(400):
        dump.add([5, f"text {i}" * 1000])
    problems: "list[object]" = []
    with open_bytes(tmp_path, dump.to_bytes()) as file:

        def read(seed: int) -> None:
            numbers = random.Random(seed)
            for _ in range(2000):
                i = numbers.randrange(400)
                if file.record(i) != [5, f"text {i}" * 1000]:
                    problems.append(i)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert problems == []


def test_references_do_not_leak(tmp_path: Path) -> None:
    """Reading the same again and again leaves the number of memory blocks as it is."""
    data = small_dump().to_bytes()

    def read() -> None:
        with open_bytes(tmp_path, data) as file:
            read_through(file)
        with pytest.raises(DumpError):
            open_bytes(tmp_path, b"")

    for _ in range(3):
        read()
    before = sys.getallocatedblocks()
    for _ in range(10):
        read()
    assert sys.getallocatedblocks() - before < 200
