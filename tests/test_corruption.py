# SPDX-License-Identifier: Apache-2.0
"""Seeded corruption: whatever is wrong in the memory of a process, its crash leaves a dump that opens and does not lie.

A subject (support/corruption_subject.py) builds a heap once. For each run a copy of it damages some words of one kind
in C, crashes there, and is dumped. Then: it ended by SIGSEGV in time, left exactly one file, all of which can be read,
and unless what the stack consists of was hit, the stack and the locals in it are right.

    PYHEAPDUMP_CORRUPTION_RUNS=3000 ...        that many runs (default: 290, which makes 2,030 on seven versions)
    PYHEAPDUMP_CORRUPTION="1234 types" ...     this run alone; its dump is kept
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Optional, Tuple

import pytest
from pyheapdump.view import load
from pyheapdump.view.kinds import BROKEN
from pyheapdump.view.stack_text import locals_of

ROOT = Path(__file__).resolve().parent.parent
SUPPORT = ROOT / "tests" / "support"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
# The groups of support/corruptor/corruptor.c.
KINDS = ("objects", "headers", "types", "tables", "items", "code", "frames", "other frames", "threads", "nothing")
RUNS = int(os.environ.get("PYHEAPDUMP_CORRUPTION_RUNS", "290"))
REPEATED = os.environ.get("PYHEAPDUMP_CORRUPTION", "")
# Each version has seeds of its own, so that together they see more.
FIRST_SEED = 1_000_000 * sys.version_info[1]
STACK = ["innermost", "middle", "outermost"]
START_SECONDS = 60.0
RUN_SECONDS = 40.0
MOST_FAILURES = 10


@pytest.fixture(scope="module")
def corruptor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the extension, compiled for this interpreter."""
    folder = tmp_path_factory.mktemp("corruptor")
    sources = [SUPPORT / "corruptor" / "corruptor.c", ROOT / "libpyheapdump" / "layout" / "layout.c"]
    include = [f"-I{sysconfig.get_path('include')}", f"-I{ROOT / 'libpyheapdump'}"]
    command = ["gcc", "-shared", "-fPIC", "-O1", *include, "-o", str(folder / "corruptor.so")]
    subprocess.run([*command, *map(str, sources)], check=True, timeout=60)
    return folder


class Subject:
    """The process that is copied and damaged."""

    def __init__(self, corruptor: Path, directory: Path) -> None:
        self.directory = directory
        program = [sys.executable, "-I", "-OO", str(SUPPORT / "corruption_subject.py"), str(corruptor), str(directory)]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.told: List[str] = []  # its stderr
        threading.Thread(target=self._listen, args=(self.process.stderr,), daemon=True).start()
        self.expected: Dict[str, Any] = self._answer(START_SECONDS)

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self.told = [*self.told[-20:], line]

    def _answer(self, seconds: float) -> Dict[str, Any]:
        """A line of JSON from it, within `seconds`."""
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        line = self.process.stdout.readline() if self.process.stdout else ""
        watch.cancel()
        if not line:
            pytest.fail(f"the subject ended or was too slow; it said:\n{''.join(self.told)}")
        found: Dict[str, Any] = json.loads(line)
        return found

    def begin(self, seed: int, kind: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{seed} {KINDS.index(kind)}\n")
        self.process.stdin.flush()

    def end(self) -> Dict[str, Any]:
        return self._answer(RUN_SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def subject(corruptor: Path) -> Iterator[Subject]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="corruption-", dir=memory))
    made = Subject(corruptor, directory)
    yield made
    made.close()
    shutil.rmtree(directory)


# --- what a dump must be ---


def read_all(dump: Any) -> int:
    """Decode the record of every object. Returns how many are BROKEN."""
    broken = 0
    for rid in range(dump.file.object_count):
        record = dump.heap.record(rid)
        assert isinstance(record, list) and isinstance(record[0], int), f"object {rid} is {record!r}"
        broken += record[0] == BROKEN
    return broken


def look_at(dump: Any, changes: List[List[int]]) -> None:
    """What people look at: the frames of all threads with their locals, and the damaged objects."""
    for thread in dump.threads:
        for frame in thread.frames:
            locals_of(frame)
    for owner in {change[0] for change in changes}:
        rid = dump.file.find_address(owner)
        if rid is not None:
            found = dump.heap.get(rid)
            assert len(repr(found)) < 1_000_000
            dir(found)


def stack_problem(dump: Any, expected: Dict[str, Any]) -> Optional[str]:
    """What is wrong with the stack of the thread that crashed."""
    thread = dump.signal_thread
    if thread is None:
        return "the thread that crashed was not found"
    frames = thread.frames[::-1]
    names = [frame.f_code.co_name for frame in frames]
    if names[:3] != STACK or names[-1] != "<module>":
        return f"the stack is {names}"
    lines = {frame.f_code.co_name: frame.f_lineno for frame in frames[:3]}
    if lines != expected["lines"]:
        return f"the lines are {lines}"
    sentinels = [frame.f_locals.get("sentinel") for frame in frames[:2]]
    return None if sentinels == expected["sentinels"] else f"the locals are {sentinels}"


class Tally:
    """What came out, for the report."""

    def __init__(self) -> None:
        self.counts: Dict[str, Counter] = {kind: Counter() for kind in KINDS}  # type: ignore[type-arg]
        self.slowest = 0.0

    def lines(self) -> List[str]:
        columns = ("runs", "stack hit", "stack right", "complete", "broken", "missing", "suspects", "sound")
        rows = [("kind", *columns)]
        rows += [(kind, *(str(counts[column]) for column in columns)) for kind, counts in self.counts.items()]
        lines = ["  ".join(f"{cell:>12}" for cell in row) for row in rows]
        return [*lines, f"slowest run: {self.slowest:.2f} s"]


def examine(subject: Subject, kind: str, run: Dict[str, Any], tally: Tally) -> Optional[str]:
    """What is wrong with a run, None when it is as it must be."""
    counts = tally.counts[kind]
    counts["runs"] += 1
    tally.slowest = max(tally.slowest, run["seconds"])
    if run["status"] != -signal.SIGSEGV:
        return f"it ended with status {run['status']} after {run['seconds']} s"
    files = [path for path in subject.directory.iterdir() if f"_{run['pid']}_" in path.name]
    if [path.suffix for path in files] != [".dump"]:
        return f"it left {[path.name for path in files]}"
    with load(files[0]) as dump:
        broken = read_all(dump)
        look_at(dump, run["changes"])
        problem = stack_problem(dump, subject.expected)
        missing = dump.end.get("missing_values", 0)
        counts["complete"] += dump.end.get("complete") is True
        counts["broken"] += broken
        counts["missing"] += missing
        counts["sound"] += not broken and not missing
        counts["suspects"] += dump.end["suspect_count"]
        assert all(repr(one) for one in dump.suspects)
    counts["stack hit"] += bool(run["sacred"])
    counts["stack right"] += problem is None
    if not REPEATED:
        files[0].unlink()
    return None if run["sacred"] else problem


def plan() -> List[Tuple[int, str]]:
    if REPEATED:
        seed, _, kind = REPEATED.partition(" ")
        return [(int(seed), kind)]
    kinds = KINDS[:-1]
    return [(FIRST_SEED + number, kinds[number % len(kinds)]) for number in range(RUNS)]


def test_a_heap_without_damage_is_whole(subject: Subject) -> None:
    """What the checks take for damage is none, for any object of the subject."""
    tally = Tally()
    subject.begin(0, "nothing")
    assert examine(subject, "nothing", subject.end(), tally) is None
    counts = tally.counts["nothing"]
    assert (counts["complete"], counts["broken"], counts["missing"], counts["suspects"]) == (1, 0, 0, 0)


def test_damage_costs_what_is_damaged(subject: Subject) -> None:
    tally, failures = Tally(), []
    started = time.monotonic()
    runs = plan()
    subject.begin(*runs[0])
    for (seed, kind), following in zip(runs, [*runs[1:], None]):
        run = subject.end()
        if following:  # it works while we look at the last one
            subject.begin(*following)
        try:
            problem = examine(subject, kind, run, tally)
        except Exception:
            problem = traceback.format_exc(limit=-8)
        if problem:
            changes = [[f"{word:#x}" for word in change] for change in run["changes"]]
            failures.append(f'PYHEAPDUMP_CORRUPTION="{seed} {kind}": {problem}\n  changes: {changes}')
        if len(failures) >= MOST_FAILURES:
            break
    report = [*tally.lines(), f"{len(runs)} runs in {time.monotonic() - started:.1f} s"]
    print("\n".join(report))
    folder = ROOT / "build" / "corruption"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{VERSION}.txt").write_text("\n".join(report) + "\n")
    assert not failures, f"repeat them on {VERSION} with the variable set:\n" + "\n".join(failures)
