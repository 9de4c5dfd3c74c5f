# SPDX-License-Identifier: Apache-2.0
"""Functions, methods, descriptors, cells, modules and weak references of the dump, as real objects that do nothing.

A function has its name, signature, defaults, closure and code positions, so that `inspect.signature` and the debugger
show it; called, it raises DumpedCodeError. What is made here depends on the layout name of the type alone (see
`INERT`): these are C types with known fields (libpyheapdump/layout/struct_types.h).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from types import CellType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .classes import TUPLE, DumpedType
from .items import expand, run_length
from .kinds import OBJECT, Kind, Node, stand_in
from .missing import Missing
from .text import name_of

if TYPE_CHECKING:
    from .heap import Heap

MAX_CELLS = 1000  # free variables of one function


class Fields:
    """The fields of a node as objects of the closure that is being made."""

    def __init__(self, node: Node) -> None:
        self.raw = node.fields()
        self._part = node.heap.part

    def get(self, name: str, default: Any = None) -> Any:
        """The object in field `name`; `default` when the field is unset or its object is not in the dump."""
        if name not in self.raw:
            return default
        value = self.whatever(name)
        return default if isinstance(value, Missing) else value

    def whatever(self, name: str) -> Any:
        """The object in field `name`, which is a Missing when it is not in the dump."""
        return self._part(self.raw.get(name))


class InertKind(Kind):
    """A C type with named fields: `needs` are those that must exist before its object, `later` those put in after."""

    needs: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    def parts(self, node: Node) -> Iterable[Any]:
        raw = node.fields()
        return [raw[name] for name in self.needs + self.later if name in raw]

    def before(self, node: Node) -> Iterable[Any]:
        raw = node.fields()
        return [raw[name] for name in self.needs if name in raw]


# --- functions --------------------------------------------------------------------------------------------------


def own_attributes(node: Node) -> dict[Any, Any]:
    """The instance dict of an object that gets it at once, as objects of the closure."""
    part = node.heap.part
    found = part(node.attributes) if type(node.attributes) is Ref else None
    pairs = [(part(name), part(raw)) for name, raw in node.attribute_pairs()]
    pairs += list(found.items()) if isinstance(found, dict) else []
    return {name: value for name, value in pairs if isinstance(name, str)}


class FunctionKind(InertKind):
    needs = ("__closure__",)
    later = ("__defaults__", "__kwdefaults__", "__annotations__", "__doc__", "__module__", "__dict__")

    def before(self, node: Node) -> Iterator[Any]:
        """The cells, without their contents: those may lead back to the function."""
        yield from self.cells(node)

    def parts(self, node: Node) -> Iterable[Any]:
        own = [node.attributes, *(raw for _, raw in node.attribute_pairs())]
        return [*super().parts(node), *self.cells(node), *own]

    def cells(self, node: Node) -> list[Any]:
        raw = node.fields().get("__closure__")
        record = node.heap.record(raw.id) if type(raw) is Ref else None
        if not record or record[0] != TUPLE or run_length(record[1:]) > MAX_CELLS:
            return []
        return expand(record[1:])

    def create(self, node: Node) -> Any:
        fields, heap = Fields(node), node.heap
        code = heap.stacks.code(fields.raw.get("__code__"))
        name = name_of(fields.get("__name__"), name_of(code.co_name))
        qualname = name_of(fields.get("__qualname__"), name)
        cells = [cell for cell in heap.parts(self.cells(node)) if isinstance(cell, CellType)]
        cells = (cells + [CellType() for _ in code.co_freevars])[: len(code.co_freevars)]
        space = heap.part(fields.raw.get("__globals__"))
        made = FunctionType(code, space if isinstance(space, dict) else {}, name, None, tuple(cells))
        made.__qualname__ = qualname
        return made

    def fill(self, node: Node, made: Any) -> None:
        fields = Fields(node)
        made.__module__ = fields.get("__module__")
        made.__doc__ = fields.get("__doc__")
        defaults = fields.get("__defaults__")
        if isinstance(defaults, tuple):
            made.__defaults__ = tuple(iter(defaults))
        for name in ("__kwdefaults__", "__annotations__"):
            value = fields.get(name)
            if isinstance(value, dict):
                setattr(made, name, value)
        made.__dict__.update(own_attributes(node))


class MethodKind(InertKind):
    """Bound methods of functions that do nothing; one of something else, a real type perhaps, would do it."""

    needs = ("__func__", "__self__")

    def create(self, node: Node) -> Any:
        fields = Fields(node)
        function = fields.get("__func__")
        inert = isinstance(function, FunctionType) or isinstance(type(function), DumpedType)
        if not inert or not callable(function) or fields.get("__self__") is None:
            return stand_in(node)
        return MethodType(function, fields.get("__self__"))


class WrapperKind(InertKind):
    """staticmethod and classmethod: an object around a callable."""

    needs = ("__func__", "cm_callable", "sm_callable", "__wrapped__")

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def create(self, node: Node) -> Any:
        fields = Fields(node)
        function = next((found for found in map(fields.get, self.needs) if found is not None), None)
        return stand_in(node) if function is None else self.cls(function)


class PropertyKind(InertKind):
    needs = ("fget", "fset", "fdel", "__doc__")

    def create(self, node: Node) -> Any:
        if not node.info or not node.info.real:
            return stand_in(node)
        return property(*map(Fields(node).get, self.needs))


class CellKind(InertKind):
    """Cells. A cell in a cell in a cell is refused: C code recurses into them to the end of its stack."""

    later = ("cell_contents",)

    def create(self, node: Node) -> Any:
        return CellType()

    def fill(self, node: Node, made: Any) -> None:
        raw = node.fields()
        if "cell_contents" not in raw:
            return
        if self.cell_within(node.heap, self.cell_within(node.heap, raw["cell_contents"])) is not None:
            made.cell_contents = Missing("cells that are nested too deep")
        else:
            made.cell_contents = node.heap.part(raw["cell_contents"])

    @staticmethod
    def cell_within(heap: Heap, raw: Any) -> Any:
        """What is in the cell that `raw` refers to; None when it refers to none."""
        record = heap.record(raw.id) if type(raw) is Ref else None
        if not record or record[0] != OBJECT or len(record) < 5 or type(record[1]) is not Ref:
            return None
        info = heap.classes.info(record[1].id)
        return record[4][0] if info.layout == "cell" and isinstance(record[4], list) and record[4] else None


# --- modules ----------------------------------------------------------------------------------------------------


class DumpedModule(ModuleType):
    """A module of the dump: its attributes are those of the dumped module's dict, fetched on demand."""

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, "_content")()
        if name == "__dict__":
            return found
        if name == "__class__" or name not in found:
            return ModuleType.__getattribute__(self, name)
        return found[name]

    def _content(self) -> Any:
        own = ModuleType.__getattribute__(self, "__dict__")
        if "_found" not in own:
            found = own["_node"].heap.own_dict(own["_node"])
            own["_found"] = found if isinstance(found, dict) else {}
        return own["_found"]

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_content")()[name] = value

    def __dir__(self) -> list[str]:
        return sorted(name for name in object.__getattribute__(self, "_content")() if isinstance(name, str))

    def __repr__(self) -> str:
        found = object.__getattribute__(self, "_content")()
        file = found.get("__file__")
        place = f" from {name_of(file)!r}" if isinstance(file, str) else ""
        return f"<module {name_of(found.get('__name__'))!r}{place}, of the dump>"


DumpedModule.__name__ = DumpedModule.__qualname__ = "module"


class ModuleKind(InertKind):
    def create(self, node: Node) -> Any:
        if node.info is None or not node.info.real:
            return stand_in(node)
        made = DumpedModule("module")
        own = ModuleType.__getattribute__(made, "__dict__")
        own.clear()
        own["_node"] = node
        return made


# --- weak references and the rest -------------------------------------------------------------------------------


class SimpleNamespaceKind(InertKind):
    """types.SimpleNamespace: nothing but attributes."""

    def parts(self, node: Node) -> Iterable[Any]:
        return [node.attributes, *(raw for _, raw in node.attribute_pairs())]

    def create(self, node: Node) -> Any:
        return stand_in(node) if not node.info or not node.info.real else types.SimpleNamespace()

    def fill(self, node: Node, made: Any) -> None:
        if type(made) is types.SimpleNamespace:
            made.__dict__.update(own_attributes(node))


class MappingProxyKind(InertKind):
    needs = ("mapping",)

    def create(self, node: Node) -> Any:
        mapping = Fields(node).get("mapping")
        return types.MappingProxyType(mapping) if isinstance(mapping, dict) else stand_in(node)


INERT: dict[str, Kind] = {
    "function": FunctionKind(),
    "method": MethodKind(),
    "staticmethod": WrapperKind(staticmethod),
    "classmethod": WrapperKind(classmethod),
    "property": PropertyKind(),
    "cell": CellKind(),
    "module": ModuleKind(),
    "mappingproxy": MappingProxyKind(),
    "types.SimpleNamespace": SimpleNamespaceKind(),
}
