# SPDX-License-Identifier: Apache-2.0
"""One stack of Python and C functions out of the two that a dump has for a thread.

Python code runs in one C function, `_PyEval_EvalFrameDefault` (Python/ceval.c). A call from Python to Python stays
inside it (from 3.11 on), so one native frame of it stands for a *run* of Python frames: from the one for which it was
entered (`entry` in the file; up to 3.10 each frame is) inwards to the last before the next entry. The innermost run
belongs to the innermost such native frame, and so on outwards. Both stacks are in the file on their own, and may be
cut, or wrong in a damaged process: where the numbers of runs and of these native frames do not agree, nothing is
guessed. Two differences are allowed: a native stack that is cut at its outer end still fits at its inner one; and where
the innermost function of all is the interpreter's, it may not have taken up its Python frame yet (a stack overflow does
that).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple, Union

from .dump import Dump, Thread
from .signals import RELIABLE, Module, NativeFrame, NativeThread

# Compilers put parts of a function into others of the same name with a suffix.
EVAL = re.compile(r"_PyEval_EvalFrameDefault(\.(cold|lto_priv|constprop|isra)(\.\d+)?)*")
# 3.14+ with the tail-calling interpreter (Python/generated_cases.c.h): one function for each instruction. They replace
# one another on the stack, on top of the _PyEval_EvalFrameDefault that called the first.
TAIL_CALL = re.compile(r"_TAIL_CALL_\w+(\.\w+)*")

# How a thread or a program starts, in libc: of no interest.
STARTERS = frozenset(
    "_start __libc_start_main __libc_start_main_impl __libc_start_call_main start_thread clone clone3 __clone "
    "__clone3".split()
)

Entry = Union[FrameType, NativeFrame]


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
        python = sum(not is_native(entry) for entry in self.entries) if self.problem is not None else 0
        return [found for found in (range(python), range(python, len(self.entries))) if found]


def merged_stack(dump: Dump, thread: Thread | None, native: NativeThread | None) -> MergedStack:
    """The stack of one thread, of whose two sides one may be missing."""
    python = thread.entries if thread is not None else []
    if dump.heap.python < (3, 11):
        python = [(frame, True if entry is None else entry) for frame, entry in python]
    return merged(python, native.frames if native is not None else [], thread.problem if thread is not None else None)


def merged(
    python: Sequence[tuple[FrameType, bool | None]], native: Sequence[NativeFrame], why_short: str | None = None
) -> MergedStack:
    """Both stacks are given outermost first; `why_short` tells why Python's is not whole."""
    apart: list[Entry] = [*(frame for frame, _ in python), *native]
    if not python or not native:
        return MergedStack(apart, hidden(apart), None)
    runs, groups = python_runs(python), eval_frames(native)
    if runs is None:
        return MergedStack(apart, frozenset(), "the dump does not tell which Python frames C code called")
    if len(groups) == len(runs) + 1 and starting(groups, native):
        groups.pop()
    problem = disagreement(runs, groups, native, why_short)
    if problem is not None:
        return MergedStack(apart, frozenset(), problem)
    return joined(runs, groups, native)


def joined(runs: list[list[FrameType]], groups: list[range], native: Sequence[NativeFrame]) -> MergedStack:
    """Each run of Python frames put behind the native frame in which it ran."""
    outside = len(runs) - len(groups)  # runs whose native frames are cut off
    entries: list[Entry] = [frame for run in runs[:outside] for frame in run]
    start = 0
    for group, run in zip(groups, runs[outside:]):
        entries += [*native[start : group.stop], *run]
        start = group.stop
    entries += native[start:]
    return MergedStack(entries, hidden(entries), None)


def python_runs(python: Sequence[tuple[FrameType, bool | None]]) -> list[list[FrameType]] | None:
    """The runs of Python frames, each from its entry inwards; None when the file does not tell where they begin."""
    runs: list[list[FrameType]] = []
    for frame, entry in python:
        if entry is None or (not entry and not runs):
            return None
        if entry:
            runs.append([])
        runs[-1].append(frame)
    return runs


def eval_frames(native: Sequence[NativeFrame]) -> list[range]:
    """Where in a native stack, outermost first, the interpreter's function stands: positions that are one entry."""
    groups: list[range] = []
    for position, frame in enumerate(native):
        symbol = frame.symbol or ""
        if EVAL.fullmatch(symbol):
            groups.append(range(position, position + 1))
        elif TAIL_CALL.fullmatch(symbol):
            on_top = groups and groups[-1].stop == position
            start = groups.pop().start if on_top else position
            groups.append(range(start, position + 1))
    return groups


def disagreement(
    runs: list[list[FrameType]], groups: list[range], native: Sequence[NativeFrame], why_short: str | None
) -> str | None:
    """Why the two stacks cannot be made one; None when they can."""
    cut_outside = groups and len(groups) < len(runs) and is_whole_inside(native) and not starting(groups, native)
    if len(runs) == len(groups) or cut_outside:
        return None
    counts = f"C code entered Python {len(groups)} times by the native stack, {len(runs)} times by Python's"
    if why_short is not None and len(runs) < len(groups):
        counts += f" ({why_short})"
    return counts


def starting(groups: list[range], native: Sequence[NativeFrame]) -> bool:
    """Is the innermost function of all the interpreter's?"""
    return bool(groups) and groups[-1].stop == len(native)


def is_whole_inside(native: Sequence[NativeFrame]) -> bool:
    """Can nothing be missing between these frames, nor one of the interpreter's be without its name?"""
    return all(frame.how in RELIABLE and frame.symbol is not None for frame in native)


def hidden(entries: Sequence[Entry]) -> frozenset[int]:
    """The interpreter's own frames, and those by which threads start.

    Of what Python called last all is shown from the first foreign function inwards, where it happened; all of it when
    there is no foreign one.
    """
    homes = {module for module in map(home_of_eval, entries) if module is not None}
    last = max((at + 1 for at, entry in enumerate(entries) if not is_native(entry) or is_eval(entry)), default=0)
    foreign = (at for at in range(last, len(entries)) if not is_internal(entries[at], homes))
    shown_from = min(next(foreign, last), len(entries) - 1)
    return frozenset(at for at in range(shown_from) if is_internal(entries[at], homes))


def home_of_eval(entry: Entry) -> Module | None:
    """The module of the interpreter, from a frame of its function."""
    return entry.module if isinstance(entry, NativeFrame) and is_eval(entry) else None


def is_native(entry: Entry) -> bool:
    return isinstance(entry, NativeFrame)


def is_eval(entry: Entry) -> bool:
    symbol = entry.symbol or "" if isinstance(entry, NativeFrame) else ""
    return bool(EVAL.fullmatch(symbol) or TAIL_CALL.fullmatch(symbol))


def is_internal(entry: Entry, homes: set[Module]) -> bool:
    return isinstance(entry, NativeFrame) and (is_eval(entry) or entry.module in homes or entry.symbol in STARTERS)
