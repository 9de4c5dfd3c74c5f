/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fatal signal told: the record that the handler fills and the writer of the dump reads. Context: crash.
 */
#ifndef PHD_CRASH_CRASH_H
#define PHD_CRASH_CRASH_H

#include <stdint.h>

#include "native/registers.h"

enum { PHD_MAX_OTHER_THREADS = 1024, PHD_NO_SYSTEM_CALL = -1 };

/* Where another thread stood, and the system call it was in. From inside a process that goes on, only threads that wait
 * in one show anything (/proc/self/task/TID/syscall), and of their registers the stack pointer and the program counter;
 * those that were parked after a fatal signal (park.c) show all. */
struct phd_standing {
    int thread;     /* kernel id */
    uint64_t ident; /* its pthread_self(), 0: not known */
    struct phd_registers registers;
    int64_t system_call; /* its number; PHD_NO_SYSTEM_CALL: in none */
    uint64_t argument;   /* its first one */
};

/* Also of a moment without a signal, to tell of the threads: then `signal` is 0. */
struct phd_crash {
    int signal;
    int code;         /* si_code; greater than 0: raised by the kernel for what the thread did */
    uint64_t address; /* si_addr: of the access or instruction; only when code > 0 */
    int system_call;  /* si_syscall, for SIGSYS */
    int sender_pid;   /* who sent it; only when code <= 0 */
    int sender_uid;
    int process;                    /* id of the process that got it */
    int thread;                     /* kernel id of the thread that got the signal */
    uint64_t thread_ident;          /* its pthread_self(), by which its PyThreadState is found */
    struct phd_registers registers; /* of that thread, at the signal */
    struct phd_standing
        own; /* of that thread, where a core tells the system call that it was in; thread 0: not known */
    unsigned other_count;
    struct phd_standing others[PHD_MAX_OTHER_THREADS];
};

#endif
