# SPDX-License-Identifier: Apache-2.0
"""Changes what a dump says and writes it anew, so that it is well formed down to its checksums and index.

Random damage of the bytes of a file ends at a checksum. Here the blocks of a real dump are unpacked, what is in them is
changed as values of the format, and the blocks are packed again: a reader has to take what it finds.

    mutated(dump.read_bytes(), random.Random(seed))
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import msgpack

from . import format_writer
from .format_writer import ABSENT, INDEX_MAGIC, OBJECTS, Block, address, encode, forward, missing, ref, run
from .unpacked import decompressor

# How often a kind of block is changed.
WEIGHTS = {format_writer.ROOTS: 4, OBJECTS: 8, format_writer.SIGNAL: 2, format_writer.END: 1, format_writer.FACTS: 1}
STEERING = "\x1b]0;title\x07\x1b[31m\x9b32m\u202e\u2066\r\x08"
# How much is written: a dump that grows by each change is no good for many of them.
LARGEST_BLOCK = 1 << 20


def mutated(data: bytes, chosen: Random) -> bytes:
    """The dump with one to twelve changes. The same `chosen` makes the same file."""
    dump = Unpacked(data)
    for _ in range(chosen.choice([1, 1, 2, 3, 6, 12])):
        change = chosen.choices([dump.change_value, dump.change_record, dump.change_block], [12, 3, 1])[0]
        change(chosen)
    return dump.packed()


class Unpacked:
    """The blocks of a dump, and the values of those that are changed."""

    def __init__(self, data: bytes) -> None:
        self.head, self.blocks, self.tail = split(data)
        self.values: dict[int, list[Any]] = {}  # by the identity of the block
        self.objects = sum(block.count for block in self.blocks if block.kind == OBJECTS)

    def packed(self) -> bytes:
        """The file. Blocks that were changed have the sizes and the checksum that they should have."""
        out, entries = bytearray(self.head), []
        for block in self.blocks:
            if id(block) in self.values:
                block.content = b"".join(map(encode_any, self.values[id(block)]))[:LARGEST_BLOCK]
                block.frame = None
            entries.append([len(out) - len(self.head), *block.fields()])
            out += skippable(format_writer.DESCRIPTOR_MAGIC, encode(block.fields())) + block.compressed()
        content = encode(entries)
        out += skippable(INDEX_MAGIC, content + struct.pack("<I", len(content)) + format_writer.INDEX_MARK)
        return bytes(out + self.tail)

    # --- changes ---

    def change_value(self, chosen: Random) -> None:
        """One value somewhere is another one."""
        holder, key = self.place(chosen)
        holder[key] = self.another(chosen, holder[key])

    def change_record(self, chosen: Random) -> None:
        """Something of a sequence or map is away, there twice, elsewhere, or by another's name."""
        holder, key = self.place(chosen)
        value = holder[key]
        if isinstance(value, list) and value:
            index = chosen.randrange(len(value))
            other = chosen.randrange(len(value))
            what = chosen.randrange(5)
            if what == 0:
                del value[index]
            elif what == 1:
                value.insert(other, value[index])
            elif what == 2:
                value[index], value[other] = value[other], value[index]
            elif what == 3:
                del value[index:]
            else:
                value.extend([value[index]] * chosen.choice([10, 1000, 20000]))
        elif isinstance(value, dict) and value:
            name = chosen.choice(list(value))
            if chosen.random() < 0.5:
                del value[name]
            else:
                value[chosen.choice([name, "", STEERING, "__class__", "__dict__", *value])] = value[name]
        else:
            holder[key] = self.another(chosen, value)

    def change_block(self, chosen: Random) -> None:
        """A block is away, there twice, elsewhere, cut, or its numbers lie."""
        index = chosen.randrange(len(self.blocks))
        block = self.blocks[index]
        what = chosen.randrange(6)
        if what == 0 and len(self.blocks) > 1:
            del self.blocks[index]
        elif what == 1:
            self.blocks.insert(index, block)
        elif what == 2:
            other = chosen.randrange(len(self.blocks))
            self.blocks[index], self.blocks[other] = self.blocks[other], self.blocks[index]
        elif what == 3:
            name = chosen.choice(["kind", "first", "count", "offset", "raw_size", "stored_size"])
            setattr(block, name, chosen.choice([0, 1, 2, 3, 5, 255, 1 << 24, (1 << 24) + 1, 1 << 32, (1 << 63) - 1]))
        else:
            block.content = block.content[: chosen.randrange(len(block.content) + 1)]
            block.frame = None
            self.values.pop(id(block), None)

    # --- what can be changed, and into what ---

    def place(self, chosen: Random) -> tuple[Any, Any]:
        """A (list, index) or (dict, key) of some block; more often of what the roots are next to."""
        weights = [WEIGHTS.get(block.kind, 1) if block.first == 0 else 0.1 for block in self.blocks]
        block = chosen.choices(self.blocks, weights)[0]
        if id(block) not in self.values:
            self.values[id(block)] = values_of(block)
        values = self.values[id(block)]
        if not values:
            return [None], 0
        record = int(len(values) * chosen.random() ** 2)
        return chosen.choice(
            [(values, record), *places_in(values[record])] if nested(values[record]) else [(values, record)]
        )

    def another(self, chosen: Random, value: Any) -> Any:
        """A value of the same kind or of any."""
        if isinstance(value, bool) or value is None or chosen.random() < 0.4:
            return self.any_value(chosen)
        if isinstance(value, int):
            return chosen.choice([0, 1, -1, value + 1, value - 1, -value, 1 << 31, (1 << 63) - 1, -(1 << 63), 1 << 70])
        if isinstance(value, float):
            return chosen.choice([0.0, -0.0, float("nan"), float("inf"), -1e308, value * 2])
        if isinstance(value, str):
            return chosen.choice(
                ["", STEERING, value * 2, value[:-1], "\udc80", "x" * 70_000, "__class__", "None", "a.b"]
            )
        if isinstance(value, bytes):
            return chosen.choice([b"", value * 2, value[:-1], value[1:], bytes(len(value)), b"\xff" * 70_000])
        if isinstance(value, (list, dict)):
            return type(value)()
        return self.any_value(chosen)

    def any_value(self, chosen: Random) -> Any:
        some_id = chosen.randrange(self.objects + 2)
        return chosen.choice(
            [
                None, True, 0, -1, 1 << 63, -(1 << 66), 1.5, float("nan"), "", STEERING, "x" * 300, "\ud800", b"", b"\x00" * 40,
                complex(1, float("inf")), [], {}, [[]] * 40, {"a": {}}, ABSENT, missing("not read", 1), address(1 << 47),
                ref(some_id), ref(some_id), ref(some_id), ref(0), ref(1 << 40), forward(0), forward(1), forward(1 << 33),
                run(some_id, 3), run(0, 1 << 50), run((1 << 64) - 1, 2), msgpack.ExtType(2, b""), msgpack.ExtType(77, b"?"),
                msgpack.ExtType(6, b"\xc1"), msgpack.ExtType(4, b"\xff" * 5000), self.copied(chosen), self.copied(chosen),
            ]
        )  # fmt: skip

    def copied(self, chosen: Random) -> Any:
        """A value that stands elsewhere in the dump, and what is in it; changes of one are then those of both."""
        holder, key = self.place(chosen)
        return holder[key]


def split(data: bytes) -> tuple[bytes, list[Block], bytes]:
    """Head, blocks without the index, and what follows it."""
    start = at = data.index(struct.pack("<I", format_writer.DESCRIPTOR_MAGIC))
    blocks = []
    while data[at : at + 4] == struct.pack("<I", format_writer.DESCRIPTOR_MAGIC):
        size = struct.unpack_from("<I", data, at + 4)[0]
        kind, first, count, _, stored, offset = msgpack.unpackb(data[at + 8 : at + 8 + size])
        at += 8 + size
        frame = data[at : at + stored]
        blocks.append(Block(kind, first, count, decompressor().decompress(frame), offset, frame=frame))
        at += stored
    assert data[at : at + 4] == struct.pack("<I", INDEX_MAGIC), "only whole dumps are changed"
    return data[:start], blocks, data[at + 8 + struct.unpack_from("<I", data, at + 4)[0] :]


def values_of(block: Block) -> list[Any]:
    """The values of its content; of plain bytes, and of what is cut, those that such bytes happen to be."""
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="surrogateescape", max_buffer_size=0)
    unpacker.feed(block.content)
    values = []
    with suppress(Exception):  # msgpack has no common class for its errors
        values.extend(unpacker)
    return values


def nested(value: Any) -> bool:
    return isinstance(value, (list, dict))


def places_in(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every place in a value; values that hold themselves are followed to some depth."""
    if depth > 12:
        return
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if nested(value[key]):
            yield from places_in(value[key], depth + 1)


def encode_any(value: Any) -> bytes:
    """A value that may hold itself, or be nested deeper than msgpack packs, is cut there."""
    return encode(cut(value, 40))


def cut(value: Any, depth: int) -> Any:
    if isinstance(value, list):
        return [cut(item, depth - 1) for item in value] if depth else None
    if isinstance(value, dict):
        return {key: cut(item, depth - 1) for key, item in value.items()} if depth else None
    return value


def skippable(magic: int, content: bytes) -> bytes:
    return struct.pack("<II", magic, len(content)) + content
