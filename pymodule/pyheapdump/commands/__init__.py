# SPDX-License-Identifier: Apache-2.0
"""The commands of `python -m pyheapdump`, a module each.

A command has HELP (one line), `add_arguments(parser)`, and `main(options)`, which returns the exit status. Its name is
that of the module; COMMANDS lists them in the order of the help. None of them imports the viewer before it needs it, so
`view` is in the list for the help alone: its `main` gets the arguments, which the viewer itself reads.
"""

from __future__ import annotations

COMMANDS = ("run", "view", "attach", "core")


class CommandError(Exception):
    """The command cannot do what it was asked for; the text is one line. `status` is the exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class UsageError(CommandError):
    """The command line is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 2)
