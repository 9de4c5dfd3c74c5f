# SPDX-License-Identifier: Apache-2.0
"""What a dump is about, on one screen: the banner, and the summary for when there is no terminal."""

from __future__ import annotations

import datetime
import os
from types import FrameType

from .dump import Dump
from .locks import deadlock_texts
from .merged import merged_stack
from .stack_text import error_line, exception_text, failing_frame, locals_of, own_frame, place, thread_line
from .text import counted, printable, size_text
from .thread_text import failing_thread, merged_lines, signal_notes

MAX_PROBLEMS = 10
MAX_THREADS = 20
MAX_TASKS = 1_000  # of which it is looked whether they wait for one another


def moment_text(seconds: object, otherwise: str) -> str:
    """A Unix time; `otherwise` when it is none."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return printable(otherwise, 60)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def when(dump: Dump) -> str:
    return moment_text(dump.facts.get("time"), dump.headers.get("Date", "unknown"))


def core_text(dump: Dump) -> str:
    """`/var/crash/core.4711, written 2026-11-21 08:00:00 UTC`; empty when the dump is of a process."""
    path = dump.core.get("path")
    written = moment_text(dump.core.get("time"), "at an unknown time")
    return f"{printable(str(path), 300)}, written {written}" if path else ""


def python_text(dump: Dump) -> str:
    version = dump.facts.get("python")
    return printable(".".join(map(str, version[:3])), 40) if isinstance(version, list) else "of unknown version"


def is_about_memory(dump: Dump) -> bool:
    """Was the dump made because memory ran out, or nearly did?"""
    return dump.reason.startswith(("memory limit", "memory error")) or isinstance(dump.exception, MemoryError)


def banner(dump: Dump) -> str:
    """Error, when, where, Python, size, what is missing: a few lines."""
    facts, found, signal = dump.facts, failing_frame(dump), dump.signal
    has_failed = signal is not None or dump.exception is not None
    lines = [
        f"{printable(os.path.basename(dump.path), 200)}: {size_text(dump.file.size)}, "
        f"{dump.file.object_count:,} objects, Python {python_text(dump)}",
        f"  {'error ' if has_failed else 'reason'}   {error_line(dump)}",
    ]
    if found is not None:
        lines.append(f"  where    {place(*found)}")
    own = own_frame(dump)
    if own is not None:
        lines.append(f"  from     {place(*own)}")
    lines += [f"  {text.replace(':', '', 1)}" for text in deadlocks(dump)[:MAX_PROBLEMS]]
    label = dump.facts.get("label")
    if isinstance(label, str):
        lines.append(f"  label    {printable(label, 300)}")
    if core_text(dump):
        lines.append(f"  core     {core_text(dump)}")
    lines.append(f"  when     {when(dump)}, pid {facts.get('pid', '?')}, {counted(len(dump.threads), 'thread')}")
    if is_about_memory(dump):
        lines.append("  memory   --largest (in the debugger: largest) lists what takes it")
    lines += [f"  changed  {printable(text, 300)}" for text in dump.sources.changes[:MAX_PROBLEMS]]
    if signal:
        whole = not dump.core.get("problems")
        lines += [f"  note     {note}" for note in signal_notes(signal, dump.signal_thread, whole)]
    missing = dump.missing
    lines += [f"  note     {printable(problem, 300)}" for problem in dump.problems[len(missing) :]]
    lines += [f"  missing  {printable(problem, 300)}" for problem in missing[:MAX_PROBLEMS]]
    if len(missing) > MAX_PROBLEMS:
        lines.append(f"  missing  ... {len(missing) - MAX_PROBLEMS} more such")
    return "\n".join(lines)


def deadlocks(dump: Dump) -> list[str]:
    """A sentence for each deadlock, as far as what is near the stacks tells of it: no banner waits for a whole heap."""
    waiting = any(thread.futex is not None and not thread.waits_for_gil for thread in dump.threads)
    found = deadlock_texts(dump.locks) if waiting else []
    return [*found, *(dump.task_waits.deadlocks() if len(dump.tasks) <= MAX_TASKS else ())]


def what_failed(dump: Dump) -> str:
    """The traceback of the exception, or the stack of the thread that got the fatal signal."""
    failing = failing_thread(dump)
    if failing is None:
        return exception_text(dump)
    return "\n".join([failing.title, *merged_lines(merged_stack(dump, failing.thread, failing.native))])


def locals_text(frame: FrameType, line: int) -> str:
    variables = locals_of(frame)
    width = max((len(name) for name, _ in variables), default=0)
    shown = [f"  {name:{width}} = {text}" for name, text in variables]
    return "\n".join([f"locals of {place(frame, line)}:", *(shown or ["  (none)"])])


def summary(dump: Dump) -> str:
    """Banner, traceback or stack, locals of the failing frame, threads, tasks."""
    parts = [banner(dump), what_failed(dump)]
    parts += [locals_text(*found) for found in (failing_frame(dump), own_frame(dump)) if found is not None]
    threads = []
    for thread in dump.threads[:MAX_THREADS]:
        frames = thread.frames
        threads.append(f"  {thread_line(thread)}")
        if frames:
            threads.append(f"      {place(frames[-1], frames[-1].f_lineno or 0)}, {counted(len(frames), 'frame')}")
    if len(dump.threads) > MAX_THREADS:
        threads.append(f"  ... {len(dump.threads) - MAX_THREADS} more")
    if threads:
        parts.append("\n".join(["threads:", *threads]))
    if dump.tasks:
        parts.append(f"tasks: {len(dump.tasks)} pending; --threads shows their stacks")
    return "\n\n".join(part for part in parts if part)
