# SPDX-License-Identifier: Apache-2.0
"""The rows of the layout table against the memory of the running interpreter: one test for each sample instance."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support import layout_table, type_samples
from support.instance_memory import NUMBERS, REFERENCES, ROWS, verify
from support.type_samples import SAMPLES, Sample

HERE = [sample for sample in SAMPLES if sample.here]


@pytest.fixture(scope="module", autouse=True)
def _close_what_is_open() -> Iterator[None]:
    yield
    type_samples.finish()


@pytest.mark.parametrize("sample", HERE, ids=lambda sample: sample.row)
def test_fields_are_where_the_table_says(sample: Sample) -> None:
    verify(sample)


def test_each_row_has_a_sample() -> None:
    sampled = {sample.row for sample in HERE}
    of_packages = ("numpy.", "pandas.")  # test_layout_packages.py, test_doubtful_values.py
    of_cpython = {name for name, _ in ROWS if not name.startswith(of_packages)}
    assert sorted(of_cpython - sampled - WITHOUT_SAMPLE) == []


# Instances that Python code cannot get hold of. Their offsets come from the same declarations as all others.
WITHOUT_SAMPLE = {
    "async_generator_wrapped_value",  # lives between an asynchronous generator and its asend() only
    "hamt_collision_node",  # variables whose hashes collide
    "TaskStepMethWrapper",  # the callback of a task that has not begun
    "_asyncio.TaskStepMethWrapper",
    "sqlite3.Blob",  # sqlite may be built without
    "builtin_method",  # no module of 3.9 has one; sampled on later versions
}


@pytest.mark.parametrize("minor", range(9, 16))
def test_field_widths_fit_their_kinds(minor: int) -> None:
    for row in layout_table.rows(minor):
        for field in row.fields:
            if field.kind in NUMBERS:
                assert field.size in (struct.calcsize(NUMBERS[field.kind]), 4 if field.kind == "BOOL" else 0), (
                    row,
                    field,
                )
            elif field.kind in REFERENCES:
                assert field.size == 8, (row.name, field)
            assert 0 < field.offset, (row.name, field)


# Types whose C name changed, and ended with the version before.
RENAMED = {
    10: {"Context", "ContextVar", "Token", "weakref", "weakproxy", "weakcallableproxy", "arrayiterator", "_ctypes.PyCFuncPtr"},
    12: {
        "CArgObject", "TaskStepMethWrapper", "_collections._tuplegetter", "_collections._deque_iterator",
        "_collections._deque_reverse_iterator",
    },
    14: {"types.UnionType", "_ctypes.CField"},
}  # fmt: skip


@pytest.mark.parametrize("minor", range(10, 16))
def test_no_type_is_lost_from_one_version_to_the_next(minor: int) -> None:
    before = {row.name for row in layout_table.rows(minor - 1)}
    now = {row.name for row in layout_table.rows(minor)}
    assert before - now == RENAMED.get(minor, set())


def test_the_documentation_lists_these_types() -> None:
    tool = layout_table.LAYOUT.parent.parent / "tools" / "document_types.py"
    checked = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
