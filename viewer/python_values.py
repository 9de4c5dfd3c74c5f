# SPDX-License-Identifier: Apache-2.0
"""Values of the standard library whose classes are Python code: UUID, Fraction, paths and addresses.

An instance of exactly such a class becomes a real one, made by its constructor from checked plain values. The table
CLASSES says which classes these are; nothing else is ever imported. Instances of classes that the program derives from
them are instances of synthetic classes, as the code of the real ones would meet attributes that nobody has checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .kinds import Kind, Node, stand_in
from .raw_objects import RawObject

MAX_BITS = 20_000  # of the numbers of a Fraction, whose common divisor takes time

Make = Callable[[Any, RawObject], Any]


class PythonValueKind(Kind):
    """A value made at once by `make(cls, attributes)`."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def create(self, node: Node) -> Any:
        assert node.info is not None
        return self.make(node.cls, RawObject.of_node(node)) if node.info.real else stand_in(node)


def make_uuid(cls: Any, raw: RawObject) -> Any:
    from uuid import SafeUUID

    safe = raw.object("is_safe").text("_name_") if "is_safe" in raw else "unknown"
    return cls(int=raw.number("int"), is_safe=SafeUUID[safe])


def make_fraction(cls: Any, raw: RawObject) -> Any:
    numbers = raw.number("_numerator"), raw.number("_denominator")
    if max(number.bit_length() for number in numbers) > MAX_BITS:
        raise ValueError("too long")
    made = cls(*numbers)
    if (made.numerator, made.denominator) != numbers:  # not in lowest terms, as the program's code may make them
        raise ValueError("not in lowest terms")
    return made


def make_path(cls: Any, raw: RawObject) -> Any:
    """A path knows its text once it was asked for; before that its parts, from 3.12 on as they were given."""
    if "_str" in raw:
        return cls(raw.text("_str"))
    return cls(*raw.leaves("_parts" if "_parts" in raw else "_raw_paths", str))


def make_address(cls: Any, raw: RawObject) -> Any:
    made = cls(raw.number("_ip"))
    scope = raw.leaf("_scope_id") if "_scope_id" in raw else None
    return made if scope is None else cls(f"{made}%{raw.text('_scope_id')}")


def make_network(cls: Any, raw: RawObject) -> Any:
    return cls((raw.object("network_address").number("_ip"), raw.number("_prefixlen")))


def make_interface(cls: Any, raw: RawObject) -> Any:
    if "_scope_id" in raw and raw.leaf("_scope_id") is not None:
        raise ValueError("a scope")  # no constructor takes it beside numbers
    return cls((raw.number("_ip"), raw.number("_prefixlen")))


MAKERS: dict[tuple[str, str], Make] = {
    ("uuid", "UUID"): make_uuid,
    ("fractions", "Fraction"): make_fraction,
    **{("pathlib", name): make_path for name in "PurePath PurePosixPath PureWindowsPath Path PosixPath".split()},
    **{("ipaddress", f"IPv{version}Address"): make_address for version in (4, 6)},
    **{("ipaddress", f"IPv{version}Network"): make_network for version in (4, 6)},
    **{("ipaddress", f"IPv{version}Interface"): make_interface for version in (4, 6)},
}
HOMES = {"pathlib._local": "pathlib"}  # 3.13
KINDS: dict[tuple[str, str], Kind] = {key: PythonValueKind(make) for key, make in MAKERS.items()}


def key_of(described: Mapping[str, Any]) -> tuple[str, str] | None:
    """The key in the tables of the class that a TYPE map describes; None when it is another class."""
    module, name = described.get("module"), described.get("qualname") or described.get("name")
    if not isinstance(module, str) or not isinstance(name, str) or described.get("layout") not in (None, "object"):
        return None
    key = HOMES.get(module, module), name
    return key if key in KINDS else None


def python_class(described: Mapping[str, Any]) -> type | None:
    """The real class that a TYPE map describes, None when it is none of these."""
    key = key_of(described)
    if key is None:
        return None
    found: type = getattr(import_module(key[0]), key[1])
    return found


def python_kind(described: Mapping[str, Any]) -> Kind | None:
    """How the instances of such a class are made."""
    key = key_of(described)
    return None if key is None else KINDS[key]
