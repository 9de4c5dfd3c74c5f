/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters of system calls (seccomp(2)) that the program has put upon itself. One that is newer than what we have set up
 * was made without us in mind, and may kill the process for a call that Python would never make: where there is one, we
 * make none of our own. Context: crash.
 */
#ifndef PHD_SAFE_FILTERS_H
#define PHD_SAFE_FILTERS_H

#include <signal.h>
#include <stdbool.h>

/* What there is now came before us: the calling thread has it, and so have those that it starts. */
void phd__filters_note(void);

/* Has the calling thread more filters than were noted? To find out is to read a file of /proc, which a program that prints
 * tracebacks may do. False when nothing was noted, and where nobody tells. */
bool phd__filters_grown(void);

/* Does the process end by the signal by which a filter kills? It comes because one has refused a call of its own, or from
 * a handler that has raised it again. When a filter kills it now, its end is the same: so a dump may be tried. */
static inline bool phd__ends_by_filter(int signal_number)
{
    return signal_number == SIGSYS;
}

#endif
