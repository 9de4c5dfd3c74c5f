# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump.view FILE`.

`-m` puts the current directory first on sys.path. A dump may lie in a directory with files that came along with it, so
that entry is taken out before anything else is imported: nothing there can pose as a module of the standard library.
"""

# ruff: noqa: E402
import os
import sys

try:
    here = os.getcwd()
except FileNotFoundError:  # it is gone
    here = ""
if sys.path and sys.path[0] in ("", here):
    del sys.path[0]

from pyheapdump import interrupts

interrupts.end_by_default()

from pyheapdump.view.cli import main

sys.exit(main())
