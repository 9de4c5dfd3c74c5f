/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that the kernel wipes in a child (madvise(2), MADV_WIPEONFORK): a clone of the process has zeros there, which the
 * process never had. Context: crash.
 */
#ifndef PHD_MEMORY_WIPED_H
#define PHD_MEMORY_WIPED_H

#include <stdint.h>

/* Call `visit` with each such mapping of process `pid`. To find them is to have the kernel look at every page of the
 * process: some 10 ms for a GiB. */
void phd__wiped_each(int pid, void (*visit)(uint64_t start, uint64_t end, void *argument), void *argument);

#endif
