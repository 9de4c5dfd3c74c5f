#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs CPython's own tests plain and with pyheapdump active (PYHEAPDUMP=1), and says which of them end otherwise.

usage: tools/cpython_suite.py [--modules test_a,test_b] [VERSION...]        (default: 3.11 3.13)

Needs the environments of tools/venvs.py, whose interpreters have the package `test`. Each module runs in a process of
its own, in a directory of its own; what a test ends with is what regrtest writes to its JUnit file: passed, failed,
error, skipped, or missing, as when the process is killed; so it is told of the module, too. A test that ends otherwise
is tried again, plain and active, as often as TRIES says: only one that never ends active as it did plain is told. Those
that are known are in tools/cpython_suite.txt, each with its reason; one of them that ends the same in both is told.

Exit status 1 when the tests that end otherwise are not those of the list.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "tools" / "cpython_suite.txt"
VERSIONS = ("3.11", "3.13")
# What threads, forks, signals and hooks may disturb.
MODULES = (
    "test_threading", "test_thread", "test_fork1", "test_subprocess", "test_multiprocessing_fork",
    "test_concurrent_futures", "test_asyncio", "test_signal", "test_faulthandler", "test_interpreters", "test_import",
)  # fmt: skip
TRIES = 2
# Seconds for one module.
TIMEOUT = 1800

# Which modules of these there are, packages resolved into their modules: so no process takes too long.
LIST = """
import importlib.util, pkgutil, sys
for name in sys.argv[1:]:
    spec = importlib.util.find_spec("test." + name)
    if spec is None:
        continue
    parts = [part.name for part in pkgutil.iter_modules(spec.submodule_search_locations or ())]
    parts = [part for part in parts if part.startswith("test_")]
    print(*([name + "." + part for part in parts] or [name]), sep="\\n")
"""

Outcomes = dict[str, str]


class SuiteError(Exception):
    """The tests cannot be run; the text is one clear line."""


def main(arguments: list[str]) -> int:
    chosen: tuple[str, ...] = MODULES
    if arguments[:1] == ["--modules"] and len(arguments) > 1:
        chosen, arguments = tuple(arguments[1].split(",")), arguments[2:]
    try:
        known = read_known()
        found: Outcomes = {}
        for version in arguments or VERSIONS:
            for module in modules(version, chosen):
                found.update(differing(version, module))
    except SuiteError as error:
        print(f"cpython_suite: {error}", file=sys.stderr)
        return 2
    told = [f"{test}: {ends}" for test, ends in found.items() if test not in known]
    due = [test for test in known if is_due(test, arguments or VERSIONS, chosen)]
    told += [f"{test}: in the list, but ends the same" for test in due if test not in found]
    for line in told:
        print(line)
    print(f"{len(found)} tests end otherwise with pyheapdump, {len(told)} of them against the list")
    return 1 if told else 0


def is_due(test: str, versions: Sequence[str], chosen: tuple[str, ...]) -> bool:
    """Was this test, as the list names it, run?"""
    version, _, name = test.partition(" ")
    return version in versions and name.split(".")[1] in {module.split(".")[0] for module in chosen}


def read_known() -> dict[str, str]:
    """Test → reason, from lines `VERSION TEST: reason`; empty lines and lines that begin with # say nothing."""
    known = {}
    for number, line in enumerate(KNOWN.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            test, separator, reason = line.partition(": ")
            if not separator or not reason.strip() or test.count(" ") != 1:
                raise SuiteError(f"{KNOWN}:{number}: not `VERSION TEST: reason`")
            known[test] = reason
    return known


def python(version: str) -> Path:
    path = ROOT / "build" / "python" / version
    if not path.exists():
        raise SuiteError(f"{path} is missing; run tools/venvs.py {version} first")
    return path


def modules(version: str, chosen: tuple[str, ...]) -> list[str]:
    """The modules of these that this Python's package `test` has."""
    listed = subprocess.run(
        [python(version), "-c", LIST, *(name.split(".")[0] for name in chosen)],
        capture_output=True, text=True, check=False, env=environment(active=False),
    )  # fmt: skip
    if listed.returncode != 0 or not listed.stdout:
        raise SuiteError(f"Python {version} has no package `test` with these modules: {listed.stderr.strip()[-200:]}")
    found = listed.stdout.split()
    return [name for name in found if any(name == wanted or name.startswith(wanted + ".") for wanted in chosen)]


def environment(*, active: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYHEAPDUMP", "PYTHON"))}
    return {**kept, "PYHEAPDUMP": "1"} if active else kept


def differing(version: str, module: str) -> Iterator[tuple[str, str]]:
    """The tests of a module that never end as they do without us, and how they end."""
    plain, active = run(version, module, active=False), run(version, module, active=True)
    suspects = differences(plain, active)
    print(f"{version} {module}: {len(plain)} tests, {len(suspects)} to be tried again", flush=True)
    for _ in range(TRIES):
        if not suspects:
            return
        again = differences(run(version, module, active=False), run(version, module, active=True))
        suspects = {test: ends for test, ends in again.items() if test in suspects}
    for test, ends in suspects.items():
        yield f"{version} {test}", ends


def differences(plain: Outcomes, active: Outcomes) -> Outcomes:
    return {
        test: f"{active.get(test, 'missing')} with pyheapdump, {plain.get(test, 'missing')} without"
        for test in sorted(plain.keys() | active.keys())
        if plain.get(test) != active.get(test)
    }


def run(version: str, module: str, *, active: bool) -> Outcomes:
    """How each test of the module ends."""
    with tempfile.TemporaryDirectory(prefix="pyheapdump-suite-") as place:
        written = Path(place) / "outcomes.xml"
        options = ["--junit-xml", str(written), "--tempdir", place, "-u", "none"]
        command = [str(python(version)), "-m", "test", *options, module]
        own = environment(active=active)
        own["PYHEAPDUMP_DIR"] = place
        log = Path(place) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=place, env=own, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
            try:
                status = "ended" if process.wait(TIMEOUT) >= 0 else f"died by signal {-process.returncode}"
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
                status = "did not end"
        outcomes = read_outcomes(written)
        keep_log(f"{version}-{module}-{'active' if active else 'plain'}", log.read_bytes())
    outcomes[f"test.{module}"] = status
    return outcomes


def read_outcomes(written: Path) -> Outcomes:
    outcomes: Outcomes = {}
    if written.exists():
        for case in xml.etree.ElementTree.parse(written).getroot().iter("testcase"):
            inner = {element.tag for element in case}
            ends = "skipped" if "skipped" in inner else "error" if "error" in inner else "failed"
            outcomes[case.get("name", "without a name")] = ends if inner & {"skipped", "error", "failure"} else "passed"
    return outcomes


def keep_log(name: str, content: bytes) -> None:
    folder = ROOT / "build" / "log" / "cpython_suite"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
