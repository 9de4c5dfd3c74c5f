/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: where the bytes of the target come from.
 *
 * A memory answers one question: a view of `length` bytes at `address` of the target. There is no error to check: when
 * the bytes cannot be had, control jumps to the recovery point that the caller set with PHD_GUARD (so reading code holds
 * no resources). For the process itself (or its clone) a view is the address itself and costs nothing; a broken pointer
 * raises SIGSEGV or SIGBUS, whose handler jumps to the same point. Views stay valid as long as the memory is open, or
 * until it is trimmed.
 *
 * Context: crash.
 */
#ifndef PHD_MEMORY_H
#define PHD_MEMORY_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pyheapdump.h"

struct phd_memory {
    /* NULL for the process itself. Must jump by phd__memory_fault when the bytes cannot be had. */
    const void *(*view)(struct phd_memory *memory, uint64_t address, uint64_t length);
    /* Called when what must be read of a process that is held is read; NULL: it need not be told. */
    void (*release)(struct phd_memory *memory);
    /* Called when no view is in use: memory may be given back, and views end. NULL: they stay valid. */
    void (*trim)(struct phd_memory *memory);
    /* Called when zeros are seen that the program may not have had, in memory that is not CPython's own: from then on what
     * was wiped (memory/wiped.h) cannot be read. Called once. NULL: nothing was wiped. */
    void (*find_wiped)(struct phd_memory *memory);
    sigjmp_buf *recovery;     /* where to go when a read fails; NULL: nobody is reading */
    uint64_t fault_address;   /* the address that could not be read, set before the jump */
    const char *fault_reason; /* why, static text */
};

/* User-space addresses on the 64-bit systems we read: below 2^47, and not in the first page. */
enum { PHD_LOWEST_ADDRESS = 4096 };
#define PHD_HIGHEST_ADDRESS ((uint64_t)1 << 47)

/* Run what follows in the `if` branch; a failing read in it continues in the `else` branch. The previous recovery point
 * is restored by PHD_UNGUARD, which both branches must reach.
 *
 * A local that is changed in the `if` branch and used after a jump must be volatile, also one that is changed through a
 * pointer made in that branch (C11 7.13.2.1; clang does keep the old value). */
#define PHD_GUARD(memory, guard)                                                                                       \
    (guard)->previous = (memory)->recovery, (memory)->recovery = &(guard)->point, sigsetjmp((guard)->point, 0) == 0
/* The fence keeps the compiler from moving a read behind the end of its guard. */
#define PHD_UNGUARD(memory, guard) (atomic_signal_fence(memory_order_seq_cst), (memory)->recovery = (guard)->previous)

struct phd_guard {
    sigjmp_buf point;
    sigjmp_buf *previous;
};

/* The read cannot be done: jump to the recovery point. Also for values that were read and cannot be right. */
_Noreturn void phd__memory_fault(struct phd_memory *memory, uint64_t address, const char *reason);

/* Make `memory` the memory of this process and install the handlers of SIGSEGV and SIGBUS that guard it. The previous
 * handlers are kept in static storage until phd__memory_self_close. One at a time per process. Closing does
 * nothing when none is open. */
enum phd_status phd__memory_self_open(struct phd_memory *memory, struct phd_error *error);
void phd__memory_self_close(struct phd_memory *memory);

/* The process is a clone, made to be read: what was wiped in it is found when need be. */
void phd__memory_self_is_clone(struct phd_memory *memory);

/* `length` bytes of the target at `address`, valid as long as the memory is open. Does not return when they cannot be
 * had; for the process itself that shows only when they are read. */
static inline const void *phd__view(struct phd_memory *memory, uint64_t address, uint64_t length)
{
    if (address < PHD_LOWEST_ADDRESS || address >= PHD_HIGHEST_ADDRESS || length > PHD_HIGHEST_ADDRESS - address)
        phd__memory_fault(memory, address, "not a user-space address");
    if (memory->view)
        return memory->view(memory, address, length);
    return (const void *)(uintptr_t)address;
}

/* A target may have any bytes in its stacks and heap that AddressSanitizer has marked as not to be read; it need not be
 * asked about memory that is not the reader's own. */
#define PHD_READS_TARGET __attribute__((no_sanitize("address")))

PHD_READS_TARGET static inline uint64_t phd__read_word(struct phd_memory *memory, uint64_t address)
{
    uint64_t word;
    memcpy(&word, phd__view(memory, address, sizeof word), sizeof word);
    return word;
}

PHD_READS_TARGET static inline uint32_t phd__read_u32(struct phd_memory *memory, uint64_t address)
{
    uint32_t word;
    memcpy(&word, phd__view(memory, address, sizeof word), sizeof word);
    return word;
}

static inline int32_t phd__read_i32(struct phd_memory *memory, uint64_t address)
{
    return (int32_t)phd__read_u32(memory, address);
}

PHD_READS_TARGET static inline uint8_t phd__read_u8(struct phd_memory *memory, uint64_t address)
{
    return *(const uint8_t *)phd__view(memory, address, 1);
}

/* Copy the NUL-terminated text at `address` to `out` (capacity > 0), cut to fit; the result is always terminated. */
size_t phd__read_text(struct phd_memory *memory, uint64_t address, char *out, size_t capacity);

#endif
