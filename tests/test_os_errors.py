# SPDX-License-Identifier: Apache-2.0
"""OSError and its kind, whose message is made of C members: the same words in the program, the text part and the viewer."""

import email
from pathlib import Path

import pyheapdump
import pytest
from support.subject import run_python

ERRORS = [
    "open('/nowhere/at/all')",
    "os.rename('/nowhere/a', '/nowhere/b')",
    "raise OSError('shared')",
    "raise ConnectionError('lost')",
    "raise TimeoutError()",
    "raise BlockingIOError(11, 'would block', 5)",
    "raise OSError(5, 'words')",
    "raise OSError(5, 'words', 'file')",
    "raise OSError(None, None, 'file')",
    "raise OSError(2, 'words', None)",
    "raise OSError(1, 2, 3, 4, 5, 6)",
    "raise Own('of our own')",
    "raise Own(2, 'words', 'file')",
    "raise ImportError('no such', name='it')",
    "raise StopIteration",
    "raise SystemError('a', 'b')",
]
PROGRAM = """
import os, sys
import pyheapdump
class Own(OSError):
    pass
try:
    {}
except BaseException as error:
    pyheapdump.dump({!r})
    print(type(error).__name__ + (": " + str(error) if str(error) else ""))
"""


@pytest.mark.parametrize("raised", ERRORS)
def test_message(tmp_path: Path, raised: str) -> None:
    path = tmp_path / "of.dump"
    ended = run_python(["-c", PROGRAM.format(raised, str(path))])
    assert (ended.status, ended.stderr) == (0, b""), ended.stderr.decode()
    expected = ended.stdout.decode().strip()
    with pyheapdump.load(path) as dump:
        error = dump.exception
        assert error is not None
        assert type(error).__name__ + (f": {error}" if str(error) else "") == expected
    message = email.message_from_bytes(path.read_bytes())
    assert str(message["Subject"]).startswith("[pyheapdump] " + expected.partition("(")[0]), message["Subject"]
    if "Own" not in raised or "," in raised:
        view = run_python(["-m", "pyheapdump.view", str(path), "--summary"])
        assert expected in view.stdout.decode()
