# SPDX-License-Identifier: Apache-2.0
"""Making dumps: install(), uninstall(), dump().

A dump has two halves. `begin` freezes the process in a child that writes the file (a matter of milliseconds); `finish`
waits for the child and tells the user. The hooks (hooks.py) let the program print its own traceback in between.
"""

from __future__ import annotations

import os
import sys
import time

from . import _pyheapdump, files, rates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NamedTuple
else:
    from collections import namedtuple

if TYPE_CHECKING:

    class Settings(NamedTuple):
        """What install() was asked for; see there."""

        directory: str | None = None
        exceptions: bool = True
        signals: bool = True
        unraisable: bool = False
        scope: str = "closure"
        sources: bool = True
        redact: bool = True
        max_seconds: float = 600.0
        crash_timeout: float = 30.0
        max_bytes: int | None = None
        max_buffer: int | None = 64 << 20
        max_buffers: int | None = 256 << 20
        max_dumps: int | None = 20
        level: int = 1
        quiet: bool = False
        register: int | str | None = None
        gil_wait: float = 0.25
        memory_errors: bool = False
        memory_limit: int | str | None = None
        attachable: bool = True
        logged: bool = False

else:  # typing costs more time to import than everything else here together
    Settings = namedtuple(
        "Settings",
        "directory exceptions signals unraisable scope sources redact max_seconds crash_timeout max_bytes "
        "max_buffer max_buffers max_dumps level quiet register gil_wait memory_errors memory_limit attachable logged",
        defaults=(
            *(None, True, True, False, "closure", True, True, 600.0, 30.0, None, 64 << 20),
            *(256 << 20, 20, 1, False, None, 0.25, False),
            None,
            True,
            False,
        ),
    )

DEFAULTS = Settings()
# How much longer than its budget the writing child may live before it is killed, seconds.
CHILD_GRACE = 30.0
# Seconds that are as good as no limit; many more than these no lock can wait (threading.TIMEOUT_MAX).
NO_LIMIT = 1e8
# The options that are numbers of bytes.
_SIZES = ("max_bytes", "max_buffer", "max_buffers")
# Characters of a label.
MAX_LABEL = 1000

_settings: Settings | None = None
_OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Dumping:
    """A dump being written by a child process, to `path` or to a name that it chooses in one of `directories`."""

    def __init__(
        self,
        path: str | None,
        directories: list[str],
        process: int,
        snapshot: tuple[object, int, int],
        settings: Settings,
    ) -> None:
        self.settings = settings
        self._path = path
        self._directories = directories
        self._process = process
        self.snapshot, self.pid, self.paused_ns = snapshot
        self.began = time.monotonic()
        # What tells of it, where it is not the one who waits; see finish_later().
        self.tell: Callable[[dict[str, Any] | None, Exception | None], None] = self._tell_problem

    @property
    def path(self) -> str:
        """Where the dump is, or will be: the child tells which name it has chosen, if need be it is waited for.

        The directory, when it has failed before that.
        """
        if self._path is not None:
            return self._path
        named = _pyheapdump.snapshot_named(self.snapshot)
        if named is None:
            self.begun()
            named = _pyheapdump.snapshot_named(self.snapshot)
        if named is None:
            return self._directories[0]
        directory, number, _ = named
        return os.path.join(self._directories[directory], files.name_of(self._process, number))

    @property
    def refusal(self) -> str:
        """Why it is not in the directory where it was to be; "" when it is."""
        named = _pyheapdump.snapshot_named(self.snapshot)
        if named is None or named[0] == 0:
            return ""
        return f"not in {self._directories[0]}: {os.strerror(named[2])}"

    def begun(self) -> None:
        """Wait until the file is there, and so its path is known, or the child has ended. Raises as finish() does."""
        try:
            _pyheapdump.snapshot_begun(self.snapshot, self._seconds())
        except BaseException:
            finish_later(self)
            raise

    def is_done(self) -> bool:
        """Has the child ended, or told that it is done, without anybody who waits for that?"""
        return _pyheapdump.snapshot_told(self.snapshot)

    def finish(self) -> dict[str, object]:
        """Wait for the child; return what it wrote. Raises CaptureError, or OSError when no file could be made.

        What a signal handler of the program raises meanwhile ends the waiting, not the dump: that is finished later.
        """
        try:
            return self._wait()
        except _pyheapdump.CaptureError as problem:
            raise self._reason(problem) from None

    def collect(self) -> None:
        """Wait for it, and tell, unless another thread has done that."""
        result, problem = None, None
        try:
            result = self._wait()
        except _pyheapdump.CaptureError as error:
            problem = self._reason(error)
        if _unfinished.pop(self, None) is not None:
            self.tell(result, problem)

    def say_failed(self, problem: BaseException) -> None:
        """One line on why there is no dump."""
        where = "" if isinstance(problem, OSError) else f" at {self.path}"  # OSError has the directory
        say(f"no dump{where}: {describe(problem)}")

    def _wait(self) -> dict[str, Any]:
        _pyheapdump.snapshot_texts(self.snapshot, [])  # now no more follow
        try:
            found = _pyheapdump.snapshot_wait(self.snapshot, self._seconds())
        except _pyheapdump.CaptureError:
            raise
        except BaseException:
            finish_later(self)
            raise
        named = _pyheapdump.snapshot_named(self.snapshot)
        if named is not None:
            _pyheapdump.number_reached(named[1])
        return found

    def _seconds(self) -> float:
        limit = self.settings.max_seconds
        return limit + CHILD_GRACE if limit > 0 else -1.0

    def _reason(self, problem: _pyheapdump.CaptureError) -> Exception:
        number = getattr(problem, "errno", 0)
        if not number:
            return problem
        place = self._directories[0] if self._path is None else os.path.dirname(self._path)
        return OSError(number, os.strerror(number), place)

    def _tell_problem(self, result: dict[str, Any] | None, problem: Exception | None) -> None:
        if problem is not None:
            self.say_failed(problem)


def installed() -> Settings | None:
    """The settings of the last install(), or None."""
    return _settings


def install(
    directory: str | os.PathLike[str] | None = None,
    *,
    exceptions: bool = True,
    signals: bool = True,
    unraisable: bool = False,
    scope: str = "closure",
    sources: bool = True,
    redact: bool = True,
    max_seconds: float = DEFAULTS.max_seconds,
    crash_timeout: float = DEFAULTS.crash_timeout,
    max_bytes: int | None = None,
    max_buffer: int | None = DEFAULTS.max_buffer,
    max_buffers: int | None = DEFAULTS.max_buffers,
    max_dumps: int | None = DEFAULTS.max_dumps,
    level: int = 1,
    quiet: bool = False,
    register: int | str | None = None,
    gil_wait: float = DEFAULTS.gil_wait,
    memory_errors: bool = False,
    memory_limit: int | str | None = None,
    attachable: bool = True,
    logged: bool = False,
) -> None:
    """Let this process leave a dump when it fails. Installing again replaces the settings.

    directory: where dumps go; default PYHEAPDUMP_DIR, else the current directory, else the temporary one.
    exceptions: dump on exceptions that nothing catches, in threads and multiprocessing children too.
    signals: dump on fatal signals (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP), which then happen as
        without us. Their directory is chosen now, not when they come.
    unraisable: dump on exceptions in __del__ and callbacks (sys.unraisablehook) too.
    scope: "closure": everything reachable from the stacks and sys.modules.
    sources: put the source files of the functions on the stacks into the dump.
    redact: leave out values whose names tell of a secret.
    max_seconds, max_bytes: budgets of one dump; it ends there and says so (0 or None: none).
    max_buffer: bytes that are kept of one buffer or text (an array, bytes, a str), half from its head, half from its
        tail; what is left out is said and never read as zeros (0 or None: all).
    max_buffers: bytes that are kept of all of them together, those nearest to the fault first (0 or None: all).
    crash_timeout: seconds a fatal signal waits for its dump; what is written by then stays.
    max_dumps: dumps that may stay in the directory; the oldest of ours are removed (None: no limit).
    level: zstd compression level, 1 to 19.
    quiet: do not write the line that names the file to stderr.
    register: a signal, its number or name, that makes a dump of the living process; see register().
    gil_wait: seconds that register() and dump_later() wait for the GIL before they make the dump without it.
    memory_errors: dump when an allocation of Python's fails, before MemoryError is raised.
    memory_limit: dump once when this much memory is used, before the kernel kills: "90%" of what the cgroup, RLIMIT_AS
        or the machine allows, or a size of the process, "2GiB" or a number of bytes.
    attachable: a thread waits for `python -m pyheapdump attach`, which then need not stop the process but for a clone.
    logged: dump on exceptions that are caught and logged, by a framework above all, at level ERROR or above; on by
        default under PYHEAPDUMP=1 and `python -m pyheapdump run`.
    """
    global _settings
    from . import hooks, watch
    from . import signals as fatal_signals

    settings = checked(
        Settings(
            _directory(directory),
            exceptions,
            signals,
            unraisable,
            scope,
            sources,
            redact,
            max_seconds,
            crash_timeout,
            max_bytes,
            max_buffer,
            max_buffers,
            max_dumps,
            level,
            quiet,
            register,
            gil_wait,
            memory_errors,
            memory_limit,
            attachable,
            logged,
        )
    )
    _note_stderr()
    _pyheapdump.filters_note()
    watch.install(settings)  # first: it refuses a signal that cannot be had
    _settings = settings
    hooks.install(settings)
    _see_logged(settings.exceptions and settings.logged)
    if signals:
        fatal_signals.install(settings)
    else:
        fatal_signals.uninstall()


def _see_logged(wanted: bool) -> None:
    """What it takes is imported where it is asked for."""
    if wanted or f"{__package__}.logged" in sys.modules:
        from . import logged

        logged.install(wanted)


def checked(asked: Settings) -> Settings:
    """The settings as they are kept. Raises ValueError or TypeError, which name what is wrong."""
    if asked.scope != "closure":
        raise ValueError(f"scope must be 'closure', not {asked.scope!r}")
    for name in ("level", "max_dumps", *_SIZES):
        _check_type(name, getattr(asked, name), int, "a whole number")
    for name in ("max_seconds", "crash_timeout", "gil_wait"):
        _check_type(name, getattr(asked, name), (int, float), "a number")
    if not 1 <= asked.level <= 19:
        raise ValueError(f"level must be 1 to 19, not {asked.level!r}")
    if asked.max_dumps is not None and asked.max_dumps < 1:
        raise ValueError(f"max_dumps must be at least 1 or None, not {asked.max_dumps!r}")
    for name in _SIZES:
        size = getattr(asked, name)
        if not 0 <= (size or 0) < 1 << 63:
            raise ValueError(f"{name} must be at least 0 (no limit) and less than 2**63, not {size!r}")
    if not (asked.max_seconds or 0) >= 0:
        raise ValueError(f"max_seconds must be at least 0 (no limit), not {asked.max_seconds!r}")
    if not asked.crash_timeout > 0:
        raise ValueError(f"crash_timeout must be more than 0, not {asked.crash_timeout!r}")
    if not asked.gil_wait >= 0:
        raise ValueError(f"gil_wait must be at least 0, not {asked.gil_wait!r}")
    if asked.memory_limit is not None:
        from . import memory_limit

        memory_limit.parse(asked.memory_limit)
    return asked._replace(
        directory=None if asked.directory is None else os.path.abspath(asked.directory),
        max_seconds=float(asked.max_seconds or 0) if (asked.max_seconds or 0) < NO_LIMIT else 0.0,
        crash_timeout=min(float(asked.crash_timeout), NO_LIMIT),
        register=None if asked.register is None else _signal_number(asked.register),
        gil_wait=min(float(asked.gil_wait), NO_LIMIT),
    )


def _directory(asked: str | bytes | os.PathLike[str] | None) -> str | None:
    """As text; the bytes of a name that is none stand in it as os.fsdecode() has them."""
    if asked is None:
        return None
    if not isinstance(asked, (str, bytes, os.PathLike)):
        raise TypeError(f"directory must be a path, not {asked!r}")
    return os.fsdecode(asked)


def _signal_number(asked: int | str) -> int:
    """10 for 10, "10", "SIGUSR1" and "USR1"; such texts come from command lines and the environment."""
    if isinstance(asked, str) and not asked.isdecimal():
        import signal

        name = asked.upper() if asked.upper().startswith("SIG") else f"SIG{asked.upper()}"
        if name not in signal.Signals.__members__:
            raise ValueError(f"register must be a signal, SIGUSR1 or its number, not {asked!r}")
        return signal.Signals[name].value
    return int(asked)


def _check_type(name: str, value: object, expected: type | tuple[type, ...], words: str) -> None:
    may_be_none = name.startswith("max_")
    if not (value is None and may_be_none) and (isinstance(value, bool) or not isinstance(value, expected)):
        raise TypeError(f"{name} must be {words}, not {value!r}")


def uninstall() -> None:
    """Undo install(): the hooks found then are back, as far as nobody else has replaced them since."""
    global _settings
    from . import hooks, signals, watch

    _see_logged(False)
    hooks.uninstall()
    signals.uninstall()
    watch.uninstall()
    _settings = None


def _own_frames() -> int:
    """How many of the innermost frames are this package's own."""
    count = 0
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OWN_DIRECTORY):
        count += 1
        frame = frame.f_back  # type: ignore[assignment]
    return count


def traceback_of(exception: BaseException | None) -> TracebackType | None:
    """The traceback of an exception, without running what its class may have put in the attribute's place."""
    return None if exception is None else vars(BaseException)["__traceback__"].__get__(exception)


# Modules that ours call are in this folder itself, or frozen.
_STANDARD_LIBRARY = os.path.dirname(os.__file__)


def raised_by_program(problem: BaseException) -> bool:
    """Did a signal handler of the program raise it, which ran while we were at work? Then the program is to have it."""
    if not issubclass(type(problem), Exception):
        return True
    step = traceback_of(problem)
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not name.startswith((_OWN_DIRECTORY, "<frozen ")) and os.path.dirname(name) != _STANDARD_LIBRARY:
            return True
        step = step.tb_next
    return False


def executable() -> str:
    """sys.executable as text that every reader can decode."""
    return (sys.executable or "").encode("utf-8", "backslashreplace").decode("utf-8")


def _label_text(label: str) -> str:
    """As the file can hold it: bounded, with escapes for what is no text."""
    text = label if len(label) <= MAX_LABEL else f"{label[:MAX_LABEL]}..."
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def begin(
    exception: BaseException | None,
    traceback: TracebackType | None,
    reason: str,
    settings: Settings,
    path: str | None = None,
    label: str | None = None,
    fall_back: bool = True,
    texts_follow: bool = False,
    held_back: int = 0,
) -> Dumping:
    """Start a dump; `label` is a text of the caller's that stands in it.

    texts_follow: those of exceptions may be given to it until it is waited for (late_texts.py).
    path: the file to make; default a new one in the directory of `settings` or, to `fall_back` on, in another one.
    No file system is asked for anything here, but for `path`: that is done by the child, which has descriptors to
    spare, too. Raises CaptureError, OSError, or DumpingDisabledError.
    """
    _finish_done()
    if path is not None and os.path.lexists(path):
        raise FileExistsError(17, "a dump never replaces a file", path)
    path = None if path is None else os.path.abspath(path)
    directories = files.directories(settings.directory, fall_back) if path is None else []
    pid = os.getpid()
    snapshot = _pyheapdump.snapshot_start(
        exception=exception,
        traceback=traceback,
        skip_frames=_own_frames(),
        directories=directories,
        path=path,
        reason=reason,
        executable=executable(),
        pid=pid,
        sequence=_pyheapdump.number_next(),
        time_ns=time.time_ns(),
        level=settings.level,
        max_bytes=settings.max_bytes or 0,
        max_buffer=settings.max_buffer or 0,
        max_buffers=settings.max_buffers or 0,
        max_seconds=settings.max_seconds,
        max_dumps=settings.max_dumps or 0,
        sources=settings.sources,
        redact=settings.redact,
        label=None if label is None else _label_text(label),
        texts_follow=texts_follow,
        kind=0 if exception is None else rates.kind_of(exception, traceback),
        held_back=held_back,
    )
    return Dumping(path, directories, pid, snapshot, settings)


def dump(
    path: str | os.PathLike[str] | None = None,
    *,
    exc: BaseException | None = None,
    scope: str = "closure",
    wait: bool = True,
) -> str:
    """Write a dump of the living process and return its path; the process goes on.

    path: the file to make; default a new one in the directory of install(). An existing file is never replaced.
    exc: the exception the dump is about; default the one being handled, if any.
    wait: return when the file is complete; otherwise as soon as the child has begun it.
    Raises CaptureError or OSError when no dump can be made.
    """
    if scope != "closure":
        raise ValueError(f"dump(): scope must be 'closure', not {scope!r}")
    settings = _settings or DEFAULTS
    if exc is None:
        exc = sys.exc_info()[1]
    named = None if path is None else os.fspath(path)
    dumping = begin(exc, traceback_of(exc), "request", settings, named, fall_back=False)
    if not wait:
        dumping.begun()
    if wait or dumping.is_done():
        dumping.finish()
    else:
        finish_later(dumping)
    return dumping.path


# Dumps that are being written. Each stays here until it is complete: the program ends after it.
_unfinished: dict[Dumping, bool] = {}
_finished_at_exit = False


def finish_later(dumping: Dumping) -> None:
    """Collect the child when a dump is made after it has ended, or when the process ends, whichever comes first."""
    _unfinished[dumping] = True
    finish_at_exit()


def finish_at_exit() -> None:
    """Let the process end after its dumps; the sooner this is called, the later at its end they are waited for."""
    global _finished_at_exit
    import atexit
    import posix

    if not _finished_at_exit:
        atexit.register(_finish_all)
        _pyheapdump.call_before_end(posix, _finish_all)
        _finished_at_exit = True


def _finish_done() -> None:
    for dumping in tuple(_unfinished):
        if dumping.is_done():
            dumping.collect()


def forget_unfinished() -> None:
    """In a forked child: the dumps that the parent waits for are the parent's."""
    _unfinished.clear()


def _finish_all() -> None:
    for dumping in tuple(_unfinished):
        dumping.collect()


def describe(problem: BaseException) -> str:
    """An error of ours in one line."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return " ".join(str(problem).split()) or type(problem).__name__


def say(text: str) -> None:
    """One line on stderr, whatever state the program's sys.stderr is in; nothing where that would have to wait."""
    _pyheapdump.say(f"pyheapdump: {text}\n".encode("utf-8", "backslashreplace"))


def _note_stderr() -> None:
    """Python has no stderr when the descriptor was closed at its start; then it is the first file that is opened."""
    _pyheapdump.note_stderr(sys.__stderr__ is not None)


_note_stderr()


def extent(result: dict[str, Any]) -> str:
    """How much of a dump there is, for people: its size, and whether it is cut or not complete."""
    size = size_text(result["bytes"])
    if result["write_errno"]:
        return f"{size}; cut: {os.strerror(result['write_errno'])}"
    return size if result["complete"] else f"{size}; not complete, it says what is missing"


def size_text(size: int) -> str:
    """`size` bytes for people."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
