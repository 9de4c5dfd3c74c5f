# SPDX-License-Identifier: Apache-2.0
"""The command `python -m pyheapdump.view FILE`, which is also `python -m pyheapdump view FILE`.

Exit status: 0 done, 1 the file cannot be read or is damaged beyond use, 2 wrong usage. An error is one line on
stderr; with PYHEAPDUMP_DEBUG set, Python's traceback of an error of ours follows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyheapdump import interrupts
from pyheapdump._pyheapdump import DumpError
from pyheapdump.output import OutputError, write
from pyheapdump.usage import Parser

from .dump import Dump
from .largest import DEFAULT, MOST, largest_report, largest_text
from .summary import banner, summary, what_failed
from .text import printable
from .thread_text import threads_text

NOTICE_AFTER = 1.0  # seconds

DONE, DAMAGED, INTERRUPTED = 0, 1, 130


PROGRAM = "python -m pyheapdump.view"


def parser(program: str) -> Parser:
    described = Parser(
        prog=program,
        description="Show a heap dump. On a terminal: a banner, the traceback, then pdb. Otherwise: the summary.",
    )
    described.add_version()
    described.add_argument("file", metavar="FILE", help="the dump, python_heap_PID_N.dump")
    how = described.add_mutually_exclusive_group()
    how.add_argument("--summary", action="store_true", help="error, locals of the failing frame, threads")
    how.add_argument("--json", action="store_true", help="the same and more as JSON (docs/json.md)")
    how.add_argument("--threads", action="store_true", help="the stacks of all threads and tasks")
    how.add_argument("--locks", action="store_true", help="who waits for which lock, who holds it, and deadlocks")
    how.add_argument("--native", action="store_true", help="the stacks with all of C code, registers, mapped files")
    how.add_argument("--pdb", action="store_true", help="pdb even without a terminal, commands from stdin")
    described.add_argument(
        "--largest",
        metavar="N",
        nargs="?",
        type=ranked,
        const=DEFAULT,
        help=f"the N largest objects (if not given: {DEFAULT}) and those that hold most, and by which variable each is"
        " reached; with --json as its key `largest`",
    )
    described.add_argument(
        "--debug-files", metavar="DIR", help="with --native: a folder with debug files, or with the program's own files"
    )
    described.add_argument("--all", action="store_true", help="with --native: the interpreter's own functions too")
    return described


def ranked(text: str) -> int:
    """The N of --largest."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"takes a number from 1 to {MOST}, not {text!r} (FILE comes before it)")
    return int(text)


@contextmanager
def notice(text: str) -> Iterator[None]:
    """Say on stderr what is being done when it takes more than a second."""
    timer = threading.Timer(NOTICE_AFTER, lambda: print(f"pyheapdump: {text} ...", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def show(path: str, options: argparse.Namespace) -> None:
    name = printable(os.path.basename(path), 100)
    with notice(f"opening {name}"):
        dump = Dump(path)
    with dump:
        if options.pdb or (not any_view(options) and on_terminal()):
            debug_session(dump)
            return
        with notice(f"reading {name}"):
            if options.json:
                from .report import report

                found = report(dump)
                if options.largest is not None:
                    found["largest"] = largest_report(dump, options.largest)
                text = json.dumps(found, indent=1)
            elif options.largest is not None:
                text = largest_text(dump, options.largest)
            elif options.threads:
                text = threads_text(dump)
            elif options.locks:
                from .locks import locks_text

                text = locks_text(dump)
            elif options.native:
                from .native_text import NativeView

                text = NativeView(dump, options.debug_files, options.all).text()
            else:
                text = summary(dump)
        write(text)


def on_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def any_view(options: argparse.Namespace) -> bool:
    """Was a view asked for that prints something and ends?"""
    named = options.summary, options.json, options.threads, options.locks, options.native
    return any(named) or options.largest is not None


def debug_session(dump: Dump) -> None:
    from .debugger import COMMANDS, post_mortem

    with notice("reading the failing stack"):
        text = f"{banner(dump)}\n\n{what_failed(dump)}\n\n{COMMANDS}\n"
    write(text)
    post_mortem(dump)


def fail(message: str) -> int:
    print(f"pyheapdump: {printable(message, 2000)}", file=sys.stderr)
    return DAMAGED


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command; returns the exit status."""
    described = parser(program)
    options = described.parse_args(arguments)
    if options.file == "-":
        described.error("FILE is -, but a dump cannot be read from standard input: write it to a file first")
    if (options.debug_files is not None or options.all) and not options.native:
        described.error("--debug-files and --all go with --native")
    if options.debug_files is not None and not os.path.isdir(options.debug_files):
        described.error(f"--debug-files: {printable(options.debug_files, 300)}: no such folder")
    others = options.summary, options.threads, options.locks, options.native, options.pdb
    if options.largest is not None and any(others):
        described.error("--largest is a view of its own; it goes with --json only")
    interrupts.raise_again()
    try:
        show(options.file, options)
        return DONE
    except DumpError as problem:
        return fail(str(problem))
    except BrokenPipeError:  # the reader of our output has gone
        return DONE
    except OutputError as problem:
        return fail(f"{problem.filename}: {problem.strerror}")
    except OSError as problem:
        return fail(f"cannot read {options.file}: {problem.strerror or problem}")
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError:
        return fail(f"{options.file}: not enough memory to show this")
    except Exception as problem:  # noqa: BLE001 - an error of ours: one line, as for every other
        if os.environ.get("PYHEAPDUMP_DEBUG"):
            traceback.print_exc()
        return fail(f"cannot show {options.file}: {type(problem).__name__}: {problem} (a bug in the viewer)")
