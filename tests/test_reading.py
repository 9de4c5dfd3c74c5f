# SPDX-License-Identifier: Apache-2.0
"""What `attach` and `core` print with --stacks: sources only as a dump has them, and whatever stdout is like."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator

import pytest
from support.core_file import HAS_GCORE, gcore, read_core
from support.dumped_program import failing_program
from support.target import SECONDS, Target, attach, clean_environment, stacks_of

# A function whose code names the file that is given.
NAMING = """
    import sys, time
    print("ready", flush=True)
    exec(compile("def load():\\n    time.sleep(1000)\\nload()", sys.argv[1], "exec"))
"""
SECRET = "line_of_another = 1\n"


def naming(directory: Path, named: Path) -> Target:
    return Target(directory, NAMING, arguments=[str(named)])


def settled(target: Target) -> None:
    time.sleep(0.2)  # until it is in the call after its line
    assert target.process.poll() is None


# --- sources ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["device", "fifo"])
def test_files_without_an_end(tmp_path: Path, kind: str) -> None:
    named = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "fifo":
        os.mkfifo(named)
    with naming(tmp_path, named) as target:
        settled(target)
        text = stacks_of(target)
        assert f"  {named}:2 in load\n" in text
        if HAS_GCORE:
            done = read_core(gcore(target.pid, tmp_path / "core"), "--stacks")
            assert (done.returncode, f"  {named}:2 in load\n" in done.stdout) == (0, True), done.stderr


@pytest.fixture
def private_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pyheapdump-rights-") as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "private.py"
        path.write_text(SECRET * 9)
        path.chmod(0o600)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to files that others lack")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_files_that_the_process_may_not_read(tmp_path: Path, private_file: Path, options: list[str]) -> None:
    text = f"import os\nos.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3){NAMING}"
    with Target(tmp_path, text.replace("\n    ", "\n"), arguments=[str(private_file)]) as target:
        settled(target)
        found = stacks_of(target, *options)
        assert str(private_file) in found and "line_of_another" not in found
        if HAS_GCORE:
            done = read_core(gcore(target.pid, tmp_path / "core"), "--stacks", *options)
            assert str(private_file) in done.stdout and "line_of_another" not in done.stdout


def test_a_source_that_is_not_known(tmp_path: Path) -> None:
    """Neither a number without a line, nor one in a file that is shorter."""
    short = tmp_path / "short.py"
    short.write_text("one line\n")
    for named in (tmp_path / "gone.py", short):
        with naming(tmp_path, named) as target:
            settled(target)
            assert stacks_of(target).endswith(f"  {named}:2 in load\n")


def test_a_source_that_was_changed(tmp_path: Path) -> None:
    with Target(tmp_path, NAMING, arguments=["x.py"]) as target:
        settled(target)
        os.utime(target.path, (2**31, 2**31))
        text, found = stacks_of(target), json.loads(stacks_of(target, "--json"))
    note = f"{target.path} was changed after the program had started: lines may be off"
    assert f"note: {note}\n" in text and found["problems"] == [note]


TASKS = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[1])
    from waiting import wait

    async def main():
        tasks = [asyncio.create_task(wait(n)) for n in range(3)]
        await asyncio.sleep(0)
        print("ready", flush=True)
        await asyncio.gather(*tasks)

    asyncio.run(main())
"""


def test_sources_of_tasks(tmp_path: Path) -> None:
    """No thread has a frame of this file, which a dump and the stacks show all the same."""
    source = tmp_path / "waiting.py"
    source.write_text("import asyncio\nasync def wait(n):\n    await asyncio.sleep(1000)  # task\n")
    with Target(tmp_path, TASKS, arguments=[str(tmp_path)]) as target:
        settled(target)
        assert f"  {source}:3 in wait\n    >    3     await asyncio.sleep(1000)  # task\n" in stacks_of(target)
        assert attach(target.pid, "-o", tmp_path / "x.dump").returncode == 0
    source.unlink()
    done = run("pyheapdump.view", str(tmp_path / "x.dump"), "--threads")
    assert "await asyncio.sleep(1000)  # task" in done.stdout


HANDLING = """
    import sys, time
    sys.path.insert(0, sys.argv[1])
    from failing import fail
    try:
        fail()
    except ValueError:
        print("ready", flush=True)
        time.sleep(1000)
"""


def test_sources_of_an_exception_that_is_being_handled(tmp_path: Path) -> None:
    source = tmp_path / "failing.py"
    source.write_text("def fail():\n    raise ValueError  # here\n")
    with Target(tmp_path, HANDLING, arguments=[str(tmp_path)]) as target:
        settled(target)
        assert attach(target.pid, "-o", tmp_path / "x.dump").returncode == 0
    source.unlink()
    done = run("pyheapdump.view", str(tmp_path / "x.dump"), "--json")
    assert "raise ValueError  # here" in done.stdout


# --- standard output ----------------------------------------------------------------------------------------------

SECRETS = """
    import time
    def wait(password, \u00e9t\u00e9):
        print("ready", flush=True)
        time.sleep(1000)
    wait("hunter" * 9, "caf\u00e9")
"""


def run(module: str, *arguments: str, shell: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    """The command, with what a shell adds to it."""
    command = [sys.executable, "-m", module, *arguments]
    options.setdefault("env", clean_environment())
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with Target(tmp_path, SECRETS) as found:
        settled(found)
        yield found


ASCII = {"PYTHONIOENCODING": "ascii"}
POSIX = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("variables", [ASCII, POSIX], ids=["ascii", "posix"])
def test_an_encoding_that_lacks_characters(target: Target, tmp_path: Path, variables: dict[str, str]) -> None:
    environment = {**clean_environment(), **variables}
    found = [run("pyheapdump", "attach", str(target.pid), "--stacks", "--locals", env=environment)]
    if HAS_GCORE:
        core = gcore(target.pid, tmp_path / "core")
        found.append(run("pyheapdump", "core", str(core), "--stacks", "--locals", env=environment))
    for done in found:
        assert (done.returncode, done.stderr) == (0, "")
        assert "\\xe9t\\xe9 = 'caf\\xe9'" in done.stdout


def test_redaction_is_told_where_values_are_shown(target: Target) -> None:
    assert "redacted" not in stacks_of(target)
    assert "note: left out: 1 texts: redacted: " in stacks_of(target, "--locals")


@pytest.mark.parametrize("where, why", [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
def test_output_that_cannot_be_written(target: Target, tmp_path: Path, where: str, why: str) -> None:
    pid, dump = str(target.pid), str(failing_program().write(tmp_path / "view.dump"))
    for name, command in (
        ("attach: ", ["pyheapdump", "attach", pid, "--stacks"]),
        ("attach: ", ["pyheapdump", "attach", pid, "-o", str(tmp_path / "a.dump")]),
        ("", ["pyheapdump.view", dump, "--threads"]),
        ("", ["pyheapdump.view", dump]),
        ("", ["pyheapdump.view", dump, "--pdb"]),
    ):
        done = run(*command, shell=where)
        assert (done.returncode, done.stderr) == (1, f"pyheapdump: {name}standard output: {why}\n"), command


def test_a_reader_that_has_enough(target: Target) -> None:
    done = run("pyheapdump", "attach", str(target.pid), "--stacks", shell="| true")
    assert done.stderr == ""


# --- names and places ---------------------------------------------------------------------------------------------


def test_file_names_that_are_no_text(target: Target, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/o\xf0.dump"
    done = attach(target.pid, "-o", os.fsdecode(path))
    assert (done.returncode, done.stderr) == (0, "") and os.path.getsize(path) > 1000
    assert "o\\udcf0.dump" in done.stdout
    if HAS_GCORE:
        path = os.fsencode(tmp_path) + b"/c\xf0.dump"
        done = read_core(gcore(target.pid, tmp_path / "core"), "-o", os.fsdecode(path))
        assert (done.returncode, done.stderr) == (0, "") and os.path.getsize(path) > 1000


def test_a_directory_that_is_gone(target: Target, tmp_path: Path) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    command = [sys.executable, "-m", "pyheapdump", "attach", str(target.pid)]
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, str(place), *command], capture_output=True, text=True, timeout=SECONDS, check=False,
        env=clean_environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr.startswith("pyheapdump: attach: the current directory is gone: ") and done.stderr.count("\n") == 1
    )


# --- Ctrl-C -------------------------------------------------------------------------------------------------------

# Says when modules of ours are imported; the interrupt comes in the middle of that.
SLOW = """
import os, sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == WHERE:
            os.kill(os.getpid(), 2)
            time.sleep(5)
sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize(
    "where, command",
    [
        ("pyheapdump.commands.core", ["pyheapdump", "attach", "1"]),
        ("pyheapdump.commands.core", ["pyheapdump", "core", "x"]),
        ("argparse", ["pyheapdump", "attach", "1"]),
        ("pyheapdump.view.dump", ["pyheapdump.view", "x"]),
    ],
)
def test_an_interrupt_at_the_beginning(tmp_path: Path, where: str, command: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW.replace("WHERE", repr(where)))
    environment = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    done = run(*command, env=environment, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
