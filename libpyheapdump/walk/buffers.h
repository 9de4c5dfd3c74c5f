/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers: memory of the target that the content of objects consists of, byte by byte. It is written once, whoever looks
 * at it, and of one that is very large the head and the tail.
 *
 * A view (numpy array, memoryview, ctypes instance …) refers to the content of the object that keeps the memory, which is
 * found along `base`, `obj` and such, and proved by the addresses. Where that leads to nothing known (a capsule, an object
 * of another package), the addresses alone tell: extents.h knows what the file has already, and only the rest is written.
 * docs/format.md, SHARED. Context: crash.
 */
#ifndef PHD_WALK_BUFFERS_H
#define PHD_WALK_BUFFERS_H

#include "walk/content.h"

/* Memory that is, as it stands, the content of an object: bytes, or references (numpy's arrays of objects). */
struct phd_span {
    uint64_t address, length;
    bool references;
};

/* Where the bytes of `span` stand in the content of another object. */
struct phd_owner {
    uint64_t object; /* 0: no other object has them */
    uint64_t offset; /* of the span in its content, bytes */
    uint64_t length; /* of its content */
};

/* The object that keeps the memory that `object` looks at; none when the span is in the middle of a buffer so large that
 * only its head and tail are kept: the view, whose elements take so many `bytes`, is then what keeps them. Never faults. */
struct phd_owner phd__find_owner(struct phd_walk *walk, uint64_t object, const struct phd_span *span, uint64_t bytes);

/* Write the reference to `length` bytes (references: values) of the owner's content, from `offset` on. */
void phd__put_shared(struct phd_walk *walk, enum phd_shape shape, uint64_t owner, uint64_t offset, uint64_t length);

/* Write the bytes of `span` as the content of the current object, apart from those that are in the file already. */
void phd__put_memory(struct phd_walk *walk, enum phd_content_form form, enum phd_shape shape,
                     const struct phd_span *span);

/* A view of bytes. */
struct phd_view {
    uint64_t object;
    struct phd_span span;
};
/* Write the content of a struct phd_view, in its own record or by its owner's; for phd__put_guarded. */
void phd__put_view(struct phd_walk *walk, void *view);

/* How many bytes of a buffer of `length` the file may get: all, or the head and the tail, half each. `*reason` tells why
 * the rest is left out, NULL when none is. Asked once for each record. */
uint64_t phd__buffer_allowance(struct phd_walk *walk, uint64_t length, const char **reason);
/* So many of the bytes that all buffers may have are used now. */
void phd__take_allowance(struct phd_walk *walk, uint64_t length);

/* leaves.c: the content of the bytes or bytearray at `object` */
struct phd_span phd__bytes_span(struct phd_walk *walk, uint64_t object, enum phd_shape shape);

#endif
