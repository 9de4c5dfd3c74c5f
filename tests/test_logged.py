# SPDX-License-Identifier: Apache-2.0
"""install(logged=True): exceptions that the program catches and logs leave dumps, and logging stays as it was."""

from pathlib import Path
from typing import List

import pyheapdump
import pytest
from support.subject import Ended, Subject, comparable, run_python

# Each failure is followed by what waits until its dump is written.
PROGRAM = """
    import logging, os, sys, time
    logging.basicConfig(format="%(levelname)s %(name)s %(filename)s:%(funcName)s %(message)s")
    log = logging.getLogger("app")

    def settle():
        end = time.monotonic() + 20
        directory = os.environ["PYHEAPDUMP_DIR"]
        while time.monotonic() < end and any(name.endswith(".part") for name in os.listdir(directory)):
            time.sleep(0.01)
        time.sleep(0.3)

    def fail(order, kind=ValueError):
        known = [order]
        raise kind(order)

    def logged(order, kind=ValueError, call=log.exception, **options):
        try:
            fail(order, kind)
        except BaseException as error:
            call("order %s", order, **options)
            settle()
            return error
"""


def run(place: Path, text: str, install: str = "logged=True") -> Ended:
    """With and without us the program ends and prints the same."""
    subject = Subject(place, PROGRAM + text, install)
    without, ended = subject.run(installed=False), subject.run()
    assert (ended.status, ended.stdout) == (without.status, without.stdout), ended.stderr.decode()
    assert comparable(ended.other_stderr) == comparable(without.stderr)
    return ended


def texts(ended: Ended) -> List[str]:
    return sorted(str(pyheapdump.load(path).exception) for path in ended.dumps)


def test_exception_that_is_logged(tmp_path: Path) -> None:
    ended = run(tmp_path, "    logged(17)\n")
    dump = pyheapdump.load(ended.only_dump)
    assert (dump.reason, str(dump.exception)) == ("logged exception", "17")
    assert dump.traceback.tb_next.tb_frame.f_locals["known"] == [17]
    assert "ValueError: 17 (" in dump.headers["Subject"] and "in fail)" in dump.headers["Subject"]
    assert [frame.f_code.co_name for frame in dump.threads[0].frames][:2] == ["<module>", "logged"]
    assert len(ended.own_lines) == 1


@pytest.mark.parametrize(
    "line",
    [
        "logged(1, call=log.error, exc_info=True)",
        "log.error('x', exc_info=logged(1, call=log.info))",
        "error = logged(1, call=log.info); log.error('x', exc_info=(type(error), error, error.__traceback__))",
        "logging.getLogger('a.b.c').error('x', exc_info=logged(1, call=log.info))",
        "log.addHandler(logging.NullHandler()); log.propagate = False; logged(1)",
        "log.log(45, 'x', exc_info=logged(1, call=log.info))",
        "record = log.makeRecord('n', 40, 'f', 1, 'm', (), (ValueError, logged(1, call=log.info), None)); log.handle(record)",
    ],
)
def test_ways_to_log(tmp_path: Path, line: str) -> None:
    ended = run(tmp_path, f"    {line}\n")
    assert texts(ended) == ["1"]


@pytest.mark.parametrize(
    "line",
    [
        "logged(1, call=log.warning, exc_info=True)",
        "logged(1, call=log.error)",
        "log.exception('there is none')",
        "log.disabled = True; logged(1)",
        "log.addFilter(lambda record: False); logged(1)",
        "logging.disable(50); logged(1)",
        "logged(1, SystemExit)",
        "logged(1, KeyboardInterrupt)",
        "log.propagate = False; log.handle(logging.makeLogRecord({'levelno': 40, 'exc_info': (1, 2)}))",
        "logging.Logger('other').handle(type('Record', (), {'levelno': 50})())",
    ],
)
def test_no_failures(tmp_path: Path, line: str) -> None:
    assert run(tmp_path, f"    {line}\n").dumps == []


def test_not_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, "    logged(1)\n", "").dumps == []


def test_logging_that_is_imported_before(tmp_path: Path) -> None:
    """And what it consists of stays: the functions, the handlers, where a record says it comes from."""
    text = """
        import logging, sys
        functions = dict(vars(logging)), dict(vars(logging.Logger)), dict(vars(logging.LogRecord))
        def same():
            now = dict(vars(logging)), dict(vars(logging.Logger)), dict(vars(logging.LogRecord))
            return all(old.keys() == new.keys() and all(old[name] is new[name] for name in old)
                       for old, new in zip(functions, now))
        code = logging.Logger.callHandlers.__code__
        import pyheapdump
        for i in range(2):
            pyheapdump.install(logged=True)
            pyheapdump.install(logged=True)
            print(same(), logging.getLogger().handlers, logging.Logger.callHandlers.__code__ is code)
            pyheapdump.uninstall()
            print(same(), logging.Logger.callHandlers.__code__ is code)
        pyheapdump.install(logged=True)
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("x")
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.stdout.decode().split("\n")[:-1] == ["True [] False", "True True"] * 2
    assert texts(ended) == ["division by zero"]
    assert ended.other_stderr.startswith(b"ERROR:root:x\nTraceback")


def test_kinds_and_their_rate(tmp_path: Path) -> None:
    """One dump of each kind; what is held back is told at the end."""
    text = "    for i in range(5):\n        logged(i)\n    logged(7, KeyError)\n    logged(8, KeyError)\n"
    ended = run(tmp_path, text)
    assert texts(ended) == ["0", "7"]
    assert ended.own_lines[-1] == b"pyheapdump: 5 more failures, like others that were dumped, made no dump\n"


def test_logged_again_and_raised(tmp_path: Path) -> None:
    ended = run(tmp_path, "    error = logged(1)\n    log.error('again', exc_info=error)\n    raise error\n")
    assert (ended.status, texts(ended)) == (1, ["1"])
    assert len(ended.own_lines) == 1


def test_logged_while_a_dump_is_written(tmp_path: Path) -> None:
    """Nobody waits, one dump is written at a time, and what is passed over is counted once."""
    text = """
    heap = [{"number": number, "text": str(number)} for number in range(300_000)]
    settle = lambda: None
    for i in range(20):
        error = logged(i, type(f"Error{i}", (Exception,), {}))
        log.error("again", exc_info=error)
    """
    ended = run(tmp_path, text)
    dumps = len(ended.dumps)
    assert 1 <= dumps < 20
    told = b"pyheapdump: %d more logged while a dump was written made no dump\n" % (20 - dumps)
    assert told in ended.own_lines


def test_tasks_that_nobody_awaits(tmp_path: Path) -> None:
    text = """
    import asyncio, gc
    async def lost():
        fail(5)
    async def main():
        task = asyncio.ensure_future(lost())
        await asyncio.sleep(0)
        del task
        gc.collect()
    asyncio.run(main())
    """
    assert texts(run(tmp_path, text)) == ["5"]


def test_handlers_that_fail(tmp_path: Path) -> None:
    """What a handler raises, and the stack that logging prints then, are as without us but for its own frames."""
    text = """
    class Bad(logging.Handler):
        def emit(self, record):
            raise RuntimeError("handler")
    log.addHandler(Bad())
    try:
        logged(1)
    except RuntimeError as error:
        print(repr(error), logging.getLogger().handlers[0].filters)
    """
    assert texts(run(tmp_path, text)) == ["1"]


def test_where_it_is_on_by_default(tmp_path: Path) -> None:
    subject = Subject(tmp_path, PROGRAM + "    logged(1)\n", install=None)
    environment = {"PYHEAPDUMP_DIR": str(subject.dump_directory)}
    for number, (variables, before) in enumerate(
        [({"PYHEAPDUMP": "1"}, []), ({}, ["-m", "pyheapdump", "run"])], start=1
    ):
        ended = run_python([*before, str(subject.path)], environment={**environment, **variables}, directory=tmp_path)
        assert ended.status == 0, ended.stderr.decode()
        assert len(list(subject.dump_directory.iterdir())) == number, ended.stderr.decode()
    for variables, before in (
        ({"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "logged=no"}, []),
        ({}, ["-m", "pyheapdump", "run", "--no-logged"]),
    ):
        run_python([*before, str(subject.path)], environment={**environment, **variables}, directory=tmp_path)
        assert len(list(subject.dump_directory.iterdir())) == 2
