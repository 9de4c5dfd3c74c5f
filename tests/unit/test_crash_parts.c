/* SPDX-License-Identifier: Apache-2.0
 *
 * What the handler of fatal signals is made of: the record of the signal, the names of the file, the line on stderr.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash/message.h"
#include "crash/record.h"
#include "place/target.h"
#include "safe/clock.h"
#include "safe/pages.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"

static struct phd_crash crash;

/* ---- the record ---- */

static void record_it(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    phd__crash_record(&crash, info, context);
}

static void a_sent_signal_tells_its_sender(void **state)
{
    struct sigaction action = {.sa_sigaction = record_it, .sa_flags = SA_SIGINFO}, before;
    (void)state;
    sigaction(SIGTRAP, &action, &before);
    raise(SIGTRAP);
    sigaction(SIGTRAP, &before, NULL);
    assert_int_equal(crash.signal, SIGTRAP);
    assert_int_equal(crash.code, SI_TKILL);
    assert_int_equal(crash.sender_pid, getpid());
    assert_int_equal(crash.sender_uid, getuid());
    assert_int_equal(crash.thread, syscall(SYS_gettid));
    assert_true(crash.thread_ident == (uint64_t)pthread_self());
    assert_int_equal(crash.address, 0);
    assert_int_equal(crash.registers.known, (1u << PHD_REGISTER_COUNT) - 1);
    uint64_t here = (uint64_t)(uintptr_t)&action;
    assert_true(crash.registers.value[PHD_RSP] < here && crash.registers.value[PHD_RSP] > here - (1 << 16));
}

static atomic_int waiting_thread;
static int pipe_fds[2];

static void *wait_in_read(void *ignored)
{
    char byte;
    atomic_store(&waiting_thread, (int)syscall(SYS_gettid));
    ssize_t got = read(pipe_fds[0], &byte, 1);
    return got == 1 ? ignored : NULL;
}

static const struct phd_standing *standing_of(int thread)
{
    for (unsigned i = 0; i < crash.other_count; i++) {
        if (crash.others[i].thread == thread)
            return &crash.others[i];
    }
    return NULL;
}

static void threads_that_wait_show_where_they_stand(void **state)
{
    const struct phd_standing *found = NULL;
    pthread_t thread;
    Dl_info where;
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_in_read, NULL), 0);
    for (int tries = 0; tries < 5000 && !found; tries++) {
        usleep(1000);
        phd__standing_record(&crash);
        found = standing_of(atomic_load(&waiting_thread));
    }
    assert_non_null(found);
    assert_null(standing_of(crash.thread));
    assert_true(dladdr((void *)(uintptr_t)found->registers.value[PHD_RIP], &where) != 0); /* NOLINT */
    assert_non_null(strstr(where.dli_fname, "lib"));
    assert_true(found->registers.value[PHD_RSP] != 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    pthread_join(thread, NULL);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* ---- the names ---- */

static struct phd_target target;
static char directory[] = "/tmp/pyheapdump_test_XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    strcpy(strrchr(directory, '_'), "_XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command); /* NOLINT: a name of our own */
}

static void touch(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void a_name_is_free_when_neither_file_is_there(void **state)
{
    char expected[256];
    (void)state;
    assert_true(phd__target_choose(&target, directory, 4711, 0));
    snprintf(expected, sizeof expected, "%s/python_heap_4711_0.dump", directory);
    assert_string_equal(target.final, expected);
    touch("python_heap_4711_0.dump");
    touch("python_heap_4711_1.dump.part");
    touch("python_heap_4712_2.dump");
    assert_true(phd__target_choose(&target, directory, 4711, 0));
    snprintf(expected, sizeof expected, "%s/python_heap_4711_2.dump.part", directory);
    assert_string_equal(target.temporary, expected);
    assert_int_equal(target.sequence, 2);
}

static void a_dangling_link_takes_a_name(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/python_heap_4711_0.dump", directory);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_true(phd__target_choose(&target, directory, 4711, 0));
    assert_int_equal(target.sequence, 1);
}

static void missing_directories_are_made(void **state)
{
    char path[256];
    struct stat info;
    (void)state;
    snprintf(path, sizeof path, "%s/a/b/c", directory);
    assert_true(phd__target_choose(&target, path, 1, 0));
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    static char path[PHD_MAX_PATH];
    (void)state;
    for (size_t length = PHD_MAX_PATH - 60; length < PHD_MAX_PATH; length++) {
        memset(path, 'x', length);
        path[0] = '/';
        path[length] = 0;
        bool chosen = phd__target_choose(&target, path, 2147483647, 0);
        if (chosen)
            assert_true(strstr(target.temporary, ".dump.part") + 10 == strchr(target.temporary, 0));
        assert_true(chosen == (length + strlen("/python_heap_2147483647_0.dump.part") < PHD_MAX_PATH));
    }
}

/* ---- the line ---- */

static char line[8192];

/* What `say` writes to stderr. */
static const char *said(void (*say)(void))
{
    int fds[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    say();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    ssize_t length = read(fds[0], line, sizeof line - 1);
    close(fds[0]);
    line[length > 0 ? length : 0] = 0;
    return line;
}

#define NAME "/d/python_heap_7_3.dump"

static struct phd_request asked = {.directories = {"/d"}, .pid = 7};
static bool quiet;
static struct phd_snapshot finished;

static void say(void)
{
    phd__say_result(&asked, quiet, &finished);
}

static void a_written_dump_is_told_with_its_size(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{1, "1 bytes"},       {1023, "1023 bytes"},     {1024, "1.0 KiB"},    {1536, "1.5 KiB"},
                 {1048576, "1.0 MiB"}, {536870912, "512.0 MiB"}, {1 << 30, "1.0 GiB"}, {3000ull << 30, "3000.0 GiB"}};
    char expected[512];
    (void)state;
    finished = (struct phd_snapshot){.named = true, .sequence = 3, .result.complete = true};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        finished.result.bytes = sizes[i].bytes;
        snprintf(expected, sizeof expected,
                 "pyheapdump: wrote " NAME " (%s); open it with: python -m pyheapdump.view " NAME "\n", sizes[i].text);
        assert_string_equal(said(say), expected);
    }
    finished.result.write_errno = 28; /* ENOSPC */
    assert_non_null(strstr(said(say), " GiB; cut: No space left on device); open"));
    finished.result = (struct phd_result){.bytes = 1};
    assert_non_null(strstr(said(say), "(1 bytes; not complete, it says what is missing); open"));
    finished.result.bytes = 0;
    assert_string_equal(said(say), "pyheapdump: wrote " NAME "; open it with: python -m pyheapdump.view " NAME "\n");
    finished.named = false;
    assert_string_equal(said(say), "pyheapdump: wrote a dump in /d\n");
    quiet = true;
    assert_string_equal(said(say), "");
}

static void another_directory_is_told_with_its_reason(void **state)
{
    (void)state;
    asked.directories[1] = "/e";
    quiet = false;
    finished = (struct phd_snapshot){.named = true, .directory = 1, .sequence = 3, .refused_errno = EACCES};
    finished.result = (struct phd_result){.bytes = 1, .complete = true};
    assert_string_equal(said(say), "pyheapdump: wrote /e/python_heap_7_3.dump (1 bytes; not in /d: Permission denied); "
                                   "open it with: python -m pyheapdump.view /e/python_heap_7_3.dump\n");
    asked.directories[1] = NULL;
}

static void set_failed(enum phd_status status, int system_errno, const char *step)
{
    finished.status = status;
    finished.error = (struct phd_error){.status = status, .system_errno = system_errno};
    strcpy(finished.error.step, step);
}

/* It is told even where nobody wants to hear of success. */
static void a_failure_is_told_with_its_cause(void **state)
{
    (void)state;
    quiet = true;
    finished = (struct phd_snapshot){.named = true, .sequence = 3};
    set_failed(PHD_ERROR_WRITE, 13, "open");
    assert_string_equal(said(say),
                        "pyheapdump: no dump at " NAME ": the file could not be written (open: Permission denied)\n");
    set_failed(PHD_ERROR_CHILD, 0, "the child died");
    assert_string_equal(said(say), "pyheapdump: no dump at " NAME ": the writing child died (the child died)\n");
    finished.error.system_errno = 12345;
    assert_non_null(strstr(said(say), "(the child died: error 12345)\n"));
    finished.overran = true;
    assert_non_null(strstr(said(say), "pyheapdump: the dump is cut, or was not begun: " NAME ".part: the writing "));
    finished.named = false;
    assert_non_null(strstr(said(say), "pyheapdump: no dump at /d: the writing child died ("));
    quiet = false;
}

static void what_is_left_of_a_dump_is_told(void **state)
{
    char directory[] = "/tmp/pyheapdump_test_XXXXXX", part[256];
    (void)state;
    assert_non_null(mkdtemp(directory));
    asked.directories[0] = directory;
    finished = (struct phd_snapshot){.named = true, .sequence = 3};
    set_failed(PHD_ERROR_CHILD, 0, "the child died");
    snprintf(part, sizeof part, "%s/python_heap_7_3.dump.part", directory);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_non_null(strstr(said(say), "pyheapdump: no dump at "));
    assert_int_equal(write(fd, "x", 1), 1);
    assert_non_null(strstr(said(say), "pyheapdump: the dump is cut: "));
    assert_non_null(strstr(line, part));
    close(fd);
    unlink(part);
    rmdir(directory);
    asked.directories[0] = "/d";
}

static void a_complete_dump_without_its_name_is_told(void **state)
{
    (void)state;
    finished = (struct phd_snapshot){.named = true, .sequence = 3};
    set_failed(PHD_ERROR_WRITE, EPERM, "rename");
    assert_string_equal(said(say), "pyheapdump: the dump is complete, but could not get its name: " NAME
                                   ".part: the file could not be written (rename: Operation not permitted)\n");
}

static char file_name[] = "/tmp/pyheapdump_test_XXXXXX";

/* What is in a file of the program that has the descriptor 2, opened with these flags, when the line has been said. */
static const char *said_into_a_file(int flags)
{
    strcpy(strrchr(file_name, '_'), "_XXXXXX");
    int made = mkstemp(file_name), saved = dup(STDERR_FILENO);
    int opened = open(file_name, O_WRONLY | flags);
    assert_true(made >= 0 && opened >= 0);
    dup2(opened, STDERR_FILENO);
    say();
    dup2(saved, STDERR_FILENO);
    ssize_t length = read(made, line, sizeof line - 1);
    line[length > 0 ? length : 0] = 0;
    unlink(file_name);
    close(made);
    close(opened);
    close(saved);
    return line;
}

static void set_written(void)
{
    quiet = false;
    finished = (struct phd_snapshot){.named = true, .sequence = 3, .result = {.bytes = 1, .complete = true}};
}

/* A file that got the number of a stderr that was closed has other content than our lines. */
static void no_line_goes_to_a_file_of_the_program(void **state)
{
    (void)state;
    set_written();
    phd__stderr_note(true);
    assert_string_equal(said_into_a_file(0), "");
    assert_non_null(strstr(said_into_a_file(O_APPEND), "pyheapdump: wrote")); /* as a log is opened */
    assert_non_null(strstr(said(say), "pyheapdump: wrote"));
    phd__stderr_note(false); /* there was none: whatever has its number since is the program's */
    assert_string_equal(said_into_a_file(O_APPEND), "");
    assert_string_equal(said(say), "");
    phd__stderr_note(true);
}

static void what_cannot_be_written_at_once_is_dropped(void **state)
{
    static const char noise[4096];
    int fds[2], saved = dup(STDERR_FILENO);
    (void)state;
    set_written();
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    while (write(fds[1], noise, sizeof noise) > 0)
        continue;
    fcntl(fds[1], F_SETFL, 0);
    dup2(fds[1], STDERR_FILENO);
    uint64_t started = phd__clock_ns();
    say();
    uint64_t waited = phd__clock_ns() - started;
    dup2(saved, STDERR_FILENO);
    assert_true(waited < 500 * 1000 * 1000);
    close(saved);
    close(fds[0]);
    close(fds[1]);
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
    static char long_path[4060];
    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    asked.directories[0] = long_path;
    quiet = false;
    finished = (struct phd_snapshot){.named = true, .sequence = 3};
    said(say);
    asked.directories[0] = "/d";
    assert_int_equal(strlen(line), 4096);
    assert_int_equal(line[4095], '\n');
}

/* ---- the reserve ---- */

static void memory_comes_from_the_reserve_when_it_is_refused(void **state)
{
    enum { RESERVE = 1 << 20, PAGE = 4096 };
    (void)state;
    assert_true(phd__pages_reserve(RESERVE));
    refuse_memory(1, true);
    unsigned char *first = phd__pages_alloc(PAGE + 1), *second = phd__pages_alloc(PAGE);
    unsigned char *too_much = phd__pages_alloc(RESERVE), *rest = phd__pages_alloc(RESERVE - 3 * PAGE);
    unsigned char *nothing = phd__pages_alloc(1);
    allow_memory();
    assert_non_null(first);
    assert_ptr_equal(second, first + 2 * PAGE);
    assert_null(too_much);
    assert_non_null(rest);
    assert_null(nothing);
    for (size_t i = 0; i < RESERVE; i++)
        assert_int_equal(first[i], 0);
    memset(first, 1, RESERVE);
    phd__pages_free(first, PAGE + 1); /* stays */
    assert_int_equal(first[0], 1);
}

#define IN_DIRECTORY(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sent_signal_tells_its_sender),
        cmocka_unit_test(threads_that_wait_show_where_they_stand),
        IN_DIRECTORY(a_name_is_free_when_neither_file_is_there),
        IN_DIRECTORY(a_dangling_link_takes_a_name),
        IN_DIRECTORY(missing_directories_are_made),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(a_written_dump_is_told_with_its_size),
        cmocka_unit_test(another_directory_is_told_with_its_reason),
        cmocka_unit_test(a_failure_is_told_with_its_cause),
        cmocka_unit_test(a_complete_dump_without_its_name_is_told),
        cmocka_unit_test(no_line_goes_to_a_file_of_the_program),
        cmocka_unit_test(what_cannot_be_written_at_once_is_dropped),
        cmocka_unit_test(what_is_left_of_a_dump_is_told),
        cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
        cmocka_unit_test(memory_comes_from_the_reserve_when_it_is_refused),
    };
    return cmocka_run_group_tests_name("crash parts", tests, NULL, NULL);
}
