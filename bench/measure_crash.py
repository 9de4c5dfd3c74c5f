# SPDX-License-Identifier: Apache-2.0
"""A fatal signal against an exception: the same program ends by both, in turns.

usage: python -m bench.measure_crash RECORDS REPEATS DIRECTORY
       python -m bench.measure_crash RECORDS DIRECTORY "signal" | "exception"      (one program)

From the moment before the crash to the end of the process, as its parent sees it; for the exception to the end of the
hook, so that the interpreter's own end is not in it. The dump tells how long its walk took.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time

import pyheapdump

from bench.heap import OBJECTS_PER_RECORD, fail, make_records
from bench.timing import hand_over, settle

Values = dict[str, float]

PROGRAM = ("-m", "bench.measure_crash")
# What importing and installing takes of memory.
RESIDENT = """
from bench.timing import resident_bytes
before = resident_bytes()
import pyheapdump
pyheapdump.install()
print(resident_bytes() - before)
"""


def crash(records: list[object]) -> None:
    """The failing frame: `records` is its first local."""
    ctypes.string_at(0)


def end_by_signal(count: int, directory: str) -> None:
    pyheapdump.install(directory)
    records = make_records(count)
    settle()
    print(time.monotonic(), flush=True)
    crash(records)  # type: ignore[arg-type]


def end_by_exception(count: int, directory: str) -> None:
    pyheapdump.install(directory)
    ours = sys.excepthook

    def timed(*call: object) -> None:
        ours(*call)  # type: ignore[arg-type]
        print(time.monotonic(), flush=True)

    sys.excepthook = timed
    records = make_records(count)
    settle()
    print(time.monotonic(), flush=True)
    fail(records)


def run(program: list[str], status: int) -> tuple[list[float], float]:
    """The numbers that a program printed, and when it ended."""
    command = [sys.executable, *program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = time.monotonic()
    if done.returncode != status:
        raise SystemExit(f"{' '.join(program)} ended with {done.returncode}: {done.stderr.strip()}")
    return [float(line) for line in done.stdout.split()], ended


def dumped(directory: str) -> Values:
    """Objects and seconds of the only dump there, which is removed."""
    (name,) = (name for name in os.listdir(directory) if name.startswith("python_heap_"))
    path = os.path.join(directory, name)
    with pyheapdump.load(path) as dump:
        if not dump.end["complete"]:
            raise SystemExit(f"the dump is not complete: {dump.problems}")
        found = {"objects": float(dump.end["objects"]), "walk": float(dump.end["seconds"])}
    os.unlink(path)
    return found


def one_repeat(count: int, directory: str) -> Values:
    (crashed,), ended = run([*PROGRAM, str(count), directory, "signal"], -signal.SIGSEGV)
    by_signal = dumped(directory)
    (raised, hooked), _ = run([*PROGRAM, str(count), directory, "exception"], 1)
    by_exception = dumped(directory)
    return {
        "signal": ended - crashed,
        "exception": hooked - raised,
        "signal_per_object": by_signal["walk"] / by_signal["objects"],
        "exception_per_object": by_exception["walk"] / by_exception["objects"],
    }


def main(count: int, repeats: int, directory: str) -> None:
    (resident,), _ = run(["-c", RESIDENT], 0)
    found = [one_repeat(count, directory) for _ in range(repeats)]
    hand_over({"objects": count * OBJECTS_PER_RECORD, "resident": resident, "repeats": found})


if __name__ == "__main__":
    programs = {"signal": end_by_signal, "exception": end_by_exception}
    if sys.argv[-1] in programs:
        programs[sys.argv[-1]](int(sys.argv[1]), sys.argv[2])
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
