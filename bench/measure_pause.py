# SPDX-License-Identifier: Apache-2.0
"""How long a live dump stops another Python thread.

usage: python -m bench.measure_pause RECORDS REPEATS DIRECTORY

A thread reads the clock in a tight loop and keeps the largest gap between two readings, from the call of dump() until
the file is complete. The interpreter's switch interval is made short, so that the gap is the dump's and not a turn of
the other thread's; what is left of it, and what the machine's other work adds, is measured by the same thread while
the main thread computes, and reported beside.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import pyheapdump
from pyheapdump import capture

from bench.heap import failed, make_records
from bench.timing import GIB, hand_over, resident_bytes, settle

SWITCH_INTERVAL = 1e-4
COMPUTING = 0.3
COMPLETE_WITHIN = 600.0


class Watch:
    """The thread that reads the clock."""

    def __init__(self) -> None:
        self.largest = 0.0
        self._ending = False
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        clock = time.perf_counter
        last = clock()
        largest = 0.0
        while not self._ending:
            now = clock()
            if now - last > largest:
                largest = now - last
            last = now
        self.largest = largest

    def __enter__(self) -> Watch:
        self._thread.start()
        time.sleep(0.05)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ending = True
        self._thread.join()


def gap_during(action: Callable[[], object]) -> float:
    with Watch() as watch:
        action()
    return watch.largest


def compute() -> None:
    end = time.perf_counter() + COMPUTING
    while time.perf_counter() < end:
        pass


def wait_for(path: str) -> None:
    """Until a dump is complete: then it gets its name."""
    end = time.monotonic() + COMPLETE_WITHIN
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise SystemExit(f"{path} is not complete after {COMPLETE_WITHIN:.0f} s")
        time.sleep(0.01)


def main(count: int, repeats: int, directory: str) -> None:
    error = failed(make_records(count))
    path = os.path.join(directory, "measured.dump")

    def dump_and_wait() -> None:
        pyheapdump.dump(path, exc=error)

    def dump_and_go_on() -> None:
        pyheapdump.dump(path, exc=error, wait=False)
        wait_for(path)

    def clone() -> float:
        dumping = capture.begin(error, error.__traceback__, "request", capture.DEFAULTS, path)
        dumping.finish()
        return dumping.paused_ns / 1e9

    def and_remove(measured: Callable[[], float]) -> float:
        settle()
        value = measured()
        if os.path.exists(path):
            os.unlink(path)
        return value

    sys.setswitchinterval(SWITCH_INTERVAL)
    repeated = [
        {
            "usual": and_remove(lambda: gap_during(compute)),
            "waiting": and_remove(lambda: gap_during(dump_and_wait)),
            "going_on": and_remove(lambda: gap_during(dump_and_go_on)),
            "clone": and_remove(clone),
        }
        for _ in range(repeats)
    ]
    hand_over({"resident_gib": resident_bytes() / GIB, "repeats": repeated})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
