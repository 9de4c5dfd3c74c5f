# SPDX-License-Identifier: Apache-2.0
"""The source files of a dump, and how debuggers get to see them.

Debuggers and tracebacks read sources through `linecache`. While a dump is open its files stand in that cache, without
a modification time, which is how linecache marks text that has no file to compare with: a file of the same name on
the reader's disk, perhaps of another version, does not replace it. The other files that its code objects name stand
there without lines, as linecache would look for them on the disk: a dump can name any file, /dev/zero and private ones
too. `Sources.withdraw` puts back what was there before.
"""

from __future__ import annotations

import io
import linecache
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .text import file_name

MAX_SOURCE = 16 * 1024 * 1024  # bytes of one file, decompressed
MAX_SOURCES = 32 * 1024 * 1024  # of all
MAX_LINES = 500_000  # of all
MAX_LINE = 5_000  # characters of a line that are shown
LEFT_OUT = b"\n# the rest of this file is too long to be shown\n"

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_BLANK = re.compile(rb"^[ \t\f]*(?:[#\r\n]|$)")

# Encodings a dump may name. Nothing else is looked up: a codec is code, and a search for one imports modules.
_ENCODINGS = re.compile(
    r"(utf-?(8|16|32)(-?sig|-?le|-?be)?|us-?ascii|ascii|latin-?1|iso-?8859-?\d{1,2}|cp\d{3,4}|windows-?125\d|"
    r"koi8-?[rtu]|mac-?roman|gb2312|gbk|gb18030|big5|euc-?(jp|kr)|shift-?jis|johab|tis-?620)"
)


class Source:
    """One source file: its text, where the writer had it from, and whether it was changed after the start."""

    def __init__(self, described: Mapping[str, Any], most: int = MAX_SOURCE, most_lines: int = MAX_LINES) -> None:
        self.filename = file_name(described.get("filename"))
        self.origin = str(described.get("origin", "?"))
        self.changed = described.get("changed") is True
        mtime = described.get("mtime")
        self.mtime = float(mtime) if isinstance(mtime, (int, float)) else None
        content = described.get("text")
        self.content = content if isinstance(content, bytes) else b""
        if described.get("compression") == "deflate":
            self.content = inflated(self.content, most)
        if len(self.content) > most or self.content.count(b"\n") > most_lines:
            self.content = b"\n".join(self.content[:most].split(b"\n", most_lines)[:most_lines]) + LEFT_OUT

    @property
    def text(self) -> str:
        """The file decoded as Python would, with line ends of one kind."""
        text = decoded(self.content)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def lines(self) -> list[str]:
        """The lines with their ends, as linecache has them."""
        lines = [line if len(line) <= MAX_LINE else shortened(line) for line in io.StringIO(self.text)]
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return lines

    def __repr__(self) -> str:
        return f"<source {self.filename!r}, {len(self.content)} bytes{', changed' if self.changed else ''}>"


def shortened(line: str) -> str:
    return f"{line[:MAX_LINE]}... # {len(line) - MAX_LINE:,} more characters\n"


def inflated(data: bytes, most: int) -> bytes:
    """Raw deflate undone, up to a byte more than `most`; what comes before damage is kept."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return stream.decompress(data, most + 1)
    except zlib.error:
        return b"# the source in the dump is damaged\n"


def encoding_of(content: bytes) -> str:
    """The encoding that a file declares (PEP 263), utf-8 when none or none that we know."""
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    for line in content.split(b"\n", 2)[:2]:
        found = _COOKIE.match(line)
        if found:
            name = normal_name(found.group(1).decode("ascii").lower().replace("_", "-"))
            return name if _ENCODINGS.fullmatch(name) else "utf-8"
        if not _BLANK.match(line):
            break
    return "utf-8"


def normal_name(name: str) -> str:
    """Without what editors add, as `latin-1-unix` (Lib/tokenize.py, _get_normal_name)."""
    for normal in ("utf-8", "latin-1", "iso-8859-1", "iso-latin-1"):
        if name.startswith(f"{normal}-") and name != "utf-8-sig":
            return "utf-8" if normal == "utf-8" else "iso-8859-1"
    return "iso-8859-1" if name == "iso-latin-1" else name


def decoded(content: bytes) -> str:
    try:
        return content.decode(encoding_of(content), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def absolute(name: str) -> str:
    """The name under which pdb looks for a file: relative ones count from the current directory (bdb.canonic)."""
    if name.startswith("<") and name.endswith(">"):
        return name
    try:
        return os.path.abspath(name)
    except OSError:  # the current directory is gone
        return name


def names_of(name: str) -> set[str]:
    """The names under which pdb, traceback and inspect ask linecache for the file of a code object."""
    stem, end = os.path.splitext(name)
    names = [name, f"{stem}.py"] if end == ".pyc" else [name]  # inspect.getsourcefile
    return {*names, *map(absolute, names)}


# What open dumps have put into linecache, by its key: in turn what others had put there before (owner None) and the
# entries of dumps. linecache is one for the process; what was put there last counts.
_LAYERS: dict[str, list[tuple[object, Any]]] = {}


def _put(key: str, owner: object, entry: Any) -> None:
    layers, current = _LAYERS.setdefault(key, []), linecache.cache.get(key)
    if not layers or layers[-1][1] is not current:
        layers.append((None, current))
    layers.append((owner, entry))
    linecache.cache[key] = entry


def _take_back(key: str, owner: object) -> None:
    layers = _LAYERS[key]
    is_last = layers[-1][0] is owner and linecache.cache.get(key) is layers[-1][1]
    layers[:] = [layer for layer in layers if layer[0] is not owner]
    if is_last and layers[-1][1] is None:
        del linecache.cache[key]
    elif is_last:
        linecache.cache[key] = layers[-1][1]
    if all(other is None for other, _ in layers):
        del _LAYERS[key]


class Sources(Mapping[str, Source]):
    """The source files of a dump by file name, as in `co_filename`."""

    def __init__(self, blocks: Iterable[Any]) -> None:
        self._files: dict[str, Source] = {}
        room, lines = MAX_SOURCES, MAX_LINES
        for block in blocks:
            if isinstance(block, dict):
                source = Source(block, min(room, MAX_SOURCE), lines)
                self._files[source.filename] = source
                room = max(room - len(source.content), 0)
                lines = max(lines - source.content.count(b"\n"), 0)
        self._owner = object()
        self._keys: set[str] = set()  # in linecache
        self._provided = False

    def __getitem__(self, filename: str) -> Source:
        return self._files[filename]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def changed(self) -> list[str]:
        """The names of files that were changed after the program had started: lines may be off."""
        return sorted(source.filename for source in self._files.values() if source.changed)

    @property
    def changes(self) -> list[str]:
        """`changed` in words."""
        return [f"{name} was changed after the program had started: lines may be off" for name in self.changed]

    def provide(self) -> None:
        """Put the files into linecache."""
        self._provided = True
        for name, source in self._files.items():
            entry = (len(source.content), None, source.lines, name)
            for key in {name, absolute(name)}:
                self._put(key, entry)

    def _put(self, key: str, entry: Any) -> None:
        if key not in self._keys:
            self._keys.add(key)
            _put(key, self._owner, entry)

    def meet(self, name: str) -> None:
        """Put the file `name`, which a code object names, into linecache without lines, unless the dump has it."""
        if self._provided:
            for key in names_of(name):
                self._put(key, (0, None, [], key))

    def withdraw(self) -> None:
        """Put back into linecache what was there before `provide`, or what another open dump has put there."""
        self._provided = False
        for key in self._keys:
            _take_back(key, self._owner)
        self._keys.clear()
