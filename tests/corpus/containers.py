# SPDX-License-Identifier: Apache-2.0
"""tuple, list, dict, set, frozenset and their kin: cycles, sharing, depth, size, deleted keys, all kinds of keys."""

import collections
import os
import sys
import types
import weakref
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque

from .compare import described, same
from .entry import Group

CONTAINERS = Group("container")

CONTAINERS.values(
    tuple_empty=(),
    tuple_one=(1,),
    tuple_mixed=(None, True, 1, 1.5, "s", b"b", (2, 3), 1j),
    tuple_nested=((((((),),),),),),
    frozenset_empty=frozenset(),
    frozenset_items=frozenset({1, "a", (2, 3), None}),
    frozenset_nested=frozenset({frozenset(), frozenset({frozenset({1})})}),
    range_plain=range(10),
    range_step=range(10, -10, -3),
    range_empty=range(0),
    range_huge=range(-(10**30), 10**30, 10**10),
    slice_plain=slice(1, 2, 3),
    slice_none=slice(None),
    slice_objects=slice("a", (1, 2), -1),
    tuple_of_16=tuple(range(16)),
    tuple_of_70000=tuple(range(70_000)),
)

CONTAINERS.add("list_empty", list)
CONTAINERS.add("list_mixed", lambda: [None, True, 1, 1.5, "s", b"b", (2, 3), [4], {5}, {6: 7}])
CONTAINERS.add("list_over_allocated", lambda: [list(range(100)).pop() for _ in range(5)])
CONTAINERS.add("list_of_lists", lambda: [[i, [i * 2]] for i in range(50)])
CONTAINERS.add("list_200000_ints", lambda: list(range(200_000)))
CONTAINERS.add("list_50000_dicts", lambda: [{"id": i, "name": "n"} for i in range(50_000)])
CONTAINERS.add("list_200000_same", lambda: [[]] * 200_000)
CONTAINERS.add("list_mixed_signs", lambda: [-(2**70), 2**70, -1, 0.0, -0.0, float("nan")])
CONTAINERS.add("list_999_1001", lambda: [[0] * 999, [0] * 1000, [0] * 1001])


@CONTAINERS.value
def list_emptied():
    value = list(range(1000))
    value.clear()
    return value


@CONTAINERS.value
def list_in_itself():
    value: list = [1]
    value.append(value)
    return value


@CONTAINERS.value
def list_ring():
    first: list = []
    second = [first]
    first.append(second)
    return [first, second]


@CONTAINERS.value
def list_shared_item():
    item = [1]
    return [item, item, [item], {"again": item}]


@CONTAINERS.value
def list_equal_but_distinct():
    return [[1], [1], [], []]


@CONTAINERS.value
def tuple_in_a_cycle():
    inner: list = []
    value = (inner, 1)
    inner.append(value)
    return value


@CONTAINERS.value
def tuple_cycle_through_dict():
    inner: dict = {}
    value = ("key", inner)
    inner["owner"] = value
    return value


@CONTAINERS.value
def tuple_cycle_of_two():
    link: list = []
    first = (1, link)
    second = (2, first)
    link.append(second)
    return [first, second]


def nested(make, depth):
    value = make(None)
    for _ in range(depth):
        value = make(value)
    return value


CONTAINERS.add("list_million_deep", lambda: nested(lambda v: [v], 1_000_000))
CONTAINERS.add("tuple_30000_deep", lambda: nested(lambda v: (v, 1), 30_000))
CONTAINERS.add("dict_30000_deep", lambda: nested(lambda v: {"next": v}, 30_000))


@CONTAINERS.check("list_million_deep")
def a_million_lists(found):
    """By a loop of its own, as the comparison of both takes three times as long."""
    depth = 0
    while found is not None:
        if not isinstance(found, list) or len(found) != 1:
            raise AssertionError(f"at depth {depth} is {found!r:.200}")
        found = found[0]
        depth += 1
    same(depth, 1_000_001, "depth")


# --- dict -------------------------------------------------------------------------------------------------------

CONTAINERS.add("dict_empty", dict)
CONTAINERS.add("dict_str_keys", lambda: {"a": 1, "b": [2], "\u03c0": 3, "": 4})
CONTAINERS.add("dict_int_keys", lambda: {1: "a", -1: "b", 2**90: "c"})
CONTAINERS.add("dict_mixed_keys", lambda: {"a": 1, 1: 2, (1, 2): 3, None: 4, 1.5: 5, b"a": 6, frozenset({1}): 7})
CONTAINERS.add("dict_order", lambda: {k: None for k in "zyxabc"})
CONTAINERS.add("dict_one_key", lambda: {"only": None})
CONTAINERS.add("dict_nine_keys", lambda: {f"key{i}": i for i in range(9)})
CONTAINERS.add("dict_300_keys", lambda: {f"key{i}": i for i in range(300)})
CONTAINERS.add("dict_70000_keys", lambda: {i: str(i) for i in range(70_000)})
CONTAINERS.add("dict_200000_keys", lambda: {f"k{i}": i for i in range(200_000)})
CONTAINERS.add("dict_nan_key", lambda: {float("nan"): 1})
CONTAINERS.add("dict_surrogate_key", lambda: {"\ud800": 1})
CONTAINERS.add("dict_long_key", lambda: {"k" * 5000: 1, b"k" * 5000: 2})
CONTAINERS.add("dict_preallocated", lambda: dict.fromkeys(range(20), "v"))
CONTAINERS.add("dict_equal_keys_of_types", lambda: {1: "int", "1": "str", b"1": "bytes", (1,): "tuple"})
CONTAINERS.add("dict_hash_collision", lambda: {-1: "a", -2: "b", 2**61 - 1: "c", 0: "d"})


@CONTAINERS.value
def dict_deleted_keys():
    value = {f"key{i}": i for i in range(20)}
    for i in range(0, 20, 3):
        del value[f"key{i}"]
    value["new"] = "at the end"
    return value


@CONTAINERS.value
def dict_deleted_int_keys():
    value = {i: [i] for i in range(1000)}
    for i in range(990):
        del value[i]
    return value


@CONTAINERS.value
def dict_all_deleted():
    value = {i: i for i in range(10)}
    for i in range(10):
        del value[i]
    return value


@CONTAINERS.value
def dict_cleared():
    value = {i: i for i in range(10)}
    value.clear()
    return value


@CONTAINERS.value
def dict_popped_from_the_end():
    value = {f"key{i}": i for i in range(10)}
    value.popitem()
    value.popitem()
    return value


@CONTAINERS.value
def dict_turned_general():
    """Keys all str at first, then one that is not: the table changes its kind."""
    value: dict = {"a": 1, "b": 2}
    value[3] = "three"
    del value[3]
    return value


@CONTAINERS.value
def dict_in_itself():
    value: dict = {"a": 1}
    value["self"] = value
    return value


@CONTAINERS.value
def dict_shared_value():
    shared: dict = {}
    return {"one": shared, "two": shared}


class Key:
    """A key that compares by identity."""

    def __init__(self, name):
        self.name = name


class EqualKey:
    """A key whose equality and hash are its own code, which the reader must not run."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name == other.name

    def __hash__(self):
        return hash(self.name)


class UnhashableLooking:
    """Was hashable when it became a key, then lost its hash."""

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return 1


CONTAINERS.add("dict_instance_keys", lambda: {Key("a"): 1, Key("b"): 2})
CONTAINERS.add("dict_equal_keys", lambda: {EqualKey("a"): 1, EqualKey("b"): 2})
CONTAINERS.add("dict_tuple_key_with_instance", lambda: {(1, Key("in a tuple")): 1})
CONTAINERS.add("dict_class_keys", lambda: {Key: 1, int: 2})
CONTAINERS.add("set_of_instances", lambda: {Key("a"), Key("b")})
CONTAINERS.add("set_of_equal_keys", lambda: {EqualKey("a"), EqualKey("b")})


def lose_hash():
    """Keys of a class that is unhashable by the time of the dump."""

    class Lost(UnhashableLooking):
        __hash__ = UnhashableLooking.__hash__

    value = {Lost(): "a", Lost(): "b"}
    Lost.__hash__ = None
    return value


CONTAINERS.add("dict_unhashable_keys", lose_hash)


@CONTAINERS.check("dict_unhashable_keys")
def two_lost_keys(found):
    same(type(found).__name__, "dict")
    same([type(key).__name__ for key in found], ["Lost", "Lost"])
    same(list(found.values()), ["a", "b"])


@CONTAINERS.value
def set_key_in_a_cycle():
    """A frozenset that contains a key which contains the frozenset."""
    key = Key("cycle")
    key.owner = frozenset({key})
    return key


# --- sets and subclasses ----------------------------------------------------------------------------------------

CONTAINERS.add("set_empty", set)
CONTAINERS.add("set_items", lambda: {1, "a", (2, 3), None, b"x", 1.5})
CONTAINERS.add("set_nested", lambda: {frozenset({1, 2}), frozenset()})
CONTAINERS.add("set_200000", lambda: set(range(200_000)))
CONTAINERS.add("set_of_strings", lambda: {f"item {i}" for i in range(500)})


@CONTAINERS.value
def set_deleted():
    value = set(range(100))
    for i in range(95):
        value.discard(i)
    return value


class Names(list):
    pass


class Row(tuple):
    pass


class Config(dict):
    pass


class Tags(set):
    pass


class FrozenTags(frozenset):
    pass


class Ring(deque):
    pass


class Ordered(OrderedDict):
    pass


class Tally(Counter):
    pass


class SlottedList(list):
    __slots__ = ("owner", "never_set")


def annotated(value):
    value.owner = "me"
    value.parts = [1, 2]
    return value


CONTAINERS.add("subclass_list", lambda: annotated(Names(["a", "b"])))
CONTAINERS.add("subclass_list_empty", Names)
CONTAINERS.add("subclass_tuple", lambda: annotated(Row((1, [2]))))
CONTAINERS.add("subclass_tuple_empty", lambda: annotated(Row()))
CONTAINERS.add("subclass_dict", lambda: annotated(Config(debug=True)))
CONTAINERS.add("subclass_set", lambda: annotated(Tags("ab")))
CONTAINERS.add("subclass_frozenset", lambda: annotated(FrozenTags("ab")))
CONTAINERS.add("subclass_deque", lambda: annotated(Ring([1, 2], maxlen=3)))
CONTAINERS.add("subclass_ordered_dict", lambda: annotated(Ordered(b=1, a=2)))
CONTAINERS.add("subclass_counter", lambda: annotated(Tally("abracadabra")))
CONTAINERS.add("subclass_list_of_5000", lambda: annotated(Names(range(5000))))
CONTAINERS.add("subclass_dict_of_5000", lambda: annotated(Config((i, [i]) for i in range(5000))))


@CONTAINERS.check("subclass_ordered_dict")
def ordered_with_attributes(found):
    described(found, "Ordered", owner="me", parts=[1, 2])
    same(list(dict.items(found)), [("b", 1), ("a", 2)])


@CONTAINERS.value
def subclass_list_with_slots():
    value = SlottedList([1])
    value.owner = [2]
    return value


@CONTAINERS.value
def subclass_list_in_itself():
    value = Names()
    value.append(value)
    value.me = value
    return value


# --- collections ------------------------------------------------------------------------------------------------

CONTAINERS.add("deque_empty", deque)
CONTAINERS.add("deque_items", lambda: deque([1, [2], "three"]))
CONTAINERS.add("deque_maxlen", lambda: deque(range(10), maxlen=4))
CONTAINERS.add("deque_maxlen_zero", lambda: deque([1, 2], maxlen=0))
CONTAINERS.add("deque_blocks", lambda: deque(range(1000)))
CONTAINERS.add("deque_50000", lambda: deque([i] for i in range(50_000)))
CONTAINERS.add("ordered_dict", lambda: OrderedDict([("b", 1), ("a", [2])]))
CONTAINERS.add("ordered_dict_empty", OrderedDict)
CONTAINERS.add("defaultdict_list", lambda: fill(defaultdict(list)))
CONTAINERS.add("defaultdict_none", lambda: defaultdict(None, a=1))
CONTAINERS.add("counter", lambda: Counter("abracadabra"))
CONTAINERS.add("counter_negative", lambda: Counter(a=-1, b=0))
CONTAINERS.add("mappingproxy", lambda: types.MappingProxyType({"a": [1]}))
CONTAINERS.add("simple_namespace", lambda: types.SimpleNamespace(a=1, b=[2]))
CONTAINERS.add("simple_namespace_empty", types.SimpleNamespace)


def fill(value):
    value["a"].append(1)
    value["b"]
    return value


@CONTAINERS.value
def deque_rotated():
    value = deque(range(100))
    for _ in range(70):
        value.append(value.popleft())
    value.rotate(-13)
    return value


@CONTAINERS.value
def deque_in_itself():
    value: deque = deque()
    value.append(value)
    return value


@CONTAINERS.value
def ordered_dict_moved():
    value = OrderedDict((k, k) for k in "abcd")
    value.move_to_end("a")
    value.move_to_end("d", last=False)
    del value["b"]
    return value


@CONTAINERS.check(ordered_dict_moved)
def order_of_insertion_at_least(found):
    """The order that move_to_end made, which is not the order of the table."""
    same(type(found).__name__, "OrderedDict")
    same(list(found.items()), [("d", "d"), ("c", "c"), ("a", "a")])


@CONTAINERS.value
def simple_namespace_in_itself():
    value = types.SimpleNamespace(a=1)
    value.me = value
    return value


CONTAINERS.add("chain_map", lambda: ChainMap({"a": 1}, {"b": [2]}))
CONTAINERS.add("user_dict", lambda: UserDict(a=1))
CONTAINERS.add("user_list", lambda: UserList([1, [2]]))
CONTAINERS.add("user_string", lambda: UserString("text"))


@CONTAINERS.check("chain_map")
def maps(found):
    described(found, "ChainMap", maps=[{"a": 1}, {"b": [2]}])


for name, data in (("user_dict", {"a": 1}), ("user_list", [1, [2]]), ("user_string", "text")):
    CONTAINERS.check(name)(lambda found, data=data: same(found.data, data))


class Referent:
    pass


@CONTAINERS.value
def weak_dictionaries():
    key = Referent()
    return [
        key,
        weakref.WeakKeyDictionary({key: "of key"}),
        weakref.WeakValueDictionary(name=key),
        weakref.WeakSet([key]),
    ]


@CONTAINERS.check(weak_dictionaries)
def three_of_them(found):
    names = ["Referent", "WeakKeyDictionary", "WeakValueDictionary", "WeakSet"]
    same([type(v).__name__ for v in found], names)
    same(list(found[1].data.values()), ["of key"])
    same(list(found[2].data), ["name"])


CONTAINERS.add("frozendict", lambda: frozen_dict({"a": 1, 2: [3]}), since=(3, 15))
CONTAINERS.add("frozendict_in_a_cycle", lambda: frozen_in_a_cycle(), since=(3, 15))
CONTAINERS.add("frozendict_of_7000", lambda: frozen_dict({i: [i] for i in range(7000)}), since=(3, 15))
CONTAINERS.add("frozendict_empty", lambda: frozen_dict({}), since=(3, 15))


def frozen_dict(content):
    import builtins

    return builtins.frozendict(content)  # type: ignore[attr-defined]


def frozen_in_a_cycle():
    inner: list = []
    value = frozen_dict({"inner": inner})
    inner.append(value)
    return value


@CONTAINERS.check("frozendict_in_a_cycle")
def frozen_cycle(found):
    same(found["inner"][0] is found, True, "the list holds the frozendict")


@CONTAINERS.check("frozendict_of_7000")
def long_frozen_dict(found):
    same((len(found), found[6999]), (7000, [6999]))


@CONTAINERS.check("frozendict")
def frozen_items(found):
    same(type(found).__name__, "frozendict")
    same(list(found.items()), [("a", 1), (2, [3])])


@CONTAINERS.check("frozendict_empty")
def frozen_nothing(found):
    same(type(found).__name__, "frozendict")
    same(list(found.items()), [])


Pair = collections.namedtuple("Pair", "left right")
CONTAINERS.add("namedtuple", lambda: Pair(1, [2]))
CONTAINERS.add("namedtuple_defaults", lambda: Defaults(1))
CONTAINERS.add("namedtuple_in_list", lambda: [Pair(i, str(i)) for i in range(100)])
CONTAINERS.add("struct_sequence", lambda: sys.float_info)
CONTAINERS.add("struct_sequence_hidden", lambda: os.stat_result(range(10, 29)))

Defaults = collections.namedtuple("Defaults", "a b", defaults=[{"x": 1}])


@CONTAINERS.check("namedtuple")
def by_name_and_index(found):
    described(found, "Pair", left=1, right=[2])
    same(tuple(found), (1, [2]))


@CONTAINERS.check("struct_sequence")
def by_index(found):
    same(type(found).__name__, "float_info")
    same(tuple(found), tuple(sys.float_info))


@CONTAINERS.check("struct_sequence_hidden")
def stat_fields(found):
    """stat_result has fields that are not in the sequence."""
    same(type(found).__name__, "stat_result")
    same(tuple(found), tuple(range(10, 20)))
