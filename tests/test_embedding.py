# SPDX-License-Identifier: Apache-2.0
"""libpyheapdump in a C program that embeds Python, without the Python package: examples/embedding, built and crashed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyheapdump
import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "embedding" / "embedding.c"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, linked with the library's own sources and with this interpreter's libpython."""
    compiler = shutil.which("cc")
    assert compiler, "no C compiler: install gcc"
    made = tmp_path_factory.mktemp("embedding") / "embedding"
    sources = sorted(str(path) for path in (ROOT / "libpyheapdump").rglob("*.c"))
    include = sysconfig.get_path("include")
    library = sysconfig.get_config_var("LIBDIR")
    command = [
        compiler, "-O1", "-g", "-w", "-D_GNU_SOURCE=", f"-I{ROOT / 'libpyheapdump'}", f"-isystem{include}",
        f"-isystem{sysconfig.get_path('platinclude')}", str(EXAMPLE), *sources, "-o", str(made), "-Wl,-z,now",
        f"-L{library}", f"-Wl,-rpath,{library}", f"-lpython{sys.version_info[0]}.{sys.version_info[1]}",
        "-lzstd", "-lpthread", "-lm", "-ldl",
    ]  # fmt: skip
    built = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stderr
    return made


def crash(program: Path, directory: Path, where: str) -> pyheapdump.Dump:
    """Run the program to its end by SIGSEGV; the only dump it left."""
    environment = {"PYTHONHOME": sys.base_prefix, "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        [str(program), str(directory), where], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert run.returncode == -signal.SIGSEGV, run.stderr
    (path,) = directory.iterdir()
    assert run.stderr.startswith(f"pyheapdump: wrote {path} (")
    return pyheapdump.load(path)


def test_a_crash_in_a_function_called_from_python(program: Path, tmp_path: Path) -> None:
    with crash(program, tmp_path, "python") as dump:
        frame = dump.threads[0].frames[-1]
        assert (frame.f_code.co_name, frame.f_lineno) == ("load", 4)
        assert frame.f_locals["rows"] == {"name": "orders.csv", "count": 3}
        assert dump.reason == "signal"
        assert dump.problems == []
        (block,) = dump.file.blocks(9)
        assert (block["name"], block["address"], block["python_thread"], block["gil"]) == ("SIGSEGV", 16, True, "held")
        assert "parse_row" in block["text"]


def test_a_crash_in_a_thread_that_python_does_not_know(program: Path, tmp_path: Path) -> None:
    with crash(program, tmp_path, "thread") as dump:
        assert [thread.current for thread in dump.threads] == [False]
        assert dump.modules["__main__"].orders == ["tea", "coffee"]
        assert dump.facts["gil_held"] is False
        assert dump.file.blocks(9)[0]["python_thread"] is False


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_crash_while_there_is_no_interpreter(program: Path, tmp_path: Path, where: str) -> None:
    with crash(program, tmp_path, where) as dump:
        assert not any(thread.frames for thread in dump.threads)
        assert "SIGSEGV" in dump.headers["Subject"]


def test_a_wrong_directory_is_told(program: Path, tmp_path: Path) -> None:
    run = subprocess.run([str(program), "dumps"], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == "embedding: wrong argument (the directory is not an absolute path, or too long)\n"
