# SPDX-License-Identifier: Apache-2.0
"""A repr with bounds: for lazy containers, instances of synthetic classes, and one-line summaries of locals.

Nesting, items per container and the length of the whole are limited, so that a structure of any size or depth costs
the same. How instances of synthetic classes are shown stands in classes.py, which puts it into DESCRIBED; nothing of
the dump is ever called.

A value that cannot be shown costs itself alone: in its place stands `<not shown: ...>` with the reason.

Objects of real types show what they hold by their own repr: a bound method its instance, a partial its arguments. When
that leads back to an object of the dump, its text is a part of the one in the making, with its bounds. With bounds of
its own a thread whose target is a method of the object that has the threads would never be shown to the end.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .long_text import LongText
from .missing import not_shown
from .text import escape_controls

DEPTH = 3
ITEMS = 10
TEXT = 100  # characters of one str, bytes or unknown object
TOTAL = 1000  # characters after which only "..." follows

PLAIN = frozenset((int, str, float, bool, type(None), bytes))  # types whose values are leaves
BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})"), dict: "{}", deque: ("deque([", "])")}


# How instances of the classes of a metaclass are described, with the writer and the depth that is left.
DESCRIBED: dict[type, Callable[[Any, Writer, int], str]] = {}


def bounded_repr(value: Any, *, depth: int = DEPTH, total: int = TOTAL) -> str:
    """The repr of `value` with bounds; one line, without control characters."""
    if MAKING.writer is not None:
        return MAKING.writer.text(value, min(depth, MAKING.depth))
    return Writer(total).text(value, depth)


class Making(threading.local):
    """The repr that this thread is making: its writer, and the levels left for what an object's own repr shows."""

    writer: Writer | None = None
    depth: int = 0


MAKING = Making()


class Writer:
    """One bounded repr in the making; `left` is how many characters may still come."""

    def __init__(self, total: int) -> None:
        self.left = total
        self._inside: set[int] = set()  # id() of what is being shown: a cycle ends there

    def text(self, value: Any, depth: int) -> str:
        """The text of `value`, whose containers may be shown to `depth` more levels."""
        if self.left <= 0 or id(value) in self._inside:
            return "..."
        outer = MAKING.writer, MAKING.depth
        MAKING.writer, MAKING.depth = self, depth - 1
        self._inside.add(id(value))
        try:
            return self._text(value, depth)
        except Exception as problem:  # noqa: BLE001 - one bad value costs one value
            text = not_shown(problem)
            self.left -= len(text)
            return text
        finally:
            self._inside.discard(id(value))
            MAKING.writer, MAKING.depth = outer

    def _text(self, value: Any, depth: int) -> str:
        cls = type(value)
        if cls in PLAIN:
            text = leaf(value)
            self.left -= len(text)
            return text
        base = None if issubclass(cls, type) else next((base for base in BRACKETS if issubclass(cls, base)), None)
        describe = None if issubclass(cls, type) else described_by(cls)
        if describe is not None or base is not None:
            self.left -= 10  # brackets, names
            return describe(value, self, depth) if describe is not None else self.container(value, base, depth)
        before = self.left
        text = leaf(value)
        self.left = before - len(text)  # what was written within it is a part of it
        return text

    def container(self, value: Any, base: Any, depth: int) -> str:
        """A builtin container or lazy one."""
        count = len(value)
        opening, closing = BRACKETS[base]
        if not count:
            return f"{base.__name__}()" if base in (set, frozenset, deque) else opening + closing
        if depth <= 0:
            return f"{opening}...{closing}"
        parts: list[str] = []
        for item in first(value.items() if base is dict else value, min(count, ITEMS)):
            if self.left <= 0:
                break
            parts.append(": ".join(self.text(one, depth - 1) for one in (item if base is dict else (item,))))
        if count > len(parts):
            parts.append(f"... {count - len(parts):,} more")
        comma = "," if base is tuple and count == 1 else ""
        return f"{opening}{', '.join(parts)}{comma}{closing}"

    def fields(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> str:
        """`name=value` of an instance, as many as there is room for."""
        parts = []
        for index, (name, value) in enumerate(pairs):
            if index == ITEMS or self.left <= 0:
                parts.append("...")
                break
            label = escape_controls(name, keep="") if isinstance(name, str) else bounded_repr(name, total=TEXT)
            parts.append(f"{label[:TEXT]}={self.text(value, depth - 1) if depth > 0 else '...'}")
        return " ".join(parts)


def described_by(cls: type) -> Callable[[Any, Writer, int], str] | None:
    """How instances of a synthetic class are described; None for other classes."""
    return next((describe for meta, describe in DESCRIBED.items() if isinstance(cls, meta)), None)


def first(values: Iterable[Any], count: int) -> list[Any]:
    return list(itertools.islice(iter(values), count))


def leaf(value: Any) -> str:
    """The repr of something that is no container, shortened; its type's repr may fail."""
    if isinstance(value, LongText):
        return repr(value)
    if isinstance(value, (str, bytes, bytearray)) and len(value) > TEXT:
        kind = "characters" if isinstance(value, str) else "bytes"
        return f"{value[: TEXT * 2 // 3]!r}...<{len(value):,} {kind}>"
    if type(value) is int and value.bit_length() > 1000:
        return f"<int of {value.bit_length():,} bits>"
    try:
        text = type.__repr__(value) if isinstance(value, type) else repr(value)
    except Exception as problem:  # noqa: BLE001 - a stdlib object that was rebuilt with odd contents
        text = not_shown(problem)
    if len(text) > 2 * TEXT:
        text = f"{text[:TEXT]}...{text[-TEXT // 2 :]}"
    return escape_controls(text, keep="")
