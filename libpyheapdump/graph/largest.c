/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the largest objects; see largest.h. Context: normal.
 */
#include "largest.h"

#include "contents.h"

#include <stdlib.h>
#include <string.h>

/* Ids in a file are dense; where blocks were lost there may be gaps. More ids than this for each record that was read
 * are a lie that would cost memory; more references by runs (18 bytes for any number of them) one that costs time. */
enum { MAX_IDS_PER_RECORD = 16, MIN_IDS = 1 << 20, MAX_RUNS_PER_ID = 16 };

/* A type and the fixed part of its instances. */
struct basic {
    uint64_t id, size;
};

struct search {
    struct phd__largest *largest;
    struct phd__reader *reader;
    phd__go_on_function *go_on;
    void *argument;
    struct phd__read_error *error;
    uint64_t *own;   /* by id: bytes */
    uint32_t *types; /* by id: 1 + the id of the type; 0: none. In the second pass: 1 + the last one that held it */
    struct basic *basics;
    size_t basic_count, basic_capacity;
    uint64_t holder; /* in the second pass: the object whose references are told */
    uint64_t held;
    uint64_t run_left; /* references by runs that are still believed */
};

/* One record of a block. False when there is no memory. */
typedef bool record_function(struct search *search, struct phd__cursor record, uint64_t id);

/* --- ranking --- */

static void enter(struct phd__ranking *ranking, uint64_t size, const struct phd__ranked *one,
                  uint64_t (*size_of)(const struct phd__ranked *))
{
    size_t at = ranking->count;
    if (size == 0 || (at == ranking->wanted && (at == 0 || size_of(&ranking->at[at - 1]) >= size)))
        return;
    if (at == ranking->wanted)
        at--;
    else
        ranking->count++;
    for (; at > 0 && size_of(&ranking->at[at - 1]) < size; at--)
        ranking->at[at] = ranking->at[at - 1];
    ranking->at[at] = *one;
}

static uint64_t own_of(const struct phd__ranked *ranked)
{
    return ranked->own;
}

static uint64_t held_of(const struct phd__ranked *ranked)
{
    return ranked->held;
}

/* --- the first pass: sizes --- */

static bool note_basic(struct search *search, uint64_t id, uint64_t size)
{
    if (search->basic_count == search->basic_capacity) {
        size_t capacity = search->basic_capacity * 2 + 1024;
        struct basic *more = realloc(search->basics, capacity * sizeof *more);
        if (more == NULL)
            return false;
        search->basics = more;
        search->basic_capacity = capacity;
    }
    search->basics[search->basic_count++] = (struct basic){id, size};
    return true;
}

static bool note_size(struct search *search, struct phd__cursor record, uint64_t id)
{
    struct phd__contents contents = {.id = id};
    phd__contents_of_record(record, &contents);
    search->own[id] = contents.own;
    search->types[id] = contents.type < search->largest->ids ? (uint32_t)contents.type + 1 : 0;
    search->largest->objects++;
    search->largest->bytes += contents.leaves;
    return contents.code != PHD__RECORD_TYPE || note_basic(search, id, contents.basicsize);
}

static int compare_basics(const void *left, const void *right)
{
    const struct basic *one = left, *other = right;
    return (one->id > other->id) - (one->id < other->id);
}

/* The fixed part of an object: that of its type, 0 when the type is not in the file or lies. */
static uint64_t basic_of(const struct search *search, uint64_t id)
{
    enum { MAX_BASIC = 1 << 24 };
    if (search->types[id] == 0 || search->basic_count == 0)
        return 0;
    struct basic wanted = {.id = search->types[id] - 1};
    const struct basic *found = bsearch(&wanted, search->basics, search->basic_count, sizeof wanted, compare_basics);
    return found != NULL && found->size <= MAX_BASIC ? found->size : 0;
}

/* Sizes are complete only when all types are known: those may come behind their instances. */
static void add_fixed_parts(struct search *search)
{
    const struct phd__index *index = phd__reader_index(search->reader);
    if (search->basic_count > 1) /* of none there is no array */
        qsort(search->basics, search->basic_count, sizeof *search->basics, compare_basics);
    for (size_t i = 0; i < index->count; i++) {
        const struct phd__block *block = &index->blocks[i];
        if (block->kind != PHD__BLOCK_OBJECTS || phd__reader_is_damaged(search->reader, i))
            continue;
        for (uint64_t id = block->first; id < block->first + block->count && id < search->largest->ids; id++) {
            search->own[id] += basic_of(search, id);
            search->largest->bytes += search->own[id];
            search->types[id] = 0;
        }
    }
}

/* --- the second pass: what holds what --- */

static void refer(struct search *search, uint64_t id)
{
    uint32_t *referrer = &search->largest->referrers[id];
    if (search->holder < id && (*referrer == 0 || *referrer > search->holder + 1))
        *referrer = (uint32_t)search->holder + 1;
}

static void hold(void *argument, uint64_t first, uint64_t count)
{
    struct search *search = argument;
    uint64_t ids = search->largest->ids;
    if (count > 1) {
        count = count < search->run_left ? count : search->run_left;
        search->run_left -= count;
    }
    for (uint64_t id = first; id < ids && id - first < count; id++) {
        refer(search, id);
        if (search->types[id] != search->holder + 1 && id != search->holder) {
            search->types[id] = (uint32_t)search->holder + 1;
            search->held += search->own[id];
        }
    }
}

/* Adds the values of a container that stand in blocks of their own. */
static bool add_pieces(struct search *search, struct phd__contents *contents)
{
    size_t number;
    size_t position = phd__reader_first_piece(search->reader, PHD__BLOCK_ITEMS, contents->id, 0);
    while (phd__reader_piece(search->reader, position++, PHD__BLOCK_ITEMS, contents->id, &number)) {
        struct phd__loaded *loaded;
        enum phd__read_status status = phd__reader_acquire(search->reader, number, &loaded, search->error);
        if (status == PHD__READ_NO_MEMORY)
            return false;
        if (status != PHD__READ_OK)
            continue;
        phd__contents_add_items((struct phd__cursor){loaded->content, loaded->content + loaded->size}, contents);
        phd__reader_release(search->reader, number);
    }
    return true;
}

static bool rank(struct search *search, struct phd__cursor record, uint64_t id)
{
    struct phd__contents contents = {.id = id, .tell = hold, .argument = search};
    search->holder = id;
    search->held = 0;
    phd__contents_of_record(record, &contents);
    if (!add_pieces(search, &contents))
        return false;
    if (contents.type < search->largest->ids)
        refer(search, contents.type);
    struct phd__ranked one = {id, search->own[id], search->held + contents.leaves, contents.elements};
    enter(&search->largest->by_own, one.own, &one, own_of);
    if (contents.code != PHD__RECORD_FRAME && contents.code != PHD__RECORD_TYPE)
        enter(&search->largest->by_held, one.held, &one, held_of);
    return true;
}

/* --- all records --- */

static bool each_record(struct search *search, size_t number, record_function *work)
{
    const struct phd__block *block = &phd__reader_index(search->reader)->blocks[number];
    struct phd__loaded *loaded;
    bool ok = true;
    enum phd__read_status status = phd__reader_acquire(search->reader, number, &loaded, search->error);
    if (status != PHD__READ_OK)
        return status != PHD__READ_NO_MEMORY;
    for (uint64_t i = 0; ok && i < block->count && block->first + i < search->largest->ids; i++)
        ok = work(search, phd__loaded_record(loaded, i), block->first + i);
    phd__reader_release(search->reader, number);
    return ok;
}

static enum phd__read_status pass(struct search *search, record_function *work)
{
    const struct phd__index *index = phd__reader_index(search->reader);
    for (size_t i = 0; i < index->count; i++) {
        if (index->blocks[i].kind != PHD__BLOCK_OBJECTS || phd__reader_is_damaged(search->reader, i))
            continue;
        if (!search->go_on(search->argument))
            return phd__read_fail(search->error, PHD__READ_NOT_FOUND, "interrupted");
        if (!each_record(search, i, work))
            return phd__read_fail_memory(search->error);
    }
    return PHD__READ_OK;
}

static enum phd__read_status search_all(struct search *search)
{
    const struct phd__largest *largest = search->largest;
    enum phd__read_status status = pass(search, note_size);
    if (status != PHD__READ_OK)
        return status;
    if (largest->ids > largest->objects * MAX_IDS_PER_RECORD + MIN_IDS)
        return phd__read_fail(search->error, PHD__READ_LIMIT,
                              "has too few of its objects to tell which are the largest");
    add_fixed_parts(search);
    search->run_left = largest->ids * MAX_RUNS_PER_ID;
    return pass(search, rank);
}

enum phd__read_status phd__largest_init(struct phd__largest *largest, struct phd__reader *reader, size_t wanted,
                                        phd__go_on_function *go_on, void *argument, struct phd__read_error *error)
{
    memset(largest, 0, sizeof *largest);
    largest->ids = phd__reader_object_count(reader);
    if (largest->ids >= UINT32_MAX)
        return phd__read_fail(error, PHD__READ_LIMIT, "has more objects than a dump can have");
    largest->by_own.wanted = largest->by_held.wanted = wanted < PHD__MAX_RANKED ? wanted : PHD__MAX_RANKED;
    struct search search = {.largest = largest, .reader = reader, .go_on = go_on, .argument = argument, .error = error};
    largest->referrers = calloc((size_t)largest->ids + 1, sizeof *largest->referrers);
    search.own = calloc((size_t)largest->ids + 1, sizeof *search.own);
    search.types = calloc((size_t)largest->ids + 1, sizeof *search.types);
    bool memory = largest->referrers != NULL && search.own != NULL && search.types != NULL;
    enum phd__read_status status = memory ? search_all(&search) : phd__read_fail_memory(error);
    free(search.own);
    free(search.types);
    free(search.basics);
    if (status != PHD__READ_OK)
        phd__largest_deinit(largest);
    return status;
}

void phd__largest_deinit(struct phd__largest *largest)
{
    free(largest->referrers);
    memset(largest, 0, sizeof *largest);
}

bool phd__largest_referrer(const struct phd__largest *largest, uint64_t id, uint64_t *ret)
{
    if (id >= largest->ids || largest->referrers[id] == 0)
        return false;
    *ret = largest->referrers[id] - 1;
    return true;
}
