# SPDX-License-Identifier: Apache-2.0
"""The build-id of an ELF file: the note NT_GNU_BUILD_ID, by which a program and its debug file know each other.

Reads only what it needs, within named limits, from regular files only: the path may come out of a dump. The structures
are those of System V ABI, "Object Files", for 64 bits and little-endian.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_HEADERS = 4096  # of sections, and of segments
MAX_NOTES_SIZE = 64 * 1024  # bytes of one section or segment of notes

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SEGMENT = struct.Struct("<IIQQQQQQ")
NOTE = struct.Struct("<III")
SECTION_OF_NOTES, SEGMENT_OF_NOTES, BUILD_ID_NOTE = 7, 4, 3  # SHT_NOTE, PT_NOTE, NT_GNU_BUILD_ID


class Table(NamedTuple):
    """A table of section or segment headers."""

    offset: int
    entry_size: int
    length: int


def build_id(path: str) -> str | None:
    """The build-id in hex of the file at `path`; None when it is no ELF file or has none. OSError when unreadable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return next((found for notes in notes_of(descriptor) for found in build_ids(notes)), None)
    finally:
        os.close(descriptor)


def notes_of(descriptor: int) -> Iterator[bytes]:
    """The contents of all sections of notes, then of all segments: a debug file may lack one or the other."""
    header = os.pread(descriptor, HEADER.size, 0)
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        return
    fields = HEADER.unpack(header)
    segments_at, sections_at, segment_size, segments, section_size, sections = *fields[4:6], *fields[8:12]
    for row in rows(descriptor, Table(sections_at, section_size, sections), SECTION):
        if row[1] == SECTION_OF_NOTES:
            yield piece(descriptor, offset=row[4], size=row[5])
    for row in rows(descriptor, Table(segments_at, segment_size, segments), SEGMENT):
        if row[0] == SEGMENT_OF_NOTES:
            yield piece(descriptor, offset=row[2], size=row[5])


def rows(descriptor: int, table: Table, layout: struct.Struct) -> Iterator[tuple[int, ...]]:
    for number in range(min(table.length, MAX_HEADERS)):
        found = piece(descriptor, table.offset + number * table.entry_size, layout.size)
        if len(found) < layout.size:
            return
        yield layout.unpack(found)


def piece(descriptor: int, offset: int, size: int) -> bytes:
    """Bytes of the file; fewer where it ends, none where it cannot be."""
    if offset >= 1 << 62:
        return b""
    return os.pread(descriptor, min(size, MAX_NOTES_SIZE), offset)


def build_ids(notes: bytes) -> Iterator[str]:
    at = 0
    while at + NOTE.size <= len(notes):
        name_size, content_size, kind = NOTE.unpack_from(notes, at)
        content_at = at + NOTE.size + (name_size + 3) // 4 * 4
        if kind == BUILD_ID_NOTE and notes[at + NOTE.size : content_at] == b"GNU\0" and content_size:
            content = notes[content_at : content_at + content_size]
            if len(content) == content_size:
                yield content.hex()
        at = content_at + (content_size + 3) // 4 * 4
