# SPDX-License-Identifier: Apache-2.0
"""A program that filters its own system calls after install(): it ends, or goes on, as it would without us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyheapdump
import pytest
from support.sandbox import REFUSE
from support.target import SECONDS, Target, attach, goes_on, wait_until

ACTIONS = ["kill", "trap", "errno"]
# What a dump takes, and Python does not by itself.
CHILDREN = ["clone", "fork", "vfork", "clone3"]
MORE = ["ptrace", "process_vm_readv", "memfd_create", "linkat", "renameat2", "setpriority", "setitimer",
        "fsync", "sched_setscheduler", "ioprio_set", "mkdirat", "kill"]  # fmt: skip
WHY_NOT = "a filter of system calls (seccomp) is newer than install()"


def run(text: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    program = REFUSE + textwrap.dedent(text)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=directory, timeout=SECONDS, capture_output=True, text=True, check=False
    )


def said(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("pyheapdump: ")]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("refused", [CHILDREN, CHILDREN + MORE], ids=["children", "more"])
def test_an_exception(refused: list[str], action: str, tmp_path: Path) -> None:
    done = run(f"import pyheapdump; pyheapdump.install(); refuse({refused}, {action!r}); 1 / 0", tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    (line,) = said(done.stderr)
    assert WHY_NOT in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "refused", [CHILDREN, CHILDREN + ["setitimer", "getdents64", "ptrace"]], ids=["children", "more"]
)
def test_a_fatal_signal(refused: list[str], action: str, tmp_path: Path) -> None:
    text = f"import pyheapdump; pyheapdump.install(); refuse({refused}, {action!r}); ctypes.string_at(8)"
    done = run(text, tmp_path)
    assert done.returncode == -signal.SIGSEGV
    (line,) = said(done.stderr)
    assert WHY_NOT in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("action", ACTIONS)
def test_signals_that_ask_for_a_dump(action: str, tmp_path: Path) -> None:
    text = f"""
        import os, pyheapdump, signal, time
        pyheapdump.install(register=signal.SIGUSR1)
        refuse({CHILDREN}, {action!r})
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.5)
        print("goes on")
    """
    done = run(text, tmp_path)
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr
    (line,) = said(done.stderr)
    assert WHY_NOT in line


@pytest.mark.parametrize("action", ACTIONS)
def test_reading_it_from_outside(action: str, tmp_path: Path) -> None:
    """The process could be asked for a snapshot, and would die of it."""
    text = f"""
        import pyheapdump, time
        pyheapdump.install()
        refuse({CHILDREN}, {action!r})
        order = 17
        print("ready", flush=True)
        time.sleep(1000)
    """
    with Target(tmp_path, REFUSE + textwrap.dedent(text)) as target:
        done = attach(target.pid, "-o", tmp_path / "a.dump")
        assert done.returncode == 0, done.stderr
        assert "it can make no child" in done.stdout + done.stderr
        wait_until(lambda: goes_on(target.pid))
        assert target.process.poll() is None


def test_a_filter_of_another_thread(tmp_path: Path) -> None:
    """One that has locked itself up is none of the others' business."""
    text = f"""
        import pyheapdump, threading
        pyheapdump.install()
        locked_up = threading.Event()
        def live_in_a_sandbox():
            refuse({CHILDREN}, "kill", every_thread=False)
            locked_up.set()
            threading.Event().wait()
        threading.Thread(target=live_in_a_sandbox, daemon=True).start()
        locked_up.wait()
        pyheapdump.dump("a.dump")
    """
    done = run(text, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.dump").exists()


@pytest.mark.parametrize("action", ["trap", "errno"])
def test_a_filter_that_was_there_before(action: str, tmp_path: Path) -> None:
    """As a container has one: what it allows is done as ever, and what it refuses the writer does without."""
    refused = ["setpriority", "sched_setscheduler", "ioprio_set", "setitimer"]
    text = f"refuse({refused}, {action!r}); import pyheapdump; pyheapdump.install(); pyheapdump.dump('a.dump')"
    done = run(text, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.dump").exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_fork_where_no_thread_may_start(action: str, tmp_path: Path) -> None:
    """Threads of ours are stopped for it; they would have to be started again by a call that the filter refuses."""
    text = f"""
        import os, pyheapdump, time
        pyheapdump.install(register="USR1")
        time.sleep(0.2)
        refuse(["clone3"], {action!r})
        child = os.fork()
        if not child:
            os._exit(3)
        print(os.waitpid(child, 0)[1] >> 8)
    """
    done = run(text, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


@pytest.mark.skipif(os.getuid() != 0, reason="not root: cannot make a PID namespace")
def test_children_in_another_pid_namespace(tmp_path: Path) -> None:
    """A writer would be its first process, and end it for all that come later."""
    text = """
        import os, pyheapdump
        pyheapdump.install(".")
        assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID
        pyheapdump.dump("a.dump")
        child = os.fork()
        if not child:
            os._exit(os.getpid())  # 1
        print(os.waitpid(child, 0)[1] >> 8)
        pyheapdump.dump("b.dump")
    """
    done = run(text, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    for name in ("a.dump", "b.dump"):
        with pyheapdump.load(tmp_path / name) as dump:
            assert dump.facts["snapshot"] == "in place"
