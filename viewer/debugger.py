# SPDX-License-Identifier: Apache-2.0
"""pdb on a dump.

`DumpPdb` is the standard debugger on the dump's frames, with three differences: commands that would make the program
go on say that nothing runs, what it prints cannot steer the terminal, and there are commands for what a dump has more
than one stack of: `threads`, `thread N`, `tasks`, `task N`, `own` (frame), `locks`, `native` (C functions),
`largest [N]` (objects), `banner`.

No object ends the session: what a command raises is told in one line. What is printed has bounds (display.py), as the
repr of an exact list of the dump has none.

A .pdbrc is read from the home directory only: the one in the current directory may have come along with the dump. No
source is read from the disk either, as it is the dump that says which.
"""

from __future__ import annotations

import bdb
import inspect
import linecache
import pdb
import shutil
import sys
import tokenize
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

from .display import full_repr
from .dump import Dump
from .largest import DEFAULT, MOST, largest_text
from .locks import locks_text
from .missing import reason_of
from .pretty import pretty
from .stack_text import innermost_own, place, shown_of, stack_lines, thread_line, value_of
from .summary import banner, what_failed
from .text import escape_controls, printable

COMMANDS = (
    "beside pdb's own commands: own (frame), threads, thread N, tasks, task N, locks, largest [N], native, banner;"
    " help NAME tells of each"
)
MAX_EXCEPTION = 300  # characters of one in the list of a chain
MAX_INT_DIGITS = 100_000  # of an int that is shown


class EscapingWriter:
    """A stream that writes text with its control characters escaped."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escape_controls(text).encode("utf-8", "backslashreplace").decode("utf-8"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class DumpPdb(pdb.Pdb):
    """The debugger of one dump."""

    def __init__(self, dump: Dump) -> None:
        super().__init__(nosigint=True, readrc=False)
        self.dump = dump
        self.prompt = "(dump) "
        self.stdout: Any = EscapingWriter(sys.stdout)
        self.rcLines: list[str] = personal_commands()

    def _nothing_runs(self, arg: str) -> bool | None:
        """This is a dump: nothing runs. Look around with where, up, down, p, pp, ll, args; leave with q."""
        self.message("*** this is a dump: nothing runs. Look around with where, up, down, p, ll; leave with q")
        return None

    do_continue = do_c = do_cont = _nothing_runs
    do_next = do_n = do_step = do_s = do_until = do_unt = do_return = do_r = _nothing_runs
    do_jump = do_j = do_run = do_restart = do_debug = _nothing_runs

    def onecmd(self, line: str) -> bool:
        try:
            return super().onecmd(line)
        except (bdb.BdbQuit, BrokenPipeError):
            raise
        except Exception as problem:  # noqa: BLE001 - nothing in a dump, nor a source in it, ends the session
            self.error(reason_of(problem))
            return False

    # --- what is shown of values ---

    def do_p(self, argument: str) -> None:
        """p expression: print the value of the expression."""
        self._show(argument, full_repr)

    def do_pp(self, argument: str) -> None:
        """pp expression: print the value of the expression in lines: of an instance an attribute a line."""
        self._show(argument, lambda value: pretty(value, terminal_width()))

    def _show(self, argument: str, text_of: Callable[[Any], str]) -> None:
        try:
            value = self._getval(argument)
        except BaseException:  # noqa: BLE001 - it has told what was raised, be it SystemExit
            return
        self.message(text_of(value))

    def displayhook(self, obj: Any) -> None:
        """What an expression typed by itself gives."""
        if obj is not None:
            self.message(full_repr(obj))

    def do_args(self, arg: str) -> bool | None:
        """a(rgs): print the arguments of the current function."""
        frame: Any = self.curframe
        code, found = frame.f_code, frame.f_locals
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
        for name in code.co_varnames[:count]:
            self.message(f"{name} = {full_repr(value_of(found, name)) if name in found else '*** undefined ***'}")
        return None

    do_a = do_args

    def do_display(self, argument: str) -> None:
        """display [expression]: print its value now, and in this frame again when it has changed; list those."""
        shown = self.displaying.setdefault(self.curframe, {})  # type: ignore[attr-defined]
        if argument:
            shown[argument] = self._text_of(argument)
            self.message(f"display {argument}: {shown[argument]}")
            return
        self.message("\n".join(["Currently displaying:", *(f"{one}: {text}" for one, text in shown.items())]))

    def preloop(self) -> None:
        """Show again what is displayed and has changed."""
        shown = self.displaying.get(self.curframe, {})  # type: ignore[attr-defined]
        for argument, before in shown.items():
            now = self._text_of(argument)
            if now != before:
                shown[argument] = now
                self.message(f"display {argument}: {now}  [old: {before}]")

    def _text_of(self, argument: str) -> str:
        try:
            return full_repr(self._getval(argument))
        except Exception as problem:  # noqa: BLE001 - the expression is the user's
            return f"** raised {reason_of(problem)} **"

    def do_exceptions(self, argument: str) -> None:
        """exceptions [N]: list the exceptions of the chain, or go to one."""
        chain = getattr(self, "_chained_exceptions", ())
        if argument or not chain:
            super().do_exceptions(argument)  # type: ignore[misc]
            return
        for number, error in enumerate(chain):
            mark = ">" if number == self._chained_exception_index else " "  # type: ignore[attr-defined]
            self.message(f"{mark} {number:>3} {full_repr(error, total=MAX_EXCEPTION)}")

    def do_longlist(self, arg: str) -> bool | None:
        """ll | longlist: list the whole source of the current function."""
        try:
            lines, first = function_lines(self.curframe)
        except OSError as problem:
            self.error(str(problem))
            return None
        self._print_lines(lines, first, (), self.curframe)
        return None

    do_ll = do_longlist

    # --- where one is ---

    def do_banner(self, argument: str) -> None:
        """banner: what the dump is about."""
        self.message(banner(self.dump))

    def do_threads(self, argument: str) -> None:
        """threads: list the threads of the dumped program; `thread N` goes to one, `locks` tells what they wait for."""
        shown = shown_of(self.dump.threads, lambda thread: thread.frames)
        for number, thread in enumerate(shown):
            frames = thread.frames
            where = place(frames[-1], frames[-1].f_lineno or 0) if frames else "no frames"
            self.message(f"{number:4}  {thread_line(thread)}: {where}")
        if len(shown) < len(self.dump.threads):
            self.message(f"      ... {len(self.dump.threads) - len(shown):,} more")

    def do_thread(self, argument: str) -> None:
        """thread N: stand in the innermost frame of thread N (see `threads`)."""
        self._go_to(argument, [thread.frames for thread in self.dump.threads], "thread")

    def do_own(self, argument: str) -> None:
        """own: go to the innermost frame of the program itself, from those of libraries that it called."""
        own = innermost_own([frame for frame, _ in self.stack])
        if own is None:
            self.error("there is no frame of the program itself: all are of libraries")
            return
        self._select_frame(own)

    def do_locks(self, argument: str) -> None:
        """locks: what the threads and tasks wait for, who holds it, and deadlocks."""
        self.message(locks_text(self.dump))

    def do_largest(self, argument: str) -> None:
        """largest [N]: the N largest objects (10), those that hold most, and by which variable each is reached."""
        if argument and not (argument.isascii() and argument.isdigit() and 1 <= int(argument) <= MOST):
            self.error(f"largest takes a number from 1 to {MOST}")
            return
        self.message(largest_text(self.dump, int(argument or DEFAULT)))

    def do_native(self, argument: str) -> None:
        """native: the stack of the thread that got the fatal signal, with its C functions."""
        self.message(
            what_failed(self.dump) if self.dump.signal is not None else "the dump has no stacks of C functions"
        )

    def do_tasks(self, argument: str) -> None:
        """tasks: list the asyncio tasks with their stacks; `task N` goes to one."""
        tasks = self.dump.tasks
        shown = shown_of(tasks, lambda task: task.frames)
        for number, task in enumerate(shown):
            self.message("\n".join([f"{number:4}  {printable(task.name, 60)}", *stack_lines(task.frames, "      ")]))
        if len(shown) < len(tasks):
            self.message(f"      ... {len(tasks) - len(shown):,} more")

    def do_task(self, argument: str) -> None:
        """task N: stand in the innermost frame of task N (see `tasks`)."""
        self._go_to(argument, [task.frames for task in self.dump.tasks], "task")

    def _go_to(self, argument: str, stacks: list[list[FrameType]], what: str) -> None:
        if not argument.isascii() or not argument.isdigit() or int(argument) >= len(stacks):
            self.error(f"{what} takes a number from 0 to {len(stacks) - 1}" if stacks else f"the dump has no {what}s")
            return
        frames = stacks[int(argument)]
        if not frames:
            self.error(f"{what} {argument} has no frames in the dump")
            return
        self._look_at(frames)

    def _look_at(self, frames: list[FrameType]) -> None:
        """Make `frames` the stack of the session, at the innermost one."""
        self.setup(frames[-1], None)
        # A coroutine's frames do not hang together by f_back.
        self.stack = [(frame, frame.f_lineno or 0) for frame in frames]
        self.curindex = len(frames) - 1
        self.curframe = frames[-1]
        if sys.version_info < (3, 13):
            self.curframe_locals = self.curframe.f_locals
        self.print_stack_entry(self.stack[self.curindex])


def function_lines(frame: Any) -> tuple[list[str], int]:
    """The source lines of a frame's function or module, and the number of the first. OSError when there are none."""
    lines, at = inspect.findsource(frame)
    if frame.f_code.co_name == "<module>":
        return lines, 1
    try:
        return inspect.getblock(lines[at:]), at + 1
    except (
        SyntaxError,
        tokenize.TokenError,
        IndentationError,
    ):  # a source that does not belong to it, or a damaged one
        return lines[at : frame.f_lineno or at + 1], at + 1


def terminal_width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80


def personal_commands() -> list[str]:
    """The lines of ~/.pdbrc."""
    try:
        return Path("~/.pdbrc").expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, RuntimeError):
        return []


@contextmanager
def no_source_files() -> Iterator[None]:
    """linecache gives what it has (sources.py) and looks for nothing on the disk.

    pdb asks for more files than those of code objects: `list` for the `__file__` in the globals of a frozen module
    (3.11 to 3.13), `source` for that of modules.
    """
    read = linecache.updatecache
    linecache.updatecache = lambda filename, module_globals=None: []
    try:
        yield
    finally:
        linecache.updatecache = read


def post_mortem(dump: Dump) -> None:
    """Stand in the failing frame: where the exception was raised, or that of the thread that got the fatal signal, or
    of the first thread that has one. Returns when the user leaves.
    """
    session = DumpPdb(dump)
    session.reset()
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(MAX_INT_DIGITS)
    with no_source_files():
        begin(session)


def begin(session: DumpPdb) -> None:
    """The session where the program failed."""
    dump = session.dump
    error = dump.exception if dump.signal is None else None
    if error is not None and error.__traceback__ is not None and sys.version_info >= (3, 13):
        session.interaction(None, error)  # type: ignore[arg-type]
    elif dump.traceback is not None and dump.signal is None:
        session.interaction(None, dump.traceback)
    else:
        stand_in_thread(session)


def stand_in_thread(session: DumpPdb) -> None:
    """The session on a thread's stack; says so when it is not that of the thread that failed."""
    dump = session.dump
    thread = next((thread for thread in (dump.signal_thread, *dump.threads) if thread and thread.frames), None)
    if thread is None:
        session.message("*** there is no Python stack in this dump")
        return
    if dump.signal is not None and thread is not dump.signal_thread:
        session.message(f"*** no Python code ran where the signal arrived; this is {thread_line(thread)}")
    session.interaction(thread.frames[-1], None)
