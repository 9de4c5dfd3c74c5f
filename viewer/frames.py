# SPDX-License-Identifier: Apache-2.0
"""Real code objects, frames and tracebacks that look like those of a dumped program.

Debuggers and the traceback module want `types.CodeType`, frame and `types.TracebackType` objects; a look-alike in
Python is refused somewhere by each of them. So the real ones are made here, whatever version wrote the dump:

    MeasuredCode      code made to measure: names, arguments, and an instruction for each position that is asked for
    make_frame()      a frame that was never executed; f_locals is the mapping that is given (pymodule/frames.c)
    TracebackType     can be made from Python: with these frames, and the offsets that MeasuredCode gives

The instructions of the code are NOPs, one for each position (that of a frame, that of a traceback entry), so that
f_lasti and tb_lasti lead to exactly that line and these columns. Positions are added when they are met: a code object
is shared by the frames of a recursion, and by the traceback entries of chained exceptions. The code must not have
CO_OPTIMIZED or CO_NEWLOCALS, as frames of such code do not take a mapping for their locals. It returns None if anyone
executes it.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Sequence
from types import CodeType
from typing import Any, NamedTuple

from pyheapdump._pyheapdump import make_frame, set_line_table

__all__ = ["Arguments", "MeasuredCode", "Position", "make_frame"]

# A dump is untrusted input. Numbers beyond these cannot be real, and the line table of 3.9 grows with the line number.
MAX_LINE = 1_000_000
MAX_COLUMN = 10_000_000
MAX_POSITIONS = 256  # different ones in one code object

KEPT_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_NESTED
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ITERABLE_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


class Position(NamedTuple):
    """A place in a source file. Lines count from 1; columns are offsets in bytes of UTF-8 from 0; None: not known."""

    line: int | None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


class Arguments(NamedTuple):
    """What a code object tells about arguments: `varnames` begins with their names, as in co_varnames."""

    argcount: int = 0
    posonlyargcount: int = 0
    kwonlyargcount: int = 0
    varnames: tuple[str, ...] = ()
    flags: int = 0


NO_ARGUMENTS = Arguments()


class MeasuredCode:
    """A code object `code` with the names and arguments that are given, and with the positions that are asked for.

    Numbers that cannot be are brought into their range. `qualname` has an effect from 3.11 on. There is room for
    `room` different positions.
    """

    def __init__(
        self,
        name: str,
        qualname: str,
        filename: str,
        firstlineno: int,
        arguments: Arguments = NO_ARGUMENTS,
        room: int = MAX_POSITIONS,
    ) -> None:
        stub, self._start = _stub()
        self._room = room
        self._first = _bounded(firstlineno, 0, MAX_LINE)
        self._offsets: dict[Position, int] = {}
        self.code: CodeType = stub.replace(
            co_code=_bytecode(stub, self._start, room),
            co_name=name,
            co_filename=filename,
            co_firstlineno=self._first,
            **_arguments(arguments),
        )
        if sys.version_info >= (3, 11):
            self.code = self.code.replace(co_qualname=qualname)
        self._set_table()

    def lasti(self, position: Position) -> int:
        """The byte offset of the instruction at this position: f_lasti or tb_lasti.

        A position without a line is at the first line. -1, which debuggers take for "not known", when there is no room
        for another one.
        """
        position = _plausible(position, self._first)
        if position not in self._offsets:
            if len(self._offsets) == self._room:
                return -1
            self._offsets[position] = self._start + 2 * len(self._offsets)
            self._set_table()
        return self._offsets[position]

    def _set_table(self) -> None:
        """Write the positions into the code; instructions behind them have none."""
        places = [Position(self._first)] * (self._start // 2) + list(self._offsets)
        set_line_table(self.code, _line_table(self._first, places))


# --- what the code says about itself ---


def _bounded(number: int, low: int, high: int) -> int:
    return max(low, min(number, high))


def _plausible(position: Position, first: int) -> Position:
    """The position with a line and no impossible numbers; columns come in pairs or not at all."""
    line = first if position.line is None else _bounded(position.line, 0, MAX_LINE)
    end_line = None if position.end_line is None else _bounded(position.end_line, line, MAX_LINE)
    if end_line is None or position.column is None or position.end_column is None:
        return Position(line, end_line)
    column = _bounded(position.column, 0, MAX_COLUMN)
    return Position(line, end_line, column, _bounded(position.end_column, 0, MAX_COLUMN))


def _arguments(arguments: Arguments) -> dict[str, Any]:
    """The fields of a code object for its arguments, with counts that its names allow (co_varnames may be damaged)."""
    names = arguments.varnames
    flags = arguments.flags & KEPT_FLAGS
    left = len(names)
    argcount = _bounded(arguments.argcount, 0, left)
    kwonlyargcount = _bounded(arguments.kwonlyargcount, 0, left - argcount)
    left -= argcount + kwonlyargcount
    for flag in (inspect.CO_VARARGS, inspect.CO_VARKEYWORDS):
        if flags & flag and left == 0:
            flags &= ~flag
        elif flags & flag:
            left -= 1
    return {
        "co_argcount": argcount,
        "co_posonlyargcount": _bounded(arguments.posonlyargcount, 0, argcount),
        "co_kwonlyargcount": kwonlyargcount,
        "co_nlocals": len(names),
        "co_varnames": names,
        "co_flags": flags,
    }


@functools.lru_cache(maxsize=1)
def _stub() -> tuple[CodeType, int]:
    """Code of the running version that returns None, and the offset in it where more instructions can be put.

    They must stand behind RESUME (3.11+): a frame that has not reached it counts as one that has not begun.
    """
    stub = compile("", "<stub>", "exec", dont_inherit=True)
    instructions = list(dis.get_instructions(stub))
    names = [instruction.opname for instruction in instructions]
    return stub, instructions[names.index("RESUME") + 1].offset if "RESUME" in names else 0


def _bytecode(stub: CodeType, start: int, room: int) -> bytes:
    """The stub's instructions with `room` NOPs put in at `start`."""
    return stub.co_code[:start] + bytes([dis.opmap["NOP"], 0]) * room + stub.co_code[start:]


# --- line tables: `places` has one position per instruction of two bytes ---


def _line_table(first: int, places: Sequence[Position]) -> bytes:
    """The table of lines and columns in the format of the running version."""
    if sys.version_info >= (3, 11):
        table = _location_table(first, places)
    elif sys.version_info >= (3, 10):
        table = _ranges_table(first, places)
    else:
        table = _lnotab(first, places)
    return table


def _line_steps(first: int, places: Sequence[Position]) -> list[int]:
    """For each instruction, the difference of its line from that of the one before it."""
    lines = [first if place.line is None else place.line for place in places]
    return [line - before for line, before in zip(lines, [first, *lines])]


def _signed_bytes(number: int) -> list[int]:
    """Summands from -127 to 127, the last of which may be smaller."""
    step = 127 if number > 0 else -127
    full, rest = divmod(abs(number), 127)
    return [step] * full + [rest if number > 0 else -rest]


def _lnotab(first: int, places: Sequence[Position]) -> bytes:
    """3.9: pairs (bytes since the last pair, signed difference of lines); see Objects/lnotab_notes.txt there."""
    table = bytearray()
    distance = 0
    for step in _line_steps(first, places):
        if step:
            for part in _signed_bytes(step):
                table += bytes([distance, part & 0xFF])
                distance = 0
        distance += 2
        if distance > 250:
            table += bytes([distance, 0])
            distance = 0
    return bytes(table)


def _ranges_table(first: int, places: Sequence[Position]) -> bytes:
    """3.10: pairs (bytes that the range has, signed difference of its line from the last one); PEP 626."""
    table = bytearray()
    for step in _line_steps(first, places):
        *large, rest = _signed_bytes(step)
        for part in large:
            table += bytes([0, part & 0xFF])
        table += bytes([2, rest & 0xFF])
    return bytes(table)


# Forms of an entry of the location table, 3.11+ (Objects/locations.md there).
LONG_FORM = 14
NO_COLUMNS_FORM = 13


def _varint(number: int) -> bytes:
    """Six bits per byte, the lowest first; bit 6 says that more follow."""
    out = bytearray()
    while number >= 64:
        out.append(number & 63 | 64)
        number >>= 6
    out.append(number)
    return bytes(out)


def _signed_varint(number: int) -> bytes:
    return _varint(-number << 1 | 1 if number < 0 else number << 1)


def _location_table(first: int, places: Sequence[Position]) -> bytes:
    """3.11 and later: an entry for each instruction with its line, end line and columns."""
    table = bytearray()
    for step, place in zip(_line_steps(first, places), places):
        if place.line is None or place.end_line is None:
            table.append(0x80 | NO_COLUMNS_FORM << 3)
            table += _signed_varint(step)
            continue
        table.append(0x80 | LONG_FORM << 3)
        table += _signed_varint(step)
        table += _varint(place.end_line - place.line)
        # Columns are stored plus one, 0 is "not known".
        table += _varint(0 if place.column is None else place.column + 1)
        table += _varint(0 if place.end_column is None else place.end_column + 1)
    return bytes(table)
