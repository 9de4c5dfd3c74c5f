# SPDX-License-Identifier: Apache-2.0
"""install() in a program with threads: what it does to threads that run, and where threading is not as it was."""

from pathlib import Path

import pytest
from support.crash_program import compile_library, run_program
from support.subject import Subject, comparable

# What libraries that replace threads by something of their own have made of threading.
CHANGED = {
    "threads without an id": "threading.enumerate = lambda: [object()]",
    "no list": "threading.enumerate = None",
    "a list that fails": "threading.enumerate = lambda: 1 / 0",
    "ids that are none": "threading.enumerate = lambda: [type('T', (), {'native_id': 'green'})()]",
    "ids that are never known": "threading.enumerate = lambda: [type('T', (), {'native_id': None})()]; "
    "time.sleep = lambda seconds: 1 / 0",
    "an id that fails": "threading.enumerate = lambda: [type('T', (), {'native_id': property(lambda self: 1 / 0)})()]",
    "no kernel ids": "del threading.get_native_id",
    "own starters": "threading._start_new_thread = _thread.start_new_thread = lambda *args, **kwargs: None",
    "no starters": "vars(threading).pop('_start_new_thread', None); del _thread.start_new_thread, _thread.start_new",
    "other classes": "threading.Thread = threading._MainThread = threading.RLock = threading.Lock = object",
}
# Signals of a thread wait until its child of vfork() has ended.
VFORK = """
#include <unistd.h>
void wait_in_vfork(void);
void wait_in_vfork(void)
{
    if (vfork() == 0) {
        usleep(1500000);
        _exit(0);
    }
}
"""


@pytest.mark.parametrize("change", CHANGED)
def test_threading_that_others_have_changed(tmp_path: Path, change: str) -> None:
    text = f"""
        import _thread, threading, time
        {CHANGED[change]}
        import pyheapdump
        pyheapdump.install()
        pyheapdump.uninstall()
        pyheapdump.install()
        raise ValueError("after install()")
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.status == 1 and b"ValueError: after install()" in ended.stderr, ended.stderr.decode()
    assert len(ended.dumps) == 1


@pytest.mark.parametrize("failure", ["ValueError('a')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_failure_in_a_thread_of_its_own(tmp_path: Path, failure: str) -> None:
    """sys.unraisablehook gets what it would get without us, and what is printed is the same."""
    text = f"""
        import _thread, sys, time

        def task(*arguments):
            raise {failure}

        def told(unraisable):
            print(unraisable.object is task, unraisable.object, unraisable.err_msg, unraisable.exc_value, flush=True)
            sys.__unraisablehook__(unraisable)
            done.append(True)

        sys.unraisablehook = told
        done = []
        for arguments in (), (1, 2):
            before = len(done)
            _thread.start_new_thread(task, arguments)
            end = time.monotonic() + (0.1 if {failure.startswith("SystemExit")} else 20)  # that one is not told
            while len(done) == before and time.monotonic() < end:
                time.sleep(0.001)
    """
    subject = Subject(tmp_path, text)
    without, ended = subject.run(installed=False), subject.run()
    assert comparable(ended.stdout) == comparable(without.stdout)
    assert comparable(ended.other_stderr) == comparable(without.stderr)


def test_threads_that_block_signals_or_wait_for_them(tmp_path: Path) -> None:
    """They are not waited for, do not get our signal, and no other thread is held meanwhile."""
    text = """
        import signal, threading, time
        import pyheapdump

        last = signal.SIGRTMAX
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        sleeping = threading.Thread(target=time.sleep, args=(1,))
        got = []
        waiting = threading.Thread(target=lambda: got.append(signal.sigtimedwait({last}, 1)))
        for thread in (sleeping, waiting):
            thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        time.sleep(0.1)
        began = time.monotonic()
        pyheapdump.install()
        print(time.monotonic() - began)
        waiting.join()
        print(got)
    """
    ended = Subject(tmp_path, text, install=None).run()
    seconds, got = ended.stdout.decode().split("\n", 1)
    assert float(seconds) < 0.8, "less than it would wait for a thread that does not answer"
    assert got == "[None]\n", ended.stderr.decode()


def test_gil_while_install_waits_for_a_thread(tmp_path: Path) -> None:
    """A thread that does not answer, as it waits for its vfork()ed child: the others go on."""
    source, library = tmp_path / "busy.c", tmp_path / "busy.so"
    source.write_text(VFORK)
    compile_library(source, library)
    text = f"""
        import ctypes, threading, time
        import pyheapdump

        library = ctypes.CDLL({str(library)!r})
        longest, done = [0.0], []

        def look():
            while not done:
                began = time.monotonic()
                time.sleep(0.002)
                longest[0] = max(longest[0], time.monotonic() - began)

        looking = threading.Thread(target=look)
        looking.start()
        threading.Thread(target=library.wait_in_vfork).start()
        time.sleep(0.1)
        pyheapdump.install()
        done.append(True)
        looking.join()
        print(longest[0])
    """
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.status == 0, ended.stderr.decode()
    assert float(ended.stdout) < 0.8, "less than install() waits"


# The C library takes it from the stack of each thread, ours too.
@pytest.mark.parametrize("kibibytes", [200, 240, 252, 300, 3000])
def test_thread_local_storage(tmp_path: Path, kibibytes: int) -> None:
    source, library = tmp_path / "storage.c", tmp_path / "storage.so"
    source.write_text(
        f"__thread char storage[{kibibytes} * 1024];\nchar *get(void);\nchar *get(void) {{ return storage; }}\n"
    )
    compile_library(source, library)
    text = """
        import os, signal, time
        import pyheapdump

        os.kill(os.getpid(), signal.SIGUSR1)
        pyheapdump.dump_later(0.01)
        time.sleep(0.1)
        print("goes on")
    """
    ended = Subject(tmp_path, text, "register='USR1'").run(environment={"LD_PRELOAD": str(library)})
    assert (ended.status, ended.stdout) == (0, b"goes on\n"), ended.stderr.decode()
    assert len(ended.dumps) == 2


def test_memory_is_locked(tmp_path: Path) -> None:
    """mlockall(MCL_CURRENT | MCL_FUTURE): what we only set aside is not filled."""
    text = """
        import ctypes, sys
        import pyheapdump.children, pyheapdump.hooks, pyheapdump.signals, pyheapdump.watch

        def locked():
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmLck"))

        if ctypes.CDLL(None).mlockall(3) != 0:
            sys.exit("this process may not lock its memory")
        before = locked()
        pyheapdump.install(register="USR1")
        print(locked() - before)
    """
    ended = Subject(tmp_path, text, install=None).run()
    if ended.status != 0:
        pytest.skip(ended.stderr.decode())
    assert int(ended.stdout) < 4096, "KiB: three stacks, and what is used"


def test_threads_of_programs_that_have_replaced_what_starts_them(tmp_path: Path) -> None:
    """Whatever the attributes are, a thread of the system's gets its signal stack, and only while we are installed."""
    text = """
        import _thread, threading, time
        import crasher

        STARTERS = [getattr(_thread, name) for name in ("start_new_thread", "start_new", "start_joinable_thread")
                    if hasattr(_thread, name)]
        for module in _thread, threading:
            for name in "start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread":
                if hasattr(module, name):
                    setattr(module, name, lambda *arguments, **keywords: None)
        import pyheapdump

        def stacks():
            found = []
            for start in STARTERS:
                end = time.monotonic() + 20
                count = len(found)
                start(lambda: found.append(crasher.has_signal_stack()), *([()] if start in STARTERS[:2] else []))
                while len(found) == count and time.monotonic() < end:
                    time.sleep(0.001)
            if len(STARTERS) == 3:
                STARTERS[2](function=lambda: found.append(crasher.has_signal_stack())).join()
            return found

        print(set(stacks()))
        for i in range(2):
            pyheapdump.install()
            pyheapdump.install()
            print(set(stacks()))
            pyheapdump.uninstall()
            print(set(stacks()))
    """
    ended = run_program(Subject(tmp_path, text, install=None))
    assert ended.stdout == b"{False}\n{True}\n{False}\n{True}\n{False}\n", ended.stderr.decode()


def test_arguments_that_start_no_thread(tmp_path: Path) -> None:
    """The errors are those that Python raises without us."""
    text = """
        import _thread
        for name in "start_new_thread", "start_new", "start_joinable_thread":
            for arguments in (), (1,), (print,), (print, 1), (print, (), 1), (print, (), {}, 2), (1, ()), (None, None):
                for keywords in {}, {"function": 1}, {"function": print, "handle": 5}, {"daemon": True}, {"other": 1}:
                    start = getattr(_thread, name, None)
                    if start is None or (name == "start_joinable_thread" and arguments == (print,) and len(keywords) < 2
                                         and "function" not in keywords and "other" not in keywords):
                        continue
                    try:
                        print(name, arguments, keywords, start(*arguments, **keywords))
                    except Exception as error:
                        print(name, arguments, keywords, repr(error))
    """
    subject = Subject(tmp_path, text)
    without, ended = subject.run(installed=False), subject.run()
    assert b"TypeError" in without.stdout
    assert (ended.status, comparable(ended.stdout)) == (without.status, comparable(without.stdout))
