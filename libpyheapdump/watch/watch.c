/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread waits until something is to be done, and does it:
 *
 *     an errand       a thread that waits until the process is frozen: a signal that is passed on, a failing allocation
 *     signals         a bit for each that came
 *     dump_later      a point in time
 *     memory          a threshold, looked at now and then
 *
 * It needs neither the GIL nor any lock of the program, and makes one dump at a time. Whoever gives it work writes a few
 * atomic words and rings its bell: a signal handler can. A forked child has no thread until it is started there; signals
 * then are served by their handler itself, on a stack of its own.
 *
 * Context: crash, but for phd__watch_start and the public functions.
 */
#include "watch/watch.h"

#include <unistd.h>

#include "crash/message.h"
#include "native/signal_names.h"
#include "safe/text.h"
#include "safe/wait.h"
#include "watch/gil.h"
#include "watch/mailbox.h"
#include "watch/memory.h"
#include "watch/own_stack.h"
#include "watch/worker.h"

enum {
    PATIENCE = 5,            /* seconds that an errand waits to be taken up */
    LOOK = 20 * 1000 * 1000, /* nanoseconds between two looks whether another dump has come before it */
    LONGEST_END = 600        /* seconds that the end of the program waits for dumps without a limit of their own */
};

/* The longest time that can be counted in nanoseconds, with room to add. */
static const double MAX_SECONDS = 4e9;

enum { ERRAND_FREE, ERRAND_FILLING, ERRAND_POSTED, ERRAND_TAKING, ERRAND_FROZEN };

static uint64_t serve(void);
static struct phd_worker thread = {.serve = serve, .hears_signals = true};
static bool restart; /* it was stopped for a fork */
static bool keep;    /* a forked child is to have it, too */

static _Atomic int known_process; /* to which everything here belongs */

/* When the end of the program no longer waits for a dump, 0: it has not begun. However often it is asked to. */
static _Atomic uint64_t end_deadline;

static _Atomic uint32_t errand_state;
static struct phd_order errand;

static _Atomic uint64_t signals_asked; /* bit n - 1: signal n */

static struct {
    _Atomic uint64_t deadline; /* phd__clock_ns, 0: none; written last, and taken by exchange */
    _Atomic uint64_t interval;
    atomic_bool repeat, exit;
} later;

/* After a fork: nothing of the parent's is going on here. */
static void adopt_process(void)
{
    atomic_store(&later.deadline, 0);
    atomic_store(&signals_asked, 0);
    atomic_store(&errand_state, ERRAND_FREE);
    atomic_store(&end_deadline, 0);
    phd__worker_forget(&thread);
    phd__gil_forget();
    phd__take_after_fork();
    phd__memory_after_fork();
    atomic_store(&known_process, getpid());
}

static void check_process(void)
{
    if (atomic_load(&known_process) != getpid())
        adopt_process();
}

/* ---- work ---- */

static void tell_frozen(void)
{
    atomic_store(&errand_state, ERRAND_FROZEN);
    phd__wake(&errand_state);
}

static void serve_errand(void)
{
    uint32_t posted = ERRAND_POSTED;
    if (!atomic_compare_exchange_strong(&errand_state, &posted, ERRAND_TAKING))
        return;
    struct phd_order order = errand;
    bool until_written = order.seconds > 0;
    order.on_frozen = until_written ? NULL : tell_frozen;
    if (!phd__take(&order) || until_written)
        tell_frozen();
}

void phd__watch_signal_reason(int signal_number, char *reason, size_t capacity)
{
    struct phd_text text;
    const char *name = phd__signal_name(signal_number);
    phd__text_init(&text, reason, capacity - 1);
    phd__text_string(&text, "request by ");
    phd__text_string(&text, name ? name : "signal ");
    if (!name)
        phd__text_unsigned(&text, (uint64_t)signal_number);
    reason[text.used] = 0;
}

static void take_for_signal(void *signal_number)
{
    char reason[PHD_REASON_ROOM];
    struct phd_order order = {.reason = reason, .ask_for_gil = phd__worker_runs(&thread)};
    phd__watch_signal_reason(*(const int *)signal_number, reason, sizeof reason);
    phd__take(&order);
}

static void serve_signals(void)
{
    uint64_t asked = atomic_exchange(&signals_asked, 0);
    int first = __builtin_ffsll((long long)asked);
    if (first)
        take_for_signal(&first);
}

/* Seconds, to the millisecond, without zeros at the end. */
static void put_seconds(struct phd_text *text, uint64_t ns)
{
    uint64_t milliseconds = (ns + 500000) / 1000000;
    unsigned digits = 3, rest = (unsigned)(milliseconds % 1000);
    phd__text_unsigned(text, milliseconds / 1000);
    for (; rest && rest % 10 == 0; digits--)
        rest /= 10;
    if (rest) {
        phd__text_string(text, ".");
        phd__text_padded(text, rest, digits);
    }
    phd__text_string(text, " s");
}

static void serve_later(void)
{
    char reason[PHD_REASON_ROOM];
    struct phd_text text;
    uint64_t now = phd__clock_ns(), deadline = atomic_load(&later.deadline), interval = atomic_load(&later.interval);
    bool exit = atomic_load(&later.exit), repeat = atomic_load(&later.repeat);
    if (!deadline || now < deadline ||
        !atomic_compare_exchange_strong(&later.deadline, &deadline, repeat ? now + interval : 0))
        return; /* not yet, or cancelled, or set anew */
    phd__text_init(&text, reason, sizeof reason - 1);
    phd__text_string(&text, "dump_later after ");
    put_seconds(&text, interval);
    reason[text.used] = 0;
    phd__take(&(struct phd_order){.reason = reason, .ask_for_gil = true});
    if (exit)
        _exit(1);
}

/* ---- the thread ---- */

static uint64_t serve(void)
{
    serve_errand();
    serve_signals();
    serve_later();
    uint64_t next_look = phd__memory_serve(), deadline = atomic_load(&later.deadline);
    return deadline && deadline < next_look ? deadline : next_look;
}

enum phd_status phd__watch_start(struct phd_error *error)
{
    check_process();
    phd__gil_start(); /* refused: dumps are made without the GIL */
    int refused = phd__worker_start(&thread);
    if (refused) {
        phd__error_set(error, PHD_ERROR_SYSTEM, refused, "pthread_create");
        return PHD_ERROR_SYSTEM;
    }
    return PHD_OK;
}

/* ---- giving it work ---- */

static void take_here(void *order)
{
    phd__take(order);
}

void phd__watch_signal(int signal_number)
{
    check_process();
    if (phd__worker_runs(&thread)) {
        atomic_fetch_or(&signals_asked, (uint64_t)1 << (signal_number - 1));
        phd__worker_ring(&thread);
    } else {
        phd__run_on_own_stack(take_for_signal, &signal_number);
    }
}

bool phd__watch_errand(const struct phd_order *order)
{
    uint32_t expected = ERRAND_FREE;
    check_process();
    if (!phd__worker_runs(&thread)) {
        struct phd_order copy = *order;
        return phd__run_on_own_stack(take_here, &copy);
    }
    if (!atomic_compare_exchange_strong(&errand_state, &expected, ERRAND_FILLING))
        return false;
    errand = *order;
    atomic_store(&errand_state, ERRAND_POSTED);
    phd__worker_ring(&thread);
    uint64_t now = phd__clock_ns(), deadline = now + (uint64_t)PATIENCE * 1000000000u;
    /* One that is still posted while a dump is being made would have to wait for the end of that. */
    for (; atomic_load(&errand_state) == ERRAND_POSTED && now < deadline && !phd__take_is_busy(); now = phd__clock_ns())
        phd__wait(&errand_state, ERRAND_POSTED, now + LOOK);
    expected = ERRAND_POSTED;
    if (atomic_compare_exchange_strong(&errand_state, &expected, ERRAND_FREE))
        return false;
    while (atomic_load(&errand_state) == ERRAND_TAKING)
        phd__wait(&errand_state, ERRAND_TAKING, PHD_FOREVER);
    atomic_store(&errand_state, ERRAND_FREE);
    return true;
}

/* ---- the public functions ---- */

enum phd_status phd_watch_configure(const struct phd_watch_options *options, struct phd_error *error)
{
    check_process();
    atomic_store(&end_deadline, 0);
    phd__stderr_note_once();
    return phd__take_configure(options, error);
}

enum phd_status phd_dump_later(double seconds, bool repeat, bool exit, struct phd_error *error)
{
    if (!(seconds > 0 && seconds < MAX_SECONDS)) {
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0, "the time must be more than 0, and less than a century");
        return PHD_ERROR_ARGUMENT;
    }
    phd_cancel_dump_later();
    enum phd_status status = phd__watch_start(error);
    if (status != PHD_OK)
        return status;
    uint64_t interval = (uint64_t)(seconds * 1e9);
    atomic_store(&later.interval, interval);
    atomic_store(&later.repeat, repeat);
    atomic_store(&later.exit, exit);
    atomic_store(&later.deadline, phd__clock_ns() + interval);
    phd__worker_ring(&thread);
    return PHD_OK;
}

void phd_cancel_dump_later(void)
{
    atomic_store(&later.deadline, 0);
}

enum phd_status phd_watch_start(struct phd_error *error)
{
    keep = true;
    return phd__watch_start(error);
}

enum phd_status phd_watch_memory(const struct phd_memory_options *options, struct phd_error *error)
{
    check_process();
    enum phd_status status = phd__memory_configure(options, error);
    if (status == PHD_OK && options)
        status = phd_watch_start(error);
    phd__worker_ring(&thread);
    return status;
}

bool phd_watch_dump(const char *reason, uint64_t state, bool gil_held, double seconds)
{
    if (phd__gil_is_asker())
        return false; /* it cannot wait for the thread that waits for it */
    return phd__watch_errand(
        &(struct phd_order){.reason = reason, .thread = state, .gil_held = gil_held, .seconds = seconds});
}

void phd_watch_finish(bool (*give_up)(void))
{
    uint64_t none = 0;
    if (!phd__worker_runs(&thread))
        return;
    double longest = phd__take_longest();
    atomic_compare_exchange_strong(&end_deadline, &none, phd__deadline_after(longest < 0 ? LONGEST_END : longest));
    phd__worker_catch_up(&thread, atomic_load(&end_deadline), give_up);
    if (give_up && give_up())
        atomic_store(&end_deadline, phd__clock_ns());
}

void phd_watch_interpreter_ends(void)
{
    phd__gil_interpreter_ends();
}

/* ---- forks, and the end ---- */

void phd_watch_before_fork(void)
{
    phd__mailbox_before_fork();
    phd__gil_before_fork();
    restart |= phd__worker_stop(&thread);
}

bool phd__watch_end(void)
{
    phd_watch_finish(NULL);
    phd_watch_before_fork();
    return !phd__workers_run();
}

void phd_watch_after_fork(bool in_child)
{
    struct phd_error ignored;
    if (in_child) {
        adopt_process();
        restart = keep || phd__signals_registered();
    }
    if (restart)
        phd__watch_start(&ignored); /* refused: signals are served by their handler */
    else if (phd__worker_runs(&thread))
        phd__gil_start();
    restart = false;
    phd__mailbox_after_fork(in_child);
}
