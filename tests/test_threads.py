# SPDX-License-Identifier: Apache-2.0
"""Programs of many threads, and what goes on around a dump: children, signals, the writer killed."""

import ast
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import List, Optional, Tuple

import pyheapdump
from pyheapdump._pyheapdump import DumpFile
from pyheapdump.view.summary import summary
from support.subject import DUMP_NAME, Subject
from support.target import Target, attach

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
            raise type(f"Error{number}", (ValueError,), {})(number)  # each of a kind of its own
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
            assert DumpFile(str(path)).index_found, "what has the final name was written to its end"


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


# --- programs without threading ------------------------------------------------------------------------------------

NAMELESS = """
    import _thread, sys, time

    def other():
        {other}
        time.sleep(60)

    {first}
    _thread.start_new_thread(other, ())
    time.sleep({seconds})
    assert "threading" not in sys.modules
    {main}
"""


def names_of(dump: pyheapdump.Dump) -> List[Tuple[str, Optional[str]]]:
    return sorted((thread.frames[-1].f_code.co_name, thread.name) for thread in dump.threads)


def test_the_first_thread_is_called_main_without_threading(tmp_path: Path) -> None:
    program = NAMELESS.format(first="import pyheapdump", other="", seconds=0.2, main="pyheapdump.dump()")
    ended = Subject(tmp_path, program, install=None).run()
    with pyheapdump.load(ended.only_dump) as dump:
        assert names_of(dump) == [("<module>", "MainThread"), ("other", None)]
        assert "MainThread" in dump.text and "Thread <unnamed>" in dump.text
        assert f"pid {dump.facts['pid']}, 2 threads" in summary(dump)


def test_another_thread_is_not_called_main(tmp_path: Path) -> None:
    """Up to 3.10 a dump by another thread does not know the kernel's id of the first one."""
    program = NAMELESS.format(first="import pyheapdump", other="pyheapdump.dump()", seconds=2, main="")
    ended = Subject(tmp_path, program, install=None).run()
    with pyheapdump.load(ended.only_dump) as dump:
        main = "MainThread" if sys.version_info >= (3, 11) else None
        assert names_of(dump) == [("<module>", main), ("other", None)]


def test_from_outside_the_first_thread_is_called_main(tmp_path: Path) -> None:
    program = NAMELESS.format(first="print(1, flush=True)", other="print(2, flush=True)", seconds=60, main="")
    with Target(tmp_path, program) as target:
        target.line()
        done = attach(target.pid, "-o", str(tmp_path / "nameless.dump"))
        assert done.returncode == 0, done.stderr
    with pyheapdump.load(tmp_path / "nameless.dump") as dump:
        assert names_of(dump) == [("<module>", "MainThread"), ("other", None)]


def test_one_thread_is_one_thread(tmp_path: Path) -> None:
    ended = Subject(tmp_path, "import pyheapdump; pyheapdump.dump()", install=None).run()
    with pyheapdump.load(ended.only_dump) as dump:
        text = summary(dump)
    assert re.search(r", 1 thread$", text, re.M) and "\n  thread MainThread, id " in text
    assert re.search(r" in <module>, 1 frame$", text, re.M)


def test_frames_that_python_hides(tmp_path: Path) -> None:
    """A hot class's `__init__` is called through a frame of the interpreter's own (3.13+), which no traceback has."""
    text = """
        import sys, threading, traceback, pyheapdump

        class Leaf:
            def __init__(self, job):
                self.wait(job)

            def wait(self, job):
                if job == 500:
                    reached.set()
                    stop.wait(60)

        class Node:
            def __init__(self, job):
                self.leaf = Leaf(job)

        def work():
            for job in range(501):
                Node(job)

        def names(frame):
            return [one.f_code.co_name for one, line in traceback.walk_stack(frame)]

        reached, stop = threading.Event(), threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        reached.wait()
        pyheapdump.dump()
        print([one[::-1] for one in map(names, sys._current_frames().values())])
        stop.set()
        thread.join()
    """
    ended = Subject(tmp_path, text).run()
    dump = pyheapdump.load(ended.only_dump)
    found = [[frame.f_code.co_name for frame in thread.frames] for thread in dump.threads]
    assert sorted(found) == sorted(ast.literal_eval(ended.stdout.decode()))
    assert any(names.count("__init__") == 2 for names in found)
    assert "__init__:0" not in dump.text and '"__init__"' not in dump.text
