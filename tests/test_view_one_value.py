# SPDX-License-Identifier: Apache-2.0
"""One value that cannot be made or shown costs that value, in every view; and no value costs more than its bounds."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyheapdump.view import NotShown, load
from pyheapdump.view.display import FULL, bounded_repr, full_repr
from pyheapdump.view.locks import Locks, locks_text
from pyheapdump.view.messages import MAX_MESSAGE, bounded_texts, message_of
from pyheapdump.view.pretty import pretty
from pyheapdump.view.report import report
from pyheapdump.view.thread_text import threads_text
from support.dumped_program import DICT, LIST, DumpedProgram
from support.format_writer import ref

VIEWS = [["--summary"], ["--json"], ["--threads"], ["--locks"], ["--largest"], ["--native"], ["--pdb"]]
COMMANDS = (
    "args\np bad\npp bad\nbad\np [bad, good]\npp everything\ndisplay bad\ndisplay\nwhatis bad\nw\nl\nll\nsource bad\n"
    "up\nlocks\nlargest\nthreads\nthread 0\np good\n"
)

# Breaks one step of making or showing what is called Bad, then runs the command.
RUN = (
    f"""
VIEWS = {VIEWS}
"""
    + """
import sys
from pyheapdump.view import classes, heap, kinds
from pyheapdump.view.cli import main

def fails(*args, **kwargs):
    raise KeyError("broken on purpose")

def for_bad(original, of=lambda first, node=None, *rest: first if node is None else node):
    def patched(*args, **kwargs):
        node = of(*args)
        if getattr(getattr(node, "info", None), "map", {}).get("name") == "Bad":
            fails()
        return original(*args, **kwargs)
    return patched

where = sys.argv.pop(1)
if where in ("create", "parts", "before", "cost", "lazy", "fill", "content", "fields"):
    for step in (["create", "lazy"] if where == "lazy" else [where]):
        setattr(kinds.Plain, step, for_bad(getattr(kinds.Plain, step)))
elif where == "choose":
    original = heap.choose
    heap.choose = lambda own, rid, record: (
        fails() if own.classes.info(record[1].id).map.get("name") == "Bad" else original(own, rid, record)
    ) if record[0] == 1 else original(own, rid, record)
elif where == "describe":
    original_parts = classes.parts_of
    classes.parts_of = lambda one, *rest: fails() if type(one).__name__ == "Bad" else original_parts(one, *rest)
elif where == "attributes":
    original_attributes = heap.Heap.attributes
    heap.Heap.attributes = lambda own, one: (
        fails() if type(one).__name__ == "Bad" else original_attributes(own, one)
    )
for options in VIEWS:
    print("=====", *options, flush=True)
    assert main([sys.argv[1], *options]) == 0
"""
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = DumpedProgram()
    bad = program.instance(program.cls("Bad", fields=["slot"]), {"id": 17}, [5])
    good = program.instance(program.cls("Good"), {"name": "fine"})
    everything = program.add(DICT, "bad", ref(bad), "good", ref(good), "list", ref(program.add(LIST, ref(bad), 1)))
    names = {"bad": ref(bad), "good": ref(good), "everything": ref(everything)}
    outer = program.frame(program.code("<module>", "app.py"), {}, 1)
    code = program.code("load", "app.py", 1, co_argcount=2, co_varnames=["bad", "good"])
    frame = program.frame(code, names, 3, back=outer)
    program.failed_with(program.exception("ValueError", ["lost"], [(outer, 1), (frame, 3)]), [frame, outer])
    program.dump.source("app.py", "load(1, 2)\n\nraise ValueError('lost')\n")
    return program.write(tmp_path_factory.mktemp("bad") / "bad.dump")


@pytest.mark.parametrize(
    "where", ["create", "lazy", "choose", "fields", "content", "describe", "attributes", "parts", "before"]
)
def test_an_error_costs_its_value(made: Path, where: str) -> None:
    command = [sys.executable, "-c", RUN, where, str(made)]
    done = subprocess.run(command, input=COMMANDS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "bug in the viewer" not in done.stderr, done.stderr
    views = done.stdout.split("===== ")[1:]
    assert len(views) == len(VIEWS)
    for text in views:
        if text.split("\n")[0] in ("--summary", "--json", "--pdb"):
            assert "name='fine'" in text, "the values beside it are shown"
            if where not in ("create", "parts", "before"):  # without those it is made in another way: nothing is lost
                assert "KeyError: 'broken on purpose'" in text and "not shown: " in text, text
    assert views[-1].count("(dump) ") > COMMANDS.count("\n"), "each command had its prompt"


# --- objects of a program --------------------------------------------------------------------------------------------

WEIRD = """
import sys, threading, time
import pyheapdump

class int_(int): pass
int_.__name__ = int_.__qualname__ = "int"
class Broken:
    __slots__ = ("__dict__", "__weakref__")
class Swapped: pass
class Named: pass
Named.__name__ = "a\\x1b[31m\\nname"
Named.__qualname__ = "x" * 100_000
Named.__module__ = 5
class NoModule: pass
NoModule.__module__ = None
class Node:
    def __init__(self): self.me, self.all, self.cls = self, [self], Node
    def __eq__(self, other): raise SystemExit
    __hash__ = None
class Length(list):
    def __len__(self): return -1
    def __iter__(self): raise SystemExit
class Keys(dict):
    def __getitem__(self, key): raise SystemExit
class Error(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
class Group(Exception): pass

class Manager:
    _lock = property(lambda self: sys.exit("it ran"))
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def __getattr__(self, name): raise RuntimeError(name)
class OfClass:
    @property
    def __class__(self): raise RuntimeError("it ran")
class Cond:
    _lock = _cond = 7
    def __eq__(self, other): raise SystemExit
def waiting(lock, *weird):
    manager, of_class, cond, length, keys = Manager(), OfClass(), Cond(), Length([1]), Keys(_lock=1)
    with manager, lock: time.sleep(0)
lock = threading.Lock()
lock.acquire()
threading.Thread(target=waiting, args=(lock,), daemon=True, name="w").start()

def load(number, text, *rest, **named):
    time.sleep(0.1)  # the other thread waits by now
    huge, negative, nested, wide = 1 << 4_000_000, -(1 << 5_000_000), [], {}
    for _ in range(100_000): nested = [nested]
    for _ in range(50_000): wide = {"next": wide}
    ring = []; ring.append(ring); both = (ring, {}); both[1][0] = both; ring.append({"ring": ring, "both": both})
    Node.node = node = Node(); swapped = Swapped(); swapped.__dict__ = {1: 2} if False else {"a": swapped}
    swapped.__class__ = Named
    odd = Broken(); odd.__dict__["\\x1b[2J"] = 1; odd.__dict__[""] = odd; odd.__dict__["x" * 10_000] = 1
    no_module, length, keys = NoModule(), Length([1]), Keys(a=1)
    error = Error("text", Error(), [Error])
    error.__cause__ = error.__context__ = other = Group(error); other.__context__ = error
    named_class, int_value, surrogate = Named, int_(5), "\\udcff\\ud800"
    shared = ["row %d" % number for number in range(5_000)]
    shared = [shared] * 5_000
    spaces = type(sys.implementation)(shared=shared, error=ValueError(shared), values={"v": shared}.values())
    text_of_millions = "x" * 3_000_000
    raise KeyError(shared)

try:
    load(1, "two", 3, four=4)
except KeyError as problem:
    pyheapdump.dump(sys.argv[1], exc=problem)
"""


@pytest.fixture(scope="module")
def weird(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weird") / "weird.dump"
    done = subprocess.run([sys.executable, "-c", WEIRD, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return path


NAMES = (
    "huge negative nested wide ring both node swapped odd no_module length keys error other named_class int_value"
    " surrogate shared spaces text_of_millions"
).split()


@pytest.mark.parametrize("options", VIEWS)
def test_weird_objects(weird: Path, options: "list[str]") -> None:
    commands = [f"{command} {name}" for name in NAMES for command in ("p", "pp", "whatis", "display")]
    commands += ["args", "ll", "l", "w", "up", "down", "locks", "largest", "exceptions", *NAMES, "p 'the end'"]
    done = subprocess.run(
        [sys.executable, "-m", "pyheapdump.view", str(weird), *options],
        input="\n".join(commands) + "\n",
        capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
    )  # fmt: skip
    assert done.returncode == 0 and "bug in the viewer" not in done.stderr, done.stderr
    assert len(done.stdout) < (20_000_000 if options == ["--pdb"] else 200_000)
    assert "\x1b" not in done.stdout and "not shown" not in done.stdout
    if options == ["--pdb"]:
        assert "'the end'" in done.stdout and "MemoryError" not in done.stdout
    if options[0] in ("--summary", "--pdb"):
        assert "KeyError: [['row 0', 'row 1'" in done.stdout
    if options[0] in ("--threads", "--locks"):
        assert "waits for lock" in done.stdout


def test_texts_of_exceptions_are_bounded_and_put_back(weird: Path) -> None:
    with load(weird) as dump:
        error = dump.exception
        assert error is not None
        arguments = error.args
        assert MAX_MESSAGE < len(message_of(error)) < 2 * MAX_MESSAGE and error.args is arguments
        with bounded_texts(error):
            assert error.args is not arguments and len(str(error)) < 2 * MAX_MESSAGE
        assert error.args is arguments and type(arguments[0]) is list


def test_members_and_notes_of_exceptions() -> None:
    many = [["x" * 100] * 1000] * 1000
    for error in (
        OSError(2, many, many),
        ImportError(many),
        ValueError(*many),
        ValueError(KeyError(many)),
        SystemExit(many),
    ):
        error.__cause__ = KeyError(error, many)
        assert len(message_of(error)) < 3 * MAX_MESSAGE and many[0][0] == "x" * 100
    error = ValueError("short")
    error.__notes__ = ["note"] * 1000  # type: ignore[attr-defined]
    with bounded_texts(error):
        assert len(error.__notes__) == 101 and "900 more notes" in str(error.__notes__[-1])  # type: ignore[attr-defined]
    assert len(error.__notes__) == 1000  # type: ignore[attr-defined]
    assert message_of(ValueError("x" * 50_000)).endswith("...<50,000 characters>")
    assert message_of(OSError(2, "gone", "file")) == "[Errno 2] gone: 'file'" and message_of(KeyError("a")) == "'a'"


# --- the texts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        [1, (2,), {}, set(), {3}, frozenset({1}), range(3), slice(1, 2, None), ValueError("x", 1), KeyError("a"), "a" * 300],
        {"a": [(), ((),)], 1: {2: {3: b"\x00"}}, None: 1.5, "long": list(range(2_000))},
        [10**200, -(10**1000), True, ..., NotImplemented, int, ValueError],
    ],
)  # fmt: skip
def test_what_is_short_shows_as_python_shows_it(value: Any) -> None:
    assert full_repr(value) == repr(value)


def test_circles_show_as_python_shows_them() -> None:
    ring: "list[Any]" = [1]
    ring += [ring, {"ring": ring}, (ring,)]
    assert full_repr(ring) == repr(ring)


def test_a_whole_text_is_bounded() -> None:
    shared: "Any" = ["x"] * 5_000
    for _ in range(5):
        shared = [shared] * 5_000
    assert len(full_repr(shared)) < 2 * FULL and "... 4,9" in full_repr(shared)
    assert len(bounded_repr(KeyError(shared))) < 2_000 and len(pretty(shared)) < 3 * FULL


def test_a_value_that_fails_within_others() -> None:
    class Fails:
        def __repr__(self) -> str:
            raise KeyError("nothing")

    assert bounded_repr([1, Fails(), 2]) == "[1, <not shown: KeyError: 'nothing'>, 2]"
    assert full_repr({"a": Fails()}) == "{'a': <not shown: KeyError: 'nothing'>}"
    assert repr(NotShown(ValueError())) == "<not shown: ValueError>"


def test_pp_has_an_attribute_a_line(made: Path) -> None:
    with load(made) as dump:
        good = dump.threads[0].frames[-1].f_locals["good"]
        assert pretty(good, 60).startswith("<app.Good name='fine' at 0x")
        for number in range(12):
            setattr(good, f"attribute{number}", [number] * 3)
        lines = pretty(good).split("\n")
    assert lines[0] == "<app.Good" and "  name='fine'" in lines and "  attribute11=[11, 11, 11]" in lines[-1]
    assert pretty({"key": list(range(40)), "b": 1}).split("\n")[:3] == ["{'key': [0,", "         1,", "         2,"]
    assert pretty([1, 2]) == "[1, 2]"


@pytest.mark.parametrize("broken", ["_lock_of", "_wait_of"])
def test_what_a_thread_waits_for_costs_that_thread(weird: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(Locks, broken)

    def fails_for_one(own: Locks, thread: Any) -> Any:
        if thread.name == "w":
            raise KeyError("broken on purpose")
        return original(own, thread)

    monkeypatch.setattr(Locks, broken, fails_for_one)
    with load(weird) as dump:
        for text in (locks_text(dump), threads_text(dump)):
            assert "what it waits for: <not shown: KeyError: 'broken on purpose'>" in text and "MainThread" in text
        assert "broken on purpose" in str(report(dump)["threads"])
