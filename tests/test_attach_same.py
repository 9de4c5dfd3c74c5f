# SPDX-License-Identifier: Apache-2.0
"""A dump made from outside has the objects that the process's own dump has, one for one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pyheapdump
import pytest
from support.target import Target, attach

# Of the large heap; `make nightly` takes 5,000,000.
OBJECTS = int(os.environ.get("PYHEAPDUMP_ATTACH_OBJECTS", "40000"))

# The process dumps itself, in the function it then waits in. Its own dump is made twice, for what is made at the first.
TARGET = """
    import asyncio, collections, datetime, decimal, enum, fractions, os, re, sys, threading, types
    import pyheapdump

    if "asked" in sys.argv:
        pyheapdump.install()

    class Point:
        __slots__ = ("x", "y")
        def __init__(self, x, y):
            self.x, self.y = x, y

    class Order:
        def __init__(self, number):
            self.number, self.lines, self.me = number, [Point(number, n) for n in range(3)], self

    class Color(enum.Enum):
        RED = 1

    def generator():
        inside = [1, 2]
        yield inside

    def make():
        started = generator()
        next(started)
        return {
            "orders": [Order(n) for n in range(200)],
            "numbers": [0, -1, 2**70, 1.5, 2j, True, None],
            "texts": ["", "plain", "\\u20ac" * 40, "\\U0001f600" * 3, "\\udc80", b"bytes" * 20, bytearray(b"x")],
            "times": [datetime.datetime(2026, 1, 2, 3, 4, 5), datetime.timedelta(1, 2, 3)],
            "values": [decimal.Decimal("1.50"), fractions.Fraction(1, 3), Color.RED, range(3), slice(1, 2)],
            "containers": [{1, 2}, frozenset("ab"), collections.deque([1]), collections.OrderedDict(a=1),
                           collections.defaultdict(list, k=[1]), types.SimpleNamespace(a=[1])],
            "code": [make, Order.__init__, started, re.compile("a(b)"), len, [].append],
            "large": list(range(10_000, 30_000)),
        }

    def wait(kept, lock):
        for number in range(2):
            pyheapdump.dump(f"{sys.argv[1]}/own_{number}.dump")
        os.write(1, f"{id(kept)}\\n".encode())  # print() would change sys.stdout behind the dump
        lock.acquire()

    lock = threading.Lock()
    lock.acquire()
    wait(make(), lock)
"""

TYPE, FRAME, MAPPED = 13, 14, 17  # codes of records (docs/format.md, section 4)


def by_address(dump: pyheapdump.Dump) -> Dict[int, Tuple[int, List[Any]]]:
    """The records of a dump by the address of their object, each with its id."""
    found = {}
    for rid in range(dump.file.object_count):
        address = dump.file.address(rid)
        if address is not None:
            found[address] = (rid, dump.file.record(rid))
    return found


def plain(dump: pyheapdump.Dump, value: Any) -> Any:
    """A value of a record with addresses in place of ids."""
    if isinstance(value, (list, tuple)):
        return [plain(dump, item) for item in value]
    if isinstance(value, dict):
        return {key: plain(dump, item) for key, item in value.items()}
    kind = type(value).__name__
    if kind == "Ref":
        return ("at", dump.file.address(value.id))
    if kind == "Run":
        return [("at", dump.file.address(rid)) for rid in range(value.id, value.id + value.count)]
    if kind in ("Missing", "Address"):
        return (kind, getattr(value, "address", None))
    return value if value == value else "nan"


def reached(dump: pyheapdump.Dump, records: Dict[int, Tuple[int, List[Any]]], start: int) -> Dict[int, Any]:
    """The records that can be reached from an address, with addresses for ids.

    Types, frames and code lead to all modules, where counters go on; code itself changes as it runs (PEP 659).
    """
    found: Dict[int, Any] = {}
    waiting = [start]
    while waiting:
        address = waiting.pop()
        if address in found or address not in records:
            continue
        _, record = records[address]
        if record[0] in (TYPE, FRAME, MAPPED):
            continue
        found[address] = flat(plain(dump, record))
        if "__builtins__" not in found[address]:
            waiting += [item[1] for item in found[address] if isinstance(item, tuple) and item[0] == "at"]
    return found


def flat(value: Any) -> List[Any]:
    """The values of nested lists and dicts, one after the other: runs of references may be cut differently."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in [key, *flat(item)]]
    return [value]


@pytest.mark.parametrize("how", ["from outside", "asked"])
def test_object_for_object(how: str, tmp_path: Path) -> None:
    with Target(tmp_path, TARGET, arguments=[str(tmp_path), how]) as target:
        path = tmp_path / "from_outside.dump"
        found = json.loads(attach(target.pid, "--json", "-o", path).stdout)
        assert found["asked"] == (how == "asked"), found
    with pyheapdump.load(tmp_path / "own_1.dump") as own, pyheapdump.load(path) as outside:
        start = int(target.said)
        ours, theirs = by_address(own), by_address(outside)
        kept, same = reached(own, ours, start), reached(outside, theirs, start)
        assert len(kept) > 1000
        assert kept.keys() - same.keys() == set()
        different = {address: (kept[address], same[address]) for address in kept if kept[address] != same[address]}
        assert not different, [[pair for pair in zip(*both) if pair[0] != pair[1]][:5] for both in different.values()]
        shared = ours.keys() & theirs.keys()
        assert len(shared) > 0.97 * len(ours), (len(shared), len(ours), len(theirs))
        changed = sum(flat(plain(own, ours[one][1])) != flat(plain(outside, theirs[one][1])) for one in shared)
        assert changed < 0.01 * len(shared), (changed, len(shared))
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
