# SPDX-License-Identifier: Apache-2.0
"""Failures of one kind are dumped at a limited rate, and the first and the newest of a kind outlive the others."""

import os
from pathlib import Path
from typing import Any, List, Optional

import pyheapdump
import pytest
from pyheapdump import rates
from support.subject import Subject, dumps_in

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    rates.forget()


def asked_every(seconds: float, until: float, start: float = 1000.0) -> List[float]:
    """When a failure that comes so often is dumped, counted from the first."""
    times = [number * seconds for number in range(int(until / seconds) + 1)]
    return [at for at in times if rates.ask(7, start + at) is not None]


def test_rate_of_a_kind() -> None:
    """The first at once, then one a minute for ten minutes, then one an hour."""
    found = asked_every(1.0, 4 * HOUR)
    assert found[:10] == [number * MINUTE for number in range(10)]
    assert found[10:] == [9 * MINUTE + HOUR, 9 * MINUTE + 2 * HOUR, 9 * MINUTE + 3 * HOUR]


def test_rare_ones_are_all_dumped() -> None:
    assert asked_every(HOUR, 20 * HOUR) == [number * HOUR for number in range(21)]


def test_what_is_held_back_is_counted() -> None:
    found = [rates.ask(7, at) for at in (0.0, 1.0, 2.0, 60.0, 61.0, 120.0)]
    assert found == [0, None, None, 2, None, 1]
    assert rates.ask(8, 121.0) == 0
    assert rates.ask(7, 122.0) is None
    assert rates.held_back() == 1


def test_kinds_are_bounded() -> None:
    for kind in range(1, 3 * rates.MAX_KINDS):
        assert rates.ask(kind, 5.0) == 0
    assert len(rates._kinds) == rates.MAX_KINDS


def kind(function: Any, *arguments: Any) -> int:
    try:
        function(*arguments)
    except Exception as error:
        return rates.kind_of(error, error.__traceback__)
    raise AssertionError("nothing was raised")


def fail(with_what: Any = ValueError, text: str = "text") -> None:
    raise with_what(text)


def fail_elsewhere() -> None:
    raise ValueError("text")


def deep(depth: int) -> None:
    if depth == 0:
        fail()
    deep(depth - 1)


def test_of_one_kind() -> None:
    class Other(ValueError):
        pass

    class Claims(ValueError):
        __module__ = 5  # type: ignore[assignment]

    assert kind(fail, ValueError, "a") == kind(fail, ValueError, "b")
    assert kind(deep, 10) == kind(deep, 20)
    assert kind(Path("/none").read_text) == kind(os.stat, "/none") != 0, "places of libraries do not count"
    kinds = [kind(fail), kind(fail, Other), kind(fail, Claims), kind(fail_elsewhere), kind(deep, 5)]
    assert len(set(kinds)) == len(kinds)
    assert rates.kind_of(ValueError(), None) == rates.kind_of(ValueError("text"), None)


LOOP = """
    import sys, threading
    def job(number):
        if number == 3:
            raise KeyError(number)
        raise ValueError(number)
    for number in range(8):
        thread = threading.Thread(target=job, args=(number,))
        thread.start()
        thread.join()
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_thread_that_fails_again_and_again(tmp_path: Path, quiet: bool) -> None:
    ended = Subject(tmp_path, LOOP, install=f"quiet={quiet}").run()
    assert [pyheapdump.load(path).exception.args for path in ended.dumps] == [(0,), (3,)]
    assert ended.stderr.count(b"Error: ") == 8, "the tracebacks are all there"
    said = [b"6 more failures, like others" in line for line in ended.own_lines]
    assert said == ([] if quiet else [False, False, True])


def test_next_dump_of_the_kind_tells_of_the_others(tmp_path: Path) -> None:
    again = """
    from pyheapdump import rates
    rates.INTERVAL_AT_FIRST = 1e-9
    thread = threading.Thread(target=job, args=(9,))
    thread.start()
    thread.join()
"""
    ended = Subject(tmp_path, LOOP + again).run()
    last = pyheapdump.load(ended.dumps[-1])
    assert (len(ended.dumps), last.exception.args, last.facts["held_back"]) == (3, (9,), 6)
    assert b"6 like it before made none" in ended.own_lines[-1]
    assert "held_back" not in pyheapdump.load(ended.dumps[0]).facts


def test_who_asks_is_never_held_back(tmp_path: Path) -> None:
    text = """
        import pyheapdump, threading
        def job():
            try:
                {}["key"]
            except KeyError as error:
                errors.append(error)
                raise
        errors = []
        for number in range(3):
            thread = threading.Thread(target=job)
            thread.start()
            thread.join()
        paths = [pyheapdump.dump_once(error) for error in errors]
        paths += [pyheapdump.dump(exc=errors[0]) for number in range(2)]
        print(len(set(paths)), None in paths)
    """
    ended = Subject(tmp_path, text).run()
    assert (ended.stdout, len(ended.dumps)) == (b"5 False\n", 5), ended.stderr.decode()


def test_child_is_another_process(tmp_path: Path) -> None:
    text = """
        for number in range(2):
            if os.fork() == 0:
                raise ValueError(number)
            os.wait()
    """
    assert len(Subject(tmp_path, text).run().dumps) == 2


# --- which dumps stay -------------------------------------------------------------------------------------------


def numbers(directory: Path) -> List[Optional[str]]:
    return [pyheapdump.load(path).facts.get("label") for path in dumps_in(directory)]


def test_first_and_newest_of_a_kind_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others make room for them, be they of the same kind or of none."""
    monkeypatch.setattr(pyheapdump.capture, "_settings", pyheapdump.Settings(directory=str(tmp_path), max_dumps=5))

    def dump(label: str, kind: Any = None) -> None:
        if kind is None:
            pyheapdump.dump()
            return
        try:
            fail(kind)
        except Exception as error:
            assert pyheapdump.dump_once(error, label=label)

    for number in range(4):
        dump(f"value {number}", ValueError)
    dump("key", KeyError)
    for _ in range(4):
        dump("of no kind")
    dump("value 4", ValueError)
    dump("index", IndexError)
    assert numbers(tmp_path) == ["value 0", "key", None, "value 4", "index"]
    dump("name", NameError)
    assert numbers(tmp_path) == ["value 0", "key", "value 4", "index", "name"]
    dump("type", TypeError)
    assert numbers(tmp_path) == ["key", "value 4", "index", "name", "type"], "max_dumps is the limit"
