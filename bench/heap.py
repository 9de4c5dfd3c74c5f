# SPDX-License-Identifier: Apache-2.0
"""The heap that is dumped: a list of records in a local of the failing frame."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

SEED = 20261121
TAGS = [f"tag-{number:03d}" for number in range(1000)]
# Objects that belong to one record: the dict, its id, name and score, and the list of tags. (The tags, the bools and
# the keys are shared.)
OBJECTS_PER_RECORD = 5

Record = dict[str, Any]


def make_records(count: int) -> list[Record]:
    """`count` records, the same in every run."""
    chance = random.Random(SEED)
    return [
        {
            "id": number,
            "name": f"customer {number:07d}",
            "score": chance.random(),
            "tags": chance.sample(TAGS, 3),
            "active": chance.random() < 0.5,
        }
        for number in range(count)
    ]


class PlantedError(Exception):
    """The error of the program that is dumped."""


def fail(records: list[Record]) -> None:
    """The failing frame: `records` is its first local."""
    raise PlantedError(f"cannot go on with {len(records)} records")


def failed(records: list[Record]) -> PlantedError:
    """The exception of fail(), with its traceback."""
    try:
        fail(records)
    except PlantedError as error:
        return error
    raise AssertionError("fail() did not raise")


def innermost(traceback: TracebackType | None) -> TracebackType:
    """The last entry of a traceback: that of the failing frame."""
    if traceback is None:
        raise ValueError("there is no traceback")
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback
