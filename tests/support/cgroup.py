# SPDX-License-Identifier: Apache-2.0
"""Control groups with a limit of memory, as containers have them, where this machine lets the tests make some.

Of version 1 or 2, as the machine has them; a `Version` knows what the two call by different names.
"""

import os
import re
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Tuple


@dataclass(frozen=True)
class Version:
    """Names of a group's files (Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of the kernel)."""

    number: int
    limit: str
    high: Optional[str]  # where the kernel slows down and does not kill
    swap: str
    swap_is_extra: bool  # its limit is one of swap alone, else of memory and swap together
    kills: str
    mount: str  # type and options for mount(8)


VERSION_1 = Version(
    1, "memory.limit_in_bytes", None, "memory.memsw.limit_in_bytes", False, "memory.oom_control", "-t cgroup -o memory"
)
VERSION_2 = Version(2, "memory.max", "memory.high", "memory.swap.max", True, "memory.events", "-t cgroup2")


def _mounts() -> List[Tuple[str, str, str]]:
    """Mount points with type and options."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ")[:3]
        found.append((before.split(" ")[4], kind, options))
    return found


def _find() -> Tuple[Path, Version]:
    """Mount point of the hierarchy that has memory, and its version. Raises OSError."""
    for place, kind, options in _mounts():
        if kind == "cgroup" and "memory" in options.split(","):
            return Path(place), VERSION_1
    for place, kind, _ in _mounts():
        controllers = Path(place, "cgroup.subtree_control")
        if kind == "cgroup2" and controllers.exists() and "memory" in controllers.read_text().split():
            return Path(place), VERSION_2
    raise OSError("no control group hierarchy with memory is mounted")


def why_not() -> str:
    """Why no group can be made here; empty: one can."""
    try:
        with limited_group(1 << 30):
            return ""
    except OSError as problem:
        return f"no control group with a limit of memory can be made here: {problem}"


class Group:
    """One group. `before` is the command that starts a program in it."""

    def __init__(self, place: Path, path: Path, version: Version) -> None:
        self.place = place  # where the hierarchy is mounted
        self.path = path
        self.version = version
        self.before = ["sh", "-c", f'echo $$ > {path}/cgroup.procs && exec "$@"', "sh"]

    @property
    def container(self) -> List[str]:
        """Like `before`, for a program that sees the group as the root of the hierarchy, as in a container."""
        script = f'umount {self.place} && mount {self.version.mount} cgroup {self.place} && exec "$@"'
        return [*self.before, "unshare", "--cgroup", "--mount", "sh", "-c", script, "sh"]

    def members(self) -> List[int]:
        return [int(number) for number in (self.path / "cgroup.procs").read_text().split()]

    def kills(self) -> int:
        """How many processes of it the kernel has killed for want of memory."""
        return self._value(self.version.kills, "oom_kill")

    def slowed_down(self) -> int:
        """How often the kernel has made a process wait because the group was above its `high`; version 2."""
        return self._value("memory.events", "high")

    def _value(self, name: str, key: str) -> int:
        folder = self.path if (self.path / name).exists() else self.path.parent  # which counts for all below it
        found = re.search(rf"^{key} (\d+)$", (folder / name).read_text(), re.MULTILINE)
        return int(found[1]) if found else 0

    @contextmanager
    def child(self, counted: bool = True) -> Iterator["Group"]:
        """A group below this one, without a limit of its own. Not `counted`: it has no files of memory at all, which
        version 2 allows."""
        if self.version is VERSION_2 and counted:
            (self.path / "cgroup.subtree_control").write_text("+memory")
        with _made(self.place, self.path / "below", self.version) as made:
            yield made


@contextmanager
def limited_group(limit: Optional[int] = None, high: Optional[int] = None) -> Iterator[Group]:
    """A group whose processes may use `limit` bytes together, without swap, and are slowed down at `high`, which only
    version 2 has. Raises OSError."""
    place, version = _find()
    path = place / f"pyheapdump-test-{os.getpid()}-{time.monotonic_ns()}"
    with _made(place, path, version) as group:
        if limit is not None:
            (path / version.limit).write_text(str(limit))
            if (path / version.swap).exists():
                (path / version.swap).write_text("0" if version.swap_is_extra else str(limit))
        if high is not None:
            if version.high is None:
                raise OSError(f"control groups of version {version.number} have no limit that slows down")
            (path / version.high).write_text(str(high))
        yield group


@contextmanager
def _made(place: Path, path: Path, version: Version) -> Iterator[Group]:
    path.mkdir()
    group = Group(place, path, version)
    try:
        yield group
    finally:
        _remove(group)


def _remove(group: Group) -> None:
    deadline = time.monotonic() + 30
    while True:
        for pid in group.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            group.path.rmdir()  # refused until the last process is gone
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
