# SPDX-License-Identifier: Apache-2.0
"""The bounded repr of objects that lead back to themselves through the repr of a real type."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pyheapdump
import pytest
from pyheapdump.view.display import bounded_repr

# A pool whose threads have a method of it as their target: the pool, a list, a thread, a bound method, the pool.
PROGRAM = """
import functools, sys, types
import pyheapdump

class Worker:
    def __init__(self, number, target, found):
        self.number, self.found, self.target = number, found, target

class Pool:
    def __init__(self, wrap):
        self.size = 6
        self.workers = [Worker(number, wrap(self.work), [self]) for number in range(6)]
    def work(self):
        pass

def main():
    methods, partials = Pool(lambda method: method), Pool(functools.partial)
    spaces = Pool(lambda method: types.SimpleNamespace(method=method))
    pyheapdump.dump(sys.argv[1])

main()
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("display") / "pool.dump"
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["methods", "partials", "spaces"])
def test_a_circle_through_the_repr_of_a_real_type(path: Path, name: str) -> None:
    with pyheapdump.load(path) as dump:
        pool = dump.threads[0].frames[-1].f_locals[name]
        for shown in pool, pool.workers[0], pool.workers[0].target, [pool] * 3:
            for text in repr(shown), bounded_repr(shown, depth=6, total=400):
                assert len(text) < 5_000
        text = repr(pool)
        assert text.startswith("<__main__.Pool size=6 workers=[<__main__.Worker number=0 found=[...] target=")
        assert "Pool.work" in repr(pool.workers[0].target) and "size=6" in repr(pool.workers[0].target)
        assert repr(pool) == text, "nothing is left over from the repr before"


@pytest.mark.timeout(60)
def test_the_summary_of_such_a_program_ends(path: Path) -> None:
    command = [sys.executable, "-m", "pyheapdump.view", "--summary", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr.replace(f"pyheapdump: reading {path.name} ...\n", "")) == (0, "")
    assert len(done.stdout) < 10_000


def test_what_there_is_no_room_for_is_counted() -> None:
    """Not shown as "...: ..." again and again."""
    text = bounded_repr({f"key {number}": "x" * 90 for number in range(30)}, total=300)
    assert text.count("key ") == 3 and text.endswith(", ... 27 more}")
    assert bounded_repr(["x" * 90] * 5, total=300).endswith("x', ... 1 more]")
    assert bounded_repr(list(range(10)), total=300) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
