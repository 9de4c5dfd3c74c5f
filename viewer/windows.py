# SPDX-License-Identifier: Apache-2.0
"""Arrays of the dump as windows on their content: shape, strides, elements, without numpy and without loading them.

A numpy array is a `Window` where numpy is not installed, where not all of its bytes are in the dump, or where it is too
large to be loaded; a memoryview, mmap or array.array likewise. Indices, slices, len() and iteration are those of an
array; elements are Python values (elements.py). What is not in the dump raises NotInDumpError; where numpy is
installed, a part that is wholly there comes back as a real array.
"""

from __future__ import annotations

import array
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .class_info import METHODS_OF_LAYOUT, TEXT_OF_LAYOUT, infos_of
from .content import Content, content_of, raw_content
from .elements import BYTE, MAX_ITEMSIZE, Decoder, decoder_of, fields_of, format_decoder
from .items import Items, run_length
from .missing import Missing, NotInDumpError
from .text import size_text

if TYPE_CHECKING:
    from .heap import Heap

REAL_LIMIT = 64 << 20  # bytes of a part that becomes a real array
REAL_OBJECTS = 100_000  # elements of one with objects
MAX_DIMENSIONS = 64
SHOWN = 6  # elements in a repr
BEGINNING = 32  # bytes of one
LIST_LIMIT = 10_000_000  # elements that tolist() makes
LIST, SPLIT, SHARED = 9, 16, 18

Fetch = Callable[[int], Any]  # the element at a byte of the content


class Window:
    """A part of an array: elements of `decoder` at `offset` + index · strides of a content."""

    def __init__(self, source: Source, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
        self._source = source
        self.shape = shape
        self.strides = strides
        self._offset = offset

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self._source.decoder.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def T(self) -> Window:
        return Window(self._source, self.shape[::-1], self.strides[::-1], self._offset)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without dimensions")
        return self.shape[0]

    def __bool__(self) -> bool:
        return self.size > 0

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        shape, strides, offset = self._select(keys)
        if not shape and not any(one is Ellipsis for one in keys):
            return self._source.fetch(offset)
        return self._source.part(Window(self._source, shape, strides, offset))

    def _select(self, keys: tuple[Any, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """Shape, strides and offset of what indices, slices, ... and None choose."""
        given = sum(one is not None and one is not Ellipsis for one in keys)
        if given > self.ndim or sum(one is Ellipsis for one in keys) > 1:
            raise IndexError(f"too many indices: the array has {self.ndim} dimensions")
        if not any(one is Ellipsis for one in keys):
            keys = (*keys, Ellipsis)
        shape: list[int] = []
        strides: list[int] = []
        offset, axis = self._offset, 0
        for one in keys:
            if one is None:
                shape.append(1)
                strides.append(0)
                continue
            if one is Ellipsis:
                rest = self.ndim - given
                shape += self.shape[axis : axis + rest]
                strides += self.strides[axis : axis + rest]
                axis += rest
                continue
            length, stride = self.shape[axis], self.strides[axis]
            if isinstance(one, slice):
                chosen = range(length)[one]
                shape.append(len(chosen))
                strides.append(stride * chosen.step)
                offset += stride * chosen.start if len(chosen) else 0
            else:
                offset += stride * range(length)[one]  # IndexError, TypeError
            axis += 1
        return tuple(shape), tuple(strides), offset

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def offsets(self) -> Iterator[int]:
        """Where the elements are, in C order."""
        if not self.size:
            return
        index = [0] * self.ndim
        offset = self._offset
        for _ in range(self.size):
            yield offset
            for axis in range(self.ndim - 1, -1, -1):
                index[axis] += 1
                offset += self.strides[axis]
                if index[axis] < self.shape[axis]:
                    break
                offset -= index[axis] * self.strides[axis]
                index[axis] = 0

    def tolist(self) -> Any:
        """All elements as nested lists. Raises NotInDumpError when one is not in the dump."""
        if self.size > LIST_LIMIT:
            raise ValueError(f"{self.size:,} elements are too many for a list: take a slice")
        elements = iter([self._source.fetch(offset) for offset in self.offsets()])

        def nested(axis: int) -> Any:
            if axis == self.ndim:
                return next(elements)
            return [nested(axis + 1) for _ in range(self.shape[axis])]

        return nested(0)

    def tobytes(self) -> bytes:
        """The bytes of all elements in C order. Raises NotInDumpError when one is not in the dump."""
        if self._source.content is None:
            raise TypeError("an array of objects has no bytes in the dump")
        if self.nbytes > self._source.content.size * 2 + LIST_LIMIT:
            raise ValueError(f"{self.nbytes:,} bytes are too many: take a slice")
        read, size = self._source.content.read, self.itemsize
        return b"".join(read(offset, offset + size) for offset in self.offsets())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """The whole as a real array. Raises NotInDumpError when not all of it is in the dump."""
        made = self._source.real(self)
        return made if dtype is None else made.astype(dtype)

    def __repr__(self) -> str:
        return f"<{self.describe()}>"

    def describe(self) -> str:
        """What it is, what is kept of it, and how it begins."""
        parts = [f"shape={self.shape!r}", f"dtype={self._source.decoder.name}"]
        parts += [text for text in (self._source.kept_text(),) if text]
        parts.append(self._beginning())
        return " ".join(parts)

    def _beginning(self) -> str:
        from .display import bounded_repr

        shown: list[str] = []
        for offset, _ in zip(self.offsets(), range(SHOWN)):
            try:
                shown.append(bounded_repr(self._source.fetch(offset), total=60))
            except (NotInDumpError, ValueError, LookupError) as problem:
                shown.append(f"<not in the dump: {problem}>"[:100])
                break
        more = ["..."] if self.size > len(shown) else []
        return f"[{', '.join([*shown, *more])}]"


class Source:
    """Where a window's elements are: in bytes (`content`), or objects at every eighth byte of a list (`items`).

    `references` are the places of references in an element of bytes; `make_real` makes a real array of a window, None
    where there is no numpy.
    """

    def __init__(self, decoder: Decoder, content: Content | None, items: Callable[[int], Any] | None) -> None:
        self.decoder = decoder
        self.content = content
        self.items = items
        self.references: tuple[int, ...] = ()
        self.make_real: Callable[[Window], Any] | None = None

    def fetch(self, offset: int) -> Any:
        if self.items is not None:
            return self.items(offset // 8)
        assert self.content is not None
        return self.decoder.decode(self.numbered(self.content.read(offset, offset + self.decoder.itemsize), offset))

    def numbered(self, element: bytes, offset: int) -> bytes:
        """An element in which places in the list of objects are put for its references, which are addresses."""
        if not self.references:
            return element
        made = bytearray(element)
        first = offset // self.decoder.itemsize * len(self.references)
        for number, at in enumerate(self.references):
            made[at : at + 8] = (first + number).to_bytes(8, "little")
        return bytes(made)

    def part(self, window: Window) -> Any:
        """A part of the array: a real one where that can be."""
        if self.make_real is None:
            return window
        try:
            return self.make_real(window)
        except (NotInDumpError, ValueError, TypeError, MemoryError):
            return window

    def real(self, window: Window) -> Any:
        if self.make_real is None:
            raise TypeError("numpy is not installed: use indices, slices or tolist()")
        return self.make_real(window)

    def kept_text(self) -> str:
        """ "64.0 MiB of 20.0 GiB kept: why"; nothing when all is kept."""
        if self.content is None:
            return ""
        kept = self.content.kept()
        if kept >= self.content.size:
            return ""
        why = self.content.why()
        return f"{size_text(kept)} of {size_text(self.content.size)} kept{': ' if why else ''}{why}"


# --- making them ------------------------------------------------------------------------------------------------


def numbers(raw: Any) -> tuple[int, ...]:
    """A shape or strides out of the dump."""
    if not isinstance(raw, list) or len(raw) > MAX_DIMENSIONS or not all(type(one) is int for one in raw):
        raise ValueError("an array without a shape")
    return tuple(raw)


def layout_of(fields: dict[str, Any], itemsize: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of the first element within the content.

    Without `offset` the content is the elements in C order, a dimension of stride 0 once.
    """
    shape, strides = numbers(fields.get("shape")), numbers(fields.get("strides"))
    if len(shape) != len(strides) or any(length < 0 for length in shape):
        raise ValueError("an array of impossible shape")
    offset = fields.get("offset")
    if type(offset) is int:
        return shape, strides, offset
    written = [1 if stride == 0 and count else count for count, stride in zip(shape, strides)]
    made: list[int] = []
    step = itemsize
    for count, stride in zip(reversed(written), reversed(strides)):
        made.append(0 if stride == 0 else step)
        step *= count
    return shape, tuple(reversed(made)), 0


def span_of(window: Window) -> tuple[int, int]:
    """The first byte of the elements of a window, and the one behind the last."""
    if not window.nbytes:
        return window._offset, window._offset
    reach = [(count - 1) * stride for count, stride in zip(window.shape, window.strides)]
    low = window._offset + sum(step for step in reach if step < 0)
    return low, window._offset + sum(step for step in reach if step > 0) + window.itemsize


def objects_of(heap: Heap, rid: int, raw: Any, depth: int = 8) -> tuple[Items, int, int] | None:
    """The list of an array of objects: its items, which of them is the first, and how many there are."""
    if not isinstance(raw, list) or not raw or depth <= 0:
        return None
    if raw[0] == LIST:
        return Items(heap, rid, run_length(raw[1:]), raw[1:]), 0, run_length(raw[1:])
    if raw[0] == SPLIT and len(raw) == 3 and raw[1] == LIST and type(raw[2]) is int:
        return Items(heap, rid, raw[2], None), 0, raw[2]
    if raw[0] != SHARED or len(raw) != 7 or type(raw[4]) is not Ref or raw[4].id == rid:
        return None
    inner = objects_of(heap, raw[4].id, fields_of(heap, raw[4]).get("objects"), depth - 1)
    start, count = raw[5], raw[6]
    if inner is None or type(start) is not int or type(count) is not int or not 0 <= start <= start + count <= inner[2]:
        return None
    return inner[0], inner[1] + start, count


def array_window(heap: Heap, rid: int) -> Window:
    """The numpy array `rid` as a window. Raises ValueError, TypeError or LookupError when it makes no sense."""
    fields = fields_of(heap, Ref(rid))
    objects = object_getter(heap, rid, fields)
    decoder = decoder_of(heap, fields.get("dtype"), objects=objects)
    shape, strides, offset = layout_of(fields, decoder.itemsize)
    if decoder.objects:
        source = Source(decoder, None, objects)
    else:
        source = Source(decoder, content_of(heap.file, rid, fields.get("content")), None)
        source.references = object_offsets(fields, decoder.itemsize)
    window = checked(Window(source, shape, strides, offset))
    source.make_real = real_array_maker(heap, fields)
    return window


def object_getter(heap: Heap, rid: int, fields: dict[str, Any]) -> Callable[[int], Any]:
    """Gives the objects of an array of objects, or of structures with objects, by their place in its list."""
    found = objects_of(heap, rid, fields.get("objects"))

    def fetch(index: int) -> Any:
        if found is None or not 0 <= index < found[2]:
            return Missing("an element that is not in the dump")
        return found[0].object(found[1] + index)

    return fetch


def object_offsets(fields: dict[str, Any], itemsize: int) -> tuple[int, ...]:
    """Where in an element of structures the references are."""
    raw = fields.get("object_offsets")
    offsets = numbers(raw) if raw is not None else ()
    if any(not 0 <= offset <= itemsize - 8 for offset in offsets):
        raise ValueError("references outside of an element")
    return offsets


def checked(window: Window) -> Window:
    """The window, whose elements lie within its content. Raises ValueError."""
    low, high = span_of(window)
    content = window._source.content
    if low < 0 or (content is not None and high > content.size):
        raise ValueError("an array that exceeds its content")
    return window


# --- real arrays ------------------------------------------------------------------------------------------------


def real_array_maker(heap: Heap, fields: dict[str, Any]) -> Callable[[Window], Any] | None:
    """Makes real arrays of parts of an array; None where numpy is not installed or does not know its dtype."""
    from .numpy_values import dtype_of, numpy

    if numpy() is None:
        return None
    try:
        dtype = dtype_of(heap, fields.get("dtype"))
    except (LookupError, TypeError, ValueError):
        return None

    def make(window: Window) -> Any:
        if dtype.hasobject:
            return objects_array(window, dtype)
        low, high = span_of(window)
        if high - low > REAL_LIMIT:
            raise ValueError(f"{high - low:,} bytes are too many for one array: take a slice")
        content = window._source.content
        assert content is not None
        memory = bytearray(content.read(low, high)) if high > low else bytearray()
        return numpy().ndarray(window.shape, dtype, memory, window._offset - low if memory else 0, window.strides)

    return make


def objects_array(window: Window, dtype: Any) -> Any:
    """A real array of objects, or of structures that have some."""
    from .numpy_values import numpy

    if window.size > REAL_OBJECTS:
        raise ValueError(f"{window.size:,} objects are too many for one array: take a slice")
    made = numpy().empty(window.shape, dtype)
    for index, offset in zip(numpy().ndindex(*window.shape), window.offsets()):
        made[index] = window._source.fetch(offset)
    return made


# --- other layouts ----------------------------------------------------------------------------------------------


class Bytes(Window):
    """The bytes of an mmap: a slice is a bytes object."""

    def __getitem__(self, key: Any) -> Any:
        content = self._source.content
        assert content is not None
        chosen = range(content.size)[key]
        if isinstance(chosen, int):
            return content.read(chosen, chosen + 1)[0]
        if not chosen:
            return b""
        low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1
        found = content.read(low, high)
        return found if chosen.step == 1 else found[:: chosen.step]

    def describe(self) -> str:
        content = self._source.content
        assert content is not None
        parts = [size_text(content.size)] + [text for text in (self._source.kept_text(),) if text]
        try:
            begin = content.read(0, min(BEGINNING, content.size))
        except NotInDumpError:
            return " ".join(parts)
        return " ".join([*parts, f"{begin!r}{'...' if content.size > BEGINNING else ''}"])


def mmap_window(heap: Heap, rid: int) -> Window:
    content = content_of(heap.file, rid, fields_of(heap, Ref(rid)).get("content"))
    return Bytes(Source(BYTE, content, None), (content.size,), (1,), 0)


def memoryview_window(heap: Heap, rid: int) -> Window:
    fields = fields_of(heap, Ref(rid))
    size = fields.get("itemsize")
    if type(size) is not int or not 0 < size <= MAX_ITEMSIZE:
        raise ValueError("a memoryview of impossible size")
    shape, strides, offset = layout_of(fields, size)
    code = heap.leaf(fields.get("format"))
    source = Source(format_decoder(code, size), content_of(heap.file, rid, fields.get("content")), None)
    return checked(Window(source, shape, strides, offset))


def array_array_window(heap: Heap, rid: int) -> Window:
    fields = fields_of(heap, Ref(rid))
    code = heap.leaf(fields.get("typecode"))
    code = code if isinstance(code, str) else bytes(code).decode("ascii")
    code = code.partition("\0")[0]
    content = content_of(heap.file, rid, raw_content(heap.file, rid))
    decoder = format_decoder({"u": "w"}.get(code, code), array.array(code).itemsize)
    return Window(Source(decoder, content, None), (content.size // decoder.itemsize,), (decoder.itemsize,), 0)


# --- stand-ins --------------------------------------------------------------------------------------------------

WINDOWS: dict[str, Callable[[Heap, int], Window]] = {
    "numpy.ndarray": array_window,
    "memoryview": memoryview_window,
    "mmap.mmap": mmap_window,
    "array.array": array_array_window,
}
FAILURES = (ArithmeticError, LookupError, TypeError, ValueError)


def window_of(instance: Any) -> Window:
    """The window of a stand-in for one of WINDOWS. Raises NotInDumpError when the record does not tell enough."""
    info = next(one for one in infos_of(type(instance)) if one.layout in WINDOWS)
    heap, rid = info.heap, info.heap.id_of(instance)
    if rid is None:
        raise NotInDumpError("what this is a copy of is not known")
    if rid not in heap.windows:
        try:
            heap.windows[rid] = WINDOWS[info.layout](heap, rid)
        except FAILURES as problem:
            raise NotInDumpError(f"its content is not in the dump: {problem}") from None
    found: Window = heap.windows[rid]
    return found


def describe(instance: Any) -> str:
    try:
        return window_of(instance).describe()
    except NotInDumpError as problem:
        return f"({problem})"


def methods_of(names: str, properties: str) -> dict[str, Any]:
    """Methods of stand-ins that are those of their windows."""

    def method(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
            return getattr(window_of(self), name)(*arguments, **keywords)

        call.__name__ = name
        return call

    def attribute(name: str) -> property:
        return property(lambda self: getattr(window_of(self), name))

    return {**{name: method(name) for name in names.split()}, **{name: attribute(name) for name in properties.split()}}


COMMON = "__len__ __getitem__ __iter__ tolist tobytes"
METHODS_OF_LAYOUT.update(
    {
        "numpy.ndarray": {
            **methods_of(f"{COMMON} __bool__ __array__", "shape strides ndim size itemsize nbytes T"),
        },
        "memoryview": methods_of(COMMON, "shape strides ndim nbytes itemsize"),
        "mmap.mmap": methods_of("__len__ __getitem__ __iter__", ""),
        "array.array": methods_of(COMMON, "itemsize"),
    }
)
TEXT_OF_LAYOUT.update(dict.fromkeys(WINDOWS, describe))
