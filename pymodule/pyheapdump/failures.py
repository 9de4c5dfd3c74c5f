# SPDX-License-Identifier: Apache-2.0
"""Dumps about exceptions that do not get as far as a hook: dump_on_exception(), dump_once()."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial, wraps

from . import capture, hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])

# Exceptions that are a way to go on; asyncio's CancelledError is one, too.
CONTROL_FLOW = (*hooks.NO_DUMP, StopIteration, StopAsyncIteration)

# Of co_flags (inspect.CO_*; inspect itself takes long to import).
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200


def is_failure(exception: BaseException) -> bool:
    """Is it more than a way to leave a block?"""
    asyncio = sys.modules.get("asyncio.exceptions")
    cancelled = () if asyncio is None else (asyncio.CancelledError,)
    return not hooks.is_leaving(exception, (*CONTROL_FLOW, *cancelled))


def dump_once(
    exception: BaseException | None = None,
    *,
    directory: str | None = None,
    label: str | None = None,
) -> str | None:
    """Dump about an exception, unless that was done already, and return the path of its dump.

    For places that get hold of an exception: handlers of logging, of frameworks, of event loops. Never raises, but for
    what a signal handler of the program raises meanwhile: what goes wrong is one line on stderr, and then there is no
    path. Nor is there one for exceptions that are no failure: exits, KeyboardInterrupt, cancellation, the ends of
    iterators and generators, and groups of these alone.

    exception: default the one being handled, if any. directory: instead of that of install().
    label: a text that stands in the dump: which request, which job.
    """
    if exception is None:
        exception = sys.exc_info()[1]
    if exception is None or not is_failure(exception):
        return None
    settings = capture.installed() or capture.DEFAULTS
    if directory is not None:
        settings = settings._replace(directory=directory)
    return hooks.dump_now(exception, "exception", settings, None, label)


class Block:
    """What dump_on_exception() returns: for `with`, and to decorate functions. Holds no state of one use."""

    def __init__(self, reraise: bool, directory: str | None, label: str | None) -> None:
        self._reraise = reraise
        self._options = {"directory": directory, "label": label}

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if exception is None or not is_failure(exception):
            return False
        dump_once(exception, **self._options)
        return not self._reraise

    def __call__(self, function: Function) -> Function:
        if not callable(function):
            raise TypeError(f"dump_on_exception() decorates functions, not {type(function).__name__}")
        inner: Any = function
        while isinstance(inner, partial):
            inner = inner.func
        flags = getattr(getattr(inner, "__code__", None), "co_flags", 0)
        for flag, wrapper in _WRAPPERS.items():
            if flags & flag:
                return wraps(function)(wrapper(self, function))  # type: ignore[return-value]
        return wraps(function)(_function(self, function))  # type: ignore[return-value]


def _function(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        with block:
            return function(*args, **kwargs)

    return watched


def _generator(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        with block:
            return (yield from function(*args, **kwargs))

    return watched


def _coroutine(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        with block:
            return await function(*args, **kwargs)

    return watched


def _async_generator(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        with block, suppress(StopAsyncIteration):
            value = await generator.__anext__()
            while True:
                try:
                    sent = yield value
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001  the generator's to handle
                    step = generator.athrow(thrown)
                else:
                    step = generator.asend(sent)
                value = await step

    return watched


_WRAPPERS = {GENERATOR: _generator, COROUTINE: _coroutine, ASYNC_GENERATOR: _async_generator}


if TYPE_CHECKING:

    @overload
    def dump_on_exception(function: Function) -> Function: ...

    @overload
    def dump_on_exception(
        function: None = None, *, reraise: bool = True, directory: str | None = None, label: str | None = None
    ) -> Block: ...


def dump_on_exception(
    function: Any = None, *, reraise: bool = True, directory: str | None = None, label: str | None = None
) -> Any:
    """Dump when an exception leaves a block or a function, and let it go on.

        with pyheapdump.dump_on_exception(label="order 4711"):
            ...

        @pyheapdump.dump_on_exception()
        async def handle(request): ...

    Decorates functions, generators, async functions and async generators, which stay what they are. An exception is
    dumped once, however many blocks and hooks it passes. install() is not needed; its settings hold where it was.
    Exits, KeyboardInterrupt, cancellation, the ends of iterators and generators pass without a dump.

    reraise: False swallows the exception; a function returns None then. directory, label: as for dump_once().
    """
    block = Block(reraise, directory, label)
    return block if function is None else block(function)
