# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/recipes.md: each is a program of tests/recipes/ that runs, and the page shows it as it is."""

import importlib.util
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List

import pyheapdump
import pytest
from support.subject import Ended, dumps_in, run_python

RECIPES = Path(__file__).parent / "recipes"
PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"
END = "\n\n\n# --- a program that uses it\n"


def needs(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed for Python {'{}.{}'.format(*sys.version_info)}")


def cook(place: Path, name: str) -> Ended:
    """Runs a copy of the recipe's program."""
    (place / "dumps").mkdir()
    shutil.copy(RECIPES / name, place)
    variables = {"PYHEAPDUMP_DIR": str(place / "dumps"), "HOME": str(place), "IPYTHONDIR": str(place / "ipython")}
    ended = run_python([name], directory=place, environment=variables)
    assert ended.status == 0, ended.stderr.decode()
    ended.dumps = dumps_in(place / "dumps")
    return ended


def labels(ended: Ended) -> List[object]:
    """The labels of the dumps, each of which is about the KeyError of bill()."""
    found = []
    for path in ended.dumps:
        dump = pyheapdump.load(path)
        assert (type(dump.exception), dump.exception.args) == (KeyError, ("price",))
        step = dump.traceback
        while step.tb_next is not None:
            step = step.tb_next
        assert step.tb_frame.f_code.co_name == "bill" and set(step.tb_frame.f_locals["near"]) == {"order"}
        found.append(dump.facts.get("label"))
    return found


def test_logging(tmp_path: Path) -> None:
    ended = cook(tmp_path, "logging_errors.py")
    (label,) = labels(ended)
    assert re.fullmatch(r"shop, line \d+", str(label)) and ended.stdout == b"goes on\n"
    assert ended.stderr.count(b"KeyError: 'price'") == 2


def test_flask(tmp_path: Path) -> None:
    needs("flask")
    ended = cook(tmp_path, "flask_errors.py")
    assert (labels(ended), ended.stdout) == (["GET /bill/17"], b"500 410 404\n")


def test_django(tmp_path: Path) -> None:
    needs("django")
    ended = cook(tmp_path, "django_errors.py")
    assert (labels(ended), ended.stdout) == (["GET /bill/17"], b"500 404 404\n")


def test_worker(tmp_path: Path) -> None:
    ended = cook(tmp_path, "worker_tasks.py")
    assert (labels(ended), ended.stdout) == (["bill task-17"], b"16 16\n17 failed\n18 18\n")


def test_ipython(tmp_path: Path) -> None:
    needs("IPython")
    ended = cook(tmp_path, "ipython_cells.py")
    assert labels(ended) == ["bill(17)"]
    assert b"KeyError" in ended.stdout and ended.stdout.endswith(b"goes on\n")


def test_asyncio(tmp_path: Path) -> None:
    ended = cook(tmp_path, "asyncio_loop.py")
    first, second = labels(ended)
    assert str(first).startswith("Exception in callback bill(")
    assert second == "Task exception was never retrieved" and ended.stdout == b"goes on\n"
    assert str(first).encode() in ended.stderr and str(second).encode() in ended.stderr


def test_concurrent_futures(tmp_path: Path) -> None:
    ended = cook(tmp_path, "concurrent_tasks.py")
    assert labels(ended) == [None, None] and ended.stdout == b"KeyError\nKeyError\n"
    assert len({pyheapdump.load(path).facts["pid"] for path in ended.dumps}) == 2


def test_gunicorn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("gunicorn")
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    monkeypatch.setenv("PYHEAPDUMP_DIR", str(dumps))
    shutil.copy(RECIPES / "gunicorn_conf.py", tmp_path)
    words = ["-m", "gunicorn", "-c", "gunicorn_conf.py", "--bind", "unix:socket", "gunicorn_conf:application"]
    log = tmp_path / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen([sys.executable, *words], cwd=tmp_path, stdout=stream, stderr=stream)
    try:
        monkeypatch.chdir(tmp_path)
        wait(lambda: b"Booting worker" in log.read_bytes(), log)
        with socket.socket(socket.AF_UNIX) as request:
            request.connect("socket")
            request.sendall(b"GET /bill/17 HTTP/1.1\r\nHost: here\r\n\r\n")
            wait(lambda: bool(dumps_in(dumps)), log)
        wait(lambda: b"Worker exiting" in log.read_bytes() or log.read_bytes().count(b"Booting worker") > 1, log)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    dump = pyheapdump.load(dumps_in(dumps)[0])
    assert dump.signal is not None and dump.signal.name == "SIGABRT"
    frame = dump.threads[0].frames[-1]
    assert (frame.f_code.co_name, frame.f_locals["near"]) == ("application", {"path": "/bill/17"})


def wait(condition, log: Path) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def shown_blocks() -> Dict[str, str]:
    """The code blocks of the page by the recipe that the line before them names."""
    return dict(
        re.findall(r"^\(tests/recipes/(\w+\.py)\)\n\n```python\n(.*?)```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    )


def test_page_shows_the_recipes_as_they_are() -> None:
    shown = shown_blocks()
    assert sorted(shown) == sorted(path.name for path in RECIPES.glob("*.py"))
    for name, text in shown.items():
        first_line, _, rest = (RECIPES / name).read_text().partition("\n")
        recipe, found, _ = rest.partition(END)
        assert first_line.startswith("# SPDX") and found, name
        assert text == recipe + "\n", f"{name} and the page differ"
