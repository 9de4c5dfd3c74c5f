/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of exceptions that come late: the process makes them (with __str__, after Python has printed them), while its copy
 * is being written, and the writer puts them into the file at its end.
 *
 * The two share this memory, as they share the writer's report (snapshot/report.h). The writer waits for them for a short
 * time only: a text that does not come costs nothing else. A text goes by the address of its exception, which is the same
 * in the copy. Secrets are left out as far as the walk knows them: texts that it left out, and what the exception itself
 * keeps under a telling name. Context: crash.
 */
#ifndef PHD_REPORT_LATE_TEXTS_H
#define PHD_REPORT_LATE_TEXTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct phd_walk;

enum { PHD_LATE_ROOM = 60 * 1024, PHD_MAX_LATE_TEXT = 8 * 1024 };
enum phd_late_state { PHD_LATE_NONE, PHD_LATE_EXPECTED, PHD_LATE_TOLD };

struct phd_late_texts {
    _Atomic uint32_t state; /* enum phd_late_state, for phd__wait */
    uint32_t used;          /* bytes of `texts`, when TOLD */
    uint8_t texts[PHD_LATE_ROOM];
};

/* Add the UTF-8 `text` of the exception at this address; one too long is cut. False when there is no room for it. */
bool phd__late_add(struct phd_late_texts *late, uint64_t exception, const char *text, size_t length);

/* No more texts come. */
void phd__late_told(struct phd_late_texts *late);

/* In the writer: wait for the texts and write them as a block of their own. */
void phd__late_put(struct phd_walk *walk, struct phd_late_texts *late);

#endif
