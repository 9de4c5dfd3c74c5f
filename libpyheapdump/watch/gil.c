/* SPDX-License-Identifier: Apache-2.0
 *
 * CPython has no way to wait for the GIL with a limit. So a thread of its own waits for it, as a daemon thread of the
 * program would; who asked waits for that thread, with a limit. When the GIL comes later nobody wants it any more, and it
 * is let go. While the thread still waits it is not asked again.
 *
 * A pending call (Py_AddPendingCall) would do without the thread, but the main thread makes none while it waits for a
 * lock or sleeps, and up to CPython 3.11 a call that another thread adds does not stop a busy main thread
 * (COMPUTE_EVAL_BREAKER, Python/ceval.c, asks whether the adding thread is the main one).
 *
 * At the end of the interpreter a thread that waits for the GIL is ended or held for ever by CPython (take_gil); that is
 * all right for this one, which holds nothing.
 *
 * Context: crash, but where the head says normal.
 */
#include "watch/gil.h"

#include <unistd.h>

#include "safe/wait.h"
#include "watch/worker.h"

enum { IDLE, WANTED, WORKING, DONE };

enum {
    PATIENCE = 2 * 1000000, /* nanoseconds until the caller is asked whether to go on waiting */
    END_PATIENCE = 5        /* seconds for a thread state that is being made when the interpreter ends */
};

static uint64_t serve(void);
static struct phd_worker asker = {.serve = serve};

static _Atomic uint32_t state = IDLE;
static struct phd_gil calls;
static void (*work)(void);
static _Atomic uint64_t own_thread;

/* A thread state is being made; the interpreter has ended, and none is made any more. Each side writes its own word before
 * it reads the other's. */
static _Atomic uint32_t making;
static atomic_bool interpreter_ended;

/* Where allocations are traced (tracemalloc) this may wait for the GIL. */
static uint64_t make_thread_state(void)
{
    uint64_t made = 0;
    atomic_store(&making, 1);
    if (!atomic_load(&interpreter_ended))
        made = calls.make();
    atomic_store(&making, 0);
    phd__wake(&making);
    return made;
}

/* The asking thread. */
static uint64_t serve(void)
{
    uint32_t wanted = WANTED;
    if (atomic_load(&state) != WANTED)
        return PHD_FOREVER;
    uint64_t made = make_thread_state();
    if (made) {
        atomic_store(&own_thread, made);
        calls.acquire(made); /* may take for ever */
        if (atomic_compare_exchange_strong(&state, &wanted, WORKING)) {
            work();
            atomic_store(&state, DONE);
            phd__wake(&state);
        }
        calls.release(made);
        atomic_store(&own_thread, 0);
    } else if (atomic_compare_exchange_strong(&state, &wanted, IDLE)) {
        phd__wake(&state);
    }
    return PHD_FOREVER;
}

int phd__gil_start(void)
{
    return phd__worker_start(&asker);
}

bool phd__gil_do(const struct phd_gil *with, double seconds, bool (*give_up)(void), void (*to_do)(void))
{
    uint32_t wanted = WANTED;
    uint64_t now = phd__clock_ns(), deadline = now + (uint64_t)(seconds * 1e9);
    if (!phd__worker_runs(&asker))
        return false;
    calls = *with; /* the same as before, if the thread still waits */
    work = to_do;
    atomic_store(&state, WANTED);
    phd__worker_ring(&asker);
    for (; atomic_load(&state) == WANTED && now < deadline && !(give_up && give_up()); now = phd__clock_ns())
        phd__wait(&state, WANTED, give_up && now + PATIENCE < deadline ? now + PATIENCE : deadline);
    if (atomic_compare_exchange_strong(&state, &wanted, IDLE))
        return false;
    while (atomic_load(&state) == WORKING)
        phd__wait(&state, WORKING, PHD_FOREVER);
    return atomic_exchange(&state, IDLE) == DONE;
}

uint64_t phd__gil_own_thread(void)
{
    return atomic_load(&own_thread);
}

bool phd__gil_is_asker(void)
{
    return phd__worker_runs(&asker) && atomic_load(&asker.id) == gettid();
}

void phd__gil_interpreter_ends(void)
{
    uint64_t deadline = phd__deadline_after(END_PATIENCE);
    atomic_store(&interpreter_ended, true);
    while (atomic_load(&making) && phd__clock_ns() < deadline)
        phd__wait(&making, 1, deadline);
}

void phd__gil_before_fork(void)
{
    phd__worker_stop(&asker);
}

void phd__gil_forget(void)
{
    atomic_store(&making, 0);
    atomic_store(&state, IDLE);
    atomic_store(&own_thread, 0); /* CPython has removed it */
    phd__worker_forget(&asker);
}
