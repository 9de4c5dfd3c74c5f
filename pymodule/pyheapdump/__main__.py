# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump COMMAND ...`; the commands are in the package commands.

Exit status 0 done, 1 it could not be done, 2 wrong usage; an error is one line on stderr.
"""

from __future__ import annotations

import sys

from . import search_path

if sys.argv[1:2] == ["view"]:
    search_path.without_current_directory()

from . import interrupts

interrupts.end_by_default()

# ruff: noqa: E402
import argparse
from collections.abc import Sequence
from importlib import import_module

from . import capture
from .commands import COMMANDS, CommandError
from .usage import OPENED_WITH, Parser


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = Parser(
        prog="python -m pyheapdump",
        description=f"A Python process that fails leaves one file; {OPENED_WITH} opens it.",
    )
    made.add_version()
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = import_module(f".commands.{name}", __package__)
        added = commands.add_parser(name, help=command.HELP, description=command.__doc__, allow_abbrev=False,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        command.add_arguments(added)
        added.set_defaults(main=command.main)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["view"]:
        from .commands import view

        return view.main(given[1:])
    options = parser().parse_args(given)
    interrupts.raise_again()
    try:
        status: int = options.main(options)
    except CommandError as problem:
        capture.say(str(problem))
        return problem.status
    return status


if __name__ == "__main__":
    sys.exit(main())
