/* SPDX-License-Identifier: Apache-2.0
 *
 * Alternate signal stacks. A thread whose stack has overflowed can run a handler only on another stack, and each thread
 * must be given its own (sigaltstack(2)). Ours are mapped, with a guard page below; one that somebody else has set is
 * never replaced and never freed.
 *
 * A thread can only set its own stack. Another thread is made to do it by a signal whose handler changes the stack in
 * the context that it returns to: what it would set itself, the return would undo (restore_altstack,
 * arch/x86/kernel/signal_64.c).
 *
 * Context: crash, but for phd_signal_stack_add_to.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash/signal_taken.h"
#include "pyheapdump.h"
#include "safe/clock.h"
#include "safe/text.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51 /* asm/auxvec.h of Linux 5.14; older headers lack it */
#endif

enum {
    PAGE = 4096,
    HANDLER_ROOM = 64 * 1024,
    UNKNOWN_FRAME = 16 * 1024,
    MAX_FRAME = 1 << 20,
    PAUSE = 100 * 1000 /* nanoseconds */
};

/* The signal frame grows with the registers of the processor (AVX-512, AMX); the kernel tells its size. */
static size_t stack_size(void)
{
    size_t frame = getauxval(AT_MINSIGSTKSZ);
    if (frame == 0 || frame > MAX_FRAME)
        frame = UNKNOWN_FRAME;
    return (HANDLER_ROOM + frame + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* Map a stack behind a guard page and describe it to the kernel. */
static bool make_stack(struct phd_signal_stack *made, stack_t *described)
{
    size_t size = PAGE + stack_size();
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return false;
    mprotect(pages, PAGE, PROT_NONE); /* without it an overflow would not be noticed, which is no reason to fail */
    *made = (struct phd_signal_stack){pages, size};
    *described = (stack_t){.ss_sp = pages + PAGE, .ss_flags = 0, .ss_size = size - PAGE};
    return true;
}

enum phd_status phd_signal_stack_add(struct phd_signal_stack *stack, struct phd_error *error)
{
    stack_t found, described;
    struct phd_signal_stack made;
    *stack = (struct phd_signal_stack){NULL, 0};
    if (sigaltstack(NULL, &found) == 0 && !(found.ss_flags & SS_DISABLE))
        return PHD_OK;
    if (!make_stack(&made, &described)) {
        phd__error_set(error, PHD_ERROR_MEMORY, errno, "alternate signal stack");
        return PHD_ERROR_MEMORY;
    }
    if (sigaltstack(&described, NULL) != 0) {
        phd__error_set(error, PHD_ERROR_SYSTEM, errno, "sigaltstack");
        munmap(made.pages, made.size);
        return PHD_ERROR_SYSTEM;
    }
    *stack = made;
    return PHD_OK;
}

void phd_signal_stack_remove(const struct phd_signal_stack *stack)
{
    static const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t found;
    if (stack->pages && sigaltstack(NULL, &found) == 0 && found.ss_sp == (char *)stack->pages + PAGE &&
        sigaltstack(&none, NULL) == 0)
        munmap(stack->pages, stack->size);
}

/* ---- for other threads ---- */

static atomic_uint answers;
static _Atomic int asking; /* the process in which a thread does; a forked child has not inherited it */

static void on_request(int signal_number, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    struct phd_signal_stack made; /* lives as long as the thread, and then is not released: nobody tells of its end */
    int saved_errno = errno;
    (void)signal_number;
    if (info->si_pid == getpid() &&
        (!(context->uc_stack.ss_flags & SS_DISABLE) || make_stack(&made, &context->uc_stack)))
        atomic_fetch_add(&answers, 1);
    errno = saved_errno;
}

/* A real-time signal that nobody handles, the last of them first, or 0. */
static int free_signal(void)
{
    struct sigaction action;
    for (int candidate = SIGRTMAX; candidate >= SIGRTMIN; candidate--) {
        if (sigaction(candidate, NULL, &action) == 0 &&
            ((action.sa_flags & SA_SIGINFO) ? action.sa_sigaction == on_request : action.sa_handler == SIG_DFL))
            return candidate;
    }
    return 0;
}

static unsigned wait_for_answers(unsigned wanted, uint64_t end)
{
    static const struct timespec pause = {0, PAUSE};
    while (atomic_load(&answers) < wanted && phd__clock_ns() < end)
        nanosleep(&pause, NULL);
    return atomic_load(&answers);
}

static unsigned ask(int signal_number, const int *threads, unsigned count, uint64_t end)
{
    struct sigaction action, previous;
    unsigned asked = 0;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_request;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(signal_number, &action, &previous) != 0)
        return 0;
    atomic_store(&answers, 0);
    for (unsigned i = 0; i < count; i++) {
        if (threads[i] != gettid() && phd__signal_is_taken(threads[i], signal_number))
            asked += syscall(SYS_tgkill, getpid(), threads[i], signal_number) == 0;
    }
    unsigned answered = wait_for_answers(asked, end);
    if (answered == asked) /* else one is still on its way, and the default action would end the process */
        sigaction(signal_number, &previous, NULL);
    return answered;
}

/* One thread at a time asks; another one waits for it until `end`. */
static bool begin_asking(uint64_t end)
{
    static const struct timespec pause = {0, PAUSE};
    for (;;) {
        int found = atomic_load(&asking);
        if (found != getpid() && atomic_compare_exchange_strong(&asking, &found, getpid()))
            return true;
        if (phd__clock_ns() >= end)
            return false;
        nanosleep(&pause, NULL);
    }
}

unsigned phd_signal_stack_add_to(const int *threads, unsigned count, double seconds)
{
    uint64_t end = phd__deadline_after(seconds);
    unsigned answered = 0;
    if (!count || !begin_asking(end))
        return 0;
    int signal_number = free_signal();
    if (signal_number)
        answered = ask(signal_number, threads, count, end);
    atomic_store(&asking, 0);
    return answered;
}
