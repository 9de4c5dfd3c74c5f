# SPDX-License-Identifier: Apache-2.0
"""Installing at the start of the interpreter, before the program: imported by pyheapdump.pth in site-packages.

`site` runs that file's line in every interpreter of the environment; it imports this module when one of the variables
is set. PYHEAPDUMP stays in the environment, so children get it too; PYHEAPDUMP_RUN is a private message of
`python -m pyheapdump run` to the one process that it becomes, and is gone before the program can see it.

Whatever is wrong here is told in one line, and the program runs. `site` runs the line in subinterpreters, too: there
nothing is done. Those with a GIL of their own (3.12) refuse to import our extension module, which pyheapdump.pth passes
over.
"""

from __future__ import annotations

import os
import sys

from . import _pyheapdump, capture, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "PYHEAPDUMP"
OPTIONS_VARIABLE = "PYHEAPDUMP_OPTIONS"
RUN_VARIABLE = "PYHEAPDUMP_RUN"
FILE = "pyheapdump.pth"
# Of the options in RUN_VARIABLE, whose values may hold commas.
RUN_SEPARATOR = "\x1f"

# What is on where the program is not changed, beside the defaults of install().
DEFAULTS: dict[str, Any] = {"logged": True}

# What was installed here.
installed: capture.Settings | None = None


def start() -> None:
    """Install as the environment says."""
    global installed
    asked_by_run = os.environ.pop(RUN_VARIABLE, None)
    if asked_by_run is not None:
        capture.install(**{**DEFAULTS, **options.parse(asked_by_run, RUN_SEPARATOR)})
    elif wanted():
        _install_with(os.environ.get(OPTIONS_VARIABLE, ""))
    installed = capture.installed()


def wanted() -> bool:
    """Does the environment ask for us? Not where the interpreter was told to ignore it (-E, -I)."""
    value = os.environ.get(VARIABLE, "").strip().lower()
    if sys.flags.ignore_environment or value in ("", *options.NO):
        return False
    if value not in options.YES:
        capture.say(f"{VARIABLE} must be 1 or 0, not {value!r}; not installed")
        return False
    return True


def _install_with(text: str) -> None:
    try:
        capture.install(**{**DEFAULTS, **options.parse(text)})
    except ValueError as problem:
        capture.install(**DEFAULTS)
        capture.say(f"{OPTIONS_VARIABLE}: {problem}; installed with the defaults instead")


def _start_safely() -> None:
    try:
        start()
    except BaseException as problem:  # noqa: BLE001  whatever it is, the program comes first
        capture.say(f"not installed: {' '.join(str(problem).split()) or type(problem).__name__}")


if _pyheapdump.is_main_interpreter():
    _start_safely()
