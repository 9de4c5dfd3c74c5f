# SPDX-License-Identifier: Apache-2.0
"""A repr with bounds: for lazy containers, instances of synthetic classes, and one-line summaries of locals.

Nesting, items per container and the length of the whole are limited, so that a structure of any size or depth costs
the same. How instances of synthetic classes are shown stands in classes.py, which puts it into DESCRIBED; nothing of
the dump is ever called.

A value that cannot be shown costs itself alone: in its place stands `<not shown: ...>` with the reason.

Objects of real types show what they hold by their own repr: a generic alias its arguments. When that leads back to an
object of the dump, its text is a part of the one in the making, with its bounds. With bounds of its own a thread whose
target is a method of the object that has the threads would never be shown to the end. The real types that hold any
objects are composed here, as their own repr knows no bounds (COMPOSED).

`full_repr` is for the debugger: containers of exactly a builtin type as Python shows them, as long as the whole stays
within FULL characters, so that a list that is shared a thousand times over ends, too.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import sys
import threading
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .long_text import LongText
from .missing import NotShown
from .text import escape_controls, name_of

DEPTH = 3
ITEMS = 10
TEXT = 100  # characters of one str, bytes or unknown object
TOTAL = 1000  # characters after which only "..." follows
FULL = 200_000  # the same of a whole text
FULL_DEPTH = 50
MAX_BITS = 300_000  # of an int that is spelled out
SAFE_BITS = 14_000  # the same where the interpreter has its own limit of 4,300 digits

PLAIN = frozenset((int, str, float, bool, type(None), bytes))  # types whose values are leaves
BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})"), dict: "{}", deque: ("deque([", "])")}


CIRCLES: dict[Any, str] = {list: "[...]", tuple: "(...)", dict: "{...}"}  # what Python shows of one within itself
LAZY_MODULE = f"{__package__}.containers"  # of lazy containers, which import this module

# How instances of the classes of a metaclass are described, with the writer and the depth that is left.
DESCRIBED: dict[type, Callable[[Any, Writer, int], str]] = {}


def bounded_repr(value: Any, *, depth: int = DEPTH, total: int = TOTAL) -> str:
    """The repr of `value` with bounds; one line, without control characters."""
    if MAKING.writer is not None:
        return MAKING.writer.text(value, min(depth, MAKING.depth))
    return Writer(total).text(value, depth)


def full_repr(value: Any, *, total: int = FULL) -> str:
    """The repr of `value` as Python shows it, but for what would be too much of it."""
    return Writer(total, whole=True).text(value, FULL_DEPTH)


class Making(threading.local):
    """The repr that this thread is making: its writer, and the levels left for what an object's own repr shows."""

    writer: Writer | None = None
    depth: int = 0


MAKING = Making()


class Writer:
    """One bounded repr in the making; `left` is how many characters may still come.

    `whole`: no bounds but that for containers of builtin types, and for texts.
    """

    def __init__(self, total: int, whole: bool = False) -> None:
        self.left = total
        self.whole = whole
        self._inside: set[int] = set()  # id() of what is being shown: a cycle ends there

    def text(self, value: Any, depth: int) -> str:
        """The text of `value`, whose containers may be shown to `depth` more levels."""
        if self.whole and id(value) in self._inside and type(value) in CIRCLES:
            return CIRCLES[type(value)]
        if self.left <= 0 or id(value) in self._inside:
            return "..."
        outer = MAKING.writer, MAKING.depth
        MAKING.writer, MAKING.depth = self, depth - 1
        self._inside.add(id(value))
        try:
            return self._text(value, depth)
        except Exception as problem:  # noqa: BLE001 - one bad value costs one value
            text = repr(NotShown(problem))
            self.left -= len(text)
            return text
        finally:
            self._inside.discard(id(value))
            MAKING.writer, MAKING.depth = outer

    def _text(self, value: Any, depth: int) -> str:
        cls = type(value)
        if cls is As:
            return self.container(value.value, value.base, depth)
        is_class = issubclass(cls, type)
        describe = None if is_class else described_by(cls)
        base = None if is_class else next((base for base in BRACKETS if issubclass(cls, base)), None)
        if cls not in PLAIN and self.whole and (describe is not None or cls.__module__ == LAZY_MODULE):
            return self._bounded(value)
        compose = COMPOSED.get(cls) or MOMENTS.get(cls) if describe is None else None
        if compose is None and describe is None and issubclass(cls, BaseException):
            compose = composed_exception
        if describe is not None or base is not None or compose is not None:
            self.left -= 10  # brackets, names
            if describe is not None:
                return describe(value, self, depth)
            return self.container(value, base, depth) if compose is None else self.composed(compose(value), depth)
        before = self.left
        text = self._whole_leaf(value) if self.whole else leaf(value)
        self.left = before - len(text)  # what was written within it is a part of it
        return text

    def _bounded(self, value: Any) -> str:
        """What is never shown in full within a whole text."""
        inner = Writer(min(TOTAL, self.left))
        inner._inside = self._inside - {id(value)}
        text = inner.text(value, DEPTH)
        self.left -= len(text)
        return text

    def _whole_leaf(self, value: Any) -> str:
        """The repr of what is no container; a text that is longer than what is left is cut."""
        if isinstance(value, (str, bytes, bytearray)) and not isinstance(value, LongText) and len(value) > self.left:
            kind = "characters" if isinstance(value, str) else "bytes"
            return f"{value[: self.left]!r}...<{len(value):,} {kind}>"
        if type(value) is int and value.bit_length() > (MAX_BITS if unlimited_digits() else SAFE_BITS):
            return leaf(value)
        text = type.__repr__(value) if isinstance(value, type) else repr(value)
        return text if len(text) <= self.left else f"{text[: self.left]}..."

    def composed(self, form: Composed, depth: int) -> str:
        """A real type that holds any objects: `name(first, second, key=third)`."""
        if depth <= 0 and form.closing:
            return f"{form.opening}...{form.closing}"
        parts: list[str] = []
        for label, value in form.parts:
            if self.left <= 0 or (len(parts) >= ITEMS and not self.whole):
                parts.append("...")
                break
            self.left -= len(label) + 2
            parts.append(f"{escape_controls(label[:TEXT], keep='')}{self.text(value, depth - 1)}")
        return f"{form.opening}{', '.join(parts)}{form.closing}"

    def container(self, value: Any, base: Any, depth: int) -> str:
        """A builtin container or lazy one."""
        count = len(value)
        opening, closing = BRACKETS[base]
        if not count:
            return f"{base.__name__}()" if base in (set, frozenset, deque) else opening + closing
        if depth <= 0:
            return f"{opening}...{closing}"
        parts: list[str] = []
        for item in first(value.items() if base is dict else value, count if self.whole else min(count, ITEMS)):
            if self.left <= 0:
                break
            parts.append(": ".join(self.text(one, depth - 1) for one in (item if base is dict else (item,))))
            self.left -= 2 * self.whole
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


def unlimited_digits() -> bool:
    """May ints of MAX_BITS be spelled out? Python limits their digits unless it is told otherwise (debugger.py)."""
    limit = getattr(sys, "get_int_max_str_digits", lambda: 0)()
    return limit == 0 or limit >= MAX_BITS // 3


def described_by(cls: type) -> Callable[[Any, Writer, int], str] | None:
    """How instances of a synthetic class are described; None for other classes."""
    return next((describe for meta, describe in DESCRIBED.items() if isinstance(cls, meta)), None)


def first(values: Iterable[Any], count: int) -> Iterator[Any]:
    return itertools.islice(iter(values), count)


# --- real types that hold any objects -----------------------------------------------------------------------------


class Composed(NamedTuple):
    """The parts of a repr: what stands before and behind them, and each with its label."""

    opening: str
    parts: Iterable[tuple[str, Any]]
    closing: str = ")"


class As(NamedTuple):
    """A value that is shown as one of the builtin container `base`."""

    value: Any
    base: type


def composed_exception(value: BaseException) -> Composed:
    arguments: Any = BaseException.args
    return Composed(f"{type(value).__name__}(", (("", one) for one in arguments.__get__(value)))


def composed_partial(value: functools.partial[Any]) -> Composed:
    named = ((f"{name}=", one) for name, one in value.keywords.items())
    return Composed("functools.partial(", (("", value.func), *(("", one) for one in value.args), *named))


def composed_default_dict(value: defaultdict[Any, Any]) -> Composed:
    return Composed("defaultdict(", (("", value.default_factory), ("", As(value, dict))))


def composed_deque(value: deque[Any]) -> Composed:
    limit = () if value.maxlen is None else (("maxlen=", value.maxlen),)
    return Composed("deque(", (("", As(value, list)), *limit))


def by_count(value: Counter[Any]) -> dict[Any, Any]:
    """The highest count first, as a Counter shows itself."""
    return dict(value.most_common()) if all(type(count) in (int, float) for count in value.values()) else value


COMPOSED: dict[type, Callable[[Any], Composed]] = {
    functools.partial: composed_partial,
    types.SimpleNamespace: lambda value: Composed("namespace(", ((f"{n}=", one) for n, one in vars(value).items())),
    types.MappingProxyType: lambda value: Composed("mappingproxy(", (("", As(value, dict)),)),
    types.MethodType: lambda value: Composed(
        f"<bound method {name_of(getattr(value.__func__, '__qualname__', None))} of ", (("", value.__self__),), ">"
    ),
    slice: lambda value: Composed("slice(", (("", value.start), ("", value.stop), ("", value.step))),
    defaultdict: composed_default_dict,
    OrderedDict: lambda value: Composed("OrderedDict(", (("", As(value, dict)),) if value else ()),
    Counter: lambda value: Composed("Counter(", (("", As(by_count(value), dict)),) if value else ()),
    deque: composed_deque,
}


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
        text = repr(NotShown(problem))
    if len(text) > 2 * TEXT:
        text = f"{text[:TEXT]}...{text[-TEXT // 2 :]}"
    return escape_controls(text, keep="")


def composed_moment(value: Any) -> Composed:
    """A datetime or time; of a time zone that is an object of the dump its class and the offset then."""
    zone = value.tzinfo
    if zone is None or described_by(type(zone)) is None:
        return Composed(repr(value), (), "")
    try:
        offset = f", UTC{value:%z}" if value.utcoffset() is not None else ""
    except Exception:  # noqa: BLE001 - only code of the program could tell
        offset = ", of an offset that is not known"
    name = f"{type(zone).__module__}.{type(zone).__qualname__}"
    return Composed(f"{repr(value.replace(tzinfo=None))[:-1]}, tzinfo=<{name}{offset}>)", (), "")


MOMENTS: dict[type, Callable[[Any], Composed]] = {
    datetime.datetime: composed_moment,
    datetime.time: composed_moment,
}
