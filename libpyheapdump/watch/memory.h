/* SPDX-License-Identifier: Apache-2.0
 *
 * A dump before memory runs out. Context: crash, but where said.
 */
#ifndef PHD_WATCH_MEMORY_H
#define PHD_WATCH_MEMORY_H

#include "pyheapdump.h"

/* As phd_watch_memory; no thread is started. Context: normal. */
enum phd_status phd__memory_configure(const struct phd_memory_options *options, struct phd_error *error);

/* Look at the memory if it is time, and make the dump if it is needed. Returns when to call again. */
uint64_t phd__memory_serve(void);

/* In a forked child: it may make a dump of its own, but not because of what its parent uses already. */
void phd__memory_after_fork(void);

#endif
