# SPDX-License-Identifier: Apache-2.0
"""Packs the game for a customer: treasure.pyz, one file with compiled code and without sources.

python pack.py
"""

from __future__ import annotations

import compileall
import sys
import tempfile
import zipapp
from pathlib import Path
from shutil import copytree

HERE = Path(__file__).resolve().parent


def is_compiled(path: Path) -> bool:
    return path.suffix == ".pyc"


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = copytree(HERE / "treasure", Path(scratch) / "treasure")
        if not compileall.compile_dir(source, stripdir=scratch, legacy=True, quiet=1):
            sys.exit("pack: the game cannot be compiled")
        zipapp.create_archive(source, folder / "treasure.pyz", filter=is_compiled)
    print(f"pack: wrote {folder / 'treasure.pyz'}, without sources")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
