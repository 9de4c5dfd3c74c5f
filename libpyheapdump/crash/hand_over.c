/* SPDX-License-Identifier: Apache-2.0
 *
 * The same signal with the same information is queued for this thread. It is blocked until the handler returns; so it
 * arrives where it arrived first, and what follows (a previous handler, the core file, the exit status) is as without
 * us. To let the instruction fault again would not do: abort() and kill have none, and behind int3 or a refused system
 * call the program would go on.
 *
 * But the first process of a PID namespace, a container's, gets no queued signal that has its default action: the kernel
 * drops it (kernel/signal.c, get_signal, SIGNAL_UNKILLABLE). What an instruction raises ends even that one (force_sig). So
 * there it is the instruction that is run again: int3, or the system call that a filter trapped, are just before the
 * program counter. What somebody has sent is dropped with us as without us. It is run again, too, under a filter of system
 * calls that is newer than us and may kill for the call that queues.
 *
 * Context: crash.
 */
#include "crash/hand_over.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash/park.h"
#include "safe/filters.h"

enum {
    EXIT_CODE_OF_SIGNAL = 128,        /* and its number: as shells and container engines tell it */
    ENDS_WITHIN = 1000 * 1000 * 1000, /* nanoseconds; a debugger may have dropped the signal */
    INT3 = 0xcc,                      /* and the long form, of two bytes */
    INT = 0xcd,
    SYSTEM_CALL_SIZE = 2 /* syscall, sysenter and int $0x80 alike */
};

static bool was_raised_by_kernel(const siginfo_t *info)
{
    return info->si_code > 0;
}

/* Would the instruction that the thread returns to raise the signal again? */
static bool will_fault_again(const siginfo_t *info)
{
    return was_raised_by_kernel(info) && info->si_signo != SIGTRAP && info->si_signo != SIGSYS;
}

/* Behind its signal abort() has an instruction that faults. */
static bool is_abort(const siginfo_t *info)
{
    return info->si_signo == SIGABRT && info->si_code == SI_TKILL && info->si_pid == getpid();
}

/* ---- by its instruction ---- */

/* The size of the breakpoint instruction before `address`, 0: a single step or a watchpoint has raised the signal. */
static unsigned breakpoint_size(const siginfo_t *info, greg_t address)
{
    const uint8_t *end = (const uint8_t *)(uintptr_t)address;
    if (info->si_code != SI_KERNEL)
        return 0;
    return end[-1] == INT3 ? 1 : end[-1] == 3 && end[-2] == INT ? 2 : 0;
}

static void run_again(const siginfo_t *info, ucontext_t *context, bool ends)
{
    greg_t *registers = context->uc_mcontext.gregs;
    unsigned size = info->si_signo == SIGTRAP ? breakpoint_size(info, registers[REG_RIP]) : SYSTEM_CALL_SIZE;
    registers[REG_RIP] -= size;
    if (info->si_signo == SIGSYS)
        registers[REG_RAX] = info->si_syscall;
    if (!size && ends) {
        __asm__ volatile("int3");
        syscall(SYS_exit_group, EXIT_CODE_OF_SIGNAL + info->si_signo);
    }
    if (!size)
        syscall(SYS_tgkill, getpid(), gettid(), info->si_signo);
}

/* ---- by the queue ---- */

static void queue(siginfo_t *info, bool filtered)
{
    bool queued = !filtered && syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), info->si_signo, info) == 0;
    if (!queued && !will_fault_again(info))
        syscall(SYS_tgkill, getpid(), gettid(), info->si_signo); /* without its information */
}

void phd__hand_over(const struct phd_action *action, siginfo_t *info, void *context)
{
    sigset_t blocked;
    bool ends = !action->handler, not_queued = ends && getpid() == 1, filtered = phd__filters_grown();
    phd__action_set(info->si_signo, action);
    sigemptyset(&blocked);
    sigaddset(&blocked, info->si_signo);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    if (!was_raised_by_kernel(info) || !(not_queued || filtered))
        queue(info, filtered);
    else if (!will_fault_again(info))
        run_again(info, context, ends);
    if (ends && (!not_queued || was_raised_by_kernel(info) || is_abort(info)))
        phd__park_let_go_after(ENDS_WITHIN);
    else
        phd__park_let_go();
}
