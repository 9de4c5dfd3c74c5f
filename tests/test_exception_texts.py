# SPDX-License-Identifier: Apache-2.0
"""The texts of exceptions: as Python printed them, or said to be not known."""

import ast
import re
from pathlib import Path
from typing import Any, List

import pyheapdump
import pytest
from pyheapdump.view.stack_text import exception_line, exception_text
from support.subject import Subject

COMPUTED = """
    class Coded(Exception):
        def __init__(self, code, detail):
            super().__init__()
            self.code, self.detail = code, detail

        def __str__(self):
            return f"[{self.code}] {self.detail}"

    class Keyword(Exception):
        def __init__(self, *, order):
            self.order = order

    class Part:
        def __repr__(self):
            return "a part of the program"

    class OwnKey(KeyError):
        pass

    class Broken(Exception):
        def __str__(self):
            raise SystemExit(7)

    def fail():
        try:
            try:
                try:
                    try:
                        raise Broken("args")
                    except Broken as error:
                        raise OwnKey("key") from error
                except OwnKey:
                    raise ValueError(Part(), "two")
            except ValueError as error:
                raise Keyword(order=17) from error
        except Keyword:
            raise Coded(5, "det" * 3)
"""


def printed(stderr: bytes) -> List[str]:
    """The last line of each traceback on stderr."""
    lines = re.findall(
        r"^(?! |Traceback|During|The above|pyheapdump|Exception in)(\S.*)", stderr.decode(), re.MULTILINE
    )
    return [line.replace("__main__.", "", 1) for line in lines]


def chain(error: Any) -> List[str]:
    found: List[str] = []
    while error is not None:
        found.append(exception_line(error, 10_000))
        error = error.__cause__ or error.__context__
    return found[::-1]


@pytest.mark.parametrize("thread", [False, True])
def test_texts_that_the_program_makes(thread: bool, tmp_path: Path) -> None:
    start = "import threading; t = threading.Thread(target=fail); t.start(); t.join()" if thread else "fail()"
    ended = Subject(tmp_path, COMPUTED + f"\n    {start}\n").run()
    told = printed(ended.stderr)
    with pyheapdump.load(ended.only_dump) as dump:
        found = chain(dump.exception)
        assert found[1:] == told[1:] and told[-1] == "Coded: [5] detdetdet" and told[1] == "OwnKey: 'key'"
        assert found[0].startswith("Broken: <text not known: __main__.Broken.__str__() makes it; its arguments are")
        assert found[2] == "ValueError: (a part of the program, 'two')" and isinstance(dump.exception, Exception)
        assert "Coded: [5] detdetdet" in exception_text(dump)
    written = ended.only_dump.read_bytes().partition(b"Content-Type: application/x.python-heapdump")[0].decode()
    assert "Coded: <text not known: __str__ makes it>\n" in written
    assert "Broken: <text not known: __str__ makes it, of 'args'>\n" in written


def test_members_of_groups_are_asked_and_bounds_hold(tmp_path: Path) -> None:
    text = """
        import sys
        if sys.version_info < (3, 11):
            ExceptionGroup = type("ExceptionGroup", (Exception,), {})
        asked = []

        class Long(Exception):
            def __str__(self):
                asked.append(1)
                return "begin " + "x" * 100_000

        class Slow(Exception):
            def __str__(self):
                import time
                time.sleep(1.2)
                return "slow"

        error = ExceptionGroup("several", [Long(n) for n in range(50)])
        if sys.argv[1] == "slow":
            error = Slow("args")
        sys.stderr.flush()
        raise error
    """
    ended = Subject(tmp_path, text).run("slow")
    with pyheapdump.load(ended.only_dump) as dump:
        assert exception_line(dump.exception, 300).startswith("Slow: <text not known: __main__.Slow.__str__() makes it")
    ended.only_dump.unlink()
    with pyheapdump.load(Subject(tmp_path, text).run("group").only_dump) as dump:
        members = getattr(dump.exception, "exceptions", ())
        texts = [str(one) for one in members]
        assert all(one.startswith("begin xxx") and "<100,006 characters>" in one for one in texts[:7])
        assert all(len(one) < 9_000 for one in texts)


def test_secrets_stay_out_of_texts(tmp_path: Path) -> None:
    text = """
        class Refused(Exception):
            def __init__(self, password, token, place):
                self.password, self.token, self.place = password, token, place

            def __str__(self):
                return f"refused {self.password} and {self.token} at {self.place}"

        raise Refused("hunter", "t0k3n-of-mine-77", "https://bob:sesame@host/")
    """
    ended = Subject(tmp_path, text).run()
    assert b"refused hunter and t0k3n-of-mine-77 at https://bob:sesame@host/" in ended.stderr
    with pyheapdump.load(ended.only_dump) as dump:
        assert str(dump.exception) == "refused ****** and **************** at https://bob:******@host/"


STANDARD = """
    import configparser, ftplib, getopt, http.client, importlib.metadata, json, optparse, os, re, signal, ssl, subprocess
    import sys, urllib.error, argparse, xml.etree.ElementTree, xmlrpc.client, concurrent.futures.process
    from concurrent.futures.process import _RemoteTraceback

    def run(status):
        return lambda: subprocess.run([sys.executable, "-c", status], check=True)

    def throw(error):
        def raise_it():
            raise error
        return raise_it

    CASES = [
        run("raise SystemExit(3)"),
        run("import os; os.kill(os.getpid(), 9)"),
        lambda: subprocess.run(["sleep", "5"], timeout=0.01),
        throw(urllib.error.HTTPError("http://u", 404, "not found", {}, None)),
        throw(urllib.error.URLError("no route")),
        throw(http.client.IncompleteRead(b"abc", 7)),
        lambda: configparser.ConfigParser().get("a", "b"),
        lambda: configparser.ConfigParser().read_string("x"),
        lambda: json.loads("{bad"),
        lambda: getopt.getopt(["-x"], ""),
        throw(optparse.OptionValueError("bad value")),
        throw(argparse.ArgumentError(None, "no such")),
        lambda: importlib.metadata.version("no-such-package"),
        lambda: open("/nonexistent/file"),
        lambda: os.rename("/nonexistent/a", "/nonexistent/b"),
        lambda: b"ab\\xff".decode(),
        lambda: b"\\xe4\\xb8".decode(),
        lambda: "caf\\xe9 \\u4f60".encode("ascii"),
        lambda: "\\U0001F600".encode("latin-1"),
        lambda: compile("a b", "f.py", "exec"),
        lambda: __import__("no_such_module"),
        lambda: {}["missing"],
        lambda: {}[5, "x"],
        lambda: re.compile("("),
        lambda: xml.etree.ElementTree.fromstring("<a>"),
        throw(xmlrpc.client.Fault(4, "went wrong")),
        throw(_RemoteTraceback("\\n'''\\nTraceback...'''")),
        throw(ssl.SSLError(1, "certificate verify failed")),
        throw(ValueError(5, {"k": 1})),
        throw(ValueError()),
        throw(ExceptionGroup("both", [ValueError(1), KeyError(2)]) if sys.version_info >= (3, 11) else OSError(2)),
    ]
    texts = []
    for case in CASES:
        try:
            case()
        except Exception as error:
            pyheapdump.dump(exc=error)
            texts.append(str(error))
    print(repr(texts))
"""


def test_texts_of_the_standard_library(tmp_path: Path) -> None:
    """A door at which nobody has printed: texts are put together from fields, by the writer and by the viewer."""
    ended = Subject(tmp_path, STANDARD.replace("import conf", "import pyheapdump, conf", 1), "max_dumps=100").run()
    told = ast.literal_eval(ended.stdout.decode())
    assert len(ended.dumps) == len(told) > 30
    for path, text in zip(ended.dumps, told):
        with pyheapdump.load(path) as dump:
            assert str(dump.exception) == text
            line = dump.headers["Subject"]
        shown = text.partition("\n")[0][:40].partition(" (f.py")[0]
        assert "text not known: __str__ makes it" in line or " at 0x" in line or shown in line, (line, text)


def test_what_is_long_to_make_is_not_asked_again(tmp_path: Path) -> None:
    text = """
        import atexit, sys

        class Row:
            made = 0

            def __repr__(self):
                Row.made += 1
                return "row"

        atexit.register(lambda: print(Row.made))
        rows = [Row()] * 2
        raise ValueError([rows] * int(sys.argv[1]))
    """
    subject = Subject(tmp_path, text)
    ended = subject.run("1")
    assert ended.stdout == b"4\n", "asked for once more"
    assert exception_line(pyheapdump.load(ended.only_dump).exception, 300) == "ValueError: [[row, row]]"
    ended.only_dump.unlink()
    ended = subject.run("2000")
    assert ended.stdout == b"4000\n", "asked for by Python alone"
    assert exception_line(pyheapdump.load(ended.only_dump).exception, 300).startswith("ValueError: [[<__main__.Row")
