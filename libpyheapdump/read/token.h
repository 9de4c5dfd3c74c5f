/* SPDX-License-Identifier: Apache-2.0
 *
 * A pull parser for msgpack: one call gives the next token of a byte range, checked against the range's end.
 *
 * It serves everything that reads msgpack here: descriptors and the index (no Python), the search for record
 * boundaries, and the decoder of the extension module. msgpack-c's unpack_template.h is not used: its callbacks for
 * arrays and maps are told a count but not the position, so a count cannot be checked against the bytes that remain
 * before something is allocated for it, and finding the end of a value would need a second instance that builds
 * nothing.
 *
 * What a token promises: the bytes of a str, bin or ext lie within the range; an array's or map's count is at most
 * the number of bytes left (each element has one byte at least).
 */
#ifndef PHD_READ_TOKEN_H
#define PHD_READ_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHD__MAX_NESTING 32 /* arrays and maps within one another, docs/format.md section 10 */

enum phd__token_type {
    PHD__TOKEN_NIL,
    PHD__TOKEN_FALSE,
    PHD__TOKEN_TRUE,
    PHD__TOKEN_UNSIGNED, /* an int >= 0: value.u */
    PHD__TOKEN_NEGATIVE, /* an int < 0: value.i */
    PHD__TOKEN_FLOAT,    /* value.d */
    PHD__TOKEN_STR,      /* bytes, size */
    PHD__TOKEN_BIN,      /* bytes, size */
    PHD__TOKEN_EXT,      /* bytes, size, ext_code */
    PHD__TOKEN_ARRAY,    /* size: number of elements that follow */
    PHD__TOKEN_MAP,      /* size: number of pairs that follow */
};

struct phd__token {
    enum phd__token_type type;
    int8_t ext_code;
    uint32_t size;
    const uint8_t *bytes; /* borrowed from the range */
    union {
        uint64_t u;
        int64_t i;
        double d;
    } value;
};

struct phd__cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* Takes the next token. False, and the cursor unchanged, when the bytes are no msgpack or end too early. */
bool phd__token_next(struct phd__cursor *cursor, struct phd__token *ret);

/* Takes the next token and gives its value when it is an int >= 0. False otherwise. */
bool phd__token_unsigned(struct phd__cursor *cursor, uint64_t *ret);

/* Moves behind one whole value, with all that it contains. False when it is damaged or nested too deep. */
bool phd__token_skip(struct phd__cursor *cursor);

/* Reads a big-endian unsigned number of `size` bytes (1, 2, 4 or 8). False for any other size. */
bool phd__big_endian(const uint8_t *bytes, size_t size, uint64_t *ret);

#endif
