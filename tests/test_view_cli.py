# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump.view`: what it shows, how it ends, and what it makes of files that are no dumps."""

import bz2
import gzip
import io
import json
import linecache
import lzma
import os
import pdb
import pickle
import pty
import re
import select
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, List

import pytest
from pyheapdump.view import DumpError, load
from support.dumped_program import DICT, LIST, DumpedProgram, failing_program
from support.format_writer import compress, missing, ref, run
from support.subject import Ended, Subject, run_python

CONTROLS = "\x1b\x07\x9b\u202e\x00"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return failing_program().write(tmp_path_factory.mktemp("failed") / "python_heap_4711_0.dump")


def view(path: Path, *options: str, commands: str = "", **how: Any) -> Ended:
    return run_python(["-m", "pyheapdump.view", str(path), *options], stdin=commands.encode(), **how)


# What a busy machine may add: the command says what it does when that takes more than a second.
NOTICE = re.compile(rb"pyheapdump: (opening|reading) [^\n]* \.\.\.\n")


def shown(ended: Ended) -> str:
    """Standard output of a command that went well."""
    assert ended.status == 0, ended.stderr.decode()
    assert NOTICE.sub(b"", ended.stderr) == b"", ended.stderr.decode()
    text = ended.stdout.decode()
    assert not set(text) & set(CONTROLS), "control characters reach the terminal"
    return text


# --- the views --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--summary"]])
def test_summary(failed: Path, options: List[str]) -> None:
    text = shown(view(failed, *options))
    for part in (
        "python_heap_4711_0.dump: ",
        "Python 3.11.7",
        "error    ValueError: no such order",
        "where    app.py:3 in load",
        "2026-11-21 08:00:00 UTC, pid 4711, 2 threads",
        "changed  worker.py",
        "KeyError: 'id'",
        "The above exception was the direct cause",
        "raise ValueError('no such order')",
        "order = <app.Order",
        "rows  = [1, 2, 3]",
        "thread worker, id 4712, holds the GIL",
        "worker.py:12 in wait",
    ):
        assert part in text, part
    assert "missing" not in text


def test_columns_of_the_raise(failed: Path) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("tracebacks have columns from Python 3.11 on")
    assert "    raise ValueError('no such order')\n    ^^^^^^^^^^^^^^^^\n" in shown(view(failed))


def test_threads(failed: Path) -> None:
    text = shown(view(failed, "--threads"))
    assert text.index("app.py:6 in <module>") < text.index("app.py:3 in load") < text.index("worker.py:12 in wait")
    assert "queue.get()" in text


def test_json(failed: Path) -> None:
    report = json.loads(shown(view(failed, "--json")))
    assert (report["schema"], report["reason"], report["complete"], report["problems"]) == (1, "exception", True, [])
    assert report["file"]["size"] == failed.stat().st_size and report["file"]["version"] == 3
    error = report["exceptions"][report["exception"]]
    assert (error["type"], error["module"], error["text"]) == ("ValueError", "builtins", "ValueError: no such order")
    assert report["exceptions"][error["cause"]]["type"] == "KeyError" and error["suppress_context"] is True
    frame = error["frames"][-1]
    assert (frame["filename"], frame["line"], frame["function"]) == ("app.py", 3, "load")
    assert frame["source"] == "raise ValueError('no such order')" and frame["locals"]["rows"] == "[1, 2, 3]"
    assert [thread["name"] for thread in report["threads"]] == ["MainThread", "worker"]
    assert report["threads"][1]["holds_gil"] is True
    assert report["sources"][1] == {"filename": "worker.py", "origin": "disk", "changed": True, "bytes": 111}
    documented = Path(__file__).parent.parent.joinpath("docs", "json.md").read_text()
    for keys in (report, error, frame, report["threads"][0], report["file"]):
        assert all(f"`{key}`" in documented for key in keys), keys


# --- the debugger -----------------------------------------------------------------------------------------------


def test_pdb_commands_from_stdin(failed: Path) -> None:
    commands = (
        "w\np order.id, order.slot, order.currency\npp rows\nargs\nll\nwhatis order\nup\np RATE * 2, len(dir())\n"
    )
    text = shown(view(failed, "--pdb", commands=commands + "down\ndisplay rows\np order.me is order\nq\n"))
    for part in (
        "error    ValueError",
        "app.py(3)load()\n-> raise ValueError('no such order')",
        "(17, 'in the slot', 'EUR')",
        "[1, 2, 3]",
        "order = <app.Order",
        "  3  ->\t    raise ValueError('no such order')",
        "<class 'app.Order'>",
        "(3.0, ",
        "display rows: [1, 2, 3]",
        "True",
    ):
        assert part in text, part
    assert "***" not in text


def test_threads_in_pdb(failed: Path) -> None:
    text = shown(
        view(
            failed,
            "--pdb",
            commands="threads\nthread 1\np queue\nw\nthread 0\np rows\nthread 7\nthread x\ntasks\ntask 0\n",
        )
    )
    assert "1  thread worker, id 4712, holds the GIL: worker.py:12 in wait" in text
    assert "worker.py(12)wait()\n-> queue.get()" in text and "'jobs'" in text and "[1, 2, 3]" in text
    assert text.count("thread takes a number from 0 to 1") == 2 and "the dump has no tasks" in text


@pytest.mark.parametrize("command", ["c", "continue", "n", "s", "r", "until 5", "j 1", "run", "restart"])
def test_nothing_runs_in_pdb(failed: Path, command: str) -> None:
    text = shown(view(failed, "--pdb", commands=f"{command}\np 'still here'\n"))
    assert "nothing runs" in text and "'still here'" in text


def test_changing_and_failing_in_pdb(failed: Path) -> None:
    commands = "x = 5\np x\n!rows.append(4)\np rows\np nothing\np order.nothing\np order.me()\np Order()\n[r for r in rows if r]\n"
    text = shown(view(failed, "--pdb", commands=commands))
    assert "5\n" in text and "[1, 2, 3, 4]" in text
    assert "*** NameError" in text and "*** AttributeError" in text and "its code is not there to run" in text


def test_exceptions_in_pdb(failed: Path) -> None:
    if sys.version_info < (3, 13):
        pytest.skip("pdb has the command from Python 3.13 on")
    text = shown(view(failed, "--pdb", commands="exceptions\nexceptions 0\nw\n"))
    assert "0 KeyError('id')" in text and "app.py(2)load()" in text


# The line editor that pdb has from 3.15 on shows its own prompt.
PROMPT = b"(dump) " if sys.version_info < (3, 15) else b"(Pdb) "


def test_pdb_on_a_terminal(failed: Path) -> None:
    """Without options on a terminal: banner, traceback, prompt."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "pyheapdump.view", str(failed)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSTARTUP"}
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        try:
            text = read_until(leader, PROMPT)
            os.write(leader, b"p order.state\n")
            text += read_until(leader, PROMPT, b"'paid'")
            os.write(leader, b"q\n")
            assert process.wait(20) == 0
        finally:
            process.kill()
    os.close(leader)
    for part in (b"error    ValueError: no such order", b"Traceback (most recent call last)", b"'paid'"):
        assert part in text


def read_until(descriptor: int, *wanted: bytes) -> bytes:
    """What a terminal shows until all of `wanted` has been seen; fails after 20 seconds."""
    text, deadline = b"", time.monotonic() + 20
    while not all(part in text for part in wanted):
        readable, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
        assert readable, f"{wanted!r} did not come, only {text!r}"
        text += os.read(descriptor, 10_000)
    return text


def test_post_mortem_of_the_standard_library(failed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """pdb.post_mortem, traceback and inspect take the loaded traceback as it is."""
    import inspect

    with load(failed) as dump:
        session = pdb.Pdb(stdin=io.StringIO("p rows\nll\nup\nq\n"), stdout=(out := io.StringIO()))
        session.use_rawinput = False
        session.reset()
        session.interaction(None, dump.traceback)
        assert "[1, 2, 3]" in out.getvalue() and "->\t    raise ValueError" in out.getvalue()
        traceback.print_exception(type(dump.exception), dump.exception, dump.exception.__traceback__)
        frame = dump.traceback.tb_next.tb_frame
        assert inspect.getframeinfo(frame).function == "load" and inspect.getsourcelines(frame)[1] == 1
        assert inspect.getargvalues(frame).locals["rows"] == [1, 2, 3]
        assert [f.f_code.co_name for f in dump.threads[0].frames] == ["<module>", "load"]
        assert frame.f_back is dump.traceback.tb_frame
    assert "The above exception was the direct cause" in capsys.readouterr().err


# --- sources ----------------------------------------------------------------------------------------------------


def test_sources_of_the_dump_not_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = failing_program().write(tmp_path / "x.dump")
    monkeypatch.chdir(tmp_path)
    linecache.clearcache()
    Path("app.py").write_text("other = 1\n" * 9)
    assert linecache.getline("app.py", 3) == "other = 1\n"
    with load(path) as dump:
        linecache.checkcache()
        assert linecache.getline("app.py", 3) == "    raise ValueError('no such order')\n"
        assert dump.sources["app.py"].text.startswith("def load") and dump.sources.changed == ["worker.py"]
    linecache.checkcache()
    assert linecache.getline("app.py", 3) == "other = 1\n"


@pytest.mark.parametrize(
    "content, line",
    [
        (b"# coding: latin-1\n'\xe9'\n", "'\u00e9'\n"),
        (b"\xef\xbb\xbfx\n'\xc3\xa9'\r\n", "'\u00e9'\n"),
        (b"x\n'\xff'", "'\ufffd'\n"),
        (b"# coding: rot13\nabc\n", "abc\n"),
        (b"# coding: antigravity\nabc\n", "abc\n"),
        (b"x\ra\x0cb\n", "a\x0cb\n"),
    ],
)
def test_source_encodings(tmp_path: Path, content: bytes, line: str) -> None:
    program = DumpedProgram()
    program.dump.source("odd.py", content)
    with program.load(tmp_path / "x.dump"):
        assert linecache.getline("odd.py", 2) == line


def test_compressed_source(tmp_path: Path) -> None:
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    program = DumpedProgram()
    program.dump.source("packed.py", packer.compress(b"first\nsecond\n") + packer.flush(), compression="deflate")
    with program.load(tmp_path / "x.dump"):
        assert linecache.getline("packed.py", 2) == "second\n"


# --- what is missing --------------------------------------------------------------------------------------------


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    program = failing_program()
    program.end = {
        "complete": False,
        "reason": "max_bytes reached",
        "objects": 5,
        "known": 900,
        "broken": 2,
        "omitted": [{"what": "str", "count": 3, "reason": "redacted"}],
    }
    path = program.write(tmp_path / "x.dump")
    text = shown(view(path))
    for part in ("max_bytes reached", "5 of 900 objects", "2 objects could not be read", "3 str: redacted"):
        assert part in text, part
    assert json.loads(shown(view(path, "--json")))["complete"] is False


def test_dump_without_exception(tmp_path: Path) -> None:
    program = DumpedProgram()
    frame = program.frame(program.code("serve", "server.py", 5), {"port": 80, "gone": missing("left out")}, 9)
    program.thread([frame], name="MainThread", current=True)
    path = program.write(tmp_path / "x.dump")
    assert "port = 80" in shown(view(path)) and "<missing: left out>" in shown(view(path))
    assert "80" in shown(view(path, "--pdb", commands="p port\n"))
    assert json.loads(shown(view(path, "--json")))["exception"] is None


def test_empty_dump(tmp_path: Path) -> None:
    path = DumpedProgram().write(tmp_path / "x.dump")
    assert "0 threads" in shown(view(path))
    assert "no Python stack in this dump" in shown(view(path, "--pdb"))


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    program = failing_program()
    evil = f"evil{CONTROLS[:4]}name"
    frame = program.frame(program.code(evil, f"/srv/{evil}.py"), {evil: evil}, 1, space=program.add(DICT, evil, evil))
    program.dump.source(f"/srv/{evil}.py", f"raise ValueError('{CONTROLS[:4]}')\n")
    instance = program.instance(program.cls(evil, module=evil), {evil: evil})
    error = program.exception("ValueError", [evil, ref(instance)], [(frame, 1)])
    program.failed_with(error, [frame], problem=evil)
    program.roots["threads"].reverse()
    program.dump.headers["Subject"] = f"[pyheapdump] {evil}"
    path = program.write(tmp_path / "x.dump")
    for options in ([], ["--threads"], ["--json"]):
        shown(view(path, *options))
    shown(view(path, "--pdb", commands="w\nl\nargs\nthreads\nbanner\nup\nup\n"))


# --- bad input --------------------------------------------------------------------------------------------------


def refused(ended: Ended, status: int = 1) -> str:
    """The one line on stderr of a command that failed."""
    assert ended.status == status, (ended.stdout.decode(), ended.stderr.decode())
    lines = NOTICE.sub(b"", ended.stderr).decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("pyheapdump: "), lines
    assert ended.stdout == b""
    return lines[0]


def test_missing_file(tmp_path: Path) -> None:
    assert "nothing.dump" in refused(view(tmp_path / "nothing.dump"))


def test_directory(tmp_path: Path) -> None:
    assert str(tmp_path) in refused(view(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"hello\n",
        b"\0" * 1000,
        pickle.dumps([1, 2]),
        b"\x28\xb5\x2f\xfd" * 100,
        os.urandom(5000),
        b"Subject: x\n\n",
    ],
    ids=["empty", "newline", "text", "zeros", "pickle", "zstd", "random", "mail"],
)
def test_files_that_are_no_dumps(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.dump"
    path.write_bytes(content)
    assert "no.dump" in refused(view(path))


def test_unreadable_file(tmp_path: Path) -> None:
    assert "/proc/self/mem" in refused(view(Path("/proc/self/mem")))


def test_future_version(tmp_path: Path) -> None:
    program = DumpedProgram(headers={"X-Python-Heapdump-Version": "4"})
    path = program.write(tmp_path / "future.dump")
    assert "4" in refused(view(path))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--nothing"], "unrecognized arguments: --nothing"),
        (["--jsn"], "unrecognized arguments: --jsn (did you mean --json?)"),
        (["--thread=1"], "--thread"),
        (["--json", "--pdb"], "not allowed with argument"),
        (["second.dump"], "unrecognized arguments: second.dump"),
        (["\x1b[2J"], "unrecognized arguments: \\x1b[2J"),
        (["--largest", "many"], "takes a number from 1 to 1000, not 'many' (FILE comes before it)"),
        (["--native", "--debug-files", "/nope"], "--debug-files: /nope: no such folder"),
        (["--debug-files", "/"], "go with --native"),
    ],
)
def test_wrong_usage(failed: Path, options: List[str], says: str) -> None:
    for command in (["-m", "pyheapdump.view"], ["-m", "pyheapdump", "view"]):
        ended = run_python([*command, str(failed), *options])
        text = ended.stderr.decode()
        assert ended.status == 2 and text.count("\n") == 1 and says in text, text
        assert text.startswith("pyheapdump: ") and text.endswith(f"; see python {' '.join(command)} --help\n")


def test_other_ways_to_call_it(failed: Path) -> None:
    assert run_python(["-m", "pyheapdump", "view", str(failed)]).stdout == view(failed).stdout != b""
    for command in (["-m", "pyheapdump.view"], ["-m", "pyheapdump", "view"]):
        assert run_python([*command, "--version"]).stdout == run_python(["-m", "pyheapdump", "--version"]).stdout
        for arguments, says in ([["-"], "standard input"], [[], "required: FILE"]):
            ended = run_python([*command, *arguments], stdin=failed.read_bytes())
            assert ended.status == 2 and says in ended.stderr.decode() and ended.stderr.count(b"\n") == 1
    assert "python -m pyheapdump view FILE" in run_python(["-m", "pyheapdump", "--help"]).stdout.decode()
    ended = run_python(["-m", "pyheapdump", str(failed)])
    assert ended.status == 2 and "a dump is opened with python -m pyheapdump view FILE" in ended.stderr.decode()


PACKED = [
    ("gzip", lambda content: gzip.compress(content, 1), "gunzip FILE"),
    ("zstd", compress, "unzstd FILE"),
    ("zstd, not compressed", lambda content: b"\x28\xb5\x2f\xfd\x20\xff" + content, "unzstd FILE"),
    ("xz", lambda content: lzma.compress(content), "unxz FILE"),
    ("bzip2", lambda content: bz2.compress(content), "bunzip2 FILE"),
    ("lz4", lambda content: b"\x04\x22\x4d\x18" + content, "unlz4 FILE"),
    ("7z", lambda content: b"7z\xbc\xaf\x27\x1c" + content, "7z x FILE"),
    ("zip", lambda content: b"PK\x03\x04" + content, "unzip FILE"),
]


@pytest.mark.parametrize(("pack", "says"), [one[1:] for one in PACKED], ids=[one[0] for one in PACKED])
def test_compressed_dumps_are_named(failed: Path, tmp_path: Path, pack: Any, says: str) -> None:
    path = tmp_path / "packed.dump"
    path.write_bytes(pack(failed.read_bytes()))
    assert f"unpack it first ({says})" in refused(view(path))


def test_changed_line_ends_are_named(failed: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.dump"
    path.write_bytes(failed.read_bytes().replace(b"\n", b"\r\n"))
    assert "line ends were changed to CRLF" in refused(view(path)) and "binary mode" in refused(view(path))


@pytest.mark.parametrize("percent", range(0, 100, 5))
def test_truncated(failed: Path, tmp_path: Path, percent: int) -> None:
    content = failed.read_bytes()
    path = tmp_path / "cut.dump"
    path.write_bytes(content[: len(content) * percent // 100])
    ended = view(path)
    if ended.status == 0:
        assert "missing" in shown(ended)
    else:
        refused(ended)


def test_the_current_directory_is_not_imported_from(failed: Path, tmp_path: Path) -> None:
    """Files beside a dump may have come along with it."""
    names = "pdb cmd bdb json decimal argparse linecache numpy app code readline signal difflib zlib uuid"
    for name in names.split():
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the current directory was imported')\n")
    (tmp_path / ".pdbrc").write_text("p 'the .pdbrc ran'\n")
    for options in ([], ["--json"], ["--pdb"]):
        text = shown(view(failed, *options, directory=tmp_path, commands="p order\n"))
        assert "of the current directory" not in text and "the .pdbrc ran" not in text
    ended = run_python(["-m", "pyheapdump", "view", str(failed)], directory=tmp_path)
    assert "of the current directory" not in shown(ended)


def test_home_pdbrc_is_read(failed: Path, tmp_path: Path) -> None:
    (tmp_path / ".pdbrc").write_text("p 'from home'\n")
    assert "from home" in shown(view(failed, "--pdb", environment={"HOME": str(tmp_path)}))


def test_closed_output(failed: Path) -> None:
    command = f"{sys.executable} -m pyheapdump.view {failed} --json | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=30, check=False)
    assert len(done.stdout) == 10 and done.stderr == b""


def test_first_local_of_a_large_dump_is_quick(tmp_path: Path) -> None:
    """A list of a hundred million: time and memory to its first item do not depend on that."""
    program = failing_program()
    row = program.add(DICT, "id", 1)
    rows = program.add(16, LIST, 100_000_000)
    program.dump.items(rows, [run(row, 100_000_000)])
    frame = program.frame(program.code("load", "big.py"), {"rows": ref(rows)}, 1)
    program.failed_with(program.exception("MemoryError", [], [(frame, 1)]), [frame])
    path = program.write(tmp_path / "big.dump")
    text = """
import sys, time
started = time.process_time()
import pyheapdump
with pyheapdump.load(sys.argv[1]) as dump:
    rows = dump.traceback.tb_frame.f_locals["rows"]
    assert rows[0]["id"] == 1 and len(rows) == 100_000_000
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(time.process_time() - started, int(peak.split()[1]) // 1024)
"""
    seconds, megabytes = shown(run_python(["-c", text, str(path)])).split()
    assert float(seconds) < 0.5 and int(megabytes) < 100


def test_load_raises_one_line(tmp_path: Path) -> None:
    path = tmp_path / "no.dump"
    path.write_bytes(b"hello\n")
    for one in (path, tmp_path / "nothing.dump", tmp_path):
        with pytest.raises(DumpError) as caught:
            load(one)
        assert str(one) in str(caught.value) and "\n" not in str(caught.value)


def test_the_program_s_own_frame_below_a_library(tmp_path: Path) -> None:
    """What failed is in json; what matters is who called it, and with what."""
    program = """
        import json
        def read_order(number):
            text = "[" * number
            return json.loads(text)
        read_order(17)
    """
    dump = Subject(tmp_path, program).run().only_dump
    summary = run_python(["-m", "pyheapdump.view", str(dump), "--summary"], directory=tmp_path).stdout.decode()
    assert re.search(r"^  where    .*json/decoder.py:\d+ in raw_decode$", summary, re.M), summary
    assert re.search(r"^  from     .*/subject.py:6 in read_order$", summary, re.M), summary
    assert re.search(r"^locals of .*json/decoder.py:", summary, re.M)
    assert "\n  number = 17\n" in summary
    arguments = ["-m", "pyheapdump.view", str(dump), "--pdb"]
    session = run_python(arguments, directory=tmp_path, stdin=b"own\np number\nq\n").stdout.decode()
    assert "subject.py(6)read_order()" in session and "(dump) 17\n" in session


def test_sources_that_do_not_end(tmp_path: Path) -> None:
    """A source that was changed, or is none: no string or bracket in it is closed."""
    program = DumpedProgram()
    text = 'x = 1\ndef load(order):\n    text = """never closed\n    raise ValueError(\n    [(\n    $$ \x00 \'\n'
    program.dump.source("app.py", text)
    frame = program.frame(program.code("load", "app.py", 2, co_argcount=1, co_varnames=["order"]), {"order": 17}, 4)
    outer = program.frame(program.code("<module>", "app.py"), {}, 6)
    program.failed_with(program.exception("ValueError", ["lost"], [(outer, 6), (frame, 4)]), [frame, outer])
    path = program.write(tmp_path / "unclosed.dump")
    commands = "ll\nlonglist\nl\nsource load\nup\nll\nsource load\nw\ndown\np order\n"
    text = shown(view(path, "--pdb", commands=commands))
    assert text.count("  4  ->\t    raise ValueError(") == 3 and text.rstrip().endswith("17\n(dump)")
    for options in (["--summary"], ["--json"], ["--threads"]):
        assert "raise ValueError(" in shown(view(path, *options))
