# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump attach` of a process with pyheapdump installed, which makes a snapshot of itself when asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, Tuple

import pyheapdump
import pytest
from support.target import SECONDS, Target, attach, children_of, clean_environment, goes_on, thread_states, wait_until

WAITING = """
    import signal, sys, time
    import pyheapdump

    def wait(order):
        kept = [[number, str(number)] for number in range(20_000)]
        print("ready", flush=True)
        while True:
            time.sleep(0.01)

    signal.signal(signal.SIGCHLD, lambda *_: print("SIGCHLD", flush=True))
    pyheapdump.install()
    wait("order-17")
"""
# For programs that change what the library shows.
MAILBOX = """
    import ctypes, sys, threading, time
    import pyheapdump
    from pyheapdump import _pyheapdump

    class Mailbox(ctypes.Structure):
        _fields_ = [("magic", ctypes.c_char * 16), ("version", ctypes.c_uint32), ("open", ctypes.c_uint32),
                    ("request", ctypes.c_uint32), ("refused", ctypes.c_uint32), ("bell", ctypes.c_void_p)]

    pyheapdump.install()
    mailbox = Mailbox.in_dll(ctypes.CDLL(_pyheapdump.__file__), "phd_mailbox")
    assert mailbox.magic == b"pyheapdump asks" and mailbox.open == 1
"""


def dumped(target_pid: int, path: Path, *options: str) -> Tuple[Dict[str, Any], pyheapdump.Dump]:
    """What the command tells of a dump, and the dump."""
    done = attach(target_pid, "--json", "-o", path, *options)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout), pyheapdump.load(path)


def expect_order(dump: pyheapdump.Dump) -> None:
    with dump:
        assert dump.problems == []
        (frame,) = [one.frames[-1] for one in dump.threads if one.frames[-1].f_code.co_name == "wait"]
        assert frame.f_locals["order"] == "order-17"
        assert frame.f_locals["kept"][19_999] == [19_999, "19999"]


# --- asked ------------------------------------------------------------------------------------------------------------


def test_it_makes_a_snapshot_of_itself(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        for number in range(3):
            found, dump = dumped(target.pid, tmp_path / f"{number}.dump")
            assert (found["asked"], found["why_not"], found["complete"]) == (True, "", True)
            assert dump.facts["snapshot"] == "attach, clone"
            assert dump.facts["pid"] == target.pid
            assert {thread.native_id for thread in dump.threads} == {target.pid}
            assert dump.threads[0].native is not None and dump.threads[0].native.system_call is not None
            expect_order(dump)
        wait_until(lambda: not children_of(target.pid))
        assert goes_on(target.pid)
        os.set_blocking(target.process.stdout.fileno(), False)  # type: ignore[union-attr]
        assert target.process.stdout.read() is None, "the program was told of a child"  # type: ignore[union-attr]


def test_what_is_said(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        done = attach(target.pid, "-o", tmp_path / "a.dump")
        assert re.match(
            rf"wrote {tmp_path}/a\.dump \([\d.]+ KiB; process {target.pid} made a snapshot of itself, stopped for \d+ ms\)\n"
            "open it with",
            done.stdout,
        )
        assert attach(target.pid, "--stacks").stdout.count(" in wait\n") == 1


def test_not_asked_when_not_wanted(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        for switch in "--no-ask", "--no-freeze":
            found, dump = dumped(target.pid, tmp_path / f"{switch}.dump", switch)
            assert (found["asked"], found["why_not"]) == (False, "")
            assert dump.facts["snapshot"] == "attach" + ", not stopped" * (switch == "--no-freeze")
            dump.close()


@pytest.mark.parametrize("how", ["install(attachable=False)", "uninstall()", "__version__"])
def test_nobody_is_there_to_be_asked(how: str, tmp_path: Path) -> None:
    text = WAITING.replace("    wait(", f"    pyheapdump.{how}\n    wait(")
    if how == "__version__":
        text = text.replace("    pyheapdump.install()\n", "")
    with Target(tmp_path, text) as target:
        assert len(thread_states(target.pid)) == 1
        found, dump = dumped(target.pid, tmp_path / "a.dump")
    assert (found["asked"], found["why_not"]) == (False, "")
    expect_order(dump)


def test_the_snapshot_keeps_nothing_open(tmp_path: Path) -> None:
    """It lives as long as it is read; a pipe that the program closes meanwhile is closed. It ends with its reader."""
    text = WAITING.replace("20_000", "400_000")
    code = (
        "from pyheapdump import attach, outside as o; attach.attach(attach.Process({}), o.Options(level=19), 'a.dump')"
    )
    with Target(tmp_path, text) as target:
        place = tmp_path / "here"
        place.mkdir()
        command = [sys.executable, "-c", code.format(target.pid)]
        with subprocess.Popen(command, cwd=place, env=clean_environment()) as reader:
            wait_until(lambda: list(place.glob("*.part")) != [])
            reader.send_signal(signal.SIGSTOP)
            (child,) = children_of(target.pid)
            assert os.listdir(f"/proc/{child}/fd") == []
            assert goes_on(target.pid)
            reader.kill()
        wait_until(lambda: not children_of(target.pid))
        found, dump = dumped(target.pid, tmp_path / "a.dump")
        assert found["asked"]
        dump.close()


def test_other_namespaces(tmp_path: Path) -> None:
    """Another mount and pid namespace, as in a container: nothing is written there, and ids need not be the same."""
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces here")
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(WAITING))
    script = f'mount -t tmpfs none {tmp_path} -o size=1M && exec "$0" -'
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, sys.executable]
    with (
        program.open() as source,
        subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, env=clean_environment()) as made,
    ):
        try:
            assert made.stdout is not None
            if not made.stdout.readline():
                pytest.skip("no namespaces can be made here")
            pid = int(Path(f"/proc/{made.pid}/task/{made.pid}/children").read_text().split()[0])
            found, dump = dumped(pid, tmp_path / "a.dump")
        finally:
            made.kill()
    assert found["asked"], found
    expect_order(dump)


# --- not to be asked --------------------------------------------------------------------------------------------------


def test_a_stopped_process_stays_stopped(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        target.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: set(thread_states(target.pid)) == {"T"})
        done = attach(target.pid, "-o", tmp_path / "a.dump")
        why = "pyheapdump in it could not be asked for a snapshot: it is stopped"
        assert f"\nread from outside: {why}\n" in done.stdout
        assert set(thread_states(target.pid)) == {"T"}
        target.process.send_signal(signal.SIGCONT)
        wait_until(lambda: "T" not in thread_states(target.pid))
        found, dump = dumped(target.pid, tmp_path / "b.dump")
        assert found["asked"]
        dump.close()
    expect_order(pyheapdump.load(tmp_path / "a.dump"))


REFUSE_CHILDREN = """
    import struct

    # What clone() is called with tells threads, which may be had, from processes.
    ALLOW, REFUSE, CLONE, CLONE_THREAD = 0x7FFF0000, 0x0005000B, 56, 0x00010000
    filters = b"".join(
        struct.pack("HBBI", *one)
        for one in [(0x20, 0, 0, 0), (0x15, 0, 3, CLONE), (0x20, 0, 0, 16), (0x45, 1, 0, CLONE_THREAD),
                    (0x06, 0, 0, REFUSE), (0x06, 0, 0, ALLOW)]
    )
    kept_filters = ctypes.create_string_buffer(filters)
    program = struct.pack("HxxxxxxP", 6, ctypes.addressof(kept_filters))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.syscall(317, 1, 1, program) == 0  # seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC)
"""
# A thread that waits as ours does, and never answers.
DEAF = """
    word = ctypes.c_uint32()
    def wait_for_ever():
        while True:
            ctypes.CDLL(None).syscall(202, ctypes.byref(word), 0, 0, None)
    threading.Thread(target=wait_for_ever, daemon=True).start()
    mailbox.bell = ctypes.addressof(word)
    time.sleep(0.1)
"""


@pytest.mark.parametrize(
    "change, why",
    [
        (REFUSE_CHILDREN, "it can make no child: Operation not permitted"),
        (DEAF, "it did not answer"),
        ("    mailbox.bell = 64\n", "its thread that answers is at work or not there"),
        ("    mailbox.version = 2\n", ""),
        ("    mailbox.magic = b'something else'\n", ""),
    ],
    ids=["no child", "no answer", "nobody waits", "another version", "another record"],
)
def test_then_it_is_read_from_outside(change: str, why: str, tmp_path: Path) -> None:
    end = '    kept = [[number, str(number)] for number in range(20_000)]\n    print("ready", flush=True)\n'
    text = f"{MAILBOX}{change}\n    def wait(order):\n    {end.replace('    print', '        print')}"
    text += '        time.sleep(1000)\n\n    wait("order-17")\n'
    with Target(tmp_path, text) as target:
        found, dump = dumped(target.pid, tmp_path / "a.dump")
        assert (found["asked"], found["why_not"], found["complete"]) == (False, why, True)
        wait_until(lambda: goes_on(target.pid))
        assert children_of(target.pid) == []
        expect_order(dump)


# The child is the only one to call it.
HOLDS_CHILDREN = """
#include <unistd.h>
int setpriority(int which, unsigned who, int value)
{
    for (;;)
        pause();
    return which + (int)who + value;
}
"""


def test_the_snapshot_hangs(tmp_path: Path) -> None:
    """The process goes on by then; it is stopped again and read from outside, and the child is killed."""
    source, made = tmp_path / "holds.c", tmp_path / "holds.so"
    source.write_text(HOLDS_CHILDREN)
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(made)], check=True, timeout=SECONDS)
    with Target(tmp_path, WAITING, env={**clean_environment(), "LD_PRELOAD": str(made)}) as target:
        found, dump = dumped(target.pid, tmp_path / "a.dump")
        assert (found["asked"], found["why_not"], found["complete"]) == (False, "its snapshot was not to be had", True)
        expect_order(dump)
        wait_until(lambda: not children_of(target.pid))
        assert goes_on(target.pid)


def test_it_dies_while_its_snapshot_is_read(tmp_path: Path) -> None:
    """What was there at the moment of asking is in the dump."""
    text = WAITING.replace("20_000", "300_000")
    place = tmp_path / "here"
    place.mkdir()
    with Target(tmp_path, text) as target:
        command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid)]
        with subprocess.Popen(command, cwd=place, env=clean_environment(), stdout=subprocess.DEVNULL) as reader:
            wait_until(lambda: list(place.glob("*.part")) != [])
            target.process.kill()
            assert reader.wait(SECONDS) == 0
    (path,) = place.iterdir()
    expect_order(pyheapdump.load(path))


# --- forks ------------------------------------------------------------------------------------------------------------

FORKING = WAITING.replace(
    "    wait(",
    """
    child = {fork}
    if child:
        print(child, flush=True)
        time.sleep(1000)
    wait(""",
)


@pytest.mark.parametrize(
    "fork, why",
    [
        ("__import__('os').fork()", ""),
        ("__import__('ctypes').PyDLL(None).fork()", "its thread that answers is at work or not there"),
    ],
    ids=["os.fork", "a fork that Python does not see"],
)
def test_a_forked_child(fork: str, why: str, tmp_path: Path) -> None:
    before = ["env", "PYTHONWARNINGS=error::DeprecationWarning"]  # of a fork with several threads, from 3.12 on
    with Target(tmp_path, FORKING.format(fork=fork), before=before) as target:
        child = int({target.said, target.line()}.difference({"ready"}).pop())
        try:
            found, dump = dumped(child, tmp_path / "child.dump")
            expect_order(dump)
            assert (found["asked"], found["why_not"]) == (not why, why)
            found, dump = dumped(target.pid, tmp_path / "parent.dump")
            assert found["asked"]
            dump.close()
        finally:
            os.kill(child, signal.SIGKILL)
