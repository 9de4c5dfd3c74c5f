# SPDX-License-Identifier: Apache-2.0
"""The benchmark still runs, all of it, on few records. Its times mean nothing here and are not judged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Rows whose verdict does not depend on how busy the machine is.
SIZES = (
    "size of the dump / size of the pickle",
    "the child's own memory",
    "memory of the process that opens",
    "resident memory",
)


def rows_of(page: str, section: str) -> dict[str, str]:
    """First and last cell of each row of the table in a section."""
    found = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines() if line[:1] == "|"]
    return {row[0]: row[-1] for row in cells[2:]}


def test_quick_run_measures_every_target(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.md"
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--output", str(output), sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    # 2 would say that something could not be measured.
    assert run.returncode in (0, 1), run.stderr
    assert "Traceback" not in run.stderr
    page = output.read_text()
    targets = rows_of(page, "Targets")
    missed = [what for what, verdict in targets.items() if verdict.endswith("**missed**")]
    assert all(re.match(r"-?\d+(\.\d+)?[ ,]", verdict) for verdict in targets.values()), targets
    assert run.returncode == bool(missed), run.stderr
    assert len(targets) == 23, targets
    assert not [what for what in missed if what.startswith(SIZES)], targets
    assert "none of the others ran" in page, "what a target was compared with is told"
    assert "the clone" in page.partition("## How far from the limit")[2]


def test_measurement_that_fails_is_one_line(tmp_path: Path) -> None:
    """An interpreter without pyheapdump's module: no page, exit status 2, the reason."""
    output = tmp_path / "benchmarks.md"
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    stand_in.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--output", str(output), str(stand_in)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 2
    assert not output.exists()
    assert run.stderr.splitlines()[-1].startswith("bench: ")
    assert "pyheapdump" in run.stderr.splitlines()[-1]
