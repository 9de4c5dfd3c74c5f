# SPDX-License-Identifier: Apache-2.0
"""Exceptions as values: arguments, attributes, cause, context, notes, groups, the C fields of the builtin ones."""

import json
import os

from .compare import described, same
from .entry import Group

FAILURES = Group("failure")


class AppError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class Quiet(Exception):
    """Its text is its own code, which the reader must not run."""

    def __str__(self):
        raise AssertionError("__str__ of the program ran")


class SlottedError(ValueError):
    __slots__ = ("detail",)


def caught(action):
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def raise_from():
    try:
        int("x")
    except ValueError as error:
        raise KeyError("missing") from error


def raise_while_handling():
    try:
        int("x")
    except ValueError:
        raise KeyError("missing")  # noqa: B904


def raise_from_none():
    try:
        int("x")
    except ValueError:
        raise KeyError("missing") from None


def slotted_error():
    error = SlottedError("slot")
    error.detail = [1]
    return error


def noted():
    error = ValueError("with notes")
    error.add_note("first note")
    error.add_note("second \u03c0 note")
    return error


def grouped():
    group = eval("ExceptionGroup")
    return group("several", [ValueError(1), group("inner", [KeyError("k"), AppError("app", 5)])])


def exception_in_itself():
    error = ValueError("me")
    error.args = (error,)
    return error


FAILURES.add("simple", lambda: ValueError("text"))
FAILURES.add("no_arguments", ValueError)
FAILURES.add("arguments", lambda: ValueError("text", 1, [2], None))
FAILURES.add("attributes", lambda: AppError("message", 404))
FAILURES.add("own_str", lambda: Quiet("quiet"))
FAILURES.add("slots", slotted_error)
FAILURES.add("raised", lambda: caught(lambda: int("x")))
FAILURES.add("cause", lambda: caught(raise_from))
FAILURES.add("context", lambda: caught(raise_while_handling))
FAILURES.add("suppressed_context", lambda: caught(raise_from_none))
FAILURES.add("in_itself", exception_in_itself)
FAILURES.add("notes", noted, since=(3, 11))
FAILURES.add("group", grouped, since=(3, 11))
FAILURES.add("stop_iteration", lambda: StopIteration(["value"]))
FAILURES.add("system_exit", lambda: SystemExit(3))
FAILURES.add("key_error", lambda: caught(lambda: {}[("k", 1)]))
FAILURES.add("attribute_error", lambda: caught(lambda: [].nothing))  # type: ignore[attr-defined]
FAILURES.add("name_error", lambda: caught(lambda: eval("undefined_name")))
FAILURES.add("os_error", lambda: caught(lambda: os.stat("/nonexistent/file")))
FAILURES.add("os_error_two_names", lambda: OSError(18, "Invalid cross-device link", "/a", None, "/b"))
FAILURES.add("syntax_error", lambda: caught(lambda: compile("a b", "bad.py", "exec")))
FAILURES.add("unicode_decode_error", lambda: caught(lambda: b"\xff".decode()))
FAILURES.add("unicode_encode_error", lambda: caught(lambda: "\u20ac".encode("ascii")))
FAILURES.add("import_error", lambda: ImportError("no", name="mod", path="/p"))
FAILURES.add("json_error", lambda: caught(lambda: json.loads("{")))
FAILURES.add("keyboard_interrupt", lambda: KeyboardInterrupt())
FAILURES.add("recursion_error", lambda: RecursionError("deep"))


def exception_of(type_name, *arguments, **attributes):
    """An exception is a real exception with the right class name, arguments and attributes."""

    def check(found):
        same(isinstance(found, BaseException), True, f"{type(found).__name__} is an exception")
        described(found, type_name, args=arguments, **attributes)

    return check


NO_FILE = "No such file or directory"
FAILURES.check("simple")(exception_of("ValueError", "text", __cause__=None, __context__=None, __traceback__=None))
FAILURES.check("no_arguments")(exception_of("ValueError"))
FAILURES.check("arguments")(exception_of("ValueError", "text", 1, [2], None))
FAILURES.check("attributes")(exception_of("AppError", "message", code=404))
FAILURES.check("own_str")(exception_of("Quiet", "quiet"))
FAILURES.check("slots")(exception_of("SlottedError", "slot", detail=[1]))
FAILURES.check("notes")(exception_of("ValueError", "with notes", __notes__=["first note", "second \u03c0 note"]))
FAILURES.check("stop_iteration")(exception_of("StopIteration", ["value"], value=["value"]))
FAILURES.check("system_exit")(exception_of("SystemExit", 3, code=3))
FAILURES.check("key_error")(exception_of("KeyError", ("k", 1)))
FAILURES.check("os_error")(
    exception_of("FileNotFoundError", 2, NO_FILE, errno=2, strerror=NO_FILE, filename="/nonexistent/file")
)
FAILURES.check("os_error_two_names")(
    exception_of("OSError", 18, "Invalid cross-device link", filename="/a", filename2="/b")
)
FAILURES.check("unicode_decode_error")(
    exception_of("UnicodeDecodeError", "utf-8", b"\xff", 0, 1, "invalid start byte", object=b"\xff", start=0, end=1)
)
FAILURES.check("unicode_encode_error")(
    exception_of(
        "UnicodeEncodeError", "ascii", "\u20ac", 0, 1, "ordinal not in range(128)", encoding="ascii", object="\u20ac"
    )
)
FAILURES.check("import_error")(exception_of("ImportError", "no", name="mod", path="/p", msg="no"))
FAILURES.check("keyboard_interrupt")(exception_of("KeyboardInterrupt"))
FAILURES.check("recursion_error")(exception_of("RecursionError", "deep"))


@FAILURES.check("raised")
def has_its_traceback(found):
    same(type(found).__name__, "ValueError")
    names = []
    step = found.__traceback__
    while step is not None:
        names.append(step.tb_frame.f_code.co_name)
        step = step.tb_next
    same(names, ["caught", "<lambda>"])


@FAILURES.check("cause")
def has_cause(found):
    same((type(found).__name__, type(found.__cause__).__name__), ("KeyError", "ValueError"))
    same(found.__cause__ is found.__context__, True, "the cause is the context too")
    same(found.__suppress_context__, True)


@FAILURES.check("context")
def has_context(found):
    same((found.__cause__, type(found.__context__).__name__), (None, "ValueError"))
    same(found.__suppress_context__, False)


@FAILURES.check("suppressed_context")
def context_is_hidden(found):
    same((found.__cause__, type(found.__context__).__name__), (None, "ValueError"))
    same(found.__suppress_context__, True)


@FAILURES.check("in_itself")
def argument_is_the_exception(found):
    same(found.args[0] is found, True, "the argument is the exception")


@FAILURES.check("group")
def tree_of_exceptions(found):
    described(found, "ExceptionGroup", message="several")
    first, inner = found.exceptions
    same(type(first).__name__, "ValueError")
    same([type(e).__name__ for e in inner.exceptions], ["KeyError", "AppError"])
    same(inner.exceptions[1].code, 5)


@FAILURES.check("attribute_error")
def attribute_name(found):
    same(type(found).__name__, "AttributeError")
    same(found.args, ("'list' object has no attribute 'nothing'",))


@FAILURES.check("name_error")
def undefined(found):
    same(found.args, ("name 'undefined_name' is not defined",))


@FAILURES.check("syntax_error")
def place_of_the_error(found):
    described(found, "SyntaxError", filename="bad.py", lineno=1, text="a b\n" if found.text.endswith("\n") else "a b")


@FAILURES.check("json_error")
def json_position(found):
    described(found, "JSONDecodeError", doc="{", pos=1, lineno=1)
