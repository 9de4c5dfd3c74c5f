/* SPDX-License-Identifier: Apache-2.0
 *
 * The stack machine of DWARF expressions (DWARF 5 section 2.5), as far as call frame information uses it: constants,
 * registers, memory, arithmetic, comparisons and branches. Context: crash.
 */
#ifndef PHD_NATIVE_EXPRESSION_H
#define PHD_NATIVE_EXPRESSION_H

#include "native/cursor.h"
#include "native/registers.h"

enum { PHD_EXPRESSION_DEPTH = 64 };

/* The value of the expression of `length` bytes at `address`, with `initial` on the stack unless it is NULL. Does not
 * return when it is wrong or needs a register that is not known. `stack` has PHD_EXPRESSION_DEPTH words. */
uint64_t phd__expression(struct phd_memory *memory, uint64_t address, uint64_t length,
                         const struct phd_registers *registers, const uint64_t *initial, uint64_t *stack,
                         uint64_t *steps);

/* The value of a register. Does not return when it is not known. */
uint64_t phd__register_value(struct phd_memory *memory, const struct phd_registers *registers, uint64_t number);

#endif
