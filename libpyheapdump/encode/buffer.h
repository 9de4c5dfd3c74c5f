/* SPDX-License-Identifier: Apache-2.0
 *
 * A buffer of fixed capacity that msgpack values are packed into. What does not fit is dropped and `overflow` is set:
 * the writer checks it once per record. Context: crash.
 */
#ifndef PHD_ENCODE_BUFFER_H
#define PHD_ENCODE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct phd_buffer {
    uint8_t *data;
    size_t used;
    size_t capacity;
    bool overflow;
};

static inline int phd__buffer_append(struct phd_buffer *buffer, const void *bytes, size_t length)
{
    if (__builtin_expect(length > buffer->capacity - buffer->used, 0)) {
        buffer->overflow = true;
        return -1;
    }
    if (length) /* memcpy takes no null pointer, not even for nothing */
        memcpy(buffer->data + buffer->used, bytes, length);
    buffer->used += length;
    return 0;
}

/* Room for `length` bytes at the end, or NULL; the caller fills them and adds to `used`. */
static inline uint8_t *phd__buffer_reserve(struct phd_buffer *buffer, size_t length)
{
    if (__builtin_expect(length > buffer->capacity - buffer->used, 0)) {
        buffer->overflow = true;
        return NULL;
    }
    return buffer->data + buffer->used;
}

#endif
