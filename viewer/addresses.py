# SPDX-License-Identifier: Apache-2.0
"""Where the objects of open dumps stood in their processes.

The repr of a function, a frame or a plain object() is made by C code, which names the place where the object stands
here. `told_there` puts the place in the dumped process in, the one that all other texts of the dump use.
"""

from __future__ import annotations

import weakref
from typing import Any, Protocol


class Placed(Protocol):
    def address_of(self, value: Any) -> int | None: ...


_OPEN: weakref.WeakSet[Placed] = weakref.WeakSet()


def opened(heap: Placed) -> None:
    """From now on the objects of `heap` are known, as long as it lives."""
    _OPEN.add(heap)


def closed(heap: Placed) -> None:
    """The places of its objects can no longer be told."""
    _OPEN.discard(heap)


def told_there(text: str, value: Any) -> str:
    """The repr of `value`, with its address in the dumped process; as it is for an object that is of no dump."""
    here = f" at {id(value):#x}"
    if here not in text:
        return text
    found = [address for heap in tuple(_OPEN) for address in (heap.address_of(value),) if address is not None]
    return text.replace(here, f" at {found[0]:#x}") if found else text
