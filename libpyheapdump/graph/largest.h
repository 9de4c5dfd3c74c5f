/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest objects of a dump, the containers that hold most, and the way to each.
 *
 * Two passes over all OBJECTS blocks. The first notes the size of each object by itself (contents.h), the second adds up
 * for each object those it refers to, each counted once, and notes for each object the first one that refers to it.
 * Ids are given in the order in which the walk met the objects, breadth first from the stacks, so the referrer with the
 * lowest id leads to the roots by a short way, and the ids on it fall.
 *
 * Memory: 16 bytes for each object of the dump, besides the reader's cache. Context: normal.
 */
#ifndef PHD_GRAPH_LARGEST_H
#define PHD_GRAPH_LARGEST_H

#include "read/reader.h"

#define PHD__MAX_RANKED ((size_t)1000)

struct phd__ranked {
    uint64_t id;
    uint64_t own;      /* bytes of the object by itself */
    uint64_t held;     /* bytes by themselves of the objects that it refers to, each once; its class is not counted */
    uint64_t elements; /* of the container that it is or carries; a dict's pairs */
};

struct phd__ranking {
    struct phd__ranked at[PHD__MAX_RANKED]; /* the largest first */
    size_t count;
    size_t wanted;
};

struct phd__largest {
    struct phd__ranking by_own;
    struct phd__ranking by_held; /* frames and classes are none of them */
    uint64_t objects;            /* that were read */
    uint64_t bytes;              /* of all objects, with those inside the records of others */
    uint32_t *referrers;         /* by id: 1 + the lowest id that refers to it, 0 when none does */
    uint64_t ids;                /* their number */
};

/* Called between blocks, so that a caller can be interrupted: false ends the search. */
typedef bool phd__go_on_function(void *argument);

/* Finds the `wanted` <= PHD__MAX_RANKED largest. Damaged blocks are left out (the reader tells of them). Release with
 * phd__largest_deinit() what became PHD__READ_OK. PHD__READ_NOT_FOUND: `go_on` ended it. */
enum phd__read_status phd__largest_init(struct phd__largest *largest, struct phd__reader *reader, size_t wanted,
                                        phd__go_on_function *go_on, void *argument, struct phd__read_error *error);
void phd__largest_deinit(struct phd__largest *largest);

/* The object with the lowest id that refers to this one. False when none does. It is always lower than `id`. */
bool phd__largest_referrer(const struct phd__largest *largest, uint64_t id, uint64_t *ret);

#endif
