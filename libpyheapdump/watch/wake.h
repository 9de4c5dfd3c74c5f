/* SPDX-License-Identifier: Apache-2.0
 *
 * What wakes a thread of the library's own: a signal to that thread, which it has blocked and waits for; so a ring of its
 * bell (from a handler, too), a processor clock and the kernel's word of memory pressure come the same way. Nothing is
 * ever read from or written to a descriptor: the program may have closed it and opened another one in its place.
 * Context: crash.
 */
#ifndef PHD_WATCH_WAKE_H
#define PHD_WATCH_WAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Wake the thread of this process with kernel id `thread`. */
void phd__wake_thread(int thread);

/* Wait until somebody wakes the calling thread, there is pressure, or `deadline_ns` (phd__clock_ns) has passed; may return
 * early. */
void phd__wait_to_be_woken(uint64_t deadline_ns);

/* Wake the calling thread when the process has used so many nanoseconds of processor time from now on, in place of what
 * was asked before. False when the kernel refuses; one thread of a process. */
bool phd__wake_after_processor_time(uint64_t nanoseconds);

/* Let phd__wait_to_be_woken return, in the calling thread, when processes stall for want of memory: in the group that
 * has this file ("memory.pressure"), or on the whole machine ("/proc/pressure/memory"). False when the kernel refuses
 * (psi(5): Documentation/accounting/psi.rst); one thread of a process. */
bool phd__wake_on_pressure(const char *path);

#endif
