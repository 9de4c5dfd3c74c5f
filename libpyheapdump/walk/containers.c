/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, tuples, dicts and sets, and the ITEMS blocks of those with many values. Context: crash.
 */
#include "walk/walk.h"

enum {
    PREFETCH_DISTANCE = 6,
    MAX_PREFETCHED = 16, /* values of one dict */
    SMALLEST_PAGE = 4096,
    MAX_UNREADABLE_RUN = 1024 /* values of a large container, one after the other: what follows is no part of it */
};

/* ---- values of a large container ---- */

static void begin_items(struct phd_walk *walk)
{
    walk->items_offset = walk->items_count = walk->unreadable_run = 0;
    walk->items.used = 0;
    walk->items.overflow = false;
}

static void flush_items(struct phd_walk *walk)
{
    if (walk->items_count)
        phd__put_part(walk, PHD_BLOCK_ITEMS, walk->items_count, walk->items_offset, walk->items.data, walk->items.used);
    walk->items_offset += walk->items_count;
    walk->items_count = 0;
    walk->items.used = 0;
    phd__walk_check(walk);
}

void phd__items_value(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    struct phd_buffer *records = walk->to;
    uint64_t missing = walk->missing_values;
    if (walk->postponing)
        return;
    walk->to = &walk->items;
    phd__put_named_value(walk, name, object);
    walk->to = records;
    walk->items_count++;
    walk->unreadable_run = walk->missing_values == missing ? 0 : walk->unreadable_run + 1;
    if (walk->items.used >= PHD_BLOCK_TARGET)
        flush_items(walk);
    if (walk->unreadable_run > MAX_UNREADABLE_RUN) /* each costs a fault, and a wrong count may tell of billions */
        phd__memory_fault(walk->memory, object, "a container that exceeds its memory");
}

/* Each value has a recovery point of its own, because blocks that are written cannot be taken back. When the container
 * itself cannot be read further, the rest of its values is missing. */
void phd__put_split_values(struct phd_walk *walk, enum phd_shape shape, uint64_t count, phd_items_body *body,
                           void *argument)
{
    struct phd_guard guard;
    bool careful = walk->careful;
    phd__put_split(walk, shape, count);
    if (walk->postponing)
        return;
    begin_items(walk);
    walk->careful = true;
    if (PHD_GUARD(walk->memory, &guard))
        body(walk, count, argument);
    PHD_UNGUARD(walk->memory, &guard);
    walk->careful = careful;
    walk->to = &walk->records;
    flush_items(walk);
    if (!walk->stopped)
        walk->missing_values += count - walk->items_offset;
}

void phd__put_cut(struct phd_walk *walk, enum phd_shape shape, uint64_t count, const char *reason, uint64_t characters)
{
    bool text = reason && shape == PHD_SHAPE_STR;
    phd__pack_array(walk->to, text ? 5 : reason ? 4 : 3);
    phd__pack_uint32(walk->to, 16);
    phd__pack_uint32(walk->to, shape);
    phd__pack_uint64(walk->to, count);
    if (reason)
        phd__pack_text(walk->to, reason);
    if (text)
        phd__pack_uint64(walk->to, characters);
    walk->has_parts = true;
}

void phd__put_split(struct phd_walk *walk, enum phd_shape shape, uint64_t count)
{
    phd__put_cut(walk, shape, count, NULL, 0);
}

/* ---- counts that disagree ----
 *
 * The first attempt to write a dict or set believes its count, and faults when its table has more or less. The second,
 * careful one counts what the table has; that is written, and missing values behind it tell of the disagreement. */

static const char disagreement[] = "its count is not what it holds";

void phd__put_disagreement(struct phd_walk *walk, uint64_t object, unsigned values)
{
    for (unsigned i = 0; i < values; i++)
        phd__pack_missing(walk->to, disagreement, object);
    walk->missing_values += values;
}

/* ---- list, tuple ---- */

static void prefetch(struct phd_walk *walk, const uint64_t *items, uint64_t count, uint64_t i)
{
    const uint64_t *soon = items + i + PREFETCH_DISTANCE;
    bool same_page = ((uintptr_t)soon ^ (uintptr_t)(items + i)) < SMALLEST_PAGE; /* the next one may be unreadable */
    if (!walk->memory->view && i + PREFETCH_DISTANCE < count && same_page)
        __builtin_prefetch((const void *)(uintptr_t)*soon);
}

struct sequence {
    const uint64_t *items;
    uint32_t secret;
};

static void put_split_sequence(struct phd_walk *walk, uint64_t count, void *argument)
{
    const struct sequence *sequence = argument;
    const uint64_t *items = sequence->items;
    for (uint64_t i = 0; i < count && !walk->stopped; i++) {
        prefetch(walk, items, count, i);
        phd__items_value(walk, phd__item_name(sequence->secret, i, PHD_NO_NAME), items[i]);
    }
}

/* Include/cpython/listobject.h: ob_item, then allocated, which is -1 while an (apparently empty) list is sorted. */
uint64_t phd__list_items(struct phd_walk *walk, uint64_t object, uint64_t count)
{
    if (count && count > phd__word_at(walk, object, walk->at->list_items + 8) && count <= PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "a list whose length exceeds its memory");
    return phd__word_at(walk, object, walk->at->list_items);
}

void phd__put_sequence_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape, uint32_t secret)
{
    uint64_t count = phd__word_at(walk, object, walk->at->var_size);
    uint64_t array =
        shape == PHD_SHAPE_TUPLE ? object + (uint64_t)walk->at->tuple_items : phd__list_items(walk, object, count);
    if (count > PHD_MAX_LENGTH || array % 8)
        phd__memory_fault(walk->memory, object, "a sequence of impossible length or place");
    const uint64_t *items = count ? phd__view(walk->memory, array, count * 8) : NULL;
    if (count <= PHD_MAX_INLINE_ITEMS) {
        phd__pack_array(walk->to, 1 + count);
        phd__pack_uint32(walk->to, shape);
        for (uint64_t i = 0; i < count; i++) {
            prefetch(walk, items, count, i);
            phd__put_named_value(walk, phd__item_name(secret, i, PHD_NO_NAME), items[i]);
        }
        return;
    }
    phd__put_split_values(walk, shape, count, put_split_sequence, &(struct sequence){items, secret});
}

/* ---- dict ---- */

static _Noreturn void refuse_table(struct phd_walk *walk, uint64_t keys)
{
    phd__memory_fault(walk->memory, keys, "a dict table of impossible size");
}

/* Log2 of the bytes of a hash index of 2^log2 slots (Objects/dictobject.c: new_keys_object). */
static unsigned log2_of_index(unsigned log2)
{
    return log2 < 8 ? log2 : log2 < 16 ? log2 + 1 : log2 < 32 ? log2 + 2 : log2 + 3;
}

enum { MAX_TABLE_LOG2 = 40 };

/* Objects/dictobject.c of each version: DK_ENTRIES, dk_indices; the kinds are 0 general, 1 unicode, 2 split. */
static void open_keys(struct phd_walk *walk, uint64_t keys, struct phd_dict_cursor *cursor)
{
    const struct phd_layout *at = walk->at;
    uint64_t index_bytes, size;
    cursor->keys = keys;
    cursor->entry_size = 24;
    cursor->key_offset = 8;
    if (at->keys_log2) {
        unsigned log2 = phd__read_u8(walk->memory, keys + (uint64_t)at->keys_size);
        unsigned log2_bytes = phd__read_u8(walk->memory, keys + (uint64_t)at->keys_log2_index_bytes);
        unsigned kind = phd__read_u8(walk->memory, keys + (uint64_t)at->keys_kind);
        /* The table that all empty dicts share has one slot, and more bytes (empty_keys_struct). */
        if (log2 > MAX_TABLE_LOG2 || (log2 ? log2_bytes != log2_of_index(log2) : log2_bytes > 3) || kind > 2)
            refuse_table(walk, keys);
        size = (uint64_t)1 << log2;
        index_bytes = (uint64_t)1 << log2_bytes;
        if (kind != 0) {
            cursor->entry_size = 16;
            cursor->key_offset = 0;
        }
    } else {
        size = phd__word_at(walk, keys, at->keys_size);
        if (size == 0 || size > PHD_MAX_LENGTH || (size & (size - 1)))
            refuse_table(walk, keys);
        index_bytes = size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8);
    }
    cursor->entries = keys + (uint64_t)at->keys_indices + index_bytes;
    /* dk_nentries stands behind dk_usable; together they are at most two thirds of the slots (USABLE_FRACTION). */
    uint64_t usable = phd__word_at(walk, keys, at->keys_entries_used - 8);
    cursor->used = phd__word_at(walk, keys, at->keys_entries_used);
    if (cursor->used > 2 * size / 3 || usable > 2 * size / 3 - cursor->used)
        refuse_table(walk, keys);
    cursor->filled = cursor->used;
}

static _Noreturn void refuse_values(struct phd_walk *walk, uint64_t values)
{
    phd__memory_fault(walk->memory, values, "attributes that exceed their memory");
}

void phd__values_open(struct phd_walk *walk, uint64_t keys, uint64_t values, struct phd_dict_cursor *cursor)
{
    const struct phd_layout *at = walk->at;
    memset(cursor, 0, sizeof *cursor);
    open_keys(walk, keys, cursor);
    cursor->values = values + (uint64_t)at->values_items;
    if (at->values_form == 1) { /* 3.11, 3.12: Include/internal/pycore_dict.h, _PyDictValues_AddToInsertionOrder */
        cursor->used = phd__read_u8(walk->memory, values - 2);
        cursor->order = values - 3;
        cursor->order_step = -1;
        if (cursor->used + 2 > phd__read_u8(walk->memory, values - 1)) /* the size of the prefix */
            refuse_values(walk, values);
    } else if (at->values_form == 2) { /* 3.13+: get_insertion_order_array */
        cursor->used = phd__read_u8(walk->memory, values + (uint64_t)at->values_count);
        unsigned capacity = phd__read_u8(walk->memory, values + (uint64_t)at->values_capacity);
        cursor->order = cursor->values + 8u * capacity;
        cursor->order_step = 1;
        if (cursor->used > capacity)
            refuse_values(walk, values);
    }
}

void phd__dict_open(struct phd_walk *walk, uint64_t dict, struct phd_dict_cursor *cursor)
{
    uint64_t keys = phd__word_at(walk, dict, walk->at->dict_keys);
    uint64_t values = phd__word_at(walk, dict, walk->at->dict_values);
    if (values) {
        phd__values_open(walk, keys, values, cursor);
        return;
    }
    memset(cursor, 0, sizeof *cursor);
    open_keys(walk, keys, cursor);
}

bool phd__dict_next(struct phd_walk *walk, struct phd_dict_cursor *cursor, uint64_t *key, uint64_t *value)
{
    while (cursor->position < cursor->used) {
        uint64_t index = cursor->position++;
        if (cursor->order)
            index = phd__read_u8(walk->memory, cursor->order + (uint64_t)(cursor->order_step * (int64_t)index));
        if (index >= cursor->filled)
            phd__memory_fault(walk->memory, cursor->keys, "attributes in an impossible order");
        const uint8_t *entry =
            phd__view(walk->memory, cursor->entries + index * cursor->entry_size, cursor->entry_size);
        memcpy(key, entry + cursor->key_offset, 8);
        if (cursor->values)
            *value = phd__read_word(walk->memory, cursor->values + 8 * index);
        else
            memcpy(value, entry + cursor->key_offset + 8, 8);
        if (*value && *key)
            return true;
        phd__walk_turn(walk);
    }
    return false;
}

void phd__dict_prefetch(struct phd_walk *walk, uint64_t dict)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value;
    phd__dict_open(walk, dict, &cursor);
    for (unsigned i = 0; i < MAX_PREFETCHED && phd__dict_next(walk, &cursor, &key, &value); i++)
        __builtin_prefetch((const void *)(uintptr_t)value);
}

uint64_t phd__dict_length(struct phd_walk *walk, uint64_t dict)
{
    uint64_t used = phd__word_at(walk, dict, walk->at->dict_used);
    if (used > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, dict, "a dict of impossible size");
    return used;
}

uint64_t phd__dict_get(struct phd_walk *walk, uint64_t dict, const char *name)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value;
    phd__dict_open(walk, dict, &cursor);
    while (phd__dict_next(walk, &cursor, &key, &value)) {
        if (phd__str_equals(walk, key, name))
            return value;
    }
    return 0;
}

/* Entry of the hash table `index` of `width` bytes; -1 free, -2 deleted. */
static int64_t table_entry(struct phd_walk *walk, uint64_t index, unsigned width)
{
    uint64_t entry = 0;
    memcpy(&entry, phd__view(walk->memory, index, width), width);
    unsigned unused = 64 - 8 * width;
    return (int64_t)(entry << unused) >> unused;
}

uint64_t phd__dict_value_of(struct phd_walk *walk, uint64_t dict, uint64_t key, uint64_t hash)
{
    const struct phd_layout *at = walk->at;
    struct phd_dict_cursor cursor;
    phd__dict_open(walk, dict, &cursor);
    if (cursor.values)
        phd__memory_fault(walk->memory, dict, "a dict that shares its keys, where none can be");
    uint64_t indices = cursor.keys + (uint64_t)at->keys_indices;
    uint64_t size = at->keys_log2
                        ? (uint64_t)1 << (phd__read_u8(walk->memory, cursor.keys + (uint64_t)at->keys_size) & 63)
                        : phd__word_at(walk, cursor.keys, at->keys_size);
    unsigned width = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
    uint64_t slot = hash & (size - 1), perturb = hash;
    for (uint64_t tries = 0; tries < size + 64; tries++) { /* Objects/dictobject.c: PERTURB_SHIFT, do_lookup */
        phd__walk_turn(walk);
        int64_t entry = table_entry(walk, indices + slot * width, width);
        if (entry == -1)
            return 0;
        uint64_t address = cursor.entries + (uint64_t)entry * cursor.entry_size + cursor.key_offset;
        if (entry >= 0 && phd__read_word(walk->memory, address) == key)
            return phd__read_word(walk->memory, address + 8);
        perturb >>= 5;
        slot = (slot * 5 + perturb + 1) & (size - 1);
    }
    return 0;
}

static uint64_t count_pairs(struct phd_walk *walk, uint64_t dict)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value, count = 0;
    phd__dict_open(walk, dict, &cursor);
    for (; phd__dict_next(walk, &cursor, &key, &value); count++)
        phd__walk_turn(walk);
    return count;
}

static void put_pairs(struct phd_walk *walk, uint64_t dict, uint64_t expected, uint32_t secret)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value, count = 0;
    phd__dict_open(walk, dict, &cursor);
    for (; count < expected && phd__dict_next(walk, &cursor, &key, &value); count++) {
        phd__put_named_value(walk, PHD_IS_NAME, key);
        phd__put_named_value(walk, phd__item_name(secret, 0, key), value);
    }
    if (count < expected || (cursor.position < cursor.used && phd__dict_next(walk, &cursor, &key, &value)))
        phd__memory_fault(walk->memory, dict, disagreement);
}

/* A dict or set whose values go to blocks of their own. */
struct table {
    uint64_t address;
    uint32_t secret;
};

static void put_split_dict(struct phd_walk *walk, uint64_t count, void *argument)
{
    const struct table *dict = argument;
    struct phd_dict_cursor cursor;
    uint64_t key, value, done = 0;
    phd__dict_open(walk, dict->address, &cursor);
    while (done < count && !walk->stopped && phd__dict_next(walk, &cursor, &key, &value)) {
        phd__items_value(walk, PHD_IS_NAME, key);
        phd__items_value(walk, phd__item_name(dict->secret, 0, key), value);
        done += 2;
    }
}

void phd__put_dict_record(struct phd_walk *walk, uint64_t object, uint32_t secret)
{
    uint64_t used = phd__dict_length(walk, object);
    bool large = 2 * used > PHD_MAX_INLINE_ITEMS; /* what is written of it cannot be taken back */
    uint64_t found = walk->careful || large ? count_pairs(walk, object) : used;
    unsigned disagreeing = found != used;
    if (2 * found > PHD_MAX_INLINE_ITEMS) {
        phd__put_split_values(walk, PHD_SHAPE_DICT, 2 * (found + disagreeing), put_split_dict,
                              &(struct table){object, secret});
        return;
    }
    phd__pack_array(walk->to, 1 + 2 * (found + disagreeing));
    phd__pack_uint32(walk->to, PHD_SHAPE_DICT);
    put_pairs(walk, object, found, secret);
    phd__put_disagreement(walk, object, 2 * disagreeing);
}

/* ---- set, frozenset ---- */

/* Objects/setobject.c: a free entry has key NULL, a deleted one the hash -1. */
struct set_cursor {
    uint64_t table, slots, position;
};

static void open_set(struct phd_walk *walk, uint64_t object, struct set_cursor *cursor)
{
    const struct phd_layout *at = walk->at;
    uint64_t mask = phd__word_at(walk, object, at->set_mask), used = phd__word_at(walk, object, at->set_used);
    uint64_t fill = phd__word_at(walk, object, at->set_used - 8); /* Include/cpython/setobject.h: fill, used, mask */
    *cursor = (struct set_cursor){phd__word_at(walk, object, at->set_table), mask + 1, 0};
    if (mask > PHD_MAX_LENGTH || (mask & (mask + 1)))
        phd__memory_fault(walk->memory, object, "a set table of impossible size");
    if (used > fill || fill > mask)
        phd__memory_fault(walk->memory, object, "a set of impossible size");
}

static bool next_member(struct phd_walk *walk, struct set_cursor *cursor, uint64_t *member)
{
    uint64_t size = (uint64_t)walk->at->set_entry_size;
    while (cursor->position < cursor->slots) {
        uint64_t entry = cursor->table + cursor->position++ * size;
        *member = phd__read_word(walk->memory, entry);
        if (*member && phd__read_word(walk->memory, entry + 8) != (uint64_t)-1)
            return true;
        phd__walk_turn(walk);
    }
    return false;
}

static uint64_t count_members(struct phd_walk *walk, uint64_t object)
{
    struct set_cursor cursor;
    uint64_t member, count = 0;
    open_set(walk, object, &cursor);
    for (; next_member(walk, &cursor, &member); count++)
        phd__walk_turn(walk);
    return count;
}

static void put_members(struct phd_walk *walk, uint64_t object, uint64_t expected, uint32_t secret)
{
    struct set_cursor cursor;
    uint64_t member, count = 0;
    open_set(walk, object, &cursor);
    bool more = next_member(walk, &cursor, &member);
    for (; more && count < expected; count++) {
        phd__put_named_value(walk, phd__item_name(secret, 0, PHD_NO_NAME), member);
        more = next_member(walk, &cursor, &member);
    }
    if (more || count < expected)
        phd__memory_fault(walk->memory, object, disagreement);
}

static void put_split_set(struct phd_walk *walk, uint64_t count, void *argument)
{
    const struct table *set = argument;
    struct set_cursor cursor;
    uint64_t member;
    open_set(walk, set->address, &cursor);
    for (uint64_t i = 0; i < count && !walk->stopped && next_member(walk, &cursor, &member); i++)
        phd__items_value(walk, phd__item_name(set->secret, 0, PHD_NO_NAME), member);
}

void phd__put_set_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape, uint32_t secret)
{
    uint64_t used = phd__word_at(walk, object, walk->at->set_used);
    if (used > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "a set of impossible size");
    bool large = used > PHD_MAX_INLINE_ITEMS; /* what is written of it cannot be taken back */
    uint64_t found = walk->careful || large ? count_members(walk, object) : used;
    unsigned disagreeing = found != used;
    if (found > PHD_MAX_INLINE_ITEMS) {
        phd__put_split_values(walk, shape, found + disagreeing, put_split_set, &(struct table){object, secret});
        return;
    }
    phd__pack_array(walk->to, 1 + found + disagreeing);
    phd__pack_uint32(walk->to, shape);
    put_members(walk, object, found, secret);
    phd__put_disagreement(walk, object, disagreeing);
}
