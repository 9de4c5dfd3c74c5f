# SPDX-License-Identifier: Apache-2.0
"""The file that has the interpreter's code: its shared library, or the executable."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, Tuple

from .target import clean_environment


def library() -> Path:
    return Path(sysconfig.get_config_var("LIBDIR") or "/", sysconfig.get_config_var("INSTSONAME") or "none")


# What the build says is not enough: Debian has the library, and an executable that does without it.
IS_SHARED = library().is_file() and f"/{library().name}\n" in Path("/proc/self/maps").read_text()


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
