# SPDX-License-Identifier: Apache-2.0
"""A parent that starts a process for each job; one of them dies of its own bug, which only its dump tells."""

import multiprocessing

import pyheapdump

pyheapdump.install()


class Job:
    def __init__(self, name, parts):
        self.name = name
        self.parts = parts


def weigh(parts):
    weights = [len(part) for part in parts]
    return 100 // sum(weights)


def work(job):
    weight = weigh(job.parts)
    return weight


if __name__ == "__main__":
    processes = [multiprocessing.Process(target=work, args=(Job(n, p),)) for n, p in (("full", ["ab"]), ("empty", []))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    raise SystemExit(sum(process.exitcode for process in processes))
