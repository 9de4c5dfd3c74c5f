# SPDX-License-Identifier: Apache-2.0
"""Exceptions that somebody catches and shows: of what is typed at a prompt, of tests. No failures of the program.

They come to Python's hooks, too (the interpreter's own prompt, code.InteractiveConsole where sys.excepthook is not
Python's), and stay in sys.last_exc as if nobody had caught them. What tells them apart is who called the code that
failed: frames of what the traceback begins in remember their callers, also when all of them have ended.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

# Modules and packages of the standard library, and others.
STANDARD = ("code.py", "pdb.py", "doctest.py", "idlelib", "_pyrepl", "unittest")
OTHERS = ("IPython", "ipykernel", "bpython", "ptpython", "_pytest", "xdist")
# Callers that are looked at.
MAX_CALLERS = 10_000

_LIBRARY = os.path.dirname(os.__file__) + os.sep
_STANDARD_FILES = tuple(_LIBRARY + name for name in STANDARD)


def at_prompt() -> bool:
    """Does the interpreter's own prompt run the program?"""
    return "ps1" in vars(sys)


def is_shown(traceback: TracebackType | None) -> bool:
    """Does the traceback begin in code that a prompt or a test called?"""
    if traceback is None:  # an error of syntax, which tells nothing of who compiled it
        return "code" in sys.modules
    frame: FrameType | None = traceback.tb_frame
    for _ in range(MAX_CALLERS):
        if frame is None:
            return False
        if _shows(frame):
            return True
        frame = frame.f_back
    return False


def is_outermost(traceback: TracebackType | None) -> bool:
    """Did nobody call the code that the traceback begins in? Then nobody can have caught the exception."""
    return traceback is not None and traceback.tb_frame.f_back is None


def _shows(frame: FrameType) -> bool:
    if frame.f_code.co_filename.startswith(_STANDARD_FILES):
        return True
    name: Any = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.partition(".")[0] in OTHERS
