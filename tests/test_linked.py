# SPDX-License-Identifier: Apache-2.0
"""Programs that Python's archive is linked into, stripped, which export no symbols: running ones and their cores.

There is nothing that tells where _PyRuntime is, or of what version it is; extension modules cannot be loaded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

import pyheapdump
import pytest
from support.compared import check_same
from support.core_file import HAS_GCORE, gcore, kernel_core, raise_core_limit, read_core, skip_without_kernel_cores
from support.embedding import archive, embed, skip_without_static_libc
from support.target import Target, attach

WAITING = """
    import sys, time
    def wait(order, kept):
        print(id(kept), flush=True)
        time.sleep(1000)
    wait("order-17", [[n, str(n) * 3] for n in range(2000)])
"""

# How the linker is called: with the libc as a shared library, and without any, the program at its own or at any place.
KINDS = {
    "no exports": ["-no-pie"],
    "static": ["-static", "-no-pie"],
    "static-pie": ["-static-pie", "-fPIE"],
}


class Linked(NamedTuple):
    """What was made of a process that has ended."""

    pid: int
    kept: int  # address of an object
    line: int  # where it slept
    stacks: "subprocess.CompletedProcess[str]"
    dump: Path
    gcore: Optional[Path]
    kernel: Path


@pytest.fixture(scope="module", params=KINDS)
def linked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    skip_without_kernel_cores()
    if request.param != "no exports":
        skip_without_static_libc()
    place = tmp_path_factory.mktemp("linked")
    flags = KINDS[request.param]
    how = embed(place, *flags, "-s", *archive(independent="-fPIE" in flags))
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", how["executable"]], capture_output=True, text=True, check=False
    )
    assert "_PyRuntime" not in symbols.stdout
    more = ["two"] if request.param == "static" else []
    with Target(place, WAITING, head="", arguments=more, cwd=place, preexec_fn=raise_core_limit, **how) as target:
        stacks = attach(target.pid, "--stacks", "--locals")
        dumped = attach(target.pid, "-o", place / "attached.dump")
        assert dumped.returncode == 0, dumped.stderr
        by_gcore = gcore(target.pid, place / "gcore") if HAS_GCORE else None
        line = target.line_of("time.sleep")
        kernel = kernel_core(target, place)
        yield Linked(target.pid, int(target.said), line, stacks, place / "attached.dump", by_gcore, kernel)
    shutil.rmtree(place)


def expect_stack(linked: Linked, done: "subprocess.CompletedProcess[str]") -> None:
    assert (done.returncode, done.stderr) == (0, "")
    version = ".".join(map(str, sys.version_info[:3]))
    assert done.stdout.startswith(f"process {linked.pid}: CPython {version}, ")
    assert f":{linked.line} in wait\n" in done.stdout
    assert "        order = 'order-17'\n" in done.stdout


def test_attached(linked: Linked) -> None:
    expect_stack(linked, linked.stacks)
    assert (
        f"\n    > {linked.line:4}     time.sleep(1000)\n" in linked.stacks.stdout
    )  # not of a core: it is no public file
    assert re.search(rf"id {linked.pid}, in system call (clock_nanosleep|select|pselect6)\n", linked.stacks.stdout)
    with pyheapdump.load(linked.dump) as dump:
        assert dump.facts["python"] == list(sys.version_info[:3])
        assert [problem for problem in dump.missing if "redacted" not in problem] == []


@pytest.mark.parametrize("kind", ["gcore", "kernel"])
def test_core(linked: Linked, kind: str, tmp_path: Path) -> None:
    """It has the objects that attach has read."""
    core: Optional[Path] = getattr(linked, kind)
    if core is None:
        pytest.skip("there is no gcore on this system: install gdb")
    expect_stack(linked, read_core(core, "--stacks", "--locals"))
    path = tmp_path / "of_core.dump"
    done = read_core(core, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    check_same(linked.dump, path, linked.kept)
    with pyheapdump.load(path) as dump:
        assert dump.problems == [] and dump.facts["python"] == list(sys.version_info[:3])


def test_core_without_the_program(linked: Linked, tmp_path: Path) -> None:
    """Its constants are not there, without which the rest says little."""
    program = linked.kernel.with_name("shop")
    moved = program.rename(tmp_path / "moved")
    try:
        done = read_core(linked.kernel, "--stacks")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            f"pyheapdump: core: {linked.kernel}: no Python runs in it, as far as it can be read: "
            f"files that were mapped cannot be opened here: {program}; --exe names"
        )
        expect_stack(linked, read_core(linked.kernel, "--exe", moved, "--stacks", "--locals"))
    finally:
        moved.rename(program)
