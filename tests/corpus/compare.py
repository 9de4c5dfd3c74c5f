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
import struct
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

Path = Optional[Tuple[Any, str, int]]  # path of the owner, last step, depth: so a million steps cost no text
Work = List[Tuple[Path, Any, Any]]

MISSING = object()

# Containers come back exactly as what they were, up to these sizes of the whole value; beyond them some may be
# instances of a subclass that fetches its contents when they are asked for.
EXACT_ITEMS = 9_000
EXACT_VALUES = 18_000
EXACT_DEPTH = 38


class Mismatch(AssertionError):
    """What came back is not what went in."""


class Comparison:
    """The state of one comparison: what is still to compare, and which object stands for which."""

    def __init__(self, expected: Any, found: Any) -> None:
        self.work: Work = [(None, expected, found)]
        self.partner: Dict[int, Any] = {}
        self.origin: Dict[int, Any] = {}
        self.kept: List[Any] = []  # keeps objects alive whose ids are in use
        self.values = 0
        self.depth = 0
        self.longest = 0
        self.lazy: Optional[str] = None  # the first container that came back as a subclass of what it was

    def push(self, path: Path, step: str, expected: Any, found: Any) -> None:
        depth = 1 if path is None else path[2] + 1
        self.values += 1
        self.depth = max(self.depth, depth)
        self.work.append(((path, step, depth), expected, found))

    def needless_laziness(self) -> Optional[str]:
        """What came back lazy though the whole value is small enough to come back exactly."""
        small = self.values <= EXACT_VALUES and self.depth <= EXACT_DEPTH and self.longest <= EXACT_ITEMS
        return self.lazy if small else None

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
    return comparison.needless_laziness()


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
        path, step, _ = path
        steps.append(step)
    steps.reverse()
    return "value" + "".join(steps if len(steps) <= 12 else steps[:6] + [f"<{len(steps) - 9} more>"] + steps[-3:])


def compare_one(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Compares one pair without what is inside, which goes to the worklist."""
    kind = type(expected)
    if kind in ATOMS:
        exact_type(comparison, path, expected, found)
        if not ATOMS[kind](expected, found):
            raise Mismatch(f"is {short(found)}, expected {short(expected)}")
        return
    if comparison.seen(expected, found):
        return
    if kind in CONTAINERS:
        exact_type(comparison, path, expected, found)
        CONTAINERS[kind](comparison, path, expected, found)
    elif kind.__module__.split(".")[0] == "numpy":
        numpy_value(comparison, path, expected, found)
    elif isinstance(expected, type):
        class_itself(expected, found)
    else:
        instance(comparison, path, expected, found)


def exact_type(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    kind = type(expected)
    if type(found) is kind:
        return
    if not (isinstance(found, kind) and type(found).__name__.startswith("Lazy")):
        raise Mismatch(f"is of {type(found)!r} ({short(found)}), expected {kind!r}")
    if comparison.lazy is None:
        comparison.lazy = f"{spell(path)} is a {type(found).__name__}, though the whole value is small"


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
    memoryview: same_memoryview,
}

# --- containers -------------------------------------------------------------------------------------------------


def sequence(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    if len(found) != len(expected):
        raise Mismatch(f"has {len(found)} items, expected {len(expected)}")
    comparison.longest = max(comparison.longest, len(expected))
    for i, (wanted, got) in enumerate(zip(expected, found)):
        comparison.push(path, f"[{i}]", wanted, got)


def bounded_sequence(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    sequence(comparison, path, expected, found)
    comparison.push(path, ".maxlen", expected.maxlen, found.maxlen)


def mapping(comparison: Comparison, path: Path, expected: Any, found: Any) -> None:
    """Pair by pair in insertion order, so that keys are compared too, hashable or not."""
    if len(found) != len(expected):
        raise Mismatch(f"has {len(found)} keys, expected {len(expected)}")
    comparison.longest = max(comparison.longest, 2 * len(expected))
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
    elif expected.dtype.fields is not None:
        comparison.push(path, ".tolist()", expected.tolist(), found.tolist())
    elif not same_elements(expected, found):
        raise Mismatch(f"is {short(found)}, expected {short(expected)}")


def same_elements(expected: Any, found: Any) -> bool:
    """By their bytes; a longdouble has bytes that say nothing, so by value (nan equal to nan) and sign."""
    if expected.dtype.char not in "gG":
        return bool(found.tobytes() == expected.tobytes())
    return bool(((expected == found) | ((expected != expected) & (found != found))).all())


# --- classes and instances --------------------------------------------------------------------------------------


def class_itself(expected: type, found: Any) -> None:
    if not isinstance(found, type):
        raise Mismatch(f"is {short(found)}, expected the class {expected.__name__}")
    for name in ("__name__", "__qualname__", "__module__"):
        if getattr(found, name) != getattr(expected, name):
            raise Mismatch(f".{name} is {getattr(found, name)!r}, expected {getattr(expected, name)!r}")


# The builtin value an instance may carry, and how to take it out without the instance's own methods.
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
# The same of what was found: it may be lazy, so it is asked in the ordinary way. No code of the corpus is in it.
FOUND: Dict[type, Callable[[Any], Any]] = {
    tuple: tuple,
    list: list,
    dict: lambda v: dict(v.items()),
    set: set,
    frozenset: frozenset,
    bytearray: bytes,
    collections.deque: list,
}


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
            take_found = FOUND.get(base, take)
            comparison.push(path, f".<{base.__name__}>", take(expected), take_found(found))
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
