# SPDX-License-Identifier: Apache-2.0
"""A process that forks while another of its threads is making a dump: the child's own dump must not wait for it."""

import textwrap
from pathlib import Path

from support.subject import Subject

PROGRAM = textwrap.dedent(
    """
    import os, sys, threading, time
    from pyheapdump import hooks

    hooks._lock.acquire()          # as another thread would while its dump is being written
    child = os.fork()
    if child == 0:
        raise ValueError("in the child")
    pid, status = os.waitpid(child, 0)
    hooks._lock.release()
    print(os.waitstatus_to_exitcode(status))
    """
)


def test_child_does_not_wait_for_a_dump_of_its_parent(tmp_path: Path) -> None:
    ended = Subject(tmp_path, PROGRAM).run()
    assert ended.status == 0, ended.stderr.decode()
    assert ended.stdout.decode().strip() == "1"
    assert len(ended.dumps) == 1 and b"ValueError: in the child" in ended.stderr
