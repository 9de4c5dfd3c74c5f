/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a frozen process that has this library for a snapshot of itself (watch/mailbox.h). Context: normal.
 */
#ifndef PHD_ATTACH_ASK_H
#define PHD_ATTACH_ASK_H

#include "attach/freeze.h"
#include "native/modules.h"

enum { PHD_MAX_MAILBOXES = 4, PHD_WHY_ROOM = 64 };

struct phd_ask {
    unsigned count; /* of copies of the library in the target that can be asked */
    struct {
        uint64_t address, bell;
    } mailboxes[PHD_MAX_MAILBOXES];
    int child;                  /* the snapshot, held by this thread; 0: there is none */
    char why_not[PHD_WHY_ROOM]; /* there is one to ask, but no snapshot: why */
};

/* Look for those to ask; the target may run. */
void phd__ask_find(struct phd_ask *ask, struct phd_memory *memory, const struct phd_modules *modules);

/* Ask, and wait up to `seconds` for the snapshot. The target is frozen before and after. True: `ask->child` is a process
 * that has the target's memory as it is; the target may go on. It must be let go, by the end of this thread at the latest. */
bool phd__ask(struct phd_ask *ask, struct phd_frozen *frozen, double seconds);

/* Then: let the snapshot give up what else it has of the program's, and hold it where it can be read. False when it did
 * not come there in time. */
bool phd__ask_hold(struct phd_ask *ask, double seconds);

/* Let the snapshot end. May be called again. */
void phd__ask_end(struct phd_ask *ask);

#endif
