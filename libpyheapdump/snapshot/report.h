/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writer of a dump tells the process that waits for it: a page that both share. No descriptor: one could be
 * missing, the program could close it and give its number to another file, and a child that the program forks meanwhile
 * would have it, too. Context: crash.
 */
#ifndef PHD_SNAPSHOT_REPORT_H
#define PHD_SNAPSHOT_REPORT_H

#include <stdatomic.h>

#include "pyheapdump.h"
#include "report/late_texts.h"

enum phd_progress { PHD_REPORT_NOTHING, PHD_REPORT_NAMED, PHD_REPORT_CREATED, PHD_REPORT_DONE };

struct phd_report {
    _Atomic uint32_t progress;  /* what is told by now, for phd__wait; written last */
    bool named;                 /* NAMED: it has chosen a name */
    _Atomic unsigned sequence;  /* NAMED: the <n> of that name; the last one counts */
    _Atomic unsigned directory; /* NAMED: the number of its directory; likewise */
    _Atomic int refused_errno;  /* NAMED: why it is not the first, or 0 */
    enum phd_status status;     /* DONE */
    struct phd_error error;     /* DONE */
    struct phd_result result;   /* DONE */
    struct phd_late_texts late; /* told the other way */
};

/* A report that tells nothing yet, for a child to be made; NULL when there is no memory. */
struct phd_report *phd__report_new(void);
void phd__report_free(struct phd_report *report);

#endif
