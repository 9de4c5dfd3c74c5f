# SPDX-License-Identifier: Apache-2.0
"""A second install() takes back the fatal signals that somebody else has taken since the first."""

import signal
from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject

TEXT = """
    import faulthandler, pyheapdump, signal
    {first}
    {taken}
    pyheapdump.install()
    os.abort()
"""
TAKEN = {
    "by a handler": "signal.signal(signal.SIGABRT, lambda *arguments: None)",
    "by default": "signal.signal(signal.SIGABRT, signal.SIG_DFL)",
    "by faulthandler": "faulthandler.enable()",
    "by faulthandler, twice": "faulthandler.enable(); pyheapdump.install(); faulthandler.enable()",
}


@pytest.mark.parametrize("first", ["", "pyheapdump.install()"])
@pytest.mark.parametrize("taken", TAKEN)
def test_signals_are_taken_back(tmp_path: Path, taken: str, first: str) -> None:
    ended = Subject(tmp_path, TEXT.format(first=first, taken=TAKEN[taken]), install=None).run()
    assert ended.status == -signal.SIGABRT, ended.stderr.decode()
    assert pyheapdump.load(ended.only_dump).reason == "signal"
    assert (b"Fatal Python error" in ended.stderr) == ("faulthandler" in taken)
