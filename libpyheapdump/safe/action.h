/* SPDX-License-Identifier: Apache-2.0
 *
 * The fatal signals, and the actions of signals without the C library. glibc's sigaction() takes a lock when it is asked
 * about SIGABRT (glibc 2.42: signal/sigaction.c, __sigaction, and stdlib/abort.c, __abort_lock_wrlock): a thread that is
 * in fork() or abort() may hold it, for ever in the clone. Context: crash.
 */
#ifndef PHD_SAFE_ACTION_H
#define PHD_SAFE_ACTION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* The signals that phd_install handles: they end the process. An initialiser of an array of int. */
#define PHD_FATAL_SIGNALS                                                                                              \
    {                                                                                                                  \
        SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP                                                      \
    }

/* As the kernel has it (struct sigaction of arch/x86/include/uapi/asm/signal.h). All zero: the default action. */
struct phd_action {
    void *handler;
    unsigned long flags;
    void *restorer; /* what the handler returns to; given by whoever set the handler */
    uint64_t mask;
};

/* False when the kernel refuses. */
bool phd__action_get(int signal_number, struct phd_action *action);
bool phd__action_set(int signal_number, const struct phd_action *action);

#endif
