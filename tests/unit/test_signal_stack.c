/* SPDX-License-Identifier: Apache-2.0
 *
 * Alternate signal stacks: whose they are, and that an overflow can be handled on them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pyheapdump.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"

enum { HANDLED = 42, THREADS = 8 };

static bool has_stack(void)
{
    stack_t found;
    return sigaltstack(NULL, &found) == 0 && !(found.ss_flags & SS_DISABLE);
}

/* Run `body` in a thread of its own, whose signal stack is not the test's. */
static void in_thread(void *(*body)(void *))
{
    pthread_t thread;
    void *problem;
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    assert_int_equal(pthread_join(thread, &problem), 0);
    if (problem)
        fail_msg("%s", (const char *)problem);
}

#define CHECK(condition)                                                                                               \
    if (!(condition))                                                                                                  \
    return #condition

static void *add_and_remove(void *ignored)
{
    struct phd_signal_stack stack;
    (void)ignored;
    CHECK(!has_stack());
    CHECK(phd_signal_stack_add(&stack, NULL) == PHD_OK);
    CHECK(stack.pages && has_stack());
    phd_signal_stack_remove(&stack);
    CHECK(!has_stack());
    CHECK(madvise(stack.pages, 4096, MADV_NORMAL) != 0); /* it is not mapped any more */
    return NULL;
}

static void a_stack_comes_and_goes(void **state)
{
    (void)state;
    in_thread(add_and_remove);
}

static void *respect_another(void *ignored)
{
    static char theirs[64 * 1024];
    stack_t set = {.ss_sp = theirs, .ss_size = sizeof theirs}, found;
    struct phd_signal_stack stack;
    (void)ignored;
    sigaltstack(&set, NULL);
    CHECK(phd_signal_stack_add(&stack, NULL) == PHD_OK);
    CHECK(!stack.pages);
    sigaltstack(NULL, &found);
    CHECK(found.ss_sp == theirs);
    phd_signal_stack_remove(&stack);
    sigaltstack(NULL, &found);
    CHECK(found.ss_sp == theirs);
    return NULL;
}

static void a_stack_of_somebody_stays(void **state)
{
    (void)state;
    in_thread(respect_another);
}

static void *respect_a_later_one(void *ignored)
{
    static char theirs[64 * 1024];
    stack_t set = {.ss_sp = theirs, .ss_size = sizeof theirs}, found;
    struct phd_signal_stack stack;
    (void)ignored;
    CHECK(phd_signal_stack_add(&stack, NULL) == PHD_OK);
    sigaltstack(&set, NULL);
    phd_signal_stack_remove(&stack);
    sigaltstack(NULL, &found);
    CHECK(found.ss_sp == theirs);
    CHECK(madvise(stack.pages, 4096, MADV_NORMAL) == 0); /* they may put it back */
    return NULL;
}

static void a_stack_that_was_replaced_is_left_alone(void **state)
{
    (void)state;
    in_thread(respect_a_later_one);
}

static void *refuse(void *ignored)
{
    struct phd_signal_stack stack;
    struct phd_error error;
    (void)ignored;
    refuse_memory(1, true);
    enum phd_status status = phd_signal_stack_add(&stack, &error);
    allow_memory();
    CHECK(status == PHD_ERROR_MEMORY && error.status == PHD_ERROR_MEMORY);
    CHECK(!stack.pages && !has_stack());
    phd_signal_stack_remove(&stack);
    return NULL;
}

static void without_memory_there_is_an_error(void **state)
{
    (void)state;
    in_thread(refuse);
}

/* ---- overflows ---- */

static void end_handled(int signal_number)
{
    (void)signal_number;
    _exit(HANDLED);
}

static volatile int depth_limit = 1 << 30;

static int overflow(int depth) /* NOLINT: that is what it is for */
{
    volatile char room[4096];
    room[0] = (char)depth;
    return depth < depth_limit ? overflow(depth + 1) + room[0] : 0;
}

static void *overflow_with_stack(void *ignored)
{
    struct phd_signal_stack stack;
    (void)ignored;
    phd_signal_stack_add(&stack, NULL);
    overflow(0);
    return NULL;
}

static atomic_int waiting;
static atomic_int running_thread[THREADS];
static atomic_bool go_on;

static void *wait_then_overflow(void *number)
{
    atomic_store(&running_thread[(uintptr_t)number], (int)syscall(SYS_gettid));
    atomic_fetch_add(&waiting, 1);
    while (!atomic_load(&go_on))
        usleep(1000);
    overflow(0);
    return NULL;
}

static void overflow_in_new_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, overflow_with_stack, NULL);
    pthread_join(thread, NULL);
}

static void overflow_in_running_thread(void)
{
    pthread_t threads[THREADS];
    int ids[THREADS + 1];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_then_overflow, (void *)i);
    while (atomic_load(&waiting) < THREADS)
        usleep(1000);
    for (int i = 0; i < THREADS; i++)
        ids[i] = atomic_load(&running_thread[i]);
    ids[THREADS] = 1 << 22; /* no thread has this id */
    if (phd_signal_stack_add_to(ids, THREADS + 1, 5) != THREADS)
        _exit(1);
    atomic_store(&go_on, true);
    pthread_join(threads[0], NULL);
}

static int exit_of(void (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction action = {.sa_handler = end_handled, .sa_flags = SA_ONSTACK};
        sigaction(SIGSEGV, &action, NULL);
        alarm(20);
        body();
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_overflow_is_handled(void **state)
{
    (void)state;
    assert_int_equal(exit_of(overflow_in_new_thread), HANDLED);
}

static void an_overflow_in_a_thread_that_ran_before_is_handled(void **state)
{
    (void)state;
    assert_int_equal(exit_of(overflow_in_running_thread), HANDLED);
}

static void *wait_without_signals(void *ignored)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    atomic_store(&running_thread[0], gettid());
    while (!atomic_load(&go_on))
        usleep(1000);
    return ignored;
}

static void *wait_for_a_signal(void *got)
{
    struct timespec limit = {20, 0};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    atomic_store(&running_thread[0], (int)syscall(SYS_gettid));
    atomic_store((atomic_int *)got, sigtimedwait(&all, NULL, &limit));
    return NULL;
}

/* Ask one thread, which is to be left alone, and tell how long that took. */
static double seconds_of_asking(int id)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(phd_signal_stack_add_to(&id, 1, 10), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static int started(pthread_t *thread, void *(*body)(void *), void *argument)
{
    atomic_store(&go_on, false);
    atomic_store(&running_thread[0], 0);
    assert_int_equal(pthread_create(thread, NULL, body, argument), 0);
    while (!atomic_load(&running_thread[0]))
        usleep(1000);
    return atomic_load(&running_thread[0]);
}

static void a_thread_that_blocks_signals_is_left_alone(void **state)
{
    pthread_t thread;
    (void)state;
    assert_true(seconds_of_asking(started(&thread, wait_without_signals, NULL)) < 5);
    atomic_store(&go_on, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* While it waits the kernel does not name what it waits for among what it blocks. */
static void a_thread_that_waits_for_signals_is_left_alone(void **state)
{
    atomic_int got = 0;
    pthread_t thread;
    (void)state;
    int id = started(&thread, wait_for_a_signal, &got);
    usleep(50 * 1000); /* until it waits */
    assert_true(seconds_of_asking(id) < 5);
    assert_int_equal(atomic_load(&got), 0);
    assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&got), SIGUSR1);
}

static void no_signal_is_left_behind(void **state)
{
    struct sigaction found;
    int nobody = 1 << 22;
    (void)state;
    assert_int_equal(phd_signal_stack_add_to(&nobody, 1, 1), 0);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        assert_int_equal(sigaction(number, NULL, &found), 0);
        assert_ptr_equal(found.sa_handler, SIG_DFL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_comes_and_goes),
        cmocka_unit_test(a_stack_of_somebody_stays),
        cmocka_unit_test(a_stack_that_was_replaced_is_left_alone),
        cmocka_unit_test(without_memory_there_is_an_error),
        cmocka_unit_test(an_overflow_is_handled),
        cmocka_unit_test(an_overflow_in_a_thread_that_ran_before_is_handled),
        cmocka_unit_test(no_signal_is_left_behind),
        cmocka_unit_test(a_thread_that_blocks_signals_is_left_alone),
        cmocka_unit_test(a_thread_that_waits_for_signals_is_left_alone),
    };
    return cmocka_run_group_tests_name("signal stacks", tests, NULL, NULL);
}
