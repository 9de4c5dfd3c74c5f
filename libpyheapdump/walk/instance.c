/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances: OBJECT records. The builtin base, the instance dict (or the values that replace it), slots and C fields,
 * and for opaque C types the words that prove to be pointers to objects. Context: crash.
 */
#include "walk/special.h"
#include "walk/walk.h"

enum { MAX_OPAQUE_WORDS = 128, MAX_FIELD_TEXT = 4096 };

static int64_t var_size(struct phd_walk *walk, uint64_t object)
{
    uint64_t size = phd__word_at(walk, object, walk->at->var_size);
    uint64_t count = (int64_t)size < 0 ? -size : size;
    if (count > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "an object of impossible size");
    return (int64_t)count;
}

/* Where the dict pointer of an unmanaged instance stands (Objects/object.c, _PyObject_ComputedDictPointer). */
static uint64_t dict_slot(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    int64_t offset = type->dictoffset;
    if (offset < 0) {
        int64_t size = (type->basicsize + var_size(walk, object) * type->itemsize + 7) & ~(int64_t)7;
        offset += size;
    }
    if (offset <= 0 || offset % 8)
        phd__memory_fault(walk->memory, object, "an instance dict at an impossible offset");
    return object + (uint64_t)offset;
}

static bool flag_set(const struct phd_type *type, int32_t flag)
{
    return flag != PHD_ABSENT && (type->flags & (uint32_t)flag) != 0;
}

uint64_t phd__instance_dict(struct phd_walk *walk, uint64_t object, const struct phd_type *type, uint64_t *keys,
                            uint64_t *values)
{
    const struct phd_layout *at = walk->at;
    *keys = *values = 0;
    if (!flag_set(type, at->flag_managed_dict))
        return type->dictoffset ? phd__read_word(walk->memory, dict_slot(walk, object, type)) : 0;
    uint64_t dict = phd__word_at(walk, object, at->managed_dict);
    if (at->managed_dict_tagged == 1) { /* 3.12: one word for both (Include/internal/pycore_object.h) */
        if (dict & 1) {
            *values = dict + 1;
            dict = 0;
        }
    } else if (at->managed_values != PHD_ABSENT && at->values_form == 1) { /* 3.11: the word before */
        *values = dict ? 0 : phd__word_at(walk, object, at->managed_values);
    } else if (!dict && flag_set(type, at->flag_inline_values)) { /* 3.13: behind the object */
        uint64_t inlined = object + (uint64_t)type->basicsize;
        if (phd__read_u8(walk->memory, inlined + (uint64_t)at->values_valid))
            *values = inlined;
    }
    if (*values)
        *keys = phd__word_at(walk, type->address, at->heap_type_cached_keys);
    return dict;
}

uint64_t phd__instance_get(struct phd_walk *walk, uint64_t object, const char *name)
{
    uint64_t keys, values, key, value;
    uint64_t dict = phd__instance_dict(walk, object, phd__type_of(walk, object), &keys, &values);
    if (dict)
        return phd__dict_get(walk, dict, name);
    if (!values)
        return 0;
    struct phd_dict_cursor cursor;
    phd__values_open(walk, keys, values, &cursor);
    while (phd__dict_next(walk, &cursor, &key, &value)) {
        if (phd__str_equals(walk, key, name))
            return value;
    }
    return 0;
}

static unsigned count_pairs(struct phd_walk *walk, struct phd_dict_cursor cursor, unsigned limit)
{
    uint64_t key, value;
    unsigned count = 0;
    while (count < limit && phd__dict_next(walk, &cursor, &key, &value))
        count++;
    return count;
}

/* `disagreeing`: the dict says that it has another number of pairs. */
static void put_map(struct phd_walk *walk, struct phd_dict_cursor *cursor, unsigned count, bool disagreeing)
{
    uint64_t key, value;
    phd__pack_map(walk->to, count + disagreeing);
    for (unsigned i = 0; i < count && phd__dict_next(walk, cursor, &key, &value); i++) {
        phd__put_named_value(walk, PHD_IS_NAME, key);
        phd__put_named_value(walk, key, value);
    }
    phd__put_disagreement(walk, walk->own_address, 2 * disagreeing);
}

/* A dict that only its instance refers to is written as the instance's attributes; any other is an object of its own. */
static bool is_private_dict(struct phd_walk *walk, uint64_t dict)
{
    const struct phd_type *type = phd__type_of(walk, dict);
    return type->shape == PHD_SHAPE_DICT && type->exact && walk->trust_counts &&
           phd__read_u32(walk->memory, dict + (uint64_t)walk->at->object_refcnt) == 1 &&
           phd__addrset_find(&walk->borrowed, dict) == PHD_ADDRSET_NO_ID &&
           phd__dict_length(walk, dict) <= PHD_MAX_ATTRIBUTES;
}

void phd__put_attributes(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t keys, values;
    uint64_t dict = phd__instance_dict(walk, object, type, &keys, &values);
    struct phd_dict_cursor cursor;
    unsigned count;
    if (dict) {
        if (!is_private_dict(walk, dict)) {
            phd__put_value(walk, dict);
            return;
        }
        phd__dict_open(walk, dict, &cursor);
    } else if (values) {
        phd__values_open(walk, keys, values, &cursor);
    } else {
        phd__pack_nil(walk->to);
        return;
    }
    count = count_pairs(walk, cursor, PHD_MAX_ATTRIBUTES);
    put_map(walk, &cursor, count, dict && count != phd__dict_length(walk, dict));
}

/* ---- fields ---- */

static bool is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] & 0x80)
            return false;
    }
    return true;
}

/* Text that is not ASCII is of unknown encoding, so it is written as bytes. */
static void put_characters(struct phd_walk *walk, const char *text, size_t length)
{
    if (is_ascii(text, length)) {
        phd__pack_str(walk->to, length);
        phd__pack_str_body(walk->to, text, length);
    } else {
        phd__pack_bytes(walk->to, text, length);
    }
}

static void put_text_field(struct phd_walk *walk, uint64_t address)
{
    char text[MAX_FIELD_TEXT];
    if (!address) {
        phd__pack_nil(walk->to);
        return;
    }
    size_t length = phd__read_text(walk->memory, address, text, sizeof text);
    put_characters(walk, text, length);
}

/* PHD_FIELD_STRING_INDIRECT, PHD_FIELD_OBJECT_INDIRECT: the first word of the struct pointed to, 0 when there is none. */
static uint64_t indirect_word(struct phd_walk *walk, uint64_t address)
{
    uint64_t described = phd__read_word(walk->memory, address);
    return described ? phd__read_word(walk->memory, described) : 0;
}

/* PHD_FIELD_BITS: one bit is a truth value, several are a number. */
static void put_bits_field(struct phd_walk *walk, uint64_t address, unsigned bits)
{
    unsigned first = bits >> 8, width = bits & 255;
    unsigned value = (unsigned)phd__read_u8(walk->memory, address) >> first & ((1u << width) - 1);
    if (width > 1)
        phd__pack_uint32(walk->to, value);
    else if (value)
        phd__pack_true(walk->to);
    else
        phd__pack_false(walk->to);
}

/* Include/internal/pycore_lock.h, _PyRecursiveMutex: { PyMutex mutex; unsigned long long thread; size_t level; }; level
 * counts the times after the first. */
static void put_lock_count_field(struct phd_walk *walk, uint64_t mutex)
{
    bool locked = phd__read_u8(walk->memory, mutex) & 1;
    phd__pack_uint64(walk->to, locked ? phd__read_word(walk->memory, mutex + 16) + 1 : 0);
}

static void put_number_field(struct phd_walk *walk, const uint8_t *at, unsigned kind)
{
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    memcpy(&i16, at, sizeof i16), memcpy(&u16, at, sizeof u16);
    memcpy(&i32, at, sizeof i32), memcpy(&u32, at, sizeof u32), memcpy(&f32, at, sizeof f32);
    memcpy(&i64, at, sizeof i64), memcpy(&u64, at, sizeof u64), memcpy(&f64, at, sizeof f64);
    switch (kind) {
    case PHD_FIELD_SHORT: phd__pack_int64(walk->to, i16); break;
    case PHD_FIELD_USHORT: phd__pack_uint64(walk->to, u16); break;
    case PHD_FIELD_INT: phd__pack_int64(walk->to, i32); break;
    case PHD_FIELD_UINT: phd__pack_uint64(walk->to, u32); break;
    case PHD_FIELD_LONG:
    case PHD_FIELD_LONGLONG:
    case PHD_FIELD_SSIZE: phd__pack_int64(walk->to, i64); break;
    case PHD_FIELD_ULONG:
    case PHD_FIELD_ULONGLONG: phd__pack_uint64(walk->to, u64); break;
    case PHD_FIELD_FLOAT: phd__pack_double(walk->to, (double)f32); break;
    case PHD_FIELD_DOUBLE: phd__pack_double(walk->to, f64); break;
    default: phd__pack_absent(walk->to); break;
    }
}

static void put_object_field(struct phd_walk *walk, uint64_t object, unsigned kind, uint64_t name)
{
    bool meeting_roots = walk->meeting_roots;
    if (!object && kind == PHD_FIELD_OBJECT) {
        phd__pack_nil(walk->to);
        return;
    }
    /* A reference that does not count: what it leads to must be entered, whatever its count says. */
    walk->meeting_roots |= kind == PHD_FIELD_BORROWED;
    phd__put_named_value(walk, name, object);
    walk->meeting_roots = meeting_roots;
}

/* `name`: PHD_NO_NAME, or PHD_SECRET_NAME when the field's name tells of a secret. */
static void put_field(struct phd_walk *walk, uint64_t object, const struct phd_instance_field *field, uint64_t name)
{
    uint64_t at = object + (uint64_t)field->offset;
    switch (field->kind) {
    case PHD_FIELD_OBJECT:
    case PHD_FIELD_OBJECT_EX:
    case PHD_FIELD_BORROWED: put_object_field(walk, phd__read_word(walk->memory, at), field->kind, name); break;
    case PHD_FIELD_ADDRESS: phd__pack_address(walk->to, phd__read_word(walk->memory, at)); break;
    case PHD_FIELD_BYTES: phd__pack_bytes(walk->to, phd__view(walk->memory, at, field->size), field->size); break;
    case PHD_FIELD_STRING: put_text_field(walk, phd__read_word(walk->memory, at)); break;
    case PHD_FIELD_STRING_INPLACE: put_text_field(walk, at); break;
    case PHD_FIELD_STRING_INDIRECT: put_text_field(walk, indirect_word(walk, at)); break;
    case PHD_FIELD_OBJECT_IF:
        if (phd__read_u8(walk->memory, object + field->size))
            put_object_field(walk, phd__read_word(walk->memory, at), PHD_FIELD_OBJECT, name);
        else
            phd__pack_nil(walk->to);
        break;
    case PHD_FIELD_OBJECT_INDIRECT: phd__put_value(walk, indirect_word(walk, at)); break;
    case PHD_FIELD_BITS: put_bits_field(walk, at, field->size); break;
    case PHD_FIELD_LOCK_COUNT: put_lock_count_field(walk, at); break;
    case PHD_FIELD_CHAR: put_characters(walk, phd__view(walk->memory, at, 1), 1); break;
    case PHD_FIELD_BYTE: phd__pack_int64(walk->to, (int8_t)phd__read_u8(walk->memory, at)); break;
    case PHD_FIELD_UBYTE: phd__pack_uint64(walk->to, phd__read_u8(walk->memory, at)); break;
    case PHD_FIELD_BOOL:
        if (phd__read_u8(walk->memory, at))
            phd__pack_true(walk->to);
        else
            phd__pack_false(walk->to);
        break;
    default: put_number_field(walk, phd__view(walk->memory, at, 8), field->kind); break;
    }
}

static void put_fields(struct phd_walk *walk, uint64_t object, struct phd_type *type)
{
    if (!type->field_count) {
        phd__pack_nil(walk->to);
        return;
    }
    /* Of a tuple the items are meant, not the fields. */
    uint32_t held = type->shape == PHD_SHAPE_TUPLE ? 0 : phd__secret_items(walk, object, type);
    phd__pack_array(walk->to, type->field_count);
    for (unsigned i = 0; i < type->field_count; i++) {
        uint64_t name = type->fields[i].secret ? PHD_SECRET_NAME : phd__item_name(held, i, PHD_NO_NAME);
        put_field(walk, object, &type->fields[i], name);
    }
}

/* ---- opaque C types ---- */

/* Whether the word can be a reference count: 32 bits of count, then none that are set (3.14: ob_overflow, then flags).
 * A symbol table has addresses of types too, at the same distance, but not after such a word. */
static bool is_count(struct phd_walk *walk, uint64_t word)
{
    return word != 0 && (walk->at->free_threaded || (word >> 32 & 0xffff) == 0);
}

/* True when `word` points to an object beyond reasonable doubt: its type is a type by every mark. Never faults. */
static bool proves_object(struct phd_walk *walk, uint64_t word)
{
    if (word % 8 || word < PHD_LOWEST_ADDRESS || word >= PHD_HIGHEST_ADDRESS)
        return false;
    struct phd_guard guard;
    volatile bool proved = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t type = phd__word_at(walk, word, walk->at->object_type);
        uint64_t metatype = type % 8 ? 0 : phd__word_at(walk, type, walk->at->object_type);
        uint64_t flags = metatype % 8 || !metatype ? 0 : phd__word_at(walk, metatype, walk->at->type_flags);
        uint64_t meta_metatype =
            flags & PHD_TPFLAGS_TYPE_SUBCLASS ? phd__word_at(walk, metatype, walk->at->object_type) : 0;
        proved = meta_metatype && meta_metatype % 8 == 0 &&
                 (phd__word_at(walk, meta_metatype, walk->at->type_flags) & PHD_TPFLAGS_TYPE_SUBCLASS) &&
                 is_count(walk, phd__word_at(walk, word, walk->at->object_refcnt));
    }
    PHD_UNGUARD(walk->memory, &guard);
    return proved;
}

static bool told_elsewhere(const struct phd_type *type, int64_t offset)
{
    if (offset == type->dictoffset || offset == type->weaklistoffset)
        return true;
    for (unsigned i = 0; i < type->field_count; i++) {
        if (type->fields[i].offset == offset)
            return true;
    }
    return false;
}

/* The words of an opaque instance that are pointers to objects. */
static void put_pointers(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    int64_t offsets[MAX_OPAQUE_WORDS];
    unsigned count = 0;
    for (int64_t offset = walk->at->object_size; offset + 8 <= type->basicsize && count < MAX_OPAQUE_WORDS;
         offset += 8) {
        if (!told_elsewhere(type, offset) &&
            proves_object(walk, phd__read_word(walk->memory, object + (uint64_t)offset)))
            offsets[count++] = offset;
    }
    if (!count) {
        phd__pack_nil(walk->to);
        return;
    }
    bool meeting_roots = walk->meeting_roots;
    walk->meeting_roots = true; /* it is not known whether these pointers are counted */
    phd__pack_array(walk->to, 2 * count);
    for (unsigned i = 0; i < count; i++) {
        phd__pack_int64(walk->to, offsets[i]);
        phd__put_value(walk, phd__read_word(walk->memory, object + (uint64_t)offsets[i]));
    }
    walk->meeting_roots = meeting_roots;
}

struct special_base {
    uint64_t object;
    const struct phd_type *type;
};

static void put_special(struct phd_walk *walk, void *state)
{
    const struct special_base *base = state;
    base->type->special->write(walk, base->object, base->type);
}

static void put_base(struct phd_walk *walk, uint64_t object, struct phd_type *type)
{
    if (type->shape == PHD_SHAPE_SPECIAL)
        phd__put_guarded(walk, put_special, &(struct special_base){object, type});
    else if (type->shape >= PHD_SHAPE_INT && type->shape <= PHD_SHAPE_FROZENSET)
        phd__put_builtin(walk, object, type);
    else if (type->shape == PHD_SHAPE_GENERATOR)
        phd__put_generator_base(walk, object);
    else
        phd__pack_nil(walk->to);
}

void phd__put_instance(struct phd_walk *walk, uint64_t object, struct phd_type *type)
{
    if (type->function)
        phd__redact_function(walk, object, type);
    phd__pack_array(walk->to, type->opaque ? 6 : 5);
    phd__pack_uint32(walk->to, PHD_SHAPE_OBJECT);
    phd__put_value(walk, type->address);
    put_base(walk, object, type);
    phd__put_attributes(walk, object, type);
    put_fields(walk, object, type);
    if (type->opaque)
        put_pointers(walk, object, type);
}
