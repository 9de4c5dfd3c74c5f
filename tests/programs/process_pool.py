# SPDX-License-Identifier: Apache-2.0
"""A pool of processes of which one job fails: the parent fails on its result, with the worker's traceback as cause."""

from concurrent.futures import ProcessPoolExecutor

import pyheapdump

pyheapdump.install()


class Report:
    def __init__(self):
        self.done = {}
        self.waiting = ["c", "d"]


def convert(name, amount):
    rest = 100 % amount
    return name, rest


def collect(report, jobs):
    with ProcessPoolExecutor(max_workers=2) as pool:
        futures = [(name, pool.submit(convert, name, amount)) for name, amount in jobs]
        for name, future in futures:
            result = future.result()
            report.done[name] = result
    return report


if __name__ == "__main__":
    collect(Report(), [("a", 7), ("b", 0)])
