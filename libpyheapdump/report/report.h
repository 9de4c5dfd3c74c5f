/* SPDX-License-Identifier: Apache-2.0
 *
 * The readable half of the dump: the MIME headers and the traceback of every thread as text (docs/format.md section 1).
 * Written first, so that even a file cut early tells what happened. Context: crash.
 */
#ifndef PHD_REPORT_H
#define PHD_REPORT_H

#include "native/native.h"
#include "sink/sink.h"
#include "walk/walk.h"

enum { PHD_BOUNDARY_SIZE = 64 };

/* Write the headers, the preamble and the text part, and begin the binary part. `boundary` receives the MIME boundary,
 * for phd__report_end. `native`: what is known of the fatal signal, or NULL. `walk` is used to read the target; nothing is met. */
void phd__report_begin(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                       struct phd_sink *sink, char boundary[PHD_BOUNDARY_SIZE]);

/* Close the message. */
void phd__report_end(struct phd_sink *sink, const char *boundary);

#endif
