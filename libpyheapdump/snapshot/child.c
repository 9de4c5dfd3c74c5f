/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "snapshot/child.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash/record.h"
#include "safe/action.h"
#include "safe/text.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture; older headers lack it */
#endif

enum { CHILD_NICE = 5, CHILD_FAULTED = 126 /* exit code */, MAX_DESCRIPTORS = 1 << 16 };

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

/* Close every descriptor but `kept`, which may be negative: none. */
static void close_descriptors(int kept)
{
    if (kept > 0)
        close_range_of(0, (unsigned)kept - 1);
    close_range_of(kept < 0 ? 0 : (unsigned)kept + 1, ~0u);
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

void phd__child_become(int kept)
{
    take_over_faults();
    write_small_file("/proc/self/oom_score_adj", "1000");
    setpriority(PRIO_PROCESS, 0, CHILD_NICE);
    lift_memory_limits();
    close_descriptors(kept);
}

void phd__child_end(int code)
{
    syscall(SYS_exit_group, code);
    __builtin_unreachable();
}
