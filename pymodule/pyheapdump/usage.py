# SPDX-License-Identifier: Apache-2.0
"""Command lines: errors of one line, with what may have been meant."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import __version__, capture

ALIKE = 0.75  # of two words, to be told as meant
OPENED_WITH = "python -m pyheapdump view FILE"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, which names the option or command that is alike."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What is not known is an error of the command that got it, whose options it is compared with."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(message.split()))
        capture.say(f"{line}{self._meant(line)}; see {self.prog} --help")
        sys.exit(2)

    def _meant(self, line: str) -> str:
        if "maybe you meant" in line:  # argparse has said it (3.15)
            return ""
        unknown = re.match(r"unrecognized arguments: (--?[^\s=]+)", line)
        if unknown:
            return did_you_mean(unknown[1], [name for name in self._option_string_actions if name.startswith("--")])
        command = re.match(r".*invalid choice: '([^']*)'", line)
        if command and os.path.exists(command[1]):
            return f"; a dump is opened with {OPENED_WITH}"
        choices = [str(name) for action in self._actions for name in action.choices or ()]
        return did_you_mean(command[1], choices) if command else ""

    def add_version(self) -> None:
        self.add_argument("--version", action="version", version=f"pyheapdump {__version__}")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    alike = difflib.get_close_matches(word, known, 1, ALIKE)
    return f" (did you mean {alike[0]}?)" if alike else ""
