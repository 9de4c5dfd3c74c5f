# SPDX-License-Identifier: Apache-2.0
"""A dump is there, or one line says why not, when files, names, descriptors and stderr are not as they should be."""

import fcntl
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, List

import pyheapdump
import pytest
from support.subject import FAILING, Subject, dumps_in, run_python

CRASH = "import ctypes; ctypes.string_at(0)\n"
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="privileges can be dropped by root alone")


# --- descriptors ------------------------------------------------------------------------------------------------

USED_UP = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))

    def tried(call):
        try:
            call()
        except Exception as error:
            os.write(1, repr(error).encode())

    def serve(order):
        files = []
        try:
            while True:
                files.append(open("/dev/null"))
        except OSError:
            {failure}

    serve({{"id": 1}})
"""


DUMPS = [
    "pyheapdump.dump()",
    "pyheapdump.dump_once()",
    "pyheapdump.dump(os.path.join(os.environ['PYHEAPDUMP_DIR'], 'python_heap_1_1.dump'))",
]
HANDLED = [f"tried(lambda: {call})" for call in DUMPS]


@pytest.mark.parametrize(
    ("failure", "installed"),
    [("raise", True), ("ctypes.string_at(8)", True), *[(failure, True) for failure in HANDLED]]
    + [(failure, False) for failure in HANDLED],
)
def test_used_up_descriptors(tmp_path: Path, failure: str, installed: bool) -> None:
    """The failure that is told of in no other way leaves its dump."""
    text = "import ctypes, pyheapdump\n" + textwrap.dedent(USED_UP.format(failure=failure))
    ended = Subject(tmp_path, text, install="" if installed else None).run()
    assert ended.stdout == b""
    with pyheapdump.load(ended.only_dump) as dump:
        frames = [frame for thread in dump.threads for frame in thread.frames]
        (served,) = [frame for frame in frames if frame.f_code.co_name == "serve"] or [dump.traceback.tb_next.tb_frame]
        assert served.f_locals["order"] == {"id": 1} and len(served.f_locals["files"]) > 50


# --- rights -----------------------------------------------------------------------------------------------------


def let_others_in(directory: Path) -> None:
    """Below pytest's own folders, too."""
    for place in [directory, *directory.parents][:3]:
        place.chmod(place.stat().st_mode | 0o011)


DROPPED = """
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid({ids})
    {failure}
"""


@needs_root
@pytest.mark.parametrize("ids", ["65534, 65534, 65534", "0, 65534, 0"])
@pytest.mark.parametrize("failure", ["1 / 0", "import ctypes; ctypes.string_at(0)", "os.kill(os.getpid(), 10)"])
@pytest.mark.parametrize("made", [True, False])
def test_dropped_privileges(tmp_path: Path, ids: str, failure: str, made: bool) -> None:
    """Root's directory is nobody's: the dump goes where it would go without."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    temporary.chmod(0o1777)
    let_others_in(tmp_path)
    subject = Subject(tmp_path, DROPPED.format(ids=ids, failure=failure), install="register=10")
    subject.dump_directory.chmod(0o755 if not made else 0o700)
    wanted = subject.dump_directory if made else subject.dump_directory / "not" / "made"
    ended = subject.run(environment={"TMPDIR": str(temporary), "PYHEAPDUMP_DIR": str(wanted)})
    assert ended.dumps == []
    (path,) = dumps_in(temporary)
    (line,) = ended.own_lines
    assert f"pyheapdump: wrote {path} (".encode() in line and f"; not in {wanted}: Permission denied".encode() in line
    assert path.stat().st_uid == NOBODY and path.stat().st_mode & 0o777 == 0o600
    pyheapdump.load(path).close()


@needs_root
def test_asked_for_dump_does_not_go_elsewhere(tmp_path: Path) -> None:
    text = DROPPED.format(ids="65534, 65534, 65534", failure="import pyheapdump; pyheapdump.dump()")
    subject = Subject(tmp_path, text)
    subject.dump_directory.chmod(0o700)
    let_others_in(tmp_path)
    ended = subject.run(environment={"TMPDIR": str(tmp_path)})
    assert b"PermissionError: [Errno 13] Permission denied: '%s'" % str(subject.dump_directory).encode() in ended.stderr


@needs_root
@pytest.mark.parametrize("failure", ["1 / 0", "import ctypes; ctypes.string_at(0)"])
def test_directory_that_cannot_be_listed(tmp_path: Path, failure: str) -> None:
    """Dumps may be put there, as into a letter box."""
    subject = Subject(tmp_path, DROPPED.format(ids="65534, 65534, 65534", failure=failure), install="max_dumps=1")
    subject.dump_directory.chmod(0o1733)
    let_others_in(tmp_path)
    ended = subject.run()
    assert len(ended.dumps) == 1 and len(ended.own_lines) == 1, ended.stderr.decode()


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["python_heap_\u00b2_0.dump.part", "python_heap_1_\u0663.dump", "python_heap_-1_0.dump"]
)
def test_names_that_only_look_like_ours(tmp_path: Path, name: str) -> None:
    subject = Subject(tmp_path, FAILING, install="max_dumps=1")
    (subject.dump_directory / name).mkdir()
    ended = subject.run()
    left = {path.name for path in subject.dump_directory.iterdir()} - {name}
    assert (subject.dump_directory / name).exists() and len(left) == 1, ended.stderr.decode()
    assert left.pop().encode() in ended.own_lines[0]


APART = ["unshare", "--pid", "--fork", "--mount-proc"]


def can_be_apart() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 0


def test_containers_with_one_pid_on_one_volume(tmp_path: Path) -> None:
    """All fail at once, and each finds its dump where its line says; no one takes another's for an abandoned one."""
    if not can_be_apart():
        pytest.skip("this machine gives no pid namespaces")
    text = f"""
import os, sys, time, pyheapdump
pyheapdump.install({str(tmp_path / "dumps")!r}, max_dumps=6)
heap = [{{"n": number}} for number in range(20_000)]
while time.time() < float(sys.argv[1]):
    time.sleep(0.001)
raise ConnectionError(sys.argv[2])
"""
    (tmp_path / "fails.py").write_text(text)
    start = str(time.time() + 3)
    commands = [[*APART, sys.executable, str(tmp_path / "fails.py"), start, f"number {i}"] for i in range(6)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for command in commands]
    said = [process.communicate(timeout=60)[1].decode() for process in running]
    for number, text in enumerate(said):
        line = text.splitlines()[-1]
        assert line.startswith("pyheapdump: wrote "), text
        with pyheapdump.load(line.split()[2]) as dump:
            assert dump.exception.args == (f"number {number}",)
    assert len(dumps_in(tmp_path / "dumps")) == 6


def test_dump_that_is_being_written_stays(tmp_path: Path) -> None:
    """Whoever writes it, wherever, has it locked; its age and the id in its name do not matter."""
    subject = Subject(tmp_path, FAILING, install="max_dumps=1")
    written, abandoned = (subject.dump_directory / f"python_heap_1_{number}.dump.part" for number in (1, 2))
    for path in (written, abandoned):
        path.write_bytes(b"x")
        os.utime(path, (10**9, 10**9))
    with open(written, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        ended = subject.run()
    assert len(ended.dumps) == 1 and written.exists() and not abandoned.exists()


@needs_root
def test_dumps_of_other_users_do_not_count(tmp_path: Path) -> None:
    subject = Subject(tmp_path, FAILING, install="max_dumps=2")
    first = subject.run().only_dump
    others = [subject.dump_directory / f"python_heap_1_{number}.dump" for number in range(5)]
    for path in others:
        path.write_bytes(b"x")
        os.chown(path, NOBODY, NOBODY)
        os.utime(path, (2 * 10**9, 2 * 10**9))
    ended = subject.run()
    assert first in ended.dumps and len(ended.dumps) == 2 + len(others)


def test_old_dump_stays_when_there_is_no_new_one(tmp_path: Path) -> None:
    subject = Subject(tmp_path, FAILING, install="max_dumps=1, max_bytes=1")
    first = subject.run().only_dump
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + textwrap.dedent(FAILING)
    ended = Subject(tmp_path, limited, install="max_dumps=1").run()
    assert ended.only_dump == first and b"pyheapdump: no dump" in ended.stderr


# --- file systems -----------------------------------------------------------------------------------------------


def shim(directory: Path, source: str) -> str:
    """A library that stands for some functions of libc's."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not there: nothing can stand for a strange file system")
    path = directory / "shim.so"
    (directory / "shim.c").write_text("#define _GNU_SOURCE\n" + textwrap.dedent(source))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(path), str(directory / "shim.c"), "-ldl"], check=True)
    return str(path)


NO_LINKS = """
    #include <errno.h>
    int linkat(int a, const char *b, int c, const char *d, int e) { errno = EPERM; return -1; }
    int renameat2(int a, const char *b, int c, const char *d, unsigned e) { errno = EINVAL; return -1; }
"""
NO_NAMES = NO_LINKS + "int renameat(int a, const char *b, int c, const char *d) { errno = EIO; return -1; }\n"
LOST_ANSWER = """
    #include <errno.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    int linkat(int a, const char *b, int c, const char *d, int e)
    {
        if (syscall(SYS_linkat, a, b, c, d, e) == 0)
            errno = EEXIST;
        return -1;
    }
"""


@pytest.mark.parametrize("failure", ["1 / 0\n", CRASH])
@pytest.mark.parametrize("source", [NO_LINKS, LOST_ANSWER])
def test_file_system_without_links(tmp_path: Path, source: str, failure: str) -> None:
    ended = Subject(tmp_path, failure).run(environment={"LD_PRELOAD": shim(tmp_path, source)})
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.threads
    assert [path.name for path in ended.only_dump.parent.iterdir()] == [ended.only_dump.name]
    assert b"pyheapdump: wrote " in ended.own_lines[0]


@pytest.mark.parametrize("failure", ["1 / 0\n", CRASH])
def test_complete_dump_that_gets_no_name_is_told(tmp_path: Path, failure: str) -> None:
    ended = Subject(tmp_path, failure).run(environment={"LD_PRELOAD": shim(tmp_path, NO_NAMES)})
    (path,) = (tmp_path / "dumps").iterdir()
    (line,) = ended.own_lines
    assert path.suffix == ".part" and b"the dump is complete" in line and b"Input/output error" in line
    assert path.name[: -len(".part")].encode() in line


NO_ANSWER = """
    #include <dlfcn.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <stdlib.h>
    #include <string.h>
    #include <dirent.h>
    #include <unistd.h>
    #include <sys/stat.h>

    static void ask(const char *path)
    {
        while (strstr(path, "no_answer") && getenv("NO_ANSWER"))
            pause();
    }

    DIR *opendir(const char *path)
    {
        ask(path);
        return ((DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir"))(path);
    }

    int mkdir(const char *path, mode_t mode)
    {
        ask(path);
        return ((int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir"))(path, mode);
    }

    int access(const char *path, int mode)
    {
        ask(path);
        return ((int (*)(const char *, int))dlsym(RTLD_NEXT, "access"))(path, mode);
    }

    int open(const char *path, int flags, ...)
    {
        va_list list;
        va_start(list, flags);
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
        va_end(list);
        ask(path);
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
    }
"""


def test_file_system_that_does_not_answer(tmp_path: Path) -> None:
    """It holds neither install() nor the traceback, and the program not longer than the deadline."""
    text = """
        import ctypes, sys, time
        import pyheapdump
        ctypes.CDLL(None).setenv(b"NO_ANSWER", b"1", 1)
        started = time.monotonic()
        pyheapdump.capture.CHILD_GRACE = 1.0
        pyheapdump.install("no_answer", max_seconds=1)
        print(time.monotonic() - started, flush=True)
        1 / 0
    """
    preload = shim(tmp_path, NO_ANSWER)
    ended = Subject(tmp_path, text, install=None).run(seconds=40, environment={"LD_PRELOAD": preload})
    assert ended.status == 1 and float(ended.stdout) < 5
    error, own = ended.stderr.rstrip().rsplit(b"\n", 1)
    assert error.endswith(b"ZeroDivisionError: division by zero")
    assert own.startswith(b"pyheapdump: no dump at ") and own.endswith(b"(the child overran its deadline)")


# --- stderr -----------------------------------------------------------------------------------------------------


def full_pipe() -> List[int]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return [reader, writer]


@pytest.mark.parametrize("failure", ["os._exit(0) if pyheapdump.dump_once(ValueError()) else None\n", CRASH])
@pytest.mark.parametrize("install", ["", "'/proc/nowhere'"])
def test_stderr_that_nobody_reads(tmp_path: Path, failure: str, install: str) -> None:
    reader, writer = full_pipe()
    subject = Subject(tmp_path, "import pyheapdump\n" + failure, install=install)
    try:
        environment = {**os.environ, "PYHEAPDUMP_DIR": str(subject.dump_directory), "SUBJECT_INSTALL": "1"}
        command = [sys.executable, str(subject.path)]
        ended = subprocess.run(command, stderr=writer, env=environment, timeout=30, check=False, cwd=tmp_path)
    finally:
        os.close(reader)
        os.close(writer)
    assert ended.returncode in (0, -11)
    assert len(dumps_in(subject.dump_directory)) == (not install)


@pytest.mark.parametrize(
    "failure", ["1 / 0", "import ctypes; ctypes.string_at(0)", "os.kill(os.getpid(), 10); time.sleep(1)"]
)
@pytest.mark.parametrize("place", ["", "'/proc/nowhere', "])
def test_file_of_the_program_that_is_not_stderr(tmp_path: Path, failure: str, place: str) -> None:
    """Started without stderr, the program's first file has the descriptor 2: nothing of ours gets into it."""
    text = f"""
        import os, time
        data = open("orders.db", "wb", 0)
        assert data.fileno() == 2
        data.write(b"orders")
        {failure}
    """
    subject = Subject(tmp_path, text, install=f"{place}register=10")
    subject.run(before=["sh", "-c", 'exec "$@" 2>&-', "sh"])
    assert (tmp_path / "orders.db").read_bytes() == b"orders"
    assert len(dumps_in(subject.dump_directory)) == (not place)


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_file_of_the_program_in_the_place_of_a_closed_stderr(tmp_path: Path, mode: str) -> None:
    """One that is written to as a log is may be stderr's successor."""
    text = f"""
        import ctypes, os
        os.close(2)
        data = open("orders.db", {mode!r}, 0)
        data.write(b"orders")
        ctypes.string_at(0)
    """
    ended = Subject(tmp_path, text).run()
    found = (tmp_path / "orders.db").read_bytes()
    assert len(ended.dumps) == 1 and (found == b"orders" if mode == "wb" else b"pyheapdump: wrote" in found)


# --- the head of the file ---------------------------------------------------------------------------------------

PLACES = {
    "dump": "def asks():\n    return pyheapdump.dump()\nasks()",
    "without waiting": "def asks():\n    return pyheapdump.dump(wait=False)\nasks()",
    "save_dump": "def asks():\n    return pyheapdump.save_dump(os.environ['PYHEAPDUMP_DIR'] + '/python_heap_1_1.dump')\nasks()",
    "dump_once": "def asks():\n    try:\n        1 / 0\n    except Exception:\n        pyheapdump.dump_once()\nasks()",
    "decorated": "@pyheapdump.dump_on_exception(reraise=False)\ndef needs(one):\n    pass\ndef asks():\n    needs()\nasks()",
    "generator": (
        "@pyheapdump.dump_on_exception(reraise=False)\ndef needs(one):\n    yield\ndef asks():\n    list(needs())\nasks()"
    ),
    "original": (
        "@functools.partial(pyheapdump.dump_on_unhandled_exceptions, reraise=False)\ndef needs(one):\n    pass\n"
        "def asks():\n    needs()\nasks()"
    ),
    "refused": (
        "def asks():\n    try:\n        pyheapdump.install(level=99)\n    except ValueError as error:\n"
        "        pyheapdump.dump_once(error)\nasks()"
    ),
}


@pytest.mark.parametrize("way", PLACES)
def test_place_is_the_program_s(tmp_path: Path, way: str) -> None:
    """Neither the subject nor the summary names a line of ours."""
    path = Subject(tmp_path, f"import functools, pyheapdump\n{PLACES[way]}\n", install=None).run().only_dump
    with pyheapdump.load(path) as dump:
        subject = dict(dump.headers)["Subject"]
    assert " in asks)" in subject and "(subject.py:" in subject, subject
    summary = run_python(["-m", "pyheapdump.view", "--summary", str(path)]).stdout.decode()
    (where,) = [line for line in summary.splitlines() if line.startswith("  where ")]
    assert where.endswith(" in asks") and "subject.py:" in where


def test_what_the_head_tells_to_install_can_be_installed(tmp_path: Path) -> None:
    """There is an older package of this name, which cannot open the file."""
    path = Subject(tmp_path, "1 / 0\n").run().only_dump
    version = ".".join(pyheapdump.__version__.split(".")[:2])
    lines = path.read_bytes().partition(b"\n--")[0].decode().splitlines()
    assert f'    pip install "pyheapdump>={version}"' in lines
    assert f"    python -m pyheapdump.view {path.name}" in lines


@pytest.mark.parametrize("directory", [5, 1.5, [], True])
def test_directory_that_is_no_path(directory: Any) -> None:
    with pytest.raises(TypeError, match="^directory must be a path, not "):
        pyheapdump.install(directory)


def test_directory_may_be_any_path(tmp_path: Path) -> None:
    for number, directory in enumerate([tmp_path / "a", str(tmp_path / "a"), os.fsencode(tmp_path / "a")]):
        text = f"import pathlib, pyheapdump\npyheapdump.install(pathlib.{directory!r})\n1 / 0\n"
        text = text if number == 0 else text.replace("pathlib.'", "'").replace("pathlib.b'", "b'")
        Subject(tmp_path, text, install=None).run()
        assert len(dumps_in(tmp_path / "a")) == number + 1
