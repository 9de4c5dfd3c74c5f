# SPDX-License-Identifier: Apache-2.0
"""A dump made from outside has the objects that the process's own dump has, one for one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyheapdump
import pytest
from support.compared import MODULES, THINGS, check_same, flat, plain
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


def test_a_large_heap_object_for_object(tmp_path: Path) -> None:
    """Every object of the one dump is in the other, at the same address, with the same content."""
    with Target(tmp_path, LARGE, arguments=[str(tmp_path), str(OBJECTS)], seconds=20 * 60) as target:
        path = tmp_path / "from_outside.dump"
        done = attach(target.pid, "-o", path, seconds=20 * 60)
        assert done.returncode == 0, done.stderr
    with pyheapdump.load(tmp_path / "own_1.dump") as own, pyheapdump.load(path) as outside:
        there = {outside.file.address(rid): rid for rid in range(outside.file.object_count)}
        missing, different, same = [], [], 0
        for rid in range(own.file.object_count):
            other = there.get(own.file.address(rid))
            record = own.file.record(rid)
            if other is None:
                missing.append(record)
            elif flat(plain(own, record)) != flat(plain(outside, outside.file.record(other))):
                different.append(record)
            else:
                same += 1
        print(f"{own.file.object_count} objects: {same} the same, {len(different)} differ, {len(missing)} missing")
        assert same > OBJECTS
        assert len(missing) + len(different) < MAY_DIFFER, (missing[:5], different[:5])
