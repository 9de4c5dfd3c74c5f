# SPDX-License-Identifier: Apache-2.0
"""The rules of the game."""

from __future__ import annotations

# Each letter is a place: water, sand, a palm, a rock, a treasure.
CHART = """\
~~~~~~
~.P..~
~..R$~
~.$..~
~~~~~~"""
NAMES = {".": "sand", "P": "a palm", "R": "a rock", "$": "sand", "~": "water"}
STEPS = {"north": (0, -1), "south": (0, 1), "west": (-1, 0), "east": (1, 0)}


class Island:
    def __init__(self, chart: str) -> None:
        self.rows = [list(row) for row in chart.splitlines()]

    def at(self, place: tuple[int, int]) -> str:
        x, y = place
        return self.rows[y][x]

    def dig_up(self, place: tuple[int, int]) -> str | None:
        """What lies at a place, which is gone then."""
        x, y = place
        found, self.rows[y][x] = self.rows[y][x], "O"
        return "a treasure" if found == "$" else None


class Player:
    def __init__(self, name: str, where: Island) -> None:
        self.name = name
        self.island = where
        self.place = (1, 1)
        self.bag: list[str] = []

    def play(self, move: str) -> str:
        """One move; what comes of it."""
        return self.dig() if move == "dig" else self.walk(STEPS[move])

    def walk(self, step: tuple[int, int]) -> str:
        place = self.place[0] + step[0], self.place[1] + step[1]
        ground = NAMES[self.island.at(place)]
        if ground == "water":
            return "you do not swim"
        self.place = place
        return ground

    def dig(self) -> str:
        found = self.island.dig_up(self.place)
        if found is None:
            return "nothing"
        self.bag.append(found)
        return f"{found}! You have {len(self.bag)}"
