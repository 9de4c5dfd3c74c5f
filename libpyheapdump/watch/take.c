/* SPDX-License-Identifier: Apache-2.0
 *
 *     phd__take ── who asks holds the GIL ──────────────────────────▶ phd_snapshot_start ─▶ phd_snapshot_wait
 *        └──────── phd__gil_do: the thread that waits for the GIL ─────────▲     ▲             ─▶ one line
 *                         └─ not in time: the calling thread ────────────────────┘
 *
 * Context: crash, but where said.
 */
#include "watch/take.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash/kept_options.h"
#include "crash/message.h"
#include "safe/clock.h"
#include "safe/pages.h"
#include "safe/text.h"
#include "snapshot/snapshot.h"
#include "watch/gil.h"

enum { RESERVE = 32 * 1024 * 1024 /* address space for the walk when the system refuses memory */ };

/* Seconds between two questions whether memory has become short. */
static const double SHORT_PERIOD = 0.005;

struct configuration {
    bool enabled; /* otherwise no dumps are made */
    struct phd_kept_options kept;
    double gil_wait;
    struct phd_gil gil;
};

/* As set; `configuration_lock` is held for a copy only. */
static struct configuration configuration;
static atomic_flag configuration_lock = ATOMIC_FLAG_INIT;

/* The dump being made. */
static atomic_bool busy;
static struct {
    struct configuration with;
    const struct phd_order *order;
    struct phd_request request;
    struct phd_snapshot snapshot;
    enum phd_status started;
} dump;

/* ---- configuration ---- */

/* Held for an instant, by a thread that no signal interrupts. */
static void lock(sigset_t *previous)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, previous);
    while (atomic_flag_test_and_set(&configuration_lock))
        syscall(SYS_sched_yield);
}

static void unlock(const sigset_t *previous)
{
    atomic_flag_clear(&configuration_lock);
    sigprocmask(SIG_SETMASK, previous, NULL);
}

enum phd_status phd__take_configure(const struct phd_watch_options *options, struct phd_error *error)
{
    sigset_t previous;
    enum phd_status status = PHD_OK;
    if (options && !phd__pages_reserve(RESERVE)) {
        phd__error_set(error, PHD_ERROR_MEMORY, errno, "reserve");
        return PHD_ERROR_MEMORY;
    }
    lock(&previous);
    if (options)
        status = phd__options_keep(&configuration.kept, &options->dump, error);
    if (status == PHD_OK) {
        configuration.enabled = options != NULL;
        configuration.gil_wait = options ? options->gil_wait : 0;
        configuration.gil = options ? options->gil : (struct phd_gil){NULL, NULL, NULL};
    }
    unlock(&previous);
    return status;
}

static void read_configuration(void)
{
    sigset_t previous;
    lock(&previous);
    dump.with = configuration;
    phd__options_copy(&dump.with.kept, &configuration.kept);
    unlock(&previous);
}

double phd__take_longest(void)
{
    sigset_t previous;
    lock(&previous);
    double timeout = configuration.kept.options.timeout, longest = timeout + configuration.gil_wait;
    unlock(&previous);
    return timeout > 0 ? 2 * longest : -1;
}

void phd__take_after_fork(void)
{
    atomic_flag_clear(&configuration_lock);
    atomic_store(&busy, false);
}

bool phd__take_is_busy(void)
{
    return atomic_load(&busy);
}

/* ---- the snapshot ---- */

static void start_snapshot(bool gil_held)
{
    struct phd_request *request = &dump.request;
    *request = dump.with.kept.options.request;
    request->own_thread = phd__gil_own_thread();
    request->reason = dump.order->reason;
    request->limit = dump.order->limit;
    request->thread = dump.order->thread;
    request->find_thread = !request->thread;
    request->gil_held = gil_held && !request->free_threaded;
    request->sequence = phd_number_next();
    request->pid = getpid();
    request->time_ns = phd__wall_clock_ns();
    request->max_memory = dump.order->max_memory;
    /* The walk ends by itself before its writer is killed: so the file has its index. */
    double limit = dump.order->seconds * 0.8;
    if (limit > 0 && (request->max_seconds <= 0 || request->max_seconds > limit))
        request->max_seconds = limit;
    dump.started = phd_snapshot_start(request, &dump.snapshot, NULL);
}

/* With the GIL: no other thread of Python's runs meanwhile. */
static void hold_until_written(void)
{
    phd__snapshot_told(&dump.snapshot, dump.order->hold_seconds);
}

static void start_with_gil(void)
{
    start_snapshot(true);
    if (dump.started == PHD_OK && dump.order->hold)
        hold_until_written();
}

static void freeze(void)
{
    const struct configuration *with = &dump.with;
    bool ask = dump.order->ask_for_gil && with->gil.make && with->gil_wait > 0;
    if (!ask || !phd__gil_do(&with->gil, with->gil_wait, dump.order->is_short, start_with_gil))
        start_snapshot(dump.order->gil_held);
}

/* Let the program go on while the dump is written, but not when it uses up the memory that is left. */
static void watch_writer(uint64_t deadline)
{
    const struct configuration *with = &dump.with;
    bool held = !with->gil.make;
    while (!held && phd__clock_ns() < deadline && !phd__snapshot_told(&dump.snapshot, SHORT_PERIOD) &&
           !phd__snapshot_hangs(&dump.snapshot))
        held = dump.order->is_short() && phd__gil_do(&with->gil, with->gil_wait, NULL, hold_until_written);
}

/* ---- the dump ---- */

static void make_dump(void)
{
    const struct phd_kept_options *kept = &dump.with.kept;
    double seconds = dump.order->seconds > 0 ? dump.order->seconds : kept->options.timeout;
    struct phd_result result;
    uint64_t deadline = phd__deadline_after(seconds > 0 ? seconds : -1);
    freeze();
    if (dump.order->on_frozen)
        dump.order->on_frozen();
    if (dump.started == PHD_OK && dump.order->is_short)
        watch_writer(deadline);
    if (dump.started == PHD_OK)
        phd_snapshot_wait(&dump.snapshot, phd__seconds_until(deadline), &result, NULL);
    if (dump.snapshot.named)
        phd_number_reached(dump.snapshot.sequence);
    phd__say_result(&dump.request, kept->options.quiet, &dump.snapshot);
}

bool phd__take(const struct phd_order *order)
{
    if (atomic_exchange(&busy, true))
        return false;
    read_configuration();
    dump.order = order;
    if (dump.with.enabled)
        make_dump();
    else if (order->on_frozen)
        order->on_frozen();
    atomic_store(&busy, false);
    return true;
}
