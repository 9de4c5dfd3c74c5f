/* SPDX-License-Identifier: Apache-2.0
 *
 * See show.h. It stands on read/token.c, the reader's own parser.
 */
#include "support/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka_header.h"

struct shown {
    char *out;
    size_t used, capacity;
};

static void put(struct shown *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct shown *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->out + to->used, to->capacity - to->used, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < to->capacity - to->used);
    to->used += (size_t)length;
}

static void put_bytes(struct shown *to, const struct phd__token *token, const char *name)
{
    put(to, "%s(", name);
    for (uint32_t i = 0; i < token->size; i++)
        put(to, i ? " %02x" : "%02x", token->bytes[i]);
    put(to, ")");
}

static uint64_t number(const uint8_t *bytes, size_t size)
{
    uint64_t result = 0;
    assert_true(phd__big_endian(bytes, size, &result));
    return result;
}

static double real(const uint8_t *bytes)
{
    uint64_t word = number(bytes, 8);
    double result;
    memcpy(&result, &word, sizeof result);
    return result;
}

static void put_missing(struct shown *to, const struct phd__token *token)
{
    struct phd__cursor inner = {token->bytes, token->bytes + token->size};
    struct phd__token array, reason;
    uint64_t address;
    assert_true(phd__token_next(&inner, &array) && array.type == PHD__TOKEN_ARRAY && array.size == 2);
    assert_true(phd__token_next(&inner, &reason) && reason.type == PHD__TOKEN_STR);
    assert_true(phd__token_unsigned(&inner, &address) && inner.at == inner.end);
    put(to, "missing(%.*s)", (int)reason.size, (const char *)reason.bytes);
}

static void put_ext(struct shown *to, const struct phd__token *token)
{
    const uint8_t *bytes = token->bytes;
    switch (token->ext_code) {
    case 1: put(to, "+%" PRIu64, number(bytes, token->size)); break;
    case 2: put(to, "@%" PRIu64, number(bytes, token->size)); break;
    case 3:
        assert_int_equal(token->size, 16);
        put(to, "run(%" PRIu64 ", %" PRIu64 ")", number(bytes, 8), number(bytes + 8, 8));
        break;
    case 4: put_bytes(to, token, "int"); break;
    case 5: put_bytes(to, token, "surrogates"); break;
    case 6: put_missing(to, token); break;
    case 7: put(to, "0x%" PRIx64, number(bytes, token->size)); break;
    case 8:
        assert_int_equal(token->size, 0);
        put(to, "absent");
        break;
    case 9:
        assert_int_equal(token->size, 16);
        put(to, "complex(%g, %g)", real(bytes), real(bytes + 8));
        break;
    default: fail_msg("extension type %d is not in docs/format.md", token->ext_code);
    }
}

static void put_value(struct shown *to, struct phd__cursor *cursor, bool is_key);

static void put_elements(struct shown *to, struct phd__cursor *cursor, const struct phd__token *token)
{
    bool map = token->type == PHD__TOKEN_MAP;
    put(to, map ? "{" : "[");
    for (uint32_t i = 0; i < token->size; i++) {
        put(to, i ? ", " : "");
        put_value(to, cursor, map);
        if (map) {
            put(to, ": ");
            put_value(to, cursor, false);
        }
    }
    put(to, map ? "}" : "]");
}

static void put_value(struct shown *to, struct phd__cursor *cursor, bool is_key)
{
    struct phd__token token;
    assert_true(phd__token_next(cursor, &token));
    switch (token.type) {
    case PHD__TOKEN_NIL: put(to, "nil"); break;
    case PHD__TOKEN_FALSE: put(to, "false"); break;
    case PHD__TOKEN_TRUE: put(to, "true"); break;
    case PHD__TOKEN_UNSIGNED: put(to, "%" PRIu64, token.value.u); break;
    case PHD__TOKEN_NEGATIVE: put(to, "%" PRId64, token.value.i); break;
    case PHD__TOKEN_FLOAT: put(to, "%.17g", token.value.d); break;
    case PHD__TOKEN_STR: put(to, is_key ? "%.*s" : "'%.*s'", (int)token.size, (const char *)token.bytes); break;
    case PHD__TOKEN_BIN: put_bytes(to, &token, "bin"); break;
    case PHD__TOKEN_EXT: put_ext(to, &token); break;
    case PHD__TOKEN_ARRAY:
    case PHD__TOKEN_MAP: put_elements(to, cursor, &token); break;
    }
}

void show_value(struct phd__cursor *cursor, char *out, size_t capacity)
{
    struct shown to = {out, strlen(out), capacity};
    put_value(&to, cursor, false);
}

const char *show(const void *bytes, size_t size)
{
    static char storage[256 * 1024];
    struct phd__cursor cursor = {bytes, (const uint8_t *)bytes + size};
    struct shown to = {storage, 0, sizeof storage};
    storage[0] = 0;
    while (cursor.at != cursor.end) {
        put(&to, to.used ? " " : "");
        put_value(&to, &cursor, false);
    }
    return storage;
}
