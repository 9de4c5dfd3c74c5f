# SPDX-License-Identifier: Apache-2.0
"""What can be called, and what it is made of: functions, methods, code, cells, descriptors, partial, operators.

Functions come back inert, so each check looks at the parts a reader of a dump needs: names, defaults, closure, code.
"""

import functools
import itertools
import operator
import re
import sys
import types

from .compare import described, holds, same
from .entry import Group

FUNCTIONS = Group("function")


def plain(a, b=2, *args, c, d=[4], **kwargs):
    """What plain does."""
    local = a
    return local


def outer():
    free, numbers = "captured", [1, 2]

    def inner():
        return free, numbers

    return inner


def annotated(a: int, b: "str" = "x") -> list:
    return [a, b]


plain.attribute = {"set": "on the function"}  # type: ignore[attr-defined]

FUNCTIONS.add("plain", lambda: plain)
FUNCTIONS.add("closure", outer)
FUNCTIONS.add("annotated", lambda: annotated)
FUNCTIONS.add("lambda_", lambda: lambda x, y=[1]: x)


@FUNCTIONS.check("plain")
def parts_of_a_function(found):
    described(
        found,
        "function",
        __name__="plain",
        __qualname__="plain",
        __module__="corpus.functions",
        __defaults__=(2,),
        __kwdefaults__={"d": [4]},
        __doc__="What plain does.",
        attribute={"set": "on the function"},
    )
    code = found.__code__
    same(code.co_name, "plain")
    same(code.co_firstlineno, plain.__code__.co_firstlineno, "co_firstlineno")
    same(tuple(code.co_varnames), ("a", "b", "c", "d", "args", "kwargs", "local"), "co_varnames")
    same((code.co_argcount, code.co_kwonlyargcount), (2, 2), "arguments")
    same(code.co_filename.endswith("functions.py"), True, "co_filename")


@FUNCTIONS.check("closure")
def captured(found):
    described(found, "function", __name__="inner", __qualname__="outer.<locals>.inner")
    same([cell.cell_contents for cell in found.__closure__], ["captured", [1, 2]])
    same(tuple(found.__code__.co_freevars), ("free", "numbers"))


@FUNCTIONS.check("annotated")
def annotated_function(found):
    described(found, "function", __name__="annotated", __defaults__=("x",))


@FUNCTIONS.check("lambda_")
def lambda_function(found):
    described(found, "function", __name__="<lambda>", __defaults__=([1],))


@FUNCTIONS.value
def calls_itself():
    def again():
        return again

    return again


@FUNCTIONS.check(calls_itself)
def closure_on_itself(found):
    same(found.__closure__[0].cell_contents is found, True, "the cell holds the function itself")


@FUNCTIONS.value
def decorated():
    @functools.wraps(plain)
    def wrapper():
        pass

    return wrapper


@FUNCTIONS.check(decorated)
def wrapped(found):
    described(found, "function", __name__="plain")
    same(found.__wrapped__.__name__, "plain")


@FUNCTIONS.value
def typed_parameters():
    """PEP 695 syntax, which 3.9 cannot parse."""
    space: dict = {}
    exec("def first[T](items: list[T]) -> T:\n    return items[0]\n", space)
    return space["first"]


FUNCTIONS.entries["function_typed_parameters"].since = (3, 12)


@FUNCTIONS.check(typed_parameters)
def generic_function(found):
    described(found, "function", __name__="first")


# --- methods and descriptors ------------------------------------------------------------------------------------


class Account:
    def __init__(self, owner):
        self.owner = owner

    def deposit(self, amount):
        return amount

    @property
    def balance(self):
        """Doc of balance."""
        return 0

    @balance.setter
    def balance(self, amount):
        pass

    @classmethod
    def open(cls):
        return cls("new")

    @staticmethod
    def rate():
        return 0.1

    @functools.cached_property
    def history(self):
        return []

    @functools.lru_cache(maxsize=8)  # noqa: B019
    def cached(self):
        return 1

    @functools.singledispatchmethod
    def show(self, value):
        return value


class Savings(Account):
    def parent(self):
        return super()


def from_dict(name):
    return lambda: vars(Account)[name]


FUNCTIONS.add("method_bound", lambda: Account("ada").deposit)
FUNCTIONS.add("method_class", lambda: Account.open)
FUNCTIONS.add("method_builtin", lambda: [1, 2].append)
FUNCTIONS.add("method_of_str", lambda: "text".upper)
FUNCTIONS.add("builtin", lambda: len)
FUNCTIONS.add("builtin_of_module", lambda: itertools.tee)
FUNCTIONS.add("method_wrapper", lambda: (5).__add__)
FUNCTIONS.add("wrapper_descriptor", lambda: int.__add__)
FUNCTIONS.add("method_descriptor", lambda: list.append)
FUNCTIONS.add("classmethod_descriptor", lambda: vars(dict)["fromkeys"])
FUNCTIONS.add("getset_descriptor", lambda: vars(types.FunctionType)["__code__"])
FUNCTIONS.add("member_descriptor", lambda: vars(slice)["start"])
FUNCTIONS.add("property", from_dict("balance"))
FUNCTIONS.add("classmethod", from_dict("open"))
FUNCTIONS.add("staticmethod", from_dict("rate"))
FUNCTIONS.add("cached_property", from_dict("history"))
FUNCTIONS.add("lru_cache", from_dict("cached"))
FUNCTIONS.add("singledispatchmethod", from_dict("show"))
FUNCTIONS.add("super", lambda: Savings("bob").parent())


@FUNCTIONS.check("method_bound")
def bound_method(found):
    same(type(found).__name__, "method")
    same(found.__self__.owner, "ada")
    same(found.__func__.__name__, "deposit")


@FUNCTIONS.check("method_class")
def method_of_the_class(found):
    same(type(found).__name__, "method")
    same(found.__self__.__name__, "Account")
    same(found.__func__.__name__, "open")


@FUNCTIONS.check("method_builtin")
def method_of_a_list(found):
    described(found, "builtin_function_or_method", __name__="append", __self__=[1, 2])


@FUNCTIONS.check("method_of_str")
def method_of_a_str(found):
    described(found, "builtin_function_or_method", __name__="upper", __self__="text")


@FUNCTIONS.check("builtin")
def builtin_function(found):
    described(found, "builtin_function_or_method", __name__="len")


@FUNCTIONS.check("builtin_of_module")
def function_of_c_module(found):
    described(found, "builtin_function_or_method", __name__="tee")


def descriptor(type_name, name, owner):
    def check(found):
        described(found, type_name, __name__=name)
        same(found.__objclass__.__name__, owner, "__objclass__")

    return check


FUNCTIONS.check("wrapper_descriptor")(descriptor("wrapper_descriptor", "__add__", "int"))
FUNCTIONS.check("method_descriptor")(descriptor("method_descriptor", "append", "list"))
FUNCTIONS.check("classmethod_descriptor")(descriptor("classmethod_descriptor", "fromkeys", "dict"))
FUNCTIONS.check("getset_descriptor")(descriptor("getset_descriptor", "__code__", "function"))
FUNCTIONS.check("member_descriptor")(descriptor("member_descriptor", "start", "slice"))


@FUNCTIONS.check("method_wrapper")
def slot_of_five(found):
    described(found, "method-wrapper", __self__=5)


@FUNCTIONS.check("property")
def property_parts(found):
    same(type(found).__name__, "property")
    same((found.fget.__name__, found.fset.__name__, found.fdel), ("balance", "balance", None))


@FUNCTIONS.check("classmethod")
def classmethod_function(found):
    same(type(found).__name__, "classmethod")
    same(found.__func__.__name__, "open")


@FUNCTIONS.check("staticmethod")
def staticmethod_function(found):
    same(type(found).__name__, "staticmethod")
    same(found.__func__.__name__, "rate")


@FUNCTIONS.check("cached_property")
def cached_property_function(found):
    same(type(found).__name__, "cached_property")
    same(found.func.__name__, "history")


@FUNCTIONS.check("lru_cache")
def cached_function(found):
    described(found, "_lru_cache_wrapper", __name__="cached")


@FUNCTIONS.check("singledispatchmethod")
def dispatching(found):
    same(type(found).__name__, "singledispatchmethod")
    same(found.func.__name__, "show")


@FUNCTIONS.check("super")
def super_object(found):
    same(type(found).__name__, "super")
    holds_owner = found.__self__
    same(holds_owner.owner, "bob")


# --- parts ------------------------------------------------------------------------------------------------------

FUNCTIONS.add("code", lambda: plain.__code__)
FUNCTIONS.add("code_of_module", lambda: compile("x = 1\ny = x\n", "made_up.py", "exec"))
FUNCTIONS.add("cell", lambda: types.CellType([1, 2]))
FUNCTIONS.add("cell_empty", types.CellType)
FUNCTIONS.add("partial", lambda: functools.partial(plain, 1, c=[3]))
FUNCTIONS.add("partial_of_partial", lambda: functools.partial(functools.partial(plain, 1), c=[3]))
FUNCTIONS.add("partial_attributes", lambda: partial_with_attribute())
FUNCTIONS.add("partialmethod", lambda: functools.partialmethod(plain, 1))
FUNCTIONS.add("itemgetter", lambda: operator.itemgetter(1, "key"))
FUNCTIONS.add("attrgetter", lambda: operator.attrgetter("a.b"))
FUNCTIONS.add("methodcaller", lambda: operator.methodcaller("name", 1, key=[2]))


def partial_with_attribute():
    value = functools.partial(plain)
    value.note = [1]  # type: ignore[attr-defined]
    return value


@FUNCTIONS.check("code")
def code_object(found):
    described(found, "code", co_name="plain", co_firstlineno=plain.__code__.co_firstlineno)
    same("What plain does." in found.co_consts or "What plain does." in repr(found.co_consts), True, "co_consts")


@FUNCTIONS.check("code_of_module")
def module_code(found):
    described(found, "code", co_name="<module>", co_filename="made_up.py", co_firstlineno=1)


@FUNCTIONS.check("cell")
def cell_contents(found):
    described(found, "cell", cell_contents=[1, 2])


@FUNCTIONS.check("cell_empty")
def empty_cell(found):
    same(type(found).__name__, "cell")
    try:
        raise AssertionError(f"has contents: {found.cell_contents!r}")
    except ValueError:
        return


@FUNCTIONS.check("partial")
def partial_parts(found):
    described(found, "partial", args=(1,), keywords={"c": [3]})
    same(found.func.__name__, "plain")


@FUNCTIONS.check("partial_of_partial")
def flattened(found):
    described(found, "partial", args=(1,), keywords={"c": [3]})


@FUNCTIONS.check("partial_attributes")
def partial_dict(found):
    described(found, "partial", args=(), keywords={}, note=[1])


@FUNCTIONS.check("partialmethod")
def partialmethod_parts(found):
    described(found, "partialmethod", args=(1,))


@FUNCTIONS.check("itemgetter")
def getter_items(found):
    same(type(found).__name__, "itemgetter")
    holds(found, (1, "key"))


@FUNCTIONS.check("attrgetter")
def getter_names(found):
    same(type(found).__name__, "attrgetter")


@FUNCTIONS.check("methodcaller")
def caller_name(found):
    same(type(found).__name__, "methodcaller")


# --- patterns, aliases, unions ----------------------------------------------------------------------------------

FUNCTIONS.add("pattern", lambda: re.compile(r"(?P<name>\w+)=(\d+)", re.I | re.M))
FUNCTIONS.add("pattern_bytes", lambda: re.compile(rb"\x00+"))
FUNCTIONS.add("match", lambda: re.search(r"(?P<first>b)(c)?", "abd"))
FUNCTIONS.add("generic_alias", lambda: list[int])
FUNCTIONS.add("union", lambda: union_of_int_and_none(), since=(3, 10))


def union_of_int_and_none():
    return eval("int | None")


@FUNCTIONS.check("pattern")
def pattern_parts(found):
    described(found, "Pattern", pattern=r"(?P<name>\w+)=(\d+)", groups=2)
    same(int(found.flags) & int(re.I | re.M), int(re.I | re.M), "flags")


@FUNCTIONS.check("pattern_bytes")
def bytes_pattern(found):
    described(found, "Pattern", pattern=rb"\x00+", groups=0)


@FUNCTIONS.check("match")
def match_parts(found):
    described(found, "Match", string="abd")
    same(found.re.pattern, r"(?P<first>b)(c)?")


@FUNCTIONS.check("generic_alias")
def alias_parts(found):
    same(type(found).__name__, "GenericAlias")
    same(found.__origin__.__name__, "list")
    same([a.__name__ for a in found.__args__], ["int"])


@FUNCTIONS.check("union")
def union_parts(found):
    same(type(found).__name__ in ("UnionType", "Union"), True, "type")
    same([a.__name__ for a in found.__args__], ["int", "NoneType"])


# --- frames, tracebacks, modules --------------------------------------------------------------------------------

FUNCTIONS.add("module_user", lambda: sys.modules[__name__])
FUNCTIONS.add("module_builtin", lambda: sys)
FUNCTIONS.add("module_made", lambda: made_module())
FUNCTIONS.add("frame_alive", lambda: sys._getframe())
FUNCTIONS.add("frame_finished", lambda: finished_frame())
FUNCTIONS.add("traceback", lambda: traceback_of_two())


def made_module():
    module = types.ModuleType("made_up", "Its doc.")
    module.content = [1, 2]  # type: ignore[attr-defined]
    return module


def finished_frame():
    finished_local = ["still here"]
    assert finished_local
    return sys._getframe()


def traceback_of_two():
    def fail(reason):
        raise ValueError(reason)

    try:
        fail("why")
    except ValueError as error:
        return error.__traceback__


@FUNCTIONS.check("module_user")
def this_module(found):
    described(found, "module", __name__="corpus.functions")
    same(found.plain.__name__, "plain")


@FUNCTIONS.check("module_builtin")
def sys_module(found):
    described(found, "module", __name__="sys")
    same(isinstance(found.path, list), True, "sys.path is a list")
    same(found is sys, False, "is the reader's own module")


@FUNCTIONS.check("module_made")
def made_module_content(found):
    described(found, "module", __name__="made_up", __doc__="Its doc.", content=[1, 2])


@FUNCTIONS.check("frame_alive")
def frame_of_the_builder(found):
    same(type(found).__name__, "frame")
    same(found.f_code.co_name, "<lambda>")


@FUNCTIONS.check("frame_finished")
def locals_of_a_finished_frame(found):
    same(type(found).__name__, "frame")
    same(found.f_code.co_name, "finished_frame")
    same(found.f_locals["finished_local"], ["still here"])


@FUNCTIONS.check("traceback")
def two_steps(found):
    same(type(found).__name__, "traceback")
    first = traceback_of_two.__code__.co_firstlineno
    same((found.tb_lineno, found.tb_next.tb_lineno), (first + 5, first + 2), "lines")
    same(found.tb_next.tb_frame.f_locals["reason"], "why")
    same(found.tb_next.tb_next, None)


@FUNCTIONS.value(since=(3, 15))
def lazy_import():
    """The placeholder that 3.15's lazy import leaves in a module's dict."""
    space: dict = {"__name__": "lazy_user", "__builtins__": __builtins__}
    exec("lazy import wave\n", space)
    return {"lazy": dict.get(space, "wave")}


@FUNCTIONS.check(lazy_import)
def placeholder(found):
    same("lazy" in type(found["lazy"]).__name__.lower(), True, f"type {type(found['lazy']).__name__}")
