/* SPDX-License-Identifier: Apache-2.0
 *
 * The process that is asked for a snapshot of itself, without anybody who would hold the snapshot.
 */
#include "support/cmocka_header.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "safe/clock.h"
#include "safe/wait.h"
#include "watch/mailbox.h"

extern struct phd_mailbox phd_mailbox;

static const uint64_t PATIENCE = 20 * 1000000000ull;

static void count(const char *name, int directory, void *argument)
{
    (void)directory;
    *(unsigned *)argument += name[0] != '.';
}

static unsigned threads(void)
{
    unsigned found = 0;
    phd__directory_each("/proc/self/task", count, &found);
    return found;
}

static bool has_children(void)
{
    siginfo_t found;
    return waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* What attach does from outside, where the bell need not be rung as the kernel looks at it again. */
static void ask(void)
{
    uint64_t deadline = phd__clock_ns() + PATIENCE;
    atomic_store(&phd_mailbox.request, 1);
    atomic_fetch_xor(phd_mailbox.bell, (uint32_t)1 << 31);
    phd__wake(phd_mailbox.bell);
    while (atomic_load(&phd_mailbox.request) && phd__clock_ns() < deadline)
        sched_yield();
    assert_int_equal(atomic_load(&phd_mailbox.request), 0);
}

/* The request is taken before it is served: only when the thread has gone, which it does not while it is at work, there
 * is no snapshot any more. */
static void attend_no_more(void)
{
    struct phd_error error;
    uint64_t deadline = phd__clock_ns() + PATIENCE;
    do
        assert_int_equal(phd_attachable(false, &error), PHD_OK);
    while (threads() > 1 && phd__clock_ns() < deadline);
    assert_int_equal(phd_mailbox.open, 0);
    assert_int_equal(threads(), 1);
    assert_int_equal(atomic_load(&phd_mailbox.refused), 0);
    assert_false(has_children());
}

static void test_the_record(void **state)
{
    (void)state;
    assert_memory_equal(phd_mailbox.magic, PHD_MAILBOX_MAGIC, sizeof phd_mailbox.magic);
    assert_int_equal(phd_mailbox.version, PHD_MAILBOX_VERSION);
    assert_int_equal(phd_mailbox.open, 0);
}

static void test_each_request_has_its_answer(void **state)
{
    struct phd_error error;
    (void)state;
    assert_int_equal(phd_attachable(true, &error), PHD_OK);
    assert_int_equal(phd_attachable(true, &error), PHD_OK);
    assert_int_equal(threads(), 2);
    assert_int_equal(phd_mailbox.open, 1);
    for (int i = 0; i < 20; i++)
        ask();
    attend_no_more();
}

static void test_forks(void **state)
{
    struct phd_error error;
    int status = 0;
    (void)state;
    assert_int_equal(phd_attachable(true, &error), PHD_OK);
    phd_watch_before_fork();
    assert_int_equal(threads(), 1);
    pid_t child = fork();
    phd_watch_after_fork(child == 0);
    if (!child) {
        ask();
        _exit(threads() == 2 ? 17 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    ask();
    attend_no_more();
    phd_watch_before_fork();
    phd_watch_after_fork(false);
    assert_int_equal(threads(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_record),
        cmocka_unit_test(test_each_request_has_its_answer),
        cmocka_unit_test(test_forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
