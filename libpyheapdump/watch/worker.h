/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread of the library's own, which waits on a bell until there is work. It blocks every signal but those
 * that its own faults raise. Context: crash, but where said.
 */
#ifndef PHD_WATCH_WORKER_H
#define PHD_WATCH_WORKER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct phd_worker {
    uint64_t (*serve)(void); /* do what there is to do; until when to wait for the bell */
    bool hears_signals;      /* it waits for what is in wake.h; otherwise for the bell alone, which is a futex */
    _Atomic int process;     /* in which the thread runs, 0: nowhere */
    _Atomic int id;          /* of the thread in the kernel */
    pthread_t handle;
    sigset_t program_mask; /* the signal mask of the thread that started it */
    _Atomic uint32_t bell;
    _Atomic uint32_t stop;
    _Atomic uint32_t rounds; /* how often it began to serve, and ended: odd while it is at work */
};

/* Start the thread unless it runs; errno of the refusal, or 0. `worker` stays valid for ever. Context: normal. */
int phd__worker_start(struct phd_worker *worker);

/* Stop the thread for a fork, and wait until the kernel does not count it any more; false when it is not idle, or does
 * not run. Context: normal. */
bool phd__worker_stop(struct phd_worker *worker);

/* In a forked child, where it does not run. */
void phd__worker_forget(struct phd_worker *worker);

/* Wait until the thread has done what there was to do when this was called, and no more: what comes again and again is
 * not waited for. Not longer than until `deadline_ns` (phd__clock_ns), and `give_up`, which is asked now and then, says so
 * (NULL: nobody does). Context: normal. */
void phd__worker_catch_up(struct phd_worker *worker, uint64_t deadline_ns, bool (*give_up)(void));

bool phd__worker_runs(const struct phd_worker *worker);
void phd__worker_ring(struct phd_worker *worker);

/* The threads of all workers of this process: does one run, is it the one with this kernel id; ring the bells of all. */
bool phd__workers_run(void);
bool phd__workers_have(int id);
void phd__workers_ring(void);

#endif
