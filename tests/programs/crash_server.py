# SPDX-License-Identifier: Apache-2.0
"""The process behind support/crash_server.py: it forks for each run that it is asked for, and tells how the run ended.

A line of standard input is a list of faults, as JSON; for each a line of standard output tells its end. The injector
(support/crasher/inject.c) is in this process by LD_PRELOAD; a fork arms it just before it crashes.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional

import crasher
import pyheapdump

INJECT = ctypes.CDLL(None)
FUNCTIONS = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(INJECT, "inject_names"))).decode().split()
COUNTERS = ctypes.c_int.in_dll(INJECT, "inject_counters").value
WORDS = ctypes.c_uint32 * (2 * COUNTERS + 2)  # struct log
SYSTEM_CALL = "system call "
CLONE_AND_ITS_KIN = (56, 57, 58, 435)
GRACE = 12.0  # seconds after crash_timeout when a run has hung


def number_of(function: str) -> int:
    """The counter of a function in the injector; one that counts nothing for none."""
    if function.startswith(SYSTEM_CALL):
        return len(FUNCTIONS) + int(function[len(SYSTEM_CALL) :])
    return FUNCTIONS.index(function) if function else COUNTERS


def name_of(number: int) -> str:
    return FUNCTIONS[number] if number < len(FUNCTIONS) else f"{SYSTEM_CALL}{number - len(FUNCTIONS)}"


def innermost() -> None:
    known = {"number": 4711, "text": "known"}
    crasher.crash("division_by_zero")
    del known


def outermost() -> None:
    innermost()


def crash(directory: str, fault: Dict[str, Any], log: int, stderr: int) -> None:
    os.dup2(stderr, 2)
    if fault["in_place"]:  # before install(): under a newer filter there is no dump
        crasher.forbid(errno.EPERM, *CLONE_AND_ITS_KIN)
    pyheapdump.install(directory, crash_timeout=fault["crash_timeout"], max_dumps=None)
    rule = [fault["role"], number_of(fault["function"]), fault["nth"], fault["action"], fault["error"]]
    if INJECT.inject_arm(ctypes.c_void_p(log), *rule) == 0:
        outermost()
    os._exit(99)


def lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return pid > 0 and stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Run:
    """A fork that crashes."""

    def __init__(self, directory: str, number: int, fault: Dict[str, Any]) -> None:
        self.number = number
        self.fault = fault
        self.log = WORDS.from_buffer(mmap.mmap(-1, ctypes.sizeof(WORDS)))
        self.stderr = os.memfd_create("stderr")
        self.started = time.monotonic()
        self.child_seen = 0.0
        self.killed = False
        self.pid = os.fork()
        if self.pid == 0:
            crash(directory, fault, ctypes.addressof(self.log), self.stderr)

    @property
    def child(self) -> int:
        return self.log[2 * COUNTERS + 1]

    def has_ended(self) -> bool:
        """Looks after it: kills its child when it is time, and itself when it has hung."""
        now = time.monotonic()
        if self.child and not self.child_seen:
            self.child_seen = now
        self.kill_child(now)
        hung = now - self.started > self.fault["crash_timeout"] + GRACE
        if hung:
            os.kill(self.pid, signal.SIGKILL)
        pid, status = os.waitpid(self.pid, 0 if hung else os.WNOHANG)
        if pid:
            self.tell(None if hung else os.waitstatus_to_exitcode(status), now)
        return pid != 0

    def kill_child(self, now: float) -> None:
        after: Optional[float] = self.fault["kill_after"]
        if after is None or self.killed or not self.child_seen or now - self.child_seen < after:
            return
        self.killed = True
        if lives(self.child):
            os.kill(self.child, signal.SIGKILL)

    def tell(self, status: Optional[int], now: float) -> None:
        for _ in range(100):  # it may have been killed this moment
            if lives(self.child):
                time.sleep(0.005)
        child_lives = lives(self.child)
        if child_lives:
            os.kill(self.child, signal.SIGKILL)
        told = {
            "number": self.number,
            "pid": self.pid,
            "status": status,
            "seconds": now - self.started,
            "fired": self.log[2 * COUNTERS],
            "calls": {"process": self.calls(0), "child": self.calls(COUNTERS)},
            "child": self.child,
            "child_seconds": now - self.child_seen if self.child_seen else 0.0,
            "child_lives": child_lives,
            "stderr": os.pread(self.stderr, 1 << 16, 0).decode(errors="replace"),
        }
        os.close(self.stderr)
        print(json.dumps(told), flush=True)

    def calls(self, first: int) -> Dict[str, int]:
        return {name_of(i): self.log[first + i] for i in range(COUNTERS) if self.log[first + i]}


def serve(directory: str, parallel: int) -> None:
    pyheapdump.install(directory, max_dumps=None)
    for line in sys.stdin:
        waiting = list(enumerate(json.loads(line)))[::-1]
        running: List[Run] = []
        while waiting or running:
            while waiting and len(running) < parallel:
                running.append(Run(directory, *waiting.pop()))
            running = [run for run in running if not run.has_ended()]
            exact = any(run.fault["kill_after"] is not None for run in running)
            time.sleep(0.0002 if exact else 0.002)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
