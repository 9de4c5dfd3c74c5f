# SPDX-License-Identifier: Apache-2.0
"""A small dump with known content, and reading a dump through as a viewer might: for the tests of DumpFile."""

import resource
import time
from pathlib import Path
from typing import Any, Callable

from pyheapdump._pyheapdump import DumpError, DumpFile

from . import format_writer as fw
from .format_writer import DumpBuilder

SECONDS = 10.0  # no hostile file of these tests may take longer to open and read through


def open_bytes(folder: Path, data: bytes) -> DumpFile:
    path = folder / "made.dump"
    path.write_bytes(data)
    return DumpFile(path)


def small_dump(count: int = 500, **options: Any) -> DumpBuilder:
    """A dump with `count` records [5, "text <id>"], some of each other kind of block, and a container in pieces."""
    dump = DumpBuilder(records_per_block=20, **options)
    dump.facts()
    dump.roots({"exception": fw.ref(1)})
    dump.source("/app/app.py", "raise ValueError\n")
    for i in range(count - 2):
        dump.add([5, f"text {i}"])
    big = dump.add([16, 9, 1000])
    text = dump.add([16, 5, 300])
    end = 0
    for start in range(0, 1000, 100):
        end = dump.items(big, [10 * n for n in range(start, start + 100)], end)
    for start in range(0, 300, 100):
        dump.content(text, bytes([65 + start // 100]) * 100, start)
    dump.end()
    return dump


def expected(count: int = 500) -> dict[int, Any]:
    """What small_dump() holds."""
    records: dict[int, Any] = {i: [5, f"text {i}"] for i in range(count - 2)}
    records[count - 2] = [16, 9, 1000]
    records[count - 1] = [16, 5, 300]
    return records


def read_through(dump: DumpFile) -> dict[int, Any]:
    """Everything of a dump is asked for; what is missing must be said in the agreed ways. Returns the records."""
    records: dict[int, Any] = {}
    assert isinstance(dump.text, str) and isinstance(dump.headers, list) and len(dump.index) >= 1
    for kind in (fw.FACTS, fw.ROOTS, fw.SOURCE, fw.PROC, fw.END, fw.SIGNAL):
        assert all(isinstance(found, (dict, list)) for found in dump.blocks(kind))
    count = dump.object_count
    for identifier in [*range(min(count, 2000)), count - 1, count, 2**63]:
        if identifier < 0:
            continue
        try:
            records[identifier] = dump.record(identifier)
            assert dump.has(identifier)
        except KeyError as error:
            assert isinstance(error.args[0], str) and error.args[0]
        try:
            dump.address(identifier)
        except KeyError as error:
            assert isinstance(error.args[0], str)
        dump.values(identifier, 0, 10)
        dump.content(identifier, 0, 1000)
    assert dump.find_address(1) in (None, *range(count))
    look_for_largest(dump)
    assert all(isinstance(problem, str) and "\n" not in problem for problem in dump.problems)
    return records


def look_for_largest(dump: DumpFile) -> None:
    """What is ranked is ordered, and the ids on a way fall."""
    try:
        objects, _, *rankings = dump.largest(20)
    except DumpError as error:
        assert "too few of its objects" in str(error)
        return
    assert objects <= dump.object_count
    for ranking, size in zip(rankings, (1, 2)):
        assert [one[size] for one in ranking] == sorted((one[size] for one in ranking), reverse=True)
        for one in ranking:
            way = [one[0], *one[4]]
            assert way == sorted(set(way), reverse=True) and way[0] < dump.object_count


def in_budget(read: Callable[[], Any], megabytes: int) -> Any:
    """Runs `read` and checks the seconds and the growth of the peak memory it takes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    result = read()
    assert time.monotonic() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < megabytes * 1024
    return result
