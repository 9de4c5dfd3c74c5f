# SPDX-License-Identifier: Apache-2.0
"""Control groups with a limit of memory, as containers have them, where this machine lets the tests make some."""

import os
import re
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, List, Tuple

# Mount point of the hierarchy that has memory, and its version; else why there is none.
Place = Tuple[str, int]


def _mounts() -> List[Tuple[str, str, str]]:
    """Mount points with type and options."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ")[:3]
        found.append((before.split(" ")[4], kind, options))
    return found


def _find() -> Place:
    for place, kind, options in _mounts():
        if kind == "cgroup" and "memory" in options.split(","):
            return place, 1
    for place, kind, _ in _mounts():
        controllers = Path(place, "cgroup.subtree_control")
        if kind == "cgroup2" and controllers.exists() and "memory" in controllers.read_text().split():
            return place, 2
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

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        self.version = version
        self.before = ["sh", "-c", f'echo $$ > {path}/cgroup.procs && exec "$@"', "sh"]

    def members(self) -> List[int]:
        return [int(number) for number in (self.path / "cgroup.procs").read_text().split()]

    def kills(self) -> int:
        """How many processes of it the kernel has killed for want of memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        found = re.search(r"^oom_kill (\d+)$", (self.path / name).read_text(), re.MULTILINE)
        return int(found[1]) if found else 0


@contextmanager
def limited_group(limit: int) -> Iterator[Group]:
    """A group whose processes may use `limit` bytes together, without swap. Raises OSError."""
    place, version = _find()
    path = Path(place, f"pyheapdump-test-{os.getpid()}-{time.monotonic_ns()}")
    path.mkdir()
    group = Group(path, version)
    try:
        if version == 1:
            (path / "memory.limit_in_bytes").write_text(str(limit))
            swap = path / "memory.memsw.limit_in_bytes"
        else:
            (path / "memory.max").write_text(str(limit))
            swap = path / "memory.swap.max"
        if swap.exists():
            swap.write_text(str(limit) if version == 1 else "0")
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
