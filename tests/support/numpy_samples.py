# SPDX-License-Identifier: Apache-2.0
"""An instance of each C type of numpy that the layout tables describe, and what its fields must hold."""

# Members of later versions.
# mypy: disable-error-code="arg-type, no-any-return"

from __future__ import annotations

import struct
from typing import Any

from .type_samples import LATER, Sample

NAT = -(2**63)


def samples(numpy: Any) -> list[Sample]:
    """The samples, made with the package."""
    array = numpy.arange(12, dtype="i4").reshape(3, 4)
    view = array[::2, 1:]
    record = numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
    made: list[Sample] = []

    def add(row: str, value: Any, *hidden: str, contents: bool = False, **shows: Any) -> None:
        made.append(Sample(row, lambda: value, shows, hidden, (3, 9), LATER, contents))

    def flags(value: Any) -> int:
        return int(value.flags.num)

    addresses = ("_dimensions", "_strides")
    for value in (array, view, numpy.array(5), record, numpy.array([None])):
        add("numpy.ndarray", value, *addresses, data=value.ctypes.data, _flags=flags(value), contents=True)
    for value in (numpy.dtype("i4"), numpy.dtype(">f8"), record.dtype, numpy.dtype("U3"), numpy.dtype("M8[s]")):
        add("numpy.dtype", value, flags=value.flags, metadata=None, contents=True)
    add("numpy.dtype", numpy.dtype("i4", metadata={"a": 1}), metadata={"a": 1}, contents=True)
    add("numpy.bool" if hasattr(numpy, "bool") else "numpy.bool_", numpy.bool_(True), obval=True)
    for name in "int8 uint8 int16 uint16 int32 uint32 int64 uint64 longlong ulonglong".split():
        limit = numpy.iinfo(name).min or numpy.iinfo(name).max
        value = getattr(numpy, name)(limit)
        # two C types of one size: the C name tells which
        add("numpy." + type(value).__name__, value, obval=int(limit))
    add("numpy.float16", numpy.float16(-1.5), obval=struct.pack("e", -1.5))
    add("numpy.float32", numpy.float32(0.1), obval=float(numpy.float32(0.1)))
    add("numpy.float64", numpy.float64(0.1), obval=0.1)
    for name in ("longdouble", "clongdouble"):
        value = getattr(numpy, name)(0.1)
        add("numpy." + name, value, "obval")
    add("numpy.complex64", numpy.complex64(1.5 - 2j), real=1.5, imag=-2.0)
    add("numpy.complex128", numpy.complex128(0.1 - 2j), real=0.1, imag=-2.0)
    seconds = numpy.datetime64("2026-11-21T08:00:00", "s")
    add("numpy.datetime64", seconds, obval=1795248000, unit=7, num=1)
    add("numpy.datetime64", numpy.datetime64("NaT"), obval=NAT, unit=14, num=1)
    add("numpy.timedelta64", numpy.timedelta64(5, "D"), obval=5, unit=4, num=1)
    add("numpy.void", record[0], "obval", _flags=flags(record[0]), contents=True)
    add("numpy.str_", numpy.str_("text"))
    add("numpy.bytes_", numpy.bytes_(b"text"))
    return made


def legacy_fields(numpy: Any) -> dict[str, Any]:
    """A dtype with names, and what its members must hold; these have a row that is no type's."""
    kind = numpy.dtype([("a", "i4"), ("b", "f8", (2,))])
    return {"dtype": kind, "names": kind.names, "fields": dict(kind.fields)}
