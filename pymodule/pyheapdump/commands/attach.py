# SPDX-License-Identifier: Apache-2.0
"""Dump a running process from outside, or show its stacks.

    python -m pyheapdump attach PID [-o FILE]                 a dump, as the process itself would make it
    python -m pyheapdump attach PID --stacks [--locals] [--native]     print the stacks; no file is written

The process needs nothing of pyheapdump. Its threads are stopped while its memory is copied (or, for --stacks, read) and
then go on, whatever becomes of this command; where pyheapdump is installed it is asked for a snapshot of itself, and
stands for milliseconds. The right to trace the process is needed: the same user where the system allows that, else root
or the capability SYS_PTRACE.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys

from .. import attach, capture
from . import CommandError, UsageError

HELP = "dump a running process from outside, or show its stacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pid", type=int, metavar="PID", help="the process")
    parser.add_argument("-o", "--output", metavar="FILE", help="the dump (default: python_heap_PID_N.dump here)")
    parser.add_argument("--stacks", action="store_true", help="print the stacks of all threads; write no file")
    parser.add_argument("--locals", action="store_true", help="with --stacks: the variables of each frame, too")
    parser.add_argument("--native", action="store_true", help="with --stacks: the functions of C code, too")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--no-freeze", dest="freeze", action="store_false", help="read while the process goes on")
    parser.add_argument(
        "--no-ask", dest="ask", action="store_false", help="read from outside also where pyheapdump is installed"
    )
    parser.add_argument(
        "--no-redact", dest="redact", action="store_false", help="keep values whose names tell of secrets"
    )
    parser.add_argument("--max-seconds", type=float, default=capture.DEFAULTS.max_seconds, metavar="VALUE",
                        help="end the walk of the heap after so many seconds")  # fmt: skip


def main(options: argparse.Namespace) -> int:
    wanted = attach.Options(
        options.pid,
        freeze=options.freeze,
        ask=options.ask,
        redact=options.redact,
        max_seconds=options.max_seconds,
    )
    if wanted.pid <= 0:
        raise UsageError(f"attach: {wanted.pid} is no process id")
    if not wanted.max_seconds > 0:
        raise UsageError(f"attach: --max-seconds must be more than 0, not {wanted.max_seconds}")
    if (options.locals or options.native) and not options.stacks:
        raise UsageError("attach: --locals and --native go with --stacks; a dump has both")
    if options.stacks and options.output is not None:
        raise UsageError("attach: --stacks writes no file, so there is none to name with --output")
    try:
        (show_stacks if options.stacks else write_dump)(wanted, options)
        sys.stdout.flush()
    except attach.AttachError as problem:
        raise CommandError(f"attach: {problem}") from None
    except BrokenPipeError:  # who reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as problem:
        raise CommandError(f"attach: {problem.filename}: {problem.strerror}") from None
    except KeyboardInterrupt:
        say_interrupted()
    return 0


def write_dump(wanted: attach.Options, options: argparse.Namespace) -> None:
    if options.output is not None and os.path.lexists(options.output):
        raise CommandError(f"attach: {options.output} exists, and a dump never replaces a file: give another name")
    path, found = attach.attach(wanted, options.output)
    if options.json:
        print(json.dumps({"path": path, **found}))
        return
    size = capture.size_text(found["bytes"])
    stopped = f"stopped for {found['stopped'] * 1e3:.0f} ms" if options.freeze else "not stopped"
    if found["in_place"]:
        stopped += ", read in place as memory for a copy is short"
    how = f"made a snapshot of itself, {stopped}" if found["asked"] else f"was {stopped}"
    print(f"wrote {path} ({size}; process {wanted.pid} {how})")
    if found["why_not"]:
        print(f"read from outside: pyheapdump in it could not be asked for a snapshot: {found['why_not']}")
    print(f"open it with: python -m pyheapdump.view {path}")


def show_stacks(wanted: attach.Options, options: argparse.Namespace) -> None:
    gc.disable()  # nothing becomes garbage until the end, and looking for it takes a fifth of the time
    dump, found = attach.stacks(wanted)
    from pyheapdump.view.process_text import process_report, process_text

    with dump:
        if options.json:
            print(json.dumps({**process_report(dump, options.locals, options.native), "stopped": found["stopped"]}))
        else:
            print(process_text(dump, options.locals, options.native))


def say_interrupted() -> None:
    """End as Ctrl-C ends a program; the kernel lets the process go."""
    capture.say("attach: interrupted; the process goes on")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
