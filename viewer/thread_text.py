# SPDX-License-Identifier: Apache-2.0
"""The stacks of all threads and tasks as text for people: Python's functions and those of C code in one.

The interpreter's own C functions are left out; native_text.py shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NamedTuple

from .dump import Dump, Thread
from .locks import all_deadlock_texts, wait_text
from .merged import MergedStack, Omitted, merged_stack
from .signals import NativeFrame, NativeThread, Signal
from .stack_text import MAX_FRAMES, frame_lines, shown_of, stack_lines, thread_line
from .task_waits import task_wait_text
from .task_waits import title as task_title
from .text import escape_controls, printable

OUTERMOST = 20  # of the MAX_FRAMES frames shown of a stack
MAX_PERIOD = 10  # frames of a recursion that are recognised
FEWEST_TIMES = 4


class ThreadStacks(NamedTuple):
    """A thread with what is known of it: Python's side, that of C code, or both."""

    title: str
    thread: Thread | None
    native: NativeThread | None


def threads_text(dump: Dump) -> str:
    """The stacks of all threads and tasks."""
    lines = all_deadlock_texts(dump)
    lines += [""] * bool(lines)
    threads, tasks = all_threads(dump), dump.task_waits.tasks
    shown = shown_of(threads, frames_of)
    for one in shown:
        waits = None if one.thread is None else wait_text(one.thread, dump.locks)
        title = one.title if waits is None else f"{one.title}, {waits}"
        lines += [title, *merged_lines(merged_stack(dump, one.thread, one.native)), ""]
    if len(threads) > len(shown):
        lines += [f"... {len(threads) - len(shown):,} more threads", ""]
    shown_tasks = shown_of(tasks, lambda task: task.frames)
    for task in shown_tasks:
        waits = task_wait_text(task, dump.task_waits)
        lines += [task_title(task) + (f", {waits}" if waits else ""), *stack_lines(task.frames), ""]
    if len(tasks) > len(shown_tasks):
        lines += [f"... {len(tasks) - len(shown_tasks):,} more tasks"]
    return "\n".join(lines).rstrip() or escape_controls(dump.text).strip()


def all_threads(dump: Dump) -> list[ThreadStacks]:
    """All threads, the one that got the fatal signal first."""
    found = [ThreadStacks(thread_line(thread), thread, thread.native) for thread in dump.threads]
    found += [ThreadStacks(native_title(one, dump.signal), None, one) for one in unknown_to_python(dump)]
    signal = dump.signal
    if signal is not None:
        found.sort(key=lambda one: not got_signal(one, signal))
    return found


def frames_of(one: ThreadStacks) -> Sequence[object]:
    """The frames of Python, or those of C code where there is no such side."""
    if one.thread is not None:
        return one.thread.frames
    return () if one.native is None else one.native.frames


def failing_thread(dump: Dump) -> ThreadStacks | None:
    """The thread that got the fatal signal; None when there is none in the dump."""
    signal = dump.signal
    return None if signal is None else next((one for one in all_threads(dump) if got_signal(one, signal)), None)


def got_signal(one: ThreadStacks, signal: Signal) -> bool:
    if one.thread is not None:
        return one.thread.signal is not None
    return one.native is not None and one.native.thread is not None and one.native.thread == signal.thread


def unknown_to_python(dump: Dump) -> list[NativeThread]:
    """The native stacks that belong to no Python thread."""
    known = {id(thread.native) for thread in dump.threads}
    return [native for native in (dump.native.threads if dump.native else ()) if id(native) not in known]


def native_title(native: NativeThread, signal: Signal | None) -> str:
    """One line that tells which thread that is which Python does not know."""
    identity = "" if native.thread is None else f" {native.thread}"
    is_hit = signal is not None and got_signal(ThreadStacks("", None, native), signal)
    got = f", got {printable(signal.name, 40)}" if signal is not None and is_hit else ""
    return f"thread{identity}, not known to Python{got}"


def signal_notes(signal: Signal, thread: Thread | None, whole: bool) -> Iterator[str]:
    """What else is worth knowing about the signal, each a sentence. whole: the core, if it is of one, lacks nothing."""
    where = "" if signal.thread is None else f" {signal.thread}"
    if thread is None and not whole:
        yield f"thread{where}, which got the signal, is none of the Python threads that could be read"
    elif thread is None:
        yield f"thread{where}, which got the signal, is none that Python knows: it has no Python stack"
    elif thread.problem and not thread.frames:
        yield f"the Python stack of thread{where}, which got the signal, is missing: {printable(thread.problem, 200)}"
    elif not thread.frames:
        yield f"thread{where}, which got the signal, was not running Python code"
    if signal.gil == "not held" and thread is not None:
        yield "the thread that got the signal did not hold the GIL"
    if signal.raised_again:
        yield "a handler raised the signal again; what is told here is the first time"


def merged_lines(stack: MergedStack, indent: str = "  ") -> Iterator[str]:
    """A stack as in a traceback, outermost frame first, without the interpreter's own frames."""

    def lines(at: int) -> list[str] | None:
        entry = stack.entries[at]
        if at in stack.hidden:
            return None
        return [f"{indent}{entry.place}{mark(entry)}"] if isinstance(entry, NativeFrame) else other_lines(entry, indent)

    yield from sectioned(stack, indent, lines)


def other_lines(entry: FrameType | Omitted, indent: str) -> list[str]:
    """The lines of what is no frame of C code."""
    if isinstance(entry, Omitted):
        return [f"{indent}... {entry.frames} frames of C code are not in the dump"]
    return list(frame_lines(entry, indent))


def sectioned(
    stack: MergedStack, indent: str, lines_of: Callable[[int], list[str] | None], most: int = MAX_FRAMES
) -> Iterator[str]:
    """The lines of a stack; `lines_of` gives those of the frame at a position, None when it has none.

    No more than `most` frames are shown.
    """
    for number, section in enumerate(stack.sections):
        if stack.problem is not None:
            why = f"{indent}(the stacks of Python and of C code are apart: {printable(stack.problem, 300)})"
            yield why if number == 0 else f"{indent}(the stack of C code)"
        shown = folded([lines for lines in map(lines_of, section) if lines is not None], indent)
        left_out = max(len(shown) - most, 0)
        if left_out:
            shown[OUTERMOST : OUTERMOST + left_out] = [[f"{indent}... {left_out} frames are not shown"]]
        for lines in shown:
            yield from lines


def folded(blocks: list[list[str]], indent: str) -> list[list[str]]:
    """The lines of frames with recursion told by a count."""
    out: list[list[str]] = []
    at = 0
    while at < len(blocks):
        period, times = repetition(blocks, at)
        out += blocks[at : at + period]
        if times > 1:
            what = "frame" if period == 1 else f"{period} frames"
            out.append([f"{indent}... the last {what} repeated {times - 1} more times"])
        at += period * times
    return out


def repetition(blocks: list[list[str]], at: int) -> tuple[int, int]:
    """How many frames from a position on come again and again, and how often they are there; (1, 1) for no such."""
    best = (1, 1)
    for period in range(1, MAX_PERIOD + 1):
        end = at + period
        while end < len(blocks) and blocks[end] == blocks[end - period]:
            end += 1
        times = (end - at) // period
        if times >= FEWEST_TIMES and times * period > best[0] * best[1]:
            best = (period, times)
    return best


def mark(frame: NativeFrame) -> str:
    """What the reader has to know about how a frame was found."""
    if frame.how == "scan":
        return "  (found by scanning the stack: may be left over from an earlier call)"
    return "  (interrupted by a signal)" if frame.how == "signal" else ""
