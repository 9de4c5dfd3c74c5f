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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dump.h"
#include "safe/text.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture; older headers lack it */
#endif

enum { CHILD_NICE = 5, MAX_DESCRIPTORS = 1 << 16, MAX_POLL = 1000000 /* milliseconds */ };

/* A time to wait that is as good as none, and fits when counted in nanoseconds. */
static const double MAX_SECONDS = 1e9;

/* What the child tells its parent when it is done. */
struct report {
    enum phd_status status;
    struct phd_error error;
    struct phd_result result;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

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

/* Close every descriptor but those two. `directory` may be AT_FDCWD. */
static void close_descriptors(int directory, int result_fd)
{
    unsigned a = (unsigned)(directory < 0 ? result_fd : directory), b = (unsigned)result_fd;
    unsigned low = a < b ? a : b, high = a < b ? b : a;
    if (low > 0)
        close_range_of(0, low - 1);
    if (high > low)
        close_range_of(low + 1, high - 1);
    close_range_of(high + 1, ~0u);
}

static void unblock_faults(void)
{
    sigset_t faults;
    sigemptyset(&faults);
    sigaddset(&faults, SIGSEGV);
    sigaddset(&faults, SIGBUS);
    sigprocmask(SIG_UNBLOCK, &faults, NULL);
}

static _Noreturn void run_child(const struct phd_request *request, int result_fd)
{
    struct report report;
    struct phd_memory memory;
    memset(&report, 0, sizeof report);
    write_small_file("/proc/self/oom_score_adj", "1000");
    setpriority(PRIO_PROCESS, 0, CHILD_NICE);
    close_descriptors(request->directory, result_fd);
    unblock_faults();
    report.status = phd__memory_self_open(&memory, &report.error);
    if (report.status == PHD_OK)
        report.status = phd__dump_write(request, &memory, "clone", &report.result, &report.error);
    ssize_t ignored = write(result_fd, &report, sizeof report);
    (void)ignored;
    syscall(SYS_exit_group, report.status == PHD_OK ? 0 : 1);
    __builtin_unreachable();
}

static enum phd_status dump_in_place(const struct phd_request *request, struct phd_snapshot *snapshot,
                                     struct phd_error *error)
{
    struct phd_memory memory;
    struct report report;
    int pipe_fds[2];
    memset(&report, 0, sizeof report);
    enum phd_status status = phd__memory_self_open(&memory, error);
    if (status != PHD_OK)
        return status;
    report.status = phd__dump_write(request, &memory, "in place", &report.result, &report.error);
    phd__memory_self_close(&memory);
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

static int clone_process(void)
{
    return (int)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

enum phd_status phd_snapshot_start(const struct phd_request *request, struct phd_snapshot *snapshot,
                                   struct phd_error *error)
{
    int pipe_fds[2];
    sigset_t all, previous;
    *snapshot = (struct phd_snapshot){0, -1, 0};
    uint64_t started = now_ns();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return dump_in_place(request, snapshot, error);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = clone_process();
    if (pid == 0)
        run_child(request, pipe_fds[1]);
    sigprocmask(SIG_SETMASK, &previous, NULL);
    close(pipe_fds[1]);
    snapshot->paused_ns = now_ns() - started;
    if (pid < 0) {
        close(pipe_fds[0]);
        return dump_in_place(request, snapshot, error);
    }
    snapshot->pid = pid;
    snapshot->result_fd = pipe_fds[0];
    return PHD_OK;
}

/* The time until `deadline` for poll(), rounded up; 0 when it has passed. */
static int milliseconds_until(uint64_t deadline)
{
    uint64_t now = now_ns();
    uint64_t milliseconds = now < deadline ? (deadline - now) / 1000000 + 1 : 0;
    return milliseconds > MAX_POLL ? MAX_POLL : (int)milliseconds;
}

/* Wait until the pipe has something or its writer is gone. False when the deadline passed; it is looked at even then. */
static bool wait_readable(int fd, double seconds)
{
    bool forever = !(seconds >= 0 && seconds < MAX_SECONDS);
    uint64_t deadline = forever ? 0 : now_ns() + (uint64_t)(seconds * 1e9);
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

static void reap(struct phd_snapshot *snapshot)
{
    if (snapshot->pid > 0) {
        while (waitpid(snapshot->pid, NULL, __WALL) < 0 && errno == EINTR)
            continue;
    }
    if (snapshot->result_fd >= 0)
        close(snapshot->result_fd);
    *snapshot = (struct phd_snapshot){0, -1, snapshot->paused_ns};
}

enum phd_status phd_snapshot_wait(struct phd_snapshot *snapshot, double seconds, struct phd_result *result,
                                  struct phd_error *error)
{
    struct report report;
    memset(&report, 0, sizeof report);
    memset(result, 0, sizeof *result);
    if (snapshot->result_fd < 0) { /* made in place, and no pipe could tell more */
        reap(snapshot);
        return PHD_OK;
    }
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
