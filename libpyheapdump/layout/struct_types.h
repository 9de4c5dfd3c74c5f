/* SPDX-License-Identifier: Apache-2.0
 *
 * C types whose instances are told by named fields: the data behind `struct phd_struct_type`.
 *
 * A row is PHD_TYPE(tp_name, struct), then its fields: PHD_FIELD and its kin. A row is whole: it has the fields of the
 * type's bases too. Names of fields are those Python shows, else the C member's. docs/types.md lists them.
 * The rows stand in types/, by the part of CPython they come from. Included by probe.h only.
 */
#ifndef PHD_LAYOUT_STRUCT_TYPES_H
#define PHD_LAYOUT_STRUCT_TYPES_H

enum { PHD_PROBE_MAX_TYPES = 512, PHD_PROBE_MAX_FIELDS = 4096 };

static struct phd_struct_type phd__probed_types[PHD_PROBE_MAX_TYPES];
static struct phd_field phd__probed_fields[PHD_PROBE_MAX_FIELDS];

static inline void phd__probe_add_type(struct phd_layout *at, const char *name, size_t basicsize)
{
    struct phd_struct_type *type = &phd__probed_types[at->type_count++];
    type->name = name;
    type->basicsize = (int32_t)basicsize;
    type->first = (uint16_t)at->field_count;
    type->count = 0;
}

/* A type with the same struct as the one before it. */
static inline void phd__probe_add_same_type(struct phd_layout *at, const char *name)
{
    struct phd_struct_type *type = &phd__probed_types[at->type_count++];
    *type = type[-1];
    type->name = name;
}

/* The type before it as it is in another version of its package, with another tp_basicsize. */
static inline void phd__probe_add_other_size(struct phd_layout *at, size_t basicsize)
{
    phd__probe_add_same_type(at, phd__probed_types[at->type_count - 1].name);
    phd__probed_types[at->type_count - 1].basicsize = (int32_t)basicsize;
}

static inline void phd__probe_add_field(struct phd_layout *at, const char *name, enum phd_field_kind kind,
                                        size_t offset, size_t size)
{
    struct phd_field *field = &phd__probed_fields[at->field_count++];
    field->name = name;
    field->kind = (uint8_t)kind;
    field->size = (uint16_t)size;
    field->offset = (int32_t)offset;
    phd__probed_types[at->type_count - 1].count++;
}

/* A number of `size` bytes; a char counts as one. */
static inline void phd__probe_add_number(struct phd_layout *at, const char *name, size_t offset, size_t size,
                                         int is_signed)
{
    enum phd_field_kind kind = is_signed ? PHD_FIELD_LONGLONG : PHD_FIELD_ULONGLONG;
    if (size == 1)
        kind = is_signed ? PHD_FIELD_BYTE : PHD_FIELD_UBYTE;
    else if (size == 2)
        kind = is_signed ? PHD_FIELD_SHORT : PHD_FIELD_USHORT;
    else if (size == 4)
        kind = is_signed ? PHD_FIELD_INT : PHD_FIELD_UINT;
    phd__probe_add_field(at, name, kind, offset, size);
}

/* A bit-field, found by the bits that `pattern` (an instance that is zero elsewhere) has set. One that turns out to be
 * a whole int or char, as some are in older versions, is a flag. */
static inline void phd__probe_add_bits(struct phd_layout *at, const char *name, const unsigned char *pattern)
{
    size_t offset = 0;
    while (!pattern[offset])
        offset++;
    int first = __builtin_ctz(pattern[offset]), width = __builtin_popcount(pattern[offset]);
    if (width == 8)
        phd__probe_add_field(at, name, PHD_FIELD_BOOL, offset, 1);
    else
        phd__probe_add_field(at, name, PHD_FIELD_BITS, offset, (size_t)(first << 8 | width));
}

static inline int phd__probe_compare_types(const void *a, const void *b)
{
    const struct phd_struct_type *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : left->basicsize - right->basicsize;
}

#define PHD_TYPE(tp_name, structure) phd__probe_add_type(at, tp_name, sizeof(structure));
#define PHD_SIZED_TYPE(tp_name, basicsize) phd__probe_add_type(at, tp_name, basicsize);
#define PHD_SAME_FIELDS(tp_name) phd__probe_add_same_type(at, tp_name);
#define PHD_OTHER_SIZE(basicsize) phd__probe_add_other_size(at, basicsize);
#define PHD_FIELD(kind, name, structure, member)                                                                       \
    phd__probe_add_field(at, name, PHD_FIELD_##kind, offsetof(structure, member), sizeof(((structure *)0)->member));
#define PHD_NUMBER(name, structure, member)                                                                            \
    phd__probe_add_number(at, name, offsetof(structure, member), sizeof(((structure *)0)->member),                     \
                          (__typeof__(((structure *)0)->member))-1 < (__typeof__(((structure *)0)->member))1);
/* A reference that exists only in instances whose member `flag` is set: the others end before it. */
#define PHD_OBJECT_IF(flag, name, structure, member)                                                                   \
    phd__probe_add_field(at, name, PHD_FIELD_OBJECT_IF, offsetof(structure, member), offsetof(structure, flag));
#define PHD_BITS(name, structure, member)                                                                              \
    {                                                                                                                  \
        structure pattern;                                                                                             \
        memset(&pattern, 0, sizeof pattern);                                                                           \
        pattern.member--; /* all its bits */                                                                           \
        phd__probe_add_bits(at, name, (const unsigned char *)&pattern);                                                \
    }

#include "layout/types/builtin.h"
#include "layout/types/concurrency.h"
#include "layout/types/exception.h"
#include "layout/types/formats.h"
#include "layout/types/io.h"
#include "layout/types/itertools.h"
#include "layout/types/packages.h"
#include "layout/types/values.h"

static inline void phd__probe_struct_types(struct phd_layout *at)
{
    at->type_count = at->field_count = 0;
    at->types = phd__probed_types;
    at->fields = phd__probed_fields;
    phd__probe_function_types(at);
    phd__probe_iteration_types(at);
    phd__probe_collection_iterator_types(at);
    phd__probe_descriptor_types(at);
    phd__probe_reference_types(at);
    phd__probe_generator_types(at);
    phd__probe_typing_types(at);
    phd__probe_exception_types(at);
    phd__probe_io_types(at);
    phd__probe_text_io_types(at);
    phd__probe_socket_types(at);
    phd__probe_itertools_types(at);
    phd__probe_functools_types(at);
    phd__probe_container_types(at);
    phd__probe_datetime_types(at);
    phd__probe_value_types(at);
    phd__probe_thread_types(at);
    phd__probe_context_types(at);
    phd__probe_asyncio_types(at);
    phd__probe_ctypes_types(at);
    phd__probe_format_types(at);
    phd__probe_sqlite_types(at);
    phd__probe_numpy_types(at);
    phd__probe_numpy_scalar_types(at);
    phd__probe_pandas_types(at);
    phd__probe_pandas_block_types(at);
    qsort(phd__probed_types, (size_t)at->type_count, sizeof phd__probed_types[0], phd__probe_compare_types);
}

#endif
