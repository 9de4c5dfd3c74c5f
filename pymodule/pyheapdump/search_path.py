# SPDX-License-Identifier: Apache-2.0
"""The search path of a command that opens dumps.

`-m` puts the current directory first on sys.path. A dump may lie in a directory with files that came along with it, so
that entry is taken out before anything else is imported: nothing there can pose as a module of the standard library.
"""

import os
import sys


def without_current_directory() -> None:
    """Import nothing from the current directory from here on."""
    try:
        here = os.getcwd()
    except FileNotFoundError:  # it is gone
        here = ""
    if sys.path and sys.path[0] in ("", here):
        del sys.path[0]
