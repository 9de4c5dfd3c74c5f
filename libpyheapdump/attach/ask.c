/* SPDX-License-Identifier: Apache-2.0
 *
 *     all threads stand ─▶ the one that waits on the mailbox's bell ─▶ write the request, change the bell, let it run
 *       ─▶ it sees the bell changed, and clones ─▶ it and the child are stopped by that (PTRACE_O_TRACECLONE)
 *       ─▶ the child runs to its end, closing what it has of the program's, and is held there (PTRACE_O_TRACEEXIT)
 *
 * The thread is known by where it stands: in futex(2) on its bell. A thread that stands elsewhere is at work and is not
 * asked. The wait that the kernel begins anew when the thread goes on ends at once, as the word has changed: so no
 * signal is needed to wake it. Nothing here is trusted: what the mailbox says leads to writes in the target alone. When
 * this process ends, the kernel lets thread and child go, and the child ends. Context: normal.
 */
#include "attach/ask.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "native/symbols.h"
#include "safe/clock.h"
#include "safe/text.h"
#include "watch/mailbox.h"

enum { PAUSE = 50 * 1000 /* nanoseconds */ };
static const uint32_t CHANGED = (uint32_t)1 << 31; /* of the bell, whose low bits count */
static const char OUR_MODULES[] = "pyheapdump";

/* ---- finding ---- */

static void look_into(struct phd_ask *ask, struct phd_memory *memory, uint64_t address)
{
    struct phd_guard guard;
    if (PHD_GUARD(memory, &guard)) {
        const struct phd_mailbox *found = memory->view(memory, address, sizeof *found);
        if (memcmp(found->magic, PHD_MAILBOX_MAGIC, sizeof found->magic) == 0 &&
            found->version == PHD_MAILBOX_VERSION && found->open && ask->count < PHD_MAX_MAILBOXES) {
            ask->mailboxes[ask->count].address = address;
            ask->mailboxes[ask->count++].bell = (uint64_t)(uintptr_t)found->bell;
        }
    }
    PHD_UNGUARD(memory, &guard);
}

void phd__ask_find(struct phd_ask *ask, struct phd_memory *memory, const struct phd_modules *modules)
{
    struct phd_symbols symbols; /* of exports: no file is opened */
    memset(ask, 0, sizeof *ask);
    if (!phd__symbols_open(&symbols, memory))
        return;
    for (uint32_t i = 0; i < modules->count; i++) {
        const struct phd_module *module = modules->all + i;
        uint64_t address = strstr(phd__module_name(module), OUR_MODULES)
                               ? phd__symbol_address(&symbols, module, PHD_MAILBOX_SYMBOL)
                               : 0;
        if (address)
            look_into(ask, memory, address);
    }
    phd__symbols_close(&symbols);
}

/* ---- words of the target ---- */

static bool write_word(int pid, uint64_t address, uint32_t value)
{
    struct iovec here = {&value, sizeof value}, there = {(void *)(uintptr_t)address, sizeof value};
    return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)sizeof value;
}

static uint32_t read_word(int pid, uint64_t address)
{
    uint32_t value = 0;
    struct iovec here = {&value, sizeof value}, there = {(void *)(uintptr_t)address, sizeof value};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)sizeof value ? value : 0;
}

static uint64_t deadline_in(double seconds)
{
    return phd__clock_ns() + (uint64_t)(seconds * 1e9);
}

/* ---- asking ---- */

/* The thread that waits on the bell, and nowhere else; NULL: none does. */
static struct phd_frozen_thread *waiting_on(struct phd_frozen *frozen, uint64_t bell)
{
    struct user_regs_struct registers;
    for (unsigned i = 0; i < frozen->count; i++) {
        struct phd_frozen_thread *thread = frozen->threads + i;
        if (thread->stopped && !thread->pending_signal &&
            ptrace(PTRACE_GETREGS, thread->thread, NULL, &registers) == 0 && registers.orig_rax == SYS_futex &&
            registers.rdi == bell)
            return thread;
    }
    return NULL;
}

/* Wait until the process or thread stands for the event; what it said otherwise is in `*status`, -1: nothing. */
static bool wait_for_event(int id, int event, uint64_t deadline, int *status)
{
    static const struct timespec pause = {0, PAUSE};
    *status = -1;
    while (waitpid(id, status, __WALL | WNOHANG) == 0) {
        *status = -1;
        if (phd__clock_ns() > deadline)
            return false;
        nanosleep(&pause, NULL);
    }
    return *status >= 0 && WIFSTOPPED(*status) && *status >> 16 == event;
}

static bool say(struct phd_ask *ask, const char *why, int system_errno)
{
    struct phd_text text;
    phd__text_init(&text, ask->why_not, sizeof ask->why_not - 1);
    phd__text_string(&text, why);
    if (system_errno)
        phd__text_string(&text, strerror(system_errno));
    ask->why_not[text.used] = 0;
    return false;
}

/* The thread runs; wait until it stands with a child, or until it has refused. */
static bool wait_for_child(struct phd_ask *ask, struct phd_frozen_thread *thread, uint64_t refused, uint64_t deadline)
{
    unsigned long child = 0;
    int status = -1;
    uint32_t why = 0;
    while (status < 0 && !why && phd__clock_ns() < deadline) {
        wait_for_event(thread->thread, PTRACE_EVENT_CLONE, phd__clock_ns() + PAUSE, &status);
        why = status < 0 ? read_word(thread->thread, refused) : 0;
    }
    if (status < 0) { /* it runs: have it stand again, with or without a child */
        ptrace(PTRACE_INTERRUPT, thread->thread, NULL, NULL);
        wait_for_event(thread->thread, PTRACE_EVENT_CLONE, phd__clock_ns() + 1000000000u, &status);
    }
    phd__frozen_note(thread, status);
    if (status < 0 || status >> 16 != PTRACE_EVENT_CLONE)
        return why ? say(ask, "it can make no child: ", (int)why) : say(ask, "it did not answer", 0);
    if (ptrace(PTRACE_GETEVENTMSG, thread->thread, NULL, &child) != 0)
        return say(ask, "its snapshot was not found", 0);
    ask->child = (int)child;
    return true;
}

static bool ask_one(struct phd_ask *ask, unsigned index, struct phd_frozen_thread *thread, uint64_t deadline)
{
    int id = thread->thread;
    uint64_t address = ask->mailboxes[index].address, bell = ask->mailboxes[index].bell;
    uint64_t request = address + offsetof(struct phd_mailbox, request);
    uint64_t refused = address + offsetof(struct phd_mailbox, refused);
    if (ptrace(PTRACE_SETOPTIONS, id, NULL, (void *)PTRACE_O_TRACECLONE) != 0 || !write_word(id, refused, 0) ||
        !write_word(id, request, 1) || !write_word(id, bell, read_word(id, bell) ^ CHANGED))
        return say(ask, "its memory cannot be written: ", errno);
    thread->stopped = false;
    ptrace(PTRACE_CONT, id, NULL, NULL);
    bool answered = wait_for_child(ask, thread, refused, deadline);
    write_word(id, request, 0);
    return answered;
}

bool phd__ask(struct phd_ask *ask, struct phd_frozen *frozen, double seconds)
{
    if (!ask->count)
        return false;
    for (unsigned i = 0; i < frozen->count; i++) {
        if (frozen->threads[i].group_stopped)
            return say(ask, "it is stopped", 0);
    }
    for (unsigned i = 0; i < ask->count; i++) {
        struct phd_frozen_thread *thread = waiting_on(frozen, ask->mailboxes[i].bell);
        if (thread)
            return ask_one(ask, i, thread, deadline_in(seconds));
    }
    return say(ask, "its thread that answers is at work or not there", 0);
}

bool phd__ask_hold(struct phd_ask *ask, double seconds)
{
    int status;
    uint64_t deadline = deadline_in(seconds);
    if (wait_for_event(ask->child, PTRACE_EVENT_STOP, deadline, &status) &&
        ptrace(PTRACE_SETOPTIONS, ask->child, NULL, (void *)PTRACE_O_TRACEEXIT) == 0 &&
        ptrace(PTRACE_CONT, ask->child, NULL, NULL) == 0 &&
        wait_for_event(ask->child, PTRACE_EVENT_EXIT, deadline, &status))
        return true;
    kill(ask->child, SIGKILL); /* it is ours as long as it is traced; the end of this thread lets it go */
    ask->child = 0;
    return say(ask, "its snapshot was not to be had", 0);
}

void phd__ask_end(struct phd_ask *ask)
{
    if (ask->child)
        ptrace(PTRACE_DETACH, ask->child, NULL, NULL);
    ask->child = 0;
}
