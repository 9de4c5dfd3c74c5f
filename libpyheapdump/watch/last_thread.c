/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash, but for phd__last_thread_expect and what the end of the first thread calls.
 */
#include "watch/last_thread.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crash/record.h"
#include "evidence/directory.h"
#include "safe/clock.h"
#include "watch/watch.h"
#include "watch/worker.h"

enum {
    PAUSE = 500 * 1000,          /* nanoseconds between two looks whether a thread that was joined is gone */
    GONE_PATIENCE = 5 * 1000000, /* and how long that may take */
    LOOK = 50 * 1000000,         /* nanoseconds between two looks when the first thread has ended, */
    LOOK_FOR_IT = 100 * 1000000, /* and where its end is not told */
    STAT_ROOM = 128
};

static pthread_key_t key;
static bool key_is_made;
static _Atomic int told_in;  /* the process whose first thread tells of its end */
static _Atomic int ended_in; /* the process in which it has */
static atomic_flag is_exiting = ATOMIC_FLAG_INIT;

/* ---- which threads there are ---- */

struct count {
    unsigned listed;
    unsigned others; /* of the program, but for the calling thread */
};

/* Has the first thread ended? It is listed until the last one ends, as a zombie: "id (name) state ...". */
static bool first_has_ended(void)
{
    char stat[STAT_ROOM], state = 0;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, stat, sizeof stat);
    if (fd >= 0)
        close(fd);
    for (ssize_t at = 0; at + 2 < length; at++) /* the name, in parentheses, may hold anything */
        state = stat[at] == ')' ? stat[at + 2] : state;
    return state == 'Z' || state == 'X';
}

static void count_thread(const char *name, int directory, void *argument)
{
    struct count *count = argument;
    int id = phd__standing_thread(name, directory);
    count->listed++;
    if (id == gettid() || phd__workers_have(id) || (id == getpid() && first_has_ended()))
        return;
    count->others++;
}

/* `listed` 0: nobody tells, as /proc is not there. */
static struct count count_threads(void)
{
    struct count count = {0, 0};
    phd__directory_each("/proc/self/task", count_thread, &count);
    return count;
}

/* ---- the first thread ---- */

/* A thread that has been joined is listed for some microseconds more. */
static struct count count_when_gone(void)
{
    static const struct timespec pause = {0, PAUSE};
    uint64_t limit = phd__clock_ns() + GONE_PATIENCE;
    struct count count = count_threads();
    while (count.others && phd__clock_ns() < limit) {
        nanosleep(&pause, NULL);
        count = count_threads();
    }
    return count;
}

/* What a thread of ours is doing is not waited for longer than at any end of the program. */
static void first_ends(void)
{
    struct count count = count_when_gone();
    if (count.others) {
        atomic_store(&ended_in, getpid());
        phd__workers_ring();
    } else if (!phd__watch_end() && count.listed) {
        exit(0); /* as glibc is about to do, but for the thread that we cannot stop */
    }
}

/* Destructors of other libraries may need what they find: ours waits for its last call. */
static void thread_ends(void *calls_left)
{
    uintptr_t left = (uintptr_t)calls_left - 1;
    if (gettid() != getpid() || !phd__workers_run() || (left && pthread_setspecific(key, (void *)left) == 0))
        return;
    first_ends();
}

void phd__last_thread_expect(void)
{
    if (gettid() != getpid() || atomic_load(&told_in) == getpid())
        return;
    key_is_made = key_is_made || pthread_key_create(&key, thread_ends) == 0;
    if (key_is_made && pthread_setspecific(key, (void *)(uintptr_t)PTHREAD_DESTRUCTOR_ITERATIONS) == 0)
        atomic_store(&told_in, getpid());
}

/* ---- our threads ---- */

uint64_t phd__last_thread_look(const sigset_t *mask)
{
    bool is_told = atomic_load(&told_in) == getpid(), has_ended = atomic_load(&ended_in) == getpid();
    if (is_told && !has_ended)
        return PHD_FOREVER;
    if (!first_has_ended())
        return phd__clock_ns() + (has_ended ? LOOK : LOOK_FOR_IT);
    struct count count = count_threads();
    if (count.listed && !count.others && !atomic_flag_test_and_set(&is_exiting)) {
        sigprocmask(SIG_SETMASK, mask, NULL);
        exit(0);
    }
    return phd__clock_ns() + LOOK;
}
