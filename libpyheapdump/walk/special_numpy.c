/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy: the elements of arrays, what only C knows of dtypes, scalars that are Python numbers too. Context: crash.
 */
#include "walk/content.h"
#include "walk/special.h"
#include "walk/strided.h"

/* ---- numpy.ndarray ---- */

static void next_element(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    uint64_t element = 0;
    *name = 0;
    *value = phd__strided_next(state, &element) ? phd__read_word(walk->memory, element) : 0;
}

static void put_objects(struct phd_walk *walk, void *array)
{
    phd__put_values(walk, PHD_SHAPE_LIST, phd__strided_begin(array), &(struct phd_value_source){next_element, array});
}

/* Object arrays hold references; all others bytes, in C order. */
void phd__put_numpy_array(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t dtype = phd__field_word(walk, object, type, "dtype");
    const struct phd_type *dtype_type = phd__type_of(walk, dtype);
    struct phd_strided array = {.address = phd__field_word(walk, object, type, "data"),
                                .itemsize = (uint64_t)phd__field_number(walk, dtype, dtype_type, "itemsize"),
                                .dimensions = (unsigned)phd__field_number(walk, object, type, "ndim")};
    bool objects = phd__field_number(walk, dtype, dtype_type, "kind") == 'O';
    phd__strided_read(walk, &array, phd__field_word(walk, object, type, "_dimensions"),
                      phd__field_word(walk, object, type, "_strides"));
    phd__put_base_map(walk, 3);
    phd__put_shape(walk, &array);
    phd__pack_text(walk->to, objects ? "objects" : "content");
    phd__put_guarded(walk, objects ? put_objects : phd__put_elements, &array);
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
    struct phd_strided bytes = {.address = phd__field_word(walk, object, type, "obval"),
                                .itemsize =
                                    (uint64_t)phd__field_number(walk, dtype, phd__type_of(walk, dtype), "itemsize")};
    phd__put_base_map(walk, 1);
    phd__pack_text(walk->to, "content");
    phd__put_guarded(walk, phd__put_elements, &bytes);
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
