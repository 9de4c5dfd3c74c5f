# SPDX-License-Identifier: Apache-2.0
"""Pythons that cannot be read, running or in a core: one line that names the version, and what may help.

They are made up: a program that exports the symbols by which such a Python is known.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from support.core_file import kernel_core, raise_core_limit, read_core, skip_without_kernel_cores
from support.embedding import compiler
from support.target import SECONDS, Target, attach

PROGRAM = r"""
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

char _PyRuntime[1 << 16] = {1};
SYMBOLS

int main(void)
{
    prctl(PR_SET_PTRACER, -1L, 0L, 0L, 0L);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
"""

OLDER = "its Python is older than 3.9, the oldest that can be read: gdb's py-bt shows its stacks"
NEWER = "its Python 3.99 is none of those that can be read (3.9 to 3.15): a newer pyheapdump may read it"
FREE_THREADED = "its Python 3.14 is a free-threaded build, which cannot be read: run a build with the GIL"
ENDED = "its Python is not initialised, or has ended"
CASES = {
    "older": ("", OLDER),
    "newer": ("const unsigned long Py_Version = 0x036301f0;", NEWER),
    "free-threaded": (
        "const unsigned long Py_Version = 0x030e00f0; void _Py_MergeZeroLocalRefcount(void) {}",
        FREE_THREADED,
    ),
    "ended": ("const unsigned long Py_Version = 0x030d00f0;", ENDED),
}


@pytest.fixture(params=CASES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tuple[Target, str]]:
    symbols, told = CASES[request.param]
    source, program = tmp_path / "other.c", tmp_path / "other"
    source.write_text(PROGRAM.replace("SYMBOLS", symbols))
    subprocess.run([compiler(), "-rdynamic", str(source), "-o", str(program)], check=True, timeout=SECONDS)
    with Target(tmp_path, "", executable=str(program), cwd=tmp_path, preexec_fn=raise_core_limit) as started:
        yield started, told


@pytest.mark.parametrize("options", [[], ["--stacks"]], ids=["dump", "stacks"])
def test_attach(target: Tuple[Target, str], options: list[str], tmp_path: Path) -> None:
    process, told = target
    done = attach(process.pid, *options, directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pyheapdump: attach: process {process.pid} (other): {told}\n"
    assert not list(tmp_path.glob("*.dump*"))


@pytest.mark.parametrize("options", [[], ["--stacks"]], ids=["dump", "stacks"])
def test_core(target: Tuple[Target, str], options: list[str], tmp_path: Path) -> None:
    """Files that could not be checked, as there are with this filter, are not what is to blame."""
    skip_without_kernel_cores()
    process, told = target
    if told != ENDED:
        Path(f"/proc/{process.pid}/coredump_filter").write_text("0x1")
    core = kernel_core(process, tmp_path)
    done = read_core(core, *options, directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pyheapdump: core: {core}: {told}\n"
    assert not list(tmp_path.glob("*.dump*"))


def test_core_without_the_program(target: Tuple[Target, str], tmp_path: Path) -> None:
    """What is found without the file's constants is no answer; as in a core that was made outside of its container."""
    skip_without_kernel_cores()
    process, _ = target
    core = kernel_core(process, tmp_path)
    (tmp_path / "other").rename(tmp_path / "moved")
    done = read_core(core, directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"pyheapdump: core: {core}: it does not tell which Python runs in it, as far as it can be read: files that were "
        f"mapped cannot be opened here: {tmp_path}/other; --exe names the program's file where it has moved\n"
    )


# Each three words lead, by any layout, to where a list of interpreters could be.
DECOYS = r"""
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *decoys[3 << 20];

int main(void)
{
    for (long i = 0; i < 3 << 20; i++)
        decoys[i] = i % 3 == 2 ? (void *)5 : (void *)&decoys[i];
    prctl(PR_SET_PTRACER, -1L, 0L, 0L, 0L);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
"""


def test_data_that_look_like_interpreters(tmp_path: Path) -> None:
    """No Python is found in them, and the search has an end: without its limit this takes minutes."""
    source, program = tmp_path / "decoys.c", tmp_path / "decoys"
    source.write_text(DECOYS)
    subprocess.run([compiler(), "-O1", str(source), "-o", str(program)], check=True, timeout=SECONDS)
    with Target(tmp_path, "", executable=str(program), cwd=tmp_path) as process:
        done = attach(process.pid, "--stacks", seconds=20)
        assert done.returncode == 1
        assert done.stderr == f"pyheapdump: attach: process {process.pid} (decoys): no Python runs in it\n"
