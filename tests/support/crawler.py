# SPDX-License-Identifier: Apache-2.0
"""Programs that fill memory until a limit, and what their dumps say: for the tests of install(memory_limit=...)."""

import os
import re
import textwrap
from pathlib import Path
from typing import Any, List

import pytest
from support.subject import Ended, Subject, dumps_because_of

# How often each story is played; the nightly run plays it 20 times.
RUNS = int(os.environ.get("PYHEAPDUMP_RUNS", "1"))
MIB = 1 << 20

HEAD = """
    import ctypes, hashlib, mmap, os, resource, subprocess, sys, threading, time, zlib
    import pyheapdump

    def dumps():
        return [name for name in os.listdir(os.environ["PYHEAPDUMP_DIR"]) if name.endswith(".dump")]

    def wait_for(count):
        deadline = time.monotonic() + 50
        while len(dumps()) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(dumps()) == count, dumps()
"""
# What a page of the crawler is made of: some 250 MB a second.
PAGES = {
    "texts": "zlib.decompress(zlib.compress((url * 2500).encode()))",
    "parsed pages": (
        "[part.title() for part in zlib.decompress(zlib.compress((url * 400).encode())).decode().split('/')]"
    ),
    "one text that grows": "(buffer.extend((url * 400).encode()), hashlib.sha512(buffer[-30_000:]).digest())[1]",
}
CRAWLER = """
    cache = {{}}
    buffer = bytearray(100)

    def fetch(url):
        page = {page}
        return page

    def crawl():
        for number in range(10_000_000):
            url = "https://example.org/" + str(number)
            cache[url] = fetch(url)

    pyheapdump.install(memory_limit="90%")
    crawl()
"""


def run(directory: Path, text: str, **options: Any) -> Ended:
    return Subject(directory, textwrap.dedent(HEAD) + textwrap.dedent(text), install=None).run(**options)


def memory_dumps(ended: Ended) -> List[Any]:
    return dumps_because_of(ended, "memory limit: ")


def check_limit(dump: Any, kind: str, where: str, size: int, threshold: int) -> None:
    """What the reason says is there for programs, too: in the facts, in the header."""
    limit = dump.facts["memory_limit"]
    assert {**limit, "used": 0} == {"kind": kind, "where": where, "bytes": size, "threshold": threshold, "used": 0}
    assert limit["used"] >= threshold
    header = [dump.headers[f"X-Python-Heapdump-Memory-{name}"] for name in ("Used", "Limit", "Where")]
    assert header == [str(limit["used"]), str(size), where]
    told = re.fullmatch(r"memory limit: ([\d.]+) MiB used of ([\d.]+) MiB \((.*)\)", dump.reason)
    assert told and told[3] == where
    assert [float(told[1]), float(told[2])] == pytest.approx([limit["used"] / MIB, size / MIB], abs=0.11)


def size_of(found: Any) -> int:
    """Its length; a long text is not loaded, and knows its size."""
    return getattr(found, "size", None) or len(found)


def largest(dump: Any, type_name: str) -> Any:
    return max(dump.find(type_name), key=size_of)
