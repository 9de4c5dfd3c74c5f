/* SPDX-License-Identifier: Apache-2.0
 *
 * See heap.h.
 */
#include "support/heap.h"

#include <string.h>
#include <sys/mman.h>

#include "support/cmocka_header.h"
#include "walk/types.h"

enum { CAPACITY = 16 * 1024 * 1024, PAGE = 4096, DICT_ENTRY = 24, TYPE_BYTES = 1024 };
#define INHERITED_FLAGS ((uint64_t)0xff << 24)

void heap_set_word(uint64_t address, int64_t offset, uint64_t value)
{
    memcpy((void *)(uintptr_t)(address + (uint64_t)offset), &value, sizeof value);
}

void heap_set_u32(uint64_t address, int64_t offset, uint32_t value)
{
    memcpy((void *)(uintptr_t)(address + (uint64_t)offset), &value, sizeof value);
}

uint64_t heap_word(uint64_t address, int64_t offset)
{
    uint64_t value;
    memcpy(&value, (const void *)(uintptr_t)(address + (uint64_t)offset), sizeof value);
    return value;
}

static void copy_in(uint64_t address, const void *bytes, size_t length)
{
    if (length)
        memcpy((void *)(uintptr_t)address, bytes, length);
}

uint64_t heap_bytes(struct heap *heap, size_t size)
{
    uint64_t address = (uint64_t)(uintptr_t)heap->pages + heap->used;
    heap->used += (size + 15) & ~(size_t)15;
    assert_true(heap->used <= heap->capacity);
    return address;
}

uint64_t heap_last_bytes(struct heap *heap, size_t size)
{
    heap->capacity -= size;
    assert_true(heap->used <= heap->capacity);
    return (uint64_t)(uintptr_t)heap->pages + heap->capacity;
}

/* ---- types ---- */

uint64_t heap_new_object(struct heap *heap, uint64_t type, size_t size)
{
    uint64_t object = heap_bytes(heap, size);
    heap_set_word(object, heap->at->object_refcnt, 1);
    heap_set_word(object, heap->at->object_type, type);
    return object;
}

uint64_t heap_shared(struct heap *heap, uint64_t object)
{
    heap_set_word(object, heap->at->object_refcnt, 2);
    return object;
}

uint64_t heap_new_type(struct heap *heap, const char *name, uint64_t base, uint64_t basicsize, uint64_t flags)
{
    uint64_t type = heap_new_object(heap, heap->type, TYPE_BYTES);
    uint64_t text = heap_bytes(heap, strlen(name) + 1);
    copy_in(text, name, strlen(name) + 1);
    assert_true(heap->at->heap_type_size <= TYPE_BYTES);
    heap_shared(heap, type);
    heap_set_word(type, heap->at->type_name, text);
    heap_set_word(type, heap->at->type_base, base);
    heap_set_word(type, heap->at->type_basicsize, basicsize);
    /* Flags of builtin values are inherited (Objects/typeobject.c, inherit_special). */
    uint64_t inherited = base ? heap_word(base, heap->at->type_flags) & INHERITED_FLAGS : 0;
    heap_set_word(type, heap->at->type_flags, flags | inherited);
    return type;
}

/* `flag`: the bit of the flags that tells subclasses of it, or 0 */
static uint64_t builtin(struct heap *heap, const char *name, uint64_t basicsize, unsigned flag)
{
    return heap_new_type(heap, name, heap->object, basicsize, flag ? UINT64_C(1) << flag : 0);
}

static void make_types(struct heap *heap)
{
    heap->type = heap_new_type(heap, "type", 0, 880, PHD_TPFLAGS_TYPE_SUBCLASS);
    heap_set_word(heap->type, heap->at->object_type, heap->type);
    heap->object = heap_new_type(heap, "object", 0, 16, 0);
    heap_set_word(heap->type, heap->at->type_base, heap->object);
    heap->none_type = builtin(heap, "NoneType", 16, 0);
    heap->bool_ = builtin(heap, "bool", 24, 24);
    heap->int_ = builtin(heap, "int", 24, 24);
    heap->float_ = builtin(heap, "float", 24, 0);
    heap->complex_ = builtin(heap, "complex", 32, 0);
    heap->str = builtin(heap, "str", 80, 28);
    heap->bytes = builtin(heap, "bytes", 33, 27);
    heap->bytearray = builtin(heap, "bytearray", 56, 0);
    heap->list = builtin(heap, "list", 40, 25);
    heap->tuple = builtin(heap, "tuple", 24, 26);
    heap->dict = builtin(heap, "dict", 48, 29);
    heap->set = builtin(heap, "set", 200, 0);
    heap->none = heap_shared(heap, heap_new_object(heap, heap->none_type, 16));
    heap->true_ = heap_shared(heap, heap_new_object(heap, heap->bool_, 32));
    heap_set_u32(heap->true_, heap->at->long_digits, 1);
    heap_set_word(heap->true_, heap->at->long_size, heap->at->long_tagged ? 1 << 3 : 1);
}

void heap_open(struct heap *heap, int version)
{
    memset(heap, 0, sizeof *heap);
    heap->at = phd__layout_find(version, 0, 0);
    assert_non_null(heap->at);
    heap->capacity = CAPACITY;
    heap->pages =
        mmap(NULL, CAPACITY + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(heap->pages != MAP_FAILED);
    assert_int_equal(mprotect(heap->pages + CAPACITY, PAGE, PROT_NONE), 0);
    heap->unmapped = (uint64_t)(uintptr_t)heap->pages + CAPACITY;
    make_types(heap);
}

void heap_close(struct heap *heap)
{
    munmap(heap->pages, CAPACITY + PAGE);
}

/* ---- numbers ---- */

uint64_t heap_new_big_int(struct heap *heap, size_t digits, uint32_t digit)
{
    uint64_t object = heap_new_object(heap, heap->int_, (size_t)heap->at->long_digits + 4 * digits + 8);
    heap_set_word(object, heap->at->long_size, heap->at->long_tagged ? digits << 3 : digits);
    for (size_t i = 0; i < digits; i++)
        heap_set_u32(object, heap->at->long_digits + 4 * (int64_t)i, digit);
    return object;
}

uint64_t heap_new_int(struct heap *heap, int64_t value)
{
    const struct phd_layout *at = heap->at;
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value, digits = 0;
    uint64_t object = heap_new_object(heap, heap->int_, 48);
    for (; magnitude; magnitude >>= at->long_digit_bits, digits++)
        heap_set_u32(object, at->long_digits + 4 * (int64_t)digits,
                     (uint32_t)(magnitude & ((1u << at->long_digit_bits) - 1)));
    if (at->long_tagged)
        heap_set_word(object, at->long_size, digits << 3 | (value < 0 ? 2 : value == 0));
    else
        heap_set_word(object, at->long_size, value < 0 ? -digits : digits);
    return object;
}

uint64_t heap_new_float(struct heap *heap, double value)
{
    uint64_t object = heap_new_object(heap, heap->float_, 24);
    copy_in(object + (uint64_t)heap->at->float_value, &value, sizeof value);
    return object;
}

/* ---- text and bytes ---- */

uint64_t heap_new_wide_str(struct heap *heap, const void *characters, size_t length, unsigned kind)
{
    const struct phd_layout *at = heap->at;
    size_t bytes = length * kind;
    uint64_t object = heap_new_object(heap, heap->str, (size_t)at->unicode_compact_size + bytes + 4);
    heap_set_word(object, at->unicode_length, length);
    heap_set_u32(object, at->unicode_state, kind << at->unicode_kind_shift | (uint32_t)at->unicode_compact_mask);
    copy_in(object + (uint64_t)at->unicode_compact_size, characters, bytes);
    return object;
}

uint64_t heap_new_str(struct heap *heap, const char *ascii)
{
    const struct phd_layout *at = heap->at;
    size_t length = strlen(ascii);
    uint64_t object = heap_new_object(heap, heap->str, (size_t)at->unicode_ascii_size + length + 1);
    heap_set_word(object, at->unicode_length, length);
    heap_set_u32(object, at->unicode_state,
                 1u << at->unicode_kind_shift | (uint32_t)(at->unicode_compact_mask | at->unicode_ascii_mask));
    copy_in(object + (uint64_t)at->unicode_ascii_size, ascii, length);
    return object;
}

uint64_t heap_new_bytes(struct heap *heap, const void *bytes, size_t length)
{
    uint64_t object = heap_new_object(heap, heap->bytes, (size_t)heap->at->bytes_data + length + 1);
    heap_set_word(object, heap->at->var_size, length);
    copy_in(object + (uint64_t)heap->at->bytes_data, bytes, length);
    return object;
}

uint64_t heap_new_bytearray(struct heap *heap, const void *bytes, size_t length)
{
    uint64_t object = heap_new_object(heap, heap->bytearray, 64);
    uint64_t content = heap_bytes(heap, length + 1);
    heap_set_word(object, heap->at->var_size, length);
    heap_set_word(object, heap->at->bytearray_start - 16, length + 1); /* allocated */
    heap_set_word(object, heap->at->bytearray_start - 8, content);
    heap_set_word(object, heap->at->bytearray_start, content);
    copy_in(content, bytes, length);
    return object;
}

/* ---- containers ---- */

uint64_t heap_new_list(struct heap *heap, size_t count, const uint64_t *items)
{
    uint64_t object = heap_new_object(heap, heap->list, 40);
    uint64_t array = count ? heap_bytes(heap, 8 * count) : 0;
    heap_set_word(object, heap->at->var_size, count);
    heap_set_word(object, heap->at->list_items, array);
    heap_set_word(object, heap->at->list_items + 8, count); /* allocated */
    if (items)
        copy_in(array, items, 8 * count);
    return object;
}

uint64_t heap_new_tuple(struct heap *heap, size_t count, const uint64_t *items)
{
    uint64_t object = heap_new_object(heap, heap->tuple, (size_t)heap->at->tuple_items + 8 * count);
    heap_set_word(object, heap->at->var_size, count);
    if (items)
        copy_in(object + (uint64_t)heap->at->tuple_items, items, 8 * count);
    return object;
}

/* The key table: a hash index that nobody looks into, then the entries (hash, key, value). */
static uint64_t new_keys(struct heap *heap, size_t count, const uint64_t *pairs)
{
    const struct phd_layout *at = heap->at;
    uint64_t slots = 8, log2 = 3, index_bytes;
    for (; slots < 2 * count; slots *= 2)
        log2++;
    index_bytes = slots <= 0xff ? slots : slots <= 0xffff ? 2 * slots : 4 * slots;
    uint64_t keys = heap_bytes(heap, (size_t)at->keys_indices + index_bytes + DICT_ENTRY * count);
    if (at->keys_log2) {
        uint8_t sizes[2] = {(uint8_t)log2, (uint8_t)__builtin_ctzll(index_bytes)};
        copy_in(keys + (uint64_t)at->keys_size, &sizes[0], 1);
        copy_in(keys + (uint64_t)at->keys_log2_index_bytes, &sizes[1], 1);
    } else {
        heap_set_word(keys, at->keys_size, slots);
    }
    heap_set_word(keys, at->keys_entries_used, count);
    uint64_t entry = keys + (uint64_t)at->keys_indices + index_bytes;
    for (size_t i = 0; i < count; i++, entry += DICT_ENTRY)
        copy_in(entry + 8, &pairs[2 * i], 16);
    return keys;
}

uint64_t heap_new_dict(struct heap *heap, size_t count, const uint64_t *pairs)
{
    uint64_t object = heap_new_object(heap, heap->dict, 48);
    heap_set_word(object, heap->at->dict_used, count);
    heap_set_word(object, heap->at->dict_keys, new_keys(heap, count, pairs));
    return object;
}

uint64_t heap_new_set(struct heap *heap, size_t count, const uint64_t *members)
{
    const struct phd_layout *at = heap->at;
    uint64_t object = heap_new_object(heap, heap->set, 200), slots = 8;
    while (slots < 2 * count)
        slots *= 2;
    uint64_t table = heap_bytes(heap, slots * (size_t)at->set_entry_size);
    heap_set_word(object, at->set_used - 8, count); /* fill */
    heap_set_word(object, at->set_used, count);
    heap_set_word(object, at->set_mask, slots - 1);
    heap_set_word(object, at->set_table, table);
    for (size_t i = 0; i < count; i++) { /* every second entry, so that free ones stand between */
        heap_set_word(table, (int64_t)(2 * i) * at->set_entry_size, members[i]);
        heap_set_word(table, (int64_t)(2 * i) * at->set_entry_size + 8, 17 * i);
    }
    return object;
}
