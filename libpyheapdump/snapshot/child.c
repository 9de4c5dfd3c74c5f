/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "snapshot/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "crash/record.h"
#include "safe/action.h"
#include "safe/pages.h"
#include "safe/text.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture; older headers lack it */
#endif

enum {
    CHILD_NICER = 5, /* than the program */
    CHILD_FAULTED = 126 /* exit code */,
    MAX_DESCRIPTORS = 1 << 16,
    MAX_PROCESSORS = 1 << 16
};

/* linux/ioprio.h, which has no constants before 5.16: the class of those that write when nobody else does */
enum { IO_OF_PROCESS = 1, IO_IDLE = 3 << 13 };

/* A deadline beyond this is none. */
static const double LONGEST = 1e8;

static bool write_small_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t written = write(fd, content, phd__string_length(content));
    close(fd);
    return written > 0;
}

/* Only a wish: /proc may not be mounted. The files of a process that is not dumpable, as it has dropped rights, are
 * root's (proc(5)): this copy of it is dumpable for as long as the file is opened. What could be read of it then will stand
 * in a file of the same user. */
static void offer_to_oom_killer(void)
{
    static const char file[] = "/proc/self/oom_score_adj", most[] = "1000";
    if (write_small_file(file, most) || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
        return;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    write_small_file(file, most);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Stay out of the program's way: no real-time priority, whatever the program has, its processors only when they are free,
 * and all others as well, to which it may have bound itself not. What is refused is done without. */
static void step_back(void)
{
    static const struct sched_param no_priority;
    static unsigned long processors[MAX_PROCESSORS / 8 / sizeof(unsigned long)];
    memset(processors, 0xff, sizeof processors);
    syscall(SYS_sched_setaffinity, 0, sizeof processors, processors);
    syscall(SYS_sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &no_priority);
    long told = syscall(SYS_getpriority, PRIO_PROCESS, 0); /* the kernel's own has 20 - nice */
    if (told > 0)
        setpriority(PRIO_PROCESS, 0, 20 - (int)told + CHILD_NICER);
    syscall(SYS_ioprio_set, IO_OF_PROCESS, 0, IO_IDLE);
}

/* SIGALRM ends the child, by its default action: nothing that hangs here, and no bug of ours, makes it live on. */
static void set_deadline(double seconds)
{
    static const struct phd_action default_action;
    struct itimerval timer;
    sigset_t alarm_signal;
    memset(&timer, 0, sizeof timer);
    if (seconds <= 0 || seconds > LONGEST)
        return;
    timer.it_value.tv_sec = (time_t)seconds + 1;
    phd__action_set(SIGALRM, &default_action);
    setitimer(ITIMER_REAL, &timer, NULL);
    sigemptyset(&alarm_signal);
    sigaddset(&alarm_signal, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_signal, NULL);
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

/* Descriptors first: a socket that the program closes now is closed when ours is, too. */
void phd__child_become(int kept, double seconds)
{
    take_over_faults();
    close_descriptors(kept);
    set_deadline(seconds);
    phd__pages_apart();
    offer_to_oom_killer();
    step_back();
    lift_memory_limits();
}

void phd__child_end(int code)
{
    syscall(SYS_exit_group, code);
    __builtin_unreachable();
}
