# SPDX-License-Identifier: Apache-2.0
"""Faults in the middle of a crash's dump: the handler and its child crash, hang, or are refused what they ask for.

A run that only records tells which of libc's functions the library calls, in the crashed process and in its child, and
how often. Then for each of them the first, the second and the last call crashes, hangs, fails or does half. Whatever
happens: the process ends by its own signal, in time, no child stays, and the file opens or is not there.

One version runs the whole set; the others share it, or run it whole when PYHEAPDUMP_ALL_FAULTS=1.
"""

from __future__ import annotations

import errno
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.crash_server import CrashServer, End, Fault, outcome_of, problems_of

ALL = os.environ.get("PYHEAPDUMP_ALL_FAULTS") == "1" or sys.version_info[:2] == (3, 13)
SHARES = 7
SEED = 20_000

# What each of them can say. The others cannot fail, or only when their arguments are wrong.
ERRORS = {
    "open": [errno.EMFILE, errno.EACCES],
    "openat": [errno.ENOSPC, errno.EMFILE],
    "read": [errno.EIO],
    "pread": [errno.EIO],
    "write": [errno.ENOSPC, errno.EPIPE],
    "writev": [errno.ENOSPC, errno.EIO],
    "lseek": [errno.ESPIPE],
    "fstat": [errno.EIO],
    "fsync": [errno.EIO],
    "mkdir": [errno.EROFS],
    "faccessat": [errno.EACCES],
    "stat": [errno.EACCES],
    "linkat": [errno.EPERM, errno.EEXIST],
    "unlinkat": [errno.EACCES],
    "readlinkat": [errno.ENOENT],
    "renameat2": [errno.EINVAL],
    "poll": [errno.EINTR, errno.ENOMEM],
    "mmap": [errno.ENOMEM],
    "munmap": [errno.ENOMEM],
    "madvise": [errno.EINVAL],
    "waitpid": [errno.EINTR],
    "kill": [errno.EPERM],
    "setpriority": [errno.EACCES],
    "prctl": [errno.EPERM],
    "sigaltstack": [errno.EPERM],
    "nanosleep": [errno.EINTR],
    "process_vm_readv": [errno.EPERM],
    "system call 56": [errno.EAGAIN, errno.ENOMEM],  # clone
    "system call 202": [errno.EPERM],  # futex
    "system call 217": [errno.EIO],  # getdents64
    "system call 257": [errno.EMFILE, errno.EACCES],  # openat
    "system call 297": [errno.EAGAIN, errno.EPERM],  # rt_tgsigqueueinfo
    "system call 436": [errno.ENOSYS],  # close_range
}
HALVES = ["write", "writev", "read", "pread"]
# In the crashed process these are a few instructions of the kernel, which touch nothing of ours and wait for nothing:
# they are not made to crash or hang, but are refused where the kernel may refuse them.
SIMPLE = [
    "clock_gettime", "getpid", "gettid", "sigaction", "sigprocmask", "sigaltstack",
    "system call 13", "system call 56", "system call 297",  # rt_sigaction, clone, rt_tgsigqueueinfo
    "system call 257", "system call 0", "system call 3",  # openat, read, close of /proc/thread-self/status
]  # fmt: skip
HANG_TIMEOUT = 0.4  # crash_timeout of a run that hangs


def faults_of(end: End) -> list[Fault]:
    """The whole set, for the calls that a run without a fault made."""
    found: list[Fault] = []
    in_place = end.fault.in_place
    for role, calls in end.calls.items():
        for function, count in calls.items():
            for nth in sorted({1, min(2, count), count}):
                if role == "child" or function not in SIMPLE:
                    found.append(Fault(role, function, nth, "crash", in_place=in_place))
                    found.append(Fault(role, function, nth, "hang", crash_timeout=HANG_TIMEOUT, in_place=in_place))
                errors = ERRORS.get(function, [])
                found += [Fault(role, function, nth, "error", error, in_place=in_place) for error in errors]
                if function in HALVES:
                    found.append(Fault(role, function, nth, "half", in_place=in_place))
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("in_place", [False, True], ids=["clone", "in place"])
def test_faults(tmp_path: Path, in_place: bool) -> None:
    with CrashServer(tmp_path, parallel=4) as server:
        recorded = next(server.run([Fault(in_place=in_place)]))
        assert problems_of(recorded) == [] and recorded.stderr.startswith("pyheapdump: wrote ")
        if not in_place:  # a dead file server may hold the child, which can be killed, and nobody else
            assert not {"mkdir", "faccessat", "stat", "linkat", "unlinkat"} & set(recorded.calls["process"])
        faults = faults_of(recorded)
        assert len(faults) > 100
        if not ALL:
            random.Random(SEED).shuffle(faults)
            faults = faults[sys.version_info[1] % SHARES :: SHARES]
        failed, outcomes, fired = [], Counter(), 0
        for end in server.run(faults):
            fired += end.fired > 0
            outcomes[outcome_of(end)] += 1
            failed += [f"{end.fault}: {problem}; {end.stderr}" for problem in problems_of(end)]
            for path in end.files:
                path.unlink()
    print(f"{len(faults)} faults, {fired} met: {dict(outcomes)}")
    assert failed == [], "\n".join(failed)
    assert fired > 0.8 * len(faults), "the calls are not those of the run that recorded them"
