/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots of a fake process: the child and what can go wrong with it, and the way without a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "safe/clock.h"
#include "safe/pages.h"
#include "snapshot/snapshot.h"
#include "support/cmocka_header.h"
#include "support/fake_process.h"
#include "support/walked.h"

enum { NOBODY = 65534, SLOW_BYTES = 12 * 1024 * 1024 };

static struct fake_process process;
static struct phd_snapshot snapshot;
static struct phd_result result;
static struct phd_error error;
static struct walked dump;

static int set_up(void **state)
{
    (void)state;
    fake_process_open(&process, 2);
    memset(&error, 0xff, sizeof error);
    memset(&result, 0xff, sizeof result);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_process_close(&process);
    return 0;
}

static enum phd_status start(void)
{
    return phd_snapshot_start(&process.request, &snapshot, &error);
}

static enum phd_status wait_for(double seconds)
{
    return phd_snapshot_wait(&snapshot, seconds, &result, &error);
}

/* The process has no child any more, also none that only __WALL shows, and the snapshot holds nothing. */
static void assert_reaped(void)
{
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(snapshot.pid, 0);
    assert_null(snapshot.report);
}

static void assert_dumped(const char *how)
{
    assert_true(fake_process_file(&process, "dump") > 0);
    assert_int_equal(fake_process_file(&process, "dump.tmp"), -1);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_non_null(strstr(walked_block(&dump, PHD__BLOCK_FACTS, 0), how));
    assert_non_null(strstr(walked_block(&dump, PHD__BLOCK_END, 0), "complete: true"));
    walked_close(&dump);
}

/* Let the dump take some seconds: noise at zstd's highest level. */
static void make_slow(void)
{
    uint64_t random = 88172645463325252u;
    uint8_t *bytes = malloc(SLOW_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < SLOW_BYTES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes[i] = (uint8_t)random & 15;
    }
    fake_process_raise(&process, heap_new_bytes(&process.heap, bytes, SLOW_BYTES));
    process.request.level = 19;
    free(bytes);
}

static void a_child_writes_the_dump(void **state)
{
    (void)state;
    assert_int_equal(start(), PHD_OK);
    assert_true(snapshot.pid > 0);
    assert_true(snapshot.paused_ns > 0);
    assert_int_equal(wait_for(60), PHD_OK);
    assert_true(result.complete);
    assert_int_equal(result.bytes, fake_process_file(&process, "dump"));
    assert_reaped();
    assert_dumped("snapshot: 'clone'");
}

/* What changes after the start does not reach the dump. */
static void the_snapshot_is_frozen(void **state)
{
    uint64_t list = LIST(&process.heap, heap_new_int(&process.heap, 1));
    (void)state;
    fake_process_raise(&process, list);
    assert_int_equal(start(), PHD_OK);
    heap_set_word(heap_word(list, process.heap.at->list_items), 0, heap_new_int(&process.heap, 2));
    assert_int_equal(wait_for(60), PHD_OK);
    walked_open(&dump, fake_process_path(&process, "dump"));
    bool found = false;
    for (uint64_t id = 0; id < dump.objects; id++)
        found |= strcmp(walked_record(&dump, id), "[9, 1]") == 0;
    walked_close(&dump);
    assert_true(found);
}

static volatile sig_atomic_t child_signals;

static void on_child(int signal_number)
{
    (void)signal_number;
    child_signals = child_signals + 1;
}

/* A program that waits for its own children must not meet ours. */
static void the_program_does_not_notice_the_child(void **state)
{
    struct sigaction action = {.sa_handler = on_child}, before;
    (void)state;
    child_signals = 0;
    sigaction(SIGCHLD, &action, &before);
    assert_int_equal(start(), PHD_OK);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(wait_for(60), PHD_OK);
    sigaction(SIGCHLD, &before, NULL);
    assert_int_equal(child_signals, 0);
    assert_reaped();
}

static void ignored_children_make_no_difference(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    (void)state;
    sigaction(SIGCHLD, &ignore, &before);
    assert_int_equal(start(), PHD_OK);
    enum phd_status status = wait_for(60);
    sigaction(SIGCHLD, &before, NULL);
    assert_int_equal(status, PHD_OK);
    assert_reaped();
}

/* While the child works, the other end of a pipe that the program closes gets to know. */
static void the_child_keeps_no_descriptors(void **state)
{
    int fds[2];
    (void)state;
    make_slow();
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(start(), PHD_OK);
    close(fds[1]);
    struct pollfd end = {fds[0], POLLIN, 0};
    assert_int_equal(poll(&end, 1, 10000), 1);
    assert_true(end.revents & POLLHUP);
    assert_int_equal(waitpid(snapshot.pid, NULL, __WALL | WNOHANG), 0); /* it still works */
    close(fds[0]);
    assert_int_equal(wait_for(0), PHD_ERROR_CHILD);
    assert_reaped();
}

static void signal_masks_stay_as_they_were(void **state)
{
    sigset_t mask, before, after;
    (void)state;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_SETMASK, &mask, &before);
    assert_int_equal(start(), PHD_OK);
    sigprocmask(SIG_SETMASK, &before, &after);
    assert_int_equal(wait_for(60), PHD_OK);
    assert_int_equal(sigismember(&after, SIGUSR2), 1);
    assert_int_equal(sigismember(&after, SIGUSR1), 0);
    assert_int_equal(sigismember(&after, SIGTERM), 0);
}

static void an_unknown_version_is_told(void **state)
{
    (void)state;
    process.request.python_version = 3 << 8 | 99;
    assert_int_equal(start(), PHD_OK);
    assert_int_equal(wait_for(60), PHD_ERROR_LAYOUT);
    assert_int_equal(error.status, PHD_ERROR_LAYOUT);
    assert_string_equal(error.step, "layout");
    assert_int_equal(result.objects, 0);
    assert_int_equal(fake_process_file(&process, "dump"), -1);
    assert_int_equal(fake_process_file(&process, "dump.tmp"), -1);
    assert_reaped();
}

static void a_directory_that_takes_no_file_is_told(void **state)
{
    (void)state;
    assert_int_equal(rmdir(process.directory_name), 0);
    assert_int_equal(start(), PHD_OK);
    assert_int_equal(wait_for(60), PHD_ERROR_WRITE);
    assert_string_equal(error.step, "open");
    assert_int_equal(error.system_errno, ENOENT);
    assert_reaped();
}

static void a_name_that_is_taken_is_told(void **state)
{
    (void)state;
    int fd = openat(process.directory, "dump", O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(start(), PHD_OK);
    assert_int_equal(wait_for(60), PHD_ERROR_WRITE);
    assert_string_equal(error.step, "rename");
    assert_int_equal(error.system_errno, EEXIST);
    assert_int_equal(fake_process_file(&process, "dump"), 0);
    assert_reaped();
}

static void a_killed_child_is_told(void **state)
{
    (void)state;
    make_slow();
    assert_int_equal(start(), PHD_OK);
    kill(snapshot.pid, SIGKILL);
    assert_int_equal(wait_for(60), PHD_ERROR_CHILD);
    assert_string_equal(error.step, "the child died");
    assert_int_equal(result.objects, 0);
    assert_int_equal(fake_process_file(&process, "dump"), -1);
    assert_reaped();
}

static void a_child_that_overruns_is_killed_and_its_file_kept(void **state)
{
    (void)state;
    make_slow();
    assert_int_equal(start(), PHD_OK);
    while (fake_process_file(&process, "dump.tmp") < 2000) /* past the headers */
        usleep(1000);
    assert_int_equal(wait_for(0.02), PHD_ERROR_CHILD);
    assert_string_equal(error.step, "the child overran its deadline");
    assert_reaped();
    assert_int_equal(fake_process_file(&process, "dump"), -1);
    walked_open(&dump, fake_process_path(&process, "dump.tmp"));
    assert_non_null(strstr(walked_block(&dump, PHD__BLOCK_FACTS, 0), "snapshot: 'clone'"));
    walked_close(&dump);
}

/* A result that is there is taken even when there is no time left to wait for it. */
static void no_time_is_enough_for_a_finished_child(void **state)
{
    (void)state;
    assert_int_equal(start(), PHD_OK);
    assert_true(phd__snapshot_told(&snapshot, 60));
    if (snapshot.pid > 0) /* it is the same when somebody else has waited for it */
        assert_int_equal(waitpid(snapshot.pid, NULL, __WALL), snapshot.pid);
    assert_int_equal(wait_for(0), PHD_OK);
    assert_true(result.complete);
}

static void any_number_of_seconds_will_do(void **state)
{
    static const double seconds[] = {-1, 1e9, 1e300, __builtin_inf(), __builtin_nan("")};
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        assert_int_equal(start(), PHD_OK);
        assert_int_equal(wait_for(seconds[i]), PHD_OK);
        unlinkat(process.directory, "dump", 0);
    }
}

static void nobody_has_to_ask_for_errors(void **state)
{
    (void)state;
    process.request.python_version = 0;
    assert_int_equal(phd_snapshot_start(&process.request, &snapshot, NULL), PHD_OK);
    assert_int_equal(phd_snapshot_wait(&snapshot, 60, &result, NULL), PHD_ERROR_LAYOUT);
    assert_reaped();
}

static void the_current_directory_will_do(void **state)
{
    char before[256];
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(process.directory_name), 0);
    process.request.directory = AT_FDCWD;
    assert_int_equal(start(), PHD_OK);
    enum phd_status status = wait_for(60);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, PHD_OK);
    assert_dumped("snapshot: 'clone'");
}

/* Runs `body` in a process of its own whose resource `limit` is lowered to `value`; nobody's, because root's are not
 * kept. Returns what `body` returned. */
static int with_limit(__rlimit_resource_t limit, rlim_t value, int (*body)(void))
{
    int status;
    assert_int_equal(chmod(process.directory_name, 0777), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit lowered = {value, value};
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(100);
        _exit(setrlimit(limit, &lowered) == 0 ? body() : 101);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0 when the dump was made in place; the number of the step that was not as it should be. */
static int dump_in_place(void)
{
    if (start() != PHD_OK)
        return 1;
    if (snapshot.pid != 0)
        return 2;
    if (wait_for(0) != PHD_OK)
        return 3;
    if (!result.complete || result.objects == 0)
        return 4;
    return snapshot.report == NULL ? 0 : 5;
}

static void without_a_child_the_dump_is_made_in_place(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_NPROC, 0, dump_in_place), 0);
    assert_dumped("snapshot: 'in place'");
}

static int fail_in_place(void)
{
    if (start() != PHD_ERROR_LAYOUT || snapshot.pid != 0 || snapshot.report)
        return 1;
    return phd_snapshot_start(&process.request, &snapshot, NULL) == PHD_ERROR_LAYOUT ? 0 : 2;
}

static void errors_in_place_are_told_at_once(void **state)
{
    (void)state;
    process.request.python_version = 3 << 8 | 99;
    assert_int_equal(with_limit(RLIMIT_NPROC, 0, fail_in_place), 0);
}

static int no_descriptor_at_all(void)
{
    if (start() != PHD_OK || snapshot.pid == 0)
        return 1;
    return wait_for(60) == PHD_ERROR_WRITE && error.system_errno == EMFILE && snapshot.pid == 0 ? 0 : 2;
}

static void without_descriptors_there_is_an_error_and_no_harm(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_NOFILE, 0, no_descriptor_at_all), 0);
}

/* The child has closed those of the program: it can open a file where the program could not. */
static int no_free_descriptor(void)
{
    while (dup(0) >= 0)
        continue;
    if (start() != PHD_OK || snapshot.pid == 0)
        return 1;
    return wait_for(60) == PHD_OK && result.complete ? 0 : 2;
}

static void without_a_free_descriptor_the_child_writes_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_NOFILE, 64, no_free_descriptor), 0);
    assert_dumped("snapshot: 'clone'");
}

/* A program that becomes a daemon meanwhile: it closes everything, and gives the numbers to files of its own. */
static int descriptors_change_hands(void)
{
    int fds[2];
    char byte = 0;
    make_slow();
    process.request.level = 1;
    if (start() != PHD_OK)
        return 1;
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    while (pipe(fds) == 0)
        if (write(fds[1], "x", 1) != 1)
            return 2;
    if (wait_for(60) != PHD_OK || !result.complete)
        return 3;
    for (int fd = 0; fd < 64; fd += 2)
        if (read(fd, &byte, 1) != 1 || byte != 'x')
            return 4;
    return 0;
}

static void the_descriptors_of_the_program_are_its_own(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_NOFILE, 64, descriptors_change_hands), 0);
    assert_dumped("snapshot: 'clone'");
}

/* A child that the program forks meanwhile, and that lives on, keeps nothing of the snapshot. */
static void a_forked_child_does_not_hide_the_writers_death(void **state)
{
    (void)state;
    make_slow();
    assert_int_equal(start(), PHD_OK);
    pid_t other = fork();
    if (other == 0) {
        pause();
        _exit(0);
    }
    kill(snapshot.pid, SIGKILL);
    assert_int_equal(wait_for(60), PHD_ERROR_CHILD);
    assert_string_equal(error.step, "the child died");
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    assert_reaped();
}

/* No more memory than it has for the process itself; the child may lift this limit. */
static bool refuse_memory(void)
{
    char pages[32] = "";
    int fd = open("/proc/self/statm", O_RDONLY);
    bool is_read = read(fd, pages, sizeof pages - 1) > 0;
    close(fd);
    const struct rlimit as_much = {strtoull(pages, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE), RLIM_INFINITY};
    return is_read && setrlimit(RLIMIT_AS, &as_much) == 0;
}

static int without_a_page(void)
{
    if (!refuse_memory() || start() != PHD_OK || snapshot.pid == 0 || snapshot.report)
        return 1;
    if (wait_for(60) != PHD_OK)
        return 2;
    process.request.python_version = 0;
    if (start() != PHD_OK || wait_for(60) != PHD_ERROR_CHILD)
        return 3;
    if (start() != PHD_OK || kill(snapshot.pid, SIGSTOP) != 0)
        return 4;
    return wait_for(0.05) == PHD_ERROR_CHILD && snapshot.overran && snapshot.pid == 0 ? 0 : 5;
}

static void without_a_page_the_exit_status_tells(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_CORE, 0, without_a_page), 0);
    assert_dumped("snapshot: 'clone'");
}

static int with_a_reserve(void)
{
    if (!phd__pages_reserve(1 << 20) || !refuse_memory() || start() != PHD_OK || !snapshot.report)
        return 1;
    return wait_for(60) == PHD_OK && result.complete ? 0 : 2;
}

static void the_reserve_has_a_page_for_the_report(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_CORE, 0, with_a_reserve), 0);
    assert_dumped("snapshot: 'clone'");
}

/* All choose at the same moment; each finds a name of its own, and tells which. */
static void dumps_of_one_moment_have_different_names(void **state)
{
    enum { COUNT = 8 };
    struct phd_snapshot snapshots[COUNT];
    char name[64];
    unsigned met = 0;
    (void)state;
    process.request.directories[0] = process.directory_name;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(phd_snapshot_start(&process.request, &snapshots[i], &error), PHD_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(phd_snapshot_wait(&snapshots[i], 60, &result, &error), PHD_OK);
        assert_true(result.complete && snapshots[i].named && snapshots[i].sequence < COUNT);
        met |= 1u << snapshots[i].sequence;
    }
    assert_int_equal(met, (1 << COUNT) - 1);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "python_heap_%d_%u.dump", process.request.pid, i);
        assert_int_equal(unlinkat(process.directory, name, 0), 0);
    }
}

static bool file_system_hangs;

/* In place of glibc's. */
int mkdir(const char *path, mode_t mode)
{
    while (file_system_hangs)
        pause();
    return (int)syscall(SYS_mkdir, path, mode);
}

/* However long the dump itself may take. */
static void a_writer_that_cannot_begin_is_given_up(void **state)
{
    struct phd_snapshot snapshot;
    (void)state;
    process.request.directories[0] = process.directory_name;
    file_system_hangs = true;
    assert_int_equal(phd_snapshot_start(&process.request, &snapshot, &error), PHD_OK);
    file_system_hangs = false;
    assert_false(phd__snapshot_hangs(&snapshot));
    snapshot.begin_by_ns = phd__clock_ns() + 100 * 1000 * 1000;
    uint64_t started = phd__clock_ns();
    assert_int_equal(phd_snapshot_wait(&snapshot, 600, &result, &error), PHD_ERROR_CHILD);
    assert_true(snapshot.overran && phd__clock_ns() - started < (uint64_t)60 * 1000 * 1000 * 1000);
}

static void numbers_are_given_once(void **state)
{
    (void)state;
    unsigned first = phd_number_next();
    assert_int_equal(phd_number_next(), first + 1);
    assert_int_equal(phd_number_peek(), first + 2);
    phd_number_reached(first + 9);
    phd_number_reached(first + 4);
    assert_int_equal(phd_number_next(), first + 10);
    pid_t child = fork();
    if (child == 0)
        _exit(phd_number_peek() == 0 && phd_number_next() == 0 && phd_number_next() == 1 ? 17 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    assert_int_equal(phd_number_next(), first + 11);
}

static int write_until_the_limit(void)
{
    signal(SIGXFSZ, SIG_DFL); /* the child has it blocked */
    if (start() != PHD_OK || snapshot.pid == 0)
        return 1;
    enum phd_status status = wait_for(60);
    return status == PHD_ERROR_WRITE && error.system_errno == EFBIG ? 0 : 2;
}

static void a_file_size_limit_does_not_kill_the_child(void **state)
{
    (void)state;
    assert_int_equal(with_limit(RLIMIT_FSIZE, 100, write_until_the_limit), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_child_writes_the_dump),
        TEST(the_snapshot_is_frozen),
        TEST(the_program_does_not_notice_the_child),
        TEST(ignored_children_make_no_difference),
        TEST(the_child_keeps_no_descriptors),
        TEST(signal_masks_stay_as_they_were),
        TEST(an_unknown_version_is_told),
        TEST(a_directory_that_takes_no_file_is_told),
        TEST(a_name_that_is_taken_is_told),
        TEST(a_killed_child_is_told),
        TEST(a_child_that_overruns_is_killed_and_its_file_kept),
        TEST(no_time_is_enough_for_a_finished_child),
        TEST(any_number_of_seconds_will_do),
        TEST(nobody_has_to_ask_for_errors),
        TEST(the_current_directory_will_do),
        TEST(without_a_child_the_dump_is_made_in_place),
        TEST(errors_in_place_are_told_at_once),
        TEST(without_descriptors_there_is_an_error_and_no_harm),
        TEST(without_a_free_descriptor_the_child_writes_all_the_same),
        TEST(the_descriptors_of_the_program_are_its_own),
        TEST(a_forked_child_does_not_hide_the_writers_death),
        TEST(without_a_page_the_exit_status_tells),
        TEST(the_reserve_has_a_page_for_the_report),
        TEST(dumps_of_one_moment_have_different_names),
        TEST(a_writer_that_cannot_begin_is_given_up),
        TEST(numbers_are_given_once),
        TEST(a_file_size_limit_does_not_kill_the_child),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
