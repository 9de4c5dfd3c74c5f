/* SPDX-License-Identifier: Apache-2.0
 *
 * One dump of the living process, from the choice of its name to the line on stderr, with the GIL where it can be had in
 * time. Context: crash, but where said.
 */
#ifndef PHD_WATCH_TAKE_H
#define PHD_WATCH_TAKE_H

#include "pyheapdump.h"

struct phd_order {
    const char *reason;
    const struct phd_near_limit *limit; /* NULL: it is not about memory */
    uint64_t thread;                    /* the PyThreadState it is about, 0: the GIL's holder, else the main thread's */
    bool gil_held;                      /* by a thread that waits until the snapshot is taken */
    bool ask_for_gil;                   /* otherwise: ask for it, and wait as long as the options say */
    uint64_t max_memory;                /* of the writer, bytes, 0: no bound */
    bool (*is_short)(void);  /* has memory become so short that the program must be held? NULL: that is not asked */
    bool hold;               /* it is short from the beginning */
    double hold_seconds;     /* the longest time that the program is held, by the GIL, while the dump is written */
    double seconds;          /* that it may take, 0: as the options say; whoever asks waits until it is written */
    void (*on_frozen)(void); /* called when the snapshot is taken or cannot be; NULL: nobody waits for it */
};

/* As phd_watch_configure. Context: normal. */
enum phd_status phd__take_configure(const struct phd_watch_options *options, struct phd_error *error);

/* Make a dump and wait until it is written. False, without a word, when another thread is making one. */
bool phd__take(const struct phd_order *order);

/* Is a dump being made? */
bool phd__take_is_busy(void);

/* The longest time that the dump at hand and one more may take, seconds, with what they wait for; negative: no limit. */
double phd__take_longest(void);

/* In a forked child: what the parent was doing is not done here. */
void phd__take_after_fork(void);

#endif
