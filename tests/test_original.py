# SPDX-License-Identifier: Apache-2.0
"""The functions of the original pyheapdump, by their documented use."""

import email
from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject


def fail(near: int = 5) -> None:
    raise KeyError("no such order")


def nearest(dump: pyheapdump.Dump) -> dict:
    """The locals of the innermost frame of the dump's traceback."""
    step = dump.traceback
    while step.tb_next is not None:
        step = step.tb_next
    return dict(step.tb_frame.f_locals)


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYHEAPDUMP_DIR", str(tmp_path))
    return tmp_path


def test_save_and_load() -> None:
    try:
        fail()
    except KeyError:
        name, headers = pyheapdump.save_dump("order_{sequence_number}.dump")
    assert "{" not in name and Path(name).exists()
    assert headers["Subject"].startswith("[pyheapdump] KeyError: 'no such order'")
    with pyheapdump.load_dump(name) as dump:
        assert nearest(dump) == {"near": 5} and dump.exception.args == ("no such order",)


def test_save_of_a_given_exception() -> None:
    error = None
    try:
        fail()
    except KeyError as caught:
        error = caught
    name, _ = pyheapdump.save_dump("given.dump", exc_info=(type(error), error, error.__traceback__))
    with pyheapdump.load_dump(name) as dump:
        assert type(dump.exception) is KeyError


def test_create_in_memory(somewhere: Path) -> None:
    try:
        fail()
    except KeyError:
        content, headers = pyheapdump.create_dump()
    assert headers["X-Python-Heapdump-Version"] == "3"
    assert list(somewhere.iterdir()) == []
    with pyheapdump.load_dump(dump=content) as dump:
        assert nearest(dump) == {"near": 5}


def test_files_can_be_left_out() -> None:
    name, _ = pyheapdump.save_dump("bare.dump", files=False)
    with pyheapdump.load_dump(name) as dump:
        assert dump.sources == {} or not dump.sources


def test_debug_dump_hands_over() -> None:
    name, _ = pyheapdump.save_dump("handed.dump")
    seen = pyheapdump.debug_dump(name, invoke_debugger_func=lambda dump, options: (dump.reason, options))
    assert seen == ("request", {})


def test_decorator_dumps_and_raises(somewhere: Path, capfd: pytest.CaptureFixture) -> None:
    watched = pyheapdump.dump_on_unhandled_exceptions(fail, message="left {filename}")
    with pytest.raises(KeyError):
        watched(near=7)
    (path,) = somewhere.iterdir()
    assert capfd.readouterr().err == f"pyheapdump: left {path}\n"
    with pyheapdump.load(path) as dump:
        assert nearest(dump) == {"near": 7}


def test_decorator_swallows_when_told(somewhere: Path) -> None:
    assert pyheapdump.dump_on_unhandled_exceptions(fail, reraise=False)() is None
    assert len(list(somewhere.iterdir())) == 1


def test_decorator_leaves_exits_alone(somewhere: Path) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        pyheapdump.dump_on_unhandled_exceptions(leave)()
    assert list(somewhere.iterdir()) == []


def test_without_a_function_it_installs(tmp_path: Path) -> None:
    text = "import pyheapdump\npyheapdump.dump_on_unhandled_exceptions({})\n1 / 0\n"
    ended = Subject(tmp_path, text.format(""), install=None).run()
    assert ended.status == 1 and b"ZeroDivisionError" in ended.other_stderr and ended.only_dump
    silent = Subject(tmp_path, text.format("daisy_chain_sys_excepthook=False"), install=None).run()
    assert silent.status == 1 and silent.other_stderr == b""


def test_name_that_is_no_plain_text(somewhere: Path) -> None:
    """Quotes and line ends in a file's name do not reach into the message's head."""
    path = pyheapdump.dump(str(somewhere / 'a "quoted"\nname.dump'))
    message = email.message_from_bytes(Path(path).read_bytes())
    text, binary = message.get_payload()
    assert (text.get_content_type(), binary.get_content_type()) == ("text/plain", "application/x.python-heapdump")
    assert binary.get_filename() == "a _quoted__name.dump.zst"
    with pyheapdump.load(path) as dump:
        assert dump.reason == "request" and dump.file.problems == []
