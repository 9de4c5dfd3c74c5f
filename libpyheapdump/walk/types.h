/* SPDX-License-Identifier: Apache-2.0
 *
 * What the walker knows about a type of the target: how to read its instances. Learned once per type from its
 * PyTypeObject in memory and the layout, then found by address.
 *
 * Builtin types are told by name: only C code can make a static type, and a C heap type is told from a Python class by
 * where its tp_name points (a Python class's points into its own __name__ object), so no symbol table is needed and a
 * Python class cannot pose as a builtin. Context: crash.
 */
#ifndef PHD_WALK_TYPES_H
#define PHD_WALK_TYPES_H

#include "layout/layout.h"
#include "memory/memory.h"
#include "safe/pages.h"

/* How the builtin part of an instance is read; the values up to FROZENSET are the record codes of docs/format.md. */
enum phd_shape {
    PHD_SHAPE_OBJECT = 1,
    PHD_SHAPE_INT = 2,
    PHD_SHAPE_FLOAT = 3,
    PHD_SHAPE_COMPLEX = 4,
    PHD_SHAPE_STR = 5,
    PHD_SHAPE_BYTES = 6,
    PHD_SHAPE_BYTEARRAY = 7,
    PHD_SHAPE_TUPLE = 8,
    PHD_SHAPE_LIST = 9,
    PHD_SHAPE_DICT = 10,
    PHD_SHAPE_SET = 11,
    PHD_SHAPE_FROZENSET = 12,
    PHD_SHAPE_TYPE = 13,
    PHD_SHAPE_FRAME = 14,
    PHD_SHAPE_SINGLETON = 15,
    PHD_SHAPE_NONE,
    PHD_SHAPE_BOOL,
    PHD_SHAPE_CODE,
    PHD_SHAPE_TRACEBACK,
    PHD_SHAPE_GENERATOR,
    PHD_SHAPE_SPECIAL /* read by a function of its own: walk/special.h */
};

enum { PHD_MAX_FIELDS = 512, PHD_MAX_BASES = 256, PHD_MAX_BASICSIZE = 1 << 20 };

/* A field of an instance, from a layout row or from tp_members. Names live in the target (address) or in our tables. */
struct phd_instance_field {
    const char *name;      /* of a table, or NULL */
    uint64_t name_address; /* of a C string in the target when name is NULL */
    int32_t offset;
    uint16_t size;
    uint8_t kind; /* enum phd_field_kind */
    bool secret;  /* its name tells of a secret */
};

struct phd_type {
    uint64_t address;
    uint64_t flags; /* tp_flags */
    int64_t basicsize;
    int64_t itemsize;
    int64_t dictoffset;
    int64_t weaklistoffset;
    enum phd_shape shape; /* of the nearest known base */
    bool exact;           /* the type is that known type itself */
    bool shared_leaf;     /* may be written inside its owner when it has one owner only */
    bool single_owner;    /* an instance with one reference cannot be reached by another way */
    bool python_class;    /* made by a class statement or type() */
    bool asyncio_task;    /* an asyncio task, to be listed */
    bool function;        /* the type of Python functions */
    bool secret_items_known;
    uint32_t secret_items; /* of a tuple's items with names of their own: phd__secret_items */
    bool opaque;           /* C code put something into its instances that no table describes */
    int64_t beside; /* bytes of that, where the instances carry more of a known base than what every object has */
    const char *layout_name;           /* of the nearest known base: "list", "datetime.date" … or NULL */
    const struct phd_special *special; /* for PHD_SHAPE_SPECIAL */
    const struct phd_instance_field *fields;
    unsigned field_count;
    struct phd_type *next; /* chain of the hash bucket */
};

enum { PHD_TYPE_BUCKETS = 4096, PHD_RECENT_TYPES = 64 };

struct phd_types {
    struct phd_type *buckets[PHD_TYPE_BUCKETS];
    /* Answers given lately, with the address beside the pointer: a miss of the cache less for nearly every object. */
    struct {
        uint64_t address;
        struct phd_type *type;
    } recent[PHD_RECENT_TYPES];
    struct phd_arena *arena;
    const struct phd_layout *at;
    struct phd_memory *memory;
};

/* Python's type flags (Include/object.h, unchanged 3.9 … 3.15) */
#define PHD_TPFLAGS_HEAPTYPE ((uint64_t)1 << 9)
#define PHD_TPFLAGS_READY ((uint64_t)1 << 12)
#define PHD_TPFLAGS_DICT_SUBCLASS ((uint64_t)1 << 29)
#define PHD_TPFLAGS_TYPE_SUBCLASS ((uint64_t)1 << 31)

/* The description of the type at `address`. Faults (jumps to the recovery point) when that is no type. */
struct phd_type *phd__types_learn(struct phd_types *types, uint64_t address);

/* Types are some hundred bytes long: static ones lie side by side, those on the heap at multiples of 16. */
static inline unsigned phd__types_recent_place(uint64_t address)
{
    return (address >> 4 ^ address >> 10) % PHD_RECENT_TYPES;
}

/* The description of the type at `address` if it was asked for lately, else NULL. Reads no memory of the target. */
static inline const struct phd_type *phd__types_recent(const struct phd_types *types, uint64_t address)
{
    unsigned place = phd__types_recent_place(address);
    return types->recent[place].address == address ? types->recent[place].type : NULL;
}

static inline struct phd_type *phd__types_find(struct phd_types *types, uint64_t address)
{
    unsigned place = phd__types_recent_place(address);
    if (types->recent[place].address == address && address)
        return types->recent[place].type;
    struct phd_type *type = types->buckets[(address >> 5) % PHD_TYPE_BUCKETS];
    while (type && type->address != address)
        type = type->next;
    if (!type)
        type = phd__types_learn(types, address);
    types->recent[place].address = address;
    types->recent[place].type = type;
    return type;
}

#endif
