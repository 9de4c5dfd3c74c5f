# SPDX-License-Identifier: Apache-2.0
"""Crashes in threads: of Python, of C, many at once; and the overflow of every kind of thread's stack."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from support.crash_program import (
    STACK,
    check_end,
    check_frames,
    check_plain_thread,
    check_signal,
    check_stack,
    marked_line,
    open_only_dump,
    own_frames,
    run_crash,
    run_program,
)  # fmt: skip
from support.subject import Subject

# How a program gets a thread in which `work` runs; every kind but the plain one is a thread of Python.
STARTS = {
    "threading": "thread = threading.Thread(target=work, name='worker'); thread.start(); thread.join()",
    "_thread": "_thread.start_new_thread(work, ()); time.sleep(60)",
    "executor": "concurrent.futures.ThreadPoolExecutor(1).submit(work).result()",
    "c": "crasher.call_in_c_thread(work)",
}

WORKER = """
    import _thread, concurrent.futures, threading, time
    import crasher

    def work():
        known = [1, "in a thread"]
        {crash}  # here

    def main():
        waiting = "for the thread"
        {start}

    main()
"""
KNOWN_TO_WORKER = [1, "in a thread"]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("released", [False, True], ids=["with lock", "without lock"])
def test_thread(tmp_path: Path, kind: str, released: bool) -> None:
    crash = "crasher.crash_released('null_write')" if released else "crasher.crash('null_write')"
    found = run_crash(tmp_path, WORKER.format(crash=crash, start=STARTS[kind]), signal.SIGSEGV)
    check_stack(found, ["work"], KNOWN_TO_WORKER, gil="not held" if released else "held")
    check_signal(found.signal, code=1, address=0x10)
    main = found.dump.threads[1]
    assert main.name == "MainThread" and own_frames(main)[-1].f_locals["waiting"] == "for the thread"
    if kind == "threading":
        assert found.thread.name == "worker"


# --- threads that Python does not know --------------------------------------------------------------------------


@pytest.mark.parametrize("name, number", [("null_write", signal.SIGSEGV), ("abort", signal.SIGABRT)])
def test_plain_thread(tmp_path: Path, name: str, number: int) -> None:
    crash = run_crash(tmp_path, STACK.format(crash=f"crasher.crash_in_plain_thread('{name}')"), number)
    check_plain_thread(crash)


def test_plain_thread_while_python_computes(tmp_path: Path) -> None:
    """The main thread has the lock and is in the middle of Python code: what it changes must not confuse the reader."""
    text = """
        import crasher

        def compute():
            numbers = list(range(1000))
            crasher.crash_soon_in_plain_thread("null_write", 100)
            while True:
                numbers = [n + 1 for n in numbers]

        compute()
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    assert not any(thread.current for thread in crash.dump.threads)
    check_signal(crash.signal, python_thread=False, address=0x10)
    frames = [f for f in own_frames(crash.dump.threads[0]) if f.f_code.co_name == "compute"]
    numbers = frames[0].f_locals["numbers"]
    assert numbers == list(range(numbers[0], numbers[0] + 1000)) and numbers[0] > 0


# --- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 64])
def test_plain_threads_at_once(tmp_path: Path, count: int) -> None:
    crash = run_crash(
        tmp_path, STACK.format(crash=f"crasher.crash_in_plain_thread('null_write', {count})"), signal.SIGSEGV
    )
    check_plain_thread(crash)


AT_ONCE = """
    import threading
    import crasher

    def work(known):
        crasher.crash_released("{name}", {count})  # here

    def main():
        threads = [threading.Thread(target=work, args=([i],), name=str(i)) for i in range({count})]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    main()
"""


@pytest.mark.parametrize("count", [2, 64])
@pytest.mark.parametrize("name", ["null_write", "overflow_stack"])
def test_threads_at_once(tmp_path: Path, count: int, name: str) -> None:
    """One dump, of one of them; each stands where it crashed."""
    text = AT_ONCE.format(name=name, count=count)
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGSEGV)
    crash = open_only_dump(ended, text)
    assert [thread.current for thread in crash.dump.threads] == [True] + [False] * count
    workers = [thread for thread in crash.dump.threads if thread.name != "MainThread"]
    assert crash.thread in workers and len(workers) == count
    assert sorted(int(thread.name) for thread in workers) == list(range(count))
    for thread in workers:
        check_frames(crash, thread, ["work"], [int(thread.name)])


def test_different_signals_at_once(tmp_path: Path) -> None:
    """The process ends by the signal that the dump is about."""
    ways = {"null_write": signal.SIGSEGV, "division_by_zero": signal.SIGFPE, "illegal_instruction": signal.SIGILL}
    text = f"""
        import threading
        import crasher
        for name in {list(ways)}:
            threading.Thread(target=crasher.crash_released, args=(name, 3), name=name).start()
    """
    ended = run_program(Subject(tmp_path, text))
    assert len(ended.own_lines) == 1
    crash = open_only_dump(ended, text)
    assert ended.status == -ways[crash.thread.name]
    check_signal(crash.signal, signal=-ended.status)


@pytest.mark.parametrize("where", ["c", "python"])
def test_beside_64_threads(tmp_path: Path, where: str) -> None:
    """They compute in Python, or sleep in C code: each with its stack and values, though they could not be stopped."""
    text = """
        import threading, crasher

        ready = threading.Barrier(65)

        def wait(number):
            numbered = {{"number": number}}
            ready.wait()
            {wait}

        def main():
            for i in range(64):
                threading.Thread(target=wait, args=(i,), name=str(i), daemon=True).start()
            ready.wait()
            known = "main"
            crasher.crash("null_write")  # here

        main()
    """
    text = text.format(wait="crasher.sleep_in_c(60)" if where == "c" else "while True: numbered['number'] = number")
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGSEGV)
    crash = open_only_dump(ended, text)
    check_stack(crash, ["main"], "main")
    others = crash.dump.threads[1:]
    assert len(others) == 64 and sorted(int(thread.name) for thread in others) == list(range(64))
    for thread in others:
        frame = next(frame for frame in thread.frames if frame.f_code.co_name == "wait" and "number" in frame.f_locals)
        assert frame.f_locals["number"] == int(thread.name)


# --- stack overflow ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STARTS)
def test_stack_overflow_in_a_thread_started_later(tmp_path: Path, kind: str) -> None:
    """A thread that C made gets no alternate stack from us: nobody tells us of it. It ends as without us."""
    text = WORKER.format(crash="crasher.crash('overflow_stack')", start=STARTS[kind])
    if kind != "c":
        check_stack(run_crash(tmp_path, text, signal.SIGSEGV), ["work"], KNOWN_TO_WORKER)
        return
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.other_stderr) == (-signal.SIGSEGV, b"")


# Threads that run before install(): one waits in Python, one in C code, one computes.
EARLY = """
    import _thread, threading, time
    import crasher, pyheapdump

    go = threading.Event()
    crashing = "{crashing}"

    def overflow(kind, waits):
        known = kind
        waits()
        if kind != crashing:
            time.sleep(60)
        crasher.crash("overflow_stack")  # here

    def compute():
        while not go.is_set():
            pass

    ways = {{"python": go.wait, "c": lambda: crasher.sleep_in_c(1), "computes": compute}}
    for kind, waits in ways.items():
        if kind == "c":
            _thread.start_new_thread(overflow, (kind, waits))
        else:
            threading.Thread(target=overflow, args=(kind, waits)).start()
    time.sleep(0.1)
    pyheapdump.install()
    go.set()
"""


NO_IDS = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="3.11 is the first to note the kernel id of a thread of _thread"
)


@pytest.mark.parametrize("crashing", ["python", "computes", pytest.param("c", marks=NO_IDS)])
def test_stack_overflow_in_a_thread_started_before(tmp_path: Path, crashing: str) -> None:
    text = EARLY.format(crashing=crashing)
    ended = run_program(Subject(tmp_path, text, install=None))
    check_end(ended, signal.SIGSEGV)
    crash = open_only_dump(ended, text)
    check_stack(crash, ["overflow"], crashing)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="3.14 and later do not let Python code overflow a stack")
def test_stack_overflow_of_python_code_in_a_thread(tmp_path: Path) -> None:
    """The limit of depth up to 3.13 is a number that knows nothing of a small stack."""
    text = """
        import sys, threading
        sys.setrecursionlimit(10**9)
        threading.stack_size(128 * 1024)

        def recurse(known):
            return max([known + 1], key=recurse)  # here

        thread = threading.Thread(target=recurse, args=(1,))
        thread.start()
        thread.join()
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    frames = own_frames(crash.thread)
    assert len(frames) > 50 and crash.thread.current
    assert {(frame.f_code.co_name, frame.f_lineno) for frame in frames[:-1]} == {("recurse", marked_line(text))}
    assert [frame.f_locals.get("known") for frame in frames[:-1]] == list(range(1, len(frames)))


def test_signal_stacks_come_and_go_with_threads(tmp_path: Path) -> None:
    """Every thread of Python has one while it runs, and no memory stays behind."""
    text = """
        import _thread, threading, time
        import crasher, pyheapdump

        def mapped():
            return len(open("/proc/self/maps").readlines())

        found = []
        def look():
            found.append(crasher.has_signal_stack())

        def start(count):
            for i in range(count):
                thread = threading.Thread(target=look)
                thread.start()
                thread.join()

        start(10)
        before = mapped()
        start(200)
        after = mapped()
        done = threading.Event()
        _thread.start_new_thread(lambda: (look(), done.set()), ())
        done.wait()
        pyheapdump.uninstall()
        assert found == [True] * 211, found
        assert after - before < 20, (before, after)
        found.clear()
        start(1)
        assert found == [False], found
    """
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.stderr) == (0, b"")
