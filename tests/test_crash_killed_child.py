# SPDX-License-Identifier: Apache-2.0
"""The child that writes a crash's dump is killed with SIGKILL at random moments: 200 on all versions together.

The file opens under its temporary name, or is whole, or not there yet; the process ends by its own signal at once.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import pyheapdump
from support.crash_server import CrashServer, Fault, outcome_of, problems_of

RUNS, VERSIONS = 200, 7
SEED = 40_000 + sys.version_info[1]


def test_child_is_killed(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    outcomes: Counter[str] = Counter()
    with CrashServer(tmp_path, parallel=1) as server:
        undisturbed = min(end.child_seconds for end in server.run([Fault()] * 4))
        runs = [Fault(kill_after=moments.uniform(0, undisturbed)) for _ in range(RUNS // VERSIONS + 1)]
        failed = []
        for end in server.run(runs):
            failed += [f"{end.fault}: {problem}; {end.stderr}" for problem in problems_of(end)]
            if end.seconds > 5:
                failed.append(f"{end.fault}: waited {end.seconds:.1f} s for a child that was dead")
            outcomes[outcome_of(end)] += 1
            for path in end.files:
                if path.suffix == ".part" and path.stat().st_size > 100_000:
                    with pyheapdump.load(path) as dump:
                        assert dump.threads[0].frames[-1].f_locals["known"] == {"number": 4711, "text": "known"}
                        assert dump.file.blocks(9), "the signal comes early"
    print(f"{len(runs)} runs, child undisturbed {undisturbed * 1000:.0f} ms: {dict(outcomes)}")
    assert failed == [], "\n".join(failed)
    assert outcomes["temporary name"] >= 3, outcomes
