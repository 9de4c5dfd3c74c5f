# SPDX-License-Identifier: Apache-2.0
"""The rows for C types of packages, against the memory of the interpreter that has the package."""

from __future__ import annotations

import ctypes

import pytest
from support.instance_memory import ROWS, read, verify
from support.numpy_samples import legacy_fields, samples

numpy = pytest.importorskip("numpy", reason="numpy is not installed for this interpreter")
SAMPLES = samples(numpy)
# Types of which no value can be made, or under another name on this platform.
WITHOUT_SAMPLE = {
    "numpy.object_",
    "numpy.bool",
    "numpy.bool_",
    "numpy.dtype, legacy",
    "numpy.longlong",
    "numpy.ulonglong",
}


@pytest.mark.parametrize("number", range(len(SAMPLES)), ids=lambda number: SAMPLES[number].row)
def test_fields_are_where_the_table_says(number: int) -> None:
    verify(SAMPLES[number])


def test_each_row_has_a_sample() -> None:
    sampled = {sample.row for sample in SAMPLES}
    assert sorted({name for name, _ in ROWS if name.startswith("numpy.")} - sampled - WITHOUT_SAMPLE) == []


def test_members_of_dtypes_that_are_not_of_the_newest_kinds() -> None:
    expected = legacy_fields(numpy)
    kind = expected["dtype"]
    row = ROWS["numpy.dtype, legacy", type(kind).__basicsize__]
    fields = {field.name: field for field in row.fields}
    assert read(kind, fields["names"]) == expected["names"]
    assert dict(read(kind, fields["fields"])) == expected["fields"]
    assert ctypes.c_size_t.from_address(id(kind) + fields["subarray"].offset).value == 0
    pair = numpy.dtype(("i4", (2, 3)))
    described = ctypes.c_size_t.from_address(id(pair) + fields["subarray"].offset).value
    base, shape = (ctypes.py_object.from_address(described + at).value for at in (0, 8))
    assert (base, shape) == (numpy.dtype("i4"), (2, 3))
    seconds = numpy.dtype("m8[7s]")
    metadata = ctypes.c_size_t.from_address(id(seconds) + fields["c_metadata"].offset).value
    assert [ctypes.c_int.from_address(metadata + at).value for at in (32, 36)] == [7, 7]  # unit, number
