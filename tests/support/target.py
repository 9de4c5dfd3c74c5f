# SPDX-License-Identifier: Apache-2.0
"""Processes to be read from outside, which know nothing of pyheapdump, and the command that reads them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Sequence, Type

# Where the kernel lets a process be traced by its ancestors alone (Yama), a target lets all do it.
LET_TRACE = """
import ctypes
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
del ctypes
"""

SECONDS = 60


def clean_environment() -> Dict[str, str]:
    """The environment without what would make a target a friend of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYHEAPDUMP", "PYTHON"))}


class Target:
    """A program that runs until the end of the with statement; it must print a line when it is where it is wanted."""

    def __init__(
        self,
        directory: Path,
        text: str,
        executable: str = sys.executable,
        before: Sequence[str] = (),
        arguments: Sequence[str] = (),
        seconds: float = SECONDS,
        head: str = LET_TRACE,
        **options: Any,
    ) -> None:
        self.path = directory / "target.py"
        self.text = textwrap.dedent(text)
        self.path.write_text(head + self.text, encoding="utf-8")
        command = [*before, executable, str(self.path), *arguments]
        options.setdefault("env", clean_environment())
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, **options)
        self.pid = self.process.pid
        self.seconds = seconds  # how long it may take to print a line
        self.said = self.line()

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], self.seconds)[0], "the target says nothing"
        found: str = self.process.stdout.readline().decode().strip()
        assert found, f"the target ended: {self.process.wait(SECONDS)}"
        return found

    def line_of(self, text: str) -> int:
        """The number of the line that has `text`."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def states(self) -> List[str]:
        """The kernel's states of its threads: R, S, D, T (stopped), t (stopped by a tracer)."""
        return thread_states(self.pid)

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


def thread_states(pid: int) -> List[str]:
    found = []
    for name in os.listdir(f"/proc/{pid}/task"):
        try:
            stat = Path(f"/proc/{pid}/task/{name}/stat").read_text()
        except OSError:  # it has ended
            continue
        found.append(stat.rpartition(")")[2].split()[0])
    return found


def children_of(pid: int) -> List[int]:
    """The ids of its child processes, also of those that wait() does not see."""
    found: List[int] = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
        except OSError:  # the thread has ended
            continue
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Return when it holds; fail when that takes too long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.005)


def attach(
    *arguments: object, directory: Optional[Path] = None, seconds: float = SECONDS, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs the command `attach`."""
    command = [sys.executable, "-m", "pyheapdump", "attach", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, cwd=directory, env=clean_environment(),
        **options,
    )  # fmt: skip


def stacks_of(target: Target, *options: str) -> str:
    """What `attach --stacks` prints of a target."""
    done = attach(target.pid, "--stacks", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def goes_on(pid: int) -> bool:
    """Is no thread of the process stopped, and nobody tracing it?"""
    status = Path(f"/proc/{pid}/status").read_text()
    return "TracerPid:\t0\n" in status and not {"T", "t"} & set(thread_states(pid))


def end_by(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.wait(SECONDS)
