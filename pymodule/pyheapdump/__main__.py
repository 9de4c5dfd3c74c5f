# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump COMMAND ...`; the commands are in the package commands.

Exit status 0 done, 1 it could not be done, 2 wrong usage; an error is one line on stderr.
"""

from __future__ import annotations

from . import interrupts

interrupts.end_by_default()

# ruff: noqa: E402
import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from . import __version__, capture
from .commands import COMMANDS, CommandError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        capture.say(f"{' '.join(message.split())}; see {self.prog} --help")
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = Parser(prog="python -m pyheapdump", description="A Python process that fails leaves one file.")
    made.add_argument("--version", action="version", version=f"pyheapdump {__version__}")
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
    options = parser().parse_args(arguments)
    interrupts.raise_again()
    try:
        status: int = options.main(options)
    except CommandError as problem:
        capture.say(str(problem))
        return problem.status
    return status


if __name__ == "__main__":
    sys.exit(main())
