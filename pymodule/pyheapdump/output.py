# SPDX-License-Identifier: Apache-2.0
"""What the commands print to standard output, whatever its encoding and its state."""

from __future__ import annotations

import errno
import os
import sys


class OutputError(OSError):
    """Standard output takes no more; `filename` says that it is that."""

    def __init__(self, number: int) -> None:
        super().__init__(number, os.strerror(number), "standard output")


def write(text: str) -> None:
    """Print `text` and the end of the line; what the encoding does not have is escaped.

    Raises BrokenPipeError when the reader has gone, OutputError for all else. Then nothing more is written, so that
    Python does not complain when it flushes at its end.
    """
    stream = sys.stdout
    if stream is None:  # the descriptor was closed when Python began
        raise OutputError(errno.EBADF)
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if isinstance(problem, BrokenPipeError):
            raise
        raise OutputError(problem.errno or errno.EIO) from None
