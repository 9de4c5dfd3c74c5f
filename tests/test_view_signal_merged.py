# SPDX-License-Identifier: Apache-2.0
"""Stacks of C and Python functions made one: which Python frames belong to which entry of the interpreter.

The stacks are written as texts, outermost function first: E is the interpreter's function that runs Python code, T one
of the tail-calling interpreter, in small letters its other functions; the others belong to other files (L: libc, P:
pyheapdump, X: a program, py: the interpreter's); ? has no name. Of Python's functions, those with a dot before them were
called from C.
"""

from pathlib import Path
from types import FrameType
from typing import Any, Iterator, List, Optional

import pytest
from pyheapdump.view.dump import PythonFrame
from pyheapdump.view.merged import MergedStack, Omitted, merged, merged_stack
from pyheapdump.view.signals import Gap, Module, NativeFrame, NativeThread
from support.dumped_program import DumpedProgram

PYTHON = Module("/usr/bin/python3", None, None, 0, None, False)
FOO = Module("/srv/libfoo.so", None, None, 0, None, False)
OTHERS = {
    "py": PYTHON,
    "L": FOO._replace(path="/lib/libc.so.6"),
    "P": FOO._replace(path="/site-packages/_pyheapdump.cpython-311-x86_64-linux-gnu.so"),
    "X": FOO._replace(path="/srv/program"),
}
SYMBOLS = {"E": "_PyEval_EvalFrameDefault", "T": "_TAIL_CALL_CALL_PY_EXACT_ARGS", "?": None}
SHORT = {symbol: short for short, symbol in SYMBOLS.items()}


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Any]:
    """Makes Python frames of the names in a text."""
    program = DumpedProgram()
    for name in "abcdefgh":
        program.thread([program.frame(program.code(name, "app.py"), {}, 1)])
    with program.load(tmp_path / "x.dump") as dump:
        frames = {name: dump.threads[number].frames[0] for number, name in enumerate("abcdefgh")}
        yield lambda text: [python_frame(frames, one) for one in text.split()]


def python_frame(frames: Any, text: str) -> PythonFrame:
    """`.a` is called from C; `.a@2` too, and lies in the function at position 2 of the native stack."""
    name, _, position = text.partition("@")
    address = -UNIT * int(position) + STACK + 8 if position else None
    return PythonFrame(frames[name[-1]], name.startswith("."), address)


STACK, UNIT = 0x7FFF00000000, 0x100  # where stacks begin, and bytes between the stack pointers of functions


def native(text: str, how: str = "cfi") -> NativeThread:
    """The stack; ... stands for frames that are left out. The offset of the innermost frame may be given by @."""
    made = []
    names, _, offset = text.partition("@")
    for name in names.replace("...", "").split():
        home, _, symbol = name.rpartition(":")
        if home:
            made.append(NativeFrame(1, OTHERS[home], SYMBOLS.get(symbol, symbol), 0x1000, how))
            continue
        of_python = name.islower() or name in ("E", "T") or name.startswith(("_PyEval", "_TAIL"))
        made.append(NativeFrame(1, PYTHON if of_python else FOO, SYMBOLS.get(name, name), 0x1000, how))
    if offset:
        made[-1] = made[-1]._replace(offset=int(offset, 16))
    gap = Gap(len(text.partition("...")[0].split()), 99) if "..." in text else None
    return NativeThread(1, made, "end", gap)


def text(stack: MergedStack, hidden: bool = True) -> str:
    entries = [entry for at, entry in enumerate(stack.entries) if hidden or at not in stack.hidden]
    return " ".join(
        f"[{entry.f_code.co_name}]" if isinstance(entry, FrameType) else name_of(entry) for entry in entries
    )


def name_of(entry: Any) -> str:
    if isinstance(entry, Omitted):
        return "..."
    home = next(
        (
            f"{short}:"
            for short, module in OTHERS.items()
            if entry.module is module and (short != "py" or not entry.symbol)
        ),
        "",
    )
    return home + SHORT.get(entry.symbol, str(entry.symbol))


@pytest.mark.parametrize(
    "c, py, expected",
    [
        ("E", ".a", "E [a]"),
        ("main E call F", ".a b c", "main E [a] [b] [c] call F"),
        ("main E call F call E G", ".a b .c", "main E [a] [b] call F call E [c] G"),
        ("E F E F E F", ".a .b .c", "E [a] F E [b] F E [c] F"),
        ("E E E", ".a .b .c d", "E [a] E [b] E [c] [d]"),
        ("E call _PyEval_EvalFrameDefault.cold F", ".a .b", "E [a] call _PyEval_EvalFrameDefault.cold [b] F"),
        ("_PyEval_EvalFrameDefault.lto_priv.0 F", ".a b", "_PyEval_EvalFrameDefault.lto_priv.0 [a] [b] F"),
        ("_PyEval_EvalFrameDefault.constprop.0.cold F", ".a", "_PyEval_EvalFrameDefault.constprop.0.cold [a] F"),
        # the tail-calling interpreter
        ("E T call E T F", ".a .b", "E T [a] call E T [b] F"),
        ("T call T F", ".a .b", "T [a] call T [b] F"),
        ("E call E T F", ".a .b", "E [a] call E T [b] F"),
        # nothing to merge
        ("main F", "", "main F"),
        ("", ".a b", "[a] [b]"),
        ("", "", ""),
        # the function of the interpreter has not taken up its Python frame yet
        ("E call F call E", ".a b", "E [a] [b] call F call E"),
        ("F E call F call E @3f", ".a b .c", "[a] [b] F E [c] call F call E"),
        # the native stack is cut outside
        ("F call E G", ".a .b c", "[a] F call E [b] [c] G"),
        ("F call E", ".a .b c", "[a] F call E [b] [c]"),
        # frames are left out in the middle
        ("main E F ... F E G", ".a b .c .d e .f", "main E [a] [b] F ... [c] [d] [e] F E [f] G"),
        ("main E F ... E G", ".a .b", "main E [a] F ... E [b] G"),
        ("main E F ... F G", ".a .b", "main E [a] F ... [b] F G"),
        ("main ... F E G", ".a .b", "main ... [a] F E [b] G"),
        ("... F E G", ".a .b", "... [a] F E [b] G"),
        ("main E F ... F E", ".a .b .c", "main E [a] F ... [b] F E [c]"),
        ("main E F ... F E @10", ".a .b .c", "main E [a] F ... [b] [c] F E"),
        ("main ... E T", ".a .b", "main ... [a] E T [b]"),
        ("main E L:? ... L:? E F", ".a .b .c", "main E [a] L:? ... [b] L:? E [c] F"),
        ("main E ... T G", ".a .b .c", "main E [a] ... [b] T [c] G"),
    ],
)
def test_merged(python: Any, c: str, py: str, expected: str) -> None:
    stack = merged(python(py), native(c))
    assert (text(stack), stack.problem) == (expected, None)
    assert [len(section) for section in stack.sections] == [len(stack.entries)][: len(stack.entries)]


@pytest.mark.parametrize(
    "c, py, words",
    [
        ("E F E G", ".a b", "2 times by the native stack, 1 times by Python's"),  # a Python frame is lost
        ("F G", ".a", "0 times by the native stack, 1 times"),  # no symbols at all
        ("E py:? E G", ".a .b .c", "2 times by the native stack, 3 times"),  # the one without a symbol may be the third
        ("main E F ... py:? E G", ".a .b .c", "2 times"),
        ("main E py:? ... E G", ".a .b .c", "2 times"),
        ("main E F ... E G", ".a", "2 times"),
        ("main F ... F G", ".a", "0 times"),
        ("E F", "a b", "does not tell"),  # the outermost is cut off
        ("_PyEval_EvalFrame F", ".a", "0 times"),
        ("my_PyEval_EvalFrameDefault F", ".a", "0 times"),
    ],
)
def test_nothing_is_guessed(python: Any, c: str, py: str, words: str) -> None:
    stack = merged(python(py), native(c))
    assert stack.problem is not None and words in stack.problem
    assert text(stack) == f"{' '.join(f'[{name[-1]}]' for name in py.split())} {c}"
    assert stack.hidden == frozenset(), "who has to match them by eye sees all"
    assert [len(section) for section in stack.sections] == [len(py.split()), len(c.split())]


@pytest.mark.parametrize(
    "c, py, expected",
    [
        ("main E F E G", ".a b", "main E F E [a] [b] G"),
        ("main E F E G", "a b .c", "main E [a] [b] F E [c] G"),
        ("main E F E G", "a b", "main E F E [a] [b] G"),
        ("F E G", ".a .b c", "[a] F E [b] [c] G"),
        ("main E F E @10", "a b", "main E [a] [b] F E"),
        ("main E py:? E G", ".a", None),
        ("main E F ... E G", "a .b", None),
    ],
)
def test_pythons_stack_is_cut(python: Any, c: str, py: str, expected: Optional[str]) -> None:
    """The inner end of both is right, as the dump says that the chain of frames breaks."""
    stack = merged(python(py), native(c), "the chain of frames is broken")
    if expected is not None:
        assert (text(stack), stack.problem) == (expected, None)
    else:
        assert stack.problem is not None and "(the chain of frames is broken)" in stack.problem


def test_a_stack_that_was_scanned_for_is_not_cut(python: Any) -> None:
    assert merged(python(".a .b"), native("F E G")).problem is None
    assert merged(python(".a .b"), native("F E G", how="scan")).problem is not None
    assert merged(python(".a"), native("F E G", how="scan")).problem is None, "but where the numbers agree it fits"


def test_entries_that_are_not_told(python: Any) -> None:
    frames = [python(".a .b")[0], python(".a .b")[1]._replace(entry=None)]
    assert "does not tell" in str(merged(frames, native("E F E G")).problem)


# --- by where Python's frames lie on the C stack ------------------------------------------------------------------


def on_stack(text: str) -> NativeThread:
    """The native stack with stack pointers; the frames that are left out have a position too."""
    made = native(text)
    positions = [position for position, name in enumerate(text.partition(" @")[0].split()) if name != "..."]
    frames = [frame._replace(stack_pointer=STACK - UNIT * at) for at, frame in zip(positions, made.frames)]
    return made._replace(frames=frames)


@pytest.mark.parametrize(
    "c, py, expected",
    [
        ("main E call F call E G", ".a@1 b .c@5", "main E [a] [b] call F call E [c] G"),
        ("main ? call F call ? G", ".a@1 b .c@5", "main E [a] [b] call F call E [c] G"),
        ("? G", ".a@0 b", "[a] [b] ? G"),  # nobody knows where the outermost one ends
        ("E G", ".a@0 b", "E [a] [b] G"),
        ("main E T call E T G", ".a@1 .b@4", "main E T [a] call E T [b] G"),
        ("main ? ? call G", ".a@1", "main E [a] ? call G"),
        # entries without a Python frame
        ("main E call F call E", ".a@1 b", "main E [a] [b] call F call E"),
        ("main E F E F E", ".a@1 .b@5", "main E [a] F E F E [b]"),
        # cut outside, and frames left out
        ("F call E G", ".a@-9 b .c@-5 .d@2", "[a] [b] [c] F call E [d] G"),
        ("main E F ... F E G", ".a@1 .b@3 c .d@4 .e@5", "main E [a] F ... [b] [c] [d] F E [e] G"),
        ("main E ... E G", ".a@1 .b@2 .c@3", "main E [a] ... [b] E [c] G"),
        ("E G", ".a@-3 .b@-2 .c@0", "[a] [b] E [c] G"),
        ("main E ... E G", ".a@1 .b@3", "main E [a] ... E [b] G"),
        ("main ? ... ? G", ".a@1 .b@2 .c@3", "main E [a] ... [b] [c] ? G"),
    ],
)
def test_merged_by_address(python: Any, c: str, py: str, expected: str) -> None:
    stack = merged(python(py), on_stack(c))
    assert (text(stack), stack.problem) == (expected, None)


@pytest.mark.parametrize(
    "c, py, words",
    [
        ("main E F G", ".a@2", "lies in the C function F"),
        ("main E G", ".a@1 .b@1", "do not follow one another"),
        ("main E G", ".a@2 .b@1", "do not follow one another"),
        ("main E G", ".a@9", "further in than the C stack"),
    ],
)
def test_addresses_that_do_not_agree(python: Any, c: str, py: str, words: str) -> None:
    stack = merged(python(py), on_stack(c))
    assert stack.problem is not None and words in stack.problem and stack.hidden == frozenset()


def test_stack_pointers_that_cannot_be(python: Any) -> None:
    """A handler on a stack of its own, or lies: the runs are counted off."""
    stack = on_stack("main E call E G")
    frames = [*stack.frames[:1], stack.frames[1]._replace(stack_pointer=STACK + 5), *stack.frames[2:]]
    assert text(merged(python(".a@1 .b@3"), stack._replace(frames=frames))) == "main E [a] call E [b] G"
    frames = [*stack.frames[:-1], stack.frames[-1]._replace(stack_pointer=None)]
    assert text(merged(python(".a@1 .b@3"), stack._replace(frames=frames))) == "main E [a] call E [b] G"
    assert text(merged(python(".a@1 .b"), stack)) == "main E [a] call E [b] G"


def test_functions_without_a_name_are_hidden_where_the_interpreter_is_known(python: Any) -> None:
    """Stripped files have no names for parts of functions: what is in the file of the interpreter is its own."""
    stack = on_stack("_start L:? ? ? call F ? ? G")
    of_python = [frame._replace(module=PYTHON) if frame.symbol is None else frame for frame in stack.frames]
    stack = stack._replace(frames=of_python)
    assert text(merged(python(".a@3 .b@7"), stack), hidden=False) == "[a] F [b] G"


@pytest.mark.parametrize("version, expected", [([3, 9, 1], None), ([3, 10, 1], None), ([3, 11, 1], "does not tell")])
def test_up_to_310_each_python_frame_is_an_entry(tmp_path: Path, version: List[int], expected: Optional[str]) -> None:
    program = DumpedProgram()
    program.facts["python"] = version
    program.thread([program.frame(program.code(name, "app.py"), {}, 1) for name in "ba"])
    with program.load(tmp_path / "x.dump") as dump:
        stack = merged_stack(dump, dump.threads[0], native("E call E G"))
        if expected is None:
            assert text(stack) == "E [a] call E [b] G"
        else:
            assert expected in str(stack.problem)


@pytest.mark.parametrize(
    "c, py, expected",
    [
        ("_start main E call F", ".a", "[a] F"),
        ("_start L:__libc_start_main main E call F call E vectorcall G", ".a .b", "[a] F [b] G"),
        # where it happened all is shown, from the first foreign function on
        ("main E call F decref dealloc", ".a", "[a] F decref dealloc"),
        ("main E call list_sort compare", ".a", "[a] call list_sort compare"),
        ("main E call F strlen G", ".a", "[a] F strlen G"),
        ("main E", ".a", "[a]"),
        ("main E call F E", ".a", "[a] F E"),
        # threads of C code
        ("L:clone3 L:start_thread F G", "", "F G"),
        ("L:clone3 L:start_thread F L:read", "", "F L:read"),
        ("L:clone3 L:start_thread L:timer", "", "L:clone3 L:start_thread L:timer"),
        ("F", "", "F"),
        ("_start", "", "_start"),
        # how a program and its threads start, with and without a foreign main(); signal stacks are pyheapdump's
        ("_start L:? L:? main E call F", ".a", "[a] F"),
        ("X:_start L:? L:__libc_start_main X:main call E L:qsort F", ".a", "X:main [a] L:qsort F"),
        ("L:clone3 L:? thread_run P:run_in_thread call E call L:nanosleep", ".a", "[a] L:nanosleep"),
    ],
)
def test_hidden_frames(python: Any, c: str, py: str, expected: str) -> None:
    assert text(merged(python(py), native(c)), hidden=False) == expected
