# SPDX-License-Identifier: Apache-2.0
"""Processes whose interpreter is stripped, gone from the disk, or mapped several times."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support.target import SECONDS, Target, clean_environment, stacks_of

WAITING = """
    import sys, time
    def wait(order):
        print("ready", flush=True)
        time.sleep(1000)
    wait("order-17")
"""


def library() -> Path:
    return Path(sysconfig.get_config_var("LIBDIR") or "/", sysconfig.get_config_var("INSTSONAME") or "none")


IS_SHARED = bool(sysconfig.get_config_var("Py_ENABLE_SHARED")) and library().is_file()


def copied_interpreter(directory: Path) -> Tuple[Path, Dict[str, Any]]:
    """A copy of the file that the interpreter's code is in, and how a Target runs it."""
    if IS_SHARED:
        made = directory / library().name
        shutil.copy(library(), made)
        return made, {"env": {**clean_environment(), "LD_PRELOAD": str(made)}}
    made = directory / "python"
    shutil.copy(os.path.realpath(sys.executable), made)
    environment = {**clean_environment(), "PYTHONHOME": sys.base_prefix}
    return made, {"executable": str(made), "env": environment}


def expect_its_stack(target: Target) -> None:
    text = stacks_of(target, "--locals", "--native")
    assert f"\n    > {target.line_of('time.sleep'):4}     time.sleep(1000)\n" in text
    assert "        order = 'order-17'\n" in text
    assert re.search(rf"id {target.pid}, in system call (clock_nanosleep|select|pselect6)\n", text)


def test_stripped(tmp_path: Path) -> None:
    strip = shutil.which("strip")
    assert strip, "there is no strip: install binutils"
    file, how = copied_interpreter(tmp_path)
    subprocess.run([strip, str(file)], check=True, timeout=SECONDS)
    with Target(tmp_path, WAITING, **how) as target:
        assert str(file) in Path(f"/proc/{target.pid}/maps").read_text()
        expect_its_stack(target)


def test_deleted(tmp_path: Path) -> None:
    file, how = copied_interpreter(tmp_path)
    with Target(tmp_path, WAITING, **how) as target:
        file.unlink()
        assert f"{file} (deleted)" in Path(f"/proc/{target.pid}/maps").read_text()
        expect_its_stack(target)


@pytest.mark.skipif(not IS_SHARED, reason="this interpreter's code is in the executable, which cannot be loaded again")
@pytest.mark.parametrize("order", ["before", "behind"])
def test_several_copies(order: str, tmp_path: Path) -> None:
    """Only one of them runs; the other's _PyRuntime is as the file has it."""
    copies = [tmp_path / f"copy-{number}.so" for number in range(3)]
    for copy in copies:
        shutil.copy(library(), copy)
    text = WAITING.replace(
        "import sys, time", f"import ctypes, sys, time\n    kept = [ctypes.CDLL(p) for p in {list(map(str, copies))}]"
    )
    # Mappings are made from high addresses to low ones, and the other way round with the old layout.
    before = ["setarch", "-L"] if order == "behind" else []
    with Target(tmp_path, text, before=before) as target:
        expect_its_stack(target)
