# SPDX-License-Identifier: Apache-2.0
"""Frames, code objects and tracebacks of the dump, as real ones.

Frames hang together by `back`, tracebacks by `tb_next`; both chains may be as long as the dumped program's recursion
was deep, so they are made in loops, never by recursion. A frame's locals are a `FrameLocals`: they are fetched when
somebody looks. Its globals are the dumped module's dict, lazy as well; before the first name is looked up they are
filled, because evaluated code reads a globals dict's storage directly.

A code object of the dump becomes two: the one that frames have has instructions for the places that are asked for and
takes any locals (frames.py); the one that functions have describes the function in full and raises an error when
executed (inert_code.py). The file that a code object names is first made known to `Sources`, so that nobody who looks
for its source reads it from the disk.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, MutableMapping, Sequence
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .constants import Constants
from .containers import FILL_LIMIT, fill, unloaded_of
from .display import bounded_repr
from .frames import NO_ARGUMENTS, Arguments, MeasuredCode, Position, make_frame
from .inert_code import inert_code
from .missing import Missing
from .text import file_name, name_of

if TYPE_CHECKING:
    from .heap import Heap
    from .kinds import Node

OBJECT, DICT, FRAME, SPLIT, MAPPED = 1, 10, 14, 16, 17
MAX_CHAIN = 200_000  # frames or traceback entries in one chain
MAX_NESTED_CODE = 20  # code objects within the constants of others


class FrameLocals(MutableMapping):  # type: ignore[type-arg]
    """The locals of one frame by name: arguments, variables, and the contents of cells and free variables.

    Values come from the dump when asked for. Assigning in the debugger changes this mapping alone. The code's own
    names cannot be deleted: up to 3.12 reading `f_locals` tries to delete all variables that the (never executed)
    frame has not bound.
    """

    def __init__(self, heap: Heap, raw: dict[str, Any], space: Any, names: Sequence[str]) -> None:
        self._heap = heap
        self._raw = dict(raw)
        self._made: dict[str, Any] = {}
        self._space = space
        self._own = {*raw, *names}

    def __getitem__(self, name: str) -> Any:
        ready(self._space)
        if name not in self._made:
            self._made[name] = self._heap.value(self._raw[name])
        return self._made[name]

    def fetch(self, names: list[str]) -> list[Any]:
        """The values of these names, which it has; what has to be made is made in one go."""
        ready(self._space)
        wanted = [name for name in names if name not in self._made]
        self._made.update(zip(wanted, self._heap.values([self._raw[name] for name in wanted])))
        return [self._made[name] for name in names]

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


class BodyLocals(MutableMapping):  # type: ignore[type-arg]
    """The locals of the body of a class or module that has some which are not in its namespace: free variables, and
    from 3.12 on the variables of a comprehension that it stands in.

    What is assigned or deleted is changed in the namespace, but for those.
    """

    def __init__(self, own: FrameLocals, namespace: dict[Any, Any]) -> None:
        self._own = own
        self._namespace = namespace

    def _home(self, name: Any) -> Any:
        return self._own if name in self._own else self._namespace

    def __getitem__(self, name: Any) -> Any:
        return self._home(name)[name]

    def __setitem__(self, name: Any, value: Any) -> None:
        self._home(name)[name] = value

    def __delitem__(self, name: Any) -> None:
        del self._home(name)[name]

    def __iter__(self) -> Iterator[Any]:
        yield from self._namespace
        yield from (name for name in self._own if name not in self._namespace)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return bounded_repr(dict(self))

    def copy(self) -> dict[Any, Any]:
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
        self._measured: dict[int, MeasuredCode] = {}  # id of a code object → the one for its frames
        self._code_depth = 0

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
        record = self.heap.record(rid) if rid >= 0 else None
        position = 1 if code == FRAME else 2
        found = record[position] if record and record[0] == code and len(record) > position else None
        return found if isinstance(found, dict) else {}

    def _chain(self, raw: Any, code: int, link: str, known: Any) -> list[tuple[int, dict[str, Any]]]:
        """Ids and maps from `raw` along `link`, up to what is known or the end; never twice the same."""
        chain: dict[int, dict[str, Any]] = {}
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
        for one, described in reversed(self._chain(Ref(rid), FRAME, "back", self._frames)):
            back = described.get("back")
            caller = self._frames.get(back.id) if type(back) is Ref else None
            self._frames[one] = self._make_frame(described, caller)
            self.heap.remember(one, self._frames[one])
        return self._frames.get(rid) or Missing("a damaged frame")

    def _make_frame(self, described: dict[str, Any], back: FrameType | None) -> FrameType:
        heap = self.heap
        measured = self._code_of_frame(described)
        code, here = measured.code, place_of(described)
        space = self._dict(described.get("globals"))
        if space is None:  # not "or {}": asking a lazy dict for its length fetches what leads to this frame
            space = {}
        names = described.get("locals")
        about = CodeMap(self._code_map(described))
        found: Any = FrameLocals(heap, names if isinstance(names, dict) else {}, space, about.variables())
        # A function's own f_locals is a copy of an earlier moment, from when somebody called locals() in it.
        namespace = None if names and about.is_function else self._dict(described.get("namespace"))
        if namespace is not None:
            found = BodyLocals(found, namespace) if names else namespace
        line = here.line or code.co_firstlineno
        made: FrameType = make_frame(code, space, found, back, line, measured.lasti(here))
        return made

    def _dict(self, raw: Any) -> dict[Any, Any] | None:
        """The dict behind a raw value; looks at the record first, as frames may pose as the globals of frames."""
        record = self.heap.record(raw.id) if type(raw) is Ref else None
        if not record or record[0] not in (OBJECT, DICT, SPLIT):
            return None
        found = self.heap.part(raw)
        return found if isinstance(found, dict) else None

    def _code_of_frame(self, described: dict[str, Any]) -> MeasuredCode:
        """The code for all frames of the dumped code object."""
        raw = described.get("code")
        rid = raw.id if type(raw) is Ref else -1
        if rid not in self._measured:
            about = CodeMap(self._map(rid, MAPPED))
            self.heap.sources.meet(about.filename)
            # The body of a class or module has its variables in its namespace, but from 3.12 on also names for those of
            # comprehensions. Up to 3.12 reading f_locals deletes from the namespace what a frame of such code lacks.
            arguments = about.arguments if about.is_function else NO_ARGUMENTS
            self._measured[rid] = MeasuredCode(about.name, about.qualname, about.filename, about.firstlineno, arguments)
        return self._measured[rid]

    def _code_map(self, described: dict[str, Any]) -> dict[str, Any]:
        """The map of a frame's code object."""
        raw = described.get("code")
        return self._map(raw.id, MAPPED) if type(raw) is Ref else {}

    # --- code ---

    def code(self, raw: Any) -> CodeType:
        """The code object behind a raw value; one named "?" when there is none. Executed, it raises an error."""
        rid = raw.id if type(raw) is Ref else -1
        if rid not in self._codes:
            about = CodeMap(self._map(rid, MAPPED))
            self.heap.sources.meet(about.filename)
            plain = MeasuredCode(about.name, about.qualname, about.filename, about.firstlineno, about.arguments, room=0)
            made = plain.code.replace(
                co_cellvars=about.names("co_cellvars"),
                co_freevars=about.names("co_freevars"),
                co_flags=about.flags(plain.code.co_flags),
            )
            raw_constants = about.described.get("co_consts")
            self._codes[rid] = inert_code(made, about.qualname, ())  # for constants that contain the code itself
            self._codes[rid] = inert_code(made, about.qualname, self._constants(raw_constants))
            if rid >= 0:
                self.heap.remember(rid, self._codes[rid])
        return self._codes[rid]

    def _constants(self, raw: Any) -> tuple[Any, ...]:
        """The constants of a code object; none when it is nested too deep in others."""
        if self._code_depth > MAX_NESTED_CODE:
            return ()
        self._code_depth += 1
        try:
            return Constants(self.heap, self._inner_code).of(raw)
        finally:
            self._code_depth -= 1

    def _inner_code(self, rid: int) -> CodeType | Missing:
        """A code object among the constants of another."""
        return self.code(Ref(rid)) if "co_name" in self._map(rid, MAPPED) else Missing("not a constant")

    # --- tracebacks ---

    def traceback(self, rid: int) -> TracebackType | Missing:
        """The traceback of a MAPPED record, with those further in behind `tb_next`."""
        chain = self._chain(Ref(rid), MAPPED, "tb_next", self._tracebacks)
        for one, described in reversed(chain):
            raw, link = described.get("tb_frame"), described.get("tb_next")
            further = self._tracebacks.get(link.id) if type(link) is Ref else None
            frame = self.frame(raw.id) if type(raw) is Ref else None
            if type(raw) is Ref and isinstance(frame, FrameType):
                here = place_of(described)
                measured = self._code_of_frame(self._map(raw.id, FRAME))
                line = here.line or frame.f_code.co_firstlineno
                self._tracebacks[one] = TracebackType(further, frame, measured.lasti(here), line)
                self.heap.remember(one, self._tracebacks[one])
        return self._tracebacks.get(rid) or Missing("a damaged traceback")


def place_of(described: dict[str, Any]) -> Position:
    """The place that a FRAME or traceback map gives; the line alone where there are no columns."""
    raw = described.get("position")
    numbers = [n if type(n) is int and abs(n) < 1 << 31 else None for n in raw] if isinstance(raw, list) else []
    line, end_line, column, end_column = (numbers + [None] * 4)[:4]
    stated = described.get("tb_lineno")
    if line is None and type(stated) is int and 0 < stated < 1 << 31:
        line = stated
    return Position(line, end_line, column, end_column)


class CodeMap:
    """What a code object's map says, made fit for a real code object whatever it holds."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.described = described
        self.name = name_of(described.get("co_name"))
        self.qualname = name_of(described.get("co_qualname"), self.name)
        self.filename = file_name(described.get("co_filename"))
        self.firstlineno = self.number("co_firstlineno")
        self.arguments = Arguments(
            self.number("co_argcount"),
            self.number("co_posonlyargcount"),
            self.number("co_kwonlyargcount"),
            self.names("co_varnames"),
            self.number("co_flags"),
        )

    def number(self, key: str) -> int:
        found = self.described.get(key)
        return found if type(found) is int and 0 <= found < 1 << 31 else 0

    def names(self, key: str) -> tuple[str, ...]:
        found = self.described.get(key)
        names = [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
        return tuple(dict.fromkeys(name_of(name) for name in names[:FILL_LIMIT]))

    @property
    def is_function(self) -> bool:
        """Has the code's frame its variables in slots of its own, not in a namespace?"""
        return "co_flags" not in self.described or bool(self.number("co_flags") & inspect.CO_OPTIMIZED)

    def variables(self) -> list[str]:
        """The names of all local variables, of those in cells too."""
        return [name for key in ("co_varnames", "co_cellvars", "co_freevars") for name in self.names(key)]

    def flags(self, kept: int) -> int:
        """The flags of a code object that is not for a frame."""
        wanted = inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS
        return kept | (self.number("co_flags") & wanted)
