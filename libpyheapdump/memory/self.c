/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of the process itself (or of its clone), guarded by a SIGSEGV/SIGBUS recovery point.
 * Context: crash.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory/memory.h"
#include "memory/wiped.h"
#include "safe/text.h"

/* One walk at a time per process: the handler has to find the memory it guards, and the thread that reads it. */
static struct phd_memory *volatile guarded;
static volatile int guarded_thread;
static struct sigaction previous_actions[2];
static const int guarded_signals[2] = {SIGSEGV, SIGBUS};

_Noreturn void phd__memory_fault(struct phd_memory *memory, uint64_t address, const char *reason)
{
    memory->fault_address = address;
    memory->fault_reason = reason;
    if (!memory->recovery)
        _exit(126); /* a read outside of any guard is a bug of ours: in the child, the only safe way out */
    siglongjmp(*memory->recovery, 1);
}

/* A signal that is not the reader's: the program's own handler sees it as if we were not there, and ours stays, because
 * the walk goes on when that handler returns. Without one the default action follows: the instruction faults again, and
 * a signal that was sent is sent again. */
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    const struct sigaction *previous = &previous_actions[signal_number == SIGBUS];
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(signal_number, info, context);
    } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(signal_number);
    } else {
        sigaction(signal_number, previous, NULL);
        if (info->si_code <= 0)
            syscall(SYS_tgkill, getpid(), gettid(), signal_number);
    }
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    struct phd_memory *memory = guarded;
    bool is_fault = info->si_code > 0; /* and not sent by kill() */
    if (is_fault && memory && memory->recovery && gettid() == guarded_thread)
        phd__memory_fault(memory, (uint64_t)(uintptr_t)info->si_addr, "not mapped");
    pass_on(signal_number, info, context);
}

enum phd_status phd__memory_self_open(struct phd_memory *memory, struct phd_error *error)
{
    memset(memory, 0, sizeof *memory);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    /* SA_NODEFER: the handler is left by a jump, which must not leave the signal blocked. SA_ONSTACK: a stack overflow
     * may be what brought us here. */
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    guarded = memory;
    guarded_thread = gettid();
    for (int i = 0; i < 2; i++) {
        if (sigaction(guarded_signals[i], &action, &previous_actions[i]) != 0) {
            phd__error_set(error, PHD_ERROR_SYSTEM, errno, "sigaction");
            return PHD_ERROR_SYSTEM;
        }
    }
    return PHD_OK;
}

static void forbid(uint64_t start, uint64_t end, void *argument)
{
    (void)argument;
    mprotect((void *)(uintptr_t)start, end - start, PROT_NONE);
}

/* The memory is this clone's own: reading there faults from now on. */
static void find_wiped(struct phd_memory *memory)
{
    (void)memory;
    phd__wiped_each(getpid(), forbid, NULL);
}

void phd__memory_self_is_clone(struct phd_memory *memory)
{
    memory->find_wiped = find_wiped;
}

void phd__memory_self_close(struct phd_memory *memory)
{
    (void)memory;
    if (!guarded)
        return;
    for (int i = 0; i < 2; i++)
        sigaction(guarded_signals[i], &previous_actions[i], NULL);
    guarded = NULL;
}

size_t phd__read_text(struct phd_memory *memory, uint64_t address, char *out, size_t capacity)
{
    size_t length = 0;
    while (length + 1 < capacity) {
        char c = (char)phd__read_u8(memory, address + length);
        if (!c)
            break;
        out[length++] = c;
    }
    out[length] = 0;
    return length;
}
