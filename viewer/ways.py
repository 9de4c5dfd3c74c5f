# SPDX-License-Identifier: Apache-2.0
"""How a program gets at an object: an expression from a variable of a frame, `self.pages['/archive']`.

A way is a list of ids, each of an object that refers to the one before (`DumpFile.largest`). It is followed from the
frame nearest to the object, else from sys.modules or what else the dump began with. Each step finds in the record of
one object under which name, key or index it has the next; what is found is written as the program, or pdb, would write
it. Records are read one at a time, and of a container that stands in blocks of its own a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

from pyheapdump._pyheapdump import Pairs, Ref, Run

from .display import bounded_repr
from .dump import ROOTS, Dump
from .items import Items
from .kinds import FRAME, MAPPED, OBJECT, SPLIT, TYPE, items_of
from .stack_text import place
from .text import printable

MAX_STEPS = 20  # of one way that are shown, the nearest to the object
MAX_SEARCHED = 20_000_000  # values of one container that are looked through for an object
SEARCHED_AT_ONCE = 4096
KEY = 60  # characters of a key
TUPLE, LIST, DICT, SET, FROZENSET = range(8, 13)


class Way(NamedTuple):
    """`expression` gives the object in `frame`, a frame of the thread called `thread`; without a frame it begins with
    what it names. `steps_left_out`: the expression begins that many objects later, with `...`."""

    expression: str
    frame: FrameType | None
    thread: str | None
    steps_left_out: int = 0

    @property
    def text(self) -> str:
        """`self.pages in /srv/crawler.py:38 in run, thread MainThread`."""
        words = [self.expression]
        if self.frame is not None:
            words.append(f"in {place(self.frame, self.frame.f_lineno or 0)}")
        return " ".join(words) + ("" if self.thread is None else f", thread {printable(self.thread, 60)}")


class Ways:
    """The ways to objects of one dump. `referrers`: of each object the ids on the way to it, the nearest first."""

    def __init__(self, dump: Dump, referrers: Mapping[int, Sequence[int]]) -> None:
        self._heap = dump.heap
        self._roots = dict(root_names(dump))
        self._threads = {rid: thread for thread in reversed(dump.threads) for rid in thread.frame_ids}
        self._chains = {rid: self._chain([rid, *ids]) for rid, ids in referrers.items()}
        self._wanted: dict[int, set[int]] = {}  # by owner: what is looked for in it
        for chain in self._chains.values():
            for held, owner in zip(chain[:MAX_STEPS], chain[1:]):
                self._wanted.setdefault(owner, set()).add(held)
        self._indexes: dict[int, dict[int, int]] = {}

    def to(self, rid: int) -> Way:
        """The way to one of the objects."""
        chain = self._chains[rid]
        first = chain[-1]
        left_out = max(len(chain) - 1 - MAX_STEPS, 0)
        in_frame = self._code(first) == FRAME
        expression = "..." if left_out else "" if in_frame else self._roots.get(first, "...")
        for owner, held in reversed(list(zip(chain[1 : MAX_STEPS + 1], chain))):
            expression = joined(expression, self._step(owner, held))
        frame = self._heap.get(first) if in_frame else None
        thread = self._threads.get(first)
        return Way(
            printable(expression, 400),
            frame if isinstance(frame, FrameType) else None,
            None if thread is None else thread.name or f"{thread.ident}",
            left_out,
        )

    def _chain(self, ids: list[int]) -> list[int]:
        """The ids up to the first that is a frame, or that the dump began with."""
        for position, rid in enumerate(ids):
            if rid in self._roots or (position and self._code(rid) == FRAME):
                return ids[: position + 1]
        return ids

    def _code(self, rid: int) -> Any:
        record = self._heap.record(rid)
        return record[0] if record else None

    def _step(self, owner: int, held: int) -> str:
        """`.name`, `[key]` ... by which `owner` has the object `held`."""
        return next(self._steps(owner, self._heap.record(owner) or [None], held), ".<?>")

    def _steps(self, owner: int, record: list[Any], held: int) -> Iterator[str]:
        code: Any = record[0]
        if code in range(TUPLE, FROZENSET + 1) or code == SPLIT:
            yield from self._in_container(owner, record, held)
        elif code == OBJECT:
            yield from self._in_object(owner, record + [None] * 6, held)
        elif code == MAPPED and len(record) > 2:
            yield from in_map(record[2], held)
        elif code == TYPE and len(record) > 1:
            yield from in_map(record[1], held, {"dict": ".__dict__", "bases": ".__bases__", "mro": ".__mro__"})
        elif code == FRAME and len(record) > 1:
            yield from in_frame(record[1], held)

    def _in_object(self, owner: int, record: list[Any], held: int) -> Iterator[str]:
        _, cls, base, attributes, fields, pointers, *_ = record
        if isinstance(attributes, (dict, Pairs)):
            pairs = attributes.items() if isinstance(attributes, dict) else attributes
            for name, value in pairs:
                if is_to(value, held):
                    yield attribute(self._heap.leaf(name))
        elif is_to(attributes, held):
            yield ".__dict__"
        names = self._field_names(cls)
        for position, value in enumerate(fields if isinstance(fields, list) else ()):
            if is_to(value, held):
                yield attribute(names[position] if position < len(names) else None)
        if isinstance(base, list) and base:
            yield from self._steps(owner, base, held)
        for offset, value in zip(*[iter(pointers if isinstance(pointers, list) else ())] * 2):
            if is_to(value, held):
                yield f".<word at {offset}, not vouched for>"
        if is_to(cls, held):
            yield ".__class__"

    def _field_names(self, cls: Any) -> list[str]:
        return self._heap.classes.info(cls.id).fields if type(cls) is Ref else []

    def _in_container(self, owner: int, record: list[Any], held: int) -> Iterator[str]:
        items = items_of(self._heap, owner, record)
        if owner not in self._indexes:
            self._indexes[owner] = positions_of(items, self._wanted[owner])
        index = self._indexes[owner].get(held)
        if index is None:
            return
        code = record[1] if record[0] == SPLIT else record[0]
        if code == DICT and index % 2:
            yield f"[{bounded_repr(self._heap.leaf(items.raw(index - 1)), depth=1, total=KEY)}]"
        elif code in (DICT, SET, FROZENSET):
            yield f"<list>[{index // 2 if code == DICT else index}]"
        else:
            yield f"[{index}]"


def root_names(dump: Dump) -> Iterator[tuple[int, str]]:
    """What the dump began with, but for the frames: ids and names."""
    tasks = dump.end.get("tasks")
    for number, raw in enumerate(tasks if isinstance(tasks, list) else ()):
        if type(raw) is Ref:
            yield raw.id, f"<task {number}>"
    for block in dump.file.blocks(ROOTS):
        for name, shown in (("exception", "<exception>"), ("traceback", "<traceback>"), ("modules", "sys.modules")):
            raw = block.get(name) if isinstance(block, dict) else None
            if type(raw) is Ref:
                yield raw.id, shown


def joined(expression: str, step: str) -> str:
    """`a` and `.b`: `a.b`; a variable of a frame without the frame; of an instance dict the attribute."""
    if step.startswith("<list>"):
        return f"list({expression}){step[len('<list>') :]}"
    if expression == "" and step.startswith("."):
        return step[1:]
    name = step[2:-2] if step[:1] == "[" and step[1:2] in "'\"" and step[-2:-1] == step[1:2] else ""
    if name.isidentifier():
        if expression in SPACES:
            return name
        if expression.endswith(".__dict__"):
            return f"{expression[: -len('.__dict__')]}.{name}"
    return expression + step


def attribute(name: Any) -> str:
    """`.name`, of an odd one as text."""
    if isinstance(name, str) and name.isidentifier():
        return f".{name}"
    return f".__dict__[{bounded_repr(name, total=KEY)}]"


def is_to(raw: Any, held: int) -> bool:
    return (type(raw) is Ref and raw.id == held) or (type(raw) is Run and raw.id <= held < raw.id + raw.count)


def in_map(described: Any, held: int, names: dict[str, str] | None = None) -> Iterator[str]:
    """The step to a fact that a record tells by its name."""
    for name, value in described.items() if isinstance(described, dict) else ():
        shown = (names or {}).get(name, f".{name}")
        if is_to(value, held):
            yield shown
        for position, one in enumerate(value if isinstance(value, list) else ()):
            if is_to(one, held):
                yield f"{shown}[{position}]"


FRAME_PARTS = {"globals": ".globals()", "builtins": ".__builtins__", "back": ".f_back", "code": ".f_code"}
SPACES = ("globals()", "locals()")  # dicts of variables


def in_frame(described: Any, held: int) -> Iterator[str]:
    """The step to what a frame has; of a variable the name alone."""
    described = described if isinstance(described, dict) else {}
    for kind in ("locals", "cells"):
        names = described.get(kind)
        for name, value in names.items() if isinstance(names, dict) else ():
            if is_to(value, held):
                yield f".{name}"
    if is_to(described.get("namespace"), held):
        yield ".locals()"
    stack = described.get("stack")
    if any(is_to(value, held) for value in (stack if isinstance(stack, list) else ())):
        yield ".<on the evaluation stack>"
    yield from in_map({name: value for name, value in described.items() if name in FRAME_PARTS}, held, FRAME_PARTS)


def positions_of(items: Items, wanted: set[int]) -> dict[int, int]:
    """The indexes of objects among the values of a container; of those among the first MAX_SEARCHED."""
    found: dict[int, int] = {}
    for start in range(0, min(items.count, MAX_SEARCHED), SEARCHED_AT_ONCE):
        for index, raw in enumerate(items.fetch(start, start + SEARCHED_AT_ONCE), start):
            if type(raw) is Ref and raw.id in wanted:
                found.setdefault(raw.id, index)
        if len(found) == len(wanted):
            break
    return found
