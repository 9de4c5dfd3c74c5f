/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing into a phd_buffer: msgpack-c's own packer template, instantiated for our buffer (it allocates nothing), and
 * the extension types of docs/format.md section 3. Context: crash.
 */
#ifndef PHD_ENCODE_PACK_H
#define PHD_ENCODE_PACK_H

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>

#include "encode/buffer.h"

#define msgpack_pack_inline_func(name) static inline int phd__pack##name
#define msgpack_pack_inline_func_cint(name) static inline int phd__pack##name
#define msgpack_pack_inline_func_fixint(name) static inline int phd__pack_fix##name
#define msgpack_pack_user struct phd_buffer *
#define msgpack_pack_append_buffer(user, bytes, length) return phd__buffer_append(user, bytes, length)
#define msgpack_pack_ext phd__pack_ext /* the template of msgpack-c 7 calls this one by its public name */
#include <msgpack/pack_template.h>
#undef msgpack_pack_ext

enum phd_ext {
    PHD_EXT_FORWARD = 1,
    PHD_EXT_REFERENCE = 2,
    PHD_EXT_RUN = 3,
    PHD_EXT_INT = 4,
    PHD_EXT_SURROGATES = 5,
    PHD_EXT_MISSING = 6,
    PHD_EXT_ADDRESS = 7,
    PHD_EXT_ABSENT = 8,
    PHD_EXT_COMPLEX = 9
};

/* A msgpack str from a C string. */
static inline void phd__pack_text(struct phd_buffer *to, const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    phd__pack_str(to, length);
    phd__pack_str_body(to, text, length);
}

static inline void phd__pack_bytes(struct phd_buffer *to, const void *bytes, size_t length)
{
    phd__pack_bin(to, length);
    phd__pack_bin_body(to, bytes, length);
}

/* An unsigned number as extension `type`, in the 1, 2, 4 or 8 bytes it needs. */
static inline void phd__pack_number_ext(struct phd_buffer *to, uint8_t type, uint64_t number)
{
    unsigned log2 = number < 0x100 ? 0 : number < 0x10000 ? 1 : number <= 0xffffffff ? 2 : 3;
    uint8_t *out = phd__buffer_reserve(to, 10);
    if (!out)
        return;
    uint64_t big_endian = __builtin_bswap64(number << (64 - (8u << log2)));
    out[0] = (uint8_t)(0xd4 + log2);
    out[1] = type;
    memcpy(out + 2, &big_endian, 8);
    to->used += 2 + ((size_t)1 << log2);
}

static inline void phd__pack_reference(struct phd_buffer *to, uint64_t id)
{
    phd__pack_number_ext(to, PHD_EXT_REFERENCE, id);
}

static inline void phd__pack_forward(struct phd_buffer *to, uint64_t distance)
{
    phd__pack_number_ext(to, PHD_EXT_FORWARD, distance);
}

static inline void phd__pack_address(struct phd_buffer *to, uint64_t address)
{
    phd__pack_number_ext(to, PHD_EXT_ADDRESS, address);
}

static inline void phd__pack_absent(struct phd_buffer *to)
{
    phd__pack_ext(to, 0, PHD_EXT_ABSENT);
}

/* Something that could not be read or was left out: `reason` is shorter than 128 bytes. */
static inline void phd__pack_missing(struct phd_buffer *to, const char *reason, uint64_t address)
{
    uint8_t storage[160];
    struct phd_buffer inner = {storage, 0, sizeof storage, false};
    phd__pack_array(&inner, 2);
    phd__pack_text(&inner, reason);
    phd__pack_uint64(&inner, address);
    phd__pack_ext(to, inner.used, PHD_EXT_MISSING);
    phd__pack_ext_body(to, storage, inner.used);
}

/* A run of `count` consecutive references from `id`. */
static inline void phd__pack_run(struct phd_buffer *to, uint64_t id, uint64_t count)
{
    uint64_t words[2] = {__builtin_bswap64(id), __builtin_bswap64(count)};
    phd__pack_ext(to, sizeof words, PHD_EXT_RUN);
    phd__pack_ext_body(to, words, sizeof words);
}

static inline void phd__pack_complex(struct phd_buffer *to, const double value[2])
{
    uint64_t words[2];
    memcpy(words, value, sizeof words);
    words[0] = __builtin_bswap64(words[0]);
    words[1] = __builtin_bswap64(words[1]);
    phd__pack_ext(to, sizeof words, PHD_EXT_COMPLEX);
    phd__pack_ext_body(to, words, sizeof words);
}

#endif
