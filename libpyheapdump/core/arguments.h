/* SPDX-License-Identifier: Apache-2.0
 *
 * The arguments and the environment of the process, which the kernel puts above its stack, with pointers to them below
 * the auxiliary vector (Linux, fs/binfmt_elf.c, create_elf_tables). Context: normal.
 */
#ifndef PHD_CORE_ARGUMENTS_H
#define PHD_CORE_ARGUMENTS_H

#include "core/notes.h"
#include "memory/memory.h"

/* Set the addresses in `source`; they stay 0 when they cannot be found. */
void phd__core_arguments_find(struct phd_core_source *source, const struct phd_core_notes *notes,
                              struct phd_memory *memory);

#endif
