# SPDX-License-Identifier: Apache-2.0
"""The entries of the corpus: a name, how to build the value, how to check what came back from the dump.

A `Group` collects the entries of one kind. An entry without a check of its own is *equal*: the reading interpreter
builds the value again and `compare.difference` must find none. An entry with a check is a *stand-in*: what comes back
cannot be the value itself (a function, a socket), and the check says what must be seen of it.

`since` and `until` (exclusive) are the versions that can build the value, `needs` a package. They matter to the
interpreter that writes; the one that reads checks whatever is in the dump, by the type's name alone when it can
neither build the value nor has a check for it.
"""

import importlib.util
import sys
from typing import Any, Callable, Dict, Iterator, Optional, Tuple, Union

Version = Tuple[int, int]
Builder = Callable[[], Any]
Check = Callable[[Any], None]


class Entry:
    """One named value of the corpus."""

    def __init__(self, name: str, build: Builder, since: Version, until: Version, needs: Optional[str]) -> None:
        self.name = name
        self.build = build
        self.since = since
        self.until = until
        self.needs = needs
        self.check: Optional[Check] = None
        self.without_package: Optional[Check] = None  # where the reading interpreter has not what `needs` names

    def why_not_here(self) -> Optional[str]:
        """Why this interpreter cannot build the value, or None when it can."""
        if not self.since <= sys.version_info[:2] < self.until:
            return "exists in Python {}.{} to before {}.{}".format(*self.since, *self.until)
        if self.needs is not None and importlib.util.find_spec(self.needs) is None:
            return f"needs {self.needs}"
        return None


class Group:
    """The entries of one kind; their names begin with it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.entries: Dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def add(
        self,
        name: str,
        build: Builder,
        since: Version = (3, 9),
        until: Version = (4, 0),
        needs: Optional[str] = None,
    ) -> Builder:
        """Adds the entry KIND_NAME whose value `build()` returns."""
        full = f"{self.kind}_{name}"
        if not full.isidentifier() or full in self.entries:
            raise ValueError(f"{full!r} is no identifier or is taken")
        self.entries[full] = Entry(full, build, since, until, needs)
        return build

    def values(self, **named: Any) -> None:
        """Adds one entry for each keyword; the value itself is given (so it must be one that nothing changes)."""
        for name, value in named.items():
            self.add(name, lambda value=value: value)

    def value(self, build: Optional[Builder] = None, **limits: Any) -> Any:
        """Decorates a builder; the entry takes its name. `limits` are since, until and needs."""
        if build is None:
            return lambda build: self.value(build, **limits)
        return self.add(build.__name__, build, **limits)

    def without_package(self, name: str, check: Check) -> None:
        """Sets what is checked of entry KIND_NAME by a reader that lacks the package."""
        self.entries[f"{self.kind}_{name}"].without_package = check

    def check(self, *builders: Union[Builder, str]) -> Callable[[Check], Check]:
        """Decorates the check of the entries made by these builders (or having these names)."""

        def attach(check: Check) -> Check:
            for builder in builders:
                name = builder if isinstance(builder, str) else builder.__name__
                self.entries[f"{self.kind}_{name}"].check = check
            return check

        return attach
