# SPDX-License-Identifier: Apache-2.0
"""install(memory_errors=True): a dump at the allocation that fails, where the guilty frame is still on the stack.

Memory is refused by RLIMIT_AS, which the programs set themselves.
"""

import os
import textwrap
from pathlib import Path
from typing import Any, List

import pyheapdump
import pytest
from support.subject import Ended, Subject, dumps_because_of

# How often each story is played; the nightly run plays it 20 times.
RUNS = int(os.environ.get("PYHEAPDUMP_RUNS", "3"))

# limit(bytes) lets the process have that much more address space.
HEAD = """
    import os, resource, sys, threading, time
    import pyheapdump

    def limit(more):
        with open("/proc/self/statm") as statm:
            size = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + more, resource.RLIM_INFINITY))
        pyheapdump.install(memory_errors=True)
"""
STORIES = {
    "small objects": "page = [str(i) * 9 for i in range(2_000)]",
    "large objects": "page = bytearray(7_000_000)",
    "a list that grows": "page = list(range(100_000))",
}
CRAWLER = """
    def fetch(url):
        {page}
        return page

    def crawl():
        index = bytearray(30_000_000)
        pages = []
        for number in range(10_000_000):
            pages.append(fetch("https://example.org/" + str(number)))

    limit(120_000_000)
    crawl()
"""


def run(directory: Path, text: str, **options: Any) -> Ended:
    return Subject(directory, textwrap.dedent(HEAD) + textwrap.dedent(text), install=None).run(**options)


def memory_errors(ended: Ended) -> List[Any]:
    return dumps_because_of(ended, "memory error: ")


@pytest.mark.parametrize("number", range(RUNS))
@pytest.mark.parametrize("story", STORIES)
def test_crawler(tmp_path: Path, story: str, number: int) -> None:
    """Nothing catches the error: the traceback may have lost its last frame, the dump of the failing allocation has it."""
    ended = run(tmp_path, CRAWLER.format(page=STORIES[story]))
    assert ended.status == 1 and b"MemoryError" in ended.stderr, ended.stderr.decode()
    (dump,) = memory_errors(ended)
    with dump:
        assert dump.facts["gil_held"] is True
        assert dump.threads[0].current
        frames = {frame.f_code.co_name: frame for frame in dump.threads[0].frames}
        pages = frames["crawl"].f_locals["pages"]
        assert frames["fetch"].f_locals["url"] == f"https://example.org/{len(pages)}"
        assert len(frames["crawl"].f_locals["index"].load()) == 30_000_000, "the largest object"


def test_thread(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        def grow(name):
            limit(80_000_000)
            kept = []
            try:
                while True:
                    kept.append(bytearray(1_000_000))
            except MemoryError:
                kept.clear()
                print("caught")

        thread = threading.Thread(target=grow, args=("the guilty one",), name="worker")
        thread.start()
        thread.join()
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"caught\n"), ended.stderr.decode()
    assert ended.other_stderr == b""
    (dump,) = memory_errors(ended)
    with dump:
        assert dump.threads[0].name == "worker"
        assert dump.threads[0].frames[-1].f_locals["name"] == "the guilty one"


def test_one_dump_for_a_burst(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        limit(60_000_000)
        caught = 0
        for _ in range(200):
            try:
                bytearray(50_000_000)
            except MemoryError:
                caught += 1
        print(caught)
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"200\n"), ended.stderr.decode()
    assert len(ended.dumps) == len(memory_errors(ended)) == 1


def test_wrong_numbers_are_no_lack_of_memory(tmp_path: Path) -> None:
    """More than the process could ever have: programs ask for that to see the error."""
    ended = run(
        tmp_path,
        """
        limit(60_000_000)
        for size in 10**15, sys.maxsize - 100, resource.getrlimit(resource.RLIMIT_AS)[0] + 1:
            try:
                bytearray(size)
            except MemoryError:
                print("caught")
        """,
    )
    assert (ended.status, ended.stdout, ended.stderr) == (0, b"caught\n" * 3, b"")


def test_hard_limit(tmp_path: Path) -> None:
    """The limit holds for the writer, too: it makes do with what was set aside."""
    ended = run(
        tmp_path,
        """
        limit(60_000_000)
        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
        url = "https://example.org/4"
        kept = []
        try:
            while True:
                kept.append("x" * 1000)
        except MemoryError:
            del kept
            print("caught")
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"caught\n"), ended.stderr.decode()
    (dump,) = memory_errors(ended)
    with dump:
        assert dump.threads[0].frames[-1].f_locals["url"] == "https://example.org/4"


def test_other_allocators(tmp_path: Path) -> None:
    """tracemalloc and the debug allocators around us, and malloc in pymalloc's place."""
    text = """
        import tracemalloc
        limit(90_000_000)
        tracemalloc.start()
        pyheapdump.uninstall()
        tracemalloc.stop()
        pyheapdump.install(memory_errors=True)
        kept = []
        try:
            while True:
                kept.append([len(kept)] * 30)
        except MemoryError:
            kept.clear()
            print("caught")
        pyheapdump.uninstall()
        try:
            while True:
                kept.append(bytearray(10_000_000))
        except MemoryError:
            kept.clear()
    """
    for allocator in "default", "malloc", "malloc_debug", "pymalloc_debug":
        directory = tmp_path / allocator
        directory.mkdir()
        ended = run(directory, text, environment={"PYTHONMALLOC": allocator})
        assert (ended.status, ended.stdout) == (0, b"caught\n"), (allocator, ended.stderr.decode())
        assert len(ended.dumps) == len(memory_errors(ended)) == 1, allocator


@pytest.mark.parametrize("fork", ["os.fork()", "__import__('ctypes').PyDLL(None).fork()"])
def test_forked_child(tmp_path: Path, fork: str) -> None:
    ended = run(
        tmp_path,
        f"""
        limit(60_000_000)
        pid = {fork}
        kept = []
        try:
            while pid == 0:
                kept.append(bytearray(10_000_000))
        except MemoryError:
            os._exit(7)
        print(pid, os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
        """,
    )
    pid, status = ended.stdout.split()
    assert (ended.status, status) == (0, b"7"), ended.stderr.decode()
    assert ended.other_stderr == b""
    assert [path.name.split("_")[2] for path in ended.dumps] == [pid.decode()]
    assert len(memory_errors(ended)) == 1


def test_off_unless_asked_for(tmp_path: Path) -> None:
    """Without memory_errors there is the dump of the exception alone."""
    text = HEAD.replace("memory_errors=True", "") + CRAWLER.format(page=STORIES["large objects"])
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.status == 1
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.reason == "exception"


SUBINTERPRETER = """
    import ctypes
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters

    keep = interpreters.create()
    limit(50_000_000)
    library = getattr(ctypes, {library!r})(None)
    library.PyMem_RawMalloc.restype = ctypes.c_void_p
    assert library.PyMem_RawMalloc(ctypes.c_size_t(60_000_000)) is None
"""


@pytest.mark.parametrize(("library", "held"), [("CDLL", False), ("PyDLL", True)])
def test_gil_when_there_is_a_subinterpreter(tmp_path: Path, library: str, held: bool) -> None:
    """CPython's own check says yes to everybody then."""
    (dump,) = memory_errors(run(tmp_path, SUBINTERPRETER.format(library=library)))
    with dump:
        assert dump.facts["gil_held"] is held
        assert dump.threads[0].name == "MainThread"


@pytest.mark.parametrize(
    ("steps", "allocator"),
    [
        ("trace install stop install", "default"),
        ("trace install stop uninstall install", "malloc"),
        ("trace install stop trace install", "debug"),
        ("install trace install stop", "default"),
        ("trace install install stop trace stop install install", "default"),
    ],
)
def test_installed_again_after_tracemalloc(tmp_path: Path, steps: str, allocator: str) -> None:
    """tracemalloc that was started before us takes us away when it is stopped; the next install() is back, once."""
    text = """
        import tracemalloc
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))
        tracemalloc.trace = tracemalloc.start
        for step in STEPS.split():
            if step in ("trace", "stop"):
                getattr(tracemalloc, step)()
            else:
                getattr(pyheapdump, step)(**({"memory_errors": True} if step == "install" else {}))
        try:
            pages = [bytearray(50 << 20) for number in range(20)]
        except MemoryError:
            pass
    """.replace("STEPS", repr(steps))
    ended = run(tmp_path, text, environment={"PYTHONMALLOC": allocator})
    assert ended.status == 0 and len(memory_errors(ended)) == 1, ended.stderr.decode()
