# SPDX-License-Identifier: Apache-2.0
"""A program full of objects whose every special method misbehaves, once `arm()` was called.

    liars.py MODE ACTION COUNTER

MODE is what a special method does: raise, exit (sys.exit), die (os._exit), block (on a held lock) or count (nothing
more than what all do). All append their name to the file COUNTER first, which shows a call made in any process.
ACTION is what is done with them in the locals: dump (a dump on request), crash (an exception nobody catches) or fail
(one that is a liar itself).
"""

import os
import sys

os.environ.get("SUBJECT_INSTALL") == "1" and __import__("pyheapdump").install()

import collections  # noqa: E402
import datetime  # noqa: E402
import decimal  # noqa: E402
import gc  # noqa: E402
import threading  # noqa: E402
import types  # noqa: E402
import weakref  # noqa: E402

MODE, ACTION, COUNTER = sys.argv[1:4]

METHODS = """
    repr str bytes format lt le eq ne gt ge hash bool getattr getattribute setattr delattr dir get set delete
    instancecheck subclasscheck subclasshook call len length_hint getitem setitem delitem missing iter reversed
    contains next add radd iadd sub mul truediv floordiv mod divmod pow lshift rshift and or xor neg pos abs invert
    complex int float index round trunc floor ceil enter exit await aiter anext aenter aexit del reduce reduce_ex
    getstate setstate getnewargs getnewargs_ex copy deepcopy sizeof fspath buffer release_buffer init new
    init_subclass set_name class_getitem mro_entries subclasses prepare
""".split()

# Looked up by name in places where a debugger would; as properties, so that a mere look is a call.
PROPERTIES = """
    __wrapped__ __code__ __func__ __self__ __globals__ __closure__ __traceback__ __cause__ __context__ __notes__
    __path__ __file__ __spec__ __loader__ __origin__ __args__ __objclass__ __members__ name value args
    tb_frame f_locals f_code gi_frame cr_frame ag_frame shape dtype maxlen tzinfo default_factory
""".split()

# Those that only the body of a class can define, as type has setters of these names.
BODY_PROPERTIES = "__class__ __dict__ __doc__ __module__ __name__ __bases__ __mro__ __annotations__".split()

PLAIN = "keys values items get copy total_seconds isoformat utcoffset dst tzname as_tuple tolist tobytes mro".split()

armed = False
gate = threading.Lock()
gate.acquire()
counter = os.open(COUNTER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def misbehave(name):
    os.write(counter, (name + "\n").encode())
    if MODE == "raise":
        raise RuntimeError(name)
    if MODE == "exit":
        sys.exit(77)
    if MODE == "die":
        os._exit(99)
    if MODE == "block":
        gate.acquire()


def liar_method(owner, name):
    """A method that misbehaves when armed and does what the builtin one does otherwise."""
    normal = next((vars(base)[name] for base in owner.__mro__ if name in vars(base)), None)
    called = owner.__name__ + "." + name  # known before: to ask for it would be a call

    def method(*arguments, **named):
        if armed:
            misbehave(called)
        function = normal.__get__(arguments[0], owner) if hasattr(normal, "__get__") else None
        return function(*arguments[1:], **named) if function is not None else NotImplemented

    return method


def turn_liar(owner, names):
    """Replaces special methods of a class. `type.__setattr__` is used as the class may no longer be trusted."""
    for name in names:
        type.__setattr__(owner, name, liar_method(owner, name))


def turn_properties(owner, names):
    for name in names:
        type.__setattr__(owner, name, property(lambda self, name=name: misbehave("property " + name)))


METHOD_NAMES = [f"__{name}__" for name in METHODS]


def body_property(name):
    """A property that misbehaves when armed, and tells the class before that."""

    def get(self):
        if armed:
            misbehave("property " + name)
        return type(self) if name == "__class__" else None

    return property(get)


class Meta(type):
    def __new__(meta, name, bases, space):
        space.update({name: body_property(name) for name in BODY_PROPERTIES})
        return super().__new__(meta, name, bases, space)


class Liar(metaclass=Meta):
    def __init__(self, content):
        self.content = content


class SlottedLiar(metaclass=Meta):
    __slots__ = ("__weakref__", "content")


class LiarList(list, metaclass=Meta):
    pass


class LiarDict(dict, metaclass=Meta):
    pass


class LiarTuple(tuple, metaclass=Meta):
    pass


class LiarSet(set, metaclass=Meta):
    pass


class LiarFrozenset(frozenset, metaclass=Meta):
    pass


class LiarInt(int, metaclass=Meta):
    pass


class LiarFloat(float, metaclass=Meta):
    pass


class LiarStr(str, metaclass=Meta):
    pass


class LiarBytes(bytes, metaclass=Meta):
    pass


class LiarBytearray(bytearray, metaclass=Meta):
    pass


class LiarDeque(collections.deque, metaclass=Meta):
    pass


class LiarOrdered(collections.OrderedDict, metaclass=Meta):
    pass


class LiarDatetime(datetime.datetime, metaclass=Meta):
    pass


class LiarZone(datetime.tzinfo, metaclass=Meta):
    pass


class LiarDecimal(decimal.Decimal, metaclass=Meta):
    pass


class LiarModule(types.ModuleType, metaclass=Meta):
    pass


class LiarError(Exception, metaclass=Meta):
    pass


class LiarThread(threading.Thread, metaclass=Meta):
    pass


class LiarDescriptor(metaclass=Meta):
    pass


class Owner:
    """An ordinary class with lying descriptors."""

    described = LiarDescriptor()

    @property
    def computed(self):
        misbehave("Owner.computed")

    def __init__(self):
        self.content = "of owner"


def make():
    """The liars, while their classes are still honest."""
    values = {
        "plain": Liar("plain content"),
        "slotted": SlottedLiar(),
        "list": LiarList([1, 2]),
        "dict": LiarDict(a=1),
        "tuple": LiarTuple((1, 2)),
        "set": LiarSet({1}),
        "frozenset": LiarFrozenset({1}),
        "int": LiarInt(5),
        "float": LiarFloat(0.5),
        "str": LiarStr("text"),
        "bytes": LiarBytes(b"bytes"),
        "bytearray": LiarBytearray(b"bytes"),
        "deque": LiarDeque([1], 5),
        "ordered": LiarOrdered(a=1),
        "datetime": LiarDatetime(2026, 11, 21, tzinfo=LiarZone()),
        "decimal": LiarDecimal("1.5"),
        "module": LiarModule("liar_module"),
        "error": LiarError("lie", 5),
        "owner": Owner(),
    }
    values["slotted"].content = "slot content"
    values["key"] = {Liar("key"): 1, (1, Liar("in key")): 2}
    values["member"] = {Liar("member"), frozenset({Liar("deep member")})}
    values["references"] = [weakref.ref(v, lambda r: misbehave("weakref callback")) for v in (values["plain"],)]
    values["proxy"] = weakref.proxy(values["plain"])
    values["mapping"] = types.MappingProxyType(values["dict"])
    values["bound"] = values["plain"].__init__
    values["types"] = [Liar, Meta]
    return values


def arm(values):
    """From here on every special method misbehaves."""
    global armed
    classes = [c for c in globals().values() if isinstance(c, type) and type(c) is Meta]
    for owner in classes:
        turn_liar(owner, [*METHOD_NAMES, *PLAIN])
        turn_properties(owner, PROPERTIES)
    turn_liar(Meta, [*METHOD_NAMES, "mro"])
    turn_properties(Meta, PROPERTIES)
    gc.disable()
    gc.callbacks.append(lambda phase, info: misbehave("gc callback"))
    dict.__setitem__(sys.modules, "liar_module", values["module"])
    dict.__setitem__(sys.modules, "liar instead of a module", values["plain"])
    globals()["__getattr__"] = lambda name: misbehave("module __getattr__")
    armed = True


def lying_thread():
    """A running thread whose Thread object lies."""
    started = threading.Event()

    def wait():
        thread_local = "in the lying thread"
        started.set()
        threading.Event().wait(thread_local and 300)

    thread = LiarThread(target=wait, name="honest name", daemon=True)
    thread.start()
    started.wait()
    return thread


def caught(error):
    try:
        raise error
    except LiarError:
        return error


def dump(values):
    import pyheapdump

    thread = lying_thread()
    error = caught(values["error"])
    arm(values)
    globals()["__loader__"] = values["plain"]  # here alone: the interpreter itself asks it when it prints a traceback
    path = pyheapdump.dump(exc=error)
    os.write(1, path.encode() + b"\n")
    os._exit(len([thread]) - 1)  # the interpreter's own end would call the liars


def crash(values):
    honest_local = "honest"
    sys.excepthook = end_after(sys.excepthook)
    arm(values)
    raise ValueError("crash among " + honest_local + " liars")


def fail(values):
    sys.excepthook = end_after(sys.excepthook)
    arm(values)
    raise values["error"]


def end_after(hook):
    """Ends the process after the hook with the status an uncaught exception has: the end would call the liars."""

    def last(*arguments):
        hook(*arguments)
        sys.stderr.flush()
        os._exit(1)

    return last


{"dump": dump, "crash": crash, "fail": fail}[ACTION](make())
