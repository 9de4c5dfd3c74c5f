/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot: a child made by raw clone() is a frozen copy of the process with one thread; it writes the dump while
 * the process goes on.
 *
 * Raw clone and not fork(): fork's atfork handlers take malloc's and other locks. No exit signal: the child must not
 * appear in the program's SIGCHLD handler or wait(); only waitpid with __WALL finds it. Every signal is blocked in it
 * except the faults that guard its reading.
 *
 * phd_snapshot_start: block signals → clone → (child) become a writer (child.c), phd__dump_write, tell (report.c), end.
 * When clone is refused, or the child would be the first of another pid namespace (namespace.c), the dump is written in
 * place, guarded; that of a process that goes on gets a second. Under a filter of system calls that is newer than us
 * (safe/filters.c) there is none.
 *
 * Context: crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/record.h"
#include "dump.h"
#include "place/oldest.h"
#include "place/target.h"
#include "safe/clock.h"
#include "safe/filters.h"
#include "safe/text.h"
#include "safe/wait.h"
#include "snapshot/child.h"
#include "snapshot/leftover.h"
#include "snapshot/namespace.h"
#include "snapshot/report.h"
#include "snapshot/snapshot.h"

enum {
    FIRST_PAUSE = 100 * 1000, /* nanoseconds between two looks whether the child lives */
    LONGEST_PAUSE = 4 * 1000 * 1000,
    REAP_SECONDS = 2,
    BEGIN_SECONDS = 60, /* in which the file is there, unless its file system does not answer */
    MAX_NAMES = 32,     /* that other dumps of the process take at the same moment */
    CHILD_GRACE = 31    /* seconds a child has beyond the budget of its dump; who waits for it gives up before */
};

/* Seconds that a process which is to go on may stand while a dump is written in place. */
static const double LONGEST_IN_PLACE = 1;

const char phd__newer_filter[] = "a filter of system calls (seccomp) is newer than install(): install after it is set";

/* ---- the writer ---- */

static bool is_clone; /* a child that writes */

static void tell(struct phd_report *report, enum phd_progress progress)
{
    atomic_store(&report->progress, progress);
    phd__wake(&report->progress);
}

static void write_named(const struct phd_request *request, const char *how, struct phd_report *report)
{
    struct phd_memory memory;
    report->status = phd__memory_self_open(&memory, &report->error);
    if (report->status != PHD_OK)
        return;
    if (is_clone)
        phd__memory_self_is_clone(&memory);
    struct phd_guard guard; /* of reads outside of all others, which are bugs and must not end a process that lives */
    if (PHD_GUARD(&memory, &guard)) {
        report->status = phd__dump_write(request, &memory, how, &report->result, &report->error);
    } else {
        report->status = PHD_ERROR_UNREADABLE;
        phd__error_set(&report->error, PHD_ERROR_UNREADABLE, 0, "read outside of any guard");
    }
    PHD_UNGUARD(&memory, &guard);
    phd__memory_self_close(&memory);
}

/* Has the file not come into being at this place, or not got its name, for that reason? */
static bool was_refused(const struct phd_report *report, const char *step, int system_errno)
{
    return report->status == PHD_ERROR_WRITE && report->error.system_errno == system_errno &&
           phd__string_equal(report->error.step, step);
}

/* Another dump had the same name, and was faster: one of this process, or of another that has its id in a container. */
static bool name_was_taken(const struct phd_report *report)
{
    return was_refused(report, PHD_STEP_OPEN, EEXIST) || was_refused(report, PHD_STEP_RENAME, EEXIST);
}

/* The process has perhaps given up the rights that it had when the directory was chosen; or the current directory, which
 * was never chosen, is nobody's to write to. */
static bool may_not_write(const struct phd_report *report)
{
    return was_refused(report, PHD_STEP_OPEN, EACCES) || was_refused(report, PHD_STEP_OPEN, EPERM) ||
           was_refused(report, PHD_STEP_OPEN, EROFS);
}

static void tell_name(struct phd_report *report, unsigned directory, unsigned sequence)
{
    atomic_store(&report->directory, directory);
    atomic_store(&report->sequence, sequence);
    report->named = true;
    tell(report, PHD_REPORT_NAMED);
}

static void write_in(struct phd_target *target, unsigned directory, struct phd_request *request, const char *how,
                     struct phd_report *report)
{
    request->directory = AT_FDCWD;
    request->temporary_name = target->temporary;
    request->final_name = target->final;
    for (int tried = 0; tried < MAX_NAMES; tried++, request->sequence++) {
        if (!phd__target_choose(target, request->directories[directory], request->pid, request->sequence)) {
            report->status = PHD_ERROR_WRITE;
            phd__error_set(&report->error, PHD_ERROR_WRITE, 0, "no name is free");
            return;
        }
        request->sequence = target->sequence;
        tell_name(report, directory, target->sequence);
        write_named(request, how, report);
        if (was_refused(report, PHD_STEP_OPEN, ENOENT) && target->not_made)
            report->error.system_errno = target->not_made;
        if (!name_was_taken(report))
            return;
        if (phd__string_equal(report->error.step, PHD_STEP_RENAME))
            unlinkat(AT_FDCWD, target->temporary, 0); /* it is written anew */
    }
}

/* In the first directory that lets us; when none does it is the first that is told of. */
static void write_somewhere(struct phd_request *request, const char *how, struct phd_report *report)
{
    static struct phd_target target; /* large; one at a time */
    unsigned first_sequence = request->sequence, named = 0;
    struct phd_error refused = report->error;
    for (unsigned i = 0; i < PHD_DIRECTORIES && request->directories[i]; i++) {
        request->sequence = first_sequence;
        write_in(&target, i, request, how, report);
        if (!may_not_write(report))
            return;
        if (i == 0) {
            refused = report->error;
            named = request->sequence;
            atomic_store(&report->refused_errno, refused.system_errno);
        }
    }
    report->error = refused;
    tell_name(report, 0, named);
}

static struct phd_report *told_of_creation;

static void tell_created(void)
{
    tell(told_of_creation, PHD_REPORT_CREATED);
}

/* A dump that is there is told before there is made room, which may take long. */
static void write_dump(const struct phd_request *asked, const char *how, struct phd_report *report)
{
    struct phd_request request = *asked;
    request.late_texts = &report->late;
    told_of_creation = report;
    request.on_created = tell_created;
    if (request.directories[0])
        write_somewhere(&request, how, report);
    else
        write_named(&request, how, report);
    tell(report, PHD_REPORT_DONE);
    if (report->status == PHD_OK && request.directories[0] && request.max_dumps)
        phd__oldest_remove(request.final_name, request.max_dumps);
}

static _Noreturn void run_child(const struct phd_request *request, struct phd_report *shared)
{
    static struct phd_report unshared;                       /* too large for every stack */
    struct phd_report *report = shared ? shared : &unshared; /* else its exit status must do */
    phd__child_become(request->directories[0] ? -1 : request->directory,
                      request->max_seconds > 0 ? request->max_seconds + CHILD_GRACE : 0);
    is_clone = true;
    write_dump(request, "clone", report);
    phd__child_end(report->status == PHD_OK ? 0 : 1);
}

/* ---- in place ---- */

/* Block SIGXFSZ, so that a file that may not grow gives an error and not a signal that ends the program. */
static void block_file_size_signal(sigset_t *previous)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &blocked, previous);
}

/* Take back the signal that our own writing raised, unless it was blocked before. */
static void unblock_file_size_signal(const sigset_t *previous)
{
    static const struct timespec no_time;
    sigset_t pending;
    if (sigismember(previous, SIGXFSZ))
        return;
    sigemptyset(&pending);
    sigaddset(&pending, SIGXFSZ);
    while (sigtimedwait(&pending, NULL, &no_time) < 0 && errno == EINTR)
        continue;
    sigprocmask(SIG_SETMASK, previous, NULL);
}

/* Take over what the writer has told by now. True when that is all. */
static bool take_report(struct phd_snapshot *snapshot)
{
    struct phd_report *report = snapshot->report;
    uint32_t progress = report ? atomic_load(&report->progress) : PHD_REPORT_NOTHING;
    if (progress >= PHD_REPORT_NAMED && report->named) {
        snapshot->named = true;
        snapshot->directory = atomic_load(&report->directory);
        snapshot->sequence = atomic_load(&report->sequence);
        snapshot->refused_errno = atomic_load(&report->refused_errno);
    }
    if (progress == PHD_REPORT_DONE && !snapshot->told) {
        snapshot->status = report->status;
        snapshot->result = report->result;
        snapshot->error = report->error;
        snapshot->told = true;
    }
    return snapshot->told;
}

static void dump_in_place(const struct phd_request *request, struct phd_snapshot *snapshot)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT; /* the walk's state is static, and so are the guard's handlers */
    static struct phd_report report;            /* still there when the writing is left by a jump */
    struct phd_request bounded = *request;
    sigset_t previous;
    if (atomic_flag_test_and_set(&busy)) {
        snapshot->status = PHD_ERROR_CLONE;
        phd__error_set(&snapshot->error, PHD_ERROR_CLONE, 0, "another dump is being written in place");
        return;
    }
    memset(&report, 0, sizeof report);
    snapshot->report = &report;
    bool ends = request->crash && request->crash->signal;
    if (!ends && (bounded.max_seconds <= 0 || bounded.max_seconds > LONGEST_IN_PLACE))
        bounded.max_seconds = LONGEST_IN_PLACE;
    block_file_size_signal(&previous);
    write_dump(&bounded, "in place", &report);
    unblock_file_size_signal(&previous);
    atomic_flag_clear(&busy);
    take_report(snapshot);
    snapshot->report = NULL;
}

/* ---- the start ---- */

static int clone_process(unsigned long flags)
{
    return (int)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

static enum phd_status start(const struct phd_request *request, struct phd_snapshot *snapshot, struct phd_error *error)
{
    sigset_t all, previous;
    bool strangers = phd__children_are_strangers();
    phd__leftovers_reap();
    uint64_t started = phd__clock_ns();
    *snapshot = (struct phd_snapshot){.report = phd__report_new()};
    if (snapshot->report && request->texts_follow)
        atomic_store(&snapshot->report->late.state, PHD_LATE_EXPECTED);
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* blocked it would kill, where a filter traps the call: crash/handler.c */
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = strangers ? -1 : clone_process(CLONE_UNTRACED); /* a debugger of the program's is not told of it */
    if (pid == 0)
        run_child(request, snapshot->report);
    sigprocmask(SIG_SETMASK, &previous, NULL);
    snapshot->paused_ns = phd__clock_ns() - started;
    if (pid > 0) {
        snapshot->pid = pid;
        snapshot->begin_by_ns = started + (uint64_t)BEGIN_SECONDS * 1000000000u;
        return PHD_OK;
    }
    phd__report_free(snapshot->report);
    snapshot->report = NULL;
    dump_in_place(request, snapshot);
    if (snapshot->status != PHD_OK && error)
        *error = snapshot->error;
    return snapshot->status;
}

/* Python itself would not call what a dump takes, and the filter may kill for it. */
static enum phd_status refuse(struct phd_snapshot *snapshot, struct phd_error *error)
{
    *snapshot = (struct phd_snapshot){.status = PHD_ERROR_CLONE, .told = true};
    phd__error_set(&snapshot->error, PHD_ERROR_CLONE, 0, phd__newer_filter);
    if (error)
        *error = snapshot->error;
    return PHD_ERROR_CLONE;
}

int phd__snapshot_memory(void)
{
    sigset_t all, previous;
    if (phd__filters_grown())
        return -EPERM;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = clone_process(0), refused = errno; /* who traces this thread asked, and holds the child */
    if (pid == 0) {
        phd__child_become(-1, 0);
        phd__child_end(0);
    }
    sigprocmask(SIG_SETMASK, &previous, NULL);
    return pid < 0 ? -refused : pid;
}

enum phd_status phd_snapshot_start(const struct phd_request *request, struct phd_snapshot *snapshot,
                                   struct phd_error *error)
{
    static struct phd_crash standing; /* large; whoever comes second at a time knows less of the threads */
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    struct phd_request with_threads = *request;
    bool ends = request->crash && phd__ends_by_filter(request->crash->signal);
    if (!ends && phd__filters_grown())
        return refuse(snapshot, error);
    if (request->crash || atomic_flag_test_and_set(&busy))
        return start(request, snapshot, error);
    phd__standing_record(&standing);
    with_threads.crash = &standing;
    enum phd_status status = start(&with_threads, snapshot, error);
    atomic_flag_clear(&busy);
    return status;
}

/* ---- the end ---- */

/* `*exited` tells its exit code, -1 when a signal ended it or somebody else has waited for it. */
static bool has_ended(int pid, int *exited)
{
    int status = 0;
    int found = waitpid(pid, &status, __WALL | WNOHANG);
    *exited = found == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return found == pid || (found < 0 && errno != EINTR);
}

/* The child has ended and has told nothing: without a page its exit status tells whether it succeeded. */
static void take_end(struct phd_snapshot *snapshot, int exited)
{
    snapshot->told = true;
    if (!snapshot->report && exited == 0)
        return;
    snapshot->status = PHD_ERROR_CHILD;
    phd__error_set(&snapshot->error, PHD_ERROR_CHILD, 0, snapshot->report ? "the child died" : "the child failed");
}

/* Wait until the writer has got so far, or has ended. */
static bool wait_for(struct phd_snapshot *snapshot, enum phd_progress wanted, double seconds)
{
    static _Atomic uint32_t nothing;
    _Atomic uint32_t *progress = snapshot->report ? &snapshot->report->progress : &nothing;
    uint64_t deadline = phd__deadline_after(seconds), pause = FIRST_PAUSE;
    int exited = -1;
    for (;;) {
        uint32_t seen = atomic_load(progress);
        bool ended = !snapshot->told && (snapshot->pid <= 0 || has_ended(snapshot->pid, &exited));
        if (ended)
            snapshot->pid = 0;
        if (!take_report(snapshot) && ended)
            take_end(snapshot, exited);
        bool there = snapshot->told || atomic_load(progress) >= wanted;
        uint64_t now = phd__clock_ns();
        if (there || now >= deadline || phd__snapshot_hangs(snapshot))
            return there;
        /* the child may have been killed: now and then it is asked whether it lives */
        phd__wait(progress, seen, deadline - now < pause ? deadline : now + pause);
        pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
    }
}

bool phd__snapshot_hangs(const struct phd_snapshot *snapshot)
{
    return !snapshot->told && snapshot->report && atomic_load(&snapshot->report->progress) < PHD_REPORT_CREATED &&
           phd__clock_ns() >= snapshot->begin_by_ns;
}

bool phd__snapshot_told(struct phd_snapshot *snapshot, double seconds)
{
    return wait_for(snapshot, PHD_REPORT_DONE, seconds);
}

bool phd__snapshot_begun(struct phd_snapshot *snapshot, double seconds)
{
    bool there = wait_for(snapshot, PHD_REPORT_CREATED, seconds);
    take_report(snapshot);
    return there;
}

/* A child that was killed and does not end, because the kernel holds it, is not waited for; one that has told its result
 * and does not end must not stay. */
static void wait_for_end(struct phd_snapshot *snapshot)
{
    uint64_t deadline = phd__deadline_after(REAP_SECONDS);
    struct timespec pause = {0, FIRST_PAUSE};
    int ignored;
    while (snapshot->pid > 0 && !has_ended(snapshot->pid, &ignored)) {
        if (phd__clock_ns() > deadline) {
            kill(snapshot->pid, SIGKILL);
            phd__leftover_add(snapshot->pid);
            break;
        }
        nanosleep(&pause, NULL);
        if (2 * pause.tv_nsec < LONGEST_PAUSE)
            pause.tv_nsec *= 2;
    }
    snapshot->pid = 0;
}

enum phd_status phd_snapshot_wait(struct phd_snapshot *snapshot, double seconds, struct phd_result *result,
                                  struct phd_error *error)
{
    bool in_time = phd__snapshot_told(snapshot, seconds);
    if (!in_time && snapshot->pid > 0)
        kill(snapshot->pid, SIGKILL);
    wait_for_end(snapshot);
    snapshot->overran = !in_time && !take_report(snapshot); /* it may have been done just before */
    if (snapshot->overran) {
        snapshot->status = PHD_ERROR_CHILD;
        phd__error_set(&snapshot->error, PHD_ERROR_CHILD, 0, "the child overran its deadline");
    }
    phd__report_free(snapshot->report);
    snapshot->report = NULL;
    *result = snapshot->result;
    if (error)
        *error = snapshot->error;
    return snapshot->status;
}
