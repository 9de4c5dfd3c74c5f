# SPDX-License-Identifier: Apache-2.0
"""dump_on_exception(), dump_once(): a dump for what somebody catches, one for each exception, and nothing else changed."""

import asyncio
import concurrent.futures
import functools
import gc
import inspect
import pickle
import time
import weakref
from pathlib import Path
from typing import Any, Dict, List

import pyheapdump
import pytest
from pyheapdump import dumped
from support.subject import Subject, dumps_in, frame_names


class Failure(Exception):
    """A class written in Python: it allows weak references."""


class Slotted(ValueError):
    __slots__ = ()


def fail(kind: Any = ValueError, near: int = 5) -> None:
    raise kind("text", near)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYHEAPDUMP_DIR", str(tmp_path))
    return tmp_path


class At:
    """Stands for a dump."""

    def __init__(self, path: str) -> None:
        self.path = path


def remember(error: BaseException, path: str) -> None:
    entry = dumped.take(error)
    assert entry is not None
    entry.begun(At(path))


def headers(path: Path) -> Dict[str, str]:
    return pyheapdump.load(path).headers


# --- the block --------------------------------------------------------------------------------------------------


def test_block(place: Path, capfd: pytest.CaptureFixture) -> None:
    raised = ValueError("text")
    with pytest.raises(ValueError) as caught:
        with pyheapdump.dump_on_exception(label="job 7"):
            raise raised
    assert caught.value is raised and vars(raised) == {} and raised.args == ("text",)
    (path,) = dumps_in(place)
    dump = pyheapdump.load(path)
    assert (type(dump.exception), dump.facts["label"]) == (ValueError, "job 7")
    assert dump.headers["X-Python-Heapdump-Label"] == "job 7"
    assert frame_names(dump.traceback) == ["test_block"]
    assert dump.threads[0].frames[-1].f_code.co_name == "test_block", "our own frames are left out"
    assert capfd.readouterr().err.count(str(path)) == 2


def test_block_without_a_failure(place: Path) -> None:
    with pyheapdump.dump_on_exception() as nothing:
        assert nothing is None
    assert dumps_in(place) == []


@pytest.mark.parametrize(
    "kind",
    [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, StopAsyncIteration, asyncio.CancelledError],
)
def test_no_failure(place: Path, kind: type) -> None:
    """Neither dumped nor swallowed."""
    with pytest.raises(kind):
        with pyheapdump.dump_on_exception(reraise=False):
            raise kind
    assert dumps_in(place) == []


def test_swallowing_when_told(place: Path) -> None:
    with pyheapdump.dump_on_exception(reraise=False):
        fail()
    assert pyheapdump.dump_on_exception(reraise=False)(fail)() is None
    assert len(dumps_in(place)) == 2


def test_directory(place: Path) -> None:
    with pyheapdump.dump_on_exception(reraise=False, directory=str(place / "here")):
        fail()
    assert len(dumps_in(place / "here")) == 1


def test_dump_that_cannot_be_made(place: Path, capfd: pytest.CaptureFixture) -> None:
    (place / "file").write_text("")
    with pytest.raises(ValueError):
        with pyheapdump.dump_on_exception(directory=str(place / "file")):
            fail()
    assert capfd.readouterr().err.count("pyheapdump: no dump: ") == 1


def test_turned_off(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("PYHEAPDUMP_DIR", "disable")
    assert pyheapdump.dump_once(ValueError()) is None
    assert capfd.readouterr().err == ""


# --- functions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decorate", [pyheapdump.dump_on_exception, pyheapdump.dump_on_exception()])
def test_function(place: Path, decorate: Any) -> None:
    @decorate
    def work(a: int, *, b: int = 2) -> int:
        """What it does."""
        if b == 0:
            fail(near=a)
        return a + b

    assert (work(1), work.__name__, work.__doc__) == (3, "work", "What it does.")
    assert list(inspect.signature(work).parameters) == ["a", "b"]
    with pytest.raises(ValueError):
        work(1, b=0)
    assert frame_names(pyheapdump.load(dumps_in(place)[0]).traceback)[-2:] == ["work", "fail"]


def test_method(place: Path) -> None:
    class Worker:
        @pyheapdump.dump_on_exception()
        def work(self) -> None:
            fail()

    with pytest.raises(ValueError):
        Worker().work()
    assert len(dumps_in(place)) == 1


def test_what_cannot_be_decorated() -> None:
    with pytest.raises(TypeError, match="decorates functions"):
        pyheapdump.dump_on_exception()("text")  # type: ignore[type-var]


def test_generator(place: Path) -> None:
    @pyheapdump.dump_on_exception()
    def numbers(last: int) -> Any:
        got: List[Any] = []
        for number in range(last):
            try:
                got.append((yield number))
            except KeyError as thrown:
                got.append(thrown.args[0])
        if last == 2:
            fail()
        return got

    assert inspect.isgeneratorfunction(numbers)
    generator = numbers(3)
    assert [next(generator), generator.send("a"), generator.throw(KeyError("b"))] == [0, 1, 2]
    with pytest.raises(StopIteration) as ended:
        next(generator)
    assert ended.value.value == ["a", "b", None]
    unfinished = numbers(3)
    next(unfinished)
    unfinished.close()
    assert dumps_in(place) == []
    with pytest.raises(ValueError):
        list(numbers(2))
    assert len(dumps_in(place)) == 1


def test_coroutine(place: Path) -> None:
    @pyheapdump.dump_on_exception()
    async def work(seconds: float) -> str:
        await asyncio.sleep(seconds)
        if not seconds:
            fail()
        return "done"

    async def cancelled() -> None:
        task = asyncio.ensure_future(work(100))
        await asyncio.sleep(0)
        task.cancel()
        await task

    assert inspect.iscoroutinefunction(work) and inspect.iscoroutinefunction(functools.partial(work, 1))
    assert asyncio.run(work(0.001)) == "done"
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert dumps_in(place) == []
    with pytest.raises(ValueError):
        asyncio.run(work(0))
    assert len(dumps_in(place)) == 1


def test_async_generator(place: Path) -> None:
    closed: List[str] = []

    @pyheapdump.dump_on_exception()
    async def numbers(last: int) -> Any:
        got: List[Any] = []
        try:
            for number in range(last):
                try:
                    got.append((yield number))
                except KeyError as thrown:
                    got.append(thrown.args[0])
            if last == 2:
                fail()
            yield got
        finally:
            closed.append("closed")

    async def use() -> None:
        generator = numbers(3)
        answers = [await generator.__anext__(), await generator.asend("a"), await generator.athrow(KeyError("b"))]
        assert answers == [0, 1, 2]
        assert await generator.__anext__() == ["a", "b", None]
        with pytest.raises(StopAsyncIteration):
            await generator.__anext__()
        unfinished = numbers(3)
        await unfinished.__anext__()
        await unfinished.aclose()
        assert closed == ["closed"] * 2 and dumps_in(place) == []
        with pytest.raises(ValueError):
            async for _ in numbers(2):
                pass

    assert inspect.isasyncgenfunction(numbers)
    asyncio.run(use())
    assert len(dumps_in(place)) == 1


# --- one dump for an exception ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ValueError, MemoryError, Failure, Slotted, KeyError, StopAsyncIteration])
def test_blocks_in_each_other(place: Path, kind: type) -> None:
    with pytest.raises(kind):
        with pyheapdump.dump_on_exception(), pyheapdump.dump_on_exception():
            with pyheapdump.dump_on_exception():
                fail(kind)
    assert len(dumps_in(place)) == (0 if kind is StopAsyncIteration else 1)


@pytest.mark.parametrize("kind", [ValueError, MemoryError, RecursionError, Failure, Slotted, OSError])
def test_each_of_many_is_dumped(place: Path, kind: type) -> None:
    """One after the other at the same place, so that addresses come again: each is another failure."""
    addresses = set()
    for number in range(6):
        try:
            fail(kind, number)
        except kind as error:
            addresses.add(id(error))
            assert pyheapdump.dump_once(error) == pyheapdump.dump_once(error)
    assert len(dumps_in(place)) == 6 and len(addresses) < 6, addresses


def test_hook_after_the_block(tmp_path: Path) -> None:
    for text in (
        "import pyheapdump\nwith pyheapdump.dump_on_exception():\n    1 / 0\n",
        "import pyheapdump\npyheapdump.dump_on_unhandled_exceptions(lambda: 1 / 0)()\n",
        "import pyheapdump\n@pyheapdump.dump_on_exception()\ndef f(): [][1]\n@pyheapdump.dump_on_exception\ndef g(): f()\ng()\n",
    ):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        ended = Subject(folder, text).run()
        assert ended.status == 1 and ended.only_dump and len(ended.own_lines) == 1, text


def test_previous_hook_that_dumps(tmp_path: Path) -> None:
    """A hook that we call while our own dump is being written, and that asks for the same dump, and for another."""
    text = """
        import pyheapdump, sys
        def mine(kind, value, traceback):
            print(pyheapdump.dump_once(value), flush=True)
            print(pyheapdump.dump_once(KeyError("another")), flush=True)
        sys.excepthook = mine
        pyheapdump.install()
        1 / 0
    """
    ended = Subject(tmp_path, text, install=None).run(seconds=20)
    assert ended.stdout.decode().splitlines() == [str(path) for path in ended.dumps], ended.stderr
    assert len(ended.dumps) == 2 and len(ended.own_lines) == 2


def test_failed_dump_is_tried_again(place: Path) -> None:
    error = ValueError()
    (place / "file").write_text("")
    assert pyheapdump.dump_once(error, directory=str(place / "file")) is None
    assert pyheapdump.dump_once(error) == str(dumps_in(place)[0])


@pytest.mark.parametrize("kind", [Failure, ValueError, Slotted])
def test_exceptions_are_not_kept_alive(kind: type) -> None:
    class Witness:
        pass

    def failing() -> Any:
        witness = Witness()
        try:
            fail(kind)
        except kind as error:
            error.witness = Witness()
            remember(error, "path")
            return weakref.ref(witness), weakref.ref(error.witness)

    in_frame, in_exception = failing()
    gc.collect()
    assert in_frame() is None
    assert dumped.path_of(ValueError()) is None  # the next question forgets what is gone
    assert in_exception() is None


def test_what_is_remembered_is_bounded() -> None:
    errors = [ValueError(number) for number in range(3 * dumped.LIMIT)]
    for error in errors:
        remember(error, str(error))
    assert [error for error in errors if dumped.path_of(error)] == errors[-dumped.LIMIT :]


def test_exceptions_that_share_a_dict() -> None:
    one, other = ValueError(), ValueError()
    one.__dict__ = other.__dict__
    remember(one, "path")
    assert (dumped.path_of(one), dumped.path_of(other)) == ("path", None)


def test_dumped_exception_still_pickles() -> None:
    error = ValueError("text")
    remember(error, "path")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == {} and dumped.path_of(copy) is None and dumped.path_of(error) == "path"


def test_threads(place: Path) -> None:
    error = ValueError("shared")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: pyheapdump.dump_once(error), range(8)))
    assert paths == {str(path) for path in dumps_in(place)} and len(paths) == 1


def test_fork_while_a_thread_dumps(tmp_path: Path) -> None:
    """Without install(), too: the child does not wait for a thread that it does not have, nor for its dump."""
    text = """
        import pyheapdump, threading, time
        heap = [{"number": number} for number in range(100000)]
        threading.Thread(target=pyheapdump.dump_once, args=(KeyError(),), daemon=True).start()
        time.sleep(0.05)
        started = time.monotonic()
        if os.fork() == 0:
            os._exit(0 if pyheapdump.dump_once(ValueError()) else 1)
        print(os.wait()[1])
    """
    started = time.monotonic()
    ended = Subject(tmp_path, text, install=None).run(seconds=50)
    assert ended.stdout == b"0\n" and len(ended.dumps) == 2, ended.stderr.decode()
    assert time.monotonic() - started < 30


# --- labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("\u00e4 \u20ac", "\u00e4 \u20ac"),
        ("a\nX-Evil: 1\r\n\r\n", "a\nX-Evil: 1\r\n\r\n"),
        ("\udc80\0", "\\udc80\\0"),
        ("x" * 5000, "x" * 1000 + "..."),
        ("", ""),
    ],
)
def test_labels(place: Path, label: str, shown: str) -> None:
    path = pyheapdump.dump_once(ValueError("text"), label=label)
    assert path is not None
    dump = pyheapdump.load(path)
    assert (dump.facts["label"], dump.file.problems) == (shown, [])
    assert "X-Evil" not in dump.headers and dump.headers["X-Python-Heapdump-Label"].split() == shown.split()


def test_no_label(place: Path) -> None:
    path = pyheapdump.dump_once(ValueError())
    assert path is not None and "label" not in pyheapdump.load(path).facts
    assert "X-Python-Heapdump-Label" not in headers(Path(path))


def test_without_an_exception() -> None:
    assert pyheapdump.dump_once() is None
