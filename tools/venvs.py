#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one virtual environment for each supported CPython, with pyheapdump and what its tests need.

usage: tools/venvs.py [VERSION...]        (default: every supported version)
       tools/venvs.py --headers           print the folders with the interpreters' headers, set nothing up

Interpreters come from pyenv, from the machine's own system, and from a Debian unstable root for those that neither
has (see unstable_root.sh); in this order. For each one found it leaves, below build/:

    venvs/<version>/      the environment
    source/<version>/     the copy of the sources that the package was built from
    python/<version>      an executable that runs the environment's Python from anywhere, see tools/enter

and in python/interpreters.json what was found and what is missing, why; tests/interpreters.py reads it. An
environment is made anew when its interpreter or its requirements change, the package is built anew when its sources
do. Exit status 1 when a version was found but could not be set up.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ENTER = ROOT / "tools" / "enter"
SUPPORTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
UNSTABLE_ROOT = os.environ.get("PYHEAPDUMP_UNSTABLE_ROOT", "/var/lib/pyheapdump/unstable")
UNSTABLE_VERSIONS = ("3.14", "3.15")
# Files and folders that the package is built from.
SOURCES = (
    "libpyheapdump", "pymodule", "viewer", "setup.py", "pyproject.toml", "README.md", "LICENSE",
    "tests/requirements.txt", "tests/requirements-programs.txt", "tools/requirements.txt",
)  # fmt: skip
REQUIREMENTS = ROOT / "tests" / "requirements.txt"
PROGRAMS = ROOT / "tests" / "requirements-programs.txt"
# What an interpreter must have to build the package and to hold a virtual environment.
PROBE = """
import ensurepip, os, sys, sysconfig, venv
include = sysconfig.get_path("include")
assert os.path.exists(include + "/Python.h"), include + "/Python.h is missing"
print("%d.%d" % sys.version_info[:2], sys.implementation.name, include, sys.version.replace(chr(10), " "), sep="\t")
"""


class SetupError(Exception):
    """A version cannot be set up; the text is one clear line."""


@dataclass(frozen=True)
class Base:
    """An installed interpreter that an environment is made from."""

    version: str
    executable: str
    system: str  # the root directory it runs in, "/" for the machine's own
    headers: str  # the folder with Python.h, as the machine's own system sees it
    details: str  # sys.version


def main(arguments: list[str]) -> int:
    only_headers = arguments == ["--headers"]
    versions = SUPPORTED if only_headers or not arguments else tuple(arguments)
    unknown = [version for version in versions if version not in SUPPORTED]
    if unknown:
        print(f"venvs: not supported: {', '.join(unknown)}; choose from {', '.join(SUPPORTED)}", file=sys.stderr)
        return 2
    bases, missing = find_all(versions)
    if only_headers:
        for version, why in missing.items():
            print(f"headers of {version}: {why}", file=sys.stderr)
        print(*(base.headers for base in bases.values()), sep="\n")
        return 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = dict(zip(bases, pool.map(try_set_up, bases.values())))
    failed = {version: problem for version, problem in outcomes.items() if problem}
    write_report(bases, missing, failed)
    for version in versions:
        print(f"python {version}: {failed.get(version) or missing.get(version) or bases[version].executable}")
    return 1 if failed else 0


# --- finding interpreters


def find_all(versions: Sequence[str]) -> tuple[dict[str, Base], dict[str, str]]:
    """The interpreters that are there, and why others are not, both by version."""
    bases: dict[str, Base] = {}
    missing: dict[str, str] = {}
    for version in versions:
        try:
            bases[version] = find(version)
        except SetupError as error:
            missing[version] = str(error)
    return bases, missing


def find(version: str) -> Base:
    """The interpreter to use for a version; SetupError tells why there is none."""
    problems = []
    for system, executable in candidates(version):
        try:
            return probe(version, system, executable)
        except SetupError as error:
            problems.append(str(error))
    if problems:
        raise SetupError("skipped: " + "; ".join(problems))
    raise SetupError(f"skipped: neither pyenv nor the system has python{version}, nor the Debian unstable root")


def candidates(version: str) -> list[tuple[str, str]]:
    """Pairs of root directory and executable, best first."""
    found = [("/", str(path)) for path in pyenv_executables(version)]
    system = shutil.which(f"python{version}", path=path_without_pyenv())
    if system:
        found.append(("/", system))
    if not found and version in UNSTABLE_VERSIONS and unstable_root_has(version):
        found.append((UNSTABLE_ROOT, f"/usr/bin/python{version}"))
    return found


def pyenv_root() -> Path:
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))


def pyenv_executables(version: str) -> list[Path]:
    """pyenv's releases of a version (3.13t and 3.14-dev are others), newest first."""
    folders = [
        folder
        for folder in pyenv_root().glob("versions/*")
        if re.fullmatch(re.escape(version) + r"\.\d+", folder.name) and (folder / "bin" / "python").exists()
    ]
    folders.sort(key=lambda folder: int(folder.name.rsplit(".", 1)[1]), reverse=True)
    return [folder / "bin" / "python" for folder in folders]


def path_without_pyenv() -> str:
    """PATH without pyenv's shims, which exist for versions that are not switched on, too."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not folder.startswith(str(pyenv_root())))


def unstable_root_has(version: str) -> bool:
    """Is a version in the Debian unstable root? The root is made when it is not there."""
    problem = make_unstable_root()
    if problem:
        raise SetupError(f"skipped: there is no Debian unstable root: {problem}")
    return os.path.exists(f"{UNSTABLE_ROOT}/usr/bin/python{version}")


@functools.lru_cache
def make_unstable_root() -> str | None:
    """Makes the root, unless it is there; what went wrong in one line, or None. Tried once."""
    command = [str(ROOT / "tools" / "unstable_root.sh"), UNSTABLE_ROOT, *UNSTABLE_VERSIONS]
    made = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(made.stderr)
    return last_line(made.stderr) if made.returncode != 0 else None


def probe(version: str, system: str, executable: str) -> Base:
    """Checks that an executable is the CPython it claims to be, with all it takes to build the package."""
    run = subprocess.run(
        [ENTER, system, executable, "-I", "-c", PROBE],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode != 0:
        raise SetupError(f"{executable} is of no use: {last_line(run.stderr)}")
    found, implementation, include, details = run.stdout.rstrip("\n").split("\t")
    if (found, implementation) != (version, "cpython"):
        raise SetupError(f"{executable} is {implementation} {found}, not CPython {version}")
    return Base(version, executable, system, system.rstrip("/") + include, details)


# --- setting up


def try_set_up(base: Base) -> str | None:
    """Sets a version up; what went wrong in one line, or None."""
    try:
        set_up(base)
    except SetupError as error:
        return f"failed: {error}"
    return None


def set_up(base: Base) -> None:
    venv = BUILD / "venvs" / base.version
    environment_stamp = digest(base.executable, base.details, REQUIREMENTS, PROGRAMS)
    if not is_stamped(venv / "environment.stamp", environment_stamp):
        make_environment(base, venv)
        (venv / "environment.stamp").write_text(environment_stamp)
    package_stamp = digest(environment_stamp, os.environ.get("CC", ""), *source_files())
    if not is_stamped(venv / "package.stamp", package_stamp):
        install_package(base, venv)
        (venv / "package.stamp").write_text(package_stamp)


def make_environment(base: Base, venv: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    run(base, [base.executable, "-m", "venv", str(venv)])
    write_launcher(base, venv)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run(base, [*pip, "setuptools>=77", "-r", str(REQUIREMENTS)])
    programs = [line for line in PROGRAMS.read_text().splitlines() if line and not line.startswith("#")]
    wheels = [*pip, "--only-binary=:all:"]
    try:
        run(base, [*wheels, *programs])
    except SetupError:
        for program in programs:
            try:
                run(base, [*wheels, program])
            except SetupError as error:
                print(f"python {base.version}: {program} is not there: {error}", flush=True)


def write_launcher(base: Base, venv: Path) -> None:
    """The executable that runs the environment's Python from the machine's own system and from any root."""
    launcher = launcher_path(base.version)
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(f'#!/bin/sh\nexec "{ENTER}" "{base.system}" "{venv}/bin/python" "$@"\n')
    launcher.chmod(0o755)


def install_package(base: Base, venv: Path) -> None:
    """Builds and installs the package from a copy of its sources: builds of several versions run side by side."""
    source = BUILD / "source" / base.version
    shutil.rmtree(source, ignore_errors=True)
    for name in SOURCES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, source / name)
    run(base, [
        str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install",
        "--no-build-isolation", "--no-deps", "--no-index", "--force-reinstall", str(source),
    ])  # fmt: skip


def run(base: Base, command: list[str]) -> None:
    """Runs a command in the system of an interpreter; what it prints goes to build/log/ when it fails."""
    environment = {**os.environ, "PYHEAPDUMP_WERROR": "1", "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(
        [ENTER, base.system, *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        env=environment, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        log = BUILD / "log" / f"venv-{base.version}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {' '.join(command)}\n{done.stdout}")
        raise SetupError(f"{best_line(done.stdout)} (see {log.relative_to(ROOT)})")


# --- what is there already


def source_files() -> list[Path]:
    found: list[Path] = []
    for name in SOURCES:
        path = ROOT / name
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in below if file.is_file() and "__pycache__" not in file.parts]
    return found


def digest(*parts: str | Path) -> str:
    """A hash over texts and over names and contents of files."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else b""
        total.update(f"{part}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def is_stamped(stamp: Path, value: str) -> bool:
    return stamp.exists() and stamp.read_text() == value


# --- reporting


def launcher_path(version: str) -> Path:
    return BUILD / "python" / version


def write_report(bases: dict[str, Base], missing: dict[str, str], failed: dict[str, str]) -> None:
    """Notes what is there, keeping what an earlier run noted about other versions."""
    report = BUILD / "python" / "interpreters.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(report.read_text()) if report.exists() else {"available": {}, "missing": {}}
    for version in (*bases, *missing):
        known["available"].pop(version, None)
        known["missing"].pop(version, None)
    known["available"].update({version: str(launcher_path(version)) for version in bases if version not in failed})
    known["missing"].update({**missing, **failed})
    report.write_text(json.dumps(known, indent=2) + "\n")


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"


def best_line(text: str) -> str:
    """The line of pip's output that tells most: the compiler's first error, or setup.py's, or pip's own."""
    for pattern in (r"\S: (fatal )?error: |: cannot build: ", r"^ +error: (?!subprocess-)", r"^ERROR: "):
        for line in text.splitlines():
            if re.search(pattern, line):
                return line.strip()
    return last_line(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
