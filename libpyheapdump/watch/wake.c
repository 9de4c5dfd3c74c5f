/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGURG: its default action is to do nothing, should it ever reach a thread that has not blocked it.
 *
 * Context: crash.
 */
#include "watch/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "safe/clock.h"
#include "safe/text.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /* older headers have no name for it */
#endif

enum {
    WAKE_SIGNAL = SIGURG,
    NS_PER_MS = 1000000,
    LONGEST_POLL = 1000,           /* milliseconds; a descriptor may be closed by the program at any time */
    LEAST_WINDOW = 400 * NS_PER_MS /* the kernel warns once in a window, of 500 ms at least */
};

static const uint64_t NS_PER_S = 1000000000u;

/* A processor clock of one thread; a forked child has none. */
static struct {
    int process, thread;
    int id; /* the kernel's */
} timer;

/* Descriptors that are polled and no more; a forked child may go on using them. -1: none. */
static struct {
    int thread; /* that asked for it */
    int pressure;
    int signals;     /* tells poll() of WAKE_SIGNAL */
    uint64_t warned; /* when there was pressure */
    dev_t device;    /* of `pressure`, with the inode: which file it is */
    ino_t inode;
} polled = {0, -1, -1, 0, 0, 0};

void phd__wake_thread(int thread)
{
    syscall(SYS_tgkill, getpid(), thread, WAKE_SIGNAL);
}

/* Has the signal come within that time? */
static bool take_signal(uint64_t nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / NS_PER_S), (long)(nanoseconds % NS_PER_S)};
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, WAKE_SIGNAL);
    return sigtimedwait(&only, NULL, &time) == WAKE_SIGNAL;
}

static void forget_polled(void)
{
    polled.pressure = polled.signals = -1;
}

/* Does the kernel warn? Not so if it was not its turn. */
static bool is_warning(short events)
{
    uint64_t now = phd__clock_ns(), last = polled.warned;
    polled.warned = now;
    return events == POLLPRI && now - last > LEAST_WINDOW;
}

static bool is_polled(const struct stat *file)
{
    return file->st_dev == polled.device && file->st_ino == polled.inode;
}

/* A program that becomes a daemon closes all descriptors, and gives the numbers to others. */
static bool is_still_ours(void)
{
    struct stat now;
    return fstat(polled.pressure, &now) == 0 && is_polled(&now);
}

/* The descriptors are no longer ours when they tell what ours would not: then they are left to whom they belong. */
static void poll_for(uint64_t nanoseconds)
{
    uint64_t milliseconds = nanoseconds / NS_PER_MS + 1;
    struct pollfd fds[2] = {{polled.signals, POLLIN, 0}, {polled.pressure, POLLPRI, 0}};
    if (poll(fds, 2, milliseconds < LONGEST_POLL ? (int)milliseconds : LONGEST_POLL) <= 0)
        return;
    bool woken = take_signal(0);
    if ((fds[0].revents && (fds[0].revents != POLLIN || !woken)) || (fds[1].revents && !is_warning(fds[1].revents)))
        forget_polled();
}

void phd__wait_to_be_woken(uint64_t deadline_ns)
{
    uint64_t now = phd__clock_ns(), wait = deadline_ns > now ? deadline_ns - now : 0;
    if (polled.pressure >= 0 && !is_still_ours())
        forget_polled();
    if (polled.pressure >= 0 && polled.thread == gettid())
        poll_for(wait);
    else
        take_signal(wait);
}

static bool make_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WAKE_SIGNAL};
    if (timer.process == getpid() && timer.thread == gettid())
        return true;
    if (timer.process == getpid()) /* of a thread that was stopped for a fork */
        syscall(SYS_timer_delete, timer.id);
    timer.process = 0;
    event.sigev_notify_thread_id = gettid();
    if (syscall(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &event, &timer.id) != 0)
        return false;
    timer.process = getpid();
    timer.thread = gettid();
    return true;
}

bool phd__wake_after_processor_time(uint64_t nanoseconds)
{
    struct itimerspec time = {{0, 0}, {(time_t)(nanoseconds / NS_PER_S), (long)(nanoseconds % NS_PER_S)}};
    return make_timer() && syscall(SYS_timer_settime, timer.id, 0, &time, NULL) == 0;
}

/* Microseconds in which some process stalls, of microseconds. Windows of less than two seconds are for the privileged. */
static bool set_trigger(int fd)
{
    static const char *const triggers[] = {"some 50000 500000", "some 100000 2000000"};
    for (size_t i = 0; i < sizeof triggers / sizeof triggers[0]; i++) {
        size_t size = phd__string_length(triggers[i]) + 1;
        if (write(fd, triggers[i], size) == (ssize_t)size)
            return true;
    }
    return false;
}

/* The descriptor that tells poll() of WAKE_SIGNAL; the one there is goes on. -1: it cannot be had. */
static int signals_descriptor(bool is_there)
{
    uint64_t mask = (uint64_t)1 << (WAKE_SIGNAL - 1);
    return is_there ? polled.signals : (int)syscall(SYS_signalfd4, -1, &mask, sizeof mask, O_CLOEXEC | O_NONBLOCK);
}

bool phd__wake_on_pressure(const char *path)
{
    struct stat info;
    bool is_there = polled.pressure >= 0 && is_still_ours();
    polled.thread = gettid();
    if (is_there && stat(path, &info) == 0 && is_polled(&info))
        return true;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    int signals = fstat(fd, &info) == 0 && set_trigger(fd) ? signals_descriptor(is_there) : -1;
    if (signals < 0) {
        close(fd);
        return false;
    }
    if (is_there) /* the process is in another group now */
        close(polled.pressure);
    polled.pressure = fd;
    polled.signals = signals;
    polled.device = info.st_dev;
    polled.inode = info.st_ino;
    return true;
}
