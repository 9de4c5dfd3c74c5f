/* SPDX-License-Identifier: Apache-2.0
 *
 * How `attach` asks this process for a snapshot of itself, so that the process stands for the clone alone.
 *
 * The mailbox is a record in this library's memory, which others find by its exported symbol. Who asks must have the right
 * to trace this process: it writes into the mailbox as ptrace lets it, and wakes the thread that waits for it by stopping
 * and continuing it. So nobody else can ask, no signal of the program's is taken, no descriptor or file is open for it, and
 * no other thread of the program is interrupted. The answer is a child that is a copy of this process's memory and does
 * nothing but end: who asked gets hold of it at its birth (PTRACE_O_TRACECLONE), reads it, and lets it go. When nobody holds
 * it it ends at once. Context: crash, but where said.
 */
#ifndef PHD_WATCH_MAILBOX_H
#define PHD_WATCH_MAILBOX_H

#include <stdatomic.h>

#include "pyheapdump.h"

#define PHD_MAILBOX_SYMBOL "phd_mailbox"
#define PHD_MAILBOX_MAGIC "pyheapdump asks"

enum { PHD_MAILBOX_VERSION = 1, PHD_MAILBOX_MAGIC_ROOM = 16 };

/* Other versions of this library read it: a change that they would not understand needs another version. */
struct phd_mailbox {
    char magic[PHD_MAILBOX_MAGIC_ROOM];
    uint32_t version;
    _Atomic uint32_t open;    /* 1: a thread waits to be asked */
    _Atomic uint32_t request; /* 1: make a snapshot; set from outside, taken back by the thread */
    _Atomic uint32_t refused; /* errno of the clone that failed, 0: none did */
    _Atomic uint32_t *bell;   /* the futex the thread waits on: it wakes when the word changes */
};

/* Around a fork: stop the thread, and start it again where it ran. Context: normal. */
void phd__mailbox_before_fork(void);
void phd__mailbox_after_fork(bool in_child);

#endif
