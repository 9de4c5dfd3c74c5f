# SPDX-License-Identifier: Apache-2.0
"""The whole way a failing program goes: an exception that nothing catches, our excepthook, the dump, the exit.

usage: python -m bench.measure_hook RECORDS DIRECTORY

The program ends by its exception, with status 1; what was measured is handed over when the interpreter ends.
"""

from __future__ import annotations

import atexit
import pickle
import sys
import time

import pyheapdump

from bench.heap import fail, make_records
from bench.timing import hand_over, seconds, settle


def main(count: int, directory: str) -> None:
    pyheapdump.install(directory)
    records = make_records(count)
    settle()
    pickled = seconds(lambda: pickle.dumps(records, protocol=5))
    raised = time.perf_counter()
    atexit.register(lambda: hand_over({"pickle": pickled, "hook": time.perf_counter() - raised}))
    fail(records)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
