# SPDX-License-Identifier: Apache-2.0
"""numpy arrays, dtypes and scalars as the writer put them into a dump: their bytes, objects, shapes and units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.raw_dump import Written, dump_values

np = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")


def arrays() -> dict[str, Any]:
    plain = np.arange(12).reshape(3, 4)
    nested = np.dtype([("id", "<i4"), ("name", "U4"), ("position", "<f8", (2,))])
    made = {
        "matrix": plain,
        "fortran": np.asfortranarray(plain),
        "transposed": plain.T,
        "window": np.arange(100).reshape(10, 10)[1::3, 2::2],
        "reversed": np.arange(10)[::-1],
        "three": np.arange(24).reshape(2, 3, 4)[:, ::-1, 1:3],
        "zero_dimensions": np.array(5.5),
        "empty": np.array([]),
        "empty_shape": np.zeros((3, 0, 2)),
        "structured": np.array([(1, "a", (0.5, 1.5)), (2, "bcd", (-1.0, 0.0))], dtype=nested),
        "big": np.arange(500_000),
        "big_strided": np.arange(600_000)[::2],
        "text": np.array(["a", "bcd", ""]),
        "bytes": np.array([b"a", b"bcd"]),
        "times": np.array(["2026-11-21", "NaT"], dtype="M8[D]"),
        "swapped": np.array([1, 2, 3], dtype=">i4"),
    }
    for name in "bool int8 uint16 float16 float32 longdouble complex64 complex128".split():
        made[name] = np.array([0, 1, 100], dtype="i8").astype(name)
    return made


ARRAYS = arrays()
SHARED = ["a list"]
OBJECTS = {
    "objects": np.array([[1, "a"], [None, SHARED]], dtype=object),
    "objects_strided": np.array([[1, "a"], [None, SHARED]], dtype=object)[:, ::-1],
    "objects_many": np.array([str(i) for i in range(9000)], dtype=object),
}
REPEATED = np.broadcast_to(np.arange(3), (1_000_000_000, 3))
DTYPES = {
    "plain": np.dtype("f8"),
    "structured": ARRAYS["structured"].dtype,
    "subarray": np.dtype(("i4", (2, 3))),
    "seconds": np.dtype("m8[7s]"),
}
SCALARS = {
    "float64": np.float64(0.1),
    "complex128": np.complex128(0.1 - 2j),
    "record": ARRAYS["structured"][1],
    "str": np.str_("text"),
    "bytes": np.bytes_(b"text"),
}


class Dumped:
    def __init__(self, written: Written, raw: dict[str, Any]) -> None:
        self.written = written
        self.raw = raw


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumped]:
    values = {**ARRAYS, **OBJECTS, "repeated": REPEATED, **{f"dtype {n}": d for n, d in DTYPES.items()}}
    values.update({f"scalar {name}": scalar for name, scalar in SCALARS.items()})
    written, raw = dump_values(tmp_path_factory.mktemp("numpy") / "a.dump", values)
    yield Dumped(written, raw)
    written.file.close()


def shape_of(base: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(base["shape"]), tuple(base["strides"])


@pytest.mark.parametrize("name", ARRAYS)
def test_array(name: str, dumped: Dumped) -> None:
    value = ARRAYS[name]
    found = dumped.written.base(dumped.raw[name])
    assert shape_of(found) == (value.shape, value.strides)
    assert found["content"] == value.tobytes()
    dtype = dumped.written.fields(dumped.written.fields(dumped.raw[name])["dtype"])
    assert (dtype["kind"], dtype["itemsize"]) == (value.dtype.kind, value.dtype.itemsize)


@pytest.mark.parametrize("name", OBJECTS)
def test_array_of_objects(name: str, dumped: Dumped) -> None:
    value = OBJECTS[name]
    found = dumped.written.base(dumped.raw[name])
    assert shape_of(found) == (value.shape, value.strides)
    assert found["objects"] == value.ravel().tolist()


def test_a_repeated_dimension_is_written_once(dumped: Dumped) -> None:
    found = dumped.written.base(dumped.raw["repeated"])
    assert shape_of(found) == (REPEATED.shape, REPEATED.strides)
    assert found["content"] == np.arange(3).tobytes()


@pytest.mark.parametrize("name", DTYPES)
def test_dtype(name: str, dumped: Dumped) -> None:
    value, written = DTYPES[name], dumped.written
    raw = dumped.raw[f"dtype {name}"]
    found = written.base(raw)
    assert written.value(found["names"]) == value.names
    if value.subdtype is None:
        assert found["subdtype"] is None
    else:
        base, shape = found["subdtype"]
        assert (written.fields(base)["kind"], written.value(shape)) == (value.base.kind, value.shape)
    unit = np.datetime_data(value) if value.kind in "mM" else None
    assert found["datetime_unit"] == (None if unit is None else [7, unit[1]])  # 7: seconds


def test_scalars(dumped: Dumped) -> None:
    found = {name: dumped.written.base(dumped.raw[f"scalar {name}"]) for name in SCALARS}
    record = found.pop("record")
    assert record["content"] == SCALARS["record"].tobytes()
    assert found == {name: found_as(scalar) for name, scalar in SCALARS.items() if name != "record"}


def found_as(scalar: Any) -> Any:
    """The Python value that a scalar carries."""
    return scalar.item()
