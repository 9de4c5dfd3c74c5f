# SPDX-License-Identifier: Apache-2.0
"""One stack of Python and C functions out of the two that a dump has for a thread.

Python code runs in one C function, `_PyEval_EvalFrameDefault` (Python/ceval.c). A call from Python to Python stays
inside it (from 3.11 on), so one native frame of it stands for a *run* of Python frames: from the one for which it was
entered (`entry` in the file; up to 3.10 each frame is) inwards to the last before the next entry. The innermost run
belongs to the innermost such native frame, and so on outwards.

From 3.12 on the dump tells where on the C stack the interpreter's function has a variable for each of its entries
(`entry_address`), and each native frame's stack pointer: that says of every run in which native frame it belongs, even
where that has no symbol. Before, the runs are counted off against the native frames by that name. Both stacks may be
cut, or wrong in a damaged process: where the numbers do not agree, nothing is guessed, and the stacks stay apart. These
differences explain themselves:

* The innermost function of all is the interpreter's, and it has not taken up its Python frame yet. Stack overflows do
  that: it needs more stack than most.
* The native stack ends too early, or frames in the middle of it were left out: its inner end still fits, and then its
  outer one. That takes frames with nothing missing between them, and names of all those in the interpreter's file.
* Python's stack ends too early, and the dump says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple, Union

from .dump import Dump, PythonFrame, Thread
from .signals import RELIABLE, Module, NativeFrame, NativeThread

# Compilers put parts of a function into others of the same name with a suffix.
EVAL_NAME = "_PyEval_EvalFrameDefault"
EVAL = re.compile(r"_PyEval_EvalFrameDefault(\.(cold|lto_priv|constprop|isra)(\.\d+)?)*")
# 3.14+ with the tail-calling interpreter (Python/generated_cases.c.h): one function for each instruction. They replace
# one another on the stack, on top of the _PyEval_EvalFrameDefault that called the first.
TAIL_CALL = re.compile(r"_TAIL_CALL_\w+(\.\w+)*")
# Bytes at the start of the interpreter's function before which it has not taken up its frame: it saves registers and
# makes room on the stack (gcc, x86-64: the frame is linked at +0x42 in 3.11, at +0x86 in 3.13).
PROLOGUE = 0x40

# Files whose functions say nothing of the program: at the outer end those of libc by which it and its threads start,
# and everywhere those of pyheapdump, which gives each thread its signal stack.
LIBC = re.compile(r"(libc|libpthread|ld-linux[\w-]*|ld-musl[\w-]*)[.-].*")
OWN = re.compile(r"_pyheapdump\..*")
START = "_start"  # of an executable, before its main()


class Omitted(NamedTuple):
    """Frames of C code that were left out of the dump here."""

    frames: int


Entry = Union[FrameType, NativeFrame, Omitted]


class Run(NamedTuple):
    """Python frames of one entry of the interpreter's function; `address` is that of a variable of it."""

    frames: list[FrameType]
    address: int | None


class Place(NamedTuple):
    """Where a run belongs: before the native frame `at`, there before or after frames that were left out."""

    at: int
    after_gap: bool = False


class MergedStack(NamedTuple):
    """A stack, outermost frame first.

    `problem` says why the two could not be made one; then Python's frames come first, and the native ones after them.
    `hidden` are the frames that only matter to who looks for a bug in the interpreter.
    """

    entries: list[Entry]
    hidden: frozenset[int]  # positions in entries
    problem: str | None

    @property
    def sections(self) -> list[range]:
        """Positions in `entries` that belong together: one range, or Python's frames and the native ones."""
        python = sum(isinstance(entry, FrameType) for entry in self.entries) if self.problem is not None else 0
        return [found for found in (range(python), range(python, len(self.entries))) if found]


class Part(NamedTuple):
    """Native frames with nothing left out between them, and where among them the interpreter's function stands."""

    frames: Sequence[NativeFrame]
    groups: list[range]

    def is_whole(self, homes: set[Module | None]) -> bool:
        """Can nothing be missing in between, nor a function of the interpreter's file (`homes`) lack its name?"""
        return all(
            frame.how in RELIABLE and (frame.symbol is not None or frame.module not in {*homes, None})
            for frame in self.frames
        )

    @property
    def at_eval(self) -> bool:
        """Is the innermost function the interpreter's?"""
        return bool(self.groups) and self.groups[-1].stop == len(self.frames)

    @property
    def in_prologue(self) -> bool:
        """Is the innermost function the interpreter's, at its very start?"""
        offset = self.frames[-1].offset if self.at_eval else None
        return offset is not None and offset < PROLOGUE


class CannotMergeError(Exception):
    """Why two stacks cannot be made one."""


def merged_stack(dump: Dump, thread: Thread | None, native: NativeThread | None) -> MergedStack:
    """The stack of one thread, of whose two sides one may be missing."""
    python = thread.entries if thread is not None else []
    if dump.heap.python < (3, 11):
        python = [one._replace(entry=True) if one.entry is None else one for one in python]
    return merged(python, native or NativeThread(None, [], None), thread.problem if thread is not None else None)


def merged(python: Sequence[PythonFrame], native: NativeThread, python_problem: str | None = None) -> MergedStack:
    """Python's stack is given outermost first; `python_problem` tells why it ends too early."""
    if not python or not native.frames:
        entries = apart(python, native)
        return MergedStack(entries, hidden(entries), None)
    try:
        runs = python_runs(python, is_cut=python_problem is not None)
        addresses = [run.address for run in runs if run.address is not None]
        pointers = [frame.stack_pointer for frame in native.frames if frame.stack_pointer is not None]
        if len(addresses) == len(runs) and len(pointers) == len(native.frames) and descends(pointers):
            places, native = places_by_address(addresses, pointers, native)
        else:
            places = places_by_count(len(runs), native, python_problem)
    except CannotMergeError as problem:
        return MergedStack(apart(python, native), frozenset(), str(problem))
    entries = interleaved(runs, places, native)
    return MergedStack(entries, hidden(entries), None)


def apart(python: Sequence[PythonFrame], native: NativeThread) -> list[Entry]:
    """Python's frames, then the native ones."""
    return [*(one.frame for one in python), *interleaved([], [], native)]


def interleaved(runs: list[Run], places: list[Place], native: NativeThread) -> list[Entry]:
    """The native frames with each run at its place, and with what was left out of them."""
    gap = len(native.frames) if native.gap is None else native.gap.at
    entries: list[Entry] = []
    waiting = list(zip(places, runs))[::-1]

    def put_runs(until: Place) -> None:
        while waiting and waiting[-1][0] <= until:
            entries.extend(waiting.pop()[1].frames)

    for at, frame in enumerate([*native.frames, None]):
        put_runs(Place(at))
        if at == gap and native.gap is not None:
            entries.append(Omitted(native.gap.omitted))
        put_runs(Place(at, True))
        entries += [frame] if frame is not None else []
    return entries


def python_runs(python: Sequence[PythonFrame], is_cut: bool) -> list[Run]:
    """The runs of Python frames, each from its entry inwards."""
    runs: list[Run] = []
    for frame, entry, address in python:
        if entry is None or not (entry or runs or is_cut):
            raise CannotMergeError("the dump does not tell which Python frames C code called")
        if entry or not runs:
            runs.append(Run([], address))
        runs[-1].frames.append(frame)
    return runs


# --- by where the entries lie on the C stack ---


def descends(pointers: list[int]) -> bool:
    return all(inner < outer for outer, inner in zip(pointers, pointers[1:]))


def places_by_address(
    addresses: list[int], pointers: list[int], native: NativeThread
) -> tuple[list[Place], NativeThread]:
    """The place of each run, and the native stack with the names that this tells of its functions."""
    if not descends(addresses):
        raise CannotMergeError("the Python frames do not follow one another on the C stack")
    frames = list(native.frames)
    places: list[Place] = []
    at = 0
    for address in addresses:
        while at < len(pointers) and pointers[at] > address:
            at += 1
        if at == len(pointers):
            raise CannotMergeError("a Python frame lies further in than the C stack")
        unbounded = at == 0 or (native.gap is not None and at == native.gap.at)
        if unbounded and not is_eval(frames[at]):  # further out than this function, or in it: nobody knows
            places.append(Place(at, after_gap=True))
            continue
        if frames[at].symbol is None:
            frames[at] = frames[at]._replace(symbol=EVAL_NAME, offset=None)
        place = Place(behind(frames, at))
        if unbounded and places[-1:] == [place]:
            places[-1] = Place(at, after_gap=True)  # of those before a function the innermost is its own
        if not is_eval(frames[at]) or places[-1:] == [place]:
            raise CannotMergeError(f"a Python frame lies in the C function {frames[at].symbol}")
        places.append(place)
    return places, native._replace(frames=frames)


def behind(frames: Sequence[NativeFrame], at: int) -> int:
    """The position after the interpreter's function at a position, and after what it runs by tail calls."""
    at += 1
    while at < len(frames) and TAIL_CALL.fullmatch(frames[at].symbol or ""):
        at += 1
    return at


# --- by counting ---


def places_by_count(runs: int, native: NativeThread, python_problem: str | None) -> list[Place]:
    """The place of each of the runs."""
    gap = 0 if native.gap is None else native.gap.at
    outer, inner = part(native.frames[:gap]), part(native.frames[gap:])
    inner = without_unbegun(inner, runs - len(outer.groups))
    if not fits(runs, outer, inner, native.gap is not None, python_problem is not None):
        why = "" if python_problem is None else f" ({python_problem})"
        entered = len(outer.groups) + len(inner.groups)
        raise CannotMergeError(
            f"C code entered Python {entered} times by the native stack, {runs} times by Python's{why}"
        )
    excess = max(len(inner.groups) - runs, 0)  # native frames whose Python frames are cut off
    first = [Place(group.stop) for group in outer.groups]
    last = [Place(gap + group.stop) for group in inner.groups[excess:]]
    return [*first, *[Place(gap, after_gap=True)] * (runs - len(first) - len(last)), *last]


def part(frames: Sequence[NativeFrame]) -> Part:
    """The frames, outermost first, with the positions of the interpreter's function: each range is one entry of it."""
    groups: list[range] = []
    for position, frame in enumerate(frames):
        symbol = frame.symbol or ""
        if EVAL.fullmatch(symbol):
            groups.append(range(position, position + 1))
        elif TAIL_CALL.fullmatch(symbol):
            on_top = groups and groups[-1].stop == position
            start = groups.pop().start if on_top else position
            groups.append(range(start, position + 1))
    return Part(frames, groups)


def without_unbegun(inner: Part, expected: int) -> Part:
    """The part without the innermost entry of the interpreter, where that has no Python frame yet."""
    unbegun = inner.in_prologue or (inner.at_eval and len(inner.groups) == expected + 1)
    return Part(inner.frames, inner.groups[:-1]) if unbegun else inner


def fits(runs: int, outer: Part, inner: Part, has_gap: bool, python_is_cut: bool) -> bool:
    """Do the entries of the interpreter correspond to the runs of Python frames, as far as there are both?"""
    groups = len(outer.groups) + len(inner.groups)
    homes = homes_of([*outer.frames, *inner.frames])
    is_whole = bool(homes) and outer.is_whole(homes) and inner.is_whole(homes)
    if has_gap:
        return 0 < groups <= runs and is_whole and not python_is_cut
    return groups == runs or (is_whole and (python_is_cut or groups < runs))


# --- what is of interest ---


def hidden(entries: Sequence[Entry]) -> frozenset[int]:
    """The interpreter's own frames and pyheapdump's, and those of libc by which a thread starts.

    Of what Python called last all is shown from the first foreign function inwards, where it happened; all of it when
    there is no foreign one.
    """
    homes = homes_of(entries)
    internal = [is_internal(entry, homes) for entry in entries]
    of_python = [at for at, entry in enumerate(entries) if isinstance(entry, FrameType) or is_eval(entry)]
    last = of_python[-1] + 1 if of_python else 0
    foreign = next((at for at in range(last, len(entries)) if not internal[at]), last)
    started = next((at for at, entry in enumerate(entries) if not (internal[at] or is_start(entry))), 0)
    return frozenset(at for at in range(len(entries) - 1) if at < started or (internal[at] and at < foreign))


def homes_of(entries: Sequence[Entry]) -> set[Module | None]:
    """The files of the interpreter: those that its function lies in."""
    return {entry.module for entry in entries if isinstance(entry, NativeFrame) and is_eval(entry)} - {None}


def is_eval(entry: Entry) -> bool:
    symbol = entry.symbol or "" if isinstance(entry, NativeFrame) else ""
    return bool(EVAL.fullmatch(symbol) or TAIL_CALL.fullmatch(symbol))


def is_internal(entry: Entry, homes: set[Module | None]) -> bool:
    if not isinstance(entry, NativeFrame) or entry.module is None:
        return False
    return is_eval(entry) or entry.module in homes or bool(OWN.fullmatch(entry.module.name))


def is_start(entry: Entry) -> bool:
    """Is it a function by which a program or a thread starts, when no other one is further out?"""
    if not isinstance(entry, NativeFrame) or entry.module is None:
        return False
    return entry.symbol == START or bool(LIBC.fullmatch(entry.module.name))
