# SPDX-License-Identifier: Apache-2.0
"""Very long str, bytes and bytearray objects, whose content stands in CONTENT blocks (content.py).

Up to LOAD_LIMIT bytes they are loaded and are what they were. A longer one, and one that is not whole in the file,
becomes a subclass whose own text says so (so that nobody takes it for the real content): LongStr, LongBytes,
LongByteArray. `size` are its bytes, len() is that of the real content; indices, slices, iteration and methods read from
the dump what they need and raise NotInDumpError where it is not there; `load()` gives the whole as a plain object.
C code that reads the storage directly (b"".join, print) meets the text that says what is wrong.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .content import BYTES, STR, Content, content_of
from .missing import Missing, NotInDumpError

if TYPE_CHECKING:
    from pyheapdump._pyheapdump import DumpFile

LOAD_LIMIT = 8 * 1024 * 1024  # bytes
BEGINNING = 64  # characters or bytes of the content that a repr shows
UTF8 = "surrogatepass"  # how lone surrogates of a str are written
LONGEST_CHARACTER = 4  # bytes


class LongText:
    """The state and the methods of the three classes below."""

    size: int
    _content: Content
    _code: int

    def load(self) -> Any:
        """The whole content as str, bytes or bytearray; needs as much memory. Raises NotInDumpError."""
        return plain(self._code, self._content.read())

    def beginning(self) -> Any:
        """How the content begins, as str, bytes or bytearray; empty when that is not in the file."""
        wanted = min(BEGINNING * (LONGEST_CHARACTER if self._code == STR else 1), self.size)
        try:
            content = self._content.read(0, wanted)
        except (KeyError, ValueError, NotInDumpError):  # missing, damaged, or the file is closed
            content = b""
        return beginning_of(content)[:BEGINNING] if self._code == STR else plain(self._code, content)

    def __repr__(self) -> str:
        beginning, kept = self.beginning(), self._content.kept()
        how_many = f"{self.size:,} bytes, {kept:,} of them kept" if self._content.why() else f"{self.size:,} bytes"
        if not beginning:
            return f"<{how_many}>" if kept else f"<{self.size:,} bytes, not in the dump>"
        return f"{beginning!r}...<{how_many}>"

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        kinds: Any = str if self._code == STR else (bytes, bytearray)
        if not isinstance(other, kinds):
            return NotImplemented
        if isinstance(other, LongText) and other._content is self._content:
            return True
        return len(self) == len(other) and self.load() == (other.load() if isinstance(other, LongText) else other)

    def __ne__(self, other: object) -> bool:
        found = self.__eq__(other)
        return found if found is NotImplemented else not found


def plain(code: int, content: bytes) -> Any:
    """The object of one of the three types with this content."""
    if code == STR:
        return content.decode("utf-8", UTF8)
    return content if code == BYTES else bytearray(content)


def on_the_whole(base: Any) -> Callable[[type], type]:
    """Class decorator: the methods of `base` that the class does not have itself work on the loaded content."""
    kept = {"__class__", "__init__", "__new__", "__init_subclass__", "__subclasshook__", "__getattribute__", "__doc__"}
    kept |= {"__setattr__", "__delattr__", "__dir__", "__sizeof__", "__str__", "__format__", "__reduce__", "__alloc__"}
    kept |= {"__reduce_ex__", "__getnewargs__", "__buffer__", "__release_buffer__", "maketrans", "fromhex"}

    def method(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
            return getattr(self.load(), name)(*arguments, **keywords)

        call.__name__ = name
        return call

    def add(cls: type) -> type:
        ours = {name for one in cls.__mro__ if one not in (base, object) for name in vars(one)}
        for name, value in vars(base).items():
            if name not in kept and name not in ours and callable(value):
                setattr(cls, name, method(name))
        return cls

    return add


@on_the_whole(str)
class LongStr(LongText, str):
    """A str of the dump that is not loaded. How many characters it has is told by the dump, or else counted."""

    _characters: int | None = None

    def __len__(self) -> int:
        if self._characters is None:
            self._characters = len(self.load())
        return self._characters

    def __getitem__(self, key: Any) -> Any:
        if self._content.is_whole():
            return self.load()[key]
        head, tail = self._ends()
        count, after = len(self), len(self) - len(tail)
        wanted = range(count)[key]
        chosen = wanted if isinstance(wanted, range) else (wanted,)
        if any(len(head) <= index < after for index in chosen):
            raise NotInDumpError(
                f"characters {len(head):,} to {after - 1:,} of {count:,} are not in the dump: {self._content.why()}"
            )
        return "".join(head[index] if index < len(head) else tail[index - after] for index in chosen)

    def _ends(self) -> tuple[str, str]:
        """The characters from the beginning, and those up to the end, that are in the dump."""
        kept = self._content.kept()
        head = beginning_of(self._content.read(0, kept - kept // 2))
        tail = self._content.read(self.size - kept // 2)
        start = next((i for i, byte in enumerate(tail[:LONGEST_CHARACTER]) if byte & 0xC0 != 0x80), len(tail))
        return head, tail[start:].decode("utf-8", UTF8)

    def __iter__(self) -> Iterator[str]:
        return iter(self.load())

    def __hash__(self) -> int:
        return hash(self.load())


class LongBytesMethods(LongText):
    """What LongBytes and LongByteArray have in common."""

    def __getitem__(self, key: Any) -> Any:
        wanted = range(self.size)[key]
        if isinstance(wanted, int):
            return self._content.read(wanted, wanted + 1)[0]
        if not wanted:
            return plain(self._code, b"")
        low, high = min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1])
        found = self._content.read(low, high + 1)
        return plain(self._code, found if wanted.step == 1 else found[:: wanted.step])

    def __iter__(self) -> Iterator[int]:
        return (byte for chunk in self._content.chunks() for byte in chunk)


@on_the_whole(bytes)
class LongBytes(LongBytesMethods, bytes):
    """A bytes object of the dump that is not loaded."""

    def __hash__(self) -> int:
        return hash(self.load())


@on_the_whole(bytearray)
class LongByteArray(LongBytesMethods, bytearray):
    """A bytearray of the dump that is not loaded."""

    __hash__ = None


def beginning_of(content: bytes) -> str:
    """The text of UTF-8 that may be cut within a character."""
    try:
        return codecs.getincrementaldecoder("utf-8")(UTF8).decode(content)
    except UnicodeDecodeError:  # a damaged dump
        return content.decode("utf-8", "replace")


def text_of(file: DumpFile, rid: int, record: list[Any]) -> Any:
    """The object of a SPLIT or SHARED record whose code is STR, BYTES or BYTEARRAY."""
    code = record[1]
    content = content_of(file, rid, record)
    kept = content.kept()
    if content.size <= LOAD_LIMIT and kept == content.size:
        try:
            return plain(code, content.read())
        except NotInDumpError:  # a block is damaged
            kept = 0
        except UnicodeDecodeError:
            return Missing("a text that is no UTF-8")
    if kept < content.size:
        why = content.why() or "the others could not be read, or the file is cut"
        note = f"<{content.size:,} bytes, {kept:,} of them in the dump: {why}>"
    else:
        note = f"<{content.size:,} bytes not loaded from the dump: .load() fetches them>"
    made: Any = (
        LongStr(note) if code == STR else LongBytes(note.encode()) if code == BYTES else LongByteArray(note.encode())
    )
    made.size, made._content, made._code = content.size, content, code
    if code == STR and len(record) > 4 and type(record[4]) is int and record[0] == 16 and 0 <= record[4] <= made.size:
        made._characters = record[4]
    return made
