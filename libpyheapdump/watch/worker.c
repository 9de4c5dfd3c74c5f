/* SPDX-License-Identifier: Apache-2.0
 *
 * Why threads are stopped around a fork: Python warns when a process with several threads forks, and counts ours.
 *
 * The stack of such a thread is small, but has room for the thread-local storage that the C library puts there.
 *
 * Context: crash, but for phd__worker_start and phd__worker_stop.
 */
#include "watch/worker.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "safe/action.h"
#include "safe/filters.h"
#include "safe/wait.h"
#include "watch/last_thread.h"
#include "watch/wake.h"

enum {
    STACK = 256 * 1024,
    STACK_UNIT = 64 * 1024,
    THREAD_ROOM = 16 * 1024, /* what the C library keeps there itself, and for libraries that are loaded later */
    MAX_WORKERS = 16,
    WORK_PATIENCE = 10 * 1000000,  /* nanoseconds for a thread at work to stop */
    IDLE_PATIENCE = 500 * 1000000, /* and for one that only has to be given a processor */
    LOOK = 20 * 1000000,           /* nanoseconds between two looks whether the thread still runs */
    GONE_PATIENCE = 5 * 1000000    /* and then to vanish from the kernel's count */
};

enum { STAY, STOP_ASKED, STOPPED };

static struct phd_worker *_Atomic workers[MAX_WORKERS];

static bool is_at_work(const struct phd_worker *worker)
{
    return atomic_load(&worker->rounds) & 1;
}

static void *run(void *argument)
{
    struct phd_worker *worker = argument;
    atomic_store(&worker->id, gettid());
    syscall(SYS_prctl, PR_SET_NAME, "pyheapdump");
    for (;;) {
        uint32_t heard = atomic_load(&worker->bell), asked = STOP_ASKED;
        if (atomic_compare_exchange_strong(&worker->stop, &asked, STOPPED))
            break;
        atomic_fetch_add(&worker->rounds, 1);
        uint64_t deadline = worker->serve();
        atomic_fetch_add(&worker->rounds, 1);
        phd__wake(&worker->rounds);
        uint64_t next_look = phd__last_thread_look(&worker->program_mask);
        deadline = next_look < deadline ? next_look : deadline;
        if (!worker->hears_signals)
            phd__wait(&worker->bell, heard, deadline);
        else if (atomic_load(&worker->bell) == heard)
            phd__wait_to_be_woken(deadline);
    }
    phd__wake(&worker->stop);
    return NULL;
}

static int add_thread_storage(struct dl_phdr_info *info, size_t size, void *sum)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
    }
    return 0;
}

/* The C library takes the thread-local storage of the program and of the libraries that it began with from the stack. How
 * much that is does not change; that of libraries which were loaded since then is counted, too, and is no loss. A forked
 * child does not ask again: another thread may have held the dynamic linker's lock. */
static size_t stack_size(void)
{
    static size_t storage;
    if (!storage) {
        size_t sum = THREAD_ROOM;
        dl_iterate_phdr(add_thread_storage, &sum);
        storage = (sum + STACK_UNIT - 1) & ~(size_t)(STACK_UNIT - 1);
    }
    return STACK + storage;
}

static int create(struct phd_worker *worker)
{
    /* Those that an instruction raises in the thread itself. SIGABRT is not one: abort() unblocks it, and one that is sent
     * to the process is for a thread of the program, which may have it blocked to wait for it. */
    static const int own_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP};
    pthread_attr_t small;
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_faults / sizeof own_faults[0]; i++)
        sigdelset(&blocked, own_faults[i]);
    sigprocmask(SIG_SETMASK, &blocked, &worker->program_mask);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, stack_size());
    int refused = pthread_create(&worker->handle, &small, run, worker);
    pthread_attr_destroy(&small);
    sigprocmask(SIG_SETMASK, &worker->program_mask, NULL);
    return refused;
}

/* Note the worker among all. */
static void enlist(struct phd_worker *worker)
{
    for (size_t i = 0; i < MAX_WORKERS; i++) {
        struct phd_worker *listed = NULL;
        if (atomic_compare_exchange_strong(&workers[i], &listed, worker) || listed == worker)
            return;
    }
}

int phd__worker_start(struct phd_worker *worker)
{
    phd__last_thread_expect();
    if (phd__worker_runs(worker))
        return 0;
    if (phd__filters_grown())
        return EPERM; /* the filter may kill for it, where a program forks that may make no threads */
    enlist(worker);
    atomic_store(&worker->stop, STAY);
    atomic_store(&worker->id, 0);
    int refused = create(worker);
    if (!refused)
        atomic_store(&worker->process, getpid());
    return refused;
}

/* A thread that was joined is counted by the kernel for some microseconds more (release_task, kernel/exit.c). */
static void wait_gone(int id)
{
    uint64_t limit = phd__clock_ns() + GONE_PATIENCE;
    if (phd__filters_grown())
        return; /* it may allow no such call */
    while (syscall(SYS_tgkill, getpid(), id, 0) == 0 && phd__clock_ns() < limit)
        syscall(SYS_sched_yield);
}

bool phd__worker_stop(struct phd_worker *worker)
{
    uint32_t stay = STAY, asked = STOP_ASKED;
    if (!phd__worker_runs(worker) || !atomic_compare_exchange_strong(&worker->stop, &stay, STOP_ASKED))
        return false;
    phd__worker_ring(worker);
    uint64_t started = phd__clock_ns(), now = started;
    for (; atomic_load(&worker->stop) == STOP_ASKED; now = phd__clock_ns()) {
        if (now - started > (is_at_work(worker) ? WORK_PATIENCE : IDLE_PATIENCE))
            break;
        phd__wait(&worker->stop, STOP_ASKED, now + WORK_PATIENCE);
    }
    if (atomic_compare_exchange_strong(&worker->stop, &asked, STAY))
        return false; /* it has work to do */
    pthread_join(worker->handle, NULL);
    wait_gone(atomic_load(&worker->id));
    phd__worker_forget(worker);
    return true;
}

void phd__worker_forget(struct phd_worker *worker)
{
    atomic_store(&worker->process, 0);
    atomic_store(&worker->id, 0);
    atomic_store(&worker->stop, STAY);
    atomic_store(&worker->rounds, (atomic_load(&worker->rounds) + 1) & ~1u);
}

void phd__worker_catch_up(struct phd_worker *worker, uint64_t deadline_ns, bool (*give_up)(void))
{
    /* The round that begins after the bell sees everything; the one that is going on may have begun too early. */
    uint32_t now = atomic_load(&worker->rounds), enough = now + (now & 1) + 2;
    if (atomic_load(&worker->id) == gettid()) /* it ends the process */
        return;
    phd__worker_ring(worker);
    while ((int32_t)(enough - now) > 0 && phd__worker_runs(worker) && phd__clock_ns() < deadline_ns &&
           !(give_up && give_up())) {
        uint64_t next_look = phd__clock_ns() + LOOK; /* it may be stopped for a fork meanwhile */
        phd__wait(&worker->rounds, now, next_look < deadline_ns ? next_look : deadline_ns);
        now = atomic_load(&worker->rounds);
    }
}

bool phd__worker_runs(const struct phd_worker *worker)
{
    return atomic_load(&worker->process) == getpid();
}

void phd__worker_ring(struct phd_worker *worker)
{
    atomic_fetch_add(&worker->bell, 1);
    if (!worker->hears_signals)
        phd__wake(&worker->bell);
    else if (phd__worker_runs(worker) && atomic_load(&worker->id)) /* else it hears the bell when it starts */
        phd__wake_thread(atomic_load(&worker->id));
}

/* ---- all of them ---- */

bool phd__workers_run(void)
{
    for (size_t i = 0; i < MAX_WORKERS && atomic_load(&workers[i]); i++) {
        if (phd__worker_runs(atomic_load(&workers[i])))
            return true;
    }
    return false;
}

bool phd__workers_have(int id)
{
    for (size_t i = 0; i < MAX_WORKERS && atomic_load(&workers[i]); i++) {
        const struct phd_worker *worker = atomic_load(&workers[i]);
        if (phd__worker_runs(worker) && atomic_load(&worker->id) == id)
            return true;
    }
    return false;
}

void phd__workers_ring(void)
{
    for (size_t i = 0; i < MAX_WORKERS && atomic_load(&workers[i]); i++)
        phd__worker_ring(atomic_load(&workers[i]));
}
