/* SPDX-License-Identifier: Apache-2.0
 *
 * From the segments of a core and the files that were mapped to the memory of the process: its mappings, and where the
 * bytes of each are. Context: normal.
 */
#ifndef PHD_CORE_LAYOUT_H
#define PHD_CORE_LAYOUT_H

#include "core/files.h"
#include "memory/core.h"

/* Fill `memory`, which is closed, and `mappings`, which is zeroed; both are to be closed in any case. Files from which
 * something is needed are marked. */
enum phd_status phd__core_lay_out(struct phd_core_memory *memory, struct phd_mappings *mappings,
                                  const struct phd_core_headers *headers, const struct phd_core_notes *notes,
                                  struct phd_core_files *files, struct phd_error *error);

/* Is the file not to be had of which `address`, among its data, is a part, while the core leaves out parts of it? */
bool phd__core_lacks_file(const struct phd_core_files *files, const struct phd_mappings *mappings, uint64_t address);

#endif
