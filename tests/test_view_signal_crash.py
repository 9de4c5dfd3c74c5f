# SPDX-License-Identifier: Apache-2.0
"""Crashes of real programs in the viewer, from the signal to the merged stack and the prompt of pdb.

C code that has a callback sorts rows: Python calls C, which calls Python, which calls the C function that fails.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
from pyheapdump.view import load
from pyheapdump.view.merged import merged_stack
from support.subject import Ended, Subject
from test_view_cli import shown, view

ROWS = """
#include <stdlib.h>

typedef int (*compare_function)(int, int);
static compare_function callback;

static inline __attribute__((always_inline)) int read_cell(volatile int *cell)
{
    return *cell; /* line 9 */
}

static __attribute__((noinline)) int parse_row(volatile int *row)
{
    return read_cell(row) + 1;
}

static int compare_rows(const void *a, const void *b)
{
    return callback(*(const int *)a, *(const int *)b) + 0;
}

int sort_rows(compare_function compare)
{
    int rows[] = {3, 1, 2};
    callback = compare;
    qsort(rows, 3, sizeof *rows, compare_rows);
    return rows[0];
}

int parse(volatile int *row)
{
    return parse_row(row) + 1;
}

volatile int deepest;

int descend(int depth)
{
    volatile char room[1000] = {0};
    deepest = depth;
    return descend(depth + 1) + room[0];
}
"""

PROGRAM = """
import ctypes, sys, threading
rows = (ctypes.PyDLL if sys.argv[2] == "held" else ctypes.CDLL)(sys.argv[3])

def check(a, b):
    text = "x,y"
    return getattr(rows, sys.argv[1])(None)

@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
def compare(a, b):
    return check(a, b)

def main():
    title = "orders"
    rows.sort_rows(compare)

main()
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "rows.c").write_text(ROWS)
    options = ["-g", "-O1", "-fno-optimize-sibling-calls", "-shared", "-fPIC", "-Wl,--build-id=sha1"]
    subprocess.run(["gcc", *options, "-o", "librows.so", "rows.c"], cwd=folder, check=True, timeout=60)
    return folder / "librows.so"


@pytest.fixture(scope="module")
def crashed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return crash(tmp_path_factory.mktemp("crashed"), "parse", "held", str(library))


def crash(folder: Path, *arguments: str) -> Ended:
    ended = Subject(folder, PROGRAM).run(*arguments)
    assert ended.status == -11, ended.stderr.decode()
    return ended


def of_the_program(text: str) -> str:
    """The lines of a stack that are of the program and its library, without what ctypes and qsort need in between."""
    ours = re.compile(r"  (?:\S*/)?(subject\.py:\d+ in \S+|librows\.so: \w+|\.\.\. .*)")
    return ", ".join(found[1] for found in map(ours.match, text.splitlines()) if found)


STACK = (
    "subject.py:18 in <module>, subject.py:16 in main, librows.so: sort_rows, librows.so: compare_rows, "
    "subject.py:12 in compare, subject.py:8 in check, librows.so: parse, librows.so: parse_row"
)


def test_line_and_stack(crashed: Ended) -> None:
    text = shown(view(crashed.only_dump))
    line = next(line for line in text.splitlines() if line.startswith("  error    "))
    assert re.fullmatch(
        r"  error    SIGSEGV: address 0x0 not mapped, in librows\.so: parse_row\+0x[0-9a-f]+, "
        r"called from subject\.py:8 check\(\)",
        line,
    ), line
    assert of_the_program(text) == STACK
    assert "text = 'x,y'" in text and "_PyEval" not in text and "apart" not in text
    assert "(found by scanning" not in text and "missing" not in text and "note" not in text


def test_native_view(crashed: Ended) -> None:
    text = shown(view(crashed.only_dump, "--native"))
    assert "parse_row at " in text and re.search(r"      read_cell at \S+rows\.c:9 \(inlined\)\n", text)
    call = next(number for number, line in enumerate(ROWS.splitlines(), 1) if "qsort(" in line)
    place = rf"      sort_rows at \S+rows\.c:{call}\n"
    assert re.search(r"librows\.so\+0x[0-9a-f]+: sort_rows\+0x[0-9a-f]+\n" + place, text)
    assert re.search(r"rip 0x0000[0-9a-f]{12}", text) and re.search(r"librows\.so, build-id [0-9a-f]{40}\n", text)
    assert "internal frames (--all shows them)" in text
    everything = shown(view(crashed.only_dump, "--native", "--all"))
    assert everything.count("_PyEval_EvalFrameDefault") >= 2 and "internal frame" not in everything


def test_pdb(crashed: Ended) -> None:
    text = shown(view(crashed.only_dump, "--pdb", commands="p text\nup\nup\np title\nnative\n"))
    assert "subject.py(8)check()\n-> return getattr(rows, sys.argv[1])(None)" in text
    assert "'x,y'" in text and "'orders'" in text and text.count("librows.so: compare_rows") == 2


def test_json(crashed: Ended) -> None:
    signal = json.loads(shown(view(crashed.only_dump, "--json")))["signal"]
    assert (signal["name"], signal["code_name"], signal["address"], signal["gil"]) == (
        "SIGSEGV",
        "SEGV_MAPERR",
        0,
        "held",
    )
    names = [frame.get("function") or frame["symbol"] for frame in signal["stacks"][0]["frames"]]
    assert signal["stacks"][0]["apart"] is None
    wanted = ["main", "sort_rows", "compare_rows", "compare", "check", "parse", "parse_row"]
    assert [name for name in names if name in wanted] == wanted


def test_without_the_gil(library: Path, tmp_path: Path) -> None:
    ended = crash(tmp_path, "parse", "released", str(library))
    text = shown(view(ended.only_dump))
    assert "note     the thread that got the signal did not hold the GIL" in text
    assert "note     taken without the GIL: other threads may have been changing objects" in text
    assert of_the_program(text) == STACK


def test_stack_overflow(library: Path, tmp_path: Path) -> None:
    """The middle of thousands of C functions is left out, and recursion counted; both ends fit to Python's stack."""
    ended = crash(tmp_path, "descend", "held", str(library))
    text = shown(view(ended.only_dump))
    assert "error    SIGSEGV: stack overflow at 0x" in text and "apart" not in text
    shape = re.sub(r"\d{2,} (more times|frames)", r"N \1", of_the_program(text))
    assert shape == (
        STACK.replace("parse, librows.so: parse_row", "descend, ... the last frame repeated N more times")
        + ", ... N frames of C code are not in the dump, librows.so: descend, ... the last frame repeated N more times"
        + ", librows.so: descend"
    )


# With less stack than the interpreter believes to have: it has limits of its own from 3.12 on.
RECURSION = """
import resource, sys
sys.setrecursionlimit(10**6)
resource.setrlimit(resource.RLIMIT_STACK, (1_000_000, 1_000_000))

def descend():
    return sorted([1], key=lambda number: descend())

descend()
"""


def test_python_overflows_the_stack(tmp_path: Path) -> None:
    """Thousands of entries of the interpreter, of which the native stack has the ends."""
    ended = Subject(tmp_path, RECURSION).run()
    assert ended.status == -11, ended.stderr.decode()
    with load(ended.only_dump) as dump:
        thread = dump.signal_thread
        assert thread is not None
        stack = merged_stack(dump, thread, thread.native)
        assert stack.problem is None
        kinds = [type(entry).__name__ for entry in stack.entries]
        assert kinds.count("Omitted") == 1 and kinds.count("frame") == len(thread.frames)
    text = shown(view(ended.only_dump))
    assert re.search(r"the last 2 frames repeated \d{2,} more times\n", text) and "apart" not in text
    assert len(text) < 5000


def test_where_entries_lie(crashed: Ended) -> None:
    with load(crashed.only_dump) as dump:
        thread = dump.signal_thread
        assert thread is not None and thread.native is not None
        pointers = [frame.stack_pointer for frame in thread.native.frames]
        assert all(pointer is not None for pointer in pointers) and pointers == sorted(pointers, reverse=True)  # type: ignore[type-var]
        if dump.heap.python >= (3, 12):
            addresses = [one.entry_address for one in thread.entries if one.entry]
            assert all(isinstance(address, int) and pointers[-1] < address < pointers[0] for address in addresses)  # type: ignore[operator]
        else:
            assert all(one.entry_address is None for one in thread.entries)
