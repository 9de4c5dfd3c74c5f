/* SPDX-License-Identifier: Apache-2.0
 *
 * Text or bytes that are put together piece by piece: the record of a str or bytes value whose content stands nowhere
 * in the target as a whole (a StringIO that collects, the digits of a Decimal, every second element of an array).
 *
 * The length must be known before. What is short is written into the record; more goes to CONTENT blocks, like that of a
 * large str (docs/format.md, SPLIT), of what is very large the head and the tail (buffers.h). Context: crash.
 */
#ifndef PHD_WALK_CONTENT_H
#define PHD_WALK_CONTENT_H

#include "walk/walk.h"

enum phd_content_form {
    PHD_CONTENT_RECORD, /* `[code, value]` or `[16, code, length]` */
    PHD_CONTENT_VALUE   /* the value alone where it is short, else `[16, code, length]` */
};

struct phd_content {
    struct phd_walk *walk;
    bool split;        /* goes to CONTENT blocks */
    uint64_t position; /* of what is appended next */
    uint64_t offset;   /* of walk->items in the content, when split */
    uint64_t head;     /* so many bytes are kept from the beginning */
    uint64_t tail;     /* and from here to the end */
};

/* Begin content of `shape` (PHD_SHAPE_STR: UTF-8; PHD_SHAPE_BYTES) and `length` bytes. A text has so many `characters`;
 * `surrogates`: its UTF-8 holds lone surrogates. */
void phd__content_begin(struct phd_content *content, struct phd_walk *walk, enum phd_content_form form,
                        enum phd_shape shape, uint64_t length, uint64_t characters, bool surrogates);
void phd__content_append(struct phd_content *content, const void *bytes, uint64_t length);
void phd__content_end(struct phd_content *content);
/* What comes up to byte `position` is not kept, so it need not be appended. */
bool phd__content_skips(const struct phd_content *content, uint64_t *position);
void phd__content_skip(struct phd_content *content, uint64_t position);

/* Is a page, or what the bytes have of one, all zero, though the process may have had something else there? They are from
 * `address`, in memory that is not CPython's own. What was wiped is found then: they must be read again. True once at
 * most. */
bool phd__zeros_may_be_wiped(struct phd_walk *walk, const uint8_t *bytes, uint64_t address, uint64_t length);

/* leaves.c: characters of a str, or of what is to become one */
struct phd_characters {
    uint64_t address;
    uint64_t count;
    unsigned kind; /* bytes per character: 1, 2, 4 */
};
/* The characters of the str at `object`. Faults when it is none. */
struct phd_characters phd__str_characters(struct phd_walk *walk, uint64_t object);
/* Bytes of the characters in UTF-8; `*surrogates` becomes true when some are lone surrogates. */
uint64_t phd__characters_utf8_length(struct phd_walk *walk, const struct phd_characters *characters, bool *surrogates);
void phd__content_append_characters(struct phd_content *content, const struct phd_characters *characters);

#endif
