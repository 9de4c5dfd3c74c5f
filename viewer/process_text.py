# SPDX-License-Identifier: Apache-2.0
"""The stacks of a process that was read from outside (`python -m pyheapdump attach PID --stacks`), as text or JSON.

A dump of a crash asks "what failed?"; here the question is "what is it doing?". So each thread's title says what it
does, every frame of every stack is shown, the line that is being executed is marked, and tasks that wait at the same
place are told once.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .dump import Dump
from .locks import all_deadlock_texts, wait_text
from .merged import homes_of, is_eval, merged_stack
from .report import merged_report, place_report, task_wait_report, wait_report
from .signals import NativeFrame
from .stack_text import locals_of, place
from .summary import core_text, python_text
from .system_calls import NAMES
from .task_waits import task_wait_text
from .text import counted, escape_controls, printable
from .thread_text import ThreadStacks, all_threads, mark, other_lines, sectioned

MAX_FRAMES = 2_000  # of one stack; more are counted
LOCAL_LENGTH = 300  # of one variable's repr
AROUND = 2  # source lines before and after that of the innermost frame
SAME_TASKS = 5  # names of tasks at the same place; more are counted

# C functions of the interpreter that take its lock, or call what does (a stripped one names few), and those that
# wait for a lock of the program (Python/ceval_gil.c, Python/thread_pthread.h, Python/parking_lot.c).
TAKE_GIL = {"take_gil", "_Py_HandlePending", "PyEval_RestoreThread", "PyEval_AcquireThread", "PyEval_AcquireLock"}
TAKE_LOCK = {"PyThread_acquire_lock_timed", "_PyParkingLot_Park", "_PySemaphore_Wait", "_PyMutex_LockTimed"}
CALLEES = 8  # functions of the interpreter that such a one may have called

NOT_READ = re.compile(
    r"<missing: object \d+ is not in the file, which has the objects below \d+>|"
    r"<missing at 0x[0-9a-f]+: too far from the stacks to be read>"
)
ONLY_STACKS = "only the stacks were asked for"
REDACTED = re.compile(r"left out: \d+ \w+: redacted\b.*")


# --- text ---


def process_text(dump: Dump, with_locals: bool = False, with_native: bool = False) -> str:
    """The whole view. What is missing for its being a whole dump is not told: nobody asked for one."""
    variables = Variables() if with_locals else None
    parts = [title(dump)]
    parts += [f"note: {printable(problem, 300)}" for problem in problems(dump, with_locals)]
    parts += ["\n".join(found) for found in [all_deadlock_texts(dump)] if found]
    for one in all_threads(dump):
        if one.thread is None and not with_native:
            continue
        parts.append("\n".join([thread_title(dump, one), *thread_lines(dump, one, variables, with_native)]))
    parts += task_texts(dump, variables)
    return "\n\n".join(parts)


def title(dump: Dump) -> str:
    """`process 4711: CPython 3.13.0, /usr/bin/python3.13, 8 threads`; lines about the core and the signal, if any."""
    executable = printable(str(dump.facts.get("executable") or "?"), 300)
    threads = counted(len(dump.threads), "thread")
    if core_text(dump):
        threads += f"\ncore {core_text(dump)}"
    if dump.signal is not None:
        threads += f"\n{printable(dump.signal.text or dump.signal.name, 300)}"
    return f"process {dump.facts.get('pid', '?')}: CPython {python_text(dump)}, {executable}, {threads}"


def problems(dump: Dump, with_locals: bool) -> list[str]:
    """What is to be known of what is shown: values that were left out are of no account where none are."""
    found = [problem for problem in dump.problems if ONLY_STACKS not in problem]
    found = found if with_locals else [problem for problem in found if not REDACTED.fullmatch(problem)]
    return found + dump.sources.changes


def thread_title(dump: Dump, one: ThreadStacks) -> str:
    """The title with what the thread does."""
    words = [one.title]
    if one.thread is not None and one.thread.interpreter:
        words.append(f"interpreter {one.thread.interpreter}")
    waits = None if one.thread is None or one.thread.waits_for_gil else wait_text(one.thread, dump.locks)
    doing = waits or activity(dump, one)
    return ", ".join([*words, doing] if doing else words)


def thread_lines(dump: Dump, one: ThreadStacks, variables: Variables | None, with_native: bool) -> Iterator[str]:
    stack = merged_stack(dump, one.thread, one.native if with_native else None)
    innermost = next((at for at in range(len(stack.entries))[::-1] if isinstance(stack.entries[at], FrameType)), None)

    def lines(at: int) -> list[str] | None:
        entry = stack.entries[at]
        if at in stack.hidden:
            return None
        if isinstance(entry, NativeFrame):
            return [f"  {entry.place}{mark(entry)}"]
        if not isinstance(entry, FrameType):
            return other_lines(entry, "  ")
        return list(python_lines(entry, variables, AROUND if at == innermost else 0))

    yield from sectioned(stack, "  ", lines, MAX_FRAMES)
    if not stack.entries:
        problem = one.thread.problem if one.thread else None
        yield f"  (no stack: {printable(problem, 200)})" if problem else "  (runs no Python code)"


def python_lines(frame: FrameType, variables: Variables | None, around: int) -> Iterator[str]:
    """The place of a frame, its source line marked, with those around it, and its variables."""
    here = frame.f_lineno or 0
    yield f"  {place(frame, here)}"
    lines = linecache.getlines(frame.f_code.co_filename)
    first = max(here - around, frame.f_code.co_firstlineno) if around else here
    last = min(here + around, len(lines)) if 0 < here <= len(lines) else 0  # not in the source: another version
    for number in range(max(first, 1), last + 1):
        source = lines[number - 1].rstrip()
        if source or first < number < here:
            yield escape_controls(f"    {'>' if number == here else ' '} {number:4} {source}", keep="\t").rstrip()
    for name, text in variables.of(frame) if variables is not None else ():
        yield f"        {name} = {text}"


class Variables:
    """Names and reprs of the variables of frames; "..." stands for what is too far from the stack to be read."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, str]] = {}

    def of(self, frame: FrameType) -> list[tuple[str, str]]:
        return [
            (name, NOT_READ.sub("...", text) if "<missing" in text else text)
            for name, text in locals_of(frame, LOCAL_LENGTH, self._known)
        ]


# --- what a thread does ---


def activity(dump: Dump, one: ThreadStacks) -> str | None:
    """What a thread was doing when it was stopped; None where the dump does not tell."""
    native = one.native
    if native is None:
        return None
    # Python's side may tell names that the C side lacks.
    frames = [entry for entry in merged_stack(dump, one.thread, native).entries if isinstance(entry, NativeFrame)]
    if native.system_call is None:
        if not frames or frames[-1].how != "registers":
            return None
        innermost = frames[-1]
        is_python = is_eval(innermost) or innermost.module in homes_of(frames)
        return "running Python code" if is_python else f"running in {innermost.place}"
    waits_for_gil = one.thread is not None and one.thread.waits_for_gil
    waits_for = "the GIL" if waits_for_gil else lock_waited_for(frames)
    name = NAMES.get(native.system_call, str(native.system_call))
    if waits_for is not None and not (one.thread is not None and one.thread.holds_gil):
        return f"waiting for {waits_for}"
    return f"in system call {name}"


def lock_waited_for(frames: list[NativeFrame]) -> str | None:
    """Which lock a thread waits for that is in a system call, as its innermost functions tell."""
    for depth, frame in enumerate(reversed(frames)):
        if frame.symbol in TAKE_GIL:
            return "the GIL"
        if frame.symbol in TAKE_LOCK:
            return "a lock"
        if is_eval(frame) or depth > CALLEES:
            return None
    return None


# --- tasks ---


def task_texts(dump: Dump, variables: Variables | None) -> list[str]:
    """The pending tasks of asyncio; those with the same stack together."""
    names: dict[str, list[str]] = {}
    for task in dump.task_waits.tasks:
        lines = [line for frame in task.frames for line in python_lines(frame, variables, 0)]
        waits = task_wait_text(task, dump.task_waits)
        text = "\n".join(lines or ["  (no frames)"])
        names.setdefault(f"{', ' + waits if waits else ''}\n{text}", []).append(printable(task.name, 60))
    return [f"{task_title(found)}{rest}" for rest, found in names.items()]


def task_title(names: list[str]) -> str:
    if len(names) == 1:
        return f"task {names[0]}"
    more = f" and {len(names) - SAME_TASKS} more" if len(names) > SAME_TASKS else ""
    return f"{len(names)} tasks: {', '.join(names[:SAME_TASKS])}{more}"


# --- JSON ---


def process_report(dump: Dump, with_locals: bool = False, with_native: bool = False) -> dict[str, Any]:
    """The same as dicts and lists; docs/json.md has the schema."""
    variables = Variables() if with_locals else None
    numbers = {module: number for number, module in enumerate(dump.native.modules)} if dump.native else {}
    return {
        "schema": 1,
        "pid": dump.facts.get("pid"),
        "python": python_text(dump),
        "executable": dump.facts.get("executable"),
        "core": core_text(dump) or None,
        "problems": problems(dump, with_locals),
        "deadlocks": all_deadlock_texts(dump),
        "threads": [
            {
                "name": one.thread.name if one.thread is not None else None,
                "ident": one.thread.ident if one.thread is not None else None,
                "native_id": one.thread.native_id
                if one.thread is not None
                else one.native.thread
                if one.native
                else None,
                "interpreter": one.thread.interpreter if one.thread is not None else None,
                "daemon": one.thread.daemon if one.thread is not None else None,
                "holds_gil": one.thread is not None and one.thread.holds_gil,
                "activity": activity(dump, one),
                "waits_for": None if one.thread is None else wait_report(dump, one.thread),
                "frames": frames_report(one.thread.frames if one.thread is not None else [], variables),
                **({"native": merged_report(dump, one, numbers)} if with_native else {}),
            }
            for one in all_threads(dump)
        ],
        "tasks": [
            {
                "name": task.name,
                "waits_for": task_wait_report(dump, task),
                "frames": frames_report(task.frames, variables),
            }
            for task in dump.task_waits.tasks
        ],
        **({"modules": [one._asdict() for one in numbers]} if with_native else {}),
    }


def frames_report(frames: list[FrameType], variables: Variables | None) -> list[dict[str, Any]]:
    """Frames, outermost first, the innermost MAX_FRAMES of them."""
    found = []
    for frame in frames[-MAX_FRAMES:]:
        described = place_report(frame, frame.f_lineno or 0)
        if variables is not None:
            described["locals"] = dict(variables.of(frame))
        found.append(described)
    return found
