/* SPDX-License-Identifier: Apache-2.0
 *
 * The GIL, for a thread that must not wait for it for ever. Context: crash, but where said.
 */
#ifndef PHD_WATCH_GIL_H
#define PHD_WATCH_GIL_H

#include "pyheapdump.h"

/* Start the thread that waits for the GIL; errno of the refusal, or 0. Context: normal. */
int phd__gil_start(void);

/* Have `work` called with the GIL held, by another thread. False when the GIL could not be had in `seconds`, or before
 * `give_up` (may be NULL), which is asked every few milliseconds, returned true: then it is not called. One caller at a
 * time. */
bool phd__gil_do(const struct phd_gil *calls, double seconds, bool (*give_up)(void), void (*work)(void));

/* The PyThreadState of that thread, which is no thread of the program, or 0. */
uint64_t phd__gil_own_thread(void);

/* Is it the calling thread? */
bool phd__gil_is_asker(void);

/* The GIL is not asked for any more. The caller does not hold it. Context: normal. */
void phd__gil_interpreter_ends(void);

/* Around a fork: stop the thread, if it is idle; what the parent was doing is not done in the child. Context: normal. */
void phd__gil_before_fork(void);
void phd__gil_forget(void);

#endif
