# SPDX-License-Identifier: Apache-2.0
"""install() where a program's surroundings are not as they should be: each case a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CRASH = "import ctypes; ctypes.string_at(0)"


def run(code: str, *, status: int = 0, **environment: str) -> str:
    """Run `code` after the import of pyheapdump until it ends with `status`; what it wrote to stderr."""
    chosen = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys, pyheapdump\n{code}"],
        env=chosen,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr.decode(errors="replace")
    return done.stderr.decode(errors="surrogateescape")


def test_an_executable_whose_name_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    lines = f"sys.executable = os.fsdecode(b'/opt/\\xff/python')\npyheapdump.install({str(tmp_path)!r})\n{CRASH}"
    assert "pyheapdump: wrote" in run(lines, status=-11)
    (path,) = tmp_path.iterdir()
    assert b"X-Python-Heapdump-Executable: /opt/\\udcff/python\n" in path.read_bytes()


def test_names_that_are_no_text(tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/\xff"
    lines = f"where = os.fsdecode({directory!r})\nos.mkdir(where)\npyheapdump.install(where)\n"
    run(f"{lines}pyheapdump.dump(where + os.fsdecode(b'/\\xfe.dump'))\n{CRASH}", status=-11)
    found = sorted(os.listdir(directory))
    assert len(found) == 2 and found[1] == b"\xfe.dump"
    from pyheapdump.view import load

    for name in found:
        with load(os.fsdecode(directory + b"/" + name)) as dump:
            assert dump.threads


GONE = "where = {!r}\nos.mkdir(where); os.chdir(where); os.rmdir(where)\npyheapdump.install()\n"


def test_a_current_directory_that_has_gone_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYHEAPDUMP_DIR", raising=False)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run(GONE.format(str(tmp_path / "gone")) + CRASH, status=-11, TMPDIR=str(temporary))
    assert len(list(temporary.iterdir())) == 1


def test_a_directory_relative_to_one_that_has_gone_is_told(tmp_path: Path) -> None:
    said = run(GONE.format(str(tmp_path / "gone")) + "print('goes on', file=sys.stderr)", PYHEAPDUMP_DIR="relative")
    assert "pyheapdump: fatal signals will leave no dump: the current directory: No such file" in said
    assert "goes on" in said


def test_unfinished_dumps_of_an_earlier_process_with_this_pid_are_old(tmp_path: Path) -> None:
    """They go when a dump is complete; what somebody writes, in another container with this pid, stays."""
    lines = f"""
import fcntl
directory = {str(tmp_path)!r}
for number in range(6):
    path = directory + f"/python_heap_{{os.getpid()}}_{{number}}.dump.part"
    opened = open(path, "w")
    os.utime(path, (10**9 + number, 10**9 + number))
fcntl.flock(opened, fcntl.LOCK_EX)
pyheapdump.install(directory, max_dumps=2)
pyheapdump.dump()
print(sorted(os.listdir(directory)), file=sys.stderr)
"""
    left: Any = eval(run(lines))  # noqa: S307
    assert [name.split("_")[-1] for name in left] == ["4.dump.part", "5.dump.part", "6.dump"]


def test_proc_of_another_pid_namespace_is_not_believed(tmp_path: Path) -> None:
    lines = f"import pyheapdump\npyheapdump.install({str(tmp_path)!r})\n{CRASH}"
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, timeout=60, check=False).returncode != 0:
        pytest.skip("this machine gives no pid namespace")
    subprocess.run([*apart, sys.executable, "-c", lines], stderr=subprocess.DEVNULL, timeout=60, check=False)
    (path,) = tmp_path.iterdir()
    from pyheapdump.view import load

    with load(path) as dump:
        assert dump.facts["pid"] == 1
        assert not any(name.startswith("/proc/") for name in dump.system)
        assert b"_ctypes" in path.read_bytes().partition(b"Current thread")[0]


HAS_STACK = """
import ctypes, threading, time
class Stack(ctypes.Structure):
    _fields_ = [("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]
def has_stack():
    found = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return not found.flags & 2  # SS_DISABLE
"""


def test_a_thread_that_is_just_starting_gets_a_signal_stack(tmp_path: Path) -> None:
    lines = f"""{HAS_STACK}
class Late(threading.Thread):
    def _bootstrap(self):
        time.sleep(0.3)
        super()._bootstrap()
    def run(self):
        time.sleep(0.3)
        print("stack:", has_stack(), file=sys.stderr)
threading.Thread(target=Late().start).start()
time.sleep(0.1)
pyheapdump.install({str(tmp_path)!r})
"""
    assert "stack: True" in run(lines)
