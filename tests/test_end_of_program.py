# SPDX-License-Identifier: Apache-2.0
"""A program that ends while one of its dumps is written: the file is complete when the process is gone.

So it is also where nothing outlives the process: a container, whose first process the program is.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pyheapdump
import pytest
from support.subject import Subject

FIRST_PROCESS = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]

# Each asks for a dump at the very end. Writing takes longer than the end: random bytes are hard to compress.
LAST_WORDS = {
    "register": "pyheapdump.register(signal.SIGUSR1); os.kill(os.getpid(), signal.SIGUSR1)",
    "register, then C code calls exit()": "pyheapdump.register(signal.SIGUSR1); os.kill(os.getpid(), signal.SIGUSR1); "
    "ctypes.CDLL(None).exit(0)",
    "dump_later": "pyheapdump.dump_later(0.05); time.sleep(0.06)",
    "memory_limit": "pyheapdump.install(memory_limit='1MiB'); time.sleep(0.1)",
    "register, when atexit functions are done": "pyheapdump.register(signal.SIGUSR1); keep = AtTheEnd(); "
    "keep.itself = keep",
}
PROGRAM = """
    import ctypes, os, signal, sys, time
    import pyheapdump

    class AtTheEnd:
        def __init__(self):
            self.data = os.urandom(64 << 20)

        def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGUSR1):
            kill(pid, number)

    def main(data):
        {}

    main(os.urandom(64 << 20))
"""


def prefixes() -> List[List[str]]:
    works = subprocess.run([*FIRST_PROCESS, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return [[], FIRST_PROCESS] if works else [[]]


@pytest.mark.parametrize("asked", LAST_WORDS)
def test_dump_is_finished(tmp_path: Path, asked: str) -> None:
    for number, before in enumerate(prefixes()):
        directory = tmp_path / str(number)
        directory.mkdir()
        ended = Subject(directory, PROGRAM.format(LAST_WORDS[asked]), install=None).run(before=before)
        assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()
        with pyheapdump.load(ended.only_dump) as dump:
            assert dump.end["complete"] is True


def test_repeated_dumps_do_not_keep_a_program(tmp_path: Path) -> None:
    """What comes again and again is not waited for: the end comes after two dumps at most."""
    text = """
        import os, time
        import pyheapdump
        pyheapdump.install(max_dumps=2)
        data = os.urandom(8 << 20)
        pyheapdump.dump_later(0.001, repeat=True)
        time.sleep(0.1)
        print(len(pyheapdump.__name__), flush=True)
    """
    ended = Subject(tmp_path, text, install=None).run(seconds=30)
    assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()
    deadline = time.monotonic() + 30
    while list(tmp_path.glob("**/*.part")):  # the last one is finished by its writer alone
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_storm_of_signals_does_not_keep_a_program(tmp_path: Path) -> None:
    text = """
        import os, signal, subprocess, sys
        import pyheapdump
        pyheapdump.install(max_dumps=2, register=signal.SIGUSR1)
        storm = "import os, sys\\ntry:\\n while True: os.kill(int(sys.argv[1]), 10)\\nexcept ProcessLookupError: pass"
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        other = subprocess.Popen([sys.executable, "-c", storm, str(os.getpid())], **streams)
        signal.sigtimedwait([signal.SIGUSR2], 0.3)
        other.returncode = 0  # it ends when this process is gone
    """
    ended = Subject(tmp_path, text, install=None).run(seconds=30)
    assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()


# The writer is stopped for good, as by a file server that does not answer. One that is faster than the program sees it is
# asked for again.
STUCK = """
    import glob, os, signal, time
    import pyheapdump
    from pyheapdump import capture

    capture.CHILD_GRACE = 0.5
    data = os.urandom(64 << 20)
    found = []
    while not found:
        {}
        asked = time.monotonic()
        while not found and time.monotonic() < asked + 3:
            children = [open(path).read() for path in glob.glob("/proc/self/task/*/children")]
            found = [int(pid) for pids in children for pid in pids.split()]
    os.kill(found[0], signal.SIGSTOP)
    print("stuck", found[0], flush=True)
"""
ASKED = {
    "register": "pyheapdump.install({}, register=signal.SIGUSR1); os.kill(os.getpid(), signal.SIGUSR1)",
    "memory_limit": "pyheapdump.install({}, memory_limit='1MiB')",
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_writer_that_is_stuck_is_killed_in_time(tmp_path: Path, asked: str) -> None:
    text = STUCK.format(ASKED[asked].format("max_seconds=1"))
    started = time.monotonic()
    ended = Subject(tmp_path, text, install=None).run(seconds=60)
    assert ended.status == 0 and ended.stdout.startswith(b"stuck "), ended.stderr.decode()
    assert b"the child overran its deadline" in ended.stderr
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("limit", ["max_seconds=600", "max_seconds=0"])
def test_the_end_can_be_had_at_once(tmp_path: Path, asked: str, limit: str) -> None:
    """Ctrl-C at the end waits no more."""
    subject = Subject(tmp_path, STUCK.format(ASKED[asked].format(limit)), install=None)
    environment = {**os.environ, "PYHEAPDUMP_DIR": str(subject.dump_directory)}
    command = [sys.executable, str(subject.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[0] == b"stuck"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        os.kill(int(words[1]), signal.SIGKILL)
        assert process.stderr is not None and b"KeyboardInterrupt" in process.stderr.read()
