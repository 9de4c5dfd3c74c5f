# SPDX-License-Identifier: Apache-2.0
"""Processes whose interpreter is stripped, embedded, gone from the disk, or mapped several times."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.embedding import embed, shared_library
from support.interpreter_file import IS_SHARED, copied_interpreter, library
from support.target import SECONDS, Target, stacks_of

WAITING = """
    import sys, time
    def wait(order):
        print("ready", flush=True)
        time.sleep(1000)
    wait("order-17")
"""


def expect_its_stack(target: Target) -> None:
    text = stacks_of(target, "--locals", "--native")
    assert f"\n    > {target.line_of('time.sleep'):4}     time.sleep(1000)\n" in text
    assert "        order = 'order-17'\n" in text
    assert re.search(rf"id {target.pid}, in system call (clock_nanosleep|select|pselect6)\n", text)


def test_stripped(tmp_path: Path) -> None:
    strip = shutil.which("strip")
    assert strip, "there is no strip: install binutils"
    file, how = copied_interpreter(tmp_path)
    subprocess.run([strip, str(file)], check=True, timeout=SECONDS)
    with Target(tmp_path, WAITING, **how) as target:
        assert str(file) in Path(f"/proc/{target.pid}/maps").read_text()
        expect_its_stack(target)


def test_embedded(tmp_path: Path) -> None:
    """Python in the program of somebody else, which is no Python by name."""
    with Target(tmp_path, WAITING, **embed(tmp_path, *shared_library())) as target:
        expect_its_stack(target)


def test_deleted(tmp_path: Path) -> None:
    file, how = copied_interpreter(tmp_path)
    with Target(tmp_path, WAITING, **how) as target:
        file.unlink()
        assert f"{file} (deleted)" in Path(f"/proc/{target.pid}/maps").read_text()
        expect_its_stack(target)


@pytest.mark.skipif(not IS_SHARED, reason="this interpreter's code is in the executable, which cannot be loaded again")
@pytest.mark.parametrize("order", ["before", "behind"])
def test_several_copies(order: str, tmp_path: Path) -> None:
    """Only one of them runs; the other's _PyRuntime is as the file has it."""
    copies = [tmp_path / f"copy-{number}.so" for number in range(3)]
    for copy in copies:
        shutil.copy(library(), copy)
    text = WAITING.replace(
        "import sys, time", f"import ctypes, sys, time\n    kept = [ctypes.CDLL(p) for p in {list(map(str, copies))}]"
    )
    # Mappings are made from high addresses to low ones, and the other way round with the old layout.
    before = ["setarch", "-L"] if order == "behind" else []
    with Target(tmp_path, text, before=before) as target:
        expect_its_stack(target)


# Maps the executable once more, as a debugger does that reads it: all its segments, as the file has them.
MAPPED_AGAIN = """
    import ctypes, os, struct
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_uint64
    libc.mmap.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_uint64]
    PT_LOAD, PRIVATE, FIXED, ANONYMOUS, PAGE = 1, 2, 16, 32, 4096
    exe = os.open("/proc/self/exe", os.O_RDONLY)
    head = os.pread(exe, 4096, 0)
    table, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    loads = [one for one in (struct.unpack_from("<IIQQQQQQ", head, table + n * size) for n in range(count))
             if one[0] == PT_LOAD]
    lowest, highest = loads[0][3] & -PAGE, max(one[3] + one[6] for one in loads)
    place = libc.mmap({hint}, highest - lowest + PAGE, 0, PRIVATE | ANONYMOUS, -1, 0)
    for _, flags, offset, address, _, in_file, in_memory, _ in loads:
        access = (flags & 1) << 2 | flags & 2 | (flags & 4) >> 2
        at, skipped = place + (address & -PAGE) - lowest, address % PAGE
        assert libc.mmap(at, in_file + skipped, access, PRIVATE | FIXED, exe, offset - skipped) == at
"""


@pytest.mark.skipif(IS_SHARED, reason="this interpreter's code is in a library: the test above loads it again")
@pytest.mark.parametrize("hint", [0, 1 << 28], ids=["before", "behind"])
def test_an_executable_mapped_again(hint: int, tmp_path: Path) -> None:
    with Target(tmp_path, MAPPED_AGAIN.replace("{hint}", str(hint)) + WAITING) as target:
        maps = Path(f"/proc/{target.pid}/maps").read_text().splitlines()
        code = [line for line in maps if line.endswith(os.path.realpath(sys.executable)) and " r-xp " in line]
        assert len(code) == 2, maps
        expect_its_stack(target)
