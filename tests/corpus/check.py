# SPDX-License-Identifier: Apache-2.0
"""Loads a dump of the corpus and checks every entry in it.

    python -m corpus.check DUMP MANIFEST [NAME...]

MANIFEST is what `corpus.write` printed. Prints as JSON {"checked": n, "failures": {name: what is wrong}}. An entry
has SECONDS of processor time to come back, so that one that hangs is a failure with a name.
"""

import json
import signal
import sys
import traceback
import warnings
from typing import Any, Dict, List

import pyheapdump

from .compare import difference
from .registry import ENTRIES

SECONDS = 30


class TooSlow(BaseException):
    """No Exception, so that no code under test swallows it."""


def ring(signum: int, frame: Any) -> None:
    raise TooSlow(f"took more than {SECONDS} s of processor time")


def problem_with(name: str, type_name: str, found_locals: Any) -> str:
    """What is wrong with an entry, or an empty text."""
    entry = ENTRIES[name]
    found = found_locals[name]
    if entry.check is not None:
        entry.check(found)
        return ""
    if entry.why_not_here() is None:
        return difference(entry.build(), found) or ""
    if entry.without_package is not None:
        entry.without_package(found)
    same_name = type(found).__name__ == type_name
    return "" if same_name else f"is a {type(found).__name__}, was a {type_name}"


def in_time(name: str, type_name: str, found_locals: Any) -> str:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return problem_with(name, type_name, found_locals)
    except AssertionError as problem:
        return f"{problem}" or traceback.format_exc(limit=-1)
    except (Exception, TooSlow) as error:
        place = "".join(traceback.format_tb(error.__traceback__)[-2:])
        return f"{type(error).__name__}: {error}\n{place}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def frame_of_the_corpus(traceback_: Any) -> Any:
    while traceback_.tb_frame.f_code.co_name != "hold":
        traceback_ = traceback_.tb_next
    return traceback_.tb_frame


def main(path: str, manifest: str, wanted: List[str]) -> None:
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, ring)
    with open(manifest) as stream:
        types: Dict[str, str] = json.load(stream)["types"]
    dump = pyheapdump.load(path)
    found_locals = frame_of_the_corpus(dump.traceback).f_locals
    names = [n for n in types if not wanted or n in wanted]
    problems = {name: in_time(name, types[name], found_locals) for name in names}
    print(json.dumps({"checked": len(names), "failures": {n: p for n, p in problems.items() if p}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
