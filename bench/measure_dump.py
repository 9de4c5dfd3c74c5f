# SPDX-License-Identifier: Apache-2.0
"""What a dump costs, next to other ways to go through the same heap, and where its time goes.

usage: python -m bench.measure_dump RECORDS REPEATS DIRECTORY MEMORY_DIRECTORY

Each repeat measures everything once, so that ratios are taken between neighbours in time. MEMORY_DIRECTORY is on a
file system in memory: what a dump there takes less is the disk's.
"""

from __future__ import annotations

import gc
import marshal
import os
import pickle
import sys
import time

import pyheapdump
from pyheapdump import capture

from bench.heap import PlantedError, Record, failed, innermost, make_records
from bench.timing import hand_over, resident_bytes, seconds, settle

# zstd's fastest: hardly more than a copy (ZSTD_minCLevel).
WITHOUT_COMPRESSION = -131072
COPIED_BYTES = 256 << 20

Values = dict[str, float]


def timed_dump(error: PlantedError, path: str, level: int = 1) -> Values:
    """One dump in its parts: the clone, the walk with compression and writing, and the rest (fsync, exit, wait)."""
    settings = capture.DEFAULTS._replace(level=level)
    settle()
    started = time.perf_counter()
    dumping = capture.begin(error, error.__traceback__, "request", settings, path)
    result = dumping.finish()
    total = time.perf_counter() - started
    os.unlink(path)
    if not result["complete"]:
        raise SystemExit(f"the dump is not complete: {result}")
    clone = dumping.paused_ns / 1e9
    walk = float(result["seconds"])  # type: ignore[arg-type]
    return {"total": total, "clone": clone, "walk": walk, "rest": total - clone - walk, **numbers(result)}


def numbers(result: dict[str, object]) -> Values:
    return {name: float(result[name]) for name in ("bytes", "known")}  # type: ignore[arg-type]


def public_dump(error: PlantedError, path: str) -> float:
    """pyheapdump.dump() as a program calls it."""
    settle()
    taken = seconds(lambda: pyheapdump.dump(path, exc=error))
    os.unlink(path)
    return taken


def write_seconds(path: str, size: int) -> float:
    """How long the disk takes for `size` bytes alone, that do not compress, with fsync."""
    content = os.urandom(size)
    started = time.perf_counter()
    with open(path, "xb", buffering=0) as stream:
        stream.write(content)
        os.fsync(stream.fileno())
    taken = time.perf_counter() - started
    os.unlink(path)
    return taken


def copy_rate() -> float:
    """Bytes per second of a copy in memory that is larger than any cache."""
    source = bytearray(COPIED_BYTES)
    target = bytearray(COPIED_BYTES)
    return COPIED_BYTES / min(seconds(lambda: target.__setitem__(slice(None), source)) for _ in range(3))


def one_repeat(records: list[Record], error: PlantedError, directory: str, memory: str) -> dict[str, float]:
    path = os.path.join(directory, "measured.dump")
    in_memory = os.path.join(memory, f"pyheapdump-bench-{os.getpid()}.dump")
    settle()
    values = {
        "pickle": seconds(lambda: pickle.dumps(records, protocol=5)),
        "marshal": seconds(lambda: marshal.dumps(records)),
        "gc": seconds(gc.collect),
        "dump": public_dump(error, path),
    }
    parts = timed_dump(error, path)
    values.update({f"disk_{name}": value for name, value in parts.items()})
    values["memory_total"] = timed_dump(error, in_memory)["total"]
    plain = timed_dump(error, in_memory, WITHOUT_COMPRESSION)
    values.update(plain_walk=plain["walk"], plain_bytes=plain["bytes"])
    values["disk_alone"] = write_seconds(path, int(parts["bytes"]))
    return values


def main(count: int, repeats: int, directory: str, memory: str) -> None:
    error = failed(make_records(count))
    records = innermost(error.__traceback__).tb_frame.f_locals["records"]
    facts = {
        "pickle_bytes": len(pickle.dumps(records, protocol=5)),
        "resident": resident_bytes(),
        "copy_rate": copy_rate(),
    }
    gc.collect()
    hand_over({**facts, "repeats": [one_repeat(records, error, directory, memory) for _ in range(repeats)]})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
