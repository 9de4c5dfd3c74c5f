/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of native stacks: the registers of the caller, and a memory whose bytes are copied before they are used, so
 * that some can be exchanged and none are checked by AddressSanitizer (what lies between the variables of a stack is
 * forbidden ground for it).
 */
#ifndef TEST_STACK_CASE_H
#define TEST_STACK_CASE_H

#include "memory/memory.h"
#include "native/registers.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef WITH_ADDRESS_SANITIZER
#define WITH_ADDRESS_SANITIZER 0
#endif

/* Bytes that stand in the place of the target's. */
struct exchanged {
    uint64_t address, size;
    const uint8_t *bytes;
    uint8_t *touched; /* set to 1 for each byte that was read; or NULL */
};

/* Open the memory of this process; with AddressSanitizer, as a copied one. */
void open_own_memory(struct phd_memory *memory);

/* Open it as a copied one. `exchanged` may be NULL. */
void open_copied_memory(struct phd_memory *memory, const struct exchanged *exchanged);

/* Registers as a signal handler's third argument tells them. */
void registers_of_context(const void *context, struct phd_registers *registers);

#endif
