/* SPDX-License-Identifier: Apache-2.0
 *
 * Registered signals: the handler gives the thread its work and returns, so that the program goes on as it would have
 * done, and system calls are restarted. With `chain` it waits until the process is frozen, for what follows may end it:
 * then the handler found before is called, or the action found before is put in place for an instant, in which the
 * signal comes again. While another dump is being made there is nothing to wait for: it is passed on at once, without a
 * dump.
 *
 * Somebody may register after us and pass the signal on to us, and we may be registered once more after that: then we
 * pass it on to somebody who passes it on to us. So each thread notes that it is inside a handler found before; a signal
 * that comes back to us from there goes to the one that we found at first.
 *
 *     the kernel ─▶ ours: a dump ─▶ theirs, found last ─▶ ours: we are inside ─▶ found first
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

enum { SIGNAL_COUNT = 64, MOST_INSIDE = 64, ENTERING = -1 };

static const int fatal_signals[] = PHD_FATAL_SIGNALS;

static struct registration {
    atomic_bool registered;
    bool chain;
    struct sigaction ours;
    struct sigaction first;   /* what handled the signal before us; it stays as long as somebody may pass it on to us */
    struct sigaction last;    /* what did when we were registered once more */
    struct sigaction *latest; /* the one of them that was found later; NULL: `first` need not stay */
} signals[SIGNAL_COUNT + 1];

/* ---- being inside ---- */

/* That a thread is inside a handler found before. One that has left it by a jump, or has ended there, leaves its note. */
static struct note {
    _Atomic int thread; /* kernel id, 0: free */
    int signal;
    uintptr_t frame; /* of the call of our handler: what that calls lies below it on its stack */
} notes[MOST_INSIDE];

static bool is_inside(int signal_number, uintptr_t frame)
{
    int thread = gettid();
    for (struct note *note = notes; note < notes + MOST_INSIDE; note++) {
        if (atomic_load(&note->thread) != thread || note->signal != signal_number)
            continue;
        if (frame < note->frame)
            return true;
        atomic_store(&note->thread, 0); /* left by a jump */
    }
    return false;
}

/* NULL: there is no room for a note. */
static struct note *enter(int signal_number, uintptr_t frame)
{
    for (struct note *note = notes; note < notes + MOST_INSIDE; note++) {
        int none = 0;
        if (!atomic_compare_exchange_strong(&note->thread, &none, ENTERING))
            continue;
        note->signal = signal_number;
        note->frame = frame;
        atomic_store(&note->thread, gettid());
        return note;
    }
    return NULL;
}

/* ---- passing it on ---- */

/* Only the default action is left: it takes a second signal. */
static void let_default_action_run(int signal_number, const struct sigaction *action)
{
    struct sigaction current;
    sigset_t only, previous;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigaction(signal_number, action, &current);
    syscall(SYS_tgkill, getpid(), gettid(), signal_number);
    sigprocmask(SIG_UNBLOCK, &only, &previous); /* it comes here */
    sigprocmask(SIG_SETMASK, &previous, NULL);
    sigaction(signal_number, &current, NULL); /* it did not end the process */
}

static bool is_same(const struct sigaction *a, const struct sigaction *b)
{
    return (a->sa_flags & SA_SIGINFO) == (b->sa_flags & SA_SIGINFO) && a->sa_sigaction == b->sa_sigaction;
}

/* With the signals blocked that the kernel would have blocked. */
static void call_handler(const struct sigaction *action, int signal_number, siginfo_t *info, void *context)
{
    sigset_t only, previous;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigprocmask(SIG_BLOCK, &action->sa_mask, &previous);
    if (action->sa_flags & SA_NODEFER)
        sigprocmask(SIG_UNBLOCK, &only, NULL);
    if (action->sa_flags & SA_SIGINFO)
        action->sa_sigaction(signal_number, info, context);
    else
        action->sa_handler(signal_number);
    sigprocmask(SIG_SETMASK, &previous, NULL);
}

/* A handler that passes the signal on by raising it again puts itself in place when it is done, above ours. */
static void stay_in_place(int signal_number, const struct sigaction *called)
{
    struct sigaction current;
    if (atomic_load(&signals[signal_number].registered) && sigaction(signal_number, NULL, &current) == 0 &&
        is_same(&current, called))
        sigaction(signal_number, &signals[signal_number].ours, NULL);
}

/* `found` is one of `signals`; like the kernel we use one with SA_RESETHAND once. */
static void pass_on(struct sigaction *found, int signal_number, siginfo_t *info, void *context)
{
    const struct sigaction action = *found;
    if (action.sa_flags & SA_RESETHAND)
        memset(found, 0, sizeof *found);
    if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL) {
        let_default_action_run(signal_number, &action);
    } else if ((action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_IGN) {
        call_handler(&action, signal_number, info, context);
        stay_in_place(signal_number, &action);
    }
}

static void make_dump(int signal_number)
{
    char reason[PHD_REASON_ROOM];
    phd__watch_signal_reason(signal_number, reason, sizeof reason);
    phd__watch_errand(&(struct phd_order){.reason = reason});
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
    struct registration *registration = &signals[signal_number];
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    int saved_errno = errno;
    if (!atomic_load(&registration->registered) || is_inside(signal_number, frame)) {
        pass_on(&registration->first, signal_number, info, context);
        return;
    }
    if (!registration->chain) {
        phd__watch_signal(signal_number);
        errno = saved_errno;
        return;
    }
    make_dump(signal_number);
    errno = saved_errno;
    struct note *note = enter(signal_number, frame);
    pass_on(note ? registration->latest : &registration->first, signal_number, info, context);
    if (note)
        atomic_store(&note->thread, 0);
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

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

/* What was found in our place. If ours was there before, it may pass the signal on to us. */
static void keep(struct registration *registration, const struct sigaction *found)
{
    struct sigaction *room = registration->latest ? &registration->last : &registration->first;
    *room = *found;
    registration->latest = room;
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
    struct registration *registration = &signals[signal_number];
    registration->chain = chain;
    if (!is_ours(&action))
        keep(registration, &action);
    memset(&registration->ours, 0, sizeof registration->ours);
    registration->ours.sa_sigaction = on_signal;
    registration->ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    atomic_store(&registration->registered, true);
    if (sigaction(signal_number, &registration->ours, NULL) == 0)
        return PHD_OK;
    atomic_store(&registration->registered, false);
    return refuse(error, 0, "the system lets nobody handle this signal");
}

bool phd_unregister(int signal_number)
{
    struct registration *registration = &signals[signal_number];
    struct sigaction current;
    if (signal_number < 1 || signal_number > SIGNAL_COUNT || !atomic_exchange(&registration->registered, false))
        return false;
    if (sigaction(signal_number, NULL, &current) == 0 && is_ours(&current)) {
        sigaction(signal_number, registration->latest, NULL);
        if (registration->latest == &registration->first)
            registration->latest = NULL; /* nobody is above us who might pass it on */
    }
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
