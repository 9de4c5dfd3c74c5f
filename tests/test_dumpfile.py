# SPDX-License-Identifier: Apache-2.0
"""DumpFile, the C reader of dumps: random access to what is in a good one, wrong use, memory and threads.

The dumps are made by support/format_writer.py, a writer that shares no code with the reader.
"""

import math
import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pyheapdump._pyheapdump import ABSENT, Address, DumpError, Missing, Pairs, Ref, Run
from support import format_writer as fw
from support.format_writer import Block, DumpBuilder
from support.small_dump import expected, in_budget, open_bytes, read_through, small_dump

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
