# SPDX-License-Identifier: Apache-2.0
"""Members of enumerations in the viewer: the program itself says what Python shows of each."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from pyheapdump.view import DumpedCodeError, load

PROGRAM = """
import enum, http, re, signal, sys
import pyheapdump

class Color(enum.Enum): RED = 1; GREEN = "g"; ROT = 1
class Level(enum.IntEnum): LOW = 1; HIGH = 2
class Kind(str, enum.Enum): A = "a"; B = "bee"
class Access(enum.Flag): R = 1; W = 2; X = 4
class Bits(enum.IntFlag): R = 1; W = 2
class Point(enum.Enum):
    ORIGIN = (0, 0)
    UNIT = [1, 1]
    @property
    def name(self): return "its own"
class Shown(enum.Enum):
    A = 1
    def label(self): return "a"
class Empty(enum.Enum): pass

def main():
    members = [Color.RED, Color.GREEN, Level.HIGH, Kind.B, Access.R, Access.R | Access.X, Access(0), Bits.R | Bits.W,
               http.HTTPStatus.OK, signal.SIGTERM, Shown.A, Point.ORIGIN, Point.UNIT]
    if hasattr(enum, "StrEnum"):
        members.append(enum.StrEnum("Text", "ONE TWO").TWO)
    plain = [one for one in members if not isinstance(one, Point)]
    expected = [(repr(one), str(one), "{}".format(one), one.name, one.value) for one in plain]
    keys, of_enum, empty, point = {Color.RED: 1, Color.GREEN: 2}, {Color.RED}, Empty, Point.ORIGIN
    pyheapdump.dump(sys.argv[1])

main()
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[dict[str, Any]]":
    made: Path = tmp_path_factory.mktemp("enums") / "enums.dump"
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(made)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with load(made) as dump:
        frame = dump.threads[0].frames[-1]
        yield {**frame.f_globals, **frame.f_locals}


def test_members_are_shown_as_python_shows_them(found: "dict[str, Any]") -> None:
    assert len(found["plain"]) >= 11
    for member, expected in zip(found["plain"], found["expected"]):
        assert (repr(member), str(member), f"{member}", member.name, member.value) == tuple(expected)


def test_members_by_class(found: "dict[str, Any]") -> None:
    color, level, red = found["Color"], found["Level"], found["members"][0]
    assert (
        color.RED is red and color["RED"] is red and color.ROT is red and color(1) is red and color("g") is color.GREEN
    )
    assert list(color) == [red, color.GREEN] and len(color) == 2 and red in color and level.LOW not in color
    assert red.value == 1 and level.HIGH == 2 and level.HIGH + 1 == 3 and level(2) is level.HIGH
    assert found["keys"][color.GREEN] == 2 and red in found["of_enum"] and len(found["empty"]) == 0 and found["empty"]
    for call in (lambda: color(5), lambda: color([1]), lambda: color(), lambda: found["empty"]("A", "B C")):
        with pytest.raises(DumpedCodeError):
            call()
    with pytest.raises(KeyError):
        color["BLUE"]


def test_what_a_class_makes_of_its_members_itself(found: "dict[str, Any]") -> None:
    assert type(found["point"].name) is property and found["point"].value == (0, 0)
    assert repr(found["point"]) == "<Point.ORIGIN: (0, 0)>" and found["Shown"].A.label.__name__ == "label"
