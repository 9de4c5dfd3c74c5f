/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "walk/addrset.h"

#include <string.h>
#include <sys/mman.h>

#include "safe/pages.h"

enum {
    RELEASE_STEP = 1 << 17,  /* slots between two releases of a part of the old table: 1 MiB of addresses */
    NEIGHBOURHOOD_BITS = 10, /* of an address: neighbours within 1 KiB keep their order in the table */
    ALIGNMENT_BITS = 4,      /* objects are 16 bytes apart */
    NEIGHBOURHOOD_MASK = (1 << (NEIGHBOURHOOD_BITS - ALIGNMENT_BITS)) - 1
};

/* A neighbourhood must be small: one that is densely filled and meets another makes a cluster of about its own length,
 * which every search in it has to pass. With 64 KiB each entry of a heap of small objects took thousands of steps. */
static size_t slot_of(const struct phd_addrset *set, uint64_t address)
{
    uint64_t neighbourhood = (address >> NEIGHBOURHOOD_BITS) * 0x9E3779B97F4A7C15u;
    return ((neighbourhood >> 20) + (address >> ALIGNMENT_BITS & NEIGHBOURHOOD_MASK)) & (set->capacity - 1);
}

bool phd__addrset_open(struct phd_addrset *set, size_t capacity)
{
    set->addresses = phd__pages_alloc(capacity * sizeof *set->addresses);
    set->ids = phd__pages_alloc(capacity * sizeof *set->ids);
    set->capacity = capacity;
    set->count = 0;
    return set->addresses && set->ids;
}

void phd__addrset_close(struct phd_addrset *set)
{
    phd__pages_free(set->addresses, set->capacity * sizeof *set->addresses);
    phd__pages_free(set->ids, set->capacity * sizeof *set->ids);
    memset(set, 0, sizeof *set);
}

/* The slot that holds `address`, or the free one where it belongs. */
static size_t probe(const struct phd_addrset *set, uint64_t address)
{
    size_t slot = slot_of(set, address);
    while (set->addresses[slot] && set->addresses[slot] != address)
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

uint32_t phd__addrset_find(const struct phd_addrset *set, uint64_t address)
{
    size_t slot = probe(set, address);
    return set->addresses[slot] ? set->ids[slot] : PHD_ADDRSET_NO_ID;
}

static bool grow(struct phd_addrset *set)
{
    struct phd_addrset larger;
    if (!phd__addrset_open(&larger, set->capacity * 2)) {
        phd__addrset_close(&larger);
        return false;
    }
    for (size_t slot = 0; slot < set->capacity; slot++) {
        if (set->addresses[slot]) {
            size_t to = probe(&larger, set->addresses[slot]);
            larger.addresses[to] = set->addresses[slot];
            larger.ids[to] = set->ids[slot];
        }
        if (slot % RELEASE_STEP == RELEASE_STEP - 1) {
            size_t from = slot + 1 - RELEASE_STEP;
            madvise(set->addresses + from, RELEASE_STEP * sizeof *set->addresses, MADV_DONTNEED);
            madvise(set->ids + from, RELEASE_STEP * sizeof *set->ids, MADV_DONTNEED);
        }
    }
    larger.count = set->count;
    phd__addrset_close(set);
    *set = larger;
    return true;
}

uint32_t phd__addrset_enter(struct phd_addrset *set, uint64_t address, uint32_t id, bool *added)
{
    *added = false;
    size_t slot = probe(set, address);
    if (set->addresses[slot])
        return set->ids[slot];
    if (set->count >= set->capacity / 5 * 4) {
        if (!grow(set))
            return PHD_ADDRSET_NO_ID;
        slot = probe(set, address);
    }
    set->addresses[slot] = address;
    set->ids[slot] = id;
    set->count++;
    *added = true;
    return id;
}

uint64_t phd__addrset_memory(const struct phd_addrset *set)
{
    return set->capacity * (sizeof *set->addresses + sizeof *set->ids);
}
