# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump core`: cores of the kernel and of gcore, of a process that does many things at once.

Two processes are enough for all that is asked here: one that waits, dumps itself, and then has a core made by gcore and
one by the kernel; and one that crashes, with a filter that leaves out all but anonymous memory.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import pyheapdump
import pytest
from pyheapdump import core, outside
from support.compared import MODULES, THINGS, check_same
from support.core_file import HAS_GCORE, gcore, kernel_core, raise_core_limit, read_core, skip_without_kernel_cores
from support.interpreter_file import IS_SHARED, copied_interpreter
from support.target import SECONDS, Target, clean_environment, wait_until

# One thread spins, one sleeps in C, two are deadlocked, 60 wait, one runs a loop with 1,000 tasks, and one an interpreter
# of its own. Then the process dumps itself, as in test_attach_same.py, and waits.
PROGRAM = f"""
import {MODULES}
import time
import pyheapdump
{THINGS}
def spin():
    rounds = 0
    while True:
        rounds += 1

def sleep_in_c():
    time.sleep(10_000)

first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

def take(one, other):
    with one:
        both.wait()
        with other:
            pass

def idle(number, never):
    never.wait()

async def job(number, never):
    await never

async def jobs(ready):
    never = asyncio.get_running_loop().create_future()
    tasks = [asyncio.ensure_future(job(number, never)) for number in range(1000)]
    await asyncio.sleep(0)
    ready.set()
    await asyncio.gather(*tasks)

def start(name, function, *arguments):
    threading.Thread(target=function, args=arguments, name=name, daemon=True).start()

def start_interpreter():
    try:
        import _interpreters as made
    except ImportError:
        import _xxsubinterpreters as made
    code = "def sub(number):\\n    import time\\n    time.sleep(10_000)\\nsub(7)\\n"
    start("interpreter", made.run_string, made.create(), code)

def wait(kept, lock):
    for number in range(2):
        pyheapdump.dump(f"{{sys.argv[1]}}/own_{{number}}.dump")
    os.write(1, f"{{id(kept)}}\\n".encode())  # print() would change sys.stdout behind the dump
    lock.acquire()

threading.stack_size(256 * 1024)  # they are in the core
ready = threading.Event()
start("loop", asyncio.run, jobs(ready))
ready.wait()
start("spinner", spin)
start("sleeper", sleep_in_c)
start("locker-1", take, first, second)
start("locker-2", take, second, first)
never = threading.Event()
for number in range(60):
    start(f"idle-{{number}}", idle, number, never)
if sys.version_info >= (3, 12):
    start_interpreter()
lock = threading.Lock()
lock.acquire()
wait(make(), lock)
"""

CRASH = """
import ctypes, os, sys
def crash(order, password):
    rows = [order, 2, 3]
    print("ready", flush=True)
    sys.stdin.readline()
    ctypes.string_at(64)
crash("order-17", "hunter2")
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that nobody expects must not stay behind in the checkout."""
    monkeypatch.chdir(tmp_path)


class Cores(NamedTuple):
    start: int  # address of the object to compare from
    own: Path
    gcore: Optional[Path]
    kernel: Path
    pid: int
    target: Target

    def of(self, kind: str) -> Path:
        """That of gcore or of the kernel; skips the test when there is none."""
        found: Optional[Path] = getattr(self, kind)
        if found is None:
            pytest.skip("there is no gcore on this system: install gdb")
        return found


def waits_without_end(pid: int) -> bool:
    """Is the first thread in futex(2) without a timeout, as for a lock? For the GIL it has one."""
    number, *arguments = Path(f"/proc/{pid}/syscall").read_text().split()
    return number == "202" and arguments[3] == "0x0"


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cores]:
    skip_without_kernel_cores()
    place = tmp_path_factory.mktemp("cores")
    # gcore writes what malloc has set aside for each thread, too: 64 MiB of zeros
    environment = {**clean_environment(), "MALLOC_ARENA_MAX": "1"}
    with Target(
        place, PROGRAM, arguments=[str(place)], preexec_fn=raise_core_limit, cwd=place, env=environment
    ) as target:
        wait_until(lambda: waits_without_end(target.pid), SECONDS)
        by_gcore = gcore(target.pid, place / "gcore") if HAS_GCORE else None
        by_kernel = kernel_core(target, place)
        yield Cores(int(target.said), place / "own_1.dump", by_gcore, by_kernel, target.pid, target)
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The core of a crash; all but private anonymous memory is left out (core(5), coredump_filter)."""
    skip_without_kernel_cores()
    place = tmp_path_factory.mktemp("crashed")
    with Target(
        place, CRASH, arguments=["--password", "secret-word"], preexec_fn=raise_core_limit, cwd=place,
        stdin=subprocess.PIPE, env={**clean_environment(), "SHOP_PASSWORD": "secret-value", "SHOP": "north"},
    ) as target:  # fmt: skip
        Path(f"/proc/{target.pid}/coredump_filter").write_text("0x1")
        assert target.process.stdin is not None
        target.process.stdin.write(b"\n")
        yield kernel_core(target, place, None)
        target.process.stdin.close()
    shutil.rmtree(place)


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gcore", "kernel"])
def test_object_for_object(cores: Cores, kind: str, tmp_path: Path) -> None:
    core = cores.of(kind)
    path = tmp_path / "of_core.dump"
    done = read_core(core, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        rf"wrote {path} \([\d.]+ [KM]iB; process {cores.pid} of {core}\)\n"
        rf"open it with: python -m pyheapdump\.view {path}\n",
        done.stdout,
    )
    check_same(cores.own, path, cores.start)
    with pyheapdump.load(path) as dump:
        assert dump.problems == []
        assert dump.facts["snapshot"] == "core"
        assert dump.facts["pid"] == cores.pid and dump.facts["python"] == list(sys.version_info[:3])
        assert dump.core["path"] == str(core)
        assert abs(dump.core["time"] - core.stat().st_mtime) < 1e-3
        assert dump.headers["X-Python-Heapdump-Core"] == str(core)
        assert "X-Python-Heapdump-Core-Date" in dump.headers
        check_signal(dump, kind)
        check_arguments(dump, cores)


def check_signal(dump: pyheapdump.Dump, kind: str) -> None:
    if kind == "gcore":
        assert (dump.reason, dump.signal) == ("core", None)
        return
    assert dump.reason == "signal" and dump.signal is not None
    assert (dump.signal.name, dump.signal.sender) == ("SIGABRT", (os.getpid(), os.getuid()))
    assert dump.signal.thread == dump.facts["pid"]


def check_arguments(dump: pyheapdump.Dump, cores: Cores) -> None:
    words = dump.system[f"/proc/{cores.pid}/cmdline"].decode().split("\0")
    assert words[-3:] == [str(cores.target.path), str(cores.own.parent), ""]
    assert b"PATH=" in dump.system[f"/proc/{cores.pid}/environ"]


@pytest.mark.parametrize("kind", ["gcore", "kernel"])
def test_every_thread_with_its_stacks(cores: Cores, kind: str) -> None:
    done = read_core(cores.of(kind), "--stacks", "--locals", "--native", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["signal"] == (0 if kind == "gcore" else signal.SIGABRT)
    assert found["core"].startswith(f"{cores.of(kind)}, written 20")
    threads = {one["name"]: one for one in found["threads"] if one["frames"]}
    last = {name: one["frames"][-1]["function"].rpartition(".")[2] for name, one in threads.items()}
    assert (last["MainThread"], last["spinner"], last["sleeper"]) == ("wait", "spin", "sleep_in_c")
    assert last["locker-1"] == last["locker-2"] == "take"
    call = "clock_nanosleep" if sys.version_info >= (3, 11) else "pselect6"
    assert threads["sleeper"]["activity"] == f"in system call {call}"
    assert threads["MainThread"]["activity"] == "waiting for a lock"
    (deadlock,) = found["deadlocks"]
    assert "locker-1 holds" in deadlock and "locker-2 holds" in deadlock
    idle = [one for name, one in threads.items() if name and name.startswith("idle-")]
    numbers = [frame["locals"]["number"] for one in idle for frame in one["frames"] if frame["function"] == "idle"]
    assert sorted(map(int, numbers)) == list(range(60))
    assert len(found["tasks"]) == 1001
    if sys.version_info >= (3, 12):
        (sub,) = [one for one in found["threads"] if one["frames"] and one["frames"][-1]["function"] == "sub"]
        assert sub["frames"][-1]["locals"]["number"] == "7"
    check_native(found)


def check_native(found: Dict[str, object]) -> None:
    """All threads have stacks of C functions, from the registers down to where the thread began."""
    threads: List[Dict[str, Dict[str, List[Dict[str, object]]]]] = found["threads"]  # type: ignore[assignment]
    for thread in threads:
        frames = [frame for frame in thread["native"]["frames"] if "address" in frame]
        assert frames and "scan" not in {frame["how"] for frame in frames}, thread


def test_text_of_stacks(cores: Cores) -> None:
    text = read_core(cores.kernel, "--stacks").stdout
    first, second, third = text.splitlines()[:3]
    assert first.startswith(f"process {cores.pid}: CPython {'.'.join(map(str, sys.version_info[:3]))}, ")
    assert second.startswith(f"core {cores.kernel}, written 20")
    assert third == f"SIGABRT: sent by pid {os.getpid()} (uid {os.getuid()})"
    assert "1000 tasks: " in text and "deadlock: locker-" in text


def test_with_little_memory(cores: Cores) -> None:
    """Read through a small cache, page by page as often as it takes, it is the same."""
    _, whole = core.dump(str(cores.kernel), path="whole.dump")
    _, in_place = core.dump(str(cores.kernel), outside.Options(memory=16 << 20), "in_place.dump")
    assert (whole["in_place"], in_place["in_place"]) == (False, True)
    assert whole["objects"] == in_place["objects"] and in_place["complete"]


def test_default_names(cores: Cores, tmp_path: Path) -> None:
    for _ in range(2):
        assert read_core(cores.kernel, "--max-seconds", "0.001", directory=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"core.dump", "core.1.dump"}


# --- what the core leaves out -------------------------------------------------------------------------------------------


def test_filtered(crashed: Path, tmp_path: Path) -> None:
    """Code and constants come from the files; nobody can tell for sure that they are the same, so that is said."""
    path = tmp_path / "filtered.dump"
    done = read_core(crashed, "-o", path)
    assert done.returncode == 0
    assert re.match(
        r"pyheapdump: core: files are used unchecked, as the core does not hold their build-ids: /", done.stderr
    )
    with pyheapdump.load(path) as dump:
        assert dump.problems[-1] in done.stderr
        assert [problem for problem in dump.missing if "redacted" not in problem] == []
        assert dump.signal is not None
        assert (dump.signal.name, dump.signal.code_name, dump.signal.address) == ("SIGSEGV", "SEGV_MAPERR", 64)
        assert set(dump.signal.registers) >= {"rip", "rsp", "rbp", "r15"}
        (thread,) = dump.threads
        frame = next(frame for frame in thread.frames if frame.f_code.co_name == "crash")
        assert frame.f_locals["rows"] == ["order-17", 2, 3]
        assert thread.native is not None and thread.native.end == "the outermost frame"
        assert any(one.place.startswith("_ctypes.") for one in thread.native.frames)


def test_secrets_of_the_command_line(crashed: Path, tmp_path: Path) -> None:
    path = tmp_path / "redacted.dump"
    assert read_core(crashed, "-o", path).returncode == 0
    with pyheapdump.load(path) as dump:
        texts = b"\n".join(dump.system.values())
        assert b"\0--password\0<redacted>\0" in texts
        assert b"SHOP_PASSWORD=<redacted>\0" in texts
        assert b"SHOP=north\0" in texts
        assert b"secret-word" not in texts and b"secret-value" not in texts


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Path, Path]]:
    """A core, and the file that has its interpreter's code, which is nobody else's."""
    skip_without_kernel_cores()
    place = tmp_path_factory.mktemp("copied")
    file, how = copied_interpreter(place)
    with Target(place, CRASH, preexec_fn=raise_core_limit, cwd=place, stdin=subprocess.PIPE, **how) as target:
        assert target.process.stdin is not None
        target.process.stdin.close()
        yield kernel_core(target, place, None), file
    shutil.rmtree(place)


def test_the_file_has_moved(copied: Tuple[Path, Path], tmp_path: Path) -> None:
    core, file = copied
    moved = file.rename(tmp_path / "moved")
    try:
        line = refused(core)
        assert line.startswith(f"pyheapdump: core: {core}: no Python runs in it, as far as it can be read: ")
        assert f"files that were mapped cannot be opened here: {file}; --exe names" in line
        if IS_SHARED:
            return
        done = read_core(core, "--exe", moved, "--stacks", "--locals")
        assert (done.returncode, done.stderr) == (0, "")
        assert "        order = 'order-17'\n" in done.stdout and "note: files" not in done.stdout
    finally:
        moved.rename(file)


def test_the_file_is_another_one_now(copied: Tuple[Path, Path], tmp_path: Path) -> None:
    core, file = copied
    kept = file.rename(tmp_path / "kept")
    try:
        shutil.copy(shutil.which("ls") or "ls", file)
        line = refused(core)
        assert (
            f": no Python runs in it, as far as it can be read: files are not those that were mapped, and are not used: {file}; "
            in line
        )
    finally:
        kept.replace(file)
    assert read_core(core, "--stacks").returncode == 0


# --- compressed and cut -------------------------------------------------------------------------------------------------

# Reads a core cut at each of these percentages, and says what came of it.
CUTS = """
import json, os, sys
from pyheapdump import core, load, outside
path, directory = sys.argv[1:3]
size = os.path.getsize(path)
for percent in map(int, sys.argv[3:]):
    cut = f"{directory}/cut"
    with open(path, "rb") as whole, open(cut, "wb") as part:
        part.write(whole.read(size * percent // 100))
    os.utime(cut, ns=(os.stat(path).st_mtime_ns,) * 2)
    try:
        name, found = core.dump(cut, outside.Options(sources=False), f"{directory}/{percent}.dump")
    except outside.OutsideError as problem:
        print(json.dumps([percent, str(problem), None]))
        continue
    with load(name) as dump:
        functions = [thread.frames[-1].f_code.co_name for thread in dump.threads if thread.frames]
        print(json.dumps([percent, found["problems"], [dump.problems, dump.file.object_count, functions]]))
"""


def cut_at_every_tenth(core: Path, directory: Path) -> List[List[object]]:
    command = [sys.executable, "-c", CUTS, str(core), str(directory), *map(str, [*range(0, 100, 10), 97, 99])]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env=clean_environment()
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_kernel_core_cut(cores: Cores, tmp_path: Path) -> None:
    """A partial result that says that the core is cut, or one line that does."""
    partial = 0
    for percent, told, dump in cut_at_every_tenth(cores.kernel, tmp_path):
        if dump is None:
            assert "empty" in told if percent == 0 else "the core is cut: it has" in told, (percent, told)
            continue
        partial += 1
        problems, objects, _ = dump
        assert "the core is cut: it has" in told[0] and told[0] in problems
        assert objects > 0
    assert partial > 0


def test_what_a_cut_core_says_of_the_thread(crashed: Path, tmp_path: Path) -> None:
    """It was running Python code: that the core has no more of it is no reason to say otherwise."""
    whole, told = crashed.read_bytes(), 0
    for percent in range(30, 100, 2):
        cut = tmp_path / f"{percent}.core"
        cut.write_bytes(whole[: len(whole) * percent // 100])
        made = read_core(cut, "-o", tmp_path / f"{percent}.dump")
        if made.returncode == 0:
            told += 1
            command = [sys.executable, "-m", "pyheapdump.view", str(tmp_path / f"{percent}.dump"), "--summary"]
            view = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
            stacks = read_core(cut, "--stacks").stdout
            assert "was not running Python" not in view and "none that Python knows" not in view, (percent, view)
            assert "runs no Python code" not in stacks, (percent, stacks)
        cut.unlink()
    assert told > 0


def test_core_of_gcore_cut(cores: Cores, tmp_path: Path) -> None:
    """Its notes are at the end: without them there are no threads and no files."""
    for percent, told, dump in cut_at_every_tenth(cores.of("gcore"), tmp_path):
        assert dump is None
        assert told == f"{tmp_path}/cut: " + ("empty" if percent == 0 else "cut so early that its notes are missing")


def zstd_frame(content: bytes) -> bytes:
    """A frame of raw blocks of at most 128 KiB, with a window of that size (RFC 8878, 3.1.1)."""
    pieces = [content[at : at + (1 << 17)] for at in range(0, len(content), 1 << 17)]
    heads = [(at == len(pieces) - 1) | len(piece) << 3 for at, piece in enumerate(pieces)]
    blocks = [head.to_bytes(3, "little") + piece for head, piece in zip(heads, pieces)]
    return b"\x28\xb5\x2f\xfd\x00\x38" + b"".join(blocks)


@pytest.mark.parametrize("pack", [lambda content: gzip.compress(content, 1), zstd_frame], ids=["gz", "zst"])
def test_compressed(pack: Callable[[bytes], bytes], crashed: Path, tmp_path: Path) -> None:
    """The same result, with nothing left behind; cut it is told to be cut, and still read as far as it goes."""
    packed, modified = tmp_path / "core", crashed.stat().st_mtime_ns
    content = crashed.read_bytes()
    packed.write_bytes(pack(content))
    os.utime(packed, ns=(modified, modified))
    text = read_core(packed, "--stacks", "--native", directory=tmp_path).stdout
    assert text.replace(str(packed), str(crashed)) == read_core(crashed, "--stacks", "--native").stdout
    packed.write_bytes(pack(content)[:-5])
    os.utime(packed, ns=(modified, modified))
    cut = read_core(packed, "--stacks", directory=tmp_path)
    assert cut.returncode == 0 and "\nnote: the core is cut: " in cut.stdout
    packed.write_bytes(pack(content)[:8])
    assert re.search("cannot be unpacked: it (ends early|is damaged)$", refused(packed))
    assert os.listdir(tmp_path) == ["core"]


def test_no_room_to_unpack(crashed: Path, tmp_path: Path) -> None:
    packed = tmp_path / "core.gz"
    packed.write_bytes(gzip.compress(crashed.read_bytes()[: 1 << 20], 1))
    told = "import os; os.statvfs = lambda path: type('Full', (), {'f_bavail': 0, 'f_frsize': 4096})"
    code = f"{told}; from pyheapdump.__main__ import main; raise SystemExit(main(['core', {str(packed)!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**clean_environment(), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"cannot be unpacked: {tmp_path} has no room for it; TMPDIR names another directory\n" in done.stderr


# --- damaged ------------------------------------------------------------------------------------------------------------

# Damages a copy of the core at random places, from a seed, and says what came of each.
DAMAGE = """
import os, random, struct, sys
from pyheapdump import core, load, outside
path, directory, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
whole = open(path, "rb").read()
opened = refused = 0
for seed in range(runs):
    chosen = random.Random(seed)
    damaged = bytearray(whole)
    limit = 20_000 if seed % 2 else len(whole)  # the headers, or anything
    for _ in range(chosen.choice([1, 10, 1000])):
        at = chosen.randrange(limit - 8) & ~7
        damaged[at : at + 8] = struct.pack("<Q", chosen.choice([0, 1, chosen.getrandbits(64), chosen.getrandbits(47)]))
    copy = f"{directory}/damaged"
    with open(copy, "wb") as out:
        out.write(damaged)
    os.utime(copy, ns=(os.stat(path).st_mtime_ns,) * 2)
    try:
        name, _ = core.dump(copy, outside.Options(sources=False), f"{directory}/{seed}.dump")
    except outside.OutsideError as problem:
        assert "\\n" not in str(problem), f"{seed}: {problem}"
        refused += 1
        continue
    with load(name) as dump:
        assert dump.file.object_count or dump.missing, f"{seed}: nothing is there, and nothing said to be missing"
        assert all(part < 100 for part in dump.facts["python"]), f"{seed}: {dump.facts['python']}"
        assert isinstance(dump.threads, list)
        opened += 1
    os.unlink(name)
print(opened, refused)
"""
DAMAGED_RUNS = int(os.environ.get("PYHEAPDUMP_CORE_RUNS", "20"))


def test_damaged(crashed: Path, tmp_path: Path) -> None:
    """Every run ends with a dump that opens, or with one line."""
    done = subprocess.run(
        [sys.executable, "-c", DAMAGE, str(crashed), str(tmp_path), str(DAMAGED_RUNS)],
        capture_output=True, text=True, timeout=SECONDS + DAMAGED_RUNS * 5, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    opened, refused_runs = map(int, done.stdout.split())
    print(f"{opened} dumps opened, {refused_runs} cores refused")
    assert opened + refused_runs == DAMAGED_RUNS and opened > 0


# --- what is no core of Python ------------------------------------------------------------------------------------------


def refused(*arguments: object) -> str:
    done = read_core(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def test_no_core(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("Segmentation fault\n" * 10)
    assert refused(text) == f"pyheapdump: core: {text}: not a core file (it is not ELF)"
    program = os.path.realpath(sys.executable)
    assert refused(program) == f"pyheapdump: core: {program}: not a core file but a program or library"
    assert refused(tmp_path) == f"pyheapdump: core: {tmp_path}: not a regular file"
    assert refused(tmp_path / "none") == f"pyheapdump: core: {tmp_path / 'none'}: No such file or directory"


def test_another_machine(cores: Cores, tmp_path: Path) -> None:
    core = tmp_path / "aarch64"
    head = bytearray(cores.kernel.read_bytes()[:64])
    head[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    core.write_bytes(head)
    assert refused(core) == f"pyheapdump: core: {core}: of another machine; cores of x86-64 can be read"


def test_wrong_executable(cores: Cores, tmp_path: Path) -> None:
    other = shutil.which("ls")
    assert refused(cores.kernel, "--exe", other) == (
        f"pyheapdump: core: {other}: it is not the program of this core ({cores.kernel})"
    )
    none = tmp_path / "none"
    assert refused(cores.kernel, "--exe", none) == f"pyheapdump: core: {none}: it cannot be opened ({cores.kernel})"


def test_no_python(tmp_path: Path) -> None:
    skip_without_kernel_cores()
    with subprocess.Popen(["sleep", "1000"], preexec_fn=raise_core_limit, cwd=tmp_path) as sleeper:
        sleeper.send_signal(signal.SIGABRT)
        sleeper.wait(SECONDS)
    (core,) = tmp_path.iterdir()
    assert refused(core) == f"pyheapdump: core: {core}: no Python runs in it"
