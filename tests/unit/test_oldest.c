/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of our dumps go when there are too many, and what /proc tells of a process's start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place/oldest.h"
#include "pyheapdump.h"
#include "safe/clock.h"
#include "safe/process.h"
#include "support/cmocka_header.h"

enum { LONG_AGO = 100000 /* seconds */ };

static char directory[64];

static bool locks_are_refused;

/* In place of glibc's. */
int flock(int fd, int operation)
{
    if (!locks_are_refused)
        return (int)syscall(SYS_flock, fd, operation);
    errno = ENOLCK;
    return -1;
}

static const char *kept_by_force;

/* Likewise: one file can be removed by nobody. */
int unlinkat(int fd, const char *name, int flags)
{
    if (!kept_by_force || strcmp(name, kept_by_force) != 0)
        return (int)syscall(SYS_unlinkat, fd, name, flags);
    errno = EPERM;
    return -1;
}

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

/* A dump of a kind. */
static void put_of(const char *kind, const char *name, int age)
{
    char path[256];
    path_of(name, path);
    put(name, age);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "Subject: text\n%s: %s\n\nbody\n", PHD_KIND_HEADER, kind);
    fclose(file);
    put(name, age);
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

/* Make room after the dump `newest`. */
static void remove_beyond(unsigned keep, const char *newest)
{
    char path[256];
    path_of(newest, path);
    phd__oldest_remove(path, keep);
}

static void the_oldest_go_and_strangers_stay(void **state)
{
    (void)state;
    put("python_heap_7_1.dump", 40);
    put("python_heap_7_2.dump", 10);
    put("python_heap_9_1.dump", 30);
    put("python_heap_9_1.dump.bak", 50);
    put("python_heap__1.dump", 50);
    put("python_heap_\xc2\xb2_0.dump.part", 50); /* a digit to some, and no number */
    put("notes", 60);
    remove_beyond(1, "python_heap_7_2.dump");
    assert_false(take("python_heap_7_1.dump"));
    assert_false(take("python_heap_9_1.dump"));
    assert_true(take("python_heap_7_2.dump"));
    assert_true(take("python_heap_9_1.dump.bak"));
    assert_true(take("python_heap__1.dump"));
    assert_true(take("python_heap_\xc2\xb2_0.dump.part"));
    assert_true(take("notes"));
}

static void the_first_and_the_newest_of_a_kind_go_last(void **state)
{
    (void)state;
    put_of("18446744073709551615", "python_heap_7_1.dump", 60);
    put_of("18446744073709551615", "python_heap_8_1.dump", 50);
    put_of("18446744073709551615", "python_heap_7_2.dump", 40);
    put("python_heap_7_3.dump", 30);
    put_of("4", "python_heap_7_4.dump", 20);
    put_of("4x", "python_heap_7_5.dump", 10);
    remove_beyond(4, "python_heap_7_5.dump");
    assert_false(take("python_heap_8_1.dump"));
    assert_false(take("python_heap_7_3.dump"));
    remove_beyond(3, "python_heap_7_5.dump");
    assert_false(take("python_heap_7_1.dump"));
    assert_true(take("python_heap_7_2.dump"));
    assert_true(take("python_heap_7_4.dump"));
    assert_true(take("python_heap_7_5.dump"));
}

static void one_that_cannot_be_removed_does_not_keep_the_others(void **state)
{
    (void)state;
    put("python_heap_7_1.dump", 40);
    put("python_heap_7_2.dump", 30);
    put("python_heap_7_3.dump", 20);
    put("python_heap_7_4.dump", 10);
    kept_by_force = "python_heap_7_1.dump";
    remove_beyond(2, "python_heap_7_4.dump");
    kept_by_force = NULL;
    assert_true(take("python_heap_7_1.dump"));
    assert_false(take("python_heap_7_2.dump"));
    assert_false(take("python_heap_7_3.dump"));
    assert_true(take("python_heap_7_4.dump"));
}

/* The clocks of those who share a directory differ. */
static void the_new_one_stays_though_it_looks_oldest(void **state)
{
    (void)state;
    put("python_heap_7_1.dump", 40);
    put("python_heap_7_2.dump", -3600);
    remove_beyond(1, "python_heap_7_1.dump");
    assert_true(take("python_heap_7_1.dump"));
    assert_false(take("python_heap_7_2.dump"));
}

static void other_users_dumps_neither_count_nor_go(void **state)
{
    char path[256];
    (void)state;
    if (geteuid() != 0) {
        print_message("files cannot be given away: not root\n");
        skip();
    }
    put("python_heap_7_1.dump", 20);
    put("python_heap_7_2.dump", 10);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "python_heap_9_%d.dump", i);
        put(name, i - 1000);
        path_of(name, path);
        assert_int_equal(chown(path, 65534, 65534), 0);
    }
    remove_beyond(2, "python_heap_7_2.dump");
    assert_true(take("python_heap_7_1.dump"));
    assert_true(take("python_heap_7_2.dump"));
    assert_true(take("python_heap_9_0.dump"));
    assert_true(take("python_heap_9_1.dump"));
    assert_true(take("python_heap_9_2.dump"));
}

static void a_part_goes_when_nobody_writes_it(void **state)
{
    char path[256];
    (void)state;
    put("python_heap_1_1.dump", 0);
    put("python_heap_1_2.dump.part", LONG_AGO);
    put("python_heap_1_3.dump.part", LONG_AGO);
    path_of("python_heap_1_3.dump.part", path);
    int fd = open(path, O_RDONLY); /* its writer may be in another container, and so have any id */
    assert_int_equal(flock(fd, LOCK_EX), 0);
    remove_beyond(1, "python_heap_1_1.dump");
    assert_false(take("python_heap_1_2.dump.part"));
    assert_true(take("python_heap_1_3.dump.part"));
    assert_true(take("python_heap_1_1.dump"));
    close(fd);
}

/* The same with locks that this file system refuses: then the id in the name has to do. */
static void without_locks_a_part_goes_when_nobody_can_finish_it(void **state)
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
    put("python_heap_1_1.dump", 0);
    locks_are_refused = true;
    remove_beyond(1, "python_heap_1_1.dump");
    locks_are_refused = false;
    assert_true(take(ours_now));
    assert_false(take(ours_before));
    assert_false(take(nobodys));
    assert_true(take("python_heap_1_1.dump"));
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
        cmocka_unit_test_setup_teardown(the_first_and_the_newest_of_a_kind_go_last, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_removed_does_not_keep_the_others, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(the_new_one_stays_though_it_looks_oldest, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(other_users_dumps_neither_count_nor_go, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_part_goes_when_nobody_writes_it, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(without_locks_a_part_goes_when_nobody_can_finish_it, make_directory,
                                        remove_directory),
        cmocka_unit_test(a_process_tells_when_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
