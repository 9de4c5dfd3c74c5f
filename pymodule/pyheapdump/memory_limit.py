# SPDX-License-Identifier: Apache-2.0
"""What the texts of install(memory_limit=...) mean."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

if TYPE_CHECKING:

    class MemoryLimit(NamedTuple):
        """When a dump is made: at so many bytes of resident memory (0: no such number), at a share of other limits."""

        bytes: int
        share: float

else:
    MemoryLimit = namedtuple("MemoryLimit", "bytes share")

UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
# Of the system's limits when a number of bytes is given.
USUAL_SHARE = 0.9
LEAST = UNITS["MiB"]
MOST = 1 << 62


def parse(value: object) -> MemoryLimit:
    """The meaning of "90%", "2GiB" or a number of bytes. Raises ValueError, which names the value."""
    text = str(value).strip() if type(value) in (int, str) else ""
    percentage = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text, re.ASCII)
    if percentage and 0 < float(percentage[1]) < 100:
        return MemoryLimit(0, float(percentage[1]) / 100)
    size = re.fullmatch(r"(\d+(?:\.\d+)?) ?(|[KMGT]iB)", text, re.ASCII)
    if size and (size[2] or size[1].isdigit()):
        number = int(float(size[1]) * UNITS[size[2]]) if size[2] else int(size[1])
        if LEAST <= number <= MOST:
            return MemoryLimit(number, USUAL_SHARE)
    raise ValueError(
        f"memory_limit must be a part of what the process may have, '90%', or a size of at least 1MiB, '2GiB', "
        f"'512MiB', 2147483648, not {value!r}"
    )
