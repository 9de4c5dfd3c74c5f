# SPDX-License-Identifier: Apache-2.0
"""Reading a process from outside: its stacks, and all of it.

usage: python -m bench.measure_attach RECORDS REPEATS DIRECTORY [TOOLS]
       python -m bench.measure_attach stacks | RECORDS      (the process that is read)

The stacks are those of 8 threads of 200 frames with 10 locals; all of it is the heap of the other measurements. How
long a process is stopped is seen from beside, the same way for every tool. TOOLS: a folder with py-spy and pystack, as
far as they could be installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.heap import make_records
from bench.timing import hand_over

THREADS, FRAMES = 8, 200
# gcore on this heap and a machine like that of docs/benchmarks.md, where there is no gcore: seconds stopped.
USUAL_GCORE = 0.26
SAMPLE = 0.0005  # seconds between looks at the process
PROGRAM = [sys.executable, "-m", "bench.measure_attach"]
ATTACH = [sys.executable, "-m", "pyheapdump", "attach"]
OTHERS = (
    ("pystack", "remote", "--locals"),
    ("pystack", "remote"),
    ("py-spy", "dump", "--locals", "--pid"),
    ("py-spy", "dump", "--pid"),
)


class ToolError(Exception):
    """A tool has failed."""


# --- what is read


def down(depth: int, never: threading.Lock) -> object:
    number, ratio, text, items, table = depth, 2.5, "x" * 30, [depth, 2, 3], {"depth": depth}
    pair, members, content = (depth, 2), {depth, 2}, b"bytes"
    if depth:
        return down(depth - 1, never)
    never.acquire()
    return number, ratio, text, items, table, pair, members, content


def be_read(what: str) -> None:
    never = threading.Lock()
    never.acquire()
    if what == "stacks":
        for _ in range(THREADS - 1):
            threading.Thread(target=down, args=(FRAMES - 4, never), daemon=True).start()
        time.sleep(0.2)
        print("ready", flush=True)
        down(FRAMES - 2, never)
    records = make_records(int(what))
    print("ready", flush=True)
    never.acquire()
    del records


# --- reading it


def is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat", "rb") as stream:
        return stream.read().rpartition(b")")[2].split()[0] in b"tT"


def run(command: list[str], pid: int) -> dict[str, Any]:
    """What a tool takes: whole time, and how long the process is stopped; what it printed."""
    stopped = 0.0
    started = before = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
        reader = threading.Thread(target=lambda: out.append(tool.stdout.read() if tool.stdout else b""))
        out: list[bytes] = []
        reader.start()
        while tool.poll() is None:
            time.sleep(SAMPLE)
            seen, now = is_stopped(pid), time.monotonic()
            stopped += now - before if seen else 0
            before = now
        taken = time.monotonic() - started
        reader.join()
        if tool.returncode:
            raise ToolError(f"{' '.join(command)}: exit status {tool.returncode}")
    return {"seconds": taken, "stopped": stopped, "output": out[0].decode()}


def repeated(command: list[str], pid: int, repeats: int) -> list[dict[str, float]]:
    found = [run(command, pid) for _ in range(repeats + 1)][1:]  # the first one reads its files from the disk
    return [{key: one[key] for key in ("seconds", "stopped")} for one in found]


def measure_stacks(repeats: int, tools: str | None) -> dict[str, Any]:
    """The repeats of ours by what is printed, and of the other tools by name; of one that fails there are none."""
    with target("stacks") as process:
        pid, others = str(process.pid), {}
        try:
            ours = {
                "locals": repeated([*ATTACH, pid, "--stacks", "--locals"], process.pid, repeats),
                "plain": repeated([*ATTACH, pid, "--stacks"], process.pid, repeats),
            }
            for name, *words in OTHERS if tools else ():
                command = [f"{tools}/{name}", *words, pid]
                others[" ".join([name, *words]).removesuffix(" --pid")] = of_other(command, process.pid, repeats)
        finally:
            process.kill()
    return {"ours": ours, "others": others}


def of_other(command: list[str], pid: int, repeats: int) -> list[dict[str, float]]:
    try:
        return repeated(command, pid, repeats)
    except (ToolError, OSError):  # it does not know this Python, or could not be installed for it
        return []


def measure_all(records: int, repeats: int, directory: str) -> list[dict[str, float]]:
    gcore = shutil.which("gcore")
    found = []
    with target(str(records)) as process:
        for _ in range(repeats):
            dump, core = Path(directory, "attached.dump"), Path(directory, f"core.{process.pid}")
            read = run([*ATTACH, str(process.pid), "-o", str(dump), "--json"], process.pid)
            said = json.loads(read["output"])
            dump.unlink()
            by_gcore = USUAL_GCORE
            if gcore is not None:
                command = [gcore, "-o", str(core.with_suffix("")), str(process.pid)]
                by_gcore = run(command, process.pid)["stopped"]
                core.unlink()
            walked = {"walk": said["seconds"] / said["objects"], "stopped": said["stopped"], "gcore": by_gcore}
            found.append({"seconds": read["seconds"], **walked})
        process.kill()
    return found


def target(what: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([*PROGRAM, what], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def main(records: int, repeats: int, directory: str, tools: str | None) -> None:
    found = {"stacks": measure_stacks(repeats, tools), "all": measure_all(records, repeats, directory)}
    hand_over({**found, "gcore": shutil.which("gcore") is not None})


if __name__ == "__main__":
    if len(sys.argv) == 2:
        be_read(sys.argv[1])
    else:
        tools = sys.argv[4] if len(sys.argv) > 4 and os.path.isdir(sys.argv[4]) else None
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], tools)
