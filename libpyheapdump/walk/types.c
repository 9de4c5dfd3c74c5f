/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning a type from memory. Context: crash.
 */
#include "walk/types.h"

#include "safe/text.h"
#include "walk/redact.h"
#include "walk/special.h"

enum { MAX_TYPE_NAME = 256, MEMBER_SIZE = 40 /* sizeof(PyMemberDef): name, type, offset, flags, doc */ };

struct known_shape {
    const char *name;
    enum phd_shape shape;
};

/* Static builtin types with a reader of their own. */
static const struct known_shape known_shapes[] = {
    {"int", PHD_SHAPE_INT},
    {"bool", PHD_SHAPE_BOOL},
    {"float", PHD_SHAPE_FLOAT},
    {"complex", PHD_SHAPE_COMPLEX},
    {"str", PHD_SHAPE_STR},
    {"bytes", PHD_SHAPE_BYTES},
    {"bytearray", PHD_SHAPE_BYTEARRAY},
    {"tuple", PHD_SHAPE_TUPLE},
    {"list", PHD_SHAPE_LIST},
    {"dict", PHD_SHAPE_DICT},
    {"frozendict", PHD_SHAPE_DICT},
    {"set", PHD_SHAPE_SET},
    {"frozenset", PHD_SHAPE_FROZENSET},
    {"type", PHD_SHAPE_TYPE},
    {"frame", PHD_SHAPE_FRAME},
    {"code", PHD_SHAPE_CODE},
    {"traceback", PHD_SHAPE_TRACEBACK},
    {"generator", PHD_SHAPE_GENERATOR},
    {"coroutine", PHD_SHAPE_GENERATOR},
    {"async_generator", PHD_SHAPE_GENERATOR},
    {"NoneType", PHD_SHAPE_NONE},
    {"ellipsis", PHD_SHAPE_SINGLETON},
    {"NotImplementedType", PHD_SHAPE_SINGLETON},
};

static uint64_t type_word(struct phd_types *types, uint64_t type, int32_t offset)
{
    return phd__read_word(types->memory, type + (uint64_t)offset);
}

/* A Python class keeps its name in the str ht_name, and tp_name points at that str's UTF-8 (Objects/typeobject.c,
 * type_new_alloc and type_set_name); PyType_FromSpec gives tp_name storage of its own. */
static bool is_python_class(struct phd_types *types, uint64_t type, uint64_t flags)
{
    const struct phd_layout *at = types->at;
    if (!(flags & PHD_TPFLAGS_HEAPTYPE))
        return false;
    uint64_t text = type_word(types, type, at->type_name);
    uint64_t name = type_word(types, type, at->heap_type_name);
    return text == name + (uint64_t)at->unicode_ascii_size ||
           text == phd__read_word(types->memory, name + (uint64_t)at->unicode_utf8);
}

/* Whether the type of what is at `object` says that its instances are types; it is told in `*metatype`. */
static bool claims_to_be_type(struct phd_types *types, uint64_t object, uint64_t *metatype)
{
    *metatype = type_word(types, object, types->at->object_type);
    return *metatype % 8 == 0 && (type_word(types, *metatype, types->at->type_flags) & PHD_TPFLAGS_TYPE_SUBCLASS) != 0;
}

/* A type, its metatype and the metatype's are types all. One that has an MRO is ready (Objects/typeobject.c, type_ready);
 * without, it may be a static type of an extension module that was never readied. */
static bool plausible(struct phd_types *types, uint64_t type)
{
    uint64_t metatype, ignored;
    if (type % 8 || !claims_to_be_type(types, type, &metatype) || !claims_to_be_type(types, metatype, &ignored))
        return false;
    return type_word(types, type, types->at->type_flags) & PHD_TPFLAGS_READY ||
           !type_word(types, type, types->at->type_mro);
}

/* The flags by which CPython tells subclasses of builtin types (Include/object.h, unchanged 3.9 … 3.15). */
static const struct {
    unsigned bit;
    enum phd_shape shape;
} shape_flags[] = {
    {24, PHD_SHAPE_INT}, {25, PHD_SHAPE_LIST}, {26, PHD_SHAPE_TUPLE}, {27, PHD_SHAPE_BYTES},
    {28, PHD_SHAPE_STR}, {29, PHD_SHAPE_DICT}, {31, PHD_SHAPE_TYPE},
};

/* Whether the name by which a builtin type was found agrees with the type's flags: a wrong one of either would let all
 * instances be read as what they are not. */
static bool shape_agrees(const struct phd_type *info)
{
    enum phd_shape shape = info->shape == PHD_SHAPE_BOOL ? PHD_SHAPE_INT : info->shape;
    if (shape == PHD_SHAPE_SPECIAL || (info->layout_name && phd__string_equal(info->layout_name, "frozendict")))
        return true;
    for (size_t i = 0; i < sizeof shape_flags / sizeof shape_flags[0]; i++) {
        bool flagged = info->flags >> shape_flags[i].bit & 1;
        if (flagged != (shape == shape_flags[i].shape))
            return false;
    }
    return true;
}

static bool known_builtin(struct phd_type *info, const char *name, bool heap, bool is_self)
{
    for (size_t i = 0; !heap && i < sizeof known_shapes / sizeof known_shapes[0]; i++) {
        if (phd__string_equal(name, known_shapes[i].name)) {
            info->shape = known_shapes[i].shape;
            if (!info->layout_name)
                info->layout_name = known_shapes[i].name;
            info->exact = is_self && !phd__string_equal(name, "frozendict");
            return true;
        }
    }
    return false;
}

struct field_list {
    struct phd_instance_field items[PHD_MAX_FIELDS];
    unsigned count;
};

static void add_field(struct field_list *list, const struct phd_type *info, struct phd_instance_field field)
{
    bool is_dict = info->dictoffset && field.offset == info->dictoffset;
    bool is_weaklist = info->weaklistoffset && field.offset == info->weaklistoffset;
    if (list->count < PHD_MAX_FIELDS && !is_dict && !is_weaklist)
        list->items[list->count++] = field;
}

static void add_row(struct phd_types *types, struct field_list *list, const struct phd_type *info,
                    const struct phd_struct_type *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        const struct phd_field *field = &types->at->fields[row->first + i];
        bool secret =
            phd__name_verdict((const uint8_t *)field->name, phd__string_length(field->name)) >= PHD_NAMES_TOKEN;
        add_field(list, info,
                  (struct phd_instance_field){field->name, 0, field->offset, field->size, field->kind, secret});
    }
}

static unsigned size_of_kind(unsigned kind)
{
    switch (kind) {
    case PHD_FIELD_CHAR:
    case PHD_FIELD_BYTE:
    case PHD_FIELD_UBYTE:
    case PHD_FIELD_BOOL: return 1;
    case PHD_FIELD_SHORT:
    case PHD_FIELD_USHORT: return 2;
    case PHD_FIELD_INT:
    case PHD_FIELD_UINT:
    case PHD_FIELD_FLOAT: return 4;
    default: return 8;
    }
}

/* Does the C string at `name` tell of a secret? */
static bool is_secret(struct phd_types *types, uint64_t name)
{
    char text[MAX_TYPE_NAME];
    size_t length = phd__read_text(types->memory, name, text, sizeof text);
    return phd__name_verdict((const uint8_t *)text, length) >= PHD_NAMES_TOKEN;
}

/* The type's own tp_members: __slots__ of a Python class, named fields of a C type. */
static void add_members(struct phd_types *types, struct field_list *list, const struct phd_type *info, uint64_t type,
                        bool python_class)
{
    uint64_t member = type_word(types, type, types->at->type_members);
    if (!member)
        return;
    /* The named items of a struct sequence, the hidden ones too, stand behind the fixed part (Objects/structseq.c). */
    int64_t end = info->basicsize + (python_class ? 0 : info->itemsize * PHD_MAX_FIELDS);
    for (unsigned i = 0; i < PHD_MAX_FIELDS; i++, member += MEMBER_SIZE) {
        uint64_t name = phd__read_word(types->memory, member);
        if (!name)
            return;
        int32_t kind = phd__read_i32(types->memory, member + 8);
        int64_t offset = (int64_t)phd__read_word(types->memory, member + 16);
        bool relative = phd__read_i32(types->memory, member + 24) & 8; /* Py_RELATIVE_OFFSET: resolved when readied */
        bool known = kind >= 0 && kind <= PHD_FIELD_SSIZE && kind != 15;
        if (known && !relative && offset > 0 && offset + (int64_t)size_of_kind((unsigned)kind) <= end)
            add_field(
                list, info,
                (struct phd_instance_field){NULL, name, (int32_t)offset, 0, (uint8_t)kind, is_secret(types, name)});
    }
}

/* What has been learned on the way along tp_base. */
struct findings {
    struct field_list *fields;
    bool described;      /* a row told all fields; what may follow is the builtin value */
    int64_t c_basicsize; /* of the nearest type made by C code */
    int64_t covered;     /* bytes of it that are told: the basicsize of the nearest known type */
};

/* Learn from the C type at `type`. True when its bases have nothing to add. */
static bool learn_c_type(struct phd_types *types, struct phd_type *info, uint64_t type, bool heap,
                         struct findings *found)
{
    char name[MAX_TYPE_NAME];
    phd__read_text(types->memory, type_word(types, type, types->at->type_name), name, sizeof name);
    int64_t basicsize = (int64_t)type_word(types, type, types->at->type_basicsize);
    bool builtin = info->shape == PHD_SHAPE_OBJECT && known_builtin(info, name, heap, type == info->address);
    const struct phd_struct_type *row = found->described ? NULL : phd__layout_struct_type(types->at, name, basicsize);
    if (row) {
        found->described = true;
        info->layout_name = row->name;
        info->asyncio_task = phd__string_equal(row->name, "_asyncio.Task");
        info->function = phd__string_equal(row->name, "function");
        info->special = phd__special_find(row->name);
        if (info->special)
            info->shape = PHD_SHAPE_SPECIAL;
        add_row(types, found->fields, info, row);
    }
    if ((row || builtin) && !found->covered)
        found->covered = basicsize;
    if (!found->c_basicsize)
        found->c_basicsize = basicsize;
    return info->shape != PHD_SHAPE_OBJECT && info->shape != PHD_SHAPE_GENERATOR;
}

/* Whether something that is described stands at `offset` of the instances. */
static bool is_told(const struct phd_type *info, const struct field_list *list, int64_t offset)
{
    if (offset == info->dictoffset || offset == info->weaklistoffset)
        return true;
    for (unsigned i = 0; i < list->count; i++) {
        const struct phd_instance_field *field = &list->items[i];
        if (field->offset < offset + 8 && offset < field->offset + (int64_t)size_of_kind(field->kind))
            return true;
    }
    return false;
}

/* How many bytes of the C struct nothing tells of: no known type, no member, and neither dict nor weak references.
 * Behind the fixed part of a tuple stand its items, of which a struct sequence counts some in (3.13+,
 * Objects/structseq.c). */
static int64_t untold_bytes(const struct phd_type *info, const struct field_list *list, int64_t from, int64_t to)
{
    int64_t bytes = 0;
    if (info->shape == PHD_SHAPE_TUPLE)
        return 0;
    for (int64_t offset = (from + 7) & ~(int64_t)7; offset + 8 <= to; offset += 8)
        bytes += is_told(info, list, offset) ? 0 : 8;
    return bytes;
}

/* Look along tp_base for the nearest types that are known, one by its fields, one by its builtin value. */
static void follow_bases(struct phd_types *types, struct phd_type *info, struct field_list *list)
{
    const struct phd_layout *at = types->at;
    struct findings found = {.fields = list};
    uint64_t type = info->address;
    for (unsigned depth = 0; type && depth < PHD_MAX_BASES; depth++) {
        if (!plausible(types, type) || (int64_t)type_word(types, type, at->type_basicsize) > info->basicsize)
            phd__memory_fault(types->memory, info->address, "not a type: its base");
        uint64_t flags = type_word(types, type, at->type_flags);
        bool python_class = is_python_class(types, type, flags);
        if (!python_class && learn_c_type(types, info, type, (flags & PHD_TPFLAGS_HEAPTYPE) != 0, &found))
            break;
        if (!found.described)
            add_members(types, list, info, type, python_class);
        type = type_word(types, type, at->type_base);
    }
    int64_t covered = found.covered > at->object_size ? found.covered : at->object_size;
    int64_t untold = untold_bytes(info, list, covered, found.c_basicsize);
    info->opaque = !info->special && untold;
    info->beside = found.covered > at->object_size ? untold : 0;
}

static void keep(struct phd_types *types, struct phd_type *info)
{
    struct phd_type **bucket = &types->buckets[(info->address >> 5) % PHD_TYPE_BUCKETS];
    info->next = *bucket;
    *bucket = info;
}

static void decide_ownership(struct phd_type *info)
{
    info->shared_leaf = info->exact && (info->shape == PHD_SHAPE_INT || info->shape == PHD_SHAPE_FLOAT ||
                                        info->shape == PHD_SHAPE_STR || info->shape == PHD_SHAPE_BYTES ||
                                        info->shape == PHD_SHAPE_COMPLEX);
    /* No weak reference can lead to these, so one reference means one way. */
    info->single_owner = info->exact && (info->shape == PHD_SHAPE_LIST || info->shape == PHD_SHAPE_DICT ||
                                         info->shape == PHD_SHAPE_TUPLE || info->shared_leaf);
}

struct phd_type *phd__types_learn(struct phd_types *types, uint64_t address)
{
    const struct phd_layout *at = types->at;
    if (!plausible(types, address))
        phd__memory_fault(types->memory, address, "not a type");
    struct phd_type info = {.address = address, .shape = PHD_SHAPE_OBJECT};
    info.flags = type_word(types, address, at->type_flags);
    info.basicsize = (int64_t)type_word(types, address, at->type_basicsize);
    info.itemsize = (int64_t)type_word(types, address, at->type_itemsize);
    info.dictoffset = (int64_t)type_word(types, address, at->type_dictoffset);
    info.weaklistoffset = (int64_t)type_word(types, address, at->type_weaklistoffset);
    if (info.basicsize < at->object_size || info.basicsize > PHD_MAX_BASICSIZE || info.itemsize < 0 ||
        info.itemsize > PHD_MAX_BASICSIZE)
        phd__memory_fault(types->memory, address, "not a type: its basicsize");
    if (info.dictoffset > info.basicsize - 8)
        phd__memory_fault(types->memory, address, "not a type: its dictoffset");
    info.python_class = is_python_class(types, address, info.flags);
    struct field_list list = {.count = 0};
    follow_bases(types, &info, &list);
    if (!shape_agrees(&info))
        phd__memory_fault(types->memory, address, "not a type: its flags and name disagree");
    decide_ownership(&info);
    struct phd_type *kept = phd__arena_alloc(types->arena, sizeof info);
    struct phd_instance_field *fields = phd__arena_alloc(types->arena, (list.count + 1) * sizeof list.items[0]);
    if (!kept || !fields)
        phd__memory_fault(types->memory, address, "no memory for the type");
    memcpy(fields, list.items, list.count * sizeof list.items[0]);
    info.fields = fields;
    info.field_count = list.count;
    *kept = info;
    keep(types, kept);
    return kept;
}
