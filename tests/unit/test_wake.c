/* SPDX-License-Identifier: Apache-2.0
 *
 * What wakes a thread of the library's own, and the thread itself: its bell, its end for a fork, a forked child.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limits/cgroup.h"
#include "safe/clock.h"
#include "safe/wait.h"
#include "support/cmocka_header.h"
#include "watch/wake.h"
#include "watch/worker.h"

#define SECOND ((uint64_t)1000000000)
/* A deadline that a test never waits for. */
#define LONG (600 * SECOND)

static int block_signals(void **state)
{
    sigset_t all;
    (void)state;
    sigfillset(&all);
    return sigprocmask(SIG_BLOCK, &all, NULL);
}

/* ---- wake ---- */

static void until_a_deadline(void **state)
{
    uint64_t deadline = phd__clock_ns() + SECOND / 50;
    (void)state;
    phd__wait_to_be_woken(deadline);
    assert_true(phd__clock_ns() >= deadline);
    phd__wait_to_be_woken(0); /* has passed already */
}

static void woken_before_it_waits(void **state)
{
    uint64_t started = phd__clock_ns();
    (void)state;
    phd__wake_thread(gettid());
    phd__wake_thread(gettid());
    phd__wait_to_be_woken(started + LONG);
    phd__wait_to_be_woken(started + SECOND / 50); /* two are one */
    assert_true(phd__clock_ns() >= started + SECOND / 50);
    assert_true(phd__clock_ns() < started + LONG);
}

static void *work_until_told(void *told)
{
    volatile unsigned long turns = 0;
    while (!atomic_load((atomic_bool *)told))
        turns++;
    return NULL;
}

/* The clock runs when another thread works, and not while all sleep. */
static void processor_time(void **state)
{
    atomic_bool told = false;
    pthread_t thread;
    uint64_t started = phd__clock_ns();
    (void)state;
    assert_true(phd__wake_after_processor_time(SECOND / 20));
    phd__wait_to_be_woken(started + SECOND / 5);
    assert_true(phd__clock_ns() >= started + SECOND / 5);
    assert_int_equal(pthread_create(&thread, NULL, work_until_told, &told), 0);
    phd__wait_to_be_woken(started + LONG);
    assert_true(phd__clock_ns() < started + LONG);
    atomic_store(&told, true);
    pthread_join(thread, NULL);
}

/* Where the kernel refuses there is nothing to test; a file that is no such file is refused always. */
static void pressure(void **state)
{
    int before, after;
    (void)state;
    before = open("/dev/null", O_RDONLY);
    assert_false(phd__wake_on_pressure("/dev/null/none"));
    assert_false(phd__wake_on_pressure("/proc/self/comm_of_nobody"));
    after = open("/dev/null", O_RDONLY);
    assert_int_equal(after, before + 1); /* nothing is left open */
    close(after);
    close(before);
    if (!phd__wake_on_pressure("/proc/pressure/memory")) {
        print_message("skipped: this kernel lets the test not ask for pressure\n");
        skip();
    }
    uint64_t started = phd__clock_ns();
    phd__wake_thread(gettid());
    phd__wait_to_be_woken(started + LONG);
    assert_true(phd__clock_ns() < started + LONG);
}

/* After the test above the descriptors `before` and the one behind it are polled: now they are somebody else's. */
static void descriptors_of_others(void **state)
{
    int ends[2], first = open("/dev/null", O_RDONLY);
    char got[8];
    (void)state;
    close(first);
    assert_int_equal(pipe(ends), 0);
    for (int fd = 3; fd < first; fd++) {
        if (fd != ends[0] && fd != ends[1])
            dup2(ends[0], fd);
    }
    assert_int_equal(write(ends[1], "mine", 4), 4);
    uint64_t started = phd__clock_ns();
    for (int i = 0; i < 3; i++) /* the first may return early */
        phd__wait_to_be_woken(started + (uint64_t)i * SECOND / 20);
    assert_true(phd__clock_ns() >= started + SECOND / 20);
    assert_int_equal(read(ends[0], got, sizeof got), 4);
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 100; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A process that was moved to another group has another file: that one is polled, and the one before is closed. */
static void pressure_of_another_file(void **state)
{
    struct stat first, second, polled;
    (void)state;
    int before = count_descriptors(), next = dup(0);
    close(next);
    if (!phd__wake_on_pressure("/proc/pressure/memory")) {
        print_message("skipped: this kernel lets the test not ask for pressure\n");
        skip();
    }
    assert_int_equal(count_descriptors(), before + 2);
    assert_int_equal(stat("/proc/pressure/memory", &first), 0);
    assert_int_equal(stat("/proc/pressure/io", &second), 0);
    assert_int_equal(fstat(next, &polled), 0);
    assert_int_equal(polled.st_ino, first.st_ino);
    assert_true(phd__wake_on_pressure("/proc/pressure/memory"));
    assert_int_equal(fcntl(next, F_GETFD), FD_CLOEXEC);
    assert_true(phd__wake_on_pressure("/proc/pressure/io"));
    assert_int_equal(count_descriptors(), before + 2);
    int found = 0;
    for (int fd = 0; fd < 100; fd++)
        found += fstat(fd, &polled) == 0 && polled.st_dev == second.st_dev && polled.st_ino == second.st_ino;
    assert_int_equal(found, 1);
}

/* ---- pressure in a real group ---- */

enum { GROUP_PATH = PHD_CGROUP_PATH + 64 };
static int group_number; /* of the process that makes it */

/* A path in the group that a test makes, below the mount point of version 2; false: that is not mounted. */
static bool group_path(char path[GROUP_PATH], const char *name)
{
    struct phd_cgroup found[PHD_CGROUP_VERSIONS];
    unsigned count = phd__cgroup_find("", found);
    if (!count || !found[count - 1].second)
        return false;
    snprintf(path, GROUP_PATH, "%.*s/pyheapdump-test-%d%s", (int)found[count - 1].mount, found[count - 1].path,
             group_number, name);
    return true;
}

static bool write_to_group(const char *name, const char *content)
{
    char path[GROUP_PATH];
    ssize_t length = (ssize_t)strlen(content);
    int fd = group_path(path, name) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    bool written = fd >= 0 && write(fd, content, (size_t)length) == length;
    close(fd);
    return written;
}

/* A process of the group that wants more memory than it gets. */
static int start_glutton(void)
{
    int pid = fork();
    if (pid == 0) {
        alarm(300);
        for (int i = 0; i < 256 && write_to_group("/cgroup.procs", "0"); i++)
            memset(malloc(1 << 20), 1, 1 << 20);
        _exit(1);
    }
    return pid;
}

/* Does a wait end before its time, in so many? */
static bool is_woken_early(int waits)
{
    for (int i = 0; i < waits; i++) {
        uint64_t started = phd__clock_ns();
        phd__wait_to_be_woken(started + SECOND / 2);
        if (phd__clock_ns() < started + SECOND / 2)
            return true;
    }
    return false;
}

static int wait_beside_a_glutton(void)
{
    char path[GROUP_PATH];
    int glutton, result;
    if (!group_path(path, "/memory.pressure") || !phd__wake_on_pressure(path) || is_woken_early(4))
        return 1;
    glutton = start_glutton();
    result = is_woken_early(100) ? 0 : 2;
    kill(glutton, SIGKILL);
    waitpid(glutton, NULL, 0);
    return result;
}

/* The kernel wakes who asked for the pressure of a group when a process in it stalls, here above memory.high. Another
 * process than this one asks: here is polled what the tests above have left. */
static void pressure_of_a_group(void **state)
{
    char path[GROUP_PATH];
    int status = -1;
    (void)state;
    group_number = getpid();
    bool is_made = group_path(path, "") && mkdir(path, 0700) == 0;
    bool is_limited = is_made && write_to_group("/memory.high", "8388608");
    int waiting = is_limited ? fork() : -1;
    if (waiting == 0)
        _exit(wait_beside_a_glutton());
    if (is_limited)
        waitpid(waiting, &status, 0);
    if (is_made)
        assert_int_equal(rmdir(path), 0);
    if (!is_limited) {
        print_message("skipped: no group of version 2 that limits memory can be made here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* ---- worker ---- */

static _Atomic uint32_t served, seen;
static uint64_t serve_and_tell(void)
{
    atomic_store(&seen, atomic_load(&served));
    phd__wake(&seen);
    return PHD_FOREVER;
}
static struct phd_worker worker = {.serve = serve_and_tell, .hears_signals = true};

/* Give it work, and wait until it has seen that. */
static void have_served(uint32_t number)
{
    atomic_store(&served, number);
    phd__worker_ring(&worker);
    uint64_t deadline = phd__clock_ns() + LONG;
    for (uint32_t now; (now = atomic_load(&seen)) != number;)
        phd__wait(&seen, now, deadline);
}

static void bell(void **state)
{
    (void)state;
    phd__worker_ring(&worker); /* nobody is there */
    assert_false(phd__worker_stop(&worker));
    assert_int_equal(phd__worker_start(&worker), 0);
    assert_true(phd__worker_runs(&worker));
    assert_int_equal(phd__worker_start(&worker), 0);
    for (uint32_t i = 1; i < 1000; i++)
        have_served(i);
}

static void stopped_for_a_fork(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(phd__worker_start(&worker), 0);
        have_served(2000 + i);
        assert_true(phd__worker_stop(&worker));
        assert_false(phd__worker_runs(&worker));
    }
}

static void forked_child(void **state)
{
    int status = 0;
    (void)state;
    assert_int_equal(phd__worker_start(&worker), 0);
    int pid = fork();
    if (pid == 0) {
        alarm(60);
        if (phd__worker_runs(&worker))
            _exit(1);
        phd__worker_forget(&worker);
        if (phd__worker_start(&worker) != 0)
            _exit(2);
        have_served(3000);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    have_served(3001);
    assert_true(phd__worker_stop(&worker));
}

/* The same with a bell that is a futex. */
static void futex(void **state)
{
    worker.hears_signals = false;
    bell(state);
    assert_true(phd__worker_stop(&worker));
    stopped_for_a_fork(state);
    forked_child(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_a_deadline),
        cmocka_unit_test(woken_before_it_waits),
        cmocka_unit_test(processor_time),
        cmocka_unit_test(pressure),
        cmocka_unit_test(descriptors_of_others),
        cmocka_unit_test(pressure_of_another_file),
        cmocka_unit_test(pressure_of_a_group),
        cmocka_unit_test(bell),
        cmocka_unit_test(stopped_for_a_fork),
        cmocka_unit_test(forked_child),
        cmocka_unit_test(futex),
    };
    return cmocka_run_group_tests(tests, block_signals, NULL);
}
