# SPDX-License-Identifier: Apache-2.0
"""The viewer: opens dumps and shows them. `pyheapdump.load` and `python -m pyheapdump.view` are its doors.

Reading order: dump.py (what a user holds), heap.py (objects on demand), kinds.py, classes.py and containers.py (how
they are made), stacks.py (frames), cli.py (the command).

Names are imported when they are asked for: `python -m` imports this package while the current directory, where a dump
may lie beside files that came along with it, is still first on sys.path (see __main__.py).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyheapdump._pyheapdump import DumpError as DumpError

    from .dump import Dump as Dump
    from .dump import Thread as Thread
    from .dump import load as load
    from .missing import DumpedCodeError as DumpedCodeError
    from .missing import Missing as Missing
    from .missing import NotInDumpError as NotInDumpError
    from .missing import NotShown as NotShown

_HOMES = {
    "Dump": ".dump",
    "DumpError": "pyheapdump._pyheapdump",
    "DumpedCodeError": ".missing",
    "Missing": ".missing",
    "NotInDumpError": ".missing",
    "NotShown": ".missing",
    "Thread": ".dump",
    "load": ".dump",
}

__all__ = ["Dump", "DumpError", "DumpedCodeError", "Missing", "NotInDumpError", "NotShown", "Thread", "load"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
