/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads may start while others are being stopped: /proc/PID/task is read until it shows no new one. A thread that is
 * about to get a signal stops for that instead of for us; the signal is given to it when it is let go (ptrace(2), section
 * "Signal-delivery-stop"). Context: normal.
 */
#include "attach/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach/standing.h"
#include "evidence/directory.h"
#include "safe/clock.h"
#include "safe/pages.h"
#include "safe/process.h"
#include "safe/text.h"

enum { PATH_ROOM = 64, LINE_ROOM = 128, MAX_ROUNDS = 100, PAUSE = 50 * 1000 /* nanoseconds */ };

/* ---- one thread ---- */

static bool known(const struct phd_frozen *frozen, int thread)
{
    for (unsigned i = 0; i < frozen->count; i++) {
        if (frozen->threads[i].thread == thread)
            return true;
    }
    return false;
}

struct round {
    struct phd_frozen *frozen;
    unsigned seized;
    int failed; /* errno, 0: all went well */
};

/* Is the thread a zombie, as the first one is when it has ended and others have not? Tracing it is not permitted. */
static bool has_ended(const char *name, int directory)
{
    char path[PATH_ROOM], line[LINE_ROOM];
    struct phd_text text;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, name);
    phd__text_string(&text, "/stat");
    path[text.used] = 0;
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH;
    ssize_t at = read(fd, line, sizeof line);
    close(fd);
    while (at > 0 && line[at - 1] != ')') /* the name, in parentheses, may hold anything (proc(5)) */
        at--;
    return at <= 0 || (at + 1 < LINE_ROOM && (line[at + 1] == 'Z' || line[at + 1] == 'X'));
}

static void seize(const char *name, int directory, void *argument)
{
    struct round *round = argument;
    struct phd_frozen *frozen = round->frozen;
    const char *digits = name;
    uint64_t id;
    if (!phd__text_parse_unsigned(&digits, &id))
        return;
    int thread = (int)id;
    if (round->failed || known(frozen, thread) || frozen->count == PHD_MAX_FROZEN)
        return;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) {
        int why = errno;
        if (why != ESRCH && !has_ended(name, directory))
            round->failed = why;
        return;
    }
    ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    frozen->threads[frozen->count++] = (struct phd_frozen_thread){.thread = thread};
    round->seized++;
}

bool phd__frozen_note(struct phd_frozen_thread *thread, int status)
{
    if (status < 0)
        return true;
    if (!WIFSTOPPED(status))
        return false;
    int event = status >> 16;
    thread->stopped = true;
    thread->pending_signal = event ? 0 : WSTOPSIG(status);
    thread->group_stopped = event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP;
    return true;
}

/* Look whether the thread stands. False when it has ended. */
static bool look_at(struct phd_frozen_thread *thread)
{
    int status;
    int found = waitpid(thread->thread, &status, __WALL | WNOHANG);
    if (found < 0)
        return errno == EINTR;
    return phd__frozen_note(thread, found ? status : -1);
}

static void forget(struct phd_frozen *frozen, unsigned index)
{
    frozen->threads[index] = frozen->threads[--frozen->count];
}

/* Wait until all threads stand, or until `deadline`. */
static void wait_for_stops(struct phd_frozen *frozen, uint64_t deadline)
{
    static const struct timespec pause = {0, PAUSE};
    for (;;) {
        unsigned running = 0;
        for (unsigned i = 0; i < frozen->count;) {
            struct phd_frozen_thread *thread = frozen->threads + i;
            if (!thread->stopped && !look_at(thread)) {
                forget(frozen, i);
                continue;
            }
            running += !thread->stopped;
            i++;
        }
        if (!running || phd__clock_ns() > deadline)
            return;
        nanosleep(&pause, NULL);
    }
}

/* ---- all ---- */

enum phd_status phd__freeze(struct phd_frozen *frozen, int pid, double seconds, struct phd_error *error)
{
    char path[PHD_PROC_PATH];
    uint64_t deadline = phd__clock_ns() + (uint64_t)(seconds * 1e9);
    *frozen = (struct phd_frozen){pid, phd__pages_alloc(PHD_MAX_FROZEN * sizeof *frozen->threads), 0};
    if (!frozen->threads) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the threads");
        return PHD_ERROR_MEMORY;
    }
    phd__proc_path(pid, "task", path);
    struct round round = {frozen, 1, 0};
    for (int i = 0; i < MAX_ROUNDS && round.seized && !round.failed; i++) {
        round.seized = 0;
        phd__directory_each(path, seize, &round);
        wait_for_stops(frozen, deadline);
    }
    if (!round.failed && frozen->count)
        return PHD_OK;
    phd__frozen_close(frozen);
    phd__error_set(error, PHD_ERROR_SYSTEM, round.failed ? round.failed : ESRCH, "ptrace");
    return PHD_ERROR_SYSTEM;
}

/* A thread must stand to be let go. False when it does not yet. */
static bool let_go(struct phd_frozen_thread *thread)
{
    if (!thread->stopped && !look_at(thread))
        return true; /* it has ended */
    if (thread->stopped)
        ptrace(PTRACE_DETACH, thread->thread, NULL, (void *)(uintptr_t)thread->pending_signal);
    return thread->stopped;
}

void phd__unfreeze(struct phd_frozen *frozen)
{
    for (unsigned i = 0; i < frozen->count;) {
        if (let_go(frozen->threads + i))
            forget(frozen, i);
        else
            i++;
    }
}

void phd__frozen_close(struct phd_frozen *frozen)
{
    phd__unfreeze(frozen);
    phd__pages_free(frozen->threads, PHD_MAX_FROZEN * sizeof *frozen->threads);
    frozen->threads = NULL;
    frozen->count = 0;
}

static bool read_standing(const struct phd_frozen_thread *thread, struct phd_standing *standing)
{
    struct user_regs_struct found;
    if (!thread->stopped || ptrace(PTRACE_GETREGS, thread->thread, NULL, &found) != 0)
        return false;
    phd__standing_set(standing, thread->thread, &found);
    return true;
}

void phd__frozen_registers(const struct phd_frozen *frozen, struct phd_crash *crash)
{
    memset(crash, 0, sizeof *crash);
    crash->process = crash->thread = frozen->pid;
    for (unsigned i = 0; i < frozen->count && crash->other_count < PHD_MAX_OTHER_THREADS; i++) {
        if (read_standing(frozen->threads + i, crash->others + crash->other_count))
            crash->other_count++;
    }
}
