/* SPDX-License-Identifier: Apache-2.0
 *
 * Registered signals: the handler gives the thread its work and returns, so that the program goes on as it would have
 * done, and system calls are restarted. With `chain` it waits until the process is frozen, for what follows may end it:
 * then the handler found before is called, or the action found before is put in place for an instant, in which the
 * signal comes again.
 *
 * Context: crash, but for the public functions.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "safe/action.h"
#include "safe/text.h"
#include "watch/watch.h"

enum { SIGNAL_COUNT = 64 };

static const int fatal_signals[] = PHD_FATAL_SIGNALS;

static struct {
    atomic_bool registered;
    bool chain;
    struct sigaction ours;
    struct sigaction previous;
} signals[SIGNAL_COUNT + 1];

/* ---- the signal ---- */

/* Only the default action is left: it takes a second signal. */
static void let_default_action_run(int signal_number)
{
    sigset_t only, previous;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigaction(signal_number, &signals[signal_number].previous, NULL);
    syscall(SYS_tgkill, getpid(), gettid(), signal_number);
    sigprocmask(SIG_UNBLOCK, &only, &previous); /* it comes here */
    sigprocmask(SIG_SETMASK, &previous, NULL);
    sigaction(signal_number, &signals[signal_number].ours, NULL); /* it did not end the process */
}

static void call_previous(int signal_number, siginfo_t *info, void *context)
{
    const struct sigaction *previous = &signals[signal_number].previous;
    if (previous->sa_flags & SA_SIGINFO)
        previous->sa_sigaction(signal_number, info, context);
    else if (previous->sa_handler == SIG_DFL)
        let_default_action_run(signal_number);
    else if (previous->sa_handler != SIG_IGN)
        previous->sa_handler(signal_number);
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    if (!signals[signal_number].chain) {
        phd__watch_signal(signal_number);
        errno = saved_errno;
        return;
    }
    char reason[PHD_REASON_ROOM];
    phd__watch_signal_reason(signal_number, reason, sizeof reason);
    phd__watch_errand(&(struct phd_order){.reason = reason});
    errno = saved_errno;
    call_previous(signal_number, info, context);
}

/* ---- registration ---- */

static bool is_fatal(int signal_number)
{
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++) {
        if (fatal_signals[i] == signal_number)
            return true;
    }
    return false;
}

static enum phd_status refuse(struct phd_error *error, int system_errno, const char *why)
{
    phd__error_set(error, PHD_ERROR_ARGUMENT, system_errno, why);
    return PHD_ERROR_ARGUMENT;
}

enum phd_status phd_register(int signal_number, bool chain, struct phd_error *error)
{
    struct sigaction action;
    if (signal_number < 1 || signal_number > SIGNAL_COUNT)
        return refuse(error, 0, "there is no such signal");
    if (is_fatal(signal_number))
        return refuse(error, 0, "a fatal signal makes its dump by install()");
    memset(&action, 0, sizeof action);
    if (sigaction(signal_number, NULL, &action) != 0)
        return refuse(error, 0, "the system lets nobody handle this signal");
    enum phd_status status = phd__watch_start(error);
    if (status != PHD_OK)
        return status;
    signals[signal_number].chain = chain;
    if (atomic_load(&signals[signal_number].registered) && action.sa_flags & SA_SIGINFO &&
        action.sa_sigaction == on_signal)
        return PHD_OK;
    signals[signal_number].previous = action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    signals[signal_number].ours = action;
    if (sigaction(signal_number, &action, NULL) != 0)
        return refuse(error, 0, "the system lets nobody handle this signal");
    atomic_store(&signals[signal_number].registered, true);
    return PHD_OK;
}

bool phd_unregister(int signal_number)
{
    struct sigaction current;
    if (signal_number < 1 || signal_number > SIGNAL_COUNT ||
        !atomic_exchange(&signals[signal_number].registered, false))
        return false;
    if (sigaction(signal_number, NULL, &current) == 0 && current.sa_flags & SA_SIGINFO &&
        current.sa_sigaction == on_signal)
        sigaction(signal_number, &signals[signal_number].previous, NULL);
    return true;
}

bool phd__signals_registered(void)
{
    for (int i = 1; i <= SIGNAL_COUNT; i++) {
        if (atomic_load(&signals[i].registered))
            return true;
    }
    return false;
}
