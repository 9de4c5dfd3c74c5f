# SPDX-License-Identifier: Apache-2.0
"""Dumps of real programs whose contents were changed, value by value: every view shows them or says why not.

`make nightly` browses for as long as PYHEAPDUMP_FUZZ_SECONDS says, from a seed that it prints.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.subject import Subject
from support.target import clean_environment

FILES = 40
SECONDS = int(os.environ.get("PYHEAPDUMP_FUZZ_SECONDS", "0"))
TESTS = Path(__file__).resolve().parent

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] not in ((3, 9), (3, 14)), reason="mutated dumps are browsed with 3.9 and 3.14"
)

# Something of most of what a view has a form for.
PROGRAM = """
    import array, asyncio, collections, contextvars, ctypes, dataclasses, datetime, decimal, enum, fractions, functools
    import ipaddress, logging, pathlib, queue, re, signal, sys, threading, time, types, uuid, weakref
    import pyheapdump

    class Color(enum.Enum):
        RED = 1
        BLUE = "b"

    @dataclasses.dataclass
    class Point:
        x: int
        y: object = None

    class Slots:
        __slots__ = ("a", "b")
        def __init__(self):
            self.a = 1

    Pair = collections.namedtuple("Pair", "u v")

    class OrderError(Exception):
        def __str__(self):
            return f"text of {self.args}"

    def generated():
        inner = 1
        yield inner

    async def waiting(number):
        await asyncio.sleep(100)

    def holding(lock, event):
        with lock:
            event.set()
            time.sleep(100)

    def work(order, number=3, *args, **kw):
        values = dict(
            color=Color.RED, point=Point(1, Point(2)), slots=Slots(), named=Pair(1, 2), decimal=decimal.Decimal("1.50"),
            when=datetime.datetime.now(datetime.timezone.utc), part=functools.partial(print, 1, end=""), big=1 << 200,
            path=pathlib.Path("/a/b"), uuid=uuid.UUID(int=5), fraction=fractions.Fraction(1, 3), c=1 + 2j,
            ip=ipaddress.ip_address("10.0.0.1"), weak=weakref.ref(Color), space=types.SimpleNamespace(a=1),
            array=array.array("d", [1, 2, 3]), pattern=re.compile("a+"), match=re.match("a(.)", "ab"),
            deque=collections.deque([1, 2], 5), default=collections.defaultdict(list, {1: [2]}), range=range(5),
            ordered=collections.OrderedDict(a=1), counter=collections.Counter("aab"), chain=collections.ChainMap({}, {1: 2}),
            proxy=types.MappingProxyType({1: 2}), slice=slice(1, 2), frozen=frozenset({1, 2}), set={1, "a"},
            bytes=bytearray(b"abc"), view=memoryview(bytearray(b"abcdef"))[1:4], generator=generated(),
            delta=datetime.timedelta(3, 4, 5), date=datetime.date(2020, 1, 2), queue=queue.Queue(),
            context=contextvars.copy_context(), logger=logging.getLogger("x"), long=list(range(2000)), text="e" * 70000,
        )
        next(values["generator"])
        values["self"] = values
        def inner():
            return order, values
        try:
            {}["missing"]
        except KeyError as error:
            raise OrderError("bad", order) from error

    async def main():
        tasks = [asyncio.create_task(waiting(i), name=f"task {i}") for i in range(5)]
        await asyncio.sleep(0)
        lock, event = threading.Lock(), threading.Event()
        for i in range(3):
            threading.Thread(target=holding, args=(lock, event), daemon=True, name=f"thread {i}").start()
        event.wait()
        try:
            work({"id": 17})
        except OrderError as error:
            pyheapdump.dump_once(error)
            if sys.version_info >= (3, 11):
                group = ExceptionGroup("group", [error, ValueError(1)])
                group.add_note("note")
                pyheapdump.dump_once(group)
            pyheapdump.dump()
            ctypes.string_at(8)  # SIGSEGV

    asyncio.run(main())
"""


def test_views_of_mutated_dumps(tmp_path: Path) -> None:
    ended = Subject(tmp_path, PROGRAM).run()
    dumps = ended.dumps
    assert len(dumps) >= 3, ended.stderr.decode()
    first, count = (int.from_bytes(os.urandom(4), "big"), 1 << 40) if SECONDS else (1, FILES)
    print(f"from seed {first}")
    place = tmp_path / "mutated"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, TESTS / "support" / "browse_mutated.py", place, str(first), str(count), str(SECONDS or 120), *dumps],
        env={**clean_environment(), "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=SECONDS + 400, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "FAILED" not in done.stdout, done.stdout + done.stderr
    browsed, opened = map(int, done.stdout.split())
    print(f"{browsed} browsed, {opened} of them opened")
    assert browsed >= FILES and opened > browsed // 2
