# SPDX-License-Identifier: Apache-2.0
"""Code objects that describe a function of the dump and do nothing but raise DumpedCodeError when executed."""

from __future__ import annotations

from types import CodeType
from typing import Any, NoReturn

from .missing import DumpedCodeError


class Refusal:
    """A constant of every inert code object: looking at any attribute of it raises DumpedCodeError."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __getattribute__(self, attribute: str) -> NoReturn:
        name = object.__getattribute__(self, "name")
        raise DumpedCodeError(f"{name} comes from a dump: its code is not there to run")


def _template() -> None:
    "REFUSAL".run  # type: ignore[attr-defined]  # noqa: B018


def inert_code(code: CodeType, name: str, constants: tuple[Any, ...]) -> CodeType:
    """`code` with all that describes it and these constants, and with instructions that raise DumpedCodeError.

    The instructions need two constants of their own, which come before the others.
    """
    model = _template.__code__
    own = tuple(Refusal(name) if constant == "REFUSAL" else constant for constant in model.co_consts)
    changes: dict[str, Any] = {
        "co_code": model.co_code,
        "co_consts": (*own, *constants),
        "co_names": model.co_names,
        "co_stacksize": model.co_stacksize,
    }
    if hasattr(code, "co_exceptiontable"):
        changes["co_exceptiontable"] = b""
    return code.replace(**changes)
