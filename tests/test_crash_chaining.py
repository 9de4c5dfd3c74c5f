# SPDX-License-Identifier: Apache-2.0
"""Other handlers of fatal signals beside ours: faulthandler and a C++ library's, set before us and after us.

Each must do its work as without us, with the true information of the signal. The library is played by crasher's
handle_as_library: it writes the siginfo_t to a pipe, then hands the signal on.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
from pathlib import Path
from typing import Any

import pytest
from support.crash_program import STACK, Crash, check_stack, marked_line, run_crash, run_program
from support.subject import Subject, comparable

INSTALL_LATER = "import pyheapdump; os.environ.get('SUBJECT_INSTALL') == '1' and pyheapdump.install(); "

# --- faulthandler -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name, number, says",
    [
        ("null_write", signal.SIGSEGV, b"Fatal Python error: Segmentation fault\n"),
        ("abort", signal.SIGABRT, b"Fatal Python error: Aborted\n"),
        ("division_by_zero", signal.SIGFPE, b"Fatal Python error: Floating"),
        ("bus_error", signal.SIGBUS, b"Fatal Python error: Bus error\n"),
        ("overflow_stack", signal.SIGSEGV, b"Fatal Python error: Segmentation fault\n"),
    ],
)
def test_faulthandler(tmp_path: Path, when: str, name: str, number: int, says: bytes) -> None:
    """What it prints is compared whole with what it prints without us."""
    enable = "import faulthandler; faulthandler.enable(all_threads=True); "
    order = enable + INSTALL_LATER if when == "before" else INSTALL_LATER + enable
    crash = run_crash(tmp_path, STACK.format(crash=f"{order}crasher.crash('{name}')"), number, install=None)
    check_stack(crash)
    stderr = crash.ended.other_stderr
    assert stderr.startswith(says)
    line = marked_line(crash.text)
    assert f'subject.py", line {line} in innermost\n'.encode() in stderr and b" in <module>\n" in stderr


FATAL_ERROR = "import faulthandler; {order}; crasher.fatal_error('the last words')"


def test_fatal_error_with_faulthandler_after_us(tmp_path: Path) -> None:
    """Py_FatalError prints, switches faulthandler off, and aborts."""
    text = STACK.format(crash=FATAL_ERROR.format(order=INSTALL_LATER + "faulthandler.enable()"))
    crash = run_crash(tmp_path, text, signal.SIGABRT, install=None)
    check_stack(crash)
    assert b"the last words" in crash.ended.stderr


def test_fatal_error_with_faulthandler_before_us(tmp_path: Path) -> None:
    """Switching faulthandler off puts back what it had found, before us: so there is no dump. The end is the same."""
    text = STACK.format(crash=FATAL_ERROR.format(order="faulthandler.enable(); " + INSTALL_LATER.rstrip("; ")))
    ends = [run_program(Subject(tmp_path, text, install=None), installed=installed) for installed in (False, True)]
    assert [ended.status for ended in ends] == [-signal.SIGABRT] * 2
    assert comparable(ends[0].stderr) == comparable(ends[1].other_stderr)
    assert b"the last words" in ends[1].stderr


def test_dump_traceback_later_goes_on(tmp_path: Path) -> None:
    """faulthandler's own thread is none of Python: nothing is sent to it, and it still prints."""
    text = """
        import faulthandler, time, pyheapdump
        faulthandler.dump_traceback_later(0.3)
        pyheapdump.install()
        time.sleep(0.8)
    """
    ended = run_program(Subject(tmp_path, text, install=None))
    assert ended.status == 0 and ended.stderr.startswith(b"Timeout (0:00:00.300000)!\n"), ended.stderr


# --- a C++ library ----------------------------------------------------------------------------------------------

LIBRARY = "crasher.handle_as_library({number}, int(sys.argv[1]), {restores}); "


def run_with_library(place: Path, number: int, crash: str, when: str, restores: bool) -> tuple[Crash, list[Any]]:
    """The crash, and (signal, code, address or sender) of each signal that the library was told of."""
    library = LIBRARY.format(number=int(number), restores=restores)
    order = library + INSTALL_LATER if when == "before" else INSTALL_LATER + library
    text = STACK.format(crash=order + crash)
    told = []
    for installed in (False, True):
        read_end, write_end = os.pipe()
        subject = Subject(place, text, install=None)
        options: dict[str, Any] = {"arguments": (str(write_end),), "pass_fds": (write_end,)}
        if installed:
            found = run_crash(place, text, number, install=None, compare=False, **options)
        else:
            assert run_program(subject, installed=False, **options).status == -number
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            told.append(pipe.read())
    assert len(told[0]) == len(told[1]) == 128, "the library was told once, without us and with us"
    # signal, errno, code; then the address, or sender and user
    return found, [struct.unpack_from("iiixxxxQ", one) for one in told]


@pytest.mark.parametrize("restores", [False, True], ids=["calls on", "restores"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name, number",
    [
        ("null_write", signal.SIGSEGV),
        ("abort", signal.SIGABRT),
        ("division_by_zero", signal.SIGFPE),
        ("breakpoint_instruction", signal.SIGTRAP),
        ("trapped_system_call", signal.SIGSYS),
    ],
)
def test_library(tmp_path: Path, name: str, number: int, when: str, restores: bool) -> None:
    crash, (without, with_us) = run_with_library(tmp_path, number, f"crasher.crash('{name}')", when, restores)
    check_stack(crash)
    assert with_us[:3] == without[:3]
    if name == "null_write":
        assert with_us[3] == without[3] == crash.signal["address"] == 0x10
    if name == "abort" and not restores:
        assert with_us[3] & 0xFFFFFFFF == crash.dump.facts["pid"] == crash.signal["sender"]["pid"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_library_is_told_who_sent_the_signal(tmp_path: Path, when: str) -> None:
    send = "import subprocess; sender = subprocess.Popen(['sh', '-c', 'sleep 0.3; kill -SEGV $PPID']); signal.pause()"
    crash, (without, with_us) = run_with_library(tmp_path, signal.SIGSEGV, send, when, False)
    frame = next(frame for frame in crash.thread.frames if frame.f_code.co_name == "innermost")
    assert with_us[2] == without[2] == 0  # SI_USER
    assert with_us[3] & 0xFFFFFFFF == frame.f_locals["sender"].pid == crash.signal["sender"]["pid"]


def test_library_and_faulthandler_and_we(tmp_path: Path) -> None:
    """Three in a row; what the innermost does, ends the process."""
    enable = "import faulthandler; faulthandler.enable(); "
    crash, (without, with_us) = run_with_library(
        tmp_path, signal.SIGSEGV, enable + "crasher.crash('null_write')", "before", False
    )
    check_stack(crash)
    assert with_us[:3] == without[:3]
    assert b"Fatal Python error: Segmentation fault\n" in crash.ended.other_stderr


def test_a_handler_in_python(tmp_path: Path) -> None:
    """signal.signal(SIGTERM) and its like are none of our business; one of SIGSEGV, set after us, replaces us."""
    text = """
        import os, signal
        signal.signal(signal.SIGSEGV, lambda number, frame: print("in Python", flush=True))
        os.kill(os.getpid(), signal.SIGSEGV)
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    """
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text), installed=installed)
        assert (ended.status, ended.stdout, ended.dumps) == (-signal.SIGSEGV, b"in Python\n", [])


def test_a_handler_in_python_found_at_install(tmp_path: Path) -> None:
    """It handles a signal that was sent, and the program goes on: as it does without us. The dump tells of it."""
    text = """
        import os, signal, pyheapdump
        signal.signal(signal.SIGABRT, lambda number, frame: print("in Python", flush=True))
        if os.environ["SUBJECT_INSTALL"] == "1":
            pyheapdump.install()
        os.kill(os.getpid(), signal.SIGABRT)
        for i in range(1000):
            pass
        print("goes on")
    """
    for installed in (False, True):
        ended = run_program(Subject(tmp_path, text, install=None), installed=installed)
        assert (ended.status, ended.stdout, ended.other_stderr) == (0, b"in Python\ngoes on\n", b"")


def test_uninstall_leaves_later_handlers(tmp_path: Path) -> None:
    """faulthandler, enabled after us, still works when we are gone, and we when it is gone."""
    text = """
        import faulthandler, sys, crasher, pyheapdump
        pyheapdump.install()
        faulthandler.enable()
        pyheapdump.uninstall()
        crasher.crash("null_write")
    """
    ended = run_program(Subject(tmp_path, text, install=None))
    assert (ended.status, ended.own_lines, ended.dumps) == (-signal.SIGSEGV, [], [])
    assert ended.stderr.startswith(b"Fatal Python error: Segmentation fault\n")

    text = text.replace("pyheapdump.uninstall()", "faulthandler.disable()")
    place = tmp_path / "disabled"
    place.mkdir()
    ended = run_program(Subject(place, text, install=None))
    assert (ended.status, len(ended.dumps), ended.other_stderr) == (-signal.SIGSEGV, 1, b"")


def test_a_blocked_sigabrt_is_left_to_the_program(tmp_path: Path) -> None:
    """No thread of ours takes a signal that the program waits for."""
    text = """
        import os, signal, time
        import pyheapdump
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGABRT])
        pyheapdump.install(memory_limit="90%")
        os.kill(os.getpid(), signal.SIGABRT)
        time.sleep(0.2)
        print(signal.sigtimedwait([signal.SIGABRT], 60).si_signo == signal.SIGABRT)
    """
    ended = run_program(Subject(tmp_path, text, install=None))
    assert (ended.status, ended.stdout, ended.dumps) == (0, b"True\n", [])


# --- core files -------------------------------------------------------------------------------------------------


def core_pattern() -> str:
    return Path("/proc/sys/kernel/core_pattern").read_text().strip()


def with_core_files() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.skipif(
    core_pattern().startswith(("|", "/")), reason=f"core_pattern is {core_pattern()!r}: no file in the directory"
)
def test_core_file_still_appears(tmp_path: Path) -> None:
    """One of the process itself, none of the child that writes the dump."""
    if os.getuid() != 0:
        pytest.skip("not root: RLIMIT_CORE may not be raised")
    text = "import crasher\ncrasher.crash('null_write')\n"
    found = []
    for installed in (False, True):
        place = tmp_path / str(installed)
        place.mkdir()
        ended = run_program(Subject(place, text), installed=installed, preexec_fn=with_core_files)
        assert ended.status == -signal.SIGSEGV
        cores = [path for path in place.iterdir() if path.name not in ("dumps", "subject.py", "__pycache__")]
        assert len(cores) == 1 and cores[0].read_bytes()[:4] == b"\x7fELF"
        found.append(cores[0].stat().st_size)
        cores[0].unlink()
    assert 0.5 < found[1] / found[0] < 3, "it has the same memory, without the pages kept in reserve"
