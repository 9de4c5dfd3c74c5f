# SPDX-License-Identifier: Apache-2.0
"""`Dump`: one open dump file, as Python objects.

    dump = pyheapdump.load("python_heap_4711_0.dump")
    pdb.post_mortem(dump.traceback)
    dump.threads[0].frames[-1].f_locals["rows"][0]

Opening reads the index and a few small blocks, never the heap: objects are made when they are asked for (heap.py).
While the dump is open its sources stand in linecache, and no other file is read for its frames (sources.py); `close()`,
or the end of a with statement, ends that.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pyheapdump import _pyheapdump
from pyheapdump._pyheapdump import DumpFile, Ref

from .builtin_types import base_of_code
from .classes import TYPE
from .heap import Heap
from .items import expand, run_length
from .kinds import BROKEN, FRAME, MAPPED, OBJECT, SINGLETON, SPLIT
from .missing import Missing
from .signals import NativeStacks, NativeThread, Signal
from .sources import Sources
from .tasks import Task

if TYPE_CHECKING:
    from .locks import Locks
    from .task_waits import TaskWaits

FACTS, ROOTS, SOURCE, PROC, END, SIGNAL, NATIVE = 1, 2, 6, 7, 8, 9, 10  # kinds of blocks (docs/format.md, section 2)

MAX_STACK = 65_536  # values of an evaluation stack
MAX_THREAD_FRAMES = 1_000_000  # of all threads
MAX_TASKS = 65_536  # that a writer lists (libpyheapdump/walk/walk.h)
MAX_TEXT = 2_000_000  # characters of the text part
T = TypeVar("T")
WITHOUT_GIL = "taken without the GIL: other threads may have been changing objects"


class PythonFrame(NamedTuple):
    """A frame of a thread. `entry`: C code called it; `entry_address`: of a variable of the interpreter's function that
    runs it, on the C stack; None where the dump does not tell.
    """

    frame: FrameType
    entry: bool | None
    entry_address: int | None


class Thread:
    """A thread of the dumped program.

    `frames` are real frames, the outermost first; `current` says that it made the dump, `holds_gil` that it held the
    interpreter's lock; `exception` is the one it was handling; `problem` tells why frames are missing, if so;
    `system_call`, `futex`, `mutex` and `waits_for_gil` what it waited for (docs/format.md, section 5). `signal`
    is the fatal signal when this thread got it, `native` its stack of C functions; None where they are not in the dump.
    """

    signal: Signal | None = None
    native: NativeThread | None = None

    def __init__(self, heap: Heap, described: dict[str, Any]) -> None:
        self._heap = heap
        raw = described.get("frames")
        self._raw_frames: list[Any] = raw if isinstance(raw, list) else []
        self._raw_exception = described.get("exception")
        self.name: str | None = typed(described.get("name"), str)
        self.ident: int | None = integer(described.get("ident"))
        self.native_id: int | None = integer(described.get("native_id"))
        self.interpreter: int = integer(described.get("interpreter")) or 0
        self.current = described.get("current") is True
        self.holds_gil = described.get("holds_gil") is True
        self.daemon: bool | None = typed(described.get("daemon"), bool)
        self.problem: str | None = typed(described.get("problem"), str)
        self.system_call: int | None = integer(described.get("system_call"))
        self.futex: int | None = integer(described.get("futex"))
        self.mutex: int | None = integer(described.get("mutex"))
        self.waits_for_gil = described.get("waits_for_gil") is True

    @property
    def frames(self) -> list[FrameType]:
        """The stack, outermost frame first; frames that are not in the dump are left out."""
        return [one.frame for one in self.entries]

    @functools.cached_property
    def entries(self) -> tuple[PythonFrame, ...]:
        """The frames, with what the dump tells of how C code called them."""
        found = ((self._heap.value(raw), *self._entered(raw)) for raw in reversed(self._raw_frames))
        return tuple(PythonFrame(*one) for one in found if isinstance(one[0], FrameType))

    @property
    def frame_ids(self) -> list[int]:
        """The ids of the frames in the dump, the innermost first."""
        return [raw.id for raw in self._raw_frames if type(raw) is Ref]

    def stacks(self, most: int) -> Iterator[tuple[FrameType, list[Any]]]:
        """The `most` innermost frames, the innermost first, with their evaluation stacks as far as they are known."""
        for raw in self._raw_frames[:most]:
            frame = self._heap.value(raw)
            if isinstance(frame, FrameType):
                yield frame, evaluation_stack(self._heap, raw)

    def _entered(self, raw: Any) -> tuple[bool | None, int | None]:
        described = described_frame(self._heap, raw)
        entry, address = described.get("entry"), described.get("entry_address")
        return entry if isinstance(entry, bool) else None, integer(address)

    @property
    def exception(self) -> BaseException | None:
        found = self._heap.value(self._raw_exception)
        return found if isinstance(found, BaseException) else None

    def __repr__(self) -> str:
        marks = [word for word, is_so in (("current", self.current), ("holds the GIL", self.holds_gil)) if is_so]
        return f"<thread {self.name!r} ident={self.ident}{''.join(f', {mark}' for mark in marks)}>"


def bound_frames(threads: list[Thread]) -> None:
    """Leave out the stacks of threads behind those that have MAX_THREAD_FRAMES frames together."""
    room = MAX_THREAD_FRAMES
    for thread in threads:
        room -= len(thread._raw_frames)
        if room < 0:
            thread._raw_frames = []
            thread.problem = f"its frames are left out: those of all threads are more than {MAX_THREAD_FRAMES:,}"


def described_frame(heap: Heap, raw: Any) -> dict[str, Any]:
    """The map of a frame; empty when it is not in the dump."""
    record = heap.record(raw.id) if type(raw) is Ref else None
    described = record[1] if record and record[0] == FRAME and len(record) > 1 else None
    return described if isinstance(described, dict) else {}


def evaluation_stack(heap: Heap, raw: Any) -> list[Any]:
    stack = described_frame(heap, raw).get("stack")
    return heap.parts(expand(stack)) if isinstance(stack, list) and run_length(stack) <= MAX_STACK else []


def typed(value: Any, kind: type[T]) -> T | None:
    """A value of the file where it is of the kind that it should be, else None."""
    return value if isinstance(value, kind) else None


def integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def give_native(native: NativeStacks, threads: list[Thread]) -> None:
    """Tell the Python threads which stack of C functions is whose.

    The kernel's ids may be those of another pid namespace, or of the parent after a fork, so ident comes first.
    """
    by_ident: dict[int | None, NativeThread] = {one.ident: one for one in reversed(native.threads) if one.ident}
    by_kernel_id: dict[int | None, NativeThread] = {one.thread: one for one in reversed(native.threads) if one.thread}
    for thread in threads:
        thread.native = by_ident.get(thread.ident) or (None if by_ident else by_kernel_id.get(thread.native_id))
        if not thread.native_id and thread.native is not None:  # 3.9 and 3.10 know only those of threading
            thread.native_id = thread.native.thread


def give_signal(signal: Signal, threads: list[Thread]) -> None:
    """Tell the Python threads which of them got the signal."""
    if signal.python_thread is False:
        return
    # After a fork the kernel's id may still be that of the parent's thread (3.11), so ident comes first.
    by_ident = [thread for thread in threads if signal.ident and thread.ident == signal.ident]
    by_kernel_id = [thread for thread in threads if signal.thread and thread.native_id == signal.thread]
    marked = [thread for thread in threads if thread.current and signal.python_thread]
    for thread in [*by_ident, *by_kernel_id, *marked][:1]:
        thread.signal = signal
        thread.native = next((one for one in signal.threads if one.thread and one.thread == signal.thread), None)


class Dump:
    """An open dump. Raises DumpError when the file cannot be read, is no dump, or is damaged beyond use."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = DumpFile(os.fspath(path))
        self.sources = Sources(self.file.blocks(SOURCE))
        self.sources.provide()
        self.heap = Heap(self.file, self.sources)
        self.path: str = self.file.path
        self.headers: dict[str, str] = {}
        for name, value in self.file.headers:
            self.headers.setdefault(name, decoded_header(value))
        self.facts: dict[str, Any] = self._merged(FACTS)
        self._roots = self._merged(ROOTS)
        self.end: dict[str, Any] = self._merged(END)
        described = self._roots.get("threads")
        threads = described if isinstance(described, list) else []
        self.threads: list[Thread] = [Thread(self.heap, one) for one in threads if isinstance(one, dict)]
        bound_frames(self.threads)
        fatal = self._merged(SIGNAL)
        self.signal: Signal | None = Signal(fatal) if fatal else None
        stacks = self._merged(NATIVE)
        self.native: NativeStacks | None = self.signal or (NativeStacks(stacks) if stacks else None)
        if self.native is not None:
            give_native(self.native, self.threads)
        if self.signal is not None:
            give_signal(self.signal, self.threads)

    def _merged(self, kind: int) -> dict[str, Any]:
        """The maps of all blocks of a kind in one; there is one such block in a whole file, none in some cut ones."""
        merged: dict[str, Any] = {}
        for block in self.file.blocks(kind):
            if isinstance(block, dict):
                merged.update(block)
        return merged

    # --- what happened ---

    @property
    def reason(self) -> str:
        """Why the dump was made: "exception", "request", "signal", ..."""
        found = self._roots.get("reason", self.facts.get("reason", "unknown"))
        return str(found)

    @property
    def exception(self) -> BaseException | None:
        """The exception the dump is about, with cause, context, notes and traceback; None when there is none."""
        found = self.heap.value(self._roots.get("exception"))
        return found if isinstance(found, BaseException) else None

    @property
    def traceback(self) -> TracebackType | None:
        """The traceback of the exception, for pdb.post_mortem and its like."""
        found = self.heap.value(self._roots.get("traceback"))
        if isinstance(found, TracebackType):
            return found
        return None if self.exception is None else self.exception.__traceback__

    @property
    def signal_thread(self) -> Thread | None:
        """The thread that got the fatal signal; None when there was none, or when Python did not know the thread."""
        return next((thread for thread in self.threads if thread.signal is not None), None)

    @property
    def tasks(self) -> list[Task]:
        """The asyncio tasks that were pending."""
        raw = self.end.get("tasks")
        ids = dict.fromkeys(one.id for one in raw if type(one) is Ref) if isinstance(raw, list) else ()
        return [Task(self.heap.get(rid)) for rid in itertools.islice(ids, MAX_TASKS)]

    @functools.cached_property
    def locks(self) -> Locks:
        """Who waits for which lock, and who holds it, as far as the frames of threads lead to them."""
        from .locks import Locks  # it needs this module

        return Locks(self)

    @functools.cached_property
    def task_waits(self) -> TaskWaits:
        """What the asyncio tasks wait for."""
        from .task_waits import TaskWaits  # it needs this module

        return TaskWaits(self)

    def stack_of(self, frame: FrameType) -> list[Any]:
        """The evaluation stack of a frame of this dump, as far as it is known."""
        rid = self.heap.id_of(frame)
        return [] if rid is None else evaluation_stack(self.heap, Ref(rid))

    @property
    def suspects(self) -> list[Any]:
        """Objects whose reference count is impossible: probably freed while in use, so their contents may be wrong."""
        raw = self.end.get("suspects")
        return [self.heap.value(one) for one in raw] if isinstance(raw, list) else []

    @property
    def modules(self) -> Any:
        """sys.modules of the dumped program."""
        return self.heap.value(self._roots.get("modules"))

    @property
    def system(self) -> dict[str, bytes]:
        """Texts of the operating system (memory maps, limits, ...) by path."""
        blocks = [block for block in self.file.blocks(PROC) if isinstance(block, dict)]
        return {str(block.get("path")): typed(block.get("content"), bytes) or b"" for block in blocks}

    @property
    def text(self) -> str:
        """The tracebacks of all threads as the writer put them down for people."""
        text = self.file.text
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n... {len(text) - MAX_TEXT:,} more characters\n"

    @property
    def problems(self) -> list[str]:
        """What is missing, damaged or to be taken with care, in words, each worth telling the user."""
        changing = self.facts.get("gil_held") is False and self.facts.get("stopped") is not True
        return [*self.missing, *self._suspicion(), *([WITHOUT_GIL] if changing else []), *self._core_problems()]

    @property
    def core(self) -> dict[str, Any]:
        """The core file that the dump was made from: `path`, `time`, `problems`; empty when it was a process."""
        found = self.facts.get("core")
        return found if isinstance(found, dict) else {}

    def _core_problems(self) -> list[str]:
        found = self.core.get("problems")
        return [str(problem) for problem in found] if isinstance(found, list) else []

    def _suspicion(self) -> list[str]:
        count = integer(self.end.get("suspect_count"))
        if not count:
            return []
        return [f"objects with an impossible reference count, probably freed while in use: {count} (Dump.suspects)"]

    @property
    def missing(self) -> list[str]:
        """Those of `problems` by which the dump is not complete."""
        found = list(self.file.problems)
        written, known, why = (self.end.get(key) for key in ("objects", "known", "reason"))
        if self.end and self.end.get("complete") is False and (why or written != known):
            why = why or "no reason given"
            found.append(f"the writer stopped early ({why}): {written} of {known} objects are in the file")
        if self.end.get("broken"):
            found.append(f"{self.end['broken']} objects could not be read in the dumped process")
        if self.end.get("missing_values"):
            cut = ", or were met too late to be written" if why else ""
            found.append(f"{self.end['missing_values']} values could not be read in the dumped process{cut}")
        modules = self._roots.get("modules")
        if isinstance(modules, _pyheapdump.Missing):
            found.append(f"no interpreter could be read: {modules.reason}")
        omitted = self.end.get("omitted")
        for one in omitted if isinstance(omitted, list) else ():
            if isinstance(one, dict):
                found.append(f"left out: {one.get('count')} {one.get('what')}: {one.get('reason')}")
        return found

    # --- objects ---

    def object(self, key: int) -> Any:
        """The object with this id, or at this address of the dumped process. KeyError when there is none."""
        if self.file.has(key):
            return self.heap.get(key)
        rid = self.file.find_address(key)
        if rid is None:
            raise KeyError(f"no object with id or address {key:#x} in this dump")
        return self.heap.get(rid)

    def objects(self, type_name: str | None = None) -> Iterator[Any]:
        """All objects of the heap, or those of the type `type_name`: its name, or "module.name".

        Values that were written inside their owner (most ints and floats, many str) are not objects of their own.
        Every object given stays in memory until the dump is closed.
        """
        names: dict[int, set[str]] = {}
        for rid in range(self.file.object_count):
            record = self.heap.record(rid)
            if record and record[0] != BROKEN and (type_name is None or type_name in self._names(record, names)):
                yield self.heap.get(rid)

    def unvouched(self, value: Any) -> dict[int, Any]:
        """Objects to which words of an unknown C type's instance seem to point, by their offset in its struct.

        Nothing vouches for them: such a word may be left over from what its memory was used for before. So they are no
        attributes.
        """
        return self.heap.unvouched(value)

    def find(self, type_name: str) -> list[Any]:
        """`objects(type_name)` as a list."""
        return list(self.objects(type_name))

    def _names(self, record: list[Any], known: dict[int, set[str]]) -> set[str]:
        """The names by which the type of a record can be asked for."""
        code = record[1] if record[0] == SPLIT and len(record) > 1 else record[0]
        if code in (OBJECT, MAPPED) and len(record) > 1 and type(record[1]) is Ref:
            rid = record[1].id
            if rid not in known:
                cls = self.heap.classes.info(rid).cls
                known[rid] = {cls.__name__, cls.__qualname__, f"{cls.__module__}.{cls.__qualname__}"}
            return known[rid]
        base = base_of_code(code)
        if base is not None:
            return {base.__name__, f"builtins.{base.__name__}"}
        named = {TYPE: {"type", "builtins.type"}, FRAME: {"frame"}, SINGLETON: {"ellipsis"}}
        return named.get(code, set()) if isinstance(code, int) else set()

    # --- the end ---

    def close(self) -> None:
        """Close the file and take the sources out of linecache. What was looked at stays usable."""
        self.sources.withdraw()
        self.file.close()

    def __enter__(self) -> Dump:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        subject = self.headers.get("Subject", self.reason)
        return f"<Dump {self.path!r}: {subject}>"


def decoded_header(value: str) -> str:
    """A header's text with RFC 2047 undone."""
    if "=?" not in value:
        return value
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError):
        return value


def load(path: str | os.PathLike[str]) -> Dump:
    """Open the dump at `path`. DumpError says in one line why that cannot be."""
    return Dump(path)


__all__ = ["Dump", "Missing", "Thread", "load"]
