# SPDX-License-Identifier: Apache-2.0
"""The other dumpers, in an environment of their own, each within limits of memory and time."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, MeasurementError, measure

NAMES = ("coredumpy", "debuglater", "pydumpling", "dill", "cloudpickle")
SECONDS = 120
ADDRESS_SPACE = 8 << 30
ENVIRONMENTS = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Peer:
    """What became of one peer: its values, or why there are none."""

    name: str
    release: str
    values: dict[str, Any] | None
    problem: str | None


def measure_all(version: str, executable: str, count: int, directory: Path) -> list[Peer]:
    """Every peer on `count` records with the interpreter `executable` of version `version`."""
    environment = ENVIRONMENTS / f"peers-{version}"
    python = environment / "bin" / "python"
    if not python.exists():
        run([executable, "-m", "venv", "--clear", str(environment)])
    return [one(name, python, count, directory) for name in NAMES]


def one(name: str, python: Path, count: int, directory: Path) -> Peer:
    path = directory / f"{name}.dump"
    release = ""
    try:
        run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name])
        release = run([str(python), "-c", f"import importlib.metadata as m; print(m.version({name!r}))"])
        values = limited(python, "dump", name, count, path, SECONDS)
        limited(python, "check", name, count, path)
    except MeasurementError as problem:
        return Peer(name, release, None, str(problem))
    finally:
        path.unlink(missing_ok=True)
    return Peer(name, release, values, None)


def limited(python: Path, *arguments: object) -> dict[str, Any]:
    return measure(str(python), "measure_peer", *arguments, seconds=SECONDS, address_space=ADDRESS_SPACE)


def run(command: list[str]) -> str:
    """What a command prints. Raises MeasurementError with the last line of its errors."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode != 0:
        raise MeasurementError((done.stderr.strip().splitlines() or ["failed"])[-1])
    return done.stdout.strip()
