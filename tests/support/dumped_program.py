# SPDX-License-Identifier: Apache-2.0
"""A made-up program for tests of the viewer, written by the reference writer.

    program = DumpedProgram()
    order = program.instance(program.cls("Order", fields=["slot"]), {"id": 17}, [5])
    frame = program.frame(program.code("load", "app.py", 80), {"order": ref(order)}, line=88)
    program.failed_with(program.exception("ValueError", ["no such order"], [(frame, 88)]), [frame])
    with program.load(path) as dump: ...

Every method adds records and returns the id of the object.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .format_writer import DumpBuilder, ref

OBJECT, TUPLE, LIST, DICT, TYPE, FRAME, MAPPED = 1, 8, 9, 10, 13, 14, 17

EXCEPTION_FIELDS = ["args", "__traceback__", "__context__", "__cause__", "__suppress_context__"]


class DumpedProgram:
    """Builds a dump object by object; `dump` is the writer underneath."""

    def __init__(self, **builder_options: Any) -> None:
        self.dump = DumpBuilder(**builder_options)
        self._builtins: Dict[str, int] = {}
        self.object = self.builtin("object")
        self.facts: Dict[str, Any] = {}
        self.roots: Dict[str, Any] = {"exception": None, "traceback": None, "threads": [], "reason": "request"}
        self.end: Dict[str, Any] = {}

    def add(self, *record: Any) -> int:
        return self.dump.add(list(record))

    # --- types ---

    def builtin(self, name: str, module: str = "builtins", layout: Optional[str] = None, **more: Any) -> int:
        """A type of C code."""
        if name not in self._builtins:
            described = {"name": name, "qualname": name, "module": module, "heap": False, **more}
            described["layout"] = name if layout is None else layout
            self._builtins[name] = self.add(TYPE, described)
        return self._builtins[name]

    def cls(
        self,
        called: str,
        bases: Sequence[int] = (),
        namespace: Optional[Dict[str, Any]] = None,
        mro: Optional[Sequence[int]] = None,
        **more: Any,
    ) -> int:
        """A class written in Python; `namespace` is its dict, `mro` what follows itself."""
        bases = list(bases) or [self.object]
        made = self.add(TYPE, {})
        order = list(mro) if mro is not None else [*bases, *([] if self.object in bases else [self.object])]
        flat = [item for pair in (namespace or {}).items() for item in pair]
        described = {
            "name": called,
            "qualname": called,
            "module": "app",
            "heap": True,
            "layout": "object",
            "bases": ref(self.add(TUPLE, *map(ref, bases))),
            "mro": ref(self.add(TUPLE, ref(made), *map(ref, order))),
            "dict": ref(self.add(DICT, *flat)),
            **more,
        }
        self.dump.set(made, [TYPE, described])
        return made

    # --- objects ---

    def instance(
        self, cls: int, attributes: Any = None, fields: Optional[List[Any]] = None, base: Optional[List[Any]] = None
    ) -> int:
        return self.add(OBJECT, ref(cls), base, attributes, fields)

    def special(self, layout: str, fields: Dict[str, Any], base: Any = None, module: str = "builtins") -> int:
        """An instance of the C type `layout`, with these fields."""
        cls = self.builtin(layout.split(".")[-1], module, layout, fields=list(fields))
        return self.add(OBJECT, ref(cls), base, None, list(fields.values()))

    def nested_lists(self, depth: int) -> int:
        """[[[...]]], the outermost one's id."""
        first = self.dump.next_id
        for _ in range(depth - 1):
            self.add(LIST, ref(self.dump.next_id + 1))
        self.add(LIST)
        return first

    # --- frames ---

    def code(self, name: str, filename: str, firstlineno: int = 1, **more: Any) -> int:
        described = {"co_name": name, "co_qualname": name, "co_filename": filename, "co_firstlineno": firstlineno}
        described.update({"co_argcount": 0, "co_flags": 3, "co_varnames": [], "co_cellvars": [], "co_freevars": []})
        described.update(more)
        return self.add(MAPPED, ref(self.builtin("code")), described)

    def frame(
        self,
        code: int,
        names: Dict[str, Any],
        line: int,
        back: Optional[int] = None,
        space: Optional[int] = None,
        **more: Any,
    ) -> int:
        space = self.add(DICT, "__name__", "app") if space is None else space
        described = {
            "code": ref(code),
            "globals": ref(space),
            "locals": names,
            "lasti": 4,
            "position": [line, line, 4, 10],
            "back": None if back is None else ref(back),
            **more,
        }
        return self.add(FRAME, described)

    def traceback(self, steps: Sequence[Tuple[int, int]]) -> int:
        """A traceback through (frame, line), the outermost first."""
        following: Any = None
        for frame, line in reversed(steps):
            described = {
                "tb_next": following,
                "tb_frame": ref(frame),
                "tb_lasti": 8,
                "tb_lineno": line,
                "position": [line, line, 4, 20],
            }
            following = ref(self.add(MAPPED, ref(self.builtin("traceback")), described))
        return self.dump.next_id - 1

    def exception(
        self,
        cls: Any,
        args: Sequence[Any],
        steps: Sequence[Tuple[int, int]] = (),
        attributes: Any = None,
        **links: Any,
    ) -> int:
        """An exception of the builtin class with this name, or of the class with this id."""
        if isinstance(cls, str):
            cls = self.builtin(cls, layout="BaseException", fields=EXCEPTION_FIELDS)
        values = {"args": ref(self.add(TUPLE, *args)), "__suppress_context__": "__cause__" in links}
        values["__traceback__"] = ref(self.traceback(steps)) if steps else None
        values.update({name: ref(target) for name, target in links.items()})
        return self.add(OBJECT, ref(cls), None, attributes, [values.get(name) for name in EXCEPTION_FIELDS])

    # --- the file ---

    def failed_with(self, exception: int, frames: Sequence[int], **thread: Any) -> None:
        """The dump is about this exception; `frames` is the failing thread's stack, innermost first."""
        self.roots.update(exception=ref(exception), reason="exception")
        self.thread(frames, name="MainThread", current=True, **thread)

    def crashed_with(self, frames: Sequence[int], native: Sequence[Any], **signal: Any) -> None:
        """The dump is about a segmentation fault of the thread with the stack `frames`; both innermost first."""
        self.roots.update(reason="signal")
        self.thread(frames, name="MainThread", current=True, holds_gil=True)
        described = {
            "signal": 11,
            "name": "SIGSEGV",
            "code": 1,
            "code_name": "SEGV_MAPERR",
            "address": 16,
            "text": "SIGSEGV: address 0x10 not mapped, in libfoo.so: parse_row+0x1b",
            "thread": 4711,
            "ident": 140_000,
            "gil": "held",
            "python_thread": True,
            "raised_again": False,
            "registers": {"rip": 0x7F0000001139, "rsp": 0x7FFE00000000},
            "threads": [{"thread": 4711, "frames": list(native), "end": "the first function of the thread"}],
            "modules": [
                {"path": "/usr/bin/python3", "start": 1 << 40, "end": (1 << 40) + 4096, "bias": 1 << 40,
                 "build_id": "aa" * 20, "deleted": False},
                {"path": "/srv/libfoo.so", "start": 1 << 41, "end": (1 << 41) + 4096, "bias": 1 << 41,
                 "build_id": "bb" * 20, "deleted": True},
            ],
            **signal,
        }  # fmt: skip
        self.dump.signal({key: value for key, value in described.items() if value is not ...})

    def thread(self, frames: Sequence[int], **described: Any) -> None:
        numbers = {"ident": 140_000 + len(self.roots["threads"]), "native_id": 4711 + len(self.roots["threads"])}
        state = {"current": False, "holds_gil": False, "daemon": False, "exception": None}
        self.roots["threads"].append({**numbers, **state, "frames": [ref(frame) for frame in frames], **described})

    def write(self, path: Path, **how: Any) -> Path:
        self.dump.facts(self.facts)
        self.dump.roots(self.roots)
        self.dump.end(self.end)
        self.dump.write(path, **how)
        return path

    def load(self, path: Path) -> Any:
        """Write the file and open it."""
        from pyheapdump.view import load

        return load(self.write(path))


def failing_program() -> DumpedProgram:
    """A program of two modules and two threads that failed in load() of app.py, with its sources."""
    program = DumpedProgram()
    dump = program.dump
    order_class = program.cls("Order", namespace={"currency": "EUR"}, fields=["slot"])
    order = program.instance(order_class, {"id": 17, "state": "paid", "me": ref(dump.next_id)}, ["in the slot"])
    space = program.add(DICT, "__name__", "app", "RATE", 1.5, "__builtins__", {}, "Order", ref(order_class))
    dump.set(space, [DICT, "__name__", "app", "RATE", 1.5, "__builtins__", ref(space), "Order", ref(order_class)])
    main = program.frame(program.code("<module>", "app.py"), {}, 6, space=space, namespace=ref(space))
    arguments = {"co_argcount": 2, "co_varnames": ["order", "rows", "total"]}
    names = {"order": ref(order), "rows": ref(program.add(LIST, 1, 2, 3))}
    load = program.frame(program.code("load", "app.py", 1, **arguments), names, 3, back=main, space=space)
    cause = program.exception("KeyError", ["id"], [(load, 2)])
    error = program.exception("ValueError", ["no such order"], [(main, 6), (load, 3)], __cause__=cause)
    program.failed_with(error, [load, main])
    waiting = program.frame(program.code("wait", "worker.py", 10), {"queue": "jobs"}, 12)
    program.thread([waiting], name="worker", holds_gil=True)
    dump.source(
        "app.py",
        "def load(order, rows):\n    row = rows['id']\n    raise ValueError('no such order')\n\n\nload(1, 2)\n",
    )
    dump.source("worker.py", "# worker\n" * 11 + "queue.get()\n", changed=True)
    return program
