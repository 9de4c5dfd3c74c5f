# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump.view FILE`. Nothing is imported from the current directory (search_path.py)."""

# ruff: noqa: E402
import sys

from pyheapdump import search_path

search_path.without_current_directory()

from pyheapdump import interrupts

interrupts.end_by_default()

from pyheapdump.view.cli import main

sys.exit(main())
