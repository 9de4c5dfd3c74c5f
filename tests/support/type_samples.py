# SPDX-License-Identifier: Apache-2.0
"""An instance of each C type that the layout tables describe, and what its fields must hold.

A `Sample` names the row it must be read by, builds the instance, and says what the fields hold that Python does not
show under the field's own name: `shows` maps a field to a value or to a function of the instance. `hidden` names
numbers and addresses that Python shows nowhere; they are read only. References are always checked, see
test_layout_types.py.
"""

# Made on purpose: wrong arguments, attributes of later versions, private ones.
# mypy: disable-error-code="abstract, arg-type, assignment, attr-defined, call-arg, call-overload, has-type, index, misc, var-annotated"

from __future__ import annotations

import _asyncio
import _queue
import _thread
import abc
import array
import asyncio
import bz2
import collections
import contextvars
import csv
import ctypes
import datetime
import decimal
import functools
import gc
import io
import itertools
import json
import lzma
import mmap
import multiprocessing
import operator
import os
import pickle
import random
import re
import select
import socket
import sqlite3
import ssl
import struct
import sys
import threading
import types
import weakref
import xml.etree.ElementTree
import zlib
import zoneinfo
from collections.abc import Callable, Iterator
from multiprocessing import synchronize
from pathlib import Path
from typing import Any, NamedTuple

from support import layout_table

VERSION = sys.version_info[:2]
LATER = (4, 0)


class Sample(NamedTuple):
    """One instance to look at."""

    row: str  # tp_name of the row that must describe it
    build: Callable[[], Any]
    shows: dict[str, Any]
    hidden: tuple[str, ...]
    since: tuple[int, int]
    until: tuple[int, int]  # exclusive
    contents: bool  # it refers to more than its fields: the items of a container

    @property
    def here(self) -> bool:
        """Whether the running CPython has the type under this name."""
        return self.since <= VERSION < self.until


SAMPLES: list[Sample] = []


def sample(
    row: str,
    build: Callable[[], Any],
    *hidden: str,
    since: tuple[int, int] = (3, 9),
    until: tuple[int, int] = LATER,
    contents: bool = False,
    **shows: Any,
) -> None:
    """Add a sample."""
    SAMPLES.append(Sample(row, build, shows, hidden, since, until, contents))


class Plain:
    """A class of Python, for instances to hold."""

    slot: int
    __slots__ = ("__weakref__", "slot")

    def method(self) -> None:
        """Nothing."""

    @property
    def number(self) -> int:
        """A number."""
        return 1


def function(a: int = 1, *, b: int = 2) -> int:
    """For instances to hold."""
    return a + b


def numbers() -> Iterator[int]:
    """A generator."""
    yield 1


async def coroutine() -> None:
    """A coroutine."""


async def letters() -> Any:
    """An asynchronous generator."""
    yield "a"


PLAIN = Plain()
ITEMS = [1, 2, 3]
TEXT = "text of é"
LARGE = 10**30


class Counting:
    """Old iteration protocol."""

    def __getitem__(self, index: int) -> int:
        return index


def advanced(iterator: Any) -> Any:
    """`iterator`, moved on by one."""
    next(iterator)
    return iterator


# --- functions

# What a function makes when it is asked for: its annotations (3.14), its type parameters (3.12).
MADE_LATER: dict[str, Any] = {
    "__annotations__": lambda f: f.__annotations__,
    "__type_params__": lambda f: getattr(f, "__type_params__", None) or None,
}
sample("function", lambda: function, contents=VERSION >= (3, 14), **MADE_LATER)
sample("method", lambda: PLAIN.method)
sample("builtin_function_or_method", lambda: ITEMS.append)
sample("builtin_function_or_method", lambda: len)
sample("builtin_method", lambda: defining_class_method(), mm_class=lambda m: type(m.__self__), since=(3, 10))
sample("cell", lambda: types.CellType(ITEMS))
sample("property", lambda: Plain.__dict__["number"], prop_name=None if VERSION < (3, 10) else "number")


def defining_class_method() -> Any:
    """A method that gets its defining class (METH_METHOD)."""
    return re.compile("a").match


# --- iteration

RANGE = range(LARGE, LARGE + 9, 2)
sample("range", lambda: RANGE, length=5)
sample("range_iterator", lambda: advanced(iter(range(5, 20, 3))), index=1, start=5, step=3, len=5, until=(3, 12))
sample("range_iterator", lambda: advanced(iter(range(5, 20, 3))), start=8, step=3, len=4, since=(3, 12))
sample("longrange_iterator", lambda: iter(RANGE), index=0, start=LARGE, step=2, len=5)
sample("slice", lambda: slice(LARGE, None, -LARGE))
sample("enumerate", lambda: enumerate(ITEMS, 7), en_index=7)
sample("enumerate", lambda: enumerate(ITEMS, LARGE), en_index=sys.maxsize, en_longindex=LARGE)
sample("reversed", lambda: reversed(Counting_with_length()), index=2)
sample("zip", lambda: zip(ITEMS, ITEMS), tuplesize=2, strict=False)
sample("zip", lambda: zip(ITEMS, strict=True), tuplesize=1, strict=True, since=(3, 10))  # noqa: B905
sample("map", lambda: map(function, ITEMS), func=lambda _: function, strict=False)
sample("filter", lambda: filter(function, ITEMS), func=lambda _: function)
sample("iterator", lambda: advanced(iter(Counting())), it_index=1)
sample("callable_iterator", lambda: iter(function, LARGE), it_callable=lambda _: function, it_sentinel=LARGE)
sample("list_iterator", lambda: advanced(iter(ITEMS)), it_index=1, it_seq=lambda _: ITEMS)
sample("list_reverseiterator", lambda: reversed(ITEMS), it_index=2, it_seq=lambda _: ITEMS)
sample("tuple_iterator", lambda: advanced(iter((1, 2))), it_index=1, it_seq=(1, 2))
sample("str_iterator", lambda: advanced(iter(TEXT)), it_index=1, it_seq=TEXT)
sample("str_ascii_iterator", lambda: advanced(iter("abc")), it_index=1, it_seq="abc", since=(3, 11))
sample("bytes_iterator", lambda: advanced(iter(b"ab")), it_index=1, it_seq=b"ab")
sample("bytearray_iterator", lambda: advanced(iter(bytearray(b"ab"))), it_index=1, it_seq=bytearray(b"ab"))
sample("line_iterator", lambda: function.__code__.co_lines(), li_code=lambda _: function.__code__, since=(3, 10))
sample(
    "positions_iterator", lambda: advanced(function.__code__.co_positions()),
    pi_code=lambda _: function.__code__, pi_offset=2, since=(3, 11),
)  # fmt: skip


class Counting_with_length(Counting):
    """Can be reversed."""

    def __len__(self) -> int:
        return 3


MEMBERS = {LARGE, "b"}
PAIRS = {"a": LARGE, "b": ITEMS}
sample("set_iterator", lambda: advanced(iter(MEMBERS)), "si_pos", si_set=lambda _: MEMBERS, si_used=2, len=1)
for view in ("keys", "values", "items"):
    kind = view.rstrip("s")
    shown: dict[str, Any] = {"di_dict": lambda _: PAIRS, "di_used": 2, "len": 1}
    sample(f"dict_{view}", lambda view=view: getattr(PAIRS, view)(), mapping=lambda _: PAIRS)
    sample(f"dict_{kind}iterator", lambda view=view: advanced(iter(getattr(PAIRS, view)())), di_pos=1, **shown)
    sample(
        f"dict_reverse{kind}iterator", lambda view=view: advanced(reversed(getattr(PAIRS, view)())), di_pos=0, **shown
    )
    sample(f"dict_{view}", lambda view=view: getattr(ORDERED, view)(), mapping=lambda _: ORDERED)
ORDERED = collections.OrderedDict(PAIRS)
sample(
    "odict_iterator", lambda: iter(ORDERED), "kind", "di_state", di_odict=lambda _: ORDERED, di_size=2, di_current="a"
)

# --- descriptors


def QUALIFIED(descriptor: Any) -> Any:  # noqa: N802
    """The qualified name is made when it is asked for, and kept; so ask, and look at the instance then."""
    return descriptor.__qualname__


sample("staticmethod", lambda: staticmethod(function))
sample("classmethod", lambda: classmethod(function))
sample("classmethod_descriptor", lambda: dict.__dict__["fromkeys"], "d_method", d_qualname=None)
sample("method_descriptor", lambda: str.__dict__["upper"], "d_method", d_qualname=QUALIFIED)
sample("wrapper_descriptor", lambda: str.__dict__["__len__"], "d_base", "d_wrapped", d_qualname=QUALIFIED)
sample("getset_descriptor", lambda: type.__dict__["__name__"], "d_getset", d_qualname=QUALIFIED)
sample("member_descriptor", lambda: Plain.__dict__["slot"], "d_member", d_qualname=QUALIFIED)
sample("method-wrapper", lambda: TEXT.__len__, descr=lambda _: str.__dict__["__len__"])
sample("instancemethod", lambda: instance_method())
sample("mappingproxy", lambda: types.MappingProxyType(PAIRS), mapping=lambda _: PAIRS)
sample("super", lambda: super(Plain, PLAIN), __thisclass__=lambda _: Plain)


def instance_method() -> Any:
    """Python has no way to make one but the C API."""
    make = ctypes.pythonapi.PyInstanceMethod_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.py_object]
    return make(function)


# --- modules, capsules, references, buffers

sample("module", lambda: sys, "md_def", "md_state", md_name="sys", until=(3, 15))
sample("module", lambda: sys, "md_token", "md_state", md_name="sys", md_token_is_def=True, since=(3, 15))
sample("PyCapsule", lambda: datetime.datetime_CAPI, "pointer", "context", "destructor", name="datetime.datetime_CAPI")
REFERENCED = Plain()


def reference(make: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """A weak reference with a callback; the sample is not called, so a proxy stays one."""
    return lambda: make(*arguments, function)


for name, make in (
    (("weakref", "weakref.ReferenceType"), weakref.ref),
    (("weakproxy", "weakref.ProxyType"), weakref.proxy),
):
    for i, (since, until) in enumerate((((3, 9), (3, 10)), ((3, 10), LATER))):
        sample(
            name[i], reference(make, REFERENCED), since=since, until=until,
            wr_object=lambda _: REFERENCED, __callback__=lambda _: function,
        )  # fmt: skip
for i, (since, until) in enumerate((((3, 9), (3, 10)), ((3, 10), LATER))):
    sample(
        ("weakcallableproxy", "weakref.CallableProxyType")[i], reference(weakref.proxy, numbers),
        since=since, until=until, wr_object=lambda _: numbers, __callback__=lambda _: function,
    )  # fmt: skip

BYTES = bytearray(b"abcdef")
ADDRESSES = ("buf", "_shape", "_strides")
VIEW = memoryview(BYTES)
sample("memoryview", lambda: VIEW[::2], "flags", *ADDRESSES, exports=0, suboffsets=0)
sample(
    "managedbuffer", lambda: gc.get_referents(VIEW)[0], "flags", "buf", "exports",
    obj=lambda _: BYTES, nbytes=6,
)  # fmt: skip
sample("pickle.PickleBuffer", lambda: pickle.PickleBuffer(BYTES), "buf", obj=lambda _: BYTES, nbytes=6)
sample("types.SimpleNamespace", lambda: types.SimpleNamespace(a=ITEMS))
sample("FrameLocalsProxy", lambda: framelocals(), frame=lambda _: FRAMES[-1], since=(3, 13))
sample("lazy_import", lambda: lazy_import(), "lz_instr_offset", lz_from="json", lz_attr=None, since=(3, 15))
sample("sentinel", lambda: made("sentinel('MISSING')"), repr=None, since=(3, 15))
FRAMES: list[types.FrameType] = []


def made(source: str) -> Any:
    """The value of an expression that older versions cannot compile or have no names for."""
    return eval(source)


def framelocals() -> Any:
    """The locals of a frame that lives on."""
    FRAMES.append(sys._getframe())
    return FRAMES[-1].f_locals


def lazy_import() -> Any:
    """A module that is not imported yet."""
    names: dict[str, Any] = {}
    exec("lazy import json as tool", names)
    return dict(names)["tool"]


# --- generators and kin

KEPT: list[Any] = []  # coroutines, to be closed at the end


def kept(value: Any) -> Any:
    """Keep a coroutine from complaining that it was never awaited."""
    KEPT.append(value)
    return value


sample("generator", numbers, "gi_frame_state", gi_running=False, contents=True)
sample(
    "coroutine",
    lambda: kept(coroutine()),
    "cr_frame_state",
    cr_running=False,
    cr_origin_or_finalizer=None,
    contents=True,
)
sample(
    "async_generator", letters, "ag_frame_state", ag_running=False, ag_finalizer=None, ag_origin_or_finalizer=None,
    ag_hooks_inited=False, ag_closed=False, ag_running_async=False, contents=True,
)  # fmt: skip
LETTERS = letters()
WAITING = coroutine()
KEPT.append(WAITING)
sample("coroutine_wrapper", lambda: WAITING.__await__(), cw_coroutine=lambda _: WAITING)
sample("async_generator_asend", lambda: LETTERS.asend(None), ags_gen=lambda _: LETTERS, ags_state=0)
sample(
    "async_generator_athrow", lambda: kept(LETTERS.athrow(ValueError)), agt_gen=lambda _: LETTERS,
    agt_args=(ValueError,), agt_state=0, until=(3, 15),
)  # fmt: skip
sample(
    "async_generator_athrow", lambda: kept(LETTERS.athrow(ValueError)), agt_gen=lambda _: LETTERS,
    agt_typ=lambda _: ValueError, agt_val=None, agt_tb=None, agt_state=0, since=(3, 15),
)  # fmt: skip
sample("anext_awaitable", lambda: made("anext(LETTERS, ITEMS)"), default_value=lambda _: ITEMS, since=(3, 10))

# --- typing

ALIAS = types.GenericAlias(list, (int,))
sample("types.GenericAlias", lambda: types.GenericAlias(dict, (str, int)), __parameters__=None, __unpacked__=False)
sample("generic_alias_iterator", lambda: iter(ALIAS), obj=lambda _: ALIAS, since=(3, 11))
sample("types.UnionType", lambda: made("int | str"), __parameters__=None, since=(3, 10), until=(3, 14))
sample(
    "typing.Union",
    lambda: made("int | str"),
    hashable_args=frozenset({int, str}),
    unhashable_args=None,
    __parameters__=None,
    since=(3, 14),
)
GENERIC = """
def generic[T: ITEMS, *Ts, **P](a): pass
def constrained[T: (int, str)](a): pass
type Alias[T] = int
"""
NEW = {"ITEMS": ITEMS}
if VERSION >= (3, 12):
    exec(GENERIC, NEW)


def parameter(index: int) -> Any:
    """A type parameter of the generic function."""
    return NEW["generic"].__type_params__[index]


sample(
    "typing.TypeVar", lambda: parameter(0), evaluate_constraints=None, evaluate_default=None, __bound__=None,
    __constraints__=None, __default__=None, evaluate_bound=lambda t: evaluator(t), since=(3, 12),
)  # fmt: skip
sample(
    "typing.TypeVarTuple", lambda: parameter(1), evaluate_default=None, __default__=None, __bound__=None, since=(3, 12)
)
sample("typing.ParamSpec", lambda: parameter(2), evaluate_default=None, __default__=None, since=(3, 12))
sample("typing.ParamSpecArgs", lambda: parameter(2).args, since=(3, 12))
sample("typing.ParamSpecKwargs", lambda: parameter(2).kwargs, since=(3, 12))
sample(
    "typing.TypeAliasType", lambda: NEW["Alias"], __value__=None, compute_value=lambda a: evaluator(a), since=(3, 12)
)
sample("_typing._ConstEvaluator", lambda: made("__import__('typing').TypeVar('T', bound=int).evaluate_bound"),
       value=lambda _: int, since=(3, 14))  # fmt: skip


def evaluator(owner: Any) -> Any:
    """The function that computes a bound or a value when it is asked for."""
    return next(o for o in gc.get_referents(owner) if isinstance(o, types.FunctionType))


TEMPLATE = "__import__('string.templatelib').templatelib."
sample("string.templatelib.Template", lambda: made(TEMPLATE + "Template('a', 'b')"), since=(3, 14))
sample(
    "string.templatelib.TemplateIter",
    lambda: iter(made(TEMPLATE + "Template('a', 'b')")),
    from_strings=True,
    since=(3, 14),
)
sample("string.templatelib.Interpolation", lambda: made(TEMPLATE + "Interpolation(1, 'a', 'r', '>5')"), since=(3, 14))

# --- exceptions


def raised(make: Callable[[], BaseException]) -> BaseException:
    """An exception with traceback, cause, context and notes."""
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            raise make() from first
    except BaseException as error:
        if VERSION >= (3, 11):
            error.add_note("a note")
        return error


NOTES: dict[str, Any] = {"notes": lambda error: getattr(error, "__notes__", None)}
sample("BaseException", lambda: raised(lambda: ValueError("text")), **NOTES)
sample("BaseException", lambda: KeyboardInterrupt())
sample("SystemExit", lambda: SystemExit(ITEMS))
sample("StopIteration", lambda: StopIteration(ITEMS))
sample("OSError", lambda: OSError(2, "text", "name", None, "other"), characters_written=-1)
sample("OSError", lambda: BlockingIOError(11, "text", 7))
sample("ImportError", lambda: ImportError("text", name="n", path="p"))
sample("NameError", lambda: NameError("text", name="n") if VERSION >= (3, 10) else None, since=(3, 10))
sample("AttributeError", lambda: AttributeError("text", name="n", obj=ITEMS), since=(3, 10))
sample("SyntaxError", lambda: SyntaxError("text", ("file", 1, 2, "line")))
sample("UnicodeEncodeError", lambda: UnicodeEncodeError("ascii", TEXT, 1, 2, "why"))
sample("UnicodeDecodeError", lambda: UnicodeDecodeError("ascii", b"abc", 1, 2, "why"))
sample("UnicodeTranslateError", lambda: UnicodeTranslateError(TEXT, 1, 2, "why"), encoding=None)
sample("BaseExceptionGroup", lambda: made("ExceptionGroup('text', [ValueError('a')])"), excs_str=None, since=(3, 11))

# --- itertools


def tool(name: str, *arguments: Any, **options: Any) -> None:
    """A sample of itertools.`name`(*arguments)."""
    sample(f"itertools.{name}", lambda: getattr(itertools, name)(*arguments), **options)


def tool_with_indices(name: str, *arguments: Any, **options: Any) -> None:
    """… of those that keep arrays of indices."""
    arrays = ("indices", "cycles") if name == "permutations" else ("indices",)
    sample(f"itertools.{name}", lambda: getattr(itertools, name)(*arguments), *arrays, **options)


tool("count", 5, cnt=5, long_cnt=None, long_step=1)
tool("count", LARGE, 2, cnt=sys.maxsize, long_cnt=LARGE, long_step=2)
tool("cycle", ITEMS, index=0 if VERSION < (3, 14) else -1, firstpass=False, saved=[])
tool("repeat", ITEMS, 3, element=lambda _: ITEMS, cnt=3)
tool("chain", ITEMS, ITEMS, active=None)
tool("islice", ITEMS, 1, 5, 2, next=1, stop=5, step=2, cnt=0)
tool("accumulate", ITEMS, function, binop=lambda _: function, total=None, initial=None)
tool("compress", ITEMS, ITEMS)
tool("dropwhile", function, ITEMS, func=lambda _: function, start=0)
tool("takewhile", function, ITEMS, func=lambda _: function, stop=0)
tool("filterfalse", function, ITEMS, func=lambda _: function)
tool("starmap", function, ITEMS, func=lambda _: function)
sample(
    "itertools.groupby", lambda: advanced(itertools.groupby(ITEMS, str)), "currgrouper",
    keyfunc=lambda _: str, currkey="1", tgtkey="1", currvalue=1,
)  # fmt: skip
sample("itertools._grouper", lambda: next(itertools.groupby(ITEMS, str))[1], tgtkey="1")
tool_with_indices("product", ITEMS, ITEMS, stopped=False, pools=((1, 2, 3), (1, 2, 3)), result=None)
tool_with_indices("permutations", ITEMS, 2, pool=(1, 2, 3), r=2, stopped=False, result=None)
tool_with_indices("combinations", ITEMS, 2, pool=(1, 2, 3), r=2, stopped=False, result=None)
tool_with_indices("combinations_with_replacement", ITEMS, 2, pool=(1, 2, 3), r=2, stopped=False, result=None)
tool("zip_longest", ITEMS, ITEMS, tuplesize=2, numactive=2, fillvalue=None)
tool("pairwise", ITEMS, old=None, since=(3, 10))
tool("batched", ITEMS, 2, batch_size=2, strict=False, since=(3, 12))
sample("itertools._tee", lambda: advanced(itertools.tee(ITEMS)[0]), index=1)
sample(
    "itertools._tee_dataobject", lambda: gc.get_referents(advanced(itertools.tee(ITEMS)[0]))[-1 if VERSION < (3, 12) else 1],
    numread=1, running=False, nextlink=None, contents=True,
)  # fmt: skip

# --- functools, operator

sample("functools.partial", lambda: functools.partial(function, LARGE, b=ITEMS))
CACHED = functools.lru_cache(maxsize=7, typed=True)(function)


def cached_twice() -> Any:
    """A cache with one entry, asked twice."""
    CACHED.cache_clear()
    CACHED(LARGE)
    CACHED(LARGE)
    return CACHED


CACHE: dict[str, Any] = {"hits": 1, "misses": 1, "maxsize": 7, "typed": True}
sample("functools._lru_cache_wrapper", cached_twice, contents=True, **CACHE)
sample("functools._lru_list_elem", lambda: cache_entry(), "hash", "key", result=LARGE + 2)
KEY = functools.cmp_to_key(function)
sample("functools.KeyWrapper", lambda: KEY(ITEMS), cmp=lambda _: function)
sample("functools.KeyWrapper", lambda: KEY, cmp=lambda _: function, obj=None)
sample("operator.itemgetter", lambda: operator.itemgetter(5), nitems=1, item=5, index=5)
sample("operator.itemgetter", lambda: operator.itemgetter("a", "b"), nitems=2, item=("a", "b"), index=-1)
sample("operator.attrgetter", lambda: operator.attrgetter("a.b", "c"), nattrs=2, attr=(("a", "b"), "c"))
sample(
    "operator.methodcaller", lambda: operator.methodcaller("a", LARGE, b=ITEMS), name="a", args=(LARGE,),
    xargs=("a", LARGE), kwds={"b": ITEMS}, contents=True,
)  # fmt: skip


def cache_entry() -> Any:
    """The entry of a cache is in its dict, as a value."""
    cache = next(o for o in gc.get_referents(cached_twice()) if type(o) is dict)
    return next(iter(cache.values()))


# --- collections, array

DEQUE = collections.deque([LARGE, ITEMS], 9)
BLOCKS = ("_leftblock", "_rightblock", "_leftindex", "_rightindex", "_state")
sample("collections.deque", lambda: DEQUE, *BLOCKS, _size=2, contents=True)
sample("collections.deque", lambda: collections.deque(), *BLOCKS, _size=0, maxlen=-1)
for module, since, until in (("_collections", (3, 9), (3, 12)), ("collections", (3, 12), LATER)):
    for name, begin in (("_deque_iterator", iter), ("_deque_reverse_iterator", reversed)):
        sample(
            f"{module}.{name}", lambda begin=begin: begin(DEQUE), "index", "_block", deque=lambda _: DEQUE, counter=2,
            since=since, until=until,
        )  # fmt: skip
sample("collections.defaultdict", lambda: collections.defaultdict(list, PAIRS), contents=True)
sample("collections.OrderedDict", lambda: ORDERED, "_first", "_last", contents=True)
Pair = collections.namedtuple("Pair", "left right")
sample("_collections._tuplegetter", lambda: Pair.__dict__["right"], index=1, until=(3, 12))
sample("collections._tuplegetter", lambda: Pair.__dict__["right"], index=1, since=(3, 12))
ARRAY = array.array("h", [1, 2, 3])
sample("array.array", lambda: ARRAY, "allocated", ob_item=lambda a: a.buffer_info()[0], _length=3, ob_exports=0)
sample("arrayiterator", lambda: advanced(iter(ARRAY)), index=1, ao=lambda _: ARRAY, until=(3, 10))
sample("array.arrayiterator", lambda: advanced(iter(ARRAY)), index=1, ao=lambda _: ARRAY, since=(3, 10))

# --- datetime, zoneinfo

ZONE = datetime.timezone(datetime.timedelta(hours=2), "two")
sample("datetime.date", lambda: datetime.date(2026, 11, 21), hashcode=-1, hastzinfo=False, data=b"\x07\xea\x0b\x15")
CLOCK = bytes([9, 30, 15]) + (123456).to_bytes(3, "big")
sample("datetime.time", lambda: datetime.time(9, 30, 15, 123456, ZONE, fold=1), hashcode=-1, hastzinfo=True, data=CLOCK)
sample(
    "datetime.datetime", lambda: datetime.datetime(2026, 11, 21, 9, 30, 15, 123456, ZONE, fold=1),
    hashcode=-1, hastzinfo=True, data=b"\x07\xea\x0b\x15" + CLOCK,
)  # fmt: skip
sample("datetime.time", lambda: datetime.time(9), hashcode=-1, hastzinfo=False, data=bytes([9, 0, 0, 0, 0, 0]))
sample(
    "datetime.datetime", lambda: datetime.datetime(2026, 11, 21), hashcode=-1, hastzinfo=False,
    data=b"\x07\xea\x0b\x15" + bytes(6),
)  # fmt: skip
sample("datetime.timedelta", lambda: datetime.timedelta(-3, 5, 7), hashcode=-1)
sample("datetime.timezone", lambda: ZONE, offset=datetime.timedelta(hours=2), name="two")
sample("datetime.tzinfo", lambda: datetime.tzinfo())
sample(
    "zoneinfo.ZoneInfo", lambda: zone_of_file(), _file_repr=lambda z: FILE_REPR[0], num_transitions=0, num_ttinfos=1,
    fixed_offset=True, source=2, contents=True,
)  # fmt: skip
FILE_REPR: list[str] = []


def zone_of_file() -> Any:
    """A zone with one offset, in the format of RFC 8536, so that no zone database is needed."""
    header = b"TZif" + b"\0" * 16 + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    file = io.BytesIO(header + struct.pack(">lbb", 7200, 0, 0) + b"TWO\0")
    FILE_REPR[:] = [repr(file)]
    return zoneinfo.ZoneInfo.from_file(file, key="Test/Two")


# --- decimal, re, struct, random

sample(
    "decimal.Decimal", lambda: decimal.Decimal("-12.5"), "_mpd_data", hash=-1, _mpd_flags=lambda _: 1 | 16 | 32,
    _mpd_exp=-1, _mpd_digits=3, _mpd_len=1, _mpd_alloc=4,
)  # fmt: skip
CONTEXT = decimal.Context(prec=9, rounding=decimal.ROUND_UP, traps=[])
sample("decimal.Context", lambda: CONTEXT, _traps=0, _flags=0, rounding=0, contents=VERSION >= (3, 12))
sample("decimal.SignalDictMixin", lambda: CONTEXT.flags, "flags")
sample(
    "decimal.ContextManager",
    lambda: decimal.localcontext(CONTEXT),
    "local",
    **{"global": lambda _: decimal.getcontext()},
)
PATTERN = re.compile("(?P<first>a)(b)?")
sample("re.Pattern", lambda: PATTERN, groupindex={"first": 1}, indexgroup=(None, "first", None), isbytes=0)
MATCH = PATTERN.match("xab", 1)
sample("re.Match", lambda: MATCH, _regs=None, _lastindex=2, _groups=3)
sample("_sre.SRE_Scanner", lambda: PATTERN.scanner("ab"), contents=True)
sample(
    "_struct.Struct",
    lambda: struct.Struct("<ih"),
    format=lambda s: s.format.encode() if VERSION < (3, 15) else s.format,
    s_len=2,
)
STRUCT = struct.Struct("<i")
sample(
    "_struct.unpack_iterator",
    lambda: advanced(STRUCT.iter_unpack(b"abcdefgh")),
    so=lambda _: STRUCT,
    obj=b"abcdefgh",
    index=4,
)
sample(
    "_random.Random", lambda: random.Random(1), index=624, state=lambda r: struct.pack("624I", *r.getstate()[1][:624])
)

# --- threads


def held(lock: Any, times: int = 1) -> Any:
    """The lock, acquired."""
    for _ in range(times):
        lock.acquire()
    return lock


sample("_thread.lock", lambda: _thread.allocate_lock(), "lock_lock", locked=False)
sample("_thread.lock", lambda: held(_thread.allocate_lock()), "lock_lock", locked=True)
sample("_thread.RLock", lambda: threading.RLock(), "rlock_lock", count=0, owner=0, locked=False)
sample(
    "_thread.RLock", lambda: held(threading.RLock(), 3), "rlock_lock", count=3, owner=threading.get_ident(), locked=True
)
LOCAL = threading.local()
LOCAL.name = ITEMS
sample("_thread._local", lambda: LOCAL, "key", "wr_callback", contents=True)
sample("_thread._localdummy", lambda: local_dummy(), "localdict")
sample("_thread._ThreadHandle", lambda: made("_thread._ThreadHandle()"), "handle", since=(3, 13))


def local_dummy() -> Any:
    """The object that ends a thread's local data; it is in the thread's dict, or the key of localdicts."""
    return next(o for o in map(dereferenced, gc.get_objects()) if type(o).__name__ == "_localdummy")


def dereferenced(value: Any) -> Any:
    """What a weak reference refers to, or the value itself."""
    return value() if type(value) is weakref.ref else value


QUEUE = _queue.SimpleQueue()
QUEUE.put(ITEMS)
sample("_queue.SimpleQueue", lambda: QUEUE, locked=False, _lst=[ITEMS], _lst_pos=0, until=(3, 13))
sample(
    "_queue.SimpleQueue", lambda: QUEUE, "_items", has_threads_waiting=False, _put_idx=1, _get_idx=0, _items_cap=8,
    _num_items=1, contents=True, since=(3, 13),
)  # fmt: skip
VARIABLE: Any = contextvars.ContextVar("v", default=ITEMS)
CONTEXT_OF_VARIABLES = contextvars.copy_context()
TOKEN = CONTEXT_OF_VARIABLES.run(VARIABLE.set, LARGE)
for prefix, since, until in (("", (3, 9), (3, 10)), ("_contextvars.", (3, 10), LATER)):
    sample(prefix + "Context", lambda: CONTEXT_OF_VARIABLES, ctx_prev=None, ctx_entered=False, since=since, until=until)
    sample(
        prefix + "ContextVar", lambda: VARIABLE, "var_hash", var_default=lambda _: ITEMS, since=since, until=until,
        contents=True,
    )  # fmt: skip
    sample(
        prefix + "Token", lambda: TOKEN, tok_ctx=lambda _: CONTEXT_OF_VARIABLES, tok_oldval=None, tok_used=False,
        since=since, until=until,
    )  # fmt: skip
sample(
    "hamt",
    lambda: next(o for o in gc.get_referents(CONTEXT_OF_VARIABLES) if type(o).__name__ == "hamt"),
    h_count=lambda _: len(CONTEXT_OF_VARIABLES),
)
TREE = contextvars.copy_context()
for number in range(3000):
    TREE.run(contextvars.ContextVar(f"v{number}").set, number)
sample("hamt_array_node", lambda: tree_node("array"), a_count=32, contents=True)
sample("hamt_bitmap_node", lambda: tree_node("bitmap"), "b_bitmap", contents=True)


def tree_node(kind: str) -> Any:
    """A node of the tree that a context's variables are in."""
    nodes = [o for o in gc.get_referents(TREE) if type(o).__name__ == "hamt"]
    for node in nodes:
        nodes += [o for o in gc.get_referents(node) if type(o).__name__.startswith("hamt_")]
    return next(node for node in nodes if type(node).__name__ == f"hamt_{kind}_node")


sample(
    "_multiprocessing.SemLock", lambda: synchronize.BoundedSemaphore(3, ctx=multiprocessing.get_context())._semlock, "handle", "last_tid", "kind",
    maxvalue=3, count=0,
)  # fmt: skip

# --- asyncio

LOOP = asyncio.new_event_loop()


def finished() -> Any:
    """A future with a result."""
    future = _asyncio.Future(loop=LOOP)
    future.set_result(ITEMS)
    return future


def pending_task() -> Any:
    """A task that waits to be started."""
    return kept(_asyncio.Task(coroutine(), loop=LOOP, name="the task"))


FUTURE: dict[str, Any] = {
    "fut_callback0": None, "fut_context0": None, "fut_callbacks": None, "_exception": None, "fut_exception_tb": None,
    "fut_cancelled_exc": None, "fut_awaited_by": None,
}  # fmt: skip
sample("_asyncio.Future", finished, fut_state=2, **FUTURE)
sample("_asyncio.Future", lambda: _asyncio.Future(loop=LOOP), fut_state=0, _result=None, **FUTURE)
sample(
    "_asyncio.Task", pending_task, fut_state=0, _result=None, task_name="the task", _must_cancel=False,
    _log_destroy_pending=True, _num_cancels_requested=0, _coro=lambda t: t.get_coro(), contents=True, **FUTURE,
)  # fmt: skip
WAITED = finished()
sample("_asyncio.FutureIter", lambda: iter(WAITED), future=lambda _: WAITED)

# --- streams

FILE = str(Path(__file__).resolve())
sample("_io._IOBase", lambda: io.IOBase())
MODES: dict[str, Any] = {
    "_created": False,
    "_readable": True,
    "_writable": False,
    "_appending": False,
    "_finalizing": False,
}
sample("_io.FileIO", lambda: opened(io.FileIO(FILE)), fd=lambda f: f.fileno(), _seekable=3, **MODES)
sample(
    "_io.FileIO", lambda: opened(io.FileIO(os.dup(1), "a", closefd=False)), fd=lambda f: f.fileno(), _created=False,
    _readable=False, _writable=True, _appending=True, _finalizing=False, contents=True, _seekable=lambda f: int(f.seekable()),
)  # fmt: skip
BUFFER = ("_abs_pos", "_buffer", "_raw_pos", "_read_end", "_write_pos", "_write_end", "_pos")
READY: dict[str, Any] = {"_ok": True, "_detached": False, "_finalizing": False, "_buffer_size": io.DEFAULT_BUFFER_SIZE}


def opened(file: Any) -> Any:
    """Keep a file open until the end."""
    KEPT.append(file)
    return file


sample(
    "_io.BufferedReader", lambda: opened(open(FILE, "rb")), *BUFFER,  # noqa: SIM115
    _readable=True, _writable=False, **{**READY, "_buffer_size": lambda f: f.raw and io_buffer_size()},
)  # fmt: skip
sample(
    "_io.BufferedWriter", lambda: opened(io.BufferedWriter(io.FileIO(os.devnull, "w"), 99)), *BUFFER,
    _readable=False, _writable=True, **{**READY, "_buffer_size": 99},
)  # fmt: skip
sample(
    "_io.BufferedRandom", lambda: opened(io.BufferedRandom(io.FileIO(os.devnull, "r+"), 99)), *BUFFER,
    _readable=True, _writable=True, **{**READY, "_buffer_size": 99},
)  # fmt: skip
sample(
    "_io.BufferedRWPair", lambda: opened(io.BufferedRWPair(io.FileIO(os.devnull), io.FileIO(os.devnull, "w"))),
    "reader", "writer",
)  # fmt: skip


def io_buffer_size() -> int:
    """The buffer size open() chooses for a file of the disk."""
    return max(io.DEFAULT_BUFFER_SIZE, os.stat(FILE).st_blksize) if VERSION >= (3, 14) else os.stat(FILE).st_blksize


sample(
    "_io.TextIOWrapper", lambda: opened(open(FILE, encoding="utf-8", newline="")), "readuniversal", "writenl",  # noqa: SIM115
    encoder=None, readnl="", readtranslate=False, writetranslate=False, _ok=True, _detached=False, _seekable=True,
    _telling=True, _finalizing=False, _decoded_chars=None, _decoded_chars_used=0, _pending_bytes=None,
    _pending_bytes_count=0, _snapshot=None, _raw=lambda f: f.buffer.raw, line_buffering=False, write_through=False,
)  # fmt: skip
sample(
    "_io.StringIO", lambda: moved(io.StringIO("some text"), 4), "_buf", "_buf_size", "_state", _pos=4, _string_size=9,
    _ok=True, _readuniversal=False, _readtranslate=False, _decoder=None, _readnl="\n", _writenl=None,
    _accu_small=None, _accu_large=None, _writer_buffer=None, _writer=0,
)  # fmt: skip
sample(
    "_io.StringIO", lambda: written("text"), "_buf", "_buf_size", "_writer", "_writer_buffer", _state=2, _pos=4, _string_size=4,
    _ok=True, _readuniversal=False, _readtranslate=False, _decoder=None, _readnl="\n", _writenl=None,
    _accu_small=["text"], _accu_large=None, contents=True,
)  # fmt: skip
BYTES_STREAM = io.BytesIO(b"some bytes")
sample("_io.BytesIO", lambda: moved(BYTES_STREAM, 4), _buf=b"some bytes", _pos=4, _string_size=10, _exports=0)
sample("_io._BytesIOBuffer", lambda: io.BytesIO(b"a").getbuffer().obj, source=lambda b: gc.get_referents(b)[-1])
sample(
    "_io.IncrementalNewlineDecoder", lambda: io.IncrementalNewlineDecoder(None, True), decoder=None, pendingcr=False,
    translate=True, seennl=0, errors="strict", contents=True,
)  # fmt: skip


def written(text: str) -> Any:
    """A stream that collects what is written to it."""
    stream = io.StringIO()
    stream.write(text)
    return stream


def moved(stream: Any, position: int) -> Any:
    """The stream, somewhere in its middle."""
    stream.seek(position)
    return stream


SOCKET = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
SOCKET.settimeout(1.5)
KEPT.append(SOCKET)
sample(
    "_socket.socket",
    lambda: SOCKET,
    contents=True,
    fd=SOCKET.fileno(),
    sock_timeout=1_500_000_000,
    type=int(socket.SOCK_DGRAM),
    family=2,
)
sample("select.epoll", lambda: opened(select.epoll()), fd=lambda e: e.fileno())
sample("select.poll", lambda: select.poll(), "ufd_len", poll_running=False, dict={})
MAPPED = mmap.mmap(-1, 5000)
MAPPED.seek(7)
sample("mmap.mmap", lambda: MAPPED, "data", "access", size=5000, pos=7, offset=0, exports=0, fd=-1)
sample("posix.DirEntry", lambda: next(iter(os.scandir(Path(FILE).parent))), "_d_type", _stat=None, _lstat=None,
       _d_ino=lambda e: e.inode(), _dir_fd=-100)  # fmt: skip
sample("_ssl._SSLContext", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), protocol=int(ssl.PROTOCOL_TLS_CLIENT),
       post_handshake_auth=False, _msg_callback=None, sni_callback=None)  # fmt: skip
sample("_ssl._SSLSocket", lambda: ssl_object(), shutdown_seen_zero=False, server_side=0, Socket=None,
       server_hostname="host", owner=lambda s: weakref.ref(s.owner), contents=True)  # fmt: skip


def ssl_object() -> Any:
    """A TLS connection over memory."""
    context = ssl.create_default_context()
    outside = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="host")
    KEPT.append(outside)
    return outside._sslobj


# --- ctypes


class Point(ctypes.Structure):
    """Two numbers."""

    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int, 5))


POINT = Point(1, 2)
DATA: dict[str, Any] = {"b_ptr": ctypes.addressof, "_b_needsfree_": True, "b_length": 0, "b_index": 0}
sample("_ctypes._CData", lambda: POINT, **{**DATA, "b_size": 8, "b_length": 2})
sample("_ctypes._CData", lambda: ctypes.c_double(1), **DATA, b_size=8)
sample("_ctypes._CData", lambda: ctypes.pointer(POINT), **{**DATA, "b_length": 1}, b_size=8)
sample("_ctypes._CData", lambda: (ctypes.c_int * 3)(), **{**DATA, "b_length": 3}, b_size=12)
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
FOREIGN: dict[str, Any] = {
    **DATA, "b_length": 1, "b_size": 8, "converters": None, "checker": None, "errcheck": None, "paramflags": None, "restype": None,
    "argtypes": None,
}  # fmt: skip
for name, since, until in (("_ctypes.PyCFuncPtr", (3, 9), (3, 10)), ("_ctypes.CFuncPtr", (3, 10), LATER)):
    sample(name, lambda: PROTOTYPE(abs), callable=lambda _: abs, since=since, until=until, **FOREIGN)
sample("_ctypes.CField", lambda: Point.x, index=0, proto=lambda _: ctypes.c_int, anonymous=False, until=(3, 14))
sample(
    "ctypes.CField", lambda: Point.y, index=1, proto=lambda _: ctypes.c_int, anonymous=False, bitfield_size=5,
    since=(3, 14),
)  # fmt: skip
sample("CArgObject", lambda: ctypes.byref(POINT), "size", _obj=lambda _: POINT, until=(3, 12))
sample("_ctypes.CArgObject", lambda: ctypes.byref(POINT), "size", _obj=lambda _: POINT, since=(3, 12))

# --- other modules

READER = csv.reader(["a,b"])
sample("_csv.reader", lambda: READER, state=0, field_len=0, contents=True)
sample("_csv.writer", lambda: csv.writer(io.StringIO()), num_fields=0, error_obj=lambda _: csv.Error, contents=True)
CHARACTERS: dict[str, Any] = {"delimiter": ord(","), "quotechar": ord('"'), "escapechar": lambda _: NO_CHARACTER}
sample("_csv.Dialect", lambda: READER.dialect, **CHARACTERS)
NO_CHARACTER = 0 if VERSION < (3, 11) else 0xFFFFFFFF
sample(
    "_json.Scanner", lambda: made("json.scanner.c_make_scanner(json.JSONDecoder())"), "strict", memo={}, array_hook=None
)
sample(
    "_json.Encoder", lambda: made("json.encoder.c_make_encoder(None, function, str, None, ':', ',', True, False, True)"),
    allow_nan=True, default=lambda _: function, encoder=lambda _: str,
)  # fmt: skip
PICKLED = io.BytesIO()
sample(
    "_pickle.Pickler", lambda: pickle.Pickler(PICKLED, 5), "output_len", "output_buffer", proto=5, bin=True, framing=False,
    dispatch_table=None, reducer_override=None, pers_func=None, persistent_id=None, persistent_id_attr=None,
    fast_memo=None, buffer_callback=None, contents=True,
)  # fmt: skip
sample(
    "_pickle.Unpickler", lambda: pickle.Unpickler(PICKLED), memo_dict=None, pers_func=None, persistent_load=None,
    persistent_load_attr=None, buffer=None, next_read_idx=0, input_len=0, buffers=None, encoding="ASCII",
    errors="strict", proto=0, contents=True,
)  # fmt: skip
sample(
    "zlib.Compress",
    lambda: zlib.compressobj(),
    unused_data=b"",
    unconsumed_tail=b"",
    eof=False,
    zdict=None,
    is_initialised=True,
)
sample("zlib.Decompress", lambda: zlib.decompressobj(zdict=b"words"), zdict=b"words", is_initialised=True)
sample("_bz2.BZ2Decompressor", lambda: bz2.BZ2Decompressor())
sample("_lzma.LZMADecompressor", lambda: lzma.LZMADecompressor())
ELEMENT = xml.etree.ElementTree.fromstring("<tag key='value'>text<a/>tail</tag>")
sample("xml.etree.ElementTree.Element", lambda: ELEMENT, "_extra", contents=True)
sample(
    "xml.etree.ElementTree.TreeBuilder", lambda: xml.etree.ElementTree.TreeBuilder(), "data", "this", "last", index=0,
    insert_comments=False, insert_pis=False, contents=True,
)  # fmt: skip
sample("xml.etree.ElementTree.XMLParser", lambda: xml.etree.ElementTree.XMLParser(), contents=True)
sample("_abc._abc_data", lambda: abc.ABC._abc_impl, "_abc_negative_cache_version")
DATABASE = sqlite3.connect(":memory:", detect_types=3)
DATABASE.row_factory = sqlite3.Row
sample(
    "sqlite3.Connection", lambda: DATABASE, "db", detect_types=3, initialized=True, check_same_thread=True,
    thread_ident=threading.get_ident(), contents=True,
)  # fmt: skip
CURSOR = DATABASE.execute("select 1 as one")
sample(
    "sqlite3.Cursor",
    lambda: CURSOR,
    "statement",
    "description",
    "next_row",
    closed=False,
    locked=False,
    initialized=True,
    contents=True,
)
sample(
    "sqlite3.Row",
    lambda: DATABASE.execute("select 7 as one").fetchone(),
    data=(7,),
    description=(("one", *[None] * 6),),
)
sample("sqlite3.Statement", lambda: statement(), "st", sql="select 1 as one", is_dml=False)


def statement() -> Any:
    """The statement of a cursor: nothing in Python leads to it."""
    row = next(row for row in layout_table.rows() if row.name == "sqlite3.Cursor")
    field = next(field for field in row.fields if field.name == "statement")
    return ctypes.py_object.from_address(id(CURSOR) + field.offset).value


def finish() -> None:
    """Close what is open."""
    for value in KEPT:
        close = getattr(value, "close", None)
        if close is not None and not isinstance(value, _asyncio.Task):
            close()
    DATABASE.close()


# what `made` evaluates
_NAMES = (json,)
