/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracebacks as text, read from memory: no code of the target runs, so a message is made from the exception's args and fields, not
 * by its __str__. Context: crash.
 */
#ifndef PHD_REPORT_TRACEBACK_H
#define PHD_REPORT_TRACEBACK_H

#include "native/native.h"
#include "safe/text.h"
#include "walk/walk.h"

/* "[pyheapdump] ValueError: no such order (app.py:88 in load)" into `out`. `native`: what is known of the fatal signal,
 * or NULL. */
void phd__subject(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native, char *out,
                  size_t capacity);

/* The signal with the native stack where it hit, the exception with what caused it, then every thread. */
void phd__traceback_text(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                         struct phd_text *to);

#endif
