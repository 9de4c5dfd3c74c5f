# SPDX-License-Identifier: Apache-2.0
"""A figure: the median of what repeats gave, and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Median, smallest and largest value of the repeats of a measurement."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """Like "0.31 (0.29 … 0.36)"; the range is left out where it shows no difference."""
        median, low, high = (f"{value * scale:.{digits}f}" for value in (self.median, self.low, self.high))
        return median if low == high else f"{median} ({low} … {high})"
