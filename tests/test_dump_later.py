# SPDX-License-Identifier: Apache-2.0
"""dump_later(): a dump of a process that hangs, wherever it hangs.

The programs hang for longer than the test may take; `exit=True` ends them after the dump.
"""

import os
import time
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from support.subject import Ended, Subject

# Each hangs in hang(), whose local `url` must be in the dump.
HANGS = {
    "C code with the GIL": "ctypes.PyDLL(None).sleep(600)",
    "a busy loop": "while True: pass",
    "time.sleep": "time.sleep(600)",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a child": "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=-1).wait()",
}
WITHOUT_GIL = {"C code with the GIL"}
PROGRAM = """
    import ctypes, subprocess, sys, threading, time
    import pyheapdump

    def hang(url):
        pyheapdump.dump_later({seconds}, exit=True)
        {hang}

    hang("https://example.org/" + "1")
"""


def hangs(directory: Path, text: str, **options: Any) -> Ended:
    """Runs a program that is ended by its own dump_later()."""
    ended = Subject(directory, text, install=None).run(**options)
    assert ended.status == 1, ended.stderr.decode()
    return ended


def frame_of(thread: Any, name: str) -> Any:
    return next(frame for frame in thread.frames if frame.f_code.co_name == name)


@pytest.mark.parametrize("where", HANGS)
def test_hang(tmp_path: Path, where: str) -> None:
    ended = hangs(tmp_path, PROGRAM.format(hang=HANGS[where], seconds=0.2))
    path = ended.only_dump
    assert b"pyheapdump: wrote " + os.fsencode(path) in ended.stderr
    assert ended.other_stderr == b""
    with pyheapdump.load(path) as dump:
        assert dump.reason == "dump_later after 0.2 s"
        assert dump.facts["gil_held"] is (where not in WITHOUT_GIL)
        thread = dump.threads[0]
        assert (thread.name, thread.current) == ("MainThread", True)
        assert thread.holds_gil is (where in WITHOUT_GIL)
        assert frame_of(thread, "hang").f_locals["url"] == "https://example.org/1"


def test_thread_that_keeps_the_gil(tmp_path: Path) -> None:
    """The dump is about the thread that has the GIL, not about the main thread that waits for it."""
    text = """
        import ctypes, threading
        import pyheapdump

        def hang(url):
            pyheapdump.dump_later(0.2, exit=True)
            ctypes.PyDLL(None).sleep(600)

        thread = threading.Thread(target=hang, args=("https://example.org/2",), name="worker")
        thread.start()
        thread.join()
    """
    with pyheapdump.load(hangs(tmp_path, text).only_dump) as dump:
        assert dump.facts["gil_held"] is False
        assert [thread.name for thread in dump.threads] == ["worker", "MainThread"]
        assert [(thread.current, thread.holds_gil) for thread in dump.threads] == [(True, True), (False, False)]
        assert frame_of(dump.threads[0], "hang").f_locals["url"] == "https://example.org/2"


def test_deadlock(tmp_path: Path) -> None:
    text = """
        import threading
        import pyheapdump

        locks = [threading.Lock(), threading.Lock()]
        both_have_one = threading.Barrier(2)

        def work(first):
            with locks[first]:
                if both_have_one.wait() == 0:
                    pyheapdump.dump_later(0.3, exit=True)
                with locks[1 - first]:
                    pass

        thread = threading.Thread(target=work, args=(1,), name="worker")
        thread.start()
        work(0)
    """
    with pyheapdump.load(hangs(tmp_path, text).only_dump) as dump:
        assert [thread.name for thread in dump.threads] == ["MainThread", "worker"]
        assert [frame_of(thread, "work").f_locals["first"] for thread in dump.threads] == [0, 1]
        assert all(frame_of(thread, "work").f_lineno == 13 for thread in dump.threads)


def test_repeat_and_the_limit_of_dumps(tmp_path: Path) -> None:
    """A program that goes on: several dumps of it, of which max_dumps stay."""
    text = """
        import os, sys
        import pyheapdump
        pyheapdump.install(max_dumps=2)
        pyheapdump.dump_later(0.02, True)
        seen = set()
        while len(seen) < 4:
            seen.update(name for name in os.listdir(os.environ["PYHEAPDUMP_DIR"]) if name.endswith(".dump"))
        pyheapdump.cancel_dump_later()
        print(len(seen))
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert (ended.status, ended.stdout) == (0, b"4\n"), ended.stderr.decode()
    assert 1 <= len(ended.dumps) <= 2
    for path in ended.dumps:
        with pyheapdump.load(path) as dump:
            assert dump.reason == "dump_later after 0.02 s"


def test_cancel_and_replace(tmp_path: Path) -> None:
    """What was cancelled or replaced makes no dump: the process outlives both times by far."""
    text = """
        import time
        import pyheapdump
        pyheapdump.dump_later(0.1, exit=True)
        pyheapdump.dump_later(0.2, exit=True)
        pyheapdump.cancel_dump_later()
        time.sleep(0.5)
        pyheapdump.dump_later(0.1, exit=True)
        pyheapdump.dump_later(600, exit=True)
        time.sleep(0.4)
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert (ended.status, ended.stderr, ended.dumps) == (0, b"", [])


def test_fork(tmp_path: Path) -> None:
    """The child has no dump_later of its parent and may have its own; Python finds one thread alone when it forks."""
    text = """
        import os, time, warnings
        import pyheapdump
        warnings.simplefilter("always")
        pyheapdump.dump_later(0.5, exit=True)
        os.register_at_fork(after_in_parent=lambda: sum(len(str(number)) for number in range(10)))
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        pid = os.fork()
        if pid == 0:
            time.sleep(1)
            pyheapdump.dump_later(0.1, exit=True)
            time.sleep(600)
        try:
            time.sleep(600)
        finally:
            print("never")
    """
    ended = hangs(tmp_path, text)
    assert (ended.stdout, ended.other_stderr) == (b"", b"")
    reasons = [pyheapdump.load(path).reason for path in ended.dumps]
    assert sorted(reasons) == ["dump_later after 0.1 s", "dump_later after 0.5 s"], ended.stderr.decode()


def test_fork_while_dumping(tmp_path: Path) -> None:
    text = """
        import os, time, warnings
        import pyheapdump
        warnings.simplefilter("ignore")  # a thread that is at work is not stopped for a fork
        pyheapdump.install(max_dumps=3)
        pyheapdump.dump_later(0.001, repeat=True)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert (ended.status, ended.other_stderr) == (0, b"")


def test_end_of_the_interpreter(tmp_path: Path) -> None:
    """Nothing waits for the thread, and a dump at any moment of the end harms nobody."""
    text = """
        import sys, time
        import pyheapdump
        pyheapdump.dump_later(float(sys.argv[1]), repeat=True)
        time.sleep(float(sys.argv[2]))
    """
    subject = Subject(tmp_path, text, install="max_dumps=2")
    started = time.monotonic()
    ended = subject.run("600", "0")
    assert (ended.status, ended.stderr) == (0, b"")
    assert time.monotonic() - started < 30
    for wait in range(8):
        ended = subject.run("0.001", f"{wait / 1000}")
        assert (ended.status, ended.other_stderr) == (0, b"")


def test_hang_at_exit(tmp_path: Path) -> None:
    text = """
        import time
        import pyheapdump
        pyheapdump.dump_later(0.2, exit=True)

        class AtTheEnd:
            def __del__(self, sleep=time.sleep):
                place = "at the end"
                sleep(600)

        keep = AtTheEnd()
        keep.itself = keep
    """
    with pyheapdump.load(hangs(tmp_path, text).only_dump) as dump:
        assert frame_of(dump.threads[0], "__del__").f_locals["place"] == "at the end"


def test_exit_without_a_dump(tmp_path: Path) -> None:
    """Dumping is turned off, or there is no place for dumps: the process ends all the same."""
    text = PROGRAM.format(hang="time.sleep(600)", seconds=0.05)
    off = hangs(tmp_path, text, environment={"PYHEAPDUMP_DIR": "disable"})
    assert (off.stderr, off.dumps) == (b"", [])
    nowhere = hangs(tmp_path, text, environment={"PYHEAPDUMP_DIR": "/proc/nowhere"})
    assert nowhere.stderr.startswith(b"pyheapdump: no dump at /proc/nowhere/"), nowhere.stderr
    assert nowhere.stderr.count(b"\n") == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e300])
def test_wrong_time(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^dump_later\(\): the time must be more than 0"):
        pyheapdump.dump_later(seconds)
    with pytest.raises(TypeError):
        pyheapdump.dump_later("soon")  # type: ignore[arg-type]


def test_wrong_wait() -> None:
    with pytest.raises(ValueError, match="gil_wait must be at least 0"):
        pyheapdump.install(gil_wait=-1)


def test_wait_for_the_gil(tmp_path: Path) -> None:
    """The main thread comes back from C within gil_wait: the dump is taken with the GIL, which then says so."""
    text = """
        import ctypes, time
        import pyheapdump

        def hang():
            pyheapdump.install(gil_wait=60)
            pyheapdump.dump_later(0.05, exit=True)
            ctypes.PyDLL(None).usleep(500_000)
            while True:
                back = True

        hang()
    """
    with pyheapdump.load(hangs(tmp_path, text).only_dump) as dump:
        assert dump.facts["gil_held"] is True
        assert frame_of(dump.threads[0], "hang").f_locals.get("back", True) is True
