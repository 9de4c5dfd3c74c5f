/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "snapshot/leftover.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { MAX_LEFTOVERS = 32 };

static _Atomic int leftovers[MAX_LEFTOVERS]; /* process ids, 0: none */
static _Atomic unsigned next;

void phd__leftover_add(int pid)
{
    atomic_store(&leftovers[atomic_fetch_add(&next, 1) % MAX_LEFTOVERS], pid);
}

void phd__leftovers_reap(void)
{
    for (unsigned i = 0; i < MAX_LEFTOVERS; i++) {
        int pid = atomic_exchange(&leftovers[i], 0); /* no other thread waits for the same one */
        /* In a forked child it is not ours: ECHILD. */
        if (pid > 0 && waitpid(pid, NULL, __WALL | WNOHANG) == 0)
            atomic_store(&leftovers[i], pid);
    }
}
