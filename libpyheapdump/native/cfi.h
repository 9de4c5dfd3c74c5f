/* SPDX-License-Identifier: Apache-2.0
 *
 * Call frame information: how the registers of a caller follow from those of its callee. It is found through the sorted
 * table in .eh_frame_hdr and read from .eh_frame (LSB core 5.0, 10.6; DWARF 5 section 6.4; System V ABI, AMD64
 * supplement, 3.7 and 4.2.4). Everything here does not return when something cannot be read or is wrong.
 * Context: crash.
 */
#ifndef PHD_NATIVE_CFI_H
#define PHD_NATIVE_CFI_H

#include "native/expression.h"
#include "native/modules.h"

enum {
    PHD_MAX_REMEMBERED = 16,          /* states remembered at the same time; compilers need one or two */
    PHD_MAX_CFI_RECORD = 1024 * 1024, /* bytes of an entry of .eh_frame */
    PHD_MAX_AUGMENTATION = 8          /* characters */
};

/* How the value of a register is found. */
struct phd_cfi_rule {
    enum phd_cfi_kind {
        PHD_CFI_UNSPECIFIED,
        PHD_CFI_UNDEFINED,
        PHD_CFI_SAME,
        PHD_CFI_OFFSET,          /* saved at CFA + number */
        PHD_CFI_VALUE_OFFSET,    /* is CFA + number */
        PHD_CFI_REGISTER,        /* is the value of register `number` */
        PHD_CFI_EXPRESSION,      /* saved at the value of the expression of `number` bytes at `address` */
        PHD_CFI_VALUE_EXPRESSION /* is that value */
    } kind;
    int64_t number;
    uint64_t address;
};

/* The rules at one place of the code. */
struct phd_cfi_row {
    struct phd_cfi_rule registers[PHD_REGISTER_COUNT];
    /* the canonical frame address: a register plus `cfa_offset`, or an expression */
    bool cfa_is_expression;
    uint64_t cfa_register;
    uint64_t cfa_offset;
    uint64_t cfa_expression, cfa_expression_length;
};

/* What stands in .eh_frame about a function (FDE) and what it has in common with others (CIE). */
struct phd_cfi_function {
    uint64_t start, end; /* of its code */
    uint64_t program, program_end;
    uint64_t common_program, common_program_end;
    uint64_t code_factor;
    int64_t data_factor;
    unsigned pointer_encoding;
    bool signal_frame; /* it stands for the place that a signal interrupted */
};

/* Working memory, too large for the stack of a crashed process. */
struct phd_cfi {
    struct phd_memory *memory;
    uint64_t steps; /* how much more may be done in all */
    struct phd_cfi_function function;
    struct phd_cfi_row row;
    struct phd_cfi_row initial;
    struct phd_cfi_row remembered[PHD_MAX_REMEMBERED];
    unsigned remembered_count;
    uint64_t stack[PHD_EXPRESSION_DEPTH];
};

/* Find the function that holds `address` in `module`; false when the module tells nothing about it. */
bool phd__cfi_find(struct phd_cfi *cfi, const struct phd_module *module, uint64_t address);

/* Compute the rules at `address` in the function found: cfi->row. */
void phd__cfi_rules(struct phd_cfi *cfi, uint64_t address);

/* The canonical frame address by these rules. */
uint64_t phd__cfi_frame_address(struct phd_cfi *cfi, const struct phd_registers *registers);

/* The registers of the caller by these rules. Its RIP is not known when the function has no caller. */
void phd__cfi_apply(struct phd_cfi *cfi, uint64_t frame_address, const struct phd_registers *registers,
                    struct phd_registers *caller);

#endif
