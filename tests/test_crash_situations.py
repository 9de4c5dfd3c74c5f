# SPDX-License-Identifier: Apache-2.0
"""Crashes in every state a process can be in: in malloc with its lock held, in the dynamic linker, during garbage
collection, at the start and at the end of the interpreter, in a subinterpreter, in a child, in a signal handler."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pyheapdump
import pytest
from support.crash_program import (
    FRAMES,
    KNOWN,
    STACK,
    assert_nothing_is_missing,
    broken_library,
    check_end,
    check_signal,
    check_stack,
    crasher_directory,
    marked_line,
    open_only_dump,
    own_frames,
    run_crash,
    run_program,
    signal_of,
)  # fmt: skip
from support.subject import Ended, Subject

# --- locks held, broken states ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, number", [("malloc_finds_damage", signal.SIGABRT), ("malloc_follows_damage", signal.SIGSEGV)]
)
def test_in_malloc(tmp_path: Path, name: str, number: int) -> None:
    """The lock of malloc's arena is held: whoever allocates waits for ever."""
    crash = run_crash(tmp_path, STACK.format(crash=f"crasher.crash('{name}')"), number)
    check_stack(crash)


def test_in_the_dynamic_linker(tmp_path: Path) -> None:
    """The lock of the dynamic linker is held: whoever needs a symbol, or dl_iterate_phdr(), waits for ever."""
    text = STACK.format(crash=f"crasher.open_library({broken_library()!r})")
    check_stack(run_crash(tmp_path, text, signal.SIGSEGV))


def test_during_garbage_collection(tmp_path: Path) -> None:
    """The links of the collector's lists and its counts are those of a half-done collection."""
    text = STACK.format(crash="import gc; trap = crasher.Trap('null_write'); gc.collect()")
    check_stack(run_crash(tmp_path, text, signal.SIGSEGV))


def test_while_an_object_is_freed(tmp_path: Path) -> None:
    text = STACK.format(crash="trap = crasher.Trap(None, 'null_write'); del trap")
    check_stack(run_crash(tmp_path, text, signal.SIGSEGV))


def test_in_a_signal_handler_of_python(tmp_path: Path) -> None:
    text = """
        import os, signal, crasher

        def handler(number, frame):
            known = int(number)
            crasher.crash("null_write")  # here

        def outermost():
            signal.signal(signal.SIGUSR1, handler)
            os.kill(os.getpid(), signal.SIGUSR1)
            for i in range(10**6):
                pass

        outermost()
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    check_stack(crash, ["outermost", "handler"], int(signal.SIGUSR1))


def test_in_a_call_back_from_c(tmp_path: Path) -> None:
    """Python, C, Python, C: the stacks of the interpreter are chained."""
    text = """
        import crasher

        def innermost(item):
            known = [item]
            crasher.crash("null_write")  # here

        def outermost():
            return sorted([[1], [2]], key=lambda item: max(item, key=innermost))

        outermost()
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    check_stack(crash, ["outermost", "<lambda>", "innermost"], [1])


@pytest.mark.parametrize("kind", ["generator", "coroutine"])
def test_in_a_suspendable_frame(tmp_path: Path, kind: str) -> None:
    text = """
        import asyncio, crasher

        def generator(order):
            known = order
            yield 1
            crasher.crash("null_write")  # here

        async def coroutine(order):
            await asyncio.sleep(0)
            for item in generator(order):
                await asyncio.sleep(0)

        def outermost():
            {run}

        outermost()
    """
    run = "asyncio.run(coroutine([1, 2]))" if kind == "coroutine" else "list(generator([1, 2]))"
    crash = run_crash(tmp_path, text.format(run=run), signal.SIGSEGV)
    check_stack(crash, ["outermost", *(["coroutine"] if kind == "coroutine" else []), "generator"], [1, 2])


# --- the interpreter starts and ends ----------------------------------------------------------------------------


def test_while_the_interpreter_starts(tmp_path: Path) -> None:
    """In a module that `site` imports before the program begins."""
    start = tmp_path / "start"
    start.mkdir()
    module = start / "sitecustomize.py"
    text = f"import pyheapdump, sys\npyheapdump.install()\nsys.path.append({crasher_directory()!r})\nimport crasher\n"
    module.write_text(text + "known = [1]\ncrasher.crash('null_write')\n")
    ended = run_program(Subject(tmp_path, "", install=None), environment={"PYTHONPATH": str(start)})
    check_end(ended, signal.SIGSEGV)
    crash = open_only_dump(ended, "")
    assert_nothing_is_missing(crash.dump)
    frame = crash.thread.frames[-1]
    assert (frame.f_code.co_filename, frame.f_lineno) == (str(module), 6)
    assert frame.f_locals["known"] == [1]


def test_at_exit_of_python(tmp_path: Path) -> None:
    text = """
        import atexit, crasher

        def last():
            known = "last"
            crasher.crash("null_write")  # here

        atexit.register(last)
    """
    check_stack(run_crash(tmp_path, text, signal.SIGSEGV), ["last"], "last")


def test_in_a_finalizer_at_the_end(tmp_path: Path) -> None:
    """sys.modules and the module's own names are gone, or going."""
    text = """
        import crasher

        class Last:
            def __init__(self):
                self.crash = crasher.crash

            def __del__(self):
                known = "last"
                self.crash("null_write")  # here

        last = Last()
        last.itself = last
    """
    check_stack(run_crash(tmp_path, text, signal.SIGSEGV), ["__del__"], "last")


def test_in_a_thread_while_the_interpreter_ends(tmp_path: Path) -> None:
    text = """
        import atexit, crasher
        crasher.crash_soon_in_plain_thread("null_write", 300)
        atexit.register(crasher.sleep_in_c, 10)
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    check_signal(crash.signal, python_thread=False)
    assert len(crash.dump.threads) == 1


@pytest.mark.parametrize("whose", ["Py_AtExit", "atexit"])
def test_when_the_interpreter_is_gone(tmp_path: Path, whose: str) -> None:
    """There is no thread state any more, and its memory has gone: a dump of the signal, or none; not a worse end."""
    text = f"import crasher\ncrasher.crash_at_exit('null_write', '{whose}')\n"
    ended = run_program(Subject(tmp_path, text))
    assert ended.status == -signal.SIGSEGV, ended.stderr.decode()
    assert ended.other_stderr == b""
    assert len(ended.own_lines) == 1 and len(ended.dumps) <= 1
    for path in ended.dumps:
        dump = pyheapdump.load(path)
        check_signal(signal_of(dump), address=0x10)
        assert not any(thread.current for thread in dump.threads)


# --- subinterpreters --------------------------------------------------------------------------------------------

IN_SUBINTERPRETER = """
    import sys, textwrap

    TEXT = textwrap.dedent('''
        import crasher

        def innermost(order):
            known = [order, "in a subinterpreter"]
            crasher.crash("null_write")

        def outermost():
            innermost({"id": 17})

        outermost()
    ''')

    def run():
        known = "in the main interpreter"
        if sys.version_info < (3, 13):
            import _xxsubinterpreters as interpreters
            interpreters.run_string(interpreters.create(), TEXT)
        else:
            import _interpreters as interpreters
            interpreters.exec(interpreters.create(*sys.argv[1:]), TEXT)

    run()
"""
# From 3.12 on an interpreter may have a lock of its own; Python code of 3.12 itself cannot choose.
KINDS = ["isolated", "legacy"] if sys.version_info >= (3, 13) else [None]


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_subinterpreter(tmp_path: Path, kind: str | None) -> None:
    crash = run_crash(tmp_path, IN_SUBINTERPRETER, signal.SIGSEGV, arguments=(kind,) if kind else ())
    assert crash.thread.current and crash.thread.interpreter != 0
    frames = [frame for frame in crash.thread.frames if frame.f_code.co_filename.startswith("<")]
    assert [frame.f_code.co_name for frame in frames] == ["<module>", "outermost", "innermost"]
    assert frames[-1].f_locals["known"] == [{"id": 17}, "in a subinterpreter"]
    assert frames[-1].f_lineno == 6
    main = [thread for thread in crash.dump.threads if thread.interpreter == 0]
    assert len(main) == 1 and own_frames(main[0])[-1].f_locals["known"] == "in the main interpreter"
    check_signal(crash.signal, python_thread=True, gil="held")


# --- children ---------------------------------------------------------------------------------------------------

FORK = """
    import os, threading, sys
    import crasher

    def innermost(order):
        known = {"number": 4711, "lines": [1, 2.5, "three"], "order": order}
        crasher.crash("null_write")  # here

    def middle(order):
        innermost(order)

    def outermost():
        middle({"id": 17})

    def child():
        pid = os.fork()
        if pid == 0:
            outermost()
            os._exit(99)
        return os.waitpid(pid, 0)[1]

"""


@pytest.mark.parametrize("where", ["main thread", "other thread"])
def test_in_a_forked_child(tmp_path: Path, where: str) -> None:
    """The parent goes on; a child forked by another thread has only that one."""
    text = FORK + "    result = []\n    thread = threading.Thread(target=lambda: result.append(child()))\n"
    if where == "main thread":
        text += "    result.append(child())\n"
    else:
        text += "    thread.start(); thread.join()\n"
    text += "    print(os.WTERMSIG(result[0]), os.getpid())\n"
    ended = run_program(Subject(tmp_path, text))
    assert ended.status == 0, ended.stderr.decode()
    number, parent = ended.stdout.split()
    assert int(number) == signal.SIGSEGV
    crash = open_only_dump(ended, text)
    assert_nothing_is_missing(crash.dump)
    assert crash.dump.facts["pid"] != int(parent) and str(crash.dump.facts["pid"]) in crash.ended.only_dump.name
    assert len(crash.dump.threads) == 1
    frames = ["child", *FRAMES] if where == "main thread" else ["<lambda>", "child", *FRAMES]
    check_stack(crash, frames, KNOWN)


def test_parent_and_child_crash(tmp_path: Path) -> None:
    """One dump of each, also when the child was forked of a child."""
    text = (
        FORK
        + """
    pid = os.fork()
    if pid == 0:
        child()
    else:
        os.waitpid(pid, 0)
    outermost()
    """
    )
    ended = run_program(Subject(tmp_path, text))
    assert ended.status == -signal.SIGSEGV and len(ended.own_lines) == 3, ended.stderr.decode()
    assert len(ended.dumps) == 3
    for path in ended.dumps:
        dump = pyheapdump.load(path)
        assert_nothing_is_missing(dump)
        assert f"_{dump.facts['pid']}_" in path.name
        assert own_frames(dump.threads[0])[-1].f_locals["known"] == KNOWN
        check_signal(signal_of(dump), thread=dump.facts["pid"])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_in_a_child_of_multiprocessing(tmp_path: Path, method: str) -> None:
    text = """
        import multiprocessing, sys
        import crasher

        def work(order):
            known = [order]
            crasher.crash("null_write")  # here

        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            process = context.Process(target=work, args=(17,))
            process.start()
            process.join()
            print(process.exitcode)
    """
    ended = run_program(Subject(tmp_path, text), arguments=(method,))
    assert (ended.status, ended.stdout) == (0, b"%d\n" % -signal.SIGSEGV), ended.stderr.decode()
    crash = open_only_dump(ended, text)
    assert_nothing_is_missing(crash.dump)
    check_stack(crash, ["work"], [17])


def test_other_programs_are_left_alone(tmp_path: Path) -> None:
    """A program that this one starts crashes as ever: what we set up ends at exec."""
    text = """
        import subprocess, sys
        program = "import os, crasher; crasher.crash('null_write')"
        print(subprocess.run([sys.executable, "-c", program]).returncode)
    """
    ended = run_program(Subject(tmp_path, text))
    assert (ended.status, ended.stdout, ended.stderr, ended.dumps) == (0, b"-11\n", b"", [])


# --- the program makes a dump meanwhile -------------------------------------------------------------------------


def whole_dumps(ended: Ended) -> list[pyheapdump.Dump]:
    """The dumps of a program, when those that its children still write have come."""
    directory = ended.directory / "dumps"
    deadline = time.monotonic() + 20
    while list(directory.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [pyheapdump.load(path) for path in directory.iterdir()]


def test_while_another_thread_makes_a_dump(tmp_path: Path) -> None:
    """Both are whole: the other one's child has its copy already, and goes on alone."""
    text = """
        import threading, time, crasher, pyheapdump
        heap = [{"id": i, "text": str(i)} for i in range(60_000)]
        began = threading.Event()

        def dump():
            began.set()
            pyheapdump.dump()

        def outermost():
            known = "crash"
            threading.Thread(target=dump).start()
            began.wait()
            time.sleep(0.03)
            crasher.crash("null_write")  # here

        outermost()
    """
    ended = run_program(Subject(tmp_path, text))
    check_end(ended, signal.SIGSEGV)
    dumps = whole_dumps(ended)
    reasons = [dump.reason for dump in dumps]
    assert sorted(reasons) in (["request", "signal"], ["signal"]), reasons
    dump = dumps[reasons.index("signal")]
    innermost = own_frames(dump.threads[0])[-1]
    assert (innermost.f_code.co_name, innermost.f_lineno) == ("outermost", marked_line(text))


def test_after_an_exception_in_a_thread(tmp_path: Path) -> None:
    """Dumps of both kinds of one process have names of their own."""
    text = """
        import threading, crasher
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        crasher.crash("null_write")
    """
    ended = run_program(Subject(tmp_path, text))
    assert ended.status == -signal.SIGSEGV
    assert [pyheapdump.load(path).reason for path in ended.dumps] == ["exception in a thread", "signal"]
    assert [path.stem.split("_")[-1] for path in ended.dumps] == ["0", "1"]


# --- the stack of the main thread -------------------------------------------------------------------------------


def test_stack_overflow_of_c_code(tmp_path: Path) -> None:
    check_stack(run_crash(tmp_path, STACK.format(crash="crasher.crash('overflow_stack')"), signal.SIGSEGV))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="3.12 and later do not let Python code overflow the main stack")
def test_stack_overflow_of_python_code(tmp_path: Path) -> None:
    text = """
        import sys
        sys.setrecursionlimit(10**9)

        def recurse(known):
            return max([known + 1], key=recurse)  # here

        recurse(1)
    """
    crash = run_crash(tmp_path, text, signal.SIGSEGV)
    frames = own_frames(crash.thread)
    assert len(frames) > 5000
    assert {frame.f_code.co_name for frame in frames} == {"recurse"}
    assert [frame.f_locals.get("known") for frame in frames[:-1]] == list(range(1, len(frames)))


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_alternate_stack_of_the_program_is_kept(tmp_path: Path, when: str) -> None:
    lines = ["import crasher, pyheapdump", "pyheapdump.install()", "assert crasher.own_signal_stack_is_kept()"]
    lines.insert(1 if when == "before" else 2, "crasher.own_signal_stack()")
    lines += ["pyheapdump.uninstall()", "assert crasher.own_signal_stack_is_kept()"]
    lines += ["pyheapdump.install()", "crasher.crash('overflow_stack')"]
    text = "\n".join(lines)
    ended = run_program(Subject(tmp_path, text, install=None))
    check_end(ended, signal.SIGSEGV)
    open_only_dump(ended, text)
