# SPDX-License-Identifier: Apache-2.0
"""Hooks: what makes a dump and what does not, and that the program ends as it would have (promise 2).

Each test runs a program with pyheapdump and, where its end matters, without: exit status and stderr must be the same
byte for byte apart from our own lines. See support/subject.py.
"""

import stat
from pathlib import Path

import pyheapdump
import pytest
from support.subject import DUMP_NAME, FAILING, Subject, frame_names, run_both, run_python

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
    ended = run_both(tmp_path, "1 / 0\n")
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
    """All kinds of ends; a dump is made of each, also where there is no hook."""
    run_both(tmp_path, text)


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


def test_many_dumps_without_waiting(tmp_path: Path) -> None:
    """The next dump collects the writers of those before: they do not stay as zombies, nor what was shared with them."""
    text = """
        import glob, os, time
        import pyheapdump
        for number in range(6):
            path = pyheapdump.dump(wait=False)
            while not os.path.exists(path):
                time.sleep(0.001)
            time.sleep(0.05)
        found = [pid for path in glob.glob("/proc/self/task/*/children") for pid in open(path).read().split()]
        print(len(found), open("/proc/self/maps").read().count("/dev/zero"))
    """
    ended = Subject(tmp_path, text).run()
    assert (ended.status, ended.stdout, len(ended.dumps)) == (0, b"1 1\n", 6), ended.stderr.decode()


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
    """It is found at the end of the program, with the frames that the traceback keeps."""
    text = """
        import sys
        sys.excepthook = lambda *arguments: print("replaced", flush=True)
        def fail(place):
            [][place]
        fail(7)
    """
    ended = run_both(tmp_path, text)
    assert ended.stdout == b"replaced\n" and len(ended.own_lines) == 1
    dump = pyheapdump.load(ended.only_dump)
    assert dump.traceback.tb_next.tb_frame.f_locals == {"place": 7}
    assert dump.facts["label"].startswith("found at the end of the program")


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
