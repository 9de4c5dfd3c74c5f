# SPDX-License-Identifier: Apache-2.0
"""The game: a player walks over an island and digs for treasure. Moves come from standard input, a word each line:
north, east, south, west, dig."""

from __future__ import annotations

import sys

import island
import pyheapdump


def main() -> None:
    pyheapdump.install()
    player = island.Player("Ada", island.Island(island.CHART))
    for line in sys.stdin:
        move = line.strip()
        if move:
            print(f"{move:5} -> {player.play(move)}", flush=True)


main()
