# SPDX-License-Identifier: Apache-2.0
"""The fatal signal that a dump is about: what docs/format.md, section 11 describes, as Python objects.

Everything in the file is untrusted: what has not the type or the range that it must have is left out (None, or an empty
list), and no more is taken of anything than the named limits allow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from .text import printable

MAX_MODULES = 20_000
MAX_THREADS = 4_096
MAX_FRAMES = 20_000  # of one thread
MAX_ALL_FRAMES = 200_000
MAX_REGISTERS = 64
MAX_TEXT = 4_096  # characters of a symbol, path or sentence

RELIABLE = ("registers", "cfi", "frame pointer", "signal")


class Module(NamedTuple):
    """A file that was mapped into the process: its path, where it lay, and what identifies it.

    `address - bias` of an address in it is the address in the file, as addr2line takes it; `build_id` is in hex, None
    where it is not known; `deleted` says that the file had been removed or replaced.
    """

    path: str
    start: int | None
    end: int | None
    bias: int | None
    build_id: str | None
    deleted: bool

    @property
    def name(self) -> str:
        """The file's name without its directories."""
        return os.path.basename(self.path) or self.path or "?"


class NativeFrame(NamedTuple):
    """A frame of C code: its program counter, and what that lies in, None where it is not known.

    `offset` counts from the start of `symbol`; `how` says how the frame was found (docs/format.md, section 11); the
    function's variables are on the C stack from `stack_pointer` on.
    """

    address: int
    module: Module | None
    symbol: str | None
    offset: int | None
    how: str
    stack_pointer: int | None = None

    @property
    def file_address(self) -> int | None:
        """The address in the module's file of the instruction that ran: for a caller that of the call.

        What stands in a caller's frame is where it goes on, which may belong to the next line or function.
        """
        if self.module is None or self.module.bias is None:
            return None
        found = self.address - self.module.bias - (self.how not in ("registers", "signal"))
        return found if found >= 0 else None

    @property
    def place(self) -> str:
        """`libfoo.so: parse_row+0x1b`, as far as it is known; fit to be shown."""
        if self.module is None and self.symbol is None:
            return f"{self.address:#x} (in no module)"
        name = self.module.name if self.module is not None else "?"
        if self.symbol is not None:
            where = f": {self.symbol}" if self.offset is None else f": {self.symbol}+{self.offset:#x}"
        elif self.module is not None and self.module.bias is not None and self.address >= self.module.bias:
            where = f"+{self.address - self.module.bias:#x}"
        else:
            where = f": {self.address:#x}"
        return printable(f"{name}{where}", 300)


class Gap(NamedTuple):
    """`omitted` frames that were left out of a stack, before the frame at the position `at`."""

    at: int
    omitted: int


class NativeThread(NamedTuple):
    """The stack of C functions of one thread, outermost first.

    `thread` is its kernel id, `end` why the stack ends, `gap` where frames in the middle of a long one were left out.
    `ident` is its `threading.get_ident()`, `system_call` the number of the one that it was in; None: not known, or in
    none.
    """

    thread: int | None
    frames: list[NativeFrame]
    end: str | None
    gap: Gap | None = None
    ident: int | None = None
    system_call: int | None = None


class Sender(NamedTuple):
    """Who sent a signal that was sent."""

    pid: int
    uid: int | None


class NativeStacks:
    """The stacks of C functions of all threads, and the modules that their code lies in.

    `threads`: the one that got the fatal signal first, if there is one.
    """

    def __init__(self, described: dict[str, Any]) -> None:
        numbered = {number: module(one) for number, one in enumerate(maps(described.get("modules"), MAX_MODULES))}
        self.modules: list[Module] = [one for one in numbered.values() if one is not None]
        self.threads: list[NativeThread] = native_threads(described.get("threads"), numbered)


class Signal(NativeStacks):
    """A fatal signal. What is not known, or damaged in the file, is None.

    `text` is the writer's one line on what happened; `thread` the kernel id of the thread that got the signal, `ident`
    its `threading.get_ident()`; `gil` "held" or "not held" by it; `python_thread` whether Python knew the thread;
    `raised_again` that a handler raised the signal again, after what is told here; `threads` the native stacks, that
    thread's first.
    """

    def __init__(self, described: dict[str, Any]) -> None:
        super().__init__(described)
        self.number = unsigned(described.get("signal"), 1 << 31)
        self.name = text(described.get("name")) or (f"signal {self.number}" if self.number is not None else "a signal")
        code = described.get("code")
        self.code: int | None = code if type(code) is int and -(1 << 31) <= code < 1 << 31 else None
        self.code_name = text(described.get("code_name"))
        self.address = unsigned(described.get("address"))
        self.sender = sender(described.get("sender"))
        self.syscall = unsigned(described.get("syscall"), 1 << 31)
        self.text = text(described.get("text"))
        self.thread = unsigned(described.get("thread"), 1 << 31)
        self.ident = unsigned(described.get("ident"))
        gil = described.get("gil")
        self.gil: str | None = gil if gil in ("held", "not held") else None
        python_thread = described.get("python_thread")
        self.python_thread: bool | None = python_thread if isinstance(python_thread, bool) else None
        self.raised_again = described.get("raised_again") is True
        self.registers = registers(described.get("registers"))

    @property
    def line(self) -> str:
        """One line on what happened: the writer's, or what can be said without it."""
        if self.text:
            return printable(self.text, 300)
        parts = [self.name if self.code_name is None else f"{self.name} ({self.code_name})"]
        if self.address is not None:
            parts.append(f"address {self.address:#x}")
        if self.sender is not None:
            parts.append(f"sent by process {self.sender.pid}")
        frames = self.threads[0].frames if self.threads else []
        if frames:
            parts.append(f"in {frames[-1].place}")
        return printable(", ".join(parts), 300)

    def __repr__(self) -> str:
        return f"<signal {self.line}>"


# --- reading what the file has ---


def unsigned(value: Any, below: int = 1 << 64) -> int | None:
    return value if type(value) is int and 0 <= value < below else None


def text(value: Any) -> str | None:
    """A text of bounded length; None for anything else, and for an empty one."""
    return value[:MAX_TEXT] if type(value) is str and value else None


def maps(value: Any, most: int) -> Iterator[dict[str, Any]]:
    """The maps of an array, an empty one for whatever else stands there: positions count."""
    for one in value[:most] if isinstance(value, list) else ():
        yield one if isinstance(one, dict) else {}


def sender(value: Any) -> Sender | None:
    pid = unsigned(value.get("pid"), 1 << 31) if isinstance(value, dict) else None
    return None if pid is None else Sender(pid, unsigned(value.get("uid"), 1 << 32))


def registers(value: Any) -> dict[str, int]:
    """The registers by name, in the order of the file."""
    found: dict[str, int] = {}
    for name, content in value.items() if isinstance(value, dict) else ():
        number = unsigned(content)
        if type(name) is str and len(name) <= 16 and number is not None and len(found) < MAX_REGISTERS:
            found[name] = number
    return found


def module(described: dict[str, Any]) -> Module | None:
    path = text(described.get("path"))
    if path is None:
        return None
    build_id = text(described.get("build_id"))
    plausible = build_id is not None and len(build_id) <= 128 and not set(build_id.lower()) - set("0123456789abcdef")
    start, end, bias = (unsigned(described.get(key)) for key in ("start", "end", "bias"))
    identity = build_id.lower() if build_id is not None and plausible else None
    return Module(path, start, end, bias, identity, described.get("deleted") is True)


def native_threads(value: Any, modules: dict[int, Module | None]) -> list[NativeThread]:
    found = []
    left = MAX_ALL_FRAMES
    for described in maps(value, MAX_THREADS):
        raw = described.get("frames")
        raw = raw if isinstance(raw, list) else []
        taken = raw[: min(left, MAX_FRAMES)]
        frames = [frame for frame in (native_frame(one, modules) for one in taken) if frame]
        is_all = len(taken) == len(raw)
        gap = gap_of(described.get("omitted"), len(frames)) if is_all and len(frames) == len(raw) else None
        end = text(described.get("end")) if is_all else "the viewer takes no more frames"
        left = max(left - len(raw), 0)
        thread, ident = unsigned(described.get("thread"), 1 << 31), unsigned(described.get("ident"))
        system_call = unsigned(described.get("system_call"), 1 << 31)
        found.append(NativeThread(thread, frames[::-1], end, gap, ident, system_call))
    return found


def gap_of(value: Any, count: int) -> Gap | None:
    """The gap in a stack of `count` frames. In the file: how many frames are further in, how many are left out."""
    inner, omitted = (unsigned(one) for one in value) if isinstance(value, list) and len(value) == 2 else (None, None)
    return None if inner is None or not omitted or inner > count else Gap(count - inner, omitted)


def native_frame(raw: Any, modules: dict[int, Module | None]) -> NativeFrame | None:
    """A frame of the file; None when it has not even an address."""
    parts = (raw + [None] * 6)[:6] if isinstance(raw, list) else [None] * 6
    address, number, symbol, offset, how, stack_pointer = parts
    if unsigned(address) is None:
        return None
    found = modules.get(number) if type(number) is int else None
    return NativeFrame(address, found, text(symbol), unsigned(offset), text(how) or "?", unsigned(stack_pointer))
