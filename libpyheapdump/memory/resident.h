/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pages of another process are in memory or swapped out: what it has only reserved costs nothing to skip.
 *
 * Linux 6.7 tells the runs of such pages (PAGEMAP_SCAN), and what lies between them costs next to nothing. Before that there
 * is a word for each page, also of those that are not there: half a millisecond for each GiB.
 *
 * Context: crash.
 */
#ifndef PHD_MEMORY_RESIDENT_H
#define PHD_MEMORY_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>

struct phd_resident {
    int pagemap;       /* /proc/PID/pagemap; -1: it cannot be had */
    void *room;        /* for what it tells; NULL: likewise */
    bool scan_refused; /* by the kernel: there are words alone */
};

/* False: nobody tells. To be closed all the same. */
bool phd__resident_open(struct phd_resident *resident, int pid);
void phd__resident_close(struct phd_resident *resident);

/* Can runs be told without a look at each page? */
bool phd__resident_is_cheap(struct phd_resident *resident);

/* Call `visit` with each run of such pages from `start` to `end`, ascending. False: it was not told of all. */
bool phd__resident_each(struct phd_resident *resident, uint64_t start, uint64_t end,
                        void (*visit)(uint64_t start, uint64_t end, void *argument), void *argument);

#endif
