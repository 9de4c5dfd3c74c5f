/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that others made, which need not be UTF-8, as msgpack str, which must be: other bytes become '?'. Context: crash.
 */
#ifndef PHD_ENCODE_FOREIGN_H
#define PHD_ENCODE_FOREIGN_H

#include "encode/buffer.h"

/* The `length` bytes at `text`; behind them stands a NUL or a line feed. */
void phd__pack_foreign(struct phd_buffer *to, const char *text, size_t length);

void phd__pack_foreign_text(struct phd_buffer *to, const char *text);

#endif
