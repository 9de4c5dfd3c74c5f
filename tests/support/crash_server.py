# SPDX-License-Identifier: Apache-2.0
"""A program that crashes again and again, with a fault in the middle of the dump each time.

    with CrashServer(directory) as server:
        for end in server.run([Fault(), Fault("child", "write", 3, "crash"), Fault(kill_after=0.01)]): ...

The server process (programs/crash_server.py) imports everything once, installs pyheapdump, and forks for each run: the fork arms the injector
(crasher/inject.c, in LD_PRELOAD), and crashes by a division by zero. So a run costs little more than its dump, and the
signal of the program, SIGFPE, cannot be taken for that of an injected crash, SIGSEGV.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyheapdump

from .crash_program import crasher_directory, injector, without_core_files

SIGNAL = signal.SIGFPE
PROGRAM = Path(__file__).resolve().parent.parent / "programs" / "crash_server.py"
ROLES = ["process", "child"]
ACTIONS = ["nothing", "crash", "hang", "error", "half"]


@dataclass(frozen=True)
class Fault:
    """Call `nth` of `function` by the crashed process or its child does not go as it should."""

    role: str = "process"
    function: str = ""
    nth: int = 0
    action: str = "nothing"
    error: int = errno.EIO
    crash_timeout: float = 30.0  # of install()
    kill_after: float | None = None  # seconds after its first call the child is killed
    in_place: bool = False  # clone is refused: the crashed process writes the dump itself

    def __str__(self) -> str:
        if self.kill_after is not None:
            return f"child killed after {self.kill_after * 1000:.2f} ms"
        how = f" ({errno.errorcode[self.error]})" if self.action == "error" else ""
        role = "process, in place" if self.in_place else self.role
        return f"{role}: {self.function} number {self.nth}: {self.action}{how}"


@dataclass
class End:
    """How a run ended."""

    fault: Fault
    pid: int
    status: int | None  # like a subprocess' returncode; None: it hung and was killed
    seconds: float
    fired: int  # how often the fault was met
    calls: dict[str, dict[str, int]]  # role: function: how often
    child: int  # the pid of the child that was seen last, 0: none
    child_seconds: float  # from the child's first call to the end of the process
    child_lives: bool
    stderr: str
    files: list[Path] = field(default_factory=list)


class CrashServer:
    """Runs faults in forks of one process; the dumps come into `directory`."""

    def __init__(self, directory: Path, parallel: int = 2) -> None:
        self.directory = directory
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYHEAPDUMP", "PYTHON"))}
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(PROGRAM), str(directory), str(parallel)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **environment,
                "LD_PRELOAD": injector(),
                "PYTHONPATH": os.pathsep.join([crasher_directory(), packages()]),
            },
            preexec_fn=without_core_files,
        )

    def __enter__(self) -> CrashServer:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.communicate()

    def run(self, faults: Iterable[Fault]) -> Iterator[End]:
        """The ends of the runs, in the order in which they end."""
        assert self.process.stdin is not None and self.process.stdout is not None
        faults = list(faults)
        self.process.stdin.write(json.dumps([in_numbers(fault) for fault in faults]).encode() + b"\n")
        self.process.stdin.flush()
        for _ in faults:
            line = self.process.stdout.readline()
            assert line, "the server has ended"
            told = json.loads(line)
            end = End(fault=faults[told.pop("number")], **told)
            end.files = sorted(self.directory.glob(f"python_heap_{end.pid}_*"))
            yield end


def in_numbers(fault: Fault) -> dict[str, Any]:
    """As the server takes it."""
    return {**asdict(fault), "role": ROLES.index(fault.role), "action": ACTIONS.index(fault.action)}


def packages() -> str:
    """The directory that pyheapdump is installed in."""
    return str(Path(pyheapdump.__file__).parent.parent)


# --- what must be true of every end -----------------------------------------------------------------------------

# What begins a block (docs/format.md): a frame of zstd.
END_OF_TEXT = b"\x28\xb5\x2f\xfd"
MARGIN = 8.0  # seconds on a busy machine


def problems_of(end: End) -> list[str]:
    """What a run did that must not be."""
    found = []
    if end.status != -SIGNAL:
        found.append("hung" if end.status is None else f"ended with {end.status}")
    if end.seconds > end.fault.crash_timeout + MARGIN:
        found.append(f"took {end.seconds:.1f} s")
    if end.child_lives:
        found.append("its child lives")
    lines = end.stderr.splitlines()
    if len(lines) > 1 or not all(line.startswith("pyheapdump: ") for line in lines):
        found.append(f"said {end.stderr!r}")
    if len({path.stat().st_ino for path in end.files}) > 1:
        found.append(f"left {[path.name for path in end.files]}")
    parts = [path for path in end.files if path.suffix == ".part" and path.stat().st_size]
    if lines and len(parts) == len(end.files) and any(path.name not in end.stderr for path in parts):
        found.append(f"left {[path.name for path in parts]} and did not name it")
    return found + [problem for path in end.files for problem in problems_of_file(path)]


def problems_of_file(path: Path) -> list[str]:
    """A file opens; one with its final name has the stack of the program.

    Between the creation of the file and the first write it is empty; until the second it is text that tells the stack.
    """
    content = path.read_bytes()
    if path.suffix == ".part" and (not content or END_OF_TEXT not in content):
        return [] if not content or b" in innermost\n" in content else [f"{path.name}: the text has no stack"]
    try:
        with pyheapdump.load(path) as dump:
            dump.problems  # noqa: B018  it may raise
            names = [frame.f_code.co_name for thread in dump.threads[:1] for frame in thread.frames]
            whole = path.suffix == ".dump" and not dump.missing
            if whole and names[-2:] != ["outermost", "innermost"]:
                return [f"{path.name}: the stack is {names}"]
            if whole and dump.threads[0].frames[-1].f_locals["known"] != {"number": 4711, "text": "known"}:
                return [f"{path.name}: wrong values"]
    except pyheapdump.DumpError as problem:
        return [f"{path.name} of {len(content)} bytes: {problem}"]
    return []


def outcome_of(end: End) -> str:
    """For the distribution."""
    if not end.files:
        return "no file"
    return "whole name" if end.files[0].suffix == ".dump" else "temporary name"
