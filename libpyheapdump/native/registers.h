/* SPDX-License-Identifier: Apache-2.0
 *
 * The registers of one thread, numbered as DWARF numbers them on x86-64 (System V ABI, AMD64 supplement, figure 3.36).
 * What is not known of them says so: a thread that waits in a system call shows only where it stands.
 */
#ifndef PHD_NATIVE_REGISTERS_H
#define PHD_NATIVE_REGISTERS_H

#include <stdint.h>

enum phd_register {
    PHD_RAX,
    PHD_RDX,
    PHD_RCX,
    PHD_RBX,
    PHD_RSI,
    PHD_RDI,
    PHD_RBP,
    PHD_RSP,
    PHD_R8,
    PHD_R9,
    PHD_R10,
    PHD_R11,
    PHD_R12,
    PHD_R13,
    PHD_R14,
    PHD_R15,
    PHD_RIP, /* DWARF's "return address" */
    PHD_REGISTER_COUNT
};

struct phd_registers {
    uint64_t value[PHD_REGISTER_COUNT];
    uint32_t known; /* bit i: value[i] is known */
};

#endif
