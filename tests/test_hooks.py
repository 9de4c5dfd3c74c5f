# SPDX-License-Identifier: Apache-2.0
"""Hooks, where dumps go, and how the program ends (promise 2).

Each test runs a program with pyheapdump and, where its end matters, without: exit status and stderr must be the same
byte for byte apart from our own lines. See support/subject.py.
"""

import ast
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, List, Optional

import pyheapdump
import pytest
from support.subject import DUMP_NAME, Ended, Subject, run_python

FAILING = """
    def fail(order):
        missing = order["items"]
        return missing[5]

    def main():
        order_number = 4711
        fail({"items": [1, 2]})

    main()
"""


def run_both(place: Path, text: str, install: Optional[str] = "", dumps: int = 1, **options: Any) -> Ended:
    """Runs the program with and without pyheapdump and checks that it ends the same; the end with it."""
    subject = Subject(place, text, install)
    without = subject.run(installed=False, **options)
    ended = subject.run(**options)
    assert without.dumps == []
    assert comparable(ended.other_stderr) == comparable(without.stderr)
    assert (ended.status, ended.stdout) == (without.status, without.stdout)
    assert len(ended.dumps) == dumps, ended.stderr.decode()
    for path in ended.dumps:
        assert pyheapdump.load(path).exception is not None
    return ended


def comparable(stderr: bytes) -> str:
    """Without what differs from run to run: addresses, and the counts 3.13 reports of an object it cannot print."""
    return re.sub(r"\b0x[0-9a-f]+|refcount : \d+", "...", stderr.decode(errors="surrogateescape"))


def frame_names(traceback_: Any) -> List[str]:
    names = []
    while traceback_ is not None:
        names.append(traceback_.tb_frame.f_code.co_name)
        traceback_ = traceback_.tb_next
    return names


# --- the doors --------------------------------------------------------------------------------------------------


def test_uncaught_exception(tmp_path: Path) -> None:
    ended = run_both(tmp_path, FAILING)
    dump = pyheapdump.load(ended.only_dump)
    assert (type(dump.exception), dump.exception.args) == (IndexError, ("list index out of range",))
    assert dump.reason == "exception"
    assert frame_names(dump.traceback) == ["<module>", "main", "fail"]
    assert dump.traceback.tb_next.tb_frame.f_locals["order_number"] == 4711
    assert dump.traceback.tb_next.tb_next.tb_frame.f_locals == {"order": {"items": [1, 2]}, "missing": [1, 2]}


def test_file_is_private_and_named_after_the_process(tmp_path: Path) -> None:
    ended = run_both(tmp_path, "import os; print(os.environ.get('SUBJECT_INSTALL') and 0); 1 / 0\n")
    assert stat.S_IMODE(ended.only_dump.stat().st_mode) == 0o600
    assert DUMP_NAME.fullmatch(ended.only_dump.name)
    assert list(ended.only_dump.parent.iterdir()) == [ended.only_dump], "temporary files stayed"


def test_name_has_the_process_id(tmp_path: Path) -> None:
    ended = Subject(tmp_path, "import os; print(os.getpid(), flush=True); 1 / 0\n").run()
    assert ended.only_dump.name == f"python_heap_{int(ended.stdout)}_0.dump"


def test_mode_is_private_whatever_the_umask(tmp_path: Path) -> None:
    ended = run_both(tmp_path, "import os; os.umask(0); 1 / 0\n")
    assert stat.S_IMODE(ended.only_dump.stat().st_mode) == 0o600


def test_one_line_names_file_and_command(tmp_path: Path) -> None:
    ended = run_both(tmp_path, FAILING)
    assert len(ended.own_lines) == 1
    line = ended.own_lines[0].decode()
    assert str(ended.only_dump) in line and "python -m pyheapdump.view" in line


def test_quiet_says_nothing(tmp_path: Path) -> None:
    ended = run_both(tmp_path, FAILING, install="quiet=True")
    assert ended.own_lines == []


def test_no_exception_no_dump(tmp_path: Path) -> None:
    ended = run_both(tmp_path, "print('fine')\n", dumps=0)
    assert (ended.status, ended.stdout, ended.stderr) == (0, b"fine\n", b"")


@pytest.mark.parametrize(
    "statement",
    [
        "raise SystemExit",
        "raise SystemExit(3)",
        "raise SystemExit('text for stderr')",
        "import sys; sys.exit({'an': 'object'})",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "class Leave(SystemExit): pass\nraise Leave(5)",
    ],
)
def test_leaving_is_no_crash(tmp_path: Path, statement: str) -> None:
    ended = run_both(tmp_path, statement + "\n", dumps=0)
    assert ended.own_lines == []


@pytest.mark.parametrize(
    "text",
    [
        "def again(n): again(n + 1)\nagain(0)\n",
        "raise ValueError\n",
        "raise ValueError('\\udc80 \\x1b[31m \\u20ac')\n",
        "class E(Exception):\n    def __str__(self): raise TypeError\nraise E\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e\n",
        "raise ValueError('a\\nb\\r\\nc\\n--x')\n",
        "import asyncio\nasync def main():\n    1 / 0\nasyncio.run(main())\n",
        "exec(compile('1 / 0', 'no such file.py', 'exec'))\n",
        "exec(compile('1 / 0', '\\udc80\\x00\\n', 'exec'))\n",
        "def f(): yield 1 / 0\nlist(f())\n",
        "compile('a b', 'bad.py', 'exec')\n",
        "import sys\nsys.tracebacklimit = 0\n1 / 0\n",
        "raise MemoryError('simulated')\n",
        "raise BaseException('base')\n",
        "import sys\nsys.modules.clear()\n1 / 0\n",
        "import sys\nsys.excepthook = None\n1 / 0\n",
        "import os, sys\nsys.stderr.flush()\nos.close(0)\n1 / 0\n",
    ],
    ids=lambda text: text.splitlines()[-1][:30],
)
def test_program_ends_the_same(tmp_path: Path, text: str) -> None:
    """All kinds of ends; a dump is made wherever our hook is the one that runs."""
    replaced = "sys.excepthook = None" in text
    run_both(tmp_path, text, dumps=0 if replaced else 1)


def test_stderr_closed(tmp_path: Path) -> None:
    run_both(tmp_path, "import os\nos.close(2)\n1 / 0\n")


def test_stderr_is_none(tmp_path: Path) -> None:
    run_both(tmp_path, "import sys\nsys.stderr = None\n1 / 0\n")


def test_stderr_object_raises(tmp_path: Path) -> None:
    text = """
        import sys
        class Broken:
            def write(self, text):
                raise RuntimeError("broken stderr")
        sys.stderr = Broken()
        1 / 0
    """
    run_both(tmp_path, text)


def test_program_without_a_file(tmp_path: Path) -> None:
    """python -c: the traceback has a source that is no file."""
    variables = {"PYHEAPDUMP_DIR": str(tmp_path)}
    ended = run_python(["-c", "import pyheapdump\npyheapdump.install()\nx = 5\nx / 0"], environment=variables)
    assert ended.status == 1
    (path,) = tmp_path.iterdir()
    assert pyheapdump.load(path).traceback.tb_frame.f_locals["x"] == 5


def test_thread(tmp_path: Path) -> None:
    text = """
        import threading
        def work(job):
            job_local = [job]
            job_local[9]
        thread = threading.Thread(target=work, args=("job 7",), name="worker-7")
        thread.start()
        thread.join()
        print("main goes on")
    """
    ended = run_both(tmp_path, text)
    assert (ended.status, ended.stdout) == (0, b"main goes on\n")
    dump = pyheapdump.load(ended.only_dump)
    assert type(dump.exception) is IndexError
    assert frame_names(dump.traceback)[-1] == "work"
    assert dump.threads[0].name == "worker-7", "the failing thread comes first"


def test_system_exit_in_a_thread(tmp_path: Path) -> None:
    run_both(tmp_path, "import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()\n", dumps=0)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_child(tmp_path: Path, method: str) -> None:
    text = f"""
        import multiprocessing

        def work(job):
            child_local = {{"job": job}}
            return child_local["none"]

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            process = context.Process(target=work, args=("job 9",), name="child-9")
            process.start()
            process.join()
            print("exit code", process.exitcode)
    """
    ended = run_both(tmp_path, text)
    assert ended.stdout == b"exit code 1\n" and b"Process child-9:" in ended.stderr
    dump = pyheapdump.load(ended.only_dump)
    assert (type(dump.exception), dump.exception.args) == (KeyError, ("none",))
    step = dump.traceback
    while step.tb_next is not None:
        step = step.tb_next
    assert step.tb_frame.f_locals["child_local"] == {"job": "job 9"}
    assert len(ended.own_lines) == 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_leaving_a_multiprocessing_child(tmp_path: Path, method: str) -> None:
    text = f"""
        import multiprocessing, sys
        if __name__ == "__main__":
            process = multiprocessing.get_context({method!r}).Process(target=sys.exit, args=(4,))
            process.start()
            process.join()
            print("exit code", process.exitcode)
    """
    ended = run_both(tmp_path, text, dumps=0)
    assert ended.stdout == b"exit code 4\n"


def test_forked_child_dumps_under_its_own_id(tmp_path: Path) -> None:
    text = """
        import os
        child = os.fork()
        if child == 0:
            raise ValueError("in the child")
        _, status = os.waitpid(child, 0)
        raise KeyError("in the parent")
    """
    ended = run_both(tmp_path, text, dumps=2)
    texts = sorted(pyheapdump.load(path).exception.args[0] for path in ended.dumps)
    assert texts == ["in the child", "in the parent"]


UNRAISABLE = """
    class Bad:
        def __del__(self):
            raise ValueError("in __del__")
    Bad()
    print("main goes on")
"""


def test_unraisable_is_off_by_default(tmp_path: Path) -> None:
    run_both(tmp_path, UNRAISABLE, dumps=0)


def test_unraisable_when_asked(tmp_path: Path) -> None:
    ended = run_both(tmp_path, UNRAISABLE, install="unraisable=True")
    dump = pyheapdump.load(ended.only_dump)
    assert dump.exception.args == ("in __del__",)
    assert frame_names(dump.traceback) == ["__del__"]


def test_dump_without_waiting(tmp_path: Path) -> None:
    """The path comes back at once; the file is there by the time the program has ended."""
    ended = Subject(tmp_path, "import pyheapdump\nprint(pyheapdump.dump(wait=False))\n").run()
    assert (ended.status, ended.stdout.decode().strip()) == (0, str(ended.only_dump)), ended.stderr.decode()
    assert pyheapdump.load(ended.only_dump).reason == "request"


def test_live_dump_on_request(tmp_path: Path) -> None:
    text = """
        import os, pyheapdump
        def work():
            live_local = {"a": [1]}
            return pyheapdump.dump()
        path = work()
        print(path)
        print(pyheapdump.dump(os.path.join(os.path.dirname(path), "named.dump")))
    """
    ended = Subject(tmp_path, text).run()
    first, second = ended.stdout.decode().splitlines()
    assert (ended.status, first) == (0, str(ended.only_dump))
    dump = pyheapdump.load(first)
    assert (dump.reason, dump.exception, dump.traceback) == ("request", None, None)
    assert [f.f_locals for f in dump.threads[0].frames if f.f_code.co_name == "work"] == [{"live_local": {"a": [1]}}]
    assert pyheapdump.load(second).threads[0].frames[0].f_code.co_name == "<module>"


def test_dump_without_install(tmp_path: Path) -> None:
    path = tmp_path / "here.dump"
    script = f"import pyheapdump; print(pyheapdump.dump({str(path)!r}))"
    assert run_python(["-c", script]).stdout.decode().strip() == str(path)
    assert pyheapdump.load(path).reason == "request"


def test_dump_of_a_caught_exception(tmp_path: Path) -> None:
    text = """
        import pyheapdump
        try:
            [][1]
        except IndexError as error:
            print(pyheapdump.dump(exc=error))
    """
    ended = Subject(tmp_path, text).run()
    assert ended.status == 0
    assert type(pyheapdump.load(ended.only_dump).exception) is IndexError


def test_five_dumps_of_one_process(tmp_path: Path) -> None:
    text = "import pyheapdump\nfor i in range(5): print(pyheapdump.dump())\n"
    ended = Subject(tmp_path, text).run()
    assert [DUMP_NAME.fullmatch(path.name)[2] for path in ended.dumps] == list("01234")  # type: ignore[index]
    assert ended.stdout.decode().split() == [str(path) for path in ended.dumps]


# --- chaining ---------------------------------------------------------------------------------------------------


def test_hook_from_before_still_runs(tmp_path: Path) -> None:
    text = """
        import sys, threading
        def mine(kind, value, traceback):
            print("my hook:", kind.__name__, value, traceback is not None, flush=True)
        def threads_mine(args):
            print("my thread hook:", args.exc_type.__name__, flush=True)
        sys.excepthook, threading.excepthook = mine, threads_mine
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        [][0]
    """
    ended = run_both(tmp_path, text, install=None, dumps=2)
    lines = ended.stdout.decode().splitlines()
    assert lines == ["my thread hook: ZeroDivisionError", "my hook: IndexError list index out of range True"]
    assert ended.other_stderr == b""


def test_hook_from_after_that_calls_ours(tmp_path: Path) -> None:
    text = """
        import sys
        def later(*arguments, previous=sys.excepthook):
            print("later hook", flush=True)
            previous(*arguments)
        sys.excepthook = later
        [][0]
    """
    assert run_both(tmp_path, text).stdout == b"later hook\n"


def test_hook_from_after_that_replaces_ours(tmp_path: Path) -> None:
    text = """
        import sys
        sys.excepthook = lambda *arguments: print("replaced", flush=True)
        [][0]
    """
    assert run_both(tmp_path, text, dumps=0).stdout == b"replaced\n"


def test_failing_previous_hook(tmp_path: Path) -> None:
    """The interpreter reports a hook that raises; that report must name the program's hook, with ours or without."""
    text = """
        import sys
        def broken(*arguments):
            raise RuntimeError("the hook itself fails")
        sys.excepthook = broken
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        [][0]
    """
    subject = Subject(tmp_path, text, install=None)
    without, ended = subject.run(installed=False), subject.run()
    assert ended.status == without.status == 1
    for part in (b"the hook itself fails", b"IndexError: list index out of range", b"Original exception was:"):
        assert part in without.stderr and part in ended.stderr
    assert len(ended.dumps) == 1


REPORT_HOOKS = """
    import multiprocessing.process, sys, threading
    def hooks():
        return (sys.excepthook, threading.excepthook, sys.unraisablehook,
                multiprocessing.process.BaseProcess.__dict__["_bootstrap"])
    before = hooks()
    import pyheapdump
"""


def test_uninstall_restores(tmp_path: Path) -> None:
    text = (
        REPORT_HOOKS
        + """
        pyheapdump.install()
        assert hooks()[0] is not before[0] and hooks()[1] is not before[1]
        pyheapdump.uninstall()
        assert hooks() == before, (hooks(), before)
        pyheapdump.uninstall()
        [][0]
    """.replace("\n    ", "\n")
    )
    subject = Subject(tmp_path, text)
    ended = subject.run(installed=False)
    assert ended.stderr.splitlines()[-1] == b"IndexError: list index out of range", ended.stderr.decode()
    assert (ended.status, ended.dumps, ended.own_lines) == (1, [], [])


def test_uninstall_under_a_later_hook(tmp_path: Path) -> None:
    """A hook that was put over ours stays, and what it calls of ours passes the exception on."""
    text = """
        import sys
        def later(*arguments, previous=sys.excepthook):
            print("later hook", flush=True)
            previous(*arguments)
        sys.excepthook = later
        if "pyheapdump" in sys.modules:
            sys.modules["pyheapdump"].uninstall()
            assert sys.excepthook is later
        [][0]
    """
    assert run_both(tmp_path, text, dumps=0).stdout == b"later hook\n"


def test_install_twice_is_once(tmp_path: Path) -> None:
    text = (
        REPORT_HOOKS
        + """
        pyheapdump.install()
        first = hooks()
        pyheapdump.install()
        assert hooks() == first
        try:
            1 / 0
        except ZeroDivisionError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        pyheapdump.uninstall()
        assert hooks() == before
    """.replace("\n    ", "\n")
    )
    ended = Subject(tmp_path, text).run(installed=False)
    assert ended.status == 0, ended.stderr.decode()
    assert len(ended.own_lines) == 1 and ended.only_dump


def test_install_again_after_uninstall(tmp_path: Path) -> None:
    text = "import sys\nm = sys.modules.get('pyheapdump')\nm and (m.uninstall(), m.install())\n1 / 0\n"
    run_both(tmp_path, text)


# --- where dumps go ---------------------------------------------------------------------------------------------


def test_directory_argument_wins(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    ended = run_both(tmp_path, FAILING, install=repr(str(wanted)), dumps=0)
    (path,) = wanted.iterdir()
    assert str(path).encode() in ended.own_lines[0]


def test_disable(tmp_path: Path) -> None:
    ended = run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": "disable"})
    assert ended.own_lines == []
    assert [p.name for p in tmp_path.iterdir() if DUMP_NAME.fullmatch(p.name)] == []


def test_current_directory_is_the_default(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": ""}, directory=here)
    assert len(list(here.iterdir())) == 1


def test_relative_directory_is_meant_where_install_was_called(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    run_both(tmp_path, "import os\nos.chdir('sub')\n1 / 0\n", install="'dumps'")
    assert list((tmp_path / "sub").iterdir()) == []


def test_missing_directory_is_made(tmp_path: Path) -> None:
    wanted = tmp_path / "not" / "yet"
    run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": str(wanted)})
    assert len(list(wanted.iterdir())) == 1


PRIVATE_MOUNTS = ["unshare", "--mount", "--propagation", "private", "--"]


def without_root(command: List[str]) -> List[str]:
    return command if os.geteuid() == 0 else [command[0], "--user", "--map-root-user", *command[1:]]


def with_mount(directory: Path, options: str) -> List[str]:
    """A command that runs another one with a file system of these mount options on a directory."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare(1) is not there: no private mount")
    script = f'mount -t tmpfs -o {options} subject {directory} && exec "$@"'
    command = [*without_root(PRIVATE_MOUNTS), "sh", "-c", script, "sh"]
    probe = subprocess.run([*command, "true"], stderr=subprocess.PIPE, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no private mount possible here: {probe.stderr.decode().strip()}")
    return command


def test_read_only_current_directory_falls_back_to_temp(tmp_path: Path) -> None:
    here, temp = tmp_path / "here", tmp_path / "temp"
    here.mkdir()
    temp.mkdir()
    text = f"import os\nos.chdir({str(here)!r})\n" + "m = __import__('sys').modules.get('pyheapdump')\n"
    text += "m and (m.uninstall(), m.install())\n1 / 0\n"
    variables = {"PYHEAPDUMP_DIR": "", "TMPDIR": str(temp)}
    command = with_mount(here, "ro")
    ended = run_both(tmp_path, text, dumps=0, environment=variables, before=command)
    assert len(list(temp.iterdir())) == 1
    assert str(temp).encode() in ended.own_lines[0]


def check_no_dump_with_reason(ended: Ended, *places: Path) -> None:
    """One line says why there is no dump and nothing is left behind."""
    assert len(ended.own_lines) == 1, ended.stderr.decode()
    assert b"pyheapdump.view" not in ended.own_lines[0]
    for place in places:
        assert list(place.iterdir()) == []


@pytest.mark.parametrize("place", ["a_file", "/proc", "/dev/null/x"])
def test_unusable_directory(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("file")
    ended = run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": str(tmp_path / place)})
    check_no_dump_with_reason(ended)
    assert str(tmp_path / place).encode() in ended.own_lines[0]


def test_read_only_directory(tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    ended = run_both(tmp_path, FAILING, dumps=0, before=with_mount(dumps, "ro"))
    check_no_dump_with_reason(ended, dumps)


BIG_HEAP = """
    import os
    noise = [os.urandom(2000) for i in range(4000)]
    def fail():
        near = ["near the fault"]
        near[1]
    fail()
"""


def check_cut_or_absent(ended: Ended, place: Path) -> None:
    """One line, and what is there, if anything, is a dump that opens with its stacks."""
    assert len(ended.own_lines) == 1, ended.stderr.decode()
    for path in place.iterdir():
        assert DUMP_NAME.fullmatch(path.name), f"left behind: {path}"
        assert frame_names(pyheapdump.load(path).traceback) == ["<module>", "fail"]


def test_full_directory(tmp_path: Path) -> None:
    """A file system of 256 KiB for a dump of 8 MB."""
    dumps, kept = tmp_path / "dumps", tmp_path / "kept"
    dumps.mkdir()
    kept.mkdir()
    command = with_mount(dumps, "size=256k")
    keep = ["sh", "-c", f'"$@"; status=$?; cp -a {dumps}/. {kept}/; exit $status', "sh"]
    ended = run_both(tmp_path, BIG_HEAP, dumps=0, before=[*command, *keep])
    check_cut_or_absent(ended, kept)


def test_file_size_limit(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    subject = Subject(tmp_path, BIG_HEAP)
    without, ended = subject.run(installed=False, preexec_fn=limit), subject.run(preexec_fn=limit)
    assert (ended.status, ended.other_stderr) == (without.status, without.stderr)
    check_cut_or_absent(ended, subject.dump_directory)


def test_no_descriptor_left(tmp_path: Path) -> None:
    """EMFILE at the time of the crash: a dump from a descriptor kept back, or one line."""
    text = """
        import os
        kept = []
        try:
            while True:
                kept.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            reason = "all used up"
        raise ValueError(reason)
    """
    subject = Subject(tmp_path, text)
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # noqa: E731
    ended = subject.run(preexec_fn=limit)
    assert ended.status == 1 and b"ValueError: all used up" in ended.stderr
    assert len(ended.own_lines) == 1


REFUSE_CLONE = """
    import ctypes, platform, struct
    numbers = {"x86_64": (56, 435), "aarch64": (220, 435)}[platform.machine()]
    steps = [(0x20, 0, 0, 0)]  # load the number of the system call
    steps += [(0x15, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]  # is it clone or clone3?
    steps += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | 11)]  # allow, or fail with EAGAIN
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()  # PR_SET_SECCOMP, filter
    try:
        os.fork()
        raise SystemExit("fork still works")
    except BlockingIOError:
        local = ["no clone"]
    local[1]
"""


def test_clone_is_refused(tmp_path: Path) -> None:
    """No process can be made: the walk runs in place."""
    ended = run_both(tmp_path, REFUSE_CLONE)
    dump = pyheapdump.load(ended.only_dump)
    assert type(dump.exception) is IndexError
    assert dump.traceback.tb_frame.f_locals["local"] == ["no clone"]


def test_never_overwrites(tmp_path: Path) -> None:
    """Files that have the names of the next dumps, among them a link that must not be followed."""
    text = """
        import os
        for directory in [os.environ["PYHEAPDUMP_DIR"]]:
            name = os.path.join(directory, "python_heap_%d_" % os.getpid())
            with open(name + "0.dump", "w") as stream:
                stream.write("precious")
            os.symlink(os.path.join(directory, "..", "elsewhere"), name + "1.dump")
        1 / 0
    """
    ended = Subject(tmp_path, text).run()
    assert ended.status == 1 and len(ended.dumps) == 3, ended.stderr.decode()
    assert ended.dumps[0].read_text() == "precious"
    assert ended.dumps[1].is_symlink() and not (tmp_path / "elsewhere").exists()
    assert type(pyheapdump.load(ended.dumps[2]).exception) is ZeroDivisionError


def test_named_path_is_not_overwritten(tmp_path: Path) -> None:
    taken = tmp_path / "taken.dump"
    taken.write_text("precious")
    ended = run_python(["-c", f"import pyheapdump; pyheapdump.dump({str(taken)!r})"])
    assert ended.status != 0 and b"taken.dump" in ended.stderr.splitlines()[-1]
    assert taken.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [taken]


# --- budgets ----------------------------------------------------------------------------------------------------


def test_max_bytes(tmp_path: Path) -> None:
    ended = run_both(tmp_path, BIG_HEAP, install="max_bytes=500_000")
    size = ended.only_dump.stat().st_size
    assert 100_000 < size <= 500_000
    dump = pyheapdump.load(ended.only_dump)
    step = dump.traceback.tb_next
    assert step.tb_frame.f_locals["near"] == ["near the fault"]
    noise = dump.traceback.tb_frame.f_locals["noise"]
    assert len(noise) == 4000
    summary = run_python(["-m", "pyheapdump.view", str(ended.only_dump), "--summary"]).stdout.decode()
    assert "max_bytes" in summary, "the summary says why the dump is cut"


def test_max_seconds(tmp_path: Path) -> None:
    text = """
        heap = [{"id": i, "text": str(i)} for i in range(2_000_000)]
        def fail():
            near = ["near the fault"]
            near[1]
        fail()
    """
    ended = run_both(tmp_path, text, install="max_seconds=0.3")
    dump = pyheapdump.load(ended.only_dump)
    assert dump.traceback.tb_next.tb_frame.f_locals["near"] == ["near the fault"]
    summary = run_python(["-m", "pyheapdump.view", str(ended.only_dump), "--summary"]).stdout.decode()
    assert "max_seconds" in summary, "the summary says why the dump is cut"


def test_max_dumps(tmp_path: Path) -> None:
    """The oldest of ours go; other files stay."""
    subject = Subject(tmp_path, "1 / 0\n", install="max_dumps=2")
    others = [subject.dump_directory / name for name in ("notes.txt", "python_heap_x_0.dump", "other.dump")]
    for path in others:
        path.write_text("not ours")
    made = []
    for _ in range(4):
        made += [path for path in subject.run().dumps if path not in made]
    assert len(made) == 4
    assert sorted(p for p in subject.dump_directory.iterdir() if p not in others) == sorted(made[-2:])
    assert all(path.exists() for path in others)


# --- all threads ------------------------------------------------------------------------------------------------

THREADS = """
    import json, os, threading

    ready = threading.Barrier(5)
    stop = threading.Event()
    facts = {}

    def wait(number):
        numbered = {"number": number}
        facts[threading.current_thread().name] = (threading.get_ident(), threading.get_native_id())
        ready.wait()
        stop.wait(60)

    threads = [threading.Thread(target=wait, args=(i,), name="waiter %d \\u03c0" % i, daemon=i % 2) for i in range(4)]
    for thread in threads:
        thread.start()
    ready.wait()
    facts["MainThread"] = (threading.get_ident(), threading.get_native_id())
    try:
        [][0]
    except IndexError as error:
        import pyheapdump
        pyheapdump.dump(exc=error)
    stop.set()
    print(facts)
"""


def test_all_threads(tmp_path: Path) -> None:
    ended = Subject(tmp_path, THREADS).run()
    facts = ast.literal_eval(ended.stdout.decode())
    dump = pyheapdump.load(ended.only_dump)
    assert {t.name: (t.ident, t.native_id) for t in dump.threads} == facts
    assert dump.threads[0].name == "MainThread", "the thread that failed comes first"
    for thread in dump.threads[1:]:
        names = [frame.f_code.co_name for frame in thread.frames]
        assert "_bootstrap" in names[0] and names.index("run") < names.index("wait"), "outermost first"
        frame = next(f for f in thread.frames if f.f_code.co_name == "wait" and "numbered" in f.f_locals)
        assert thread.name == f"waiter {frame.f_locals['numbered']['number']} \u03c0"
        lines = THREADS.splitlines()
        assert lines[frame.f_lineno - 2].strip() in ("ready.wait()", "stop.wait(60)")


def test_two_threads_fail_at_once(tmp_path: Path) -> None:
    text = """
        import threading
        barrier = threading.Barrier(4)
        def fail(number):
            barrier.wait()
            raise ValueError(number)
        threads = [threading.Thread(target=fail, args=(i,)) for i in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    """
    ended = Subject(tmp_path, text).run()
    assert ended.status == 0
    assert sorted(pyheapdump.load(path).exception.args for path in ended.dumps) == [(0,), (1,), (2,), (3,)]


def test_busy_threads_while_dumping(tmp_path: Path) -> None:
    """Threads that change their heap all the time, in Python and in C without the GIL."""
    text = """
        import threading, zlib, pyheapdump
        stop = False
        def churn():
            data = {}
            while not stop:
                data = {i: [i, str(i)] for i in range(200)}
                zlib.crc32(b"x" * 100_000)
        threads = [threading.Thread(target=churn) for i in range(3)]
        [t.start() for t in threads]
        for i in range(5):
            pyheapdump.dump()
        stop = True
        [t.join() for t in threads]
    """
    ended = Subject(tmp_path, text).run()
    assert ended.status == 0 and len(ended.dumps) == 5, ended.stderr.decode()
    for path in ended.dumps:
        frames = [f for t in pyheapdump.load(path).threads for f in t.frames if f.f_code.co_name == "churn"]
        assert len(frames) == 3
        for frame in frames:
            assert all(type(v) is list and str(v[0]) == v[1] for v in frame.f_locals.get("data", {}).values())


def test_no_zombie_and_no_signal(tmp_path: Path) -> None:
    """The child that writes is waited for, and a SIGCHLD handler of the program or its children see nothing odd."""
    text = """
        import os, signal, subprocess, pyheapdump
        own = subprocess.Popen(["sleep", "0.2"])
        pyheapdump.dump()
        assert own.wait() == 0
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            print("no child left")
    """
    assert Subject(tmp_path, text).run().stdout == b"no child left\n"


def test_program_is_killed_while_dumping(tmp_path: Path) -> None:
    """kill -9 of the writer leaves no half file under the final name."""
    text = "heap = [{'id': i, 'text': str(i)} for i in range(1_500_000)]\nprint('ready', flush=True)\n1 / 0\n"
    subject = Subject(tmp_path, text)
    variables = {**os.environ, "PYHEAPDUMP_DIR": str(subject.dump_directory), "SUBJECT_INSTALL": "1"}
    with subprocess.Popen(
        [sys.executable, str(subject.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while not list(subject.dump_directory.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    for path in subject.dump_directory.iterdir():
        if DUMP_NAME.fullmatch(path.name):
            pyheapdump.load(path)


def test_other_threads_are_named_without_threading(tmp_path: Path) -> None:
    """Threads started by _thread have no Thread object, so no name."""
    text = """
        import _thread, time
        lock = _thread.allocate_lock()
        lock.acquire()
        def raw():
            raw_local = "raw"
            lock.acquire()
        _thread.start_new_thread(raw, ())
        time.sleep(0.2)
        import pyheapdump
        pyheapdump.dump()
        lock.release()
    """
    dump = pyheapdump.load(Subject(tmp_path, text).run().only_dump)
    (raw,) = [t for t in dump.threads if any(f.f_code.co_name == "raw" for f in t.frames)]
    assert raw.ident and raw.frames[-1].f_locals["raw_local"] == "raw"
    assert raw.native_id or sys.version_info < (3, 11), "only threading knows it before 3.11"


def test_loading_in_the_dumping_process(tmp_path: Path) -> None:
    """dump() and load() in one process, while another thread runs."""
    path = tmp_path / "own.dump"
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="own waiter")
    thread.start()
    try:
        assert pyheapdump.dump(str(path)) == str(path)
    finally:
        stop.set()
        thread.join()
    assert "own waiter" in [t.name for t in pyheapdump.load(path).threads]
