# SPDX-License-Identifier: Apache-2.0
"""Names of the program that are also names of the viewer's, of Python's or of each other: what an attribute is."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from pyheapdump.view import Dump, DumpedCodeError, load

PROGRAM = """
import abc, collections, enum, socket, sys, typing
import pyheapdump

class Registry:
    registry = ["kept"]
    def register(self): pass

class Late(type, Registry): limit = 3
class Early(Registry, type):
    limit = 4
    def find(cls): pass
class Abstract(abc.ABCMeta, Registry): pass
class EnumMeta(enum.EnumMeta, Registry): pass
class OfLate(metaclass=Late): pass
class OfEarly(metaclass=Early): size = 5
class OfAbstract(metaclass=Abstract): pass
class OfEnumMeta(enum.Enum, metaclass=EnumMeta): A = 1
class Meta(type): pass
class MetaOfMeta(type): tag = "meta"
class OfMeta(type, metaclass=MetaOfMeta): pass
class Nested(metaclass=OfMeta): pass

class Names:
    describe, mro, heap, base, info, cls, map, fields, real, complete, content = range(11)
    _pyheapdump = "ours?"
class Slots:
    __slots__ = ("describe", "mro", "heap", "id", "base", "unset", "_pyheapdump_info")
class Hooks:
    @property
    def __class__(self): raise SystemExit("it ran")
    def __getattr__(self, name): raise SystemExit("it ran")
    def __len__(self): raise SystemExit("it ran")
    def __bool__(self): raise SystemExit("it ran")
class MetaHooks(type):
    @property
    def __class__(cls): raise SystemExit("it ran")
    def __getattr__(cls, name): raise SystemExit("it ran")
    def __repr__(cls): raise SystemExit("it ran")
    def __instancecheck__(cls, other): raise SystemExit("it ran")
class OfMetaHooks(metaclass=MetaHooks): mro = "a name"
class list_(list):
    count = "of the class"
    def index(self): return "its own"
list_.__name__ = list_.__qualname__ = "list"
Row = collections.namedtuple("Row", "index count name")
class Typed(typing.NamedTuple):
    count: int
    values: str
class Items(dict):
    keys = ("of", "the", "class")
class Hidden:
    def __init__(self): self.__dict__["total"] = "not what it gives"
    @property
    def total(self): return 7
class Base:
    __slots__ = ("x", "__dict__")
class Child(Base):
    x = 5
class Text(str):
    title = "Mr"
class Fails(Exception):
    args = "of the class"

def main():
    names, slots, hooks, of_hooks = Names(), Slots(), Hooks(), OfMetaHooks()
    for number, name in enumerate(Slots.__slots__):
        if name != "unset": setattr(slots, name, number)
    names.info = "of the instance"
    rows, typed, items, child, text = list_([1, 2]), Typed(3, "v"), Items(a=1), Child(), Text("knuth")
    items.values = "of the instance"
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    row, hidden, fails = Row(1, 2, "n"), Hidden(), Fails("lost")
    weird = [OfLate, OfEarly, OfAbstract, OfEnumMeta, Nested, OfMetaHooks, OfLate(), OfEarly(), of_hooks, hooks]
    classes = {cls.__name__: cls for cls in (OfLate, OfEarly, OfAbstract, Nested, OfMeta, Early, OfMetaHooks, Names)}
    pyheapdump.dump(sys.argv[1])

main()
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("names") / "names.dump"
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(made)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def found(path: Path) -> "Iterator[dict[str, Any]]":
    with load(path) as dump:
        assert isinstance(dump, Dump)
        yield dict(dump.threads[0].frames[-1].f_locals)


@pytest.mark.parametrize("options", [["--summary"], ["--json"], ["--threads"], ["--locks"], ["--largest"], ["--pdb"]])
def test_views(path: Path, options: "list[str]") -> None:
    commands = (
        "args\np weird\npp weird\np classes\nwhatis weird[0]\ndisplay weird\nweird\nl\nll\nw\np hooks, of_hooks\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pyheapdump.view", str(path), *options],
        input=commands, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "bug in the viewer" not in done.stderr, done.stderr
    assert "KeyError" not in done.stdout and "not shown" not in done.stdout and "it ran" not in done.stdout
    if options[0] in ("--summary", "--json", "--pdb"):
        assert "[<class '__main__.OfLate'>, <class '__main__.OfEarly'>, <class '__main__.OfAbstract'>" in done.stdout


def test_classes_with_metaclasses_show_as_classes(found: "dict[str, Any]") -> None:
    for name, cls in found["classes"].items():
        assert isinstance(cls, type) and repr(cls) == f"<class '__main__.{name}'>" and cls.__name__ == name
        assert "__module__" in vars(cls) and isinstance(dir(cls), list)
        assert not any("pyheapdump" in key and key != "_pyheapdump" for key in vars(cls))
        with pytest.raises(DumpedCodeError):
            cls()


def test_attributes_of_classes(found: "dict[str, Any]") -> None:
    classes = found["classes"]
    assert (classes["OfLate"].limit, classes["OfEarly"].limit, classes["OfEarly"].size) == (3, 4, 5)
    assert classes["OfEarly"].registry == ["kept"] and classes["OfEarly"].find.__self__ is classes["OfEarly"]
    assert classes["OfMeta"].tag == "meta" and classes["OfMetaHooks"].mro == "a name"
    assert classes["Early"].registry == ["kept"] and classes["OfLate"].mro()[0] is classes["OfLate"]
    assert [getattr(classes["Names"], name) for name in ("describe", "mro", "heap", "base", "info")] == [0, 1, 2, 3, 4]
    with pytest.raises(AttributeError):
        classes["OfLate"].describe
    classes["OfLate"].describe = "assigned"
    assert classes["OfLate"].describe == "assigned" and "describe" in vars(classes["OfLate"])


def test_attributes_of_instances(found: "dict[str, Any]") -> None:
    names, slots = found["names"], found["slots"]
    assert (names.describe, names.mro, names.complete, names.info, names._pyheapdump) == (
        0,
        1,
        9,
        "of the instance",
        "ours?",
    )
    given = {name: getattr(slots, name) for name in ("describe", "mro", "heap", "id", "base", "_pyheapdump_info")}
    assert list(given.values()) == [0, 1, 2, 3, 4, 6]
    with pytest.raises(AttributeError):
        slots.unset
    assert found["of_hooks"].mro == "a name"


def test_what_hides_a_name_of_a_builtin_base(found: "dict[str, Any]") -> None:
    row, typed, rows, items, text = (found[name] for name in ("row", "typed", "rows", "items", "text"))
    assert (row.index, row.count, row.name, typed.count, typed.values) == (1, 2, "n", 3, "v")
    assert (rows.count, text.title, items.keys, items.values) == (
        "of the class",
        "Mr",
        ("of", "the", "class"),
        "of the instance",
    )
    assert rows.index(2) == 1, "what can be called is that of the builtin base"
    assert list(items.items()) == [("a", 1)] and text.upper() == "KNUTH"
    assert found["fails"].args == ("lost",) and str(found["fails"]) == "lost", "of which its text is made"


def test_a_property_is_shown_whatever_the_instance_dict_has(found: "dict[str, Any]") -> None:
    hidden = found["hidden"]
    assert type(hidden.total) is property and vars(hidden) == {"total": "not what it gives"}
    assert found["child"].x == 5
    assert (found["connection"].family, found["connection"].type) == (2, 2), "what C keeps, a property only tells"


def test_names_of_instances_with_hooks(found: "dict[str, Any]") -> None:
    for one in found["weird"][-4:]:
        assert repr(one).startswith("<__main__.") and type(one) is one.__class__ and isinstance(dir(one), list)
