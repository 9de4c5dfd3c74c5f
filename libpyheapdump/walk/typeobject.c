/* SPDX-License-Identifier: Apache-2.0
 *
 * Type objects: TYPE records. Context: crash.
 */
#include "walk/walk.h"

enum { MAX_NAME = 1024, MAX_DOC = 8192 };

/* A map whose pairs are counted while they are written: its header of fixed size is filled in at the end. */
struct open_map {
    struct phd_walk *walk;
    size_t header;
    uint16_t pairs;
};

static void begin_map(struct phd_walk *walk, struct open_map *map)
{
    *map = (struct open_map){walk, walk->to->used, 0};
    phd__buffer_append(walk->to, "\xde\0\0", 3); /* map 16 */
}

static void end_map(struct open_map *map)
{
    uint8_t *header = map->walk->to->data + map->header;
    header[1] = (uint8_t)(map->pairs >> 8);
    header[2] = (uint8_t)map->pairs;
}

static void put_key(struct open_map *map, const char *key)
{
    phd__pack_text(map->walk->to, key);
    map->pairs++;
}

static void put_int_pair(struct open_map *map, const char *key, int64_t value)
{
    put_key(map, key);
    phd__pack_int64(map->walk->to, value);
}

static void put_value_pair(struct open_map *map, const char *key, uint64_t object)
{
    if (object) {
        put_key(map, key);
        phd__put_value(map->walk, object);
    }
}

/* C strings of the target are not known to be UTF-8: what is not ASCII is written as '?'. */
static void put_c_text(struct phd_walk *walk, uint64_t address, size_t limit)
{
    char text[MAX_DOC];
    size_t length = phd__read_text(walk->memory, address, text, limit);
    for (size_t i = 0; i < length; i++)
        text[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    phd__pack_str(walk->to, length);
    phd__pack_str_body(walk->to, text, length);
}

static void put_c_text_pair(struct open_map *map, const char *key, uint64_t address, size_t limit)
{
    if (address) {
        put_key(map, key);
        put_c_text(map->walk, address, limit);
    }
}

static void put_str_pair(struct open_map *map, const char *key, uint64_t object)
{
    char text[MAX_NAME];
    if (!object || phd__type_of(map->walk, object)->shape != PHD_SHAPE_STR)
        return;
    size_t length = phd__copy_str(map->walk, object, text, sizeof text);
    put_key(map, key);
    phd__pack_str(map->walk->to, length);
    phd__pack_str_body(map->walk->to, text, length);
}

/* Static builtin types of 3.12+ keep their dict in the interpreter (Objects/typeobject.c, lookup_tp_dict). */
static uint64_t builtin_type_dict(struct phd_walk *walk, uint64_t type)
{
    const struct phd_layout *at = walk->at;
    if (at->interp_builtin_types == PHD_ABSENT || !walk->main_interpreter)
        return 0;
    for (int32_t i = 0; i < at->interp_builtin_type_count; i++) {
        uint64_t state = walk->main_interpreter + (uint64_t)at->interp_builtin_types +
                         (uint64_t)i * (uint64_t)at->interp_builtin_type_stride;
        if (phd__word_at(walk, state, at->interp_builtin_type_type) == type)
            return phd__word_at(walk, state, at->interp_builtin_type_dict);
    }
    return 0;
}

static void put_names(struct open_map *map, uint64_t type, uint64_t flags)
{
    const struct phd_layout *at = map->walk->at;
    uint64_t text = phd__word_at(map->walk, type, at->type_name);
    if (flags & PHD_TPFLAGS_HEAPTYPE) {
        put_str_pair(map, "name", phd__word_at(map->walk, type, at->heap_type_name));
        put_str_pair(map, "qualname", phd__word_at(map->walk, type, at->heap_type_qualname));
        uint64_t dict = phd__word_at(map->walk, type, at->type_dict);
        put_str_pair(map, "module", dict ? phd__dict_get(map->walk, dict, "__module__") : 0);
        return;
    }
    char name[MAX_NAME];
    size_t length = phd__read_text(map->walk->memory, text, name, sizeof name), dot = length;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    put_key(map, "name");
    phd__pack_str(map->walk->to, length - dot);
    phd__pack_str_body(map->walk->to, name + dot, length - dot);
    put_key(map, "module");
    phd__pack_text(map->walk->to, dot ? (name[dot - 1] = 0, name) : "builtins");
}

static void put_fields(struct open_map *map, const struct phd_type *type)
{
    if (!type->field_count)
        return;
    put_key(map, "fields");
    phd__pack_array(map->walk->to, type->field_count);
    for (unsigned i = 0; i < type->field_count; i++) {
        if (type->fields[i].name)
            phd__pack_text(map->walk->to, type->fields[i].name);
        else
            put_c_text(map->walk, type->fields[i].name_address, MAX_NAME);
    }
}

static void put_layout(struct open_map *map, uint64_t object)
{
    const struct phd_type *type = phd__types_find(&map->walk->types, object);
    if (type->layout_name || (type->shape == PHD_SHAPE_OBJECT && !type->opaque)) {
        put_key(map, "layout");
        phd__pack_text(map->walk->to, type->layout_name ? type->layout_name : "object");
    }
    if (type->shape >= PHD_SHAPE_INT && type->shape <= PHD_SHAPE_FROZENSET)
        put_int_pair(map, "base_code", type->shape);
    if (type->beside)
        put_int_pair(map, "beside", type->beside);
    put_fields(map, type);
}

void phd__put_type_record(struct phd_walk *walk, uint64_t object, const struct phd_type *metatype)
{
    const struct phd_layout *at = walk->at;
    struct open_map map;
    uint64_t flags = phd__word_at(walk, object, at->type_flags);
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_TYPE);
    begin_map(walk, &map);
    put_names(&map, object, flags);
    put_value_pair(&map, "metatype", metatype->address);
    put_value_pair(&map, "bases", phd__word_at(walk, object, at->type_bases));
    put_value_pair(&map, "mro", phd__word_at(walk, object, at->type_mro));
    put_int_pair(&map, "flags", (int64_t)flags);
    put_int_pair(&map, "basicsize", (int64_t)phd__word_at(walk, object, at->type_basicsize));
    put_int_pair(&map, "itemsize", (int64_t)phd__word_at(walk, object, at->type_itemsize));
    put_key(&map, "heap");
    if (flags & PHD_TPFLAGS_HEAPTYPE)
        phd__pack_true(walk->to);
    else
        phd__pack_false(walk->to);
    put_layout(&map, object);
    uint64_t dict = phd__word_at(walk, object, at->type_dict);
    put_value_pair(&map, "dict", dict ? dict : builtin_type_dict(walk, object));
    put_c_text_pair(&map, "doc", phd__word_at(walk, object, at->type_doc), MAX_DOC);
    end_map(&map);
}
