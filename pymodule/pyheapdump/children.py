# SPDX-License-Identifier: Apache-2.0
"""multiprocessing children: their bootstrap prints an exception and swallows it, so no hook of sys sees it.

No class of multiprocessing's is changed. What its bootstrap calls after a fork (util.register_after_fork) puts a
watcher written in C around the `run` of the process at hand; it leaves no trace in the traceback. Children by fork
inherit that. For spawn and forkserver the configuration that Process objects copy from the current process, and that is
pickled to the child, carries an `Installer`, whose unpickling installs pyheapdump there. The bootstrap, which comes
next, calls nothing after a spawn but a method of the main thread: that is covered for this one call. Nothing of this
can keep the child from its work.

multiprocessing itself is not imported for this: while it is not loaded a finder on sys.meta_path waits for it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial

from . import _pyheapdump, capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

MODULE = "multiprocessing.process"
UTILITIES = "multiprocessing.util"
# In the configuration of a process.
KEY = "pyheapdump"
# What a child runs to install. pyheapdump may be missing there, or be another version: the child works all the same.
ARRIVE = """
try:
    from pyheapdump.children import arrive
except Exception:
    pass
else:
    arrive(settings)
"""

# Is _watch_run called in the children of this process?
_registered_in: Any = None


class Installer:
    """Travels with a Process object; unpickling it installs pyheapdump in the child, as it is installed here."""

    def __reduce__(self) -> tuple[Any, ...]:
        settings = capture.installed()
        if settings is None:
            return (type(None), ())
        return (exec, (ARRIVE, {"settings": settings._asdict()}))


def arrive(settings: dict[str, Any]) -> None:
    """In a child that did not inherit its parent's memory. The parent's word beats the environment's. Never raises."""
    try:
        start = sys.modules.get("pyheapdump.start")
        current = capture.installed()
        if current is None or (start is not None and current is start.installed):
            capture.install(**{name: value for name, value in settings.items() if name in capture.Settings._fields})
        _wait_for_bootstrap()
    except Exception as problem:  # noqa: BLE001  whatever it is, the child's own work comes first
        capture.say(f"not installed in process {os.getpid()}: {capture.describe(problem)}")


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
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                execute(module)
                _equip(module)

            loader.exec_module = exec_module
        return spec


_finder = _Finder()


def watch(wanted: bool) -> None:
    """Begin or end watching multiprocessing children."""
    module: Any = sys.modules.get(MODULE)
    if not wanted:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        if module is not None:
            module.current_process()._config.pop(KEY, None)
    elif module is not None:
        _equip(module)
    elif _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _equip(module: Any) -> None:
    module.current_process()._config[KEY] = Installer()


def forked() -> None:
    """In a forked child, which may be one of multiprocessing's: its bootstrap comes next."""
    if UTILITIES in sys.modules:
        _register()


def _register() -> None:
    """Let the bootstrap of a forked child call _watch_run."""
    global _registered_in
    from multiprocessing import util

    registry: Any = vars(util)["_afterfork_registry"]
    if _registered_in is not registry:
        util.register_after_fork(sys.modules[__name__], _watch_run)
        _registered_in = registry


def _wait_for_bootstrap() -> None:
    """Let that of a child which is just being unpickled call _watch_run."""
    import threading

    main: Any = threading.main_thread()
    name = "_set_native_id"
    original = getattr(main, name)

    def called_by_bootstrap() -> None:
        vars(main).pop(name, None)
        original()
        with suppress(Exception):  # as in util._run_after_forkers: the child's own work comes first
            _watch_run()

    setattr(main, name, called_by_bootstrap)


def _watch_run(_: object = None) -> None:
    """Called by the bootstrap, in the child, before the process runs."""
    from multiprocessing import process

    from . import hooks

    current: Any = process.current_process()
    if capture.installed() is not None:
        current._config[KEY] = Installer()
        if getattr(current.run, "func", None) is not _pyheapdump.call_watched:
            current.run = partial(_pyheapdump.call_watched, hooks.dump_child_exception, current.run)
