# SPDX-License-Identifier: Apache-2.0
"""Reading a core file: `python -m pyheapdump core CORE`.

The C library reads the core, and the files that were mapped, and writes the dump. A compressed core is first unpacked
to a file in the directory of temporary files, with holes where there are zeros, and as far as there is room. It has no
name, so that it goes whatever becomes of this process.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from stat import S_ISREG
from typing import Any, NamedTuple

from . import _pyheapdump, files, outside
from .outside import OutsideError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# What we cannot unpack, and what can.
OTHER_MAGICS = {b"\xfd7zXZ": "xz -d", b"BZh": "bzip2 -d", b"\x04\x22\x4d\x18": "lz4 -d"}
COMPRESSED_ENDS = (".gz", ".zst")

PIECE = 1 << 20
HOLE = 4096
# Left free in the directory of temporary files, bytes.
SPARE_ROOM = 64 << 20


class Opened(NamedTuple):
    """A core as the C library takes it."""

    descriptor: int
    time_ns: int  # when it was written
    cut: bool  # its compressed file ends early


def dump(
    core: str, options: outside.Options = outside.DEFAULT, path: str | None = None, executable: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Dump the process of a core to `path` (default: a new file in the current directory, named after the core).

    Returns the path, and what was written and found; its "problems" are the reasons why not all can be read. Raises
    OutsideError, or OSError when a file cannot be read or made.
    """
    directory, name = outside.place_of(path or free_name(core))
    with opened(core) as found:
        read = partial(
            _pyheapdump.core,
            found.descriptor,
            os.fsencode(core),
            found.time_ns,
            found.cut,
            None if executable is None else outside.absolute(executable),
        )
        try:
            told = outside.write(read, options, directory, name)
        except _pyheapdump.CaptureError as problem:
            raise OutsideError(f"{core}: {problem}") from None
    told["problems"] = told["problems"].splitlines()
    if "error" in told:
        raise OutsideError(explained(core, executable, told))
    return os.path.join(directory, name), told


def stacks(
    core: str, options: outside.Options = outside.DEFAULT, executable: str | None = None
) -> tuple[Any, dict[str, Any]]:
    """The stacks in a core as an open Dump, whose file is gone already, and what was read. Raises OutsideError."""
    wanted = options._replace(only_stacks=True)
    return outside.stacks(lambda path: dump(core, wanted, path, executable)[1])


def free_name(core: str) -> str:
    """`CORE.dump` here, or `CORE.1.dump` and so on."""
    base = os.path.basename(core)
    for end in COMPRESSED_ENDS:
        base = base[: -len(end)] if base.endswith(end) else base
    number, name = 0, f"{base}.dump"
    while os.path.lexists(name) or os.path.lexists(name + files.PART_SUFFIX):
        number += 1
        name = f"{base}.{number}.dump"
    return name


def explained(core: str, executable: str | None, told: dict[str, Any]) -> str:
    """Why there is no dump, in one line."""
    if told["executable"]:
        return f"{executable}: {told['error']} ({core})"
    if not told["problems"]:
        return f"{core}: {told['error']}"
    advice = "" if executable is not None else "; --exe names the program's file where it has moved"
    return f"{core}: {told['error']}, as far as it can be read: {'; '.join(told['problems'])}{advice}"


# --- opening


@contextmanager
def opened(core: str) -> Iterator[Opened]:
    """The core, unpacked if need be, open until the end of the with statement."""
    source = os.open(core, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        info = os.fstat(source)
        if not S_ISREG(info.st_mode):
            raise OutsideError(f"{core}: not a regular file")
        begin = os.pread(source, 6, 0)
        if begin.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
            unpacked, cut = unpack(core, source, begin)
            os.close(source)
            source = unpacked
        else:
            cut = False
            for magic, command in OTHER_MAGICS.items():
                if begin.startswith(magic):
                    raise OutsideError(f"{core}: compressed in a way that is not read: unpack it with {command}")
        yield Opened(source, info.st_mtime_ns, cut)
    finally:
        os.close(source)


def unpack(core: str, source: int, begin: bytes) -> tuple[int, bool]:
    """The descriptor of a nameless file with the content, and whether that is cut. Raises OutsideError."""
    directory = files.temporary_directory()
    room = os.statvfs(directory)
    most = max(0, room.f_bavail * room.f_frsize - SPARE_ROOM)
    target = nameless_file(directory)
    try:
        unpacker = unpack_gzip if begin.startswith(GZIP_MAGIC) else _pyheapdump.unpack_zstd
        size, problem = unpacker(source, target, most)
    except BaseException as error:
        os.close(target)
        if isinstance(error, OSError):
            raise OutsideError(f"{core}: cannot be unpacked to {directory}: {error.strerror}") from None
        raise
    if problem == NO_ROOM or not size:
        os.close(target)
        why = f"{directory} has no room for it; TMPDIR names another directory" if problem == NO_ROOM else problem
        raise OutsideError(f"{core}: cannot be unpacked: {why or 'it is empty'}")
    return target, problem is not None


NO_ROOM = "there is no room for more"


def nameless_file(directory: str) -> int:
    """A new file that nobody else can open, and that goes when it is closed."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # not every file system can
        import tempfile

        descriptor, path = tempfile.mkstemp(dir=directory)
        os.unlink(path)
        return descriptor


def unpack_gzip(source: int, target: int, most: int) -> tuple[int, str | None]:
    """As _pyheapdump.unpack_zstd. The members of the file are one content."""
    size, unpacker = 0, zlib.decompressobj(wbits=31)
    while True:
        packed = unpacker.unconsumed_tail or unpacker.unused_data or os.read(source, PIECE)
        if unpacker.eof:
            unpacker = zlib.decompressobj(wbits=31) if packed else unpacker
        if not packed:
            os.ftruncate(target, size)
            return size, None if unpacker.eof else "it ends early"
        try:
            content = unpacker.decompress(packed, PIECE)
        except zlib.error:
            os.ftruncate(target, size)
            return size, "it is damaged"
        if size + len(content) > most:
            return size, NO_ROOM
        write_sparse(target, content, size)
        size += len(content)


def write_sparse(target: int, content: bytes, offset: int) -> None:
    """Write at `offset`, but what is zero."""
    view, zeros = memoryview(content), bytes(HOLE)
    for start in range(0, len(content), HOLE):
        piece = view[start : start + HOLE]
        if piece != zeros[: len(piece)]:
            done = 0
            while done < len(piece):
                done += os.pwrite(target, piece[done:], offset + start + done)
