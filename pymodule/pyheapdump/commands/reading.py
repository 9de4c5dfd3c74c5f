# SPDX-License-Identifier: Apache-2.0
"""What the commands attach and core have in common: options, how they are checked, and what is printed.

The module is no command.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
from collections.abc import Callable
from typing import Any

from .. import capture, outside
from ..output import write
from . import CommandError, UsageError


def add_arguments(parser: argparse.ArgumentParser, default_name: str) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help=f"the dump (default: {default_name} here)")
    parser.add_argument("--stacks", action="store_true", help="print the stacks of all threads; write no file")
    parser.add_argument("--locals", action="store_true", help="with --stacks: the variables of each frame, too")
    parser.add_argument("--native", action="store_true", help="with --stacks: the functions of C code, too")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument(
        "--no-redact", dest="redact", action="store_false", help="keep values whose names tell of secrets"
    )
    parser.add_argument("--max-seconds", type=float, default=capture.DEFAULTS.max_seconds, metavar="VALUE",
                        help="end the walk of the heap after so many seconds")  # fmt: skip


def wanted(name: str, options: argparse.Namespace) -> outside.Options:
    """The options that were given, checked."""
    if not options.max_seconds > 0:
        raise UsageError(f"{name}: --max-seconds must be more than 0, not {options.max_seconds}")
    if (options.locals or options.native) and not options.stacks:
        raise UsageError(f"{name}: --locals and --native go with --stacks; a dump has both")
    if options.stacks and options.output is not None:
        raise UsageError(f"{name}: --stacks writes no file, so there is none to name with --output")
    if options.output is not None and os.path.lexists(options.output):
        raise CommandError(f"{name}: {options.output} exists, and a dump never replaces a file: give another name")
    return outside.Options(redact=options.redact, max_seconds=options.max_seconds)


def run(name: str, work: Callable[[], None], interrupted: str) -> int:
    """Do the work of a command; returns the exit status. `interrupted` is said when Ctrl-C ends it."""
    try:
        work()
    except outside.OutsideError as problem:
        raise CommandError(f"{name}: {problem}") from None
    except BrokenPipeError:  # who reads has enough
        return 1
    except OSError as problem:
        what = [] if problem.filename is None else [os.fsdecode(problem.filename)]
        raise CommandError(": ".join([name, *what, problem.strerror or str(problem)])) from None
    except KeyboardInterrupt:
        capture.say(f"{name}: {interrupted}")
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C ends a program
    return 0


def print_written(path: str, found: dict[str, Any], about: list[str], as_json: bool) -> None:
    """`about`: what the dump is of, and further lines. Raises OutsideError for one that the file system has cut."""
    if as_json:
        write(json.dumps({"path": path, **found}))
    else:
        write("\n".join([f"wrote {path} ({capture.extent(found)}; {about[0]})", *about[1:]]))
        write(f"open it with: python -m pyheapdump.view {path}")
    if found["write_errno"]:
        raise outside.OutsideError(f"{path} holds a part of the dump alone: {os.strerror(found['write_errno'])}")


def print_stacks(
    stacks: Callable[[], tuple[Any, dict[str, Any]]], options: argparse.Namespace, keys: tuple[str, ...]
) -> None:
    """Print what `stacks` gives; `keys` of what was found are put into JSON."""
    gc.disable()  # nothing becomes garbage until the end, and looking for it takes a fifth of the time
    dump, found = stacks()
    from pyheapdump.view.process_text import process_report, process_text

    with dump:
        if options.json:
            report = process_report(dump, options.locals, options.native)
            write(json.dumps({**report, **{key: found[key] for key in keys}}))
        else:
            write(process_text(dump, options.locals, options.native))
