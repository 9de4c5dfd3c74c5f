# SPDX-License-Identifier: Apache-2.0
"""Objects of a dump made on demand: every kind of record, identity, sharing, cycles, depth, size.

The dumps are made by the reference writer (support/format_writer.py), so that each test says what is in its file.
"""

import array
import collections
import datetime
import functools
import inspect
import io
import json
import resource
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from pyheapdump.view.containers import LazyDict, LazyFrozenSet, LazyList, LazySet, LazyTuple
from pyheapdump.view.display import bounded_repr
from pyheapdump.view.heap import CLOSURE_VALUES, MAX_DEPTH
from pyheapdump.view.long_text import LOAD_LIMIT
from pyheapdump.view.missing import DumpedCodeError, Missing
from support.dumped_program import DICT, LIST, OBJECT, TUPLE, DumpedProgram
from support.format_writer import ABSENT, address, forward, missing, ref, run

SET, FROZENSET, SINGLETON, SPLIT = 11, 12, 15, 16


@pytest.fixture
def program() -> DumpedProgram:
    return DumpedProgram()


def opened(program: DumpedProgram, tmp_path: Path) -> Any:
    """The heap of the program's dump."""
    return program.load(tmp_path / "program.dump").heap


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record, expected",
    [
        ([2, 1 << 20_000], 1 << 20_000),
        ([2, -(2**90)], -(2**90)),
        ([3, -0.0], -0.0),
        ([4, 1 - 2j], 1 - 2j),
        ([5, "a\0\ud800\U0001f600"], "a\0\ud800\U0001f600"),
        ([6, b"\0\xff"], b"\0\xff"),
        ([7, b"bytes"], bytearray(b"bytes")),
        ([TUPLE], ()),
        ([LIST, None, True, 1, 2.5, "x", b"y", 2**100], [None, True, 1, 2.5, "x", b"y", 2**100]),
        ([DICT, "a", 1, 2, "b"], {"a": 1, 2: "b"}),
        ([SET, 1, "a"], {1, "a"}),
        ([FROZENSET, 1, "a"], frozenset({1, "a"})),
        ([SINGLETON, "Ellipsis"], ...),
        ([SINGLETON, "NotImplemented"], NotImplemented),
    ],
    ids=lambda value: type(value).__name__,
)
def test_builtin_records(program: DumpedProgram, tmp_path: Path, record: Any, expected: Any) -> None:
    rid = program.add(*record)
    found = opened(program, tmp_path).get(rid)
    assert type(found) is type(expected)
    assert repr(found) == repr(expected) if isinstance(expected, float) else found == expected


def test_sharing_and_cycles(program: DumpedProgram, tmp_path: Path) -> None:
    shared = program.add(LIST, 1)
    ring = program.add(LIST)
    program.dump.set(ring, [LIST, forward(0), ref(shared), ref(shared)])
    heap = opened(program, tmp_path)
    found = heap.get(ring)
    assert found[0] is found and found[1] is found[2] is heap.get(shared)
    assert repr(found) == "[[...], [1], [1]]"


def test_tuple_in_its_own_list(program: DumpedProgram, tmp_path: Path) -> None:
    inner = program.add(LIST)
    outer = program.add(TUPLE, ref(inner), 1)
    program.dump.set(inner, [LIST, ref(outer)])
    heap = opened(program, tmp_path)
    assert type(heap.get(outer)) is tuple and heap.get(outer)[0][0] is heap.get(outer)


def test_run_of_references(program: DumpedProgram, tmp_path: Path) -> None:
    first = program.add(LIST, 0)
    program.add(LIST, 1)
    program.add(LIST, 2)
    rows = program.add(LIST, "before", run(first, 3), "after")
    heap = opened(program, tmp_path)
    assert heap.get(rows) == ["before", [0], [1], [2], "after"]
    assert heap.get(rows)[2] is heap.get(first + 1)


def test_keys_that_are_containers(program: DumpedProgram, tmp_path: Path) -> None:
    order = program.instance(program.cls("Order"), {"id": 1})
    key = program.add(TUPLE, 1, ref(order))
    inner = program.add(FROZENSET, ref(key))
    rid = program.add(DICT, ref(key), "t", ref(inner), "f", ref(order), "o")
    heap = opened(program, tmp_path)
    found = heap.get(rid)
    assert type(found) is dict
    assert found[(1, heap.get(order))] == "t" and found[frozenset({heap.get(key)})] == "f"
    assert found[heap.get(order)] == "o"


@pytest.mark.parametrize("keys", [["same", "same"], ["list"], ["deep"]])
def test_keys_that_cannot_be_hashed_keep_all_pairs(program: DumpedProgram, tmp_path: Path, keys: Any) -> None:
    """The original hashed them by code of its own; here they collide, are unhashable, or too deep to hash."""
    values = {"same": "same", "list": ref(program.add(LIST, 1)), "deep": None}
    deep = program.add(TUPLE)
    for _ in range(50):
        deep = program.add(TUPLE, ref(deep))
    values["deep"] = ref(deep)
    flat = [item for number, key in enumerate(keys) for item in (values[key], number)]
    rid = program.add(DICT, *flat, "last", 99)
    found = opened(program, tmp_path).get(rid)
    assert isinstance(found, dict) and len(found) == len(keys) + 1
    assert list(found.values()) == [*range(len(keys)), 99] and found["last"] == 99
    assert [key for key, _ in found.items()][-1] == "last" and "nothing" not in found
    with pytest.raises(TypeError, match="window on the dump"):
        found["new"] = 1


def test_missing_values(program: DumpedProgram, tmp_path: Path) -> None:
    rows = program.add(LIST, missing("left out: secret", 0x1234), ref(10**6), address(0xABC))
    broken = program.add(0, "a bad pointer")
    heap = opened(program, tmp_path)
    left_out, beyond, pointer = heap.get(rows)
    assert repr(left_out) == "<missing at 0x1234: left out: secret>"
    assert isinstance(beyond, Missing) and str(10**6) in repr(beyond)
    assert pointer == 0xABC and repr(pointer) == "<address 0xabc>"
    assert "a bad pointer" in repr(heap.get(broken))
    assert isinstance(heap.get(program.dump.next_id + 5), Missing)


# --- depth and size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code, depth", [(LIST, 1_000_000), (TUPLE, 100_000), (DICT, 100_000)])
def test_a_million_deep(tmp_path: Path, code: int, depth: int) -> None:
    program = DumpedProgram(records_per_block=10_000)
    first = program.dump.next_id
    for _ in range(depth):
        following = ref(program.dump.next_id + 1)
        program.add(code, *([None, following] if code == DICT else [following]))
    program.add(code)
    heap = opened(program, tmp_path)
    found = heap.get(first)
    assert len(repr(found)) < 100_000
    levels = 0
    while len(found):
        assert isinstance(found, {LIST: list, TUPLE: tuple, DICT: dict}[code])
        found = found[None] if code == DICT else found[0]
        levels += 1
    assert levels == depth
    del found, heap  # frees all of them


def test_near_containers_are_exact_and_far_ones_lazy(program: DumpedProgram, tmp_path: Path) -> None:
    first = program.nested_lists(MAX_DEPTH * 2)
    found = opened(program, tmp_path).get(first)
    levels = []
    while len(found):
        levels.append(type(found))
        found = found[0]
    assert levels[:MAX_DEPTH] == [list] * MAX_DEPTH
    assert LazyList in levels


def huge(tmp_path: Path, code: int, count: int) -> Any:
    """A heap with a SPLIT container of `count` values, all in one run; and its id."""
    program = DumpedProgram()
    first = program.add(DICT, "id", 1)
    owner = program.add(SPLIT, code, count)
    program.dump.items(owner, [run(first, count)])
    return opened(program, tmp_path), owner


def test_ten_million_items_open_at_once(tmp_path: Path) -> None:
    heap, owner = huge(tmp_path, LIST, 10_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    found = heap.get(owner)
    assert isinstance(found, list) and len(found) == 10_000_000
    assert found[0] == {"id": 1} and found[0] is found[0]
    assert isinstance(found[9_999_999], Missing) and isinstance(found[-1], Missing)
    assert found[0:1] == [{"id": 1}] and next(iter(found)) is found[0]
    assert len(repr(found)) < 2000 and "9,999,990 more" in repr(found)
    assert time.process_time() - started < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "KiB"
    with pytest.raises(IndexError):
        found[10_000_000]
    with pytest.raises(TypeError, match="window on the dump"):
        found.append(1)


@pytest.mark.parametrize("code, base", [(LIST, list), (TUPLE, tuple), (DICT, dict), (SET, set), (FROZENSET, frozenset)])
def test_split_containers(program: DumpedProgram, tmp_path: Path, code: int, base: type) -> None:
    """In several ITEMS blocks, the middle one missing."""
    count = 30_000
    owner = program.add(SPLIT, code, count)
    program.dump.items(owner, range(10_000))
    program.dump.items(owner, range(20_000, 30_000), 20_000)
    found = opened(program, tmp_path).get(owner)
    assert isinstance(found, base)
    assert len(found) == (count // 2 if base is dict else count)
    if base is dict:
        assert found[2] == 3 and found[29_998] == 29_999 and 3 not in found
        assert next(iter(found.items())) == (0, 1)
    elif base in (list, tuple):
        assert found[9_999] == 9_999 and found[-1] == 29_999 and isinstance(found[15_000], Missing)
        assert found[5:8] == base([5, 6, 7]) and found.index(20_001) == 20_001
    else:
        assert 7 in found and 29_000 in found and -1 not in found


def test_small_split_container_is_exact(program: DumpedProgram, tmp_path: Path) -> None:
    owner = program.add(SPLIT, LIST, 3)
    program.dump.items(owner, [1, 2, 3])
    found = opened(program, tmp_path).get(owner)
    assert type(found) is list and found == [1, 2, 3]


def test_instance_of_a_subclass_with_many_items(program: DumpedProgram, tmp_path: Path) -> None:
    cls = program.cls("Rows", [program.builtin("list")], mro=[program.builtin("list"), program.object], base_code=LIST)
    owner = program.instance(cls, {"name": "all"}, base=[SPLIT, LIST, 1_000_000])
    program.dump.items(owner, [run(cls, 1_000_000)])
    found = opened(program, tmp_path).get(owner)
    assert isinstance(found, list) and len(found) == 1_000_000 and found.name == "all"
    assert found[0] is type(found)


def lazy_forms(program: DumpedProgram, tmp_path: Path) -> Any:
    """A lazy list, tuple, dict, set and frozenset: the innermost of lists nested too deep, so made without contents."""
    item = ref(program.add(LIST, "item"))
    key = ref(program.add(TUPLE, "key"))
    leaves = [
        program.add(LIST, item, 2),
        program.add(TUPLE, item, 2),
        program.add(DICT, "a", item, "b", 2),
        program.add(SET, key, 2),
        program.add(FROZENSET, key, 2),
    ]
    innermost = program.add(LIST, *map(ref, leaves))
    for _ in range(MAX_DEPTH - 1):
        innermost = program.add(LIST, ref(innermost))
    found = opened(program, tmp_path).get(innermost)
    for _ in range(MAX_DEPTH - 1):
        found = found[0]
    assert [type(leaf) for leaf in found] == [LazyList, LazyTuple, LazyDict, LazySet, LazyFrozenSet]
    return found


def test_lazy_containers_behave(program: DumpedProgram, tmp_path: Path) -> None:
    a_list, a_tuple, a_dict, a_set, a_frozenset = lazy_forms(program, tmp_path)
    assert a_list == [["item"], 2] and [["item"], 2] == a_list and a_list != [1]
    assert a_tuple == (["item"], 2) and a_tuple[0] is a_list[0] and a_tuple + (1,) == (["item"], 2, 1)
    assert dict(a_dict) == {"a": ["item"], "b": 2} == a_dict and a_dict["a"] is a_list[0]
    assert {**a_dict} == {"a": ["item"], "b": 2} and a_dict | {"c": 1} == {**a_dict, "c": 1}
    assert a_set == {("key",), 2} and {("key",), 2} == a_set and a_set & {2} == {2} and {2} <= a_set
    assert a_frozenset == frozenset({("key",), 2}) and hash(a_frozenset) == hash(frozenset({("key",), 2}))
    assert sorted(map(repr, a_set)) == sorted(map(repr, a_frozenset))
    assert [list(reversed(a_list))[1], a_list.index(2), a_tuple.count(2)] == [["item"], 1, 1]


def test_lazy_containers_can_be_changed(program: DumpedProgram, tmp_path: Path) -> None:
    a_list, _, a_dict, a_set, _ = lazy_forms(program, tmp_path)
    a_list.append(3)
    a_dict["c"] = 3
    a_set.add(3)
    assert (len(a_list), len(a_dict), len(a_set)) == (3, 3, 3)
    assert a_list == [["item"], 2, 3] and a_dict["c"] == 3


def test_unfilled_containers_are_loud(program: DumpedProgram, tmp_path: Path) -> None:
    """C code that reads the storage directly finds no empty container but something that says what is wrong."""
    a_list, a_tuple, a_dict, a_set, a_frozenset = lazy_forms(program, tmp_path)
    storages = [
        list.__iter__(a_list),
        tuple.__iter__(a_tuple),
        dict.__iter__(a_dict),
        set.__iter__(a_set),
        frozenset.__iter__(a_frozenset),
    ]
    for storage in storages:
        (element,) = storage
        assert "2 values not loaded" in repr(element) or "4 values not loaded" in repr(element)
        with pytest.raises(TypeError):
            json.dumps(element)


@pytest.mark.parametrize("code", [LIST, TUPLE, DICT])
def test_json_of_lazy_containers(program: DumpedProgram, tmp_path: Path, code: int) -> None:
    """json's C encoder gives the whole of it or an error, never an empty container."""
    owner = program.add(SPLIT, code, 30_000)
    program.dump.items(owner, range(30_000))
    found = opened(program, tmp_path).get(owner)
    expected = {str(i): i + 1 for i in range(0, 30_000, 2)} if code == DICT else list(range(30_000))
    assert json.loads(json.dumps(found)) == expected


def test_a_closure_is_bounded(program: DumpedProgram, tmp_path: Path) -> None:
    """A hundred lists of a thousand: the first are exact, the last lazy, all are right."""
    lists = [program.add(LIST, *range(1000)) for _ in range(100)]
    rid = program.add(LIST, *map(ref, lists))
    found = opened(program, tmp_path).get(rid)
    kinds = [type(one) for one in found]
    assert kinds[0] is list and kinds[-1] is LazyList
    assert kinds.count(list) <= CLOSURE_VALUES // 1000
    assert all(one == list(range(1000)) for one in found)


def test_long_text(program: DumpedProgram, tmp_path: Path) -> None:
    short = program.add(SPLIT, 5, 6)
    program.dump.content(short, "\u03c0".encode() * 2)
    program.dump.content(short, b"ab", 4)
    size = LOAD_LIMIT + 10
    long = program.add(SPLIT, 6, size)
    program.dump.content(long, b"x" * 10_000_000)
    heap = opened(program, tmp_path)
    assert heap.get(short) == "\u03c0\u03c0ab"
    found = heap.get(long)
    assert isinstance(found, bytes) and found.size == size
    assert bytes.__contains__(found, b"not loaded") and b"not loaded" not in found
    assert (found[5], found[-3:], found[:2]) == (ord("x"), b"xxx", b"xx")
    assert found.load().startswith(b"xxx")
    assert len(found) == size, "who looks for the largest object asks for it"
    text = program.add(SPLIT, 5, size)
    program.dump.content(text, "\u03c0".encode() * (size // 2))
    found = opened(program, tmp_path).get(text)
    assert isinstance(found, str) and str.__contains__(found, "not loaded")
    assert bounded_repr([found]) == f"[{chr(0x3C0) * 64!r}...<{size:,} bytes>]"
    assert (len(found), found.size) == (size // 2, size)


# --- instances and classes --------------------------------------------------------------------------------------


def test_instance(program: DumpedProgram, tmp_path: Path) -> None:
    base = program.cls("Base", namespace={"currency": "EUR", "shadowed": "class"})
    cls = program.cls("Order", [base], fields=["slot", "unset"])
    rid = program.instance(cls, {"id": 17, "state": "paid", "shadowed": "own"}, ["slotted", ABSENT])
    found = opened(program, tmp_path).get(rid)
    assert type(found).__name__ == "Order" and type(found).__module__ == "app"
    assert [c.__name__ for c in type(found).__mro__] == ["Order", "Base", "object"]
    assert (found.id, found.state, found.slot, found.currency) == (17, "paid", "slotted", "EUR")
    assert found.shadowed == "own" and type(found).shadowed == "class"
    assert vars(found) == {"id": 17, "state": "paid", "shadowed": "own"}
    assert not hasattr(found, "unset") and not hasattr(found, "other")
    assert {"id", "slot", "currency"} <= set(dir(found))
    for part in ("<app.Order", "id=17", "state='paid'", "slot='slotted'", "at 0x7f"):
        assert part in repr(found)
    found.id = 18
    assert found.id == 18 and "id=18" in repr(found)


def test_attributes_are_the_dict_object(program: DumpedProgram, tmp_path: Path) -> None:
    attributes = program.add(DICT, "id", 1, 5, "five")
    rid = program.instance(program.cls("Order"), ref(attributes))
    heap = opened(program, tmp_path)
    assert vars(heap.get(rid)) is heap.get(attributes) and heap.get(rid).id == 1


def test_instances_in_a_ring(program: DumpedProgram, tmp_path: Path) -> None:
    cls = program.cls("Node")
    first = program.instance(cls, {"next": forward(1)})
    program.instance(cls, {"next": ref(first)})
    found = opened(program, tmp_path).get(first)
    assert found.next is not found and found.next.next is found
    assert len(repr(found)) < 500


def test_long_chain_of_instances(program: DumpedProgram, tmp_path: Path) -> None:
    cls = program.cls("Node")
    first = program.dump.next_id
    for _ in range(50_000):
        program.instance(cls, {"next": forward(1)})
    program.instance(cls, {"next": None})
    found = opened(program, tmp_path).get(first)
    assert len(repr(found)) < 2000
    length = 0
    while found is not None:
        found, length = found.next, length + 1
    assert length == 50_001


@pytest.mark.parametrize(
    "base, content, plain",
    [
        ("list", [LIST, 1, 2], [1, 2]),
        ("dict", [DICT, "a", 1], {"a": 1}),
        ("set", [SET, 1], {1}),
        ("frozenset", [FROZENSET, 1], frozenset({1})),
        ("tuple", [TUPLE, 1, 2], (1, 2)),
        ("str", [5, "text"], "text"),
        ("bytes", [6, b"bytes"], b"bytes"),
        ("bytearray", [7, b"bytes"], bytearray(b"bytes")),
        ("int", [2, 7], 7),
        ("float", [3, 1.5], 1.5),
        ("complex", [4, 2j], 2j),
    ],
)
def test_subclass_of_builtin(program: DumpedProgram, tmp_path: Path, base: str, content: Any, plain: Any) -> None:
    real = program.builtin(base)
    cls = program.cls("Mine", [real], mro=[real, program.object], base_code=content[0])
    rid = program.instance(cls, {"note": "noted"}, base=content)
    heap = opened(program, tmp_path)
    found = heap.get(rid)
    assert isinstance(found, type(plain)) and type(found) is not type(plain)
    assert type(found).__bases__ == (type(plain),)
    assert found == plain and found.note == "noted"
    assert repr(found).startswith("<app.Mine ") and "note='noted'" in repr(found)
    assert isinstance(hash(found), int)


def test_named_tuple(program: DumpedProgram, tmp_path: Path) -> None:
    names = program.add(TUPLE, "x", "y")
    real = program.builtin("tuple")
    cls = program.cls("Point", [real], {"_fields": ref(names)}, mro=[real, program.object], base_code=TUPLE)
    rid = program.instance(cls, base=[TUPLE, 1, 2])
    found = opened(program, tmp_path).get(rid)
    assert (found.x, found.y, found) == (1, 2, (1, 2))


def test_metaclass(program: DumpedProgram, tmp_path: Path) -> None:
    real = program.builtin("type")
    meta = program.cls("Meta", [real], mro=[real, program.object])
    cls = program.cls("Made", metatype=ref(meta))
    found = opened(program, tmp_path).get(cls)
    assert type(found).__name__ == "Meta" and isinstance(found, type)


def test_builtin_types_are_themselves(program: DumpedProgram, tmp_path: Path) -> None:
    names = ["int", "str", "list", "dict", "ValueError", "object", "type", "property", "function"]
    ids = {name: program.builtin(name) for name in names}
    heap = opened(program, tmp_path)
    expected = [int, str, list, dict, ValueError, object, type, property, types.FunctionType]
    assert [heap.get(ids[name]) for name in names] == expected


def test_exceptions(program: DumpedProgram, tmp_path: Path) -> None:
    inner = program.exception("KeyError", ["id"])
    real = program.builtin("ValueError", layout="BaseException", fields=["args"])
    base = program.builtin("BaseException", layout="BaseException")
    cls = program.cls("AppError", [real], mro=[real, base, program.object], layout="BaseException", fields=["args"])
    args = program.add(TUPLE, "app", 404)
    own = program.instance(cls, {"code": 404}, [ref(args)])
    notes = program.add(LIST, "a note")
    outer = program.exception(
        "RuntimeError", ["outer"], __cause__=inner, __context__=own, attributes={"__notes__": ref(notes)}
    )
    heap = opened(program, tmp_path)
    found = heap.get(outer)
    assert type(found) is RuntimeError and found.args == ("outer",)
    assert type(found.__cause__) is KeyError and found.__cause__.args == ("id",)
    assert found.__suppress_context__ is True and found.__notes__ == ["a note"]
    error = found.__context__
    assert isinstance(error, ValueError) and type(error).__name__ == "AppError"
    assert error.args == ("app", 404) and error.code == 404 and str(error) == "('app', 404)"


def test_exception_in_itself(program: DumpedProgram, tmp_path: Path) -> None:
    rid = program.exception("ValueError", [forward(1)])
    program.dump.set(rid - 1, [TUPLE, ref(rid)])
    found = opened(program, tmp_path).get(rid)
    assert found.args[0] is found


def test_exception_group(program: DumpedProgram, tmp_path: Path) -> None:
    first, second = program.exception("ValueError", [1]), program.exception("KeyError", [2])
    members = program.add(TUPLE, ref(first), ref(second))
    fields = {"args": ref(program.add(TUPLE, "both")), "message": "both", "exceptions": ref(members)}
    rid = program.special("ExceptionGroup", fields)
    heap = opened(program, tmp_path)
    found = heap.get(rid)
    if sys.version_info >= (3, 11):
        assert isinstance(found, Exception) and found.exceptions == (heap.get(first), heap.get(second))
    assert type(found).__name__ == "ExceptionGroup" and found.message == "both"


def test_exceptions_of_which_parts_are_missing(program: DumpedProgram, tmp_path: Path) -> None:
    lost = ref(10**6)
    fields = dict.fromkeys(["args", "__traceback__", "__context__", "__cause__"], lost)
    plain = program.special("KeyError", {**fields, "__suppress_context__": True})
    members = program.add(TUPLE, ref(plain), lost)
    group = program.special("ExceptionGroup", {**fields, "message": lost, "exceptions": ref(members)})
    no_members = program.special("ExceptionGroup", {**fields, "message": "several", "exceptions": lost})
    heap = opened(program, tmp_path)
    found = heap.get(plain)
    assert type(found) is KeyError and isinstance(found.args[0], Missing)
    assert (found.__cause__, found.__context__, found.__traceback__) == (None, None, None)
    for rid in (group, no_members):
        assert type(heap.get(rid)).__name__ == "ExceptionGroup"
        if sys.version_info >= (3, 11):
            assert "not in the file" in repr(heap.get(rid).exceptions[-1])
    if sys.version_info >= (3, 11):
        assert heap.get(group).exceptions[0] is found


# --- functions and their kin ------------------------------------------------------------------------------------


def function(program: DumpedProgram, name: str = "load", **fields: Any) -> int:
    arguments = {"co_argcount": 2, "co_varnames": ["order", "limit", "total"], "co_freevars": ["free"], "co_flags": 19}
    code = program.code(name, "/srv/app.py", 80, **arguments)
    cell = program.special("cell", {"cell_contents": ref(program.add(LIST, "captured"))})
    described = {
        "__code__": ref(code),
        "__globals__": ref(program.add(DICT, "__name__", "app", "RATE", 2)),
        "__name__": name,
        "__qualname__": f"Orders.{name}",
        "__module__": "app",
        "__defaults__": ref(program.add(TUPLE, 10)),
        "__closure__": ref(program.add(TUPLE, ref(cell))),
        "__doc__": "Loads.",
        **fields,
    }
    return program.special("function", described)


def test_function_is_real_and_inert(program: DumpedProgram, tmp_path: Path) -> None:
    rid = function(program)
    found = opened(program, tmp_path).get(rid)
    assert type(found) is types.FunctionType
    assert (found.__name__, found.__qualname__, found.__module__, found.__doc__) == (
        "load",
        "Orders.load",
        "app",
        "Loads.",
    )
    assert str(inspect.signature(found)) == "(order, limit=10)"
    assert found.__closure__[0].cell_contents == ["captured"]
    assert found.__code__.co_filename == "/srv/app.py" and found.__code__.co_firstlineno == 80
    assert found.__globals__["RATE"] == 2
    with pytest.raises(DumpedCodeError, match=r"load comes from a dump"):
        found(1)
    with pytest.raises(TypeError):
        found(1, 2, 3)


def test_constants_of_code(program: DumpedProgram, tmp_path: Path) -> None:
    """All that a compiler makes constants of comes back; what it does not is named."""
    inner = program.code("<lambda>", "/srv/app.py", 81)
    names = program.add(TUPLE, "b", ref(program.add(TUPLE, 1, 2.5)))
    some, dots = program.add(12, "x", b"y", None), program.add(15, "Ellipsis")
    other = program.add(LIST, "no constant")
    constants = program.add(TUPLE, None, True, "a", 7, *map(ref, (names, some, dots, inner, other)))
    code = program.code("f", "/srv/app.py", co_consts=ref(constants))
    heap = opened(program, tmp_path)
    found = heap.get(code).co_consts[-9:]
    assert found[:7] == (None, True, "a", 7, ("b", (1, 2.5)), frozenset({"x", b"y", None}), ...)
    assert found[7] is heap.get(inner) and type(found[7]) is types.CodeType
    assert type(found[8]) is Missing and "no type that constants have" in found[8].reason


def test_methods_and_descriptors(program: DumpedProgram, tmp_path: Path) -> None:
    plain = function(program, "total")
    getter = program.special("property", {"fget": ref(plain), "fset": None, "fdel": None, "__doc__": "Doc."})
    static = program.special("staticmethod", {"__func__": ref(plain)})
    of_class = program.special("classmethod", {"__func__": ref(plain)})
    namespace = {"total": ref(plain), "prop": ref(getter), "static": ref(static), "of_class": ref(of_class)}
    order = program.instance(program.cls("Order", namespace=namespace), {"id": 1})
    bound = program.special("method", {"__func__": ref(plain), "__self__": ref(order)})
    heap = opened(program, tmp_path)
    found = heap.get(order)
    assert type(heap.get(bound)) is types.MethodType and heap.get(bound).__self__ is found
    assert found.total.__self__ is found and found.total.__func__ is heap.get(plain)
    assert found.static is heap.get(plain) and found.of_class.__self__ is type(found)
    assert found.prop is heap.get(getter), "a property is shown, not called"
    with pytest.raises(DumpedCodeError):
        found.total(3)
    with pytest.raises(DumpedCodeError):
        type(found)(3)


def test_module(program: DumpedProgram, tmp_path: Path) -> None:
    space = program.add(DICT, "__name__", "app.orders", "__file__", "/srv/orders.py", "LIMIT", 5)
    cls = program.builtin("module", fields=["md_name"])
    rid = program.add(OBJECT, ref(cls), None, ref(space), ["app.orders"])
    heap = opened(program, tmp_path)
    found = heap.get(rid)
    assert isinstance(found, types.ModuleType) and found.LIMIT == 5 and found.__name__ == "app.orders"
    assert vars(found) is heap.get(space) and "LIMIT" in dir(found)
    assert repr(found) == "<module 'app.orders' from '/srv/orders.py', of the dump>"
    assert "app.orders" not in sys.modules


def test_weak_reference(program: DumpedProgram, tmp_path: Path) -> None:
    target = program.instance(program.cls("Order"), {"id": 1})
    alive = program.special("weakref.ReferenceType", {"wr_object": ref(target), "__callback__": None}, module="weakref")
    dead = program.special("weakref.ReferenceType", {"wr_object": None, "__callback__": None}, module="weakref")
    heap = opened(program, tmp_path)
    assert heap.get(alive)() is heap.get(target) and heap.get(dead)() is None


def test_generator(program: DumpedProgram, tmp_path: Path) -> None:
    frame = program.frame(program.code("numbers", "/srv/app.py", 10), {"limit": 5}, 12)
    rid = program.special("generator", {"__name__": "numbers"}, base=[17, None, {"frame": ref(frame)}])
    found = opened(program, tmp_path).get(rid)
    assert type(found).__name__ == "generator"
    assert type(found.gi_frame) is types.FrameType and found.gi_frame.f_lineno == 12
    assert found.gi_frame.f_locals["limit"] == 5 and found.gi_code.co_name == "numbers"


# --- values of the standard library -----------------------------------------------------------------------------


def moment(program: DumpedProgram, year: int = 2026) -> int:
    data = bytes([year >> 8, year & 255, 11, 21, 8, 30, 15, 1, 226, 64])
    return program.special(
        "datetime.datetime",
        {"hashcode": -1, "hastzinfo": False, "data": data, "fold": 0, "tzinfo": 0},
        module="datetime",
    )


def test_dates(program: DumpedProgram, tmp_path: Path) -> None:
    delta = program.special("datetime.timedelta", {"days": -1, "seconds": 5, "microseconds": 7}, module="datetime")
    zone = program.special("datetime.timezone", {"offset": ref(delta), "name": None}, module="datetime")
    aware = {"hashcode": -1, "hastzinfo": True, "data": bytes([8, 30, 0, 0, 0, 1]), "fold": 1, "tzinfo": ref(zone)}
    clock = program.special("datetime.time", aware, module="datetime")
    day = program.special("datetime.date", {"data": bytes([7, 234, 11, 21])}, module="datetime")
    when = moment(program)
    heap = opened(program, tmp_path)
    assert heap.get(when) == datetime.datetime(2026, 11, 21, 8, 30, 15, 123456)
    assert heap.get(day) == datetime.date(2026, 11, 21)
    assert heap.get(delta) == datetime.timedelta(-1, 5, 7)
    expected = datetime.timezone(datetime.timedelta(-1, 5, 7))
    assert heap.get(clock) == datetime.time(8, 30, 0, 1, tzinfo=expected) and heap.get(clock).fold == 1


def test_impossible_date_becomes_a_stand_in(program: DumpedProgram, tmp_path: Path) -> None:
    rid = moment(program, year=0)
    found = opened(program, tmp_path).get(rid)
    assert type(found).__name__ == "datetime" and not isinstance(found, datetime.datetime)
    assert found.hastzinfo is False and "datetime.datetime" in repr(found)


def test_containers_of_the_library(program: DumpedProgram, tmp_path: Path) -> None:
    items = ref(program.add(LIST, 1))
    queue = program.special("collections.deque", {"maxlen": 3}, [LIST, items, 2], "collections")
    ordered = program.special("collections.OrderedDict", {"_first": 0}, [DICT, "b", items, "a", 2], "collections")
    factory = ref(program.builtin("list"))
    default = program.special(
        "collections.defaultdict", {"default_factory": factory}, [DICT, "x", items], "collections"
    )
    numbers = program.special("array.array", {"typecode": "h"}, [6, b"\x01\x00\xff\xff"], "array")
    call = program.special(
        "functools.partial",
        {
            "func": ref(program.builtin("int")),
            "args": ref(program.add(TUPLE, "ff")),
            "keywords": ref(program.add(DICT, "base", 16)),
        },
        module="functools",
    )
    stream = program.special("_io.BytesIO", {"_buf": b"some bytes\0", "_pos": 4, "_string_size": 10}, module="_io")
    heap = opened(program, tmp_path)
    assert heap.get(queue) == collections.deque([[1], 2], 3) and heap.get(queue).maxlen == 3
    assert heap.get(ordered) == collections.OrderedDict([("b", [1]), ("a", 2)])
    assert type(heap.get(default)) is collections.defaultdict and heap.get(default).default_factory is list
    assert heap.get(default)["x"] is heap.get(queue)[0]
    assert heap.get(numbers) == array.array("h", [1, -1])
    found = heap.get(call)
    assert type(found) is functools.partial and found.args == ("ff",) and found.keywords == {"base": 16}
    assert type(heap.get(stream)) is io.BytesIO and heap.get(stream).read() == b"bytes"[0:0] + b" bytes"


def test_counter(program: DumpedProgram, tmp_path: Path) -> None:
    real = program.builtin("dict")
    cls = program.cls("Counter", [real], mro=[real, program.object], base_code=DICT, module="collections")
    rid = program.instance(cls, base=[DICT, "a", 2])
    found = opened(program, tmp_path).get(rid)
    assert type(found) is collections.Counter and found == {"a": 2}


def test_unknown_c_type(program: DumpedProgram, tmp_path: Path) -> None:
    cls = program.builtin("Conn", "driver", "")
    rid = program.add(OBJECT, ref(cls), None, None, None, [16, "text", 24, ref(cls)])
    heap = opened(program, tmp_path)
    found = heap.get(rid)
    assert type(found).__name__ == "Conn" and not hasattr(found, "word_16")
    assert heap.unvouched(found) == {16: "text", 24: heap.get(cls)}
    assert repr(found) == f"<driver.Conn (2 pointers not vouched for) at {heap.address_of(found):#x}>"
