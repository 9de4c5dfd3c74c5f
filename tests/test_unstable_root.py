# SPDX-License-Identifier: Apache-2.0
"""tools/unstable_root.sh gives a root that is there already what it lacks, and leaves alone one that lacks nothing.

The root is made up: dpkg's list of packages, and in the place of tools/enter something that notes the commands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "unstable_root.sh"

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, or sudo would ask"),
    pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="there is no dpkg-query on this system"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    for folder in ("usr/bin", "etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
        (made / folder).mkdir(parents=True)
    (made / "usr/bin/apt-get").touch()
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(SCRIPT, tools)
    (tools / "enter").write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/commands"\n')
    (tools / "enter").chmod(0o755)
    return made


def common_packages() -> List[str]:
    found = re.search(r'^common_packages="(.*)"$', SCRIPT.read_text(), re.M)
    assert found
    return found[1].split()


def set_packages(root: Path, packages: List[str]) -> None:
    entries = [
        f"Package: {name}\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\n"
        for name in packages
    ]
    (root / "var/lib/dpkg/status").write_text("\n".join(entries))


def commands(root: Path, *versions: str) -> str:
    """What the script does in the root."""
    log = root.parent / "commands"
    log.write_text("")
    subprocess.run([str(root.parent / "tools" / SCRIPT.name), str(root), *versions], check=True, timeout=60)
    return log.read_text()


def test_nothing_is_done_twice(root: Path) -> None:
    set_packages(root, common_packages())
    assert "python3.14-dev" in commands(root, "3.14")
    assert commands(root, "3.14") == ""
    assert "python3.15-dev" in commands(root, "3.14", "3.15")


def test_a_package_that_an_older_script_did_not_install(root: Path) -> None:
    assert "gdb" in common_packages()
    set_packages(root, [name for name in common_packages() if name != "gdb"])
    for _ in range(2):  # it is still missing: what was asked for is not what is there
        assert re.search(r"apt-get install .* gdb ", commands(root, "3.14"))
