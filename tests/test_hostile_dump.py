# SPDX-License-Identifier: Apache-2.0
"""Dumps that lie: nothing of them runs, nothing is imported, nothing crashes, recurses or hangs (promise 4).

Each test makes a file that no writer of ours would, opens it, and looks at everything in it.
"""

import builtins
import inspect
import json
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from pyheapdump.view import DumpError, load
from pyheapdump.view.inert import INERT
from pyheapdump.view.largest import largest_text
from pyheapdump.view.layouts import LAYOUTS as REBUILT
from pyheapdump.view.missing import Missing
from pyheapdump.view.report import report
from pyheapdump.view.stack_text import exception_text, locals_of
from support.dumped_program import (
    DICT,
    EXCEPTION_FIELDS,
    FRAME,
    LIST,
    MAPPED,
    OBJECT,
    TUPLE,
    TYPE,
    DumpedProgram,
    failing_program,
)
from support.format_writer import ABSENT, Block, address, encode, forward, missing, ref, run

SPLIT = 16


@pytest.fixture
def program() -> DumpedProgram:
    return DumpedProgram()


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No test may import a module that a dump names, and each takes less than ten seconds of work."""
    before = set(sys.modules)
    started = time.process_time()
    yield
    assert time.process_time() - started < 10
    assert not (set(sys.modules) - before) & {"antigravity", "evil", "app", "this"}


def look_at(found: Any) -> str:
    """What a debugger does with an object."""
    text = repr(found)
    assert len(text) < 100_000 and text.isprintable(), text[:200]
    dir(found)
    hash(type(found))
    isinstance(found, dict)
    getattr(found, "missing_attribute", None)
    if isinstance(found, type):
        vars(found)
        found.__mro__
    return text


def look_at_all(dump: Any) -> None:
    """Every object of a dump, and everything the summary shows."""
    for rid in range(dump.file.object_count):
        look_at(dump.heap.get(rid))
    for thread in dump.threads:
        for frame in thread.frames:
            look_at(frame.f_locals)
            locals_of(frame)
        traceback.format_stack(thread.frames[-1]) if thread.frames else None
    if dump.exception is not None:
        traceback.format_exception(type(dump.exception), dump.exception, dump.exception.__traceback__)
    assert largest_text(dump, 100).replace("\n", "").isprintable()


def all_of(program: DumpedProgram, tmp_path: Path) -> Any:
    dump = program.load(tmp_path / "hostile.dump")
    look_at_all(dump)
    return dump


# --- classes ----------------------------------------------------------------------------------------------------

HOOKS = """
__class__ __getattribute__ __getattr__ __setattr__ __delattr__ __del__ __eq__ __ne__ __hash__ __repr__ __str__ __bool__
__len__ __iter__ __next__ __contains__ __getitem__ __dir__ __call__ __new__ __init__ __init_subclass__ __set_name__
__instancecheck__ __subclasscheck__ __mro_entries__ __prepare__ __reduce__ __reduce_ex__ __getstate__ __setstate__
__copy__ __deepcopy__ __sizeof__ __format__ __fspath__ __index__ __int__ __float__ __get__ __set__ __delete__ __slots__
__dict__ __weakref__ __doc__ __module__ __qualname__ __name__ __bases__ __mro__ __annotations__ __abstractmethods__
__enter__ __exit__ __await__ __missing__ __length_hint__ __class_getitem__ __match_args__ __lt__ __add__ __radd__
_repr_html_ _repr_pretty_ _ipython_display_ __rich_repr__ mro
""".split()


@pytest.mark.parametrize("base", ["object", "list", "dict", "tuple", "str", "int", "set", "ValueError"])
def test_hooks_of_the_dump_never_take_effect(program: DumpedProgram, tmp_path: Path, base: str) -> None:
    """Every special name in the class's dict, as a function, a number or an instance with the same names."""
    codes = {"list": 9, "dict": 10, "tuple": 8, "str": 5, "int": 2, "set": 11}
    contents = {"list": [9, 1], "dict": [10, 1, 2], "tuple": [8, 1], "str": [5, "x"], "int": [2, 5], "set": [11, 1]}
    real = program.builtin(base)
    function = program.special("function", {"__code__": ref(program.code("evil", "evil.py")), "__name__": "evil"})
    namespace = {name: ref(function) for name in HOOKS}
    layout = {"layout": base if base != "object" else "object", **({"base_code": codes[base]} if base in codes else {})}
    mro = [real] if base == "object" else [real, program.object]
    cls = program.cls("Evil", [real], namespace, mro, **layout)
    attributes = {name: 5 for name in HOOKS}
    rids = [
        program.instance(cls, attributes, base=contents.get(base)),
        program.instance(cls, {}, base=contents.get(base)),
    ]
    program.add(LIST, *map(ref, rids))
    keys = program.add(DICT, ref(rids[0]), 1, ref(rids[1]), 2)
    dump = all_of(program, tmp_path)
    first, second = (dump.heap.get(rid) for rid in rids)
    assert type(first).__name__ == "Evil" and first.__class__ is type(first)
    assert isinstance(hash(first), int) and first == first and len(dump.heap.get(keys)) == 2
    assert bool(first) in (True, False) and str(first) == f"{first}"
    assert type(first).__mro__[-1] is object and issubclass(type(first), type(first))
    del first, second


def test_a_property_is_not_called(program: DumpedProgram, tmp_path: Path) -> None:
    function = program.special("function", {"__code__": ref(program.code("evil", "evil.py")), "__name__": "evil"})
    getter = program.special("property", {"fget": ref(function), "fset": None, "fdel": None, "__doc__": None})
    rid = program.instance(program.cls("Order", namespace={"total": ref(getter)}), {})
    dump = all_of(program, tmp_path)
    assert dump.heap.get(rid).total is dump.heap.get(getter)


def test_cyclic_types(program: DumpedProgram, tmp_path: Path) -> None:
    """A type that is its own base, metaclass and dict; two that derive from each other; a type that is a list."""
    own = program.add(TYPE, {})
    itself = ref(program.add(TUPLE, ref(own), ref(own)))
    described = {
        "name": "Own",
        "bases": itself,
        "mro": itself,
        "metatype": ref(own),
        "dict": ref(own),
        "layout": "object",
    }
    program.dump.set(own, [TYPE, described])
    first, second = program.add(TYPE, {}), program.add(TYPE, {})
    for one, other in ((first, second), (second, first)):
        both = ref(program.add(TUPLE, ref(other), ref(one)))
        program.dump.set(one, [TYPE, {"name": "Ring", "bases": both, "mro": both, "metatype": ref(other)}])
    not_a_type = program.add(LIST, 1)
    for cls in (own, first, not_a_type, program.dump.next_id, 10**9):
        program.add(OBJECT, ref(cls), None, {"id": 1}, [1, 2, 3], [16, ref(own)])
    program.add(OBJECT, ref(program.dump.next_id))
    all_of(program, tmp_path)


def test_a_chain_of_metaclasses(program: DumpedProgram, tmp_path: Path) -> None:
    first = program.dump.next_id
    for _ in range(20_000):
        program.add(TYPE, {"name": "Meta", "metatype": forward(1), "layout": "object"})
    dump = program.load(tmp_path / "chain.dump")
    look_at(dump.heap.get(first))


def test_a_long_inheritance(program: DumpedProgram, tmp_path: Path) -> None:
    """Each class derives from the one before, without a mro; and one with a mro of ten million."""
    base = program.object
    for _ in range(5000):
        base = program.add(TYPE, {"name": "Deep", "bases": ref(program.add(TUPLE, ref(base))), "heap": True})
    many = program.add(TUPLE, run(0, 10_000_000))
    wide = program.add(TYPE, {"name": "Wide", "bases": ref(many), "mro": ref(many)})
    dump = program.load(tmp_path / "deep.dump")
    for rid in (base, wide):
        look_at(dump.heap.get(rid))


@pytest.mark.parametrize(
    "bases", [["int", "str"], ["list", "dict"], ["bool"], ["NoneType"], ["function"], ["int", "int"]]
)
def test_bases_that_cannot_be(program: DumpedProgram, tmp_path: Path, bases: Any) -> None:
    ids = [program.builtin(name) for name in bases]
    cls = program.cls("Odd", ids, mro=[*ids, program.object], base_code=9)
    rid = program.instance(cls, {"id": 1}, base=[LIST, 1])
    dump = all_of(program, tmp_path)
    found = dump.heap.get(rid)
    assert type(found).__name__ == "Odd" and found.id == 1


@pytest.mark.parametrize(
    "name",
    ["a\0b", "x" * 10_000_000, "", "\x1b[31m", "\udc80", "\u202e", "__class__", "None", 5, None, [1], missing("x")],
)
def test_odd_names(program: DumpedProgram, tmp_path: Path, name: Any) -> None:
    cls = program.cls("Odd", name=name, qualname=name, module=name, fields=[name, 5, "ok"], doc=name)
    rid = program.instance(cls, {}, [1, 2, 3])
    code = program.code("f", "f.py", co_name=name, co_qualname=name, co_filename=name, co_varnames=[name, name, 5])
    program.frame(code, {"x": 1}, 5)
    program.special("function", {"__code__": ref(code), "__name__": name, "__qualname__": name, "__module__": name})
    dump = all_of(program, tmp_path)
    assert len(repr(dump.heap.get(rid))) < 2000


# --- objects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_wrong_codes_everywhere(program: DumpedProgram, tmp_path: Path, seed: int) -> None:
    """References of every record to every other kind of record, at random; the seed makes it the same each time."""
    chance = random.Random(seed)
    count = 600

    def value(depth: int = 0) -> Any:
        made = [
            lambda: ref(chance.randrange(count + 5)),
            lambda: chance.choice([None, True, 0, -1, 2**64, 1.5, float("nan"), "text", "\x1b[2J", b"bytes", 2j]),
            lambda: chance.choice([ABSENT, missing("gone"), address(5), run(chance.randrange(count), 3)]),
            lambda: [chance.randrange(20), *(value(depth + 1) for _ in range(3))] if depth < 2 else None,
            lambda: {chance.choice(KEYS): value(depth + 1) for _ in range(8)} if depth < 2 else None,
        ]
        return chance.choice(made)()

    def described() -> Any:
        return {key: value() for key in chance.sample(KEYS, 8)}

    for _ in range(count):
        code = chance.choice([0, 1, 2, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 99])
        plausible = {
            1: [ref(chance.randrange(count)), value(), described(), [value() for _ in range(8)]],
            13: [{**described(), "layout": chance.choice(LAYOUTS), "fields": chance.sample(FIELDS, 8)}],
            14: [described()],
            17: [ref(chance.randrange(count)), described()],
        }
        odd = code not in plausible or chance.random() < 0.3
        program.add(code, *([value() for _ in range(chance.randrange(6))] if odd else plausible[code]))
    program.roots["threads"] = [{"frames": [ref(i) for i in range(count)], "name": value(), "exception": value()}]
    program.roots["exception"] = ref(chance.randrange(count))
    all_of(program, tmp_path)


FIELDS = """args __cause__ __context__ __traceback__ exceptions message __code__ __closure__ __globals__ __defaults__
    __dict__ __func__ __self__ fget cell_contents mapping wr_object frame content shape strides dtype kind names fields data
    maxlen default_factory func keywords _buf _pos typecode format start stop step tzinfo hastzinfo fold offset name
    __origin__ __args__""".split()

KEYS = [
    *("name", "qualname", "module", "bases", "mro", "dict", "layout", "fields", "metatype", "base_code", "heap"),
    *("code", "globals", "locals", "back", "position", "namespace", "stack", "tb_next", "tb_frame", "tb_lineno"),
    *("co_name", "co_filename", "co_firstlineno", "co_varnames", "co_argcount", "co_flags", "co_consts", "co_freevars"),
]


LAYOUTS = sorted({*INERT, *REBUILT, "weakref.ReferenceType", "BaseException", "no such layout"})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_types_that_have_lost_their_bases(program: DumpedProgram, tmp_path: Path, layout: str) -> None:
    """In a damaged heap a type may say that it is laid out like a deque, and derive from nothing."""
    cls = program.cls(layout.rpartition(".")[2], layout=layout, fields=["maxlen", "start", "stop"])
    for base in (None, [5, "x"], [9, 1, 2], [10, "a", 1], [SPLIT, 9, 10**6], [17, None, {"frame": 5}]):
        program.instance(cls, {"name": 1}, [None, 1, 2], base)
    all_of(program, tmp_path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_with_wrong_contents(program: DumpedProgram, tmp_path: Path, layout: str) -> None:
    """Each rebuilt type with fields of every wrong kind, of itself, and with none; and under a Python subclass."""
    names = (
        "start stop step data hashcode hastzinfo fold tzinfo days seconds microseconds offset name func args keywords"
    )
    names += (
        " __func__ __self__ __code__ __globals__ __closure__ __defaults__ __origin__ __args__ mapping maxlen _buf _pos"
    )
    names += " _string_size typecode default_factory fget fset fdel cell_contents wr_object frame __name__ message exceptions"
    names += " kind char byteorder itemsize flags shape strides content objects dtype obval unit num real imag subdtype"
    names += " names fields datetime_unit readonly format"
    fields = names.split()
    module, _, name = layout.rpartition(".")
    real = program.builtin(name, module or "builtins", layout, fields=fields)
    sub = program.cls("Sub", [real], mro=[real, program.object], layout=layout, fields=fields)
    contents = [None, 0, -1, 2**70, "text", b"", b"\xff" * 10, ABSENT, missing("gone"), address(1), 1.5, True, 10**6]
    bases = [
        None,
        [5, "x"],
        [6, b"x"],
        [9, ref(real)],
        [10, 1, 2],
        [10, ref(real)],
        [SPLIT, 9, 10**12],
        [17, None, {"frame": 5}],
    ]
    for cls in (real, sub):
        for content in contents:
            program.add(OBJECT, ref(cls), None, {"id": 1}, [content] * len(fields))
        for base in bases:
            program.add(OBJECT, ref(cls), base, None, [forward(0)] * len(fields))
            program.add(OBJECT, ref(cls), base)
    all_of(program, tmp_path)


def test_absurd_counts(program: DumpedProgram, tmp_path: Path) -> None:
    for count in (2**31, 2**62, 2**63 - 1):
        for code in (8, 9, 10, 11, 12):
            found = program.add(SPLIT, code, count)
            program.add(code, run(0, count))
        for code in (5, 6, 7):
            program.add(SPLIT, code, count)
    program.add(SPLIT, 9, -1)
    program.add(SPLIT, 9, "many")
    program.add(SPLIT, 99, 1)
    dump = all_of(program, tmp_path)
    assert len(dump.heap.get(found)) > 0


def test_a_million_frames_and_causes(tmp_path: Path) -> None:
    """Chains of callers, traceback entries and causes longer than any recursion limit."""
    program = DumpedProgram(records_per_block=10_000)
    code, space = program.code("deep", "deep.py"), program.add(DICT)
    frame = None
    for line in range(20_000):
        frame = program.frame(code, {}, 1 + line % 100, back=frame, space=space)
    assert frame is not None
    step = program.traceback([(frame, 5)] * 20_000)
    error = program.exception("ValueError", ["innermost"])
    for _ in range(5000):
        error = program.exception("ValueError", [], __cause__=error)
    program.failed_with(error, [frame])
    program.roots["traceback"] = ref(step)
    dump = program.load(tmp_path / "long.dump")
    frames = dump.threads[0].frames
    assert len(frames) == 1 and frames[0].f_back is not None
    length, found = 0, dump.traceback
    while found is not None:
        found, length = found.tb_next, length + 1
    assert length == 20_000
    assert exception_text(dump) and len(report(dump)["exceptions"]) <= 200


def test_cyclic_chains(program: DumpedProgram, tmp_path: Path) -> None:
    code = ref(program.code("loop", "loop.py"))
    frame = program.add(FRAME, {"code": code, "back": forward(0), "globals": forward(0), "locals": {"me": forward(0)}})
    described = {"tb_next": forward(0), "tb_frame": ref(frame), "tb_lineno": 5}
    program.add(MAPPED, ref(program.builtin("traceback")), described)
    error = program.exception("ValueError", [])
    program.dump.set(error, [OBJECT, ref(program._builtins["ValueError"]), None, None, [forward(0)] * 5])
    constants = program.add(TUPLE)
    inner = program.code("inner", "inner.py", co_consts=ref(constants))
    program.dump.set(constants, [TUPLE, ref(inner), ref(constants)])
    program.failed_with(error, [frame])
    all_of(program, tmp_path)


def test_exception_that_is_its_own_context_and_has_a_cause(program: DumpedProgram, tmp_path: Path) -> None:
    cause = program.exception("KeyError", ["a"])
    error = program.exception("ValueError", [])
    links = {"__cause__": ref(cause), "__context__": forward(0)}
    fields = [links.get(name) for name in EXCEPTION_FIELDS]
    program.dump.set(error, [OBJECT, ref(program._builtins["ValueError"]), None, None, fields])
    program.failed_with(error, [])
    assert "KeyError" in exception_text(all_of(program, tmp_path))


@pytest.mark.parametrize("wrong", [ref(0), 1j, b"", ["a"], {}])
def test_what_is_said_of_a_thread_is_of_another_kind(program: DumpedProgram, tmp_path: Path, wrong: Any) -> None:
    program.dump.proc("/proc/4711/status", wrong)
    error = program.exception("ValueError", ["b"])
    program.failed_with(error, [])
    names = "name ident native_id interpreter current holds_gil daemon problem system_call futex mutex waits_for_gil"
    program.thread([], **dict.fromkeys(names.split(), wrong))
    json.dumps(report(all_of(program, tmp_path)))


def test_constants_are_bounded(program: DumpedProgram, tmp_path: Path) -> None:
    """Tuples of a thousand tuples each, thirty deep: a file of a few kilobytes must not stand for 1000^30 values."""
    constants = program.add(TUPLE)
    code = program.code("inner", "inner.py", co_consts=ref(constants))
    first = program.dump.next_id
    for _ in range(30):
        program.add(TUPLE, *[forward(1)] * 1000)
    program.add(TUPLE, 1)
    program.dump.set(constants, [TUPLE, ref(first)])
    dump = program.load(tmp_path / "constants.dump")
    started = time.monotonic()
    assert "too many constants within constants" in repr(dump.heap.get(code).co_consts)
    assert time.monotonic() - started < 5


def test_nested_code_is_bounded(program: DumpedProgram, tmp_path: Path) -> None:
    first = program.dump.next_id + 1
    for _ in range(5000):
        code = program.dump.next_id + 1 if program._builtins.get("code") is None else program.dump.next_id
        program.code("outer", "outer.py", co_consts=ref(code + 1))
        program.add(TUPLE, ref(program.dump.next_id + 1))
    dump = program.load(tmp_path / "code.dump")
    assert inspect.iscode(dump.heap.get(first))


def test_functions_in_functions(program: DumpedProgram, tmp_path: Path) -> None:
    """A hundred thousand functions, each in the closure of the one before."""
    code = ref(program.code("f", "f.py", co_freevars=["g"]))
    function = program.builtin("function", fields=["__code__", "__closure__"])
    cell = program.builtin("cell", fields=["cell_contents"])
    first = program.dump.next_id
    for _ in range(30_000):
        program.add(OBJECT, ref(function), None, None, [code, forward(1)])
        program.add(TUPLE, forward(1))
        program.add(OBJECT, ref(cell), None, None, [forward(1)])
    dump = program.load(tmp_path / "functions.dump")
    look_at(dump.heap.get(first))


# --- names of the machine that reads ------------------------------------------------------------------------------


def test_nothing_is_imported(program: DumpedProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types, modules and functions named after modules that can be imported here."""
    for name in ("antigravity", "this", "evil"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("antigravity", "this", "evil"):
        cls = program.cls(name, module=name)
        program.instance(cls, {"__module__": name})
        space = program.add(
            DICT, "__name__", name, "__loader__", ref(cls), "__spec__", ref(cls), "__file__", f"{name}.py"
        )
        program.add(OBJECT, ref(program.builtin("module")), None, ref(space), [])
        frame = program.frame(program.code(name, f"{name}.py"), {}, 1, space=space)
        program.thread([frame])
        program.dump.source(f"{name}.py", f"# -*- coding: {name} -*-\nraise SystemExit('ran')\n")
    builtin_before = dict(vars(builtins))
    dump = all_of(program, tmp_path)
    for thread in dump.threads:
        inspect.getsourcelines(thread.frames[0])
        assert eval("len([1])", thread.frames[0].f_globals, thread.frames[0].f_locals) == 1
    assert dict(vars(builtins)) == builtin_before


def test_builtins_of_the_dump_are_not_used(tmp_path: Path) -> None:
    dump = failing_program().load(tmp_path / "fail.dump")
    frame = dump.traceback.tb_next.tb_frame
    assert eval("len(rows) + int(RATE)", frame.f_globals, frame.f_locals) == 4
    assert frame.f_globals["__builtins__"] is builtins


# --- files ------------------------------------------------------------------------------------------------------


def test_flipped_bits(tmp_path: Path) -> None:
    """One byte wrong anywhere: a clear error, or a dump that says what is damaged."""
    whole = failing_program()
    whole.write(tmp_path / "whole.dump")
    data = (tmp_path / "whole.dump").read_bytes()
    chance = random.Random(1)
    opened_ones = 0
    for _ in range(150):
        spoilt = bytearray(data)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        path = tmp_path / "spoilt.dump"
        path.write_bytes(spoilt)
        try:
            with load(path) as dump:
                look_at_all(dump)
            opened_ones += 1
        except DumpError as problem:
            assert "\n" not in str(problem)
    assert opened_ones > 75, "one byte seldom costs the whole dump"


def test_records_and_blocks_that_lie(program: DumpedProgram, tmp_path: Path) -> None:
    program.nested_lists(5)
    for lie in (
        Block(4, 3, 2**40, encode(1)),
        Block(4, 10**18, 1, encode(1), offset=2**60),
        Block(5, 0, 1, b"content of a list"),
        Block(3, 2**60, 5, encode([9])),
        Block(3, 0, 1, encode([9, "again"]) + encode({"a": [1]})),
        Block(6, 0, 1, encode({"filename": 5, "text": "not bytes", "compression": "deflate"})),
        Block(6, 0, 1, encode({"filename": "bomb.py", "text": b"\xff\xff\xff", "compression": "deflate"})),
        Block(1, 0, 1, encode([1, 2])),
        Block(8, 0, 1, encode({"tasks": 5, "omitted": [1, {"what": None}], "broken": "x", "complete": False})),
    ):
        program.dump.raw_block(lie)
    try:
        dump = all_of(program, tmp_path)
    except DumpError as problem:
        assert "\n" not in str(problem)
    else:
        assert [one for one in dump.problems if isinstance(one, str)] == dump.problems
        assert list(dump.sources) and repr(dump.tasks)
        assert all(not isinstance(dump.heap.get(rid), Missing) for rid in range(1))
