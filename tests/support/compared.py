# SPDX-License-Identifier: Apache-2.0
"""Two dumps of the same process at the same moment have the same objects."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Tuple, Union

import pyheapdump

# For programs: make() gives objects of many kinds. MODULES are to be imported.
MODULES = "asyncio, collections, datetime, decimal, enum, fractions, os, re, sys, threading, types"
THINGS = """
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
"""

TEXT, TYPE, FRAME, MAPPED = 5, 13, 14, 17  # codes of records (docs/format.md, section 4)


def by_address(dump: pyheapdump.Dump) -> Dict[int, Tuple[int, List[Any]]]:
    """The records of a dump by the address of their object, each with its id."""
    found = {}
    for rid in range(dump.file.object_count):
        address = dump.file.address(rid)
        if address is not None:
            found[address] = (rid, dump.file.record(rid))
    return found


def at(dump: pyheapdump.Dump, rid: int) -> Any:
    record = dump.file.record(rid) if dump.file.has(rid) else None
    return record[1] if record and record[0] == TEXT and len(record) == 2 else ("at", dump.file.address(rid))


def plain(dump: pyheapdump.Dump, value: Any) -> Any:
    """A value of a record with addresses in place of ids, and texts in place of both: one that has a second reference, as
    from the cache of attribute lookups up to 3.11, has a record of its own, and else stands inside its owner.
    """
    if isinstance(value, (list, tuple)):
        return [plain(dump, item) for item in value]
    if isinstance(value, dict):
        return {key: plain(dump, item) for key, item in value.items()}
    kind = type(value).__name__
    if kind == "Ref":
        return at(dump, value.id)
    if kind == "Run":
        return [at(dump, rid) for rid in range(value.id, value.id + value.count)]
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


def check_same(own: Union[str, os.PathLike[str]], other: Union[str, os.PathLike[str]], start: int) -> None:
    """What can be reached from the object at `start` is the same in the dump that the process has made of itself and in
    the other one; nearly all the rest is, too.
    """
    with pyheapdump.load(own) as own_dump, pyheapdump.load(other) as other_dump:
        ours, theirs = by_address(own_dump), by_address(other_dump)
        kept, same = reached(own_dump, ours, start), reached(other_dump, theirs, start)
        assert len(kept) > 1000
        missing = kept.keys() - same.keys()
        assert not missing, [(hex(address), address in theirs, kept[address][:9]) for address in missing][:9]
        different = {address: (kept[address], same[address]) for address in kept if kept[address] != same[address]}
        assert not different, [[pair for pair in zip(*both) if pair[0] != pair[1]][:5] for both in different.values()]
        shared = ours.keys() & theirs.keys()
        assert len(shared) > 0.97 * len(ours), (len(shared), len(ours), len(theirs))
        changed = sum(flat(plain(own_dump, ours[one][1])) != flat(plain(other_dump, theirs[one][1])) for one in shared)
        assert changed < 0.01 * len(shared), (changed, len(shared))
