# SPDX-License-Identifier: Apache-2.0
"""Very long str, bytes and bytearray objects, whose content stands in CONTENT blocks.

Up to LOAD_LIMIT bytes they are loaded and are what they were. A longer one, and one that is not whole in the file,
becomes a subclass whose own text says so (so that nobody takes it for the real content), with `size` in bytes and
`load()`; its repr shows how the content begins. len() is that of the real content, as who looks for the largest object
asks for it.
"""

from __future__ import annotations

import codecs
from typing import Any, Protocol

from .missing import Missing

LOAD_LIMIT = 8 * 1024 * 1024  # bytes
BEGINNING = 64  # characters or bytes of the content that a repr shows
CONTENT_LIMIT = 256 * 1024 * 1024  # bytes of an array or memoryview that is loaded when looked at
STR, BYTES, BYTEARRAY = 5, 6, 7


class Contents(Protocol):
    """The part of DumpFile that is used here."""

    def content(self, rid: int, start: int = 0, stop: int = ..., /) -> bytes: ...

    def content_missing(self, rid: int) -> int: ...


class LongText:
    """The state and the methods of the three classes below."""

    size: int
    _file: Contents
    _id: int
    _code: int

    def load(self) -> Any:
        """The whole content as str, bytes or bytearray; needs as much memory."""
        return loaded(self._file, self._id, self._code)

    def beginning(self) -> Any:
        """How the content begins, as str, bytes or bytearray; empty when that is not in the file."""
        wanted = min(BEGINNING * (4 if self._code == STR else 1), self.size)  # a character has at most 4 bytes
        try:
            content = self._file.content(self._id, 0, wanted)
        except (KeyError, ValueError):  # damaged, or the file is closed
            content = b""
        if len(content) < wanted:  # what is there may be from farther on
            content = b""
        if self._code == STR:
            return beginning_of(content)[:BEGINNING]
        return content if self._code == BYTES else bytearray(content)

    def __repr__(self) -> str:
        beginning = self.beginning()
        if not beginning:
            return f"<{self.size:,} bytes, not in the dump>"
        return f"{beginning!r}...<{self.size:,} bytes>"

    def __len__(self) -> int:
        return self.size


class LongStr(LongText, str):
    """A str of the dump that is not loaded. How many characters it has is counted when len() is asked."""

    _characters: int | None = None

    def __len__(self) -> int:
        if self._characters is None:
            content = self.load()
            self._characters = self.size if isinstance(content, Missing) else len(content)
        return self._characters


class LongBytes(LongText, bytes):
    """A bytes object of the dump that is not loaded."""


class LongByteArray(LongText, bytearray):
    """A bytearray of the dump that is not loaded."""


def beginning_of(content: bytes) -> str:
    """The text of UTF-8 that may be cut within a character."""
    try:
        return codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(content)
    except UnicodeDecodeError:  # a damaged dump
        return content.decode("utf-8", "replace")


def text_of(file: Contents, rid: int, record: list[Any]) -> Any:
    """The object of a SPLIT record [16, code, size] whose code is STR, BYTES or BYTEARRAY."""
    code, size = record[1], record[2]
    try:
        missing = file.content_missing(rid) if size <= LOAD_LIMIT else 0
    except KeyError as why:
        return Missing(str(why.args[0]))
    if size <= LOAD_LIMIT and not missing:
        return loaded(file, rid, code)
    if missing:
        note = f"<{missing:,} of {size:,} bytes are missing: .load() gives the others>"
    else:
        note = f"<{size:,} bytes not loaded from the dump: .load() fetches them>"
    forms: dict[int, Any] = {STR: LongStr, BYTES: LongBytes, BYTEARRAY: LongByteArray}
    made = forms[code](note if code == STR else note.encode())
    made.size, made._file, made._id, made._code = size, file, rid, code
    return made


def content_of(file: Contents, rid: int, raw: Any) -> bytes:
    """The bytes of `content` in a record's base: bytes as they are, or [16, 6, size] when they stand in blocks."""
    if isinstance(raw, bytes):
        return raw
    if not isinstance(raw, list) or raw[:2] != [16, BYTES] or not isinstance(raw[2], int) or raw[2] > CONTENT_LIMIT:
        raise ValueError("the content is not in the dump, or too large to load")
    content = file.content(rid)
    if len(content) != raw[2]:  # what is there may stand anywhere in the whole
        raise ValueError(f"{raw[2] - len(content):,} of its {raw[2]:,} bytes are missing")
    return content


def loaded(file: Contents, rid: int, code: int) -> Any:
    """The content that is there; a note at its end where some is missing."""
    try:
        content = file.content(rid)
        missing = file.content_missing(rid)
    except KeyError as why:
        return Missing(str(why.args[0]))
    if missing:
        content += f"<{missing:,} bytes are missing>".encode()
    if code == STR:
        return content.decode("utf-8", "surrogatepass" if not missing else "replace")
    return content if code == BYTES else bytearray(content)
