/* SPDX-License-Identifier: Apache-2.0
 *
 * Code objects, and the three forms of line table (docs: Objects/lnotab_notes.txt of 3.9 and 3.10,
 * Objects/locations.md of 3.11+). Context: crash.
 */
#include "walk/special.h"
#include "walk/walk.h"

enum {
    FAST_LOCAL = 0x20, /* Include/internal/pycore_code.h */
    MAX_NAME = 4096,   /* as of a file */
    MAX_TABLE = 1 << 26,
    MAX_INLINE_TABLE = 64 * 1024
};

bool phd__is_code(struct phd_walk *walk, uint64_t object)
{
    return object && object % 8 == 0 && phd__type_of(walk, object)->shape == PHD_SHAPE_CODE;
}

/* The content of the bytes object `object` (0: empty). */
static const uint8_t *bytes_content(struct phd_walk *walk, uint64_t object, uint64_t *length)
{
    *length = 0;
    if (!object)
        return NULL;
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_BYTES)
        phd__memory_fault(walk->memory, object, "not a bytes object");
    *length = phd__bytes_length(walk, object);
    if (*length > MAX_TABLE)
        phd__memory_fault(walk->memory, object, "a table of a code object that is too long");
    return phd__view(walk->memory, object + (uint64_t)walk->at->bytes_data, *length);
}

uint64_t phd__code_length(struct phd_walk *walk, uint64_t code)
{
    uint64_t length;
    if (walk->at->code_bytes != PHD_ABSENT) {
        bytes_content(walk, phd__word_at(walk, code, walk->at->code_bytes), &length);
        return length;
    }
    length = phd__word_at(walk, code, walk->at->var_size); /* in instructions of two bytes */
    if (length > MAX_TABLE / 2)
        phd__memory_fault(walk->memory, code, "a code object of impossible length");
    return 2 * length;
}

uint64_t phd__tuple_length(struct phd_walk *walk, uint64_t tuple)
{
    if (!tuple)
        return 0;
    if (phd__type_of(walk, tuple)->shape != PHD_SHAPE_TUPLE)
        phd__memory_fault(walk->memory, tuple, "not a tuple");
    return phd__word_at(walk, tuple, walk->at->var_size);
}

uint64_t phd__code_variables(struct phd_walk *walk, uint64_t code)
{
    const struct phd_layout *at = walk->at;
    uint64_t count, names, kinds;
    if (at->code_localsplusnames != PHD_ABSENT) {
        count = (uint32_t)phd__int_at(walk, code, at->code_nlocalsplus);
        names = phd__tuple_length(walk, phd__word_at(walk, code, at->code_localsplusnames));
        bytes_content(walk, phd__word_at(walk, code, at->code_localspluskinds), &kinds);
    } else {
        uint64_t others = phd__tuple_length(walk, phd__word_at(walk, code, at->code_cellvars)) +
                          phd__tuple_length(walk, phd__word_at(walk, code, at->code_freevars));
        count = (uint32_t)phd__int_at(walk, code, at->code_nlocals) + others;
        names = kinds = phd__tuple_length(walk, phd__word_at(walk, code, at->code_varnames)) + others;
    }
    if (count != names || count != kinds || count > PHD_MAX_LOCALS)
        phd__memory_fault(walk->memory, code, "a code object whose names are not as many as its variables");
    return count;
}

/* Before 3.11: locals, then cells, then free variables. */
uint64_t phd__code_variable(struct phd_walk *walk, uint64_t code, uint64_t index, unsigned *kind)
{
    const struct phd_layout *at = walk->at;
    uint64_t names;
    *kind = 0;
    if (at->code_localsplusnames != PHD_ABSENT) {
        names = phd__word_at(walk, code, at->code_localsplusnames);
        uint64_t kinds = phd__word_at(walk, code, at->code_localspluskinds);
        *kind = phd__read_u8(walk->memory, kinds + (uint64_t)at->bytes_data + index);
    } else {
        uint64_t locals = (uint64_t)phd__int_at(walk, code, at->code_nlocals);
        names = phd__word_at(walk, code, at->code_varnames);
        if (index >= locals) {
            index -= locals;
            names = phd__word_at(walk, code, at->code_cellvars);
            *kind = PHD_FAST_CELL;
            if (index >= phd__tuple_length(walk, names)) {
                index -= phd__tuple_length(walk, names);
                names = phd__word_at(walk, code, at->code_freevars);
                *kind = PHD_FAST_FREE;
            }
        }
    }
    if (index >= phd__tuple_length(walk, names))
        phd__memory_fault(walk->memory, code, "a code object with too few names");
    return phd__read_word(walk->memory, names + (uint64_t)at->tuple_items + 8 * index);
}

/* 3.9, co_lnotab: pairs (unsigned address increment, signed line increment). */
static int line_by_increments(const uint8_t *table, uint64_t length, int first_line, int lasti)
{
    int address = 0, line = first_line;
    for (uint64_t i = 0; i + 1 < length; i += 2) {
        address += table[i];
        if (address > lasti)
            break;
        line += (int8_t)table[i + 1];
    }
    return line;
}

/* 3.10, co_linetable: pairs (length of a range, signed line increment); -128: the range has no line. */
static int line_by_ranges(const uint8_t *table, uint64_t length, int first_line, int lasti)
{
    int end = 0, line = first_line;
    for (uint64_t i = 0; i + 1 < length; i += 2) {
        int delta = (int8_t)table[i + 1];
        int here = delta == -128 ? -1 : (line += delta);
        end += table[i];
        if (lasti < end)
            return here;
    }
    return line;
}

/* 3.11+: entries of one byte with a code and a length, then variable-length integers. */
struct location_reader {
    const uint8_t *next, *end;
};

static unsigned read_varint(struct location_reader *reader)
{
    unsigned value = 0, shift = 0;
    while (reader->next < reader->end) {
        uint8_t byte = *reader->next++;
        if (shift < 30)
            value |= (unsigned)(byte & 63) << shift;
        shift += 6;
        if (!(byte & 64))
            break;
    }
    return value;
}

static int read_svarint(struct location_reader *reader)
{
    unsigned value = read_varint(reader);
    return value & 1 ? -(int)(value >> 1) : (int)(value >> 1);
}

static int read_byte(struct location_reader *reader)
{
    return reader->next < reader->end ? *reader->next++ : 0;
}

/* A damaged table may lead to any line; only the sum must not overflow. */
static int add_lines(int line, int delta)
{
    int sum;
    return __builtin_add_overflow(line, delta, &sum) ? -1 : sum;
}

/* Read one entry of form `code`; `*line` is the running line. */
static void read_location(struct location_reader *reader, unsigned code, int *line, struct phd_position *position)
{
    *position = (struct phd_position){-1, -1, -1, -1};
    if (code == 15)
        return;
    if (code == 14) {
        *line = add_lines(*line, read_svarint(reader));
        position->end_line = add_lines(*line, (int)read_varint(reader));
        position->column = (int)read_varint(reader) - 1;
        position->end_column = (int)read_varint(reader) - 1;
    } else if (code == 13) {
        *line = add_lines(*line, read_svarint(reader));
        position->end_line = *line;
    } else if (code >= 10) {
        *line = add_lines(*line, (int)code - 10);
        position->end_line = *line;
        position->column = read_byte(reader);
        position->end_column = read_byte(reader);
    } else {
        int second = read_byte(reader);
        position->end_line = *line;
        position->column = (int)code << 3 | second >> 4;
        position->end_column = position->column + (second & 15);
    }
    position->line = *line;
}

static void position_by_locations(const uint8_t *table, uint64_t length, int first_line, int lasti,
                                  struct phd_position *position)
{
    struct location_reader reader = {table, table + length};
    int end = 0, line = first_line;
    while (reader.next < reader.end) {
        uint8_t head = *reader.next++;
        if (!(head & 0x80))
            break; /* not at the start of an entry: the table is damaged */
        read_location(&reader, head >> 3 & 15, &line, position);
        end += ((head & 7) + 1) * 2;
        if (lasti < end)
            return;
        while (reader.next < reader.end && !(*reader.next & 0x80))
            reader.next++;
    }
    *position = (struct phd_position){-1, -1, -1, -1};
}

static void find_position(struct phd_walk *walk, uint64_t code, int lasti, struct phd_position *position)
{
    uint64_t length;
    int first_line = phd__int_at(walk, code, walk->at->code_firstlineno);
    const uint8_t *table = bytes_content(walk, phd__word_at(walk, code, walk->at->code_linetable), &length);
    if (lasti < 0)
        position->line = first_line;
    else if ((uint64_t)lasti >= phd__code_length(walk, code))
        return;
    else if (walk->at->linetable_form == 2)
        position_by_locations(table, length, first_line, lasti, position);
    else if (walk->at->linetable_form == 1)
        position->line = line_by_ranges(table, length, first_line, lasti);
    else
        position->line = line_by_increments(table, length, first_line, lasti);
}

void phd__code_position(struct phd_walk *walk, uint64_t code, int lasti, struct phd_position *position)
{
    static const struct phd_position unknown = {-1, -1, -1, -1};
    struct phd_guard guard;
    *position = unknown;
    if (lasti == PHD_LASTI_UNKNOWN)
        return;
    if (PHD_GUARD(walk->memory, &guard))
        find_position(walk, code, lasti, position);
    else
        *position = unknown;
    PHD_UNGUARD(walk->memory, &guard);
}

static void put_coordinate(struct phd_walk *walk, int value)
{
    if (value < 0)
        phd__pack_nil(walk->to);
    else
        phd__pack_int64(walk->to, value);
}

void phd__put_position(struct phd_walk *walk, const struct phd_position *position)
{
    phd__pack_array(walk->to, 4);
    put_coordinate(walk, position->line);
    put_coordinate(walk, position->end_line);
    put_coordinate(walk, position->column);
    put_coordinate(walk, position->end_column);
}

/* ---- the record ---- */

/* What stands under one key, written by phd__put_guarded: a broken name or table costs itself, so that what the others tell
 * of the frames that run this code is kept. */
struct code_entry {
    uint64_t object;
    unsigned kinds; /* of the variables whose names are wanted, 0: all */
};

static void write_name(struct phd_walk *walk, void *state)
{
    const struct code_entry *entry = state;
    char text[MAX_NAME];
    size_t length = entry->object ? phd__copy_str(walk, entry->object, text, sizeof text) : 0;
    phd__pack_str(walk->to, length);
    phd__pack_str_body(walk->to, text, length);
}

static void put_name(struct phd_walk *walk, uint64_t object)
{
    phd__put_guarded(walk, write_name, &(struct code_entry){object, 0});
}

static uint64_t tuple_item(struct phd_walk *walk, uint64_t tuple, uint64_t index)
{
    return phd__read_word(walk->memory, tuple + (uint64_t)walk->at->tuple_items + 8 * index);
}

/* The names of co_localsplusnames whose kind has one of the wanted (3.11+), or all of a tuple. */
static void write_names(struct phd_walk *walk, void *state)
{
    const struct code_entry *entry = state;
    uint64_t length = phd__tuple_length(walk, entry->object), kind_count = 0, count = 0;
    const uint8_t *kinds = NULL;
    if (entry->kinds) {
        kinds = bytes_content(walk, phd__word_at(walk, walk->own_address, walk->at->code_localspluskinds), &kind_count);
        length = length < kind_count ? length : kind_count;
    }
    if (length > PHD_MAX_LOCALS)
        phd__memory_fault(walk->memory, entry->object, "names of variables that are too many");
    for (uint64_t i = 0; i < length; i++)
        count += !kinds || (kinds[i] & entry->kinds);
    phd__pack_array(walk->to, count);
    for (uint64_t i = 0; i < length; i++) {
        if (!kinds || (kinds[i] & entry->kinds))
            put_name(walk, tuple_item(walk, entry->object, i));
    }
}

static void put_names(struct phd_walk *walk, const char *key, uint64_t names, unsigned kinds)
{
    phd__pack_text(walk->to, key);
    phd__put_guarded(walk, write_names, &(struct code_entry){names, kinds});
}

static void put_int(struct phd_walk *walk, const char *key, int32_t offset)
{
    phd__pack_text(walk->to, key);
    phd__pack_int64(walk->to, phd__int_at(walk, walk->own_address, offset));
}

/* A number of arguments or variables, which are not more than a code object can have. */
static void put_count(struct phd_walk *walk, const char *key, int32_t offset)
{
    int count = phd__int_at(walk, walk->own_address, offset);
    phd__pack_text(walk->to, key);
    if (count >= 0 && count <= PHD_MAX_LOCALS) {
        phd__pack_int64(walk->to, count);
    } else {
        walk->missing_values++;
        phd__pack_missing(walk->to, "an impossible number of variables", walk->own_address);
    }
}

static void put_text(struct phd_walk *walk, const char *key, uint64_t object)
{
    phd__pack_text(walk->to, key);
    put_name(walk, object);
}

static void write_table(struct phd_walk *walk, void *state)
{
    const struct code_entry *entry = state;
    uint64_t length;
    const uint8_t *content = bytes_content(walk, entry->object, &length);
    if (length > MAX_INLINE_TABLE)
        phd__put_value(walk, entry->object);
    else
        phd__pack_bytes(walk->to, content, length);
}

static void put_table(struct phd_walk *walk, const char *key, uint64_t bytes)
{
    phd__pack_text(walk->to, key);
    phd__put_guarded(walk, write_table, &(struct code_entry){bytes, 0});
}

static void write_instructions(struct phd_walk *walk, void *state)
{
    const struct code_entry *entry = state;
    uint64_t length = phd__code_length(walk, entry->object);
    if (length > MAX_INLINE_TABLE)
        phd__pack_missing(walk->to, "too long", entry->object);
    else
        phd__pack_bytes(walk->to, phd__view(walk->memory, entry->object + (uint64_t)walk->at->code_adaptive, length),
                        length);
}

static void put_instructions(struct phd_walk *walk, uint64_t code)
{
    if (walk->at->code_bytes != PHD_ABSENT) {
        put_table(walk, "co_code", phd__word_at(walk, code, walk->at->code_bytes));
        return;
    }
    phd__pack_text(walk->to, "co_code");
    phd__put_guarded(walk, write_instructions, &(struct code_entry){code, 0});
}

static void put_variables(struct phd_walk *walk, uint64_t code)
{
    const struct phd_layout *at = walk->at;
    if (at->code_localsplusnames != PHD_ABSENT) {
        uint64_t names = phd__word_at(walk, code, at->code_localsplusnames);
        put_names(walk, "co_varnames", names, FAST_LOCAL);
        put_names(walk, "co_cellvars", names, PHD_FAST_CELL);
        put_names(walk, "co_freevars", names, PHD_FAST_FREE);
    } else {
        put_names(walk, "co_varnames", phd__word_at(walk, code, at->code_varnames), 0);
        put_names(walk, "co_cellvars", phd__word_at(walk, code, at->code_cellvars), 0);
        put_names(walk, "co_freevars", phd__word_at(walk, code, at->code_freevars), 0);
    }
}

void phd__put_code_record(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    const struct phd_layout *at = walk->at;
    bool modern = at->code_qualname != PHD_ABSENT;
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 17);
    phd__put_value(walk, type->address);
    phd__pack_map(walk->to, modern ? 17 : 15);
    put_text(walk, "co_name", phd__word_at(walk, object, at->code_name));
    put_text(walk, "co_filename", phd__word_at(walk, object, at->code_filename));
    put_int(walk, "co_firstlineno", at->code_firstlineno);
    put_count(walk, "co_argcount", at->code_argcount);
    put_count(walk, "co_posonlyargcount", at->code_posonlyargcount);
    put_count(walk, "co_kwonlyargcount", at->code_kwonlyargcount);
    put_count(walk, "co_nlocals", at->code_nlocals);
    put_int(walk, "co_flags", at->code_flags);
    put_variables(walk, object);
    phd__pack_text(walk->to, "co_consts");
    phd__put_value(walk, phd__word_at(walk, object, at->code_consts));
    phd__pack_text(walk->to, "co_names");
    phd__put_value(walk, phd__word_at(walk, object, at->code_names));
    put_instructions(walk, object);
    put_table(walk, "co_linetable", phd__word_at(walk, object, at->code_linetable));
    if (modern) {
        put_text(walk, "co_qualname", phd__word_at(walk, object, at->code_qualname));
        put_table(walk, "co_exceptiontable", phd__word_at(walk, object, at->code_exceptiontable));
    }
}
