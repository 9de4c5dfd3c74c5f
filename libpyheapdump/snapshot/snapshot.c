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
#include "crash/target.h"
#include "dump.h"
#include "safe/action.h"
#include "safe/clock.h"
#include "safe/text.h"
#include "snapshot/snapshot.h"

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
    REAP_SECONDS = 2,
    NAMED = 0x4e414d45,
    DONE = 0x444f4e45
};

#define FOREVER UINT64_MAX

/* A time to wait that is as good as none, and fits when counted in nanoseconds. */
static const double MAX_SECONDS = 1e9;

/* What the child tells its parent: which name it has chosen, then what became of the dump. */
struct report {
    uint32_t kind;     /* NAMED, DONE; anything else is none of ours: a part of one, from a write that was cut */
    unsigned sequence; /* NAMED */
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

/* What the child must not have of the program, but for two descriptors that may be missing (negative). */
static void become_child(int a, int b)
{
    take_over_faults();
    write_small_file("/proc/self/oom_score_adj", "1000");
    setpriority(PRIO_PROCESS, 0, CHILD_NICE);
    lift_memory_limits();
    close_descriptors(a, b);
}

static _Noreturn void end(int code)
{
    syscall(SYS_exit_group, code);
    __builtin_unreachable();
}

static void send(int fd, uint32_t kind, struct report *report)
{
    report->kind = kind;
    ssize_t ignored = fd >= 0 ? write(fd, report, sizeof *report) : 0;
    (void)ignored;
}

/* Choose the names of the file, if that is left to the writer. */
static bool choose_names(struct phd_request *request, struct report *report)
{
    static struct phd_target target; /* large; one at a time */
    if (!request->choose_in)
        return true;
    if (!phd__target_choose(&target, request->choose_in, request->pid, request->sequence)) {
        report->status = PHD_ERROR_WRITE;
        phd__error_set(&report->error, PHD_ERROR_WRITE, 0, "no name is free");
        return false;
    }
    request->directory = AT_FDCWD;
    request->temporary_name = target.temporary;
    request->final_name = target.final;
    report->sequence = request->sequence = target.sequence;
    return true;
}

static _Noreturn void run_child(const struct phd_request *asked, int result_fd)
{
    struct report report;
    struct phd_memory memory;
    struct phd_request request = *asked;
    memset(&report, 0, sizeof report);
    become_child(request.choose_in ? -1 : request.directory, result_fd);
    if (choose_names(&request, &report)) {
        if (request.choose_in)
            send(result_fd, NAMED, &report);
        report.status = phd__memory_self_open(&memory, &report.error);
        if (report.status == PHD_OK)
            report.status = phd__dump_write(&request, &memory, "clone", &report.result, &report.error);
    }
    send(result_fd, DONE, &report);
    end(report.status == PHD_OK ? 0 : 1);
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

static enum phd_status write_in_place(const struct phd_request *asked, struct phd_snapshot *snapshot,
                                      struct report *report)
{
    struct phd_memory memory;
    struct phd_request request = *asked;
    sigset_t previous;
    memset(report, 0, sizeof *report);
    if (!choose_names(&request, report))
        return report->status;
    if (request.choose_in) {
        snapshot->named = true;
        snapshot->sequence = report->sequence;
    }
    report->status = phd__memory_self_open(&memory, &report->error);
    if (report->status != PHD_OK)
        return report->status;
    block_file_size_signal(&previous);
    report->status = phd__dump_write(&request, &memory, "in place", &report->result, &report->error);
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
    write_in_place(request, snapshot, &report);
    atomic_flag_clear(&busy);
    if (report.status != PHD_OK) {
        if (error)
            *error = report.error;
        return report.status;
    }
    /* The result goes the same way as a child's, through a pipe. */
    if (pipe2(pipe_fds, O_CLOEXEC) == 0) {
        send(pipe_fds[1], DONE, &report);
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

/* Without a pipe the child could not tell which name it has chosen: so it is chosen before. */
static enum phd_status choose_before(struct phd_request *request, struct phd_snapshot *snapshot,
                                     struct phd_error *error)
{
    struct report report = {.status = PHD_OK};
    if (!request->choose_in)
        return PHD_OK;
    if (!choose_names(request, &report)) {
        if (error)
            *error = report.error;
        return report.status;
    }
    request->choose_in = NULL;
    snapshot->named = true;
    snapshot->sequence = request->sequence;
    return PHD_OK;
}

static enum phd_status start(const struct phd_request *asked, struct phd_snapshot *snapshot, struct phd_error *error)
{
    int pipe_fds[2];
    sigset_t all, previous;
    struct phd_request request = *asked;
    *snapshot = (struct phd_snapshot){.result_fd = -1};
    uint64_t started = phd__clock_ns();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) { /* no descriptor is left: the child's exit status must do */
        pipe_fds[0] = pipe_fds[1] = -1;
        enum phd_status status = choose_before(&request, snapshot, error);
        if (status != PHD_OK)
            return status;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = clone_process();
    if (pid == 0)
        run_child(&request, pipe_fds[1]);
    sigprocmask(SIG_SETMASK, &previous, NULL);
    close_pipe_end(pipe_fds[1]);
    snapshot->paused_ns = phd__clock_ns() - started;
    if (pid < 0) {
        close_pipe_end(pipe_fds[0]);
        return dump_in_place(&request, snapshot, error);
    }
    snapshot->pid = pid;
    snapshot->result_fd = pipe_fds[0];
    return PHD_OK;
}

int phd__snapshot_memory(void)
{
    sigset_t all, previous;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    int pid = clone_process(), refused = errno;
    if (pid == 0) {
        become_child(-1, -1);
        end(0);
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

/* The point in time so many seconds from now; FOREVER for a negative number, and for one that is as good as none. */
static uint64_t deadline_after(double seconds)
{
    bool forever = !(seconds >= 0 && seconds < MAX_SECONDS);
    return forever ? FOREVER : phd__clock_ns() + (uint64_t)(seconds * 1e9);
}

/* Wait until the pipe has something or its writer is gone. False when the deadline passed; it is looked at even then. */
static bool wait_readable(int fd, uint64_t deadline)
{
    for (;;) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        int timeout = deadline == FOREVER ? -1 : milliseconds_until(deadline);
        int ready = poll(&poll_fd, 1, timeout);
        if (ready > 0)
            return true;
        if ((ready == 0 && timeout == 0) || (ready < 0 && errno != EINTR))
            return false;
    }
}

/* Wait for the end of the child up to `deadline`; `*exited` tells its exit code, -1 when a signal ended it or somebody
 * else has waited for it. False when it goes on. */
static bool wait_exit(int pid, uint64_t deadline, int *exited)
{
    struct timespec pause = {0, FIRST_PAUSE};
    for (;;) {
        int status = 0;
        int found = waitpid(pid, &status, __WALL | WNOHANG);
        *exited = found == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (found == pid || (found < 0 && errno != EINTR))
            return true;
        if (phd__clock_ns() > deadline)
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
    if (snapshot->pid > 0 && !wait_exit(snapshot->pid, deadline_after(REAP_SECONDS), &ignored))
        kill(snapshot->pid, SIGKILL);
    close_pipe_end(snapshot->result_fd);
    snapshot->pid = 0;
    snapshot->result_fd = -1;
}

/* The same as phd_snapshot_wait for a child without a pipe: its exit status tells whether it succeeded. */
static enum phd_status wait_without_pipe(struct phd_snapshot *snapshot, uint64_t deadline, struct phd_error *error)
{
    int exited = 0;
    bool ended = snapshot->pid <= 0 || wait_exit(snapshot->pid, deadline, &exited);
    if (!ended)
        kill(snapshot->pid, SIGKILL);
    else
        snapshot->pid = 0;
    snapshot->overran = !ended;
    reap(snapshot);
    if (ended && exited == 0)
        return PHD_OK;
    phd__error_set(error, PHD_ERROR_CHILD, 0, ended ? "the child failed" : "the child overran its deadline");
    return PHD_ERROR_CHILD;
}

/* The kind of the child's next report, 0 when there is none. */
static uint32_t receive(struct phd_snapshot *snapshot, uint64_t deadline, struct report *report)
{
    snapshot->overran = !wait_readable(snapshot->result_fd, deadline);
    if (snapshot->overran || read(snapshot->result_fd, report, sizeof *report) != (ssize_t)sizeof *report)
        return 0;
    return report->kind;
}

enum phd_status phd_snapshot_wait(struct phd_snapshot *snapshot, double seconds, struct phd_result *result,
                                  struct phd_error *error)
{
    struct report report;
    uint64_t deadline = deadline_after(seconds);
    memset(result, 0, sizeof *result);
    if (snapshot->result_fd < 0)
        return wait_without_pipe(snapshot, deadline, error);
    uint32_t kind;
    while ((kind = receive(snapshot, deadline, &report)) == NAMED) {
        snapshot->named = true;
        snapshot->sequence = report.sequence;
    }
    if (snapshot->overran && snapshot->pid > 0)
        kill(snapshot->pid, SIGKILL);
    reap(snapshot);
    if (kind != DONE) {
        phd__error_set(error, PHD_ERROR_CHILD, 0,
                       snapshot->overran ? "the child overran its deadline" : "the child died");
        return PHD_ERROR_CHILD;
    }
    *result = report.result;
    if (error)
        *error = report.error;
    return report.status;
}
