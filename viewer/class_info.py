# SPDX-License-Identifier: Apache-2.0
"""What a synthetic class (classes.py) knows of the TYPE record that it was made of, and how to get at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .builtin_types import BASES

if TYPE_CHECKING:
    from .heap import Heap

ABSENT = object()
INFO = "_pyheapdump_info"  # the name under which a synthetic class knows its ClassInfo

# What instances of a layout can do beyond having attributes, and how they are described: windows.py puts it here.
METHODS_OF_LAYOUT: dict[str, dict[str, Any]] = {}
TEXT_OF_LAYOUT: dict[str, Callable[[Any], str]] = {}

_DICT_OF_TYPE: Any = vars(type)["__dict__"]


class ClassInfo:
    """What is known of one TYPE record: the class it became and how its instances are laid out."""

    __slots__ = ("assigned", "base", "beside", "cls", "fields", "heap", "id", "is_enum", "layout", "map", "real")

    def __init__(self, heap: Heap, rid: int, described: Mapping[str, Any], cls: type, real: bool) -> None:
        self.heap = heap
        self.id = rid
        self.map = described
        self.cls = cls
        self.real = real
        layout = described.get("layout")
        self.layout: str = layout if isinstance(layout, str) else ""
        beside = described.get("beside")
        self.beside: int = beside if isinstance(beside, int) else 0  # bytes that C code keeps beside the builtin value
        fields = described.get("fields")
        names = fields if isinstance(fields, list) else []
        self.fields: list[str] = [name for name in names if isinstance(name, str)] if names else []
        self.base: type | None = next((base for base in BASES if issubclass(cls, base)), None)
        self.is_enum: bool = is_named(described, "enum", "Enum") or any(one.is_enum for one in infos_of(cls))
        self.assigned: dict[str, Any] = {}  # in the viewer

    def dict(self) -> Mapping[Any, Any]:
        """The dumped class's own dict, as inert values."""
        found = self.heap.value(self.map.get("dict"))
        return found if isinstance(found, dict) else {}

    def own(self, name: str) -> Any:
        """What the class itself has under `name`; ABSENT when nothing."""
        return self.assigned[name] if name in self.assigned else self.dict().get(name, ABSENT)


def raw_dict(cls: type) -> Mapping[str, Any]:
    """A class's real dict, past DumpedType's property."""
    found: Mapping[str, Any] = _DICT_OF_TYPE.__get__(cls)
    return found


def info_of(cls: type) -> ClassInfo:
    """The ClassInfo of a synthetic class."""
    info: ClassInfo = raw_dict(cls)[INFO]
    return info


def infos_of(cls: type) -> Iterator[ClassInfo]:
    """What is known of the synthetic classes among a class and its bases, in the order of the lookup."""
    return (found for found in (raw_dict(base).get(INFO) for base in cls.__mro__) if found is not None)


def is_named(described: Mapping[str, Any], module: str, name: str) -> bool:
    """Is this the TYPE map of the class with that name?"""
    return described.get("module") == module and described.get("name") == name


def is_hook(name: str) -> bool:
    """Is this a name by which a protocol (copying, pickling, IPython's display) would find a hook of the dump?"""
    return name[:2] == "__" == name[-2:] or name.startswith(("_repr_", "_ipython_"))
