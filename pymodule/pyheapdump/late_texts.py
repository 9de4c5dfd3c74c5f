# SPDX-License-Identifier: Apache-2.0
"""Texts of exceptions that only the program's own code can make.

While the heap is read none of it runs, so an exception whose class has a `__str__`, or whose arguments have one, has
no text in a dump but what its fields tell. Python has asked for it when it printed the traceback. When that took no
time, it is asked once more, here, in the process and not in its copy: for the exception, those that led to it, and the
members of groups, as Python prints them. The child that writes the dump takes the texts in at its end.
"""

from __future__ import annotations

import builtins
import time

from . import _pyheapdump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .capture import Dumping

GOOD_TIME = 1.0  # seconds that printing may have taken, else nobody asks again
BUDGET = 0.25  # seconds after which no further text is asked for
MAX_EXCEPTIONS = 100
MAX_MEMBERS = 15  # of a group, as traceback prints (Lib/traceback.py, max_group_width)
MAX_TEXT = 7_000  # characters of one

# Arguments whose text is made by Python's own code.
PLAIN = (str, int, float, bool, bytes, complex, type(None))
CONTAINERS = (list, tuple, dict, set, frozenset)
MAX_PARTS = 1_000  # values in arguments

_FIELDS: Any = vars(BaseException)  # the real descriptors: a class may have others in their place
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)
_MRO: Any = vars(type)["__mro__"]
_DICT: Any = vars(type)["__dict__"]
_FLAGS: Any = vars(type)["__flags__"]
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: it is no builtin


def give(dumping: Dumping, exception: BaseException) -> None:
    """Give the dump the texts of what Python has just printed."""
    texts: list[tuple[BaseException, bytes]] = []
    started = time.monotonic()
    if started - dumping.began < GOOD_TIME:
        for one in printed(exception):
            if is_made_by_program(one):
                text = text_of(one)
                texts += [(one, text)] if text is not None else []
            if time.monotonic() - started > BUDGET:
                break
    _pyheapdump.snapshot_texts(dumping.snapshot, texts)


def printed(exception: BaseException) -> Iterator[BaseException]:
    """The exceptions that Python prints for one, each once."""
    work = [exception]
    seen: set[int] = set()
    while work and len(seen) < MAX_EXCEPTIONS:
        one = work.pop(0)
        if not issubclass(type(one), BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if _GROUP is not None and issubclass(type(one), _GROUP):
            work += vars(_GROUP)["exceptions"].__get__(one)[:MAX_MEMBERS]
        cause = _FIELDS["__cause__"].__get__(one)
        if cause is None and not _FIELDS["__suppress_context__"].__get__(one):
            cause = _FIELDS["__context__"].__get__(one)
        work += [] if cause is None else [cause]


def is_made_by_program(exception: BaseException) -> bool:
    """Does its text take more than the fields of a builtin exception, which a reader puts together as Python does?"""
    maker = next(base for base in _MRO.__get__(type(exception)) if "__str__" in _DICT.__get__(base))
    if _FLAGS.__get__(maker) & HEAP_TYPE or maker.__module__ != "builtins":
        return True
    return has_text_of_program(_FIELDS["args"].__get__(exception))


def has_text_of_program(arguments: tuple[Any, ...]) -> bool:
    """Is there anything but builtin values in them, and not so much that their text could be long to make?"""
    work: list[Any] = [arguments]
    found, seen = False, 0
    while work:
        value = work.pop()
        seen += 1
        if is_one_of(CONTAINERS, value):
            if seen + len(work) + len(value) > MAX_PARTS:
                return False
            work += [*value, *(value.values() if type(value) is dict else ())]
        elif not is_one_of(PLAIN, value):
            found = True
        elif is_one_of((str, bytes), value) and len(value) > MAX_TEXT:
            return False
    return found


def is_one_of(types: tuple[type, ...], value: object) -> bool:
    """Is that exactly its type? By identity: the class of a class may have an __eq__ of its own."""
    return any(type(value) is one for one in types)


def text_of(exception: BaseException) -> bytes | None:
    """What str() gives, shortened; None when it gives nothing, whatever it raises."""
    try:
        text = str(exception)
        length = str.__len__(text)
        shown = str.__getitem__(text, slice(MAX_TEXT))
    except KeyboardInterrupt:
        raise  # nobody makes a text of that: it comes from outside, for the program
    except BaseException:  # noqa: BLE001  code of the program's
        return None
    more = f"... <{length:,} characters>" if length > MAX_TEXT else ""
    return (shown + more).encode("utf-8", "backslashreplace")
