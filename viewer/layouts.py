# SPDX-License-Identifier: Apache-2.0
"""Values of the standard library's C types, rebuilt from the fields of their layout.

The table LAYOUTS maps the name of a layout (the C type's tp_name) to a kind; a kind names the fields it needs and has
a function that makes the object. Whatever a function raises on odd contents, the object becomes a stand-in with the
same fields as attributes (heap.py sees to that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .inert import Fields, InertKind
from .kinds import Kind, Node


class ValueKind(InertKind):
    """A value made at once from its fields `needs` by `make(cls, fields)`."""

    def __init__(self, make: Callable[[type, Fields], Any], *needs: str) -> None:
        self.make = make
        self.needs = needs

    def create(self, node: Node) -> Any:
        return self.make(node.cls, Fields(node))


class ContentKind(ValueKind):
    """A value made from a builtin container it carries, by `make(cls, fields, content)`."""

    def parts(self, node: Node) -> Iterable[Any]:
        return [*super().parts(node), *node.content]


LAYOUTS: dict[str, Kind] = {
    "slice": ValueKind(lambda cls, f: slice(f.get("start"), f.get("stop"), f.get("step")), "start", "stop", "step"),
    "range": ValueKind(lambda cls, f: range(f.get("start"), f.get("stop"), f.get("step")), "start", "stop", "step"),
}
