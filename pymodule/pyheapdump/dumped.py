# SPDX-License-Identifier: Apache-2.0
"""Which exceptions have been taken already: one that passes several doors on its way out is dumped at the first.

An exception must neither be kept alive by this nor be changed, and its id alone tells nothing: the next exception of a
loop that fails again and again gets the address of the last one. So each is remembered by its id and by an anchor that
belongs to it alone:

* a weak reference, where its class allows one (classes written in Python do);
* else its instance dict, held: while we have it no other exception can have it. Nearly always it is empty. When we are
  its only owner the exception is gone, and the entry goes, too.

There is no lock: whoever is first in `dict.setdefault`, one step for other threads and for signal handlers, has it.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, get_ident
from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class HasPath(Protocol):
        """A dump that is, or will be, at `path`."""

        @property
        def path(self) -> str: ...


# Exceptions that are remembered at a time.
LIMIT = 256
# References to a dict that nobody but an entry holds, as getrefcount() sees it.
ALONE = 2
# How long another thread is waited for that is about to begin the same dump, seconds.
BEGIN_SECONDS = 5.0

# The instance dict of an exception, without asking its class.
instance_dict = vars(BaseException)["__dict__"].__get__


class Entry:
    """An exception that somebody has taken: the thread that made this entry."""

    __slots__ = ("_begun", "anchor", "dump", "failed", "finish", "held_back", "identity", "thread")

    def __init__(self, exception: BaseException) -> None:
        self.identity = id(exception)
        try:
            self.anchor: Any = ref(exception)
        except TypeError:
            self.anchor = instance_dict(exception)
        self.thread = get_ident()
        self.dump: HasPath | None = None
        self.failed = False
        # It was not dumped, as others of its kind were; who asks for a dump gets one.
        self.held_back = False
        # What finishes the dump, where it was begun at a place that nothing follows.
        self.finish: Callable[[BaseException | None], None] | None = None
        self._begun = allocate_lock()
        self._begun.acquire()

    def begun(self, dump: HasPath | None) -> None:
        """Its dump has begun; None: there will be none."""
        self.dump = dump
        self._begun.release()

    def wait(self) -> None:
        """Wait until the dump has begun, while that may take a moment."""
        if self.thread != get_ident() and self._begun.acquire(timeout=BEGIN_SECONDS):
            self._begun.release()

    def belongs_to(self, exception: BaseException) -> bool:
        """Was it made for this very one?"""
        anchor = self.anchor
        return anchor() is exception if type(anchor) is ref else anchor is instance_dict(exception)

    def is_gone(self) -> bool:
        """Is the exception?"""
        if type(self.anchor) is ref:
            return self.anchor() is None
        return sys.getrefcount(self.anchor) <= ALONE


# By the id of the exception; the oldest first.
_entries: dict[int, Entry] = {}


def take(exception: BaseException) -> Entry | None:
    """The entry of `exception`, which is the caller's to dump from now on; None: somebody has taken it before."""
    _forget_what_is_gone(LIMIT - 1)
    mine = Entry(exception)
    while True:
        entry = _entries.setdefault(id(exception), mine)
        if entry is mine:
            return mine
        if entry.belongs_to(exception) and not entry.failed:
            return None
        _remove(entry)


def entry_of(exception: BaseException) -> Entry | None:
    """Its entry, if it was taken, and there is or will be a dump."""
    entry = _found(exception)
    return None if entry is None or entry.failed else entry


def was_taken(exception: BaseException) -> bool:
    """Has a door seen it, whether there is a dump or not?"""
    return _found(exception) is not None


def _found(exception: BaseException) -> Entry | None:
    _forget_what_is_gone(LIMIT)
    entry = _entries.get(id(exception))
    return entry if entry is not None and entry.belongs_to(exception) else None


def hold_back(entry: Entry) -> None:
    """No dump about its exception is made by the doors that are not asked for one."""
    forget(entry)
    entry.held_back = True


def was_held_back(exception: BaseException) -> bool:
    """Was that decided at a door before?"""
    entry = _found(exception)
    return entry is not None and entry.held_back


def path_of(exception: BaseException) -> str | None:
    """The path of the dump about `exception`, or None."""
    entry = entry_of(exception)
    if entry is None:
        return None
    entry.wait()
    return None if entry.dump is None else entry.dump.path


def forget(entry: Entry) -> None:
    """There is no dump about its exception after all; the next door may try."""
    entry.dump = None
    entry.failed = True


def _remove(entry: Entry) -> None:
    if _entries.get(entry.identity) is entry:
        _entries.pop(entry.identity, None)


def _forget_what_is_gone(keep: int) -> None:
    """And the oldest, so that not more than `keep` remain."""
    entries = tuple(_entries.values())
    for number, entry in enumerate(entries):
        if number < len(entries) - keep or entry.is_gone():
            _remove(entry)
