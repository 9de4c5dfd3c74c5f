/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of the walk: one record after the other, under a recovery point. Context: crash.
 */
#include "safe/clock.h"
#include "safe/text.h"
#include "walk/special.h"
#include "walk/walk.h"

enum {
    FIRST_SEEN_CAPACITY = 1 << 16,
    FIRST_BORROWED_CAPACITY = 4096,
    QUEUE_PREFETCH = 7, /* records ahead */
    TABLE_PREFETCH = 4,
    VALUES_PREFETCH = 2,
    CACHE_LINE = 64,
    /* Behind the records of a block there is room for its column of addresses, 9 bytes each at most. */
    RECORDS_CAPACITY = PHD_BLOCK_CAPACITY - 9 * PHD_RECORDS_PER_BLOCK - 16
};

enum phd_status phd__walk_open(struct phd_walk *walk, const struct phd_layout *at, struct phd_memory *memory,
                               struct phd_blocks *blocks, struct phd_error *error)
{
    memset(walk, 0, sizeof *walk);
    walk->at = at;
    walk->memory = memory;
    walk->blocks = blocks;
    walk->types.arena = &walk->arena;
    walk->types.at = at;
    walk->types.memory = memory;
    walk->extents.arena = &walk->arena;
    walk->buffers_left = UINT64_MAX;
    /* Counts are shared between threads in a free-threaded build: one does not mean one. */
    walk->trust_counts = !at->free_threaded;
    walk->records = (struct phd_buffer){phd__pages_alloc(PHD_BLOCK_CAPACITY), 0, RECORDS_CAPACITY, false};
    walk->items = (struct phd_buffer){phd__pages_alloc(PHD_BLOCK_CAPACITY), 0, PHD_BLOCK_CAPACITY, false};
    walk->address_deltas = phd__pages_alloc(PHD_RECORDS_PER_BLOCK * sizeof *walk->address_deltas);
    walk->threads = phd__pages_alloc(PHD_MAX_THREADS * sizeof *walk->threads);
    walk->tasks = phd__pages_alloc(PHD_MAX_TASKS * sizeof *walk->tasks);
    walk->postponed = phd__pages_alloc(PHD_MAX_POSTPONED * sizeof *walk->postponed);
    walk->to = &walk->records;
    if (!walk->threads || !walk->tasks || !walk->postponed || !walk->records.data || !walk->items.data ||
        !walk->address_deltas || !phd__addrset_open(&walk->seen, FIRST_SEEN_CAPACITY) ||
        !phd__addrset_open(&walk->borrowed, FIRST_BORROWED_CAPACITY) ||
        !phd__redaction_open(&walk->redaction, FIRST_BORROWED_CAPACITY) || !phd__queue_open(&walk->queue)) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the walk");
        return PHD_ERROR_MEMORY;
    }
    return PHD_OK;
}

void phd__walk_close(struct phd_walk *walk)
{
    phd__pages_free(walk->records.data, PHD_BLOCK_CAPACITY);
    phd__pages_free(walk->items.data, PHD_BLOCK_CAPACITY);
    phd__pages_free(walk->address_deltas, PHD_RECORDS_PER_BLOCK * sizeof *walk->address_deltas);
    phd__pages_free(walk->threads, PHD_MAX_THREADS * sizeof *walk->threads);
    phd__pages_free(walk->tasks, PHD_MAX_TASKS * sizeof *walk->tasks);
    phd__pages_free(walk->postponed, PHD_MAX_POSTPONED * sizeof *walk->postponed);
    phd__addrset_close(&walk->seen);
    phd__addrset_close(&walk->borrowed);
    phd__redaction_close(&walk->redaction);
    phd__queue_close(&walk->queue);
}

uint64_t phd__walk_memory(const struct phd_walk *walk)
{
    return 2 * PHD_BLOCK_CAPACITY + PHD_RECORDS_PER_BLOCK * sizeof *walk->address_deltas +
           phd__addrset_memory(&walk->seen) + phd__addrset_memory(&walk->borrowed) + phd__queue_memory(&walk->queue) +
           phd__blocks_memory(walk->blocks);
}

void phd__walk_check(struct phd_walk *walk)
{
    const struct phd_sink *sink = walk->blocks->sink;
    if (sink->system_errno)
        walk->stopped = "the file could not be written further";
    else if (sink->limit_reached)
        walk->stopped = "max_bytes reached";
    else if (walk->out_of_memory)
        walk->stopped = phd__pages_bound_reached() ? "max_memory reached" : "no memory for the walk";
    else if (walk->deadline_ns && phd__clock_ns() > walk->deadline_ns)
        walk->stopped = "max_seconds reached";
}

/* ---- one record ---- */

static void put_singleton(struct phd_walk *walk, const struct phd_type *type)
{
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_SINGLETON);
    phd__pack_text(walk->to, type->layout_name[0] == 'e' ? "Ellipsis" : "NotImplemented");
}

static void put_number_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape)
{
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, shape);
    if (shape == PHD_SHAPE_INT) {
        phd__put_int(walk, object);
    } else if (shape == PHD_SHAPE_FLOAT) {
        double value;
        memcpy(&value, phd__view(walk->memory, object + (uint64_t)walk->at->float_value, sizeof value), sizeof value);
        phd__pack_double(walk->to, value);
    } else {
        double value[2];
        memcpy(value, phd__view(walk->memory, object + (uint64_t)walk->at->complex_value, sizeof value), sizeof value);
        phd__pack_complex(walk->to, value);
    }
}

void phd__put_builtin(struct phd_walk *walk, uint64_t object, struct phd_type *type)
{
    uint32_t secret = type->shape >= PHD_SHAPE_TUPLE ? phd__secret_items(walk, object, type) : 0;
    switch (type->shape) {
    case PHD_SHAPE_INT:
    case PHD_SHAPE_FLOAT:
    case PHD_SHAPE_COMPLEX: put_number_record(walk, object, type->shape); break;
    case PHD_SHAPE_STR: phd__put_str_record(walk, object); break;
    case PHD_SHAPE_BYTES:
    case PHD_SHAPE_BYTEARRAY: phd__put_bytes_record(walk, object, type->shape); break;
    case PHD_SHAPE_TUPLE:
    case PHD_SHAPE_LIST: phd__put_sequence_record(walk, object, type->shape, secret); break;
    case PHD_SHAPE_DICT: phd__put_dict_record(walk, object, secret); break;
    default: phd__put_set_record(walk, object, type->shape, secret); break;
    }
}

static void put_redacted(struct phd_walk *walk)
{
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, 0);
    phd__pack_text(walk->to, "redacted: a name of it tells of a secret");
}

/* Whether an object that is referred to can have this reference count. When memory is freed, pymalloc and malloc put a
 * pointer or NULL into its first word, where the count was (Objects/obmalloc.c, pymalloc_free). From 3.12 on the count
 * has 32 bits, which C code made for older versions overflows a little; flags follow in 3.14 (Include/refcount.h). */
static bool is_count(const struct phd_layout *at, uint64_t word)
{
    enum { FIRST_NARROW = 0x030c, LEAST_POINTER = 0x1000 };
    if ((uint32_t)word && !(word >> 44 & 15)) /* nearly always; addresses of mappings have one of these bits */
        return true;
    if (at->free_threaded)
        return true;
    if (at->version < FIRST_NARROW)
        return word != 0 && word < (uint64_t)LEAST_POINTER << 32;
    return (word & 0xffffffffffff) != 0 && (word >> 32 & 0xffff) < LEAST_POINTER;
}

/* What may have been freed is listed, and shown all the same. */
static void check_count(struct phd_walk *walk, uint64_t object)
{
    if (is_count(walk->at, phd__word_at(walk, object, walk->at->object_refcnt)) || walk->again || walk->parts_only)
        return;
    if (walk->suspect_count < PHD_MAX_SUSPECTS)
        walk->suspects[walk->suspect_count] = (uint32_t)walk->own_id;
    walk->suspect_count++;
}

static void put_object_record(struct phd_walk *walk, uint64_t object)
{
    struct phd_type *type = phd__type_of(walk, object);
    check_count(walk, object);
    if (phd__is_redacted(walk, object))
        put_redacted(walk);
    else if (type->shape == PHD_SHAPE_TYPE)
        phd__put_type_record(walk, object, type);
    else if (type->shape == PHD_SHAPE_FRAME)
        phd__put_frame_record(walk, object);
    else if (type->shape == PHD_SHAPE_CODE)
        phd__put_code_record(walk, object, type);
    else if (type->shape == PHD_SHAPE_TRACEBACK)
        phd__put_traceback_record(walk, object, type);
    else if (type->shape == PHD_SHAPE_SINGLETON)
        put_singleton(walk, type);
    else if (type->exact && type->shape >= PHD_SHAPE_INT && type->shape <= PHD_SHAPE_FROZENSET)
        phd__put_builtin(walk, object, type);
    else
        phd__put_instance(walk, object, type);
    if (type->asyncio_task && walk->task_count < PHD_MAX_TASKS)
        walk->tasks[walk->task_count++] = (uint32_t)walk->own_id;
}

void phd__put_part(struct phd_walk *walk, enum phd_block_kind kind, uint64_t count, uint64_t offset,
                   const void *content, size_t size)
{
    bool beginning = walk->beginnings && kind == PHD_BLOCK_CONTENT && !offset;
    if (walk->postponing && beginning && size > PHD_BEGINNING)
        size = PHD_BEGINNING;
    if (!walk->postponing || beginning)
        phd__blocks_put(walk->blocks, kind, walk->own_id, count, offset, content, size);
}

static void prefetch(uint64_t address)
{
    __builtin_prefetch((const void *)(uintptr_t)address);
}

/* The shape of what comes `distance` places behind the next record, as far as it is known without learning a type. */
static enum phd_shape shape_ahead(struct phd_walk *walk, size_t distance, uint64_t *object)
{
    *object = phd__queue_peek(&walk->queue, distance);
    if (!*object || *object & PHD_ENTRY_IFRAME)
        return PHD_SHAPE_OBJECT;
    const struct phd_type *type = phd__types_recent(&walk->types, phd__word_at(walk, *object, walk->at->object_type));
    return type ? type->shape : PHD_SHAPE_OBJECT;
}

/* Have the tables of a dict or list whose turn comes soon on their way from memory, then the dict's values: each was
 * fetched by the step before. The record at hand is done: what cannot be read here ends the looking. */
static void look_ahead(struct phd_walk *walk)
{
    uint64_t object;
    enum phd_shape shape = shape_ahead(walk, TABLE_PREFETCH, &object);
    if (shape == PHD_SHAPE_LIST) {
        prefetch(phd__word_at(walk, object, walk->at->list_items));
    } else if (shape == PHD_SHAPE_DICT) {
        uint64_t keys = phd__word_at(walk, object, walk->at->dict_keys);
        prefetch(keys);
        prefetch(keys + CACHE_LINE);
    }
    if (shape_ahead(walk, VALUES_PREFETCH, &object) == PHD_SHAPE_DICT)
        phd__dict_prefetch(walk, object);
}

/* Write the record of `entry`, all or nothing: when it fails `walk->records` is as before, but for `overflow`, which
 * tells that the record was too large. */
static bool try_record(struct phd_walk *walk, uint64_t entry, bool careful)
{
    struct phd_guard guard;
    volatile bool done = false;
    size_t start = walk->records.used;
    bool meeting_roots = walk->meeting_roots;
    walk->careful = walk->again = careful;
    walk->to = &walk->records;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (entry & PHD_ENTRY_IFRAME)
            phd__put_iframe_record(walk, entry & ~PHD_ENTRY_IFRAME);
        else
            put_object_record(walk, entry);
        done = true;
        if (!walk->memory->view)
            look_ahead(walk);
    }
    PHD_UNGUARD(walk->memory, &guard);
    walk->meeting_roots = meeting_roots;
    walk->to = &walk->records;
    walk->careful = walk->again = false;
    if (done && walk->records.overflow) {
        walk->memory->fault_reason = "too large for one record";
        done = false;
    }
    if (!done)
        walk->records.used = start;
    return done;
}

static void put_broken(struct phd_walk *walk)
{
    walk->broken++;
    phd__pack_array(&walk->records, 2);
    phd__pack_uint32(&walk->records, 0);
    phd__pack_text(&walk->records, walk->memory->fault_reason ? walk->memory->fault_reason : "unreadable");
}

void phd__walk_flush(struct phd_walk *walk)
{
    uint64_t count = walk->written - walk->first_id;
    if (!count)
        return;
    walk->records.capacity = PHD_BLOCK_CAPACITY;
    phd__pack_map(&walk->records, 1);
    phd__pack_text(&walk->records, "a");
    phd__pack_array(&walk->records, count);
    for (uint64_t i = 0; i < count; i++)
        phd__pack_int64(&walk->records, walk->address_deltas[i]);
    bool stored = phd__blocks_put(walk->blocks, PHD_BLOCK_OBJECTS, walk->first_id, count, 0, walk->records.data,
                                  walk->records.used);
    if (!stored)
        walk->written = walk->first_id;
    walk->first_id = walk->written;
    walk->records.used = 0;
    walk->records.overflow = false;
    walk->records.capacity = RECORDS_CAPACITY;
    walk->last_address = 0;
    phd__walk_check(walk);
}

/* The objects met behind `mark`, the first of which got `id`, keep their ids: those that seemed to have one owner are
 * entered, so that a second attempt to write the record finds them. */
static void keep_met(struct phd_walk *walk, struct phd_queue_mark mark, uint64_t id)
{
    uint64_t entry;
    bool added;
    for (; phd__queue_next(&walk->queue, &mark, &entry); id++) {
        if (phd__addrset_enter(&walk->seen, entry, (uint32_t)id, &added) == PHD_ADDRSET_NO_ID)
            walk->out_of_memory = true;
    }
}

/* Write the record, the second time carefully. False when neither worked or the walk is stopped. */
static bool put_record(struct phd_walk *walk, uint64_t entry)
{
    struct phd_queue_mark mark = phd__queue_mark(&walk->queue);
    uint64_t met = walk->next_id;
    if (try_record(walk, entry, false))
        return true;
    keep_met(walk, mark, met);
    if (walk->records.overflow) /* it may fit into an empty block */
        phd__walk_flush(walk);
    walk->records.overflow = false;
    bool done = !walk->stopped && try_record(walk, entry, true);
    walk->records.overflow = false;
    return done;
}

static void write_record(struct phd_walk *walk, uint64_t entry)
{
    walk->own_id = walk->written;
    walk->own_address = entry & ~PHD_ENTRY_IFRAME;
    walk->has_parts = false;
    walk->kept = 0;
    walk->postponing = walk->near_roots && walk->postponed_count < PHD_MAX_POSTPONED;
    bool done = put_record(walk, entry);
    if (!done && walk->stopped)
        return;
    if (!done)
        put_broken(walk);
    else if (walk->postponing && walk->has_parts)
        walk->postponed[walk->postponed_count++] = (struct phd_postponed){walk->own_address, walk->own_id, walk->kept};
    walk->postponing = false;
    walk->address_deltas[walk->written - walk->first_id] = (int64_t)(walk->own_address - walk->last_address);
    walk->last_address = walk->own_address;
    walk->written++;
    if (walk->records.used >= PHD_BLOCK_TARGET || walk->written - walk->first_id == PHD_RECORDS_PER_BLOCK ||
        walk->out_of_memory)
        phd__walk_flush(walk);
}

void phd__walk_run_postponed(struct phd_walk *walk)
{
    phd__walk_flush(walk);
    walk->near_roots = walk->postponing = false;
    walk->parts_only = true;
    for (unsigned i = 0; i < walk->postponed_count && !walk->stopped; i++) {
        walk->own_id = walk->postponed[i].id;
        walk->own_address = walk->postponed[i].object;
        walk->kept = walk->postponed[i].kept;
        put_record(walk, walk->own_address);
        walk->records.used = 0; /* the record itself is in the file already */
    }
    walk->parts_only = false;
    walk->postponed_count = 0;
}

static void run_until(struct phd_walk *walk, uint64_t id)
{
    uint64_t entry;
    while (!walk->stopped && walk->written < id && phd__queue_pop(&walk->queue, &entry)) {
        if (!walk->memory->view)
            prefetch(phd__queue_peek(&walk->queue, QUEUE_PREFETCH));
        write_record(walk, entry);
        if (walk->memory->trim)
            walk->memory->trim(walk->memory);
    }
}

/* A function's name tells what a bound method on an evaluation stack is: `__aexit__` of a lock that is held. */
static void meet_name(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    bool is_new;
    if (type->function)
        phd__walk_meet(walk, phd__field_word(walk, object, type, "__name__"), &is_new);
}

static void meet_description(struct phd_walk *walk, uint64_t object)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        bool is_new;
        const struct phd_type *type = phd__type_of(walk, object);
        phd__walk_meet(walk, type->address, &is_new);
        meet_name(walk, object, type);
    }
    PHD_UNGUARD(walk->memory, &guard);
}

void phd__walk_meet_descriptions(struct phd_walk *walk)
{
    struct phd_queue_mark mark = phd__queue_front(&walk->queue);
    uint64_t entry, count = walk->next_id - walk->written;
    for (uint64_t i = 0; i < count && phd__queue_next(&walk->queue, &mark, &entry); i++) {
        if (!(entry & PHD_ENTRY_IFRAME))
            meet_description(walk, entry);
    }
}

void phd__walk_run(struct phd_walk *walk)
{
    run_until(walk, UINT64_MAX);
}

void phd__walk_run_met(struct phd_walk *walk)
{
    run_until(walk, walk->next_id);
}
