# SPDX-License-Identifier: Apache-2.0
"""Open a dump: the same as python -m pyheapdump.view."""

from __future__ import annotations

import argparse

PROGRAM = "python -m pyheapdump view"
HELP = "open a dump FILE: a banner, the traceback, then pdb; or a summary, JSON, the stacks, locks (view --help)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: the viewer, which is imported when a dump is opened, reads its arguments itself (__main__.py)."""


def main(arguments: list[str]) -> int:
    from pyheapdump.view.cli import main as view

    return view(arguments, PROGRAM)
