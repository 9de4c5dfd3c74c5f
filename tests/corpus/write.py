# SPDX-License-Identifier: Apache-2.0
"""Builds every entry this interpreter can build, each in a local of one frame, and dumps the exception raised there.

    python -m corpus.write DUMP [NAME...]

prints as JSON the type's name of each entry written and, for those skipped, the reason.
"""

import json
import os
import sys
import warnings
from typing import Any, Dict, List

import pyheapdump

from .entry import Entry
from .registry import ENTRIES


class CorpusError(Exception):
    """The exception the dump is about."""


def frame_with(entries: List[Entry]) -> Any:
    """A function that builds each entry into a local of that name, then raises."""
    lines = [f"    {entry.name} = build[{entry.name!r}]()" for entry in entries]
    text = "def hold(build, types):\n" + "\n".join(lines)
    text += "\n    types.update({n: type(v).__name__ for n, v in locals().items()})\n    raise CorpusError('full')\n"
    space: Dict[str, Any] = {"CorpusError": CorpusError, "__name__": "corpus.hold"}
    exec(compile(text, "<corpus hold>", "exec"), space)
    return space["hold"]


def main(path: str, wanted: List[str]) -> None:
    warnings.simplefilter("ignore")
    skipped = {e.name: e.why_not_here() for e in ENTRIES.values() if e.why_not_here() is not None}
    entries = [e for e in ENTRIES.values() if e.name not in skipped and (not wanted or e.name in wanted)]
    types: Dict[str, str] = {}
    try:
        frame_with(entries)({e.name: e.build for e in entries}, types)
    except CorpusError as error:
        kept = error  # and so all values: some say something when they go
        written = pyheapdump.dump(path, exc=error)
        if written != path:
            raise SystemExit(f"dump({path!r}) returned {written!r}") from error
    types = {e.name: types[e.name] for e in entries}
    print(json.dumps({"types": types, "skipped": skipped}))
    sys.stdout.flush()
    assert kept is not None
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
