# SPDX-License-Identifier: Apache-2.0
"""A process ends with the last thread of the program, as without us: our own threads do not keep it.

So ends a child that was forked in a thread, when that thread ends; and a program whose main thread has ended by
pthread_exit, when the others have. Both run with and without pyheapdump, and must end the same.
"""

import subprocess
from pathlib import Path
from typing import Sequence

import pyheapdump
import pytest
from support.subject import Subject

# What makes threads of ours.
SET_UPS = {
    "attachable": "pyheapdump.install(quiet=True)",
    "register": "pyheapdump.install(quiet=True, attachable=False, register='USR1')",
    "register alone": "pyheapdump.register(signal.SIGUSR1)",
    "dump_later": "pyheapdump.dump_later(3600)",
    "memory_limit": "pyheapdump.install(quiet=True, attachable=False, memory_limit='95%')",
    "memory_errors": "pyheapdump.install(quiet=True, memory_errors=True)",
    "in another thread": "there(pyheapdump.install, quiet=True, register='USR1')",
}
SET_UP = """
    import ctypes, faulthandler, os, pty, signal, sys, threading, time
    import pyheapdump

    libc = ctypes.CDLL(None)

    def start(function, *arguments, **options):
        thread = threading.Thread(target=function, args=arguments, kwargs=options)
        thread.start()
        return thread

    def there(function, *arguments, **options):
        start(function, *arguments, **options).join()

    def end_by(signal_number):
        os.kill(os.getpid(), signal_number)
        time.sleep(60)

    if os.environ["SUBJECT_INSTALL"] == "1":
        {}
"""

FORKING = """
    def later():
        threading.Thread(target=time.sleep, args=(0.05,)).start()

    def fork_again():
        there(os.fork)   # both processes return from it

    def kill_soon():
        start(lambda: (time.sleep(0.05), end_by(signal.SIGTERM)))
        libc.pthread_exit(None)

    ENDS = {
        "return": lambda: None,
        "raise": lambda: 1 / 0,
        "sys.exit": lambda: sys.exit(3),
        "os._exit": lambda: os._exit(5),
        "pthread_exit": lambda: libc.pthread_exit(None),
        "other thread": later,
        "fork again": fork_again,
        "SIGTERM": lambda: end_by(signal.SIGTERM),
        "SIGALRM": lambda: (signal.setitimer(signal.ITIMER_REAL, 0.05), time.sleep(60)),
        "SIGTERM when the thread has ended": kill_soon,
        "exit in C": lambda: libc.exit(6),
    }

    def wait_for(pid):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "does not end"

    def main():
        for name, end in ENDS.items():
            for fork in (os.fork, lambda: pty.fork()[0]) if name in ("return", "sys.exit") else (os.fork,):
                pid = fork()
                if pid == 0:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                    end()
                    return
                print(name, wait_for(pid), flush=True)

    there(main)
"""


def run_both(place: Path, set_up: str, text: str, before: Sequence[str] = ()) -> "list[str]":
    """The program's output, which is the same with and without us."""
    subject = Subject(place, SET_UP.format(set_up) + text, install=None)
    without = subject.run(installed=False, before=before)
    ended = subject.run(before=before)
    assert (ended.status, ended.stdout) == (without.status, without.stdout), ended.stderr.decode()
    return ended.stdout.decode().splitlines()


@pytest.mark.parametrize("set_up", SET_UPS)
def test_child_forked_in_a_thread(tmp_path: Path, set_up: str) -> None:
    ends = run_both(tmp_path, SET_UPS[set_up], FORKING)
    assert len(ends) == 13 and not any("does not end" in end for end in ends)
    assert {"return 0", "raise 0", "sys.exit 0", "os._exit 5", "SIGTERM -15", "SIGALRM -14", "exit in C 6"} < set(ends)


MULTIPROCESSING = """
    import multiprocessing

    def main():
        context = multiprocessing.get_context("fork")
        process = context.Process(target=print, args=("in a process",), kwargs={"flush": True})
        process.start()
        process.join()
        with context.Pool(2, maxtasksperchild=1) as pool:   # a thread of the pool forks the later ones
            numbers = pool.map(abs, range(-6, 0), chunksize=1)
            pool.close()
            pool.join()
        print(process.exitcode, numbers)  # now: a worker forked meanwhile would print its copy of the buffer, too

    there(main)
"""


@pytest.mark.parametrize("set_up", ["attachable", "memory_limit"])
def test_multiprocessing_in_a_thread(tmp_path: Path, set_up: str) -> None:
    assert run_both(tmp_path, SET_UPS[set_up], MULTIPROCESSING) == ["in a process", "0 [6, 5, 4, 3, 2, 1]"]


# The end of the main thread alone; what it prints is compared.
WITHOUT_MAIN_THREAD = {
    "no other thread": "",
    "another thread": "start(lambda: (time.sleep(0.1), print('the last', flush=True)))",
    "one that was joined": "there(print, 'joined', flush=True)",
    "a daemon": "threading.Thread(target=lambda: (time.sleep(0.1), print('the last', flush=True)), daemon=True).start()",
    "functions of atexit in C": "function = ctypes.CFUNCTYPE(None)(lambda: os.write(1, b'at exit')); libc.atexit(function)",
    "SIGTERM": "start(end_by, signal.SIGTERM)",
    "os._exit": "start(lambda: (time.sleep(0.1), os._exit(7)))",
}


@pytest.mark.parametrize("others", WITHOUT_MAIN_THREAD)
def test_main_thread_ends_by_pthread_exit(tmp_path: Path, others: str) -> None:
    for number, set_up in enumerate((SET_UPS["attachable"], SET_UPS["register"], SET_UPS["in another thread"])):
        place = tmp_path / str(number)
        place.mkdir()
        run_both(place, set_up, f"    {WITHOUT_MAIN_THREAD[others]}\n    libc.pthread_exit(None)\n")


@pytest.mark.parametrize("others", ["no other thread", "another thread"])
def test_ids_in_proc_are_those_of_another_namespace(tmp_path: Path, others: str) -> None:
    before = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    if subprocess.run([*before, "true"], check=False).returncode != 0:
        pytest.skip("this system lets the test make no PID namespace")
    run_both(tmp_path, SET_UPS["register"], f"    {WITHOUT_MAIN_THREAD[others]}\n    libc.pthread_exit(None)\n", before)


def test_dump_asked_for_at_the_end_is_finished(tmp_path: Path) -> None:
    text = """
        os.kill(os.getpid(), signal.SIGUSR1)
        libc.pthread_exit(None)
    """
    ended = Subject(tmp_path, SET_UP.format(SET_UPS["register"]) + text.replace("        ", "    "), install=None).run()
    assert ended.status == 0, ended.stderr.decode()
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.end["complete"] is True


def test_threads_of_ours_serve_without_the_main_thread(tmp_path: Path) -> None:
    text = """
        def main():
            order = 4711
            time.sleep(0.1)
            pyheapdump.dump_later(0.05)
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.3)

        start(main)
        libc.pthread_exit(None)
    """
    ended = Subject(tmp_path, SET_UP.format(SET_UPS["register"]) + text.replace("        ", "    "), install=None).run()
    assert ended.status == 0, ended.stderr.decode()
    reasons = []
    for path in ended.dumps:
        with pyheapdump.load(path) as dump:
            reasons.append(dump.reason)
            assert any(frame.f_locals.get("order") == 4711 for thread in dump.threads for frame in thread.frames)
    assert sorted(reasons) == ["dump_later after 0.05 s", "request by SIGUSR1"]
