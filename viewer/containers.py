# SPDX-License-Identifier: Apache-2.0
"""Containers of the dump that are fetched on demand.

A container that is very long, or that lies beyond what one access brings in (see heap.py), comes back as a subclass
of its builtin type: LazyList, LazyTuple, LazyDict, LazySet, LazyFrozenSet. `isinstance`, `len`, indexing, iteration
and lookups work as ever; they fetch what they need.

Such an object holds *one* element in the storage that it inherits: `Unloaded`, which knows where the real ones
are. C code that reads the storage directly (json's encoder, str.join) so meets something that says what is wrong,
never an empty container. A short one of a mutable type is filled for good when it is first touched: from then on its
storage is real and it is a list like any other. A long one stays a window on the dump and cannot be changed.

A dict or set whose stand-in keys are unhashable or equal to each other (the original hashed them by code of its own,
which is not run) is never filled either: it keeps all its pairs and looks keys up one by one.

The methods use the builtin type's own, never `super()`: classes.py gives the same functions to the synthetic
subclasses of builtin containers.
"""

from __future__ import annotations

import builtins
from collections import Counter, deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from typing import Any, Callable

from .display import bounded_repr
from .items import PAGE, Items

FILL_LIMIT = 10_000  # values; a longer container stays a window on the dump
MAX_KEY_DEPTH = 8  # nesting of tuples in a key that is still hashed
MAX_COLLISIONS = 100  # keys of one dict or set with the same hash: each is compared with all before it

_ABSENT = object()


class Unloaded:
    """The one element of a container whose real elements are still in the dump."""

    __slots__ = ("items", "keep")

    def __init__(self, items: Items) -> None:
        self.items = items
        self.keep = items.count > FILL_LIMIT  # never to be filled

    def __repr__(self) -> str:
        return (
            f"<{self.items.count:,} values not loaded from the dump: "
            "C code read them directly; use indexing, iteration or a copy such as list(x)>"
        )


# --- what is in the storage -------------------------------------------------------------------------------------


def unloaded_of(container: Any) -> Unloaded | None:
    """The `Unloaded` in a container's storage, None when the storage is real."""
    if isinstance(container, dict):
        first = next(dict.__iter__(container), None)
    elif isinstance(container, (set, frozenset)):
        base: Any = set if isinstance(container, set) else frozenset
        first = next(base.__iter__(container), None)
    elif isinstance(container, deque):
        first = deque.__getitem__(container, 0) if deque.__len__(container) else None
    elif isinstance(container, list):
        first = list.__getitem__(container, 0) if list.__len__(container) else None
    else:
        first = tuple.__getitem__(container, 0) if tuple.__len__(container) else None
    return first if type(first) is Unloaded else None


def window(container: Any) -> Items | None:
    """The items of a container that is not, and will not be, filled; None after filling it."""
    unloaded = unloaded_of(container)
    if unloaded is None:
        return None
    if not unloaded.keep and fill(container, unloaded):
        return None
    return unloaded.items


def fill(container: Any, unloaded: Unloaded) -> bool:
    """Put the real elements into the storage of a mutable container; False when that cannot be.

    Each storage is changed by one call that runs no Python code, so that no other thread sees it half filled.
    """
    if isinstance(container, (tuple, frozenset)):
        return False
    with unloaded.items.heap.lock:
        objects = unloaded.items.objects(0, unloaded.items.count)
        if unloaded_of(container) is None:  # making the objects, or another thread, has filled it
            return True
        if isinstance(container, list):
            list.__init__(container, objects)
            return True
        if isinstance(container, deque):
            deque.__init__(container, objects, container.maxlen)
            return True
        return fill_hashed(container, unloaded, objects)


def fill_hashed(container: Any, unloaded: Unloaded, objects: list[Any]) -> bool:
    """`fill` for a dict or set: only when its keys can be told apart by hashing."""
    keys = objects[::2] if isinstance(container, dict) else objects
    if not distinct(keys):
        unloaded.keep = True
        return False
    if isinstance(container, dict):
        fresh = dict(zip(keys, objects[1::2]))
        use_own_builtins(fresh)
        dict.update(container, fresh)
        dict.pop(container, unloaded)
    else:
        set.__init__(container, set(keys))
    return True


def use_own_builtins(namespace: dict[Any, Any]) -> None:
    """Put the reader's own builtins where a module's globals hold those of the dump.

    Expressions typed in the debugger look `len` up there, and the dump's is inert.
    """
    if dict.__contains__(namespace, "__builtins__"):
        dict.__setitem__(namespace, "__builtins__", builtins)


def distinct(keys: list[Any]) -> bool:
    """Can all `keys` be told apart by hashing, in good time and without deep recursion, and is no one there twice?"""
    if not all(hashable(key) for key in keys):
        return False
    try:
        if len(keys) > MAX_COLLISIONS and max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS:
            return False
        return len(dict.fromkeys(keys)) == len(keys)
    except Exception:  # noqa: BLE001 - a stand-in of any stdlib type may refuse (a signalling NaN, a naive tzinfo)
        return False


def hashable(key: Any) -> bool:
    """Is `key` neither a mutable builtin nor a tuple too deep to hash? Nothing of `key` is called."""
    work = [(key, 0)]
    seen = 0
    while work:
        value, depth = work.pop()
        seen += 1
        if type(value).__hash__ is None or type(value) is LazyTuple:
            return False
        if isinstance(value, tuple):
            if depth == MAX_KEY_DEPTH or seen > 1000:
                return False
            work += [(item, depth + 1) for item in tuple.__iter__(value)]
    return True


def long_read_only(container: Any) -> TypeError:
    return TypeError(
        f"this {type(container).__name__} is a window on the dump and cannot be changed; change a copy of it"
    )


def filled_first(base: type, names: str) -> Callable[[type], type]:
    """Class decorator: adds the methods `names` of `base`, done on the real storage or refused when there is none."""

    def method(name: str) -> Callable[..., Any]:
        original = getattr(base, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if window(self) is not None:
                raise long_read_only(self)
            return original(self, *args, **kwargs)

        call.__name__ = name
        call.__doc__ = original.__doc__
        return call

    def add(cls: type) -> type:
        for name in names.split():
            if hasattr(base, name):
                setattr(cls, name, method(name))
        return cls

    return add


def index_in(items: Items, index: int) -> int:
    """A Python index made absolute; IndexError when outside."""
    absolute = index + items.count if index < 0 else index
    if not 0 <= absolute < items.count:
        raise IndexError(f"index {index} out of range: there are {items.count:,} items")
    return absolute


def slice_of(items: Items, part: slice) -> list[Any]:
    start, stop, step = part.indices(items.count)
    if step == 1:
        return items.objects(start, stop)
    return [items.object(i) for i in range(start, stop, step)]


def same_sequence(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(a is b or a == b for a, b in zip(left, right))


# --- sequences --------------------------------------------------------------------------------------------------


@filled_first(
    list,
    "append extend insert pop remove clear sort reverse __setitem__ __delitem__ __iadd__ __imul__ "
    "__mul__ __rmul__ __lt__ __le__ __gt__ __ge__",
)
class LazyList(list):  # type: ignore[type-arg]
    """A list of the dump, fetched on demand."""

    def __len__(self) -> int:
        items = window(self)
        return list.__len__(self) if items is None else items.count

    def __getitem__(self, index: Any) -> Any:
        items = window(self)
        if items is None:
            return list.__getitem__(self, index)
        return slice_of(items, index) if isinstance(index, slice) else items.object(index_in(items, index))

    def __iter__(self) -> Iterator[Any]:
        items = window(self)
        return list.__iter__(self) if items is None else iter(items)

    def __reversed__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self) - 1, -1, -1))

    def __contains__(self, value: Any) -> bool:
        return any(item is value or item == value for item in self)

    def __eq__(self, other: object) -> bool:
        return same_sequence(self, other) if isinstance(other, list) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not same_sequence(self, other) if isinstance(other, list) else NotImplemented

    __hash__ = None

    def __add__(self, other: Any) -> Any:
        return [*self, *other] if isinstance(other, list) else NotImplemented

    def count(self, value: Any) -> int:
        return sum(item is value or item == value for item in self)

    def index(self, value: Any, start: Any = 0, stop: Any = None) -> int:
        for i in range(*slice(start, stop).indices(len(self))):
            if self[i] is value or self[i] == value:
                return i
        raise ValueError(f"{bounded_repr(value)} is not in list")

    def copy(self) -> list[Any]:
        return list(iter(self))

    def __repr__(self) -> str:
        return bounded_repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (self.copy(),)


@filled_first(tuple, "__mul__ __rmul__ __lt__ __le__ __gt__ __ge__")
class LazyTuple(tuple):  # type: ignore[type-arg]
    """A tuple of the dump, fetched on demand."""

    def __len__(self) -> int:
        items = window(self)
        return tuple.__len__(self) if items is None else items.count

    def __getitem__(self, index: Any) -> Any:
        items = window(self)
        if items is None:
            return tuple.__getitem__(self, index)
        return tuple(slice_of(items, index)) if isinstance(index, slice) else items.object(index_in(items, index))

    def __iter__(self) -> Iterator[Any]:
        items = window(self)
        return tuple.__iter__(self) if items is None else iter(items)

    def __contains__(self, value: Any) -> bool:
        return any(item is value or item == value for item in self)

    def __eq__(self, other: object) -> bool:
        return same_sequence(self, other) if isinstance(other, tuple) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not same_sequence(self, other) if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        items = window(self)
        if items is None:
            return tuple.__hash__(self)
        if items.count > FILL_LIMIT:
            raise TypeError(f"unhashable: a tuple of {items.count:,} items that are still in the dump")
        whole = tuple(items.objects(0, items.count))
        if not hashable(whole):
            raise TypeError("unhashable: a tuple nested too deep, or with unhashable items")
        return hash(whole)

    def __add__(self, other: Any) -> Any:
        return (*self, *other) if isinstance(other, tuple) else NotImplemented

    def count(self, value: Any) -> int:
        return sum(item is value or item == value for item in self)

    def index(self, value: Any, start: Any = 0, stop: Any = None) -> int:
        for i in range(*slice(start, stop).indices(len(self))):
            if self[i] is value or self[i] == value:
                return i
        raise ValueError(f"{bounded_repr(value)} is not in tuple")

    def __repr__(self) -> str:
        return bounded_repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return tuple, (list(self),)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (tuple(iter(self)),)


@filled_first(
    deque,
    "append appendleft extend extendleft insert pop popleft remove clear rotate reverse __setitem__ __delitem__ "
    "__iadd__ __imul__ __mul__ __rmul__ __add__ __lt__ __le__ __gt__ __ge__ copy __copy__",
)
class LazyDeque(deque):  # type: ignore[type-arg]
    """A deque of the dump, fetched on demand."""

    def __len__(self) -> int:
        items = window(self)
        return deque.__len__(self) if items is None else items.count

    def __getitem__(self, index: Any) -> Any:
        items = window(self)
        return deque.__getitem__(self, index) if items is None else items.object(index_in(items, index))

    def __iter__(self) -> Iterator[Any]:
        items = window(self)
        return deque.__iter__(self) if items is None else iter(items)

    def __reversed__(self) -> Any:
        return (self[i] for i in range(len(self) - 1, -1, -1))

    def __contains__(self, value: object) -> bool:
        return any(item is value or item == value for item in self)

    def __eq__(self, other: object) -> bool:
        return same_sequence(self, other) if isinstance(other, deque) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not same_sequence(self, other) if isinstance(other, deque) else NotImplemented

    __hash__ = None

    def __repr__(self) -> str:
        return bounded_repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return deque, (list(self), self.maxlen)


# --- dict -------------------------------------------------------------------------------------------------------


def find_key(items: Items, key: Any) -> int:
    """The position of the value that belongs to `key` among a dict's keys and values; -1 when there is none."""
    heap = items.heap
    for start in range(0, items.count, 2 * PAGE):
        for offset, raw in enumerate(items.fetch(start, start + 2 * PAGE)[::2]):
            candidate = heap.leaf(raw)
            if candidate is key or is_equal(candidate, key):
                return start + 2 * offset + 1
    return -1


def is_equal(candidate: Any, key: Any) -> bool:
    """Are two keys equal? A stand-in may refuse to tell: a datetime of a zone whose offset is not known."""
    try:
        return bool(candidate == key)
    except Exception:  # noqa: BLE001
        return False


class _Keys(KeysView[Any]):
    def __repr__(self) -> str:
        return f"dict_keys({bounded_repr(list(self)[:PAGE])})"


class _Values(ValuesView[Any]):
    """The values by position, so that equal keys do not hide one."""

    def __init__(self, mapping: Any, items: Items) -> None:
        super().__init__(mapping)
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return (self._items.object(i) for i in range(1, self._items.count, 2))

    def __contains__(self, value: object) -> bool:
        return any(item is value or item == value for item in self)


class _Pairs(ItemsView[Any, Any]):
    """The pairs by position, so that equal keys do not hide one."""

    def __init__(self, mapping: Any, items: Items) -> None:
        super().__init__(mapping)
        self._items = items

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for start in range(0, self._items.count, 2 * 32):
            objects = self._items.objects(start, start + 2 * 32)
            yield from zip(objects[::2], objects[1::2])


@filled_first(
    dict,
    "__setitem__ __delitem__ pop popitem setdefault update clear __ior__",
)
class LazyDict(dict):  # type: ignore[type-arg]
    """A dict of the dump, fetched on demand."""

    def __len__(self) -> int:
        items = window(self)
        return dict.__len__(self) if items is None else items.count // 2

    def __getitem__(self, key: Any) -> Any:
        value = LazyDict.get(self, key, _ABSENT)
        if value is _ABSENT:
            raise KeyError(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        items = window(self)
        if items is None:
            return dict.get(self, key, default)
        position = find_key(items, key)
        return default if position < 0 else items.object(position)

    def __contains__(self, key: object) -> bool:
        return LazyDict.get(self, key, _ABSENT) is not _ABSENT

    def __iter__(self) -> Iterator[Any]:
        items = window(self)
        if items is None:
            return dict.__iter__(self)
        return (items.object(i) for i in range(0, items.count, 2))

    def __reversed__(self) -> Iterator[Any]:
        items = window(self)
        if items is None:
            return dict.__reversed__(self)
        return (items.object(i) for i in range(items.count - 2, -1, -2))

    def keys(self) -> Any:
        return dict.keys(self) if window(self) is None else _Keys(self)

    def values(self) -> Any:
        items = window(self)
        return dict.values(self) if items is None else _Values(self, items)

    def items(self) -> Any:
        items = window(self)
        return dict.items(self) if items is None else _Pairs(self, items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        items = window(self)
        if items is None:
            return bool(dict.__eq__(self, other))
        return len(self) == len(other) and all(
            (found := other.get(key, _ABSENT)) is value or found == value for key, value in self.items()
        )

    def __ne__(self, other: object) -> bool:
        return not self == other if isinstance(other, dict) else NotImplemented

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return {**self, **other} if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return {**other, **self} if isinstance(other, dict) else NotImplemented

    def copy(self) -> dict[Any, Any]:
        return dict(self.items())

    def __repr__(self) -> str:
        return bounded_repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (list(self.items()),)


# --- sets -------------------------------------------------------------------------------------------------------


def set_methods(base: Any) -> Callable[[type], type]:
    """Class decorator: what LazySet and LazyFrozenSet have in common, over `base` (set or frozenset)."""
    raw_len, raw_iter, raw_contains = base.__len__, base.__iter__, base.__contains__

    def __len__(self: Any) -> int:
        items = window(self)
        return raw_len(self) if items is None else items.count

    def __iter__(self: Any) -> Iterator[Any]:
        items = window(self)
        return raw_iter(self) if items is None else iter(items)

    def __contains__(self: Any, value: Any) -> bool:
        items = window(self)
        if items is None:
            return bool(raw_contains(self, value))
        return any(found is value or found == value for found in map(items.heap.leaf, items.raws()))

    def __repr__(self: Any) -> str:
        return bounded_repr(self)

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return base, (list(self),)

    def copy(self: Any) -> Any:
        return base(list(self))

    def on_copies(name: str) -> Callable[..., Any]:
        original = getattr(base, name)

        def call(self: Any, *others: Any) -> Any:
            if name.startswith("__") and not all(isinstance(other, (set, frozenset)) for other in others):
                return NotImplemented
            try:
                return original(base(list(self)), *(base(list(other)) for other in others))
            except TypeError:
                if name in ("__eq__", "__ne__"):
                    return NotImplemented  # equal to itself alone
                raise TypeError("this set holds items that cannot be hashed here: use list(x)") from None

        call.__name__ = name
        return call

    def add(cls: type) -> type:
        for function in (__len__, __iter__, __contains__, __repr__, __reduce_ex__, copy):
            setattr(cls, function.__name__, function)
        for name in (
            "__and__ __or__ __sub__ __xor__ __rand__ __ror__ __rsub__ __rxor__ __eq__ __ne__ __lt__ __le__ "
            "__gt__ __ge__ union intersection difference symmetric_difference isdisjoint issubset issuperset"
        ).split():
            setattr(cls, name, on_copies(name))
        return cls

    return add


@filled_first(
    set,
    "add discard remove pop clear update difference_update intersection_update symmetric_difference_update "
    "__iand__ __ior__ __isub__ __ixor__",
)
@set_methods(set)
class LazySet(set):  # type: ignore[type-arg]
    """A set of the dump, fetched on demand."""

    __hash__ = None


@set_methods(frozenset)
class LazyFrozenSet(frozenset):  # type: ignore[type-arg]
    """A frozenset of the dump, fetched on demand."""

    def __hash__(self) -> int:
        return hash(frozenset(list(self)))  # list first: frozenset() would copy the storage


LAZY: dict[type, type] = {
    list: LazyList,
    tuple: LazyTuple,
    dict: LazyDict,
    set: LazySet,
    frozenset: LazyFrozenSet,
    deque: LazyDeque,
}


def make_lazy(cls: Any, base: Any, items: Items) -> Any:
    """An unfilled instance of `cls`, a subclass of the builtin container `base`."""
    elements: Iterable[Any] = (Unloaded(items),)
    made: Any
    if base is dict:
        made = dict.__new__(cls)
        dict.update(made, {element: element for element in elements})
    elif base is list:
        made = list.__new__(cls)
        list.__init__(made, elements)
    elif base is set:
        made = set.__new__(cls)
        set.update(made, elements)
    else:
        made = base.__new__(cls, elements)
    return made


def lazy_methods(base: type) -> dict[str, Any]:
    """The methods that a synthetic subclass of the builtin container `base` needs to be fetched on demand."""
    skipped = {"__module__", "__doc__", "__dict__", "__weakref__", "__hash__", "__repr__", "__reduce_ex__"}
    return {name: value for name, value in vars(LAZY[base]).items() if name not in skipped}
