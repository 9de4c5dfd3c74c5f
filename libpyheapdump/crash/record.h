/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the record of a fatal signal from what the kernel hands to the handler. Context: crash.
 */
#ifndef PHD_CRASH_RECORD_H
#define PHD_CRASH_RECORD_H

#include <signal.h>

#include "crash/crash.h"

/* Fill `crash` for the calling thread, which got `info` and `context` in its handler; without the other threads. */
void phd__crash_record(struct phd_crash *crash, const siginfo_t *info, const void *context);

/* Let the system call that raised SIGSYS in the thread of `context` return ENOSYS. */
void phd__refuse_call(void *context);

/* A moment without a signal: where the other threads stand, and no more. */
void phd__standing_record(struct phd_crash *crash);

/* The registers of a thread that was interrupted by a handler with this `context`. */
void phd__registers_record(struct phd_registers *registers, const void *context);

/* The kernel id of the thread that is the entry `name` of /proc/self/task, whose descriptor is `directory`: the id by which
 * this process knows it, though /proc may be that of another PID namespace. 0: not known. */
int phd__standing_thread(const char *name, int directory);

/* FAILED: not known; RUNS: it has a processor, or waits for one; WAITS: `standing` is filled. */
enum phd_look { PHD_LOOK_FAILED, PHD_LOOK_RUNS, PHD_LOOK_WAITS };
enum phd_look phd__standing_read(const char *name, int directory, int thread, struct phd_standing *standing);

#endif
