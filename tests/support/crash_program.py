# SPDX-License-Identifier: Apache-2.0
"""Programs that end by a fatal signal, and what must be true of each of them.

    crash = run_crash(tmp_path, STACK.format(crash="crasher.crash('null_write')"), signal.SIGSEGV)
    check_stack(crash)
    assert crash.signal["code"] == 1

`run_crash` runs the program with pyheapdump and without: signal and output must be the same, apart from our one line;
there must be exactly one dump, with its final name, that opens and has nothing to complain about. The programs use the
extension module `crasher` (support/crasher), which is built once for each interpreter and version of its sources.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyheapdump

from .subject import Ended, Subject, comparable

SOURCES = Path(__file__).resolve().parent / "crasher"
BUILD = Path(__file__).resolve().parent.parent.parent / "build" / "crasher"
SIGNAL_BLOCK = 9  # docs/format.md, section 11

# A crash three calls deep. The marked line is where the innermost frame must stand, `known` what it must hold.
STACK = """
    import os, signal, sys, threading
    import crasher

    def innermost(order):
        known = {{"number": 4711, "lines": [1, 2.5, "three"], "order": order}}
        {crash}  # here

    def middle(order):
        state = "in the middle"
        innermost(order)

    def outermost():
        middle({{"id": 17}})

    outermost()
"""
KNOWN = {"number": 4711, "lines": [1, 2.5, "three"], "order": {"id": 17}}
FRAMES = ["outermost", "middle", "innermost"]


@dataclass
class Crash:
    """A program that crashed and its dump."""

    ended: Ended
    dump: Any  # pyheapdump.Dump
    text: str  # the program's
    signal: dict[str, Any] = field(default_factory=dict)  # the SIGNAL block

    @property
    def thread(self) -> Any:
        """The thread that crashed."""
        return self.dump.threads[0]


# --- building ---------------------------------------------------------------------------------------------------


def built(source: str, name: str) -> Path:
    """The shared library made of support/crasher/<source>, below build/; made anew when a source changes."""
    text = (SOURCES / source).read_bytes()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}-{hashlib.sha256(text).hexdigest()[:12]}"
    made = BUILD / version / name
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        compile_library(SOURCES / source, made)
    return made


def compile_library(source: Path, made: Path) -> None:
    compiler = os.environ.get("CC", "gcc")
    assert shutil.which(compiler), f"{compiler} was not found: these tests compile C code"
    temporary = made.with_name(f"{made.name}.{os.getpid()}")
    options = [
        "-shared",
        "-fPIC",
        "-O1",
        "-g",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-D_GNU_SOURCE",
        "-pthread",
    ]
    include = f"-I{sysconfig.get_path('include')}"
    command = [compiler, *options, include, str(source), "-o", str(temporary), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    temporary.rename(made)


@lru_cache
def crasher_directory() -> str:
    """The directory with the extension module `crasher`."""
    return str(built("crasher.c", "crasher.so").parent)


def broken_library() -> str:
    """A shared library whose constructor crashes."""
    return str(built("broken_library.c", "broken_library.so"))


def injector() -> str:
    """The library that makes libc's functions fail, for LD_PRELOAD."""
    return str(built("inject.c", "inject.so"))


# --- running ----------------------------------------------------------------------------------------------------


def without_core_files() -> None:
    """In the child, before the program starts. A core file of each test would take long, and space."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def run_program(subject: Subject, **options: Any) -> Ended:
    """Runs a subject that can import crasher."""
    environment = {"PYTHONPATH": crasher_directory(), **options.pop("environment", {})}
    options.setdefault("preexec_fn", without_core_files)
    return subject.run(*options.pop("arguments", ()), environment=environment, **options)


def run_crash(
    place: Path,
    text: str,
    signal_number: int,
    *,
    install: str | None = "",
    compare: bool = True,
    whole: bool = True,
    **options: Any,
) -> Crash:
    """Runs a program that ends by this signal, with pyheapdump and (`compare`) without; see the head of this file.

    `whole`: the dump must have everything.
    """
    subject = Subject(place, text, install)
    ended = run_program(subject, **options)
    check_end(ended, signal_number)
    if compare:
        without = run_program(subject, installed=False, **options)
        assert without.status == -signal_number, (without.status, without.stderr.decode())
        found, wanted = comparable(ended.other_stderr), comparable(without.stderr)
        assert found == wanted, f"{found}\nnot:\n{wanted}"
        assert ended.stdout == without.stdout
    crash = open_only_dump(ended, text)
    if whole:
        assert_nothing_is_missing(crash.dump)
    check_signal(crash.signal, signal=signal_number)
    return crash


def check_end(ended: Ended, signal_number: int) -> None:
    """By its signal, and with a line that names the dump."""
    assert ended.status == -signal_number, (ended.status, ended.stderr.decode(errors="replace"))
    said = [line.decode() for line in ended.own_lines]
    assert len(said) == 1 and said[0].startswith("pyheapdump: wrote "), ended.stderr.decode(errors="replace")


def open_only_dump(ended: Ended, text: str) -> Crash:
    """The one dump of a program, which must have its final name and be about a signal."""
    path = ended.only_dump
    assert sorted(path.parent.iterdir()) == [path], "no other file, whole or not"
    assert all(str(path) in line.decode() for line in ended.own_lines)
    dump = pyheapdump.load(path)
    assert dump.reason == "signal", dump.reason
    assert "[Error" not in dump.text
    return Crash(ended, dump, text, signal_of(dump))


def assert_nothing_is_missing(dump: Any) -> None:
    """What is left out on purpose may be."""
    missing = [problem for problem in dump.missing if "redacted" not in problem]
    assert missing == [], missing


def signal_of(dump: Any) -> dict[str, Any]:
    """What the SIGNAL block says."""
    blocks = dump.file.blocks(SIGNAL_BLOCK)
    assert len(blocks) == 1
    described: dict[str, Any] = blocks[0]
    assert described["name"] == signal.Signals(described["signal"]).name
    return described


def check_signal(told: dict[str, Any], **expected: Any) -> None:
    """The SIGNAL block says this; None: nothing of that name."""
    found = {name: told.get(name) for name in expected}
    assert found == expected, f"{found}, not {expected}"


# --- what must be in the dump -----------------------------------------------------------------------------------


def marked_line(text: str, mark: str = "# here") -> int:
    """The number of the marked line in the program; its own text begins on the second line."""
    numbers = [number for number, line in enumerate(text.splitlines(), 2) if mark in line]
    assert len(numbers) == 1, f"{mark!r} is in the lines {numbers}"
    return numbers[0]


def own_frames(thread: Any) -> list[Any]:
    """The frames of the program itself, outermost first, the module's left out."""
    return [f for f in thread.frames if f.f_code.co_filename.endswith("subject.py") and f.f_code.co_name != "<module>"]


def check_frames(crash: Crash, thread: Any, frames: list[str] | None = None, known: Any = None) -> None:
    """The thread stands at the marked line, with the values it had."""
    found = own_frames(thread)
    assert [frame.f_code.co_name for frame in found] == (FRAMES if frames is None else frames), crash.dump.text
    innermost = found[-1]
    assert innermost.f_lineno == marked_line(crash.text), innermost.f_lineno
    wanted = KNOWN if known is None else known
    assert innermost.f_locals["known"] == wanted, innermost.f_locals["known"]


def check_stack(crash: Crash, frames: list[str] | None = None, known: Any = None, gil: str = "held") -> None:
    """The thread that crashed is a thread of Python, comes first, and stands at the marked line."""
    assert [thread.current for thread in crash.dump.threads] == [True] + [False] * (len(crash.dump.threads) - 1)
    check_frames(crash, crash.thread, frames, known)
    check_signal(crash.signal, thread=crash.thread.native_id, ident=crash.thread.ident, python_thread=True, gil=gil)


def check_plain_thread(crash: Crash, gil: str = "not held") -> None:
    """The thread that crashed is none that Python knows; the main thread stands at the marked line."""
    assert not any(thread.current for thread in crash.dump.threads)
    assert crash.signal.get("thread") not in [thread.native_id for thread in crash.dump.threads]
    check_signal(crash.signal, python_thread=False, gil=gil)
    check_frames(crash, next(thread for thread in crash.dump.threads if thread.name == "MainThread"))
