/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, tuples, dicts and sets, and the ITEMS blocks of those with many values. Context: crash.
 */
#include "walk/walk.h"

enum { PREFETCH_DISTANCE = 6, SMALLEST_PAGE = 4096 };

/* ---- values of a large container ---- */

static void begin_items(struct phd_walk *walk)
{
    walk->items_offset = walk->items_count = 0;
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
    if (walk->postponing)
        return;
    walk->to = &walk->items;
    if (name)
        phd__put_named_value(walk, name, object);
    else
        phd__put_value(walk, object);
    walk->to = records;
    walk->items_count++;
    if (walk->items.used >= PHD_BLOCK_TARGET)
        flush_items(walk);
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

void phd__put_split(struct phd_walk *walk, enum phd_shape shape, uint64_t count)
{
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 16);
    phd__pack_uint32(walk->to, shape);
    phd__pack_uint64(walk->to, count);
    walk->has_parts = true;
}

/* ---- list, tuple ---- */

static void prefetch(struct phd_walk *walk, const uint64_t *items, uint64_t count, uint64_t i)
{
    const uint64_t *soon = items + i + PREFETCH_DISTANCE;
    bool same_page = ((uintptr_t)soon ^ (uintptr_t)(items + i)) < SMALLEST_PAGE; /* the next one may be unreadable */
    if (!walk->memory->view && i + PREFETCH_DISTANCE < count && same_page)
        __builtin_prefetch((const void *)(uintptr_t)*soon);
}

static void put_split_sequence(struct phd_walk *walk, uint64_t count, void *argument)
{
    const uint64_t *items = argument;
    for (uint64_t i = 0; i < count && !walk->stopped; i++) {
        prefetch(walk, items, count, i);
        phd__items_value(walk, 0, items[i]);
    }
}

void phd__put_sequence_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape)
{
    uint64_t count = phd__word_at(walk, object, walk->at->var_size);
    uint64_t array = shape == PHD_SHAPE_TUPLE ? object + (uint64_t)walk->at->tuple_items
                                              : phd__word_at(walk, object, walk->at->list_items);
    if (count > PHD_MAX_LENGTH || array % 8)
        phd__memory_fault(walk->memory, object, "a sequence of impossible length or place");
    const uint64_t *items = count ? phd__view(walk->memory, array, count * 8) : NULL;
    if (count <= PHD_MAX_INLINE_ITEMS) {
        phd__pack_array(walk->to, 1 + count);
        phd__pack_uint32(walk->to, shape);
        for (uint64_t i = 0; i < count; i++) {
            prefetch(walk, items, count, i);
            phd__put_value(walk, items[i]);
        }
        return;
    }
    phd__put_split_values(walk, shape, count, put_split_sequence, (void *)(uintptr_t)items);
}

/* ---- dict ---- */

/* Objects/dictobject.c of each version: DK_ENTRIES, dk_indices; the kinds are 0 general, 1 unicode, 2 split. */
static void open_keys(struct phd_walk *walk, uint64_t keys, struct phd_dict_cursor *cursor)
{
    const struct phd_layout *at = walk->at;
    uint64_t index_bytes;
    cursor->keys = keys;
    cursor->entry_size = 24;
    cursor->key_offset = 8;
    if (at->keys_log2) {
        unsigned log2 = phd__read_u8(walk->memory, keys + (uint64_t)at->keys_log2_index_bytes);
        if (log2 > 48)
            phd__memory_fault(walk->memory, keys, "a dict table of impossible size");
        index_bytes = (uint64_t)1 << log2;
        if (phd__read_u8(walk->memory, keys + (uint64_t)at->keys_kind) != 0) {
            cursor->entry_size = 16;
            cursor->key_offset = 0;
        }
    } else {
        uint64_t size = phd__word_at(walk, keys, at->keys_size);
        if (size > PHD_MAX_LENGTH || (size & (size - 1)))
            phd__memory_fault(walk->memory, keys, "a dict table of impossible size");
        index_bytes = size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8);
    }
    cursor->entries = keys + (uint64_t)at->keys_indices + index_bytes;
    cursor->used = phd__word_at(walk, keys, at->keys_entries_used);
    if (cursor->used > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, keys, "a dict table of impossible size");
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
    } else if (at->values_form == 2) { /* 3.13+: get_insertion_order_array */
        cursor->used = phd__read_u8(walk->memory, values + (uint64_t)at->values_count);
        cursor->order = cursor->values + 8u * phd__read_u8(walk->memory, values + (uint64_t)at->values_capacity);
        cursor->order_step = 1;
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
        const uint8_t *entry =
            phd__view(walk->memory, cursor->entries + index * cursor->entry_size, cursor->entry_size);
        memcpy(key, entry + cursor->key_offset, 8);
        if (cursor->values)
            *value = phd__read_word(walk->memory, cursor->values + 8 * index);
        else
            memcpy(value, entry + cursor->key_offset + 8, 8);
        if (*value && *key)
            return true;
    }
    return false;
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

/* Write `expected` pairs and return how many there were. */
static uint64_t put_pairs(struct phd_walk *walk, uint64_t dict, uint64_t expected)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value, count = 0;
    phd__dict_open(walk, dict, &cursor);
    while (count < expected && phd__dict_next(walk, &cursor, &key, &value)) {
        phd__put_value(walk, key);
        phd__put_named_value(walk, key, value);
        count++;
    }
    return count;
}

static void put_split_dict(struct phd_walk *walk, uint64_t count, void *argument)
{
    const uint64_t *dict = argument;
    struct phd_dict_cursor cursor;
    uint64_t key, value, done = 0;
    phd__dict_open(walk, *dict, &cursor);
    while (done < count && !walk->stopped && phd__dict_next(walk, &cursor, &key, &value)) {
        phd__items_value(walk, 0, key);
        phd__items_value(walk, key, value);
        done += 2;
    }
}

/* The array header at `header` was written for more elements than there are. Up to 4097 take one or three bytes. */
static void correct_array(uint8_t *header, uint64_t count)
{
    if ((header[0] & 0xf0) == 0x90) {
        header[0] = (uint8_t)(0x90 | count);
    } else {
        header[1] = (uint8_t)(count >> 8);
        header[2] = (uint8_t)count;
    }
}

void phd__put_dict_record(struct phd_walk *walk, uint64_t object)
{
    uint64_t count = phd__dict_length(walk, object);
    if (2 * count > PHD_MAX_INLINE_ITEMS) {
        phd__put_split_values(walk, PHD_SHAPE_DICT, 2 * count, put_split_dict, &object);
        return;
    }
    uint8_t *header = walk->to->data + walk->to->used;
    phd__pack_array(walk->to, 1 + 2 * count);
    phd__pack_uint32(walk->to, PHD_SHAPE_DICT);
    uint64_t found = put_pairs(walk, object, count);
    if (found < count && !walk->to->overflow) /* caught in the middle of a change: the table is what there is */
        correct_array(header, 1 + 2 * found);
}

/* ---- set, frozenset ---- */

/* Write `expected` members and return how many there were. Objects/setobject.c: a free entry has key NULL, a deleted one
 * the hash -1. */
static uint64_t put_members(struct phd_walk *walk, uint64_t object, uint64_t expected, bool split)
{
    uint64_t mask = phd__word_at(walk, object, walk->at->set_mask);
    uint64_t table = phd__word_at(walk, object, walk->at->set_table);
    uint64_t size = (uint64_t)walk->at->set_entry_size;
    uint64_t count = 0;
    if (mask > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "a set table of impossible size");
    for (uint64_t i = 0; i <= mask && count < expected && !walk->stopped; i++) {
        uint64_t key = phd__read_word(walk->memory, table + i * size);
        uint64_t hash = phd__read_word(walk->memory, table + i * size + 8);
        if (!key || hash == (uint64_t)-1)
            continue;
        if (split)
            phd__items_value(walk, 0, key);
        else
            phd__put_value(walk, key);
        count++;
    }
    return count;
}

static void put_split_set(struct phd_walk *walk, uint64_t count, void *argument)
{
    const uint64_t *set = argument;
    put_members(walk, *set, count, true);
}

void phd__put_set_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape)
{
    uint64_t count = phd__word_at(walk, object, walk->at->set_used);
    if (count > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "a set of impossible size");
    if (count > PHD_MAX_INLINE_ITEMS) {
        phd__put_split_values(walk, shape, count, put_split_set, &object);
        return;
    }
    uint8_t *header = walk->to->data + walk->to->used;
    phd__pack_array(walk->to, 1 + count);
    phd__pack_uint32(walk->to, shape);
    uint64_t found = put_members(walk, object, count, false);
    if (found < count && !walk->to->overflow)
        correct_array(header, 1 + found);
}
