# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark.

usage: python -m bench [--quick] [--output FILE] [EXECUTABLE...]

EXECUTABLE: Pythons that have pyheapdump; default those of CPython 3.11 and 3.13 that tools/venvs.py has set up.
Exit status 0 when all targets are met, 1 when one is missed, 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import peers, report
from bench.heap import OBJECTS_PER_RECORD
from bench.processes import ROOT, MeasurementError, measure
from bench.targets import TARGETS, Values

VERSIONS = ("3.11", "3.13")
WORK = ROOT / "build" / "bench"
# 300,000 objects of their own: what the time of a crash is measured with.
CRASHING_RECORDS = 300_000 // OBJECTS_PER_RECORD
# A file system in memory, to tell what the disk costs.
MEMORY_DIRECTORY = "/dev/shm"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    records: int
    repeats: int
    processes: int  # repeats of what takes a process each
    starts: int
    rounds: int
    peers: bool


FULL = Effort(records=1_000_000, repeats=5, processes=3, starts=40, rounds=200, peers=True)
QUICK = Effort(records=100_000, repeats=1, processes=1, starts=5, rounds=4, peers=False)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What a dump costs; see docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="100,000 records, few repeats, no peers")
    parser.add_argument("--output", type=Path, help="write the page there (default: print it)")
    parser.add_argument("executables", nargs="*", metavar="EXECUTABLE", help="Pythons that have pyheapdump")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else FULL
    try:
        results = measure_all(options.executables or set_up_executables(), effort)
    except MeasurementError as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    page = report.page(results)
    if options.output:
        options.output.write_text(page)
    else:
        print(page)
    return 0 if all(target.met(values) for values in results.interpreters.values() for target in TARGETS) else 1


def set_up_executables() -> list[str]:
    sys.path.insert(0, str(ROOT / "tests"))
    import interpreters

    found = {one.version: one.executable for one in interpreters.available()}
    absent = [version for version in VERSIONS if version not in found]
    if absent:
        raise MeasurementError(f"no interpreter for {', '.join(absent)}: run tools/venvs.py {' '.join(absent)}")
    return [found[version] for version in VERSIONS]


def measure_all(executables: list[str], effort: Effort) -> report.Results:
    WORK.mkdir(parents=True, exist_ok=True)
    results = report.Results(effort.records)
    with tempfile.TemporaryDirectory(dir=WORK) as name:
        directory = Path(name)
        for executable in executables:
            version = version_of(executable)
            say(f"CPython {version}")
            values = measure_one(executable, effort, directory)
            results.interpreters[version] = values
            for target in TARGETS:
                say(f"  {target.what}: {target.text(values)}{target.unit}{'' if target.met(values) else '  MISSED'}")
        if effort.peers:
            say(f"other dumpers, CPython {version}")
            results.peers = peers.measure_all(version, executable, effort.records, directory)
    return results


def version_of(executable: str) -> str:
    """Like "3.13.0"."""
    command = [executable, "-c", "import platform; print(platform.python_version())"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"{executable} does not run")
    return done.stdout.strip()


def measure_one(executable: str, effort: Effort, directory: Path) -> Values:
    """All measurements on one interpreter, one after the other."""
    records, small = effort.records, effort.records // 10
    tools = [peers.stack_tools(version_of(executable), executable)] if effort.peers else []

    def repeated(measurement: str, *arguments: object, status: int = 0) -> list[Any]:
        found = []
        for _ in range(effort.processes):
            found.append(measure(executable, measurement, *arguments, status=status))
            for dump in directory.glob("python_heap_*.dump"):
                dump.unlink()
        return found

    def opened(count: int) -> Values:
        path = directory / "opened.dump"
        made = measure(executable, "measure_open", "make", count, path)
        found = {**made, "repeats": repeated("measure_open", "open", path)}
        path.unlink()
        return found

    return {
        "dump": measure(executable, "measure_dump", records, effort.repeats, directory, MEMORY_DIRECTORY),
        "hook": repeated("measure_hook", records, directory, status=1),
        "pause": measure(executable, "measure_pause", records, effort.repeats, directory),
        "memory_once": measure(executable, "measure_memory", records, "once", directory),
        "memory_twice": measure(executable, "measure_memory", records, "twice", directory),
        "open_large": opened(records),
        "open_small": opened(small),
        "install": measure(executable, "measure_install", effort.starts, effort.rounds),
        "attach": measure(executable, "measure_attach", records, effort.processes, directory, *tools),
        "crash": measure(executable, "measure_crash", CRASHING_RECORDS, effort.repeats, directory),
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
