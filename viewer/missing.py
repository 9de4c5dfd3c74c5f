# SPDX-License-Identifier: Apache-2.0
"""What stands in the place of a value that is not in the dump.

`Missing` says why: the file was cut before the object, its block is damaged, the writer could not read it or left it
out on purpose. `NotInDumpError` is raised where a part of a value is asked for that is not there. `DumpedCodeError` is
what everything raises that would have to run code of the dumped program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .text import printable

Subject = TypeVar("Subject")
Found = TypeVar("Found")


class Missing:
    """A value that is not in the dump.

    `reason` is one short sentence, `address` where the object lay in the dumped process (None: not known).
    """

    __slots__ = ("address", "reason")
    word = "missing"

    def __init__(self, reason: str, address: int | None = None) -> None:
        self.reason = reason
        self.address = address

    def __repr__(self) -> str:
        where = f" at {self.address:#x}" if self.address else ""
        return f"<{self.word}{where}: {printable(self.reason, 200)}>"


class NotShown(Missing):
    """A value that is in the dump, but that the viewer failed to make or to show; `reason` is the error."""

    __slots__ = ()
    word = "not shown"

    def __init__(self, problem: BaseException) -> None:
        super().__init__(reason_of(problem))


class Address(int):
    """An address in the dumped process that is not known to be an object's: a pointer of C code."""

    def __repr__(self) -> str:
        return f"<address {int(self):#x}>"


class NotInDumpError(RuntimeError):
    """A part of a buffer or text was asked for that the dump does not have: left out, or not readable."""


class DumpedCodeError(RuntimeError, ImportError):
    """Code of the dumped program was asked to run. It never is: only its name and signature are in the viewer.

    An ImportError too: linecache, inspect and debuggers ask the loader of a frame's module for its source, and take
    that for "there is none".
    """


def reason_of(problem: BaseException) -> str:
    """An error in one line."""
    try:
        text = str(problem)
    except Exception:  # noqa: BLE001 - the reason is what cannot be shown
        text = ""
    return printable(f"{type(problem).__name__}: {text}" if text else type(problem).__name__, 200)


def for_each(
    subjects: Iterable[Subject], make: Callable[[Subject], Found], otherwise: Found, problems: dict[int, NotShown]
) -> dict[int, Found]:
    """What `make` gives for each subject, by id(); an error costs that subject, and is noted among the problems."""
    found: dict[int, Found] = {}
    for subject in subjects:
        try:
            found[id(subject)] = make(subject)
        except Exception as problem:  # noqa: BLE001 - one bad value costs one value
            found[id(subject)] = otherwise
            problems.setdefault(id(subject), NotShown(problem))
    return found
