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

from .. import attach, outside
from . import UsageError, reading

HELP = "dump a running process from outside, or show its stacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pid", type=int, metavar="PID", help="the process")
    reading.add_arguments(parser, "python_heap_PID_N.dump")
    parser.add_argument(
        "--no-ask", dest="ask", action="store_false", help="read from outside also where pyheapdump is installed"
    )
    parser.add_argument("--no-freeze", dest="freeze", action="store_false", help="read while the process goes on")


def main(options: argparse.Namespace) -> int:
    if options.pid <= 0:
        raise UsageError(f"attach: {options.pid} is no process id")
    wanted = reading.wanted("attach", options)
    process = attach.Process(options.pid, options.freeze, options.ask)

    def work() -> None:
        if options.stacks:
            reading.print_stacks(lambda: attach.stacks(process, wanted), options, ("stopped",))
        else:
            write_dump(process, wanted, options)

    return reading.run("attach", work, "interrupted; the process goes on")  # the kernel lets it go


def write_dump(process: attach.Process, wanted: outside.Options, options: argparse.Namespace) -> None:
    path, found = attach.attach(process, wanted, options.output)
    stopped = f"stopped for {found['stopped'] * 1e3:.0f} ms" if options.freeze else "not stopped"
    if found["in_place"]:
        stopped += ", read in place as memory for a copy is short"
    how = f"made a snapshot of itself, {stopped}" if found["asked"] else f"was {stopped}"
    about = [f"process {process.pid} {how}"]
    if found["why_not"]:
        about.append(f"read from outside: pyheapdump in it could not be asked for a snapshot: {found['why_not']}")
    reading.print_written(path, found, about, options.json)
