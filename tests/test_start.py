# SPDX-License-Identifier: Apache-2.0
"""PYHEAPDUMP=1: installed at the start of the interpreter, in children too; never in the way of the program."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from pyheapdump import capture, options
from support.subject import Ended, Subject, dumps_in, run_python

ROOT = Path(__file__).resolve().parent.parent
SHOW = "import pyheapdump; print(pyheapdump.installed())"


def run(directory: Path, *words: str, **variables: str) -> Ended:
    environment = {"PYHEAPDUMP": "1", "PYHEAPDUMP_DIR": str(directory), **variables}
    ended = run_python(words, environment=environment, directory=directory)
    ended.dumps = dumps_in(directory)
    return ended


def test_the_program_dumps(tmp_path: Path) -> None:
    ended = run(tmp_path, "-c", "place = 5; place / 0")
    plain = run_python(["-c", "place = 5; place / 0"])
    assert (ended.status, ended.other_stderr) == (plain.status, plain.stderr)
    assert pyheapdump.load(ended.only_dump).traceback.tb_frame.f_locals["place"] == 5


@pytest.mark.parametrize("value", ["", "0", "no", "OFF", "false"])
def test_turned_off(tmp_path: Path, value: str) -> None:
    ended = run(tmp_path, "-c", SHOW, PYHEAPDUMP=value)
    assert (ended.stdout, ended.stderr) == (b"None\n", b"")


def test_nothing_is_imported_when_unset() -> None:
    show = "import sys; print([name for name in sys.modules if 'pyheapdump' in name or name == 'threading'])"
    ended = run_python(["-c", show])
    assert (ended.stdout, ended.stderr) == (b"[]\n", b"")


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_interpreters_told_to_ignore_the_environment(tmp_path: Path, option: str) -> None:
    ended = run(tmp_path, option, "-c", "1 / 0")
    assert (ended.status, ended.own_lines, ended.dumps) == (1, [], [])


def test_options(tmp_path: Path) -> None:
    text = f"directory={tmp_path}/dumps, max_dumps=5,signals=0,unraisable,max_bytes=none,max_seconds=1.5,"
    ended = run(tmp_path, "-c", SHOW, PYHEAPDUMP_OPTIONS=text)
    expected = pyheapdump.Settings(
        directory=f"{tmp_path}/dumps", max_dumps=5, signals=False, unraisable=True, max_seconds=1.5, logged=True
    )
    assert (ended.stdout.decode().strip(), ended.stderr) == (str(expected), b"")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_dump=5", "no option 'max_dump'"),
        ("level=99", "level must be 1 to 19, not 99"),
        ("level=", "level must be a whole number"),
        ("level", "level needs a value"),
        ("signals=perhaps", "signals must be yes or no, not 'perhaps'"),
        ("=5", "no option ''"),
        ("scope=everything", "scope must be 'closure'"),
        ("directory=\udcff,level=x\udcfe", "level must be"),
    ],
)
def test_wrong_options_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    ended = run(tmp_path, "-c", SHOW, PYHEAPDUMP_OPTIONS=text)
    assert (ended.status, ended.stdout.decode().strip()) == (0, str(pyheapdump.Settings(logged=True)))
    assert ended.other_stderr == b"" and len(ended.own_lines) == 1
    assert ended.own_lines[0].startswith(b"pyheapdump: PYHEAPDUMP_OPTIONS: ") and said.encode() in ended.own_lines[0]


def test_wrong_variable_is_one_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "-c", SHOW, PYHEAPDUMP="perhaps")
    assert (ended.status, ended.stdout, ended.other_stderr, len(ended.own_lines)) == (0, b"None\n", b"", 1)


def test_broken_installation_costs_the_dump_alone(tmp_path: Path) -> None:
    """A directory that cannot be found out: os.getcwd() fails in install()."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -c \"print('ran')\""
    variables = {**os.environ, "PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "directory=here"}
    variables.pop("PYHEAPDUMP_DIR", None)
    done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"ran\n")
    assert [line[:26] for line in done.stderr.splitlines()] == [b"pyheapdump: not installed:"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_children(tmp_path: Path, method: str) -> None:
    text = f"""
        import multiprocessing
        def work():
            1 / 0
        if __name__ == "__main__":
            process = multiprocessing.get_context({method!r}).Process(target=work)
            process.start()
            process.join()
    """
    subject = Subject(tmp_path, text, install=None)
    ended = subject.run(environment={"PYHEAPDUMP": "1"})
    assert pyheapdump.load(ended.only_dump).exception.args == ("division by zero",)
    assert len(ended.own_lines) == 1


def test_what_the_program_installs_holds_in_spawned_children(tmp_path: Path) -> None:
    text = """
        import multiprocessing, pyheapdump
        def work():
            print(pyheapdump.installed().level, flush=True)
        if __name__ == "__main__":
            print(pyheapdump.installed().level, flush=True)
            pyheapdump.install(level=7)
            process = multiprocessing.get_context("spawn").Process(target=work)
            process.start()
            process.join()
    """
    ended = Subject(tmp_path, text, install=None).run(environment={"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "level=3"})
    assert ended.stdout.split() == [b"3", b"7"], ended.stderr.decode()


def test_subprocess_of_the_same_python(tmp_path: Path) -> None:
    text = "import subprocess, sys; subprocess.run([sys.executable, '-c', '1 / 0'])"
    assert len(run(tmp_path, "-c", text).dumps) == 1


# --- the table of options ---------------------------------------------------------------------------------------


def test_every_option_can_be_given() -> None:
    """No option of install() has a type that the texts do not know, or lacks its description."""
    found = options.all_options()
    assert list(found) == list(capture.Settings._fields)
    described = options.descriptions()
    known = {"bool", "int", "float", "str", "None", "os.PathLike[str]"}
    for option in found.values():
        assert option.types <= known and described[option.name], option.name


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        ("str | int | None", "2GiB", "2GiB"),
        ("str | int | None", "5000", 5000),
        ("float", "1e3", 1000.0),
        ("int | None", "None", None),
        ("bool", "ON", True),
        ("str", "none", "none"),
    ],
)
def test_values_by_type(annotation: str, text: str, value: Any) -> None:
    found = options.Option("level", annotation).value(text)
    assert (found, type(found)) == (value, type(value))


# --- installation -----------------------------------------------------------------------------------------------


def test_installed_where_site_looks() -> None:
    folders = {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    assert [folder for folder in folders if (folder / "pyheapdump.pth").exists()]
    files = subprocess.run(
        [sys.executable, "-m", "pip", "show", "--files", "pyheapdump"], capture_output=True, text=True, timeout=100
    ).stdout
    assert "  pyheapdump.pth\n" in files, "pip would leave it behind"
