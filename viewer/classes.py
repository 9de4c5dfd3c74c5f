# SPDX-License-Identifier: Apache-2.0
"""Synthetic classes: what the classes of the dumped program become.

A synthetic class has the name, qualified name, module, bases and method resolution order of the original, and a
builtin base where the original had one, but not one line of its code. It is made by `type.__new__` with a namespace
of ours only. What stood in the original class's dict are inert values, which attributes are looked up in as Python
does: those of a class before those of its bases, a property before the instance dict. Two things differ. A special
name such as `__class__`, `__getattribute__`, `__eq__` or `__del__` never takes effect. And where a function of the
program hides a method of the builtin base, such as `items`, that of the base is found, which can be called; and so are
the members of an exception, such as `args`, of which its text is made. A property is shown, never called. Instances
hash by identity, or by the builtin value that they carry.

A metaclass of the program becomes a subclass of `DumpedType`. It has our methods of classes first of all, so that what
it inherits from classes that are no metaclasses is for their instances alone.

`Classes.info(id)` makes the class of a TYPE record, and first those it derives from, without recursion. Where a
record lies (cyclic bases, conflicting layouts, no TYPE at all) the class derives from the builtin base alone.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from pyheapdump._pyheapdump import Ref

from .builtin_types import base_of_code, real_type
from .class_info import (
    ABSENT,
    INFO,
    METHODS_OF_LAYOUT,
    TEXT_OF_LAYOUT,
    ClassInfo,
    info_of,
    infos_of,
    is_hook,
    raw_dict,
)
from .containers import LAZY, lazy_methods
from .display import DEPTH, DESCRIBED, TOTAL, Writer, bounded_repr, composed_exception, leaf
from .enums import OF_ENUMS, TEXTS_OF_ENUMS, enum_members, enum_text, is_metaclass_of_enums, is_the_enum, stored_member
from .exception_texts import exception_text
from .items import expand, run_length
from .missing import DumpedCodeError, Missing
from .python_values import python_class, python_kind
from .text import counted, name_of
from .zones import ZONE_METHODS

if TYPE_CHECKING:
    from .heap import Heap

MAX_MRO = 500  # classes that one class derives from
WEAKREFS = ("weakref", "weakref.ReferenceType", "weakref.KeyedRef")  # layouts
MAX_METACLASSES = 5  # nesting of metaclasses of metaclasses
TYPE = 13
TUPLE = 8


class DumpedType(type):
    """The metaclass of all synthetic classes."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise DumpedCodeError(f"{cls.__module__}.{cls.__qualname__} comes from a dump: its code is not there to run")

    @property
    def mro(cls) -> Any:
        """The one method of `type` whose name is not special: what the program calls so comes first."""
        found = class_attribute(cls, "mro") if INFO in raw_dict(cls) else ABSENT  # a class in the making has none
        return type.mro.__get__(cls) if found is ABSENT else bound(found, None, cls)

    def __getattr__(cls, name: str) -> Any:
        found = class_attribute(cls, name)
        if found is not ABSENT:
            return bound(found, None, cls)
        meta = class_attribute(type(cls), name) if type(cls) is not DumpedType else ABSENT
        if meta is ABSENT:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return bound(meta, cls, type(cls))

    def __setattr__(cls, name: str, value: Any) -> None:
        info = raw_dict(cls).get(INFO)
        if info is None or is_hook(name):
            type.__setattr__(cls, name, value)
        else:
            info.assigned[name] = value

    @property
    def __dict__(cls) -> Any:  # type: ignore[override]
        """The dumped class's dict with our own on top, for vars(), dir() and debuggers."""
        own = raw_dict(cls)
        info = own.get(INFO)
        if info is None:
            return own
        ours = {name: value for name, value in own.items() if name != INFO}
        dumped = {name: value for name, value in info.dict().items() if isinstance(name, str)}
        return MappingProxyType({**ours, **dumped, **info.assigned, **{n: v for n, v in ours.items() if is_hook(n)}})


# Called "type" because that is what the class of a class is called in the dumped program.
DumpedType.__name__ = DumpedType.__qualname__ = "type"
DumpedType.__module__ = "builtins"


def describe(instance: Any, writer: Writer, depth: int) -> str:
    """The bounded repr of an instance of a synthetic class."""
    info = info_of(type(instance))
    member = enum_text(instance, writer, depth) if info.is_enum else None
    if member is not None:
        return member
    head, pairs, end = parts_of(instance, writer, depth)
    return f"<{' '.join(part for part in (head, writer.fields(pairs, depth), end) if part)}>"


def parts_of(
    instance: Any, writer: Writer | None = None, depth: int = DEPTH
) -> tuple[str, Iterator[tuple[Any, Any]], str]:
    """What the repr of an instance is made of: its class and builtin value, its attributes, and its address."""
    cls = type(instance)
    info = info_of(cls)
    writer = writer or Writer(TOTAL)
    head = f"{cls.__module__}.{cls.__qualname__}"
    told = info.heap.text_of(instance)
    if told is not None:
        head += f" {told}"
    elif info.base in LAZY:
        head += f" {writer.container(instance, info.base, depth)}"
    elif info.base is not None:
        head += f" {leaf(PLAIN[info.base](instance))}"
    elif isinstance(instance, BaseException):
        head = writer.composed(composed_exception(instance)._replace(opening=f"{head}("), depth)
    elif isinstance(instance, SHOWN):
        shown = leaf(value_text(instance)).strip("'")
        head += f" {shown}"
    attributes = info.heap.attributes(instance)
    if info.layout in TEXT_OF_LAYOUT:
        head += f" {TEXT_OF_LAYOUT[info.layout](instance)}"
        attributes = iter(info.heap.own_attributes(instance))
    address = info.heap.address_of(instance)
    unvouched = info.heap.unvouched_count(instance)
    end = [f"({counted(unvouched, 'pointer')} not vouched for)"] if unvouched else []
    end += [f"at {address:#x}"] if address is not None else []
    return head, attributes, " ".join(end)


DESCRIBED[DumpedType] = describe

# Rebuilt values whose subclasses show them by the text of the real base.
SHOWN = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)


def value_text(instance: Any) -> str:
    """The text that the real base has for one of SHOWN."""
    base: Any = solid_base(type(instance).__bases__)
    try:
        return str(base.__str__(instance))
    except DumpedCodeError:  # it asks its tzinfo, a class of the program, whose code is not here
        return str(base.__repr__(instance))


# How to take the builtin value out of an instance of a subclass.
PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex.__add__(value, 0),
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    bytearray: lambda value: bytearray.__getitem__(value, slice(None)),
}

# --- looking things up ------------------------------------------------------------------------------------------


def class_attribute(cls: type, name: str) -> Any:
    """What a dumped class or one of its bases had under `name`; ABSENT when nothing, or when the name is a hook."""
    if is_hook(name):
        return ABSENT
    members = enum_members(cls)
    if name in members:
        return members[name]
    return next((found for found in (info.own(name) for info in infos_of(cls)) if found is not ABSENT), ABSENT)


class Entry(NamedTuple):
    """What an attribute of an instance is looked up by: the first class that has it, None when that is a real one or
    there is none, and what it has."""

    info: ClassInfo | None
    value: Any


def class_entry(cls: type, name: str) -> Entry:
    """Where a class gets `name` from, as Python looks it up."""
    for base in cls.__mro__:
        own = raw_dict(base)
        info = own.get(INFO)
        found = ABSENT if info is None else info.own(name)
        if found is not ABSENT:
            return Entry(info, found)
        if info is None and name in own:
            break
    return Entry(None, ABSENT)


def bound(value: Any, instance: Any, cls: type) -> Any:
    """A class attribute as seen through an instance (None: through the class), without calling anything."""
    if type(value) is staticmethod:
        return value.__func__
    if type(value) is classmethod:
        return MethodType(value.__func__, cls)
    if type(value) is FunctionType and instance is not None:
        return MethodType(value, instance)
    return value


def instance_attribute(instance: Any, name: str, entry: Entry) -> Any:
    """An attribute that is neither in the instance dict nor one of the builtin base's."""
    cls = type(instance)
    fields = info_of(cls).heap.fields_of(instance)
    if name in fields:
        return fields[name]
    if isinstance(instance, tuple) and (entry.value is ABSENT or is_of_type(entry.value, "_tuplegetter")):
        names = class_attribute(cls, "_fields")
        if isinstance(names, tuple) and name in names:
            return instance[names.index(name)]
    if entry.value is ABSENT or is_of_type(entry.value, "member_descriptor"):
        raise AttributeError(f"{cls.__name__!r} object of the dump has no attribute {name!r}")
    return bound(entry.value, instance, cls)


def is_of_type(value: Any, name: str) -> bool:
    """Is this a stand-in of a descriptor of C code?"""
    return isinstance(type(value), DumpedType) and type(value).__name__ == name


# --- the namespace of every synthetic class ---------------------------------------------------------------------


def get_attribute(self: Any, name: str) -> Any:
    if name == "__class__":  # isinstance() asks for it, while other objects are being made, too
        return type(self)
    info_of(type(self)).heap.complete(self)
    entry = Entry(None, ABSENT) if is_hook(name) else class_entry(type(self), name)
    if entry.info is not None:
        own = object.__getattribute__(self, "__dict__")
        if is_the_enum(entry.info.map) and stored_member(name) in own:
            return own[stored_member(name)]
        hidden = getattr(solid_base((type(self),)), name, None)
        is_member = isinstance(self, BaseException) and hasattr(
            type(hidden), "__set__"
        )  # what Python prints is made of
        is_field = name in info_of(type(self)).heap.fields_of(self)  # of C, which a property of that name tells
        if type(entry.value) is property and not is_member and not is_field:
            return entry.value
        is_code = type(entry.value) is FunctionType or is_of_type(entry.value, "method_descriptor")
        is_method = is_code and hidden is not None
        is_ours = name in METHODS_OF_LAYOUT.get(entry.info.layout, {}) and isinstance(type(entry.value), DumpedType)
        if not is_method and not is_member and not is_ours:
            return own[name] if name in own else instance_attribute(self, name, entry)
    try:
        return object.__getattribute__(self, name)
    except AttributeError:
        return instance_attribute(self, name, entry)


def set_attribute(self: Any, name: str, value: Any) -> None:
    info_of(type(self)).heap.complete(self)
    object.__setattr__(self, name, value)


def delete_attribute(self: Any, name: str) -> None:
    info_of(type(self)).heap.complete(self)
    object.__delattr__(self, name)


def directory(self: Any) -> list[str]:
    names = [*object.__dir__(self), *info_of(type(self)).heap.fields_of(self)]
    return sorted({name for name in names if isinstance(name, str)})


def call_weakref(self: Any) -> Any:
    """A weak reference called: what it refers to, None when that is gone or not in the dump."""
    found = info_of(type(self)).heap.fields_of(self).get("wr_object")
    return None if isinstance(found, Missing) else found


def instance_repr(self: Any) -> str:
    return bounded_repr(self)


def solid_base(bases: tuple[type, ...]) -> type:
    """The real type that decides the layout of instances: the most derived one among the bases' ancestors."""
    real = [cls for base in bases for cls in base.__mro__ if not isinstance(cls, DumpedType)]
    return max(real, key=lambda cls: len(cls.__mro__), default=object)


def namespace(info: Mapping[str, Any], bases: tuple[type, ...]) -> dict[str, Any]:
    """The whole dict of a synthetic class; nothing in it is executable but our own functions."""
    doc = info.get("doc")
    names: dict[str, Any] = {
        "__module__": name_of(info.get("module")),
        "__qualname__": name_of(info.get("qualname"), name_of(info.get("name"))),
        "__doc__": doc.encode("utf-8", "backslashreplace").decode() if isinstance(doc, str) else None,
        "__getattribute__": get_attribute,
        "__setattr__": set_attribute,
        "__delattr__": delete_attribute,
        "__dir__": directory,
    }
    solid = solid_base(bases)
    if issubclass(solid, BaseException):
        names["__str__"] = exception_text
    else:
        names["__repr__"] = instance_repr
    if solid in LAZY:
        names.update(lazy_methods(solid))
        names["__hash__"] = LAZY[solid].__hash__
    names.update(METHODS_OF_LAYOUT.get(str(info.get("layout")), {}))
    if info.get("layout") in WEAKREFS:
        names["__call__"] = call_weakref
    if issubclass(solid, datetime.tzinfo):
        names.update(ZONE_METHODS)
    if is_the_enum(info) or any(one.is_enum for base in bases for one in infos_of(base)):
        names.update(TEXTS_OF_ENUMS)
    hashed: Any = solid.__hash__
    if hashed is None:
        names["__hash__"] = object.__hash__
    return names


# --- making them ------------------------------------------------------------------------------------------------


class Classes:
    """The classes of one heap, by the ids of their TYPE records."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self._infos: dict[int, ClassInfo] = {}
        self._shadows: dict[int, ClassInfo] = {}
        self._variants: dict[int, ClassInfo] = {}
        self._metaclasses = 0

    def info(self, rid: int) -> ClassInfo:
        """What is known of the type `rid`, whatever its record says."""
        if rid not in self._infos:
            for one in self._bases_first(rid):
                if one not in self._infos:
                    # _define() may have made it already, on the way to a metaclass.
                    info = self._infos.setdefault(one, self._define(one))
                    self.heap.remember(one, info.cls)
        return self._infos[rid]

    def shadow(self, info: ClassInfo) -> ClassInfo:
        """A synthetic twin of a real type: for an instance that could not be rebuilt as a real one, and to derive from
        in place of a class whose code is Python."""
        if info.id not in self._shadows:
            base = datetime.tzinfo if issubclass(info.cls, datetime.tzinfo) else object
            self._shadows[info.id] = self._synthetic(info.id, info.map, (base,), DumpedType)
            if python_kind(info.map) is not None:  # one that claims to derive from itself finds that above
                bases = self._known_bases(info.id, info.map)
                self._shadows[info.id] = self._synthetic(info.id, info.map, bases, DumpedType)
        return self._shadows[info.id]

    def variant(self, info: ClassInfo) -> ClassInfo:
        """A synthetic class that derives from a real exception class and poses as it."""
        if info.id not in self._variants:
            self._variants[info.id] = self._synthetic(info.id, info.map, (info.cls,), DumpedType)
        return self._variants[info.id]

    def _type_map(self, rid: int) -> Mapping[str, Any]:
        record = self.heap.record(rid)
        if record and record[0] == TYPE and len(record) > 1 and isinstance(record[1], dict):
            return record[1]
        return {}

    def _type_ids(self, value: Any) -> list[int]:
        """The ids in a tuple of types (`bases`, `mro`), read from its record."""
        record = self.heap.record(value.id) if type(value) is Ref else None
        if not record or record[0] != TUPLE or run_length(record[1:]) > MAX_MRO:
            return []
        return [item.id for item in expand(record[1:]) if type(item) is Ref]

    def _bases_first(self, rid: int) -> Iterator[int]:
        described = self._type_map(rid)
        ids = self._type_ids(described.get("mro")) or [rid, *self._type_ids(described.get("bases"))]
        yield from reversed(list(dict.fromkeys(one for one in ids if one != rid)))
        yield rid

    def _define(self, rid: int) -> ClassInfo:
        described = self._type_map(rid)
        found = real_type(described) or python_class(described)
        if found is not None:
            return ClassInfo(self.heap, rid, described, found, True)
        bases = self._known_bases(rid, described)
        if any(issubclass(base, type) for base in bases):
            return self._metaclass(rid, described, bases)
        meta = self._metaclass_of(rid, described)
        fallback = (base_of_code(described.get("base_code")) or object,)
        for candidate, kind in ((bases, meta), (bases, DumpedType), (fallback, DumpedType)):
            try:
                return self._synthetic(rid, described, candidate, kind)
            except (TypeError, ValueError):  # conflicting layouts or orders, a type that cannot be derived from
                continue
        return self._synthetic(rid, described, (object,), DumpedType)

    def _known_bases(self, rid: int, described: Mapping[str, Any]) -> tuple[type, ...]:
        ids = self._type_ids(described.get("bases"))
        infos = [self._infos[one] for one in ids if one in self._infos and one != rid]
        infos = [self.shadow(one) if one.real and python_kind(one.map) is not None else one for one in infos]
        bases = list(dict.fromkeys(one.cls for one in infos))
        carried = base_of_code(described.get("base_code"))
        if carried is not None and not any(issubclass(base, carried) for base in bases):
            bases = [base for base in bases if base is not object] + [carried]
        return tuple(bases) or (object,)

    def _synthetic(
        self, rid: int, described: Mapping[str, Any], bases: tuple[type, ...], meta: type[DumpedType]
    ) -> ClassInfo:
        cls = type.__new__(meta, name_of(described.get("name")), bases, namespace(described, bases))
        info = ClassInfo(self.heap, rid, described, cls, False)
        type.__setattr__(cls, INFO, info)
        return info

    def _metaclass_of(self, rid: int, described: Mapping[str, Any]) -> type[DumpedType]:
        """The synthetic metaclass of a class; DumpedType for `type` itself and for anything odd."""
        value = described.get("metatype")
        if type(value) is not Ref or value.id == rid or self._metaclasses >= MAX_METACLASSES:
            return DumpedType
        self._metaclasses += 1
        try:
            found = self.info(value.id).cls
        finally:
            self._metaclasses -= 1
        return found if issubclass(found, DumpedType) else DumpedType

    def _metaclass(self, rid: int, described: Mapping[str, Any], bases: tuple[type, ...]) -> ClassInfo:
        """A class that derives from `type`: its instances are classes."""
        ours = tuple(dict.fromkeys(DumpedType if base is type else base for base in bases))
        names = {
            **OF_CLASSES,
            **(OF_ENUMS if is_metaclass_of_enums(described) else {}),
            "__module__": name_of(described.get("module")),
            "__qualname__": name_of(described.get("qualname"), name_of(described.get("name"))),
        }
        for candidate in (ours, (DumpedType,)):
            try:
                cls = type.__new__(self._metaclass_of(rid, described), name_of(described.get("name")), candidate, names)
                break
            except (TypeError, ValueError):  # conflicting orders
                continue
        info = ClassInfo(self.heap, rid, described, cls, False)
        type.__setattr__(cls, INFO, info)
        return info


# Our own methods of classes, with which each metaclass begins.
OF_CLASSES: dict[str, Any] = {
    **{name: raw_dict(DumpedType)[name] for name in ("__call__", "__getattr__", "__setattr__", "__dict__", "mro")},
    **{name: getattr(type, name) for name in ("__getattribute__", "__delattr__", "__dir__", "__repr__", "__hash__")},
}
