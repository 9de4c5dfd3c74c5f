# SPDX-License-Identifier: Apache-2.0
"""Dumps of fatal signals in the viewer: what `Dump.signal` holds, and how banner, views and pdb show it."""

import json
import random
import re
import time
from pathlib import Path
from typing import Any, Dict, List

import msgpack
import pytest
from pyheapdump.view import DumpError, load, signals
from support.dumped_program import DumpedProgram
from support.format_writer import ABSENT, SIGNAL, Block, address, encode, missing, ref
from support.subject import run_python
from test_view_cli import refused, shown, view

PYTHON, FOO = 0, 1  # numbers of the modules that crashed_with() makes
BASE = {PYTHON: 1 << 40, FOO: 1 << 41}


def native(module: int, symbol: Any, offset: int = 0x1B, how: str = "cfi", at: int = 0x1139) -> List[Any]:
    return [BASE[module] + at, module, symbol, offset, how]


# Innermost first: a C function that Python calls calls Python again, which calls the one that fails.
NATIVE = [
    native(FOO, "parse_row", how="registers"),
    native(PYTHON, "cfunction_call"),
    native(PYTHON, "_PyEval_EvalFrameDefault", 0x2000),
    native(PYTHON, "_PyObject_Call"),
    native(FOO, "for_each_row"),
    native(PYTHON, "_PyEval_EvalFrameDefault.cold", 0x20),
    native(PYTHON, "Py_RunMain"),
    native(PYTHON, "_start"),
]


def crashing_program(**signal: Any) -> DumpedProgram:
    """main() calls for_each_row(), which calls row() in Python, which calls check(), which calls parse_row()."""
    program = DumpedProgram()
    main = program.frame(program.code("main", "app.py", 1), {"table": "orders"}, 2, entry=True)
    row = program.frame(program.code("row", "app.py", 5), {"number": 7}, 6, back=main, entry=True)
    check = program.frame(program.code("check", "app.py", 9), {"text": "x,y"}, 10, back=row, entry=False)
    program.crashed_with([check, row, main], NATIVE, **signal)
    waiting = program.frame(program.code("wait", "worker.py", 10), {"queue": "jobs"}, 12)
    program.thread([waiting], name="worker")
    lines = ["def main(table):", "    for_each_row(table, row)", "", "", "def row(number):", "    check('x,y')"]
    program.dump.source("app.py", "\n".join([*lines, "", "", "def check(text):", "    parse_row(text)\n"]))
    return program


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crashing_program().write(tmp_path_factory.mktemp("crashed") / "python_heap_4711_0.dump")


LINE = "SIGSEGV: address 0x10 not mapped, in libfoo.so: parse_row+0x1b, called from app.py:10 check()"


# --- the object -------------------------------------------------------------------------------------------------


def test_what_the_signal_holds(crashed: Path) -> None:
    with load(crashed) as dump:
        signal = dump.signal
        assert signal is not None and "SIGSEGV: address 0x10 not mapped" in repr(signal)
        assert (signal.number, signal.name, signal.code, signal.code_name) == (11, "SIGSEGV", 1, "SEGV_MAPERR")
        assert (signal.address, signal.sender, signal.syscall) == (16, None, None)
        assert (signal.thread, signal.ident, signal.gil, signal.python_thread) == (4711, 140_000, "held", True)
        assert signal.registers["rip"] == 0x7F0000001139 and signal.raised_again is False
        python, foo = signal.modules
        assert (foo.path, foo.name, foo.bias, foo.build_id, foo.deleted) == (
            *("/srv/libfoo.so", "libfoo.so", 1 << 41),
            *("bb" * 20, True),
        )
        (stack,) = signal.threads
        assert stack.thread == 4711 and stack.end == "the first function of the thread"
        assert [frame.symbol for frame in stack.frames][:2] == ["_start", "Py_RunMain"], "outermost first"
        innermost, caller = stack.frames[-1], stack.frames[-2]
        assert innermost.module is foo and (innermost.offset, innermost.how) == (0x1B, "registers")
        assert innermost.place == "libfoo.so: parse_row+0x1b"
        assert innermost.file_address == 0x1139 and caller.file_address == 0x1138, "a caller goes on after the call"
        assert dump.signal_thread is dump.threads[0] and dump.threads[0].native is stack
        assert dump.threads[0].signal is signal and dump.threads[1].signal is None and dump.threads[1].native is None
        assert dump.exception is None and dump.problems == []


def test_frames_that_are_not_whole(tmp_path: Path) -> None:
    """What a frame lacks is not known; one without an address is none."""
    frames = [[BASE[FOO] + 5, FOO], [5, FOO, "f" * 10_000, 0, "cfi"], [BASE[FOO]], [BASE[FOO] + 7, 99, "f"], ["x"], []]
    program = crashing_program(threads=[{"thread": 4711, "frames": frames}])
    with program.load(tmp_path / "x.dump") as dump:
        stack = dump.signal.threads[0]
        unnamed, below, bare, nowhere = stack.frames[::-1]
        assert stack.end is None and stack.gap is None
        assert (unnamed.place, unnamed.file_address, unnamed.how) == ("libfoo.so+0x5", 4, "?")
        assert below.file_address is None and len(below.symbol) == 4096 and len(below.place) < 500
        assert bare.module is None and bare.place == f"{BASE[FOO]:#x} (in no module)"
        assert nowhere.place == "?: f"


def test_no_signal(tmp_path: Path) -> None:
    with DumpedProgram().load(tmp_path / "x.dump") as dump:
        assert dump.signal is None and dump.signal_thread is None
    assert json.loads(shown(view(tmp_path / "x.dump", "--json")))["signal"] is None


def test_a_signal_that_was_sent(tmp_path: Path) -> None:
    sent = {"signal": 6, "name": "SIGABRT", "code": -6, "code_name": "SI_TKILL", "sender": {"pid": 17, "uid": 0}}
    program = crashing_program(address=..., text=..., **sent)
    with program.load(tmp_path / "x.dump") as dump:
        assert dump.signal.sender == (17, 0) and dump.signal.address is None
        assert dump.signal.line == "SIGABRT (SI_TKILL), sent by process 17, in libfoo.so: parse_row+0x1b"


@pytest.mark.parametrize("python_thread, expected", [(True, 0), (False, None), (None, None)])
def test_whether_python_knew_the_thread(tmp_path: Path, python_thread: Any, expected: Any) -> None:
    """Only then the thread that made the dump is taken for the one that got the signal, by default."""
    program = DumpedProgram()
    program.crashed_with([], NATIVE, python_thread=python_thread, ident=0, thread=1)
    with program.load(tmp_path / "x.dump") as dump:
        assert dump.signal_thread is (None if expected is None else dump.threads[expected])
    program = DumpedProgram()
    program.crashed_with([], NATIVE, python_thread=python_thread)
    with program.load(tmp_path / "x.dump") as dump:
        assert dump.signal_thread is (None if python_thread is False else dump.threads[0])


@pytest.mark.parametrize(
    "threads, expected",
    [
        ([{"ident": 140_000, "native_id": 9}, {"ident": 5, "native_id": 4711}], 0),  # after a fork, up to 3.11
        ([{"ident": 5, "native_id": 9}, {"ident": 6, "native_id": 4711}], 1),
        ([{"ident": 5, "native_id": 9}, {"ident": 6, "native_id": 0}], None),
        ([{"ident": 5, "native_id": 9}, {"ident": 6, "native_id": 0, "current": True}], 1),
        ([], None),
    ],
)
def test_which_thread_it_was(tmp_path: Path, threads: List[Dict[str, Any]], expected: Any) -> None:
    program = DumpedProgram()
    program.crashed_with([], NATIVE)
    program.roots["threads"] = threads
    with program.load(tmp_path / "x.dump") as dump:
        found = dump.signal_thread
        assert (None if found is None else dump.threads.index(found)) == expected
        assert found is None or found.native is dump.signal.threads[0]


# --- the views --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--summary"]])
def test_summary(crashed: Path, options: List[str]) -> None:
    text = shown(view(crashed, *options))
    assert f"  error    {LINE}\n  where    app.py:10 in check\n" in text
    assert "thread MainThread, id 4711, got SIGSEGV, holds the GIL\n" in text
    assert "locals of app.py:10 in check:\n  text = 'x,y'" in text and "thread worker, id 4712" in text
    assert "note" not in text and "missing" not in text and "Traceback" not in text


MERGED = """
  app.py:2 in main
      for_each_row(table, row)
  libfoo.so: for_each_row+0x1b
  app.py:6 in row
      check('x,y')
  app.py:10 in check
      parse_row(text)
  libfoo.so: parse_row+0x1b
"""


@pytest.mark.parametrize("options", [["--summary"], ["--threads"]])
def test_merged_stack(crashed: Path, options: List[str]) -> None:
    text = shown(view(crashed, *options))
    assert MERGED in text and "_PyEval" not in text


def test_threads(crashed: Path) -> None:
    text = shown(view(crashed, "--threads"))
    assert text.startswith("thread MainThread, id 4711, got SIGSEGV, holds the GIL\n")
    assert "\nthread worker, id 4712\n  worker.py:12 in wait\n" in text


def test_native(crashed: Path) -> None:
    text = shown(view(crashed, "--native"))
    for part in (
        f"{LINE}\n\nthread MainThread, id 4711, got SIGSEGV",
        "  (the C stack ends here: the first function of the thread)\n"
        "  ... 3 internal frames (--all shows them)\n  app.py:2 in main\n",
        "\n  libfoo.so+0x1139: for_each_row+0x1b\n  ... 2 internal frames (--all shows them)\n  app.py:6 in row\n",
        "\n  ... 1 internal frame (--all shows them)\n  libfoo.so+0x1139: parse_row+0x1b\n",
        "thread worker, id 4712\n  (no C stack in the dump)\n  worker.py:12 in wait",
        "registers:\n   rip 0x00007f0000001139   rsp 0x00007ffe00000000",
        f"modules:\n  0x010000000000-0x010000001000 /usr/bin/python3, build-id {'aa' * 20}\n",
        f"/srv/libfoo.so, build-id {'bb' * 20}, deleted\n",
        "libfoo.so: this machine has neither the file nor its debug file",
    ):
        assert part in text, part


def test_native_with_the_interpreters_own_functions(crashed: Path) -> None:
    text = shown(view(crashed, "--native", "--all"))
    assert "internal frame" not in text
    text = text.partition("\n\n")[2]  # without the line of the signal
    expected = ["_start+", "Py_RunMain+", "FrameDefault.cold+0x20", "in main", "for_each_row+", "_PyObject_Call+"]
    expected += ["FrameDefault+0x2000", "in row", "in check", "cfunction_call+", "parse_row+"]
    places = [text.index(part) for part in expected]
    assert places == sorted(places)


def test_native_of_a_dump_without_signal(tmp_path: Path) -> None:
    program = DumpedProgram()
    program.thread([program.frame(program.code("serve", "server.py"), {}, 9)], name="MainThread")
    text = shown(view(program.write(tmp_path / "x.dump"), "--native"))
    assert "server.py:9 in serve" in text and "no C stack" in text


@pytest.mark.parametrize("options", [["--all"], ["--debug-files", "/tmp"], ["--native", "--threads"]])
def test_wrong_usage(crashed: Path, options: List[str]) -> None:
    ended = view(crashed, *options)
    assert ended.status == 2 and ended.stderr.count(b"\n") == 1


def test_json(crashed: Path) -> None:
    report = json.loads(shown(view(crashed, "--json")))
    signal = report["signal"]
    assert (report["reason"], report["exception"], report["complete"]) == ("signal", None, True)
    assert (signal["number"], signal["name"], signal["code_name"], signal["address"]) == (
        11,
        "SIGSEGV",
        "SEGV_MAPERR",
        16,
    )
    assert signal["line"] == LINE and signal["registers"]["rsp"] == 0x7FFE00000000 and signal["sender"] is None
    assert signal["modules"][1]["build_id"] == "bb" * 20 and signal["modules"][1]["bias"] == 1 << 41
    stack, other = signal["stacks"]
    assert (stack["thread"], stack["python_thread"], stack["apart"], stack["frames_left_out"]) == (4711, 0, None, 0)
    shown_frames = [
        frame.get("function") or frame["symbol"] for frame in stack["frames"] if not frame.get("of_interpreter")
    ]
    assert shown_frames == ["main", "for_each_row", "row", "check", "parse_row"]
    innermost, python = stack["frames"][-1], stack["frames"][3]
    assert (innermost["module"], innermost["offset"], innermost["how"]) == (1, 0x1B, "registers")
    assert (python["filename"], python["line"], python["source"]) == ("app.py", 2, "for_each_row(table, row)")
    assert (other["thread"], other["python_thread"], other["end"]) == (4712, 1, None)
    documented = Path(__file__).parent.parent.joinpath("docs", "json.md").read_text()
    for keys in (signal, stack, innermost, python, signal["modules"][0]):
        assert all(f"`{key}`" in documented for key in keys), keys


def test_frames_left_out_in_the_middle(tmp_path: Path) -> None:
    stacks = [{"thread": 4711, "frames": NATIVE, "end": "the first function", "omitted": [4, 12_345]}]
    path = crashing_program(threads=stacks).write(tmp_path / "x.dump")
    with load(path) as dump:
        assert dump.signal is not None and dump.signal.threads[0].gap == (4, 12_345)
    line = "\n  ... 12345 frames of C code are not in the dump\n"
    assert line in shown(view(path)) and line in shown(view(path, "--native")), "outside of for_each_row"
    assert {"omitted": 12_345} in json.loads(shown(view(path, "--json")))["signal"]["stacks"][0]["frames"]
    for odd in ([9, 1], [4, 0], [-1, 5], [4], "x", [4, "x"], {4: 1}, [[], []], None):
        with load(crashing_program(threads=[{**stacks[0], "omitted": odd}]).write(tmp_path / "y.dump")) as dump:
            assert dump.signal is not None and dump.signal.threads[0].gap is None


def test_the_writers_line_may_name_the_python_place(tmp_path: Path) -> None:
    program = crashing_program(text=LINE)
    assert f"error    {LINE}\n" in shown(view(program.write(tmp_path / "x.dump")))


# --- the debugger -----------------------------------------------------------------------------------------------


def test_pdb_starts_where_the_signal_arrived(crashed: Path) -> None:
    commands = "p text\nup\np number\nup\np table\nthreads\nthread 1\np queue\nnative\nbanner\n"
    text = shown(view(crashed, "--pdb", commands=commands))
    assert text.startswith("python_heap_4711_0.dump: ") and LINE in text
    for part in ("app.py(10)check()\n-> parse_row(text)", "(dump) 'x,y'\n", "\n(dump) 7\n", "'orders'", "'jobs'"):
        assert part in text, part
    assert text.count("libfoo.so: for_each_row+0x1b") == 2, "before the session, and by its command"
    assert "0  thread MainThread, id 4711, got SIGSEGV, holds the GIL: app.py:10 in check" in text
    assert "***" not in text


def test_pdb_when_the_thread_is_none_of_pythons(tmp_path: Path) -> None:
    frames = [native(FOO, "crunch", how="registers"), native(FOO, "worker_main")]
    stacks = [{"thread": 99, "frames": frames, "end": "end"}, {"thread": 4711, "frames": NATIVE, "end": "end"}]
    program = crashing_program(thread=99, ident=98, python_thread=False, gil=None, threads=stacks)
    path = program.write(tmp_path / "x.dump")
    text = shown(view(path, "--pdb", commands="p text\n"))
    assert "  note     thread 99, which got the signal, is none that Python knows: it has no Python stack\n" in text
    assert "  error    SIGSEGV: address 0x10 not mapped, in libfoo.so: parse_row+0x1b\n" in text
    assert (
        "thread 99, not known to Python, got SIGSEGV\n  libfoo.so: worker_main+0x1b\n  libfoo.so: crunch+0x1b\n" in text
    )
    assert "*** no Python code ran where the signal arrived; this is thread MainThread, id 4711" in text
    assert "app.py(10)check()" in text and "'x,y'" in text
    assert "where" not in shown(view(path)).partition("\n\n")[0]
    threads = shown(view(path, "--threads"))
    assert threads.startswith("thread 99, not known to Python, got SIGSEGV\n") and MERGED in threads
    assert [stack["python_thread"] for stack in json.loads(shown(view(path, "--json")))["signal"]["stacks"]] == [
        None,
        0,
        1,
    ]


def test_pdb_when_the_thread_runs_no_python_code(tmp_path: Path) -> None:
    program = DumpedProgram()
    program.crashed_with([], [native(FOO, "start", how="registers")])
    program.thread([program.frame(program.code("serve", "server.py"), {"port": 80}, 9)], name="server")
    path = program.write(tmp_path / "x.dump")
    text = shown(view(path, "--pdb", commands="p port\n"))
    assert "note     thread 4711, which got the signal, was not running Python code" in text
    assert "this is thread server" in text and "80\n" in text
    program = DumpedProgram()
    program.crashed_with([], [])
    assert "no Python stack in this dump" in shown(view(program.write(tmp_path / "y.dump"), "--pdb"))


def test_pdb_takes_the_signal_before_an_exception(tmp_path: Path) -> None:
    program = crashing_program()
    other = program.frame(program.code("elsewhere", "other.py"), {}, 3)
    program.roots["exception"] = ref(program.exception("ValueError", ["handled"], [(other, 3)]))
    text = shown(view(program.write(tmp_path / "x.dump"), "--pdb", commands="p text\n"))
    assert "(dump) 'x,y'\n" in text and LINE in text and "  where    app.py:10 in check\n" in text


def test_pdb_when_another_thread_comes_first(tmp_path: Path) -> None:
    program = crashing_program()
    program.roots["threads"].reverse()
    path = program.write(tmp_path / "x.dump")
    assert "(dump) 'x,y'\n" in shown(view(path, "--pdb", commands="p text\n"))
    assert shown(view(path, "--threads")).startswith("thread MainThread, id 4711, got SIGSEGV")


def test_a_long_stack_shows_both_ends(tmp_path: Path) -> None:
    frames = [native(FOO, f"f{number}") for number in range(150)]
    path = crashing_program(threads=[{"thread": 4711, "frames": frames, "end": "end"}], python_thread=False)
    text = shown(view(path.write(tmp_path / "x.dump"), "--threads"))
    found = re.findall(r"^  (?:libfoo\.so: (f\d+)\+0x1b|\.\.\. (.*))$", text, re.MULTILINE)
    names = [first or second for first, second in found]
    outer, inner = [f"f{number}" for number in range(149, 129, -1)], [f"f{number}" for number in range(79, -1, -1)]
    assert names == [*outer, "50 frames are not shown", *inner]


# --- what is to be taken with care, and what is missing ----------------------------------------------------------


def test_without_the_gil(tmp_path: Path) -> None:
    program = crashing_program(gil="not held", raised_again=True)
    program.facts["gil_held"] = False
    path = program.write(tmp_path / "x.dump")
    with load(path) as dump:
        assert dump.problems == ["taken without the GIL: other threads may have been changing objects"]
    text = shown(view(path))
    for note in (*dump.problems, "did not hold the GIL", "a handler raised the signal again"):
        assert f"  note     {note}" in text or f"signal {note}" in text, note
    assert "missing" not in text
    report = json.loads(shown(view(path, "--json")))
    assert report["problems"] == dump.problems and report["complete"] is True


def test_unfinished_file(tmp_path: Path) -> None:
    """What a writer leaves that was killed: its temporary name, and as much as it had written."""
    whole = crashing_program().write(tmp_path / "whole.dump").read_bytes()
    path = tmp_path / "python_heap_4711_0.dump.part"
    opened = 0
    for size in range(0, len(whole), max(len(whole) // 25, 1)):
        path.write_bytes(whole[:size])
        ended = view(path)
        if ended.status == 0:
            assert "missing  the file is cut" in shown(ended)
            opened += 1
        else:
            assert "python_heap_4711_0.dump.part: is " in refused(ended)
    assert opened > 10, "the beginning alone does not open"


def test_unfinished_file_with_stacks_only(tmp_path: Path) -> None:
    """Facts, roots, signal and frames come first: with them the views show the crash."""
    program = crashing_program()
    program.dump.records_per_block = 1000
    whole = program.write(tmp_path / "whole.dump").read_bytes()
    path = tmp_path / "python_heap_4711_0.dump.part"
    objects = next(place for place in program.dump.places if place.kind == 3)
    path.write_bytes(whole[: objects.end + 3])
    text = shown(view(path, "--summary"))
    assert MERGED in text and LINE in text and "missing  the file is cut" in text
    path.write_bytes(whole[: objects.descriptor])
    text = shown(view(path, "--summary"))
    assert "libfoo.so: parse_row+0x1b" in text and "libfoo.so: for_each_row+0x1b" in text, "no objects, but the C stack"


@pytest.mark.parametrize(
    "size, words", [(0, "is empty"), (150, "is not a heap dump|was cut at byte"), (400, "was cut")]
)
def test_almost_empty_files(tmp_path: Path, size: int, words: str) -> None:
    whole = crashing_program().write(tmp_path / "whole.dump").read_bytes()
    path = tmp_path / "python_heap_4711_0.dump.part"
    path.write_bytes(whole[:size])
    line = refused(view(path))
    assert any(part in line for part in words.split("|")), line


# --- lies -------------------------------------------------------------------------------------------------------

ODD: List[Any] = [
    *(None, True, -1, 0, 1, 2**31, 2**64 - 1, 2**64, -(2**80), 1.5, float("nan"), "", "text", "\x1b[2J\u202e\0", b"b"),
    *(
        "x" * 100_000,
        [],
        {},
        [[]],
        [None] * 6,
        {"a": 1},
        {1: 2},
        {"pid": "x"},
        ref(0),
        ABSENT,
        missing("x"),
        address(1),
    ),
    *([{"thread": 4711, "frames": [[5, 0, "f", 1, "cfi"]] * 5, "end": 5, "omitted": [3, 2**63]}],),
    *([{"thread": [], "frames": [[5], [1, 2, 3, 4, 5], "x", [2**64, 0, "s", 1, "cfi"], [1, 10**9, 5, -1, None]]}],),
    *([{"path": "\0", "build_id": "../../x"}, {"path": "a", "build_id": "zz", "start": -1}, 5],),
]
KEYS = "signal name code code_name address sender syscall text thread ident gil python_thread raised_again".split()


@pytest.mark.parametrize("key", [*KEYS, "registers", "threads", "modules"])
def test_wrong_types(tmp_path: Path, key: str) -> None:
    """Each part of the map with everything that it must not be: that part is missing, the others are shown."""
    for value in ODD:
        look_at_signal(crashing_program(**{key: value}).write(tmp_path / "x.dump"))


def look_at_signal(path: Path) -> None:
    """All views of a dump, in this process."""
    from pyheapdump.view.native_text import NativeView
    from pyheapdump.view.report import report
    from pyheapdump.view.summary import summary
    from pyheapdump.view.thread_text import threads_text

    with load(path) as dump:
        json.dumps(report(dump))
        for text in (repr(dump.signal), summary(dump), threads_text(dump), NativeView(dump, None, True).text()):
            assert len(text) < 10_000_000 and text.replace("\n", "").isprintable()
        if dump.signal is not None:
            assert all(len(frame.place) < 500 for stack in dump.signal.threads for frame in stack.frames)


@pytest.mark.parametrize("seed", range(5))
def test_wrong_types_at_random(tmp_path: Path, seed: int) -> None:
    """Every part of the map replaced by chance, deep inside too; the seed makes it the same each time."""
    chance = random.Random(seed)

    def spoilt(value: Any) -> Any:
        if chance.random() < 0.1:
            return chance.choice(ODD)
        if isinstance(value, dict):
            return {key: spoilt(one) for key, one in value.items()}
        return [spoilt(one) for one in value] if isinstance(value, list) else value

    for _ in range(20):
        program = crashing_program()
        block = next(block for block in program.dump.blocks() if block.kind == SIGNAL)
        block.content = encode(spoilt(msgpack.unpackb(block.content)))
        look_at_signal(program.write(tmp_path / "x.dump"))


def test_flipped_bits(crashed: Path, tmp_path: Path) -> None:
    """One byte wrong anywhere: a clear error, or a dump that is shown."""
    data = crashed.read_bytes()
    chance = random.Random(1)
    path = tmp_path / "x.dump"
    for _ in range(100):
        spoilt = bytearray(data)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        try:
            look_at_signal(path)
        except DumpError as problem:
            assert "\n" not in str(problem)


def test_blocks_that_lie(tmp_path: Path) -> None:
    for content in ([1, 2], {}, {1: 2}, {"threads": {"a": 1}, "signal": 11}):
        program = DumpedProgram()
        program.dump.raw_block(Block(9, 0, 1, encode(content)))
        look_at_signal(program.write(tmp_path / "x.dump"))
    program = crashing_program()
    program.dump.raw_block(Block(9, 0, 1, b"\xc1"))
    path = program.write(tmp_path / "y.dump")
    look_at_signal(path)
    with load(path) as dump:
        assert dump.signal is not None and any("damaged" in problem for problem in dump.problems)


def test_absurd_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More frames, threads and modules than there can be: bounded, and it is said."""
    for name, limit in (("THREADS", 30), ("MODULES", 20), ("FRAMES", 500), ("ALL_FRAMES", 1000), ("REGISTERS", 5)):
        monkeypatch.setattr(signals, f"MAX_{name}", limit)
    frame = native(FOO, "f")
    stacks = [{"thread": number, "frames": [frame] * 50, "end": "end"} for number in range(100)]
    stacks[0] = {"thread": 4711, "frames": [frame] * 501, "end": "end"}
    modules = [{"path": f"/lib/{number}.so", "build_id": "ab"} for number in range(21)]
    registers = {f"r{number}": number for number in range(6)}
    path = crashing_program(threads=stacks, modules=modules, registers=registers).write(tmp_path / "x.dump")
    with load(path) as dump:
        signal = dump.signal
        assert signal is not None and len(signal.modules) == 20 and len(signal.threads) == 30
        assert len(signal.registers) == 5
        lengths = [len(stack.frames) for stack in signal.threads]
        assert lengths == [500] + [50] * 9 + [49] + [0] * 19
        ends = [stack.end for stack in signal.threads]
        assert ends == ["the viewer takes no more frames"] + ["end"] * 9 + ["the viewer takes no more frames"] * 20
    look_at_signal(path)


def test_a_large_block_is_opened_in_time(tmp_path: Path) -> None:
    frame = native(FOO, "f")
    stacks = [{"thread": number, "frames": [frame] * 50, "end": "end"} for number in range(2_000)]
    path = crashing_program(threads=stacks).write(tmp_path / "x.dump")
    started = time.process_time()
    load(path).close()
    assert time.process_time() - started < 3


def test_no_shell_sees_the_dump(tmp_path: Path) -> None:
    """Names that a shell would run, as paths and symbols; and a module that poses as an option."""
    evil = f"$(touch {tmp_path}/ran);`touch {tmp_path}/ran`"
    modules = [{"path": f"/{evil}", "bias": 0, "build_id": "ab" * 20}, {"path": "--help", "bias": 0, "build_id": "ab"}]
    frames = [[5000, 0, evil, 1, "cfi"], [5000, 1, evil, 1, "cfi"]]
    program = crashing_program(modules=modules, threads=[{"thread": 4711, "frames": frames, "end": evil}])
    shown(view(program.write(tmp_path / "x.dump"), "--native"))
    assert not (tmp_path / "ran").exists()


def test_viewer_needs_no_signal_modules_to_start() -> None:
    """Opening an ordinary dump does not load what only --native needs."""
    text = "import sys, pyheapdump.view.cli; print('pyheapdump.view.symbols' in sys.modules)"
    assert shown(run_python(["-c", text])) == "False\n"
