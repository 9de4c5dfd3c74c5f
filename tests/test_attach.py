# SPDX-License-Identifier: Apache-2.0
"""`python -m pyheapdump attach`: dumps and stacks of processes that know nothing of pyheapdump."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path

import interpreters
import pyheapdump
import pytest
from pyheapdump import attach as attaching
from pyheapdump import outside
from support.target import Target, attach, goes_on, stacks_of

WAITING = """
    import threading, time

    def inner(order, never):
        rows = [order, 2, 3]
        total = {"sum": 6.5}
        print("ready", flush=True)
        never.acquire()
        return rows, total

    never = threading.Lock()
    never.acquire()
    inner("order-17", never)
"""


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_dump_has_the_stacks_and_the_objects(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        path = tmp_path / "of_another.dump"
        done = attach(target.pid, "-o", path)
        assert (done.returncode, done.stderr) == (0, "")
        assert goes_on(target.pid)
    assert re.fullmatch(
        rf"wrote {path} \([\d.]+ [KM]iB; process {target.pid} was stopped for \d+ ms\)\n"
        rf"open it with: python -m pyheapdump\.view {path}\n",
        done.stdout,
    )
    assert path.stat().st_mode & 0o777 == 0o600
    with pyheapdump.load(path) as dump:
        assert (dump.reason, dump.problems) == ("attach", [])
        assert dump.facts["python"][:3] == list(sys.version_info[:3])
        assert dump.facts["pid"] == target.pid
        (thread,) = dump.threads
        assert (thread.name, thread.native_id) == ("MainThread", target.pid)
        frame = thread.frames[-1]
        assert (frame.f_code.co_name, frame.f_lineno) == ("inner", target.line_of("never.acquire()"))
        assert frame.f_locals["rows"] == ["order-17", 2, 3]
        assert frame.f_locals["total"] == {"sum": 6.5}
        assert "threading" in dump.modules
        assert thread.native is not None and thread.native.system_call is not None


def test_the_default_name_is_that_of_dumps(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        for _ in range(2):
            assert attach(target.pid, directory=tmp_path).returncode == 0
    names = {path.name for path in tmp_path.glob("*dump*")}
    assert names == {f"python_heap_{target.pid}_0.dump", f"python_heap_{target.pid}_1.dump"}


def test_stacks(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        before = set(os.listdir(tmp_path))
        text = stacks_of(target)
        assert set(os.listdir(tmp_path)) == before
    here, last = target.line_of("never.acquire()"), target.line_of('inner("order-17"')
    assert text.startswith(f"process {target.pid}: CPython {'.'.join(map(str, sys.version_info[:3]))}, ")
    assert f"thread MainThread, id {target.pid}, waits for never, held by nobody known\n" in text
    assert f'  {target.path}:{last} in <module>\n    > {last:4} inner("order-17", never)\n' in text
    listing = [f"    {'>' if n == here else ' '} {n:4} {line}" for n, line in enumerate(target_lines(target), 1)]
    assert "\n".join([f"  {target.path}:{here} in inner", *listing[here - 3 : here + 1]]) in text
    assert "rows = " not in text


def target_lines(target: Target) -> list[str]:
    return target.path.read_text().splitlines()


def test_stacks_with_locals(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        text = stacks_of(target, "--locals")
    assert "        order = 'order-17'\n" in text
    assert "        rows = ['order-17', 2, 3]\n" in text
    assert "        total = {'sum': 6.5}" in text
    assert "missing" not in text


def test_leaves_and_long_texts_of_locals(tmp_path: Path) -> None:
    """What stands in a container that was read is shown, and of a long text the beginning and its length."""
    text = """
        import time

        class Order:
            def __init__(self):
                self.number, self.name, self.lines = 17, "pen" * 3, [1, 2]

        def wait():
            config = [{"host": "db1", "port": 5432, "ratio": 0.25, "note": "n" * 700, "on": True, "raw": b"ab"}]
            nested = {"a": {"b": {"c": 1}}}
            pair = ({"k": "v"}, {17}, ...)
            orders = [Order()]
            query = "SELECT " + "x" * 70_000
            wide = "\\u4f60" * 40_000
            lone = "\\udc80" * 40_000
            huge = "y" * 9_000_000
            body = b"GET / HTTP/1.1\\r\\n" + b"y" * 300_000
            room = bytearray(b"room" * 20_000)
            far = [{"query": "q" * 80_000}]
            print("ready", flush=True)
            time.sleep(1000)
        wait()
    """
    with Target(tmp_path, text) as target:
        found = json.loads(stacks_of(target, "--json", "--locals"))
    shown = found["threads"][0]["frames"][-1]["locals"]
    shown = {name: value.replace(" bytes, 1,024 of them kept>", " bytes>") for name, value in shown.items()}
    assert shown["config"] == repr(
        [{"host": "db1", "port": 5432, "ratio": 0.25, "note": "...", "on": True, "raw": b"ab"}]
    ).replace("'...'", f"{'n' * 66!r}...<700 characters>")
    assert shown["nested"] == "{'a': {'b': ...}}"
    assert shown["pair"] == "({'k': 'v'}, {17}, Ellipsis)"
    assert shown["orders"].startswith("[<__main__.Order number=17 name='penpenpen' lines=... at 0x")
    assert shown["query"] == f"{'SELECT ' + 'x' * 57!r}...<70,007 bytes>"
    assert shown["wide"] == f"{chr(0x4F60) * 64!r}...<120,000 bytes>"
    assert shown["lone"].startswith(r"'\udc80\udc80") and shown["lone"].endswith("'...<120,000 bytes>")
    assert shown["huge"] == f"{'y' * 64!r}...<9,000,000 bytes>"
    assert shown["body"].startswith(r"b'GET / HTTP/1.1\r\nyy") and shown["body"].endswith("...<300,016 bytes>")
    assert shown["room"] == f"bytearray({b'room' * 16!r})...<80,000 bytes>"
    assert shown["far"] == f"[{{'query': {'q' * 64!r}...<80,000 bytes>}}]"


def test_stacks_with_c_functions(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        text = stacks_of(target, "--native")
    assert re.search(r"\n  lib(c|pthread)\S*", text.split(" in inner\n")[1]), text


def test_stacks_as_json(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        found = json.loads(stacks_of(target, "--json", "--locals", "--native"))
    (thread,) = found["threads"]
    frame = thread["frames"][-1]
    assert (found["schema"], found["pid"], thread["activity"]) == (1, target.pid, "waiting for a lock")
    assert (frame["function"], frame["line"]) == ("inner", target.line_of("never.acquire()"))
    assert frame["locals"]["rows"] == "['order-17', 2, 3]"
    assert 0 < found["stopped"] < 10
    assert any(one.get("symbol") for one in thread["native"]["frames"])


def test_a_dump_as_json(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        found = json.loads(attach(target.pid, "--json", directory=tmp_path).stdout)
    assert found["path"] == str(tmp_path / f"python_heap_{target.pid}_0.dump")
    assert found["complete"] and found["threads"] == 1 and found["bytes_copied"] > 1000


def test_without_stopping(tmp_path: Path) -> None:
    with Target(tmp_path, WAITING) as target:
        text = stacks_of(target, "--no-freeze", "--locals")
        done = attach(target.pid, "--no-freeze", "-o", tmp_path / "a.dump")
    assert "rows = ['order-17', 2, 3]" in text
    assert "note: taken without the GIL" in text
    assert "was not stopped)" in done.stdout
    assert pyheapdump.load(tmp_path / "a.dump").facts["stopped"] is False


@pytest.mark.parametrize("other", interpreters.available(), ids=str)
def test_every_version_reads_every_version(other: interpreters.Interpreter, tmp_path: Path) -> None:
    """Some of them run in another mount namespace, where their files and those of the target have other paths."""
    with Target(tmp_path, WAITING, other.executable) as target:
        text = stacks_of(target, "--locals", "--native")
    assert f": CPython {other.version}." in text
    assert "        rows = ['order-17', 2, 3]\n" in text
    assert f"    > {target.line_of('never.acquire()'):4}     never.acquire()\n" in text
    assert "note:" not in text


# --- what threads do --------------------------------------------------------------------------------------------------

THREADS = """
    import os, threading, time

    def spin():
        while True:
            pass

    def wait(lock):
        lock.acquire()

    def read(descriptor):
        os.read(descriptor, 1)

    lock = threading.Lock()
    lock.acquire()
    reading, _ = os.pipe()
    for name, function, arguments in [("waits", wait, [lock]), ("reads", read, [reading]), ("spins", spin, [])]:
        threading.Thread(target=function, args=arguments, name=name, daemon=True).start()
    time.sleep(0.1)
    print("ready", flush=True)
    spin()
"""


def test_what_the_threads_do(tmp_path: Path) -> None:
    with Target(tmp_path, THREADS) as target:
        texts = [stacks_of(target) for _ in range(2)]
    for text in texts:
        titles = re.findall(r"^thread (\w+), (.*)$", text, re.MULTILINE)
        found = dict(titles)
        assert set(found) == {"MainThread", "waits", "reads", "spins"}
        assert re.search(r"daemon, waits for \w+, held by nobody known$", found["waits"]), found["waits"]
        assert found["reads"].endswith("daemon, in system call read")
        spinning = [found["MainThread"], found["spins"]]
        assert sum("holds the GIL" in title for title in spinning) <= 1
        assert any("waiting for the GIL" in title or "running Python code" in title for title in spinning)


def test_deadlock(tmp_path: Path) -> None:
    text = """
        import threading, time

        def take(first, second):
            with first:
                time.sleep(0.2)
                print("holds", flush=True)
                with second:
                    pass

        a, b = threading.Lock(), threading.Lock()
        for name, locks in ("worker-1", (a, b)), ("worker-2", (b, a)):
            threading.Thread(target=take, args=locks, name=name).start()
    """
    with Target(tmp_path, text) as target:
        target.line()
        found = stacks_of(target)
    for name in "worker-1", "worker-2":
        assert re.search(
            rf"^thread {name}, id \d+, waits for second at 0x[0-9a-f]+, held by worker-\d$", found, re.M
        ), found
    assert found.count(f"> {target.line_of('with second'):4} ") == 2
    assert re.search(r"^deadlock: worker-\d holds .* and waits for .*; worker-\d holds .*$", found, re.MULTILINE)


def test_deadlock_of_tasks(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def move(first, second):
            async with first:
                await asyncio.sleep(0.1)
                print("holds", flush=True)
                async with second:
                    pass

        async def keeper(kept):
            async with kept:
                await asyncio.sleep(1000)

        async def waiter(kept):
            async with kept:
                pass

        async def main():
            x, y, kept = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
            jobs = {"there": move(x, y), "back": move(y, x), "keeper": keeper(kept), "waiter": waiter(kept)}
            tasks = [asyncio.ensure_future(job) for job in jobs.values()]
            for task, name in zip(tasks, jobs):
                task.set_name(name)
            await asyncio.gather(*tasks)

        asyncio.run(main())
    """
    with Target(tmp_path, text) as target:
        target.line()
        found = stacks_of(target)
    assert re.search(r"^task waiter, waits in Lock.acquire\(\) for kept, held by task keeper$", found, re.M), found
    assert len(re.findall(r"^deadlock: task \w+ holds .* and waits in Lock.acquire\(\) for ", found, re.M)) == 1, found


def test_many_threads_with_deep_stacks(tmp_path: Path) -> None:
    text = """
        import threading

        def down(depth, number):
            here = (number, depth)
            if depth:
                return down(depth - 1, number)
            started.release()
            never.acquire()

        never, started = threading.Lock(), threading.Semaphore(0)
        never.acquire()
        for number in range(64):
            threading.Thread(target=down, args=(40, number), name=f"deep-{number}", daemon=True).start()
        for number in range(64):
            started.acquire()
        print("ready", flush=True)
        never.acquire()
    """
    with Target(tmp_path, text) as target:
        found = stacks_of(target, "--locals")
    for number in range(64):
        part = found.split(f"thread deep-{number}, id ")[1].split("\n\n")[0]
        assert part.count(" in down\n") == 41
        assert f"        here = ({number}, 40)\n" in part and f"        here = ({number}, 0)" in part


def test_tasks_of_asyncio(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def deepest(number):
            await asyncio.sleep(1000)

        async def deeper(number):
            await deepest(number)

        async def job(number):
            order = {"id": number}
            await deeper(number)

        async def main():
            jobs = [asyncio.create_task(job(number), name=f"job-{number}") for number in range(1000)]
            await asyncio.sleep(0)
            print("ready", flush=True)
            await asyncio.gather(*jobs)

        asyncio.run(main())
    """
    with Target(tmp_path, text) as target:
        told = stacks_of(target)
        found = json.loads(stacks_of(target, "--json", "--locals"))
    assert re.search(r"^1000 tasks: job-\d+, .* and 995 more, waits in sleep\(\)$", told, re.MULTILINE)
    assert re.search(r"\ntask Task-1, awaits (task job-\d+, ){4}task job-\d+ and 995 more\n", told)
    functions = {
        task["name"]: [frame["function"].rpartition(".")[2] for frame in task["frames"]] for task in found["tasks"]
    }
    assert set(functions) == {"Task-1", *(f"job-{number}" for number in range(1000))}
    assert functions["job-17"] == ["job", "deeper", "deepest", "sleep"]
    variables = {task["name"]: task["frames"][0]["locals"] for task in found["tasks"]}
    assert all(variables[f"job-{number}"]["order"] == repr({"id": number}) for number in range(1000))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="subinterpreters with a GIL of their own: 3.12+")
def test_subinterpreters(tmp_path: Path) -> None:
    text = """
        import threading, time
        try:
            import _interpreters as made
        except ImportError:
            import _xxsubinterpreters as made

        CODE = "def sub(number):\\n    import time\\n    time.sleep(1000)\\nsub({})\\n"
        for number in range(2):
            one = made.create()
            threading.Thread(target=lambda: made.run_string(one, CODE.format(number)), daemon=True).start()
            time.sleep(0.5)
        print("ready", flush=True)
        time.sleep(1000)
    """
    with Target(tmp_path, text) as target:
        found = json.loads(stacks_of(target, "--json", "--locals"))
    subs = [one for one in found["threads"] if one["frames"] and one["frames"][-1]["function"] == "sub"]
    assert sorted(one["frames"][-1]["locals"]["number"] for one in subs) == ["0", "1"]


def test_the_thread_that_runs_a_subinterpreter(tmp_path: Path) -> None:
    """Up to 3.12 the state of a subinterpreter keeps the ids of the thread that made it."""
    text = """
        import os, threading, time
        try:
            import _interpreters as made
        except ImportError:
            import _xxsubinterpreters as made

        CODE = "def sub(number):\\n    import time\\n    time.sleep(1000)\\nsub({})\\n"

        def host(number):
            ids[number] = threading.get_native_id()
            made.run_string(one, CODE.format(number))

        ids = {}
        idle = made.create()
        for number in range(2):
            one = made.create()
            threading.Thread(target=host, args=(number,), name=f"host-{number}", daemon=True).start()
            time.sleep(0.5)
        print(ids, flush=True)
        threading.Event().wait(1000)
    """
    with Target(tmp_path, text) as target:
        ids = ast.literal_eval(target.said)
        found = json.loads(stacks_of(target, "--json", "--locals"))
    subs = [one for one in found["threads"] if one["frames"] and one["frames"][-1]["function"] == "sub"]
    assert {int(one["frames"][-1]["locals"]["number"]): one["native_id"] for one in subs} == ids
    assert all(one["waits_for"] is None for one in subs)
    main = next(one for one in found["threads"] if one["native_id"] == target.pid)
    assert main["name"] == "MainThread" and main["interpreter"] == 0
    empty = [one for one in found["threads"] if not one["frames"] and one["interpreter"]]
    assert all(one["native_id"] == 0 and one["waits_for"] is None for one in empty)


def test_a_process_without_frames(tmp_path: Path) -> None:
    """The main thread has ended its Python code and waits for another in the interpreter's own."""
    text = """
        import threading, time

        def work():
            time.sleep(0.3)
            print("ready", flush=True)
            time.sleep(1000)

        threading.Thread(target=work, name="works").start()
    """
    with Target(tmp_path, text) as target:
        text = stacks_of(target)
    assert re.search(r"^thread works, id \d+, in system call \w+$", text, re.MULTILINE), text


def test_with_little_memory_it_is_read_in_place(tmp_path: Path) -> None:
    text = """
        import time
        kept = [[number, str(number) * 20] for number in range(100_000)]
        print("ready", flush=True)
        time.sleep(1000)
    """
    with Target(tmp_path, text) as target:
        copied, in_place = str(tmp_path / "copied.dump"), str(tmp_path / "in_place.dump")
        _, first = attaching.attach(attaching.Process(target.pid), path=copied)
        _, second = attaching.attach(attaching.Process(target.pid), outside.Options(memory=16 << 20), in_place)
        assert goes_on(target.pid)
    assert (first["in_place"], second["in_place"]) == (False, True)
    assert first["objects"] == second["objects"] and second["complete"]
    assert second["bytes_copied"] > 2 * (4 << 20), "the cache was never full"
    with pyheapdump.load(in_place) as dump:
        kept = dump.threads[0].frames[0].f_locals["kept"]
        assert [kept[n] for n in (0, 50_000, 99_999)] == [[n, str(n) * 20] for n in (0, 50_000, 99_999)]
        assert dump.problems == []
