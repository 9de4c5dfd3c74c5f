# SPDX-License-Identifier: Apache-2.0
"""Whose right counts when sources are read: that of the process, not that of root who dumps it.

The names of source files stand in the memory of the process, so a program can name any file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Dict, Iterator

import pytest
from pyheapdump.view import load
from support.core_file import HAS_GCORE, gcore, read_core
from support.target import Target, attach

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to files that others lack")

NOBODY = 65534
WAITING = """
import os, sys, time
os.setgroups([])
os.setresgid({nobody}, {nobody}, {nobody})
os.setresuid({nobody}, {nobody}, {nobody})
print("ready", flush=True)
def run(paths):
    if len(paths) == 1:
        exec(compile("time.sleep(1000)", paths[0], "exec"))
    else:
        exec(compile("run(paths[1:])", paths[0], "exec"), {{"run": run, "paths": paths}})
run(sys.argv[1:])
"""


@pytest.fixture
def named() -> Iterator[Dict[str, Path]]:
    """Files in a directory that everybody can enter, and one in a directory that is root's alone."""
    with tempfile.TemporaryDirectory(prefix="pyheapdump-rights-") as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "private").mkdir(mode=0o700)
        found = {
            "public": place / "public.py",
            "of root": place / "root.py",
            "of the group": place / "group.py",
            "of nobody": place / "nobody.py",
            "in a private directory": place / "private" / "public.py",
        }
        for name, path in found.items():
            path.write_text(f"time.sleep(1000)  # {name}\n")
            path.chmod(0o644)
        found["of root"].chmod(0o600)
        found["of the group"].chmod(0o640)
        os.chown(found["of nobody"], NOBODY, NOBODY)
        found["of nobody"].chmod(0o600)
        yield found


def sources_in(path: Path, named: Dict[str, Path]) -> "set[str]":
    """Which of the named files are in the dump, as sources and with the lines of its text part."""
    with load(path) as dump:
        found = {name for name, file in named.items() if str(file) in dump.sources}
        frames = {frame.f_code.co_filename for thread in dump.threads for frame in thread.frames}
    assert {str(file) for file in named.values()} <= frames, "they are all on the stack"
    content = path.read_bytes()  # small sources stand in it as they are, and so does the text part
    assert {name for name in named if f"  # {name}\n".encode() in content} == found
    return found


def test_a_running_process_reads_what_its_user_may(tmp_path: Path, named: Dict[str, Path]) -> None:
    arguments = [str(path) for path in named.values()]
    with Target(tmp_path, WAITING.format(nobody=NOBODY), arguments=arguments) as target:
        done = attach(target.pid, "-o", tmp_path / "a.dump")
        assert done.returncode == 0, done.stderr
    assert sources_in(tmp_path / "a.dump", named) == {"public", "of nobody"}


@pytest.mark.skipif(not HAS_GCORE, reason="gcore is not here")
def test_a_core_names_what_everybody_may_read(tmp_path: Path, named: Dict[str, Path]) -> None:
    arguments = [str(path) for path in named.values()]
    with Target(tmp_path, WAITING.format(nobody=NOBODY), arguments=arguments) as target:
        core = gcore(target.pid, tmp_path / "core")
    done = read_core(core, "-o", tmp_path / "c.dump")
    assert done.returncode == 0, done.stderr
    assert sources_in(tmp_path / "c.dump", named) == {"public"}
