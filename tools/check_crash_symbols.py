#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the code which may run in a crashed process calls only what is allowed there.

usage: tools/check_crash_symbols.py CMAKE_BUILD_DIRECTORY ALLOWLIST [SOURCES]

Crash context (see libpyheapdump/pyheapdump.h) means: locks in an unknown state, a broken heap, perhaps a tiny stack.
Nothing there may call malloc, stdio, the dynamic linker or anything else that takes a lock. All of libpyheapdump is
such code but for the folders named in NORMAL. The check takes the undefined symbols of those object files, as the
compiler left them; each must be defined by another of these objects or stand in the allowlist, with a reason. In
SOURCES, the folder libpyheapdump/, every C file of these folders must state its context in its first comment.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Folders of libpyheapdump/ that only ever run in normal context.
NORMAL = ("read", "graph", "attach", "core")


class CheckError(Exception):
    """The check cannot be made; the text is one clear line."""


def main(arguments: list[str]) -> int:
    if len(arguments) not in (2, 3):
        print("usage: check_crash_symbols.py CMAKE_BUILD_DIRECTORY ALLOWLIST [SOURCES]", file=sys.stderr)
        return 2
    try:
        objects = crash_objects(Path(arguments[0]))
        allowed = read_allowlist(Path(arguments[1]))
        defined = set().union(*(symbols(path, "--defined-only") for path in objects))
        problems = [
            f"{path.name}: calls {symbol}, which is not allowed in crash context"
            for path in objects
            for symbol in sorted(symbols(path, "--undefined-only") - defined - allowed.keys())
        ]
        problems += [f"{path}: does not say its context" for folder in arguments[2:] for path in untagged(Path(folder))]
    except CheckError as error:
        print(f"check_crash_symbols: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"crash context: {len(objects)} objects, {len(problems)} forbidden calls")
    return 1 if problems else 0


def crash_objects(build: Path) -> list[Path]:
    """The object files of crash context in a CMake build."""
    folder = build / "CMakeFiles" / "objects.dir" / "libpyheapdump"
    found = [path for path in sorted(folder.rglob("*.o")) if path.relative_to(folder).parts[0] not in NORMAL]
    if not found:
        raise CheckError(f"no object files in {folder}: build with `make c-gcc` first")
    return found


def untagged(sources: Path) -> list[Path]:
    """The C files of crash context below `sources` whose first comment has no line that tells the context."""
    found = [path for path in sorted(sources.rglob("*.c")) if path.relative_to(sources).parts[0] not in NORMAL]
    if not found:
        raise CheckError(f"no C files in {sources}")
    return [path for path in found if "Context: crash" not in path.read_text().partition("*/")[0]]


def symbols(path: Path, option: str) -> set[str]:
    """Names of the symbols that `nm OPTION` shows for an object file."""
    run = subprocess.run(["nm", "--format=posix", option, str(path)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise CheckError(f"nm failed on {path}: {run.stderr.strip()}")
    return {line.split()[0] for line in run.stdout.splitlines()}


def read_allowlist(path: Path) -> dict[str, str]:
    """Symbol → reason, from lines `symbol reason...`; empty lines and lines that begin with # say nothing."""
    allowed: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        symbol, _, reason = line.partition(" ")
        if not reason.strip():
            raise CheckError(f"{path}:{number}: {symbol} has no reason")
        allowed[symbol] = reason.strip()
    return allowed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
