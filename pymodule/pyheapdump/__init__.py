# SPDX-License-Identifier: Apache-2.0
"""pyheapdump: a Python process that fails leaves one file; open it anywhere and stand in pdb at the line that failed.

    import pyheapdump
    pyheapdump.install()

    python -m pyheapdump.view python_heap_4711_0.dump

Importing this package and installing it is cheap: the viewer is imported when it is asked for.
"""

from __future__ import annotations

from ._pyheapdump import CaptureError, DumpError
from .capture import Settings, dump, install, installed, uninstall
from .failures import dump_on_exception, dump_once  # at once: where they are called, files may not be opened any more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .original import create_dump as create_dump
    from .original import debug_dump as debug_dump
    from .original import dump_on_unhandled_exceptions as dump_on_unhandled_exceptions
    from .original import load_dump as load_dump
    from .original import save_dump as save_dump
    from .view import Dump as Dump
    from .view import load as load
    from .watch import cancel_dump_later as cancel_dump_later
    from .watch import dump_later as dump_later
    from .watch import register as register
    from .watch import unregister as unregister

__version__ = "0.3.0"

__all__ = [
    "CaptureError",
    "Dump",
    "DumpError",
    "Settings",
    "cancel_dump_later",
    "create_dump",
    "debug_dump",
    "dump",
    "dump_later",
    "dump_on_exception",
    "dump_on_unhandled_exceptions",
    "dump_once",
    "install",
    "installed",
    "load",
    "load_dump",
    "register",
    "save_dump",
    "uninstall",
    "unregister",
]

_LATE = {
    "Dump": ".view",
    "load": ".view",
    "create_dump": ".original",
    "debug_dump": ".original",
    "dump_on_unhandled_exceptions": ".original",
    "load_dump": ".original",
    "save_dump": ".original",
    "cancel_dump_later": ".watch",
    "dump_later": ".watch",
    "register": ".watch",
    "unregister": ".watch",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name], __name__), name)
