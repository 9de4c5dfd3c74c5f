# SPDX-License-Identifier: Apache-2.0
"""Members of enumerations, as their classes would show them.

A member is an instance of a synthetic class: its name and value stand in its instance dict, and the members of a class
in that class's `_member_map_`. `enum.Enum` gives them names without underscores by descriptors, and its metaclass looks
members up; what is here does the same without their code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .class_info import info_of, infos_of, is_named
from .missing import DumpedCodeError

if TYPE_CHECKING:
    from .display import Writer

STORED = {"name": "_name_", "value": "_value_"}
FORMAT_IS_STR = (3, 11)  # the version in which the texts of members changed
COMPARED = (bool, int, float, str, bytes, type(None))  # values that a member is looked up by


def is_the_enum(described: Mapping[str, Any]) -> bool:
    """Is this the TYPE map of `enum.Enum`?"""
    return is_named(described, "enum", "Enum")


def is_metaclass_of_enums(described: Mapping[str, Any]) -> bool:
    """Is this the TYPE map of `enum.EnumMeta`, which is called `EnumType` from 3.11 on?"""
    return is_named(described, "enum", "EnumMeta") or is_named(described, "enum", "EnumType")


def stored_member(name: str) -> str | None:
    """The name in a member's instance dict of what `Enum` gives under `name`."""
    return STORED.get(name)


def enum_members(cls: type) -> Mapping[Any, Any]:
    """The members of a class by name; none where it is no enumeration."""
    info = next(infos_of(cls), None)
    found = info.own("_member_map_") if info is not None and info.is_enum else None
    return found if isinstance(found, dict) else {}


def own_of(member: Any) -> dict[str, Any]:
    info_of(type(member)).heap.complete(member)
    found: dict[str, Any] = object.__getattribute__(member, "__dict__")
    return found


def member_name(member: Any) -> str | None:
    """The name of a member; None when it has none. Up to 3.10 combined flags have none, but are shown by those of their
    parts.
    """
    own = own_of(member)
    name, value = own.get("_name_"), own.get("_value_")
    if isinstance(name, str):
        return name
    if type(value) is not int or value < 0 or info_of(type(member)).heap.python >= FORMAT_IS_STR:
        return None
    values = {own_of(one).get("_value_"): name for name, one in enum_members(type(member)).items()}
    bits = [1 << at for at in range(value.bit_length())[::-1] if value & 1 << at]
    return "|".join(str(values.get(bit, bit)) for bit in bits) or "0"


def enum_text(member: Any, writer: Writer, depth: int) -> str | None:
    """`<Color.RED: 1>`; None for what is no member."""
    name, own = member_name(member), own_of(member)
    if "_value_" not in own:
        return None
    return f"<{type(member).__name__}{'' if name is None else f'.{name}'}: {writer.text(own['_value_'], depth - 1)}>"


def enum_str(member: Any) -> str:
    """What str() gives: the text of the value where the class derives from ReprEnum (3.11+), else `Color.RED`."""
    cls = type(member)
    value = own_of(member).get("_value_")
    if any(is_named(info.map, "enum", "ReprEnum") for info in infos_of(cls)):
        return str(value)
    name = member_name(member)
    if name is None:
        return f"{cls.__name__}({value!r})" if info_of(cls).heap.python >= FORMAT_IS_STR else f"{cls.__name__}.{value}"
    return f"{cls.__name__}.{name}"


def enum_format(member: Any, specification: str) -> str:
    """What format() gives: up to 3.10 the builtin value where the class has one, since then the text of str()."""
    info = info_of(type(member))
    is_value = info.base is not None and info.heap.python < FORMAT_IS_STR
    return format(own_of(member).get("_value_") if is_value else enum_str(member), specification)


TEXTS_OF_ENUMS: dict[str, Any] = {"__str__": enum_str, "__format__": enum_format}

# --- what the metaclass of enumerations does ----------------------------------------------------------------------


def get_member(cls: type, name: str) -> Any:
    return enum_members(cls)[name]


def iterate(cls: type) -> Iterator[Any]:
    """The members without their aliases."""
    return iter({id(member): member for member in enum_members(cls).values()}.values())


def count(cls: type) -> int:
    return sum(1 for _ in iterate(cls))


def member_of_value(cls: type, value: Any) -> Any:
    """The member that has this value; None when there is none, or when it is no plain value."""
    if type(value) not in COMPARED:
        return None
    found = ((one, own_of(one).get("_value_")) for one in iterate(cls))
    return next((one for one, own in found if type(own) in COMPARED and own == value), None)


def contains(cls: type, value: Any) -> bool:
    return any(one is value for one in iterate(cls)) or member_of_value(cls, value) is not None


def call(cls: type, *args: Any, **kwargs: Any) -> Any:
    found = member_of_value(cls, args[0]) if len(args) == 1 and not kwargs else None
    if found is None:
        raise DumpedCodeError(f"{cls.__module__}.{cls.__qualname__} comes from a dump: its code is not there to run")
    return found


OF_ENUMS: dict[str, Any] = {
    "__getitem__": get_member,
    "__iter__": iterate,
    "__len__": count,
    "__bool__": lambda cls: True,
    "__contains__": contains,
    "__call__": call,
}
