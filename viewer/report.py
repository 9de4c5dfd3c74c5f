# SPDX-License-Identifier: Apache-2.0
"""The report of a dump as JSON; docs/json.md has the schema.

Everything in it is bounded: the frames of a stack, the locals of a frame, the length of a value's repr, the number of
exceptions. Exceptions refer to each other by number, so that their chain costs no nesting.
"""

from __future__ import annotations

import linecache
from types import FrameType, TracebackType
from typing import Any

from .display import bounded_repr
from .dump import Dump, Thread
from .locks import all_deadlock_texts, wait_text
from .merged import Entry, Omitted, merged_stack
from .messages import MAX_NOTES
from .signals import Module, NativeFrame, Signal
from .stack_text import MAX_FRAMES, exception_line, locals_of, shown_of, signal_line
from .task_waits import task_wait_text
from .tasks import Task
from .text import printable
from .thread_text import ThreadStacks, all_threads

SCHEMA = 1
MAX_EXCEPTIONS = 200


def report(dump: Dump) -> dict[str, Any]:
    """The whole report, of dicts, lists, str, int, float, bool and None only."""
    exceptions = Exceptions()
    about = exceptions.number(dump.exception)
    shown = shown_of(dump.threads, lambda thread: thread.frames)
    threads = [thread_report(dump, thread, exceptions) for thread in shown]
    tasks = shown_of(dump.task_waits.tasks, lambda task: task.frames)
    return {
        "schema": SCHEMA,
        "file": {
            "path": dump.path,
            "size": dump.file.size,
            "version": dump.file.version,
            "index_found": dump.file.index_found,
            "objects": dump.file.object_count,
        },
        "complete": dump.end.get("complete") is True and not dump.missing,
        "problems": dump.problems,
        "reason": dump.reason,
        "headers": dump.headers,
        "facts": plain(dump.facts, 6),
        "signal": None if dump.signal is None else signal_report(dump, dump.signal),
        "exception": about,
        "exceptions": exceptions.reports(),
        "threads": threads,
        "threads_left_out": len(dump.threads) - len(shown),
        "deadlocks": all_deadlock_texts(dump),
        "tasks": [
            {
                "name": task.name,
                "waits_for": task_wait_report(dump, task),
                **stack_report(with_lines(task.frames)),
            }
            for task in tasks
        ],
        "tasks_left_out": len(dump.task_waits.tasks) - len(tasks),
        "sources": [
            {"filename": s.filename, "origin": s.origin, "changed": s.changed, "bytes": len(s.content)}
            for s in dump.sources.values()
        ],
        "text": dump.text,
    }


class Exceptions:
    """The exceptions of a report, numbered as they are met."""

    def __init__(self) -> None:
        self._found: list[BaseException] = []
        self._numbers: dict[int, int] = {}

    def number(self, error: BaseException | None) -> int | None:
        """The number of an exception; None when there is none, or when there are too many."""
        if not isinstance(error, BaseException):
            return None
        if id(error) not in self._numbers:
            if len(self._found) >= MAX_EXCEPTIONS:
                return None
            self._numbers[id(error)] = len(self._found)
            self._found.append(error)
        return self._numbers[id(error)]

    def reports(self) -> list[dict[str, Any]]:
        """All exceptions, including those found on the way."""
        done: list[dict[str, Any]] = []
        while len(done) < len(self._found):
            done.append(self._report(self._found[len(done)]))
        return done

    def _report(self, error: BaseException) -> dict[str, Any]:
        members = getattr(error, "exceptions", ())
        notes = getattr(error, "__notes__", None)
        return {
            "type": type(error).__qualname__,
            "module": type(error).__module__,
            "text": exception_line(error, 2000),
            "notes": [note_text(note) for note in notes[:MAX_NOTES]] if isinstance(notes, list) else [],
            "cause": self.number(error.__cause__),
            "context": self.number(error.__context__),
            "suppress_context": error.__suppress_context__,
            "members": [self.number(one) for one in members[:MAX_EXCEPTIONS]] if isinstance(members, tuple) else [],
            **stack_report(steps(error.__traceback__)),
        }


def note_text(note: object) -> str:
    return printable(note, 1000) if isinstance(note, str) else bounded_repr(note, total=1000)


def steps(found: TracebackType | None) -> list[tuple[FrameType, int]]:
    """Frames and lines of a traceback, outermost first."""
    out = []
    while found is not None:
        out.append((found.tb_frame, found.tb_lineno))
        found = found.tb_next
    return out


def with_lines(frames: list[FrameType]) -> list[tuple[FrameType, int]]:
    return [(frame, frame.f_lineno or 0) for frame in frames]


def stack_report(stack: list[tuple[FrameType, int]]) -> dict[str, Any]:
    """`frames`, the innermost MAX_FRAMES of them, and how many outer ones are left out."""
    return {
        "frames": [frame_report(frame, line) for frame, line in stack[-MAX_FRAMES:]],
        "frames_left_out": max(len(stack) - MAX_FRAMES, 0),
    }


def frame_report(frame: FrameType, line: int) -> dict[str, Any]:
    return {**place_report(frame, line), "locals": dict(locals_of(frame))}


def place_report(frame: FrameType, line: int) -> dict[str, Any]:
    code = frame.f_code
    return {
        "filename": code.co_filename,
        "line": line,
        "function": getattr(code, "co_qualname", code.co_name),
        "source": linecache.getline(code.co_filename, line).strip(),
    }


def thread_report(dump: Dump, thread: Thread, exceptions: Exceptions) -> dict[str, Any]:
    return {
        "name": thread.name,
        "ident": thread.ident,
        "native_id": thread.native_id,
        "current": thread.current,
        "holds_gil": thread.holds_gil,
        "daemon": thread.daemon,
        "problem": thread.problem,
        "handling": exceptions.number(thread.exception),
        "waits_for": wait_report(dump, thread),
        **stack_report(with_lines(thread.frames)),
    }


def wait_report(dump: Dump, thread: Thread) -> dict[str, Any] | None:
    """What a thread waits for; None when that is not known or it does not wait."""
    text, wait = wait_text(thread, dump.locks), dump.locks.of(thread)
    if text is None:
        return None
    if wait is None and not thread.waits_for_gil:  # it could not be told
        return {"text": text, "name": None, "type": None, "held_by": []}
    if thread.waits_for_gil or wait is None:
        return {
            "text": text,
            "name": "GIL",
            "type": None,
            "held_by": [n for n, t in enumerate(dump.threads) if t.holds_gil],
        }
    cls = type(wait.what)
    return {
        "text": text,
        "name": wait.name,
        "type": f"{cls.__module__}.{cls.__qualname__}",
        "held_by": [dump.threads.index(owner) for owner in wait.owners],
    }


def task_wait_report(dump: Dump, task: Task) -> dict[str, Any] | None:
    """What a task waits for; None when that is not known."""
    wait = dump.task_waits.of(task)
    if wait is None:
        return None
    cls = type(wait.what)
    return {
        "text": task_wait_text(task, dump.task_waits),
        "name": wait.work.function if wait.work is not None else wait.name or None,
        "type": None if wait.what is None else f"{cls.__module__}.{cls.__qualname__}",
        "held_by": [dump.task_waits.tasks.index(owner) for owner in wait.owners],
        **({} if wait.work is None else {"thread": thread_number(dump, wait.work.thread)}),
    }


def thread_number(dump: Dump, thread: Thread | None) -> int | None:
    return None if thread is None else dump.threads.index(thread)


def signal_report(dump: Dump, signal: Signal) -> dict[str, Any]:
    numbers = {module: number for number, module in reversed(list(enumerate(signal.modules)))}
    return {
        "number": signal.number,
        "name": signal.name,
        "code": signal.code,
        "code_name": signal.code_name,
        "address": signal.address,
        "sender": None if signal.sender is None else signal.sender._asdict(),
        "syscall": signal.syscall,
        "line": signal_line(signal, dump.signal_thread),
        "thread": signal.thread,
        "ident": signal.ident,
        "gil": signal.gil,
        "python_thread": signal.python_thread,
        "raised_again": signal.raised_again,
        "registers": signal.registers,
        "stacks": [
            {
                "thread": one.native.thread if one.native is not None else one.thread.native_id if one.thread else None,
                "python_thread": dump.threads.index(one.thread) if one.thread is not None else None,
                "end": one.native.end if one.native is not None else None,
                **merged_report(dump, one, numbers),
            }
            for one in all_threads(dump)
        ],
        "modules": [one._asdict() for one in signal.modules],
    }


def merged_report(dump: Dump, one: ThreadStacks, numbers: dict[Module, int]) -> dict[str, Any]:
    """The stack of C and Python functions of a thread, the innermost MAX_FRAMES of them."""
    stack = merged_stack(dump, one.thread, one.native)
    shown = range(max(len(stack.entries) - MAX_FRAMES, 0), len(stack.entries))
    return {
        "apart": stack.problem,
        "frames": [entry_report(stack.entries[at], at in stack.hidden, numbers) for at in shown],
        "frames_left_out": shown.start,
    }


def entry_report(entry: Entry, hidden: bool, numbers: dict[Module, int]) -> dict[str, Any]:
    """A frame of a merged stack: of Python with `filename`, of C code with `address`; or how many were left out."""
    if isinstance(entry, Omitted):
        return {"omitted": entry.frames}
    if not isinstance(entry, NativeFrame):
        return place_report(entry, entry.f_lineno or 0)
    return {
        "address": entry.address,
        "module": None if entry.module is None else numbers[entry.module],
        "symbol": entry.symbol,
        "offset": entry.offset,
        "how": entry.how,
        "of_interpreter": hidden,
    }


def plain(value: Any, depth: int) -> Any:
    """A decoded value as JSON has it; what JSON has no form for as its repr."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value) is int and value.bit_length() <= 64:
        return value
    if type(value) is float:
        return value if value - value == 0 else repr(value)
    if isinstance(value, list) and depth:
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, dict) and depth:
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    return printable(repr(value), 1000)
