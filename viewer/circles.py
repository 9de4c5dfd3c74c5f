# SPDX-License-Identifier: Apache-2.0
"""Circles in a graph of who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator


def circles(links: dict[int, list[int]]) -> Iterator[list[int]]:
    """The circles that following `links` leads into, each once; of links that branch, one circle for each start."""
    done: set[int] = set()
    for start in links:
        path: dict[int, None] = {}
        at: int | None = start
        while at is not None and at in links and at not in path and at not in done:
            path[at] = None
            at = next((one for one in links[at] if one in links and one not in done), None)
        if at is not None and at in path:
            order = list(path)
            yield order[order.index(at) :]
        done.update(path)
