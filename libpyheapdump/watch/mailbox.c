/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread waits on its bell, and then for the end of the child: it has nothing else to do, so that it can be asked
 * while another dump is written.
 *
 * Context: crash, but for phd_attachable and what is called around forks.
 */
#include "watch/mailbox.h"

#include <errno.h>
#include <sys/wait.h>

#include "safe/text.h"
#include "safe/wait.h"
#include "snapshot/snapshot.h"
#include "watch/worker.h"

static uint64_t serve(void);
static struct phd_worker thread = {.serve = serve};
static bool restart; /* it was stopped for a fork */

static struct phd_mailbox mailbox = {.magic = PHD_MAILBOX_MAGIC, .version = PHD_MAILBOX_VERSION, .bell = &thread.bell};

/* The name that others find it by; the code here uses the other, which no library in the same process can take over. */
extern struct phd_mailbox phd_mailbox __attribute__((alias("mailbox"), visibility("default")));

static uint64_t serve(void)
{
    if (!atomic_exchange(&mailbox.request, 0))
        return PHD_FOREVER;
    int child = phd__snapshot_memory();
    if (child < 0)
        atomic_store(&mailbox.refused, (uint32_t)-child);
    while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return PHD_FOREVER;
}

enum phd_status phd_attachable(bool wanted, struct phd_error *error)
{
    int refused = 0;
    atomic_store(&mailbox.open, wanted);
    restart = false;
    if (wanted)
        refused = phd__worker_start(&thread);
    else
        phd__worker_stop(&thread);
    if (!refused)
        return PHD_OK;
    atomic_store(&mailbox.open, 0);
    phd__error_set(error, PHD_ERROR_SYSTEM, refused, "pthread_create");
    return PHD_ERROR_SYSTEM;
}

void phd__mailbox_before_fork(void)
{
    restart |= phd__worker_stop(&thread);
}

void phd__mailbox_after_fork(bool in_child)
{
    if (in_child) {
        phd__worker_forget(&thread);
        atomic_store(&mailbox.request, 0);
    }
    if ((restart || in_child) && atomic_load(&mailbox.open))
        phd__worker_start(&thread); /* refused: the process is read from outside */
    restart = false;
}
