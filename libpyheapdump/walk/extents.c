/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "walk/extents.h"

/* How many levels an extent is in: each has a quarter of the one below. The address decides, well mixed. */
static unsigned height_of(uint64_t address)
{
    uint64_t mixed = (address ^ address >> 29) * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 32;
    unsigned height = 1;
    while (height < PHD_EXTENT_LEVELS && (mixed & 3) == 0) {
        height++;
        mixed >>= 2;
    }
    return height;
}

/* Where the pointer of `level` stands that leads on from `extent` (NULL: from the beginning). */
static struct phd_extent *const *link_of(const struct phd_extents *extents, const struct phd_extent *extent,
                                         unsigned level)
{
    return extent ? &extent->next[level] : &extents->first[level];
}

struct phd_extent *phd__extents_find(const struct phd_extents *extents, uint64_t address)
{
    const struct phd_extent *before = NULL;
    for (unsigned level = PHD_EXTENT_LEVELS; level-- > 0;) {
        const struct phd_extent *next = *link_of(extents, before, level);
        for (; next && next->end <= address; next = next->next[level])
            before = next;
    }
    return *link_of(extents, before, 0);
}

bool phd__extents_add(struct phd_extents *extents, uint64_t start, uint64_t end, uint64_t origin, uint64_t owner)
{
    unsigned height = height_of(start);
    struct phd_extent *added = phd__arena_alloc(extents->arena, sizeof *added + height * sizeof added->next[0]);
    struct phd_extent *before = NULL;
    if (!added)
        return false;
    added->start = start;
    added->end = end;
    added->origin = origin;
    added->owner = owner;
    for (unsigned level = PHD_EXTENT_LEVELS; level-- > 0;) {
        struct phd_extent **link = before ? &before->next[level] : &extents->first[level];
        for (; *link && (*link)->start < start; link = &before->next[level])
            before = *link;
        if (level < height) {
            added->next[level] = *link;
            *link = added;
        }
    }
    return true;
}
