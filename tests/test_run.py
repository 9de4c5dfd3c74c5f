# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump run`: the program sees, prints and ends what it would have without us.

Each program runs twice, started by Python itself and by `run`; all but our own lines must be the same.
"""

import os
import signal
import subprocess
import sys
import time
import zipapp
from pathlib import Path
from typing import List, Sequence

import pyheapdump
import pytest
from support.subject import Ended, comparable, dumps_in, frame_names, run_python

RUN = ["-m", "pyheapdump", "run"]

LOOK_AROUND = """
import __main__, os, sys
names = ("__name__", "__file__", "__package__", "__spec__", "__loader__", "__cached__", "__builtins__", "__doc__")
for name in names:
    print(name, vars(__main__).get(name))
print(sys.argv, sys.path, sys.flags, getattr(sys, "orig_argv", None), sys.warnoptions, sys._xoptions)
print(sorted((k, v) for k, v in os.environ.items()))
frame, depth = sys._getframe(), 0
while frame is not None:
    frame, depth = frame.f_back, depth + 1
print(depth, sys.getrecursionlimit(), __main__.__dict__ is globals(), sorted(map(repr, vars(__main__))))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def started(place: Path, words: Sequence[str], **options: object) -> Ended:
    variables = {"PYHEAPDUMP_DIR": str(place.parent / "dumps"), **options.pop("environment", {})}  # type: ignore[dict-item]
    ended = run_python(words, environment=variables, directory=place, **options)  # type: ignore[arg-type]
    ended.dumps = dumps_in(place.parent / "dumps")
    return ended


def both(place: Path, program: List[str], dumps: int = 1, before: Sequence[str] = (), **options: object) -> Ended:
    """Runs it with and without `run`; the end with it. `before` are the interpreter's own options."""
    plain = started(place, [*before, *program], **options)
    ended = started(place, [*before, *RUN, *program], **options)
    assert comparable(ended.other_stderr) == comparable(plain.stderr)
    assert (ended.status, comparable(ended.stdout)) == (plain.status, comparable(plain.stdout))
    assert len(ended.dumps) == dumps and len(ended.own_lines) == dumps, ended.stderr.decode()
    return ended


def write(place: Path, text: str, name: str = "script.py") -> None:
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text(text)


# --- what the program sees --------------------------------------------------------------------------------------


def test_script(place: Path) -> None:
    write(place, LOOK_AROUND + "1 / 0\n")
    ended = both(place, ["script.py", "--level", "-m", "--", "last"])
    assert "['script.py', '--level', '-m', '--', 'last']" in ended.stdout.decode()
    assert frame_names(pyheapdump.load(ended.dumps[0]).traceback) == ["<module>"]


def test_script_elsewhere(place: Path) -> None:
    write(place, LOOK_AROUND, "folder/script.py")
    both(place, ["folder/script.py"], dumps=0)


def test_module(place: Path) -> None:
    write(place, LOOK_AROUND + "1 / 0\n", "package/module.py")
    write(place, "import sys; print(sys.argv)\n", "package/__init__.py")
    ended = both(place, ["-m", "package.module", "-m", "--quiet"])
    names = frame_names(pyheapdump.load(ended.dumps[0]).traceback)
    assert names == ["_run_module_as_main", "_run_code", "<module>"]


def test_package_with_main(place: Path) -> None:
    write(place, LOOK_AROUND + "1 / 0\n", "package/__main__.py")
    both(place, ["-m", "package"])


def test_directory(place: Path) -> None:
    write(place, LOOK_AROUND + "import beside\n", "folder/__main__.py")
    write(place, "1 / 0\n", "folder/beside.py")
    both(place, ["folder", "x"])


def test_zipapp(place: Path) -> None:
    write(place, LOOK_AROUND + "1 / 0\n", "folder/__main__.py")
    zipapp.create_archive(place / "folder", place / "app.pyz")
    both(place, ["app.pyz", "x"])


@pytest.mark.parametrize(
    "before",
    [["-X", "dev"], ["-I"], ["-E", "-s"], ["-W", "error::UserWarning"], ["-O", "-B", "-u"], ["-Xutf8=0", "-q"]],
    ids=" ".join,
)
def test_options_of_the_interpreter(place: Path, before: List[str]) -> None:
    write(place, LOOK_AROUND + "1 / 0\n")
    both(place, ["script.py"], before=before)


def test_options_in_one_word_with_ours(place: Path) -> None:
    write(place, "import sys; print(sys.flags, getattr(sys, 'orig_argv', None))\n")
    plain = started(place, ["-I", "script.py"])
    for words in (
        ["-Im", "pyheapdump"],
        ["-Impyheapdump"],
        ["-I", "-mpyheapdump"],
        ["-I", "-m", "pyheapdump.__main__"],
    ):
        assert started(place, [*words, "run", "script.py"]).stdout == plain.stdout, words


# --- how it ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dumps"),
    [
        ("print('fine')\n", 0),
        ("raise SystemExit(3)\n", 0),
        ("raise SystemExit('a text')\n", 0),
        ("raise KeyboardInterrupt\n", 0),
        ("import os; os._exit(7)\n", 0),
        ("import atexit; atexit.register(print, 'last'); 1 / 0\n", 1),
        ("def again(n): again(n + 1)\nagain(0)\n", 1),
        ("import sys; print(sys.stdin.read()); sys.stdout.write('no end'); 1 / 0\n", 1),
        ("def f(:\n", 1),
        ("import warnings, logging\nwarnings.warn('w', stacklevel=5)\nlogging.error('e', stack_info=True)\n", 0),
        ("import faulthandler; faulthandler.dump_traceback()\n", 0),
        ("import threading\nthreading.Thread(target=lambda: 1 / 0, name='t').start()\n", 1),
        ("import sys\nsys.excepthook = lambda *a: print('mine')\n1 / 0\n", 1),
    ],
    ids=lambda value: value.splitlines()[-1][:30] if isinstance(value, str) else "",
)
def test_program_ends_the_same(place: Path, text: str, dumps: int) -> None:
    write(place, text)
    both(place, ["script.py"], dumps=dumps, stdin=b"what stdin has")


def test_program_that_is_not_there(place: Path) -> None:
    both(place, ["none.py"], dumps=0)
    both(place, ["-m", "none_such.module"], dumps=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_by_a_signal(place: Path, number: signal.Signals) -> None:
    write(place, "import time; print('ready', flush=True); time.sleep(60)\n")
    variables = {**os.environ, "PYHEAPDUMP_DIR": str(place.parent / "dumps")}
    process = subprocess.Popen(
        [sys.executable, *RUN, "script.py"], cwd=place, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    time.sleep(0.05)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == -number and b"pyheapdump" not in stderr
    assert dumps_in(place.parent / "dumps") == []


def test_fatal_signal(place: Path) -> None:
    write(place, "import os; os.abort()\n")
    both(place, ["script.py"])


def test_multiprocessing_spawn(place: Path) -> None:
    text = """
import multiprocessing
def work():
    1 / 0
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
    print(process.exitcode)
"""
    write(place, text)
    assert b"Process SpawnProcess-1" in both(place, ["script.py"]).stderr


def test_other_children_get_nothing(place: Path) -> None:
    write(place, "import subprocess, sys; print(subprocess.run([sys.executable, '-c', '1 / 0']).returncode)\n")
    both(place, ["script.py"], dumps=0)


# --- our own options --------------------------------------------------------------------------------------------


def test_options_reach_install(place: Path) -> None:
    write(place, "import pyheapdump; print(pyheapdump.installed())\n")
    directory = str(place / "with, comma and = sign")
    words = ["--directory", directory, "--no-signals", "--unraisable", "--max-seconds=5", "--max-dumps", "none"]
    ended = started(place, [*RUN, *words, "--max-bytes", "1000000", "--level", "3", "--no-redact", "script.py"])
    expected = pyheapdump.Settings(
        directory=directory,
        signals=False,
        unraisable=True,
        max_seconds=5.0,
        max_dumps=None,
        max_bytes=1000000,
        level=3,
        redact=False,
        logged=True,
    )
    assert ended.stdout.decode().strip() == str(expected), ended.stderr.decode()


def test_relative_directory_and_quiet(place: Path) -> None:
    write(place, "1 / 0\n")
    ended = started(place, [*RUN, "--directory", "here", "--quiet", "script.py"])
    assert len(dumps_in(place / "here")) == 1 and ended.own_lines == []


def test_options_win_over_the_environment(place: Path) -> None:
    write(place, "import os, pyheapdump; print(pyheapdump.installed().level, os.environ['PYHEAPDUMP'])\n")
    variables = {"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "level=9"}
    assert started(place, [*RUN, "--level", "4", "script.py"], environment=variables).stdout == b"4 1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which program"),
        (["-m"], "which program"),
        (["--level", "99", "script.py"], "level must be 1 to 19, not 99"),
        (["--level", "x", "script.py"], "level must be a whole number, not 'x'"),
        (["--max-seconds", "soon", "script.py"], "max_seconds must be a number, not 'soon'"),
        (["--scope", "all", "script.py"], "scope must be 'closure', not 'all'"),
        (["--max-dumps", "0", "script.py"], "max_dumps must be at least 1 or None, not 0"),
        (["--no-such-option", "script.py"], "--no-such-option"),
        (["--lev", "3", "script.py"], "--lev"),
        (["--level"], "expected one argument"),
    ],
)
def test_wrong_usage_is_one_line(place: Path, words: List[str], said: str) -> None:
    write(place, "print('ran')\n")
    ended = started(place, [*RUN, *words])
    assert (ended.status, ended.stdout, ended.other_stderr) == (2, b"", b"")
    assert len(ended.own_lines) == 1 and said in ended.own_lines[0].decode()


def test_wrong_command_is_one_line(place: Path) -> None:
    for words in (["nonsense"], []):
        ended = started(place, ["-m", "pyheapdump", *words])
        assert (ended.status, ended.other_stderr, len(ended.own_lines)) == (2, b"", 1), ended.stderr


def test_interpreter_that_would_not_install(place: Path) -> None:
    """Without `site` nothing of ours runs before the program: said, not passed over."""
    write(place, "print('ran')\n")
    folder = str(Path(pyheapdump.__file__).parent.parent)
    ended = started(place, ["-S", *RUN, "script.py"], environment={"PYTHONPATH": folder})
    assert (ended.status, ended.stdout, ended.other_stderr) == (1, b"", b"")
    assert b"pyheapdump.pth" in ended.own_lines[0]


def test_help_names_every_option(place: Path) -> None:
    ended = started(place, [*RUN, "--help"], environment={"COLUMNS": "100"})
    assert ended.status == 0 and ended.stderr == b""
    text = ended.stdout.decode()
    for name, value in pyheapdump.Settings(logged=True)._asdict().items():
        spelled = name.replace("_", "-")
        assert (f"--no-{spelled} " if value is True else f"--{spelled} ") in text
    assert "seconds a fatal signal waits for its dump" in text and "turns off: dump on fatal signals" in text


def test_viewer_is_not_imported(place: Path) -> None:
    check = "import pyheapdump.__main__, sys; pyheapdump.__main__.parser(); print('pyheapdump.view' in sys.modules)"
    assert started(place, ["-c", check]).stdout == b"False\n"
