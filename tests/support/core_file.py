# SPDX-License-Identifier: Apache-2.0
"""Core files of processes, by the kernel and by gdb's gcore, and the command that reads them."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest

from .target import SECONDS, Target, clean_environment

PATTERN = Path("/proc/sys/kernel/core_pattern").read_text().strip()


HAS_GCORE = shutil.which("gcore") is not None


def gcore(pid: int, path: Path) -> Path:
    """A core that gcore makes; the process goes on."""
    command = ["gcore", "-o", str(path), str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    made = path.with_name(f"{path.name}.{pid}")
    assert made.exists(), done.stdout + done.stderr
    return made.rename(path)


def raise_core_limit() -> None:
    """To be called in the child before it becomes a target that is to leave a core."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def skip_without_kernel_cores() -> None:
    if PATTERN.startswith(("|", "/")):
        pytest.skip(f"core_pattern is {PATTERN!r}: no core in the directory")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("RLIMIT_CORE may not be raised")


def kernel_core(target: Target, directory: Path, number: Optional[int] = signal.SIGABRT) -> Path:
    """The core that the kernel leaves in `directory`, the target's own, when it is ended by a signal; None: it ends
    itself.
    """
    if number is not None:
        target.process.send_signal(number)
    status = target.process.wait(SECONDS)
    (core,) = [path for path in directory.iterdir() if path.name.startswith("core")]
    assert status < 0
    return core


def read_core(
    *arguments: object, directory: Optional[Path] = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Runs the command `core`."""
    command = [sys.executable, "-m", "pyheapdump", "core", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, cwd=directory, env=clean_environment()
    )
