# SPDX-License-Identifier: Apache-2.0
"""Code for programs that filter their own system calls (seccomp(2)), as sandboxes do, on x86-64.

    refuse(["clone", "fork"], "kill")

After it a call of these kills the process ("kill"), raises SIGSYS ("trap") or fails ("errno"), in every thread.
"""

REFUSE = """
import ctypes, struct

NUMBERS = {"clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "ptrace": 101, "process_vm_readv": 310, "kill": 62,
           "memfd_create": 319, "linkat": 265, "renameat2": 316, "setpriority": 141, "setitimer": 38, "prctl": 157,
           "getdents64": 217, "fsync": 74, "sched_setscheduler": 144, "ioprio_set": 251, "mkdirat": 258, "tgkill": 234}
ACTIONS = {"kill": 0x80000000, "trap": 0x00030000, "errno": 0x00050001}
ALLOW = 0x7FFF0000

def refuse(names, action, every_thread=True):
    libc = ctypes.CDLL(None, use_errno=True)
    statement = struct.Struct("HBBI").pack
    program = statement(0x20, 0, 0, 0)  # load the number of the call
    for index, name in enumerate(names):
        program += statement(0x15, len(names) - index, 0, NUMBERS[name])
    program += statement(0x06, 0, 0, ALLOW) + statement(0x06, 0, 0, ACTIONS[action])
    code = ctypes.create_string_buffer(program)
    given = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.syscall(317, 1, int(every_thread), given) == 0, ctypes.get_errno()  # seccomp: SECCOMP_SET_MODE_FILTER
"""
