# SPDX-License-Identifier: Apache-2.0
"""The page docs/benchmarks.md: the table of targets, where the time goes, the other dumpers."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure
from bench.heap import OBJECTS_PER_RECORD
from bench.peers import ADDRESS_SPACE, SECONDS, Peer
from bench.targets import TARGETS, USUAL_TOOL, Values, ratio
from bench.timing import GIB

BUSY = 0.5  # load average above which the page says that the machine had other work


@dataclass
class Results:
    """Everything that was measured."""

    records: int
    interpreters: dict[str, Values] = field(default_factory=dict)  # by version
    peers: list[Peer] = field(default_factory=list)
    load: float = field(default_factory=lambda: os.getloadavg()[0])  # before the first measurement


def page(results: Results) -> str:
    sections = [heading(results), target_table(results), time_section(results), limit_section(results)]
    sections.append(stacks_section(results))
    if results.peers:
        sections.append(peer_section(results))
    return "\n\n".join(sections) + "\n"


# --- what was measured on what


def heading(results: Results) -> str:
    busy = f" The machine had other work meanwhile (load {results.load:.1f})." if results.load > BUSY else ""
    return f"""# Benchmarks

What a dump costs. Written by `make bench`; do not edit.

{time.strftime("%Y-%m-%d")}, Linux {kernel()}, {processor()} ({os.cpu_count()} cores, {memory_gib():.0f} GiB),
CPython {" and ".join(results.interpreters)}.{busy}

The heap: {results.records:,} records `{{'id': int, 'name': str, 'score': float, 'tags': [3 str of a pool],
'active': bool}}` in a local of the failing frame, {OBJECTS_PER_RECORD * results.records:,} objects of their own,
{resident(results):.2f} GiB resident. Each figure is the median of the repeats of one run, with the smallest and the
largest in brackets; ratios are taken within one repeat."""


def kernel() -> str:
    """The release without what the distribution appends."""
    found = re.match(r"[\d.]+\d", platform.release())
    return found.group() if found else platform.release()


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB)


def resident(results: Results) -> float:
    return max(float(values["dump"]["resident"]) for values in results.interpreters.values()) / GIB


# --- the tables


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def columns(results: Results) -> list[str]:
    return [f"CPython {version}" for version in results.interpreters]


def target_table(results: Results) -> str:
    everything = results.interpreters.values()
    rows = [
        [target.what, target.limit(), *(verdict(target.text(v), target.met(v)) for v in everything)]
        for target in TARGETS
    ]
    text = """## Targets

A dump is compressed and on disk: clone, walk, compression, fsync, rename, wait for the child. The pickle is
`pickle.dumps(records, protocol=5)`, uncompressed and in memory. By the hook: from the `raise` to the end of the
interpreter's own excepthook and ours."""
    return f"{text}\n\n{table(['what', 'target', *columns(results)], rows)}"


def verdict(text: str, met: bool) -> str:
    return f"{text}, {'met' if met else '**missed**'}"


def milliseconds(name: str) -> Callable[[Values], str]:
    return lambda values: of_dump(values, name).text(1e3, 0)


def of_dump(values: Values, name: str) -> Figure:
    return Figure.of(repeat[name] for repeat in values["dump"]["repeats"])


def compression(values: Values) -> Figure:
    return Figure.of(repeat["disk_walk"] - repeat["plain_walk"] for repeat in values["dump"]["repeats"])


def disk_and_memory(values: Values) -> Figure:
    return Figure.of(repeat["disk_total"] - repeat["memory_total"] for repeat in values["dump"]["repeats"])


TIMES: list[tuple[str, Callable[[Values], str]]] = [
    ("the whole dump, ms", milliseconds("disk_total")),
    ("clone: the program is stopped, ms", milliseconds("disk_clone")),
    ("walk, compression, writing, ms", milliseconds("disk_walk")),
    ("fsync, the child's end, ms", milliseconds("disk_rest")),
    ("the walk with zstd's least level, hardly more than a copy, ms", milliseconds("plain_walk")),
    ("so compression, ms", lambda values: compression(values).text(1e3, 0)),
    ("the whole dump to a file system in memory, ms", milliseconds("memory_total")),
    ("so the disk, ms", lambda values: disk_and_memory(values).text(1e3, 0)),
    ("objects written in records of their own, thousands", lambda values: of_dump(values, "disk_known").text(1e-3, 0)),
    ("pickle.dumps, ms", milliseconds("pickle")),
    ("marshal.dumps, ms", milliseconds("marshal")),
    ("gc.collect(), ms", milliseconds("gc")),
    ("`Dumping.paused_ns`, ms per GiB resident", lambda values: clone_per_gib(values).text(1e3, 1)),
    (
        "the other thread's largest gap without a dump, ms",
        lambda values: Figure.of(repeat["usual"] for repeat in values["pause"]["repeats"]).text(1e3, 1),
    ),
    (
        "the child's own memory, MiB: one reference to each, two to each",
        lambda values: ", ".join(f"{values[name]['peak'] / (1 << 20):.0f}" for name in ("memory_once", "memory_twice")),
    ),
]


def clone_per_gib(values: Values) -> Figure:
    pause = values["pause"]
    return Figure.of(repeat["clone"] / pause["resident_gib"] for repeat in pause["repeats"])


def time_section(results: Results) -> str:
    rows = [[what, *(show(values) for values in results.interpreters.values())] for what, show in TIMES]
    return f"## Where the time goes\n\n{table(['what', *columns(results)], rows)}"


# --- how far from what could be


def limit_section(results: Results) -> str:
    texts = [limit_text(version, values, results.records) for version, values in results.interpreters.items()]
    return "## How far from the limit\n\n" + "\n\n".join(texts)


def limit_text(version: str, values: Values, records: int) -> str:
    dump = values["dump"]
    repeats = dump["repeats"]
    objects = OBJECTS_PER_RECORD * records
    total, walk = of_dump(values, "disk_total").median, of_dump(values, "plain_walk").median
    copied = dump["resident"] / dump["copy_rate"]
    content = Figure.of(repeat["plain_bytes"] for repeat in repeats).median
    size = Figure.of(repeat["disk_bytes"] for repeat in repeats).median
    marshal = ratio(repeats, "marshal", "pickle").median
    against_marshal = ratio(repeats, "disk_total", "marshal").median
    share = compression(values).median / total
    return f"""**CPython {version}.** `marshal.dumps` visits the same objects and keeps neither addresses nor frames nor
types; uncompressed and in memory it takes {marshal:.2f} of the pickle's time. A dump takes {against_marshal:.1f} times
as long as marshal: {total / objects * 1e9:.0f} ns for each of the {objects / 1e6:.1f} million objects, of which
{walk / objects * 1e9:.0f} ns are reading, looking up and encoding, without compression ({content / 1e6:.0f} MB of
records, {content / walk / 1e6:.0f} MB/s). Compression to {size / 1e6:.0f} MB is {share:.0%} of the whole, the clone
{of_dump(values, "disk_clone").median / total:.0%}, fsync and the child's end
{of_dump(values, "disk_rest").median / total:.0%}; writing as many bytes to the disk with fsync takes
{of_dump(values, "disk_alone").median * 1e3:.0f} ms when nothing else is done. Copying the resident memory once, at the
{dump["copy_rate"] / GIB:.1f} GiB/s that one thread reaches here, would take {copied * 1e3:.0f} ms:
the walk is {walk / copied:.1f} times that, as it goes from object to object by pointers and not in order."""


# --- the others


def stacks_section(results: Results) -> str:
    """Tools by rows: how long they take, and how long of that the process is stopped."""
    found = [values["attach"]["stacks"] for values in results.interpreters.values()]
    rows = [
        [f"**{name}**", *(stacks_cell(one["ours"][key]) for one in found)]
        for name, key in (("attach --stacks --locals", "locals"), ("attach --stacks", "plain"))
    ]
    rows += [[name, *(stacks_cell(one["others"][name]) for one in found)] for name in found[0]["others"]]
    text = """## Stacks from outside

8 threads of 200 frames with 10 locals each, printed: seconds from start to end of the tool, and for how many of them
the process is stopped. gdb's py-bt is not measured: it takes a script and debug symbols of the very interpreter."""
    if not all(any(one["others"].values()) for one in found):
        seconds, stopped = USUAL_TOOL["seconds"], USUAL_TOOL["stopped"]
        text += f" Where none of the others ran, the targets above take pystack's usual {seconds} s and {stopped} s."
    return f"{text}\n\n{table(['', *columns(results)], rows)}"


def stacks_cell(repeats: list[dict[str, float]]) -> str:
    if not repeats:
        return "does not run"
    seconds, stopped = (Figure.of(one[name] for one in repeats).text(1, 3) for name in ("seconds", "stopped"))
    return f"{seconds}, stopped {stopped}"


def peer_section(results: Results) -> str:
    rows = [[f"{peer.name} {peer.release}".strip(), *peer_cells(peer)] for peer in results.peers]
    version = list(results.interpreters)[-1]
    values = results.interpreters[version]
    ours = [
        "**pyheapdump**",
        ratio(values["dump"]["repeats"], "dump", "pickle").text(),
        f"{Figure.of(r['disk_bytes'] for r in values['dump']['repeats']).median / values['dump']['pickle_bytes']:.2f}",
        f"{values['memory_once']['peak'] / values['dump']['resident']:.2f}",
    ]
    text = f"""## Other dumpers

The same failing frame on CPython {version}, each in a process of its own with at most {ADDRESS_SPACE / GIB:.0f} GiB of
address space and {SECONDS} s, asked for the whole of it; the file is then opened with the dumper's own loader and its
last record compared. Those that do not get so far are tried with a hundredth of the records. debuglater and pydumpling
keep the traceback's frames, coredumpy those of all threads; dill and cloudpickle were given the list alone. Memory:
what the process grew by, as a part of what it had."""
    head = ["", "time / pickle.dumps", "size / pickle", "memory taken / resident"]
    return f"{text}\n\n{table(head, [ours, *rows])}"


def peer_cells(peer: Peer) -> list[str]:
    if peer.values is not None:
        return peer_ratios(peer.values)
    problem = (peer.problem or "").replace("|", "/")
    if peer.fewer is None:
        return [problem, "", ""]
    time_taken, *others = peer_ratios(peer.fewer)
    return [f"{problem}; a hundredth of the records: {time_taken}", *(f"({other})" for other in others)]


def peer_ratios(values: Values) -> list[str]:
    """Time, size and memory."""
    return [
        f"{values['seconds'] / values['pickle']:.1f}",
        f"{values['bytes'] / values['pickle_bytes']:.2f}",
        f"{values['more_memory'] / values['resident']:.2f}",
    ]
