/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling _PyRuntime by what it leads to: before 3.13 nothing marks it. Context: normal.
 */
#ifndef PHD_ATTACH_UNMARKED_H
#define PHD_ATTACH_UNMARKED_H

#include "attach/unexported.h"

/* A search, of which data that look right again and again must not make a long one. */
struct phd_unmarked {
    struct phd_memory *memory;
    uint64_t steps; /* links that may still be followed */
};

/* Does the list of interpreters of a _PyRuntime begin at `head`, of any version that has a layout? Faults when `head` cannot
 * be read. */
bool phd__unmarked_at(struct phd_unmarked *search, uint64_t head, struct phd_unexported *found);

#endif
