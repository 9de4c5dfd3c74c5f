/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracebacks as text, read from memory: no code of the target runs, so a message is made from the exception's args, not
 * by its __str__. Context: crash.
 */
#ifndef PHD_REPORT_TRACEBACK_H
#define PHD_REPORT_TRACEBACK_H

#include "safe/text.h"
#include "walk/walk.h"

/* "[pyheapdump] ValueError: no such order (app.py:88 in load)" into `out`. */
void phd__subject(struct phd_walk *walk, const struct phd_request *request, char *out, size_t capacity);

/* The exception with what caused it, then every thread. */
void phd__traceback_text(struct phd_walk *walk, const struct phd_request *request, struct phd_text *to);

#endif
