# SPDX-License-Identifier: Apache-2.0
"""Dump the process of a core file, or show its stacks.

    python -m pyheapdump core CORE [-o FILE]                 a dump, as the process itself would have made it
    python -m pyheapdump core CORE --stacks [--locals] [--native]      print the stacks; no file is written

CORE comes from the kernel or from gcore, whole, filtered or cut; it may be compressed (.gz, .zst). What it leaves out,
code above all, is read from the files that were mapped, when they are here and the same. gdb is not needed, nor debug
symbols, nor had the process to know pyheapdump.
"""

from __future__ import annotations

import argparse

from .. import capture, core, outside
from . import reading

HELP = "dump the process of a core file, or show its stacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("core", metavar="CORE", help="the core file")
    parser.add_argument("--exe", metavar="FILE", help="the program's file, where it is not where the core says")
    reading.add_arguments(parser, "CORE.dump")


def main(options: argparse.Namespace) -> int:
    wanted = reading.wanted("core", options)

    def work() -> None:
        if options.stacks:
            reading.print_stacks(lambda: core.stacks(options.core, wanted, options.exe), options, ("signal",))
        else:
            write_dump(wanted, options)

    return reading.run("core", work, "interrupted")


def write_dump(wanted: outside.Options, options: argparse.Namespace) -> None:
    path, found = core.dump(options.core, wanted, options.output, options.exe)
    about = f"process {found['pid']} of {options.core}"
    if found["in_place"]:
        about += ", read in place as memory for a copy is short"
    reading.print_written(path, found, [about], options.json)
    if not options.json:
        for problem in found["problems"]:
            capture.say(f"core: {problem}")
