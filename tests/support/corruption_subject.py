# SPDX-License-Identifier: Apache-2.0
"""The program that test_corruption.py damages: it builds its heap once, and a copy of it crashes for every run.

usage: corruption_subject.py FOLDER_OF_CORRUPTOR DUMP_DIRECTORY

A line "seed group" on stdin asks for a run. The answer is a line of JSON on stdout: how the copy ended ("status" as in
subprocess, None: it had to be killed), after how many seconds, and what it damaged.
"""

import array
import asyncio
import collections
import contextvars
import datetime
import decimal
import gc
import io
import itertools
import json
import os
import resource
import select
import signal
import struct
import sys
import threading
import time
import weakref
from types import ModuleType

sys.path.insert(0, sys.argv[1])
import corruptor  # type: ignore[import-not-found]  # noqa: E402
import pyheapdump  # noqa: E402

OBJECTS, HEADERS, TYPES, TABLES, ITEMS, CODE, FRAMES, OTHER_FRAMES, THREADS, NOTHING, SACRED = range(11)
DEADLINE = 20.0
HEADER = 16
MOST_WORDS = 64
REPORT = struct.Struct("QQ64Q")
# Changes of these cost the stack: everything is read by them.
NEEDED_TYPES = (type, object, type(sys._getframe()), type(sys._getframe().f_code), str, bytes, tuple, int, dict, list)
SENTINELS = ("text of the innermost frame", "text of the frame before it")


class Plain:
    """Attributes in the instance."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"plain {number}"
        self.next: object = None

    def same(self) -> object:
        return self


class Slotted:
    """Attributes in slots."""

    __slots__ = ("left", "right")

    def __init__(self, left: object, right: object) -> None:
        self.left = left
        self.right = right


class Names(dict):  # type: ignore[type-arg]
    """A dict with attributes."""


def counter(start: int):  # type: ignore[no-untyped-def]
    for number in itertools.count(start):
        yield number


async def wait_for(event: asyncio.Event, label: str) -> str:
    text = f"waiting for {label}"
    await event.wait()
    return text


def closure(number: int):  # type: ignore[no-untyped-def]
    def inner() -> int:
        return number

    return inner


def failed() -> BaseException:
    try:
        try:
            {"key": 1}["missing"]
        except KeyError as error:
            raise ValueError("no such key") from error
    except ValueError as error:
        return error
    raise AssertionError


def make_values(number: int) -> list:  # type: ignore[type-arg]
    """Values of many types."""
    plain = Plain(number)
    plain.next = plain
    generator = counter(number)
    next(generator)
    return [
        plain, Slotted(plain, number), Names(a=number), number, 2.5 * number, complex(number, 1), 10 ** (20 + number),
        f"ascii {number}", f"grüße {number}", f"漢字 {number}", f"😀 {number}", "long " * 100 * (number + 1), b"bytes %d" % number,
        bytearray(b"mutable %d" % number), [number, "x", None, True], (number, ("nested", number)), {number, "member"},
        frozenset({number, 1.5}), {"key": number, "other": [number]}, {number: {"deep": {number: "er"}}},
        {index: str(index) for index in range(40)}, list(range(1000, 1060)), collections.deque(range(number, number + 100)),
        collections.OrderedDict(b=1, a=number), collections.defaultdict(list, {"k": [number]}), range(number), slice(number),
        array.array("d", [1.5, number]), memoryview(b"seen"), decimal.Decimal(number) / 7, datetime.datetime(2026, 11, 21),
        io.StringIO(f"text {number}"), io.BytesIO(b"bytes"), weakref.ref(plain), generator, closure(number), failed(),
        contextvars.copy_context(), number.__add__, plain.same, property(closure(number)), itertools.chain([1], [number]),
    ]  # fmt: skip


def start_threads() -> list:  # type: ignore[type-arg]
    """Threads that wait for ever; they have the frames of a few functions each."""

    def wait(number: int, depth: int) -> None:
        local = f"thread {number} at {depth}"
        if depth:
            wait(number, depth - 1)
        else:
            ready.release()
            never.wait()
        del local

    never = threading.Event()
    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=wait, args=(number, 3), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
        ready.acquire()
    time.sleep(0.2)  # until all of them wait in C
    return threads


def start_tasks() -> tuple:  # type: ignore[type-arg]
    loop = asyncio.new_event_loop()
    event = asyncio.Event()

    async def start() -> list:  # type: ignore[type-arg]
        tasks = [loop.create_task(wait_for(event, f"task {number}")) for number in range(3)]
        await asyncio.sleep(0)
        return tasks

    return loop, event, loop.run_until_complete(start())


# Modules that are needed no more once the heap is built: what they hold would only make every dump larger.
EMPTIED = (
    "asyncio concurrent ssl _ssl socket _socket subprocess inspect ast _ast dis opcode tokenize token typing "
    "email urllib string traceback linecache textwrap locale contextlib dataclasses decimal _decimal _pydecimal "
    "datetime _datetime _pydatetime selectors random hashlib re sre_parse sre_compile sre_constants enum shutil bz2 lzma "
    "zlib base64 copy numbers errno pathlib fnmatch ntpath glob tempfile queue heapq bisect keyword reprlib "
    "importlib resource array collections functools operator copyreg"
).split()


def empty_modules() -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in EMPTIED and isinstance(module, ModuleType):
            sys.modules.pop(name)
            vars(module).clear()


def add_targets(values: object) -> None:
    own = [values]
    for _ in range(6):
        own += gc.get_referents(*own)
        own = list({id(one): one for one in own}.values())
        if len(own) > 5000:
            break
    everything = {id(one): one for one in [*own, *gc.get_objects(), *gc.get_referents(*gc.get_objects())]}
    for one in everything.values():
        words = min(MOST_WORDS, max(2, object.__sizeof__(one) // 8))
        corruptor.add(OBJECTS, id(one), 8 * words)
        corruptor.add(HEADERS, id(one), HEADER)
        if isinstance(one, type):
            corruptor.add(TYPES, id(one), type.__sizeof__(one))
        elif type(one) in (dict, list, Names):
            corruptor.add_parts(one)
        elif isinstance(one, type(add_targets.__code__)):
            corruptor.add(CODE, id(one), type(one).__basicsize__)
    for one in own:  # as often as all others together
        for _ in range(max(1, len(everything) // len(own))):
            corruptor.add(OBJECTS, id(one), 8 * min(MOST_WORDS, max(2, object.__sizeof__(one) // 8)))


def add_sacred() -> None:
    for needed in NEEDED_TYPES:
        corruptor.add(SACRED, id(needed), type.__sizeof__(needed))
        corruptor.add(SACRED, id(needed.__mro__), 64)
    for sentinel in SENTINELS:
        corruptor.add(SACRED, id(sentinel), sentinel.__sizeof__())


def innermost(seed: int, group: int, report: int) -> None:
    sentinel = SENTINELS[0]
    corruptor.corrupt_and_crash(seed, group, report)
    del sentinel


def middle(seed: int, group: int, report: int) -> None:
    sentinel = SENTINELS[1]
    innermost(seed, group, report)
    del sentinel


def outermost(seed: int, group: int, report: int) -> None:
    middle(seed, group, report)


def ended_within(pid: int, seconds: float) -> bool:
    watched = os.pidfd_open(pid)
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)


def run(seed: int, group: int) -> dict:  # type: ignore[type-arg]
    reader, writer = os.pipe()
    started = time.monotonic()
    pid = corruptor.fork()
    if not pid:
        outermost(seed, group, writer)
        os._exit(97)
    os.close(writer)
    in_time = ended_within(pid, DEADLINE)
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    taken = time.monotonic() - started
    told = os.read(reader, REPORT.size)
    os.close(reader)
    changes, sacred, *words = REPORT.unpack(told) if len(told) == REPORT.size else (0, 0)
    ended = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return {
        "status": ended if in_time else None,
        "seconds": round(taken, 3),
        "pid": pid,
        "sacred": sacred,
        "changes": [words[at : at + 4] for at in range(0, 4 * changes, 4)],
    }


def main() -> None:
    if corruptor.fix_addresses():
        os.execv(sys.executable, [sys.executable, "-I", "-OO", *sys.argv])
    kept = [[make_values(number) for number in range(6)], start_threads(), start_tasks()]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pyheapdump.install(sys.argv[2], quiet=True, sources=False, crash_timeout=15.0)
    empty_modules()
    gc.collect()
    add_targets(kept)
    add_sacred()
    lines = {
        name: function.__code__.co_firstlineno + 2 for name, function in (("innermost", innermost), ("middle", middle))
    }
    lines["outermost"] = outermost.__code__.co_firstlineno + 1
    print(json.dumps({"lines": lines, "sentinels": SENTINELS}), flush=True)
    for line in sys.stdin:
        seed, group = map(int, line.split())
        print(json.dumps(run(seed, group)), flush=True)
    os._exit(0)  # emptied modules cannot be cleaned up


if __name__ == "__main__":
    main()
