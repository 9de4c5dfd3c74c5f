/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of addresses already met, each with its id.
 *
 * Open addressing with linear probing. Neighbouring addresses share a neighbourhood of the table (the hash scatters
 * regions of 1 KiB and keeps the order inside one), so walking objects in the order of their allocation touches few
 * cache lines. 12 bytes a slot, at most 4/5 full; growing releases the old table page by page, so the peak is the new
 * table. Context: crash.
 */
#ifndef PHD_WALK_ADDRSET_H
#define PHD_WALK_ADDRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct phd_addrset {
    uint64_t *addresses; /* 0: free */
    uint32_t *ids;
    size_t capacity; /* slots, a power of two */
    size_t count;
};

enum { PHD_ADDRSET_NO_ID = 0xffffffffu };

/* `capacity`: slots to start with, a power of two of at least 4096. False when memory is refused. */
bool phd__addrset_open(struct phd_addrset *set, size_t capacity);
void phd__addrset_close(struct phd_addrset *set);

/* The id of `address`, or PHD_ADDRSET_NO_ID. */
uint32_t phd__addrset_find(const struct phd_addrset *set, uint64_t address);

/* The id of `address` if it is there; else enter it with `id`, set `*added`, and return `id`. PHD_ADDRSET_NO_ID when
 * memory is refused. */
uint32_t phd__addrset_enter(struct phd_addrset *set, uint64_t address, uint32_t id, bool *added);

uint64_t phd__addrset_memory(const struct phd_addrset *set);

#endif
