/* SPDX-License-Identifier: Apache-2.0
 *
 * Parking: other threads stand until they are let go, and then notice nothing of it. Each case parks the threads of a
 * forked child, as the thread that crashed would.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/park.h"
#include "safe/clock.h"
#include "support/cmocka_header.h"

enum {
    TIME_LIMIT = 60,
    MANY = 500,
    SLACK = 450, /* milliseconds beyond the 50 that a loaded machine may take */
    NUMBER = 77  /* an errno that nothing here gives */
};

static const uint64_t second = 1000000000u;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static struct phd_crash crash;

/* Run `body` in a child, whose threads are its own business; it must succeed. */
static void in_child(void (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct phd_action model;
        alarm(TIME_LIMIT);
        signal(SIGUSR1, SIG_IGN); /* cmocka may have handlers; any that the C library sets will do as a model */
        signal(SIGUSR2, (void (*)(int))(uintptr_t)_exit);
        CHECK(phd__action_get(SIGUSR2, &model));
        phd__park_prepare(&model);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void park(double seconds)
{
    memset(&crash, 0, sizeof crash);
    crash.process = getpid();
    crash.thread = gettid();
    phd__park(&crash, phd__deadline_after(seconds));
}

static const struct phd_standing *standing_of(int thread)
{
    for (unsigned i = 0; i < crash.other_count; i++) {
        if (crash.others[i].thread == thread)
            return &crash.others[i];
    }
    return NULL;
}

static void wait_until_it_sleeps(int thread)
{
    char path[64], line[64];
    do {
        usleep(1000);
        snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
        FILE *file = fopen(path, "r");
        CHECK(file && fgets(line, sizeof line, file));
        fclose(file);
    } while (strncmp(line, "running", 7) == 0);
}

/* ---- threads ---- */

static struct thread {
    pthread_t handle;
    _Atomic int id;
    _Atomic unsigned rounds;
} threads[MANY];

static atomic_bool end;
static int pipe_ends[2];

static void *count_rounds(void *argument)
{
    struct thread *thread = argument;
    sigset_t before = {{0}}, now = {{0}}; /* the kernel fills their beginning, and sigemptyset() clears no more */
    sigprocmask(SIG_SETMASK, NULL, &before);
    atomic_store(&thread->id, gettid());
    errno = NUMBER;
    while (!atomic_load(&end)) {
        atomic_fetch_add(&thread->rounds, 1);
        CHECK(errno == NUMBER);
        sched_yield();
    }
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(memcmp(&before, &now, sizeof now) == 0);
    return NULL;
}

static void *sleep_and_count(void *argument)
{
    struct thread *thread = argument;
    static const struct timespec pause = {0, 2 * 1000 * 1000};
    atomic_store(&thread->id, gettid());
    while (!atomic_load(&end)) {
        atomic_fetch_add(&thread->rounds, 1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void *count_with_all_signals_blocked(void *argument)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return count_rounds(argument);
}

static void *read_one_byte(void *argument)
{
    struct thread *thread = argument;
    char byte;
    atomic_store(&thread->id, gettid());
    CHECK(read(pipe_ends[0], &byte, 1) == 1); /* not EINTR */
    return NULL;
}

static void start(unsigned index, void *(*function)(void *))
{
    CHECK(pthread_create(&threads[index].handle, NULL, function, &threads[index]) == 0);
    while (!atomic_load(&threads[index].id))
        usleep(100);
}

static void sum_of_rounds(unsigned count, unsigned rounds[])
{
    for (unsigned i = 0; i < count; i++)
        rounds[i] = atomic_load(&threads[i].rounds);
}

/* Nobody counts for a while. */
static void check_that_all_stand(unsigned count)
{
    static unsigned before[MANY], after[MANY];
    sum_of_rounds(count, before);
    usleep(30 * 1000);
    sum_of_rounds(count, after);
    CHECK(memcmp(before, after, count * sizeof *before) == 0);
}

/* Everybody counts again. */
static void check_that_all_go_on(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned before = atomic_load(&threads[i].rounds);
        while (atomic_load(&threads[i].rounds) == before)
            usleep(100);
    }
}

static void end_all(unsigned count)
{
    atomic_store(&end, true);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i].handle, NULL);
}

/* ---- cases ---- */

static void park_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        start(i, sleep_and_count);
    uint64_t before = phd__clock_ns();
    park(TIME_LIMIT);
    CHECK(phd__clock_ns() - before < PHD_PARK_PATIENCE + SLACK * 1000000u);
    check_that_all_stand(MANY);
    phd__park_let_go();
    check_that_all_go_on(MANY);
    end_all(MANY);
}

static void five_hundred_threads_stand(void **state)
{
    (void)state;
    in_child(park_many);
}

static void park_without_descriptors(void)
{
    const struct rlimit few = {64, 64};
    start(0, count_rounds);
    start(1, sleep_and_count);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (dup(0) >= 0)
        continue;
    CHECK(errno == EMFILE);
    park(TIME_LIMIT);
    check_that_all_stand(2);
    CHECK(standing_of(threads[0].id) && standing_of(threads[1].id));
    CHECK(dup(0) < 0 && errno == EMFILE);
    phd__park_let_go();
    check_that_all_go_on(2);
    end_all(2);
}

static void no_descriptor_is_needed(void **state)
{
    (void)state;
    in_child(park_without_descriptors);
}

static void park_threads_that_run(void)
{
    start(0, count_rounds);
    start(1, count_with_all_signals_blocked);
    for (int i = 0; i < 20; i++) {
        park(TIME_LIMIT);
        check_that_all_stand(2);
        for (unsigned j = 0; j < 2; j++) {
            const struct phd_standing *standing = standing_of(threads[j].id);
            CHECK(standing && standing->registers.known == (1u << PHD_REGISTER_COUNT) - 1);
        }
        phd__park_let_go();
        check_that_all_go_on(2);
    }
    end_all(2);
}

static void threads_that_run_or_block_signals_stand_and_go_on(void **state)
{
    (void)state;
    in_child(park_threads_that_run);
}

static void park_a_reader(void)
{
    CHECK(pipe(pipe_ends) == 0);
    start(0, read_one_byte);
    wait_until_it_sleeps(threads[0].id);
    for (int i = 0; i < 10; i++) {
        park(TIME_LIMIT);
        const struct phd_standing *standing = standing_of(threads[0].id);
        CHECK(standing && standing->system_call == SYS_read && (int)standing->argument == pipe_ends[0]);
        CHECK(standing->registers.known == (1u << PHD_REGISTER_COUNT) - 1);
        phd__park_let_go();
        wait_until_it_sleeps(threads[0].id);
    }
    CHECK(write(pipe_ends[1], "x", 1) == 1);
    end_all(1);
}

static void a_system_call_is_told_and_goes_on(void **state)
{
    (void)state;
    in_child(park_a_reader);
}

static void *wait_for_a_signal(void *argument)
{
    struct thread *thread = argument;
    sigset_t wanted;
    siginfo_t info;
    sigfillset(&wanted);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    atomic_store(&thread->id, gettid());
    while (sigwaitinfo(&wanted, &info) < 0)
        CHECK(errno == EINTR);
    CHECK(info.si_signo == SIGRTMAX && info.si_code != SI_QUEUE);
    return NULL;
}

static void park_who_waits_for_signals(void)
{
    start(0, wait_for_a_signal);
    wait_until_it_sleeps(threads[0].id);
    park(TIME_LIMIT);
    CHECK(standing_of(threads[0].id));
    phd__park_let_go();
    wait_until_it_sleeps(threads[0].id);
    CHECK(pthread_kill(threads[0].handle, SIGRTMAX) == 0);
    end_all(1);
}

static void who_waits_for_signals_gets_none_of_ours(void **state)
{
    (void)state;
    in_child(park_who_waits_for_signals);
}

static void *start_threads(void *argument)
{
    while (!atomic_load(&end)) {
        pthread_t handle;
        if (pthread_create(&handle, NULL, argument ? start_threads : sleep_and_count, &threads[1]) == 0)
            pthread_detach(handle);
        usleep(200);
    }
    return NULL;
}

static void park_while_threads_start(void)
{
    for (int i = 0; i < 5; i++) {
        pthread_t starter;
        atomic_store(&end, false);
        CHECK(pthread_create(&starter, NULL, start_threads, NULL) == 0);
        usleep(20 * 1000);
        park(TIME_LIMIT);
        check_that_all_stand(2);
        atomic_store(&end, true);
        phd__park_let_go();
        pthread_join(starter, NULL);
    }
}

static void threads_that_start_meanwhile_stand(void **state)
{
    (void)state;
    in_child(park_while_threads_start);
}

static void *wait_for_a_child(void *argument)
{
    struct thread *thread = argument;
    int status;
    atomic_store(&thread->id, gettid());
    pid_t pid = vfork(); /* until the child ends no signal is handled */
    if (pid == 0) {
        usleep(300 * 1000);
        _exit(3);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    return sleep_and_count(argument);
}

static void park_a_thread_in_vfork(void)
{
    start(0, wait_for_a_child);
    wait_until_it_sleeps(threads[0].id);
    uint64_t before = phd__clock_ns();
    park(TIME_LIMIT);
    CHECK(phd__clock_ns() - before < PHD_PARK_PATIENCE + SLACK * 1000000u);
    usleep(400 * 1000);
    CHECK(atomic_load(&threads[0].rounds) == 0);
    phd__park_let_go();
    check_that_all_go_on(1);
    end_all(1);
}

static void a_thread_in_vfork_stands_afterwards(void **state)
{
    (void)state;
    in_child(park_a_thread_in_vfork);
}

/* It finds the handler of the C library, or ours with nobody who asks. */
static void let_go_before_it_comes(void)
{
    start(0, wait_for_a_child);
    wait_until_it_sleeps(threads[0].id);
    park(TIME_LIMIT);
    phd__park_let_go();
    check_that_all_go_on(1);
    end_all(1);
}

static void who_comes_too_late_does_not_stand(void **state)
{
    (void)state;
    in_child(let_go_before_it_comes);
}

static void park_for_a_moment(void)
{
    start(0, count_rounds);
    park(0.1);
    check_that_all_go_on(1); /* nobody lets it go */
    park(TIME_LIMIT);
    phd__park_let_go_after(second / 20);
    check_that_all_go_on(1);
    end_all(1);
}

static void no_thread_stands_for_ever(void **state)
{
    (void)state;
    in_child(park_for_a_moment);
}

static void *change_user(void *argument)
{
    (void)argument;
    for (int i = 0; i < 50; i++)
        CHECK(setresuid((uid_t)-1, geteuid(), (uid_t)-1) == 0);
    return NULL;
}

static void *be_cancelled(void *argument)
{
    struct thread *thread = argument;
    atomic_store(&thread->id, gettid());
    while (pause() < 0)
        continue;
    return NULL;
}

/* The C library's own uses of its signals, between, during and after ours. */
static void park_while_the_user_changes(void)
{
    pthread_t changing;
    void *result;
    start(0, count_rounds);
    start(1, count_rounds);
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&changing, NULL, change_user, NULL) == 0);
        park(TIME_LIMIT);
        usleep(1000);
        phd__park_let_go();
        CHECK(pthread_join(changing, NULL) == 0);
    }
    check_that_all_go_on(2);
    end_all(2);
    start(2, be_cancelled);
    park(TIME_LIMIT);
    phd__park_let_go();
    CHECK(pthread_cancel(threads[2].handle) == 0);
    CHECK(pthread_join(threads[2].handle, &result) == 0 && result == PTHREAD_CANCELED);
}

static void the_c_library_keeps_its_signals(void **state)
{
    (void)state;
    in_child(park_while_the_user_changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_hundred_threads_stand),
        cmocka_unit_test(no_descriptor_is_needed),
        cmocka_unit_test(threads_that_run_or_block_signals_stand_and_go_on),
        cmocka_unit_test(a_system_call_is_told_and_goes_on),
        cmocka_unit_test(who_waits_for_signals_gets_none_of_ours),
        cmocka_unit_test(threads_that_start_meanwhile_stand),
        cmocka_unit_test(a_thread_in_vfork_stands_afterwards),
        cmocka_unit_test(who_comes_too_late_does_not_stand),
        cmocka_unit_test(no_thread_stands_for_ever),
        cmocka_unit_test(the_c_library_keeps_its_signals),
    };
    return cmocka_run_group_tests_name("parking", tests, NULL, NULL);
}
