# SPDX-License-Identifier: Apache-2.0
"""What waits in the middle: generators, coroutines, async generators, their frames and locals; iterators; weakrefs."""

import asyncio
import itertools
import types
import weakref

from .compare import holds, same
from .entry import Group

SUSPENDED = Group("suspended")


def numbers(limit):
    seen = ["start"]
    for i in range(limit):
        seen.append(i)
        yield i


def delegating(limit):
    note = "outer"
    yield from numbers(limit)
    return note


def looping(limit):
    """Its stack has a generator on top, as that of `delegating`, but it waits for none."""
    for number in numbers(limit):
        yield number


@types.coroutine
def pause():
    yield "paused"


async def worker(job):
    state = {"job": job}
    await pause()
    return state


async def parent(job):
    mine = [job]
    await worker(job)
    return mine


async def ticks(limit):
    label = "ticks"
    for i in range(limit):
        await pause()
        yield (label, i)


def started(generator, steps=1):
    for _ in range(steps):
        generator.send(None)
    return generator


def finished(generator):
    for _ in generator:
        pass
    return generator


def begun_async_generator():
    generator = ticks(3)
    step = generator.__anext__()
    step.send(None)
    return [generator, step]


SUSPENDED.add("generator", lambda: started(numbers(5), 2))
SUSPENDED.add("generator_not_started", lambda: numbers(5))
SUSPENDED.add("generator_finished", lambda: finished(numbers(2)))
SUSPENDED.add("generator_delegating", lambda: started(delegating(5), 3))
SUSPENDED.add("generator_looping", lambda: started(looping(5), 3))
SUSPENDED.add("generator_expression", lambda: started((i * i for i in [1, 2, 3])))
SUSPENDED.add("coroutine", lambda: started(worker("job 1")))
SUSPENDED.add("coroutine_not_started", lambda: worker("job 2"))
SUSPENDED.add("coroutine_awaiting", lambda: started(parent("job 3")))
SUSPENDED.add("async_generator", begun_async_generator)
SUSPENDED.add("async_generator_not_started", lambda: ticks(3))
SUSPENDED.add("generators_many", lambda: [started(numbers(i + 1)) for i in range(100)])


@SUSPENDED.check("generator")
def locals_of_a_generator(found):
    same(type(found).__name__, "generator")
    same(found.gi_frame.f_locals["seen"], ["start", 0, 1])
    same(found.gi_frame.f_locals["i"], 1)
    same(found.gi_frame.f_lineno, numbers.__code__.co_firstlineno + 4, "f_lineno")
    same(found.gi_code.co_name, "numbers")


@SUSPENDED.check("generator_not_started")
def only_arguments(found):
    same(type(found).__name__, "generator")
    same(found.gi_frame.f_locals["limit"], 5)
    same("seen" in found.gi_frame.f_locals, False, "seen is unbound")


@SUSPENDED.check("generator_finished")
def no_frame(found):
    same(type(found).__name__, "generator")
    same(found.gi_frame, None)


@SUSPENDED.check("generator_delegating")
def both_frames(found):
    same(found.gi_frame.f_locals["note"], "outer")
    same(found.gi_yieldfrom.gi_frame.f_locals["seen"], ["start", 0, 1, 2])


@SUSPENDED.check("generator_looping")
def waits_for_nothing(found):
    same(found.gi_frame.f_locals["number"], 2)
    same(found.gi_yieldfrom, None)


@SUSPENDED.check("generator_expression")
def value_of_the_loop(found):
    same(found.gi_frame.f_locals["i"], 1)
    same(found.gi_code.co_name, "<genexpr>")


@SUSPENDED.check("coroutine")
def locals_of_a_coroutine(found):
    same(type(found).__name__, "coroutine")
    same(found.cr_frame.f_locals["state"], {"job": "job 1"})
    same(found.cr_code.co_name, "worker")


@SUSPENDED.check("coroutine_not_started")
def arguments_of_a_coroutine(found):
    same(type(found).__name__, "coroutine")
    same(found.cr_frame.f_locals["job"], "job 2")


@SUSPENDED.check("coroutine_awaiting")
def chain_of_coroutines(found):
    same(found.cr_frame.f_locals["mine"], ["job 3"])
    same(found.cr_await.cr_frame.f_locals["state"], {"job": "job 3"})


@SUSPENDED.check("async_generator")
def locals_of_an_async_generator(found):
    same(type(found[0]).__name__, "async_generator")
    same(found[0].ag_frame.f_locals["label"], "ticks")


@SUSPENDED.check("async_generator_not_started")
def async_generator_arguments(found):
    same(type(found).__name__, "async_generator")
    same(found.ag_frame.f_locals["limit"], 3)


@SUSPENDED.check("generators_many")
def a_hundred(found):
    same([g.gi_frame.f_locals["limit"] for g in found], list(range(1, 101)))


# --- asyncio ----------------------------------------------------------------------------------------------------


@SUSPENDED.value
def task_pending():
    """A task that waits for a future, its loop no longer running."""

    async def main():
        async def waiting(order):
            future = loop.create_future()
            keep.append(future)
            await future

        task = loop.create_task(waiting({"order": 17}), name="waiter")
        await asyncio.sleep(0)
        return task

    keep: list = []
    loop = asyncio.new_event_loop()
    return [loop.run_until_complete(main()), keep]


@SUSPENDED.check(task_pending)
def pending_task(found):
    task, futures = found
    same(type(task).__name__, "Task")
    holds(task, "waiter")
    same(type(futures[0]).__name__, "Future")


@SUSPENDED.value
def future_done():
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_result(["result"])
    loop.close()
    return future


@SUSPENDED.check(future_done)
def result_of_a_future(found):
    same(type(found).__name__, "Future")
    holds(found, ["result"])


# --- iterators --------------------------------------------------------------------------------------------------


def advanced(iterator, steps=2):
    for _ in range(steps):
        next(iterator)
    return iterator


ITEMS = ["first", "second", "third", "fourth"]

ITERATORS = {
    "list_iterator": lambda: advanced(iter(list(ITEMS))),
    "list_reverseiterator": lambda: advanced(reversed(list(ITEMS))),
    "tuple_iterator": lambda: advanced(iter(tuple(ITEMS))),
    "str_ascii_iterator": lambda: advanced(iter("abcd")),
    "bytes_iterator": lambda: advanced(iter(b"abcd")),
    "bytearray_iterator": lambda: advanced(iter(bytearray(b"abcd"))),
    "range_iterator": lambda: advanced(iter(range(3, 30, 3))),
    "longrange_iterator": lambda: advanced(iter(range(10**20, 10**21))),
    "set_iterator": lambda: advanced(iter(set(ITEMS))),
    "dict_keyiterator": lambda: advanced(iter(dict.fromkeys(ITEMS))),
    "dict_valueiterator": lambda: advanced(iter(dict.fromkeys(ITEMS).values())),
    "dict_itemiterator": lambda: advanced(iter(dict.fromkeys(ITEMS).items())),
    "dict_keys": lambda: dict.fromkeys(ITEMS).keys(),
    "dict_values": lambda: dict.fromkeys(ITEMS, 1).values(),
    "dict_items": lambda: dict.fromkeys(ITEMS).items(),
    "odict_iterator": lambda: advanced(iter(__import__("collections").OrderedDict.fromkeys(ITEMS))),
    "_deque_iterator": lambda: advanced(iter(__import__("collections").deque(ITEMS))),
    "enumerate": lambda: advanced(enumerate(list(ITEMS))),
    "zip": lambda: advanced(zip(list(ITEMS), range(9))),
    "map": lambda: advanced(map(str, list(ITEMS))),
    "filter": lambda: advanced(filter(None, list(ITEMS))),
    "reversed": lambda: reversed(range_like()),
    "callable_iterator": lambda: iter(list, 1),
    "iterator": lambda: iter(range_like()),
    "count": lambda: advanced(itertools.count(5, 2)),
    "cycle": lambda: advanced(itertools.cycle(list(ITEMS))),
    "repeat": lambda: itertools.repeat(["again"], 5),
    "chain": lambda: advanced(itertools.chain(list(ITEMS), "x")),
    "islice": lambda: advanced(itertools.islice(list(ITEMS), 3)),
    "groupby": lambda: advanced(itertools.groupby("aabbc"), 1),
    "product": lambda: advanced(itertools.product("ab", [1, 2])),
    "permutations": lambda: advanced(itertools.permutations([1, 2, 3])),
    "accumulate": lambda: advanced(itertools.accumulate([1, 2, 3])),
}


class RangeLike:
    def __init__(self):
        self.items = list(ITEMS)

    def __getitem__(self, i):
        return self.items[i]

    def __len__(self):
        return len(self.items)


def range_like():
    return RangeLike()


def of_type(name):
    """The type as the dump's writer had it; 3.9 to 3.12 call the iterator of any str str_iterator."""
    accepted = {name, "str_iterator"} if name == "str_ascii_iterator" else {name}

    def check(found):
        if type(found).__name__ not in accepted:
            raise AssertionError(f"is a {type(found).__name__}, expected {name}")

    return check


for name, build in ITERATORS.items():
    SUSPENDED.add(f"iterator_{name}", build)
    SUSPENDED.check(f"iterator_{name}")(of_type(name))


def iterates_over(name, items):
    """An iterator still shows what it iterates over."""

    def check(found):
        of_type(name)(found)
        holds(found, items)

    return check


SUSPENDED.check("iterator_list_iterator")(iterates_over("list_iterator", ITEMS))
SUSPENDED.check("iterator_tuple_iterator")(iterates_over("tuple_iterator", tuple(ITEMS)))
SUSPENDED.check("iterator_dict_keys")(iterates_over("dict_keys", dict.fromkeys(ITEMS)))

# --- weak references --------------------------------------------------------------------------------------------


class Referent:
    def __init__(self):
        self.name = "referent"

    def method(self):
        return self


@SUSPENDED.value
def weakref_alive():
    target = Referent()
    return [target, weakref.ref(target)]


@SUSPENDED.value
def weakref_dead():
    return weakref.ref(Referent())


@SUSPENDED.value
def weakref_only():
    """Nothing in the dump but the weak reference leads to the object, which lives elsewhere."""
    return weakref.ref(ELSEWHERE)


@SUSPENDED.value
def weakref_with_callback():
    target = Referent()
    return [target, weakref.ref(target, print)]


@SUSPENDED.value
def weakref_proxy():
    target = Referent()
    return [target, weakref.proxy(target)]


@SUSPENDED.value
def weakref_method():
    target = Referent()
    return [target, weakref.WeakMethod(target.method)]


@SUSPENDED.value
def weakref_finalize():
    target = Referent()
    finalizer = weakref.finalize(target, print, "gone")
    finalizer.atexit = False
    return [target, finalizer]


ELSEWHERE = Referent()


@SUSPENDED.check(weakref_alive, weakref_with_callback)
def refers_to_the_target(found):
    target, reference = found
    same(type(reference).__name__ in ("ReferenceType", "weakref"), True, "type")
    same(target.name, "referent")
    same(reference() is target, True, "the reference gives the target")


@SUSPENDED.check(weakref_dead)
def gives_none(found):
    same(type(found).__name__ in ("ReferenceType", "weakref"), True, "type")
    same(found(), None)


@SUSPENDED.check(weakref_only)
def gives_the_object(found):
    same(found().name, "referent")


@SUSPENDED.check(weakref_proxy)
def proxy_and_target(found):
    same(found[0].name, "referent")
    same(object.__getattribute__(found[1], "__class__").__name__ in ("weakproxy", "weakref", "ProxyType"), True, "type")


@SUSPENDED.check(weakref_method)
def weak_method(found):
    same(type(found[1]).__name__, "WeakMethod")


@SUSPENDED.check(weakref_finalize)
def finalizer_is_there(found):
    same(type(found[1]).__name__, "finalize")
