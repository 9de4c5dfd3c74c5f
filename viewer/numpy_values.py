# SPDX-License-Identifier: Apache-2.0
"""numpy arrays, dtypes and scalars of the dump, rebuilt when numpy is installed where the dump is read.

Without numpy they are stand-ins with their fields; an array can be indexed all the same (windows.py). An instance of a
subclass of ndarray written in Python is a stand-in whose `content` is a real array. Dtypes are read from the raw
records, with a bound on their nesting.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .builtin_types import base_of_code
from .content import SHARED, content_of
from .elements import DICT, MAX_NESTING, OBJECTS, TUPLE, UNITS, check_parts, fields_of, items_of, letter
from .items import Items
from .kinds import SCALAR, Kind, Node, leaf_value, stand_in
from .missing import NotInDumpError
from .shared import memory_of, owner_of
from .windows import Source, Window, layout_of, numbers, object_offsets, objects_of, span_of

if TYPE_CHECKING:
    from .heap import Heap

MAX_OBJECTS = 1_000_000  # elements of an object array
MAX_ELEMENTS = 1 << 62  # of an array that repeats some (stride 0)
ALIGNED = 0x80  # a dtype's flag NPY_ALIGNED_STRUCT
WRITEABLE = 0x400  # an array's flag NPY_ARRAY_WRITEABLE

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


def dtype_of(heap: Heap, raw: Any, depth: int = 0, objects: str = "O") -> Any:
    """The dtype behind a reference; `objects` is what it has for references to objects. Raises ValueError or TypeError
    when it makes no sense.
    """
    if depth == 0:
        check_parts(heap, raw)
    fields = fields_of(heap, raw)
    if not fields or depth > MAX_NESTING:
        raise ValueError("not a dtype")
    kind, order, size = letter(fields["kind"]), letter(fields["byteorder"]), fields["itemsize"]
    if isinstance(fields.get("subdtype"), list):
        inner, shape = fields["subdtype"]
        lengths = tuple(heap.leaf(length) for length in items_of(heap, shape, TUPLE))
        return numpy().dtype((dtype_of(heap, inner, depth + 1, objects), lengths))
    if type(fields.get("names")) is Ref:
        return structured(heap, fields, depth, objects)
    order = order if order in "<>" else ""
    unit = fields.get("datetime_unit")
    if kind in "mM" and isinstance(unit, list):
        name = UNITS[unit[0]]
        return numpy().dtype(f"{order}{kind}8[{unit[1]}{name}]" if name else f"{order}{kind}8")
    if kind == "O":
        return numpy().dtype(objects)
    return numpy().dtype(f"{order}{'b' if kind == '?' else kind}{size // 4 if kind == 'U' else size}")


def structured(heap: Heap, fields: dict[str, Any], depth: int, objects: str) -> Any:
    """A dtype with named fields, each with a dtype and an offset."""
    names = [heap.leaf(name) for name in items_of(heap, fields["names"], TUPLE)]
    raw = fields.get("fields")
    pairs = items_of(heap, fields_of(heap, raw).get("mapping", raw), DICT)
    described = {heap.leaf(key): items_of(heap, value, TUPLE) for key, value in zip(pairs[::2], pairs[1::2])}
    parts = {
        "names": names,
        "formats": [dtype_of(heap, described[name][0], depth + 1, objects) for name in names],
        "offsets": [heap.leaf(described[name][1]) for name in names],
        "itemsize": fields["itemsize"],
    }
    return numpy().dtype(parts, align=objects == "O" and bool(fields.get("flags", 0) & ALIGNED))


class DtypeKind(Kind):
    def create(self, node: Node) -> Any:
        return stand_in(node) if numpy() is None else dtype_of(node.heap, Ref(node.id))


# --- arrays -----------------------------------------------------------------------------------------------------


class ArrayKind(Kind):
    """numpy.ndarray: a real array where numpy is installed and all of it is in the dump, else a window (windows.py).

    Arrays that shared memory share it again (shared.py), those of objects too: their elements stand in one array of one
    dimension for each owner, which is filled when all objects are made.
    """

    consumed = frozenset({"data", "ndim", "_dimensions", "_strides", "_flags", "shape", "strides", "offset", "content",
                          "objects", "object_offsets"})  # fmt: skip

    def objects(self, node: Node) -> tuple[Items, int, int] | None:
        """The list of the objects, which of them is the first, and how many there are; None when there are none, or too
        many to be made at once.
        """
        fields = node.fields()
        found = objects_of(node.heap, node.id, fields["objects"]) if "objects" in fields else None
        return found if found is not None and found[0].count <= MAX_OBJECTS else None

    def raws(self, node: Node) -> list[Any]:
        found = self.objects(node)
        return [] if found is None else found[0].fetch(0, found[0].count)

    def owners(self, node: Node) -> list[Any]:
        """References to the object whose content this array shares."""
        found = [node.fields().get(name) for name in ("content", "objects")]
        return [raw[4] for raw in found if isinstance(raw, list) and len(raw) == 7 and raw[0] == SHARED]

    def parts(self, node: Node) -> Iterable[Any]:
        return [*self.owners(node), *self.raws(node), node.fields().get("base")]

    def before(self, node: Node) -> Iterable[Any]:
        return self.owners(node)

    def cost(self, node: Node) -> int:
        found = self.objects(node)
        return 0 if found is None or found[0].owner in node.heap.elements else found[0].count

    def content(self, node: Node) -> Any:
        """The elements of an instance of a subclass, as a plain array."""
        if numpy() is None:
            return None
        try:
            made = self.array(node)
            self.fill(node, made)
        except (ArithmeticError, LookupError, TypeError, ValueError, NotInDumpError):
            return None
        return made

    def create(self, node: Node) -> Any:
        if numpy() is None or f"{node.cls.__module__}.{node.cls.__name__}" != "numpy.ndarray":
            return stand_in(node)
        return self.array(node)

    def array(self, node: Node) -> Any:
        fields = node.fields()
        dtype = dtype_of(node.heap, fields["dtype"])
        if math.prod(numbers(fields.get("shape"))) > MAX_ELEMENTS:
            raise ValueError("more elements than an array can have")
        shape, strides, offset = layout_of(fields, dtype.itemsize)
        writable = bool(fields.get("_flags", WRITEABLE) & WRITEABLE)
        if dtype.kind == "O":
            made = self.of_objects(node, shape, strides, offset)
        elif dtype.hasobject:
            made = self.of_structures(node, dtype, shape, strides)
        else:
            made = self.of_bytes(node, dtype, (shape, strides, offset), writable)
        if not writable:
            made.flags.writeable = False
        return made

    def of_bytes(self, node: Node, dtype: Any, layout: tuple[Any, Any, int], writable: bool) -> Any:
        shape, strides, offset = layout
        content = content_of(node.heap.file, node.id, node.fields()["content"])
        memory, start = memory_of(node.heap, node.id, content, writable)
        owner = owner_of(content)
        owned = node.heap.part(Ref(owner)) if owner is not None and owner != node.id else None
        if isinstance(owned, numpy().ndarray) and owned.nbytes == len(memory) and owned.flags.c_contiguous:
            memory = owned  # it is the view's base, as in the program
        return numpy().ndarray(shape, dtype, memory, start + offset, strides)

    def of_objects(self, node: Node, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Any:
        found = self.objects(node)
        if found is None:
            raise ValueError("its objects are not in the dump, or too many")
        items, first, count = found
        low, high = span_of(Window(Source(OBJECTS, None, None), shape, strides, offset))
        if low < 0 or high > 8 * count or offset % 8 or any(stride % 8 for stride in strides):
            raise ValueError("an array that exceeds its objects")
        elements = node.heap.elements.setdefault(items.owner, numpy().empty(items.count, "O"))
        return numpy().lib.stride_tricks.as_strided(elements[first + offset // 8 :], shape, strides)

    def of_structures(self, node: Node, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
        """An array of structures with objects. Elements stand in C order, those of a dimension of stride 0 once; the
        objects come when it is filled.
        """
        content = content_of(node.heap.file, node.id, node.fields()["content"])
        written = tuple(1 if stride == 0 and count else count for count, stride in zip(shape, strides))
        if not content.is_whole() or content.size != math.prod(written) * dtype.itemsize:
            raise ValueError("an array of structures that is not whole")
        made = node.heap.elements[node.id] = numpy().zeros(written, dtype)
        return made if written == shape else numpy().broadcast_to(made, shape)

    def fill(self, node: Node, made: Any) -> None:
        if numpy() is None or not isinstance(made, numpy().ndarray) or not made.dtype.hasobject:
            return
        if made.dtype.kind != "O":
            self.fill_structures(node, node.heap.elements[node.id])
            return
        found = self.objects(node)
        elements = node.heap.elements.get(found[0].owner) if found is not None else None
        if elements is None or found is None or not isinstance(elements, numpy().ndarray):
            return
        for index, raw in enumerate(found[0].raws()):
            elements[index] = node.heap.part(raw)

    def fill_structures(self, node: Node, made: Any) -> None:
        """The references in the bytes are addresses of the process: the place of its object in the list takes each's
        place, and the object that of the number.
        """
        fields, itemsize = node.fields(), made.dtype.itemsize
        objects = [node.heap.part(raw) for raw in self.raws(node)]
        offsets = object_offsets(fields, itemsize)
        memory = bytearray(content_of(node.heap.file, node.id, fields["content"]).read())
        for number, offset in enumerate(offsets):
            places = numpy().ndarray((made.size,), "<u8", memory, offset, (itemsize,))
            places[...] = range(number, made.size * len(offsets), len(offsets))
        copy_structures(
            made, numpy().ndarray(made.shape, dtype_of(node.heap, fields["dtype"], objects="<u8"), memory), objects
        )


def copy_structures(target: Any, source: Any, objects: list[Any]) -> None:
    """Copy structures field by field; numbers become the objects that they count."""
    if target.dtype.names is not None:
        for name in target.dtype.names:
            copy_structures(target[name], source[name], objects)
    elif target.dtype.hasobject:
        for index in numpy().ndindex(*target.shape):
            target[index] = objects[int(source[index])]
    else:
        target[...] = source


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
        content = content_of(node.heap.file, node.id, raw["content"]).read()
        return np.frombuffer(content, dtype_of(node.heap, raw["dtype"]))[0]


NUMPY: dict[str, Kind] = {
    "numpy.ndarray": ArrayKind(),
    "numpy.dtype": DtypeKind(),
    **{f"numpy.{name}": ScalarKind() for name in SCALARS},
}
