# SPDX-License-Identifier: Apache-2.0
"""Runs measurements in processes of their own, and takes what they hand over."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class MeasurementError(Exception):
    """A measurement gave no values; the text is one clear line."""


def measure(
    executable: str,
    measurement: str,
    *arguments: object,
    status: int = 0,
    seconds: float = 900.0,
    address_space: int | None = None,
) -> dict[str, Any]:
    """The values that `python -m bench.<measurement> ARGUMENTS...` hands over in the last line it prints.

    status: the exit status it must end with. seconds: how long it may take. address_space: bytes it may map (None:
    no limit). Raises MeasurementError.
    """

    def limit_memory() -> None:
        if address_space is not None:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    command = [executable, "-m", f"bench.{measurement}", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYHEAPDUMP"))}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds, preexec_fn=limit_memory, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"not done after {seconds:.0f} s") from None
    lines = done.stdout.splitlines()
    if done.returncode != status or not lines:
        raise MeasurementError(reason(done.returncode, done.stderr))
    values: dict[str, Any] = json.loads(lines[-1])
    return values


def reason(status: int, errors: str) -> str:
    """Why a process failed, in one line."""
    lines = errors.strip().splitlines()
    last = lines[-1] if lines else "it printed nothing"
    return f"ended by signal {-status}: {last}" if status < 0 else last
