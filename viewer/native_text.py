# SPDX-License-Identifier: Apache-2.0
"""The view `--native`: stacks with addresses and source lines of C functions, the registers, the mapped files."""

from __future__ import annotations

from collections.abc import Iterator

from .dump import Dump
from .merged import Entry, MergedStack, merged_stack
from .signals import NativeFrame, NativeStacks, NativeThread, Signal
from .stack_text import error_line, shown_of
from .symbols import Symbols
from .text import printable
from .thread_text import all_threads, frames_of, mark, other_lines, sectioned

MAX_MODULES = 500
MAX_NOTES = 50
REGISTERS_IN_A_ROW = 4


class NativeView:
    """The view of one dump. `debug_files` is a folder with files that have debug information; `everything` shows the
    interpreter's own functions too.
    """

    def __init__(self, dump: Dump, debug_files: str | None = None, everything: bool = False) -> None:
        self._dump = dump
        self._everything = everything
        frames = [frame for native in dump.native.threads for frame in native.frames] if dump.native else []
        self._symbols = Symbols(frames, debug_files)

    def text(self) -> str:
        """The whole view."""
        parts = [error_line(self._dump)]
        threads = all_threads(self._dump)
        shown = shown_of(threads, frames_of)
        for one in shown:
            stack = merged_stack(self._dump, one.thread, one.native)
            parts.append("\n".join([one.title, *self._stack_lines(stack, one.native)]))
        if len(shown) < len(threads):
            parts.append(f"... {len(threads) - len(shown):,} more threads")
        if self._dump.signal is not None:
            parts.append(registers_text(self._dump.signal))
        if self._dump.native is not None:
            parts.append(modules_text(self._dump.native))
        notes = [f"  {note}" for note in self._symbols.notes[:MAX_NOTES]]
        if notes:
            parts.append("\n".join(["source lines of C functions that were not looked up:", *notes]))
        return "\n\n".join(part for part in parts if part)

    def _stack_lines(self, stack: MergedStack, native: NativeThread | None) -> Iterator[str]:
        if native is None:
            yield "  (no C stack in the dump)"
        elif native.end is not None:
            yield f"  (the C stack ends here: {printable(native.end, 200)})"
        yield from sectioned(stack, "  ", lambda at: self._lines_at(stack, at))

    def _lines_at(self, stack: MergedStack, at: int) -> list[str] | None:
        """The lines of a frame; one line for several in a row that are hidden."""
        if self._everything or at not in stack.hidden:
            return self._frame_lines(stack.entries[at])
        if at + 1 in stack.hidden:
            return None
        first = next(before for before in range(at, -2, -1) if before not in stack.hidden) + 1
        count = at + 1 - first
        return [f"  ... {count} internal frame{'s' * (count != 1)} (--all shows them)"]

    def _frame_lines(self, entry: Entry) -> list[str]:
        if not isinstance(entry, NativeFrame):
            return other_lines(entry, "  ")
        lines = [f"  {full_place(entry)}{mark(entry)}"]
        for number, found in enumerate(self._symbols.lines(entry)):
            lines.append(f"      {found}{' (inlined)' if number else ''}")
        return lines


def full_place(frame: NativeFrame) -> str:
    """`libfoo.so+0x1139: parse_row+0x1b`."""
    module = frame.module
    if module is None or module.bias is None or frame.address < module.bias:
        return f"{frame.address:#x} {frame.place}" if module is not None else frame.place
    where = f"{printable(module.name, 200)}+{frame.address - module.bias:#x}"
    if frame.symbol is None:
        return where
    return f"{where}: {printable(frame.symbol, 300)}{'' if frame.offset is None else f'+{frame.offset:#x}'}"


# --- registers and modules ---


def registers_text(signal: Signal) -> str:
    if not signal.registers:
        return ""
    cells = [f"{printable(name, 16):>6} {content:#018x}" for name, content in signal.registers.items()]
    rows = [cells[at : at + REGISTERS_IN_A_ROW] for at in range(0, len(cells), REGISTERS_IN_A_ROW)]
    return "\n".join(["registers:", *("".join(row) for row in rows)])


def modules_text(native: NativeStacks) -> str:
    if not native.modules:
        return ""
    lines = ["modules:"]
    for one in native.modules[:MAX_MODULES]:
        extent = f"{one.start or 0:#014x}-{one.end or 0:#014x}"
        identity = f"build-id {one.build_id}" if one.build_id is not None else "no build-id"
        lines.append(f"  {extent} {printable(one.path, 300)}, {identity}{', deleted' * one.deleted}")
    if len(native.modules) > MAX_MODULES:
        lines.append(f"  ... {len(native.modules) - MAX_MODULES} more")
    return "\n".join(lines)
