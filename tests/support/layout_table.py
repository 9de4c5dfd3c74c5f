# SPDX-License-Identifier: Apache-2.0
"""The checked-in layout table of the running CPython, as Python data.

Reads libpyheapdump/layout/tables/cpython_3_N.h, so what the tests look at is what the library is built from.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

LAYOUT = Path(__file__).resolve().parent.parent.parent / "libpyheapdump" / "layout"

_KIND = re.compile(r"^\s+PHD_FIELD_(\w+) = (\d+)", re.M)
_FIELD = re.compile(r'^    \{"([^"]+)", (\d+), (\d+), (-?\d+)\},$', re.M)
_TYPE = re.compile(r'^    \{"([^"]+)", (\d+), (\d+), (\d+)\},$', re.M)


class Field(NamedTuple):
    """A named field of an instance (struct phd_field)."""

    name: str
    kind: str  # of enum phd_field_kind, without PHD_FIELD_
    size: int  # bytes; kind BITS: first bit << 8 | number of bits
    offset: int


class Row(NamedTuple):
    """A C type (struct phd_struct_type)."""

    name: str  # tp_name
    basicsize: int
    fields: tuple[Field, ...]


def kinds() -> dict[int, str]:
    """enum phd_field_kind of layout.h by number."""
    return {int(number): name for name, number in _KIND.findall((LAYOUT / "layout.h").read_text())}


def rows(minor: int = sys.version_info[1]) -> list[Row]:
    """All rows of the table of CPython 3.`minor`, in its order."""
    text = (LAYOUT / "tables" / f"cpython_3_{minor}.h").read_text()
    fields_text, types_text = text.split("_types[] = {", 1)
    names = kinds()
    fields = [Field(name, names[int(kind)], int(size), int(at)) for name, kind, size, at in _FIELD.findall(fields_text)]
    found = []
    for name, basicsize, first, count in _TYPE.findall(types_text.split("};", 1)[0]):
        own = tuple(fields[int(first) : int(first) + int(count)])
        found.append(Row(name, int(basicsize), own))
    return found
