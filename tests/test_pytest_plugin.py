# SPDX-License-Identifier: Apache-2.0
"""pytest --heapdump: one dump for each failed test, with its node id; nothing without the option."""

import importlib.util
import re
from pathlib import Path
from typing import Dict, List

import pyheapdump
import pytest
from support.subject import Ended, dumps_in, frame_names, run_python

TESTS = """
import unittest
import warnings
import pytest

def test_passes(): pass

def test_fails():
    near = {"local": [1, 2]}
    assert near["local"] == [1, 3]

@pytest.fixture
def broken_setup():
    raise KeyError("setup")

@pytest.fixture
def broken_teardown():
    yield
    raise KeyError("teardown")

def test_setup(broken_setup): pass
def test_teardown(broken_teardown): pass
def test_call_and_teardown(broken_teardown): assert not "call"
def test_pytest_fail(): pytest.fail("said")
@pytest.mark.parametrize("text", ["a\\n\\u20ac"])
def test_parametrized(text): raise ValueError(text)

class TestUnit(unittest.TestCase):
    def test_method(self):
        self.assertEqual(1, 2)

def test_skips(): pytest.skip("now")
@pytest.mark.skip
def test_skipped(): 1 / 0
@pytest.mark.xfail
def test_xfails(): 1 / 0
@pytest.mark.xfail(raises=KeyError)
def test_xfails_otherwise(): 1 / 0
@pytest.mark.xfail(strict=True)
def test_xpass_strict(): pass
"""
FAILED = {
    "test_fails",
    "test_setup",
    "test_teardown",
    "test_call_and_teardown",
    "test_pytest_fail",
    "test_parametrized[a\\n\\u20ac]",
    "TestUnit::test_method",
    "test_xfails_otherwise",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run_tests(place: Path, *words: str) -> Ended:
    ended = run_python(["-m", "pytest", *words], directory=place, environment={"COLUMNS": "200"})
    assert ended.stderr == b"", ended.stderr.decode()
    return ended


def labels(directory: Path) -> Dict[str, Path]:
    found = {pyheapdump.load(path).facts["label"]: path for path in dumps_in(directory)}
    assert len(found) == len(dumps_in(directory))
    return found


def summary_of(ended: Ended) -> List[str]:
    text = ended.stdout.decode()
    section = re.search(r"=+ heap dumps =+\n(.*?)\n=+ ", text, re.DOTALL)
    assert section, text
    return section.group(1).splitlines()


def outcomes(ended: Ended) -> str:
    return re.sub(r" in [\d.]+s.*", "", ended.stdout.decode().splitlines()[-1]).strip("= ")


@pytest.mark.parametrize("words", [[], ["-p", "no:cacheprovider"], ["-n", "2"]], ids=" ".join)
def test_one_dump_for_each_failed_test(place: Path, words: List[str]) -> None:
    if words[:1] == ["-n"] and importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    ended = run_tests(place, "--heapdump", "--heapdump-dir", "dumps", *words)
    found = labels(place / "dumps")
    assert set(found) == {f"test_them.py::{name}" for name in FAILED}
    lines = summary_of(ended)
    assert sorted(lines[:-1]) == sorted(f"{path}  {label}" for label, path in found.items())
    assert "python -m pyheapdump.view" in lines[-1]
    assert outcomes(ended) == "7 failed, 2 passed, 2 skipped, 1 xfailed, 3 errors", "the tests end as without"


def test_what_is_in_the_dump(place: Path) -> None:
    run_tests(place, "--heapdump", "--heapdump-dir", "dumps", "-k", "test_fails")
    (path,) = dumps_in(place / "dumps")
    dump = pyheapdump.load(path)
    assert (type(dump.exception), dump.reason) == (AssertionError, "test")
    assert frame_names(dump.traceback)[-1] == "test_fails"
    assert dump.headers["X-Python-Heapdump-Label"] == "test_them.py::test_fails"
    step = dump.traceback
    while step.tb_next is not None:
        step = step.tb_next
    assert step.tb_frame.f_locals["near"] == {"local": [1, 2]}
    shown = run_python(["-m", "pyheapdump.view", str(path), "--summary"]).stdout.decode()
    assert "  label    test_them.py::test_fails\n" in shown


def test_off_without_the_option(place: Path) -> None:
    ended = run_tests(place, "--heapdump-dir", "dumps")
    assert outcomes(ended) == "7 failed, 2 passed, 2 skipped, 1 xfailed, 3 errors"
    assert b"heap dumps" not in ended.stdout
    assert not (place / "dumps").exists() and dumps_in(place) == []


def test_all_dumps_stay(place: Path) -> None:
    (place / "test_them.py").write_text(
        "import pyheapdump, pytest\npyheapdump.install(max_dumps=2, signals=False)\n"
        "@pytest.mark.parametrize('n', range(4))\ndef test_it(n): assert n < 0\n"
    )
    run_tests(place, "--heapdump", "--heapdump-dir", "dumps")
    assert len(dumps_in(place / "dumps")) == 4


def test_exception_of_a_shared_fixture_is_dumped_once(place: Path) -> None:
    """pytest raises the same exception for each test that wants the fixture; all of them are told the file."""
    (place / "test_them.py").write_text(
        "import pytest\n@pytest.fixture(scope='module')\ndef shared(): 1 / 0\n"
        "def test_a(shared): pass\ndef test_b(shared): pass\n"
    )
    ended = run_tests(place, "--heapdump", "--heapdump-dir", "dumps")
    (path,) = dumps_in(place / "dumps")
    assert summary_of(ended)[:-1] == [f"{path}  test_them.py::test_a", f"{path}  test_them.py::test_b"]


def test_dump_that_cannot_be_made(place: Path) -> None:
    (place / "file").write_text("")
    ended = run_python(["-m", "pytest", "--heapdump", "--heapdump-dir", "file", "-k", "test_fails"], directory=place)
    assert ended.status == 1 and outcomes(ended).startswith("1 failed")
    assert summary_of(ended) == ["no dump  test_them.py::test_fails"]


def test_costs_nothing_when_off(place: Path) -> None:
    """Without the option no hook of the run is ours."""
    (place / "conftest.py").write_text(
        "def pytest_collection_finish(session):\n"
        "    manager = session.config.pluginmanager\n"
        "    print('PLUGINS', manager.has_plugin('heapdump'), manager.has_plugin('heapdump-dumps'))\n"
    )
    assert b"PLUGINS True False" in run_tests(place, "-s", "-k", "test_passes").stdout
    assert b"PLUGINS True True" in run_tests(place, "-s", "-k", "test_passes", "--heapdump").stdout
