# SPDX-License-Identifier: Apache-2.0
"""Exceptions that the program catches and logs: what a web framework, a task queue or an event loop does with them.

A record with an exception, of level ERROR or above, whatever logger it is for, leaves a dump when it comes to the
logger's handlers. No handler is added, as one at the root would turn logging.basicConfig() off, and no attribute of
logging is another object: the code of the function Logger.callHandlers is exchanged by one that calls ours for such
records, and then a function with the code that it had. It names the same file, so that logging takes its frames for its
own. (Exchanging the function's C pointer would not do: from Python 3.11 on the interpreter does not look at it. Nor
would the type of the records: those that filters drop are made, too.)

logging is not imported by us: when it is not there at install(), its import is noticed (pymodule/late_module.c).

Who logs does not wait until the dump is written, and there is one at a time: what is logged meanwhile is left for the
next time. Rates are those of other dumps that nobody asked for (rates.py).
"""

from __future__ import annotations

import atexit
import os
import sys

from . import _pyheapdump, capture, dumped, hooks, prompts, rates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
    from typing import Any

ERROR = 40  # logging.ERROR
REASON = "logged exception"

# What stands for callHandlers. In one line, which becomes the function's first one. The two texts become functions.
_CODE = (
    "def callHandlers(self, record): see = 'see'; found = 'found'; "
    "getattr(record, 'exc_info', None) and see(record); found(self, record)"
)

_function: FunctionType | None = None  # whose code was exchanged
_code: tuple[CodeType, CodeType] | None = None  # what it had, what it has
_writing: capture.Dumping | None = None
_process = 0  # that it is of
_passed_over = 0  # the id of the exception that was last


def install(wanted: bool) -> None:
    """Begin or end seeing what is logged."""
    if not wanted:
        _close()
    elif not _open():
        _pyheapdump.tell_registrations(atexit, _open)


def _open() -> bool:
    """See what is logged, if logging is there by now."""
    global _function, _code
    if _function is not None:
        return True
    logger = vars(sys.modules.get("logging", sys)).get("Logger")
    function: Any = vars(logger).get("callHandlers") if isinstance(logger, type) else None
    if type(function) is not type(_open):  # not there yet, or another library's own
        return False
    _pyheapdump.tell_no_registrations()
    _code = function.__code__, _seeing(function)
    _function = function
    function.__code__ = _code[1]
    return True


def _close() -> None:
    global _function, _code
    _pyheapdump.tell_no_registrations()
    if _function is not None and _code is not None and _function.__code__ is _code[1]:
        _function.__code__ = _code[0]
    _function = _code = None


def _seeing(function: FunctionType) -> CodeType:
    """The code that calls ours, then what `function` is now."""
    code = function.__code__
    place: dict[str, Any] = {}
    exec(compile("\n" * (code.co_firstlineno - 1) + _CODE, code.co_filename, "exec"), place)  # noqa: S102 - a constant
    found = type(function)(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    made: CodeType = place["callHandlers"].__code__
    functions = {"see": _see, "found": found}
    constants = tuple(functions.get(one, one) if type(one) is str else one for one in made.co_consts)
    return made.replace(co_consts=constants, **_qualified(code))


def _qualified(code: CodeType) -> dict[str, Any]:
    found = getattr(code, "co_qualname", None)  # 3.11
    return {} if found is None else {"co_qualname": found}


def _see(record: Any) -> None:
    """A record with an exception. Raises only what a signal handler of the program raises."""
    try:
        if record.levelno >= ERROR and type(record.exc_info) is tuple and len(record.exc_info) == 3:
            _dump(*record.exc_info[1:])
    except Exception as problem:  # an odd record; memory is short
        if capture.raised_by_program(problem):
            raise


def _dump(exception: Any, traceback: Any) -> None:
    global _process, _writing, _passed_over
    settings = hooks.active()
    if settings is None or not issubclass(type(exception), BaseException) or prompts.at_prompt():
        return
    if _process != os.getpid():
        _process, _writing = os.getpid(), None  # in a forked child: that one is the parent's
    if _writing is not None and not _writing.is_done():
        if not dumped.was_taken(exception) and not hooks.is_leaving(exception) and id(exception) != _passed_over:
            _passed_over = id(exception)  # it is often logged twice
            rates.pass_over()
        return
    done, _writing = _writing, None
    if done is not None:
        done.collect()
    _writing = hooks.begin(exception, traceback or capture.traceback_of(exception), REASON, settings)
