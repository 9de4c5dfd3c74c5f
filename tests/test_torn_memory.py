# SPDX-License-Identifier: Apache-2.0
"""Memory that is not as a reader would like it: written to meanwhile, with pages that nobody can read, larger than any
machine."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pyheapdump import _pyheapdump as reader
from support.raw_dump import Written, dump_values
from support.target import SECONDS, Target, attach, wait_until

PAGE = mmap.PAGESIZE
SIZE = 8 << 20


def write_for_ever(shared: mmap.mmap) -> None:
    """Change the memory all the time: blocks that compress well and others that do not."""
    blocks = [b"abcdefgh" * 8192, *(os.urandom(1 << 16) for _ in range(7))]
    number = 0
    while True:
        at = (number << 16) % SIZE
        shared[at : at + (1 << 16)] = blocks[(number >> 7) % 2 if number % 3 else number % 8]
        number += 1


def test_memory_that_others_write_to(tmp_path: Path) -> None:
    shared = mmap.mmap(-1, SIZE)
    writer = os.fork()
    if not writer:
        try:
            write_for_ever(shared)
        finally:
            os._exit(1)
    try:
        wait_until(lambda: shared[SIZE - 1] != 0)
        array = (ctypes.c_char * SIZE).from_buffer(shared)
        written, values = dump_values(tmp_path / "a.dump", {"array": array, "view": memoryview(shared)})
    finally:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    for value in values.values():
        assert len(written.base(value)["content"]) == SIZE
    assert not written.file.problems
    written.file.close()


@pytest.mark.parametrize("pages", [4, 400], ids=["short", "long"])
def test_pages_that_nobody_can_read(pages: int, tmp_path: Path) -> None:
    """A file that was cut while it is mapped: what is left of it is there, and what comes behind it, too."""
    name = tmp_path / "mapped"
    name.write_bytes(b"PROGRAM!" * (pages * PAGE // 8))
    with open(name, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    os.truncate(name, PAGE)
    behind = mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    behind[:] = b"another." * (pages * PAGE // 8)
    written, values = dump_values(tmp_path / "a.dump", {"cut": memoryview(mapped), "behind": memoryview(behind)})
    owner = written.file.record(values["cut"].id)[2][2]["content"][4]
    assert written.file.content(owner.id) == b"PROGRAM!" * (PAGE // 8)
    assert written.base(values["behind"])["content"] == bytes(behind)
    assert end_of(written)["missing_values"]
    written.file.close()


def end_of(written: Written) -> Any:
    return written.file.blocks(8)[0]


SHAPES = [((10**6, 10**6), (8, 8)), ((1000,) * 6, (8, -8, 8, -8, 8, -8)), ((1 << 30, 1 << 30), (8, 8))]

NOTHING_MANY_TIMES = """
    import numpy as np, sys, time
    shapes = {shapes}

    def hold(arrays):
        {how}

    hold([np.lib.stride_tricks.as_strided(np.empty(1, dtype="V0"), shape, strides) for shape, strides in shapes])
"""


def test_as_many_elements_of_no_bytes_as_a_shape_can_tell(tmp_path: Path) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    path = tmp_path / "a.dump"
    how = "import pyheapdump; pyheapdump.dump(sys.argv[1])"
    text = textwrap.dedent(NOTHING_MANY_TIMES).format(shapes=SHAPES, how=how)
    subprocess.run([sys.executable, "-c", text, str(path)], timeout=SECONDS, check=True)
    assert_complete_but_for_secrets(path)


def test_the_same_from_outside(tmp_path: Path) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
    path = tmp_path / "a.dump"
    with Target(
        tmp_path,
        textwrap.dedent(NOTHING_MANY_TIMES).format(shapes=SHAPES, how="print('ready', flush=True); time.sleep(1000)"),
    ) as target:
        done = attach(target.pid, "-o", path)
    assert done.returncode == 0, done.stderr
    assert_complete_but_for_secrets(path)


def assert_complete_but_for_secrets(path: Path) -> None:
    """It has ended by itself, and not by its budget of time."""
    written = Written(path)
    assert "reason" not in end_of(written)
    written.file.close()


# Regions small and many, so that new pages of a child would be put where they are in the program.
NOT_FOR_CHILDREN = """
    import mmap, pyheapdump, sys
    advice = {"dont": 10, "wipe": 18}[sys.argv[1]]  # MADV_DONTFORK, MADV_WIPEONFORK
    regions = []
    for size in [1 << 20] * 24 + [1 << 12] * 24:
        region = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        region[:] = b"PROGRAM!" * (size // 8)
        region.madvise(advice)
        regions.append(region)
    views = [memoryview(region) for region in regions]
    fine = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    zeros = memoryview(fine)
    pyheapdump.dump(sys.argv[2])
"""


@pytest.mark.parametrize("advice", ["dont", "wipe"])
def test_memory_that_a_child_must_not_have(advice: str, tmp_path: Path) -> None:
    """It is missing: neither zeros, nor what the writer itself has put there."""
    path = tmp_path / "a.dump"
    command = [sys.executable, "-c", textwrap.dedent(NOT_FOR_CHILDREN), advice, str(path)]
    subprocess.run(command, timeout=SECONDS, check=True)
    written = Written(path)
    names = main_module(written)
    for view in written.file.record(names["views"].id)[1:]:
        content = written.file.record(view.id)[2][2]["content"]
        assert isinstance(content, reader.Missing) or not written.file.content(view.id), content
    assert end_of(written)["missing_values"] >= 48
    assert written.base(names["zeros"])["content"] == bytes(1 << 20)  # of which no page was ever touched
    written.file.close()


def main_module(written: Written) -> Any:
    """The raw values of the globals of the program, by name."""
    frame = written.file.blocks(2)[0]["threads"][0]["frames"][-1]
    items = written.file.record(written.file.record(frame.id)[1]["globals"].id)[1:]
    return {written.value(key): value for key, value in zip(items[::2], items[1::2])}
