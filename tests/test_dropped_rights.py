# SPDX-License-Identifier: Apache-2.0
"""When a program gives up rights our threads give them up, too: none has more than the thread that did."""

import os
from pathlib import Path

import pytest
from support.subject import Subject

NOBODY = 65534
DROPS = {
    "setgroups, setgid, setuid": ["setgroups([])", f"setgid({NOBODY})", f"setuid({NOBODY})"],
    "for a while": ["setegid(1)", f"seteuid({NOBODY})", "seteuid(0)", "setegid(0)"],
    "setresuid": ["setgroups([1])", "setresgid(1, 1, 1)", f"setresuid({NOBODY}, {NOBODY}, {NOBODY})"],
    "setreuid": ["setregid(1, 1)", f"setreuid({NOBODY}, {NOBODY})"],
    "initgroups": ["initgroups('daemon', 1)", "setgid(1)", "setuid(1)"],
}
PROGRAM = """
    import os, sys, threading, time
    import pyheapdump

    TOLD = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")

    def rights():
        found = {}
        for task in os.listdir("/proc/self/task"):
            lines = open(f"/proc/self/task/{task}/status").read().splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            found[int(task)] = fields["Name"].strip(), {name: fields[name].split() for name in TOLD}
        return found

    pyheapdump.install(register="USR1", memory_limit="95%")

    def drop(calls):
        # This thread and three of ours; one that was joined may be seen a moment longer.
        while len(os.listdir("/proc/self/task")) != 4:
            time.sleep(0.001)
        for call in calls:
            eval("os." + call)
            found = rights()
            _, own = found[os.getpid()]
            assert all(theirs == own for _, theirs in found.values()), (call, found)

    def child():
        pid = os.fork()
        if pid == 0:
            drop(CALLS)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    CALLS = {calls}
    child()
    in_thread = threading.Thread(target=child)
    in_thread.start()
    in_thread.join()
    drop(CALLS)
    print("dropped", os.getresuid(), os.getresgid())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize("drop", DROPS)
def test_no_thread_keeps_rights(tmp_path: Path, drop: str) -> None:
    os.chmod(tmp_path, 0o755)
    ended = Subject(tmp_path, PROGRAM.replace("{calls}", repr(DROPS[drop])), install=None).run()
    assert ended.status == 0 and ended.stdout.startswith(b"dropped"), ended.stderr.decode()
