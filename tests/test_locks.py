# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom: real threads and tasks that block each other, dumped and looked at."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyheapdump
import pytest
from pyheapdump.view.circles import circles
from pyheapdump.view.locks import Locks, all_deadlock_texts, deadlock_texts, locks_text
from pyheapdump.view.report import report
from pyheapdump.view.summary import banner
from pyheapdump.view.thread_text import threads_text

# Threads that block each other; `settle` returns when all of them wait where they will wait for ever.
PROGRAM = """
import asyncio, os, sys, threading, time
import pyheapdump

def settle(threads):
    def waits(thread):
        with open(f"/proc/self/task/{thread.native_id}/syscall") as stream:
            return stream.read().split()[0] == "202"
    deadline = time.monotonic() + 20
    steady = 0
    while steady < 20 and time.monotonic() < deadline:
        steady = steady + 1 if all(waits(thread) for thread in threads) else 0
        time.sleep(0.01)

def start(*functions):
    threads = [threading.Thread(target=one, name=one.__name__, daemon=True) for one in functions]
    for thread in threads:
        thread.start()
    settle(threads)

def finish():
    pyheapdump.dump(sys.argv[1])
    os._exit(0)
"""


@pytest.fixture
def dumped(tmp_path: Path):
    """Run a program after PROGRAM's head; the open dump that it made."""
    opened = []

    def run(body: str) -> pyheapdump.Dump:
        path = tmp_path / "locks.dump"
        program = tmp_path / "program.py"
        program.write_text(PROGRAM + textwrap.dedent(body) + "\nfinish()\n")
        done = subprocess.run(
            [sys.executable, str(program), str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        opened.append(pyheapdump.load(path))
        return opened[-1]

    yield run
    for dump in opened:
        dump.close()


def wait_of(dump: pyheapdump.Dump, name: str):
    (thread,) = (thread for thread in dump.threads if thread.name == name)
    return Locks(dump).of(thread)


TWO_LOCKS = """
accounts, audit = threading.Lock(), threading.{kind}()
both = threading.Barrier(2)

def transfer():
    with accounts:
        both.wait()
        with audit:
            pass

def report():
    with audit:
        both.wait()
        accounts.acquire()

start(transfer, report)
"""


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition"])
def test_two_threads_that_hold_what_the_other_wants(dumped, kind: str) -> None:
    dump = dumped(TWO_LOCKS.format(kind=kind))
    (text,) = deadlock_texts(Locks(dump))
    assert text in (
        "deadlock: transfer holds accounts and waits for audit; report holds audit and waits for accounts",
        "deadlock: report holds audit and waits for accounts; transfer holds accounts and waits for audit",
    )
    assert text in locks_text(dump)


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition"])
def test_in_a_large_heap_locks_are_found_near_the_frames(dumped, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--threads and --json must not go through millions of objects."""
    monkeypatch.setattr("pyheapdump.view.locks.SMALL", 0)
    dump = dumped(TWO_LOCKS.format(kind=kind))
    monkeypatch.setattr(dump, "objects", None)
    (text,) = deadlock_texts(dump.locks)
    assert "transfer holds accounts and waits for audit" in text


def test_waiting_is_not_holding(dumped) -> None:
    dump = dumped("""
        gate = threading.Lock()
        gate.acquire()
        def first():
            with gate: pass
        def second():
            with gate: pass
        start(first, second)
    """)
    for name in ("first", "second"):
        wait = wait_of(dump, name)
        assert wait.name == "gate"
        assert wait.owners == []  # main took it by acquire(): nothing tells of that
    assert deadlock_texts(Locks(dump)) == []
    assert "first: waits for gate, held by nobody known" in locks_text(dump)


ITSELF = """
class Account:
    def __init__(self):
        self.lock = threading.{kind}

    def deposit(self):
        with self.lock:
            self.audit()

    def audit(self):
        with self.lock:
            pass

def deposit(): Account().deposit()

def twice(lock=threading.{kind}):
    with lock:
        with lock:
            pass

def acquires(lock=threading.{kind}):
    with lock:
        lock.acquire()

start(deposit, twice, acquires)
"""


@pytest.mark.parametrize("kind", ["Lock()", "Condition(threading.Lock())"])
def test_a_thread_that_waits_for_a_lock_of_its_own(dumped, kind: str) -> None:
    text = locks_text(dumped(ITSELF.format(kind=kind)))
    lines = [re.sub(r" at 0x[0-9a-f]+", "", line) for line in text.splitlines()]
    assert sorted(lines[:3]) == [
        "deadlock: acquires holds lock and waits for lock",
        "deadlock: deposit holds self.lock and waits for self.lock",
        "deadlock: twice holds lock and waits for lock",
    ], text
    assert {
        "acquires: waits for lock, held by itself",
        "deposit: waits for self.lock, held by itself",
        "twice: waits for lock, held by itself",
    } <= set(lines), text
    assert lines.count("  holds lock") == 2 and lines.count("  holds self.lock") == 1


def test_an_object_that_merely_has_a_lock_does_not_hold_it_against_itself(dumped) -> None:
    dump = dumped("""
        class Session:
            def __init__(self): self._lock = threading.Lock()
            def __enter__(self): return self
            def __exit__(self, *about): pass
        session = Session()
        session._lock.acquire()
        def user():
            with session:
                with session._lock: pass
        start(user)
    """)
    assert wait_of(dump, "user").owners == []
    assert deadlock_texts(Locks(dump)) == []


def test_a_lock_behind_an_attribute(dumped) -> None:
    dump = dumped("""
        class Pool:
            def __init__(self):
                self.free = threading.Lock()
                self.taken = threading.Event()
        pool = Pool()
        def holder(pool):
            with pool.free:
                pool.taken.set()
                threading.Event().wait()
        def waiter(pool):
            pool.taken.wait()
            with pool.free: pass
        def a(): holder(pool)
        def b(): waiter(pool)
        start(a, b)
    """)
    wait = wait_of(dump, "b")
    assert (wait.name, [owner.name for owner in wait.owners]) == ("pool.free", ["a"])
    assert "b: waits for pool.free, held by a" in locks_text(dump)
    assert "  holds pool.free" in locks_text(dump).splitlines()


NAMES_ALIKE = """
class Account:
    def __init__(self, owner):
        self.owner, self.lock = owner, threading.Lock()

both = threading.Barrier(2)

def transfer(source, target):
    with source.lock:
        both.wait()
        with target.lock:
            pass

def run():
    alice, bob = Account("alice"), Account("bob")
    def first(): transfer(alice, bob)
    def second(): transfer(bob, alice)
    start(first, second)
run()
"""


def test_locks_that_threads_call_the_same_are_told_apart(dumped) -> None:
    """Each thread holds its source.lock and waits for its target.lock: the same two locks."""
    text = locks_text(dumped(NAMES_ALIKE))
    text = re.sub(r"<Account owner='(\w+)' at 0x[0-9a-f]+>", r"\1", text)
    first = "first holds source.lock of alice and waits for target.lock of bob"
    second = "second holds source.lock of bob and waits for target.lock of alice"
    assert text.splitlines()[0] in (f"deadlock: {first}; {second}", f"deadlock: {second}; {first}")
    assert "first: waits for target.lock of bob, held by second\n  holds source.lock of alice\n" in text + "\n"


def test_locks_in_a_dict(dumped) -> None:
    dump = dumped("""
        accounts = {"alice": threading.Lock(), "bob": threading.Lock()}
        both = threading.Barrier(2)
        def transfer(source, target):
            with accounts[source]:
                both.wait()
                with accounts[target]:
                    pass
        def first(): transfer("alice", "bob")
        def second(): transfer("bob", "alice")
        start(first, second)
    """)
    assert "first holds accounts['alice'] and waits for accounts['bob']" in locks_text(dump)


def test_what_methods_of_threading_and_queue_wait_for(dumped) -> None:
    dump = dumped("""
        import queue
        jobs, stop, tickets = queue.Queue(), threading.Event(), threading.Semaphore(0)
        ready, meeting = threading.Condition(), threading.Barrier(2)
        def taker(): jobs.get()
        def stopper(): stop.wait()
        def walker(): tickets.acquire()
        def late(): stop.wait(1000)
        def partner(): meeting.wait()
        def waiter():
            with ready:
                ready.wait()
        start(taker, stopper, walker, late, partner, waiter)
        def joiner():
            next(thread for thread in threading.enumerate() if thread.name == "taker").join()
        start(joiner)
    """)
    lines = set(locks_text(dump).splitlines())
    assert {
        "taker: waits in Queue.get() for jobs",
        "stopper: waits in Event.wait() for stop",
        "late: waits in Event.wait() for stop",
        "walker: waits in Semaphore.acquire() for tickets",
        "partner: waits in Barrier.wait() for meeting",
        "waiter: waits in Condition.wait() for ready",
        "joiner: waits for the end of taker",
    } <= lines
    assert not [line for line in lines if line.startswith("  holds ")], "who waits for a condition has let go of it"
    assert deadlock_texts(Locks(dump)) == []


def test_queues_whose_get_is_c_code(dumped) -> None:
    dump = dumped("""
        import queue
        from concurrent.futures import ThreadPoolExecutor
        jobs, unused, table = queue.SimpleQueue(), queue.SimpleQueue(), {}
        class Service:
            def __init__(self): self.inbox = queue.SimpleQueue()
            def run(self): self.inbox.get()
        def taker(): jobs.get()
        def parameter(work): work.get(block=True)
        def service(): Service().run()
        def hands_over(): parameter(queue.SimpleQueue())
        def other():
            gate.acquire(); table.get(unused)
        gate = threading.Lock()
        gate.acquire()
        start(taker, service, hands_over, other)
        pool = ThreadPoolExecutor(1, thread_name_prefix="pool")
        pool.submit(int).result()
        settle(pool._threads)
    """)
    lines = set(locks_text(dump).splitlines())
    assert {
        "taker: waits in SimpleQueue.get() for jobs",
        "service: waits in SimpleQueue.get() for self.inbox",
        "hands_over: waits in SimpleQueue.get() for work",
        "pool_0: waits in SimpleQueue.get() for work_queue",
        "other: waits for gate, held by nobody known",
    } <= lines, lines


def test_a_thread_whose_function_is_a_method_of_a_queue(dumped) -> None:
    dump = dumped("""
        import queue
        class Service:
            def __init__(self):
                self.full = queue.Queue(1)
                self.full.put(1)
        full, service = queue.Queue(1), Service()
        full.put(1)
        def run(nameless):
            nameless.put(1)
            threads = [
                threading.Thread(target=full.put, args=(1,), name="putter", daemon=True),
                threading.Thread(target=full.join, name="joiner", daemon=True),
                threading.Thread(target=service.full.put, args=(1,), name="filler", daemon=True),
                threading.Thread(target=nameless.join, name="lost", daemon=True),
            ]
            for thread in threads:
                thread.start()
            settle(threads)
        run(queue.Queue())
    """)
    lines = {re.sub(r"0x[0-9a-f]+", "0x", line) for line in locks_text(dump).splitlines()}
    assert {
        "putter: waits in Queue.put() for full",
        "joiner: waits in Queue.join() for full",
        "filler: waits in Queue.put() for service.full",
        "lost: waits in Queue.join() for a Queue at 0x",
    } <= lines, lines


def test_a_thread_that_joins_one_that_waits_for_its_lock(dumped) -> None:
    dump = dumped("""
        lock, taken = threading.Lock(), threading.Event()
        def worker():
            taken.wait()
            with lock:
                pass
        def boss():
            with lock:
                taken.set()
                next(thread for thread in threading.enumerate() if thread.name == "worker").join()
        start(worker, boss)
    """)
    (text,) = deadlock_texts(Locks(dump))
    assert text in (
        "deadlock: boss holds lock and waits for the end of worker; worker waits for lock",
        "deadlock: worker waits for lock; boss holds lock and waits for the end of worker",
    )


def test_a_with_statement_that_is_over_holds_nothing(dumped) -> None:
    dump = dumped("""
        lock = threading.Lock()
        over = threading.Lock()
        over.acquire()
        def worker():
            with lock:
                pass
            over.acquire()
        start(worker)
    """)
    (worker,) = (thread for thread in dump.threads if thread.name == "worker")
    assert Locks(dump).held_by(worker) == []
    assert wait_of(dump, "worker").name == "over"


def test_nested_with_statements_and_loops(dumped) -> None:
    dump = dumped("""
        outer, inner, never = threading.Lock(), threading.RLock(), threading.Lock()
        never.acquire()
        def worker():
            with outer:
                for number in range(3):
                    try:
                        with open(os.devnull), inner:
                            for letter in "abc":
                                never.acquire()
                    finally:
                        pass
        start(worker)
    """)
    (worker,) = (thread for thread in dump.threads if thread.name == "worker")
    held = Locks(dump).held_by(worker)
    main = dump.modules["__main__"]
    assert {id(lock) for lock in held} == {id(main.outer), id(main.inner)}


def test_a_thread_that_waits_for_the_gil_says_so(tmp_path: Path) -> None:
    """By a crash: dump() itself gives the GIL away now and then."""
    program = """
        import ctypes, sys, threading, time
        import pyheapdump
        def spinner():
            while True: pass
        pyheapdump.install(sys.argv[1])
        string_at = ctypes.string_at
        sys.setswitchinterval(1)
        threading.Thread(target=spinner, name="spinner", daemon=True).start()
        until = time.monotonic() + 0.5
        while time.monotonic() < until: pass
        string_at(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGSEGV, done.stderr
    (path,) = tmp_path.iterdir()
    with pyheapdump.load(path) as dump:
        assert "spinner: waits for the GIL" in locks_text(dump)


def test_tasks_that_await_one_another(dumped) -> None:
    dump = dumped("""
        async def main():
            async def first():
                await tasks[1]
            async def second():
                await tasks[0]
            async def third():
                await asyncio.sleep(1000)
            tasks = [asyncio.ensure_future(first()), asyncio.ensure_future(second()), asyncio.ensure_future(third())]
            for task, name in zip(tasks, ("first", "second", "third")):
                task.set_name(name)
            await asyncio.sleep(0.05)
            finish()
        asyncio.run(main())
    """)
    (text,) = dump.task_waits.deadlocks()
    first, second = "task first awaits task second", "task second awaits task first"
    assert text in (f"deadlock: {first}; {second}", f"deadlock: {second}; {first}")
    assert "task first: awaits task second" in locks_text(dump)


def test_a_task_that_waits_for_a_lock_of_its_own(dumped) -> None:
    dump = dumped("""
        async def deposit(lock):
            async with lock:
                await audit(lock)
        async def audit(lock):
            async with lock:
                pass
        async def main():
            task = asyncio.ensure_future(deposit(asyncio.Lock()))
            task.set_name("deposit")
            await asyncio.sleep(0.05)
            finish()
        asyncio.run(main())
    """)
    (text,) = dump.task_waits.deadlocks()
    assert text == "deadlock: task deposit holds lock and waits in Lock.acquire() for lock"
    assert "task deposit: waits in Lock.acquire() for lock, held by itself\n  holds lock" in locks_text(dump)


TASKS = """
class Store:
    def __init__(self, name):
        self.name, self.lock = name, asyncio.Lock()

async def move(source, target, both):
    async with source.lock:
        both.append(1)
        while len(both) < 2:
            await asyncio.sleep(0)
        async with target.lock:
            pass

async def gatherer(*tasks): await asyncio.gather(*tasks)
async def waiter(task): await asyncio.wait([task])
async def limited(task): await asyncio.wait_for(task, 1000)
async def joint(*tasks): await asyncio.wait_for(asyncio.gather(*tasks), 1000)
async def getter(jobs): await jobs.get()
async def listener(stop): await stop.wait()
async def sleeper(): await asyncio.sleep(1000)
async def notified(ready):
    async with ready:
        await ready.wait()
async def grouper(groups):
    async with groups() as group:
        group.create_task(sleeper()).set_name("member")

async def main():
    def start(name, coroutine):
        tasks[name] = asyncio.ensure_future(coroutine)
        tasks[name].set_name(name)
    tasks, both = {}, []
    east, west = Store("east"), Store("west")
    start("sleeper", sleeper())
    start("other", sleeper())
    start("there", move(east, west, both))
    start("back", move(west, east, both))
    start("gatherer", gatherer(tasks["sleeper"], tasks["other"]))
    start("waiter", waiter(tasks["sleeper"]))
    start("limited", limited(tasks["other"]))
    start("joint", joint(tasks["sleeper"], tasks["other"]))
    start("getter", getter(asyncio.Queue()))
    start("listener", listener(asyncio.Event()))
    start("notified", notified(asyncio.Condition()))
    if hasattr(asyncio, "TaskGroup"):
        start("grouper", grouper(asyncio.TaskGroup))
    for _ in range(20):
        await asyncio.sleep(0)
    finish()
asyncio.run(main())
"""


def test_what_tasks_wait_for(dumped) -> None:
    dump = dumped(TASKS)
    text = re.sub(r"<Store name='(\w+)' at 0x[0-9a-f]+>", r"\1", locks_text(dump))
    lines = set(text.splitlines())
    assert {
        "task sleeper: waits in sleep()",
        "task gatherer: awaits task sleeper, task other",
        "task waiter: awaits task sleeper",
        "task limited: awaits task other",
        "task getter: waits in Queue.get() for jobs",
        "task listener: waits in Event.wait() for stop",
        "task notified: waits in Condition.wait() for ready",
        "task there: waits in Lock.acquire() for target.lock of west, held by task back",
        "  holds source.lock of east",
    } <= lines, text
    pair = ("sleeper, task other", "other, task sleeper")
    assert any(f"task joint: awaits task {names}" in lines for names in pair), text
    if sys.version_info >= (3, 11):
        assert "task grouper: awaits task member" in lines, text
    there = "task there holds source.lock of east and waits in Lock.acquire() for target.lock of west"
    back = "task back holds source.lock of west and waits in Lock.acquire() for target.lock of east"
    assert text.splitlines()[0] in (f"deadlock: {there}; {back}", f"deadlock: {back}; {there}")
    assert "  holds ready" not in lines, "who waits for a condition has let go of it"


def test_titles_and_json_tell_what_tasks_wait_for(dumped) -> None:
    dump = dumped(TASKS)
    assert "\ntask waiter, awaits task sleeper\n" in threads_text(dump)
    made = json.loads(json.dumps(report(dump)))
    tasks = {task["name"]: task["waits_for"] for task in made["tasks"]}
    numbers = {task["name"]: number for number, task in enumerate(made["tasks"])}
    assert tasks["gatherer"] == {
        "text": "awaits task sleeper, task other",
        "name": None,
        "type": None,
        "held_by": [numbers["sleeper"], numbers["other"]],
    }
    assert (tasks["there"]["type"], tasks["there"]["held_by"]) == ("asyncio.locks.Lock", [numbers["back"]])
    assert tasks["getter"]["text"] == "waits in Queue.get() for jobs"
    (deadlock,) = made["deadlocks"]
    assert deadlock.startswith("deadlock: task ")


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, []),
        ({1: [1]}, [[1]]),
        ({1: [2], 2: []}, []),
        ({1: [2], 2: [3], 3: [2]}, [[2, 3]]),
        ({1: [9]}, []),
        ({1: [2], 2: [1], 3: [1], 4: [5], 5: [4]}, [[1, 2], [4, 5]]),
    ],
)
def test_circles(links: dict[int, list[int]], expected: list[list[int]]) -> None:
    assert list(circles(links)) == expected


def test_the_command(dumped) -> None:
    dump = dumped(TWO_LOCKS.format(kind="Lock"))
    command = [sys.executable, "-m", "pyheapdump.view", "--locks", dump.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("deadlock: ")


@pytest.mark.parametrize("options", [["--summary"], ["--pdb"]])
@pytest.mark.parametrize("program", [TWO_LOCKS.format(kind="Lock"), TASKS], ids=["threads", "tasks"])
def test_summary_and_banner_tell_of_a_deadlock(dumped, program: str, options: list[str]) -> None:
    dump = dumped(program)
    (deadlock,) = all_deadlock_texts(dump)
    command = [sys.executable, "-m", "pyheapdump.view", *options, dump.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, input="q\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines().count(f"  deadlock {deadlock[len('deadlock: ') :]}") == 1, done.stdout


def test_the_banner_does_not_go_through_a_large_heap(dumped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyheapdump.view.locks.SMALL", 0)
    dump = dumped(TWO_LOCKS.format(kind="Lock"))
    monkeypatch.setattr(dump, "objects", None)
    assert "\n  deadlock " in banner(dump)


def test_titles_and_json_tell_what_threads_wait_for(dumped) -> None:
    dump = dumped(TWO_LOCKS.format(kind="Lock"))
    (deadlock,) = deadlock_texts(dump.locks)
    text = threads_text(dump)
    assert text.startswith(deadlock + "\n\n")
    assert re.search(r"^thread transfer, id \d+, daemon, waits for audit, held by report$", text, re.MULTILINE)
    made = json.loads(json.dumps(report(dump)))
    assert made["deadlocks"] == [deadlock]
    by_name = {thread["name"]: thread for thread in made["threads"]}
    numbers = {thread["name"]: number for number, thread in enumerate(made["threads"])}
    assert by_name["report"]["waits_for"] == {
        "text": "waits for accounts, held by transfer",
        "name": "accounts",
        "type": "_thread.lock",
        "held_by": [numbers["transfer"]],
    }
    assert by_name["MainThread"]["waits_for"] is None


# --- what futures of asyncio stand for ------------------------------------------------------------------------------

FUTURES = """
import concurrent.futures, functools

gate = threading.Event()
def bill(number): gate.wait()
class Store:
    def sell(self): gate.wait()

async def sleeper(): await asyncio.sleep(1000)
async def shielded(task): await asyncio.shield(task)
async def limited(task): await asyncio.wait_for(asyncio.shield(task), 1000)
async def gatherer(*tasks): await asyncio.gather(asyncio.shield(tasks[0]), asyncio.gather(*tasks[1:]))
async def executed(pool, *call): await asyncio.get_running_loop().run_in_executor(pool, *call)
async def in_time(pool, *call): await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(pool, *call), 1000)
async def wrapped(pool): await asyncio.wrap_future(pool.submit(bill, 4))
async def threaded(): await asyncio.to_thread(bill, 5)
async def plain(): await asyncio.get_running_loop().create_future()
async def first_of(tasks):
    for one in asyncio.as_completed(tasks):
        await one
async def limited_by(slots):
    async with slots:
        await asyncio.sleep(1000)
async def meets(barrier): await barrier.wait()

async def main():
    def start(name, coroutine):
        tasks[name] = asyncio.ensure_future(coroutine)
        tasks[name].set_name(name)
    tasks = {}
    slow = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="slow")
    wide = concurrent.futures.ThreadPoolExecutor(9, thread_name_prefix="wide")
    start("sleeper", sleeper())
    start("other", sleeper())
    start("shielded", shielded(tasks["sleeper"]))
    start("limited", limited(tasks["sleeper"]))
    start("gatherer", gatherer(tasks["sleeper"], tasks["other"]))
    start("chain", shielded(tasks["limited"]))
    for number, (name, coroutine) in enumerate([
        ("executed", executed(slow, bill, 1)),
        ("queued", executed(slow, bill, 2)),
        ("method", in_time(wide, Store().sell)),
        ("partial", executed(wide, functools.partial(bill, number=3))),
        ("wrapped", wrapped(wide)),
        ("default", executed(None, bill, 4)),
    ]):
        start(name, coroutine)
        await asyncio.sleep(0.05)
    start("threaded", threaded())
    start("plain", plain())
    start("first_of", first_of([tasks["sleeper"], tasks["other"]]))
    slots = asyncio.Semaphore(2)
    for number in range(3):
        start(f"slot {number}", limited_by(slots))
    if hasattr(asyncio, "Barrier"):
        start("meets", meets(asyncio.Barrier(2)))
    await asyncio.sleep(0.3)
    finish()
asyncio.run(main())
"""


def test_what_futures_stand_for(dumped) -> None:
    text = locks_text(dumped(FUTURES))
    assert {
        "task shielded: awaits task sleeper",
        "task limited: awaits task sleeper",
        "task gatherer: awaits task sleeper, task other",
        "task chain: awaits task limited",
        "task executed: awaits bill() in thread slow_0",
        "task queued: awaits bill() queued for the executor of thread slow_0",
        "task method: awaits Store.sell() in thread wide_0",
        "task partial: awaits bill() in thread wide_1",
        "task wrapped: awaits bill() in thread wide_2",
        "task default: awaits bill() in thread asyncio_0",
        "task threaded: awaits bill() in thread asyncio_1",
        "task plain: awaits a Future",
        "task slot 2: waits in Semaphore.acquire() for slots, held by task slot 0, task slot 1",
        "  holds slots",
    } <= set(text.splitlines()), text
    first = "awaits task sleeper, task other" if sys.version_info >= (3, 13) else "waits in as_completed()"
    assert f"task first_of: {first}" in text or "task first_of: awaits task other, task sleeper" in text, text
    if sys.version_info >= (3, 11):
        assert text.rstrip().endswith("task meets: waits in Barrier.wait() for barrier"), "who waits has let go of it"


def test_json_tells_the_thread_that_works_for_a_task(dumped) -> None:
    made = json.loads(json.dumps(report(dumped(FUTURES))))
    tasks = {task["name"]: task["waits_for"] for task in made["tasks"]}
    numbers = {thread["name"]: number for number, thread in enumerate(made["threads"])}
    assert tasks["executed"] == {
        "text": "awaits bill() in thread slow_0",
        "name": "bill",
        "type": "concurrent.futures._base.Future",
        "held_by": [],
        "thread": numbers["slow_0"],
    }
    assert tasks["queued"]["thread"] is None and tasks["queued"]["name"] == "bill"


POOL = """
import concurrent.futures, multiprocessing

async def main():
    pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    async def waits(): await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 1000)
    task = asyncio.ensure_future(waits())
    task.set_name("waits")
    await asyncio.sleep(0.5)
    pyheapdump.dump(sys.argv[1])
    for process in list(pool._processes.values()):
        process.kill()
    os._exit(0)
asyncio.run(main())
"""


def test_a_process_pool(dumped) -> None:
    text = locks_text(dumped(POOL))
    assert re.search(r"^task waits: awaits sleep\(\) in the process pool of thread \S+$", text, re.MULTILINE), text


def test_semaphores_that_all_hold_are_no_deadlock(dumped) -> None:
    """Whoever holds another slot may release one."""
    dump = dumped("""
        async def both(first, second, taken):
            async with first:
                taken.append(1)
                while len(taken) < 2:
                    await asyncio.sleep(0)
                async with second: pass
        async def main():
            a, b, taken = asyncio.Semaphore(1), asyncio.Semaphore(1), []
            tasks = [asyncio.ensure_future(both(a, b, taken)), asyncio.ensure_future(both(b, a, taken))]
            await asyncio.sleep(0.1)
            finish()
        asyncio.run(main())
    """)
    assert dump.task_waits.deadlocks() == []
    assert locks_text(dump).count("held by task Task-") == 2


@pytest.mark.parametrize(
    "wait, count",
    [("asyncio.wait([other])", 1), ("asyncio.wait([other], timeout=60)", 0),
     ("asyncio.wait_for(asyncio.shield(other), 60)", 0),
     ("asyncio.wait([other, never], return_when=asyncio.FIRST_COMPLETED)", 0)],
)  # fmt: skip
def test_a_task_that_may_give_up_makes_no_deadlock(dumped, wait: str, count: int) -> None:
    dump = dumped(f"""
        async def hold(lock, holds, go, others, never):
            async with lock:
                holds.set()
                await go.wait()
                other = others[0]
                await {wait}
        async def take(lock):
            async with lock: pass
        async def main():
            lock, holds, go, others = asyncio.Lock(), asyncio.Event(), asyncio.Event(), []
            never = asyncio.get_running_loop().create_future()
            holder = asyncio.ensure_future(hold(lock, holds, go, others, never))
            await holds.wait()
            others.append(asyncio.ensure_future(take(lock)))
            await asyncio.sleep(0)
            go.set()
            await asyncio.sleep(0.1)
            finish()
        asyncio.run(main())
    """)
    assert len(dump.task_waits.deadlocks()) == count


@pytest.mark.parametrize("timeout, count", [("60", 0), ("None", 1)])
def test_a_thread_that_may_give_up_makes_no_deadlock(dumped, timeout: str, count: int) -> None:
    dump = dumped(f"""
        def hold(lock, go):
            with lock:
                holds.set()
                go.wait()
                other.join({timeout})
        def take(lock):
            with lock: pass
        holds, go, lock = threading.Event(), threading.Event(), threading.Lock()
        other = threading.Thread(target=take, args=(lock,), daemon=True)
        holder = threading.Thread(target=hold, args=(lock, go), daemon=True)
        holder.start()
        holds.wait()
        other.start()
        go.set()
        time.sleep(0.2)
        finish()
    """)
    assert len(dump.locks.deadlocks()) == count
