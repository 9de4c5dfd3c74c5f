# SPDX-License-Identifier: Apache-2.0
"""A second writer of docs/format.md, in pure Python, for tests of everything that reads dumps.

It is written from the specification alone and shares no code with libpyheapdump, so that a test can make a dump
without a capture, and can make dumps that the C writer never would: cut, flipped, lying about their sizes.

    dump = DumpBuilder()
    text = dump.add([5, "hello"])
    both = dump.add([9, 1, dump.ref(text), dump.ref(dump.next_id)])     # a list that contains itself
    dump.roots({"exception": None, "threads": []})
    dump.write(path)                      # or: dump.to_bytes(), then dump.places tells where each block lies

Values (docs/format.md, section 3) are written as Python objects; the functions `ref`, `forward`, `run`, `missing`,
`address` and the constant ABSENT make those that Python has no literal for. Needs the PyPI packages msgpack and
zstandard (before 3.14).
"""

import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import msgpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import zstandard

FACTS, ROOTS, OBJECTS, ITEMS, CONTENT, SOURCE, PROC, END, SIGNAL = range(1, 10)
DESCRIPTOR_MAGIC = 0x184D2A50
INDEX_MAGIC = 0x184D2A5D
INDEX_MARK = b"PHDINDEX"
DEFAULT_BOUNDARY = "=_pyheapdump_0123456789abcdef0123456789abcdef"

Value = Any


def compress(data: bytes, checksum: bool = True) -> bytes:
    """One zstd frame with content size and, unless a test wants it without, checksum."""
    if sys.version_info >= (3, 14):
        parameter = zstd.CompressionParameter
        return zstd.compress(data, options={parameter.compression_level: 1, parameter.checksum_flag: checksum})
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=checksum, write_content_size=True)
    frame: bytes = compressor.compress(data)
    return frame


def _big_endian(number: int) -> bytes:
    for width in (1, 2, 4, 8):
        if number < 1 << (8 * width):
            return number.to_bytes(width, "big")
    raise ValueError(f"{number} does not fit into 64 bits")


def forward(distance: int) -> Value:
    """Ext 1: the object whose id is `distance` above that of the record this stands in."""
    return msgpack.ExtType(1, _big_endian(distance))


def ref(identifier: int) -> Value:
    """Ext 2: the object with this id."""
    return msgpack.ExtType(2, _big_endian(identifier))


def run(first: int, count: int) -> Value:
    """Ext 3: the `count` values first, first+1, ... as references."""
    return msgpack.ExtType(3, struct.pack(">QQ", first, count))


def missing(reason: str, where: int = 0) -> Value:
    """Ext 6: something left out or unreadable."""
    return msgpack.ExtType(6, msgpack.packb([reason, where]))


def address(number: int) -> Value:
    """Ext 7: an address that is not known to be an object's."""
    return msgpack.ExtType(7, struct.pack(">Q", number))


ABSENT = msgpack.ExtType(8, b"")


def encode(value: Value) -> bytes:
    """The msgpack bytes of a value, record or map as the format writes it."""
    packed: bytes = msgpack.packb(_packable(value))
    return packed


def _packable(value: Value) -> Value:
    """Replace what msgpack has no type for (big int, surrogates, complex) by the format's extension types."""
    if isinstance(value, msgpack.ExtType) or value is None or isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 64:
            return value
        return msgpack.ExtType(4, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return msgpack.ExtType(5, value.encode("utf-8", "surrogatepass"))
        return value
    if isinstance(value, complex):
        return msgpack.ExtType(9, struct.pack(">dd", value.real, value.imag))
    if isinstance(value, (list, tuple)):
        return [_packable(item) for item in value]
    if isinstance(value, dict):
        return {_packable(key): _packable(item) for key, item in value.items()}
    raise TypeError(f"the format has no way to write a {type(value).__name__} inside a record")


@dataclass
class Block:
    """One block as it shall be written; `raw_size` and `stored_size` may lie."""

    kind: int
    first: int
    count: int
    content: bytes
    offset: int = 0
    raw_size: Optional[int] = None
    stored_size: Optional[int] = None
    frame: Optional[bytes] = None

    def compressed(self) -> bytes:
        if self.frame is None:
            self.frame = compress(self.content)
        return self.frame

    def fields(self) -> list[int]:
        """The six numbers of the descriptor."""
        raw_size = len(self.content) if self.raw_size is None else self.raw_size
        stored_size = len(self.compressed()) if self.stored_size is None else self.stored_size
        return [self.kind, self.first, self.count, raw_size, stored_size, self.offset]


@dataclass
class Place:
    """Where a block lies in the file that to_bytes() made last (byte positions from the start of the file)."""

    kind: int
    descriptor: int
    frame: int
    end: int


def _skippable(magic: int, content: bytes) -> bytes:
    return struct.pack("<II", magic, len(content)) + content


class DumpBuilder:
    """Collects the parts of a dump and writes them in a sensible order: facts, roots, sources, objects, items, end.

    `headers` are added to (or, by name, replace) the default headers; `text` is part 1;
    `records_per_block` says how many records one OBJECTS block holds.
    """

    def __init__(
        self,
        *,
        headers: Optional[dict[str, str]] = None,
        text: str = "Traceback (most recent call last):\nValueError: no such order\n",
        boundary: str = DEFAULT_BOUNDARY,
        records_per_block: int = 100,
    ) -> None:
        self.headers: dict[str, str] = {
            "Subject": "[pyheapdump] ValueError: no such order (app.py:88 in load)",
            "Date": "Sat, 21 Nov 2026 08:00:00 +0000",
            "Message-ID": "<pyheapdump.4711.0.1795248000000000@host>",
            "MIME-Version": "1.0",
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "X-Python-Heapdump-Version": "3",
            "X-Python-Heapdump-Pid": "4711",
        }
        self.headers.update(headers or {})
        self.text = text
        self.boundary = boundary
        self.records_per_block = records_per_block
        self.places: list[Place] = []
        self.part_start = 0
        self.part_end = 0
        self._records: list[tuple[Value, int]] = []
        self._before: list[Block] = []
        self._after: list[Block] = []
        self._last: list[Block] = []

    # --- what goes in ---

    @property
    def next_id(self) -> int:
        """The id that the next add() will give."""
        return len(self._records)

    def add(self, record: Value, at: Optional[int] = None) -> int:
        """Append a record; `at` is its address (default: made up). Returns its id."""
        identifier = self.next_id
        self._records.append((record, 0x7F0000000000 + 64 * identifier if at is None else at))
        return identifier

    def set(self, identifier: int, record: Value) -> None:
        """Replace the record of an id that add() gave (for cycles)."""
        self._records[identifier] = (record, self._records[identifier][1])

    ref = staticmethod(ref)
    forward = staticmethod(forward)
    run = staticmethod(run)

    def facts(self, facts: Optional[dict[str, Value]] = None) -> None:
        """Add the FACTS block: plausible defaults, overridden by `facts`."""
        content: dict[str, Value] = {
            "version": 3,
            "python": [3, 11, 7],
            "pid": 4711,
            "sequence": 0,
            "time": 1795248000.0,
            "reason": "exception",
            "snapshot": "clone",
            "gil_held": True,
            "scope": "closure",
            "writer": "pyheapdump 0 (tests)",
            "pointer_size": 8,
            "limits": {},
            "environment": {},
        }
        content.update(facts or {})
        self._before.append(Block(FACTS, 0, 1, encode(content)))

    def roots(self, roots: dict[str, Value]) -> None:
        """Add the ROOTS block (docs/format.md, section 5)."""
        content: dict[str, Value] = {
            "exception": None,
            "traceback": None,
            "threads": [],
            "reason": "exception",
        }
        content.update(roots)
        self._before.append(Block(ROOTS, 0, 1, encode(content)))

    def source(self, filename: str, text: Union[str, bytes], **more: Value) -> None:
        """Add one source file; `more` are further keys of the map (section 7)."""
        data = text.encode("utf-8") if isinstance(text, str) else text
        content = {
            "filename": filename,
            "text": data,
            "origin": "disk",
            "mtime": 0.0,
            "changed": False,
            **more,
        }
        self._before.append(Block(SOURCE, 0, 1, encode(content)))

    def proc(self, path: str, content: bytes) -> None:
        """Add one text of the operating system."""
        self._before.append(Block(PROC, 0, 1, encode({"path": path, "content": content})))

    def signal(self, described: dict[str, Value]) -> None:
        """Add the SIGNAL block (section 11)."""
        self._before.append(Block(SIGNAL, 0, 1, encode(described)))

    def items(self, owner: int, values: Sequence[Value], offset: int = 0) -> int:
        """Add an ITEMS block for the SPLIT record `owner`. Returns the offset after it (runs count as m values)."""
        count = 0
        for value in values:
            is_run = isinstance(value, msgpack.ExtType) and value.code == 3
            count += struct.unpack(">QQ", value.data)[1] if is_run else 1
        self._after.append(Block(ITEMS, owner, count, b"".join(map(encode, values)), offset))
        return offset + count

    def content(self, owner: int, data: bytes, offset: int = 0) -> int:
        """Add a CONTENT block for the SPLIT record `owner`. Returns the offset after it."""
        self._after.append(Block(CONTENT, owner, 1, data, offset))
        return offset + len(data)

    def end(self, end: Optional[dict[str, Value]] = None) -> None:
        """Add the END block; counts default to what was added."""
        content: dict[str, Value] = {
            "objects": len(self._records),
            "known": len(self._records),
            "complete": True,
            "reason": "",
            "seconds": 0.5,
            "broken": 0,
            "omitted": [],
            "tasks": [],
            "generators": [],
        }
        content.update(end or {})
        self._last.append(Block(END, 0, 1, encode(content)))

    def raw_block(self, block: Block) -> None:
        """Add any block as it is, after the objects: for unknown kinds and for lies."""
        self._after.append(block)

    # --- what comes out ---

    def blocks(self) -> list[Block]:
        """All blocks in the order of the file."""
        return [*self._before, *self._object_blocks(), *self._after, *self._last]

    def _object_blocks(self) -> list[Block]:
        blocks = []
        for first in range(0, len(self._records), self.records_per_block):
            chunk = self._records[first : first + self.records_per_block]
            addresses = [at for _, at in chunk]
            deltas = [now - before for now, before in zip(addresses, [0, *addresses])]
            content = b"".join(encode(record) for record, _ in chunk) + encode({"a": deltas})
            blocks.append(Block(OBJECTS, first, len(chunk), content))
        return blocks

    def _head(self) -> bytes:
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        return (
            f"{headers}\nThis is a heap dump of a Python program.\n"
            f"--{self.boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
            f"{self.text}\n"
            f"--{self.boundary}\nContent-Type: application/x.python-heapdump\nContent-Transfer-Encoding: binary\n"
            f'Content-Disposition: attachment; filename="python_heap_4711_0.zst"\n\n'
        ).encode("utf-8", "surrogateescape")

    def to_bytes(self, index: bool = True) -> bytes:
        """The whole file; afterwards `places`, `part_start` and `part_end` tell where things are."""
        out = bytearray(self._head())
        self.part_start = len(out)
        self.places = []
        entries = []
        for block in self.blocks():
            descriptor = len(out)
            out += _skippable(DESCRIPTOR_MAGIC, encode(block.fields()))
            frame = len(out)
            out += block.compressed()
            self.places.append(Place(block.kind, descriptor, frame, len(out)))
            entries.append([descriptor - self.part_start, *block.fields()])
        if index:
            content = encode(entries)
            out += _skippable(INDEX_MAGIC, content + struct.pack("<I", len(content)) + INDEX_MARK)
        self.part_end = len(out)
        return bytes(out + f"\n--{self.boundary}--\n".encode())

    def write(self, path: Union[str, Path], index: bool = True, cut_at: Union[int, float, None] = None) -> int:
        """Write the file and return its size in bytes.

        `cut_at` cuts it: an int is a number of bytes, a float from 0.0 to 1.0 a share of the file.
        """
        data = self.to_bytes(index)
        if cut_at is not None:
            data = data[: int(len(data) * cut_at) if isinstance(cut_at, float) else cut_at]
        Path(path).write_bytes(data)
        return len(data)
