# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump attach` where it cannot be: one line that names the cause and the remedy, and nothing left."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional

import pytest
from pyheapdump import attach as attaching
from pyheapdump import outside
from support.target import SECONDS, Target, attach, clean_environment, goes_on, wait_until

WAITING = """
    import time
    print("ready", flush=True)
    time.sleep(1000)
"""
NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with Target(tmp_path, WAITING) as started:
        yield started
        assert goes_on(started.pid)


def refused(*arguments: object, status: int = 1, directory: Optional[Path] = None) -> str:
    """What the command says when it cannot; without its name."""
    done = attach(*arguments, directory=directory)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    match = re.fullmatch(r"pyheapdump: (?:attach: )?(.*)\n", done.stderr)
    assert match, done.stderr
    return match[1]


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, text",
    [
        ([], "the following arguments are required: PID; see python -m pyheapdump attach --help"),
        (["x"], "argument PID: invalid int value: 'x'; see python -m pyheapdump attach --help"),
        (["0"], "0 is no process id"),
        (["--stacks", "-1"], "unrecognized arguments: -1; see python -m pyheapdump --help"),
        (["1", "--locals"], "--locals and --native go with --stacks; a dump has both"),
        (["1", "--native"], "--locals and --native go with --stacks; a dump has both"),
        (["1", "--stacks", "-o", "x"], "--stacks writes no file, so there is none to name with --output"),
        (["1", "--max-seconds", "0"], "--max-seconds must be more than 0, not 0.0"),
        (["1", "--wrong"], "unrecognized arguments: --wrong; see python -m pyheapdump attach --help"),
    ],
)
def test_wrong_usage(arguments: list[str], text: str) -> None:
    found = refused(*arguments, status=2)
    assert found == text or arguments == ["--stacks", "-1"]


def test_help_names_every_option() -> None:
    text = attach("--help").stdout
    for option in "--output", "--stacks", "--locals", "--native", "--json", "--no-freeze", "--no-redact":
        assert option in text


# --- processes that cannot be read ------------------------------------------------------------------------------------


def test_nobody_has_this_id() -> None:
    assert refused(99999999999) == "there is no process 99999999999"
    gone = subprocess.Popen(["true"])
    gone.wait(SECONDS)
    assert refused(gone.pid) == f"there is no process {gone.pid}"


@pytest.mark.parametrize("options", [["--stacks"], [], ["--no-freeze"]], ids=["stacks", "dump", "not stopped"])
@pytest.mark.parametrize("command", [["sleep", "1000"], ["sh", "-c", "read line"]], ids=["sleep", "a shell"])
def test_a_process_without_python(command: list[str], options: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
        try:
            said = refused(other.pid, *options, directory=tmp_path)
            assert said == f"process {other.pid} ({command[0]}): no Python runs in it"
            assert goes_on(other.pid)
        finally:
            other.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_zombie() -> None:
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: "State:\tZ" in Path(f"/proc/{zombie.pid}/status").read_text())
    said = refused(zombie.pid)
    zombie.wait(SECONDS)
    assert said == (
        f"process {zombie.pid} has ended already (a zombie, its parent {os.getpid()} has not waited for it)"
    )


def test_a_thread_is_no_process(tmp_path: Path) -> None:
    text = """
        import threading, time
        thread = threading.Thread(target=time.sleep, args=(1000,), daemon=True)
        thread.start()
        print(thread.native_id, flush=True)
        time.sleep(1000)
    """
    with Target(tmp_path, text) as target:
        assert refused(target.said) == f"{target.said} is a thread of process {target.pid}: attach to that"


def test_this_process() -> None:
    with pytest.raises(outside.OutsideError, match=r"is this one: use pyheapdump\.dump\(\)"):
        attaching.attach(attaching.Process(os.getpid()))


@as_root
def test_a_process_of_the_kernel() -> None:
    kernel = next((pid for pid in os.listdir("/proc") if pid.isdigit() and is_of_kernel(pid)), None)
    if kernel is None:
        pytest.skip("no thread of the kernel is to be seen here (a pid namespace)")
    assert refused(kernel) == f"process {kernel} ({attaching.command_of(kernel)}) is a thread of the kernel"


def is_of_kernel(pid: str) -> bool:
    status = attaching.status_of(int(pid))
    return status.get("PPid") == "2" and "VmSize" not in status


def test_a_process_that_is_traced_already(target: Target) -> None:
    tracing = """
        import ctypes, sys, time
        PTRACE_SEIZE = 0x4206
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
        print("ready", flush=True)
        time.sleep(1000)
    """
    (target.path.parent / "tracer").mkdir()
    with Target(target.path.parent / "tracer", tracing, arguments=[str(target.pid)]) as tracer:
        said = refused(target.pid)
    assert said == (
        f"no permission to read process {target.pid}: process {tracer.pid} "
        f"({attaching.command_of(str(os.getpid()))}) traces it already; end that one first"
    )


# Interpreters may lie where nobody else can read them: the command becomes another user when it has read all its files.
AS_NOBODY = """
import contextlib, io, os, sys, tempfile
import pyheapdump.__main__, pyheapdump.view.process_text
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    pyheapdump.__main__.main(["attach", "--help"])
os.setgroups([])
os.setgid({0})
os.setuid({0})
sys.exit(pyheapdump.__main__.main(["attach", *sys.argv[1:]]))
""".format(NOBODY)


def as_nobody(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *map(str, arguments)],
        capture_output=True, text=True, timeout=SECONDS, check=False, env=clean_environment(),
    )  # fmt: skip


@as_root
def test_a_process_of_another_user(target: Target) -> None:
    done = as_nobody(target.pid, "--stacks")
    assert (done.returncode, done.stderr) == (
        1,
        f"pyheapdump: attach: no permission to read process {target.pid}: it belongs to user 0, this is user {NOBODY}; "
        "run as that user or with sudo\n",
    )


@as_root
def test_a_directory_of_another_user(target: Target, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    done = as_nobody(target.pid, "-o", closed / "a.dump")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Permission denied" in done.stderr


STATUS = {"Uid": "1000\t1000\t1000\t1000", "TracerPid": "0", "Seccomp": "0"}


@pytest.mark.parametrize(
    "user, scope, own, text",
    [
        (1000, 1, {}, "kernel.yama.ptrace_scope is 1: run with sudo, or `sysctl kernel.yama.ptrace_scope=0`"),
        (
            1000,
            3,
            {},
            "kernel.yama.ptrace_scope is 3: nobody may trace until the machine starts anew; a program that called",
        ),
        (
            0,
            3,
            {},
            "kernel.yama.ptrace_scope is 3: nobody may trace until the machine starts anew; a program that called",
        ),
        (1000, 0, {}, "the capability SYS_PTRACE is missing; in a container start it with --cap-add=SYS_PTRACE"),
        (1000, 0, {"Seccomp": "2"}, "the seccomp profile of this container forbids ptrace; run it with --cap-add"),
        (0, 0, {"Seccomp": "2"}, "the seccomp profile of this container forbids ptrace; run it with --cap-add"),
        (0, 0, {"CapEff": "000001ffffffffff"}, "the kernel does not say why, and this process has the capability"),
        (0, 0, {}, "the capability SYS_PTRACE is missing; in a container start it with --cap-add=SYS_PTRACE"),
    ],
)
def test_what_stands_in_the_way(
    monkeypatch: pytest.MonkeyPatch, user: int, scope: int, own: Dict[str, str], text: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(attaching, "yama_scope", lambda: scope)
    monkeypatch.setattr(attaching, "status_of", lambda pid: {**STATUS, **own})
    assert attaching.cause_of_refusal(4711, dict(STATUS)).startswith(text)


@as_root
@pytest.mark.parametrize("install", ["", "import pyheapdump; pyheapdump.install(signals=False)"])
def test_yama(tmp_path: Path, install: str) -> None:
    """One's own process, but no child: refused, whether it is asked or read."""
    if attaching.yama_scope() != 1:
        pytest.skip(
            "kernel.yama.ptrace_scope is not 1 here, or the kernel has no Yama; make vm has it in a virtual machine"
        )
    text = """
        import ctypes, os, time
        {1}
        os.setgid({0})
        os.setuid({0})
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which ended with the other user
        print("ready", flush=True)
        time.sleep(1000)
    """.format(NOBODY, install)
    with Target(tmp_path, text, head="") as target:
        done = as_nobody(target.pid, "--stacks")
        assert (done.returncode, done.stderr) == (
            1,
            f"pyheapdump: attach: no permission to read process {target.pid}: kernel.yama.ptrace_scope is 1: run with "
            "sudo, or `sysctl kernel.yama.ptrace_scope=0`; in a container give it the capability SYS_PTRACE\n",
        )
        assert target.process.poll() is None


@as_root
def test_a_process_that_cannot_be_dumped_by_its_own_user(tmp_path: Path) -> None:
    text = """
        import ctypes, os, time
        os.setgid({0})
        os.setuid({0})
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
        print("ready", flush=True)
        time.sleep(1000)
    """.format(NOBODY)
    with Target(tmp_path, text) as target:
        done = as_nobody(target.pid, "--stacks")
    assert done.returncode == 1
    assert re.search(r"cannot be traced \(set-user-id or PR_SET_DUMPABLE 0\)|yama", done.stderr), done.stderr


@as_root
@pytest.mark.parametrize("answer", [errno.EPERM, errno.ENOSYS])
def test_seccomp(target: Target, answer: int) -> None:
    """ptrace is refused by a filter: the command says that it is one."""
    filtered = """
        import ctypes, struct, sys
        import pyheapdump.__main__, pyheapdump.commands.attach
        libc = ctypes.CDLL(None)
        ALLOW, REFUSE, PTRACE = 0x7FFF0000, 0x00050000 | ANSWER, 101
        filters = b"".join(
            struct.pack("HBBI", *one)
            for one in [(0x20, 0, 0, 0), (0x15, 0, 1, PTRACE), (0x06, 0, 0, REFUSE), (0x06, 0, 0, ALLOW)]
        )
        kept = ctypes.create_string_buffer(filters)
        program = struct.pack("HxxxxxxP", 4, ctypes.addressof(kept))
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
        sys.exit(pyheapdump.__main__.main(["attach", *sys.argv[1:]]))
    """
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", f"ANSWER = {answer}\n" + textwrap.dedent(filtered), str(target.pid), "--stacks"],
        capture_output=True, text=True, timeout=SECONDS, check=False, env=clean_environment(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        f"pyheapdump: attach: no permission to read process {target.pid}: the seccomp profile of this container forbids "
        "ptrace; run it with --cap-add=SYS_PTRACE\n",
    )


# --- files that cannot be written -------------------------------------------------------------------------------------


def test_a_file_that_exists(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("mine")
    assert refused(target.pid, "-o", path) == f"{path} exists, and a dump never replaces a file: give another name"
    assert path.read_text() == "mine"


def test_a_directory_that_does_not_exist(target: Target, tmp_path: Path) -> None:
    assert refused(target.pid, "-o", tmp_path / "no" / "a.dump") == f"{tmp_path / 'no'}: No such file or directory"


def test_a_directory_that_takes_no_files(target: Target) -> None:
    assert refused(target.pid, "-o", "/proc/a.dump").startswith("no dump can be written in /proc: ")


def test_a_file_system_that_takes_a_part(target: Target, tmp_path: Path) -> None:
    """The part is kept, and said to be one."""
    for number, options in enumerate([[], ["--json"]]):
        path = tmp_path / f"{number}.dump"
        command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid), "-o", str(path), *options]
        limited = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *command]
        done = subprocess.run(limited, capture_output=True, text=True, timeout=SECONDS, env=clean_environment())
        assert done.returncode == 1
        assert done.stderr == f"pyheapdump: attach: {path} holds a part of the dump alone: File too large\n"
        if not options:
            assert re.match(rf"wrote {path} \([\d.]+ KiB; cut: File too large; process {target.pid} ", done.stdout)


def test_a_dump_that_is_not_complete(target: Target, tmp_path: Path) -> None:
    done = attach(target.pid, "-o", tmp_path / "a.dump", "--max-seconds", "0.000001")
    assert (done.returncode, done.stderr) == (0, "")
    assert "KiB; not complete, it says what is missing; process" in done.stdout
