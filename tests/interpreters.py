# SPDX-License-Identifier: Apache-2.0
"""The interpreters that the tests can run, one per supported version of CPython.

`tools/venvs.py` looks for them and makes an environment with pyheapdump for each; this module reads what it noted.
An executable from here can be started from any test, whatever interpreter and root the test itself runs in:

    subprocess.run([interpreter.executable, "-m", "pyheapdump.view", path])

It starts by exec, so the process id of the child is the interpreter's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "build" / "python" / "interpreters.json"


@dataclass(frozen=True)
class Interpreter:
    """A Python with pyheapdump installed."""

    version: str  # like "3.11"
    executable: str  # absolute path

    def __str__(self) -> str:
        return self.version


def available() -> list[Interpreter]:
    """The interpreters that are there, oldest version first."""
    return [Interpreter(version, path) for version, path in _sorted(_report()["available"])]


def missing() -> list[tuple[str, str]]:
    """Pairs of a supported version that is not there and the reason, oldest version first."""
    return _sorted(_report()["missing"])


def _report() -> dict[str, dict[str, str]]:
    """What tools/venvs.py noted: {"available": {version: executable}, "missing": {version: reason}}."""
    if not REPORT.exists():
        raise FileNotFoundError(f"{REPORT} is missing: run `make venvs` first")
    report: dict[str, dict[str, str]] = json.loads(REPORT.read_text())
    return report


def _sorted(versions: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(versions.items(), key=lambda item: int(item[0].split(".")[1]))
