/* SPDX-License-Identifier: Apache-2.0
 *
 * Which memory of the target stands in the file already, and in whose content: so that a buffer is written once, however
 * many views of it there are.
 *
 * Extents never overlap. They stand in a skip list, sorted by address, on the arena of the walk. Context: crash.
 */
#ifndef PHD_WALK_EXTENTS_H
#define PHD_WALK_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "safe/pages.h"

enum { PHD_EXTENT_LEVELS = 12 };

struct phd_extent {
    uint64_t start, end;       /* addresses; the last byte is before `end` */
    uint64_t origin;           /* the address of the first byte of the owner's content */
    uint64_t owner;            /* id of the object whose content has these bytes */
    struct phd_extent *next[]; /* of each level that the extent is in */
};

struct phd_extents {
    struct phd_extent *first[PHD_EXTENT_LEVELS];
    struct phd_arena *arena;
};

/* The first extent that ends behind `address`, or NULL. The one after it is `next[0]`. */
struct phd_extent *phd__extents_find(const struct phd_extents *extents, uint64_t address);

/* Enter start … end-1, which overlap with no extent. False when memory is refused. */
bool phd__extents_add(struct phd_extents *extents, uint64_t start, uint64_t end, uint64_t origin, uint64_t owner);

#endif
