/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether another thread of this process takes a signal that is sent to it. Context: crash.
 */
#ifndef PHD_CRASH_SIGNAL_TAKEN_H
#define PHD_CRASH_SIGNAL_TAKEN_H

#include <stdbool.h>

/* Does the thread, by its kernel id, neither block the signal nor wait for it by sigwait() or its kin? False when nobody
 * knows: it has ended, or /proc is not there. */
bool phd__signal_is_taken(int thread, int signal_number);

#endif
