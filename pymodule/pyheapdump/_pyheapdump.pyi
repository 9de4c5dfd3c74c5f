# SPDX-License-Identifier: Apache-2.0
"""What the extension module (pymodule/*.c) has for Python."""

from collections.abc import Callable
from os import PathLike
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, final

from typing_extensions import ParamSpec, Self, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

# --- capturing: capture.c ---

class CaptureError(Exception): ...

def snapshot_start(
    exception: BaseException | None,
    traceback: TracebackType | None,
    skip_frames: int,
    directory: int,
    temporary_name: str,
    final_name: str,
    reason: str,
    executable: str,
    pid: int,
    sequence: int,
    time_ns: int,
    level: int,
    max_bytes: int,
    max_seconds: float,
    sources: bool,
    redact: bool,
    label: str | None,
) -> tuple[int, int, int]: ...
def snapshot_wait(pid: int, descriptor: int, seconds: float, /) -> dict[str, object]: ...
def call_watched(
    watcher: Callable[[BaseException], object], function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs
) -> _R: ...
def layout_problems() -> list[tuple[str, int, int]]: ...

# --- fatal signals: signals.c ---

def signals_install(
    *,
    directory: str,
    timeout: float,
    executable: str,
    level: int,
    max_bytes: int,
    max_seconds: float,
    sources: bool,
    redact: bool,
    quiet: bool,
) -> None: ...
def signals_uninstall() -> None: ...
def add_signal_stacks(native_ids: list[int], seconds: float, /) -> int: ...
def thread_native_ids() -> list[int]: ...
def watch_thread_start(original: Callable[_P, _R], /) -> Callable[_P, _R]: ...

# --- other processes: attach.c ---

def attach(
    pid: int,
    directory: int,
    temporary_name: str,
    final_name: str,
    sequence: int,
    time_ns: int,
    level: int,
    max_bytes: int,
    max_seconds: float,
    sources: bool,
    redact: bool,
    freeze: bool,
    freeze_seconds: float,
    only_stacks: bool,
    memory: int,
) -> dict[str, Any]: ...

# --- dumps of a living process: watch.c ---

def watch_configure(
    max_dumps: int,
    gil_wait: float,
    /,
    *,
    directory: str,
    timeout: float,
    executable: str,
    level: int,
    max_bytes: int,
    max_seconds: float,
    sources: bool,
    redact: bool,
    quiet: bool,
) -> None: ...
def watch_disable() -> None: ...
def dump_later(seconds: float, repeat: bool, exit: bool, /) -> None: ...
def cancel_dump_later() -> None: ...
def register_signal(signum: int, chain: bool, /) -> None: ...
def unregister_signal(signum: int, /) -> bool: ...
def watch_start() -> None: ...
def watch_interpreter_ends() -> None: ...
def watch_before_fork() -> None: ...
def watch_after_fork(in_child: bool, /) -> None: ...

# --- failing allocations: memory_errors.c ---

def memory_errors_install(largest: int, seconds: float, all_domains: bool, /) -> None: ...
def memory_errors_uninstall() -> None: ...

# --- reading: dumpfile.c ---

class DumpError(Exception): ...

@final
class DumpFile:
    def __new__(cls, path: str | bytes | PathLike[str] | PathLike[bytes]) -> Self: ...
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def text(self) -> str: ...
    @property
    def index(self) -> list[tuple[int, int, int, int, int, int, int]]: ...
    @property
    def index_found(self) -> bool: ...
    @property
    def problems(self) -> list[str]: ...
    @property
    def object_count(self) -> int: ...
    def blocks(self, kind: int, /) -> list[Any]: ...
    def has(self, id: int | Ref, /) -> bool: ...
    def record(self, id: int | Ref, /) -> list[Any]: ...
    def address(self, id: int | Ref, /) -> int | None: ...
    def values(self, id: int | Ref, start: int, stop: int, /) -> list[Any]: ...
    def content(self, id: int | Ref, start: int = 0, stop: int = ..., /) -> bytes: ...
    def content_missing(self, id: int | Ref, /) -> int: ...
    def find_address(self, address: int, /) -> int | None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

# --- the values of records: values.c ---

@final
class Ref:
    def __new__(cls, id: int) -> Self: ...
    @property
    def id(self) -> int: ...

@final
class Run:
    def __new__(cls, id: int, count: int) -> Self: ...
    @property
    def id(self) -> int: ...
    @property
    def count(self) -> int: ...

@final
class Address:
    def __new__(cls, address: int) -> Self: ...
    @property
    def address(self) -> int: ...

@final
class Missing:
    def __new__(cls, reason: str, address: int = 0) -> Self: ...
    @property
    def reason(self) -> str: ...
    @property
    def address(self) -> int: ...

@final
class Pairs(list[tuple[Any, Any]]): ...

ABSENT: Final[Any]

# --- frames: frames.c ---

def make_frame(
    code: CodeType,
    globals: dict[str, Any],
    locals: Any,
    back: FrameType | None,
    lineno: int,
    lasti: int = -1,
) -> FrameType: ...
def set_line_table(code: CodeType, table: bytes, /) -> None: ...
