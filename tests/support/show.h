/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows packed values as text, so that a test can say in one line what it expects.
 *
 *     [9, 1, -2.5, 'text', bin(00 ff), nil, {a: 1}]   containers, numbers, str, bin; keys of maps without quotes
 *     +3 @7 run(4, 2)                               references: forward, by id, runs
 *     int(ff 00) surrogates(ed a0 80) complex(1, -2) absent 0x7f00
 *     missing(not mapped)                           without the address
 */
#ifndef TEST_SHOW_H
#define TEST_SHOW_H

#include <stddef.h>

#include "read/token.h"

/* Appends the next value of the cursor to `out` (capacity bytes, always terminated) and moves behind it. Fails the
 * test when the bytes are no value or the text does not fit. */
void show_value(struct phd__cursor *cursor, char *out, size_t capacity);

/* All values of `size` bytes at `bytes`, separated by spaces, in storage that the next call uses again. */
const char *show(const void *bytes, size_t size);

#endif
