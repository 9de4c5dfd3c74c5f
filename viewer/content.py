# SPDX-License-Identifier: Apache-2.0
"""The bytes that objects of the dump consist of: of a str, bytes, array, memoryview, mmap and so on.

They stand in the object's record, in CONTENT blocks of its own, or in the content of another object, which it shares
(docs/format.md, SPLIT and SHARED). Some may not be in the file: the writer keeps the head and the tail of what is very
large, and pages of the process may not have been readable. A `Content` hides the difference: it reads what is there,
and raises NotInDumpError, never makes anything up, for what is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pyheapdump._pyheapdump import Ref

from .missing import NotInDumpError
from .text import printable

if TYPE_CHECKING:
    from pyheapdump._pyheapdump import DumpFile

OBJECT, STR, BYTES, BYTEARRAY, SPLIT, MAPPED, SHARED = 1, 5, 6, 7, 16, 17, 18
MAX_DEPTH = 8  # contents that refer to contents
MAX_PIECES = 4096  # of one content
CHUNK = 16 << 20  # bytes read at once


class Piece(NamedTuple):
    """Bytes start…stop-1 of a content: those of object `owner` from `offset` of its content on. `inline` are that whole
    content when it stands in its record, None when it stands in CONTENT blocks. `owner` None: they were left out, why
    tells `reason`.
    """

    start: int
    stop: int
    owner: int | None
    offset: int
    inline: bytes | None = None
    reason: str = ""


class Content:
    """`size` bytes; `reason` tells why some were left out ("" when none were)."""

    def __init__(self, file: DumpFile, size: int, pieces: list[Piece], reason: str) -> None:
        self.file = file
        self.size = size
        self.pieces = pieces
        self.reason = reason

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes start…stop-1. Raises NotInDumpError when one of them is not in the dump."""
        stop = self.size if stop is None else min(stop, self.size)
        parts = []
        for piece in self.pieces:
            low, high = max(start, piece.start), min(stop, piece.stop)
            if low < high:
                parts.append(self._read_piece(piece, low - piece.start, high - piece.start))
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(found) != max(stop - start, 0):
            raise self._error(start, stop)
        return found

    def _read_piece(self, piece: Piece, start: int, stop: int) -> bytes:
        begin, end = piece.offset + start, piece.offset + stop
        if piece.inline is not None:
            return piece.inline[begin:end]
        if piece.owner is None or self.file.content_kept(piece.owner, begin, end) != end - begin:
            raise self._error(piece.start + start, piece.start + stop)
        parts = [self.file.content(piece.owner, at, min(at + CHUNK, end)) for at in range(begin, end, CHUNK)]
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(found) != end - begin:  # a block is damaged
            raise self._error(piece.start + start, piece.start + stop)
        return found

    def _error(self, start: int, stop: int) -> NotInDumpError:
        which = f"bytes {start:,} to {stop - 1:,} of" if stop - start > 1 else f"byte {start:,} of"
        why = self.why() or "could not be read, or the file is cut"
        return NotInDumpError(f"{which} {self.size:,} not in the dump: {why}")

    def why(self) -> str:
        """Why some bytes were left out, of this content or of those that it shares; "" when that was not on purpose."""
        owners = dict.fromkeys(piece.owner for piece in self.pieces if piece.owner is not None)
        reasons = [self.reason, *(piece.reason for piece in self.pieces)]
        reasons += [reason_of(raw_content(self.file, owner)) for owner in owners]
        return next((reason for reason in reasons if reason), "")

    def kept(self) -> int:
        """How many of the bytes are in the dump, as far as its index tells."""
        return sum(self._kept_of(piece) for piece in self.pieces)

    def _kept_of(self, piece: Piece) -> int:
        if piece.owner is None:
            return 0
        if piece.inline is not None:
            return piece.stop - piece.start
        return self.file.content_kept(piece.owner, piece.offset, piece.offset + piece.stop - piece.start)

    def is_whole(self) -> bool:
        return self.kept() == self.size

    def chunks(self) -> Iterator[bytes]:
        """All bytes, one part after the other. Raises NotInDumpError at the first that is not there."""
        for start in range(0, self.size, CHUNK):
            yield self.read(start, start + CHUNK)


# --- where it stands --------------------------------------------------------------------------------------------


def raw_content(file: DumpFile, rid: int) -> Any:
    """What the record of an object tells of its content: bytes, or a SPLIT or SHARED record; None when it has none."""
    try:
        record = file.record(rid)
    except KeyError:
        return None
    if record and record[0] == OBJECT:
        record = record[2] if len(record) > 2 and isinstance(record[2], list) else []
    if len(record) == 3 and record[0] == MAPPED and isinstance(record[2], dict):
        return record[2].get("content")
    return record[1] if len(record) == 2 and record[0] in (BYTES, BYTEARRAY) else record


def content_of(file: DumpFile, rid: int, raw: Any) -> Content:
    """The content of object `rid` that `raw` tells. Raises ValueError when that makes no sense."""
    size, reason = size_of(raw)
    pieces = list(pieces_of(file, rid, raw, 0, size, MAX_DEPTH))
    if len(pieces) > MAX_PIECES:
        raise ValueError("content of too many pieces")
    return Content(file, size, pieces, reason)


def size_of(raw: Any) -> tuple[int, str]:
    """How many bytes there are, and why not all were written."""
    if isinstance(raw, bytes):
        return len(raw), ""
    if not isinstance(raw, list) or len(raw) < 3 or raw[0] not in (SPLIT, SHARED) or type(raw[2]) is not int:
        raise ValueError("the content is not in the dump")
    if raw[2] < 0 or raw[1] not in (STR, BYTES, BYTEARRAY):
        raise ValueError("not a content")
    return raw[2], reason_of(raw)


def reason_of(raw: Any) -> str:
    """Why not all bytes of a SPLIT or SHARED record were written."""
    return printable(raw[3], 200) if isinstance(raw, list) and len(raw) > 3 and isinstance(raw[3], str) else ""


def pieces_of(file: DumpFile, rid: int, raw: Any, start: int, stop: int, depth: int) -> Iterator[Piece]:
    """Bytes start…stop-1 of a content, counted from `start`; at most MAX_PIECES + 1 pieces."""
    size, _ = size_of(raw)
    if stop > size or depth <= 0:
        yield Piece(0, stop - start, None, 0)
    elif isinstance(raw, bytes):
        yield Piece(0, stop - start, rid, start, raw)
    elif raw[0] == SPLIT:
        yield Piece(0, stop - start, rid, start)
    else:
        yield from shared_pieces(file, rid, raw, start, stop, depth)


def shared_pieces(file: DumpFile, rid: int, raw: list[Any], start: int, stop: int, depth: int) -> Iterator[Piece]:
    """`pieces_of` a SHARED record [18, code, size, reason, owner, offset, length, …]."""
    at = count = 0
    for owner, offset, length in zip(raw[4::3], raw[5::3], raw[6::3]):
        if type(offset) is not int or type(length) is not int or offset < 0 or length < 0:
            raise ValueError("a shared content with an impossible piece")
        low, high = max(start, at), min(stop, at + length)
        if low < high:
            for piece in pieces_of_owner(file, rid, owner, offset + low - at, offset + high - at, depth):
                count += 1
                why = piece.reason or (reason_of(raw) if piece.owner is None else "")
                yield piece._replace(start=piece.start + low - start, stop=piece.stop + low - start, reason=why)
                if count > MAX_PIECES:
                    return
        at += length


def pieces_of_owner(file: DumpFile, rid: int, owner: Any, start: int, stop: int, depth: int) -> Iterator[Piece]:
    if type(owner) is not Ref:
        yield Piece(0, stop - start, None, 0)
    elif owner.id == rid:
        yield Piece(0, stop - start, rid, start)
    else:
        raw = raw_content(file, owner.id)
        try:
            size_of(raw)
        except ValueError:  # the owner is not in the file, or is broken
            yield Piece(0, stop - start, None, 0)
            return
        yield from pieces_of(file, owner.id, raw, start, stop, depth - 1)
