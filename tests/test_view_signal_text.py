# SPDX-License-Identifier: Apache-2.0
"""How long stacks are shown: recursion as a count, and the two ends of what is left."""

import random
import time
from typing import List

import pytest
from pyheapdump.view.thread_text import folded


def shown(names: str) -> str:
    """Frames by name, in and out; a count of repetitions as *N."""
    blocks = folded([[name] for name in names.split()], "")
    return " ".join(block[0].replace("... the last ", "*").replace(" more times", "") for block in blocks)


@pytest.mark.parametrize(
    "names, expected",
    [
        ("", ""),
        ("a", "a"),
        ("a a a", "a a a"),
        ("a a a a", "a *frame repeated 3"),
        ("main" + " a b" * 100 + " c", "main a b *2 frames repeated 99 c"),
        ("main" + " a b" * 100 + " a", "main a b *2 frames repeated 99 a"),
        (" a a a a b" * 5, "a a a a b *5 frames repeated 4"),
        ("x" + " a" * 9 + " b" * 9, "x a *frame repeated 8 b *frame repeated 8"),
        (" ".join("abcdefghij" * 5), "a b c d e f g h i j *10 frames repeated 4"),
        (" ".join("abcdefghijk" * 5), " ".join("abcdefghijk" * 5)),
    ],
)
def test_recursion(names: str, expected: str) -> None:
    assert shown(names) == expected


def test_nothing_is_lost() -> None:
    """Each text stands for the frames that went in."""
    chance = random.Random(5)
    for _ in range(500):
        names = [chance.choice("ab") for _ in range(chance.randrange(30))]
        if chance.random() < 0.5:
            names = names[:5] * chance.randrange(6) + names
        out: List[str] = []
        for block in folded([[name] for name in names], ""):
            words = block[0].split()
            if len(words) == 1:
                out += words
            else:
                period = 1 if words[3] == "frame" else int(words[3])
                out += out[-period:] * int(words[-3])
        assert out == names


def test_long_stacks_take_no_time() -> None:
    started = time.process_time()
    chance = random.Random(5)
    folded([[chance.choice("ab")] for _ in range(200_000)], "")
    folded([["a"]] * 200_000, "")
    folded([[name] for name in "aaab" * 50_000], "")
    assert time.process_time() - started < 5
