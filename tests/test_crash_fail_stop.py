# SPDX-License-Identifier: Apache-2.0
"""After a fatal signal nothing of the program goes on: no thread works on, none ends the process another way, and the
status is that of the signal, in a container's first process, too.

Most programs here look for the file of their own dump and do something when they see it: threads that stand see nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pyheapdump
import pytest
from support.crash_program import STACK, check_end, check_stack, open_only_dump, run_crash, run_program, signal_of
from support.subject import Subject

# dump_begins() returns when there is a file of a dump.
HEAD = """
    import ctypes, faulthandler, os, signal, sys, threading, time
    import crasher

    def dump_begins():
        while not os.listdir(os.environ["PYHEAPDUMP_DIR"]):
            time.sleep(0.0005)
"""

# --- the end ----------------------------------------------------------------------------------------------------

ENDS = {
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "its last line": "",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "another signal": "signal.raise_signal(signal.SIGTERM)",
    "an exception": "raise ValueError('too late')",
    "exec": "os.execv('/bin/true', ['true'])",
}


@pytest.mark.parametrize("end", ENDS)
def test_no_other_thread_ends_the_process(tmp_path: Path, end: str) -> None:
    text = (
        HEAD
        + f"""
    crasher.crash_soon_in_plain_thread("null_write", 50)
    dump_begins()
    {ENDS[end]}
    """
    )
    crash = run_crash(tmp_path, text, signal.SIGSEGV, compare=False)
    main = next(thread for thread in crash.dump.threads if thread.name == "MainThread")
    assert "dump_begins" in [frame.f_code.co_name for frame in main.frames]


@pytest.mark.parametrize("blocked", ["range(1, signal.NSIG)", "[signal.SIGRTMAX, signal.SIGRTMIN, signal.SIGSEGV]"])
def test_a_thread_that_blocks_signals_stands_too(tmp_path: Path, blocked: str) -> None:
    text = (
        HEAD
        + f"""
    crasher.crash_soon_in_plain_thread("null_write", 50)
    signal.pthread_sigmask(signal.SIG_BLOCK, {blocked})
    dump_begins()
    os._exit(0)
    """
    )
    run_crash(tmp_path, text, signal.SIGSEGV, compare=False)


def test_the_timer_of_a_dump_does_not_end_the_process(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
    import pyheapdump
    many = [os.urandom(200) for _ in range(20_000)]
    pyheapdump.dump_later(0.2, exit=True)
    crasher.crash_soon_in_plain_thread("null_write", 199)
    time.sleep(60)
    """
    )
    ended = run_program(Subject(tmp_path, text, "level=19"))
    assert ended.status in (-signal.SIGSEGV, 1)  # whichever came first
    assert ended.dumps


def test_abort_in_two_threads(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
    threading.Thread(target=crasher.crash_released, args=("abort",)).start()
    crasher.crash_released("abort")
    """
    )
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGABRT)
    open_only_dump(ended, text)


# --- the threads ------------------------------------------------------------------------------------------------


def test_500_threads_stand(tmp_path: Path) -> None:
    """Each is in the dump, and none sees it."""
    text = (
        HEAD
        + """
    def work(number):
        ready.wait()
        dump_begins()
        os.write(2, b"goes on\\n")

    ready = threading.Barrier(501)
    threading.stack_size(256 * 1024)
    for number in range(500):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    ready.wait()
    time.sleep(0.1)
    crasher.crash_released("abort")
    """
    )
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGABRT)
    assert ended.other_stderr == b""
    crash = open_only_dump(ended, text)
    workers = [frame for thread in crash.dump.threads for frame in thread.frames if frame.f_code.co_name == "work"]
    assert sorted(frame.f_locals["number"] for frame in workers) == list(range(500))


def test_where_they_stood(tmp_path: Path) -> None:
    """The stack is that of the thread's own work, not of what we make it do; a system call is the one it was in."""
    text = (
        HEAD
        + """
    def read():
        os.read(os.pipe()[0], 1)

    def compute():
        while True:
            pass

    def wait():
        threading.Event().wait()

    for function in (read, compute, wait):
        threading.Thread(target=function, name=function.__name__, daemon=True).start()
    time.sleep(0.2)
    crasher.crash("null_write")
    """
    )
    crash = run_crash(tmp_path, text, signal.SIGSEGV, compare=False)
    modules = [module["path"] for module in crash.signal["modules"]]
    native = {thread["thread"]: thread for thread in crash.signal["threads"]}
    ids = {thread.name: thread.native_id for thread in crash.dump.threads}
    assert native[ids["read"]].get("system_call") == 0
    assert native[ids["wait"]].get("system_call") == 202  # futex
    for name in ("read", "compute", "wait"):
        frames = native[ids[name]]["frames"]
        assert len(frames) > 5, (name, native[ids[name]])
        innermost = [modules[frame[1]] for frame in frames[:4] if frame[1] is not None]
        assert innermost and not any("_pyheapdump" in module for module in innermost), name


def test_a_fork_meanwhile(tmp_path: Path) -> None:
    """The children of another thread live and end as always."""
    text = (
        HEAD
        + """
    def fork():
        while True:
            child = os.fork()
            if child == 0:
                os._exit(5)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5

    for _ in range(3):
        threading.Thread(target=fork, daemon=True).start()
    time.sleep(0.2)
    crasher.crash_released("null_write")
    """
    )
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGSEGV)
    assert b"Error" not in ended.other_stderr
    open_only_dump(ended, text)


@pytest.mark.parametrize("door", ["os.kill(os.getpid(), signal.SIGUSR1)", "pyheapdump.dump_later(0.001)"])
def test_while_another_dump_is_written(tmp_path: Path, door: str) -> None:
    text = (
        HEAD
        + f"""
    import pyheapdump
    many = [os.urandom(200) for _ in range(5_000)]
    {door}
    dump_begins()
    crasher.crash("null_write")
    """
    )
    ended = run_program(Subject(tmp_path, text, "level=19, register='USR1'"))
    assert ended.status == -signal.SIGSEGV
    by_signal = [path for path in ended.dumps if pyheapdump.load(path).reason == "signal"]
    assert len(by_signal) == 1
    assert signal_of(pyheapdump.load(by_signal[0]))["name"] == "SIGSEGV"


# --- who recovers -----------------------------------------------------------------------------------------------


def test_a_handler_that_goes_on_finds_the_threads_at_work(tmp_path: Path) -> None:
    """They sleep, wait, read, compute and hold locks meanwhile, and lose nothing by it."""
    text = """
        import os, queue, signal, subprocess, sys, threading, time
        import pyheapdump

        signal.signal(signal.SIGABRT, lambda number, frame: print("in Python", flush=True))
        if os.environ["SUBJECT_INSTALL"] == "1":
            pyheapdump.install()
        done, results = threading.Event(), queue.Queue()
        reader, writer = os.pipe()

        def compute():
            total = 0
            while not done.is_set():
                total += 1
            results.put(("computed", total > 0))

        def sleep():
            began = time.monotonic()
            time.sleep(0.4)
            results.put(("slept", time.monotonic() - began >= 0.4))

        def read():
            results.put(("read", os.read(reader, 3) == b"abc"))

        def wait():
            results.put(("waited", done.wait(60)))

        def run():
            results.put(("ran", subprocess.run(["sleep", "0.3"]).returncode == 0))

        threads = [threading.Thread(target=function) for function in (compute, sleep, read, wait, run)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGABRT)
        os.write(writer, b"abc")
        time.sleep(0.1)
        done.set()
        for thread in threads:
            thread.join()
        print(sorted(results.get() for _ in threads))
    """
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text, install=None), installed=installed)
        told = "[('computed', True), ('ran', True), ('read', True), ('slept', True), ('waited', True)]"
        assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()
        assert ended.stdout.decode() == f"in Python\n{told}\n"
        assert len(ended.dumps) == installed


def test_faulthandler_finds_the_threads_where_they_were(tmp_path: Path) -> None:
    """It prints each of them and ends the process, whatever they do then."""
    text = """
        import faulthandler, os, threading, time
        faulthandler.enable()
        import crasher, pyheapdump
        pyheapdump.install()

        def wait():
            time.sleep(60)

        for _ in range(10):
            threading.Thread(target=wait).start()
        time.sleep(0.1)
        crasher.crash("null_write")
    """
    ended = run_program(Subject(tmp_path, text, install=None))
    check_end(ended, signal.SIGSEGV)
    assert ended.other_stderr.count(b" in wait\n") == 10


# --- the first process of a container ---------------------------------------------------------------------------

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]
CAN_UNSHARE = os.getuid() == 0 and shutil.which("unshare") and os.system(" ".join([*UNSHARE, "true"])) == 0


@pytest.mark.skipif(not CAN_UNSHARE, reason="makes a PID namespace: that takes root and unshare(1)")
@pytest.mark.parametrize(
    "way, number",
    [
        ("null_write", signal.SIGSEGV),
        ("bus_error", signal.SIGBUS),
        ("division_by_zero", signal.SIGFPE),
        ("illegal_instruction", signal.SIGILL),
        ("abort", signal.SIGSEGV),  # the kernel drops its SIGABRT; then abort() runs an instruction that faults
        ("trapped_system_call", signal.SIGSYS),
        ("breakpoint_instruction", signal.SIGTRAP),
        ("overflow_stack", signal.SIGSEGV),
    ],
)
@pytest.mark.parametrize("place", ["crash", "crash_in_plain_thread"])
def test_the_first_process(tmp_path: Path, way: str, number: int, place: str) -> None:
    if (way, place) == ("overflow_stack", "crash_in_plain_thread"):
        pytest.skip("a thread that C code has made has no stack to handle it on")
    text = STACK.format(crash=f"assert os.getpid() == 1; crasher.{place}('{way}'); print('goes on')")
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text), installed=installed, before=UNSHARE)
        assert (ended.status, ended.stdout) == (-number, b""), (installed, ended.stderr.decode())
    crash = open_only_dump(ended, text)
    if place == "crash":
        check_stack(crash)


@pytest.mark.skipif(not CAN_UNSHARE, reason="makes a PID namespace: that takes root and unshare(1)")
@pytest.mark.parametrize("proc", [["--mount-proc"], []], ids=["its own /proc", "the /proc of another namespace"])
@pytest.mark.parametrize("way, number", [("null_write", signal.SIGSEGV), ("abort", signal.SIGSEGV)])
def test_no_thread_ends_the_first_process(tmp_path: Path, proc: list[str], way: str, number: int) -> None:
    text = (
        HEAD
        + f"""
    crasher.crash_soon_in_plain_thread("{way}", 50)
    dump_begins()
    os._exit(0)
    """
    )
    ended = run_program(Subject(tmp_path, text), before=["unshare", "--pid", "--fork", *proc])
    check_end(ended, number)
    open_only_dump(ended, text)


@pytest.mark.skipif(not CAN_UNSHARE, reason="makes a PID namespace: that takes root and unshare(1)")
def test_the_first_process_outlives_what_it_is_sent(tmp_path: Path) -> None:
    """So the kernel wants it. Its other threads go on at once."""
    text = """
        import os, signal, threading, time
        ticks = 0

        def tick():
            global ticks
            while True:
                ticks += 1
                time.sleep(0.001)

        threading.Thread(target=tick, daemon=True).start()
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP):
            os.kill(1, number)
            before = ticks
            while ticks == before:
                time.sleep(0.001)
        print("goes on")
    """
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text), installed=installed, before=UNSHARE)
        assert (ended.status, ended.stdout, ended.other_stderr) == (0, b"goes on\n", b"")
    assert len(ended.dumps) == 1
