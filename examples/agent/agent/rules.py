# SPDX-License-Identifier: Apache-2.0
"""The language of the rules: a condition, a semicolon, what to do. The condition may have semicolons, too."""

from __future__ import annotations


def parse(text: str) -> tuple[str, str]:
    """The condition of a rule, and what to do."""
    at = last(text, ";")
    return text[:at].strip(), text[at + 1 :].strip()


def last(text: str, separator: str) -> int:
    """Where the last separator is; -1 when there is none."""
    found = after = text.find(separator)
    while after >= 0:
        found, after = after, text.find(separator, after)
    return found
