# SPDX-License-Identifier: Apache-2.0
"""The other dumpers, in an environment of their own, each within limits of memory and time; other tools for stacks."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, MeasurementError, measure

NAMES = ("coredumpy", "debuglater", "pydumpling", "dill", "cloudpickle")
SECONDS = 120
ADDRESS_SPACE = 8 << 30
ENVIRONMENTS = ROOT / "build" / "bench"
STACK_TOOLS = ("pystack", "py-spy")

# Of the records, for a peer that did not survive them all.
FEWER = 100


@dataclass(frozen=True)
class Peer:
    """What became of one peer: its values, or why there are none and those for a part of the records, if any."""

    name: str
    release: str
    values: dict[str, Any] | None = None
    problem: str | None = None
    fewer: dict[str, Any] | None = None


def measure_all(version: str, executable: str, count: int, directory: Path) -> list[Peer]:
    """Every peer on `count` records with the interpreter `executable` of version `version`."""
    python = environment_of(version, executable) / "bin" / "python"
    return [one(name, python, count, directory) for name in NAMES]


def stack_tools(version: str, executable: str) -> Path:
    """The folder of the programs of STACK_TOOLS, as far as they can be installed."""
    programs = environment_of(version, executable) / "bin"
    for name in STACK_TOOLS:
        with suppress(MeasurementError):  # the page says that it does not run
            install(programs / "python", name)
    return programs


def environment_of(version: str, executable: str) -> Path:
    environment = ENVIRONMENTS / f"peers-{version}"
    if not (environment / "bin" / "python").exists():
        run([executable, "-m", "venv", "--clear", str(environment)])
    return environment


def install(python: Path, name: str) -> None:
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name])


def one(name: str, python: Path, count: int, directory: Path) -> Peer:
    try:
        install(python, name)
        release = run([str(python), "-c", f"import importlib.metadata as m; print(m.version({name!r}))"])
    except MeasurementError as problem:
        return Peer(name, "", problem=f"cannot be installed: {problem}")
    path = directory / f"{name}.dump"
    try:
        return Peer(name, release, dump_and_check(python, name, count, path))
    except MeasurementError as problem:
        why = f"did not survive: {problem}"
    try:
        return Peer(name, release, problem=why, fewer=dump_and_check(python, name, count // FEWER, path))
    except MeasurementError:
        return Peer(name, release, problem=f"{why}; nor {count // FEWER:,} records")


def dump_and_check(python: Path, name: str, count: int, path: Path) -> dict[str, Any]:
    """What a peer's dump costs; raises MeasurementError unless its file has the records."""
    try:
        values = limited(python, "dump", name, count, path, SECONDS)
        limited(python, "check", name, count, path)
    finally:
        path.unlink(missing_ok=True)
    return values


def limited(python: Path, *arguments: object) -> dict[str, Any]:
    return measure(str(python), "measure_peer", *arguments, seconds=SECONDS, address_space=ADDRESS_SPACE)


def run(command: list[str]) -> str:
    """What a command prints. Raises MeasurementError with the last line of its errors."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode != 0:
        raise MeasurementError((done.stderr.strip().splitlines() or ["failed"])[-1])
    return done.stdout.strip()
