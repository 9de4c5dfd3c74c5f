# SPDX-License-Identifier: Apache-2.0
"""Crashes of processes that have reached a limit, or may not do what a dump needs: what can be saved is, the end is as
without us, and nothing waits for ever."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyheapdump
import pytest
from support.crash_program import (
    FRAMES,
    KNOWN,
    STACK,
    Crash,
    assert_nothing_is_missing,
    check_end,
    check_stack,
    open_only_dump,
    own_frames,
    run_crash,
    run_program,
)
from support.subject import Ended, Subject

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="not root: cannot mount, or become another user")

BECOME_NOBODY = "os.setgroups([]); os.setgid(65534); os.setuid(65534); "
LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_{name}, ({value}, {value})); "
CRASH = "crasher.crash('null_write')"


@pytest.fixture
def public_place() -> Iterator[Path]:
    """A directory that other users can go to and write to."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    (place / "dumps").mkdir()
    (place / "dumps").chmod(0o777)
    yield place
    shutil.rmtree(place)


def crash_with(place: Path, preparation: str) -> Crash:
    """The dump of a program that crashes after this preparation; it may lack objects, but not the stack."""
    crash = run_crash(place, STACK.format(crash=preparation + CRASH), signal.SIGSEGV, compare=False, whole=False)
    check_stack(crash)
    return crash


def check_cut(crash: Crash) -> None:
    """What comes first is there: the stack, and the locals themselves."""
    frames = own_frames(crash.dump.threads[0])
    assert [frame.f_code.co_name for frame in frames] == FRAMES
    assert frames[-1].f_locals["known"]["number"] == KNOWN["number"]
    assert crash.dump.missing != []


def end_without_dump(ended: Ended) -> str:
    """What our one line says of a dump that could not be made."""
    assert (ended.status, ended.other_stderr, ended.dumps) == (-signal.SIGSEGV, b"", [])
    assert len(ended.own_lines) == 1, ended.stderr
    return ended.own_lines[0].decode()


# --- memory, processes, descriptors -----------------------------------------------------------------------------

USE_UP_MEMORY = """
        held = []
        size = 1 << 24
        while size > 64:
            try:
                held.append(b"x" * size)
            except MemoryError:
                size //= 2
        """


def test_address_space_is_used_up(tmp_path: Path) -> None:
    """Python and malloc get nothing more, and we get what is set aside: the stack and what is near."""
    preparation = LIMIT.format(name="AS", value=400 << 20) + USE_UP_MEMORY
    crash = crash_with(tmp_path, preparation)
    assert crash.dump.text.count("innermost") >= 1


def test_no_more_processes(public_place: Path) -> None:
    """A daemon that became another user and may not fork: the dump is written in place."""
    become = "import resource; " + (BECOME_NOBODY if os.getuid() == 0 else "")
    crash = crash_with(public_place, become + LIMIT.format(name="NPROC", value=0))
    assert crash.dump.facts["snapshot"] == "in place"
    assert_nothing_is_missing(crash.dump)


# A filter that came before install() is one that it can live with.
INSTALL_AGAIN = "'pyheapdump' in sys.modules and sys.modules['pyheapdump'].install(); "


@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_sandbox(tmp_path: Path, error: str) -> None:
    """Neither clone (nor its kin) nor process_vm_readv."""
    crash = crash_with(tmp_path, f"import errno; crasher.forbid(errno.{error}, 56, 57, 58, 435, 310); {INSTALL_AGAIN}")
    assert crash.dump.facts["snapshot"] == "in place"
    assert_nothing_is_missing(crash.dump)


def test_damaged_object_in_a_sandbox(tmp_path: Path) -> None:
    """Reading in place meets a pointer into nothing: that costs the object, and the signal stays the first one."""
    damage = """
        import ctypes, errno
        damaged = [["a list of", "two"]]
        ctypes.memmove(id(damaged[0]) + 24, (0x5a5a5000).to_bytes(8, "little"), 8)
        crasher.forbid(errno.EPERM, 56, 57, 58, 435, 310)
        """
    damage += f"{INSTALL_AGAIN}\n        "
    text = STACK.format(crash=damage + "crasher.crash('division_by_zero')")
    crash = run_crash(tmp_path, text, signal.SIGFPE, compare=False, whole=False)
    check_cut(crash)


def test_no_more_descriptors(tmp_path: Path) -> None:
    use_up = """
        opened = []
        try:
            while True:
                opened.append(os.dup(0))
        except OSError:
            pass
        """
    crash = crash_with(tmp_path, LIMIT.format(name="NOFILE", value=64) + use_up)
    assert_nothing_is_missing(crash.dump)


def test_no_descriptors_and_no_processes(tmp_path: Path) -> None:
    """In place, and no descriptor to be had: a dump, or a line that says why there is none."""
    use_up = LIMIT.format(name="NOFILE", value=3) + "import errno; crasher.forbid(errno.EPERM, 56, 57, 58, 435); "
    ended = run_program(Subject(tmp_path, STACK.format(crash=use_up + CRASH)))
    if ended.dumps:
        check_stack(open_only_dump(ended, STACK.format(crash=use_up + CRASH)))
    else:
        assert "no dump" in end_without_dump(ended)


# --- room for the file ------------------------------------------------------------------------------------------

# More than fits, and known names that do: the stacks come first.
LARGE = "import random; large = [random.Random(i).randbytes(4096).hex() for i in range(1000)]; "


@pytest.mark.parametrize("action", ["SIG_IGN", "SIG_DFL"])
def test_file_size_is_limited(tmp_path: Path, action: str) -> None:
    """Python ignores SIGXFSZ; a program may not."""
    preparation = f"signal.signal(signal.SIGXFSZ, signal.{action}); "
    text = STACK.format(crash=LARGE + preparation + LIMIT.format(name="FSIZE", value=300_000) + CRASH)
    crash = run_crash(tmp_path, text, signal.SIGSEGV, compare=False, whole=False)
    check_cut(crash)
    assert crash.ended.only_dump.stat().st_size <= 300_000
    assert b"cut" in crash.ended.stderr


IN_PRIVATE_NAMESPACE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]


@AS_ROOT
def test_small_file_system(tmp_path: Path) -> None:
    """1 MiB of tmpfs: it fills up in the middle."""
    text = STACK.format(crash=LARGE + CRASH)
    script = 'mount -t tmpfs -o size=1m none "$PYHEAPDUMP_DIR" && { "$@"; echo $?; cp "$PYHEAPDUMP_DIR"/* "$SAVED"; }'
    saved = tmp_path / "saved"
    saved.mkdir()
    ended = run_program(
        Subject(tmp_path, text), before=[*IN_PRIVATE_NAMESPACE, script, "sh"], environment={"SAVED": str(saved)}
    )
    assert ended.stdout == b"%d\n" % (128 + signal.SIGSEGV), ended.stderr
    assert len(ended.own_lines) == 1 and b"No space left on device" in ended.own_lines[0]
    (path,) = saved.iterdir()
    assert path.suffix == ".dump" and path.stat().st_size <= 1 << 20
    check_cut(Crash(ended, pyheapdump.load(path), text))


GONE = "os.rmdir(os.environ['PYHEAPDUMP_DIR']); "


def test_directory_has_gone(tmp_path: Path) -> None:
    """It is made again."""
    (tmp_path / "gone").mkdir()
    ended = run_program(
        Subject(tmp_path, STACK.format(crash=GONE + CRASH)), environment={"PYHEAPDUMP_DIR": str(tmp_path / "gone")}
    )
    check_end(ended, signal.SIGSEGV)
    (path,) = (tmp_path / "gone").iterdir()
    assert pyheapdump.load(path).missing == []


def test_directory_has_gone_for_good(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "gone").mkdir()
    ended = run_program(
        Subject(tmp_path, STACK.format(crash=GONE + f"open({str(tmp_path / 'gone')!r}, 'w').close(); " + CRASH)),
        environment={"PYHEAPDUMP_DIR": str(tmp_path / "gone")},
    )
    assert "Not a directory" in end_without_dump(ended)


def test_directory_is_a_file(tmp_path: Path) -> None:
    subject = Subject(tmp_path, STACK.format(crash=CRASH))
    ended = run_program(subject, environment={"PYHEAPDUMP_DIR": str(subject.path)})
    assert "Not a directory" in end_without_dump(ended)


@AS_ROOT
def test_directory_is_read_only(public_place: Path) -> None:
    (public_place / "dumps").chmod(0o555)
    ended = run_program(Subject(public_place, STACK.format(crash=BECOME_NOBODY + CRASH)))
    assert "Permission denied" in end_without_dump(ended)
    assert list((public_place / "dumps").iterdir()) == []


@AS_ROOT
def test_without_proc(tmp_path: Path) -> None:
    """In some containers, and after chroot, there is no /proc."""
    text = STACK.format(crash=CRASH)
    script = 'mount -t tmpfs none /proc && exec "$@"'
    ended = run_program(Subject(tmp_path, text), before=[*IN_PRIVATE_NAMESPACE, script, "sh"])
    check_end(ended, signal.SIGSEGV)
    check_stack(open_only_dump(ended, text))


@AS_ROOT
def test_another_user(public_place: Path) -> None:
    """A process that changed its user may not read /proc/self, which is root's then."""
    crash = crash_with(public_place, BECOME_NOBODY)
    assert_nothing_is_missing(crash.dump)
    assert crash.ended.only_dump.stat().st_uid == 65534


# --- standard error ---------------------------------------------------------------------------------------------


def test_standard_error_is_closed(tmp_path: Path) -> None:
    """No descriptor of the dump becomes number 2, so that our line ends up in the file."""
    text = STACK.format(crash="os.close(0); os.close(1); os.close(2); " + CRASH)
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.stderr) == (-signal.SIGSEGV, b"")
    crash = open_only_dump(ended, text)
    check_stack(crash)
    assert_nothing_is_missing(crash.dump)
    assert b"pyheapdump: wrote" not in ended.only_dump.read_bytes()


def test_standard_error_is_full(tmp_path: Path) -> None:
    """A pipe that nobody reads: our line is lost, and nobody waits for it."""
    fill = """
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        try:
            while True:
                os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(write_end, True)
        os.dup2(write_end, 2)
        """
    text = STACK.format(crash=fill + CRASH)
    started = time.monotonic()
    ended = run_program(Subject(tmp_path, text))
    assert time.monotonic() - started < 15
    assert (ended.status, ended.stderr) == (-signal.SIGSEGV, b"")
    crash = open_only_dump(ended, text)
    check_stack(crash)


def test_reader_of_standard_error_has_gone(tmp_path: Path) -> None:
    """SIGPIPE with its default action would end the process by another signal."""
    text = STACK.format(
        crash="signal.signal(signal.SIGPIPE, signal.SIG_DFL); r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w); "
        + CRASH
    )
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.stderr) == (-signal.SIGSEGV, b"")
    check_stack(open_only_dump(ended, text))


# --- signals ----------------------------------------------------------------------------------------------------


def test_blocked_signal(tmp_path: Path) -> None:
    """A fault whose signal is blocked kills at once (signal(7)): no handler runs, and that is as without us."""
    text = STACK.format(crash="signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGSEGV]); " + CRASH)
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.stderr, ended.dumps) == (-signal.SIGSEGV, b"", [])


def test_every_other_signal_is_blocked(tmp_path: Path) -> None:
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.valid_signals()) - {signal.SIGSEGV}); "
    assert_nothing_is_missing(crash_with(tmp_path, block).dump)


def test_parent_that_ignores_its_children(tmp_path: Path) -> None:
    """With SIGCHLD ignored the kernel reaps every child itself: the writer's end must be told in another way."""
    assert_nothing_is_missing(crash_with(tmp_path, "signal.signal(signal.SIGCHLD, signal.SIG_IGN); ").dump)


def test_deadline(tmp_path: Path) -> None:
    """A heap that takes longer than crash_timeout: the process ends in time, and the file has what comes first."""
    large = "large = [{'id': i, 'text': str(i)} for i in range(700_000)]; "
    text = STACK.format(crash=large + CRASH)
    started = time.monotonic()
    ended = run_program(Subject(tmp_path, text, install="crash_timeout=0.1"))
    assert time.monotonic() - started < 20
    assert (ended.status, ended.other_stderr, len(ended.own_lines)) == (-signal.SIGSEGV, b"", 1)
    # It ends by itself when most of the time is over; on a busy machine it is killed, and keeps its temporary name.
    (path,) = (tmp_path / "dumps").iterdir()
    check_cut(Crash(ended, pyheapdump.load(path), text))
