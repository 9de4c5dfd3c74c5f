# SPDX-License-Identifier: Apache-2.0
"""How an object of each kind is made from its record.

A `Node` is one record on its way to becoming an object; its `Kind` knows the way, in steps that the heap takes
(heap.py): `parts` are the raw values that belong into the same closure, `before` those that must exist first,
`create` makes the object, `fill` gives it what may refer back to it, and `lazy` makes what stands in its place when it
is not to be made now. `choose` finds the kind of a record.

Here are the kinds of the builtin containers and scalars, of plain instances and of exceptions. Kinds told by the
layout of a C type are in layouts.py (values such as dates) and inert.py (functions, modules and the like).
"""

from __future__ import annotations

import array
import builtins
import datetime
import decimal
from collections import deque
from collections.abc import Iterable, Iterator
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from pyheapdump import _pyheapdump
from pyheapdump._pyheapdump import Pairs, Ref

from .builtin_types import BASE_OF_CODE, EXACT_DICTS, base_of_code
from .class_info import ABSENT, ClassInfo, info_of
from .containers import FILL_LIMIT, LAZY, distinct, make_lazy, unloaded_of, use_own_builtins
from .content import SHARED
from .items import Items, expand, run_length
from .long_text import LongText, text_of
from .missing import Missing

if TYPE_CHECKING:
    from .heap import Heap

BROKEN, OBJECT, TYPE, FRAME, SINGLETON, SPLIT, MAPPED = 0, 1, 13, 14, 15, 16, 17
SCALARS = range(2, 8)
CONTAINERS = range(8, 13)
# Builtin types that are a value by themselves, whose bare instance would pass for one.
VALUES = (
    *(int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, deque, array.array),
    *(datetime.date, datetime.time, datetime.timedelta, decimal.Decimal),
)
SINGLETONS = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}
FROZEN_DICT: type | None = getattr(builtins, "frozendict", None)


class Node:
    """One record and what is known of the object it describes.

    `cls` is the class to make it of, `base` the builtin type whose value it carries, `items` and `values` its
    contents when that is a container (values: None when there are too many to make at once).
    """

    __slots__ = (
        "base",
        "busy",
        "cls",
        "content",
        "created",
        "heap",
        "id",
        "info",
        "items",
        "kind",
        "problem",
        "record",
        "stands_in",
        "values",
    )

    def __init__(self, heap: Heap, rid: int, record: list[Any], info: ClassInfo | None, content: Any) -> None:
        self.heap = heap
        self.id = rid
        self.record = record
        self.info = info
        self.content = content  # the record of the builtin value: of the object itself, or of its base
        self.kind: Kind = PLAIN
        self.problem = ""
        self.created = False
        self.busy = False  # getting its attributes
        self.stands_in = False
        self.base: Any = None  # a type
        self.cls: Any = info.cls if info is not None else object
        self.items: Items | None = None
        self.values: list[Any] | None = None

    def hold(self, base: type) -> None:
        """The node is a container: find its items."""
        self.base = base
        if self.info is None and self.cls is object:
            self.cls = base
        split = self.content[0] == SPLIT
        values = None if split else self.content[1:]
        count = self.content[2] if split else run_length(self.content[1:])
        self.items = Items(self.heap, self.id, count if isinstance(count, int) else 0, values)
        if self.items.count <= FILL_LIMIT:
            self.values = self.items.fetch(0, self.items.count) if split else expand(self.content[1:])
            if base is dict and len(self.values) % 2:
                self.values.pop()

    @property
    def attributes(self) -> Any:
        """The raw instance dict of an OBJECT: nil, a map or a reference."""
        return self.record[3] if self.record[0] == OBJECT and len(self.record) > 3 else None

    def attribute_pairs(self) -> list[tuple[Any, Any]]:
        """The instance dict's names and raw values when they stand in the record itself."""
        raw = self.attributes
        return list(raw.items()) if isinstance(raw, dict) else list(raw) if isinstance(raw, Pairs) else []

    def carried(self) -> Any:
        """A builtin value that the record tells of an object of another type (the children of an Element), or a very
        long text that is not loaded.
        """
        if not isinstance(self.content, list) or not self.content:
            return None
        if is_text(self.content):
            return text_of(self.heap.file, self.id, self.content)
        if self.base is not None:
            return None
        split = is_split(self.content, CONTAINERS)
        base = base_of_code(self.content[1] if split else self.content[0])
        if base not in OF_BASE or issubclass(self.cls, base):
            return None
        inner = Node(self.heap, self.id, self.record, None, self.content)
        inner.hold(base)
        return OF_BASE[base].lazy(inner)

    def unvouched(self) -> dict[int, Any]:
        """Raw words of an unknown C struct that look like pointers to objects, by their offset in it."""
        pointers = self.record[5] if self.record[0] == OBJECT and len(self.record) > 5 else None
        pairs = zip(pointers[::2], pointers[1::2]) if isinstance(pointers, list) else ()
        return {offset: raw for offset, raw in pairs if isinstance(offset, int)}

    def fields(self) -> dict[str, Any]:
        """Raw `__slots__` and C fields by name, unset ones left out."""
        if self.record[0] == MAPPED:
            found = self.record[2] if len(self.record) > 2 else None
            return {str(name): raw for name, raw in found.items()} if isinstance(found, dict) else {}
        values = self.record[4] if len(self.record) > 4 else None
        named = zip(self.info.fields, values) if self.info is not None and isinstance(values, list) else ()
        found = {name: raw for name, raw in named if raw is not _pyheapdump.ABSENT}
        if isinstance(self.content, list) and len(self.content) == 3 and self.content[0] == MAPPED:
            found.update(self.content[2] if isinstance(self.content[2], dict) else {})
        return self.kind.fields(self, found)


class Kind:
    """The steps of making an object; the defaults are those of an instance without parts."""

    consumed: frozenset[str] = frozenset()  # fields that make() uses up, not to be shown again as attributes
    makes_value = False  # a builtin value of another type than a container's

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        """The raw fields of an object by the names that they are to have."""
        return found

    def content(self, node: Node) -> Any:
        """What a stand-in shows as its `content`; None when it has none."""
        return node.carried()

    def text(self, heap: Heap, instance: Any) -> str | None:
        """What a repr says first of an instance, where its builtin base does not tell its value."""
        return None

    def cost(self, node: Node) -> int:
        """How many values of the closure's budget it takes."""
        return 0

    def always_lazy(self, node: Node) -> bool:
        return False

    def parts(self, node: Node) -> Iterable[Any]:
        return ()

    def before(self, node: Node) -> Iterable[Any]:
        return ()

    def create(self, node: Node) -> Any:
        raise NotImplementedError

    def fill(self, node: Node, made: Any) -> None:
        """Nothing to add: attributes come when they are looked at."""

    def lazy(self, node: Node) -> Any:
        """A stand-in of the same name, whose fields are its attributes."""
        assert node.info is not None
        node.kind = PLAIN
        return stand_in(node)


def stand_in(node: Node) -> Any:
    """An instance of the synthetic class; of a twin where the class is real, cannot be instantiated so, or would pass
    for a value of its builtin base that it has not."""
    assert node.info is not None
    node.stands_in = True
    if not node.info.real and not issubclass(node.info.cls, VALUES):
        cls: Any = node.info.cls
        try:
            made = cls.__new__(cls)
        except TypeError:  # a builtin base that wants arguments
            pass
        else:
            if isinstance(made, ModuleType):
                ModuleType.__init__(made, "module")  # gives it a dict in 3.9
            return made
    node.info = node.heap.classes.shadow(node.info)
    node.cls = node.info.cls
    return object.__new__(node.info.cls)


class Doubtful(Kind):
    """An instance whose C code keeps more than the builtin value: the value may not be what the program sees."""

    def create(self, node: Node) -> Any:
        return stand_in(node)

    def lazy(self, node: Node) -> Any:
        return stand_in(node)

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        assert node.info is not None
        special = node.heap.special_kind(node.info)
        consumed = special.consumed if special is not None else frozenset()
        return {name: raw for name, raw in found.items() if name not in consumed}

    def content(self, node: Node) -> Any:
        """What the builtin base tells."""
        found = node.carried()
        if found is not None or not isinstance(node.content, list):
            return found
        if is_split(node.content, (5, 6, 7)):
            return text_of(node.heap.file, node.id, node.content)
        found = leaf_value(node.content)
        return None if found is ABSENT else found

    def text(self, heap: Heap, instance: Any) -> str | None:
        return f"value not known: its C code keeps {info_of(type(instance)).beside} bytes beside the builtin value"


class Plain(Kind):
    """An instance of a class written in Python, or of a C type that we know nothing of."""

    def create(self, node: Node) -> Any:
        return object() if node.cls is object else stand_in(node)


class Scalar(Kind):
    """An instance of a subclass of int, float, complex, str, bytes or bytearray."""

    def create(self, node: Node) -> Any:
        value = leaf_value(node.content)
        if value is ABSENT:
            value = text_of(node.heap.file, node.id, node.content)
        if isinstance(value, (LongText, Missing)):
            raise ValueError("a text that is not loaded")
        made = node.base.__new__(node.cls, value)
        if node.base is bytearray:
            bytearray.extend(made, value)
        return made


class Container(Kind):
    """What the builtin containers have in common."""

    def cost(self, node: Node) -> int:
        return len(node.values or ())

    def always_lazy(self, node: Node) -> bool:
        return node.values is None

    def parts(self, node: Node) -> Iterable[Any]:
        return node.values or ()

    def lazy(self, node: Node) -> Any:
        assert node.items is not None
        return make_lazy(LAZY[node.base] if node.info is None else node.cls, node.base, node.items)

    def never_filled(self, node: Node) -> Any:
        """The lazy form, for keys that cannot be told apart by hashing."""
        made = self.lazy(node)
        unloaded = unloaded_of(made)
        assert unloaded is not None
        unloaded.keep = True
        return made


class ListKind(Container):
    def create(self, node: Node) -> Any:
        return list.__new__(node.cls)

    def fill(self, node: Node, made: Any) -> None:
        list.__init__(made, node.heap.parts(node.values or ()))


class TupleKind(Container):
    """Tuples and frozensets: whole from the beginning."""

    def before(self, node: Node) -> Iterable[Any]:
        return node.values or ()

    def create(self, node: Node) -> Any:
        values = node.heap.parts(node.values or ())
        if node.base is frozenset and not distinct(values):
            return self.never_filled(node)
        return node.base.__new__(node.cls, values)


class SetKind(Container):
    def before(self, node: Node) -> Iterable[Any]:
        return node.values or ()

    def create(self, node: Node) -> Any:
        values = node.heap.parts(node.values or ())
        if not distinct(values):
            return self.never_filled(node)
        made: Any = set.__new__(node.cls)
        set.update(made, values)
        return made


class DictKind(Container):
    """A dict gets its keys at once, which decides whether it can be a real one, and its values later."""

    def before(self, node: Node) -> Iterable[Any]:
        return (node.values or ())[::2]

    def create(self, node: Node) -> Any:
        keys = node.heap.parts((node.values or ())[::2])
        if not distinct(keys):
            return self.never_filled(node)
        made: Any = dict.__new__(node.cls)
        for key in keys:
            dict.__setitem__(made, key, None)
        use_own_builtins(made)  # before any function or frame takes the dict for its globals
        return made

    def fill(self, node: Node, made: Any) -> None:
        if unloaded_of(made) is not None:
            return
        assert node.values is not None
        for key, raw in zip(list(dict.__iter__(made)), node.values[1::2]):
            dict.__setitem__(made, key, node.heap.part(raw))
        use_own_builtins(made)


class FrozenDictKind(DictKind):
    """A frozendict, where this Python has the type (3.15): whole from the beginning; a LazyDict when it is long."""

    def before(self, node: Node) -> Iterable[Any]:
        return node.values or ()

    def create(self, node: Node) -> Any:
        values = node.heap.parts(node.values or ())
        if not distinct(values[::2]):
            return self.lazy(node)
        frozen_dict: Any = FROZEN_DICT
        return frozen_dict.__new__(node.cls, zip(values[::2], values[1::2]))

    def fill(self, node: Node, made: Any) -> None:
        """Nothing to add."""

    def lazy(self, node: Node) -> Any:
        assert node.items is not None
        return make_lazy(LAZY[dict], dict, node.items)


class ExceptionKind(Kind):
    """Exceptions are real ones: of the builtin class, or of a synthetic class that derives from it.

    They lack two members that Python's traceback acts upon when it looks for what was meant
    (Lib/traceback.py, _compute_suggestion_error and _find_keyword_typos): with `name_from` (3.12+) it imports the
    module that an ImportError names, with `_metadata` (3.14+) it opens the file that a SyntaxError names.
    """

    consumed = frozenset(
        {
            "args",
            "__cause__",
            "__context__",
            "__suppress_context__",
            "__traceback__",
            "name_from",
            "_metadata",
        }
    )

    def is_group(self, node: Node) -> bool:
        return any(base.__name__ == "BaseExceptionGroup" and base.__module__ == "builtins" for base in node.cls.__mro__)

    def parts(self, node: Node) -> Iterator[Any]:
        yield from node.fields().values()
        yield node.attributes
        yield from (raw for _, raw in node.attribute_pairs())

    def before(self, node: Node) -> Iterable[Any]:
        """A group is made with its exceptions: their tuple, and what is in it."""
        if not self.is_group(node):
            return
        raw = node.fields().get("exceptions")
        yield raw
        record = node.heap.record(raw.id) if type(raw) is Ref else None
        if record and record[0] in CONTAINERS and run_length(record) <= FILL_LIMIT:
            yield from expand(record[1:])

    def create(self, node: Node) -> Any:
        if node.info is not None and node.info.real and node.id in node.heap.told_texts:
            node.info = node.heap.classes.variant(node.info)
            node.cls = node.info.cls
        if not self.is_group(node):
            return node.cls.__new__(node.cls)
        fields = node.fields()
        message = node.heap.part(fields.get("message"))
        members = node.heap.part(fields.get("exceptions"))
        # A group takes exceptions only, and at least one: what is missing shows as an exception that says so.
        found = list(members) if isinstance(members, tuple) else [members]
        found = [one if isinstance(one, BaseException) else RuntimeError(repr(one)) for one in found]
        return node.cls.__new__(node.cls, message if isinstance(message, str) else repr(message), found)

    def fill(self, node: Node, made: BaseException) -> None:
        heap, fields = node.heap, node.fields()
        arguments = heap.part(fields.get("args"))
        if isinstance(arguments, (tuple, Missing)):
            made.args = tuple(iter(arguments)) if isinstance(arguments, tuple) else (arguments,)
        for name, kind in (
            ("__cause__", BaseException),
            ("__context__", BaseException),
            ("__traceback__", TracebackType),
        ):
            value = heap.part(fields.get(name))
            if isinstance(value, kind):
                BaseException.__setattr__(made, name, value)
        made.__suppress_context__ = fields.get("__suppress_context__") is True
        assert node.info is not None
        if not node.info.real:
            self.set_members(node, made, fields, elsewhere=None)
            return  # its attributes come when they are looked at
        extra = made.__dict__
        self.set_members(node, made, fields, elsewhere=extra)
        raw = node.attributes
        found = heap.part(raw) if type(raw) is Ref else None
        pairs = list(found.items()) if isinstance(found, dict) else []
        pairs += [(heap.part(name), heap.part(value)) for name, value in node.attribute_pairs()]
        extra.update((name, value) for name, value in pairs if isinstance(name, str))

    def set_members(
        self, node: Node, made: BaseException, fields: dict[str, Any], elsewhere: dict[str, Any] | None
    ) -> None:
        """The C members of the builtin exception: errno, name, start and so on."""
        for name, raw in fields.items():
            if name in self.consumed:
                continue
            value = node.heap.part(raw)
            if value is None and getattr(made, name, ABSENT) is None:
                continue  # a pointer that is NULL also reads as None, and str() tells the two apart
            if not can_be_member(made, name, value):
                continue
            try:
                BaseException.__setattr__(made, name, value)
            except (AttributeError, TypeError, ValueError):
                if elsewhere is not None and not hasattr(type(made), name):
                    elsewhere[name] = value


# What C code takes for granted about members of exceptions when it makes their texts (Objects/exceptions.c).
TRUSTED: tuple[tuple[type[BaseException], dict[str, type]], ...] = (
    (UnicodeDecodeError, {"encoding": str, "object": bytes, "start": int, "end": int, "reason": str}),
    (UnicodeEncodeError, {"encoding": str, "object": str, "start": int, "end": int, "reason": str}),
    (UnicodeTranslateError, {"object": str, "start": int, "end": int, "reason": str}),
    (SyntaxError, {"lineno": int, "offset": int, "end_lineno": int, "end_offset": int}),
)
MAX_POSITION = 1 << 31


def can_be_member(made: BaseException, name: str, value: Any) -> bool:
    """May this be a member of the exception? Where C code would believe what is not so, it may not."""
    for kind, members in TRUSTED:
        if isinstance(made, kind) and name in members and not (kind is SyntaxError and value is None):
            if not isinstance(value, members[name]) or isinstance(value, LongText):
                return False
            return not isinstance(value, int) or -1 <= value < MAX_POSITION
    return True


PLAIN = Plain()
DOUBTFUL = Doubtful()
SCALAR = Scalar()
EXCEPTION = ExceptionKind()
OF_FROZEN_DICT = FrozenDictKind()
OF_BASE: dict[type, Container] = {
    tuple: TupleKind(),
    frozenset: TupleKind(),
    list: ListKind(),
    set: SetKind(),
    dict: DictKind(),
}

# --- which kind ---------------------------------------------------------------------------------------------------


def leaf_value(record: list[Any]) -> Any:
    """The object of a record without parts; ABSENT when it is none."""
    code: Any = record[0] if record else None
    if code in SCALARS and len(record) == 2:
        value = record[1]
        if code == 7 and isinstance(value, bytes):
            return bytearray(value)
        if type(value) is BASE_OF_CODE[code]:
            return value
        return Missing(f"a damaged record of kind {code}")
    if code == BROKEN:
        return Missing(str(record[1]) if len(record) > 1 else "could not be read")
    if code == SINGLETON and len(record) == 2 and isinstance(record[1], str):
        return SINGLETONS.get(record[1], Missing(f"the object {record[1]}, which this Python does not have"))
    return ABSENT


def choose(heap: Heap, rid: int, record: list[Any]) -> Node:
    """The node of a record that is no leaf. What needs no node (types, frames, long texts) is remembered at once."""
    code: Any = record[0] if record else None
    node = Node(heap, rid, record, None, record)
    if code in CONTAINERS or (code == SPLIT and is_split(record, CONTAINERS)):
        use_container(node, BASE_OF_CODE[record[1] if code == SPLIT else code])
    elif is_text(record):
        heap.remember(rid, text_of(heap.file, rid, record))
    elif code == TYPE:
        heap.remember(rid, heap.classes.info(rid).cls)
    elif code == FRAME:
        heap.remember(rid, heap.stacks.frame(rid))
    elif code in (OBJECT, MAPPED) and len(record) > 1 and type(record[1]) is Ref:
        return object_node(heap, rid, record)
    else:
        heap.remember(rid, Missing(f"a record of unknown kind {code!r}"[:100]))
    return node


def is_split(record: list[Any], codes: Iterable[int]) -> bool:
    return len(record) == 3 and record[1] in codes and isinstance(record[2], int)


def is_text(record: list[Any]) -> bool:
    """Is it the record of a str, bytes or bytearray whose content stands elsewhere?"""
    split = record[0] == SPLIT and 3 <= len(record) <= 5
    return (split or (record[0] == SHARED and len(record) > 3)) and record[1] in (5, 6, 7) and type(record[2]) is int


def items_of(heap: Heap, rid: int, record: list[Any]) -> Items:
    """The values of a builtin container, whose record (or that within its object's) is given."""
    if is_split(record, CONTAINERS):
        return Items(heap, rid, record[2], None)
    values = record[1:] if record[0] in CONTAINERS else []
    return Items(heap, rid, run_length(values), values)


def use_container(node: Node, base: type) -> None:
    node.hold(base)
    node.kind = OF_BASE[base]


def object_node(heap: Heap, rid: int, record: list[Any]) -> Node:
    """The node of an OBJECT or MAPPED record."""
    info = heap.classes.info(record[1].id)
    content = record[2] if record[0] == OBJECT and len(record) > 2 and isinstance(record[2], list) else None
    node = Node(heap, rid, record, info, content)
    if record[0] == MAPPED:
        made = heap.stacks.mapped(rid, node)
        if made is not None:
            heap.remember(rid, made)
            return node
    special = heap.special_kind(info)
    if issubclass(info.cls, BaseException):
        node.kind = EXCEPTION
    elif info.beside and (content if special is None else special.makes_value):
        node.kind = DOUBTFUL
    elif special is not None:
        node.kind = special
    elif content:
        use_content(node, info)
    return node


def use_content(node: Node, info: ClassInfo) -> None:
    """The object carries a builtin value: make it an instance of a subclass of that builtin."""
    code = node.content[0]
    if is_text(node.content) or (code == SPLIT and is_split(node.content, range(17))):
        code = node.content[1]
    base = base_of_code(code)
    exact = EXACT_DICTS.get((info.cls.__module__, info.cls.__qualname__))
    if exact is not None and base is dict and not node.attribute_pairs():
        node.cls, node.info = exact, None
        use_container(node, dict)
        return
    if base is dict and FROZEN_DICT is not None and issubclass(info.cls, FROZEN_DICT):
        node.hold(dict)
        node.kind = OF_FROZEN_DICT
        return
    if base is None or not issubclass(info.cls, base) or (info.real and info.cls is not base):
        return
    if base in OF_BASE:
        use_container(node, base)
    elif len(node.content) == 2 or is_text(node.content):
        node.base = base
        node.kind = SCALAR
