# SPDX-License-Identifier: Apache-2.0
"""Names of the system calls of x86-64 Linux that a thread may be found in (arch/x86/entry/syscalls/syscall_64.tbl)."""

NAMES = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 6: "lstat", 7: "poll", 8: "lseek", 9: "mmap",
    10: "mprotect", 11: "munmap", 12: "brk", 15: "rt_sigreturn", 16: "ioctl", 17: "pread64", 18: "pwrite64",
    19: "readv", 20: "writev", 23: "select", 24: "sched_yield", 25: "mremap", 26: "msync", 28: "madvise", 34: "pause",
    35: "nanosleep", 39: "getpid", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom",
    46: "sendmsg", 47: "recvmsg", 48: "shutdown", 56: "clone", 57: "fork", 58: "vfork", 59: "execve", 60: "exit",
    61: "wait4", 62: "kill", 65: "semop", 69: "msgsnd", 70: "msgrcv", 72: "fcntl", 73: "flock", 74: "fsync",
    75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir", 87: "unlink", 89: "readlink", 100: "times",
    101: "ptrace", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 162: "sync", 186: "gettid", 202: "futex",
    208: "io_getevents", 209: "io_submit", 217: "getdents64", 219: "restart_syscall", 220: "semtimedop",
    228: "clock_gettime", 230: "clock_nanosleep", 231: "exit_group", 232: "epoll_wait", 234: "tgkill",
    242: "mq_timedsend", 243: "mq_timedreceive", 247: "waitid", 257: "openat", 262: "newfstatat", 270: "pselect6",
    271: "ppoll", 275: "splice", 276: "tee", 277: "sync_file_range", 278: "vmsplice", 281: "epoll_pwait",
    285: "fallocate", 288: "accept4", 295: "preadv", 296: "pwritev", 299: "recvmmsg", 306: "syncfs", 307: "sendmmsg",
    310: "process_vm_readv", 318: "getrandom", 326: "copy_file_range", 332: "statx", 426: "io_uring_enter",
    435: "clone3", 441: "epoll_pwait2", 449: "futex_waitv",
}  # fmt: skip
