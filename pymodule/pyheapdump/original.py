# SPDX-License-Identifier: Apache-2.0
"""The functions of the original pyheapdump (0.2, for Python 2.7), with their names, on top of the new core.

What changed: a dump is always the whole process, so `threads`, `tasklets` and `formatter` are accepted and have no
effect; `files` False leaves the sources out.
"""

from __future__ import annotations

import os
import sys

from . import _pyheapdump, capture, files, hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message
    from types import TracebackType
    from typing import Any

FILES_VARIABLE = "PYHEAPDUMP_WITH_FILES"


def _settings(with_files: object, directory: str | None = None) -> capture.Settings:
    settings = capture.installed() or capture.DEFAULTS
    if with_files is None:
        with_files = os.environ.get(FILES_VARIABLE, "yes").lower() in ("yes", "true", "y")
    return settings._replace(sources=bool(with_files), directory=directory or settings.directory)


def _exception(tb: TracebackType | None, exc_info: object) -> tuple[BaseException | None, TracebackType | None]:
    if exc_info is None or exc_info is True:
        exc_info = sys.exc_info()
    if not exc_info:
        return None, tb
    exception = exc_info[1]  # type: ignore[index]
    return exception, tb or exc_info[2]  # type: ignore[index]


def _write(
    path: str | None, tb: TracebackType | None, exc_info: object, with_files: object
) -> tuple[str, dict[str, str]]:
    exception, traceback = _exception(tb, exc_info)
    dumping = capture.begin(exception, traceback, "request", _settings(with_files), path)
    dumping.finish()
    return dumping.path, dict(headers_of(dumping.path).items())


def headers_of(path: str) -> Message:
    """The MIME headers of the dump at `path`."""
    from email.parser import BytesHeaderParser

    with open(path, "rb") as stream:
        return BytesHeaderParser().parse(stream)


def save_dump(
    filename: str,
    tb: TracebackType | None = None,
    exc_info: object = None,
    threads: object = None,
    tasklets: object = None,
    headers: object = None,
    files: object = None,
    formatter: object = None,
) -> tuple[str, dict[str, str]]:
    """Write a dump to `filename`, which may contain "{sequence_number}"; return (filename, headers)."""
    return _write(filename.format(sequence_number=_pyheapdump.number_peek()), tb, exc_info, files)


def create_dump(
    exc_info: object = None,
    threads: object = None,
    tasklets: object = None,
    headers: object = None,
    files: object = None,
) -> tuple[bytes, dict[str, str]]:
    """Make a dump in memory; return (its bytes, headers)."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="pyheapdump-") as directory:
        path, found = _write(os.path.join(directory, "created.dump"), None, exc_info, files)
        with open(path, "rb") as stream:
            return stream.read(), found


def load_dump(dumpfile: str | None = None, dump: bytes | None = None) -> Any:
    """Open a dump, given as a file name or as bytes; return a pyheapdump.Dump."""
    from .view import load

    if (dumpfile is None) == (dump is None):
        raise TypeError("load_dump() takes one of dumpfile and dump")
    if dumpfile is not None:
        return load(dumpfile)
    from tempfile import NamedTemporaryFile

    assert dump is not None
    with NamedTemporaryFile(prefix="pyheapdump-", suffix=files.SUFFIX) as stream:
        stream.write(dump)
        stream.flush()
        return load(stream.name)  # the open descriptor keeps the content


def debug_dump(
    dumpfile: str | None = None,
    dump: Any = None,
    debugger_options: dict[str, Any] | None = None,
    invoke_debugger_func: Callable[..., Any] | None = None,
) -> Any:
    """Debug a dump: a file name, or what load_dump() returned, with pdb or `invoke_debugger_func(dump, options)`."""
    opened = load_dump(dumpfile) if dump is None else load_dump(dump=dump) if isinstance(dump, bytes) else dump
    if invoke_debugger_func is not None:
        return invoke_debugger_func(opened, debugger_options or {})
    from .view.debugger import post_mortem

    return post_mortem(opened)


def dump_on_unhandled_exceptions(
    function: Callable[..., Any] | None = None,
    dump_dir: str | None = None,
    message: str | None = None,
    files: object = None,
    reraise: bool | None = None,
    daisy_chain_sys_excepthook: bool | None = None,
) -> Any:
    """A decorator: dump when the function raises. Without a function: dump on exceptions nothing catches.

    As a decorator with options: `functools.partial(dump_on_unhandled_exceptions, message="left {filename}")`.

    dump_dir: where to. message: format of the line on stderr, with {filename}. files: False leaves sources out.
    reraise: False swallows the exception (the function returns None); default True.
    daisy_chain_sys_excepthook: without a function; False keeps the previous sys.excepthook from running.
    """
    if function is None:
        settings = _settings(files, dump_dir)
        capture.install(**settings._asdict())
        if daisy_chain_sys_excepthook is False:
            hooks.silence()
        return None
    from functools import wraps

    @wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            return _pyheapdump.call_watched(dump_it, function, *args, **kwargs)
        except hooks.NO_DUMP:
            raise
        except BaseException:
            if reraise is None or reraise:
                raise
            return None

    def dump_it(exception: BaseException) -> None:
        if hooks.is_leaving(exception):
            return
        hooks.dump_now(exception, "exception", _settings(files, dump_dir), message)

    return watched
