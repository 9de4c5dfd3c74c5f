# SPDX-License-Identifier: Apache-2.0
"""Values of the standard library in the viewer, and aware datetimes: the program itself says what Python shows of each."""

import datetime
import fractions
import ipaddress
import pathlib
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Iterator

import pytest
from pyheapdump.view import DumpedCodeError, Missing, load
from pyheapdump.view.display import bounded_repr
from pyheapdump.view.zones import ListedZone
from support.dumped_program import DumpedProgram
from support.format_writer import ref

PROGRAM = """
import fractions, ipaddress, pathlib, sys, uuid
import pyheapdump

class MyUUID(uuid.UUID): extra = 1
class MyPath(type(pathlib.Path())): pass
class MyFraction(fractions.Fraction): pass
class MyAddress(ipaddress.IPv4Address): pass

class UUID:
    def __init__(self): self.int = "not one"
    __repr__ = lambda self: "it ran"
UUID.__module__ = "uuid"

def main():
    path = pathlib.Path("/etc/passwd")
    used = pathlib.Path("/srv/shop") / "a" / ".." / "b.txt"
    used.parent, used.name, str(used), used.parts
    values = [
        uuid.UUID("12345678-1234-5678-1234-567812345678"), uuid.uuid1(), uuid.uuid4(), uuid.UUID(int=0),
        fractions.Fraction(3, 4), fractions.Fraction(-10**30, 7), fractions.Fraction(5),
        path, used, used.parent, pathlib.Path(), pathlib.Path("x/y") / "z", pathlib.PurePosixPath("a/b.txt"),
        pathlib.PurePosixPath("a", "b", "..", "c"), pathlib.PureWindowsPath("C:/Users/x"), pathlib.Path("//net/x"),
        pathlib.Path("/a\\udcff\\n"), path.with_suffix(".bak"), path.joinpath("b"), pathlib.Path("."),
        ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::/32"), ipaddress.ip_interface("192.168.1.7/24"), ipaddress.ip_address("fe80::1%eth0"),
        ipaddress.ip_interface("2001:db8::7/64"),
    ]
    keys = {value: number for number, value in enumerate(values)}
    expected = [(repr(value), str(value)) for value in values]
    classes = [type(value) for value in values]
    derived = [MyUUID(int=5), MyPath("/x/y"), MyFraction(1, 3), MyAddress("10.0.0.9")]
    stranger = UUID()
    pyheapdump.dump(sys.argv[1])

main()
"""

ZONES = """
import datetime as dt, sys, zoneinfo
import pyheapdump

class Fixed(dt.tzinfo):
    def utcoffset(self, moment): return dt.timedelta(hours=3)
    def dst(self, moment): return dt.timedelta(0)
    def tzname(self, moment): return "three"
class Late(dt.datetime): pass

def main():
    zones = {"utc": dt.timezone.utc, "est": dt.timezone(dt.timedelta(hours=-5), "EST")}
    for name in ("Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"):
        try:
            zones[name] = zoneinfo.ZoneInfo(name)
        except zoneinfo.ZoneInfoNotFoundError:
            print("no", name)
    try:
        import dateutil.tz, io
        zones["tzutc"], zones["tzoffset"] = dateutil.tz.tzutc(), dateutil.tz.tzoffset("x", 5400)
        for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
            if dateutil.tz.gettz(name) is not None:
                zones["dateutil " + name] = dateutil.tz.gettz(name)
    except ImportError:
        print("no dateutil")
    moments = [dt.datetime(year, month, 15, 2, 30) for year in (1900, 1975, 2001, 2024, 2036) for month in (1, 4, 7, 11)]
    moments += [dt.datetime(2024, 10, 27, 2, 30, fold=fold) for fold in (0, 1)] + [dt.datetime(2024, 3, 31, 2, 30)]
    found = {name: [moment.replace(tzinfo=zone) for moment in moments] for name, zone in zones.items()}
    try:
        import pytz
        found["pytz"] = [pytz.timezone("Europe/Berlin").localize(moment) for moment in moments]
        found["pytz utc"] = [pytz.utc.localize(moment) for moment in moments]
        found["pytz fixed"] = [moment.replace(tzinfo=pytz.FixedOffset(90)) for moment in moments]
        found["pytz static"] = [pytz.timezone("Etc/GMT+5").localize(moment) for moment in moments]
    except ImportError:
        print("no pytz")
    expected = {
        name: [(str(one), one.utcoffset(), one.timestamp(), str(one.astimezone(dt.timezone.utc))) for one in moments]
        for name, moments in found.items()
    }
    keys = {name: {one: number for number, one in enumerate(moments)} for name, moments in found.items()}
    places = {name: [keys[name][one] for one in moments] for name, moments in found.items()}
    unknown = dt.datetime(2024, 7, 1, 12, tzinfo=Fixed())
    of_unknown = {unknown: 1, unknown.replace(year=2025): 2}
    late = Late(2024, 7, 1, 12, tzinfo=zones["est"])
    clock = dt.time(1, 2, tzinfo=zones["est"])
    file = zoneinfo.ZoneInfo.from_file(open(sys.argv[2], "rb")) if len(sys.argv) > 2 else None
    of_file = dt.datetime(2024, 7, 1, 12, tzinfo=file)
    pyheapdump.dump(sys.argv[1])

main()
"""


def dumped(folder: Path, program: str, *arguments: str) -> "dict[str, Any]":
    path = folder / "values.dump"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # what is not installed here
    dump = load(path)
    frame = dump.threads[0].frames[-1]
    return {"dump": dump, **frame.f_globals, **frame.f_locals}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[dict[str, Any]]":
    made = dumped(tmp_path_factory.mktemp("values"), PROGRAM)
    yield made
    made["dump"].close()


@pytest.fixture(scope="module")
def aware(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[dict[str, Any]]":
    zone = Path("/usr/share/zoneinfo/Europe/Berlin")
    made = dumped(tmp_path_factory.mktemp("zones"), ZONES, *([str(zone)] if zone.exists() else []))
    yield made
    made["dump"].close()


def test_values_are_real(found: "dict[str, Any]") -> None:
    for value, expected in zip(found["values"], found["expected"]):
        assert (repr(value), str(value)) == tuple(expected) and type(value).__module__ != "__main__"
    assert type(found["values"][0]) is uuid.UUID and found["values"][4] * 2 == fractions.Fraction(3, 2)
    assert found["values"][7] == pathlib.Path("/etc/passwd") and found["values"][8].name == "b.txt"
    assert found["values"][20] + 1 == ipaddress.ip_address("10.0.0.2") and found["values"][20] in found["values"][22]


def test_values_are_keys(found: "dict[str, Any]") -> None:
    keys = found["keys"]
    assert type(keys) is dict and keys[uuid.UUID(int=0)] == 3 and keys[pathlib.Path("/etc/passwd")] == 7
    assert all(isinstance(value, cls) for value, cls in zip(found["values"], found["classes"]))
    assert found["uuid"].UUID is uuid.UUID, "the classes are the real ones, too"


def test_what_the_program_derives_from_them_is_a_stand_in(found: "dict[str, Any]") -> None:
    number, path, fraction, address = found["derived"]
    assert (number.int, number.extra, fraction._numerator, address._ip) == (5, 1, 1, 167772169)
    assert repr(path).startswith("<__main__.MyPath ") and repr(number).startswith("<__main__.MyUUID int=5 ")
    assert type(number).__mro__[1].__name__ == "UUID" and hash(number) and number != found["values"][0]
    stranger = found["stranger"]
    assert repr(stranger).startswith("<uuid.UUID int='not one'"), "a class of the program that has the same name"


@pytest.mark.parametrize(
    ("module", "name", "attributes"),
    [
        ("uuid", "UUID", {"int": 1 << 128}),
        ("uuid", "UUID", {"int": -1}),
        ("uuid", "UUID", {}),
        ("uuid", "UUID", {"int": "1"}),
        ("fractions", "Fraction", {"_numerator": 2, "_denominator": 4}),
        ("fractions", "Fraction", {"_numerator": 1, "_denominator": 0}),
        ("fractions", "Fraction", {"_numerator": 1 << 30_000, "_denominator": 1}),
        ("ipaddress", "IPv4Address", {"_ip": 1 << 32}),
        ("ipaddress", "IPv4Network", {"network_address": 5, "_prefixlen": 8}),
        ("ipaddress", "IPv4Interface", {"_ip": 5, "_prefixlen": 99}),
        ("pathlib", "PosixPath", {"_str": 5}),
        ("pathlib", "PosixPath", {"_raw_paths": "x"}),
    ],
)
def test_odd_contents_are_shown_as_they_are(
    tmp_path: Path, module: str, name: str, attributes: "dict[str, Any]"
) -> None:
    program = DumpedProgram()
    cls = program.cls(name, module=module)
    program.thread([program.frame(program.code("f", "x.py"), {"odd": ref(program.instance(cls, attributes))}, 1)])
    with program.load(tmp_path / "odd.dump") as dump:
        odd = dump.threads[0].frames[0].f_locals["odd"]
        assert repr(odd).startswith(f"<{module}.{name} ") and all(f"{key}=" in repr(odd) for key in attributes)


def test_aware_datetimes_are_aware(aware: "dict[str, Any]") -> None:
    assert len(aware["found"]) >= 4
    for name, moments in aware["found"].items():
        for moment, (text, offset, stamp, in_utc) in zip(moments, aware["expected"][name]):
            told = (str(moment), moment.utcoffset(), moment.timestamp())
            assert told == (text, offset, stamp), name
            assert str(moment.astimezone(datetime.timezone.utc)) == in_utc, name
        keys = aware["keys"][name]
        assert type(keys) is dict and [keys[moment] for moment in moments] == aware["places"][name], name
    assert str(aware["clock"]) == "01:02:00-05:00" and "2024-07-01 12:00:00-05:00" in repr(aware["late"])


def test_a_zone_that_only_code_of_the_program_knows(aware: "dict[str, Any]") -> None:
    unknown = aware["unknown"]
    with pytest.raises(DumpedCodeError, match="Fixed is computed by code of the program"):
        unknown.utcoffset()
    assert unknown.tzinfo is not None and unknown.replace(tzinfo=None) == datetime.datetime(2024, 7, 1, 12)
    assert len(aware["of_unknown"]) == 2 and aware["of_unknown"][unknown] == 1
    assert "tzinfo=<__main__.Fixed, of an offset that is not known>" in bounded_repr(unknown)


def test_a_zone_of_a_file_stays_one(aware: "dict[str, Any]") -> None:
    if aware["file"] is None:
        pytest.skip("/usr/share/zoneinfo/Europe/Berlin is not on this machine")
    assert isinstance(aware["of_file"].tzinfo, datetime.tzinfo)
    with pytest.raises(DumpedCodeError):
        aware["of_file"].utcoffset()


def test_a_missing_zone_makes_no_datetime_naive(tmp_path: Path) -> None:
    program = DumpedProgram()
    names = ["data", "hashcode", "hastzinfo", "fold", "tzinfo"]
    cls = program.builtin("datetime", "datetime", "datetime.datetime", fields=names)
    data = bytes([7, 232, 7, 1, 12, 0, 0, 0, 0, 0])
    made = program.add(1, ref(cls), None, None, [data, -1, 1, 0, ref(10_000)])
    program.thread([program.frame(program.code("f", "x.py"), {"moment": ref(made)}, 1)])
    with program.load(tmp_path / "zone.dump") as dump:
        moment = dump.threads[0].frames[0].f_locals["moment"]
        assert type(moment) is datetime.datetime and "missing" in repr(moment)
        assert not isinstance(moment.tzinfo, (Missing, type(None)))
        with pytest.raises(DumpedCodeError):
            str(moment)


def test_a_zone_of_listed_transitions() -> None:
    """As dateutil 2 tells them: summer time from March to October 2024, and a last transition to be standard time from."""
    moments = [1711846800, 1729990800, 2000000000]
    zone = ListedZone(moments, [1711850400, 1729994400, 2000003600], [7200, 3600, 7200], 3600, 3600)
    for text, hours in (
        ("2024-01-01 12:00", 1),
        ("2024-07-01 12:00", 2),
        ("2024-12-01 12:00", 1),
        ("2036-01-01 12:00", 1),
    ):
        moment = datetime.datetime.fromisoformat(text).replace(tzinfo=zone)
        assert moment.utcoffset() == datetime.timedelta(hours=hours), text
        assert moment.astimezone(datetime.timezone.utc).astimezone(zone) == moment
    twice = datetime.datetime(2024, 10, 27, 2, 30, tzinfo=zone)
    offsets = [twice.replace(fold=fold).utcoffset() for fold in (0, 1)]
    assert offsets == [datetime.timedelta(hours=2), datetime.timedelta(hours=1)]
    back = [datetime.datetime.fromtimestamp(stamp, zone) for stamp in (1729989000, 1729992600)]
    assert [str(one) for one in back] == ["2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+01:00"]
