# SPDX-License-Identifier: Apache-2.0
"""Opening a dump in a fresh process, as far as the first item of the first local of the failing frame.

usage: python -m bench.measure_open make RECORDS FILE
       python -m bench.measure_open open FILE
"""

from __future__ import annotations

import os
import resource
import sys
import time

import pyheapdump

from bench.heap import failed, innermost, make_records
from bench.timing import hand_over


def make(count: int, path: str) -> None:
    pyheapdump.dump(path, exc=failed(make_records(count)))
    hand_over({"bytes": os.path.getsize(path)})


def open_it(path: str) -> None:
    started = time.perf_counter()
    dump = pyheapdump.load(path)
    names = innermost(dump.traceback).tb_frame.f_locals
    first = names[next(iter(names))][0]
    name = first["name"]
    taken = time.perf_counter() - started
    if name != "customer 0000000" or len(first["tags"]) != 3:
        raise SystemExit(f"the first record is {first!r}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    hand_over({"seconds": taken, "peak": peak})


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), sys.argv[3])
    else:
        open_it(sys.argv[2])
