# SPDX-License-Identifier: Apache-2.0
"""Which exceptions have been dumped already: one that passes several doors on its way out is dumped at the first.

An exception must neither be kept alive by this nor be changed, and its id alone tells nothing: the next exception of a
loop that fails again and again gets the address of the last one. So each is remembered by its id and by an anchor that
belongs to it alone:

* a weak reference, where its class allows one (classes written in Python do);
* else its instance dict, held: while we have it no other exception can have it. Nearly always it is empty. When we are
  its only owner the exception is gone, and the entry goes, too.
"""

from __future__ import annotations

import sys
from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Exceptions that are remembered at a time.
LIMIT = 32
# References to a dict that nobody but an entry holds, as getrefcount() sees it.
ALONE = 2

_dict_of = vars(BaseException)["__dict__"].__get__

# (id, anchor, path of the dump)
_entries: list[tuple[int, Any, str]] = []


def remember(exception: BaseException, path: str) -> None:
    """The dump about `exception` is, or will be, at `path`."""
    anchor: Any
    try:
        anchor = ref(exception)
    except TypeError:
        anchor = _dict_of(exception)
    _entries[:] = [*_living()[1 - LIMIT :], (id(exception), anchor, path)]


def path_of(exception: BaseException) -> str | None:
    """The path of the dump about `exception`, or None."""
    _entries[:] = _living()
    for identity, anchor, path in _entries:
        if identity == id(exception):
            owner = anchor() is exception if type(anchor) is ref else anchor is _dict_of(exception)
            if owner:
                return path
    return None


def forget(path: str) -> None:
    """There is no dump at `path` after all."""
    _entries[:] = [entry for entry in _entries if entry[2] != path]


def _living() -> list[tuple[int, Any, str]]:
    return [
        entry
        for entry in _entries
        if (entry[1]() is not None if type(entry[1]) is ref else sys.getrefcount(entry[1]) > ALONE)
    ]
