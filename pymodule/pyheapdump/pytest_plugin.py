# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: with --heapdump, one dump for each test that fails, named after the test.

The dump is made where pytest makes the report of a phase (setup, call, teardown), by the process that ran the test;
its path travels in the report, so that the summary of the controlling process of pytest-xdist has it, too. A test that
fails in more than one phase is dumped at the first.
"""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

# Attribute of a report: the path of the dump, empty when none could be made.
ATTRIBUTE = "heapdump"


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("heapdump", "heap dumps of failed tests")
    group.addoption("--heapdump", action="store_true", help="dump the heap at each test that fails (pyheapdump)")
    group.addoption(
        "--heapdump-dir",
        metavar="DIR",
        help="where the dumps go, all of which stay (default: PYHEAPDUMP_DIR, else the current directory)",
    )


def pytest_configure(config: Any) -> None:
    if config.option.heapdump_dir is not None:  # workers get the options as they are left here
        config.option.heapdump_dir = os.path.abspath(config.option.heapdump_dir)
    if config.option.heapdump:
        config.pluginmanager.register(Dumps(config.option.heapdump_dir), "heapdump-dumps")


class Dumps:
    """Makes the dumps, and tells of them at the end."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._tests_done: set[str] = set()
        self._found: list[tuple[str, str]] = []  # (path, node id)

    # First of the wrappers, so its second half comes last: the others decide on xfail.
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)  # type: ignore[misc]
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        outcome = yield
        report = outcome.get_result()
        if report.failed and call.excinfo is not None and item.nodeid not in self._tests_done:
            self._tests_done.add(item.nodeid)
            setattr(report, ATTRIBUTE, self._dump(call.excinfo.value, item.nodeid))

    def _dump(self, exception: BaseException, node_id: str) -> str:
        from . import capture, hooks

        settings = (capture.installed() or capture.DEFAULTS)._replace(max_dumps=None, quiet=True)
        if self._directory is not None:
            settings = settings._replace(directory=self._directory)
        return hooks.dump_now(exception, "test", settings, label=node_id) or ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        path = getattr(report, ATTRIBUTE, None)
        if path is not None:
            self._found.append((path, report.nodeid))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._found:
            return
        terminalreporter.section("heap dumps")
        for path, node_id in self._found:
            terminalreporter.write_line(f"{path or 'no dump'}  {node_id}")
        if any(path for path, _ in self._found):
            terminalreporter.write_line("open one with: python -m pyheapdump.view FILE")
