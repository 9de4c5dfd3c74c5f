# SPDX-License-Identifier: Apache-2.0
"""DumpFile on files that are cut, damaged, hostile, or something else: one clear error or a usable dump, in bounded time
and memory, and never a wrong record.

The dumps are made by support/format_writer.py, a writer that shares no code with the reader.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyheapdump._pyheapdump import DumpError, DumpFile, Missing
from support import format_writer as fw
from support.format_writer import Block, DumpBuilder
from support.small_dump import expected, in_budget, open_bytes, read_through, small_dump

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


def flips(data: bytes, positions: Iterable[int]) -> Iterator[bytes]:
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


@pytest.mark.parametrize("lie", ["more behind its array", "a last block that reaches into it"])
def test_an_index_that_does_not_end_where_it_should(tmp_path: Path, lie: str) -> None:
    """It is not believed: the blocks are looked for."""
    builder = small_dump()
    whole = builder.to_bytes(index=False)
    closing = len(whole) - builder.part_end
    entries = [
        [place.descriptor - builder.part_start, *block.fields()]
        for place, block in zip(builder.places, builder.blocks())
    ]
    for is_lie in (False, True):
        if is_lie and lie.startswith("a last block"):
            entries[-1][5] += 1  # its size in the file
        content = fw.encode(entries) + (fw.encode(None) if is_lie and lie.startswith("more") else b"")
        index = content + struct.pack("<I", len(content)) + fw.INDEX_MARK
        made = whole[:-closing] + struct.pack("<II", fw.INDEX_MAGIC, len(index)) + index + whole[-closing:]
        with open_bytes(tmp_path, made) as file:
            assert file.index_found is not is_lie
            assert read_through(file) == expected()


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
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "unzstd FILE"),
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


BOMB = fw.compress(bytes(17 << 20))
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
        fw.OBJECTS, 0, 1, b"\x91\x05" + columns(1), frame=fw.compress(b"\x91\x05" + columns(1), checksum=False)
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
