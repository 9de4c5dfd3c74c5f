# SPDX-License-Identifier: Apache-2.0
"""register(): a signal makes a dump, and the program goes on as it would have done.

The programs send themselves signals and wait for the dump's line on stderr's other side: the file with its final name.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, List

import pyheapdump
import pytest
from support.subject import Ended, Subject

# wait_for(n) returns when n dumps are complete.
HEAD = """
    import ctypes, os, signal, subprocess, sys, threading, time
    import pyheapdump

    def dumps():
        return sum(name.endswith(".dump") for name in os.listdir(os.environ["PYHEAPDUMP_DIR"]))

    def wait_for(count):
        while dumps() < count:
            time.sleep(0.001)
"""


def run(directory: Path, text: str, **options: Any) -> Ended:
    return Subject(directory, textwrap.dedent(HEAD) + textwrap.dedent(text), install=None).run(**options)


def reasons(ended: Ended) -> List[str]:
    return [pyheapdump.load(path).reason for path in ended.dumps]


def test_program_goes_on(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        def work(url):
            pyheapdump.register(signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR1)
            wait_for(1)
            print(pyheapdump.unregister(signal.SIGUSR1), pyheapdump.unregister(signal.SIGUSR1))
            print(signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL)
        work("https://example.org/" + "3")
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"True False\nTrue\n"), ended.stderr.decode()
    assert ended.other_stderr == b""
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.reason == "request by SIGUSR1"
        assert dump.facts["gil_held"] is True
        frame = next(frame for frame in dump.threads[0].frames if frame.f_code.co_name == "work")
        assert frame.f_locals["url"] == "https://example.org/3"


def test_gil_held_for_ever(tmp_path: Path) -> None:
    """The signal comes from outside, to a process whose C code keeps the GIL."""
    text = """
        pyheapdump.install(register=signal.SIGUSR2)
        print("ready", flush=True)
        ctypes.PyDLL(None).read(os.pipe()[0], ctypes.create_string_buffer(1), 1)
    """
    subject = Subject(tmp_path, textwrap.dedent(HEAD) + textwrap.dedent(text), install=None)
    environment = {**os.environ, "PYHEAPDUMP_DIR": str(subject.dump_directory)}
    process = subprocess.Popen(
        [sys.executable, str(subject.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        assert process.stderr is not None
        while not Path(f"/proc/{process.pid}/syscall").read_text().startswith("0 "):
            time.sleep(0.001)  # it is not in read() yet
        os.kill(process.pid, signal.SIGUSR2)
        line = process.stderr.readline()
        assert line.startswith(b"pyheapdump: wrote "), line
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    with pyheapdump.load(next(subject.dump_directory.iterdir())) as dump:
        assert (dump.reason, dump.facts["gil_held"]) == ("request by SIGUSR2", False)
        assert dump.threads[0].holds_gil


def test_system_calls_are_restarted(tmp_path: Path) -> None:
    """A read() in C that knows no EINTR gets its bytes; time.sleep sleeps its time."""
    ended = run(
        tmp_path,
        """
        pyheapdump.register(signal.SIGUSR1)
        reader, writer = os.pipe()

        def disturb():
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.02)
            os.write(writer, b"x")

        threading.Thread(target=disturb).start()
        buffer = ctypes.create_string_buffer(1)
        print(ctypes.CDLL(None).read(reader, buffer, 1), buffer.value)
        wait_for(1)
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"1 b'x'\n"), ended.stderr.decode()


def test_storm(tmp_path: Path) -> None:
    """Signals without end, to threads that work, fork and wait: one dump at a time, and nothing else happens."""
    ended = run(
        tmp_path,
        """
        pyheapdump.install(max_dumps=3, register=signal.SIGUSR1)
        sender = subprocess.Popen(
            [sys.executable, "-c", "import os, sys\\ntry:\\n while True: os.kill(int(sys.argv[1]), 10)\\n"
             "except ProcessLookupError: pass", str(os.getpid())])
        deadline = time.monotonic() + 1.5
        total = 0
        while time.monotonic() < deadline:
            assert subprocess.run(["true"]).returncode == 0
            total += sum(len(str(number)) for number in range(1000))
        wait_for(1)
        sender.kill()
        sender.wait()
        print("done", total > 0)
        """,
    )
    assert (ended.status, ended.stdout, ended.other_stderr) == (0, b"done True\n", b""), ended.stderr.decode()
    assert 1 <= len(ended.dumps) <= 3
    assert set(reasons(ended)) == {"request by SIGUSR1"}


CHAINS = {
    "a Python function": ("signal.signal(signal.SIGUSR1, lambda *_: print('called', flush=True))", 0, b"called\nend\n"),
    "the default action": ("pass", -signal.SIGUSR1, b""),
    "nothing": ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", 0, b"end\n"),
}


@pytest.mark.parametrize("previous", CHAINS)
def test_chain(tmp_path: Path, previous: str) -> None:
    """What was there before takes the signal, after the process was frozen: the dump comes even when it ends by it."""
    prepare, status, stdout = CHAINS[previous]
    ended = run(
        tmp_path,
        f"""
        {prepare}
        pyheapdump.register(signal.SIGUSR1, chain=True)
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(1)
        print("end")
        """,
    )
    assert (ended.status, ended.stdout) == (status, stdout), ended.stderr.decode()
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("dumps/*.dump")) and time.monotonic() < deadline:
        time.sleep(0.01)  # the writer outlives the process
    assert [pyheapdump.load(path).reason for path in tmp_path.glob("dumps/*.dump")] == ["request by SIGUSR1"]


OURS = "pyheapdump.register(signal.SIGUSR1, chain=True)"
THEIRS = "faulthandler.register(signal.SIGUSR1, file=traces, chain=True)"
GONE = "pyheapdump.unregister(signal.SIGUSR1)"


@pytest.mark.parametrize(
    "order, dumps",
    [
        ([OURS, THEIRS], 3),
        ([THEIRS, OURS], 3),
        ([OURS, THEIRS, OURS], 3),
        ([OURS, THEIRS, OURS, OURS], 3),
        ([OURS, OURS, THEIRS, OURS], 3),
        ([OURS, THEIRS, GONE, OURS], 3),
        ([OURS, THEIRS, GONE], 0),
        ([OURS, THEIRS, OURS, GONE], 0),
        ([THEIRS, OURS, GONE], 0),
    ],
    ids=lambda value: "".join(str(step)[0] for step in value) if isinstance(value, list) else str(value),
)
@pytest.mark.parametrize("handled", [True, False], ids=["handled", "ignored"])
def test_chain_of_several(tmp_path: Path, order: List[str], dumps: int, handled: bool) -> None:
    """faulthandler passes a signal on by raising it again, to us, too: each does its work once, each time."""
    steps = "\n        ".join(order)
    ended = run(
        tmp_path,
        f"""
        import faulthandler
        signal.signal(signal.SIGUSR1, (lambda *_: print("called", flush=True)) if {handled} else signal.SIG_IGN)
        traces = open("traces", "w+")
        {steps}
        for count in range(1, 4):
            os.kill(os.getpid(), signal.SIGUSR1)
            if {dumps}:
                wait_for(count)
                time.sleep(0.02)  # it is told, too
        print(open("traces").read().count("(most recent call first)"))
        """,
    )
    traces = 0 if THEIRS not in order else 3
    assert ended.status == 0, (ended.status, ended.stderr.decode())
    assert ended.stdout.decode() == ("called\n" * 3 if handled else "") + f"{traces}\n"
    assert len(ended.dumps) == dumps and ended.other_stderr == b""


def test_chain_to_a_handler_that_is_used_once(tmp_path: Path) -> None:
    """It cleans up, and the second signal ends the process (SA_RESETHAND)."""
    ended = run(
        tmp_path,
        """
        libc = ctypes.CDLL(None)
        handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: os.write(1, b"called\\n"))

        class Action(ctypes.Structure):
            _fields_ = [("handler", ctypes.c_void_p), ("mask", ctypes.c_ulong * 16), ("flags", ctypes.c_int)]

        action = Action(ctypes.cast(handler, ctypes.c_void_p), flags=-0x80000000)
        assert libc.sigaction(signal.SIGUSR1, ctypes.byref(action), None) == 0
        pyheapdump.register(signal.SIGUSR1, chain=True)
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(1)
        os.kill(os.getpid(), signal.SIGUSR1)
        """,
    )
    assert (ended.status, ended.stdout) == (-signal.SIGUSR1, b"called\n"), ended.stderr.decode()


def test_chain_while_a_dump_is_written(tmp_path: Path) -> None:
    """It is passed on at once, without a dump: what follows must not wait for the end of another one."""
    ended = run(
        tmp_path,
        """
        called = []
        signal.signal(signal.SIGUSR1, lambda *_: called.append(time.monotonic()))
        many = [os.urandom(200) for _ in range(40_000)]
        pyheapdump.install(level=19)
        pyheapdump.register(signal.SIGUSR1, chain=True)
        os.kill(os.getpid(), signal.SIGUSR1)
        began, worst = time.monotonic(), 0.0
        for _ in range(3):
            before = time.monotonic()
            os.kill(os.getpid(), signal.SIGUSR1)
            worst = max(worst, time.monotonic() - before)
        print(dumps(), len(called), worst < 1)
        wait_for(1)
        """,
    )
    assert (ended.status, ended.stdout, ended.other_stderr) == (0, b"0 4 True\n", b""), ended.stderr.decode()
    assert len(ended.dumps) == 1


def test_without_chain_the_previous_handler_rests(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        signal.signal(signal.SIGUSR1, lambda *_: print("called", flush=True))
        pyheapdump.register(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(1)
        pyheapdump.unregister(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        print("end")
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"called\nend\n"), ended.stderr.decode()
    assert len(ended.dumps) == 1


FORKS = {
    "os.fork": "os.fork()",
    "a fork that Python does not see": "ctypes.PyDLL(None).fork()",
}


@pytest.mark.parametrize("fork", FORKS)
def test_forked_child(tmp_path: Path, fork: str) -> None:
    """A signal to a forked child, which has inherited the handler."""
    ended = run(
        tmp_path,
        f"""
        pyheapdump.register(signal.SIGUSR1)
        pid = {FORKS[fork]}
        if pid == 0:
            os.kill(os.getpid(), signal.SIGUSR1)
            wait_for(1)
            os._exit(7)
        status = os.waitpid(pid, 0)[1]
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(2)
        print(os.WEXITSTATUS(status), pid)
        """,
    )
    status, pid = map(int, ended.stdout.split())
    assert (ended.status, status) == (0, 7), ended.stderr.decode()
    assert ended.other_stderr == b""
    dumped = [int(path.name.split("_")[2]) for path in ended.dumps]
    assert len(dumped) == 2 and pid in dumped


def test_signals_in_other_threads_and_at_the_end(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        import atexit
        pyheapdump.install(max_dumps=2, register=signal.SIGUSR1)
        main = threading.main_thread().ident
        thread = threading.Thread(target=lambda: [signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
                                                  for _ in range(100)])
        thread.start()
        thread.join()
        wait_for(1)
        atexit.register(os.kill, os.getpid(), signal.SIGUSR1)

        class AtTheEnd:
            def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGUSR1):
                kill(pid, number)

        keep = AtTheEnd()
        keep.itself = keep
        """,
    )
    assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()


def test_uninstall(tmp_path: Path) -> None:
    """What install() has registered goes with it, or when it registers another one; what was asked for by name stays."""
    ended = run(
        tmp_path,
        """
        def registered(*signals):
            return [ctypes.CDLL(None).sigaction(number, None, old) or bool(any(old.raw[:8])) for number in signals]
        old = ctypes.create_string_buffer(256)
        both = signal.SIGUSR1, signal.SIGUSR2
        pyheapdump.register(signal.SIGHUP)
        pyheapdump.install(register=signal.SIGUSR1)
        print(registered(*both))
        pyheapdump.install(register=signal.SIGUSR2)
        print(registered(*both))
        pyheapdump.uninstall()
        print(registered(*both), registered(signal.SIGHUP))
        """,
    )
    assert ended.stdout.decode().splitlines() == ["[True, False]", "[False, True]", "[False, False] [True]"]


@pytest.mark.parametrize(
    "number", [0, -1, 65, 1 << 20, signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGABRT, 32]
)
def test_wrong_signal(number: int) -> None:
    with pytest.raises(ValueError, match=rf"^register\(\): signal {int(number)}: "):
        pyheapdump.register(number)
    assert pyheapdump.unregister(number) is False
    with pytest.raises(ValueError, match=rf"^register\(\): signal {int(number)}: "):
        pyheapdump.install(register=number)
    assert pyheapdump.capture.installed() is None
