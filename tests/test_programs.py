# SPDX-License-Identifier: Apache-2.0
"""Real programs with real bugs, examined as a user would: through pdb, in another Python, without the sources.

Each program of tests/programs/ runs in a copy that is gone by the time its dump is opened. The commands go to
`python -m pyheapdump.view FILE --pdb` of another interpreter (the next supported version that is there), which runs
in an empty directory.
"""

import importlib.util
import re
import shutil
import sys
import zipapp
from pathlib import Path
from typing import List

import interpreters
import pytest
from support.subject import Ended, dumps_in, run_python

PROGRAMS = Path(__file__).parent / "programs"
OWN_VERSION = "{}.{}".format(*sys.version_info)
PROMPT = "(dump) "


def other_interpreter() -> interpreters.Interpreter:
    """The next version after this one that is there, the first after the last."""
    there = interpreters.available()
    versions = [interpreter.version for interpreter in there]
    if OWN_VERSION not in versions or len(there) < 2:
        pytest.skip(f"no interpreter but Python {OWN_VERSION} to open the dump with")
    return there[(versions.index(OWN_VERSION) + 1) % len(there)]


class Opened:
    """A dump of a program whose sources are gone."""

    def __init__(self, dump: Path, directory: Path) -> None:
        self.dump = dump
        self.directory = directory
        self.interpreter = other_interpreter()

    def pdb(self, *commands: str) -> List[str]:
        """What pdb says to each command."""
        typed = "".join(command + "\n" for command in [*commands, "quit"]).encode()
        ended = self.view("--pdb", stdin=typed)
        answers = ended.stdout.decode().split(PROMPT)
        assert ended.status == 0 and len(answers) >= len(commands) + 1, ended.stdout + ended.stderr
        return [answer.strip() for answer in answers[1 : len(commands) + 1]]

    def view(self, *arguments: str, stdin: bytes = b"") -> Ended:
        return run_python(
            ["-m", "pyheapdump.view", str(self.dump), *arguments],
            stdin=stdin,
            directory=self.directory,
            executable=self.interpreter.executable,
            environment={"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120"},
        )

    def evaluate(self, text: str) -> str:
        """Runs Python text with the loaded dump as `dump`, and gives what it prints."""
        ended = run_python(
            ["-c", f"import pyheapdump\ndump = pyheapdump.load({str(self.dump)!r})\n{text}"],
            directory=self.directory,
            executable=self.interpreter.executable,
        )
        assert ended.status == 0, ended.stderr.decode()
        return ended.stdout.decode().strip()


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed for Python {OWN_VERSION}")


def crash(directory: Path, name: str, status: int = 1) -> Opened:
    """Runs the program of that name in a copy, removes the copy, and gives the only dump it left."""
    dumps, copy, empty = directory / "dumps", directory / "copy", directory / "empty"
    for folder in (dumps, copy, empty):
        folder.mkdir()
    target = copy / (name + ".py")
    if (PROGRAMS / name).is_dir():
        target = copy / (name + ".pyz")
        zipapp.create_archive(PROGRAMS / name, target)
    else:
        shutil.copy(PROGRAMS / target.name, target)
    ended = run_python([str(target)], environment={"PYHEAPDUMP_DIR": str(dumps)}, directory=copy)
    assert ended.status == status, ended.stderr.decode()
    shutil.rmtree(copy)
    found = dumps_in(dumps)
    assert len(found) == 1, ended.stderr.decode()
    return Opened(found[0], empty)


def locals_of(frame_name: str) -> str:
    """Text for `evaluate` that makes `names` the locals of the traceback's first frame of that name."""
    found = f"step = dump.traceback\nwhile step.tb_frame.f_code.co_name != {frame_name!r}: step = step.tb_next\n"
    return found + "names = step.tb_frame.f_locals\n"


def test_flask(tmp_path: Path) -> None:
    needs("flask")
    opened = crash(tmp_path, "flask_request")
    where, line, total, owner, up, voucher, article = opened.pdb(
        "where", "p line", "p total", "p self.owner", "up", "p voucher", "p cart.lines[0]['article']"
    )
    assert "checkout(" in where and "total += line" in where
    assert (line, total, owner) == ("{'article': 'bolt', 'count': '4'}", "3", "'ada'")
    assert "cart.pieces()" in up
    assert (voucher, article) == ("'SPRING'", "'nut'")
    text = locals_of("wsgi_app") + "print(names['environ']['HTTP_X_TRACE'], names['environ']['QUERY_STRING'])"
    assert opened.evaluate(text) == "trace-77 page=2"


def test_django(tmp_path: Path) -> None:
    needs("django")
    opened = crash(tmp_path, "django_request")
    where, article, articles, up, shelf, path, query = opened.pdb(
        "where",
        "p article",
        "p self.articles",
        "up",
        "p shelf.name",
        "p request.path",
        "p request.META['QUERY_STRING']",
    )
    assert "show_price" in where and 'return self.articles[article]["price"]' in where
    assert (article, articles) == ("'bolt'", "{'nut': {'price': 5}}")
    assert "show_price" in up
    assert (shelf, path, query) == ("'first floor'", "'/price/bolt'", "'currency=EUR'")


def test_pandas(tmp_path: Path) -> None:
    needs("pandas")
    opened = crash(tmp_path, "pandas_pipeline")
    where, article, rates, up, result, series = opened.pdb(
        "where", "p article", "p self.rates", "up", "p list(result)", "p type(orders).__name__"
    )
    assert "rate = self.rates[article]" in where and "pipeline" in where
    assert (article, rates) == ("'gear'", "{'nut': 0.5, 'bolt': 0.25}")
    assert "pipeline" in up
    assert (result, series) == ("['nut', 'bolt']", "'DataFrame'")


def test_sqlalchemy(tmp_path: Path) -> None:
    needs("sqlalchemy")
    opened = crash(tmp_path, "sqlalchemy_session")
    where, label, made, number, customer, kind = opened.pdb(
        "where", "p label", "p made", "p order.id", "p order.customer", "p type(order).__name__"
    )
    assert 'label["name"] = order.customer.name.upper()' in where and "main()" in where
    assert label == "{'order': 18, 'article': 'bolt'}"
    assert made == "[{'order': 17, 'article': 'nut', 'name': 'ADA'}]"
    assert (number, customer, kind) == ("18", "None", "'Order'")


def test_asyncio_server(tmp_path: Path) -> None:
    opened = crash(tmp_path, "asyncio_server")
    where, limit, requests, up, log = opened.pdb(
        "where",
        "p limit",
        "p sorted(c.request for c in busy)",
        "up",
        "p server.connections[0].log",
    )
    assert "return busy[limit].number" in where and "run_until_complete" in where
    assert limit == "3"
    assert requests == "['GET /0', 'GET /1', 'GET /2']"
    assert "server.watchdog" in up
    assert re.fullmatch(r"\['waiting for GET /[012]'\]", log)
    pending = """
frames = [frame for task in dump.tasks for frame in task.frames if frame.f_code.co_name == "answer"]
print(sorted((f.f_locals["patience"]["of"], f.f_locals["connection"].request[:4]) for f in frames))
"""
    assert opened.evaluate(pending) == "[(0, 'GET '), (1, 'GET '), (2, 'GET ')]"


def test_process_pool(tmp_path: Path) -> None:
    opened = crash(tmp_path, "process_pool")
    (where,) = opened.pdb("where")
    assert "result = future.result()" in where and "collect" in where
    shown = opened.view("--summary").stdout.decode()
    assert "rest = 100 % amount" in shown, "the worker's traceback travels as the cause"
    text = locals_of("collect") + "print(names['name'], names['report'].done, names['report'].waiting)"
    assert opened.evaluate(text) == "b {'a': ('a', 2)} ['c', 'd']"


def test_child_process(tmp_path: Path) -> None:
    opened = crash(tmp_path, "child_processes")
    where, weights, up, name, parts = opened.pdb("where", "p weights", "up", "p job.name", "p job.parts")
    assert "return 100 // sum(weights)" in where and "work" in where
    assert (weights, name, parts) == ("[]", "'empty'", "[]")
    assert "weight = weigh(job.parts)" in up


def test_zipapp(tmp_path: Path) -> None:
    opened = crash(tmp_path, "shop")
    where, listing, pieces, up, lines = opened.pdb("where", "ll", "p pieces", "up", "p made.lines")
    assert "share = total / pieces  # the failing line of the zip" in where
    assert "def discount(total, pieces):" in listing and "->" in listing
    assert pieces == "0"
    assert "invoice" in up
    assert lines == "[('nut', 33.333333333333336)]"
