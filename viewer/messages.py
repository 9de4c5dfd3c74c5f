# SPDX-License-Identifier: Apache-2.0
"""The texts of exceptions, with bounds.

An exception makes its text of its arguments by their own repr, which knows no bounds: a KeyError of a list whose
elements are one list, 5,000 times over, has 300 MB of text. So while a text is made, arguments, notes and the members
that a text is made of are replaced by their bounded texts: in the exception itself, as the traceback module asks each
one of a chain and of a group.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .display import BRACKETS, COMPOSED, full_repr
from .missing import reason_of

MAX_CHAIN = 1_000  # exceptions of one chain and its groups whose texts are made
MAX_ARGUMENTS = 100
MAX_NOTES = 100  # of one exception
MAX_MESSAGE = 20_000  # characters of one argument or note
MEMBERS = ("filename", "filename2", "strerror", "msg", "text", "reason")  # that a text is made of, beside the arguments

_ARGUMENTS: Any = BaseException.args


class Text:
    """What stands for an argument while a text is made."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def message_of(error: BaseException) -> str:
    """What str() gives, with bounds; why it gives nothing."""
    with bounded_texts(error):
        try:
            return str(error)
        except Exception as problem:  # noqa: BLE001 - a builtin exception with odd contents
            return f"<its text cannot be made: {reason_of(problem)}>"


@contextmanager
def bounded_texts(error: BaseException) -> Iterator[None]:
    """While it lasts, the texts of an exception and of all that its traceback shows are bounded."""
    undo: list[Callable[[], None]] = []
    try:
        for one in all_of(error):
            undo += shorten(one)
        yield
    finally:
        for take_back in undo:
            take_back()


def shorten(error: BaseException) -> Iterator[Callable[[], None]]:
    """Replace what makes the text of one exception long; yields what takes that back."""
    arguments = _ARGUMENTS.__get__(error)
    if len(arguments) > MAX_ARGUMENTS or any(map(is_long, arguments)):
        yield lambda: _ARGUMENTS.__set__(error, arguments)
        _ARGUMENTS.__set__(error, tuple(shortened(arguments, MAX_ARGUMENTS, "")))
    for name in MEMBERS:
        member = member_of(error, name)
        value = None if member is None else member.__get__(error)
        if is_long(value):
            yield functools.partial(member.__set__, error, value)
            member.__set__(error, bounded(value))
    notes = getattr(error, "__notes__", None)
    own = object.__getattribute__(error, "__dict__")
    if isinstance(notes, list) and "__notes__" in own and (len(notes) > MAX_NOTES or any(map(is_long, notes))):
        yield lambda: own.update(__notes__=notes)
        own["__notes__"] = shortened(notes, MAX_NOTES, " notes")


def member_of(error: BaseException, name: str) -> Any:
    """What the builtin class of an exception keeps in C under `name`; None when there is no such."""
    real = (vars(base) for base in type(error).__mro__ if type(base) is type)
    return next((found[name] for found in real if name in found), None)


def all_of(error: BaseException) -> list[BaseException]:
    """An exception with those of its chain, its groups and its arguments, each once."""
    found: dict[int, BaseException] = {}
    work: list[Any] = [error]
    while work and len(found) < MAX_CHAIN:
        one = work.pop()
        if isinstance(one, BaseException) and id(one) not in found:
            found[id(one)] = one
            members = member_of(one, "exceptions")
            inner = (*_ARGUMENTS.__get__(one)[:MAX_ARGUMENTS], *(members.__get__(one)[:MAX_CHAIN] if members else ()))
            work += [*(value for value in inner if isinstance(value, BaseException)), one.__context__, one.__cause__]
    return list(found.values())


def is_long(value: Any) -> bool:
    """Could the text of this be long?"""
    if isinstance(value, str):
        return str.__len__(value) > MAX_MESSAGE
    if isinstance(value, bytes):
        return bytes.__len__(value) > MAX_MESSAGE
    return type(value) in BRACKETS or type(value) in COMPOSED or (type(value) is int and value.bit_length() > 10_000)


def bounded(value: Any, most: int = MAX_MESSAGE) -> Any:
    """What stands for an argument that is_long: its text is the same, or cut."""
    if isinstance(value, str):
        return f"{str.__getitem__(value, slice(most))}...<{str.__len__(value):,} characters>"
    return Text(full_repr(value, total=most))


def shortened(values: Any, most: int, what: str) -> list[Any]:
    """Arguments or notes, which share the room for one."""
    left, found = MAX_MESSAGE, []
    for value in values[:most]:
        found.append(bounded(value, max(left, 0)) if is_long(value) else value)
        left -= len(repr(found[-1])) if found[-1] is not value else 0
    more = len(values) - most
    return [*found, *([Text(f"... {more:,} more{what}")] if more > 0 else ())]
