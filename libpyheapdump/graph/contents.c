/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one record; see contents.h. Context: normal.
 */
#include "contents.h"

#include "read/block.h"
#include "read/loaded.h"

#include <string.h>

enum { EXT_FORWARD = 1, EXT_REFERENCE = 2, EXT_BIG_INT = 4, EXT_SURROGATES = 5, EXT_COMPLEX = 9 };
enum { MAX_DEPTH = 4 }; /* records within records */
/* Values or bytes of one object; what claims more lies (PHD_MAX_LENGTH of walk.h). */
#define MAX_LENGTH ((uint64_t)1 << 42)
enum { POINTER = 8, MIN_SMALL_INT = -5, MAX_SMALL_INT = 256 };

/* Bytes of an empty object of each builtin type, and of each of its values (a dict's keys and values, each): 64-bit
 * CPython 3.13, sys.getsizeof(), and Include/cpython/{listobject,dictobject,setobject}.h. Other versions differ by less
 * than 10 bytes. Set entries are key and hash, dict entries key, value and hash. */
static const struct {
    uint8_t empty, each;
} SIZES[] = {
    [PHD__RECORD_INT] = {28, 0},   [PHD__RECORD_FLOAT] = {24, 0},       [PHD__RECORD_COMPLEX] = {32, 0},
    [PHD__RECORD_STR] = {41, 1},   [PHD__RECORD_BYTES] = {33, 1},       [PHD__RECORD_BYTEARRAY] = {56, 1},
    [PHD__RECORD_TUPLE] = {40, 8}, [PHD__RECORD_LIST] = {56, 8},        [PHD__RECORD_DICT] = {64, 12},
    [PHD__RECORD_SET] = {216, 16}, [PHD__RECORD_FROZENSET] = {216, 16},
};
enum { CLASS_BYTES = 928 }; /* sizeof(PyHeapTypeObject), Include/cpython/object.h of 3.13 */

static bool is_builtin(uint64_t code)
{
    return code >= PHD__RECORD_INT && code <= PHD__RECORD_FROZENSET;
}

static bool is_container(uint64_t code)
{
    return code >= PHD__RECORD_TUPLE && code <= PHD__RECORD_FROZENSET;
}

/* --- values --- */

static void tell(struct phd__contents *contents, uint64_t first, uint64_t count)
{
    if (contents->tell != NULL)
        contents->tell(contents->argument, first, count);
}

/* The id that a token refers to; PHD__NO_ID when it is no reference. */
static uint64_t reference(const struct phd__contents *contents, const struct phd__token *token)
{
    uint64_t number;
    if (token->type != PHD__TOKEN_EXT || (token->ext_code != EXT_FORWARD && token->ext_code != EXT_REFERENCE) ||
        !phd__big_endian(token->bytes, token->size, &number) || number > PHD__MAX_ID)
        return PHD__NO_ID;
    return token->ext_code == EXT_FORWARD ? contents->id + number : number;
}

/* The bytes of an object that stands inside its owner's record. Small ints are shared by the whole process. */
static uint64_t leaf_bytes(const struct phd__token *token)
{
    switch (token->type) {
    case PHD__TOKEN_STR: return SIZES[PHD__RECORD_STR].empty + token->size;
    case PHD__TOKEN_BIN: return SIZES[PHD__RECORD_BYTES].empty + token->size;
    case PHD__TOKEN_FLOAT: return SIZES[PHD__RECORD_FLOAT].empty;
    case PHD__TOKEN_UNSIGNED: return token->value.u <= MAX_SMALL_INT ? 0 : SIZES[PHD__RECORD_INT].empty;
    case PHD__TOKEN_NEGATIVE: return token->value.i >= MIN_SMALL_INT ? 0 : SIZES[PHD__RECORD_INT].empty;
    case PHD__TOKEN_EXT:
        switch (token->ext_code) {
        case EXT_BIG_INT: return SIZES[PHD__RECORD_INT].empty + token->size;
        case EXT_SURROGATES: return SIZES[PHD__RECORD_STR].empty + token->size;
        case EXT_COMPLEX: return SIZES[PHD__RECORD_COMPLEX].empty;
        default: return 0;
        }
    default: return 0;
    }
}

/* Takes a value of a sequence, with all that it contains. `ret_count` becomes how many values it stands for. */
static bool take_value(struct phd__cursor *cursor, struct phd__contents *contents, uint64_t *ret_count)
{
    struct phd__cursor probe = *cursor;
    struct phd__token token;
    uint64_t first, id;
    if (!phd__token_next(&probe, &token))
        return false;
    *ret_count = 1;
    if (phd__run_parse(&token, &first, ret_count))
        tell(contents, first, *ret_count);
    else if ((id = reference(contents, &token)) != PHD__NO_ID)
        tell(contents, id, 1);
    else
        contents->leaves += leaf_bytes(&token);
    return phd__token_skip(cursor);
}

/* Takes `tokens` values; how many they stand for. */
static uint64_t take_values(struct phd__cursor *cursor, uint32_t tokens, struct phd__contents *contents)
{
    uint64_t values = 0, count;
    for (uint32_t i = 0; i < tokens && take_value(cursor, contents, &count); i++)
        values += count;
    return values;
}

void phd__contents_add_items(struct phd__cursor items, struct phd__contents *contents)
{
    uint64_t count;
    while (items.at != items.end && take_value(&items, contents, &count))
        continue;
}

/* --- records --- */

static void take_record(struct phd__cursor *cursor, struct phd__contents *contents, int depth);

static void add_elements(struct phd__contents *contents, uint64_t code, uint64_t values)
{
    if (values > MAX_LENGTH)
        return;
    contents->own += values * SIZES[code].each;
    contents->elements = code == PHD__RECORD_DICT ? values / 2 : values;
}

/* [16, code, n]: its values or bytes stand in blocks of their own. */
static void take_split(struct phd__cursor *cursor, struct phd__contents *contents, int depth)
{
    uint64_t code, count;
    if (!phd__token_unsigned(cursor, &code) || !phd__token_unsigned(cursor, &count) || !is_builtin(code) ||
        count > MAX_LENGTH)
        return;
    if (depth == 0)
        contents->own = SIZES[code].empty;
    if (is_container(code))
        add_elements(contents, code, count);
    else
        contents->own += count;
}

/* [18, code, n, reason, owner, offset, length, …]: what is another object's is not counted here. */
static void take_shared(struct phd__cursor *cursor, uint32_t size, struct phd__contents *contents, int depth)
{
    uint64_t code, count, offset, length, ignored;
    if (!phd__token_unsigned(cursor, &code) || !phd__token_unsigned(cursor, &count) || !is_builtin(code) ||
        count > MAX_LENGTH || !phd__token_skip(cursor))
        return;
    if (depth == 0)
        contents->own = SIZES[code].empty;
    for (uint32_t left = size > 4 ? (size - 4) / 3 : 0; left > 0; left--) {
        struct phd__cursor probe = *cursor;
        struct phd__token token;
        uint64_t owner = phd__token_next(&probe, &token) ? reference(contents, &token) : PHD__NO_ID;
        if (!take_value(cursor, contents, &ignored) || !phd__token_unsigned(cursor, &offset) ||
            !phd__token_unsigned(cursor, &length) || length > count)
            return;
        if (owner == contents->id)
            contents->own += length;
    }
}

static bool is_key(const struct phd__token *token, const char *name)
{
    return token->type == PHD__TOKEN_STR && token->size == strlen(name) && memcmp(token->bytes, name, token->size) == 0;
}

static void take_facts(struct phd__cursor *cursor, struct phd__contents *contents, int depth);

/* The value of a fact: a reference, bytes, or facts within it; numbers and texts are no objects. */
static void take_fact(struct phd__cursor *cursor, struct phd__contents *contents, int depth)
{
    struct phd__cursor probe = *cursor, inner = *cursor;
    struct phd__token token;
    if (!phd__token_next(&probe, &token))
        return;
    uint64_t id = reference(contents, &token);
    if (id != PHD__NO_ID)
        tell(contents, id, 1);
    else if (token.type == PHD__TOKEN_BIN)
        contents->own += token.size;
    else if (token.type == PHD__TOKEN_MAP && depth < MAX_DEPTH)
        take_facts(&inner, contents, depth + 1);
    else if (token.type == PHD__TOKEN_ARRAY)
        for (uint32_t i = 0; i < token.size && depth < MAX_DEPTH; i++)
            take_fact(&probe, contents, depth + 1);
    if (!phd__token_skip(cursor))
        cursor->at = cursor->end;
}

/* A map str → value: of a type, a frame, or of what the layout of an object tells by names. */
static void take_facts(struct phd__cursor *cursor, struct phd__contents *contents, int depth)
{
    struct phd__token map, key, number;
    if (!phd__token_next(cursor, &map) || map.type != PHD__TOKEN_MAP)
        return;
    for (uint32_t left = map.size; left > 0; left--) {
        if (!phd__token_next(cursor, &key))
            return;
        struct phd__cursor value = *cursor, probe = *cursor;
        if (!phd__token_skip(cursor) || !phd__token_next(&probe, &number))
            return;
        bool nested = number.type == PHD__TOKEN_ARRAY && (is_key(&key, "content") || is_key(&key, "objects"));
        if (nested)
            take_record(&value, contents, depth + 1);
        else
            take_fact(&value, contents, depth);
        if (is_key(&key, "basicsize") && number.type == PHD__TOKEN_UNSIGNED)
            contents->basicsize = number.value.u;
    }
}

/* Attributes: nil, a map of values, or a reference to the dict. */
static void take_attributes(struct phd__cursor *cursor, struct phd__contents *contents)
{
    struct phd__cursor probe = *cursor;
    struct phd__token token;
    uint64_t ignored;
    if (phd__token_next(&probe, &token) && token.type == PHD__TOKEN_MAP) {
        contents->own += (uint64_t)token.size * POINTER;
        take_values(&probe, token.size, contents);
        take_values(&probe, token.size, contents);
        *cursor = probe;
    } else {
        take_value(cursor, contents, &ignored);
    }
}

/* An array of values, or nil: fields, or pairs of offset and pointer, of which only references count. */
static void take_fields(struct phd__cursor *cursor, struct phd__contents *contents)
{
    struct phd__token array;
    if (phd__token_next(cursor, &array) && array.type == PHD__TOKEN_ARRAY)
        take_values(cursor, array.size, contents);
}

static void take_pointers(struct phd__cursor *cursor, struct phd__contents *contents)
{
    uint64_t leaves = contents->leaves;
    take_fields(cursor, contents);
    contents->leaves = leaves;
}

static void take_type(struct phd__cursor *cursor, struct phd__contents *contents)
{
    struct phd__cursor probe = *cursor;
    struct phd__token token;
    if (phd__token_next(&probe, &token))
        contents->type = reference(contents, &token);
    if (!phd__token_skip(cursor))
        cursor->at = cursor->end;
}

/* [1, type, base, attributes, fields, pointers]; trailing nils may be absent. */
static void take_object(struct phd__cursor *cursor, uint32_t size, struct phd__contents *contents, int depth)
{
    struct phd__cursor base;
    struct phd__token token;
    if (size > 1)
        take_type(cursor, contents);
    base = *cursor;
    if (size > 2 && phd__token_next(&base, &token)) {
        base = *cursor;
        if (token.type == PHD__TOKEN_ARRAY)
            take_record(&base, contents, depth + 1);
        if (!phd__token_skip(cursor))
            return;
    }
    if (size > 3)
        take_attributes(cursor, contents);
    if (size > 4)
        take_fields(cursor, contents);
    if (size > 5)
        take_pointers(cursor, contents);
}

/* [17, type, map]; within an object's record the type is nil. */
static void take_mapped(struct phd__cursor *cursor, struct phd__contents *contents, int depth)
{
    if (depth == 0)
        take_type(cursor, contents);
    else if (!phd__token_skip(cursor))
        return;
    take_facts(cursor, contents, depth);
}

/* [code, value]: what a number, str or bytes object holds. */
static void take_leaf(struct phd__cursor *cursor, uint64_t code, struct phd__contents *contents)
{
    struct phd__token token;
    bool sized = phd__token_next(cursor, &token) && (token.type == PHD__TOKEN_STR || token.type == PHD__TOKEN_BIN ||
                                                     (token.type == PHD__TOKEN_EXT && code != PHD__RECORD_COMPLEX));
    contents->own += sized ? token.size : 0;
}

/* Takes a record: that of an object (depth 0), or of the builtin value that an object carries. */
static void take_record(struct phd__cursor *cursor, struct phd__contents *contents, int depth)
{
    struct phd__token array;
    uint64_t code;
    if (depth >= MAX_DEPTH || !phd__token_next(cursor, &array) || array.type != PHD__TOKEN_ARRAY || array.size == 0 ||
        !phd__token_unsigned(cursor, &code))
        return;
    if (depth == 0)
        contents->code = (unsigned)(code <= UINT8_MAX ? code : UINT8_MAX);
    if (depth == 0 && is_builtin(code))
        contents->own = SIZES[code].empty;
    if (is_container(code))
        add_elements(contents, code, take_values(cursor, array.size - 1, contents));
    else if (is_builtin(code))
        take_leaf(cursor, code, contents);
    else if (code == PHD__RECORD_SPLIT)
        take_split(cursor, contents, depth);
    else if (code == PHD__RECORD_SHARED)
        take_shared(cursor, array.size, contents, depth);
    else if (code == PHD__RECORD_OBJECT && depth == 0)
        take_object(cursor, array.size, contents, depth);
    else if (code == PHD__RECORD_MAPPED)
        take_mapped(cursor, contents, depth);
    else if (code == PHD__RECORD_TYPE || code == PHD__RECORD_FRAME)
        take_facts(cursor, contents, depth);
    if (code == PHD__RECORD_TYPE)
        contents->own += CLASS_BYTES;
}

void phd__contents_of_record(struct phd__cursor record, struct phd__contents *contents)
{
    *contents = (struct phd__contents){
        .id = contents->id, .type = PHD__NO_ID, .tell = contents->tell, .argument = contents->argument};
    take_record(&record, contents, 0);
}
