# SPDX-License-Identifier: Apache-2.0
"""PYHEAPDUMP=1 in a program with subinterpreters: nothing is heard of us there, and the main interpreter is served."""

import sys
from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject

PROGRAM = """
    import sys, threading
    try:
        import _interpreters as interpreters
        run = interpreters.exec
    except ImportError:
        import _xxsubinterpreters as interpreters
        run = interpreters.run_string

    def work():
        for _ in range(2):
            made = interpreters.create()
            run(made, "import sys, threading; print('works', len(threading.enumerate()), flush=True)")
            interpreters.destroy(made)

    def work_in_a_thread():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    def make_in_a_thread(made):
        thread = threading.Thread(target=lambda: made.append(interpreters.create()))
        thread.start()
        thread.join()
        return made

    work()
    work_in_a_thread()
    interpreters.destroy(*make_in_a_thread([]))   # in another thread than it was made in
    {more}
    print("main ends", flush=True)
"""
POOL = """
    from concurrent.futures import InterpreterPoolExecutor
    with InterpreterPoolExecutor(2) as pool:
        print(list(pool.map(abs, [-1, -2, -3])), flush=True)
"""
OPTIONS = ("", "register=USR1,memory_limit=95%,memory_errors=1", "attachable=0")


def program(more: str = "") -> str:
    return PROGRAM.replace("{more}", more)


@pytest.mark.parametrize("options", OPTIONS)
def test_nothing_is_heard(tmp_path: Path, options: str) -> None:
    subject = Subject(tmp_path, program(POOL if sys.version_info >= (3, 14) else ""), install=None)
    without = subject.run()
    ended = subject.run(environment={"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": options})
    assert (ended.status, ended.stderr, ended.stdout) == (0, without.stderr, without.stdout)
    assert ended.stdout.endswith(b"main ends\n") and b"works" in ended.stdout
    assert ended.dumps == []


def test_main_interpreter_is_served(tmp_path: Path) -> None:
    subject = Subject(tmp_path, program("order = 4711; 1 / 0"), install=None)
    ended = subject.run(environment={"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "register=USR1"})
    assert ended.status == 1 and len(ended.own_lines) == 1, ended.stderr.decode()
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.exception.__traceback__.tb_frame.f_locals["order"] == 4711
