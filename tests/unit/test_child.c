/* SPDX-License-Identifier: Apache-2.0
 *
 * What a copy of the process becomes, and what is left of those that end late.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "safe/pages.h"
#include "snapshot/child.h"
#include "snapshot/leftover.h"
#include "support/cmocka_header.h"

/* Run `body` in a child that has become a writer, and return how it ended. */
static int end_of_child(double seconds, int (*body)(void))
{
    int status, child = fork();
    assert_true(child >= 0);
    if (!child) {
        phd__child_become(-1, seconds);
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static _Noreturn int hang(void)
{
    for (;;)
        pause();
}

/* Whatever holds it, and with every signal blocked as they are in a clone. */
static void a_child_ends_at_its_deadline(void **state)
{
    sigset_t all, before;
    (void)state;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    int status = end_of_child(0.1, hang);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGALRM);
}

static int own_nice;

static int look_at_itself(void)
{
    char score[8] = "";
    cpu_set_t processors;
    int fd = open("/proc/self/oom_score_adj", O_RDONLY);
    if (fd != 0) /* the first free one: none of the program's is left */
        return 1;
    if (read(fd, score, sizeof score - 1) != 5 || strcmp(score, "1000\n") != 0)
        return 2;
    if (getpriority(PRIO_PROCESS, 0) != (own_nice + 5 < 19 ? own_nice + 5 : 19))
        return 3;
    if (sched_getscheduler(0) != (SCHED_BATCH | SCHED_RESET_ON_FORK))
        return 4;
    if (syscall(SYS_ioprio_get, 1, 0) >> 13 != 3)
        return 5;
    if (sched_getaffinity(0, sizeof processors, &processors) != 0 ||
        CPU_COUNT(&processors) != sysconf(_SC_NPROCESSORS_ONLN))
        return 6;
    return 0;
}

static void a_child_steps_back(void **state)
{
    cpu_set_t before, one;
    (void)state;
    own_nice = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int status = end_of_child(0, look_at_itself);
    sched_setaffinity(0, sizeof before, &before);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

enum { HOLE = 64 << 20 };
static char *hole;

static int pages_are_in_the_hole(void)
{
    for (int i = 0; i < 32; i++) {
        char *pages = phd__pages_alloc((size_t)4096 << i % 12);
        if (!pages || (pages >= hole && pages < hole + HOLE))
            return 1;
        memset(pages, 1, 4096);
    }
    return 0;
}

/* What the program does not let a child have is a hole there, and the kernel would put new pages into it. */
static void pages_of_a_child_are_nowhere_in_the_program(void **state)
{
    (void)state;
    hole = mmap(NULL, HOLE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(hole != MAP_FAILED);
    assert_int_equal(madvise(hole, HOLE, MADV_DONTFORK), 0);
    int status = end_of_child(0, pages_are_in_the_hole);
    munmap(hole, HOLE);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void children_that_end_late_are_reaped(void **state)
{
    siginfo_t ended;
    int first = fork(), second;
    (void)state;
    if (!first)
        hang();
    second = fork();
    if (!second)
        _exit(0);
    assert_true(first > 0 && second > 0);
    assert_int_equal(waitid(P_PID, (id_t)second, &ended, WEXITED | WNOWAIT), 0);
    phd__leftover_add(first);
    phd__leftover_add(second);
    phd__leftovers_reap();
    assert_int_equal(waitpid(second, NULL, WNOHANG), -1); /* it was taken */
    assert_int_equal(waitpid(first, NULL, WNOHANG), 0);   /* it lives */
    kill(first, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)first, &ended, WEXITED | WNOWAIT), 0);
    phd__leftovers_reap();
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_ends_at_its_deadline),
        cmocka_unit_test(a_child_steps_back),
        cmocka_unit_test(pages_of_a_child_are_nowhere_in_the_program),
        cmocka_unit_test(children_that_end_late_are_reaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
