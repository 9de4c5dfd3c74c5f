# SPDX-License-Identifier: Apache-2.0
"""install(memory_limit=...): a dump before RLIMIT_AS or a number of bytes is reached, and the option itself. For control
groups, where the kernel kills, see test_memory_group.py."""

import ast
import json
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from pyheapdump.memory_limit import MemoryLimit, parse
from support.crawler import MIB, RUNS, check_limit, largest, memory_dumps, run, size_of
from support.subject import run_python

# --- limits that make allocations fail


@pytest.mark.parametrize("number", range(RUNS))
def test_address_space(tmp_path: Path, number: int) -> None:
    """One dump at nine tenths of RLIMIT_AS, another one at the allocation that fails."""
    ended = run(
        tmp_path,
        """
        resource.setrlimit(resource.RLIMIT_AS, (600_000_000, resource.RLIM_INFINITY))
        pyheapdump.install(memory_limit="90%", memory_errors=True)

        def fetch(url):
            return bytearray(1_000_000)

        def crawl():
            pages = [bytearray(300_000_000)]
            for number in range(10_000):
                pages.append(fetch("https://example.org/" + str(number)))
                time.sleep(0.004)  # address space is not filled, and asked for at once

        crawl()
        """,
    )
    assert ended.status == 1 and b"MemoryError" in ended.stderr, ended.stderr.decode()
    reasons = [pyheapdump.load(path).reason for path in ended.dumps]
    assert sorted(reason.partition(":")[0] for reason in reasons) == ["exception", "memory error", "memory limit"]
    (dump,) = memory_dumps(ended)
    with dump:
        assert dump.reason.endswith("MiB used of 572.2 MiB (RLIMIT_AS)")
        check_limit(dump, "RLIMIT_AS", "RLIMIT_AS", 600_000_000, 540_000_000)
        frames = {frame.f_code.co_name: frame for frame in dump.threads[0].frames}
        assert len(frames["crawl"].f_locals["pages"]) > 20


# --- a number of bytes


def test_size(tmp_path: Path) -> None:
    """One dump, and the program goes on; it may ask for another one."""
    ended = run(
        tmp_path,
        """
        pyheapdump.install(memory_limit="100MiB")
        url = "https://example.org/5"
        index = bytearray(os.urandom(1000)) * 60_000
        pages = [bytearray(os.urandom(1000)) * 10_000 for _ in range(5)]
        wait_for(1)
        more = bytearray(b"x") * 100_000_000
        time.sleep(0.2)
        assert len(dumps()) == 1
        pyheapdump.install(memory_limit=150 << 20)
        wait_for(2)
        print("done")
        """,
    )
    assert (ended.status, ended.stdout, ended.other_stderr) == (0, b"done\n", b""), ended.stderr.decode()
    first, second = memory_dumps(ended)
    assert first.reason.endswith(" MiB used of 100.0 MiB (memory_limit)")
    assert second.reason.endswith(" MiB used of 150.0 MiB (memory_limit)")
    check_limit(first, "given", "memory_limit", 100 * MIB, 100 * MIB)
    check_limit(second, "given", "memory_limit", 150 * MIB, 150 * MIB)
    viewed = run_python(["-m", "pyheapdump.view", str(ended.dumps[0]), "--json"])
    assert viewed.status == 0, viewed.stderr.decode()
    shown = json.loads(viewed.stdout)
    assert shown["facts"]["memory_limit"] == first.facts["memory_limit"]
    assert first.threads[0].frames[0].f_globals["url"] == "https://example.org/5"
    assert size_of(largest(first, "bytearray")) == 60_000_000
    assert (first.facts["gil_held"], first.end["complete"]) == (True, True)


def test_gil_held_for_ever(tmp_path: Path) -> None:
    """C code fills memory and keeps the GIL until the dump is there: it is made without the GIL, and says so."""
    ended = run(
        tmp_path,
        """
        writer = '''if True:
            import os, sys, time
            for _ in range(150):
                sys.stdout.buffer.write(bytes(1_000_000))
            sys.stdout.buffer.flush()
            while not any(name.endswith(".dump") for name in os.listdir(os.environ["PYHEAPDUMP_DIR"])):
                time.sleep(0.01)
        '''
        library = ctypes.PyDLL(None)
        library.fdopen.restype = ctypes.c_void_p
        library.fread.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
        block = mmap.mmap(-1, 200_000_000)

        def download(url):
            source = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE)
            stream = library.fdopen(os.dup(source.stdout.fileno()), b"rb")
            target = ctypes.c_char.from_buffer(block)
            print(library.fread(ctypes.addressof(target), 1, len(block), stream))

        pyheapdump.install(memory_limit="120MiB")
        download("https://example.org/6")
        """,
    )
    assert (ended.status, ended.stdout) == (0, b"150000000\n"), ended.stderr.decode()
    (dump,) = memory_dumps(ended)
    with dump:
        assert dump.facts["gil_held"] is False
        assert dump.threads[0].frames[-1].f_locals["url"] == "https://example.org/6"


def test_uninstall(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        pyheapdump.install(memory_limit="100MiB")
        pyheapdump.uninstall()
        index = bytearray(b"x") * 200_000_000
        time.sleep(0.3)
        """,
    )
    assert (ended.status, ended.stderr, ended.dumps) == (0, b"", [])


def test_forked_child(tmp_path: Path) -> None:
    """A child watches, too: itself, and not because of what its parent had used."""
    ended = run(
        tmp_path,
        """
        def wait_child(pid):
            assert os.waitpid(pid, 0)[1] == 0

        pyheapdump.install(memory_limit="100MiB")
        pid = os.fork()
        if pid == 0:
            index = bytearray(b"x") * 120_000_000
            wait_for(1)
            os._exit(0)
        wait_child(pid)
        index = bytearray(b"x") * 120_000_000
        wait_for(2)
        pid = os.fork()
        if pid == 0:
            time.sleep(0.3)
            os._exit(len(dumps()) - 2)
        wait_child(pid)
        print(pid)
        """,
    )
    assert ended.status == 0, ended.stderr.decode()
    assert len(memory_dumps(ended)) == 2


def test_a_sleeping_program_costs_nothing(tmp_path: Path) -> None:
    """Near the limit and far from it: less than a hundredth of a processor, whatever else the machine does."""
    ended = run(
        tmp_path,
        """
        size = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
        for limit in "90%", size + (8 << 20):
            pyheapdump.install(memory_limit=limit)
            time.sleep(0.3)  # what is new is looked at more often
            before = time.process_time()
            time.sleep(1)
            print(time.process_time() - before)
        """,
    )
    assert (ended.status, ended.dumps) == (0, []), ended.stderr.decode()
    assert all(float(seconds) < 0.01 for seconds in ended.stdout.split()), ended.stdout


def test_closed_descriptors(tmp_path: Path) -> None:
    """A daemon closes what it does not know and opens others in their place: they are left alone."""
    ended = run(
        tmp_path,
        """
        pyheapdump.install(memory_limit="150MiB")
        time.sleep(0.2)
        os.closerange(3, 100)
        reader, writer = os.pipe()
        for fd in range(3, 20):
            if fd not in (reader, writer):
                os.dup2(reader, fd)
        os.write(writer, b"mine")
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1
        assert os.read(reader, 100) == b"mine"
        index = bytearray(b"x") * 200_000_000
        wait_for(1)
        """,
    )
    assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()
    assert len(memory_dumps(ended)) == 1


# --- the option


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("90%", MemoryLimit(0, 0.9)),
        ("92.5 %", MemoryLimit(0, 0.925)),
        ("2GiB", MemoryLimit(2 << 30, 0.9)),
        ("1.5 GiB", MemoryLimit(3 << 29, 0.9)),
        ("512MiB", MemoryLimit(512 << 20, 0.9)),
        ("2048KiB", MemoryLimit(2 << 20, 0.9)),
        ("0.5TiB", MemoryLimit(1 << 39, 0.9)),
        ("2147483648", MemoryLimit(2 << 30, 0.9)),
        (2147483648, MemoryLimit(2 << 30, 0.9)),
    ],
)
def test_values(text: object, meaning: MemoryLimit) -> None:
    assert parse(text) == meaning


WRONG = [
    "0%",
    "100%",
    "-5%",
    "%",
    "GiB",
    "2GB",
    "2gib",
    "2 G",
    "-1",
    "1.5",
    "90",
    "1023KiB",
    "1e9",
    "nan%",
    "\u0662GiB",
    "",
    "9" * 40,
]


@pytest.mark.parametrize("value", [*WRONG, 0, -1, 90, True, 0.9, b"2GiB", [2], 1 << 63])
def test_wrong_values(value: Any) -> None:
    with pytest.raises(ValueError) as caught:
        pyheapdump.install(memory_limit=value)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("memory_limit must be ") and line.endswith(f"not {value!r}")
    assert pyheapdump.installed() is None


def test_environment_and_run(tmp_path: Path) -> None:
    """Every door to the options knows it, and refuses it in one line."""
    show = "import pyheapdump; print(repr(pyheapdump.installed().memory_limit))"
    script = tmp_path / "show.py"
    script.write_text(show)
    for text, value in ("75%", "75%"), ("300MiB", "300MiB"), ("300000000", 300_000_000), ("none", None):
        by_environment = {"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": f"quiet=1,memory_limit={text}"}
        for ended in (
            run_python(["-c", show], environment=by_environment),
            run_python(["-m", "pyheapdump", "run", "--memory-limit", text, str(script)]),
        ):
            assert (ended.status, ended.stderr) == (0, b""), ended.stderr.decode()
            assert ast.literal_eval(ended.stdout.decode()) == value
    ended = run_python(["-m", "pyheapdump", "run", "--memory-limit", "2GB", str(script)])
    assert (ended.status, ended.stdout, len(ended.stderr.splitlines())) == (2, b"", 1)
    assert b"not '2GB'" in ended.stderr
    by_environment["PYHEAPDUMP_OPTIONS"] = "memory_limit=2GB"
    ended = run_python(["-c", show], environment=by_environment)
    assert (ended.status, ended.stdout) == (0, b"None\n")
    assert b"not '2GB'; installed with the defaults instead" in ended.stderr
