# SPDX-License-Identifier: Apache-2.0
"""All bytes of a dump as its writer packed them: the head, then the content of every block (docs/format.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd

    def decompressor() -> Any:
        """Of one frame."""
        return zstd.ZstdDecompressor()
else:
    import zstandard

    def decompressor() -> Any:
        return zstandard.ZstdDecompressor().decompressobj()


FRAME = b"\x28\xb5\x2f\xfd"


def unpacked(path: Path) -> bytes:
    """The head and the decompressed blocks of the dump at `path`, one behind the other."""
    data = path.read_bytes()
    start = data.find(FRAME)
    parts = [data[:start]]
    while start >= 0:
        # A frame that ends says so; what looks like the beginning of one inside another is passed with it.
        frame = decompressor()
        parts.append(frame.decompress(data[start:]))
        rest: bytes = frame.unused_data
        start = data.find(FRAME, len(data) - len(rest)) if rest else -1
    return b"".join(parts)
