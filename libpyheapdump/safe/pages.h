/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for the walk itself: pages from mmap, a bump arena on them, and a count of what was taken.
 * Nothing comes from malloc, whose locks may be held by a thread that no longer runs. Context: crash.
 */
#ifndef PHD_SAFE_PAGES_H
#define PHD_SAFE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set `size` bytes of address space aside for the time when the system refuses memory (RLIMIT_AS, overcommit). They
 * cost nothing until then. Once per process; later calls do nothing. False when they are refused. Context: normal. */
bool phd__pages_reserve(size_t size);

/* From now on pages are taken where no program has any. In a clone, where the program's memory may have holes
 * (MADV_DONTFORK): pages of our own in one of them would be taken for the program's. */
void phd__pages_apart(void);

/* From now on at most `bytes` are given out, the reserve included; 0: no bound. What was given out before does not count.
 * One dump at a time. */
void phd__pages_bound(uint64_t bytes);

/* Was memory refused because of the bound? */
bool phd__pages_bound_reached(void);

/* `size` zeroed bytes, from the system or else from the reserve, or NULL. Released by phd__pages_free with the same
 * size. What comes from the reserve is not used again. */
void *phd__pages_alloc(size_t size);
void phd__pages_free(void *pages, size_t size);

/* Allocations that live as long as the dump. */
struct phd_arena {
    uint8_t *chunk;
    size_t used;
    size_t capacity;
};

/* `size` zeroed bytes aligned to 16, or NULL when memory is refused. */
void *phd__arena_alloc(struct phd_arena *arena, size_t size);

#endif
