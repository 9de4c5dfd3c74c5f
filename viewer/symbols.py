# SPDX-License-Identifier: Apache-2.0
"""Source lines of C functions, from files on this machine.

The dump names the files that were mapped and their build-ids. Where this machine has a file with the same build-id, the
module itself or a debug file of it, `addr2line` (binutils) tells function, file and line of an address in it, and those
of the functions that the compiler put in there ("inlined"). A file with another build-id is never asked: its answers
would be wrong. addr2line gets the file as an argument after the option for it and the addresses on its standard input,
one run for each file, with a deadline; no shell is involved.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .elf import build_id
from .signals import Module, NativeFrame
from .text import printable

SYSTEM_DEBUG_FILES = "/usr/lib/debug"
SECONDS = 60.0  # for all files
MAX_ADDRESSES = 10_000  # of one file
MAX_OUTPUT = 64 * 1024 * 1024  # bytes of addr2line's answer that are looked at

ADDRESS_LINE = re.compile(r"0x[0-9a-f]{16}")


class SourceLine(NamedTuple):
    """A place in the sources of a C function; None where it is not known."""

    function: str | None
    file: str
    line: int | None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{printable(self.function or '?', 200)} at {printable(place, 300)}"


class Symbols:
    """What addr2line knows of the frames it was made for. `notes` says which modules it was not asked for, and why."""

    def __init__(self, frames: Iterable[NativeFrame], debug_files: str | None = None) -> None:
        self.notes: list[str] = []
        self._lines: dict[tuple[Module, int], list[SourceLine]] = {}
        wanted: dict[Module, set[int]] = {}
        for frame in frames:
            if frame.module is not None and frame.module.path.startswith("/") and frame.file_address is not None:
                wanted.setdefault(frame.module, set()).add(frame.file_address)
        program = shutil.which("addr2line")
        if wanted and program is None:
            self.notes.append("addr2line is not installed (package binutils): no source lines of C functions")
            return
        deadline = time.monotonic() + SECONDS
        for module, addresses in wanted.items():
            try:
                self._ask(str(program), module, sorted(addresses)[:MAX_ADDRESSES], debug_files, deadline)
            except NoAnswerError as problem:
                self.notes.append(printable(f"{module.name}: {problem}", 400))

    def lines(self, frame: NativeFrame) -> list[SourceLine]:
        """The places of a frame: the function's first, then those of functions inlined there, inwards."""
        if frame.module is None or frame.file_address is None:
            return []
        return self._lines.get((frame.module, frame.file_address), [])

    def _ask(
        self, program: str, module: Module, addresses: list[int], debug_files: str | None, deadline: float
    ) -> None:
        file = matching_file(module, debug_files)
        text = answer(program, file, addresses, deadline - time.monotonic())
        for address, places in zip(addresses, answers(text.splitlines())):
            self._lines[module, address] = places[::-1]


class NoAnswerError(Exception):
    """Why the functions of a module are not looked up further."""


def matching_file(module: Module, debug_files: str | None) -> str:
    """The file of this machine that has the module's build-id, a debug file before the module itself."""
    if module.build_id is None:
        raise NoAnswerError("the dump has no build-id of it")
    others = []
    for path in candidates(module, debug_files):
        try:
            found = build_id(path)
        except (OSError, ValueError):  # ValueError: a path with a NUL
            continue
        if found == module.build_id:
            return path
        others.append(path)
    if others:
        raise NoAnswerError(f"build-id differs: {others[-1]} is not the file that was mapped")
    raise NoAnswerError("this machine has neither the file nor its debug file")


def candidates(module: Module, debug_files: str | None) -> Iterator[str]:
    identity = module.build_id or ""
    by_identity = os.path.join(".build-id", identity[:2], f"{identity[2:]}.debug")
    if debug_files is not None:
        folder = os.path.abspath(debug_files)
        yield os.path.join(folder, by_identity)
        yield os.path.join(folder, f"{module.name}.debug")
        yield os.path.join(folder, module.name)
    yield os.path.join(SYSTEM_DEBUG_FILES, by_identity)
    yield module.path


def answer(program: str, file: str, addresses: list[int], seconds: float) -> str:
    """What addr2line prints for these addresses of a file."""
    try:
        done = subprocess.run(
            [program, "--addresses", "--functions", "--inlines", "--demangle", "--exe", file],
            input="".join(f"{address:#x}\n" for address in addresses).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C"},  # nothing that lets it search elsewhere
            timeout=max(seconds, 0.001),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"addr2line did not end within {SECONDS:.0f} s for all files") from None
    except OSError as problem:
        raise NoAnswerError(f"addr2line cannot be run: {problem.strerror or problem}") from None
    if done.returncode != 0 and not done.stdout:
        raise NoAnswerError(f"addr2line failed with status {done.returncode}")
    return done.stdout[:MAX_OUTPUT].decode("utf-8", "replace")


def answers(lines: Iterable[str]) -> Iterator[list[SourceLine]]:
    """For each address asked for its places: a line with the address, then two for each, function and place."""
    places: list[SourceLine] | None = None
    function: str | None = None
    for line in lines:
        if ADDRESS_LINE.fullmatch(line):
            if places is not None:
                yield places
            places, function = [], None
        elif places is not None and function is None:
            function = line
        elif places is not None and function is not None:
            found = source_line(function, line)
            if found is not None:
                places.append(found)
            function = None
    if places is not None:
        yield places


def source_line(function: str, place: str) -> SourceLine | None:
    """One answer; None when it says nothing. A place may end in " (discriminator 3)".

    Without a file the function is the nearest of those that have a symbol, which need not be the right one.
    """
    file, _, number = place.partition(" (discriminator")[0].rpartition(":")
    if file in ("", "??"):
        return None
    line = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    return SourceLine(None if function in ("", "??") else function, file, line or None)
