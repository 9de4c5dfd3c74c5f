# SPDX-License-Identifier: Apache-2.0
"""multiprocessing children: their bootstrap prints an exception and swallows it, so no hook of sys sees it.

`BaseProcess._bootstrap` is wrapped so that `run` is called through a watcher written in C (it leaves no trace in the
traceback). Children by fork inherit the wrapper. For spawn and forkserver the Process object, which is pickled to the
child, carries an `Installer` whose unpickling installs pyheapdump there. multiprocessing itself is not imported for
this: while it is not loaded a finder on sys.meta_path waits for it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

MODULE = "multiprocessing.process"
_originals: dict[str, Any] = {}


class Installer:
    """Travels with a Process object; unpickling it installs pyheapdump in the child."""

    def __init__(self, settings: tuple[Any, ...]) -> None:
        self.settings = settings

    def __reduce__(self) -> tuple[Any, ...]:
        return (_install_in_child, (self.settings,))


def _install_in_child(settings: tuple[Any, ...]) -> Installer:
    from . import capture

    start = sys.modules.get("pyheapdump.start")
    current = capture.installed()
    if current is None or (
        start is not None and current is start.installed
    ):  # the parent's word beats the environment's
        capture.install(**capture.Settings(*settings)._asdict())
    return Installer(settings)


class _Finder:
    """Waits for the import of multiprocessing.process, then steps aside."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != MODULE:
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _wrap(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_finder = _Finder()


def watch(wanted: bool) -> None:
    """Begin or end watching multiprocessing children."""
    module = sys.modules.get(MODULE)
    if not wanted:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        _unwrap(module)
    elif module is not None:
        _wrap(module)
    elif _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _wrap(module: Any) -> None:
    from functools import partial

    from . import _pyheapdump, capture, hooks

    process = module.BaseProcess
    if _originals:
        return
    bootstrap, original_start = process._bootstrap, process.start

    def _bootstrap(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.run = partial(_pyheapdump.call_watched, hooks.dump_child_exception, self.run)
        return bootstrap(self, *args, **kwargs)

    def start(self: Any) -> Any:
        settings = capture.installed()
        if settings is not None:
            self._pyheapdump_installer = Installer(tuple(settings))
        return original_start(self)

    _originals.update(_bootstrap=bootstrap, start=original_start)
    process._bootstrap = _bootstrap
    process.start = start


def _unwrap(module: Any) -> None:
    if module is not None and _originals:
        for name, original in _originals.items():
            setattr(module.BaseProcess, name, original)
        _originals.clear()
