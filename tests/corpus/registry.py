# SPDX-License-Identifier: Apache-2.0
"""All entries of the corpus by name, in the order of the files."""

from typing import Dict, List

from . import arrays, buffers, classes, containers, failures, functions, library, numbers, suspended, text
from .entry import Entry, Group

GROUPS: List[Group] = [
    numbers.NUMBERS,
    text.TEXT,
    buffers.BUFFERS,
    containers.CONTAINERS,
    classes.CLASSES,
    functions.FUNCTIONS,
    suspended.SUSPENDED,
    failures.FAILURES,
    library.DATES,
    library.LIBRARY,
    arrays.ARRAYS,
]

ENTRIES: Dict[str, Entry] = {entry.name: entry for group in GROUPS for entry in group}
