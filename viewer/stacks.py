# SPDX-License-Identifier: Apache-2.0
"""Frames, code objects and tracebacks of the dump, as real ones.

Frames hang together by `back`, tracebacks by `tb_next`; both chains may be as long as the dumped program's recursion
was deep, so they are made in loops, never by recursion. A frame's locals are a `FrameLocals`: they are fetched when
somebody looks. Its globals are the dumped module's dict, lazy as well; before the first name is looked up they are
filled, because evaluated code reads a globals dict's storage directly.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import ABSENT, Ref

from .containers import fill, unloaded_of
from .display import bounded_repr
from .frames import make_code, make_frame, make_traceback
from .missing import Missing

if TYPE_CHECKING:
    from .heap import Heap
    from .kinds import Node

FRAME, MAPPED = 14, 17
MAX_CHAIN = 200_000  # frames or traceback entries in one chain


class FrameLocals(MutableMapping):  # type: ignore[type-arg]
    """The locals of one frame by name: arguments, variables, and the contents of cells and free variables.

    Values come from the dump when asked for. Assigning in the debugger changes this mapping alone. The code's own
    names cannot be deleted: up to 3.12 reading `f_locals` tries to delete all variables that the (never executed)
    frame has not bound.
    """

    def __init__(self, heap: Heap, raw: dict[str, Any], space: Any, code: CodeType) -> None:
        self._heap = heap
        self._raw = dict(raw)
        self._made: dict[str, Any] = {}
        self._space = space
        self._own = {*raw, *code.co_varnames, *code.co_cellvars, *code.co_freevars}

    def __getitem__(self, name: str) -> Any:
        ready(self._space)
        if name not in self._made:
            self._made[name] = self._heap.value(self._raw[name])
        return self._made[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._raw[name] = None
        self._made[name] = value

    def __delitem__(self, name: str) -> None:
        if name in self._own:
            raise KeyError(name)
        del self._raw[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._raw))

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __repr__(self) -> str:
        return bounded_repr(dict(self))

    def copy(self) -> dict[str, Any]:
        return dict(self)


def ready(space: Any) -> None:
    """Fill a frame's globals, whatever their size: evaluated code reads their storage."""
    unloaded = unloaded_of(space) if isinstance(space, dict) else None
    if unloaded is not None:
        fill(space, unloaded)


class Stacks:
    """Makes the frames, code objects and tracebacks of one heap."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self._frames: dict[int, FrameType] = {}
        self._codes: dict[int, CodeType] = {}
        self._tracebacks: dict[int, TracebackType] = {}

    def mapped(self, rid: int, node: Node) -> Any:
        """The code object or traceback of a MAPPED record; None when it describes something else."""
        name = node.info.map.get("name") if node.info is not None else None
        described = self._map(rid, MAPPED)
        if name == "code" and "co_name" in described:
            return self.code(Ref(rid))
        if name == "traceback" and "tb_frame" in described:
            return self.traceback(rid)
        return None

    def _map(self, rid: int, code: int) -> dict[str, Any]:
        """The map of a FRAME or MAPPED record; empty for any other."""
        record = self.heap.record(rid)
        position = 1 if code == FRAME else 2
        found = record[position] if record and record[0] == code and len(record) > position else None
        return found if isinstance(found, dict) else {}

    def _chain(self, rid: int, code: int, link: str, known: Any) -> list[tuple[int, dict[str, Any]]]:
        """Ids and maps from `rid` along `link`, up to what is known or the end; never twice the same."""
        chain: dict[int, dict[str, Any]] = {}
        raw: Any = Ref(rid)
        while type(raw) is Ref and raw.id not in chain and raw.id not in known and len(chain) < MAX_CHAIN:
            described = self._map(raw.id, code)
            if not described:
                break
            chain[raw.id] = described
            raw = described.get(link)
        return list(chain.items())

    # --- frames ---

    def frame(self, rid: int) -> FrameType | Missing:
        """The frame of a FRAME record, with those that called it behind `f_back`."""
        for one, described in reversed(self._chain(rid, FRAME, "back", self._frames)):
            back = described.get("back")
            self._frames[one] = self._make_frame(described, self._frames.get(back.id) if type(back) is Ref else None)
            self.heap.remember(one, self._frames[one])
        return self._frames.get(rid) or Missing("a damaged frame")

    def _make_frame(self, described: dict[str, Any], back: FrameType | None) -> FrameType:
        heap = self.heap
        code = self.code(described.get("code"))
        space = heap.part(described.get("globals"))
        space = space if isinstance(space, dict) else {}
        names = described.get("locals")
        found: Any = FrameLocals(heap, names if isinstance(names, dict) else {}, space, code)
        if "namespace" in described:
            namespace = heap.part(described["namespace"])
            found = namespace if isinstance(namespace, dict) else found
        return make_frame(code, space, found, back, line_of(described, code.co_firstlineno))

    # --- code ---

    def code(self, raw: Any) -> CodeType:
        """The code object behind a raw value; one named "?" when there is none."""
        rid = raw.id if type(raw) is Ref else -1
        if rid not in self._codes:
            self._codes[rid] = make_code(self._map(rid, MAPPED) if rid >= 0 else {})
            if rid >= 0:
                self.heap.remember(rid, self._codes[rid])
        return self._codes[rid]

    # --- tracebacks ---

    def traceback(self, rid: int) -> TracebackType | Missing:
        """The traceback of a MAPPED record, with those further in behind `tb_next`."""
        for one, described in reversed(self._chain(rid, MAPPED, "tb_next", self._tracebacks)):
            raw, link = described.get("tb_frame"), described.get("tb_next")
            frame = self.frame(raw.id) if type(raw) is Ref else None
            further = self._tracebacks.get(link.id) if type(link) is Ref else None
            if isinstance(frame, FrameType):
                self._tracebacks[one] = self._make_traceback(described, frame, further)
                self.heap.remember(one, self._tracebacks[one])
        return self._tracebacks.get(rid) or Missing("a damaged traceback")
