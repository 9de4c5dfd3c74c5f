/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fatal signal told: the record that the handler fills and the writer of the dump reads. Context: crash.
 */
#ifndef PHD_CRASH_CRASH_H
#define PHD_CRASH_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "native/registers.h"

enum { PHD_MAX_OTHER_THREADS = 1024 };

/* Where another thread stood. In a crash, as far as the kernel tells (/proc/self/task/TID/syscall): it waits in a system
 * call, and of its registers only the stack pointer and the program counter are known. */
struct phd_standing {
    int thread;          /* kernel id */
    uint64_t ident;      /* its pthread_self(), 0: not known */
    bool in_system_call; /* and then `system_call` tells which; only in a process that was stopped from outside */
    int system_call;
    struct phd_registers registers;
};

struct phd_crash {
    int signal;
    int code;         /* si_code; greater than 0: raised by the kernel for what the thread did */
    uint64_t address; /* si_addr: of the access or instruction; only when code > 0 */
    int system_call;  /* si_syscall, for SIGSYS; of a process that was stopped from outside: as in phd_standing */
    bool in_system_call;
    int sender_pid; /* who sent it; only when code <= 0 */
    int sender_uid;
    int process;                    /* id of the process that got it */
    int thread;                     /* kernel id of the thread that got the signal */
    uint64_t thread_ident;          /* its pthread_self(), by which its PyThreadState is found */
    struct phd_registers registers; /* of that thread, at the signal */
    unsigned other_count;
    struct phd_standing others[PHD_MAX_OTHER_THREADS];
};

#endif
