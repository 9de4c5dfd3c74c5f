# SPDX-License-Identifier: Apache-2.0
"""pandas' Timestamp, Timedelta and NaT.

They are subclasses of datetime and timedelta whose truth stands beside the builtin value: a count (`value`) of units,
from seconds to nanoseconds. The builtin value lacks what is finer than microseconds, and has another year, or nothing
at all, where its range ends; NaT carries the first of all dates. What the builtin value tells in full becomes an
instance of it. Everything else is a stand-in that shows the whole value as text.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from .class_info import ClassInfo, info_of
from .inert import Fields, InertKind
from .kinds import OBJECT, Kind, Node, stand_in

if TYPE_CHECKING:
    from .heap import Heap

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNITS = {7: "s", 8: "ms", 9: "us", 10: "ns"}  # numbers of NPY_DATETIMEUNIT
YEAR = 31_556_952  # seconds, on average
NOT_A_TIME = -(1 << 63)


def raw_fields(record: list[Any], info: ClassInfo | None) -> dict[str, Any]:
    """The raw fields of an OBJECT record that the layout names."""
    values = record[4] if record and record[0] == OBJECT and len(record) > 4 else None
    return dict(zip(info.fields, values)) if info is not None and isinstance(values, list) else {}


def per_second(unit: str | None) -> int:
    """How many of the unit a second has."""
    if unit is None:
        raise ValueError("a unit that pandas does not have")
    return PER_SECOND[unit]


class PandasKind(InertKind):
    """What the three have in common: `text` is the whole value, in what form the object may ever be made."""

    needs: tuple[str, ...] = ()

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        """What pandas shows by these names; without the struct that the builtin base reads."""
        shown = {name: raw for name, raw in found.items() if name in ("value", "tzinfo", "freq")}
        return {name: raw for name, raw in shown.items() if raw is not None}

    def text(self, heap: Heap, instance: Any) -> str | None:
        rid = heap.id_of(instance)
        record = None if rid is None else heap.record(rid)
        raw = raw_fields(record or [], info_of(type(instance)))
        if any(isinstance(found, int) and found.bit_length() > 64 for found in raw.values()):
            return "value not known"
        try:
            return self.whole(raw)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return "value not known"

    def lazy(self, node: Node) -> Any:
        return stand_in(node)

    def whole(self, raw: dict[str, Any]) -> str:
        """The text of the raw fields."""
        raise NotImplementedError


class TimestampKind(PandasKind):
    """pandas.Timestamp: the date of the builtin value with the year that stands beside it, and the nanoseconds.

    Before pandas 1.5 there is neither a unit, which is the nanosecond, nor a year.
    """

    needs = ("tzinfo",)

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        return {**super().fields(node, found), "unit": UNITS.get(found.get("unit", 10)), **nanoseconds(found)}

    def create(self, node: Node) -> Any:
        raw = raw_fields(node.record, node.info)
        year, _, _ = self.date(raw)
        if not 1 <= year <= 9999 or raw["nanosecond"]:
            return stand_in(node)
        _, month, day, hour, minute, second, micro = parts(raw["data"])
        zone = Fields(node).get("tzinfo")
        if "tzinfo" in raw and raw["tzinfo"] is not None and not isinstance(zone, datetime.tzinfo):
            return stand_in(node)
        moment = (year, month, day, hour, minute, second, micro)
        return datetime.datetime.__new__(node.cls, *moment, zone, fold=1 if raw.get("fold") == 1 else 0)

    def date(self, raw: dict[str, Any]) -> tuple[int, int, int]:
        """Year, month and day. The year must agree with `value`: it is what the base tells for lack of a field."""
        year, month, day = parts(raw["data"])[:3]
        year = raw.get("year", year)
        unit = per_second(UNITS.get(raw.get("unit", 10)))
        if abs(year - (1970 + raw["value"] // unit / YEAR)) > 2:
            raise ValueError("a Timestamp whose year contradicts its value")
        return year, month, day

    def whole(self, raw: dict[str, Any]) -> str:
        year, month, day = self.date(raw)
        _, _, _, hour, minute, second, micro = parts(raw["data"])
        text = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        fraction = f"{micro:06}{raw['nanosecond']:03}" if raw["nanosecond"] else f"{micro:06}" if micro else ""
        return f"{text}.{fraction}" if fraction else text


def nanoseconds(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("nanosecond",) if name in found}


def parts(data: bytes) -> tuple[int, int, int, int, int, int, int]:
    """Year to microsecond as a datetime has them (docs/types.md)."""
    return (data[0] << 8 | data[1], *data[2:7], data[7] << 16 | data[8] << 8 | data[9])


class TimedeltaKind(PandasKind):
    """pandas.Timedelta: so many units.

    Before pandas 1.5 the unit is the nanosecond, and where newer ones say whether the parts are made (0 or 1) a pointer
    stands (libpyheapdump/layout/private/packages.h).
    """

    def fields(self, node: Node, found: dict[str, Any]) -> dict[str, Any]:
        return {**super().fields(node, found), "unit": self.unit(found)}

    def unit(self, raw: dict[str, Any]) -> str | None:
        return UNITS.get(raw.get("unit", 0)) if raw.get("_populated", 0) in (0, 1) else "ns"

    def create(self, node: Node) -> Any:
        raw = raw_fields(node.record, node.info)
        micros, rest = divmod(raw["value"] * 10**6, per_second(self.unit(raw)))
        if rest:
            return stand_in(node)
        days, micros = divmod(micros, 86_400 * 10**6)
        return datetime.timedelta.__new__(node.cls, days, 0, micros)  # OverflowError: a stand-in

    def whole(self, raw: dict[str, Any]) -> str:
        nanos = raw["value"] * 10**9 // per_second(self.unit(raw))
        days, nanos = divmod(nanos, 86_400 * 10**9)
        seconds, nanos = divmod(nanos, 10**9)
        fraction = f".{nanos:09}" if nanos % 1000 else f".{nanos // 1000:06}" if nanos else ""
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
        return f"{days} days {'+' if days < 0 else ''}{clock}"


class NotATimeKind(PandasKind):
    """pandas.NaT, which is no date at all."""

    def create(self, node: Node) -> Any:
        return stand_in(node)

    def whole(self, raw: dict[str, Any]) -> str:
        if raw["value"] != NOT_A_TIME:
            raise ValueError("a NaT whose value is another")
        return "NaT"


PANDAS: dict[str, Kind] = {
    "pandas._libs.tslibs.timestamps._Timestamp": TimestampKind(),
    "pandas._libs.tslibs.timedeltas._Timedelta": TimedeltaKind(),
    "pandas._libs.tslibs.nattype._NaT": NotATimeKind(),
}
