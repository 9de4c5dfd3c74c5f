# SPDX-License-Identifier: Apache-2.0
"""Types of the standard library: dates, paths, locks, threads, files, sockets, context variables, parsers, queues."""

import argparse
import configparser
import contextvars
import datetime
import decimal
import email.message
import io
import ipaddress
import json
import logging
import os
import pathlib
import queue
import random
import select
import socket
import sqlite3
import string
import struct
import subprocess
import sys
import tempfile
import threading
import uuid
import zlib
import zoneinfo
from datetime import date, time, timedelta, timezone

from .compare import described, same
from .entry import Group

DATES = Group("date")
LIBRARY = Group("library")

DAY = datetime.datetime

DATES.values(
    date_plain=date(2026, 11, 21),
    date_min=date.min,
    date_max=date.max,
    datetime_plain=DAY(2026, 11, 21, 8, 30, 15, 123456),
    datetime_min=DAY.min,
    datetime_max=DAY.max,
    datetime_fold=DAY(2026, 10, 25, 2, 30, fold=1),
    datetime_utc=DAY(2026, 11, 21, tzinfo=timezone.utc),
    datetime_offset=DAY(2026, 11, 21, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    datetime_named_zone=DAY(2026, 11, 21, tzinfo=timezone(timedelta(hours=1), "CET")),
    datetime_fold_and_zone=DAY(2026, 11, 21, tzinfo=timezone.utc, fold=1),
    time_plain=time(8, 30, 15, 1),
    time_midnight=time(),
    time_zone=time(8, 30, tzinfo=timezone.utc),
    time_fold=time(2, 30, fold=1),
    timedelta_zero=timedelta(),
    timedelta_negative=timedelta(days=-1, seconds=5, microseconds=7),
    timedelta_max=timedelta.max,
    timezone_utc=timezone.utc,
    timezone_offset=timezone(timedelta(hours=2)),
    timezone_named=timezone(timedelta(hours=2), "X"),
    timezone_seconds=timezone(timedelta(seconds=-86399)),
)


class Holiday(date):
    pass


class Stamp(datetime.datetime):
    pass


def named(value):
    value.name = ["a holiday"]
    return value


DATES.add("subclass_date", lambda: named(Holiday(2026, 12, 25)))
DATES.add("subclass_datetime", lambda: named(Stamp(2026, 12, 25, 1, 2, 3, tzinfo=timezone.utc)))
DATES.add("datetime_zoneinfo", lambda: DAY(2026, 7, 1, 12, tzinfo=berlin()))


def berlin():
    """Europe/Berlin from a tiny file made here, as a machine need not have a zone database."""
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(tzif(b"CET-1CEST,M3.5.0,M10.5.0/3")), key="Europe/Berlin")


def tzif(rule):
    header = b"TZif2" + bytes(15)
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb", 3600, 0, 0) + b"CET\0"
    return header + counts + body + header + counts + body + b"\n" + rule + b"\n"


@DATES.check("subclass_date")
def holiday(found):
    described(found, "Holiday", name=["a holiday"], year=2026, month=12, day=25)


@DATES.check("subclass_datetime")
def stamp(found):
    described(found, "Stamp", name=["a holiday"], year=2026, month=12, day=25, hour=1, minute=2, second=3)


@DATES.check("datetime_zoneinfo")
def time_in_berlin(found):
    same(found.replace(tzinfo=None), DAY(2026, 7, 1, 12))
    same(type(found.tzinfo).__name__, "ZoneInfo")


# --- values -----------------------------------------------------------------------------------------------------

LIBRARY.values(
    uuid=uuid.UUID("12345678-1234-5678-1234-567812345678"),
    path=pathlib.Path("/var/lib/app/data.txt"),
    path_empty=pathlib.Path(),
    path_relative=pathlib.Path("a/../b"),
    pure_posix_path=pathlib.PurePosixPath("a/b"),
    pure_windows_path=pathlib.PureWindowsPath("C:\\dir\\file.txt"),
)


def path_parts(class_name, *parts):
    """A path keeps its parts in attributes that differ between versions; all of them are there in some of them."""

    def check(found):
        same(type(found).__name__, class_name, "type")
        texts = [v for n in dir(found) if not n.startswith("__") for v in as_list(getattr(found, n, None))]
        for part in parts:
            if not any(isinstance(text, str) and part in text for text in texts):
                raise AssertionError(f"{part!r} is not in the attributes of {found!r}: {texts}")

    return check


def as_list(value):
    return value if isinstance(value, list) else [value]


LIBRARY.check("path")(path_parts("PosixPath", "var", "lib", "app", "data.txt"))
LIBRARY.check("path_empty")(path_parts("PosixPath"))
LIBRARY.check("path_relative")(path_parts("PosixPath", "a", "..", "b"))
LIBRARY.check("pure_posix_path")(path_parts("PurePosixPath", "a", "b"))
LIBRARY.check("pure_windows_path")(path_parts("PureWindowsPath", "C:", "dir", "file.txt"))


@LIBRARY.check("uuid")
def uuid_number(found):
    described(found, "UUID", int=0x12345678123456781234567812345678)


LIBRARY.add("ip_address", lambda: ipaddress.ip_address("192.0.2.1"))
LIBRARY.add("ip_network", lambda: ipaddress.ip_network("2001:db8::/32"))
LIBRARY.add("template", lambda: string.Template("$x"))
LIBRARY.add("random", lambda: random.Random(5))
LIBRARY.add("struct", lambda: struct.Struct("<ihq"))
LIBRARY.add("decimal_context", lambda: decimal.Context(prec=7))
LIBRARY.add("json_encoder", lambda: json.JSONEncoder(indent=2))
LIBRARY.add("email_message", lambda: mail())
LIBRARY.add("config_parser", lambda: configuration())
LIBRARY.add("namespace", lambda: argparse.Namespace(verbose=True, files=["a"]))
LIBRARY.add("logger", lambda: logging.getLogger("corpus.test"))
LIBRARY.add("log_record", lambda: logging.LogRecord("n", 20, "/p.py", 5, "said %s", ("it",), None))
LIBRARY.add("hash", lambda: __import__("hashlib").sha256(b"x"))
LIBRARY.add("zlib_compressor", zlib.compressobj)
LIBRARY.add("simple_queue", lambda: filled(queue.SimpleQueue()))
LIBRARY.add("queue", lambda: filled(queue.Queue(maxsize=5)))
LIBRARY.add("priority_queue", lambda: filled(queue.PriorityQueue()))
LIBRARY.add("sqlite_connection", lambda: sqlite3.connect(":memory:"))
LIBRARY.add("epoll", select.epoll)
LIBRARY.add("random_state_words", lambda: random.Random(5).getstate()[1][:5])


def mail():
    message = email.message.Message()
    message["Subject"] = "hello"
    message.set_payload("body")
    return message


def configuration():
    parser = configparser.ConfigParser()
    parser.read_string("[server]\nport = 80\n")
    return parser


def filled(container):
    container.put((1, "first"))
    container.put((2, "second"))
    return container


def of_type(type_name, **attributes):
    return lambda found: described(found, type_name, **attributes)


LIBRARY.check("ip_address")(of_type("IPv4Address", _ip=0xC0000201))
LIBRARY.check("ip_network")(of_type("IPv6Network"))
LIBRARY.check("template")(of_type("Template", template="$x"))
LIBRARY.check("random")(of_type("Random", gauss_next=None))
LIBRARY.check("struct")(of_type("Struct"))
LIBRARY.check("decimal_context")(of_type("Context"))
LIBRARY.check("json_encoder")(of_type("JSONEncoder", indent=2, skipkeys=False))
LIBRARY.check("email_message")(of_type("Message", _headers=[("Subject", "hello")], _payload="body"))
LIBRARY.check("config_parser")(of_type("ConfigParser"))
LIBRARY.check("namespace")(of_type("Namespace", verbose=True, files=["a"]))
LIBRARY.check("logger")(of_type("Logger", name="corpus.test"))
LIBRARY.check("log_record")(of_type("LogRecord", msg="said %s", args=("it",), lineno=5))
LIBRARY.check("hash")(lambda found: same(type(found).__name__.upper() in ("HASH", "SHA256TYPE"), True, "type"))
LIBRARY.check("zlib_compressor")(of_type("Compress"))
LIBRARY.check("simple_queue")(of_type("SimpleQueue"))
LIBRARY.check("sqlite_connection")(of_type("Connection"))
LIBRARY.check("epoll")(of_type("epoll"))


@LIBRARY.check("queue")
def items_of_a_queue(found):
    described(found, "Queue", maxsize=5)
    same(list(found.queue), [(1, "first"), (2, "second")])


@LIBRARY.check("priority_queue")
def items_of_a_heap(found):
    described(found, "PriorityQueue", queue=[(1, "first"), (2, "second")])


# --- locks and threads ------------------------------------------------------------------------------------------


def held(lock, times=1):
    for _ in range(times):
        lock.acquire()
    return lock


LIBRARY.add("lock_free", threading.Lock)
LIBRARY.add("lock_held", lambda: held(threading.Lock()))
LIBRARY.add("rlock_free", threading.RLock)
LIBRARY.add("rlock_held_twice", lambda: [held(threading.RLock(), 2), threading.get_ident()])
LIBRARY.add("condition", lambda: held(threading.Condition()))
LIBRARY.add("semaphore", lambda: threading.Semaphore(3))
LIBRARY.add("event_set", lambda: set_event())
LIBRARY.add("barrier", lambda: threading.Barrier(2))
LIBRARY.add("thread_not_started", lambda: threading.Thread(target=print, name="later", daemon=True))
LIBRARY.add("thread_main", threading.main_thread)
LIBRARY.add("thread_local", lambda: local_data())


def set_event():
    event = threading.Event()
    event.set()
    return event


def local_data():
    data = threading.local()
    data.x = [1]
    return data


@LIBRARY.check("lock_free")
def free_lock(found):
    described(found, "lock", locked=False)


@LIBRARY.check("lock_held")
def held_lock(found):
    described(found, "lock", locked=True)


@LIBRARY.check("rlock_free")
def free_rlock(found):
    described(found, "RLock", count=0)


@LIBRARY.check("rlock_held_twice")
def held_rlock(found):
    lock, ident = found
    described(lock, "RLock", count=2, owner=ident)


@LIBRARY.check("condition")
def held_condition(found):
    same(type(found).__name__, "Condition")
    described(found._lock, "RLock", count=1)


LIBRARY.check("semaphore")(of_type("Semaphore", _value=3))
LIBRARY.check("event_set")(of_type("Event", _flag=True))
LIBRARY.check("barrier")(of_type("Barrier", _parties=2))
LIBRARY.check("thread_not_started")(of_type("Thread", _name="later"))
LIBRARY.check("thread_main")(of_type("_MainThread", _name="MainThread"))


@LIBRARY.check("thread_local")
def thread_local(found):
    same(type(found).__name__, "_local")


# --- files and sockets ------------------------------------------------------------------------------------------


def written(stream, content, position):
    stream.write(content)
    stream.seek(position)
    return stream


def text_file():
    name = os.path.join(tempfile.mkdtemp(), "open.txt")
    stream = open(name, "w+", encoding="utf-8")
    stream.write("pending text")
    os.unlink(name)
    os.rmdir(os.path.dirname(name))
    return stream


LIBRARY.add("string_io", lambda: written(io.StringIO(), "some \u20ac text", 3))
LIBRARY.add("string_io_empty", io.StringIO)
LIBRARY.add("bytes_io", lambda: written(io.BytesIO(), b"some bytes", 4))
LIBRARY.add("bytes_io_from_bytes", lambda: io.BytesIO(b"given"))
LIBRARY.add("file_text", text_file)
LIBRARY.add("file_binary", lambda: open(os.devnull, "rb"))
LIBRARY.add("file_raw", lambda: open(os.devnull, "rb", buffering=0))
LIBRARY.add("file_closed", lambda: closed_file())
LIBRARY.add("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
LIBRARY.add("socket_pair", socket.socketpair)
LIBRARY.add("process", lambda: finished_process())
LIBRARY.add("stdin", lambda: sys.__stdin__)


def closed_file():
    with open(os.devnull) as stream:
        return stream


def finished_process():
    process = subprocess.Popen(["true"])
    process.wait()
    return process


@LIBRARY.check("string_io")
def text_in_memory(found):
    same(type(found).__name__, "StringIO")
    same((found.getvalue(), found.tell()), ("some \u20ac text", 3))


@LIBRARY.check("string_io_empty")
def no_text(found):
    same((type(found).__name__, found.getvalue()), ("StringIO", ""))


@LIBRARY.check("bytes_io")
def bytes_in_memory(found):
    same(type(found).__name__, "BytesIO")
    same((bytes(found.getvalue()), found.tell()), (b"some bytes", 4))


@LIBRARY.check("bytes_io_from_bytes")
def given_bytes(found):
    same((type(found).__name__, bytes(found.getvalue())), ("BytesIO", b"given"))


@LIBRARY.check("file_text")
def named_text_file(found):
    same(type(found).__name__, "TextIOWrapper")
    raw = found.buffer.raw
    same(os.path.basename(raw.name), "open.txt")
    same(raw.fd > 2, True, "has a descriptor")


@LIBRARY.check("file_binary")
def buffered_file(found):
    same(type(found).__name__, "BufferedReader")
    same(found.raw.name, os.devnull)


@LIBRARY.check("file_raw")
def raw_file(found):
    described(found, "FileIO", name=os.devnull)
    same(found.fd > 2, True, "has a descriptor")


LIBRARY.check("file_closed")(of_type("TextIOWrapper"))
LIBRARY.check("stdin")(of_type("TextIOWrapper"))


@LIBRARY.check("socket")
def socket_with_descriptor(found):
    same(type(found).__name__, "socket")
    same(found.fd > 2, True, "has a descriptor")
    same((int(found.family), int(found.type) & 15), (int(socket.AF_INET), int(socket.SOCK_DGRAM)))


@LIBRARY.check("socket_pair")
def two_sockets(found):
    same([type(s).__name__ for s in found], ["socket", "socket"])
    same(found[0].fd != found[1].fd, True, "two descriptors")


@LIBRARY.check("process")
def process_status(found):
    described(found, "Popen", args=["true"], returncode=0)


# --- context variables ------------------------------------------------------------------------------------------

REQUEST: contextvars.ContextVar = contextvars.ContextVar("request", default={"id": 0})


def context_with_value():
    context = contextvars.copy_context()
    context.run(REQUEST.set, {"id": 17})
    return context


LIBRARY.add("context_variable", lambda: REQUEST)
LIBRARY.add("context", context_with_value)
LIBRARY.add("context_token", lambda: contextvars.copy_context().run(REQUEST.set, 1))


@LIBRARY.check("context_variable")
def variable_name(found):
    described(found, "ContextVar", name="request")


@LIBRARY.check("context")
def values_in_the_context(found):
    """The values of the context are in the dump; its tree of nodes may show in any form."""
    same(type(found).__name__, "Context")
    if not reaches(found, {"id": 17}):
        raise AssertionError("the context's value cannot be reached from it")


@LIBRARY.check("context_token")
def token(found):
    same(type(found).__name__, "Token")


def reaches(start, wanted, limit=2000):
    """True when following items and attributes from `start` leads to a value equal to `wanted`."""
    work, seen = [start], set()
    while work and len(seen) < limit:
        value = work.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) is type(wanted) and value == wanted:
            return True
        work += list(value.values()) if isinstance(value, dict) else []
        work += list(value) if isinstance(value, (list, tuple)) else []
        work += [getattr(value, n) for n in dir(value) if not n.startswith("__")]
    return False
