/* SPDX-License-Identifier: Apache-2.0
 *
 * The opened dump; see reader.h.
 *
 * `order` holds the numbers of all blocks sorted by (kind, first, offset): one table answers which block has an
 * object's record and which blocks have the pieces of a large one.
 *
 * The cache is a small array of slots with the time of last use. A slot in use (pins > 0) is never dropped.
 */
#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    size_t number; /* of the block in the index */
    unsigned pins;
    uint64_t last_use;
    size_t cost;
    struct phd__loaded *loaded;
};

struct phd__reader {
    struct phd__input input;
    struct phd__message message;
    struct phd__index index;
    struct phd__problems problems;
    uint32_t *order;
    bool *damaged; /* per block */
    struct slot slots[PHD__CACHE_BLOCKS];
    size_t slot_count;
    size_t cached_bytes;
    uint64_t clock;
};

/* --- opening --- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Compares by kind, first, offset. */
static int compare_keys(const struct phd__block *block, uint32_t kind, uint64_t first, uint64_t offset)
{
    int result = compare_numbers(block->kind, kind);
    if (result == 0)
        result = compare_numbers(block->first, first);
    return result != 0 ? result : compare_numbers(block->offset, offset);
}

static int compare_order(const void *a, const void *b, void *blocks)
{
    const struct phd__block *first = (const struct phd__block *)blocks + *(const uint32_t *)a;
    const struct phd__block *second = (const struct phd__block *)blocks + *(const uint32_t *)b;
    int result = compare_keys(first, second->kind, second->first, second->offset);
    return result != 0 ? result : compare_numbers(first->position, second->position);
}

static enum phd__read_status sort_blocks(struct phd__reader *reader, struct phd__read_error *error)
{
    size_t count = reader->index.count;
    reader->order = calloc(count + 1, sizeof *reader->order);
    reader->damaged = calloc(count + 1, sizeof *reader->damaged);
    if (reader->order == NULL || reader->damaged == NULL)
        return phd__read_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        reader->order[i] = (uint32_t)i;
    qsort_r(reader->order, count, sizeof *reader->order, compare_order, reader->index.blocks);
    return PHD__READ_OK;
}

static enum phd__read_status open_all(struct phd__reader *reader, const char *path, struct phd__read_error *error)
{
    enum phd__read_status status = phd__input_open(path, &reader->input, error);
    if (status != PHD__READ_OK)
        return status;
    status = phd__message_init(&reader->message, &reader->input, error);
    if (status != PHD__READ_OK)
        return status;
    if (!reader->message.version_known)
        phd__problem(&reader->problems, "the X-Python-Heapdump-Version header is missing or damaged");
    status = phd__index_init(&reader->index, &reader->input, &reader->message, &reader->problems, error);
    if (status == PHD__READ_OK && reader->index.count == 0)
        return phd__read_fail(error, PHD__READ_DAMAGED,
                              "is a heap dump without any readable block; what is left is text, read it with less");
    return status == PHD__READ_OK ? sort_blocks(reader, error) : status;
}

enum phd__read_status phd__reader_open(const char *path, phd__problem_function *tell, void *argument,
                                       struct phd__reader **ret, struct phd__read_error *error)
{
    struct phd__reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return phd__read_fail_memory(error);
    reader->input.fd = -1;
    reader->problems = (struct phd__problems){.tell = tell, .argument = argument, .count = 0};
    enum phd__read_status status = open_all(reader, path, error);
    if (status != PHD__READ_OK) {
        phd__reader_close(reader);
        return status;
    }
    *ret = reader;
    return PHD__READ_OK;
}

/* --- the cache --- */

static void drop_slot(struct phd__reader *reader, size_t i)
{
    struct slot *slot = &reader->slots[i];
    reader->cached_bytes -= slot->cost;
    phd__loaded_deinit(slot->loaded);
    free(slot->loaded);
    *slot = reader->slots[--reader->slot_count];
}

void phd__reader_close(struct phd__reader *reader)
{
    if (reader == NULL)
        return;
    while (reader->slot_count > 0)
        drop_slot(reader, reader->slot_count - 1);
    phd__index_deinit(&reader->index);
    phd__message_deinit(&reader->message);
    phd__input_close(&reader->input);
    free(reader->order);
    free(reader->damaged);
    free(reader);
}

static struct slot *find_slot(struct phd__reader *reader, size_t number)
{
    for (size_t i = 0; i < reader->slot_count; i++)
        if (reader->slots[i].number == number)
            return &reader->slots[i];
    return NULL;
}

/* Drops the slot that was not used for the longest time. False when all are in use. */
static bool drop_oldest(struct phd__reader *reader)
{
    size_t oldest = reader->slot_count;
    for (size_t i = 0; i < reader->slot_count; i++)
        if (reader->slots[i].pins == 0 &&
            (oldest == reader->slot_count || reader->slots[i].last_use < reader->slots[oldest].last_use))
            oldest = i;
    if (oldest == reader->slot_count)
        return false;
    drop_slot(reader, oldest);
    return true;
}

/* Makes room for `cost` bytes in one slot. False when every slot is in use. */
static bool make_room(struct phd__reader *reader, size_t cost)
{
    while (reader->slot_count > 0 && reader->cached_bytes + cost > PHD__CACHE_BYTES)
        if (!drop_oldest(reader))
            break;
    return reader->slot_count < PHD__CACHE_BLOCKS || drop_oldest(reader);
}

static enum phd__read_status load(struct phd__reader *reader, size_t number, struct slot **ret,
                                  struct phd__read_error *error)
{
    const struct phd__block *block = &reader->index.blocks[number];
    struct phd__loaded *loaded = malloc(sizeof *loaded);
    if (loaded == NULL)
        return phd__read_fail_memory(error);
    enum phd__read_status status = phd__loaded_init(loaded, &reader->input, reader->message.part_start, block, error);
    if (status != PHD__READ_OK) {
        free(loaded);
        return status;
    }
    size_t cost = phd__loaded_cost(loaded, block);
    if (!make_room(reader, cost)) {
        phd__loaded_deinit(loaded);
        free(loaded);
        return phd__read_fail(error, PHD__READ_LIMIT, "too many blocks are in use at once");
    }
    *ret = &reader->slots[reader->slot_count++];
    **ret = (struct slot){.number = number, .cost = cost, .loaded = loaded};
    reader->cached_bytes += cost;
    return PHD__READ_OK;
}

enum phd__read_status phd__reader_acquire(struct phd__reader *reader, size_t number, struct phd__loaded **ret,
                                          struct phd__read_error *error)
{
    const struct phd__block *block = &reader->index.blocks[number];
    struct slot *slot = find_slot(reader, number);
    if (slot == NULL) {
        enum phd__read_status status = load(reader, number, &slot, error);
        if (status == PHD__READ_DAMAGED && !reader->damaged[number]) {
            reader->damaged[number] = true;
            phd__problem(&reader->problems, "block at byte %" PRIu64 " is damaged: %s", block->position, error->text);
        }
        if (status != PHD__READ_OK)
            return status;
    }
    slot->pins++;
    slot->last_use = ++reader->clock;
    *ret = slot->loaded;
    return PHD__READ_OK;
}

void phd__reader_release(struct phd__reader *reader, size_t number)
{
    struct slot *slot = find_slot(reader, number);
    if (slot != NULL && slot->pins > 0)
        slot->pins--;
}

/* --- what is where --- */

const struct phd__input *phd__reader_input(const struct phd__reader *reader)
{
    return &reader->input;
}

const struct phd__message *phd__reader_message(const struct phd__reader *reader)
{
    return &reader->message;
}

const struct phd__index *phd__reader_index(const struct phd__reader *reader)
{
    return &reader->index;
}

bool phd__reader_is_damaged(const struct phd__reader *reader, size_t number)
{
    return reader->damaged[number];
}

/* The number of blocks in `order` whose key is at most (kind, first, offset). */
static size_t blocks_up_to(const struct phd__reader *reader, uint32_t kind, uint64_t first, uint64_t offset)
{
    size_t low = 0, high = reader->index.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(&reader->index.blocks[reader->order[middle]], kind, first, offset) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t phd__reader_object_count(const struct phd__reader *reader)
{
    size_t position = blocks_up_to(reader, PHD__BLOCK_OBJECTS, UINT64_MAX, UINT64_MAX);
    if (position == 0)
        return 0;
    const struct phd__block *last = &reader->index.blocks[reader->order[position - 1]];
    return last->kind == PHD__BLOCK_OBJECTS ? last->first + last->count : 0;
}

bool phd__reader_find_object(const struct phd__reader *reader, uint64_t id, size_t *ret)
{
    size_t position = blocks_up_to(reader, PHD__BLOCK_OBJECTS, id, UINT64_MAX);
    if (position == 0)
        return false;
    size_t number = reader->order[position - 1];
    const struct phd__block *block = &reader->index.blocks[number];
    if (block->kind != PHD__BLOCK_OBJECTS || id - block->first >= block->count)
        return false;
    *ret = number;
    return true;
}

size_t phd__reader_first_piece(const struct phd__reader *reader, uint32_t kind, uint64_t owner, uint64_t offset)
{
    size_t position = blocks_up_to(reader, kind, owner, offset);
    size_t number;
    if (position > 0 && phd__reader_piece(reader, position - 1, kind, owner, &number))
        return position - 1;
    return position;
}

bool phd__reader_piece(const struct phd__reader *reader, size_t position, uint32_t kind, uint64_t owner, size_t *ret)
{
    if (position >= reader->index.count)
        return false;
    const struct phd__block *block = &reader->index.blocks[reader->order[position]];
    if (block->kind != kind || block->first != owner)
        return false;
    *ret = reader->order[position];
    return true;
}
