# SPDX-License-Identifier: Apache-2.0
"""Time zones of the dump that are classes of Python code: what offsets they have.

A datetime asks its tzinfo when it is shown, compared or hashed. `timezone` and `ZoneInfo` are real ones (layouts.py).
Of those of dateutil and pytz the offset, or the list of transitions, stands in fields; `ZONE_METHODS` make a real zone
of them. What another class would compute is not known, and asking for it says so.
"""

from __future__ import annotations

import bisect
import datetime
import io
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .class_info import info_of, infos_of
from .missing import DumpedCodeError, Missing
from .raw_objects import RawObject, plain_leaf, raw_object

if TYPE_CHECKING:
    from .heap import Heap

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)


class UnknownZone(datetime.tzinfo):
    """The tzinfo of an aware datetime whose own is not in the dump: it is aware, but nobody knows of what."""

    def __init__(self, missing: Any) -> None:
        self.missing = missing if isinstance(missing, Missing) else Missing("the time zone")

    def __reduce__(self) -> Any:
        return UnknownZone, (self.missing,)

    def __repr__(self) -> str:
        return repr(self.missing)

    def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta | None:
        raise DumpedCodeError("the time zone is not in the dump, so the offset is not known")

    dst = tzname = fromutc = utcoffset  # type: ignore[assignment]


# --- real zones made of fields ------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """An offset that a zone has at times, and what it is called then."""

    seconds: int
    is_dst: bool
    name: str


def zone_of_transitions(
    moments: Sequence[int], at: Sequence[int], kinds: Sequence[Kind], rule: bytes
) -> datetime.tzinfo:
    """A zone whose offset changes at `moments` (seconds since 1970) to that of the kind `at`, then as `rule` tells.

    It is made by way of a TZif file in memory (RFC 8536), as zoneinfo has no other door.
    """
    import zoneinfo

    names = b"".join(kind.name.encode("ascii", "replace") + b"\0" for kind in kinds)
    starts = [sum(len(kind.name) + 1 for kind in kinds[:number]) for number in range(len(kinds))]
    counts = (0, 0, 0, len(moments), len(kinds), len(names))
    if (
        len(moments) != len(at)
        or not kinds
        or len(kinds) > 255
        or max(starts) > 255
        or not all(0 <= one < len(kinds) for one in at)
    ):
        raise ValueError("no time zone")
    content = b"TZif2" + bytes(15 + 24)  # the part for old readers is empty
    content += b"TZif2" + bytes(15) + struct.pack(">6l", *counts)
    content += struct.pack(f">{len(moments)}q", *moments) + bytes(at)
    content += b"".join(struct.pack(">lBB", kind.seconds, kind.is_dst, start) for kind, start in zip(kinds, starts))
    content += names + b"\n" + rule + b"\n"
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(content))


def fixed(offset: datetime.timedelta) -> datetime.tzinfo:
    return datetime.timezone(offset)


def of_pytz(raw: RawObject, classes: list[RawObject]) -> datetime.tzinfo:
    """An instance of pytz has one offset: a zone has another instance for each."""
    return fixed(next(one for one in (raw, *classes) if "_utcoffset" in one).duration("_utcoffset"))


def of_dateutil(raw: RawObject, names: set[str]) -> datetime.tzinfo:
    if "tzutc" in names:
        return UTC
    if "tzoffset" in names:
        return fixed(raw.duration("_offset"))
    if "tzfile" in names:
        return of_tzfile(raw) if "_tz_str" in raw else of_old_tzfile(raw)
    standard, summer = raw.duration("_std_offset"), raw.duration("_dst_offset")
    if standard != summer:
        raise ValueError("the rule of a tzlocal or tzrange is code")
    return fixed(standard)


def of_tzfile(raw: RawObject) -> datetime.tzinfo:
    """From dateutil 3 on: the lists of the file, and its rule for later times."""
    kinds = [raw_object(raw.heap, one) for one in raw.values("_ttinfo_list")]
    is_dst = raw.values("_isdst")
    found = [
        Kind(seconds_of(kind.duration("utcoff")), bool(plain_leaf(raw.heap, flag)), kind.text("tzname"))
        for kind, flag in zip(kinds, is_dst)
    ]
    rule = raw.leaf("_tz_str")
    if len(is_dst) != len(kinds) or not isinstance(rule, (bytes, type(None))):
        raise ValueError("no tzfile")
    return zone_of_transitions(raw.leaves("_trans_utc", int), raw.leaves("_trans_idx", int), found, rule or b"")


class ListedZone(datetime.tzinfo):
    """A tzfile of dateutil 2: the moments of its transitions by UTC and by the clock, and the offset from each on.

    From the last transition on the offset is that of the standard time. Of a time that comes twice `fold` tells which
    one is meant; one that never comes counts as after the transition.
    """

    def __init__(self, moments: list[int], by_clock: list[int], offsets: list[int], before: int, standard: int) -> None:
        if not len(moments) == len(by_clock) == len(offsets):
            raise ValueError("no tzfile")
        self._moments, self._by_clock = moments, by_clock
        self._offsets = [before, *offsets[:-1], standard]  # before the first transition, then from each on

    def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta | None:
        if moment is None:
            return None
        stamp = seconds_of(moment.replace(tzinfo=None, microsecond=0) - EPOCH)
        at = bisect.bisect_right(self._by_clock, stamp)
        return datetime.timedelta(seconds=self._offsets[at - (not moment.fold and self._comes_twice(at, stamp))])

    def _comes_twice(self, at: int, stamp: int) -> bool:
        return at > 1 and stamp < self._by_clock[at - 1] + self._offsets[at - 1] - self._offsets[at]

    def fromutc(self, moment: datetime.datetime) -> datetime.datetime:
        stamp = seconds_of(moment.replace(tzinfo=None, microsecond=0) - EPOCH)
        at = bisect.bisect_right(self._moments, stamp)
        local = moment + datetime.timedelta(seconds=self._offsets[at])
        return local.replace(fold=int(self._comes_twice(at, stamp + self._offsets[at])))

    def dst(self, moment: datetime.datetime | None) -> None:
        """Not known."""

    tzname = dst


def of_old_tzfile(raw: RawObject) -> datetime.tzinfo:
    """dateutil 2: the offset of each transition."""
    offsets = [raw_object(raw.heap, one).number("offset") for one in raw.values("_trans_idx")]
    standard, before = (raw.object(name).number("offset") for name in ("_ttinfo_std", "_ttinfo_before"))
    return ListedZone(raw.leaves("_trans_list_utc", int), raw.leaves("_trans_list", int), offsets, before, standard)


def seconds_of(duration: datetime.timedelta) -> int:
    if duration.microseconds:
        raise ValueError("an offset of fractions of seconds")
    return duration.days * 86_400 + duration.seconds


# --- what the synthetic classes have ------------------------------------------------------------------------------


class Zones:
    """The real zones for the time zones of one heap, made when one is asked for its offset."""

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self._made: dict[int, datetime.tzinfo | None] = {}

    def real(self, zone: Any) -> datetime.tzinfo:
        rid = self._heap.id_of(zone)
        if rid is None:
            raise DumpedCodeError("the offset of this time zone is not known")
        if rid not in self._made:
            try:
                self._made[rid] = self._make(zone, rid)
            except (ValueError, OverflowError, struct.error, StopIteration, AttributeError):  # of another form
                self._made[rid] = None
        found = self._made[rid]
        if found is None:
            name = f"{type(zone).__module__}.{type(zone).__qualname__}"
            raise DumpedCodeError(
                f"the offset of a {name} is computed by code of the program, which is not there to run"
            )
        return found

    def _make(self, zone: Any, rid: int) -> datetime.tzinfo | None:
        from pyheapdump._pyheapdump import Ref

        described = [info.map for info in infos_of(type(zone))]
        packages = {str(one.get("module")).partition(".")[0] for one in described}
        raw = raw_object(self._heap, Ref(rid))
        if "pytz" in packages:
            return of_pytz(raw, [RawObject.of_class(self._heap, one) for one in described])
        if "dateutil" in packages:
            return of_dateutil(raw, {str(one.get("name")) for one in described})
        return None


def real_zone(zone: Any) -> datetime.tzinfo:
    return info_of(type(zone)).heap.zones.real(zone)


def utc_offset(self: Any, moment: datetime.datetime | None) -> datetime.timedelta | None:
    return real_zone(self).utcoffset(moment)


def dst(self: Any, moment: datetime.datetime | None) -> datetime.timedelta | None:
    return real_zone(self).dst(moment)


def zone_name(self: Any, moment: datetime.datetime | None) -> str | None:
    return real_zone(self).tzname(moment)


def from_utc(self: Any, moment: datetime.datetime) -> datetime.datetime:
    real = real_zone(self)
    return real.fromutc(moment.replace(tzinfo=real)).replace(tzinfo=self)


ZONE_METHODS: dict[str, Any] = {"utcoffset": utc_offset, "dst": dst, "tzname": zone_name, "fromutc": from_utc}
