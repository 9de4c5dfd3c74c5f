# SPDX-License-Identifier: Apache-2.0
"""Exceptions, stacks and locals of a dump as text for people: bounded, with nothing in it that steers a terminal."""

from __future__ import annotations

import linecache
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, TypeVar

from .display import bounded_repr
from .dump import Dump, Thread
from .messages import bounded_texts, message_of
from .missing import NotShown
from .signals import Signal
from .stacks import FrameLocals
from .text import escape_controls, printable

MAX_FRAMES = 100  # of one stack; more are counted
MAX_LOCALS = 50  # of one frame; more are counted
MAX_ALL_FRAMES = 50_000  # of all stacks of one view; stacks behind them are counted
MAX_MEMBERS = 1_000  # exceptions of the tree that a group and its chain are printed as

# Files of the standard library (a folder or a zip archive) and of installed packages.
LIBRARY = re.compile(r"/lib(64)?/python\d\.\d+/|/python\d+\.zip/|/(site|dist)-packages/|^<frozen ")


def exception_text(dump: Dump) -> str:
    """The exception with its chain, as Python prints it; the writer's own text where it is not in the dump."""
    error = dump.exception
    if error is None:
        return escape_controls(dump.text).strip()
    if tree_size(error) > MAX_MEMBERS:
        return as_written(dump, f"its groups have more than {MAX_MEMBERS:,} members")
    try:
        with bounded_texts(error):
            lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-MAX_FRAMES)
    except Exception as problem:  # noqa: BLE001 - a chain longer than traceback can follow, or odd contents
        return as_written(dump, f"here it is {NotShown(problem)!r}")
    return escape_controls("".join(lines)).rstrip()


def as_written(dump: Dump, why: str) -> str:
    """The text that the writer made, and why it is not made here."""
    return f"{escape_controls(dump.text).strip()}\n(as the writer told it; {why})".strip()


def tree_size(error: BaseException) -> int:
    """How many exceptions traceback prints for this one: each as often as a group or a chain leads to it."""
    sizes: dict[int, int] = {}
    stack = [error]
    while stack:
        one = stack[-1]
        inner = related(one)
        missing = [other for other in inner if id(other) not in sizes]
        if id(one) not in sizes and missing:
            sizes[id(one)] = 1  # a circle ends here
            stack += missing
            continue
        sizes[id(one)] = min(1 + sum(sizes.get(id(other), 1) for other in inner), 1 << 60)
        stack.pop()
    return sizes[id(error)]


def related(error: BaseException) -> list[BaseException]:
    """The cause, the context and the members of an exception."""
    members = getattr(error, "exceptions", ())
    found = (error.__cause__, error.__context__, *(members if isinstance(members, tuple) else ()))
    return [one for one in found if isinstance(one, BaseException)]


Stack = TypeVar("Stack")


def shown_of(stacks: Sequence[Stack], frames_of: Callable[[Stack], Sequence[Any]]) -> Sequence[Stack]:
    """The first of threads or tasks, whose stacks have no more than MAX_ALL_FRAMES frames together."""
    room = MAX_ALL_FRAMES
    for number, one in enumerate(stacks):
        room -= 1 + min(len(frames_of(one)), MAX_FRAMES)
        if room < 0:
            return stacks[:number]
    return stacks


def error_line(dump: Dump) -> str:
    """The last line of a traceback: the exception's type and message; what tells the reason of other dumps."""
    if dump.signal is not None:
        return signal_line(dump.signal, dump.signal_thread)
    if dump.exception is not None:
        return exception_line(dump.exception, 300)
    return printable(dump.headers.get("Subject", f"reason: {dump.reason}").replace("[pyheapdump] ", ""), 300)


def signal_line(signal: Signal, thread: Thread | None) -> str:
    """`SIGSEGV: address 0x10 not mapped, in libfoo.so: parse_row+0x1b, called from app.py:88 load()`."""
    line = signal.line
    frames = thread.frames if thread is not None else []
    if frames:
        place = f"{os.path.basename(frames[-1].f_code.co_filename)}:{frames[-1].f_lineno or 0}"
        if place not in line:  # the writer may have told it
            line += f", called from {place} {frames[-1].f_code.co_name}()"
    return printable(line, 400)


def exception_line(error: BaseException, limit: int) -> str:
    """`module.Type: message` of one exception, whatever it was caused by."""
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
    text = message_of(error)
    return printable(f"{name}: {text}" if text else name, limit)


def failing_frame(dump: Dump) -> tuple[FrameType, int] | None:
    """Where the exception was raised, or where the failing thread stands: the frame and the line.

    A frame of pyheapdump's own, which was to call the function that could not be called, is not meant.
    """
    step = dump.traceback if dump.signal is None else None
    if step is not None:
        outermost, places = step.tb_frame, []
        while step is not None:
            places.append((step.tb_frame, step.tb_lineno))
            step = step.tb_next
        of_program = next((found for found in reversed(places) if not is_ours(found[0])), None)
        if of_program is None and outermost.f_back is not None:
            return outermost.f_back, outermost.f_back.f_lineno or 0
        return of_program or places[-1]
    frames = failing_stack(dump)
    return (frames[-1], frames[-1].f_lineno or 0) if frames else None


def is_ours(frame: FrameType) -> bool:
    """Does it run code of pyheapdump's, which stands between the program and its dump?"""
    name = frame.f_globals.get("__name__")
    return type(name) is str and name.partition(".")[0] == "pyheapdump"


def failing_stack(dump: Dump) -> list[FrameType]:
    """The frames of the thread that got the fatal signal; without one, those of the first thread that has any."""
    if dump.signal is not None and dump.signal_thread is not None:
        return dump.signal_thread.frames
    return [] if dump.signal is not None else first_stack(dump)


def own_frame(dump: Dump) -> tuple[FrameType, int] | None:
    """The innermost frame of the program itself and its line, where library code called from it failed; None when the
    failing frame is the program's own, or when there is none of it."""
    step = dump.traceback if dump.signal is None else None
    places = [(frame, frame.f_lineno or 0) for frame in failing_stack(dump)] if step is None else []
    while step is not None:
        places.append((step.tb_frame, step.tb_lineno))
        step = step.tb_next
    own = innermost_own([frame for frame, _ in places])
    return None if own is None or own == len(places) - 1 else places[own]


def innermost_own(frames: list[FrameType]) -> int | None:
    """The position of the innermost frame that is not of a library."""
    return next((at for at in range(len(frames))[::-1] if not LIBRARY.search(frames[at].f_code.co_filename)), None)


def first_stack(dump: Dump) -> list[FrameType]:
    """The frames of the first thread that has any."""
    return next((frames for frames in (thread.frames for thread in dump.threads) if frames), [])


def place(frame: FrameType, line: int) -> str:
    code = frame.f_code
    return escape_controls(f"{code.co_filename}:{line} in {code.co_name}", keep="")


def stack_lines(frames: list[FrameType], indent: str = "  ") -> Iterator[str]:
    """A stack as in a traceback, outermost frame first."""
    left_out = len(frames) - MAX_FRAMES
    if left_out > 0:
        yield f"{indent}... {left_out} outer frames are not shown"
    for frame in frames[max(left_out, 0) :]:
        yield from frame_lines(frame, indent)


def frame_lines(frame: FrameType, indent: str = "  ") -> Iterator[str]:
    """The place of a frame, and its source line where that is known."""
    line = frame.f_lineno or 0
    yield f"{indent}{place(frame, line)}"
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    if source:
        yield f"{indent}    {escape_controls(source, keep='')}"


def locals_of(
    frame: FrameType, total: int = 300, known: dict[int, tuple[object, str]] | None = None
) -> list[tuple[str, str]]:
    """Names and bounded reprs of a frame's locals; of a module's only what is not special.

    `known` keeps values with their reprs, by id(), for objects that many frames have.
    """
    found: Mapping[Any, Any] = frame.f_locals
    of_module = frame.f_code.co_name == "<module>"
    try:
        names = [name for name in found if isinstance(name, str) and not (of_module and name[:2] == "__")]
    except Exception as problem:  # noqa: BLE001 - a namespace that cannot be read costs this frame's locals
        return [("...", repr(NotShown(problem)))]
    known = {} if known is None else known
    shown = []
    first = names[:MAX_LOCALS]
    for name, value in zip(first, values_of(found, first)):
        if id(value) not in known:
            known[id(value)] = value, bounded_repr(value, depth=2, total=total)
        shown.append((name, known[id(value)][1]))
    if len(names) > MAX_LOCALS:
        shown.append(("...", f"{len(names) - MAX_LOCALS} more"))
    return [(printable(name, 60), text) for name, text in shown]


def values_of(found: Mapping[Any, Any], names: list[str]) -> list[Any]:
    """The values of these names; a NotShown in place of each that cannot be made."""
    try:
        return found.fetch(names) if isinstance(found, FrameLocals) else [found[name] for name in names]
    except Exception:  # noqa: BLE001 - one of them: which will be seen when each is asked for by itself
        return [value_of(found, name) for name in names]


def value_of(found: Mapping[Any, Any], name: str) -> Any:
    try:
        return found[name]
    except Exception as problem:  # noqa: BLE001 - one bad value costs one value
        return NotShown(problem)


def thread_line(thread: Thread) -> str:
    """One line that tells which thread it is and in what state."""
    words = [f"thread {printable(thread.name or '(no name)', 60)}"]
    if thread.native_id or thread.ident:
        words.append(f"id {thread.native_id or thread.ident}")
    words += [f"got {printable(thread.signal.name, 40)}"] if thread.signal is not None else []
    words += ["current"] * (thread.current and thread.signal is None)
    words += ["holds the GIL"] * thread.holds_gil + ["daemon"] * (thread.daemon is True)
    if thread.problem:
        words.append(printable(f"incomplete: {thread.problem}", 200))
    return ", ".join(words)
