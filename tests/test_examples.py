# SPDX-License-Identifier: Apache-2.0
"""The stories of examples/: every command of their READMEs is run.

What they print is what the README shows, on the CPython that it names; on others what the reader needs is in it.
"""

import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path
from typing import Dict, List

import pytest
from support.interpreter_file import copied_interpreter
from support.story import EXAMPLES, SECONDS, SETTLED, Story
from support.target import attach, wait_until

# What has to be in the output of some command, on every version: regular expressions.
FACTS: Dict[str, List[str]] = {
    "pool": [
        r"deadlock: worker-\d holds \w+\.lock of <Account owner='(alice|bob)' at \S+> and waits for \w+\.lock of <Account",
        r"thread worker-3, .*waits for target\.lock of <Account owner='alice' at .*>, held by worker-1",
        r"MainThread: waits for the end of worker-1",
        r"\('alice', 'bob', 50\)\n",
    ],
    "sleeper": [
        r"reason   dump_later after 1 s",
        r"where    /srv/sleeper/report\.py:30 in fetch_rate",
        r"  currency   = 'EUR'\n",
        r"in system call recvfrom\n",
        r"> +30 .*connection\.recv\(100\)",
    ],
    "crawler": [
        r"reason   memory limit: [\d.]+ MiB used of 512\.0 MiB \(RLIMIT_AS\)",
        r"\n  url  = 'http://127\.0\.0\.1:8080/calendar/20",
        r"\n  memory   --largest \(in the debugger: largest\) lists what takes it\n",
        r"    22\.0 MiB  str: '<!-- photo -->0123456789abcdef'\.\.\.\n +self\.pages\['http://127\.0\.0\.1:8080/archive'\] in ",
        r"in dict of [\d,]+ elements: \{'http://127\.0\.0\.1:8080/calendar/2026-01-01': .*\n +self\.pages in /srv/crawler",
        r"\n'<!-- photo -->0123456789abcdef'\n",
    ],
    "game": [
        r"post: It broke: \[pyheapdump\] KeyError: 'O'",
        r"where    treasure/island\.py:45 in walk",
        r"place=\(2, 2\) bag=\['a treasure'\]",
        r"'~\.O\.\.~'",
    ],
    "agent": [
        r"rules\.py:1[67] in last\n",
        r"        found = 9\n        after = 9\n",
        r"wrote /srv/agent/agent\.dump",
        r"\('; page the owner', -1\)",
    ],
}
# Where a spinning program is found differs from look to look; the README shows one of few possibilities.
LOOKS = {"agent": 40}


def of_readme(name: str) -> bool:
    """Is this the version whose output the README shows?"""
    (version,) = re.findall(r"CPython (3\.\d+);", (EXAMPLES / name / "README.md").read_text(encoding="utf-8"))
    return bool(version == f"{sys.version_info[0]}.{sys.version_info[1]}")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", FACTS)
def test_story(name: str, tmp_path: Path) -> None:
    with Story(name, tmp_path.resolve(), SETTLED.get(name)) as story:
        for step in story.steps:
            story.run(step)
            if of_readme(name):
                for _ in range(LOOKS.get(name, 1)):
                    if step.matches():
                        break
                    story.run(step)
                assert step.matches(), f"$ {step.command}\n{step.real}\nwhat the README has is:\n" + "\n".join(
                    step.shown
                )
        output = "".join(step.real for step in story.steps)
    for fact in FACTS[name]:
        assert re.search(fact, output), f"{fact} is not in:\n{output}"


def test_the_spinning_agent_on_a_stripped_interpreter(tmp_path: Path) -> None:
    """Nothing of symbols and debug information is left in the interpreter that runs the zipapp."""
    strip = shutil.which("strip")
    assert strip, "there is no strip: install binutils"
    file, how = copied_interpreter(tmp_path)
    subprocess.run([strip, str(file)], check=True, timeout=SECONDS)
    archive = tmp_path / "agent.pyz"
    zipapp.create_archive(EXAMPLES / "agent" / "agent", archive, filter=lambda path: path.suffix == ".py")
    command = [how.get("executable", sys.executable), str(archive)]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=how["env"])
    try:
        wait_until(lambda: SETTLED["agent"](agent.pid), SECONDS)
        assert str(file) in Path(f"/proc/{agent.pid}/maps").read_text()
        done = attach(agent.pid, "--stacks", "--locals")
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        agent.kill()
        agent.wait(SECONDS)
    assert re.search(rf"{archive}/rules\.py:1[67] in last\n", done.stdout), done.stdout
    assert "        found = 9\n        after = 9" in done.stdout


def test_the_index_names_every_story() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    index = (EXAMPLES / "README.md").read_text()
    assert folders == set(FACTS)
    assert folders <= set(re.findall(r"\| \[(\w+)\]\(\1\) \|", index))
