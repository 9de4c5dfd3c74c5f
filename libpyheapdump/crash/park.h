/* SPDX-License-Identifier: Apache-2.0
 *
 * Parking: while the dump of a fatal signal is made, no other thread of the process goes on. Without us the signal would
 * have ended them all at once: they must not serve another request on a broken heap, and not end the process by an
 * exit() that hides the crash. Context: crash, but for phd__park_prepare.
 */
#ifndef PHD_CRASH_PARK_H
#define PHD_CRASH_PARK_H

#include <stdint.h>

#include "crash/crash.h"
#include "safe/action.h"

/* How long the thread that crashed waits for the others to stand, nanoseconds. One that comes later stands then. */
#define PHD_PARK_PATIENCE (50 * 1000 * 1000)

/* `model`: the action of some signal, as the C library has set it with a handler. */
void phd__park_prepare(const struct phd_action *model);

/* Stop the other threads until they are let go, or until `deadline_ns` (phd__clock_ns); and note in `crash->others` where
 * each stood. One thread at a time. */
void phd__park(struct phd_crash *crash, uint64_t deadline_ns);

/* The process is about to end: if it does not, the threads go on after `nanoseconds`. */
void phd__park_let_go_after(uint64_t nanoseconds);

/* Let the threads go on now. */
void phd__park_let_go(void);

#endif
