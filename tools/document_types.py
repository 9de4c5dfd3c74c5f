#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of C types and their fields in docs/types.md from the layout tables.

usage: tools/document_types.py            write the table
       tools/document_types.py --check    compare only; exit status 1 when it is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "types.md"
BEGIN = "<!-- The table: written by tools/document_types.py. -->\n"
END = "<!-- End of the table. -->\n"
MINORS = range(9, 16)

sys.path.insert(0, str(ROOT / "tests"))  # the reader of the tables is the tests'
from support import layout_table  # noqa: E402

# How a field is written, by its kind; references to objects need no word.
WORDS = {
    "ADDRESS": "address",
    "BITS": "flag",
    "BOOL": "flag",
    "BORROWED": "not owned",
    "BYTES": "bytes",
    "CHAR": "text",
    "DOUBLE": "float",
    "FLOAT": "float",
    "STRING": "text",
    "STRING_INDIRECT": "text",
}
REFERENCES = ("OBJECT", "OBJECT_EX", "OBJECT_INDIRECT", "OBJECT_IF")


def versions(minors: list[int], among: list[int]) -> str:
    """Which of the versions `among` these are, in words; empty for all of them."""
    if minors == among:
        return ""
    runs: list[list[int]] = []
    for minor in minors:
        if runs and minor == runs[-1][-1] + 1:
            runs[-1].append(minor)
        else:
            runs.append([minor])
    texts = []
    for run in runs:
        first, last = f"3.{run[0]}", f"3.{run[-1]}"
        if run[-1] == among[-1] and len(run) > 1:
            texts.append(f"{first}+")
        else:
            texts.append(first if first == last else f"{first} … {last}")
    return ", ".join(texts)


def word(kind: str) -> str:
    """The kind of a field in a word; empty for a reference."""
    return "" if kind in REFERENCES else WORDS.get(kind, "number")


def collect() -> dict[str, dict[int, dict[str, str]]]:
    """Type → minor version → field → word, fields in the order of the newest version that has them."""
    types: dict[str, dict[int, dict[str, str]]] = {}
    for minor in MINORS:
        for row in layout_table.rows(minor):
            fields = types.setdefault(row.name, {}).setdefault(minor, {})
            fields.update({field.name: word(field.kind) for field in row.fields})
    return types


def field_text(name: str, by_minor: dict[int, dict[str, str]]) -> str:
    """One field with its kind and the versions that have it."""
    having = [minor for minor in by_minor if name in by_minor[minor]]
    notes = [by_minor[having[-1]][name], versions(having, list(by_minor))]
    told = ", ".join(note for note in notes if note)
    return f"`{name}`" + (f" ({told})" if told else "")


def table() -> str:
    """The table, one line for each type."""
    lines = ["| type | versions | fields |", "| --- | --- | --- |"]
    for name, by_minor in sorted(collect().items(), key=lambda item: item[0].lower()):
        order: dict[str, None] = {}
        for minor in sorted(by_minor, reverse=True):
            order.update(dict.fromkeys(by_minor[minor]))
        fields = ", ".join(field_text(field, by_minor) for field in order) or "none of its own"
        here = versions(list(by_minor), list(MINORS)) or "all"
        lines.append(f"| `{name}` | {here} | {fields} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    before, rest = DOCUMENT.read_text().split(BEGIN)
    new = before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]
    if sys.argv[1:] == ["--check"]:
        if new != DOCUMENT.read_text():
            print("document_types: docs/types.md is not up to date: run tools/document_types.py", file=sys.stderr)
            return 1
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    DOCUMENT.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
