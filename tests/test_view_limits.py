# SPDX-License-Identifier: Apache-2.0
"""What is left out of a view is counted exactly, and what lies at a limit of the viewer is on its right side."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyheapdump.view.containers import FILL_LIMIT, MAX_KEY_DEPTH, LazyList, distinct, hashable
from pyheapdump.view.heap import CLOSURE_VALUES
from pyheapdump.view.largest import largest
from pyheapdump.view.stack_text import MAX_FRAMES, MAX_LOCALS, locals_of, stack_lines
from pyheapdump.view.summary import MAX_PROBLEMS, MAX_THREADS, banner, summary
from pyheapdump.view.thread_text import threads_text
from support.dumped_program import DICT, LIST, TUPLE, DumpedProgram
from support.format_writer import ref


def program_with(frames: int = 1, names: int = 1, threads: int = 1) -> DumpedProgram:
    program = DumpedProgram()
    code = program.code("step", "app.py")
    space = program.add(DICT, "__name__", "app")
    for _ in range(threads):
        stack: "list[int]" = []
        for number in range(frames):
            found = {f"name{i}": i for i in range(names)} if number == frames - 1 else {}
            stack.insert(0, program.frame(code, found, number + 1, back=stack[0] if stack else None, space=space))
        program.thread(stack)
    return program


@pytest.mark.parametrize("more", [0, 1, 7])
def test_problems(tmp_path: Path, more: int) -> None:
    program = program_with()
    program.end["omitted"] = [{"count": n, "what": "texts", "reason": "too long"} for n in range(MAX_PROBLEMS + more)]
    with program.load(tmp_path / "x.dump") as dump:
        assert len(dump.missing) == MAX_PROBLEMS + more
        lines = [line for line in banner(dump).split("\n") if line.startswith("  missing  ")]
        assert sum("left out: " in line for line in lines) == MAX_PROBLEMS
        assert lines[MAX_PROBLEMS:] == ([f"  missing  ... {more} more such"] if more else [])


@pytest.mark.parametrize("more", [0, 1, 5])
def test_threads(tmp_path: Path, more: int) -> None:
    with program_with(threads=MAX_THREADS + more).load(tmp_path / "x.dump") as dump:
        text = summary(dump)
        assert text.count("  thread (no name)") == MAX_THREADS
        assert [line for line in text.split("\n") if line.endswith(" more")] == ([f"  ... {more} more"] if more else [])


@pytest.mark.parametrize("more", [0, 1, 33])
def test_frames(tmp_path: Path, more: int) -> None:
    path = program_with(frames=MAX_FRAMES + more).write(tmp_path / "x.dump")
    command = [sys.executable, "-m", "pyheapdump.view", str(path), "--json"]
    stack = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["threads"][0]
    assert (len(stack["frames"]), stack["frames_left_out"]) == (MAX_FRAMES, more)
    assert stack["frames"][-1]["line"] == MAX_FRAMES + more and stack["frames"][0]["line"] == more + 1
    with program_with(frames=MAX_FRAMES + more).load(path) as dump:
        lines = list(stack_lines(dump.threads[0].frames))
        assert sum(" in step" in line for line in lines) == MAX_FRAMES
        assert (f"  ... {more} outer frames are not shown" in lines) == bool(more)
        text = threads_text(dump)  # these differ by their lines: there is no recursion to be folded
        assert text.count(" in step") == MAX_FRAMES and (f"... {more} frames are not shown" in text) == bool(more)


@pytest.mark.parametrize("more", [0, 1, 9])
def test_locals(tmp_path: Path, more: int) -> None:
    with program_with(names=MAX_LOCALS + more).load(tmp_path / "x.dump") as dump:
        shown = locals_of(dump.threads[0].frames[-1])
        assert shown[:MAX_LOCALS] == [(f"name{i}", str(i)) for i in range(MAX_LOCALS)]
        assert shown[MAX_LOCALS:] == ([("...", f"{more} more")] if more else [])


@pytest.mark.parametrize("times", [4, 5, 40])
def test_recursion(tmp_path: Path, times: int) -> None:
    program = DumpedProgram()
    code, stack = program.code("again", "app.py"), []
    for number in range(times):
        stack.insert(0, program.frame(code, {}, 7, back=stack[0] if stack else None))
    program.thread(stack)
    with program.load(tmp_path / "x.dump") as dump:
        assert f"... the last frame repeated {times - 1} more times" in threads_text(dump)


@pytest.mark.parametrize("count", [FILL_LIMIT, FILL_LIMIT + 1])
def test_the_longest_list_that_is_made_whole(tmp_path: Path, count: int) -> None:
    """The second half of a closure's budget is used up by lists before it, so that it is lazy at first."""
    program = DumpedProgram()
    fillers = [program.add(LIST, *range(FILL_LIMIT)) for _ in range(CLOSURE_VALUES // FILL_LIMIT)]
    last = program.add(LIST, *range(count))
    every = program.add(LIST, *map(ref, [*fillers, last]))
    program.thread([program.frame(program.code("f", "x.py"), {"every": ref(every), "last": ref(last)}, 1)])
    with program.load(tmp_path / "x.dump") as dump:
        found = dump.object(last)
        assert (type(found) is list) == (count <= FILL_LIMIT) and len(found) == count
    with program.load(tmp_path / "x.dump") as dump:
        found = dump.object(every)[-1]
        assert type(found) is LazyList and found[-1] == count - 1
        if count <= FILL_LIMIT:
            found.append("changed: it was filled when it was touched")
        else:
            with pytest.raises(TypeError, match="cannot be changed"):
                found.append("a window on the dump")


def nested(depth: int) -> Any:
    return () if depth == 0 else (nested(depth - 1),)


def test_the_deepest_key_that_is_hashed(tmp_path: Path) -> None:
    assert hashable(nested(MAX_KEY_DEPTH - 1)) and distinct([nested(MAX_KEY_DEPTH - 1)])
    assert not hashable(nested(MAX_KEY_DEPTH)) and not distinct([nested(MAX_KEY_DEPTH)])
    for depth, is_real in ((MAX_KEY_DEPTH - 1, True), (MAX_KEY_DEPTH, False), (5_000, False)):
        program = DumpedProgram()
        key = program.add(TUPLE)
        for _ in range(depth):
            key = program.add(TUPLE, ref(key))
        names = {"by_key": ref(program.add(DICT, ref(key), "value"))}
        program.thread([program.frame(program.code("f", "x.py"), names, 1)])
        with program.load(tmp_path / f"{depth}.dump") as dump:
            found = dump.threads[0].frames[0].f_locals["by_key"]
            assert (type(found) is dict) == is_real and list(found.values()) == ["value"]


# --- the largest objects ----------------------------------------------------------------------------------------------

SIZED = [
    (2, 1 << 20), (3, 1.5), (4, 1j), (5, "x" * 100), (5, ""), (6, b"x" * 100), (7, bytearray(b"x" * 100)),
    (8, (1, 2, 3)), (8, ()), (9, [1, 2, 3]), (9, []), (10, {}), (11, set()), (12, frozenset()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "value"), SIZED, ids=[f"{type(value).__name__} {len(repr(value))}" for _, value in SIZED]
)
def test_sizes_are_those_of_python(tmp_path: Path, code: int, value: Any) -> None:
    """Those of CPython 3.13; others differ by a few bytes."""
    program = DumpedProgram()
    raw = value
    if code == 4:
        raw = [value.real, value.imag]
    parts = list(value) if code >= 8 else [bytes(value) if code == 7 else raw]
    made = program.add(code, *parts)
    with program.load(tmp_path / "x.dump") as dump:
        own = next(one.own for one in largest(dump, 1000).by_own if one.id == made)
    exact = sys.getsizeof(value) - (1 if code == 7 else 0)
    assert abs(own - exact) <= 40, (own, exact)


def test_keys_and_values_of_a_dict_are_told_apart(tmp_path: Path) -> None:
    program = DumpedProgram()
    code, space = program.code("f", "x.py"), program.add(DICT, "__name__", "app")
    names = {"found": ref(program.dump.next_id + 1), "row": ref(program.dump.next_id + 2)}
    program.thread([program.frame(code, names, 1, space=space)])  # first, as the writer begins at the stacks
    found, row = program.add(DICT), program.add(LIST)
    texts = [program.add(5, letter * 5_000) for letter in "abcdef"]
    pairs = [1, ref(texts[0]), ref(texts[1]), 2, "k", ref(texts[2]), ref(texts[3]), ref(texts[4])]
    program.dump.set(found, [DICT, *pairs])
    program.dump.set(row, [LIST, 0, 0, ref(texts[5])])
    with program.load(tmp_path / "x.dump") as dump:
        ways = {one.id: one.way.expression for one in largest(dump, 20).by_own if one.id in texts}
        by_key = dump.threads[0].frames[0].f_locals
        assert ways[texts[0]] == "found[1]" and ways[texts[2]] == "found['k']" and ways[texts[5]] == "row[2]"
        assert ways[texts[1]] == "list(found)[1]" and ways[texts[3]] == "list(found)[3]"
        assert list(by_key["found"])[3] == "d" * 5_000
