# SPDX-License-Identifier: Apache-2.0
"""No view takes sources from anywhere but the dump: what a dump merely names stays unread (promise 4).

A dump names files in its code objects, in the globals of modules, in exceptions. Each may be a file of the reader's, of
another version or private, or one that is read without end.
"""

import inspect
import io
import linecache
import os
import pdb
import sys
import traceback
from pathlib import Path

import pytest
from pyheapdump.view import load
from support.dumped_program import DICT, EXCEPTION_FIELDS, OBJECT, TUPLE, DumpedProgram
from support.format_writer import ref
from support.subject import Ended, run_python

SECRET = "line_of_the_reader = 1\n"
LINE = 3


def view(path: Path, *options: str, commands: str = "") -> Ended:
    return run_python(
        ["-m", "pyheapdump.view", str(path), *options], stdin=commands.encode(), directory=path.parent, seconds=30
    )


def naming(filename: str, **globals_of_module: str) -> DumpedProgram:
    """A program that failed in a function of the file `filename`, called from a file whose source is in the dump."""
    program = DumpedProgram()
    pairs = [part for pair in {"__name__": "app", **globals_of_module}.items() for part in pair]
    space = program.add(DICT, *pairs)
    main = program.frame(program.code("<module>", "known.py"), {}, 1, space=space)
    inner = program.frame(program.code("load", filename), {"n": 1}, LINE, back=main, space=space)
    error = program.exception("ValueError", ["no such order"], [(main, 1), (inner, LINE)])
    program.failed_with(error, [inner, main])
    program.dump.source("known.py", "load(1)\n")
    return program


def fifo(path: Path) -> Path:
    """A file that nobody ever writes to: who opens it for reading waits for ever."""
    os.mkfifo(path)
    return path


def private(path: Path) -> Path:
    path.write_text(SECRET * 9)
    return path


VIEWS = [["--summary"], ["--json"], ["--threads"], ["--locks"], ["--pdb"]]
COMMANDS = "w\nl\nll\nl 1,9\nsource load\nup\nll\np n\nq\n"


@pytest.mark.parametrize("options", VIEWS, ids=" ".join)
@pytest.mark.parametrize("make", [fifo, private])
@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_files_that_code_names(tmp_path: Path, options: "list[str]", make: object, relative: bool) -> None:
    named = make(tmp_path / "other.py")  # type: ignore[operator]
    dump = naming(named.name if relative else str(named)).write(tmp_path / "x.dump")
    ended = view(dump, *options, commands=COMMANDS)
    text = ended.stdout.decode()
    assert ended.status == 0, ended.stderr.decode()
    assert "other.py" in text or options == ["--locks"]
    assert "line_of_the_reader" not in text
    assert "load(1)" in text or options == ["--locks"], "what is in the dump is shown"


@pytest.mark.parametrize("make", [fifo, private])
def test_files_that_pdb_takes_from_a_module(tmp_path: Path, make: object) -> None:
    """3.11 to 3.13 list the `__file__` of a frozen module, and 3.14 reads it."""
    named = make(tmp_path / "other.py")  # type: ignore[operator]
    dump = naming("<frozen other>", __file__=str(named)).write(tmp_path / "x.dump")
    ended = view(dump, "--pdb", commands="l\nll\nw\nq\n")
    assert ended.status == 0 and b"line_of_the_reader" not in ended.stdout
    assert b"line_of_the_reader" not in view(dump, "--summary").stdout


def test_the_source_behind_a_compiled_file(tmp_path: Path) -> None:
    """inspect looks for other.py where the code says other.pyc."""
    private(tmp_path / "other.py")
    dump = naming(str(tmp_path / "other.pyc")).write(tmp_path / "x.dump")
    assert b"line_of_the_reader" not in view(dump, "--pdb", commands="ll\nw\nl\nq\n").stdout


def test_files_of_functions_on_no_stack(tmp_path: Path) -> None:
    named = private(tmp_path / "other.py")
    program = DumpedProgram()
    code = program.code("billed", str(named))
    program.roots["modules"] = ref(program.add(TUPLE, ref(code)))
    with program.load(tmp_path / "x.dump") as dump, pytest.raises(OSError):
        inspect.getsource(dump.object(code))


def test_debuggers_and_tracebacks_of_others(tmp_path: Path) -> None:
    """pdb, traceback and inspect on a dump that is open in a program; linecache is as before when it is closed."""
    named = private(tmp_path / "other.py")
    path = naming(str(named)).write(tmp_path / "x.dump")
    assert linecache.getline(str(named), LINE) == SECRET
    with load(path) as dump:
        linecache.checkcache()
        assert "line_of_the_reader" not in "".join(traceback.format_exception(None, dump.exception, dump.traceback))
        session = pdb.Pdb(stdin=io.StringIO("w\nl\nll\nq\n"), stdout=(out := io.StringIO()))
        session.use_rawinput = False
        session.reset()
        session.interaction(None, dump.traceback)
        assert "other.py(3)load()" in out.getvalue() and "line_of_the_reader" not in out.getvalue()
        frame = dump.threads[0].frames[-1]
        with pytest.raises(OSError):
            inspect.getsource(frame)
    assert linecache.getline(str(named), LINE) == SECRET


def test_ipython_on_a_dump(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    from IPython.core import ultratb

    named = private(tmp_path / "other.py")
    with naming(str(named)).load(tmp_path / "x.dump") as dump:
        formatted = ultratb.VerboseTB(color_scheme="NoColor") if sys.version_info < (3, 11) else ultratb.VerboseTB()
        text = "\n".join(formatted.structured_traceback(type(dump.exception), dump.exception, dump.traceback))
    assert "other.py" in text and "line_of_the_reader" not in text


def raising(kind: str, text: str, fields: "dict[str, object]", program: DumpedProgram) -> DumpedProgram:
    """A program that failed with a builtin exception that has C members of its own."""
    members = [*EXCEPTION_FIELDS, *fields]
    cls = program.builtin(kind, layout="BaseException", fields=members)
    values = {"args": ref(program.add(TUPLE, text)), "__suppress_context__": False, **fields}
    error = program.add(OBJECT, ref(cls), None, None, [values.get(member) for member in members])
    frame = program.frame(program.code("<module>", "app.py"), {}, 1)
    program.failed_with(error, [frame])
    return program


def test_traceback_imports_no_module_that_an_exception_names(tmp_path: Path) -> None:
    """Python 3.12 and later import it to look for names like the one that is missing."""
    (tmp_path / "lurking.py").write_text("print('lurking runs')\n")
    program = raising("ImportError", "cannot import name 'a'", {"name": "lurking", "name_from": "a"}, DumpedProgram())
    dump = program.write(tmp_path / "x.dump")
    code = (
        "import sys, traceback; sys.path.insert(0, '.'); from pyheapdump.view import load\n"
        "with load('x.dump') as dump: traceback.print_exception(None, dump.exception, None)"
    )
    ended = run_python(["-c", code], directory=tmp_path)
    assert b"cannot import name" in ended.stderr and b"lurking runs" not in ended.stdout
    assert view(dump, "--summary").status == 0


def test_traceback_opens_no_file_that_an_exception_names(tmp_path: Path) -> None:
    """Python 3.14 and later read it to look for keywords like the one that is misspelt."""
    named = fifo(tmp_path / "pipe.py")
    program = DumpedProgram()
    metadata = ref(program.add(TUPLE, 0, 0, None))
    about = {"filename": str(named), "lineno": 1, "offset": 1, "text": "fro a import b", "end_lineno": 1,
             "end_offset": 4, "msg": "invalid syntax", "_metadata": metadata}  # fmt: skip
    raising("SyntaxError", "invalid syntax", about, program)
    ended = view(program.write(tmp_path / "x.dump"), "--summary")
    assert ended.status == 0 and b"fro a import b" in ended.stdout


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "gone"
    dump = naming("other.py").write(tmp_path / "x.dump")
    before = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(place)]
    for options in VIEWS[:-1]:
        place.mkdir()
        ended = run_python(["-m", "pyheapdump.view", str(dump), *options], before=before)
        assert (ended.status, ended.stderr) == (0, b""), options


@pytest.mark.parametrize("first_closed", [0, 1])
@pytest.mark.parametrize("before", [None, (9, None, ["mine = 1\n"], "shared.py")])
def test_two_dumps_that_name_one_file(tmp_path: Path, first_closed: int, before: object) -> None:
    """linecache is one for both: the dump opened last counts, and in the end it is as it was."""
    with_source, without = tmp_path / "a.dump", tmp_path / "b.dump"
    program = naming("shared.py")
    program.dump.source("shared.py", "told = 1\n" * 9)
    program.write(with_source)
    naming("shared.py").write(without)
    linecache.cache.pop("shared.py", None)
    if before is not None:
        linecache.cache["shared.py"] = before  # type: ignore[assignment]
    dumps = [load(with_source), load(without)]
    for dump in dumps:
        assert dump.exception is not None
        traceback.extract_tb(dump.exception.__traceback__)
        assert linecache.getlines("shared.py") == (["told = 1\n"] * 9 if dump is dumps[0] else [])
    dumps.pop(first_closed).close()
    assert linecache.getlines("shared.py") == (["told = 1\n"] * 9 if first_closed else [])
    dumps.pop().close()
    assert linecache.cache.pop("shared.py", None) is before


def test_a_dump_that_is_never_closed(tmp_path: Path) -> None:
    """What somebody else puts into linecache meanwhile is what a later dump gives back."""
    program = naming("shared.py")
    program.dump.source("shared.py", "told = 1\n" * 9)
    program.write(tmp_path / "a.dump")
    forgotten = load(tmp_path / "a.dump")
    linecache.cache["shared.py"] = (9, None, ["mine = 1\n"], "shared.py")
    load(tmp_path / "a.dump").close()
    assert linecache.getlines("shared.py") == ["mine = 1\n"]
    forgotten.close()
    assert linecache.getlines("shared.py") == ["mine = 1\n"]
    linecache.clearcache()
