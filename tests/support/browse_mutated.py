# SPDX-License-Identifier: Apache-2.0
"""Browses dumps that mutator.py has changed, every view of each, and says what went wrong by its seed.

usage: browse_mutated.py DIRECTORY FIRST_SEED COUNT SECONDS DUMP...

One line for each failure: seed, dump, view, and why; the last line tells how many files were browsed and how many of
them opened. Each file is browsed by a child of its own, within bounds of processor time and memory. It ends after COUNT
files or SECONDS. The file of a failure stays in DIRECTORY.
"""

from __future__ import annotations

import io
import os
import re
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random

from pyheapdump.view.cli import main as view
from support.mutator import mutated

PDB = "w\nargs\np locals()\npp locals()\nwhatis self\nup\np dir()\nthreads\ntasks\nlocks\nlargest\nnative\nll\nown\nq\n"
VIEWS = ["--summary", "--json", "--threads", "--locks", "--largest", "--native", "--pdb"]
# Controls of C0 and C1, and marks that turn the direction of text.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
SECONDS = 10  # of processor time, for one view
MEMORY = 300 << 10  # KiB resident, more than before
ADDRESSES = 2 << 30
OUTPUT = 8_000_000


def main(directory: str, first: str, count: str, seconds: str, *dumps: str) -> None:
    wholes = [(name, Path(name).read_bytes()) for name in dumps]
    os.environ["PYHEAPDUMP_DEBUG"] = "1"  # a bug shows its traceback
    os.environ["HOME"] = directory  # no .pdbrc of the user's
    deadline = time.monotonic() + float(seconds)
    browsed = opened = 0
    for seed in range(int(first), int(first) + int(count)):
        if time.monotonic() > deadline:
            break
        name, whole = wholes[seed % len(wholes)]
        path = Path(directory) / f"{seed}.dump"
        path.write_bytes(mutated(whole, Random(seed)))
        told = in_child(path)
        browsed += 1
        opened += told != "refused"
        if told in ("opened", "refused"):
            path.unlink()
        else:
            print(f"FAILED: seed {seed} of {os.path.basename(name)}: {told}", flush=True)
    print(browsed, opened)


def in_child(path: Path) -> str:
    """ "opened", "refused", or what is wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.write(writer, browse(path).encode("utf-8", "replace")[-60_000:])
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        told = stream.read().decode()
    _, status = os.waitpid(child, 0)
    return told or f"ended with wait status {status}, without a word"


def browse(path: Path) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    opened = False
    for name in VIEWS:
        signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)  # ends it by the signal
        started, before = time.process_time(), resident()
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(PDB), buffer(), buffer()
        try:
            status = view([str(path), name])
        except BaseException:
            return f"{name}: {traceback.format_exc()}"
        shown, told = text_of(sys.stdout), text_of(sys.stderr)
        opened = opened or status == 0
        if status not in (0, 1) or "Traceback (most recent call last)" in told or "a bug in the viewer" in told:
            return f"{name}: status {status}, {told}"
        for text in shown, told:
            found = STEERING.search(text)
            if found:
                return f"{name}: {found!r} in {text[max(found.start() - 90, 0) : found.end() + 20]!r}"
        seconds, grown = time.process_time() - started, resident() - before
        if seconds > SECONDS or grown > MEMORY or len(shown) > OUTPUT:
            return f"{name}: {seconds:.1f} s, {grown} KiB, {len(shown)} characters"
    return "opened" if opened else "refused"


def buffer() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", write_through=True)


def text_of(stream: object) -> str:
    assert isinstance(stream, io.TextIOWrapper) and isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode("utf-8", "replace")


def resident() -> int:
    """KiB that were resident at most."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
