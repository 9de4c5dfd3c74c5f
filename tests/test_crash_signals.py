# SPDX-License-Identifier: Apache-2.0
"""Every fatal signal, in every way it comes about: the dump, what it says of the signal, and the unchanged end."""

from __future__ import annotations

import faulthandler
import os
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
from support.crash_program import (
    STACK,
    check_end,
    check_plain_thread,
    check_signal,
    check_stack,
    open_only_dump,
    run_crash,
    run_program,
)  # fmt: skip
from support.subject import Subject

ITSELF = "itself"  # the process sent the signal itself
INSTRUCTION = "instruction"  # the fault's address is that of the instruction
SOMEWHERE = "somewhere"
SI_USER, SI_TKILL, SI_KERNEL = 0, -6, 128


class Way(NamedTuple):
    """A way to crash (support/crasher) and what the kernel tells of it."""

    name: str
    signal: int
    code: int
    code_name: str
    address: object = None  # SI_KERNEL: the kernel does not tell


WAYS = [
    Way("null_read", signal.SIGSEGV, 1, "SEGV_MAPERR", 0x10),
    Way("null_write", signal.SIGSEGV, 1, "SEGV_MAPERR", 0x10),
    Way("read_only_write", signal.SIGSEGV, 2, "SEGV_ACCERR", SOMEWHERE),
    Way("not_canonical_read", signal.SIGSEGV, SI_KERNEL, "SI_KERNEL"),
    Way("null_call", signal.SIGSEGV, 1, "SEGV_MAPERR", 0),
    Way("wild_call", signal.SIGSEGV, 1, "SEGV_MAPERR", 0x5A5A5A000),
    Way("raise_segmentation_fault", signal.SIGSEGV, SI_TKILL, "SI_TKILL", ITSELF),
    Way("bus_error", signal.SIGBUS, 2, "BUS_ADRERR", SOMEWHERE),
    Way("division_by_zero", signal.SIGFPE, 1, "FPE_INTDIV", INSTRUCTION),
    Way("illegal_instruction", signal.SIGILL, 2, "ILL_ILLOPN", INSTRUCTION),
    Way("breakpoint_instruction", signal.SIGTRAP, SI_KERNEL, "SI_KERNEL"),
    Way("raise_trap", signal.SIGTRAP, SI_TKILL, "SI_TKILL", ITSELF),
    Way("abort", signal.SIGABRT, SI_TKILL, "SI_TKILL", ITSELF),
    Way("failed_assertion", signal.SIGABRT, SI_TKILL, "SI_TKILL", ITSELF),
    Way("raise_system_call", signal.SIGSYS, SI_TKILL, "SI_TKILL", ITSELF),
    Way("trapped_system_call", signal.SIGSYS, 1, "SYS_SECCOMP", SOMEWHERE),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_way(tmp_path: Path, way: Way) -> None:
    crash = run_crash(tmp_path, STACK.format(crash=f"crasher.crash('{way.name}')"), way.signal)
    check_stack(crash)
    told = crash.signal
    check_signal(told, code=way.code, code_name=way.code_name)
    if way.address is ITSELF:
        check_signal(told, address=None, sender={"pid": crash.dump.facts["pid"], "uid": os.getuid()})
    elif way.address is INSTRUCTION:
        check_signal(told, address=told["registers"]["rip"])
    elif way.address is SOMEWHERE:
        assert told["address"] > 4096
    else:
        check_signal(told, address=way.address)
    if way.name in ("null_call", "wild_call"):
        assert told["registers"]["rip"] == way.address
    check_signal(told, syscall=110 if way.name == "trapped_system_call" else None)  # getppid
    if way.name == "failed_assertion":
        assert b"Assertion `zero == 1' failed." in crash.ended.stderr


@pytest.mark.parametrize("name, number", [("null_write", signal.SIGSEGV), ("abort", signal.SIGABRT)])
def test_without_the_lock(tmp_path: Path, name: str, number: int) -> None:
    crash = run_crash(tmp_path, STACK.format(crash=f"crasher.crash_released('{name}')"), number)
    check_stack(crash, gil="not held")


# --- faulthandler's own triggers and ctypes ---------------------------------------------------------------------

TRIGGERS = [
    ("_sigsegv()", signal.SIGSEGV),
    ("_sigsegv(True)", signal.SIGSEGV),
    ("_sigabrt()", signal.SIGABRT),
    ("_sigfpe()", signal.SIGFPE),
    ("_sigill()", signal.SIGILL),
    ("_stack_overflow()", signal.SIGSEGV),
    ("_read_null()", signal.SIGSEGV),
]
# Each version has its own of them.
TRIGGERS_HERE = [trigger for trigger in TRIGGERS if hasattr(faulthandler, trigger[0].split("(")[0])]


def test_triggers_of_this_version() -> None:
    missing = {trigger for trigger, _ in TRIGGERS} - {trigger for trigger, _ in TRIGGERS_HERE}
    assert missing <= {"_sigill()", "_read_null()"}


@pytest.mark.parametrize("trigger, number", TRIGGERS_HERE)
def test_trigger_of_faulthandler(tmp_path: Path, trigger: str, number: int) -> None:
    crash = run_crash(tmp_path, STACK.format(crash=f"import faulthandler; faulthandler.{trigger}"), number)
    check_stack(crash, gil="not held" if trigger == "_sigsegv(True)" else "held")


def test_fatal_error_in_a_thread_of_c(tmp_path: Path) -> None:
    """The main thread holds the lock meanwhile and waits."""
    text = STACK.format(crash="import faulthandler; faulthandler._fatal_error_c_thread()")
    crash = run_crash(tmp_path, text, signal.SIGABRT)
    check_plain_thread(crash)
    assert b"Fatal Python error: " in crash.ended.stderr and b"in new thread" in crash.ended.stderr


CTYPES = {
    "string at 0": "import ctypes; ctypes.string_at(0)",
    "pointer": "import ctypes; ctypes.cast(64, ctypes.POINTER(ctypes.c_int)).contents.value",
    "call": "import ctypes; ctypes.CFUNCTYPE(None)(1 << 20)()",
}


@pytest.mark.parametrize("crash", CTYPES.values(), ids=list(CTYPES))
def test_ctypes(tmp_path: Path, crash: str) -> None:
    # A c_int at address 64 may be among the values: it has none.
    found = run_crash(tmp_path, STACK.format(crash=crash), signal.SIGSEGV, whole="cast" not in crash)
    check_stack(found, gil="not held" if "CFUNCTYPE" in crash else "held")
    check_signal(found.signal, code=1, address=64 if "cast" in crash else 1 << 20 if "CFUNCTYPE" in crash else 0)


def test_python_fatal_error_keeps_its_message(tmp_path: Path) -> None:
    crash = run_crash(tmp_path, STACK.format(crash="crasher.fatal_error('the last words')"), signal.SIGABRT)
    check_stack(crash)
    assert b"Fatal Python error: fatal_error: the last words\n" in crash.ended.stderr


def test_os_abort(tmp_path: Path) -> None:
    check_stack(run_crash(tmp_path, STACK.format(crash="os.abort()"), signal.SIGABRT))


# --- signals that are sent --------------------------------------------------------------------------------------

SENT = "import subprocess; sender = subprocess.Popen(['sh', '-c', 'sleep 0.3; kill -{name} $PPID']); signal.pause()"


@pytest.mark.parametrize("name", ["SEGV", "ABRT", "BUS", "FPE", "ILL", "SYS", "TRAP"])
def test_sent_by_another_process(tmp_path: Path, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    crash = run_crash(tmp_path, STACK.format(crash=SENT.format(name=name)), number, compare=name == "SEGV")
    check_stack(crash, gil="not held")
    frame = next(frame for frame in crash.thread.frames if frame.f_code.co_name == "innermost")
    sender = {"pid": frame.f_locals["sender"].pid, "uid": os.getuid()}
    check_signal(crash.signal, code=SI_USER, code_name="SI_USER", sender=sender, address=None)


IGNORED = """
    import os, signal
    {before}
    import pyheapdump
    pyheapdump.install()
    {after}
    os.kill(os.getpid(), signal.SIGABRT)
    os.kill(os.getpid(), signal.SIGSEGV)
    print("goes on")
"""
IGNORE = "signal.signal(signal.SIGABRT, signal.SIG_IGN); signal.signal(signal.SIGSEGV, signal.SIG_IGN)"


@pytest.mark.parametrize("when", ["before", "after"])
def test_signals_that_the_program_ignores(tmp_path: Path, when: str) -> None:
    text = IGNORED.format(**{"before": "", "after": "", when: IGNORE})
    ended = run_program(Subject(tmp_path, text, install=None))
    assert (ended.status, ended.stdout, ended.stderr, ended.dumps) == (0, b"goes on\n", b"", [])


@pytest.mark.parametrize("crash", ["crasher.crash('null_write')", "os.abort()"])
def test_ignored_signals_that_end_the_process_nevertheless(tmp_path: Path, crash: str) -> None:
    """A fault that is ignored kills: the kernel sees to it. abort() does so by itself. Both without any handler."""
    text = f"import os, signal, crasher\n{IGNORE}\n{crash}\n"
    number = signal.SIGABRT if "abort" in crash else signal.SIGSEGV
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text), installed=installed)
        assert (ended.status, ended.other_stderr) == (-number, b"")


# --- switched off -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("install", ["signals=False", None])
def test_not_asked_for(tmp_path: Path, install: str | None) -> None:
    text = "import crasher, os, pyheapdump\n"
    if install is None:
        text += "pyheapdump.install()\npyheapdump.uninstall()\n"
    ended = run_program(Subject(tmp_path, text + "crasher.crash('null_write')\n", install))
    assert (ended.status, ended.stderr, ended.dumps) == (-signal.SIGSEGV, b"", [])


def test_quiet(tmp_path: Path) -> None:
    ended = run_program(Subject(tmp_path, "import crasher\ncrasher.crash('null_write')\n", "quiet=True"))
    assert (ended.status, ended.stderr, len(ended.dumps)) == (-signal.SIGSEGV, b"", 1)


def test_disabled_by_the_environment(tmp_path: Path) -> None:
    subject = Subject(tmp_path, "import crasher\ncrasher.crash('null_write')\n")
    ended = run_program(subject, environment={"PYHEAPDUMP_DIR": "disable"})
    assert (ended.status, ended.stderr, ended.dumps) == (-signal.SIGSEGV, b"", [])
    assert not list(tmp_path.rglob("python_heap_*"))


def test_installed_twice(tmp_path: Path) -> None:
    text = "import crasher, pyheapdump\npyheapdump.install()\npyheapdump.install()\ncrasher.crash('null_write')\n"
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGSEGV)
    open_only_dump(ended, text)
