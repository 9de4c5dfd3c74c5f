# SPDX-License-Identifier: Apache-2.0
"""The tour of the README: runs its commands and gives what they print, in a form that is the same on every machine.

python tests/support/tour.py        write the output into the README
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DUMP = "dumps/python_heap_4711_0.dump"
COMMANDS = ["args", "p line.product.tags", "up 2", "p order.customer", "p [line.quantity for line in order.lines]", "q"]


def _run(arguments: list[str], folder: Path, commands: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=commands,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # the order of sets
    )
    return done.stdout


def _same_everywhere(text: str, folder: Path, pid: str) -> str:
    text = text.replace(f"{folder}/", "").replace(f"python_heap_{pid}_", "python_heap_4711_")
    text = re.sub(rf"\b(pid|id) {pid}\b", r"\1 4711", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x7f...", text)
    text = re.sub(r"Python 3\.13\.\d+", "Python 3.13.0", text)
    text = re.sub(r"[\d.,]+ KiB", "850 KiB", text)
    text = re.sub(r"[\d,]+ objects", "23,000 objects", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-11-21 09:30:00", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def outputs() -> list[str]:
    """What the commands of the README's console blocks print, in their order."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        shutil.copytree(ROOT / "examples" / "orders", folder / "examples" / "orders")
        (folder / "dumps").mkdir()
        crash = _run(["examples/orders", "dumps"], folder)
        (dump,) = (folder / "dumps").iterdir()
        pid = dump.name.split("_")[2]
        shutil.rmtree(folder / "examples")
        relative = f"dumps/{dump.name}"
        summary = _run(["-m", "pyheapdump.view", relative, "--summary"], folder)
        session = _run(["-m", "pyheapdump.view", relative, "--pdb"], folder, "\n".join(COMMANDS) + "\n")
        return [_same_everywhere(text, folder, pid) for text in (crash, summary, prompt_only(session))]


def prompt_only(session: str) -> str:
    """The session from the debugger's first line on, with the commands where a user would have typed them."""
    _, _, rest = session.rpartition("\n\n> ")
    parts = ("> " + rest).split("(dump) ")
    typed = [f"(dump) {command}\n{part}" for command, part in zip(COMMANDS, parts[1:])]
    return parts[0] + "".join(typed)


def blocks(text: str) -> list[str]:
    """The console blocks of a Markdown text, without their first line (the command)."""
    return [block.split("\n", 1)[1].strip() for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)]


def main() -> None:
    text = README.read_text()
    for old, new in zip(blocks(text), outputs()):
        text = text.replace(f"\n{old}\n```", f"\n{new}\n```")
    README.write_text(text)


if __name__ == "__main__":
    main()
