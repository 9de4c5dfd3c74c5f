# SPDX-License-Identifier: Apache-2.0
"""The objects of a dump, made when they are asked for.

`Heap.get(id)` gives the object with an id, `Heap.value(raw)` what a decoded value stands for. Objects are remembered
by id for as long as the heap lives: asked twice it is the same object, shared objects are shared and cycles are
cycles.

One request makes a bounded *closure*. `_plan` walks breadth first from what was asked for and decides for each object
whether it will be made now: until CLOSURE_VALUES values or MAX_DEPTH levels of nesting are used up, containers become
exact builtin ones; what lies beyond becomes a lazy container (containers.py) that starts a closure of its own when
touched. Instances need no part of that budget: they get their attributes when first looked at (`complete`).
`_create` then makes the objects, those that cannot change after those they are made of, and `_fill` puts the contents
into the others. Nothing recurses, so depth does not matter, and nothing of the dump is called. An error while an object
is made costs that object: in its place stands a `NotShown` with the reason.

How each kind of object is made stands in kinds.py; classes in classes.py; frames and tracebacks in stacks.py.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from pyheapdump import _pyheapdump
from pyheapdump._pyheapdump import DumpFile, Ref

from .class_info import ABSENT, ClassInfo
from .classes import Classes, DumpedType
from .containers import distinct
from .inert import INERT
from .kinds import Kind, Node, choose, is_text, leaf_value
from .layouts import LAYOUTS
from .long_text import text_of
from .missing import Address, Missing, NotShown
from .python_values import python_kind
from .sources import Sources
from .stacks import Stacks
from .zones import Zones

CLOSURE_VALUES = 20_000  # values of containers that one request makes
CLOSURE_OBJECTS = 5_000  # objects of any kind that one request makes
MAX_DEPTH = 40  # nesting of exact containers within one closure
MAX_NESTING = 100  # of real objects that are made of one another, of all closures: C code recurses into them

FACTS, TEXTS = 1, 11  # kinds of blocks (docs/format.md, section 2)

NOT_SHOWN = "<attributes>"  # the field that says why an instance lacks some

_NONE_FIELDS: dict[str, Any] = {}


class Heap:
    """All objects of one dump file."""

    def __init__(self, file: DumpFile, sources: Sources) -> None:
        self.file = file
        self.sources = sources
        self.lock = threading.RLock()  # held while objects are made, so that no thread sees one half made
        self.classes = Classes(self)
        self.stacks = Stacks(self)
        self.zones = Zones(self)
        self._memo: dict[int, Any] = {}
        self._ids: dict[int, int] = {}  # id() of a made object → its id in the dump
        self._pending: dict[int, Node] = {}  # id() of an instance → what it has still to get
        self.buffers: dict[int, Any] = {}  # contents that are loaded and shared, by the id of their owner (shared.py)
        self.buffer_bytes = 0  # of all of them
        self.elements: dict[int, Any] = {}  # real arrays of objects, by the id of their owner (numpy_values.py)
        self.windows: dict[int, Any] = {}  # arrays that are not loaded, by their ids (windows.py)
        self._nesting: dict[int, int] = {}  # id of a made object → how deep those that it is made of are nested
        self._fields: dict[int, dict[str, Any]] = {}  # id() of an instance → __slots__ and C fields
        self._unvouched: dict[int, dict[int, Any]] = {}  # id of an instance → offset in its C struct → raw value
        self._tellers: dict[int, Kind] = {}  # id of an instance → what tells its value as text

    @cached_property
    def python(self) -> tuple[int, int]:
        """The version of the Python that was dumped; (0, 0) when the dump does not say."""
        for facts in self.file.blocks(FACTS):
            version = facts.get("python") if isinstance(facts, dict) else None
            if isinstance(version, list) and len(version) >= 2 and all(type(part) is int for part in version[:2]):
                return version[0], version[1]
        return 0, 0

    @cached_property
    def told_texts(self) -> dict[int, str]:
        """Texts of exceptions that the program itself made for the dump, by id."""
        blocks = [block for block in self.file.blocks(TEXTS) if isinstance(block, dict)]
        rows = [row for block in blocks for row in block.get("texts", ()) if isinstance(row, list) and len(row) == 2]
        return {raw.id: text for raw, text in rows if type(raw) is Ref and isinstance(text, str)}

    # --- asking ---

    def get(self, rid: int) -> Any:
        """The object with id `rid`; a `Missing` when it is not in the file."""
        with self.lock:
            if rid not in self._memo:
                self._make([rid])
            return self._memo[rid]

    def value(self, raw: Any) -> Any:
        """What the decoded value `raw` stands for."""
        return self.get(raw.id) if type(raw) is Ref else plain(raw, self.value)

    def values(self, raws: Sequence[Any]) -> list[Any]:
        """`value` of each; what has to be made is made in one go."""
        with self.lock:
            wanted = [raw.id for raw in raws if type(raw) is Ref and raw.id not in self._memo]
            if wanted:
                self._make(wanted)
            return [self.value(raw) for raw in raws]

    def leaf(self, raw: Any) -> Any:
        """`value`, but a str, int or the like is not remembered: for walks over very many."""
        if type(raw) is Ref and raw.id not in self._memo:
            record = self.record(raw.id)
            found = ABSENT if record is None else leaf_value(record)
            if found is not ABSENT:
                return found
        return self.value(raw)

    def record(self, rid: int) -> list[Any] | None:
        """The decoded record of an id, None when it is not in the file."""
        try:
            found: list[Any] = self.file.record(rid)
        except KeyError:
            return None
        return found

    def id_of(self, value: Any) -> int | None:
        """The id in the dump of an object made by this heap."""
        return self._ids.get(id(value))

    def address_of(self, value: Any) -> int | None:
        """Where an object made by this heap lay in the dumped process."""
        rid = self._ids.get(id(value))
        return None if rid is None else self.file.address(rid)

    # --- instances ---

    def complete(self, instance: Any) -> None:
        """Give an instance its attributes, if it has not got them yet."""
        if id(instance) not in self._pending:
            return
        with self.lock:
            node = self._pending.get(id(instance))
            if node is None or node.busy:
                return
            node.busy = True
            try:
                self._complete(instance, node)
            except Exception as problem:  # noqa: BLE001 - its other attributes stay, the reason is among them
                self._fields.setdefault(id(instance), {})[NOT_SHOWN] = NotShown(problem)
            finally:
                del self._pending[id(instance)]

    def _complete(self, instance: Any, node: Node) -> None:
        used = () if node.stands_in else node.kind.consumed
        fields = [(name, raw) for name, raw in node.fields().items() if name not in used]
        fields = [(name, content_at(self, node, raw) if name == "content" else raw) for name, raw in fields]
        objects = self.values([raw for _, raw in fields])
        self._fields[id(instance)] = {name: made for (name, _), made in zip(fields, objects)}
        content = node.kind.content(node)
        if content is not None:
            self._fields[id(instance)]["content"] = content
        own = self.own_dict(node)
        if type(own) is dict:
            object.__setattr__(instance, "__dict__", own)
        elif isinstance(own, dict):
            object.__getattribute__(instance, "__dict__").update(namespace(own.items()))
        elif own is not None:
            object.__getattribute__(instance, "__dict__")["__dict__"] = own

    def own_dict(self, node: Node) -> Any:
        """The instance dict, which may be a dict object of the dump or stand in the record; None when there is none."""
        if type(node.attributes) is Ref:
            return self.value(node.attributes)
        pairs = node.attribute_pairs()
        objects = self.values([raw for pair in pairs for raw in pair])
        return namespace(zip(objects[::2], objects[1::2])) if pairs else None

    def fields_of(self, instance: Any) -> dict[str, Any]:
        """The `__slots__` and C fields of an instance, by name."""
        self.complete(instance)
        return self._fields.get(id(instance), _NONE_FIELDS)

    def attributes(self, instance: Any) -> Iterator[tuple[Any, Any]]:
        """Fields, then attributes of an instance of a synthetic class."""
        yield from self.fields_of(instance).items()
        yield from self.own_attributes(instance)

    def own_attributes(self, instance: Any) -> Iterable[tuple[Any, Any]]:
        """The instance dict of an instance of a synthetic class."""
        self.complete(instance)
        return dict.items(object.__getattribute__(instance, "__dict__"))

    def unvouched(self, instance: Any) -> dict[int, Any]:
        """What the words of an instance's unknown C struct may refer to, by their offset in it."""
        found = self._unvouched.get(self._ids.get(id(instance), -1), {})
        return dict(zip(found, self.values(list(found.values()))))

    def unvouched_count(self, instance: Any) -> int:
        return len(self._unvouched.get(self._ids.get(id(instance), -1), ()))

    def text_of(self, instance: Any) -> str | None:
        """What a repr says first of an instance whose builtin base does not tell its value; None for any other."""
        rid = self._ids.get(id(instance))
        kind = None if rid is None else self._tellers.get(rid)
        return None if kind is None else kind.text(self, instance)

    # --- making ---

    def remember(self, rid: int, value: Any) -> None:
        """`value` is the object with this id from now on."""
        if rid not in self._memo:
            self._memo[rid] = value
            self._ids.setdefault(id(value), rid)

    def part(self, raw: Any) -> Any:
        """What `raw` stands for while a closure is made: an object of it, or a lazy one. Makes no other closure."""
        if type(raw) is not Ref:
            return plain(raw, self.part)
        if raw.id not in self._memo:
            node = self.read(raw.id)
            if node is not None:
                self._postpone(node)
        return self._memo[raw.id]

    def parts(self, raws: Iterable[Any]) -> list[Any]:
        return [self.part(raw) for raw in raws]

    def read(self, rid: int) -> Node | None:
        """What is to be made of a record; None when it was made at once because it has no parts."""
        try:
            record = self.file.record(rid)
        except KeyError as why:
            self.remember(rid, Missing(str(why.args[0]) if why.args else "not in the dump"))
            return None
        found = leaf_value(record)
        if found is not ABSENT:
            self._memo[rid] = found
            return None
        try:
            node = choose(self, rid, record)
        except Exception as problem:  # noqa: BLE001 - a record that makes no sense, or an error of ours
            self.remember(rid, NotShown(problem))
        return None if rid in self._memo else node

    @staticmethod
    def special_kind(info: ClassInfo) -> Kind | None:
        """The kind told by the layout of a C type, or by the name of a class of the standard library."""
        return INERT.get(info.layout) or LAYOUTS.get(info.layout) or (python_kind(info.map) if info.real else None)

    def _make(self, wanted: Iterable[int]) -> None:
        plan = self._plan(wanted)
        self._create(plan)
        made = [node for node in plan.values() if node.created]
        for node in sorted(made, key=lambda node: node.base is None):  # containers first: others copy from them
            self._fill(node)

    def _plan(self, wanted: Iterable[int]) -> dict[int, Node]:
        plan: dict[int, Node] = {}
        queue = deque((rid, 0) for rid in wanted)
        values_left = CLOSURE_VALUES
        while queue:
            rid, depth = queue.popleft()
            if rid in self._memo or rid in plan:
                continue
            node = self.read(rid)
            if node is None:
                continue
            try:
                cost = node.kind.cost(node)
                parts = [raw.id for raw in node.kind.parts(node) if type(raw) is Ref]
            except Exception:  # noqa: BLE001 - it gets its contents when looked at, or a reason why not
                self._postpone(node)
                continue
            too_deep = cost and parts and depth >= MAX_DEPTH
            if too_deep or cost > values_left or node.kind.always_lazy(node) or len(plan) >= CLOSURE_OBJECTS:
                self._postpone(node)
                continue
            values_left -= cost
            plan[rid] = node
            queue.extend((part, depth + 1) for part in parts)
        return plan

    def _create(self, plan: dict[int, Node]) -> None:
        """Make the objects of a plan, each after those it needs to exist: depth first, with a stack of our own."""
        started: set[int] = set()
        for first in plan.values():
            stack = [first]
            while stack:
                node = stack[-1]
                if node.id in self._memo:
                    stack.pop()
                elif node.id in started:
                    stack.pop()
                    self._create_one(node)
                else:
                    started.add(node.id)
                    for raw in self._needed(node):
                        needed = plan.get(raw.id) if type(raw) is Ref and raw.id not in self._memo else None
                        if needed is None:
                            continue
                        if needed.id in started:  # a cycle among objects that cannot be changed once made
                            self._postpone(needed)
                        else:
                            stack.append(needed)

    @staticmethod
    def _needed(node: Node) -> list[Any]:
        """What must exist before an object is made; when that cannot be told, making it will say why."""
        try:
            return list(node.kind.before(node))
        except Exception:  # noqa: BLE001
            return []

    def _create_one(self, node: Node) -> None:
        nesting = 1 + max((self._nesting.get(raw.id, 0) for raw in self._needed(node) if type(raw) is Ref), default=-1)
        if nesting > MAX_NESTING:
            self._postpone(node)
            return
        try:
            made = node.kind.create(node)
        except Exception as problem:  # noqa: BLE001 - contents that the type itself refuses: show what there is
            node.problem = f"{type(problem).__name__}: {problem}"
            self._postpone(node)
            return
        node.created = True
        self.remember(node.id, made)
        if nesting:
            self._nesting[node.id] = nesting
        self._adopt(node, made)

    def _postpone(self, node: Node) -> None:
        """Make a node's object without anything else: lazy, or a stand-in that gets its contents when looked at."""
        try:
            made = node.kind.lazy(node)
        except Exception as problem:  # noqa: BLE001 - a type that contradicts its instances
            made = NotShown(problem)
        self.remember(node.id, made)
        self._adopt(node, made)

    def _adopt(self, node: Node, made: Any) -> None:
        if isinstance(type(made), DumpedType) and node.info is not None:
            self._pending[id(made)] = node
            if node.unvouched():
                self._unvouched[node.id] = node.unvouched()
            if type(node.kind).text is not Kind.text:
                self._tellers[node.id] = node.kind

    def _fill(self, node: Node) -> None:
        made = self._memo[node.id]
        try:
            node.kind.fill(node, made)
        except Exception as problem:  # noqa: BLE001 - as above; what was filled so far stays
            node.problem = f"{type(problem).__name__}: {problem}"


def namespace(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """An instance dict of the pairs whose key can be one: any str, and what is hashed without running into depth."""
    found = list(pairs)
    others = [name for name, _ in found if not isinstance(name, str)]
    if others and not distinct(others):
        others = [name for name in others[:MAX_DEPTH] if distinct([name])]
    kept = set(map(id, others))
    return {name: value for name, value in found if isinstance(name, str) or id(name) in kept}


def content_at(heap: Heap, node: Node, raw: Any) -> Any:
    """The raw field `content`: bytes, which may stand in blocks of their own."""
    return text_of(heap.file, node.id, raw) if isinstance(raw, list) and raw and is_text(raw) else raw


def plain(raw: Any, inner: Callable[[Any], Any]) -> Any:
    """What a decoded value stands for that is no reference; `inner` is asked for what is in an array or map.

    Arrays and maps are no values, but the base of some C types has them (an array's shape). A record cannot nest deep.
    """
    kind = type(raw)
    if kind is _pyheapdump.Missing:
        return Missing(raw.reason, raw.address)
    if kind is _pyheapdump.Address:
        return Address(raw.address)
    if raw is _pyheapdump.ABSENT:
        return Missing("never set")
    if kind is list:
        return tuple(inner(item) for item in raw)
    if isinstance(raw, (dict, list)):
        return Missing("a map where a value should be")
    return raw
