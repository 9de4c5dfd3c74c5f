/* SPDX-License-Identifier: Apache-2.0
 *
 * The sink: limits, short writes, and errors that stick.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sink/sink.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"

static bool write_text(struct phd_sink *sink, const char *first, const char *second)
{
    struct iovec pieces[2] = {{(void *)(uintptr_t)first, strlen(first)}, {(void *)(uintptr_t)second, strlen(second)}};
    return phd__sink_write(sink, pieces, 2);
}

static int temporary_file(void)
{
    int fd = memfd_create("sink", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void assert_content(int fd, const char *expected)
{
    char content[100] = {0};
    assert_int_equal(pread(fd, content, sizeof content - 1, 0), strlen(expected));
    assert_string_equal(content, expected);
    close(fd);
}

static void pieces_are_written_one_after_the_other(void **state)
{
    struct phd_sink sink;
    int fd = temporary_file();
    (void)state;
    phd__sink_init(&sink, fd, 0);
    assert_true(write_text(&sink, "one ", "two "));
    assert_true(write_text(&sink, "", ""));
    assert_true(write_text(&sink, "", "three"));
    assert_int_equal(sink.written, 13);
    assert_content(fd, "one two three");
}

static void what_would_exceed_the_limit_is_left_out_whole(void **state)
{
    struct phd_sink sink;
    int fd = temporary_file();
    (void)state;
    phd__sink_init(&sink, fd, 10);
    assert_true(write_text(&sink, "0123", "4567"));
    assert_false(sink.limit_reached);
    assert_false(write_text(&sink, "ab", "c"));
    assert_true(sink.limit_reached);
    assert_int_equal(sink.system_errno, 0);
    assert_true(write_text(&sink, "8", "9")); /* exactly at the limit */
    assert_int_equal(sink.written, 10);
    sink.limit = 0;
    assert_true(write_text(&sink, "the ", "end"));
    assert_content(fd, "0123456789the end");
}

static void a_full_disk_is_told_and_sticks(void **state)
{
    struct phd_sink sink;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(fd >= 0);
    phd__sink_init(&sink, fd, 0);
    assert_false(write_text(&sink, "a", "b"));
    assert_int_equal(sink.system_errno, ENOSPC);
    assert_int_equal(sink.written, 0);
    int file = temporary_file();
    assert_int_equal(dup2(file, fd), fd);
    assert_false(write_text(&sink, "c", "d"));
    assert_content(file, ""); /* nothing may follow a hole */
    close(fd);
}

static void a_closed_descriptor_is_an_error(void **state)
{
    struct phd_sink sink;
    (void)state;
    phd__sink_init(&sink, -1, 0);
    assert_false(write_text(&sink, "a", "b"));
    assert_int_equal(sink.system_errno, EBADF);
}

/* Beyond RLIMIT_FSIZE the kernel writes what fits, then fails with EFBIG. */
static void a_file_size_limit_cuts_in_the_middle(void **state)
{
    struct phd_sink sink;
    struct rlimit before, limit;
    char name[] = "/tmp/test_sink_XXXXXX";
    int fd = mkstemp(name);
    (void)state;
    assert_true(fd >= 0);
    unlink(name);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 6;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    phd__sink_init(&sink, fd, 0);
    bool written = write_text(&sink, "0123", "4567");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(written);
    assert_int_equal(sink.system_errno, EFBIG);
    assert_int_equal(sink.written, 6);
    assert_content(fd, "012345");
}

enum { PIPE_BYTES = 300000 };

struct drain {
    int fd;
    uint8_t *received;
    size_t used;
};

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* Takes a few bytes at a time, and disturbs the writer with signals. */
static void *drain_slowly(void *argument)
{
    struct drain *drain = argument;
    ssize_t length;
    while ((length = read(drain->fd, drain->received + drain->used, 7001)) > 0) {
        drain->used += (size_t)length;
        kill(getpid(), SIGALRM);
    }
    return NULL;
}

/* A pipe takes less than it is given when a signal comes in the middle: writev returns short or fails with EINTR. */
static void short_and_interrupted_writes_are_continued(void **state)
{
    struct phd_sink sink;
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
    struct drain drain = {.received = malloc(PIPE_BYTES)};
    uint8_t *content = malloc(PIPE_BYTES);
    int fds[2];
    pthread_t reader;
    sigset_t alarm_only;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    for (size_t i = 0; i < PIPE_BYTES; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    drain.fd = fds[0];
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_only, NULL); /* inherited by the reader: only the writer is disturbed */
    assert_int_equal(pthread_create(&reader, NULL, drain_slowly, &drain), 0);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    phd__sink_init(&sink, fds[1], 0);
    struct iovec pieces[3] = {{content, 1}, {content + 1, 99999}, {content + 100000, PIPE_BYTES - 100000}};
    assert_true(phd__sink_write(&sink, pieces, 3));
    close(fds[1]);
    pthread_join(reader, NULL);
    assert_int_equal(sink.written, PIPE_BYTES);
    assert_int_equal(drain.used, PIPE_BYTES);
    assert_memory_equal(drain.received, content, PIPE_BYTES);
    close(fds[0]);
    free(content);
    free(drain.received);
}

static void what_is_held_goes_with_the_next_write(void **state)
{
    char name[] = "/tmp/sink_test_XXXXXX";
    struct phd_sink sink;
    (void)state;
    assert_non_null(mkdtemp(name));
    int directory = open(name, O_RDONLY | O_DIRECTORY);
    phd__sink_create(&sink, directory, "file");
    phd__sink_hold(&sink, "head ", 5);
    assert_int_equal(sink.written, 5);
    assert_int_equal(faccessat(directory, "file", F_OK, 0), -1); /* nothing is there yet */
    assert_true(write_text(&sink, "first ", "block "));
    assert_int_equal(sink.written, 17);
    sink.limit = 20;
    phd__sink_hold(&sink, "tail", 4);
    assert_false(write_text(&sink, "refused", ""));
    sink.limit = 0;
    assert_int_equal(phd__sink_finish(&sink), 0);
    phd__sink_close(&sink);
    int fd = openat(directory, "file", O_RDONLY);
    assert_content(fd, "head first block tail");
    assert_int_equal(unlinkat(directory, "file", 0), 0);
    close(directory);
    assert_int_equal(rmdir(name), 0);
}

static void without_memory_nothing_is_held(void **state)
{
    struct phd_sink sink;
    int fd = temporary_file();
    (void)state;
    phd__sink_init(&sink, fd, 0);
    refuse_memory(1, true);
    phd__sink_hold(&sink, "now ", 4);
    allow_memory();
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);
    assert_true(write_text(&sink, "then", ""));
    assert_content(fd, "now then");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_written_one_after_the_other),
        cmocka_unit_test(what_would_exceed_the_limit_is_left_out_whole),
        cmocka_unit_test(a_full_disk_is_told_and_sticks),
        cmocka_unit_test(a_closed_descriptor_is_an_error),
        cmocka_unit_test(a_file_size_limit_cuts_in_the_middle),
        cmocka_unit_test(short_and_interrupted_writes_are_continued),
        cmocka_unit_test(what_is_held_goes_with_the_next_write),
        cmocka_unit_test(without_memory_nothing_is_held),
    };
    return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
