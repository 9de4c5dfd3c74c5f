/* SPDX-License-Identifier: Apache-2.0
 *
 * Stopping all threads of another process, by ptrace, and letting them go again.
 *
 * PTRACE_SEIZE and INTERRUPT leave no trace in the target: no signal is sent, system calls go on where they were, and a
 * process that was stopped (SIGSTOP) is stopped afterwards. When the tool that froze the process ends, by whatever cause,
 * the kernel lets all threads go. Context: normal.
 */
#ifndef PHD_ATTACH_FREEZE_H
#define PHD_ATTACH_FREEZE_H

#include "crash/crash.h"
#include "pyheapdump.h"

enum { PHD_MAX_FROZEN = 65536 };

struct phd_frozen_thread {
    int thread;         /* kernel id */
    int pending_signal; /* that was on its way when the thread was stopped, 0: none */
    bool stopped;       /* and so its registers can be had; else it waits in the kernel and does not answer */
    bool group_stopped; /* the process was stopped before (SIGSTOP and the like) */
};

struct phd_frozen {
    int pid;
    struct phd_frozen_thread *threads; /* in pages of our own */
    unsigned count;
};

/* Stop every thread of `pid`, waiting up to `seconds` for those that wait in the kernel. When it fails nothing is left
 * stopped; the error's errno and step tell why. */
enum phd_status phd__freeze(struct phd_frozen *frozen, int pid, double seconds, struct phd_error *error);

/* Note what waitpid() told about a thread, -1: nothing. False when it has ended. */
bool phd__frozen_note(struct phd_frozen_thread *thread, int status);

/* Let all threads go. Those that did not answer in time, as they wait in the kernel, stop when their wait is over: they
 * stay in the list, and are let go by the next call after that. The end of the calling thread frees them, too. */
void phd__unfreeze(struct phd_frozen *frozen);

/* The same, for the last time. */
void phd__frozen_close(struct phd_frozen *frozen);

/* Where the stopped threads stand. */
void phd__frozen_registers(const struct phd_frozen *frozen, struct phd_crash *crash);

#endif
