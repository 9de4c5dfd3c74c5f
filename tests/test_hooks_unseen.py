# SPDX-License-Identifier: Apache-2.0
"""Hooks: exceptions are seen without a change that the program could notice, once, and at prompts not at all."""

from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject, dumps_because_of, dumps_in, frame_names, run_both, run_python

BIG = "heap = [{'number': number, 'text': str(number)} for number in range(30000)]\n"

# What a program can compare, as one expression.
COMPARED = """
    import sys, threading, _thread
    def seen():
        return [
            sys.excepthook is sys.__excepthook__,
            sys.unraisablehook is sys.__unraisablehook__,
            threading.excepthook is getattr(threading, "__excepthook__", _thread._excepthook),
            threading.ExceptHookArgs is _thread._ExceptHookArgs,
            sorted(vars(threading.Thread)), repr(sys.excepthook), repr(threading.excepthook),
        ]
    print(seen())
"""


def test_nothing_changes_that_can_be_compared(tmp_path: Path) -> None:
    text = COMPARED + "    threading.Thread(target=lambda: 1 / 0).start()\n"
    ended = run_both(tmp_path, text, install="unraisable=True")
    assert ended.stdout.startswith(b"[True, True, True, True, ")


# What libraries replace, and programs compare with what they know.
MODULES = """
    _signal _thread asyncio asyncio.base_events asyncio.events asyncio.runners asyncio.tasks atexit builtins code
    concurrent.futures.process concurrent.futures.thread faulthandler gc importlib importlib.util io logging
    multiprocessing multiprocessing.context multiprocessing.popen_fork multiprocessing.process multiprocessing.util os
    pickle pickletools posix runpy signal site subprocess sys threading time traceback types unittest.case warnings weakref
"""
IDENTITIES = f"""
    import functools, importlib
    modules = [importlib.import_module(name) for name in {MODULES.split()}]
    def identities():
        kept, found = [], {{}}
        for module in modules:
            for name, value in list(vars(module).items()):
                kept.append(value)
                found[module.__name__, name] = id(value)
                if isinstance(value, type):
                    for inner, attribute in list(vars(value).items()):
                        kept.append(attribute)
                        found[module.__name__, name, inner] = id(attribute)
                code = getattr(value, "__code__", None)
                if code:
                    found[module.__name__, name, "__code__"] = id(code)
        return kept, found
    kept, before = identities()
    import pyheapdump, signal
    pyheapdump.install(unraisable=True, memory_limit="50%")
    pyheapdump.register(signal.SIGUSR1)
    pyheapdump.dump_later(600)
    kept_too, now = identities()
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            print(key)
"""


def test_every_attribute_stays_what_it_was(tmp_path: Path) -> None:
    """Of the modules that have to do with exceptions, threads, signals and children; and of their classes."""
    ended = Subject(tmp_path, IDENTITIES, install=None).run()
    assert (ended.status, ended.stdout, ended.stderr) == (0, b"", b"")


HOOKS = {
    "function": "hook = mine",
    "closure": "hook = (lambda inner: lambda *arguments: inner(*arguments))(mine)",
    "method": "class Hook:\n    def call(self, *arguments):\n        mine(*arguments)\nhook = Hook().call",
    "method of a class": "class Hook:\n    @classmethod\n    def call(cls, *arguments):\n        mine(*arguments)\nhook = Hook.call",
    "partial": "import functools\nhook = functools.partial(mine)",
    "object": "class Hook:\n    def __call__(self, *arguments):\n        mine(*arguments)\nhook = Hook()",
}
OWN_HOOKS = """import sys, threading
def mine(*arguments):
    print("mine", len(arguments), flush=True)
{hook}
{before}
if os.environ["SUBJECT_INSTALL"] == "1":
    import pyheapdump
    pyheapdump.install()
{after}
same = sys.excepthook is hook
def job(order):
    raise ValueError(order)
thread = threading.Thread(target=job, args=(7,))
thread.start()
thread.join()
[][same]
"""
SET = "sys.excepthook = hook\nthreading.excepthook = hook"


@pytest.mark.parametrize("set_later", [False, True])
@pytest.mark.parametrize("kind", HOOKS)
def test_hooks_of_the_program_that_call_no_other(tmp_path: Path, kind: str, set_later: bool) -> None:
    """Set before install() or after it, of whatever kind: they are called as without us, and each failure is dumped."""
    before, after = ("", SET) if set_later else (SET, "")
    text = OWN_HOOKS.format(hook=HOOKS[kind], before=before, after=after)
    ended = run_both(tmp_path, text, install=None, dumps=2)
    assert ended.stdout == b"mine 1\nmine 3\n" and len(ended.own_lines) == 2
    (thread,) = dumps_because_of(ended, "exception in a thread")
    assert frame_names(thread.traceback)[-1] == "job"
    (main,) = [dump for dump in dumps_because_of(ended, "exception") if dump.reason == "exception"]
    # at the end of the program for those alone that could not be seen when they were called
    assert ("label" in main.facts) == set_later


@pytest.mark.parametrize("kind", ["function", "method"])
def test_hook_of_the_program_stays_the_attribute(tmp_path: Path, kind: str) -> None:
    text = OWN_HOOKS.format(hook=HOOKS[kind], before=SET, after="assert threading.excepthook is hook is sys.excepthook")
    run_both(tmp_path, text, install=None, dumps=2)


# --- hooks that end the process ---------------------------------------------------------------------------------

SECOND = """
import os, signal, sys, time
FILE = __file__
if sys.argv[1:] == ["second"]:
    came = []
    signal.signal(signal.SIGCHLD, lambda *arguments: came.append(1))
    time.sleep(0.5)
    print(came, open(f"/proc/self/task/{os.getpid()}/children").read().split())
    sys.exit(3)
"""


@pytest.mark.parametrize(
    ("ending", "status", "printed"),
    [
        ("os._exit(9)", 9, b""),
        ("os.execv(sys.executable, [sys.executable, FILE, 'second'])", 3, b"[] []\n"),
        ("os.execvp(sys.executable, [sys.executable, FILE, 'second'])", 3, b"[] []\n"),
        ("os.execle(sys.executable, sys.executable, FILE, 'second', dict(os.environ))", 3, b"[] []\n"),
    ],
)
def test_hook_that_ends_the_process(tmp_path: Path, ending: str, status: int, printed: bytes) -> None:
    """Not before the dump is complete; a program that takes its place gets no child of ours."""
    text = f"""{SECOND}
{BIG}
def hook(*arguments):
    print("mine", flush=True)
    {ending}
sys.excepthook = hook
if os.environ["SUBJECT_INSTALL"] == "1":
    import pyheapdump
    pyheapdump.install(level=9)
{{}}[1]
"""
    ended = run_both(tmp_path, text, install=None)
    assert (ended.status, ended.stdout) == (status, b"mine\n" + printed), ended.stderr.decode()
    assert pyheapdump.load(ended.only_dump).file.problems == [] and len(ended.own_lines) == 1


def test_program_calls_its_hook_itself(tmp_path: Path) -> None:
    """A function that is the hook, too, is called for an exception that was caught: that is none of a hook's."""
    text = """
        import sys
        def report(kind, value, traceback):
            print("reported", value, flush=True)
        sys.excepthook = report
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        for number in range(200):
            try:
                raise KeyError(number)
            except KeyError as error:
                report(type(error), error, error.__traceback__)
    """
    run_both(tmp_path, text, install=None, dumps=0)


def test_hook_of_both_doors_is_one_dump(tmp_path: Path) -> None:
    text = """
        import sys, threading
        def report(*arguments):
            print("reported", flush=True)
            (sys.__excepthook__ if len(arguments) == 3 else original)(*arguments)
        original = threading.excepthook
        sys.excepthook = threading.excepthook = report
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        thread = threading.Thread(target=lambda: {}[1], name="job")
        thread.start()
        thread.join()
        1 / 0
    """
    ended = run_both(tmp_path, text, install=None, dumps=2)
    assert len(ended.own_lines) == 2 and ended.stdout == b"reported\n" * 2


def test_uninstall_puts_everything_back(tmp_path: Path) -> None:
    text = """
        import sys, threading
        def report(*arguments):
            print("reported", flush=True)
        sys.excepthook = report
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
            pyheapdump.uninstall()
        thread = threading.Thread(target=lambda: {}[1], name="job")
        thread.start()
        thread.join()
        sys.__excepthook__(KeyError, KeyError(1), None)
        1 / 0
    """
    run_both(tmp_path, text, install=None, dumps=0)


def test_hooks_that_changed_between_two_installs(tmp_path: Path) -> None:
    text = """
        import sys, threading
        ours = sys.modules.get("pyheapdump")
        for again in range(3):
            def hook(*arguments, again=again):
                print("mine", again, flush=True)
            sys.excepthook = threading.excepthook = hook
            if ours and again != 1:
                ours.uninstall()
            if ours:
                ours.install()
        thread = threading.Thread(target=lambda: {}[1], name="job")
        thread.start()
        thread.join()
        1 / 0
    """
    ended = run_both(tmp_path, text, dumps=2)
    assert ended.stdout == b"mine 2\n" * 2
    assert [dump.facts.get("label") for dump in dumps_because_of(ended, "exception")] == [None, None]


def test_definition_that_cannot_be_written(tmp_path: Path) -> None:
    """Then the hook is replaced by one of ours, as long as we are installed."""
    text = """
        import ctypes, mmap, sys
        SIZE = ctypes.sizeof(ctypes.c_void_p) * 4
        definition = ctypes.c_void_p.from_address(id(sys.excepthook) + 2 * ctypes.sizeof(ctypes.c_void_p))
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        address = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        ctypes.memmove(address, definition.value, SIZE)
        assert libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ) == 0
        definition.value = address
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            before = sys.excepthook
            pyheapdump.install()
            assert sys.excepthook is not before
            pyheapdump.uninstall()
            assert sys.excepthook is before
            pyheapdump.install()
        1 / 0
    """
    run_both(tmp_path, text, install=None)


# --- other interpreters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["1 / 0", "import sys; sys.__excepthook__(KeyError, KeyError(5), None)"])
def test_exceptions_of_another_interpreter(tmp_path: Path, code: str) -> None:
    """They share the definitions of the builtins, and nothing comes of that."""
    text = f"""
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        other = interpreters.create()
        try:
            interpreters.run_string(other, {code!r})
        except Exception as error:
            print("failed")
    """
    run_both(tmp_path, text, dumps=0)


# --- prompts ----------------------------------------------------------------------------------------------------

CONSOLE = """
    import code, sys
    sent = []
    class Remote(code.InteractiveConsole):
        lines = ["1 +", "undefined_name", "def fail():", "    return {{}}['key']", "", "fail()"]
        def raw_input(self, prompt=""):
            if not self.lines:
                raise EOFError
            return self.lines.pop(0)
        def write(self, data):
            sent.append(data)
    {hook}
    Remote().interact(banner="", exitmsg="")
    print("".join(sent))
"""


@pytest.mark.parametrize("hook", ["", "sys.excepthook = lambda *arguments: print('mine', arguments[0])"])
@pytest.mark.parametrize("install_later", [False, True])
def test_console_of_the_program(tmp_path: Path, hook: str, install_later: bool) -> None:
    """Its errors go where they go without us, and make no dumps, not at the end of the program either."""
    later = "os.environ['SUBJECT_INSTALL'] == '1' and __import__('pyheapdump').install()"
    text = CONSOLE.format(hook=f"{hook}\n    {later}" if install_later else hook)
    ended = run_both(tmp_path, text, install=None if install_later else "", dumps=0)
    assert b"KeyError" in ended.stdout and ended.own_lines == []


def test_prompt_of_the_interpreter(tmp_path: Path) -> None:
    """The script fails: that is a failure. What is typed then is none."""
    subject = Subject(tmp_path, "{}['of the script']\n")
    lines = b"undefined_name\n1 +\n{}['typed']\nexit()\n"
    variables = {"PYHEAPDUMP_DIR": str(subject.dump_directory), "SUBJECT_INSTALL": "1"}
    ended = run_python(["-i", str(subject.path)], environment=variables, stdin=lines)
    assert ended.stderr.count(b"NameError") == 1 and ended.stderr.count(b"KeyError") == 2
    (path,) = dumps_in(subject.dump_directory)
    assert pyheapdump.load(path).exception.args == ("of the script",)


# --- ways to leave ----------------------------------------------------------------------------------------------

GROUP = """
    import sys
    if sys.version_info < (3, 11):
        from exceptiongroup import BaseExceptionGroup
    def group(*members):
        return BaseExceptionGroup("of them", list(members))
    raise {raised}
"""


@pytest.mark.parametrize(
    ("raised", "dumps"),
    [
        ("group(KeyboardInterrupt())", 0),
        ("group(KeyboardInterrupt(), group(SystemExit(3), group(GeneratorExit())))", 0),
        ("group(KeyboardInterrupt(), group(SystemExit(3), ValueError()))", 1),
        ("group(ValueError())", 1),
        ("type('Of', (BaseExceptionGroup,), {'exceptions': 5})('text', [KeyboardInterrupt()])", 0),
    ],
)
def test_groups(tmp_path: Path, raised: str, dumps: int) -> None:
    """A group of nothing but ways to leave is one itself."""
    run_both(tmp_path, GROUP.format(raised=raised), dumps=dumps)


# --- nothing waits for us ---------------------------------------------------------------------------------------


def test_hooks_that_wait_for_each_other(tmp_path: Path) -> None:
    """A hook that joins another thread, which fails as well, is the program's right."""
    text = """
        import threading, time
        started, stop = threading.Event(), threading.Event()
        def worker(number):
            (stop if number else started).wait()
            raise type(f"Error{number}", (RuntimeError,), {})(number)
        def hook(arguments):
            stop.set()
            if arguments.thread is workers[0]:
                workers[1].join()
            print("hook", flush=True)
        threading.excepthook = hook
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        workers = [threading.Thread(target=worker, args=(number,)) for number in range(2)]
        for thread in workers:
            thread.start()
        started.set()
        for thread in workers:
            thread.join()
    """
    run_both(tmp_path, text, install=None, dumps=2, seconds=30)


def test_no_hook_waits_for_a_dump(tmp_path: Path) -> None:
    """Several threads fail while a dump is being written that takes long: their hooks are all called before it is."""
    text = """
        import threading, glob
        import pyheapdump
        FILL
        found = []
        def hook(arguments):
            found.append(len(glob.glob(os.environ["PYHEAPDUMP_DIR"] + "/*.dump")))
        threading.excepthook = hook
        pyheapdump.install(level=19)
        def job(number):
            raise type(f"Error{number}", (RuntimeError,), {})(number)
        workers = [threading.Thread(target=job, args=(number,)) for number in range(4)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        print(found)
    """.replace("FILL", BIG.strip())
    ended = Subject(tmp_path, text, install=None).run()
    assert (ended.stdout, len(ended.dumps)) == (b"[0, 0, 0, 0]\n", 4), ended.stderr.decode()


# --- what signal handlers raise ---------------------------------------------------------------------------------

HANDLED = """
    import signal, sys, time
    import pyheapdump
    FILL
    pyheapdump.install(level=19)
    class Limit(Exception):
        pass
    def handler(*arguments):
        raise {raised}
    signal.signal(signal.SIGALRM, handler)
    def work():
        try:
            1 / 0
        except ZeroDivisionError as error:
            {call}
    started = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        work()
        print("vanished")
    except BaseException as error:
        print(type(error).__name__, time.monotonic() - started < 5)
"""


@pytest.mark.parametrize(
    ("raised", "call"),
    [
        ("KeyboardInterrupt", "pyheapdump.dump_once(error)"),
        ("Limit", "pyheapdump.dump_once(error)"),
        ("TimeoutError", "pyheapdump.dump_on_exception(reraise=False)(lambda: [][1])()"),
        ("SystemExit(4)", "pyheapdump.dump_on_exception(reraise=False)(lambda: [][1])()"),
        ("Limit", "pyheapdump.dump()"),
    ],
)
def test_handler_that_raises_while_a_dump_is_written(tmp_path: Path, raised: str, call: str) -> None:
    """It reaches the program at once, and the dump is complete all the same."""
    ended = Subject(tmp_path, HANDLED.format(raised=raised, call=call).replace("FILL", BIG.strip()), install=None).run()
    name = raised.partition("(")[0]
    assert ended.stdout.decode() == f"{name} True\n", ended.stderr.decode()
    assert pyheapdump.load(ended.only_dump).file.problems == []
    assert b"no dump" not in ended.stderr


def test_program_is_told_to_end_while_its_last_dump_is_written(tmp_path: Path) -> None:
    text = """
        import signal, sys
        FILL
        signal.signal(signal.SIGALRM, lambda *arguments: sys.exit(5))
        def hook(*arguments):
            sys.__excepthook__(*arguments)
            signal.setitimer(signal.ITIMER_REAL, 0.02)
        sys.excepthook = hook
        pyheapdump.install(level=19)
        1 / 0
    """.replace("FILL", f"import pyheapdump\n        {BIG.strip()}")
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.status == 5 and b"ZeroDivisionError" in ended.other_stderr
    assert pyheapdump.load(ended.only_dump).file.problems == []
