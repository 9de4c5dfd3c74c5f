# SPDX-License-Identifier: Apache-2.0
"""numpy arrays of every dtype, layout and scalar kind; pandas Series and DataFrames down to their blocks.

The packages are imported by the builders only: a writer without them skips the entries, and a reader without them
checks the names of the types and, for the plainest, the described fields.
"""

import importlib.util
import struct

from .compare import described, same
from .entry import Group

ARRAYS = Group("array")


def numpy():
    import numpy

    return numpy


def pandas():
    import pandas

    return pandas


DTYPES = """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble
            complex64 complex128 clongdouble >i4 >f8 S5 U3 V4 datetime64[ns] datetime64[D] timedelta64[ms]""".split()


def of_dtype(dtype):
    np = numpy()
    if dtype[0] in "SU":
        return np.array(["a", "bc", ""], dtype=dtype)
    if dtype == "V4":
        return np.array([b"abcd", b"\0\1\2\3"], dtype=dtype)
    return np.array([0, 1, 100], dtype="int64").astype(dtype)


def add(name):
    return lambda build: ARRAYS.add(name, build, needs="numpy")


for dtype in DTYPES:
    label = "".join(c if c.isalnum() else "_" for c in dtype).strip("_")
    ARRAYS.add(f"dtype_{label}", lambda dtype=dtype: of_dtype(dtype), needs="numpy")

for scalar in "bool int8 int64 uint64 float16 float32 float64 longdouble complex64 complex128".split():
    ARRAYS.add(f"scalar_{scalar}", lambda scalar=scalar: numpy().dtype(scalar).type(7), needs="numpy")

ARRAYS.add("scalar_str", lambda: numpy().str_("text"), needs="numpy")
ARRAYS.add("scalar_bytes", lambda: numpy().bytes_(b"text"), needs="numpy")
ARRAYS.add("scalar_datetime", lambda: numpy().datetime64("2026-11-21T08:00:00", "s"), needs="numpy")
ARRAYS.add("scalar_timedelta", lambda: numpy().timedelta64(5, "D"), needs="numpy")
ARRAYS.add("scalar_not_a_time", lambda: numpy().datetime64("NaT"), needs="numpy")
ARRAYS.add("special_floats", lambda: numpy().array([float("nan"), -0.0, float("inf")]), needs="numpy")
ARRAYS.add("matrix", lambda: numpy().arange(12.0).reshape(3, 4), needs="numpy")
ARRAYS.add("three_dimensions", lambda: numpy().arange(24).reshape(2, 3, 4), needs="numpy")
ARRAYS.add("zero_dimensions", lambda: numpy().array(5.5), needs="numpy")
ARRAYS.add("empty", lambda: numpy().array([]), needs="numpy")
ARRAYS.add("empty_shape", lambda: numpy().zeros((3, 0, 2)), needs="numpy")
ARRAYS.add("fortran_order", lambda: numpy().asfortranarray(numpy().arange(12).reshape(3, 4)), needs="numpy")
ARRAYS.add("transposed", lambda: numpy().arange(12).reshape(3, 4).T, needs="numpy")
ARRAYS.add("strided", lambda: numpy().arange(100)[::7], needs="numpy")
ARRAYS.add("strided_2d", lambda: numpy().arange(100).reshape(10, 10)[1::3, 2::2], needs="numpy")
ARRAYS.add("reversed", lambda: numpy().arange(10)[::-1], needs="numpy")
ARRAYS.add("broadcast", lambda: numpy().broadcast_to(numpy().arange(3), (4, 3)), needs="numpy")
ARRAYS.add("objects", lambda: numpy().array([[1, "a"], [None, (2, 3)]], dtype=object), needs="numpy")
ARRAYS.add("big", lambda: numpy().arange(500_000), needs="numpy")
ARRAYS.add("big_strided", lambda: numpy().arange(600_000)[::2], needs="numpy")


def holds_bytes(content, shape):
    """Without numpy the array is a stand-in that has its elements as bytes, in C order."""

    def check(found):
        described(found, "ndarray", content=content)
        same(tuple(found.shape), shape, "shape")

    return check


ARRAYS.without_package("matrix", holds_bytes(struct.pack("12d", *range(12)), (3, 4)))
ARRAYS.without_package(
    "transposed", holds_bytes(struct.pack("12q", *sum(([i, i + 4, i + 8] for i in range(4)), [])), (4, 3))
)
ARRAYS.without_package("strided", holds_bytes(struct.pack("15q", *range(0, 100, 7)), (15,)))
ARRAYS.without_package("scalar_float64", lambda found: same(float(found), 7.0))
ARRAYS.without_package("scalar_complex128", lambda found: same(complex(found), 7 + 0j))
ARRAYS.without_package("scalar_int64", lambda found: described(found, "int64", obval=7))


@add("structured")
def structured():
    np = numpy()
    kind = np.dtype([("id", "<i4"), ("name", "U4"), ("position", "<f8", (2,))])
    return np.array([(1, "a", (0.5, 1.5)), (2, "bcd", (-1.0, 0.0))], dtype=kind)


@add("structured_nested")
def structured_nested():
    np = numpy()
    inner = np.dtype([("x", "i2"), ("y", "i2")])
    return np.array([((1, 2), 3)], dtype=[("point", inner), ("n", "i8")])


@add("structured_aligned")
def structured_aligned():
    np = numpy()
    return np.array([(1, 2.5)], dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))


@add("record")
def structured_scalar():
    return structured()[1]


@add("view_and_base")
def view_and_base():
    base = numpy().arange(10)
    return [base, base[2:5]]


@add("in_containers")
def in_containers():
    return {"a": [numpy().arange(3)], "b": numpy().float64(1.5)}


@add("dtype_object")
def dtype_object():
    return numpy().dtype("float64")


@ARRAYS.check(dtype_object.__name__)
def dtype_by_name(found):
    if "float64" not in str(found).lower() + type(found).__name__.lower():
        raise AssertionError(f"{found!r} does not say float64")


@add("masked")
def masked():
    return numpy().ma.array([1, 2, 3], mask=[0, 1, 0])


@ARRAYS.check("masked")
def masked_array(found):
    same(type(found).__name__, "MaskedArray")


@add("subclass")
def subclass_with_attribute():
    np = numpy()

    class Signal(np.ndarray):
        pass

    value = np.arange(5).view(Signal)
    value.rate = [44100]
    return value


@ARRAYS.check("subclass")
def signal(found):
    described(found, "Signal", rate=[44100])


def data(name):
    return lambda build: ARRAYS.add(name, build, needs="pandas")


@data("series")
def series():
    return pandas().Series([1.5, 2.5, None], index=["a", "b", "c"], name="amount")


@data("data_frame")
def data_frame():
    return pandas().DataFrame({"n": [1, 2, 3], "x": [0.5, None, 2.5], "s": ["a", None, "c"]})


@data("index_of_dates")
def index_of_dates():
    return pandas().date_range("2026-11-21", periods=3)


@data("timestamp")
def timestamp():
    return pandas().Timestamp("2026-11-21 08:00:00")


@data("categorical")
def categorical():
    return pandas().Categorical(["a", "b", "a"])


def numpy_is_here():
    return importlib.util.find_spec("numpy") is not None


def arrays_within(start, limit=600):
    """The values of every numpy array (of its stand-in: the bytes) that can be reached from `start`."""
    work, seen, values = [start], {}, []
    while work and len(seen) < limit:
        value = work.pop(0)
        if id(value) in seen or isinstance(value, (type, str, bytes, int, float)):
            continue
        seen[id(value)] = value
        if type(value).__name__ == "ndarray":
            values.append(value.tolist() if numpy_is_here() else getattr(value, "content", None))
            continue
        work += list(value) if isinstance(value, (list, tuple)) else []
        work += list(value.values()) if isinstance(value, dict) else []
        own = set(dir(value)).difference(dir(type(value)))
        work += [getattr(value, name, None) for name in sorted(own | names_of_fields(type(value)))]
    return values


def names_of_fields(owner):
    """The names under which a class made by C shows fields of its instances."""
    kinds = ("getset_descriptor", "member_descriptor")
    return {
        name
        for base in owner.__mro__
        if base is not object
        for name, value in vars(base).items()
        if type(value).__name__ in kinds and not name.startswith("__")
    }


def contains(type_name, **blocks):
    """A pandas object comes back as its Python attributes, down to the arrays of its blocks.

    Each block is a list of rows of numbers; the name says how struct packs them.
    """

    def check(found):
        same(type(found).__name__, type_name, "type")
        there = arrays_within(found)
        for form, wanted in blocks.items():
            rows = wanted if isinstance(wanted[0], list) else [wanted]
            packed = b"".join(struct.pack(f"{len(row)}{form}", *row) for row in rows)
            if not any(repr(wanted) == repr(a) or packed == a for a in there):
                raise AssertionError(f"no array {wanted!r} within the {type_name}; there are {there!r:.300}")

    return check


ARRAYS.check("series")(contains("Series", d=[1.5, 2.5, float("nan")]))
ARRAYS.check("data_frame")(contains("DataFrame", q=[[1, 2, 3]], d=[[0.5, float("nan"), 2.5]]))
ARRAYS.check("index_of_dates")(lambda found: same(type(found).__name__, "DatetimeIndex"))
ARRAYS.check("timestamp")(lambda found: same(type(found).__name__, "Timestamp"))
ARRAYS.check("categorical")(lambda found: same(type(found).__name__, "Categorical"))
