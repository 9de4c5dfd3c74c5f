# SPDX-License-Identifier: Apache-2.0
"""The file: a MIME message, useful however it is cut (promise 3), and of which damage costs only what it hits.

One dump of a real crash is made for all tests here; each test looks at it, or at a spoilt copy.
"""

import email
import email.policy
import os
import random
import struct
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pyheapdump
import pytest
from pyheapdump._pyheapdump import DumpError, DumpFile
from support.subject import Subject, run_python

PROGRAM = """
    import random, threading

    class Order:
        def __init__(self, number):
            self.number = number
            self.tags = ["tag", str(number)]

    def fail(order):
        near = {"order": order}
        raise LookupError("no such order \\u03c0")

    noise = random.Random(7)
    orders = [Order(i) for i in range(40_000)]
    texts = [str(noise.getrandbits(500)) for i in range(20_000)]
    many = list(range(100_000))
    long_text = "".join(texts)
    long_bytes = noise.getrandbits(8 * 3_000_000).to_bytes(3_000_000, "big")
    waiter = threading.Thread(target=threading.Event().wait, name="waiting thread", daemon=True)
    waiter.start()
    fail(orders[17])
"""

BINARY_TYPE = b"Content-Type: application/x.python-heapdump\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ended = Subject(tmp_path_factory.mktemp("whole"), PROGRAM).run()
    assert ended.other_stderr.endswith("LookupError: no such order \u03c0\n".encode()), ended.stderr.decode()
    return ended.only_dump


def spoilt(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def part_start(content: bytes) -> int:
    """Where the binary part begins: after the first empty line behind its type."""
    return content.index(b"\n\n", content.index(BINARY_TYPE)) + 2


def part_end(content: bytes) -> int:
    boundary = content[content.index(b'boundary="') + 10 :].split(b'"', 1)[0]
    return content.rindex(b"\n--" + boundary + b"--")


def check_stacks(path: Path) -> Any:
    """Exception, traceback, threads and the near locals are there; the dump."""
    dump = pyheapdump.load(path)
    assert isinstance(dump.exception, LookupError) and dump.exception.args == ("no such order \u03c0",)
    innermost = dump.traceback.tb_next
    assert (innermost.tb_frame.f_code.co_name, innermost.tb_next) == ("fail", None)
    assert innermost.tb_frame.f_locals["near"]["order"].number == 17
    assert "waiting thread" in [thread.name for thread in dump.threads]
    return dump


def test_whole_dump(whole: Path) -> None:
    dump = check_stacks(whole)
    names = dump.traceback.tb_frame.f_locals
    assert [names["orders"][i].number for i in (0, 39_999)] == [0, 39_999]
    assert (len(names["many"]), names["many"][99_999]) == (100_000, 99_999)
    noise = random.Random(7)
    assert names["texts"][:3] == [str(noise.getrandbits(500)) for _ in range(3)]
    assert str(names["long_text"][:2000]) == "".join(names["texts"][i] for i in range(20))[:2000]
    assert bytes(names["long_bytes"][-4:]) == long_bytes()[-4:]
    assert dump.problems == []


def long_bytes() -> bytes:
    noise = random.Random(7)
    for _ in range(20_000):
        noise.getrandbits(500)
    return noise.getrandbits(8 * 3_000_000).to_bytes(3_000_000, "big")


# --- the message ------------------------------------------------------------------------------------------------


def test_email_parser_reads_it_byte_for_byte(whole: Path) -> None:
    content = whole.read_bytes()
    for policy in (email.policy.compat32, email.policy.default):
        message = email.message_from_bytes(content, policy=policy)
        assert message.get_content_type() == "multipart/mixed" and message.defects == []
        text, binary = message.get_payload()
        assert (text.get_content_type(), binary.get_content_type()) == ("text/plain", "application/x.python-heapdump")
        assert binary.get_payload(decode=True) == content[part_start(content) : part_end(content)]
        assert "LookupError: no such order \u03c0" in text.get_payload(decode=True).decode("utf-8")


def test_headers(whole: Path) -> None:
    message = email.message_from_bytes(whole.read_bytes(), policy=email.policy.default)
    assert "LookupError: no such order \u03c0" in message["Subject"] and "in fail" in message["Subject"]
    assert message["X-Python-Heapdump-Version"] == "3"
    assert message["X-Python-Heapdump-Pid"] == whole.name.split("_")[2]
    assert message["Date"].datetime is not None and message["Message-ID"].startswith("<pyheapdump.")
    assert pyheapdump.load(whole).headers["Subject"] == message["Subject"]


def test_a_person_can_read_the_beginning(whole: Path) -> None:
    head = whole.read_bytes()[: part_start(whole.read_bytes())].decode("utf-8")
    for part in ("python -m pyheapdump.view", "Traceback (most recent call last)", "in fail", "waiting thread"):
        assert part in head


def test_parser_reads_a_cut_file(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()[: whole.stat().st_size // 2]
    message = email.message_from_bytes(content)
    assert message.get_payload()[1].get_payload(decode=True) == content[part_start(content) :]


# --- cut --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_cut_dump_opens(whole: Path, tmp_path: Path, percent: int) -> None:
    size = whole.stat().st_size * percent // 100
    path = spoilt(tmp_path / "cut.dump", whole.read_bytes()[:size])
    dump = check_stacks(path)
    assert dump.problems, "a cut dump says so"
    orders = dump.traceback.tb_frame.f_locals["orders"]
    assert len(orders) == 40_000 or "missing" in repr(orders)


def test_cut_dump_is_shown_and_named_cut(whole: Path, tmp_path: Path) -> None:
    path = spoilt(tmp_path / "cut.dump", whole.read_bytes()[: whole.stat().st_size // 2])
    shown = run_python(["-m", "pyheapdump.view", str(path), "--summary"])
    assert shown.status == 0 and b"LookupError" in shown.stdout
    assert b"cut" in shown.stdout.lower() or b"incomplete" in shown.stdout.lower()


def test_cut_anywhere_is_a_dump_or_a_clear_error(whole: Path, tmp_path: Path) -> None:
    """Also within the headers, the text, the first blocks, a descriptor, the index, the last line."""
    content = whole.read_bytes()
    begin, size = part_start(content), len(content)
    near = [0, 1, 100, 1000, begin - 1, *range(begin, begin + 400, 13), *range(size - 400, size, 17)]
    picked = random.Random(3)
    for cut in near + [picked.randrange(begin, size) for _ in range(40)]:
        path = spoilt(tmp_path / "cut.dump", content[:cut])
        try:
            pyheapdump.load(path)
        except DumpError as error:
            assert cut < begin + 20_000, f"cut at {cut}: {error}"
            assert "\n" not in str(error) and str(path) in str(error)


def test_tail_is_no_help(whole: Path, tmp_path: Path) -> None:
    """Zeros behind the cut, as a file system leaves them after a power failure."""
    content = whole.read_bytes()
    half = len(content) // 2
    check_stacks(spoilt(tmp_path / "zeros.dump", content[:half] + bytes(len(content) - half)))


# --- damaged ----------------------------------------------------------------------------------------------------

OBJECTS = 3


def places(content: bytes, block: Tuple[int, ...]) -> Tuple[int, int]:
    """Where a block's compressed frame begins in the file, and its length."""
    descriptor = part_start(content) + block[0]
    magic, length = struct.unpack_from("<II", content, descriptor)
    assert magic == 0x184D2A50
    return descriptor + 8 + length, block[5]


def ends_of_blocks(index: List[Tuple[int, ...]]) -> List[int]:
    """The first and the last id of each block of objects."""
    return [i for _, kind, first, count, *_ in index if kind == OBJECTS for i in (first, first + count - 1)]


def records_at(file: DumpFile, ids: List[int]) -> Dict[int, Any]:
    """The records in text form; for those that cannot be read, that."""
    found: Dict[int, Any] = {}
    for rid in ids:
        try:
            found[rid] = repr(file.record(rid))
        except KeyError as error:
            found[rid] = error
    return found


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :]


def test_damage_costs_one_block(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    index = DumpFile(str(whole)).index
    ids = ends_of_blocks(index)
    good = records_at(DumpFile(str(whole)), ids)
    assert len(index) > 20 and not any(isinstance(r, KeyError) for r in good.values())
    for block in index:
        start, length = places(content, block)
        path = spoilt(tmp_path / "damaged.dump", flipped(content, start + length // 2))
        file = DumpFile(str(path))
        _, kind, first, count, *_ = block
        lost = range(first, first + count) if kind == OBJECTS else range(0)
        for rid, record in records_at(file, ids).items():
            assert isinstance(record, KeyError) if rid in lost else record == good[rid], (block, rid)
        file.close()
        pyheapdump.load(path)


def test_damaged_objects_are_named_missing(whole: Path, tmp_path: Path) -> None:
    """The last block of objects lies far from the fault: stacks stay, and the damage shows where it is met."""
    content = whole.read_bytes()
    last = [block for block in DumpFile(str(whole)).index if block[1] == OBJECTS][-1]
    start, length = places(content, last)
    path = spoilt(tmp_path / "damaged.dump", flipped(content, start + length // 2))
    check_stacks(path)
    shown = run_python(["-m", "pyheapdump.view", str(path), "--summary"])
    assert shown.status == 0 and b"LookupError" in shown.stdout


def test_damaged_descriptors(whole: Path, tmp_path: Path) -> None:
    """A descriptor that contradicts the index costs its own block."""
    content = whole.read_bytes()
    ids = ends_of_blocks(DumpFile(str(whole)).index)
    good = records_at(DumpFile(str(whole)), ids)
    for block in DumpFile(str(whole)).index:
        path = spoilt(tmp_path / "damaged.dump", flipped(content, part_start(content) + block[0] + 9))
        file = DumpFile(str(path))
        _, kind, first, count, *_ = block
        own = range(first, first + count) if kind == OBJECTS else range(0)
        for rid, record in records_at(file, ids).items():
            assert record == good[rid] or rid in own and isinstance(record, KeyError), (block, rid)
        file.close()


def test_without_index(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    original = DumpFile(str(whole))
    ids = ends_of_blocks(original.index)
    path = spoilt(tmp_path / "no_index.dump", content.replace(b"PHDINDEX", b"PHDxxxxx"))
    file = DumpFile(str(path))
    assert original.index_found and not file.index_found
    assert records_at(file, ids) == records_at(original, ids)
    check_stacks(path)


def test_random_damage_never_does_more_than_an_error(whole: Path, tmp_path: Path) -> None:
    content = bytearray(whole.read_bytes())
    begin = part_start(bytes(content))
    picked = random.Random(11)
    for _ in range(25):
        spoilt_content = bytearray(content)
        for _ in range(30):
            spoilt_content[picked.randrange(begin, len(content))] = picked.randrange(256)
        path = spoilt(tmp_path / "damaged.dump", bytes(spoilt_content))
        try:
            for thread in pyheapdump.load(path).threads:
                for frame in thread.frames:
                    repr(dict(frame.f_locals))
        except DumpError as error:
            assert "\n" not in str(error)


def test_nothing_is_left_open(whole: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        DumpFile(str(whole)).close()
    assert len(os.listdir("/proc/self/fd")) == before
