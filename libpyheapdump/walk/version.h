/* SPDX-License-Identifier: Apache-2.0
 *
 * Which version an interpreter says it is. Context: crash.
 */
#ifndef PHD_WALK_VERSION_H
#define PHD_WALK_VERSION_H

#include "layout/layout.h"
#include "memory/memory.h"

/* sys.hexversion of the interpreter whose PyInterpreterState stands at `interpreter`, read by the layout `at`. 0: it cannot
 * be read so; it may be of another version. */
uint32_t phd__interpreter_version(struct phd_memory *memory, const struct phd_layout *at, uint64_t interpreter);

#endif
