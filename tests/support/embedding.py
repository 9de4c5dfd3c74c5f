# SPDX-License-Identifier: Apache-2.0
"""Programs of somebody else that Python is linked into, by its library or by its archive; how a Target runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List

import pytest

from .target import SECONDS, clean_environment

# With "two" as second argument there is a further interpreter, without a frame. `decoy` looks like the begin of a list of
# interpreters.
EMBEDDING = r"""
#include <Python.h>
#include <string.h>
#include <sys/prctl.h>

void *decoy[4];

int main(int count, char **arguments)
{
    FILE *program = count > 1 ? fopen(arguments[1], "r") : NULL;
    prctl(PR_SET_PTRACER, -1L, 0L, 0L, 0L);
    Py_Initialize();
    decoy[0] = decoy[1] = PyInterpreterState_Get();
    if (count > 2 && strcmp(arguments[2], "two") == 0) {
        PyThreadState *own = PyThreadState_Get();
        Py_NewInterpreter();
        PyThreadState_Swap(own);
    }
    return program ? PyRun_SimpleFile(program, arguments[1]) : 1;
}
"""


def compiler() -> str:
    found = shutil.which("cc")
    assert found, "no C compiler: install gcc"
    return found


def embed(directory: Path, *libraries: str, text: str = EMBEDDING) -> Dict[str, Any]:
    """Build a program that embeds Python; how a Target runs it."""
    source, made = directory / "shop.c", directory / "shop"
    source.write_text(text)
    folders = [f"-I{sysconfig.get_path(name)}" for name in ("include", "platinclude")]
    command = [compiler(), str(source), "-o", str(made), *folders, *libraries]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return {"executable": str(made), "env": {**clean_environment(), "PYTHONHOME": sys.base_prefix}}


def shared_library() -> List[str]:
    """What links this interpreter's library to a program."""
    folder = sysconfig.get_config_var("LIBDIR")
    return [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{sys.version_info[0]}.{sys.version_info[1]}"]


def archive(independent: bool = False) -> List[str]:
    """What links this interpreter's archive to a program; `independent`: to one that may stand anywhere. Skips the test
    when there is no archive.
    """
    made = Path(sysconfig.get_config_var("LIBPL") or "/", sysconfig.get_config_var("LIBRARY") or "none")
    pic = made.with_name(f"{made.stem}-pic.a")  # Debian has two
    if not made.is_file():
        pytest.skip(f"this interpreter came without {made.name}")
    words = " ".join(str(sysconfig.get_config_var(name)) for name in ("LIBS", "SYSLIBS", "MODLIBS")).split()
    libraries = sorted({word for word in words if word.startswith("-l")})
    # Debian's archive lacks what the modules for hashes call.
    ignore = "-Wl,--unresolved-symbols=ignore-all"
    return [ignore, str(pic if independent and pic.is_file() else made), *libraries]


def skip_without_static_libc() -> None:
    command = [compiler(), "-print-file-name=libc.a"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout.strip()
    if not os.path.isfile(found):
        pytest.skip("there is no libc.a on this system: install libc6-dev")
