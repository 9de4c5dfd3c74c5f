# SPDX-License-Identifier: Apache-2.0
"""No code of the program runs while its heap is read (promise 1), even if all of it lies in wait.

tests/programs/liars.py holds the liars; here it runs in each of its modes, on request and when it crashes.
"""

from pathlib import Path

import pyheapdump
import pytest
from support.subject import Ended, dumps_in, run_python

LIARS = Path(__file__).parent / "programs" / "liars.py"
MODES = ["raise", "exit", "die", "block", "count"]
SECONDS = 20  # far below what a thread that waits for a lock would take


def run_liars(directory: Path, mode: str, action: str, installed: bool) -> Ended:
    dumps = directory / "dumps"
    dumps.mkdir(exist_ok=True)
    variables = {"PYHEAPDUMP_DIR": str(dumps), "SUBJECT_INSTALL": "1" if installed else "0"}
    counter = directory / "calls.txt"
    counter.write_text("")
    arguments = [str(LIARS), mode, action, str(counter)]
    ended = run_python(arguments, environment=variables, directory=directory, seconds=SECONDS)
    ended.dumps = dumps_in(dumps)
    return ended


def check_nothing_ran(directory: Path) -> None:
    counter = directory / "calls.txt"
    assert counter.read_text() == "", f"code of the program ran: {counter.read_text()[:2000]}"


def the_liars(path: Path, frame_name: str) -> dict:
    """The local `values` of the frame of that name."""
    step = pyheapdump.load(path).traceback
    while step is not None and step.tb_frame.f_code.co_name != frame_name:
        step = step.tb_next
    assert step is not None, f"{path}: no frame {frame_name}"
    return step.tb_frame.f_locals["values"]


def check_content(values: dict) -> None:
    """Each liar tells the truth in the dump."""
    assert values["plain"].content == "plain content"
    assert values["slotted"].content == "slot content"
    assert list(list.__iter__(values["list"])) == [1, 2]
    assert dict(dict.items(values["dict"])) == {"a": 1}
    assert tuple(tuple.__iter__(values["tuple"])) == (1, 2)
    assert values["int"] + 0 == 5
    assert str.__str__(values["str"]) == "text"
    assert type(values["plain"]).__name__ == "Liar"
    assert values["error"].args == ("lie", 5)
    assert [type(key).__name__ for key in values["key"]] == ["Liar", "tuple"]
    assert values["owner"].content == "of owner"
    for value in values.values():
        assert repr(value)


@pytest.mark.parametrize("mode", MODES)
def test_dump_on_request_runs_nothing(tmp_path: Path, mode: str) -> None:
    ended = run_liars(tmp_path, mode, "dump", installed=True)
    check_nothing_ran(tmp_path)
    assert ended.status == 0, ended.stderr.decode()
    assert ended.stdout.decode().strip() == str(ended.only_dump)
    dump = pyheapdump.load(ended.only_dump)
    assert type(dump.exception).__name__ == "LiarError"
    assert dump.exception.args == ("lie", 5)
    locals_of_threads = [frame.f_locals for thread in dump.threads for frame in thread.frames]
    found = [names["values"] for names in locals_of_threads if "values" in names]
    check_content(found[0])
    assert "honest name" in [thread.name for thread in dump.threads]
    assert any(names.get("thread_local") == "in the lying thread" for names in locals_of_threads)


@pytest.mark.parametrize("mode", MODES)
def test_crash_runs_nothing_and_ends_the_same(tmp_path: Path, mode: str) -> None:
    without = run_liars(tmp_path, mode, "crash", installed=False)
    assert without.dumps == [] and without.status == 1 and b"ValueError: crash among honest" in without.stderr
    check_nothing_ran(tmp_path)
    ended = run_liars(tmp_path, mode, "crash", installed=True)
    check_nothing_ran(tmp_path)
    assert (ended.status, ended.other_stderr) == (without.status, without.stderr)
    check_content(the_liars(ended.only_dump, "crash"))


def test_exception_that_lies(tmp_path: Path) -> None:
    """The interpreter itself asks it for its text; we ask for that once more, when it is printed, and for nothing else."""
    without = run_liars(tmp_path, "count", "fail", installed=False)
    asked = (tmp_path / "calls.txt").read_text()
    assert "LiarError.__str__\n" in asked
    ended = run_liars(tmp_path, "count", "fail", installed=True)
    assert (tmp_path / "calls.txt").read_text() == asked + "LiarError.__str__\n"
    assert (ended.status, ended.other_stderr) == (without.status, without.stderr)
    assert pyheapdump.load(ended.only_dump).exception.args == ("lie", 5)
