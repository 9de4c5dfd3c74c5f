# SPDX-License-Identifier: Apache-2.0
"""What pyheapdump costs a program that does not fail: its import and install(), and anything after them.

usage: python -m bench.measure_install STARTS ROUNDS

Start file: what pyheapdump.pth in site-packages costs every interpreter of the environment while PYHEAPDUMP is not set;
measured as `site` takes it, from opening the file to running its line.
Start: fresh interpreters with and without, in turns; the difference of each pair, which has the exit in it, too.
Running: rounds of ordinary work in one process, installed and not installed in turns; the ratio of each pair.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import site
import subprocess
import sys
import sysconfig
import threading

import pyheapdump
from pyheapdump import start

from bench.timing import hand_over, seconds

WORK_SIZE = 20000


def start_seconds(statements: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", statements], check=True))


def start_pair() -> dict[str, float]:
    bare = start_seconds("pass")
    return {"bare": bare, "installed": start_seconds("import pyheapdump; pyheapdump.install()")}


def start_file_seconds() -> float:
    os.environ.pop(start.VARIABLE, None)
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (folder,) = [folder for folder in folders if os.path.exists(os.path.join(folder, start.FILE))]
    return seconds(lambda: site.addpackage(folder, start.FILE, set()))


def work() -> None:
    """Calls, containers, copies, logging, exceptions that are caught, threads: what hooks could be in the way of."""
    table: dict[int, list[int]] = {}
    logger = logging.getLogger("bench")
    for number in range(WORK_SIZE):
        table.setdefault(number % 97, []).append(number)
        id(table)
        try:
            table[-1 - number]
        except KeyError:
            pass
    copy.deepcopy(table)
    for number in range(WORK_SIZE // 20):
        logger.warning("number %d", number)
    for _ in range(20):
        thread = threading.Thread(target=sorted, args=(table[0],))
        thread.start()
        thread.join()
    if sum(map(len, table.values())) != WORK_SIZE:
        raise SystemExit("the work was not done")


def bare_round() -> float:
    pyheapdump.uninstall()
    return seconds(work)


def installed_round() -> float:
    pyheapdump.install()
    return seconds(work)


def round_pair(number: int) -> dict[str, float]:
    """Who begins changes, so that neither always comes second."""
    if number % 2:
        installed = installed_round()
        return {"bare": bare_round(), "installed": installed}
    bare = bare_round()
    return {"bare": bare, "installed": installed_round()}


def main(starts: int, rounds: int) -> None:
    logging.getLogger("bench").addHandler(logging.StreamHandler(io.StringIO()))
    work()
    start_pair()  # files come from the disk once
    hand_over({
        "start_file": [start_file_seconds() for _ in range(starts)],
        "starts": [start_pair() for _ in range(starts)],
        "rounds": [round_pair(number) for number in range(rounds)],
    })  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
