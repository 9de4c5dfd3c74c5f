# SPDX-License-Identifier: Apache-2.0
"""The texts of exceptions of synthetic classes.

The text that the program itself made for the dump comes first. Without it, that of a class whose `__str__` is the
standard library's is put together from its fields, as that does. What another `__str__` would make is not known, and
the text says so; where none was written the builtin class makes the text of the arguments, as in the program.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from .class_info import INFO, ClassInfo, raw_dict
from .display import full_repr

MOST = 20_000  # characters of one part


def exception_text(self: Any) -> str:
    """The `__str__` of synthetic exception classes."""
    cls = type(self)
    info: ClassInfo = raw_dict(cls)[INFO]
    rid = info.heap.id_of(self)
    told = None if rid is None else info.heap.told_texts.get(rid)
    return made_of_fields(self) if told is None else told


def made_of_fields(error: Any) -> str:
    """The text without that of the program."""
    base: Any
    for base in type(error).__mro__:
        info: ClassInfo | None = raw_dict(base).get(INFO)
        if info is None:  # the builtin class
            return str(base.__str__(error))
        if not is_stand_in_of_builtin(info) and "__str__" in info.dict():
            return composed(error, f"{base.__module__}.{base.__qualname__}")
    raise AssertionError("every exception has a builtin base")


def is_stand_in_of_builtin(info: ClassInfo) -> bool:
    return info.map.get("module") == "builtins" and info.map.get("heap") is not True


def composed(error: Any, maker: str) -> str:
    """The text that `__str__` of the class `maker` makes."""
    compose = COMPOSERS.get(maker)
    try:
        if compose is not None:
            return compose(error)
    except (AttributeError, LookupError, TypeError, ValueError):  # an exception without the usual fields
        pass
    arguments = f"; its arguments are {full_repr(error.args, total=MOST)}" if error.args else ""
    return f"<text not known: {maker}.__str__() makes it{arguments}>"


def text(value: Any) -> str:
    """What str() gives, with bounds."""
    if isinstance(value, str):
        return str.__getitem__(value, slice(MOST))
    return full_repr(value, total=MOST)


# --- the standard library's -------------------------------------------------------------------------------------


def called_process(error: Any) -> str:
    command, status = text(error.cmd), error.returncode
    if not isinstance(status, int) or status >= 0:
        if raw_dict(type(error))[INFO].heap.python >= (3, 15):
            return f"Command {full_repr(error.cmd, total=MOST)} returned non-zero exit status {text(status)}."
        return f"Command '{command}' returned non-zero exit status {text(status)}."
    try:
        return f"Command '{command}' died with {signal.Signals(-status)!r}."
    except ValueError:
        return f"Command '{command}' died with unknown signal {-status}."


def incomplete_read(error: Any) -> str:
    expected = "" if error.expected is None else f", {text(error.expected)} more expected"
    return f"IncompleteRead({len(error.partial)} bytes read{expected})"


def option_error(error: Any) -> str:
    return f"option {text(error.option_id)}: {text(error.msg)}" if error.option_id else text(error.msg)


def argument_error(error: Any) -> str:
    if error.argument_name is None:
        return text(error.message)
    return f"argument {text(error.argument_name)}: {text(error.message)}"


def ssl_error(error: Any) -> str:
    return text(error.strerror) if isinstance(error.strerror, str) else text(error.args)


def sax_parse(error: Any) -> str:
    place = (error._systemId, error._linenum, error._colnum)
    system, line, column = ("?" if part is None else text(part) for part in place)
    return f"{'<unknown>' if error._systemId is None else system}:{line}:{column}: {text(error._msg)}"


def remote_error(error: Any) -> str:
    return f"\n{'-' * 75}\n{text(error.args[0])}{'-' * 75}"


def xmlrpc_error(error: Any) -> str:
    name = type(error).__name__
    if hasattr(error, "faultCode"):
        return f"<{name} {text(error.faultCode)}: {full_repr(error.faultString, total=MOST)}>"
    return f"<{name} for {text(error.url)}: {text(error.errcode)} {text(error.errmsg)}>"


COMPOSERS: dict[str, Callable[[Any], str]] = {
    "subprocess.CalledProcessError": called_process,
    "subprocess.TimeoutExpired": lambda e: f"Command '{text(e.cmd)}' timed out after {text(e.timeout)} seconds",
    "urllib.error.URLError": lambda e: f"<urlopen error {text(e.reason)}>",
    "urllib.error.HTTPError": lambda e: f"HTTP Error {text(e.code)}: {text(e.msg)}",
    "http.client.IncompleteRead": incomplete_read,
    "configparser.Error": lambda e: text(e.message),
    "getopt.GetoptError": lambda e: text(e.msg),
    "optparse.OptParseError": lambda e: text(e.msg),
    "optparse.OptionError": option_error,
    "optparse.BadOptionError": lambda e: f"no such option: {text(e.opt_str)}",
    "argparse.ArgumentError": argument_error,
    "importlib.metadata.PackageNotFoundError": lambda e: f"No package metadata was found for {text(e.args[0])}",
    "concurrent.futures.process._RemoteTraceback": lambda e: text(e.tb),
    "multiprocessing.pool.RemoteTraceback": lambda e: text(e.tb),
    "multiprocessing.pool.MaybeEncodingError": lambda e: f"Error sending result: '{text(e.value)}'. "
    f"Reason: '{text(e.exc)}'",
    "multiprocessing.managers.RemoteError": remote_error,
    "netrc.NetrcParseError": lambda e: f"{text(e.msg)} ({text(e.filename)}, line {text(e.lineno)})",
    "py_compile.PyCompileError": lambda e: text(e.msg),
    "ssl.SSLError": ssl_error,
    "xml.sax._exceptions.SAXException": lambda e: text(e._msg),
    "xml.sax._exceptions.SAXParseException": sax_parse,
    "xmlrpc.client.Error": xmlrpc_error,
}
