# SPDX-License-Identifier: Apache-2.0
"""bytes, bytearray, memoryview, array, mmap, ctypes: raw memory in all its wrappings."""

import array
import ctypes
import mmap

from .compare import described, holds, same
from .entry import Group

BUFFERS = Group("buffer")

BUFFERS.values(
    bytes_empty=b"",
    bytes_one=b"a",
    bytes_all=bytes(range(256)),
    bytes_nul=b"\0\0\0",
    bytes_255=b"x" * 255,
    bytes_256=b"x" * 256,
    bytes_65536=b"x" * 65536,
    bytes_mebibyte=bytes(range(256)) * 4096,
    bytes_3_mebibytes=bytes(range(255)) * 12345,
)

BUFFERS.add("bytearray_empty", bytearray)
BUFFERS.add("bytearray_all", lambda: bytearray(range(256)))
BUFFERS.add("bytearray_mebibyte", lambda: bytearray(b"\x01\x02\x03") * 400_000)
BUFFERS.add("bytearray_over_allocated", lambda: bytearray(1000)[:3])


@BUFFERS.value
def bytearray_front_deleted():
    """Its contents no longer begin where its memory does."""
    value = bytearray(range(200))
    del value[:50]
    value += b"end"
    return value


@BUFFERS.value
def bytearray_shared():
    value = bytearray(b"shared")
    return [value, value]


BUFFERS.add("memoryview_bytes", lambda: memoryview(b"0123456789"))
BUFFERS.add("memoryview_slice", lambda: memoryview(b"0123456789")[2:7])
BUFFERS.add("memoryview_bytearray", lambda: memoryview(bytearray(b"writable")))
BUFFERS.add("memoryview_array", lambda: memoryview(array.array("i", [1, -2, 3])))
BUFFERS.add("memoryview_strided", lambda: memoryview(bytes(range(20)))[::3])
BUFFERS.add("memoryview_reversed", lambda: memoryview(bytes(range(20)))[::-1])
BUFFERS.add("memoryview_two_dimensions", lambda: memoryview(bytes(range(24))).cast("B", (4, 6)))
BUFFERS.add("memoryview_doubles", lambda: memoryview(array.array("d", [0.5, -0.0])))


def view_contents(content, shape):
    """A view may come back as a stand-in, but its bytes, format and shape must be there."""

    def check(found):
        described(found, "memoryview", shape=shape)
        same(found.tobytes(), content)

    return check


BUFFERS.check("memoryview_strided")(view_contents(bytes(range(0, 20, 3)), (7,)))
BUFFERS.check("memoryview_reversed")(view_contents(bytes(range(19, -1, -1)), (20,)))
BUFFERS.check("memoryview_two_dimensions")(view_contents(bytes(range(24)), (4, 6)))


@BUFFERS.value
def memoryview_released():
    view = memoryview(b"gone")
    view.release()
    return view


@BUFFERS.check(memoryview_released)
def view_is_there(found):
    same(type(found).__name__, "memoryview")


for code in "bBhHiIlLqQfd":
    BUFFERS.add(f"array_{code}", lambda code=code: array.array(code, [0, 1, 100, 7]))
for code in ("e", "Zf", "Zd"):
    BUFFERS.add(f"array_{code}", lambda code=code: array.array(code, [0, 1, 100, 7]), since=(3, 15))
BUFFERS.add("array_u", lambda: array.array("u", "a\xe9\u20ac\U0001f40d"), until=(3, 16))
BUFFERS.add("array_w", lambda: array.array("w", "a\xe9\u20ac\U0001f40d"), since=(3, 13))
BUFFERS.add("array_empty", lambda: array.array("d"))
BUFFERS.add("array_limits_q", lambda: array.array("q", [-(2**63), 2**63 - 1]))
BUFFERS.add("array_limits_Q", lambda: array.array("Q", [2**64 - 1]))
BUFFERS.add("array_floats", lambda: array.array("d", [float("nan"), -0.0, float("inf")]))
BUFFERS.add("array_big", lambda: array.array("l", range(300_000)))


class Samples(array.array):
    pass


class Packet(bytes):
    pass


class Buffer(bytearray):
    pass


def labelled(value):
    value.label = ("a", 1)
    return value


BUFFERS.add("subclass_bytes", lambda: labelled(Packet(b"\0\1")))
BUFFERS.add("subclass_bytes_empty", lambda: labelled(Packet()))
BUFFERS.add("subclass_bytearray", lambda: labelled(Buffer(b"\0\1")))
BUFFERS.add("subclass_array", lambda: labelled(Samples("h", [1, 2, 3])))


@BUFFERS.check("subclass_array")
def array_with_attribute(found):
    described(found, "Samples", label=("a", 1), typecode="h")
    same(list(found), [1, 2, 3])


# --- ctypes -----------------------------------------------------------------------------------------------------


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]


class Number(ctypes.Union):
    _fields_ = [("whole", ctypes.c_int64), ("real", ctypes.c_double)]


BUFFERS.add("ctypes_int", lambda: ctypes.c_int(-5))
BUFFERS.add("ctypes_double", lambda: ctypes.c_double(0.5))
BUFFERS.add("ctypes_structure", lambda: Point(3, 1.5))
BUFFERS.add("ctypes_union", lambda: Number(whole=77))
BUFFERS.add("ctypes_array", lambda: (ctypes.c_int16 * 4)(1, -2, 3, -4))
BUFFERS.add("ctypes_string_buffer", lambda: ctypes.create_string_buffer(b"text", 8))
BUFFERS.add("ctypes_pointer", lambda: ctypes.pointer(ctypes.c_int(9)))


def memory_of(type_name, content):
    """A ctypes instance shows the bytes of its memory."""

    def check(found):
        same(type(found).__name__, type_name, "type")
        holds(found, content)

    return check


BUFFERS.check("ctypes_int")(memory_of("c_int", bytes(ctypes.c_int(-5))))
BUFFERS.check("ctypes_double")(memory_of("c_double", bytes(ctypes.c_double(0.5))))
BUFFERS.check("ctypes_structure")(memory_of("Point", bytes(Point(3, 1.5))))
BUFFERS.check("ctypes_union")(memory_of("Number", bytes(Number(whole=77))))
BUFFERS.check("ctypes_array")(memory_of("c_short_Array_4", bytes((ctypes.c_int16 * 4)(1, -2, 3, -4))))
BUFFERS.check("ctypes_string_buffer")(memory_of("c_char_Array_8", b"text\0\0\0\0"))


@BUFFERS.check("ctypes_pointer")
def pointer(found):
    same(type(found).__name__, "LP_c_int")


@BUFFERS.value
def mmap_anonymous():
    value = mmap.mmap(-1, 4096)
    value[:5] = b"bytes"
    return value


@BUFFERS.check(mmap_anonymous)
def mapping(found):
    same(type(found).__name__, "mmap")
