# SPDX-License-Identifier: Apache-2.0
"""Small instruments that the measurements share."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable

PAGE = os.sysconf("SC_PAGE_SIZE")
GIB = 1 << 30


def seconds(action: Callable[[], object]) -> float:
    """How long `action` takes; its result is thrown away when the clock has stopped."""
    started = time.perf_counter()
    result = action()
    stopped = time.perf_counter()
    del result
    return stopped - started


def settle() -> None:
    """Make every page of the heap this process's own again, after a child that shared them: the first write to a page
    costs a fault, and the measurement that comes next should not pay it."""
    gc.collect()


def resident_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * PAGE


def hand_over(values: object) -> None:
    """Give what was measured to processes.measure()."""
    print(json.dumps(values))
