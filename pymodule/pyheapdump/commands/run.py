# SPDX-License-Identifier: Apache-2.0
"""Run a program that leaves a dump when it fails; the program itself is not changed.

    python -m pyheapdump run [options] script.py [arguments]      (a directory or a zipapp, too)
    python -m pyheapdump run [options] -m module [arguments]

The options are those of install(). The process becomes `python script.py arguments`: the interpreter starts anew, with
the interpreter's own options given here (python -X dev -m pyheapdump run ...), and installs before the program begins.
Processes that the program starts get nothing of it, but for those of multiprocessing; PYHEAPDUMP=1 reaches all.
"""

# Why exec and not runpy: whatever looks at the stack (inspect, logging's stack_info, warnings, faulthandler,
# RecursionError) would see frames of ours.

from __future__ import annotations

import argparse
import os
import site
import sys
from typing import Any

from .. import capture, start
from ..options import Option, all_options, descriptions, text_of
from . import CommandError, UsageError

# What may follow -m when this is the command.
OWN_NAMES = ("pyheapdump", "pyheapdump.__main__")

HELP = "run a program that leaves a dump when it fails"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = f"{parser.prog} [options] (script.py | -m module) [arguments]"
    described = descriptions()
    for name, option in all_options().items():
        _add_option(parser, option, described.get(name, ""))
    parser.add_argument("-m", dest="module", metavar="module", nargs=argparse.REMAINDER, help="the module to run")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="the program and its arguments")


def _add_option(parser: argparse.ArgumentParser, option: Option, about: str) -> None:
    name = option.name.replace("_", "-")
    about = about.replace("%", "%%")
    if option.is_switch:
        default = start.DEFAULTS.get(option.name, option.default)
        switch = f"--no-{name}" if default else f"--{name}"
        about = f"turns off: {about}" if default else about
        parser.add_argument(switch, dest=option.name, action="store_const", const=not default, help=about)
    else:
        default = "" if option.default is None else f" (default: {option.default})"
        parser.add_argument(f"--{name}", dest=option.name, metavar="VALUE", help=about + default)


def main(options: argparse.Namespace) -> int:
    """Become the program; returns only by CommandError."""
    program = ["-m", *options.module] if options.module is not None else options.script
    if program in ([], ["-m"]):
        raise UsageError("run: which program? Give script.py or -m module")
    asked = _asked_for(options)
    if not _starts_with_interpreter():
        raise CommandError(
            f"run: {sys.executable} reads no {start.FILE} when it starts; install pyheapdump there with pip, and do "
            "not use python -S"
        )
    os.environ[start.RUN_VARIABLE] = text_of(asked, start.RUN_SEPARATOR)
    try:
        os.execv(sys.executable, [*interpreter_and_options(), *program])
    except OSError as problem:
        raise CommandError(f"run: cannot start {sys.executable}: {problem.strerror}") from None


def _asked_for(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments for install(), checked."""
    found: dict[str, Any] = {}
    try:
        for name, option in all_options().items():
            given = getattr(options, name)
            if given is not None:
                found[name] = given if option.is_switch else option.value(given)
        settings = capture.checked(capture.DEFAULTS._replace(**found))
    except ValueError as problem:
        raise UsageError(f"run: {problem}") from None
    return {name: getattr(settings, name) for name in found}


def _starts_with_interpreter() -> bool:
    """Does this interpreter, started once more, find our file in one of its site directories?"""
    if sys.flags.no_site:
        return False
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return any(os.path.exists(os.path.join(folder, start.FILE)) for folder in folders)


def interpreter_and_options() -> list[str]:
    """The first words of this process's command line, before "-m pyheapdump run ..."."""
    words = _command_line()
    *before, module = words[: len(words) - (len(sys.argv) - 1)]
    flags = before.pop() if module in OWN_NAMES else module  # "-m", or other flags before it: "-Im", "-Impyheapdump"
    for name in OWN_NAMES:
        flags = flags[: -len(name)] if flags.endswith("m" + name) else flags
    return [*before, flags[:-1]] if len(flags) > len("-m") else before


def _command_line() -> list[str]:
    if sys.version_info >= (3, 10):
        return list(sys.orig_argv)
    with open("/proc/self/cmdline", "rb") as stream:
        return [os.fsdecode(word) for word in stream.read().split(b"\0")[:-1]]
