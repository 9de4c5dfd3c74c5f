/* SPDX-License-Identifier: Apache-2.0
 *
 * The msgpack pull parser; see token.h. The first byte decides; the table of the specification is the order of the
 * cases below (https://github.com/msgpack/msgpack/blob/master/spec.md).
 */
#include "token.h"

#include <string.h>

bool phd__big_endian(const uint8_t *bytes, size_t size, uint64_t *ret)
{
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    *ret = number;
    return true;
}

/* Takes a big-endian number of `size` bytes from the cursor. */
static bool take_number(struct phd__cursor *cursor, size_t size, uint64_t *ret)
{
    if ((size_t)(cursor->end - cursor->at) < size || !phd__big_endian(cursor->at, size, ret))
        return false;
    cursor->at += size;
    return true;
}

/* Takes a size field of `width` bytes (0: `size` is known already) and then that many bytes. */
static bool take_bytes(struct phd__cursor *cursor, size_t width, uint64_t size, struct phd__token *ret)
{
    if (width > 0 && !take_number(cursor, width, &size))
        return false;
    if (ret->type == PHD__TOKEN_EXT) {
        if (cursor->at == cursor->end)
            return false;
        ret->ext_code = (int8_t)*cursor->at++;
    }
    if (size > (uint64_t)(cursor->end - cursor->at))
        return false;
    ret->bytes = cursor->at;
    ret->size = (uint32_t)size;
    cursor->at += size;
    return true;
}

/* Takes a count field like take_bytes() and checks it against what is left; a pair of a map needs two bytes. */
static bool take_count(struct phd__cursor *cursor, size_t width, uint64_t count, struct phd__token *ret)
{
    if (width > 0 && !take_number(cursor, width, &count))
        return false;
    uint64_t least_bytes = ret->type == PHD__TOKEN_MAP ? count * 2 : count;
    if (least_bytes > (uint64_t)(cursor->end - cursor->at))
        return false;
    ret->size = (uint32_t)count;
    return true;
}

static bool take_unsigned(struct phd__cursor *cursor, size_t width, struct phd__token *ret)
{
    ret->type = PHD__TOKEN_UNSIGNED;
    return take_number(cursor, width, &ret->value.u);
}

static bool take_signed(struct phd__cursor *cursor, size_t width, struct phd__token *ret)
{
    uint64_t raw;
    if (!take_number(cursor, width, &raw))
        return false;
    uint64_t sign = (uint64_t)1 << (8 * width - 1);
    int64_t number = (int64_t)((raw ^ sign) - sign); /* sign extension */
    ret->type = number < 0 ? PHD__TOKEN_NEGATIVE : PHD__TOKEN_UNSIGNED;
    if (number < 0)
        ret->value.i = number;
    else
        ret->value.u = (uint64_t)number;
    return true;
}

static bool take_float(struct phd__cursor *cursor, size_t width, struct phd__token *ret)
{
    uint64_t raw;
    if (!take_number(cursor, width, &raw))
        return false;
    ret->type = PHD__TOKEN_FLOAT;
    if (width == 8) {
        memcpy(&ret->value.d, &raw, sizeof ret->value.d);
    } else {
        uint32_t raw32 = (uint32_t)raw;
        float single;
        memcpy(&single, &raw32, sizeof single);
        ret->value.d = single;
    }
    return true;
}

static bool take_sized(struct phd__cursor *cursor, enum phd__token_type type, size_t width, uint64_t size,
                       struct phd__token *ret)
{
    ret->type = type;
    if (type == PHD__TOKEN_ARRAY || type == PHD__TOKEN_MAP)
        return take_count(cursor, width, size, ret);
    return take_bytes(cursor, width, size, ret);
}

static bool take_constant(enum phd__token_type type, struct phd__token *ret)
{
    ret->type = type;
    return true;
}

/* The first bytes 0xc0 to 0xdf. */
static bool take_long_form(struct phd__cursor *cursor, uint8_t head, struct phd__token *ret)
{
    switch (head) {
    case 0xc0: return take_constant(PHD__TOKEN_NIL, ret);
    case 0xc2: return take_constant(PHD__TOKEN_FALSE, ret);
    case 0xc3: return take_constant(PHD__TOKEN_TRUE, ret);
    case 0xc4: return take_sized(cursor, PHD__TOKEN_BIN, 1, 0, ret);
    case 0xc5: return take_sized(cursor, PHD__TOKEN_BIN, 2, 0, ret);
    case 0xc6: return take_sized(cursor, PHD__TOKEN_BIN, 4, 0, ret);
    case 0xc7: return take_sized(cursor, PHD__TOKEN_EXT, 1, 0, ret);
    case 0xc8: return take_sized(cursor, PHD__TOKEN_EXT, 2, 0, ret);
    case 0xc9: return take_sized(cursor, PHD__TOKEN_EXT, 4, 0, ret);
    case 0xca: return take_float(cursor, 4, ret);
    case 0xcb: return take_float(cursor, 8, ret);
    case 0xcc: return take_unsigned(cursor, 1, ret);
    case 0xcd: return take_unsigned(cursor, 2, ret);
    case 0xce: return take_unsigned(cursor, 4, ret);
    case 0xcf: return take_unsigned(cursor, 8, ret);
    case 0xd0: return take_signed(cursor, 1, ret);
    case 0xd1: return take_signed(cursor, 2, ret);
    case 0xd2: return take_signed(cursor, 4, ret);
    case 0xd3: return take_signed(cursor, 8, ret);
    case 0xd4: return take_sized(cursor, PHD__TOKEN_EXT, 0, 1, ret);
    case 0xd5: return take_sized(cursor, PHD__TOKEN_EXT, 0, 2, ret);
    case 0xd6: return take_sized(cursor, PHD__TOKEN_EXT, 0, 4, ret);
    case 0xd7: return take_sized(cursor, PHD__TOKEN_EXT, 0, 8, ret);
    case 0xd8: return take_sized(cursor, PHD__TOKEN_EXT, 0, 16, ret);
    case 0xd9: return take_sized(cursor, PHD__TOKEN_STR, 1, 0, ret);
    case 0xda: return take_sized(cursor, PHD__TOKEN_STR, 2, 0, ret);
    case 0xdb: return take_sized(cursor, PHD__TOKEN_STR, 4, 0, ret);
    case 0xdc: return take_sized(cursor, PHD__TOKEN_ARRAY, 2, 0, ret);
    case 0xdd: return take_sized(cursor, PHD__TOKEN_ARRAY, 4, 0, ret);
    case 0xde: return take_sized(cursor, PHD__TOKEN_MAP, 2, 0, ret);
    case 0xdf: return take_sized(cursor, PHD__TOKEN_MAP, 4, 0, ret);
    default: return false; /* 0xc1: never used */
    }
}

static bool take_token(struct phd__cursor *cursor, struct phd__token *ret)
{
    uint8_t head = *cursor->at++;
    if (head <= 0x7f) {
        ret->type = PHD__TOKEN_UNSIGNED;
        ret->value.u = head;
        return true;
    }
    if (head <= 0x8f)
        return take_sized(cursor, PHD__TOKEN_MAP, 0, head & 0x0f, ret);
    if (head <= 0x9f)
        return take_sized(cursor, PHD__TOKEN_ARRAY, 0, head & 0x0f, ret);
    if (head <= 0xbf)
        return take_sized(cursor, PHD__TOKEN_STR, 0, head & 0x1f, ret);
    if (head <= 0xdf)
        return take_long_form(cursor, head, ret);
    ret->type = PHD__TOKEN_NEGATIVE;
    ret->value.i = (int8_t)head;
    return true;
}

bool phd__token_next(struct phd__cursor *cursor, struct phd__token *ret)
{
    if (cursor->at == cursor->end)
        return false;
    struct phd__cursor attempt = *cursor;
    if (!take_token(&attempt, ret))
        return false;
    *cursor = attempt;
    return true;
}

bool phd__token_unsigned(struct phd__cursor *cursor, uint64_t *ret)
{
    struct phd__token token;
    if (!phd__token_next(cursor, &token) || token.type != PHD__TOKEN_UNSIGNED)
        return false;
    *ret = token.value.u;
    return true;
}

bool phd__token_skip(struct phd__cursor *cursor)
{
    uint64_t left[PHD__MAX_NESTING + 1]; /* elements still to skip, per level */
    int level = 0;
    left[0] = 1;
    for (;;) {
        while (left[level] == 0) {
            if (level == 0)
                return true;
            level--;
        }
        left[level]--;
        struct phd__token token;
        if (!phd__token_next(cursor, &token))
            return false;
        if (token.type == PHD__TOKEN_ARRAY || token.type == PHD__TOKEN_MAP) {
            if (level == PHD__MAX_NESTING)
                return false;
            left[++level] = token.type == PHD__TOKEN_MAP ? (uint64_t)token.size * 2 : token.size;
        }
    }
}
