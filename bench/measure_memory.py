# SPDX-License-Identifier: Apache-2.0
"""How much memory of its own the child takes that writes a dump.

usage: python -m bench.measure_memory RECORDS once|twice DIRECTORY

The child's pages are the program's as long as neither writes to them; what is private and dirty is the child's own. It
is read again and again while the child lives. "once" and "twice": how many references lead to each record and to each
list of tags. One that has one reference only needs no place in the child's set of objects met.
"""

from __future__ import annotations

import os
import sys

from pyheapdump import capture

from bench.heap import failed, make_records
from bench.timing import hand_over

ENOUGH_SAMPLES = 5  # fewer say little about the peak


def private_dirty(pid: int) -> int | None:
    """Bytes of memory that only process `pid` has, or None when it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as stream:
            for line in stream:
                if line.startswith("Private_Dirty:"):
                    return int(line.split()[1]) << 10
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None  # a zombie's file is empty


def main(count: int, references: str, directory: str) -> None:
    records = make_records(count)
    second_references = [] if references == "once" else [*records, *(record["tags"] for record in records)]
    error = failed(records)
    path = os.path.join(directory, "measured.dump")
    dumping = capture.begin(error, error.__traceback__, "request", capture.DEFAULTS, path)
    samples = []
    while True:
        sample = private_dirty(dumping.pid)
        if sample is None:
            break
        samples.append(sample)
    result = dumping.finish()
    os.unlink(path)
    del second_references
    if len(samples) < ENOUGH_SAMPLES:
        raise SystemExit(f"the child's memory was read {len(samples)} times only before it ended")
    hand_over({"peak": max(samples), "objects": result["known"]})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
