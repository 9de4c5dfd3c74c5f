# SPDX-License-Identifier: Apache-2.0
"""numpy arrays, dtypes and scalars of the dump, rebuilt when numpy is installed where the dump is read.

Without numpy they are stand-ins with their fields. An instance of a subclass of ndarray written in Python is a
stand-in whose `content` is a real array. Dtypes are read from the raw records, with a bound on their nesting.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .builtin_types import base_of_code
from .items import expand, run_length
from .kinds import SCALAR, Kind, Node, leaf_value, stand_in
from .long_text import content_of

if TYPE_CHECKING:
    from .heap import Heap

DICT, TUPLE, OBJECT, LIST = 10, 8, 1, 9
MAX_NESTING = 16  # of structured dtypes
MAX_FIELDS = 10_000
MAX_OBJECTS = 1_000_000  # elements of an object array
ALIGNED = 0x80  # a dtype's flag NPY_ALIGNED_STRUCT
UNITS = ("Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "")  # NPY_DATETIMEUNIT

NUMBERS = "bool bool_ int8 int16 int32 int64 longlong uint8 uint16 uint32 uint64 ulonglong float32 float64".split()
IN_BYTES = {"float16": "f2", "longdouble": "g", "clongdouble": "G"}
SCALARS = [*NUMBERS, *IN_BYTES, "complex64", "complex128", "datetime64", "timedelta64", "str_", "bytes_", "void"]


@functools.cache
def numpy() -> Any:
    """The numpy module, None when it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


# --- dtypes, from raw records -----------------------------------------------------------------------------------


def fields_of(heap: Heap, raw: Any) -> dict[str, Any]:
    """The raw fields of the object behind a reference; empty when it is no OBJECT."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != OBJECT or len(record) < 2 or type(record[1]) is not Ref:
        return {}
    content = record[2] if len(record) > 2 and isinstance(record[2], list) else None
    return Node(heap, raw.id, record, heap.classes.info(record[1].id), content).fields()


def items_of(heap: Heap, raw: Any, code: int) -> list[Any]:
    """The raw values of a tuple or dict record."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    if not record or record[0] != code or run_length(record[1:]) > MAX_FIELDS:
        return []
    return expand(record[1:])


def letter(value: Any) -> str:
    """A field that is one character."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def dtype_of(heap: Heap, raw: Any, depth: int = 0) -> Any:
    """The dtype behind a reference. Raises ValueError or TypeError when it makes no sense."""
    fields = fields_of(heap, raw)
    if not fields or depth > MAX_NESTING:
        raise ValueError("not a dtype")
    kind, order, size = letter(fields["kind"]), letter(fields["byteorder"]), fields["itemsize"]
    if isinstance(fields.get("subdtype"), list):
        inner, shape = fields["subdtype"]
        return numpy().dtype((dtype_of(heap, inner, depth + 1), tuple(items_of(heap, shape, TUPLE))))
    if type(fields.get("names")) is Ref:
        return structured(heap, fields, depth)
    order = order if order in "<>" else ""
    unit = fields.get("datetime_unit")
    if kind in "mM" and isinstance(unit, list):
        name = UNITS[unit[0]]
        return numpy().dtype(f"{order}{kind}8[{unit[1]}{name}]" if name else f"{order}{kind}8")
    if kind == "O":
        return numpy().dtype("O")
    return numpy().dtype(f"{order}{'b' if kind == '?' else kind}{size // 4 if kind == 'U' else size}")


def structured(heap: Heap, fields: dict[str, Any], depth: int) -> Any:
    """A dtype with named fields, each with a dtype and an offset."""
    names = [heap.leaf(name) for name in items_of(heap, fields["names"], TUPLE)]
    raw = fields.get("fields")
    pairs = items_of(heap, fields_of(heap, raw).get("mapping", raw), DICT)
    described = {heap.leaf(key): items_of(heap, value, TUPLE) for key, value in zip(pairs[::2], pairs[1::2])}
    parts = {
        "names": names,
        "formats": [dtype_of(heap, described[name][0], depth + 1) for name in names],
        "offsets": [heap.leaf(described[name][1]) for name in names],
        "itemsize": fields["itemsize"],
    }
    return numpy().dtype(parts, align=bool(fields.get("flags", 0) & ALIGNED))


class DtypeKind(Kind):
    def create(self, node: Node) -> Any:
        return stand_in(node) if numpy() is None else dtype_of(node.heap, Ref(node.id))


# --- arrays -----------------------------------------------------------------------------------------------------


class ArrayKind(Kind):
    """numpy.ndarray: elements in C order; a dimension of stride 0 is written once. Objects are filled in later."""

    consumed = frozenset({"data", "ndim", "_dimensions", "_strides", "_flags", "shape", "strides", "objects"})

    def objects(self, node: Node) -> list[Any]:
        """The raw elements of an object array."""
        record = node.fields().get("objects")
        if not isinstance(record, list) or not record or record[0] != LIST or run_length(record[1:]) > MAX_OBJECTS:
            return []
        return expand(record[1:])

    def parts(self, node: Node) -> Iterable[Any]:
        return [*self.objects(node), node.fields().get("base")]

    def cost(self, node: Node) -> int:
        return len(self.objects(node))

    def content(self, node: Node) -> Any:
        """The elements of an instance of a subclass, as a plain array."""
        if numpy() is None:
            return None
        try:
            made = self.array(node)
            self.fill(node, made)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None
        return made

    def create(self, node: Node) -> Any:
        if numpy() is None or f"{node.cls.__module__}.{node.cls.__name__}" != "numpy.ndarray":
            return stand_in(node)
        return self.array(node)

    def array(self, node: Node) -> Any:
        fields = node.fields()
        shape, strides = fields["shape"], fields["strides"]
        dtype = dtype_of(node.heap, fields["dtype"])
        written = [1 if stride == 0 and count else count for count, stride in zip(shape, strides)]
        if dtype.hasobject:
            if "objects" not in fields:
                raise ValueError("the objects in structured arrays are not in a dump")
            made = numpy().empty(written, dtype)
        else:
            content = bytearray(content_of(node.heap.file, node.id, fields["content"]))
            made = numpy().frombuffer(content, dtype).reshape(written)
        return made if written == shape else numpy().broadcast_to(made, shape)

    def fill(self, node: Node, made: Any) -> None:
        if numpy() is None or not isinstance(made, numpy().ndarray) or not made.dtype.hasobject:
            return
        if made.base is not None:  # broadcast: the elements are those of the array behind it
            made = made.base
        for index, raw in enumerate(self.objects(node)):
            made.flat[index] = node.heap.part(raw)


# --- scalars ----------------------------------------------------------------------------------------------------


class ScalarKind(Kind):
    """A numpy scalar; those that Python classes derive from it are stand-ins."""

    def create(self, node: Node) -> Any:
        assert node.info is not None
        name = node.info.layout.rpartition(".")[2]
        exact = f"{node.cls.__module__}.{node.cls.__name__}" == node.info.layout
        if exact and numpy() is not None:
            return self.scalar(node, name)
        base = base_of_code(node.content[0]) if node.content else None
        if base is None or not issubclass(node.cls, base):
            return stand_in(node)
        node.base = base  # float64 is a float, and so on
        return SCALAR.create(node)

    def scalar(self, node: Node, name: str) -> Any:
        np, raw = numpy(), node.fields()
        if name in ("float64", "complex128", "str_", "bytes_") and node.content:
            value = leaf_value(node.content)
            if not isinstance(value, (float, complex, str, bytes)):
                raise ValueError("not a value of this type")
            return getattr(np, name)(value)
        if name in NUMBERS:
            return getattr(np, "bool_" if name == "bool" else name)(raw["obval"])
        if name in IN_BYTES:
            return np.frombuffer(raw["obval"], IN_BYTES[name])[0]
        if name in ("complex64", "complex128"):
            return getattr(np, name)(complex(raw["real"], raw["imag"]))
        if name in ("datetime64", "timedelta64"):
            unit = UNITS[raw["unit"]]
            dtype = f"{'M' if name[0] == 'd' else 'm'}8" + (f"[{raw['num']}{unit}]" if unit else "")
            made = np.array(raw["obval"], "i8").view(dtype)[()]
            str(made)  # refuses what numpy itself cannot show
            return made
        content = content_of(node.heap.file, node.id, raw["content"])
        return np.frombuffer(content, dtype_of(node.heap, raw["dtype"]))[0]


NUMPY: dict[str, Kind] = {
    "numpy.ndarray": ArrayKind(),
    "numpy.dtype": DtypeKind(),
    **{f"numpy.{name}": ScalarKind() for name in SCALARS},
}
