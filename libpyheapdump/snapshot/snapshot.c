/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot: a child made by raw clone() is a frozen copy of the process with one thread; it writes the dump while
 * the process goes on.
 *
 * Raw clone and not fork(): fork's atfork handlers take malloc's and other locks. No exit signal: the child must not
 * appear in the program's SIGCHLD handler or wait(); only waitpid with __WALL finds it. The child keeps no descriptor of
 * the program, so that no pipe or socket of it stays open; it offers itself first to the OOM killer; every signal is
 * blocked in it except the faults that guard its reading.
 *
 * phd_snapshot_start: block signals → clone → (child) become_child, phd__dump_write, report through a pipe, _exit.
 * When clone is refused the dump is written in place, guarded.
 *
 * Context: crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/record.h"
#include "dump.h"
#include "safe/action.h"
#include "safe/clock.h"
#include "safe/text.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture; older headers lack it */
#endif

enum {
    CHILD_NICE = 5,
    CHILD_FAULTED = 126, /* exit code */
    MAX_DESCRIPTORS = 1 << 16,
    MAX_POLL = 1000000,       /* milliseconds */
    FIRST_PAUSE = 100 * 1000, /* nanoseconds between two looks at a child without a pipe */
    LONGEST_PAUSE = 2 * 1000 * 1000,
    REAP_SECONDS = 2
};

/* A time to wait that is as good as none, and fits when counted in nanoseconds. */
static const double MAX_SECONDS = 1e9;

/* What the child tells its parent when it is done. */
struct report {
    enum phd_status status;
    struct phd_error error;
    struct phd_result result;
};

static void write_small_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* only a wish: /proc may not be mounted */
    ssize_t ignored = write(fd, content, phd__string_length(content));
    (void)ignored;
    close(fd);
}

/* Close the descriptors `first` … `last`; one by one on a kernel before 5.9. */
static void close_range_of(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0u) == 0)
        return;
    for (unsigned fd = first; fd <= last && fd < MAX_DESCRIPTORS; fd++)
        close((int)fd);
}

/* Close every descriptor but those two, each of which may be missing (negative). */
static void close_descriptors(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;
    unsigned next = 0;
    for (int i = 0; i < 2; i++) {
        int kept = i ? high : low;
        if (kept < 0 || (unsigned)kept < next)
            continue;
        if ((unsigned)kept > next)
            close_range_of(next, (unsigned)kept - 1);
        next = (unsigned)kept + 1;
    }
    close_range_of(next, ~0u);
}

/* A fault of the child outside of any guard: it ends, without a core file that would hide the program's. */
static void end_child(int signal_number)
{
    (void)signal_number;
    _exit(CHILD_FAULTED);
}

/* A filter of the program (seccomp, SECCOMP_RET_TRAP) refuses a system call: the child does without. */
static void fail_call(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number, (void)info;
    phd__refuse_call(context);
}

/* The handlers of the program are not for the child. */
static void take_over_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    static const struct phd_action default_action;
    struct sigaction action;
    sigset_t unblocked;
    memset(&action, 0, sizeof action);
    action.sa_handler = end_child;
    action.sa_flags = SA_ONSTACK;
    sigemptyset(&unblocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigaction(faults[i], &action, NULL);
        sigaddset(&unblocked, faults[i]);
    }
    phd__action_set(SIGABRT, &default_action);
    sigaddset(&unblocked, SIGABRT);
    action.sa_sigaction = fail_call;
    action.sa_flags |= SA_SIGINFO;
    sigaction(SIGSYS, &action, NULL);
    sigaddset(&unblocked, SIGSYS);
    sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
}

/* A limit of memory that the process has set itself, below what it may have, is not for the child: it came there because
 * the limit was reached. */
static void lift_memory_limits(void)
{
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
    struct rlimit limit;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (getrlimit(limits[i], &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(limits[i], &limit);
        }
    }
}

static _Noreturn void run_child(const struct phd_request *request, int result_fd)
{
    struct report report;
    struct phd_memory memory;
    memset(&report, 0, sizeof report);
    take_over_faults();
    write_small_file("/proc/self/oom_score_adj", "1000");
    setpriority(PRIO_PROCESS, 0, CHILD_NICE);
    lift_memory_limits();
    close_descriptors(request->directory, result_fd);
    report.status = phd__memory_self_open(&memory, &report.error);
    if (report.status == PHD_OK)
        report.status = phd__dump_write(request, &memory, "clone", &report.result, &report.error);
    if (result_fd >= 0) {
        ssize_t ignored = write(result_fd, &report, sizeof report);
        (void)ignored;
    }
    syscall(SYS_exit_group, report.status == PHD_OK ? 0 : 1);
    __builtin_unreachable();
}

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

static enum phd_status write_in_place(const struct phd_request *request, struct report *report)
{
    struct phd_memory memory;
    sigset_t previous;
    memset(report, 0, sizeof *report);
    report->status = phd__memory_self_open(&memory, &report->error);
    if (report->status != PHD_OK)
        return report->status;
    block_file_size_signal(&previous);
    report->status = phd__dump_write(request, &memory, "in place", &report->result, &report->error);
    unblock_file_size_signal(&previous);
    phd__memory_self_close(&memory);
    return report->status;
}

static enum phd_status dump_in_place(const struct phd_request *request, struct phd_snapshot *snapshot,
                                     struct phd_error *error)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT; /* the walk's state is static, and so are the guard's handlers */
    struct report report;
    int pipe_fds[2];
    if (atomic_flag_test_and_set(&busy)) {
        phd__error_set(error, PHD_ERROR_CLONE, 0, "another dump is being written in place");
        return PHD_ERROR_CLONE;
    }
    write_in_place(request, &report);
    atomic_flag_clear(&busy);
    if (report.status != PHD_OK) {
        if (error)
            *error = report.error;
        return report.status;
    }
    /* The result goes the same way as a child's, through a pipe. */
    if (pipe2(pipe_fds, O_CLOEXEC) == 0) {
        ssize_t ignored = write(pipe_fds[1], &report, sizeof report);
        (void)ignored;
        close(pipe_fds[1]);
        snapshot->result_fd = pipe_fds[0];
    }
    return PHD_OK;
}

static void close_pipe_end(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int clone_process(void)
{
    return (int)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

static enum phd_status start(const struct phd_request *request, struct phd_snapshot *snapshot, struct phd_error *error)
{
    int pipe_fds[2];
    sigset_t all, previous;
    *snapshot = (struct phd_snapshot){0, -1, 0};
    uint64_t started = phd__clock_ns();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) /* no descriptor is left: the child's exit status must do */
        pipe_fds[0] = pipe_fds[1] = -1;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = clone_process();
    if (pid == 0)
        run_child(request, pipe_fds[1]);
    sigprocmask(SIG_SETMASK, &previous, NULL);
    close_pipe_end(pipe_fds[1]);
    snapshot->paused_ns = phd__clock_ns() - started;
    if (pid < 0) {
        close_pipe_end(pipe_fds[0]);
        return dump_in_place(request, snapshot, error);
    }
    snapshot->pid = pid;
    snapshot->result_fd = pipe_fds[0];
    return PHD_OK;
}

enum phd_status phd_snapshot_start(const struct phd_request *request, struct phd_snapshot *snapshot,
                                   struct phd_error *error)
{
    static struct phd_crash standing; /* large; whoever comes second at a time knows less of the threads */
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    struct phd_request with_threads = *request;
    if (request->crash || atomic_flag_test_and_set(&busy))
        return start(request, snapshot, error);
    phd__standing_record(&standing);
    with_threads.crash = &standing;
    enum phd_status status = start(&with_threads, snapshot, error);
    atomic_flag_clear(&busy);
    return status;
}

/* The time until `deadline` for poll(), rounded up; 0 when it has passed. */
static int milliseconds_until(uint64_t deadline)
{
    uint64_t now = phd__clock_ns();
    uint64_t milliseconds = now < deadline ? (deadline - now) / 1000000 + 1 : 0;
    return milliseconds > MAX_POLL ? MAX_POLL : (int)milliseconds;
}

/* Wait until the pipe has something or its writer is gone. False when the deadline passed; it is looked at even then. */
static bool wait_readable(int fd, double seconds)
{
    bool forever = !(seconds >= 0 && seconds < MAX_SECONDS);
    uint64_t deadline = forever ? 0 : phd__clock_ns() + (uint64_t)(seconds * 1e9);
    for (;;) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        int timeout = forever ? -1 : milliseconds_until(deadline);
        int ready = poll(&poll_fd, 1, timeout);
        if (ready > 0)
            return true;
        if ((ready == 0 && timeout == 0) || (ready < 0 && errno != EINTR))
            return false;
    }
}

/* Wait for the end of the child up to `seconds` (negative: without limit); `*exited` tells its exit code, -1 when a
 * signal ended it or somebody else has waited for it. False when it goes on. */
static bool wait_exit(int pid, double seconds, int *exited)
{
    bool forever = !(seconds >= 0 && seconds < MAX_SECONDS);
    uint64_t deadline = forever ? 0 : phd__clock_ns() + (uint64_t)(seconds * 1e9);
    struct timespec pause = {0, FIRST_PAUSE};
    for (;;) {
        int status = 0;
        int found = waitpid(pid, &status, __WALL | WNOHANG);
        *exited = found == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (found == pid || (found < 0 && errno != EINTR))
            return true;
        if (!forever && phd__clock_ns() > deadline)
            return false;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < LONGEST_PAUSE)
            pause.tv_nsec *= 2;
    }
}

/* Let go of the snapshot. A child that was killed and does not end, because the kernel holds it, is not waited for; one
 * that has told its result and does not end must not stay. */
static void reap(struct phd_snapshot *snapshot)
{
    int ignored;
    if (snapshot->pid > 0 && !wait_exit(snapshot->pid, REAP_SECONDS, &ignored))
        kill(snapshot->pid, SIGKILL);
    close_pipe_end(snapshot->result_fd);
    *snapshot = (struct phd_snapshot){0, -1, snapshot->paused_ns};
}

/* The same as phd_snapshot_wait for a child without a pipe: its exit status tells whether it succeeded. */
static enum phd_status wait_without_pipe(struct phd_snapshot *snapshot, double seconds, struct phd_error *error)
{
    int exited = 0;
    bool ended = snapshot->pid <= 0 || wait_exit(snapshot->pid, seconds, &exited);
    if (!ended)
        kill(snapshot->pid, SIGKILL);
    else
        snapshot->pid = 0;
    reap(snapshot);
    if (ended && exited == 0)
        return PHD_OK;
    phd__error_set(error, PHD_ERROR_CHILD, 0, ended ? "the child failed" : "the child overran its deadline");
    return PHD_ERROR_CHILD;
}

enum phd_status phd_snapshot_wait(struct phd_snapshot *snapshot, double seconds, struct phd_result *result,
                                  struct phd_error *error)
{
    struct report report;
    memset(&report, 0, sizeof report);
    memset(result, 0, sizeof *result);
    if (snapshot->result_fd < 0)
        return wait_without_pipe(snapshot, seconds, error);
    bool ready = wait_readable(snapshot->result_fd, seconds);
    if (!ready && snapshot->pid > 0)
        kill(snapshot->pid, SIGKILL);
    ssize_t length = ready ? read(snapshot->result_fd, &report, sizeof report) : 0;
    reap(snapshot);
    if (length != (ssize_t)sizeof report) {
        phd__error_set(error, PHD_ERROR_CHILD, 0, ready ? "the child died" : "the child overran its deadline");
        return PHD_ERROR_CHILD;
    }
    *result = report.result;
    if (error)
        *error = report.error;
    return report.status;
}
