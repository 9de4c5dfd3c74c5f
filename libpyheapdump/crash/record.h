/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the record of a fatal signal from what the kernel hands to the handler. Context: crash.
 */
#ifndef PHD_CRASH_RECORD_H
#define PHD_CRASH_RECORD_H

#include <signal.h>

#include "crash/crash.h"

/* Fill `crash` for the calling thread, which got `info` and `context` in its handler. */
void phd__crash_record(struct phd_crash *crash, const siginfo_t *info, const void *context);

/* Let the system call that raised SIGSYS in the thread of `context` return ENOSYS. */
void phd__refuse_call(void *context);

/* The same for a moment without a signal: where the other threads stand, and no more. */
void phd__standing_record(struct phd_crash *crash);

#endif
