/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a synthetic heap into a dump in memory and reads it back with the library's own reader.
 *
 *     struct walked walked;
 *     walk_heap(&walked, &heap, root);
 *     assert_string_equal(walked_record(&walked, 0), "[9, 1, +1]");
 *     walked_close(&walked);
 */
#ifndef TEST_WALKED_H
#define TEST_WALKED_H

#include "read/reader.h"
#include "support/heap.h"
#include "walk/walk.h"

struct walked {
    int fd; /* of the dump */
    struct phd__reader *reader;
    uint64_t objects; /* records that were written */
    uint64_t known;   /* ids that were given */
    uint64_t broken;
    uint64_t missing_values;
    uint64_t suspects;
    const char *stopped;
    unsigned problems; /* that the reader told, of a dump opened by walked_open */
    char *text;        /* of the last record asked for */
};

/* What may be changed about a walk before it begins; NULL for nothing. */
typedef void walk_setting(struct phd_walk *walk);

/* Walk from `root`, which gets id 0, and open what was written. The test fails if the dump is damaged. */
void walk_heap(struct walked *walked, struct heap *heap, uint64_t root);
void walk_heap_with(struct walked *walked, struct heap *heap, uint64_t root, walk_setting *setting);
/* Open a dump that was written some other way; of the members only `reader`, `objects` and `problems` are set. */
void walked_open(struct walked *walked, const char *path);
void walked_close(struct walked *walked);

/* The record of object `id` as text (support/show.h), valid until the next call. */
const char *walked_record(struct walked *walked, uint64_t id);
/* What the column of addresses says of object `id`. */
uint64_t walked_address(struct walked *walked, uint64_t id);
/* The content of the `nth` (from 0) block of `kind`, one map, as text; "" when there is none. */
const char *walked_block(struct walked *walked, uint32_t kind, unsigned nth);
/* Blocks of `kind` that belong to object `owner`. */
size_t walked_pieces(struct walked *walked, uint32_t kind, uint64_t owner);
/* The values of all ITEMS blocks of object `owner`, as text; fails when their offsets leave a gap. */
const char *walked_items(struct walked *walked, uint64_t owner);
/* Copies the bytes of all CONTENT blocks of object `owner` to `out`; returns how many there are. */
size_t walked_content(struct walked *walked, uint64_t owner, void *out, size_t capacity);

#endif
