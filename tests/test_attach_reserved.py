# SPDX-License-Identifier: Apache-2.0
"""Processes that have reserved more than they use: reading one takes time and memory for what it has in memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.raw_dump import Written
from support.sandbox import REFUSE
from support.target import SECONDS, Target, clean_environment

# Where the kernel cannot tell what is in memory but page by page, as before Linux 6.7: all of ioctl() is refused.
WITHOUT_SCAN = (
    REFUSE
    + """
import runpy, sys
NUMBERS["ioctl"] = 16
refuse(["ioctl"], "errno")
runpy.run_module("pyheapdump", run_name="__main__", alter_sys=True)
"""
)
KERNELS = pytest.mark.parametrize("scan", [True, False], ids=["scan", "no scan"])

PREPARATION = """
    import ctypes, time
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    PAGE, NONE, READ, WRITE, ANONYMOUS = 4096, 0, 1, 2, 0x4022  # private, nothing set aside

    def reserve(size):
        return libc.mmap(None, size, READ | WRITE, ANONYMOUS, -1, 0)

    def ready():
        print("ready", flush=True)
        time.sleep(1000)
"""

TERABYTES = """
    start = reserve(16 << 40)
    for number in range(200):
        ctypes.memset(start + (number << 33), 1, 10)
    ready()
"""
GIGABYTES = """
    for _ in range(250):
        ctypes.memset(reserve(1 << 30), 1, 10)
        libc.mmap(None, PAGE, NONE, ANONYMOUS, -1, 0)
    ready()
"""
MAPPINGS = """
    start = reserve(60_000 * PAGE)
    for number in range(0, 60_000, 2):
        libc.mprotect(start + number * PAGE, PAGE, READ)
        ctypes.string_at(start + number * PAGE, 1)
    ready()
"""


def read(target: Target, path: Path, scan: bool) -> tuple[float, int]:
    """Attach; for how many seconds the target stood, and the most KiB that the reader had in memory."""
    start = ["-m", "pyheapdump"] if scan else ["-c", WITHOUT_SCAN]
    command = [sys.executable, *start, "attach", str(target.pid), "-o", str(path)]
    measured = "import os, resource, sys\n"
    measured += "status = os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:])\n"
    measured += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    measured += "sys.exit(status)\n"
    done = subprocess.run(
        [sys.executable, "-c", measured, *command],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stopped = re.search(r"stopped for ([0-9.]+) (ms|s)\)", done.stdout)
    assert stopped, done.stdout
    return float(stopped[1]) / (1000 if stopped[2] == "ms" else 1), int(done.stdout.splitlines()[-1])


@KERNELS
@pytest.mark.parametrize("text", [TERABYTES, GIGABYTES, MAPPINGS], ids=["terabytes", "gigabytes", "mappings"])
def test_what_is_reserved_costs_nothing(text: str, scan: bool, tmp_path: Path) -> None:
    """Milliseconds; what is allowed is for a machine that is busy."""
    with Target(tmp_path, PREPARATION + text) as target:
        stopped, most = read(target, tmp_path / "a.dump", scan)
    assert stopped < 1
    assert most < 64 << 10


# Pieces of two pages, of which the second one was never touched but in what is dense; the page before may be there or not.
PIECES = """
    places = {"sparse": reserve(64 << 30), "dense": reserve(96 << 20), "small": reserve(1 << 20)}
    ctypes.memset(places["dense"] + (16 << 20), 7, 80 << 20)

    def hold(pieces):
        ready()

    pieces = {}
    for name, start in places.items():
        for offset in OFFSETS[name]:
            if name != "dense":
                ctypes.memset(start + offset + PAGE - 100, 5, 100)  # the end of the first page
            pieces[f"{name} {offset}"] = (ctypes.c_char * (2 * PAGE)).from_address(start + offset)
    hold(pieces)
"""
PAGE = 4096
OFFSETS = {
    "sparse": [0, 3 * PAGE, (2 << 20) - PAGE, 40 << 20, (33 << 30) - PAGE, (64 << 30) - 2 * PAGE],
    "dense": [0, (16 << 20) - PAGE, 40 << 20, (96 << 20) - 2 * PAGE],
    "small": [0, 512 << 10, (1 << 20) - 2 * PAGE],
}
ENDS = bytes(PAGE - 100) + b"\5" * 100 + bytes(PAGE)


def expected(name: str, offset: int) -> bytes:
    if name != "dense":
        return ENDS
    zeros = max(0, min(2 * PAGE, (16 << 20) - offset))
    return bytes(zeros) + b"\7" * (2 * PAGE - zeros)


@KERNELS
def test_what_is_there_is_read_and_the_rest_is_zero(scan: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.dump"
    with Target(tmp_path, f"{PREPARATION}\n    OFFSETS = {OFFSETS}\n{PIECES}") as target:
        read(target, path, scan)
    written = Written(path)
    found = {name: written.base(piece)["content"] for name, piece in written.dict_of_local("hold", "pieces").items()}
    assert found == {f"{n} {offset}": expected(n, offset) for n, offsets in OFFSETS.items() for offset in offsets}
    written.file.close()
