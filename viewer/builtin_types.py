# SPDX-License-Identifier: Apache-2.0
"""The types of this interpreter that a type of the dump may be taken for.

A fixed table, by module and qualified name: the builtin types and exceptions, and the C types of the standard library
whose instances the viewer rebuilds (layouts.py). A name in a dump is looked up here and nowhere else; nothing is ever
imported because a dump names it.
"""

from __future__ import annotations

import array
import builtins
import collections
import datetime
import decimal
import functools
import io
import types
from collections.abc import Mapping
from typing import Any

BASES: tuple[type, ...] = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    tuple,
    list,
    dict,
    set,
    frozenset,
    collections.deque,
)

# The builtin type of each record code (docs/format.md, section 4).
BASE_OF_CODE: dict[int, type] = {
    2: int,
    3: float,
    4: complex,
    5: str,
    6: bytes,
    7: bytearray,
    8: tuple,
    9: list,
    10: dict,
    11: set,
    12: frozenset,
}


def base_of_code(code: object) -> type | None:
    """The builtin type of a record code out of a dump; None when it is none."""
    return BASE_OF_CODE.get(code) if isinstance(code, int) else None


_OTHERS: tuple[type, ...] = (
    array.array,
    collections.OrderedDict,
    collections.defaultdict,
    collections.deque,
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    datetime.tzinfo,
    decimal.Decimal,
    functools.partial,
    io.BytesIO,
    io.StringIO,
)


def _builtin_types() -> dict[tuple[str, str], type]:
    found: dict[tuple[str, str], type] = {}
    for namespace in (vars(builtins), vars(types)):
        for value in namespace.values():
            if isinstance(value, type) and value.__module__ in ("builtins", "types") and value.__flags__ & 1 << 9 == 0:
                found[value.__module__, value.__qualname__] = value
    found["builtins", "module"] = types.ModuleType
    for group in ("BaseExceptionGroup", "ExceptionGroup"):
        if hasattr(builtins, group):
            found["builtins", group] = getattr(builtins, group)
    return found


# Classes written in Python that are rebuilt when an instance has exactly this class: dicts in all but name.
EXACT_DICTS: dict[tuple[str, str], type] = {("collections", "Counter"): collections.Counter}

_BUILTINS = _builtin_types()
_STDLIB = {(cls.__module__, cls.__qualname__): cls for cls in _OTHERS}
_GROUPS = ("BaseExceptionGroup", "ExceptionGroup")


def real_type(described: Mapping[str, Any]) -> type | None:
    """The type of this interpreter that a TYPE map describes, None when there is none in the tables."""
    module, name = described.get("module"), described.get("qualname") or described.get("name")
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found = _BUILTINS.get((module, name))
    if found is not None:
        made_in_python = described.get("heap") is True and name not in _GROUPS and module == "builtins"
        return None if made_in_python else found
    # A Python class may carry any name; the C types of the stdlib are told by the layout of their instances.
    if (module, name) == ("zoneinfo", "ZoneInfo") and described.get("layout") == "zoneinfo.ZoneInfo":
        from zoneinfo import ZoneInfo  # few dumps have one

        return ZoneInfo
    return _STDLIB.get((module, name)) if described.get("layout") not in (None, "object") else None
