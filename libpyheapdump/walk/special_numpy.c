/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy: the elements of arrays, what only C knows of dtypes, scalars that are Python numbers too. Context: crash.
 */
#include "walk/buffers.h"
#include "walk/special.h"
#include "walk/strided.h"

/* ---- numpy.ndarray ----
 *
 * Arrays of objects hold references. Those of structures with objects among their fields hold bytes in which references
 * stand; what they refer to is written in `objects`, element by element in C order, and `object_offsets` tells where in an
 * element the references are. All others hold bytes. */

enum {
    HAS_OBJECTS = 1,          /* a dtype's flag NPY_ITEM_REFCOUNT */
    MAX_OBJECTS = 256,        /* references in one element */
    MAX_DTYPE_DEPTH = 16,     /* structures within structures */
    MAX_DTYPE_FIELDS = 10000, /* of one structure */
};

static int64_t dtype_number(struct phd_walk *walk, uint64_t dtype, const char *name)
{
    return phd__field_number(walk, dtype, phd__type_of(walk, dtype), name);
}

/* The dtype of the array is told in `*dtype`. */
static void read_array(struct phd_walk *walk, uint64_t object, const struct phd_type *type, uint64_t *dtype,
                       struct phd_strided *array)
{
    *dtype = phd__field_word(walk, object, type, "dtype");
    *array = (struct phd_strided){.address = phd__field_word(walk, object, type, "data"),
                                  .itemsize = (uint64_t)dtype_number(walk, *dtype, "itemsize"),
                                  .dimensions = (unsigned)phd__field_number(walk, object, type, "ndim"),
                                  .references = dtype_number(walk, *dtype, "kind") == 'O'};
    phd__strided_read(walk, array, phd__field_word(walk, object, type, "_dimensions"),
                      phd__field_word(walk, object, type, "_strides"));
}

bool phd__numpy_array_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    struct phd_strided array;
    uint64_t dtype;
    read_array(walk, object, type, &dtype, &array);
    return phd__strided_span(&array, span) && phd__strided_is_dense(&array, span);
}

/* The elements of a structured array one reference after the other. */
struct object_visit {
    struct phd_strided *array;
    uint64_t element;
    unsigned next; /* of the offsets */
    unsigned count;
    uint32_t offsets[MAX_OBJECTS]; /* ascending */
};

static void add_offset(struct object_visit *visit, uint64_t offset)
{
    unsigned at = visit->count;
    while (at > 0 && visit->offsets[at - 1] >= offset)
        at--;
    if ((at < visit->count && visit->offsets[at] == offset) || visit->count == MAX_OBJECTS || offset > INT32_MAX)
        return;
    memmove(visit->offsets + at + 1, visit->offsets + at, (visit->count - at) * sizeof visit->offsets[0]);
    visit->offsets[at] = (uint32_t)offset;
    visit->count++;
}

static void next_reference(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    struct object_visit *visit = state;
    *name = *value = 0;
    if (visit->next == visit->count) {
        if (!phd__strided_next(visit->array, &visit->element))
            return;
        visit->next = 0;
    }
    *value = phd__read_word(walk->memory, visit->element + visit->offsets[visit->next++]);
}

static void find_objects(struct phd_walk *walk, uint64_t dtype, uint64_t offset, unsigned depth,
                         struct object_visit *visit);

static void put_visit(struct phd_walk *walk, void *state)
{
    struct object_visit *visit = state;
    uint64_t count;
    if (__builtin_mul_overflow(phd__strided_begin(visit->array), (uint64_t)visit->count, &count))
        phd__memory_fault(walk->memory, walk->own_address, "an array of impossible size");
    visit->next = visit->count;
    phd__put_values(walk, PHD_SHAPE_LIST, count, &(struct phd_value_source){next_reference, visit});
}

static void put_objects_within(struct phd_walk *walk, struct phd_strided *array)
{
    uint64_t object = walk->own_address, dtype = phd__field_word(walk, object, phd__type_of(walk, object), "dtype");
    struct object_visit visit = {.array = array, .count = 0};
    find_objects(walk, dtype, 0, 0, &visit);
    phd__pack_text(walk->to, "object_offsets");
    phd__pack_array(walk->to, visit.count);
    for (unsigned i = 0; i < visit.count; i++)
        phd__pack_uint32(walk->to, visit.offsets[i]);
    phd__pack_text(walk->to, "objects");
    phd__put_guarded(walk, put_visit, &visit);
}

void phd__put_numpy_array(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_strided array;
    uint64_t dtype;
    read_array(walk, object, type, &dtype, &array);
    bool within = dtype_number(walk, dtype, "kind") == 'V' && (dtype_number(walk, dtype, "flags") & HAS_OBJECTS);
    phd__put_strided(walk, object, &array, within ? 2 : 0, put_objects_within);
}

/* ---- numpy.dtype: what the members of _PyArray_LegacyDescr tell ---- */

enum { FIRST_NEW_DTYPE = 2056, ARRAY_DESCRIPTION_SHAPE = 8, DATETIME_UNIT = 32, DATETIME_NUMBER = 36 };

static void put_subarray(struct phd_walk *walk, uint64_t description)
{
    phd__pack_text(walk->to, "subdtype");
    if (!description) {
        phd__pack_nil(walk->to);
        return;
    }
    phd__pack_array(walk->to, 2);
    phd__put_value(walk, phd__read_word(walk->memory, description));
    phd__put_value(walk, phd__read_word(walk->memory, description + ARRAY_DESCRIPTION_SHAPE));
}

/* PyArray_DatetimeDTypeMetaData: NPY_DATETIMEUNIT and how many of them make a step */
static void put_datetime_unit(struct phd_walk *walk, uint64_t metadata)
{
    phd__pack_text(walk->to, "datetime_unit");
    if (!metadata) {
        phd__pack_nil(walk->to);
        return;
    }
    phd__pack_array(walk->to, 2);
    phd__pack_int64(walk->to, phd__read_i32(walk->memory, metadata + DATETIME_UNIT));
    phd__pack_int64(walk->to, phd__read_i32(walk->memory, metadata + DATETIME_NUMBER));
}

static uint64_t legacy_word(struct phd_walk *walk, uint64_t object, const struct phd_struct_type *row, unsigned field)
{
    return phd__word_at(walk, object, walk->at->fields[row->first + field].offset);
}

/* The fields of a structure: a dict of tuples (dtype, offset, perhaps a title). */
static void find_in_fields(struct phd_walk *walk, uint64_t fields, uint64_t offset, unsigned depth,
                           struct object_visit *visit)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value;
    phd__dict_open(walk, fields, &cursor);
    for (unsigned i = 0; i < MAX_DTYPE_FIELDS && phd__dict_next(walk, &cursor, &key, &value); i++) {
        if (phd__tuple_length(walk, value) < 2)
            phd__memory_fault(walk->memory, value, "not a field of a dtype");
        uint64_t items = value + (uint64_t)walk->at->tuple_items;
        find_objects(walk, phd__read_word(walk->memory, items),
                     offset + phd__small_int(walk, phd__read_word(walk->memory, items + 8)), depth + 1, visit);
    }
}

/* Note where in an element of `dtype`, which begins at `offset`, the references are. Faults when it is no dtype. */
static void find_objects(struct phd_walk *walk, uint64_t dtype, uint64_t offset, unsigned depth,
                         struct object_visit *visit)
{
    const struct phd_type *type = phd__type_of(walk, dtype);
    const struct phd_struct_type *legacy = phd__layout_struct_type(walk->at, "numpy.dtype, legacy", type->basicsize);
    if (!legacy || depth > MAX_DTYPE_DEPTH || !(phd__field_number(walk, dtype, type, "flags") & HAS_OBJECTS))
        return;
    uint64_t fields = legacy_word(walk, dtype, legacy, 1), subarray = legacy_word(walk, dtype, legacy, 2);
    if (subarray) {
        uint64_t base = phd__read_word(walk->memory, subarray);
        uint64_t step = (uint64_t)dtype_number(walk, base, "itemsize");
        uint64_t size = (uint64_t)phd__field_number(walk, dtype, type, "itemsize");
        for (uint64_t at = 0; step && at + step <= size && visit->count < MAX_OBJECTS; at += step)
            find_objects(walk, base, offset + at, depth + 1, visit);
    } else if (fields && fields % 8 == 0 && phd__type_of(walk, fields)->shape == PHD_SHAPE_DICT) {
        find_in_fields(walk, fields, offset, depth, visit);
    } else if (phd__field_number(walk, dtype, type, "kind") == 'O') {
        add_offset(visit, offset);
    }
}

void phd__put_numpy_dtype(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    int64_t number = phd__field_number(walk, object, type, "num");
    char kind = (char)phd__field_number(walk, object, type, "kind");
    const struct phd_struct_type *legacy = phd__layout_struct_type(walk->at, "numpy.dtype, legacy", type->basicsize);
    if (!legacy || number < 0 || number >= FIRST_NEW_DTYPE) {
        phd__pack_nil(walk->to);
        return;
    }
    static const char *const references[] = {"names", "fields"}; /* the order of the row */
    phd__put_base_map(walk, 4);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t value = legacy_word(walk, object, legacy, i);
        phd__pack_text(walk->to, references[i]);
        if (value)
            phd__put_value(walk, value);
        else
            phd__pack_nil(walk->to);
    }
    put_subarray(walk, legacy_word(walk, object, legacy, 2));
    put_datetime_unit(walk, kind == 'M' || kind == 'm' ? legacy_word(walk, object, legacy, 3) : 0);
}

/* ---- scalars ---- */

/* numpy.void: a record of a structured array, or raw bytes. */
void phd__put_numpy_void(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t dtype = phd__field_word(walk, object, type, "dtype");
    struct phd_view view = {
        object, {phd__field_word(walk, object, type, "obval"), (uint64_t)dtype_number(walk, dtype, "itemsize"), false}};
    phd__put_base_map(walk, 1);
    phd__pack_text(walk->to, "content");
    phd__put_guarded(walk, phd__put_view, &view);
}

void phd__put_numpy_float64(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    double value;
    memcpy(&value, phd__view(walk->memory, phd__field_address(walk, object, type, "obval"), sizeof value),
           sizeof value);
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_FLOAT);
    phd__pack_double(walk->to, value);
}

void phd__put_numpy_complex128(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    double value[2];
    memcpy(value, phd__view(walk->memory, phd__field_address(walk, object, type, "real"), sizeof value), sizeof value);
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_COMPLEX);
    phd__pack_complex(walk->to, value);
}
