# SPDX-License-Identifier: Apache-2.0
"""Instances and classes: instance dicts of every storage, slots, inheritance, metaclasses, enums, dataclasses."""

import abc
import dataclasses
import enum
import typing

from .compare import described, same
from .entry import Group

CLASSES = Group("class")


class Empty:
    pass


class Order:
    """A doc string."""

    currency = "EUR"

    def __init__(self, number, items=()):
        self.number = number
        self.items = list(items)

    def total(self):
        return sum(self.items)

    @property
    def double(self):
        raise AssertionError("a property of the program ran")

    @classmethod
    def of(cls, *items):
        return cls(0, items)

    @staticmethod
    def tax(amount):
        return amount * 0.2


class Express(Order):
    def __init__(self, number):
        super().__init__(number, [1, 2])
        self.when = "now"


class Left(Order):
    side = "left"


class Right(Order):
    side = "right"


class Diamond(Left, Right):
    pass


CLASSES.add("instance_empty", Empty)
CLASSES.add("instance", lambda: Order(17, [1.5, "x"]))
CLASSES.add("instance_inherited", lambda: Express(18))
CLASSES.add("instance_diamond", lambda: Diamond(19))
CLASSES.add("instances_sharing_keys", lambda: [Order(i, [i]) for i in range(100)])


def instance_with(**attributes):
    value = Empty()
    for name, content in attributes.items():
        setattr(value, name, content)
    return value


CLASSES.add("instance_20_attributes", lambda: instance_with(**{f"a{i}": [i] for i in range(20)}))
CLASSES.add("instance_40_attributes", lambda: instance_with(**{f"a{i}": i for i in range(40)}))
CLASSES.add("instance_1000_attributes", lambda: instance_with(**{f"a{i}": i for i in range(1000)}))


@CLASSES.value
def instance_dict_seen():
    """Somebody asked for __dict__, so 3.13's inline values have a dict object in front of them."""
    value = Order(1)
    return [value, value.__dict__]


@CLASSES.check(instance_dict_seen)
def attributes_and_their_dict(found):
    value, attributes = found
    described(value, "Order", number=1, items=[])
    same(attributes, {"number": 1, "items": []})


@CLASSES.value
def instance_deleted_attribute():
    value = Order(1)
    del value.number
    value.later = 1
    return value


@CLASSES.value
def instance_reordered_attributes():
    value = Empty()
    value.b = 1
    value.a = 2
    other = Empty()
    other.a = 3
    other.b = 4
    return [value, other]


@CLASSES.value
def instance_int_key_in_dict():
    """A key that is no str: the dict of the instance turns general."""
    value = Order(1)
    value.__dict__[5] = "five"
    return value


@CLASSES.check(instance_int_key_in_dict)
def both_kinds_of_keys(found):
    described(found, "Order", number=1)
    same(vars(found)[5], "five")


@CLASSES.value
def instance_replaced_dict():
    value = Order(1)
    value.__dict__ = {"number": 2, "other": [3]}
    return value


@CLASSES.value
def instance_odd_attribute_names():
    value = Empty()
    value.__dict__.update({"with space": 1, "\xe9": 2, "": 3, "class": 4, "1a": 5, "\udc80": 6})
    return value


@CLASSES.value
def instance_in_itself():
    value = Empty()
    value.me = value
    value.others = [value, {"me": value}]
    return value


@CLASSES.value
def instance_chain_30000():
    head = None
    for i in range(30_000):
        node = Empty()
        node.next = head
        head = node
    return head


@CLASSES.value
def instances_in_a_ring():
    first, second = Empty(), Empty()
    first.other, second.other = second, first
    return [first, second, first]


# --- slots ------------------------------------------------------------------------------------------------------


class Slotted:
    __slots__ = ("x", "y", "never_set")


class SlottedChild(Slotted):
    __slots__ = ("z",)


class SlottedWithDict(Slotted):
    pass


class SlottedDictSlot:
    __slots__ = ("x", "__dict__", "__weakref__")


class PrivateSlot:
    __slots__ = ("__hidden",)

    def __init__(self):
        self.__hidden = [1]


class NoSlots:
    __slots__ = ()


def filled(cls, **attributes):
    value = cls()
    for name, content in attributes.items():
        setattr(value, name, content)
    return value


CLASSES.add("slots", lambda: filled(Slotted, x=1, y=[2]))
CLASSES.add("slots_unset", Slotted)
CLASSES.add("slots_inherited", lambda: filled(SlottedChild, x=1, z="z"))
CLASSES.add("slots_and_dict", lambda: filled(SlottedWithDict, x=1, extra=[2]))
CLASSES.add("slots_dict_slot", lambda: filled(SlottedDictSlot, x=1, extra=[2]))
CLASSES.add("slots_empty", NoSlots)
CLASSES.add("slots_private", PrivateSlot)
CLASSES.add("slots_many", lambda: [filled(Slotted, x=i, y=str(i)) for i in range(500)])


@CLASSES.value
def slots_in_itself():
    value = Slotted()
    value.x = value
    return value


# --- dataclasses, enums, typing ---------------------------------------------------------------------------------


@dataclasses.dataclass
class Item:
    name: str
    price: float = 0.5
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str
    inner: Item


@dataclasses.dataclass(order=True)
class Child(Item):
    extra: int = 3


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    CRIMSON = 1

    def describe(self):
        return self.name.lower()


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    X = 1
    Y = 4


class Planet(enum.Enum):
    EARTH = (5.97e24, 6.37e6)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius


class Word(str, enum.Enum):
    HELLO = "hello"


CLASSES.add("dataclass", lambda: Item("nut", 1.5, ["small"]))
CLASSES.add("dataclass_defaults", lambda: Item("bolt"))
CLASSES.add("dataclass_frozen", lambda: Frozen("f", Item("inner")))
CLASSES.add("dataclass_child", lambda: Child("c", extra=4))
CLASSES.add(
    "dataclass_slots",
    lambda: dataclasses.make_dataclass("SlotItem", ["a", "b"], slots=True, module=__name__)(1, [2]),
    since=(3, 12),
)
CLASSES.add("dataclass_made", lambda: dataclasses.make_dataclass("Made", ["a"])([1]))


@CLASSES.check("dataclass_slots")
def slotted_fields(found):
    described(found, "SlotItem", a=1, b=[2])


@CLASSES.check("dataclass_made")
def made(found):
    described(found, "Made", a=[1])


def member(type_name, name, value):
    """An enum member shows its name and value, by the stored attributes too."""

    def check(found):
        described(found, type_name, _name_=name, _value_=value)
        if name is not None and name not in repr(found):
            raise AssertionError(f"{name} is not in {found!r}")

    return check


ENUMS = {
    "enum": (Color.RED, member("Color", "RED", 1)),
    "enum_alias": (Color.CRIMSON, member("Color", "RED", 1)),
    "enum_str_value": (Color.GREEN, member("Color", "GREEN", "green")),
    "enum_int": (Level.HIGH, member("Level", "HIGH", 2)),
    "enum_flag": (Permission.READ, member("Permission", "READ", 1)),
    "enum_int_flag": (Mode.Y, member("Mode", "Y", 4)),
    "enum_str": (Word.HELLO, member("Word", "HELLO", "hello")),
    "enum_attributes": (Planet.EARTH, member("Planet", "EARTH", (5.97e24, 6.37e6))),
}
for name, (value, check) in ENUMS.items():
    CLASSES.values(**{name: value})
    CLASSES.check(name)(check)


@CLASSES.value
def enum_int_is_an_int():
    return Level.HIGH


@CLASSES.check(enum_int_is_an_int)
def usable_as_int(found):
    same(isinstance(found, int), True, "isinstance int")
    same(int(found), 2)


CLASSES.add("enum_flags_together", lambda: Permission.READ | Permission.WRITE)
CLASSES.add("enum_in_dict", lambda: {Color.RED: [1]})
CLASSES.add("enum_shared", lambda: [Color.RED, Color.GREEN, Color.RED])


@CLASSES.check("enum_flags_together")
def both_flags(found):
    described(found, "Permission", _value_=3)


@CLASSES.check("enum_in_dict")
def enum_key(found):
    same([type(key).__name__ for key in found], ["Color"])
    same(list(found.values()), [[1]])


@CLASSES.check("enum_shared")
def members_are_singletons(found):
    same([m._name_ for m in found], ["RED", "GREEN", "RED"])
    same(found[0] is found[2], True, "identity")


class Typed(typing.NamedTuple):
    left: int
    right: list


class Movie(typing.TypedDict):
    title: str


T = typing.TypeVar("T")


class Box(typing.Generic[T]):
    def __init__(self, content):
        self.content = content


CLASSES.add("named_tuple", lambda: Typed(1, [2]))
CLASSES.add("typed_dict", lambda: Movie(title="M"))
CLASSES.add("generic_instance", lambda: Box([1]))
CLASSES.add("generic_parametrised_instance", lambda: Box[int]([1]))


@CLASSES.check("named_tuple")
def fields_by_name(found):
    described(found, "Typed", left=1, right=[2])


@CLASSES.check("generic_instance", "generic_parametrised_instance")
def box(found):
    described(found, "Box", content=[1])


# --- classes as values ------------------------------------------------------------------------------------------


class Meta(type):
    def __call__(cls, *args):
        value = super().__call__(*args)
        value.made_by = "Meta"
        return value


class WithMeta(metaclass=Meta):
    pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def do(self):
        """Does it."""


class Concrete(Abstract):
    def do(self):
        return None


class UnhashableMeta(type):
    __hash__ = None  # type: ignore[assignment]


class Unhashable(metaclass=UnhashableMeta):
    pass


class Descriptor:
    def __get__(self, instance, owner):
        raise AssertionError("a descriptor of the program ran")


class WithDescriptor:
    attribute = Descriptor()

    def __init__(self):
        self.plain = 1


class Getter:
    def __getattr__(self, name):
        raise RuntimeError("__getattr__ of the program ran")

    def __init__(self):
        self.known = 1


CLASSES.add("type_user", lambda: Order)
CLASSES.add("type_inherited", lambda: Express)
CLASSES.add("type_diamond", lambda: Diamond)
CLASSES.add("type_builtin", lambda: dict)
CLASSES.add("type_of_types", lambda: type)
CLASSES.add("type_metaclass", lambda: Meta)
CLASSES.add("type_with_metaclass", lambda: WithMeta)
CLASSES.add("type_slots", lambda: SlottedChild)
CLASSES.add("type_enum", lambda: Color)
CLASSES.add("type_exception", lambda: KeyError)
CLASSES.add("type_abstract", lambda: Abstract)
CLASSES.add("type_many", lambda: [int, str, Order, ValueError, object])
CLASSES.add("type_made", lambda: type("Made", (Order,), {"__module__": "made.up", "x": [1]}))
CLASSES.add("type_local", lambda: local_class())
CLASSES.add("instance_of_metaclass", WithMeta)
CLASSES.add("instance_of_abstract", Concrete)
CLASSES.add("instance_of_unhashable_type", Unhashable)
CLASSES.add("instance_of_made_type", lambda: type("Made", (Order,), {"__module__": "made.up"})(5))
CLASSES.add("instance_with_descriptor", WithDescriptor)
CLASSES.add("instance_with_getattr", Getter)
CLASSES.add("instance_object", object)


def local_class():
    class Local:
        y = 2

    return Local


@CLASSES.check("type_user")
def user_class(found):
    described(found, "type", __name__="Order", __qualname__="Order", __module__="corpus.classes", currency="EUR")
    same(found.__bases__, (object,), "bases")


@CLASSES.check("type_diamond")
def order_of_bases(found):
    same([c.__name__ for c in found.__mro__], ["Diamond", "Left", "Right", "Order", "object"])
    same(found.side, "left")


@CLASSES.check("type_made")
def class_attributes(found):
    described(found, "type", __name__="Made", __module__="made.up", x=[1])


@CLASSES.check("type_local")
def local_name(found):
    same(found.__qualname__, "local_class.<locals>.Local")
    same(found.y, 2)


@CLASSES.check("instance_of_unhashable_type")
def unhashable(found):
    same(type(found).__name__, "Unhashable")


@CLASSES.check("instance_with_descriptor")
def plain_attribute(found):
    described(found, "WithDescriptor", plain=1)


@CLASSES.check("instance_with_getattr")
def known_attribute(found):
    described(found, "Getter", known=1)
    same(hasattr(found, "unknown"), False, "hasattr")


@CLASSES.value
def repr_says_what_it_is():
    return Order(17, [1])


@CLASSES.check(repr_says_what_it_is)
def class_and_attributes_in_repr(found):
    for part in ("classes.Order", "number=17", " at 0x"):
        if part not in repr(found):
            raise AssertionError(f"{part!r} is not in {found!r}")
