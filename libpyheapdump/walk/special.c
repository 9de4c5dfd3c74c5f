/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of special readers, and what they share. Context: crash.
 */
#include "walk/special.h"

#include "safe/text.h"
#include "walk/walk.h"

static const struct phd_special specials[] = {
    {"collections.deque", phd__put_deque, NULL},
    {"collections.OrderedDict", phd__put_ordered_dict, NULL},
    {"_queue.SimpleQueue", phd__put_simple_queue, NULL},
    {"Context", phd__put_context, NULL}, /* 3.9 */
    {"_contextvars.Context", phd__put_context, NULL},
    {"xml.etree.ElementTree.Element", phd__put_xml_element, NULL},
    {"array.array", phd__put_array, phd__array_span},
    {"memoryview", phd__put_memoryview, phd__memoryview_span},
    {"_ctypes._CData", phd__put_ctypes_data, phd__ctypes_span},
    {"mmap.mmap", phd__put_mmap, phd__mmap_span},
    {"_io.StringIO", phd__put_string_io, NULL},
    {"decimal.Decimal", phd__put_decimal, NULL},
    {"numpy.ndarray", phd__put_numpy_array, phd__numpy_array_span},
    {"numpy.dtype", phd__put_numpy_dtype, NULL},
    {"numpy.void", phd__put_numpy_void, NULL},
    {"numpy.float64", phd__put_numpy_float64, NULL},
    {"numpy.complex128", phd__put_numpy_complex128, NULL},
};

const struct phd_special *phd__special_find(const char *name)
{
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (phd__string_equal(specials[i].type_name, name))
            return &specials[i];
    }
    return NULL;
}

static const struct phd_instance_field *find_field(const struct phd_type *type, const char *name)
{
    for (unsigned i = type->field_count; i-- > 0;) { /* those of the row come after a subclass's slots */
        if (type->fields[i].name && phd__string_equal(type->fields[i].name, name))
            return &type->fields[i];
    }
    return NULL;
}

bool phd__has_field(const struct phd_type *type, const char *name)
{
    return find_field(type, name) != NULL;
}

uint64_t phd__field_address(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name)
{
    const struct phd_instance_field *field = find_field(type, name);
    if (!field)
        phd__memory_fault(walk->memory, object, "its layout lacks a member that its reader needs");
    return object + (uint64_t)field->offset;
}

uint64_t phd__field_word(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name)
{
    return phd__read_word(walk->memory, phd__field_address(walk, object, type, name));
}

int64_t phd__field_number(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name)
{
    uint64_t address = phd__field_address(walk, object, type, name);
    switch (find_field(type, name)->kind) {
    case PHD_FIELD_BOOL:
    case PHD_FIELD_CHAR:
    case PHD_FIELD_UBYTE: return phd__read_u8(walk->memory, address);
    case PHD_FIELD_INT: return phd__read_i32(walk->memory, address);
    case PHD_FIELD_UINT: return phd__read_u32(walk->memory, address);
    default: return (int64_t)phd__read_word(walk->memory, address);
    }
}

/* Of the values of the instance whose record is being written. */
static uint32_t secret_values(struct phd_walk *walk)
{
    return phd__secret_items(walk, walk->own_address, phd__type_of(walk, walk->own_address));
}

static void put_split_source(struct phd_walk *walk, uint64_t count, void *argument)
{
    const struct phd_value_source *source = argument;
    uint64_t value, name;
    uint32_t secret = secret_values(walk);
    for (uint64_t i = 0; i < count && !walk->stopped; i++) {
        source->next(walk, source->state, &value, &name);
        phd__items_value(walk, phd__item_name(secret, i, name), value);
    }
}

void phd__put_values(struct phd_walk *walk, enum phd_shape shape, uint64_t count, const struct phd_value_source *source)
{
    uint64_t value, name;
    if (count > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, "a container of impossible length");
    if (count <= PHD_MAX_INLINE_ITEMS) {
        uint32_t secret = secret_values(walk);
        phd__pack_array(walk->to, 1 + count);
        phd__pack_uint32(walk->to, shape);
        for (uint64_t i = 0; i < count; i++) {
            source->next(walk, source->state, &value, &name);
            phd__put_named_value(walk, phd__item_name(secret, i, name), value);
        }
        return;
    }
    phd__put_split_values(walk, shape, count, put_split_source, (void *)(uintptr_t)source);
}

void phd__put_guarded(struct phd_walk *walk, void (*write)(struct phd_walk *walk, void *state), void *state)
{
    if (!walk->careful) { /* the record will be written again carefully, so that as much as can be is kept */
        write(walk, state);
        return;
    }
    struct phd_guard guard;
    volatile size_t start = walk->to->used;
    if (PHD_GUARD(walk->memory, &guard)) {
        write(walk, state);
        PHD_UNGUARD(walk->memory, &guard);
    } else {
        PHD_UNGUARD(walk->memory, &guard);
        walk->to->used = start;
        walk->missing_values++;
        phd__pack_missing(walk->to, walk->memory->fault_reason, walk->memory->fault_address);
    }
}

void phd__put_base_map(struct phd_walk *walk, unsigned pairs)
{
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 17);
    phd__pack_nil(walk->to);
    phd__pack_map(walk->to, pairs);
}
