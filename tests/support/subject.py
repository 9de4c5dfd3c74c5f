# SPDX-License-Identifier: Apache-2.0
"""Runs programs under test in a subprocess and says how they ended.

A subject is a Python program in a directory of its own. The same program runs with pyheapdump and without: its first
line installs only when the environment says so. What a program prints and how it ends must be the same
both times, apart from the lines that begin with "pyheapdump:".
"""

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence

import pyheapdump

DUMP_NAME = re.compile(r"python_heap_(\d+)_(\d+)\.dump")
OWN_TEXT = re.compile(rb"pyheapdump: [^\n]*\n")

# The first line of every subject; the program's own text begins on the second.
INSTALL = "import os; os.environ.get('SUBJECT_INSTALL') == '1' and __import__('pyheapdump').install({})\n"


@dataclass
class Ended:
    """How a subject ended."""

    status: int
    stdout: bytes
    stderr: bytes
    directory: Path
    dumps: List[Path] = field(default_factory=list)

    @property
    def own_lines(self) -> List[bytes]:
        """The lines that pyheapdump wrote; the program's last one may lack its end."""
        return OWN_TEXT.findall(self.stderr)

    @property
    def other_stderr(self) -> bytes:
        """What the program and its interpreter wrote."""
        return OWN_TEXT.sub(b"", self.stderr)

    @property
    def only_dump(self) -> Path:
        assert len(self.dumps) == 1, f"expected one dump, there are {self.dumps}; stderr: {self.stderr.decode()}"
        return self.dumps[0]


class Subject:
    """One program. `install` is the text between the brackets of install(); None: the program installs itself."""

    def __init__(self, directory: Path, text: str, install: Optional[str] = "", name: str = "subject.py") -> None:
        self.directory = directory
        self.dump_directory = directory / "dumps"
        self.dump_directory.mkdir(exist_ok=True)
        self.path = directory / name
        first_line = "import os\n" if install is None else INSTALL.format(install)
        self.path.write_text(first_line + textwrap.dedent(text), encoding="utf-8")

    def run(self, *arguments: str, installed: bool = True, **options: Any) -> Ended:
        """Runs the program; `options` are those of `run_python`."""
        variables = {"PYHEAPDUMP_DIR": str(self.dump_directory), "SUBJECT_INSTALL": "1" if installed else "0"}
        variables.update(options.pop("environment", {}))
        options.setdefault("directory", self.directory)
        ended = run_python([str(self.path), *arguments], environment=variables, **options)
        ended.dumps = dumps_in(self.dump_directory)
        return ended


def run_python(
    arguments: Sequence[str],
    *,
    environment: Optional[Dict[str, str]] = None,
    directory: Optional[Path] = None,
    stdin: bytes = b"",
    seconds: float = 60,
    before: Sequence[str] = (),
    executable: str = sys.executable,
    **options: Any,
) -> Ended:
    """Runs a Python with these arguments; `before` is a command that starts it. TimeoutExpired when it hangs."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYHEAPDUMP", "PYTHON", "SUBJECT_"))}
    variables.update(environment or {})
    done = subprocess.run(
        [*before, executable, *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        cwd=directory,
        timeout=seconds,
        check=False,
        **options,
    )
    return Ended(done.returncode, done.stdout, done.stderr, Path(directory or "."))


def dumps_in(directory: Path) -> List[Path]:
    """The dumps in a directory by process and sequence number."""
    matches = [DUMP_NAME.fullmatch(path.name) for path in directory.iterdir()]
    found = [match for match in matches if match is not None]
    return [directory / match[0] for match in sorted(found, key=lambda match: [int(g) for g in match.groups()])]


def dumps_because_of(ended: Ended, reason: str) -> List[Any]:
    """The open dumps whose reason begins so."""
    dumps = [pyheapdump.load(path) for path in ended.dumps]
    return [dump for dump in dumps if dump.reason.startswith(reason)]


# --- what the tests of several files share ----------------------------------------------------------------------

FAILING = """
    def fail(order):
        missing = order["items"]
        return missing[5]

    def main():
        order_number = 4711
        fail({"items": [1, 2]})

    main()
"""


def run_both(place: Path, text: str, install: Optional[str] = "", dumps: int = 1, **options: Any) -> Ended:
    """Runs the program with and without pyheapdump and checks that it ends the same; the end with it."""
    subject = Subject(place, text, install)
    without = subject.run(installed=False, **options)
    ended = subject.run(**options)
    assert without.dumps == []
    assert comparable(ended.other_stderr) == comparable(without.stderr)
    assert (ended.status, ended.stdout) == (without.status, without.stdout)
    assert len(ended.dumps) == dumps, ended.stderr.decode()
    for path in ended.dumps:
        assert pyheapdump.load(path).exception is not None
    return ended


def comparable(stderr: bytes) -> str:
    """Without what differs from run to run: addresses, and the counts 3.13 reports of an object it cannot print."""
    return re.sub(r"\b0x[0-9a-f]+|refcount : \d+", "...", stderr.decode(errors="surrogateescape"))


def frame_names(traceback_: Optional[TracebackType]) -> List[str]:
    names = []
    while traceback_ is not None:
        names.append(traceback_.tb_frame.f_code.co_name)
        traceback_ = traceback_.tb_next
    return names
