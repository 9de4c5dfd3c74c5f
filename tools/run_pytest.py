#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the Python tests on every interpreter that tools/venvs.py has set up, as many at a time as there are cores.

usage: tools/run_pytest.py [VERSION...] [-- PYTEST_ARGUMENT...]

What a run prints is shown whole when the run has ended, and kept in build/log/pytest-<version>.txt; a single run shows
it as it comes. Versions that are missing are named with the reason. Exit status 1 when a run failed, when a version
was found but could not be set up, or when there was no run at all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import interpreters  # noqa: E402

SHOWING = threading.Lock()


def main(arguments: list[str]) -> int:
    # A shell starts what it puts into the background with SIGINT ignored; the programs of the tests are to get it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    wanted, pytest_arguments = arguments[:split], arguments[split + 1 :]
    runs = [item for item in interpreters.available() if not wanted or item.version in wanted]
    if len(runs) == 1:
        outcomes = [run(runs[0], pytest_arguments)]
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = list(pool.map(lambda interpreter: run_apart(interpreter, pytest_arguments), runs))
    for version, why in interpreters.missing():
        if not wanted or version in wanted:
            outcomes.append((f"pytest on {version}: {why}", why.startswith("skipped: ")))
    for line, _ in outcomes:
        print(line)
    return 0 if runs and all(good for _, good in outcomes) else 1


def run_apart(interpreter: interpreters.Interpreter, arguments: list[str]) -> tuple[str, bool]:
    """Like run, for one of several at a time: its output is shown in one piece."""
    log = ROOT / "build" / "log" / f"pytest-{interpreter.version}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        outcome = run(interpreter, arguments, stream)
    with SHOWING:
        print(f"== pytest on {interpreter.version}", flush=True)
        sys.stdout.buffer.write(log.read_bytes())
        sys.stdout.flush()
    return outcome


def run(
    interpreter: interpreters.Interpreter, arguments: list[str], output: IO[bytes] | None = None
) -> tuple[str, bool]:
    """Runs the tests on one interpreter; a line for the summary, and whether all passed."""
    started = time.monotonic()
    # A cache of its own: two versions must not mix their lists of failures.
    cache = ROOT / "build" / "pytest" / interpreter.version
    command = [interpreter.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    status = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    result = "passed" if status == 0 else f"FAILED with exit status {status}"
    return f"pytest on {interpreter.version}: {result} in {time.monotonic() - started:.0f} s", status == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
