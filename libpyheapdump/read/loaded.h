/* SPDX-License-Identifier: Apache-2.0
 *
 * A block in memory: its unpacked content, checked once as a whole, and tables to get at one record or value of it.
 *
 * A block may hold 20,000 records of which a viewer wants one, so loading finds where each record starts (by skipping
 * tokens, building nothing) and decoding is left to whoever asks.
 */
#ifndef PHD_READ_LOADED_H
#define PHD_READ_LOADED_H

#include "block.h"
#include "token.h"

#define PHD__MARK_DISTANCE 256 /* tokens of an ITEMS block from one mark to the next */

/* A place in an ITEMS block from which values can be counted. */
struct phd__mark {
    uint64_t value; /* values before it in the block, runs expanded */
    uint32_t at;    /* byte position in the content */
};

struct phd__loaded {
    uint8_t *content; /* size bytes and a 0 behind them */
    uint32_t size;
    uint32_t *starts;        /* OBJECTS: count + 1 byte positions; the last is that of the columns */
    int64_t *addresses;      /* OBJECTS: count addresses; NULL until phd__loaded_addresses() */
    struct phd__mark *marks; /* ITEMS */
    size_t mark_count;
};

/* Reads, unpacks and checks a block. On failure there is nothing to release. */
enum phd__read_status phd__loaded_init(struct phd__loaded *loaded, const struct phd__input *input, uint64_t part_start,
                                       const struct phd__block *block, struct phd__read_error *error);
void phd__loaded_deinit(struct phd__loaded *loaded);

/* Bytes of memory it takes. */
size_t phd__loaded_cost(const struct phd__loaded *loaded, const struct phd__block *block);

/* OBJECTS: the bytes of record number `i` < count. */
struct phd__cursor phd__loaded_record(const struct phd__loaded *loaded, uint64_t i);

/* OBJECTS: makes loaded->addresses. PHD__READ_NOT_FOUND when the block has no such column. */
enum phd__read_status phd__loaded_addresses(struct phd__loaded *loaded, const struct phd__block *block,
                                            struct phd__read_error *error);

/* ITEMS: places the cursor at the value or run that holds value number `value` < count of the block; `ret_before`
 * becomes the number of values of the block before it. */
struct phd__cursor phd__loaded_value(const struct phd__loaded *loaded, uint64_t value, uint64_t *ret_before);

/* Takes one value of a sequence: the bytes from the old to the new cursor->at. `ret_count` becomes the number of
 * values that it stands for (a run: m, else 1). */
bool phd__take_value(struct phd__cursor *cursor, uint64_t *ret_count);

/* Ext 3 of docs/format.md: two big-endian numbers. False when the token is not a run. */
bool phd__run_parse(const struct phd__token *token, uint64_t *ret_first, uint64_t *ret_count);
#define PHD__EXT_RUN 3

#endif
