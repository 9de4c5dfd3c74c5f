/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of our dumps go when there are too many, and what /proc tells of a process's start.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "safe/clock.h"
#include "safe/process.h"
#include "support/cmocka_header.h"
#include "watch/oldest.h"

enum { LONG_AGO = 100000 /* seconds */ };

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/pyheapdump-oldest-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static void path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", directory, name);
}

/* A file last changed so many seconds ago. */
static void put(const char *name, int age)
{
    char path[256];
    path_of(name, path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    int64_t changed = phd__wall_clock_ns() / 1000000000 - age;
    struct timespec times[2] = {{changed, 0}, {changed, 0}};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

/* Is it there? It is gone afterwards. */
static bool take(const char *name)
{
    char path[256];
    path_of(name, path);
    return unlink(path) == 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void the_oldest_go_and_strangers_stay(void **state)
{
    (void)state;
    put("python_heap_7_1.dump", 40);
    put("python_heap_7_2.dump", 10);
    put("python_heap_9_1.dump", 30);
    put("python_heap_9_1.dump.bak", 50);
    put("python_heap__1.dump", 50);
    put("notes", 60);
    phd__oldest_remove(directory, 1);
    assert_false(take("python_heap_7_1.dump"));
    assert_false(take("python_heap_9_1.dump"));
    assert_true(take("python_heap_7_2.dump"));
    assert_true(take("python_heap_9_1.dump.bak"));
    assert_true(take("python_heap__1.dump"));
    assert_true(take("notes"));
}

static void a_part_goes_when_nobody_can_finish_it(void **state)
{
    char ours_now[64], ours_before[64], nobodys[64];
    pid_t ended = fork();
    (void)state;
    if (ended == 0)
        _exit(0);
    assert_int_equal(waitpid(ended, NULL, 0), ended);
    snprintf(ours_now, sizeof ours_now, "python_heap_%d_1.dump.part", getpid());
    snprintf(ours_before, sizeof ours_before, "python_heap_%d_2.dump.part", getpid());
    snprintf(nobodys, sizeof nobodys, "python_heap_%d_1.dump.part", ended);
    put(ours_now, 0);
    put(ours_before, LONG_AGO); /* of another process that had this id */
    put(nobodys, 0);
    phd__oldest_remove(directory, 0);
    assert_true(take(ours_now));
    assert_false(take(ours_before));
    assert_false(take(nobodys));
}

static void a_process_tells_when_it_began(void **state)
{
    (void)state;
    int64_t now = phd__wall_clock_ns(), start = phd__process_start_ns(getpid());
    assert_true(start > now - 600 * (int64_t)1000000000 && start <= now + PHD_PROCESS_TICK_NS);
    assert_int_equal(phd__process_start_ns(0x7fffffff), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_go_and_strangers_stay, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_part_goes_when_nobody_can_finish_it, make_directory, remove_directory),
        cmocka_unit_test(a_process_tells_when_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
