/* SPDX-License-Identifier: Apache-2.0
 *
 * A synthetic heap: bytes laid out as CPython of some version would, at addresses of our choosing, so that a test can
 * walk objects that no interpreter would make, broken ones above all.
 *
 * Objects stand one after the other in pages that end before a page which is not mapped. Every object is made with one
 * reference; `heap_shared` gives it more. Failing to build a heap fails the test.
 */
#ifndef TEST_HEAP_H
#define TEST_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "layout/layout.h"

struct heap {
    const struct phd_layout *at;
    uint8_t *pages;
    size_t used;
    size_t capacity;
    uint64_t unmapped; /* address of a page that cannot be read */
    /* type objects, and the one None */
    uint64_t type, object, none_type, bool_, int_, float_, complex_, str, bytes, bytearray, list, tuple, dict, set;
    uint64_t none, true_;
};

/* `version` as for phd__layout_find. */
void heap_open(struct heap *heap, int version);
void heap_close(struct heap *heap);

/* `size` zeroed bytes, aligned to 16. */
uint64_t heap_bytes(struct heap *heap, size_t size);
/* The last `size` bytes (a multiple of 16) before the unmapped page, zeroed. */
uint64_t heap_last_bytes(struct heap *heap, size_t size);
void heap_set_word(uint64_t address, int64_t offset, uint64_t value);
void heap_set_u32(uint64_t address, int64_t offset, uint32_t value);
uint64_t heap_word(uint64_t address, int64_t offset);

/* A static type object. */
uint64_t heap_new_type(struct heap *heap, const char *name, uint64_t base, uint64_t basicsize, uint64_t flags);
/* An object of `size` bytes with its header. */
uint64_t heap_new_object(struct heap *heap, uint64_t type, size_t size);
/* Let `object` have two references, so that it is met by its identity; returns it. */
uint64_t heap_shared(struct heap *heap, uint64_t object);

uint64_t heap_new_int(struct heap *heap, int64_t value);
uint64_t heap_new_big_int(struct heap *heap, size_t digits, uint32_t digit);
uint64_t heap_new_float(struct heap *heap, double value);
uint64_t heap_new_str(struct heap *heap, const char *ascii);
/* A str of `length` characters of `kind` bytes each (1, 2, 4), not marked as ASCII. */
uint64_t heap_new_wide_str(struct heap *heap, const void *characters, size_t length, unsigned kind);
uint64_t heap_new_bytes(struct heap *heap, const void *bytes, size_t length);
uint64_t heap_new_bytearray(struct heap *heap, const void *bytes, size_t length);
/* `items` may be NULL: then the items are NULL pointers. */
uint64_t heap_new_list(struct heap *heap, size_t count, const uint64_t *items);
uint64_t heap_new_tuple(struct heap *heap, size_t count, const uint64_t *items);
/* `pairs`: key, value, key, value … */
uint64_t heap_new_dict(struct heap *heap, size_t count, const uint64_t *pairs);
uint64_t heap_new_set(struct heap *heap, size_t count, const uint64_t *members);

/* A list or tuple of the given objects. */
#define LIST(heap, ...) heap_new_list(heap, sizeof((uint64_t[]){__VA_ARGS__}) / 8, (const uint64_t[]){__VA_ARGS__})
#define TUPLE(heap, ...) heap_new_tuple(heap, sizeof((uint64_t[]){__VA_ARGS__}) / 8, (const uint64_t[]){__VA_ARGS__})
#define DICT(heap, ...) heap_new_dict(heap, sizeof((uint64_t[]){__VA_ARGS__}) / 16, (const uint64_t[]){__VA_ARGS__})

#endif
