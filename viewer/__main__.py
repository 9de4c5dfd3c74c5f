# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump.view FILE`.

`-m` puts the current directory first on sys.path. A dump may lie in a directory with files that came along with it, so
that entry is taken out before anything else is imported: nothing there can pose as a module of the standard library.
"""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from pyheapdump.view.cli import main

sys.exit(main())
