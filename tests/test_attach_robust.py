# SPDX-License-Identifier: Apache-2.0
"""Reading a process changes nothing of how it goes on, whatever becomes of who reads it."""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest
from support.target import (
    SECONDS,
    Target,
    attach,
    children_of,
    clean_environment,
    goes_on,
    stacks_of,
    thread_states,
    wait_until,
)

# Each thread counts in memory that the test sees: of Python code, of C code that gives up the GIL, of system calls.
COUNTING = """
    import mmap, os, struct, sys, threading, time, zlib

    if "asked" in sys.argv:
        import pyheapdump
        pyheapdump.install()
    file = open(sys.argv[1], "r+b")
    shared = mmap.mmap(file.fileno(), 4096)

    def count(place, work):
        number = 0
        while True:
            work()
            number += 1
            struct.pack_into("Q", shared, 8 * place, number)

    text = b"x" * 100_000
    reading, writing = os.pipe()

    def pass_on():
        os.write(writing, b"x")
        os.read(reading, 1)

    works = [lambda: None, lambda: zlib.crc32(text), lambda: time.sleep(0.001), pass_on]
    for place, work in enumerate(works):
        threading.Thread(target=count, args=(place, work), daemon=True).start()
    print("ready", flush=True)
    time.sleep(1000)
"""
COUNTERS = 4
# `make nightly` makes 100.
ATTACHES = int(os.environ.get("PYHEAPDUMP_ATTACHES", "30"))

# Reads the process again and again, each time in a child that is killed, as told, so many milliseconds later.
READING = """
import os, signal, sys, time
from pyheapdump import attach
pid, directory = int(sys.argv[1]), sys.argv[2]
for number, delay in enumerate(sys.argv[3:]):
    child = os.fork()
    if not child:
        try:
            if number % 2:
                attach.stacks(attach.Process(pid))
            else:
                attach.attach(attach.Process(pid), path=f"{directory}/{number}.dump")
        finally:
            os._exit(0)
    time.sleep(float(delay) / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(number, flush=True)
"""


def counted(path: Path) -> List[int]:
    return list(struct.unpack_from(f"{COUNTERS}Q", path.read_bytes()))


def all_count_on(path: Path) -> bool:
    before = counted(path)
    time.sleep(0.02)
    return all(now > then for now, then in zip(counted(path), before))


@pytest.mark.parametrize("how", ["from outside", "asked"])
def test_many_attaches_killed_at_any_moment(how: str, tmp_path: Path) -> None:
    """The target must never stay stopped, nothing that it does may fail, and no snapshot of it may stay."""
    shared = tmp_path / "counters"
    shared.write_bytes(bytes(4096))
    source = random.Random(4711)
    delays = [f"{source.uniform(0, 80):.1f}" for _ in range(ATTACHES)]
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    environment = {**clean_environment(), "TMPDIR": str(dumps)}
    with Target(tmp_path, COUNTING, arguments=[str(shared), how]) as target:
        done = subprocess.run(
            [sys.executable, "-c", READING, str(target.pid), str(dumps), *delays],
            capture_output=True, timeout=2 * SECONDS, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        wait_until(lambda: goes_on(target.pid))
        wait_until(lambda: all_count_on(shared))
        wait_until(lambda: not children_of(target.pid))
        found = json.loads(attach(target.pid, "--json", directory=dumps).stdout)
        assert (found["asked"], found["complete"]) == (how == "asked", True), found
        assert stacks_of(target).count(" in count\n") == COUNTERS
        assert target.process.poll() is None


def test_a_stopped_process_is_read_and_stays_stopped(tmp_path: Path) -> None:
    shared = tmp_path / "counters"
    shared.write_bytes(bytes(4096))
    with Target(tmp_path, COUNTING, arguments=[str(shared)]) as target:
        target.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: set(thread_states(target.pid)) == {"T"})
        for _ in range(2):
            text = stacks_of(target)
            assert text.count(" in count\n") == COUNTERS
            assert set(thread_states(target.pid)) == {"T"}
        assert attach(target.pid, "-o", tmp_path / "a.dump").returncode == 0
        assert set(thread_states(target.pid)) == {"T"}
        target.process.send_signal(signal.SIGCONT)
        wait_until(lambda: all_count_on(shared))


def test_a_thread_that_stops_late_goes_on(tmp_path: Path) -> None:
    """It waits in the kernel (vfork) while the others are stopped, and comes back while the dump is written."""
    text = """
        import os, sys
        kept = [[n] for n in range(400_000)]
        print("ready", flush=True)
        first = (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)  # waits for somebody to write
        os.posix_spawn("/bin/true", ["true"], {}, file_actions=[first])
        print("went on", flush=True)
        sys.stdin.read()
    """
    fifo, place = tmp_path / "fifo", tmp_path / "here"
    os.mkfifo(fifo)
    place.mkdir()
    code = (
        f"from pyheapdump import attach, outside; "
        f"attach.attach(attach.Process(int({{}})), outside.Options(level=19), {str(place / 'a.dump')!r})"
    )
    with Target(tmp_path, text, arguments=[str(fifo)], stdin=subprocess.PIPE) as target:
        command = [sys.executable, "-c", code.format(target.pid)]
        wait_until(lambda: len(children_of(target.pid)) == 1)
        with subprocess.Popen(command, env=clean_environment()) as reader:
            wait_until(lambda: list(place.glob("*.part")) != [])
            os.close(os.open(fifo, os.O_WRONLY))
            assert target.line() == "went on"
            assert list(place.glob("*.part")) != [], "it went on when the dump was written"
            reader.kill()


# Real-time signals are queued: none may be lost, and none may come twice.
COUNTS_SIGNALS = """
#include <signal.h>
#include <string.h>

volatile long handled;

static void count(int number)
{
    handled += number != 0;
}

void count_signals(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, 0);
}
"""
READ_STACKS = """
import sys
from pyheapdump import attach
for _ in range(int(sys.argv[2])):
    attach.stacks(attach.Process(int(sys.argv[1])))
"""


def test_no_signal_is_lost(tmp_path: Path) -> None:
    source, made = tmp_path / "counts.c", tmp_path / "counts.so"
    source.write_text(COUNTS_SIGNALS)
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(made)], check=True, timeout=SECONDS)
    text = """
        import ctypes, os, sys
        library = ctypes.CDLL(sys.argv[1])
        library.count_signals(int(sys.argv[2]))
        print("ready", flush=True)
        sys.stdin.read(1)
        print(ctypes.c_long.in_dll(library, "handled").value, flush=True)
        sys.stdin.read()
    """
    number = int(signal.SIGRTMIN) + 2
    queue = ctypes.CDLL(None).sigqueue
    with Target(tmp_path, text, arguments=[str(made), str(number)], stdin=subprocess.PIPE) as target:
        command = [sys.executable, "-c", READ_STACKS, str(target.pid), str(5 * ATTACHES)]
        sent = 0
        with subprocess.Popen(command, env=clean_environment()) as reader:
            while reader.poll() is None:
                sent += queue(target.pid, number, None) == 0  # refused when too many wait
                time.sleep(0.0001)
        assert reader.returncode == 0
        assert target.process.stdin is not None
        target.process.stdin.write(b"x")
        target.process.stdin.flush()
        assert int(target.line()) == sent > 100


def test_signals_meanwhile_are_not_lost(tmp_path: Path) -> None:
    text = """
        import os, signal, time
        signal.signal(signal.SIGUSR2, lambda number, frame: os.write(1, b"handled\\n"))
        os.write(1, b"ready\\n")
        while True:
            time.sleep(0.01)  # a signal that comes just before a system call does not end it
    """
    with Target(tmp_path, text) as target:
        command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid), "--stacks"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean_environment()) as reader:
            while reader.poll() is None:
                target.process.send_signal(signal.SIGUSR2)
                assert target.line() == "handled"
            assert reader.returncode == 0


def test_stops_and_continues_meanwhile_are_not_lost(tmp_path: Path) -> None:
    """Whenever SIGSTOP or SIGCONT comes while the process is read, it is stopped or goes on afterwards."""
    shared = tmp_path / "counters"
    shared.write_bytes(bytes(4096))
    with Target(tmp_path, COUNTING, arguments=[str(shared)]) as target:
        command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid), "--stacks"]
        for moment in range(6):
            number = signal.SIGCONT if moment % 2 else signal.SIGSTOP
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean_environment()) as reader:
                time.sleep(moment * 0.03)
                target.process.send_signal(number)
                assert reader.wait(SECONDS) == 0
            if number == signal.SIGSTOP:
                wait_until(lambda: set(thread_states(target.pid)) == {"T"})
            else:
                wait_until(lambda: all_count_on(shared))


def test_control_c(tmp_path: Path) -> None:
    """The reader ends at once, by the signal; no file stays, and the process goes on."""
    text = """
        import time
        kept = [[n] for n in range(1_000_000)]
        print("ready", flush=True)
        time.sleep(1000)
    """
    place = tmp_path / "here"
    place.mkdir()
    with Target(tmp_path, text) as target:
        command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=place, env=clean_environment()) as reader:
            wait_until(lambda: list(place.glob("*.part")) != [])
            reader.send_signal(signal.SIGINT)
            assert reader.wait(SECONDS) == -signal.SIGINT
            assert reader.stderr is not None
            assert reader.stderr.read() == b"pyheapdump: attach: interrupted; the process goes on\n"
        assert list(place.iterdir()) == []
        assert goes_on(target.pid)


def test_threads_that_start_and_end_all_the_time(tmp_path: Path) -> None:
    text = """
        import threading
        def short(depth):
            if depth:
                short(depth - 1)
        def starting():
            while True:
                threads = [threading.Thread(target=short, args=(5,)) for _ in range(8)]
                for one in threads:
                    one.start()
                for one in threads:
                    one.join()
        for _ in range(2):
            threading.Thread(target=starting, daemon=True, name="starting").start()
        print("ready", flush=True)
        starting()
    """
    with Target(tmp_path, text) as target:
        for number in range(6):
            found = stacks_of(target, *["--native"] * (number % 2))
            assert found.count(" in starting\n") == 3, found
        assert attach(target.pid, "-o", tmp_path / "a.dump").returncode == 0
        assert goes_on(target.pid)


def test_the_first_thread_has_ended(tmp_path: Path) -> None:
    """It is a zombie then, which cannot be traced."""
    text = """
        import ctypes, threading, time
        threading.Thread(target=time.sleep, args=(1000,), name="stays").start()
        print("ready", flush=True)
        ctypes.CDLL(None).syscall(60, 0)  # exit, of this thread alone
    """
    with Target(tmp_path, text) as target:
        wait_until(lambda: "Z" in thread_states(target.pid))
        assert re.search(
            r"^thread stays, id \d+, in system call (clock_nanosleep|select|pselect6)$", stacks_of(target), re.MULTILINE
        )


def test_a_process_that_becomes_another_program(tmp_path: Path) -> None:
    """Each reading either finds a Python or says that there is none; nothing stays stopped."""
    text = """
        import os, sys
        print("ready", flush=True)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    """
    with Target(tmp_path, text) as target:
        for _ in range(8):
            done = attach(target.pid, "--stacks")
            assert done.returncode in (0, 1)
            assert done.stderr.count("\n") == (done.returncode == 1), done.stderr
            assert "Traceback" not in done.stderr
        wait_until(lambda: goes_on(target.pid))
        target.line()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces here")
def test_another_root_and_other_process_ids(tmp_path: Path) -> None:
    """The program lies elsewhere, and its threads have other ids, as in a container."""
    inside = tmp_path / "inside"
    inside.mkdir()
    script = f"""
        mount --bind {inside} /mnt && cd / && exec "$0" /mnt/program.py
    """
    program = """
        import threading, time
        def work(order):
            print(threading.get_native_id(), flush=True)
            time.sleep(1000)
        threading.Thread(target=work, args=("order-17",), name="works").start()
        time.sleep(1000)
    """
    import textwrap

    (inside / "program.py").write_text(textwrap.dedent(program))
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, sys.executable]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as made:
        try:
            assert made.stdout is not None
            said = made.stdout.readline()
            if not said:
                pytest.skip("no namespaces can be made here")
            pid = int(Path(f"/proc/{made.pid}/task/{made.pid}/children").read_text().split()[0])
            done = attach(pid, "--stacks", "--locals", "--native")
        finally:
            made.kill()
    assert (done.returncode, done.stderr) == (0, "")
    part = done.stdout.split("thread works, ")[1]
    assert re.match(rf"id {int(said)}, in system call (clock_nanosleep|select|pselect6)\n", part) and int(said) < 10
    assert "  /mnt/program.py:5 in work\n" in part
    assert "    >    5     time.sleep(1000)\n" in part
    assert "        order = 'order-17'\n" in part
    assert "  libc" in part
