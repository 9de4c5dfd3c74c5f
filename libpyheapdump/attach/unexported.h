/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding _PyRuntime in a program that exports no symbols, as one does that has Python linked into it. Context: normal.
 */
#ifndef PHD_ATTACH_UNEXPORTED_H
#define PHD_ATTACH_UNEXPORTED_H

#include "memory/memory.h"
#include "native/mappings.h"

/* What is found at the begin of _PyRuntime. */
struct phd_unexported {
    uint64_t runtime; /* its address */
    uint32_t version; /* PY_VERSION_HEX */
    bool free_threaded;
};

/* Call `visit` for each place that looks like it, until it returns true; that is the result. */
bool phd__unexported_each(struct phd_memory *memory, const struct phd_mappings *mappings,
                          bool (*visit)(const struct phd_unexported *found, void *argument), void *argument);

#endif
