/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that waits for the GIL, here a mutex; that a thread state is not made when the interpreter has ended.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "safe/clock.h"
#include "support/cmocka_header.h"
#include "watch/gil.h"

static pthread_mutex_t gil = PTHREAD_MUTEX_INITIALIZER;
static atomic_int begun, made, worked, released;

/* As under tracemalloc, which notes each allocation with the GIL held. */
static uint64_t make(void)
{
    atomic_fetch_add(&begun, 1);
    pthread_mutex_lock(&gil);
    pthread_mutex_unlock(&gil);
    return (uint64_t)atomic_fetch_add(&made, 1) + 1;
}

static void acquire(uint64_t thread)
{
    (void)thread;
    pthread_mutex_lock(&gil);
}

static void release(uint64_t thread)
{
    (void)thread;
    pthread_mutex_unlock(&gil);
    atomic_fetch_add(&released, 1);
}

static const struct phd_gil calls = {make, acquire, release};

static void work(void)
{
    atomic_fetch_add(&worked, 1);
}

static void work_is_done_with_the_gil(void **state)
{
    (void)state;
    assert_int_equal(phd__gil_start(), 0);
    assert_true(phd__gil_do(&calls, 20, NULL, work));
    assert_int_equal(atomic_load(&worked), 1);
}

static void it_is_waited_for_no_longer_than_asked(void **state)
{
    (void)state;
    pthread_mutex_lock(&gil);
    assert_false(phd__gil_do(&calls, 0.05, NULL, work));
    pthread_mutex_unlock(&gil);
    assert_int_equal(atomic_load(&worked), 1);
    for (int i = 0; i < 20000 && atomic_load(&released) < atomic_load(&begun); i++)
        usleep(1000); /* while the thread still waits it is not asked again */
    assert_int_equal(atomic_load(&released), atomic_load(&begun));
}

static void *ask(void *done)
{
    atomic_store((atomic_bool *)done, phd__gil_do(&calls, 20, NULL, work));
    return NULL;
}

/* The end of the interpreter waits for a state that is being made, and lets it have the GIL; then none is made. */
static void the_end_of_the_interpreter(void **state)
{
    atomic_bool done = false;
    pthread_t asking;
    int before = atomic_load(&begun);
    (void)state;
    pthread_mutex_lock(&gil);
    assert_int_equal(pthread_create(&asking, NULL, ask, &done), 0);
    for (int i = 0; i < 20000 && atomic_load(&begun) == before; i++)
        usleep(1000);
    assert_true(atomic_load(&begun) > before);
    pthread_mutex_unlock(&gil);
    uint64_t started = phd__clock_ns();
    phd__gil_interpreter_ends();
    assert_true(phd__clock_ns() - started < 4000000000u);
    assert_int_equal(atomic_load(&made), atomic_load(&begun));
    assert_int_equal(pthread_join(asking, NULL), 0);
    assert_true(atomic_load(&done));
    before = atomic_load(&begun);
    assert_false(phd__gil_do(&calls, 20, NULL, work));
    assert_int_equal(atomic_load(&begun), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_with_the_gil),
        cmocka_unit_test(it_is_waited_for_no_longer_than_asked),
        cmocka_unit_test(the_end_of_the_interpreter),
    };
    alarm(120);
    return cmocka_run_group_tests_name("the GIL", tests, NULL, NULL);
}
