# SPDX-License-Identifier: Apache-2.0
"""Source lines of C functions: build-ids, which file of this machine is asked, and what addr2line says."""

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from pyheapdump.view import elf, symbols
from pyheapdump.view.elf import build_id
from pyheapdump.view.signals import Module, NativeFrame
from pyheapdump.view.symbols import SourceLine, Symbols, answers
from support.dumped_program import DumpedProgram
from test_view_cli import shown, view
from test_view_signal import crashing_program

SOURCE = """
static inline __attribute__((always_inline)) int read_cell(volatile int *cell)
{
    return *cell; /* line 4 */
}

static __attribute__((noinline)) int parse_row(volatile int *row)
{
    return read_cell(row) + 1; /* line 9 */
}

int for_each_row(int count)
{
    return parse_row((int *)0) + count; /* line 14 */
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared library with debug information and a build-id."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "rows.c").write_text(SOURCE)
    command = ["gcc", "-g", "-O1", "-shared", "-fPIC", "-Wl,--build-id=sha1", "-o", "librows.so", "rows.c"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder / "librows.so"


def address_of(library: Path, symbol: str) -> int:
    listing = subprocess.run(["nm", str(library)], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()
    return next(int(line.split()[0], 16) for line in listing.splitlines() if line.split()[-1] == symbol)


def size_of(library: Path, symbol: str) -> int:
    listing = subprocess.run(["nm", "-S", str(library)], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()
    return next(int(line.split()[1], 16) for line in listing.splitlines() if line.split()[-1] == symbol)


BIAS = 0x7F1200000000


def frame_in(library: Path, identity: Any = ..., how: str = "registers", path: Any = None, at: int = 0) -> NativeFrame:
    module = Module(
        str(path or library), BIAS, BIAS + 4096, BIAS, build_id(str(library)) if identity is ... else identity, False
    )
    return NativeFrame(BIAS + (at or address_of(library, "parse_row")), module, "parse_row", 0, how)


# --- build-ids --------------------------------------------------------------------------------------------------


def test_build_id_is_the_one_that_readelf_shows(library: Path) -> None:
    text = subprocess.run(
        ["readelf", "-n", str(library)], stdout=subprocess.PIPE, check=True, timeout=60
    ).stdout.decode()
    assert f"Build ID: {build_id(str(library))}" in text
    assert len(build_id(str(library)) or "") == 40


def test_build_id_of_a_debug_file(library: Path, tmp_path: Path) -> None:
    for option in ("--only-keep-debug", "--strip-all"):
        subprocess.run(["objcopy", option, str(library), str(tmp_path / "out")], check=True, timeout=60)
        assert build_id(str(tmp_path / "out")) == build_id(str(library))


def test_files_without_build_id(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (
        b"",
        b"\x7fELF",
        b"\x7fELF\x02\x01" + b"\0" * 58,
        b"\x7fELF\x02\x01" + b"\xff" * 1000,
        b"#!/bin/sh\n",
    ):
        path.write_bytes(content)
        assert build_id(str(path)) is None
    assert build_id(str(tmp_path)) is None, "a directory"
    os.mkfifo(tmp_path / "fifo")
    assert build_id(str(tmp_path / "fifo")) is None and build_id("/dev/zero") is None
    with pytest.raises(OSError):
        build_id(str(tmp_path / "nothing"))


def test_elf_files_that_lie(library: Path, tmp_path: Path) -> None:
    """Each byte of the headers wrong: an answer or none, soon, and never an error."""
    data = bytearray(library.read_bytes())
    path = tmp_path / "file"
    sections = struct.unpack_from("<Q", data, 40)[0]
    started = time.monotonic()
    for position in [*range(64), *range(sections, min(sections + 200, len(data)))]:
        for wrong in (0, 0x7F, 0xFF):
            kept, data[position] = data[position], wrong
            path.write_bytes(data)
            assert isinstance(build_id(str(path)), (str, type(None)))
            data[position] = kept
    assert time.monotonic() - started < 20


def test_notes_that_lie() -> None:
    note = struct.Struct("<III")
    good = note.pack(4, 4, 3) + b"GNU\0" + b"\1\2\3\4"
    other = note.pack(3, 1, 3) + b"Go\0\0" + b"\xff\0\0\0"
    assert list(elf.build_ids(other + good)) == ["01020304"]
    for lie in (
        b"",
        good[:-1],
        note.pack(4, 0, 3) + b"GNU\0",
        note.pack(2**32 - 1, 5, 3) + b"GNU\0",
        note.pack(4, 2**32 - 1, 3) + b"GNU\0x",
    ):
        assert list(elf.build_ids(lie)) == []
    assert len(list(elf.build_ids(note.pack(0, 0, 0) * 5000))) == 0


# --- which file is asked ----------------------------------------------------------------------------------------


def test_lines_and_inlined_functions(library: Path) -> None:
    frame = frame_in(library)
    caller = frame_in(library, how="cfi", at=address_of(library, "for_each_row") + size_of(library, "for_each_row"))
    found = Symbols([frame, caller])
    function, inlined = found.lines(frame)
    assert (function.function, inlined.function) == ("parse_row", "read_cell")
    assert (function.line, inlined.line) in ((9, 4), (8, 4)) and str(inlined).endswith("rows.c:4")
    assert found.lines(caller)[0].function == "for_each_row", "the call, not the function behind it"
    assert found.notes == []


def test_another_build_is_not_asked(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_in(library, identity="ab" * 20)
    monkeypatch.setattr(subprocess, "run", never)
    found = Symbols([frame], str(tmp_path))
    assert found.lines(frame) == []
    assert found.notes == [f"librows.so: build-id differs: {library} is not the file that was mapped"]


def never(*arguments: Any, **options: Any) -> None:
    raise AssertionError(f"nothing may be run: {arguments}")


@pytest.mark.parametrize(
    "module, words",
    [
        (Module("/nowhere/librows.so", 0, 1, 0, "ab" * 20, False), "neither the file nor its debug file"),
        (Module("/nowhere/librows.so", 0, 1, 0, None, False), "the dump has no build-id"),
        (Module("/dev/zero", 0, 1, 0, "ab" * 20, False), "build-id differs"),
        (Module("/etc/\0passwd", 0, 1, 0, "ab" * 20, False), "neither the file"),
        (Module("/\udcff\ud800", 0, 1, 0, "ab" * 20, False), "neither the file"),
        (Module("/" + "x" * 4000, 0, 1, 0, "ab" * 20, False), "neither the file"),
        (Module("/nowhere", 0, 1, 0, "a", False), "neither the file"),
    ],
)
def test_modules_that_are_not_here(monkeypatch: pytest.MonkeyPatch, module: Module, words: str) -> None:
    monkeypatch.setattr(subprocess, "run", never)
    (note,) = Symbols([NativeFrame(5, module, None, None, "cfi")]).notes
    assert words in note and note.isprintable()


@pytest.mark.parametrize(
    "module", [None, Module("[vdso]", 0, 1, 0, "ab", False), Module("/x", 0, 1, None, "ab", False)]
)
def test_frames_that_lie_in_no_file(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setattr(subprocess, "run", never)
    frame = NativeFrame(5, module, None, None, "cfi")
    assert Symbols([frame]).notes == [] and Symbols([frame]).lines(frame) == []


@pytest.mark.parametrize("place", ["build-id", "debug", "file", "system"])
def test_debug_files(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """A stripped library at its place, and its debug information in a folder."""
    identity = str(build_id(str(library)))
    places = {
        "build-id": tmp_path / "debug" / ".build-id" / identity[:2] / f"{identity[2:]}.debug",
        "debug": tmp_path / "debug" / "librows.so.debug",
        "file": tmp_path / "debug" / "librows.so",
        "system": tmp_path / "system" / ".build-id" / identity[:2] / f"{identity[2:]}.debug",
    }
    monkeypatch.setattr(symbols, "SYSTEM_DEBUG_FILES", str(tmp_path / "system"))
    stripped = tmp_path / "librows.so"
    subprocess.run(["objcopy", "--strip-all", str(library), str(stripped)], check=True, timeout=60)
    frame = frame_in(library, path=stripped)
    assert Symbols([frame]).lines(frame) == []
    places[place].parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", str(library), str(places[place])], check=True, timeout=60)
    found = Symbols([frame], str(tmp_path / "debug"))
    assert [line.function for line in found.lines(frame)] == ["parse_row", "read_cell"] and found.notes == []


# --- addr2line --------------------------------------------------------------------------------------------------


def pretender(folder: Path, script: str) -> str:
    """A program that poses as addr2line."""
    path = folder / "addr2line"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    yield lambda script: monkeypatch.setattr(shutil, "which", lambda name: pretender(tmp_path, script))


def test_addr2line_is_not_installed(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Symbols([frame_in(library)]).notes == [
        "addr2line is not installed (package binutils): no source lines of C functions"
    ]
    assert Symbols([]).notes == []


def test_addr2line_hangs(library: Path, pretend: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "SECONDS", 0.3)
    pretend("exec sleep 60")
    started = time.monotonic()
    assert "did not end within" in Symbols([frame_in(library)]).notes[0]
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "script, notes", [("exit 1", 1), ("exit 0", 0), ("kill -9 $$", 1), ("head -c 100000 /dev/urandom", 0)]
)
def test_addr2line_fails(library: Path, pretend: Callable[[str], None], script: str, notes: int) -> None:
    pretend(script)
    frame = frame_in(library)
    found = Symbols([frame])
    assert len(found.notes) == notes and found.lines(frame) == []


def test_what_addr2line_is_given(library: Path, tmp_path: Path, pretend: Callable[[str], None]) -> None:
    pretend(f'printf "%s|" "$@" > {tmp_path}/arguments; cat > {tmp_path}/input; env > {tmp_path}/environment')
    os.environ["DEBUGINFOD_URLS"] = "http://localhost:1/"
    try:
        Symbols([frame_in(library), frame_in(library, how="cfi"), frame_in(library)])
    finally:
        del os.environ["DEBUGINFOD_URLS"]
    address = address_of(library, "parse_row")
    assert (tmp_path / "input").read_text() == f"{address - 1:#x}\n{address:#x}\n"
    assert (tmp_path / "arguments").read_text().endswith(f"--exe|{library}|")
    assert "DEBUGINFOD" not in (tmp_path / "environment").read_text()


def test_answers() -> None:
    text = """0x0000000000001139
inner(int)
/src/a.c:5 (discriminator 3)
outer
/src/a.c:9
0x0000000000001140
??
??:0
0x0000000000001141
known
??:?
0x0000000000001142
??
/src/b:c.c:?
0x0000000000001143"""
    assert list(answers(text.splitlines())) == [
        [SourceLine("inner(int)", "/src/a.c", 5), SourceLine("outer", "/src/a.c", 9)],
        [],
        [],
        [SourceLine(None, "/src/b:c.c", None)],
        [],
    ]
    assert list(answers(["nonsense", "0x1", "?"])) == []
    assert str(SourceLine("f", "a.c", None)) == "f at a.c" and str(SourceLine(None, "a.c", 5)) == "? at a.c:5"
    assert str(SourceLine("\x1b[2J", "\n", 5)) == "\\x1b[2J at \\x0a:5"


# --- the view ---------------------------------------------------------------------------------------------------


def test_native_view_shows_source_lines(library: Path, tmp_path: Path) -> None:
    module = {"path": str(library), "bias": BIAS, "build_id": build_id(str(library)), "start": BIAS, "end": BIAS + 4096}
    at = address_of(library, "parse_row")
    frames: List[Any] = [[BIAS + at, 0, "parse_row", 0, "registers"]]
    program: DumpedProgram = crashing_program(
        modules=[module], threads=[{"thread": 4711, "frames": frames, "end": "end"}]
    )
    path = program.write(tmp_path / "x.dump")
    text = shown(view(path, "--native"))
    lines = text[text.index(f"librows.so+{at:#x}: parse_row+0x0") :].splitlines()
    assert lines[1].startswith("      parse_row at ") and "rows.c:" in lines[1]
    assert lines[2].startswith("      read_cell at ") and lines[2].endswith("rows.c:4 (inlined)")
    assert "not looked up" not in text
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(library, moved)
    module["path"] = "/nowhere/librows.so"
    program = crashing_program(modules=[module], threads=[{"thread": 4711, "frames": frames, "end": "end"}])
    path = program.write(tmp_path / "y.dump")
    assert "read_cell at" not in shown(view(path, "--native"))
    assert "read_cell at" in shown(view(path, "--native", "--debug-files", str(moved)))


def test_the_interpreter_itself(tmp_path: Path) -> None:
    """A large file, whose build-id is found all the same, if it has one."""
    started = time.monotonic()
    found = build_id(os.path.realpath(sys.executable))
    assert found is None or len(found) >= 16
    assert time.monotonic() - started < 2
