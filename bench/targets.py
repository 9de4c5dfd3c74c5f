# SPDX-License-Identifier: Apache-2.0
"""What the measurements of one interpreter mean, and what they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure

MEMORY_BASE = 32 << 20
MEMORY_PER_OBJECT = 24
# pystack on the same stacks, on a machine like that of docs/benchmarks.md: where no other tool was measured.
USUAL_TOOL = {"seconds": 0.38, "stopped": 0.24}

Values = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One row of the table."""

    what: str
    most: float  # the median must not be above it
    unit: str  # what is shown behind the limit
    scale: float  # from the figure to that unit
    digits: int
    figure: Callable[[Values], Figure]

    def limit(self) -> str:
        return f"at most {self.most * self.scale:g}{self.unit}"

    def met(self, values: Values) -> bool:
        return self.figure(values).median <= self.most

    def text(self, values: Values) -> str:
        return self.figure(values).text(self.scale, self.digits)


def ratio(repeats: list[Values], above: str, below: str) -> Figure:
    """The ratio of two values of each repeat."""
    return Figure.of(repeat[above] / repeat[below] for repeat in repeats)


def difference(repeats: list[Values], more: str, less: str) -> Figure:
    return Figure.of(repeat[more] - repeat[less] for repeat in repeats)


def size_ratio(values: Values) -> Figure:
    dump = values["dump"]
    return Figure.of(repeat["disk_bytes"] / dump["pickle_bytes"] for repeat in dump["repeats"])


def pause_per_gib(values: Values, name: str) -> Figure:
    pause = values["pause"]
    return Figure.of(repeat[name] / pause["resident_gib"] for repeat in pause["repeats"])


def memory_share(values: Values, references: str) -> Figure:
    """The child's own memory as a part of what it may take."""
    memory = values[f"memory_{references}"]
    return Figure.of([memory["peak"] / (MEMORY_BASE + MEMORY_PER_OBJECT * memory["objects"])])


def opening(values: Values, size: str, name: str) -> Figure:
    return Figure.of(repeat[name] for repeat in values[f"open_{size}"]["repeats"])


def against_fastest(values: Values, name: str) -> Figure:
    """Stacks with locals: a value of ours, as a part of that of the tool which has the least of it."""
    stacks = values["attach"]["stacks"]
    others = [
        Figure.of(repeat[name] for repeat in repeats).median
        for tool, repeats in stacks["others"].items()
        if repeats and "--locals" in tool
    ]
    fastest = min(others, default=USUAL_TOOL[name])
    return Figure.of(repeat[name] / fastest for repeat in stacks["ours"]["locals"])


def attached_per_object(values: Values) -> Figure:
    """The time for each object read from outside, as a multiple of that in a dump of the process by itself."""
    own = Figure.of(repeat["disk_walk"] / repeat["disk_known"] for repeat in values["dump"]["repeats"]).median
    return Figure.of(repeat["walk"] / own for repeat in values["attach"]["all"])


TARGETS = (
    Target("dump() / pickle.dumps", 0.5, "", 1, 2, lambda v: ratio(v["dump"]["repeats"], "dump", "pickle")),
    Target("exception to exit by the hook / pickle.dumps", 0.5, "", 1, 2, lambda v: ratio(v["hook"], "hook", "pickle")),
    Target("dump() / gc.collect()", 2.0, "", 1, 2, lambda v: ratio(v["dump"]["repeats"], "dump", "gc")),
    Target("size of the dump / size of the pickle", 0.5, "", 1, 2, size_ratio),
    Target(
        "stop of another thread by dump(wait=True), per GiB resident",
        0.040, " ms", 1e3, 1, lambda v: pause_per_gib(v, "waiting"),
    ),
    Target(
        "stop of another thread by dump(wait=False), per GiB resident",
        0.040, " ms", 1e3, 1, lambda v: pause_per_gib(v, "going_on"),
    ),
    Target(
        "the child's own memory / (32 MiB + 24 bytes per object), one reference to each object",
        1.0, "", 1, 2, lambda v: memory_share(v, "once"),
    ),
    Target(
        "the child's own memory likewise, two references to each container",
        1.0, "", 1, 2, lambda v: memory_share(v, "twice"),
    ),
    Target("open to the first local's first value", 0.5, " s", 1, 3, lambda v: opening(v, "large", "seconds")),
    Target("open likewise, a tenth of the records", 0.5, " s", 1, 3, lambda v: opening(v, "small", "seconds")),
    Target("memory of the process that opens", 100e6, " MB", 1e-6, 1, lambda v: opening(v, "large", "peak")),
    Target(
        "memory of the process that opens, a tenth of the records",
        100e6, " MB", 1e-6, 1, lambda v: opening(v, "small", "peak"),
    ),
    Target(
        "pyheapdump.pth at each start of an interpreter, PYHEAPDUMP not set",
        0.0003, " ms", 1e3, 3, lambda v: Figure.of(v["install"]["start_file"]),
    ),
    Target(
        "import and install(), in a fresh interpreter",
        0.020, " ms", 1e3, 1, lambda v: difference(v["install"]["starts"], "installed", "bare"),
    ),
    Target(
        "work with install() / without",
        1.02, "", 1, 3, lambda v: ratio(v["install"]["rounds"], "installed", "bare"),
    ),
    Target("resident memory of install()", 8 << 20, " MiB", 2**-20, 1, lambda v: Figure.of([v["crash"]["resident"]])),
    Target(
        "SIGSEGV to the end of the process, 300,000 objects",
        0.5, " s", 1, 3, lambda v: Figure.of(repeat["signal"] for repeat in v["crash"]["repeats"]),
    ),
    Target(
        "the same / the dump of the same program's exception",
        1.5, "", 1, 2, lambda v: ratio(v["crash"]["repeats"], "signal", "exception"),
    ),
    Target(
        "time for each object after SIGSEGV / after an exception",
        round(1 / 0.9, 2), "", 1, 2,
        lambda v: ratio(v["crash"]["repeats"], "signal_per_object", "exception_per_object"),
    ),
    Target(
        "attach --stacks --locals, 8 threads of 200 frames with 10 locals / the fastest other tool",
        1.0, "", 1, 2, lambda v: against_fastest(v, "seconds"),
    ),
    Target(
        "the process is stopped / by the other tool that stops it the least",
        1.0, "", 1, 2, lambda v: against_fastest(v, "stopped"),
    ),
    Target(
        "attach: the process is stopped / by gcore",
        0.5, "", 1, 2, lambda v: ratio(v["attach"]["all"], "stopped", "gcore"),
    ),
    Target("attach: time for each object / in a dump by the process itself", 2.0, "", 1, 2, attached_per_object),
)  # fmt: skip
