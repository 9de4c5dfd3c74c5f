# SPDX-License-Identifier: Apache-2.0
"""A dump made from outside has the objects that the process's own dump has, one for one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, List

import pyheapdump
import pytest
from support.compared import MODULES, THINGS, check_same, flat, plain
from support.core_file import kernel_core, raise_core_limit, read_core, skip_without_kernel_cores
from support.target import Target, attach

# Of the large heap; `make nightly` takes 5,000,000.
OBJECTS = int(os.environ.get("PYHEAPDUMP_ATTACH_OBJECTS", "40000"))

# The process dumps itself, in the function it then waits in. Its own dump is made twice, for what is made at the first.
TARGET = f"""
import {MODULES}
import pyheapdump

if "asked" in sys.argv:
    pyheapdump.install()
{THINGS}
def wait(kept, lock):
    for number in range(2):
        pyheapdump.dump(f"{{sys.argv[1]}}/own_{{number}}.dump")
    os.write(1, f"{{id(kept)}}\\n".encode())  # print() would change sys.stdout behind the dump
    lock.acquire()

lock = threading.Lock()
lock.acquire()
wait(make(), lock)
"""


@pytest.mark.parametrize("how", ["from outside", "asked"])
def test_object_for_object(how: str, tmp_path: Path) -> None:
    with Target(tmp_path, TARGET, arguments=[str(tmp_path), how]) as target:
        path = tmp_path / "from_outside.dump"
        found = json.loads(attach(target.pid, "--json", "-o", path).stdout)
        assert found["asked"] == (how == "asked"), found
    check_same(tmp_path / "own_1.dump", path, int(target.said))
    with pyheapdump.load(tmp_path / "own_1.dump") as own, pyheapdump.load(path) as outside:
        frames = [[frame.f_code.co_name for frame in dump.threads[0].frames] for dump in (own, outside)]
        assert frames[0] == frames[1] == ["<module>", "wait"]


LONG = 20 * 60  # seconds that a step of it may take
# Four containers for each row, each with something of its own.
LARGE = """
    import os, sys, threading
    import pyheapdump

    def wait(kept, lock):
        for number in range(2):
            pyheapdump.dump(f"{sys.argv[1]}/own_{number}.dump")
        os.write(1, f"{id(kept)}\\n".encode())
        lock.acquire()

    rows = range(int(sys.argv[2]) // 4)
    kept = [[n, [n / 2, "text %d" % (n % 1000)], (n, str(n) * (n % 7)), [bytes([n % 256]) * 3]] for n in rows]
    lock = threading.Lock()
    lock.acquire()
    wait(kept, lock)
"""
# Objects that the two dumps need not share: what the first made while it was written, and counters of modules.
MAY_DIFFER = 300


def compare(own_path: Path, other_path: Path, what: str) -> None:
    """Every object of the one dump is in the other, at the same address, with the same content."""
    with pyheapdump.load(own_path) as own, pyheapdump.load(other_path) as other_dump:
        there = {other_dump.file.address(rid): rid for rid in range(other_dump.file.object_count)}
        missing, different, same = [], [], 0
        for rid in range(own.file.object_count):
            other = there.get(own.file.address(rid))
            record = own.file.record(rid)
            if other is None:
                missing.append(record)
            elif not same_record(own, record, other_dump, other_dump.file.record(other)):
                different.append(record)
            else:
                same += 1
        print(f"{what}: {same} of {own.file.object_count} the same, {len(different)} differ, {len(missing)} missing")
        assert same > OBJECTS
        assert len(missing) + len(different) < MAY_DIFFER, (missing[:5], different[:5])


def same_record(own: pyheapdump.Dump, record: List[Any], other: pyheapdump.Dump, other_record: List[Any]) -> bool:
    return flat(plain(own, record)) == flat(plain(other, other_record))


def report(what: str, done: "subprocess.CompletedProcess[str]") -> None:
    """Prints what it took, for the nightly run."""
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    stopped = f", {found['stopped']:.2f} s of them stopped" if "stopped" in found else ""
    rate = found["objects"] / found["seconds"]
    print(f"{what}: {found['objects']} objects in {found['seconds']:.1f} s, {rate:,.0f} in a second{stopped}")


def test_a_large_heap_object_for_object(tmp_path: Path) -> None:
    options = {"cwd": tmp_path, "preexec_fn": raise_core_limit, "seconds": LONG}
    with Target(tmp_path, LARGE, arguments=[str(tmp_path), str(OBJECTS)], **options) as target:
        report("attach", attach(target.pid, "--json", "-o", tmp_path / "attached.dump", seconds=LONG))
        compare(tmp_path / "own_1.dump", tmp_path / "attached.dump", "attach")
        (tmp_path / "attached.dump").unlink()
        skip_without_kernel_cores()
        core = kernel_core(target, tmp_path)
    report("core", read_core(core, "--json", "-o", tmp_path / "of_core.dump", seconds=LONG))
    core.unlink()
    compare(tmp_path / "own_1.dump", tmp_path / "of_core.dump", "core")
