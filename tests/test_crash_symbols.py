# SPDX-License-Identifier: Apache-2.0
"""tools/check_crash_symbols.py finds what must not be called in crash context."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parent.parent / "tools" / "check_crash_symbols.py"
ALLOWLIST = "# a comment\n\nwrite  POSIX\n"
CALLS = "int {name}(void); int {callee}(void); int {name}(void) {{ return {callee}(); }}\n"


@pytest.fixture
def build(tmp_path):
    """Makes an object file of the library in a build directory: build(folder, function, what it calls)."""

    def make(folder, name, callee):
        objects = tmp_path / "CMakeFiles" / "objects.dir" / "libpyheapdump" / folder
        objects.mkdir(parents=True, exist_ok=True)
        source = tmp_path / f"{name}.c"
        source.write_text(CALLS.format(name=name, callee=callee))
        subprocess.run(["gcc", "-c", str(source), "-o", str(objects / f"{name}.c.o")], check=True, timeout=60)

    return make


def check(directory, allowlist=ALLOWLIST):
    path = directory / "allowed.txt"
    path.write_text(allowlist)
    command = [sys.executable, str(CHECK), str(directory), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_allowed_calls_pass(build, tmp_path):
    build("sink", "one", "write")
    build("walk", "two", "one")  # a call from one object of the library to another
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "crash context: 2 objects, 0 forbidden calls\n"


def test_forbidden_call_is_named(build, tmp_path):
    build("sink", "one", "malloc")
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stderr == "one.c.o: calls malloc, which is not allowed in crash context\n"


def test_reader_may_call_anything(build, tmp_path):
    build("sink", "one", "write")
    build("read", "two", "malloc")
    assert check(tmp_path).returncode == 0


def test_crash_code_may_not_call_the_reader(build, tmp_path):
    build("sink", "one", "two")
    build("read", "two", "malloc")
    assert "calls two, which is not allowed" in check(tmp_path).stderr


def test_every_entry_needs_a_reason(build, tmp_path):
    build("sink", "one", "write")
    done = check(tmp_path, "write\n")
    assert done.returncode == 2
    assert done.stderr.endswith("allowed.txt:1: write has no reason\n")


def test_a_directory_without_objects_is_an_error(tmp_path):
    done = check(tmp_path)
    assert done.returncode == 2
    assert "no object files" in done.stderr


def test_each_file_says_its_context(build, tmp_path):
    build("sink", "one", "write")
    for folder, name, text in (
        ("sink", "tagged.c", "/* A sink.\n * Context: crash. */\n"),
        ("sink", "forgotten.c", "/* A sink. */\n/* Context: crash. */\n"),
        ("read", "normal.c", "/* A reader. */\n"),
    ):
        path = tmp_path / "sources" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "allowed.txt").write_text(ALLOWLIST)
    command = [sys.executable, str(CHECK), str(tmp_path), str(tmp_path / "allowed.txt"), str(tmp_path / "sources")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}/sources/sink/forgotten.c: does not say its context\n"
