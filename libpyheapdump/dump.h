/* SPDX-License-Identifier: Apache-2.0
 *
 * One dump from beginning to end: memory, layout, walk, encode, sink. Context: crash.
 */
#ifndef PHD_DUMP_H
#define PHD_DUMP_H

#include "memory/memory.h"
#include "pyheapdump.h"

/* Steps that fail because of the file's place: it could not be created; it is complete, but could not be given its final
 * name, and is left with the temporary one. */
#define PHD_STEP_OPEN "open"
#define PHD_STEP_RENAME "rename"

/* Write the dump that `request` asks for, reading `memory`, to a new file in request->directory, and give it its final
 * name. `how` is "clone" or "in place". */
enum phd_status phd__dump_write(const struct phd_request *request, struct phd_memory *memory, const char *how,
                                struct phd_result *result, struct phd_error *error);

#endif
