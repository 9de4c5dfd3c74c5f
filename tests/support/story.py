# SPDX-License-Identifier: Apache-2.0
"""The stories of examples/: runs the commands that a README shows, and compares what they print.

A console block of a README is a session: `$ command`, then its output. `&` at the end starts a program that goes on;
`(dump) command` is typed into pdb. A line `...` stands for any number of lines, `…` for the rest of a word or line.
Programs have the process id 4711; the real one is put into the commands, and what differs from run to run is made equal.

python tests/support/story.py NAME         print the session of examples/NAME as it is here
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PYTHON = os.path.normpath(sys.executable)
SECONDS = 60
PROMPT = "(dump) "
FUTEX = "202"


@dataclass
class Step:
    """A command, what the README shows of its output, and what it really printed."""

    command: str
    shown: List[str] = field(default_factory=list)
    real: str = ""

    @property
    def typed(self) -> List[str]:
        return [line[len(PROMPT) :] for line in self.shown if line.startswith(PROMPT)]

    @property
    def pattern(self) -> str:
        lines = [r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in self.shown]
        return "".join(lines).replace("…", ".*")

    def matches(self) -> bool:
        return re.fullmatch(self.pattern, self.real.rstrip("\n") + "\n" * bool(self.shown)) is not None


def steps_of(readme: str) -> List[Step]:
    """The commands of all console blocks, in their order."""
    found: List[Step] = []
    for block in re.findall(r"```console\n(.*?)```", readme, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
            else:
                found[-1].shown.append(line)
    return found


class Story:
    """One example, run in a copy of its folder until the end of the with statement."""

    def __init__(self, name: str, folder: Path, settled: Optional[Callable[[int], bool]] = None) -> None:
        self.name = name
        self.steps = steps_of((EXAMPLES / name / "README.md").read_text(encoding="utf-8"))
        self.home = folder / name
        shutil.copytree(EXAMPLES / name, self.home, ignore=shutil.ignore_patterns("*.pyz", "*.dump", "__pycache__"))
        self._settled = settled
        self._at = self.home
        self._pid = 0
        self._program: Optional[subprocess.Popen[bytes]] = None
        self._log = folder / "log"
        self._read = 0

    def __enter__(self) -> Story:
        return self

    def __exit__(self, *_: object) -> None:
        if self._program is not None:
            self._program.kill()
            self._program.wait(SECONDS)

    def play(self) -> None:
        """Run all commands."""
        for step in self.steps:
            self.run(step)

    def run(self, step: Step) -> None:
        command = step.command.replace("4711", str(self._pid))
        if command.startswith("cd "):
            self._at = (self._at / command[3:]).resolve()
            return
        if command.endswith(" &"):
            step.real = self._same(self._start(command[:-2], len(step.shown)))
        elif command.startswith("kill "):
            subprocess.run(["sh", "-c", command], check=True, timeout=SECONDS)
            step.real = self._same(self._said(len(step.shown)))
        else:
            step.real = self._same(self._finish(command, step.typed))

    def _start(self, command: str, lines: int) -> str:
        """Start a program that goes on; what it says until it has come to where the story wants it."""
        with self._log.open("wb") as log:
            self._program = self._popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._pid = self._program.pid
        said = self._said(lines)
        if self._settled is not None:
            wait_for(lambda: self._settled is None or self._settled(self._pid), f"{self.name} comes to its place")
        return said

    def _said(self, lines: int) -> str:
        """The next lines of the program that goes on."""
        wait_for(lambda: self._log.read_text().count("\n", self._read) >= lines, f"{lines} lines of {self.name}")
        text = self._log.read_text()[self._read :]
        self._read += len(text)
        return text

    def _finish(self, command: str, typed: List[str]) -> str:
        """Run a command to its end; what it prints. If it leaves a dump, the next commands are about that."""
        if typed:
            command += " --pdb"  # on a terminal that is the default
        process = self._popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            out, _ = process.communicate("".join(f"{line}\n" for line in typed).encode(), SECONDS)
        finally:
            process.kill()
        if list(self._at.glob(f"python_heap_{process.pid}_*.dump")):
            self._pid = process.pid
        text = out.decode()
        return with_commands(text, typed) if typed else text

    def _popen(self, command: str, **options: Any) -> subprocess.Popen[bytes]:
        variables: Dict[str, str] = {k: v for k, v in os.environ.items() if not k.startswith(("PYHEAPDUMP", "PYTHON"))}
        words = re.sub(r"\bpython(?= )", lambda _: PYTHON, command)
        variables["PYTHONHASHSEED"] = "0"
        made: subprocess.Popen[bytes] = subprocess.Popen(
            ["sh", "-c", f"exec {words}"], cwd=self._at, env=variables, **options
        )
        return made

    def _same(self, text: str) -> str:
        """The text as it is on every machine and in every run."""
        text = text.replace(str(self.home), f"/srv/{self.name}")
        text = text.replace(sysconfig.get_path("stdlib"), "/usr/lib/python3.13").replace(PYTHON, "/usr/bin/python3.13")
        text = re.sub(r"^pyheapdump: (opening|reading) .* \.\.\.\n", "", text, flags=re.M)  # of a slow machine
        text = re.sub(rf"(?<!\d){self._pid}(?!\d)", "4711", text)
        others = dict.fromkeys(re.findall(r"\bid (\d+)", text))
        for number, one in enumerate((one for one in others if one != "4711"), 4712):
            text = re.sub(rf"\bid {one}\b", f"id {number}", text)
        for pattern, shown in EQUAL:
            text = re.sub(pattern, shown, text)
        return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


# What differs from run to run, and what the READMEs have.
EQUAL = (
    (r"\b0x[0-9a-f]{6,}\b", "0x7f..."),
    (r"3\.13\.\d+", "3.13.0"),
    (r"ident \d+", "ident 140000000000000"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8080"),
    (r"'127\.0\.0\.1', \d+", "'127.0.0.1', 8080"),
    (r"\([\d.,]+ [KM]iB", "(850 KiB"),
    (r"dump: [\d.,]+ [KM]iB", "dump: 850 KiB"),
    (r"[\d.]+ MiB used of", "358.5 MiB used of"),
    (r"[\d,]+ objects", "23,000 objects"),
    (r"for \d+ ms", "for 5 ms"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-11-21 09:30:00"),
    (r"SHA-256 \w+", "SHA-256 0f1e2d3c4b5a"),
)


def with_commands(session: str, typed: List[str]) -> str:
    """A session of pdb with the commands where somebody would have typed them."""
    first, *rest = session.split(PROMPT)
    return first + "".join(f"{PROMPT}{command}\n{part}" for command, part in zip(typed, rest))


def wait_for(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"this never came: {what}"
        time.sleep(0.01)


# --- has a program come to its place? ---------------------------------------------------------------------------------


def locked_up(pid: int) -> bool:
    """Do all its threads, main and three workers, wait for locks, however often one looks?"""
    for _ in range(20):
        calls = system_calls(pid)
        if len(calls) != 4 or set(calls) != {FUTEX}:
            return False
        time.sleep(0.01)
    return True


def spins(pid: int) -> bool:
    """Has it used a processor for longer than it takes to start?"""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) > 0.4 * os.sysconf("SC_CLK_TCK")


def system_calls(pid: int) -> List[str]:
    """The number of each thread's, or "running"; of the program's threads, not of pyheapdump's own."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [(one / "syscall").read_text().split()[0] for one in threads if (one / "comm").read_text() != "pyheapdump\n"]


SETTLED: Dict[str, Callable[[int], bool]] = {"pool": locked_up, "agent": spins}


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as scratch, Story(name, Path(scratch).resolve(), SETTLED.get(name)) as story:
        for step in story.steps:
            print(f"$ {step.command}")
            story.run(step)
            print(step.real, end="")
            if not step.command.startswith("cd ") and not step.matches():
                print("<<< not what the README shows")


if __name__ == "__main__":
    main(sys.argv[1])
