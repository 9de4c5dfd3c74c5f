/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers for C types whose content fields alone cannot tell (a deque's blocks, an array's items …).
 *
 * A special reader writes the *base* of an OBJECT record (docs/format.md section 4): a nested record of a builtin code,
 * or MAPPED. Fields and attributes are written by the common code. It is used together with the row of its type only, and
 * takes the places of the struct's members from that row, so versions differ in the tables and not here.
 * docs/types.md tells what each writes. Context: crash.
 */
#ifndef PHD_WALK_SPECIAL_H
#define PHD_WALK_SPECIAL_H

#include "walk/types.h"

struct phd_walk;
struct phd_span;

/* Write the base of the instance at `object` into the current record. Faults when the object is broken. */
typedef void phd_special_reader(struct phd_walk *walk, uint64_t object, const struct phd_type *type);

/* The memory that is the content of the instance at `object`, as it stands there. False when it has none. Faults when the
 * object is broken. */
typedef bool phd_special_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type,
                              struct phd_span *span);

struct phd_special {
    const char *type_name; /* tp_name of the C type */
    phd_special_reader *write;
    phd_special_span *span; /* of those that others may look at, else NULL */
};

/* The special reader for C type `name`, or NULL. */
const struct phd_special *phd__special_find(const char *name);

/* special_containers.c: values as LIST or DICT */
phd_special_reader phd__put_deque, phd__put_ordered_dict, phd__put_simple_queue, phd__put_context, phd__put_xml_element;
/* special_buffers.c: bytes and text */
phd_special_reader phd__put_array, phd__put_memoryview, phd__put_ctypes_data, phd__put_mmap, phd__put_string_io;
phd_special_span phd__array_span, phd__memoryview_span, phd__ctypes_span, phd__mmap_span;
/* special_numbers.c */
phd_special_reader phd__put_decimal;
/* special_numpy.c */
phd_special_reader phd__put_numpy_array, phd__put_numpy_dtype, phd__put_numpy_void, phd__put_numpy_float64,
    phd__put_numpy_complex128;
phd_special_span phd__numpy_array_span;

/* Whether the row of `type` has field `name`. */
bool phd__has_field(const struct phd_type *type, const char *name);
/* The address of field `name` of `object`. Faults when the row has no such field. */
uint64_t phd__field_address(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name);
/* Its content, as a word or as the number that the row says it is. */
uint64_t phd__field_word(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name);
int64_t phd__field_number(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name);

/* Values that are found one after the other. `next` gives the next one, and what it is called (walk/redact.h). */
struct phd_value_source {
    void (*next)(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name);
    void *state;
};
/* Write the record of a container of `shape` with `count` values. */
void phd__put_values(struct phd_walk *walk, enum phd_shape shape, uint64_t count,
                     const struct phd_value_source *source);

/* Write one value by `write`; when it faults the value is missing, and nothing else of the record. */
void phd__put_guarded(struct phd_walk *walk, void (*write)(struct phd_walk *walk, void *state), void *state);

/* Begin the base that tells `pairs` things by name. */
void phd__put_base_map(struct phd_walk *walk, unsigned pairs);

#endif
