/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/signal_names.h"

#include <signal.h>
#include <stddef.h>

static const struct {
    int signal;
    const char *name;
} names[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"},
    {SIGSYS, "SIGSYS"},   {SIGTRAP, "SIGTRAP"}, {SIGQUIT, "SIGQUIT"}, {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"},
    {SIGHUP, "SIGHUP"},   {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGALRM, "SIGALRM"}, {SIGPIPE, "SIGPIPE"},
    {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"},
};

static const struct phd_signal_reason reasons[] = {
    {SIGSEGV, SEGV_MAPERR, PHD_REASON_ADDRESS, "SEGV_MAPERR", "not mapped"},
    {SIGSEGV, SEGV_ACCERR, PHD_REASON_ADDRESS, "SEGV_ACCERR", "not accessible in this way"},
    {SIGSEGV, SEGV_BNDERR, PHD_REASON_ADDRESS, "SEGV_BNDERR", "out of bounds"},
    {SIGSEGV, SEGV_PKUERR, PHD_REASON_ADDRESS, "SEGV_PKUERR", "forbidden by its protection key"},
    {SIGSEGV, SI_KERNEL, PHD_REASON_ALONE, "SI_KERNEL", "access to an impossible (non-canonical) address"},
    {SIGBUS, BUS_ADRALN, PHD_REASON_ADDRESS, "BUS_ADRALN", "not aligned"},
    {SIGBUS, BUS_ADRERR, PHD_REASON_ADDRESS, "BUS_ADRERR", "behind the end of the mapped file"},
    {SIGBUS, BUS_OBJERR, PHD_REASON_ADDRESS, "BUS_OBJERR", "hardware error"},
    {SIGBUS, BUS_MCEERR_AR, PHD_REASON_ADDRESS, "BUS_MCEERR_AR", "memory failure"},
    {SIGBUS, BUS_MCEERR_AO, PHD_REASON_ADDRESS, "BUS_MCEERR_AO", "memory failure found"},
    {SIGBUS, SI_KERNEL, PHD_REASON_ALONE, "SI_KERNEL", "access to an impossible (non-canonical) address"},
    {SIGFPE, FPE_INTDIV, PHD_REASON_ALONE, "FPE_INTDIV", "integer division by zero"},
    {SIGFPE, FPE_INTOVF, PHD_REASON_ALONE, "FPE_INTOVF", "integer overflow"},
    {SIGFPE, FPE_FLTDIV, PHD_REASON_ALONE, "FPE_FLTDIV", "floating-point division by zero"},
    {SIGFPE, FPE_FLTOVF, PHD_REASON_ALONE, "FPE_FLTOVF", "floating-point overflow"},
    {SIGFPE, FPE_FLTUND, PHD_REASON_ALONE, "FPE_FLTUND", "floating-point underflow"},
    {SIGFPE, FPE_FLTRES, PHD_REASON_ALONE, "FPE_FLTRES", "inexact floating-point result"},
    {SIGFPE, FPE_FLTINV, PHD_REASON_ALONE, "FPE_FLTINV", "invalid floating-point operation"},
    {SIGFPE, FPE_FLTSUB, PHD_REASON_ALONE, "FPE_FLTSUB", "subscript out of range"},
    {SIGFPE, FPE_FLTUNK, PHD_REASON_ALONE, "FPE_FLTUNK", "floating-point error"},
    {SIGILL, ILL_ILLOPC, PHD_REASON_ALONE, "ILL_ILLOPC", "illegal instruction"},
    {SIGILL, ILL_ILLOPN, PHD_REASON_ALONE, "ILL_ILLOPN", "illegal instruction"},
    {SIGILL, ILL_ILLADR, PHD_REASON_ALONE, "ILL_ILLADR", "illegal addressing mode"},
    {SIGILL, ILL_ILLTRP, PHD_REASON_ALONE, "ILL_ILLTRP", "illegal trap"},
    {SIGILL, ILL_PRVOPC, PHD_REASON_ALONE, "ILL_PRVOPC", "privileged instruction"},
    {SIGILL, ILL_PRVREG, PHD_REASON_ALONE, "ILL_PRVREG", "privileged register"},
    {SIGILL, ILL_COPROC, PHD_REASON_ALONE, "ILL_COPROC", "coprocessor error"},
    {SIGILL, ILL_BADSTK, PHD_REASON_ALONE, "ILL_BADSTK", "internal stack error"},
    {SIGTRAP, TRAP_BRKPT, PHD_REASON_ALONE, "TRAP_BRKPT", "breakpoint"},
    {SIGTRAP, TRAP_TRACE, PHD_REASON_ALONE, "TRAP_TRACE", "trace trap"},
    {SIGTRAP, SI_KERNEL, PHD_REASON_ALONE, "SI_KERNEL", "breakpoint"}, /* x86: int3 */
    {SIGSYS, 1, PHD_REASON_ALONE, "SYS_SECCOMP", NULL},
    {0, SI_KERNEL, PHD_REASON_ALONE, "SI_KERNEL", "raised by the kernel"},
    {0, SI_USER, PHD_REASON_SENT, "SI_USER", NULL},
    {0, SI_QUEUE, PHD_REASON_SENT, "SI_QUEUE", NULL},
    {0, SI_TKILL, PHD_REASON_SENT, "SI_TKILL", NULL},
    {0, SI_TIMER, PHD_REASON_ALONE, "SI_TIMER", "raised by a timer"},
    {0, SI_MESGQ, PHD_REASON_ALONE, "SI_MESGQ", "raised by a message queue"},
    {0, SI_ASYNCIO, PHD_REASON_ALONE, "SI_ASYNCIO", "raised by asynchronous input or output"},
    {0, SI_SIGIO, PHD_REASON_ALONE, "SI_SIGIO", "raised by queued input or output"},
};

const char *phd__signal_name(int signal)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].signal == signal)
            return names[i].name;
    return NULL;
}

const struct phd_signal_reason *phd__signal_reason(int signal, int code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if ((!reasons[i].signal || reasons[i].signal == signal) && reasons[i].code == code)
            return reasons + i;
    return NULL;
}
