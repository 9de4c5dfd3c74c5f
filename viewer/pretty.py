# SPDX-License-Identifier: Apache-2.0
"""What `pp` of the debugger shows: containers with an element a line, and of an instance an attribute a line.

What fits into a line stays on it. Like `full_repr` it shows everything up to a bound for the whole. Dicts keep their
order, as keys of a dump cannot be asked which comes first. An instance within another value takes one line.
"""

from __future__ import annotations

from typing import Any

from .classes import DumpedType, parts_of
from .display import BRACKETS, FULL, bounded_repr, full_repr

MAX_DEPTH = 20  # of containers that are broken into lines
MAX_INDENT = 40  # columns


def pretty(value: Any, width: int = 80, total: int = FULL) -> str:
    """`value` in lines of `width`, as far as they can be broken."""
    return Printer(width, total).top(value)


class Printer:
    """One text in the making; `left` is how many characters may still come."""

    def __init__(self, width: int, total: int) -> None:
        self.width = width
        self.left = total
        self._inside: set[int] = set()

    def top(self, value: Any) -> str:
        text = self.flat(value, 0)
        if text is not None or not isinstance(type(value), DumpedType) or isinstance(value, type):
            return self.lines(value, 0, 0) if text is None else text
        head, pairs, end = parts_of(value)
        lines = [f"<{head}"]
        for name, held in pairs:
            if self.left <= 0:
                lines.append("  ...")
                break
            label = f"  {name if isinstance(name, str) else bounded_repr(name)}="
            lines.append(label + self.lines(held, min(len(label), MAX_INDENT), 1))
        return "\n".join(lines) + f"{f' {end}' if end else ''}>"

    def flat(self, value: Any, indent: int) -> str | None:
        """The text on one line, if it has room there."""
        room = self.width - indent
        text = full_repr(value, total=max(2 * room, 20))
        if len(text) > room:
            return None
        self.left -= len(text) + indent
        return text

    def lines(self, value: Any, indent: int, depth: int) -> str:
        """The text of a value that begins in column `indent`."""
        text = self.flat(value, indent)
        if text is not None:
            return text
        cls: Any = type(value)
        brackets: Any = BRACKETS.get(cls)
        if brackets is None or "(" in brackets[0][1:] or depth > MAX_DEPTH or id(value) in self._inside:
            text = full_repr(value, total=max(self.left, 0))
            self.left -= len(text)
            return text
        self._inside.add(id(value))
        try:
            return self.broken(value, brackets, indent + 1, depth + 1)
        finally:
            self._inside.discard(id(value))

    def broken(self, value: Any, brackets: str, indent: int, depth: int) -> str:
        """A container with an element a line."""
        parts: list[str] = []
        for item in value.items() if isinstance(value, dict) else value:
            if self.left <= 0:
                parts.append(f"... {len(value) - len(parts):,} more")
                break
            key = ""
            if isinstance(value, dict):
                key, item = f"{full_repr(item[0], total=max(self.left, 0))}: ", item[1]
            self.left -= len(key)
            parts.append(key + self.lines(item, min(indent + len(key), MAX_INDENT), depth))
        between = ",\n" + " " * indent
        return f"{brackets[0]}{between.join(parts)}{',' * (isinstance(value, tuple) and len(parts) == 1)}{brackets[1]}"
