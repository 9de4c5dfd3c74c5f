/* SPDX-License-Identifier: Apache-2.0
 *
 * Text without stdio: a bounded builder, numbers, dates, and error records.
 * Context: crash.
 */
#ifndef PHD_SAFE_TEXT_H
#define PHD_SAFE_TEXT_H

#include "pyheapdump.h"

/* A text being built in the caller's storage; what does not fit is dropped and `full` is set. */
struct phd_text {
    char *data;
    size_t used;
    size_t capacity;
    bool full;
};

void phd__text_init(struct phd_text *text, char *storage, size_t capacity);
void phd__text_bytes(struct phd_text *text, const void *bytes, size_t length);
void phd__text_string(struct phd_text *text, const char *string);
void phd__text_unsigned(struct phd_text *text, uint64_t value);
void phd__text_signed(struct phd_text *text, int64_t value);
void phd__text_hex(struct phd_text *text, uint64_t value, unsigned minimum_digits);
/* `value` with leading zeros to `digits` digits */
void phd__text_padded(struct phd_text *text, uint64_t value, unsigned digits);
/* as size_text() in pymodule/pyheapdump/capture.py has it: "312 bytes", "1.5 MiB" */
void phd__text_size(struct phd_text *text, uint64_t bytes);
/* the RFC 5322 date of `time_ns`, in UTC */
void phd__text_date(struct phd_text *text, int64_t time_ns);

/* Read the decimal number that `*at`, which ends with a NUL, begins with, and move `*at` behind it; false when there is
 * no digit. A number beyond 64 bits wraps. */
bool phd__text_parse_unsigned(const char **at, uint64_t *value);

size_t phd__string_length(const char *string);
bool phd__string_equal(const char *a, const char *b);

/* Fill `error` (may be NULL). `step` is cut to fit. */
void phd__error_set(struct phd_error *error, enum phd_status status, int system_errno, const char *step);

#endif
