/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading and indexing the content of one block; see loaded.h.
 */
#include "loaded.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool phd__run_parse(const struct phd__token *token, uint64_t *ret_first, uint64_t *ret_count)
{
    if (token->type != PHD__TOKEN_EXT || token->ext_code != PHD__EXT_RUN || token->size != 16)
        return false;
    return phd__big_endian(token->bytes, 8, ret_first) && phd__big_endian(token->bytes + 8, 8, ret_count) &&
           *ret_first <= PHD__MAX_ID && *ret_count <= PHD__MAX_ID;
}

bool phd__take_value(struct phd__cursor *cursor, uint64_t *ret_count)
{
    struct phd__cursor probe = *cursor;
    struct phd__token token;
    uint64_t first;
    if (!phd__token_next(&probe, &token))
        return false;
    if (token.type == PHD__TOKEN_EXT && token.ext_code == PHD__EXT_RUN) {
        *cursor = probe;
        return phd__run_parse(&token, &first, ret_count);
    }
    *ret_count = 1;
    return phd__token_skip(cursor);
}

static struct phd__cursor cursor_from(const struct phd__loaded *loaded, uint32_t at)
{
    return (struct phd__cursor){loaded->content + at, loaded->content + loaded->size};
}

static enum phd__read_status damaged(struct phd__read_error *error, const char *what)
{
    return phd__read_fail(error, PHD__READ_DAMAGED, "%s", what);
}

/* OBJECTS: exactly `count` arrays, then exactly one map. */
static enum phd__read_status split_records(struct phd__loaded *loaded, const struct phd__block *block,
                                           struct phd__read_error *error)
{
    if (block->count > loaded->size)
        return damaged(error, "it has fewer records than its descriptor says");
    loaded->starts = malloc(((size_t)block->count + 1) * sizeof *loaded->starts);
    if (loaded->starts == NULL)
        return phd__read_fail_memory(error);
    struct phd__cursor cursor = cursor_from(loaded, 0);
    for (uint64_t i = 0; i <= block->count; i++) {
        struct phd__cursor probe = cursor;
        struct phd__token token;
        enum phd__token_type wanted = i < block->count ? PHD__TOKEN_ARRAY : PHD__TOKEN_MAP;
        loaded->starts[i] = (uint32_t)(cursor.at - loaded->content);
        if (!phd__token_next(&probe, &token) || token.type != wanted || !phd__token_skip(&cursor))
            return damaged(error, "its records are not what its descriptor says");
    }
    if (cursor.at != cursor.end)
        return damaged(error, "there is something behind its records");
    return PHD__READ_OK;
}

/* ITEMS: values that sum up to `count`; notes a mark every PHD__MARK_DISTANCE tokens. */
static enum phd__read_status mark_values(struct phd__loaded *loaded, const struct phd__block *block,
                                         struct phd__read_error *error)
{
    loaded->marks = malloc(((size_t)loaded->size / PHD__MARK_DISTANCE + 1) * sizeof *loaded->marks);
    if (loaded->marks == NULL)
        return phd__read_fail_memory(error);
    struct phd__cursor cursor = cursor_from(loaded, 0);
    uint64_t values = 0;
    for (size_t token = 0; cursor.at != cursor.end; token++) {
        uint64_t count = 0;
        if (token % PHD__MARK_DISTANCE == 0)
            loaded->marks[loaded->mark_count++] =
                (struct phd__mark){.value = values, .at = (uint32_t)(cursor.at - loaded->content)};
        if (!phd__take_value(&cursor, &count) || count > block->count - values)
            return damaged(error, "its values are not what its descriptor says");
        values += count;
    }
    if (values != block->count)
        return damaged(error, "it has fewer values than its descriptor says");
    return PHD__READ_OK;
}

/* One map and nothing else. */
static enum phd__read_status check_map(const struct phd__loaded *loaded, struct phd__read_error *error)
{
    struct phd__cursor cursor = cursor_from(loaded, 0);
    struct phd__cursor probe = cursor;
    struct phd__token token;
    bool ok = phd__token_next(&probe, &token) && token.type == PHD__TOKEN_MAP && phd__token_skip(&cursor) &&
              cursor.at == cursor.end;
    return ok ? PHD__READ_OK : damaged(error, "its content is not one map");
}

static enum phd__read_status check_content(struct phd__loaded *loaded, const struct phd__block *block,
                                           struct phd__read_error *error)
{
    if (block->kind == PHD__BLOCK_OBJECTS)
        return split_records(loaded, block, error);
    if (block->kind == PHD__BLOCK_ITEMS)
        return mark_values(loaded, block, error);
    if (phd__block_holds_map(block->kind))
        return check_map(loaded, error);
    return PHD__READ_OK; /* CONTENT is plain bytes; other kinds are not looked into */
}

enum phd__read_status phd__loaded_init(struct phd__loaded *loaded, const struct phd__input *input, uint64_t part_start,
                                       const struct phd__block *block, struct phd__read_error *error)
{
    memset(loaded, 0, sizeof *loaded);
    loaded->size = block->raw_size;
    enum phd__read_status status = phd__block_read(input, part_start, block, &loaded->content, error);
    if (status == PHD__READ_OK)
        status = check_content(loaded, block, error);
    if (status != PHD__READ_OK)
        phd__loaded_deinit(loaded);
    return status;
}

void phd__loaded_deinit(struct phd__loaded *loaded)
{
    free(loaded->content);
    free(loaded->starts);
    free(loaded->addresses);
    free(loaded->marks);
    memset(loaded, 0, sizeof *loaded);
}

size_t phd__loaded_cost(const struct phd__loaded *loaded, const struct phd__block *block)
{
    size_t cost = sizeof *loaded + loaded->size + 1;
    if (loaded->starts != NULL)
        cost += ((size_t)block->count + 1) * (sizeof *loaded->starts + sizeof *loaded->addresses);
    if (loaded->marks != NULL)
        cost += (loaded->size / PHD__MARK_DISTANCE + 1) * sizeof *loaded->marks;
    return cost;
}

struct phd__cursor phd__loaded_record(const struct phd__loaded *loaded, uint64_t i)
{
    return (struct phd__cursor){loaded->content + loaded->starts[i], loaded->content + loaded->starts[i + 1]};
}

/* Reads the "a" column: `count` deltas. Sums wrap around: an address is 64 bits, and deltas of damaged data must not
 * overflow a signed number. */
static enum phd__read_status take_addresses(struct phd__cursor *cursor, uint64_t count, int64_t *addresses,
                                            struct phd__read_error *error)
{
    struct phd__token token;
    if (!phd__token_next(cursor, &token) || token.type != PHD__TOKEN_ARRAY || token.size != count)
        return damaged(error, "its addresses are damaged");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!phd__token_next(cursor, &token))
            return damaged(error, "its addresses are damaged");
        if (token.type == PHD__TOKEN_UNSIGNED)
            sum += token.value.u;
        else if (token.type == PHD__TOKEN_NEGATIVE)
            sum += (uint64_t)token.value.i;
        else
            return damaged(error, "its addresses are damaged");
        addresses[i] = (int64_t)sum;
    }
    return PHD__READ_OK;
}

/* Places the cursor behind the key "a" of the column map. */
static enum phd__read_status find_addresses(struct phd__cursor *cursor, struct phd__read_error *error)
{
    struct phd__token token;
    if (!phd__token_next(cursor, &token) || token.type != PHD__TOKEN_MAP)
        return damaged(error, "its columns are damaged");
    for (uint32_t left = token.size; left > 0; left--) {
        struct phd__token key;
        struct phd__cursor before = *cursor;
        if (!phd__token_next(cursor, &key))
            return damaged(error, "its columns are damaged");
        if (key.type == PHD__TOKEN_STR && key.size == 1 && key.bytes[0] == 'a')
            return PHD__READ_OK;
        *cursor = before;
        if (!phd__token_skip(cursor) || !phd__token_skip(cursor))
            return damaged(error, "its columns are damaged");
    }
    return phd__read_fail(error, PHD__READ_NOT_FOUND, "its block has no addresses");
}

enum phd__read_status phd__loaded_addresses(struct phd__loaded *loaded, const struct phd__block *block,
                                            struct phd__read_error *error)
{
    if (loaded->addresses != NULL)
        return PHD__READ_OK;
    struct phd__cursor cursor = cursor_from(loaded, loaded->starts[block->count]);
    enum phd__read_status status = find_addresses(&cursor, error);
    if (status != PHD__READ_OK)
        return status;
    int64_t *addresses = malloc(((size_t)block->count + 1) * sizeof *addresses);
    if (addresses == NULL)
        return phd__read_fail_memory(error);
    status = take_addresses(&cursor, block->count, addresses, error);
    if (status != PHD__READ_OK) {
        free(addresses);
        return status;
    }
    loaded->addresses = addresses;
    return PHD__READ_OK;
}

struct phd__cursor phd__loaded_value(const struct phd__loaded *loaded, uint64_t value, uint64_t *ret_before)
{
    size_t low = 0, high = loaded->mark_count; /* the last mark with mark.value <= value is in [low, high) */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (loaded->marks[middle].value <= value)
            low = middle;
        else
            high = middle;
    }
    struct phd__cursor cursor = cursor_from(loaded, loaded->marks[low].at);
    uint64_t before = loaded->marks[low].value;
    for (;;) {
        struct phd__cursor next = cursor;
        uint64_t count = 0;
        if (!phd__take_value(&next, &count) || before + count > value)
            break;
        before += count;
        cursor = next;
    }
    *ret_before = before;
    return cursor;
}
