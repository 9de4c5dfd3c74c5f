# SPDX-License-Identifier: Apache-2.0
"""Compares a value that came back from a dump with the one that the reading interpreter built.

`difference(expected, found)` walks both with a worklist (values may be a million deep) and returns the first
difference in words, or None. Types are compared exactly, floats by their bits (every nan is equal to every other),
and sharing must be the same: where the expected value has one mutable object in two places, so must the one found,
and the other way round.

Instances of classes written in Python come back as instances of synthetic classes; of them are compared the class's
name, module and bases, the builtin value they carry, the instance dict and the slots. `described` does the same
by hand, for stand-ins whose shape no running interpreter can build.
"""

import array
import collections
import datetime
import decimal
import fractions
import pathlib
import struct
import types
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

Path = Optional[Tuple[Any, str]]  # (path of the owner, the last step), so that a million steps cost no text
Work = List[Tuple[Path, Any, Any]]

MISSING = object()

# A list beyond this many items may come back as a subclass that makes its items when they are asked for.
LAZY_FROM = 1000


class Mismatch(AssertionError):
    """What came back is not what went in."""


class Comparison:
    """The state of one comparison: what is still to compare, and which object stands for which."""

    def __init__(self, expected: Any, found: Any) -> None:
        self.work: Work = [(None, expected, found)]
        self.partner: Dict[int, Any] = {}
        self.origin: Dict[int, Any] = {}
        self.kept: List[Any] = []  # keeps objects alive whose ids are in use

    def push(self, path: Path, step: str, expected: Any, found: Any) -> None:
        self.work.append(((path, step), expected, found))

    def seen(self, expected: Any, found: Any) -> bool:
        """True when this pair was met before; raises Mismatch when sharing differs."""
        if id(expected) in self.partner:
            if self.partner[id(expected)] is not found:
                raise Mismatch("is shared in the original, but came back as two objects")
            return True
        if not isinstance(expected, (tuple, frozenset)) and id(found) in self.origin:
            raise Mismatch("is two objects in the original, but came back as one")
        self.partner[id(expected)] = found
        self.origin[id(found)] = expected
        self.kept += (expected, found)
        return False


def difference(expected: Any, found: Any) -> Optional[str]:
    """The first difference between the two in words, None when they are the same."""
    comparison = Comparison(expected, found)
    while comparison.work:
        path, wanted, got = comparison.work.pop()
        try:
            compare_one(comparison, path, wanted, got)
        except Mismatch as problem:
            return f"{spell(path)} {problem}"
    return None


def same(found: Any, expected: Any, what: str = "value") -> None:
    """Raises Mismatch unless `found` equals `expected` in the sense of `difference`."""
    problem = difference(expected, found)
    if problem is not None:
        raise Mismatch(f"{what}: {problem}")


def described(found: Any, type_name: str, **attributes: Any) -> None:
    """Checks the name of the type and the values of attributes."""
    same(type(found).__name__, type_name, "type")
    for name, expected in attributes.items():
        same(getattr(found, name), expected, name)


def holds(found: Any, expected: Any) -> None:
    """Checks that some attribute of `found` is `expected`, for C types whose fields have no public names."""
    for name in dir(found):
        if not name.startswith("__") and difference(expected, getattr(found, name, MISSING)) is None:
            return
    raise Mismatch(f"no attribute of {type(found).__name__} holds {short(expected)}; there are {dir(found)[-12:]}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:60] + "..." + text[-20:]


def spell(path: Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    steps.reverse()
    return "value" + "".join(steps if len(steps) <= 12 else steps[:6] + [f"<{len(steps) - 9} more>"] + steps[-3:])


def compare_one(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Compares one pair without what is inside, which goes to the worklist."""
    kind = type(expected)
    if kind in ATOMS:
        exact_type(expected, found)
        if not ATOMS[kind](expected, found):
            raise Mismatch(f"is {short(found)}, expected {short(expected)}")
        return
    if comparison.seen(expected, found):
        return
    if kind in CONTAINERS:
        exact_type(expected, found)
        CONTAINERS[kind](comparison, path, expected, found)
    elif kind.__module__.split(".")[0] == "numpy":
        numpy_value(comparison, path, expected, found)
    elif isinstance(expected, type):
        class_itself(expected, found)
    else:
        instance(comparison, path, expected, found)


def exact_type(expected: Any, found: Any) -> None:
    kind = type(expected)
    lazy = isinstance(found, kind) and kind in (list, tuple, dict, set) and len(expected) >= LAZY_FROM
    if type(found) is not kind and not lazy:
        raise Mismatch(f"is a {type(found).__name__} ({short(found)}), expected a {kind.__name__}")


# --- values without parts ---------------------------------------------------------------------------------------


def identical(expected: Any, found: Any) -> bool:
    return expected is found


def equal(expected: Any, found: Any) -> bool:
    return bool(expected == found)


def same_float(expected: float, found: float) -> bool:
    both_nan = expected != expected and found != found
    return both_nan or struct.pack("d", expected) == struct.pack("d", found)


def same_complex(expected: complex, found: complex) -> bool:
    return same_float(expected.real, found.real) and same_float(expected.imag, found.imag)


def same_time(expected: Any, found: Any) -> bool:
    """datetime and time: equal ones may differ in zone and fold."""
    return (
        expected.replace(tzinfo=None) == found.replace(tzinfo=None)
        and expected.fold == found.fold
        and str(expected.tzinfo) == str(found.tzinfo)
        and expected.utcoffset() == found.utcoffset()
    )


def same_timezone(expected: datetime.timezone, found: datetime.timezone) -> bool:
    return expected.utcoffset(None) == found.utcoffset(None) and expected.tzname(None) == found.tzname(None)


def same_memoryview(expected: memoryview, found: memoryview) -> bool:
    aspects = ("format", "shape", "strides", "readonly")
    return expected.tobytes() == found.tobytes() and all(getattr(expected, a) == getattr(found, a) for a in aspects)


ATOMS: Dict[type, Callable[[Any, Any], bool]] = {
    type(None): identical,
    bool: identical,
    type(...): identical,
    type(NotImplemented): identical,
    int: equal,
    str: equal,
    bytes: equal,
    float: same_float,
    complex: same_complex,
    range: lambda e, f: (e.start, e.stop, e.step) == (f.start, f.stop, f.step),
    datetime.datetime: same_time,
    datetime.time: same_time,
    datetime.date: equal,
    datetime.timedelta: equal,
    datetime.timezone: same_timezone,
    decimal.Decimal: lambda e, f: e.as_tuple() == f.as_tuple(),
    fractions.Fraction: equal,
    uuid.UUID: equal,
    memoryview: same_memoryview,
    type(pathlib.Path()): equal,
    pathlib.PurePosixPath: equal,
    pathlib.PureWindowsPath: equal,
}

# --- containers -------------------------------------------------------------------------------------------------


def sequence(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    if len(found) != len(expected):
        raise Mismatch(f"has {len(found)} items, expected {len(expected)}")
    for i, (wanted, got) in enumerate(zip(expected, found)):
        comparison.push(path, f"[{i}]", wanted, got)


def bounded_sequence(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    sequence(comparison, path, expected, found)
    comparison.push(path, ".maxlen", expected.maxlen, found.maxlen)


def mapping(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Pair by pair in insertion order, so that keys are compared too, hashable or not."""
    if len(found) != len(expected):
        raise Mismatch(f"has {len(found)} keys, expected {len(expected)}")
    for (wanted_key, wanted), (key, got) in zip(expected.items(), found.items()):
        comparison.push(path, f".key({short(wanted_key)})", wanted_key, key)
        comparison.push(path, f"[{short(wanted_key)}]", wanted, got)


def default_mapping(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    mapping(comparison, path, expected, found)
    comparison.push(path, ".default_factory", expected.default_factory, found.default_factory)


def unordered(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Sets: their order says nothing, so items are put in the order of their type and text."""

    def ordered(items: Any) -> List[Any]:
        return sorted(items, key=lambda item: (type(item).__name__, text_of(item)))

    sequence(comparison, path, ordered(expected), ordered(found))


def text_of(item: Any) -> str:
    """A text to sort by that is the same in both interpreters (so no address, no order of a set within)."""
    if isinstance(item, frozenset):
        return "{" + ",".join(sorted(text_of(i) for i in item)) + "}"
    return repr(item) if type(item) in ATOMS or type(item) is tuple else repr(sorted(vars(item).items()))


def raw_bytes(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    if bytes(expected) != bytes(found):
        raise Mismatch(f"is {short(found)}, expected {short(expected)}")


def typed_array(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    comparison.push(path, ".typecode", expected.typecode, found.typecode)
    comparison.push(path, ".tolist()", expected.tolist(), found.tolist())


def three_parts(comparison: Comparison, path: Path, expected: slice, found: slice) -> None:
    for name in ("start", "stop", "step"):
        comparison.push(path, "." + name, getattr(expected, name), getattr(found, name))


def attributes_only(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    comparison.push(path, ".__dict__", vars(expected), vars(found))


CONTAINERS: Dict[type, Callable[[Comparison, Path, Any, Any], None]] = {
    tuple: sequence,
    list: sequence,
    dict: mapping,
    set: unordered,
    frozenset: unordered,
    bytearray: raw_bytes,
    slice: three_parts,
    array.array: typed_array,
    collections.deque: bounded_sequence,
    collections.OrderedDict: mapping,
    collections.Counter: mapping,
    collections.defaultdict: default_mapping,
    types.MappingProxyType: mapping,
    types.SimpleNamespace: attributes_only,
}


def numpy_value(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Arrays, scalars and dtypes."""
    if type(found) is not type(expected):
        raise Mismatch(f"is a {type(found).__name__}, expected a {type(expected).__name__}")
    if not hasattr(expected, "dtype"):  # a dtype
        if str(found) != str(expected):
            raise Mismatch(f"is {found}, expected {expected}")
        return
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        raise Mismatch(f"is {found.dtype}{found.shape}, expected {expected.dtype}{expected.shape}")
    if expected.dtype.hasobject:
        comparison.push(path, ".tolist()", expected.tolist(), found.tolist())
    elif found.tobytes() != expected.tobytes():
        raise Mismatch(f"is {short(found)}, expected {short(expected)}")


# --- classes and instances --------------------------------------------------------------------------------------


def class_itself(expected: type, found: Any) -> None:
    if not isinstance(found, type):
        raise Mismatch(f"is {short(found)}, expected the class {expected.__name__}")
    for name in ("__name__", "__qualname__", "__module__"):
        if getattr(found, name) != getattr(expected, name):
            raise Mismatch(f".{name} is {getattr(found, name)!r}, expected {getattr(expected, name)!r}")


# The builtin value an instance may carry: the class, and how to take it out without the instance's own methods.
CARRIED: List[Tuple[type, Callable[[Any], Any]]] = [
    (int, lambda v: int.__add__(v, 0)),
    (float, lambda v: float.__mul__(v, 1.0)),
    (complex, lambda v: complex.__add__(v, 0)),
    (str, lambda v: str.__str__(v)[:]),
    (bytes, lambda v: bytes.__getitem__(v, slice(None))),
    (bytearray, lambda v: bytes(bytearray.__getitem__(v, slice(None)))),
    (tuple, lambda v: tuple(tuple.__iter__(v))),
    (list, lambda v: list(list.__iter__(v))),
    (dict, lambda v: dict(dict.items(v))),
    (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
    (collections.deque, lambda v: list(collections.deque.__iter__(v))),
]


def instance(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """An instance of a class written in Python against an instance of the synthetic class."""
    class_itself(type(expected), type(found))
    wanted, got = base_names(type(expected)), base_names(type(found))
    if wanted != got:
        raise Mismatch(f"has the bases {got}, expected {wanted}")
    for base, take in CARRIED:
        if isinstance(expected, base):
            if not isinstance(found, base):
                raise Mismatch(f"({type(found).__name__}) is not an instance of {base.__name__}")
            comparison.push(path, f".<{base.__name__}>", take(expected), take(found))
    if hasattr(expected, "__dict__"):
        comparison.push(path, ".__dict__", dict(vars(expected)), dict(vars(found)))
    for name in slot_names(type(expected)):
        slot(comparison, path, name, expected, found)


def base_names(cls: type) -> List[str]:
    return [base.__name__ for base in cls.__mro__]


def slot_names(cls: type) -> List[str]:
    names = []
    for base in cls.__mro__:
        names += [n for n, v in vars(base).items() if isinstance(v, types.MemberDescriptorType) and n[:2] != "__"]
    return names


def slot(comparison: Comparison, path: Path, name: str, expected: Any, found: Any) -> None:
    wanted, got = getattr(expected, name, MISSING), getattr(found, name, MISSING)
    if wanted is MISSING and got is MISSING:
        return
    if wanted is MISSING or got is MISSING:
        raise Mismatch(f".{name} is {'set' if wanted is MISSING else 'unset'} only in what came back")
    comparison.push(path, "." + name, wanted, got)
