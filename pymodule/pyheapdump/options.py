# SPDX-License-Identifier: Apache-2.0
"""The options of install() as texts, for command lines and PYHEAPDUMP_OPTIONS.

There is no list of them here: names, types and descriptions are those of install() itself, its signature and its
docstring; what is added there can be given as a text from then on.
"""

from __future__ import annotations

from . import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

YES = ("1", "yes", "true", "on")
NO = ("0", "no", "false", "off")
NOTHING = ("", "none")


class Option:
    """One option of install(); `types` are the names in its annotation."""

    def __init__(self, name: str, annotation: str) -> None:
        self.name = name
        self.types = frozenset(part.strip() for part in annotation.split("|"))
        self.default = getattr(capture.DEFAULTS, name)

    @property
    def is_switch(self) -> bool:
        return "bool" in self.types

    def value(self, text: str) -> object:
        """What `text` means. Raises ValueError."""
        if self.is_switch:
            if text.lower() not in (*YES, *NO):
                raise ValueError(f"{self.name} must be yes or no, not {text!r}")
            return text.lower() in YES
        if "None" in self.types and text.lower() in NOTHING:
            return None
        converted = [kind(text) for name, kind in _NUMBERS if name in self.types and _is(kind, text)]
        if converted:
            return converted[0]
        if "str" not in self.types:
            raise ValueError(f"{self.name} must be {'a whole' if 'int' in self.types else 'a'} number, not {text!r}")
        return text


_NUMBERS: tuple[tuple[str, Callable[[str], float]], ...] = (("int", int), ("float", float))


def _is(kind: Callable[[str], float], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def all_options() -> dict[str, Option]:
    """The options of install() by name, in its order."""
    annotations = capture.install.__annotations__
    return {name: Option(name, text) for name, text in annotations.items() if name != "return"}


def descriptions() -> dict[str, str]:
    """What the docstring of install() says of each option: its paragraphs "name: text" and "name, name: text"."""
    import re

    docstring = capture.install.__doc__ or ""  # python -OO has none
    found = {}
    for _, names, text in re.findall(r"^( *)(\w+(?:, \w+)*): (.+(?:\n\1 {4}.+)*)", docstring, re.MULTILINE):
        found.update(dict.fromkeys(names.split(", "), " ".join(text.split())))
    return found


def parse(text: str, separator: str = ",") -> dict[str, Any]:
    """The arguments for install() that "directory=/var/dumps,max_dumps=5,signals=0" asks for. Raises ValueError."""
    options = all_options()
    found: dict[str, Any] = {}
    for item in text.split(separator):
        name, equals, value = item.partition("=")
        name = name.strip()
        if not item.strip():
            continue
        if name not in options:
            raise ValueError(f"there is no option {name!r}; there are {', '.join(options)}")
        if not equals and not options[name].is_switch:
            raise ValueError(f"{name} needs a value: {name}=...")
        found[name] = options[name].value(value.strip() if equals else "yes")
    return found


def text_of(found: dict[str, Any], separator: str) -> str:
    """The text that parse() takes back; never empty, as an environment variable may not be to count."""
    return separator.join(["", *(f"{name}={value}" for name, value in found.items())]) or separator
