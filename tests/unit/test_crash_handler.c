/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of fatal signals, on a fake process: each case crashes a forked child and looks at how it ended and what
 * it left.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_header.h"
#include "support/fake_process.h"
#include "support/walked.h"

enum { TIME_LIMIT = 30, SMALL_STACK = 12 * 1024 };

static const int all_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
enum { SIGNAL_COUNT = sizeof all_signals / sizeof all_signals[0] };

static struct fake_process process;
static struct phd_options options;
static struct phd_error error;
static struct walked dump;
static int output[2]; /* what the child writes to stderr, and what its handlers tell */

static int set_up(void **state)
{
    (void)state;
    fake_process_open(&process, 2);
    memset(&options, 0, sizeof options);
    options.request = process.request;
    options.directory = process.directory_name;
    options.timeout = 10;
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(output[0]);
    close(output[1]);
    fake_process_close(&process);
    return 0;
}

/* Run `body` in a forked child until it ends; its wait status. No core files, a time limit. */
static int status_of(void (*body)(void))
{
    static const struct rlimit no_core;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
            signal(all_signals[i], SIG_DFL); /* cmocka has handlers of its own */
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(TIME_LIMIT);
        dup2(output[1], STDERR_FILENO);
        body();
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_killed_by(int signal_number, int status)
{
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal_number);
}

/* The child's output so far. */
static const char *output_text(void)
{
    static char text[8192];
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    ssize_t length = read(output[0], text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    return text;
}

/* Exactly one dump, under its final name, complete. Named after the child, whose pid the announcement tells. */
static void assert_dumped(const char *how)
{
    char path[256];
    const char *text = output_text(), *found = strstr(text, "pyheapdump: wrote ");
    assert_non_null(found);
    assert_null(strstr(found + 1, "pyheapdump: wrote "));
    assert_int_equal(sscanf(found, "pyheapdump: wrote %255s ", path), 1);
    walked_open(&dump, path);
    assert_int_equal(dump.problems, 0);
    assert_non_null(strstr(walked_block(&dump, PHD__BLOCK_FACTS, 0), how));
    assert_non_null(strstr(walked_block(&dump, PHD__BLOCK_FACTS, 0), "reason: 'signal'"));
    walked_close(&dump);
    assert_int_equal(unlink(path), 0);
}

static void assert_nothing_dumped(void)
{
    assert_null(strstr(output_text(), "pyheapdump: wrote"));
}

static void install(void)
{
    if (phd_install(&options, &error) != PHD_OK)
        _exit(98);
}

static void write_to_nowhere(void)
{
    static volatile uintptr_t nowhere = 16; /* the compiler must not know it */
    *(volatile int *)nowhere = 1;
}

/* ---- cases ---- */

static void fault(void)
{
    install();
    write_to_nowhere();
}

static void a_fault_leaves_a_dump_and_happens(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fault));
    assert_dumped("snapshot: 'clone'");
}

static int raised;

static void raise_it(void)
{
    install();
    raise(raised);
}

static void each_signal_leaves_a_dump_and_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        raised = all_signals[i];
        assert_killed_by(raised, status_of(raise_it));
        assert_dumped("snapshot: 'clone'");
    }
}

static void step_on_a_breakpoint(void)
{
    install();
    __asm__ volatile("int3"); /* behind it the program would go on */
}

static void a_breakpoint_ends_the_program(void **state)
{
    (void)state;
    assert_killed_by(SIGTRAP, status_of(step_on_a_breakpoint));
    assert_dumped("snapshot: 'clone'");
}

static void tell_and_end(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    dprintf(output[1], "previous: %d %d %p\n", signal_number, info->si_code, info->si_addr);
    _exit(7);
}

static void fault_with_previous_handler(void)
{
    struct sigaction action = {.sa_sigaction = tell_and_end, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    install();
    write_to_nowhere();
}

static void a_previous_handler_gets_the_signal_itself(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(fault_with_previous_handler)), 7);
    const char *text = output_text();
    const char *told = strstr(text, "previous: ");
    assert_non_null(told);
    assert_true(strncmp(told, "previous: 11 1 0x10\n", 20) == 0);
    assert_true(strstr(text, "pyheapdump: wrote") < told);
}

static struct sigaction before_theirs;

/* A library's handler that came later and calls the one before it as a function. */
static void call_before(int signal_number, siginfo_t *info, void *context)
{
    dprintf(output[1], "theirs first\n");
    before_theirs.sa_sigaction(signal_number, info, context);
    dprintf(output[1], "theirs last\n");
}

static void fault_with_later_handler(void)
{
    struct sigaction action = {.sa_sigaction = call_before, .sa_flags = SA_SIGINFO};
    install();
    sigaction(SIGSEGV, &action, &before_theirs);
    write_to_nowhere();
}

static void a_later_handler_may_call_ours(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fault_with_later_handler));
    const char *text = output_text();
    const char *wrote = strstr(text, "pyheapdump: wrote");
    assert_non_null(wrote);
    assert_true(strstr(text, "theirs first") < wrote && wrote < strstr(text, "theirs last"));
}

static void uninstall_below_a_later_handler(void)
{
    struct sigaction action = {.sa_sigaction = call_before, .sa_flags = SA_SIGINFO};
    install();
    sigaction(SIGSEGV, &action, &before_theirs);
    phd_uninstall();
    write_to_nowhere();
}

static void uninstalled_there_is_no_dump(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(uninstall_below_a_later_handler));
    assert_nothing_dumped();
}

/* Ours is above theirs, theirs calls ours: a circle. */
static void install_above_and_below(void)
{
    struct sigaction action = {.sa_sigaction = call_before, .sa_flags = SA_SIGINFO};
    install();
    sigaction(SIGSEGV, &action, &before_theirs);
    phd_uninstall();
    install();
    write_to_nowhere();
}

static void handlers_in_a_circle_come_to_an_end(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(install_above_and_below));
    assert_non_null(strstr(output_text(), "pyheapdump: wrote"));
}

static void send_an_ignored_signal(void)
{
    signal(SIGTRAP, SIG_IGN);
    install();
    raise(SIGTRAP);
    _exit(5);
}

static void a_signal_that_the_program_ignores_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(send_an_ignored_signal)), 5);
    assert_nothing_dumped();
}

static void uninstall_before_the_fault(void)
{
    struct sigaction action = {.sa_sigaction = tell_and_end, .sa_flags = SA_SIGINFO}, now;
    stack_t stack;
    sigaction(SIGBUS, &action, NULL);
    install();
    phd_uninstall();
    sigaction(SIGBUS, NULL, &now);
    sigaltstack(NULL, &stack);
    _exit(now.sa_sigaction == tell_and_end && (stack.ss_flags & SS_DISABLE) ? 4 : 3);
}

static void uninstalling_puts_everything_back(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(uninstall_before_the_fault)), 4);
}

static void *crash_in_turn(void *barrier)
{
    pthread_barrier_wait(barrier);
    write_to_nowhere();
    return NULL;
}

static void crash_many_threads(void)
{
    enum { THREADS = 16 };
    pthread_barrier_t barrier;
    pthread_t threads[THREADS];
    install();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, crash_in_turn, &barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void threads_that_crash_at_once_leave_one_dump(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_killed_by(SIGSEGV, status_of(crash_many_threads));
        assert_dumped("snapshot: 'clone'");
    }
}

static void fault_on_a_small_stack(void)
{
    static char small[SMALL_STACK];
    stack_t stack = {.ss_sp = small, .ss_size = sizeof small};
    sigaltstack(&stack, NULL);
    install();
    write_to_nowhere();
}

static void somebodys_small_signal_stack_will_do(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fault_on_a_small_stack));
    assert_dumped("snapshot: 'clone'");
}

static void fault_without_children(void)
{
    struct rlimit none = {0, 0};
    if (geteuid() == 0 && setuid(65534) != 0)
        _exit(97);
    setrlimit(RLIMIT_NPROC, &none);
    install();
    write_to_nowhere();
}

static void without_a_child_the_dump_is_made_in_place(void **state)
{
    (void)state;
    assert_int_equal(chmod(process.directory_name, 0777), 0);
    assert_killed_by(SIGSEGV, status_of(fault_without_children));
    assert_dumped("snapshot: 'in place'");
}

static void fault_in_a_forked_child(void)
{
    int status;
    install();
    pid_t pid = fork();
    if (pid == 0)
        write_to_nowhere();
    waitpid(pid, &status, 0);
    _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 6 : 1);
}

static void a_forked_child_leaves_its_own_dump(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(fault_in_a_forked_child)), 6);
    assert_dumped("snapshot: 'clone'");
}

static void a_directory_is_made_when_it_is_needed(void **state)
{
    char name[128];
    (void)state;
    snprintf(name, sizeof name, "%s/not/there/yet", process.directory_name);
    options.directory = name;
    assert_killed_by(SIGSEGV, status_of(fault));
    assert_dumped("snapshot: 'clone'");
    assert_int_equal(rmdir(name), 0);
    *strrchr(name, '/') = 0;
    assert_int_equal(rmdir(name), 0);
    *strrchr(name, '/') = 0;
    assert_int_equal(rmdir(name), 0);
}

static void a_directory_that_takes_no_file_is_told(void **state)
{
    (void)state;
    options.directory = "/proc/self";
    assert_killed_by(SIGSEGV, status_of(fault));
    const char *text = output_text();
    assert_non_null(strstr(text, "pyheapdump: no dump at /proc/self/python_heap_"));
    assert_non_null(strstr(text, "the file could not be written (open: "));
}

static void quiet_says_nothing(void **state)
{
    (void)state;
    options.quiet = true;
    options.directory = "/proc/self";
    assert_killed_by(SIGSEGV, status_of(fault));
    assert_null(strstr(output_text(), "pyheapdump")); /* sanitizers may have their say */
}

static void wrong_options_are_told(void **state)
{
    (void)state;
    options.directory = "relative";
    assert_int_equal(phd_install(&options, &error), PHD_ERROR_ARGUMENT);
    assert_non_null(strstr(error.step, "directory"));
    options.directory = process.directory_name;
    options.timeout = 0;
    assert_int_equal(phd_install(&options, &error), PHD_ERROR_ARGUMENT);
    assert_non_null(strstr(error.step, "timeout"));
}

static void fill_the_pipe_and_fault(void)
{
    static const char noise[4096] = {0};
    fcntl(output[1], F_SETFL, O_NONBLOCK);
    while (write(STDERR_FILENO, noise, sizeof noise) > 0)
        continue;
    fcntl(output[1], F_SETFL, 0);
    install();
    write_to_nowhere();
}

static void a_full_pipe_does_not_hold_the_end_up(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fill_the_pipe_and_fault));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_leaves_a_dump_and_happens),
        TEST(each_signal_leaves_a_dump_and_happens),
        TEST(a_breakpoint_ends_the_program),
        TEST(a_previous_handler_gets_the_signal_itself),
        TEST(a_later_handler_may_call_ours),
        TEST(uninstalled_there_is_no_dump),
        TEST(handlers_in_a_circle_come_to_an_end),
        TEST(a_signal_that_the_program_ignores_is_ignored),
        TEST(uninstalling_puts_everything_back),
        TEST(threads_that_crash_at_once_leave_one_dump),
        TEST(somebodys_small_signal_stack_will_do),
        TEST(without_a_child_the_dump_is_made_in_place),
        TEST(a_forked_child_leaves_its_own_dump),
        TEST(a_directory_is_made_when_it_is_needed),
        TEST(a_directory_that_takes_no_file_is_told),
        TEST(quiet_says_nothing),
        TEST(wrong_options_are_told),
        TEST(a_full_pipe_does_not_hold_the_end_up),
    };
    return cmocka_run_group_tests_name("crash handler", tests, NULL, NULL);
}
