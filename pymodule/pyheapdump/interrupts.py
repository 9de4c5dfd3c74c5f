# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a command begins.

The commands end without a traceback when Ctrl-C interrupts their work. Before that, modules are imported and the
command line is read; there Ctrl-C has the effect that it has on programs that do nothing about it: the process ends by
SIGINT. To be imported before anything that takes time.
"""

from __future__ import annotations

import signal

_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not in the background, where it is ignored


def end_by_default() -> None:
    """From here on Ctrl-C ends the process."""
    if _ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_again() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt."""
    if _ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
