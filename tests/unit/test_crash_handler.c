/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of fatal signals, on a fake process: each case crashes a forked child and looks at how it ended and what
 * it left.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
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

/* A failure is told all the same. */
static void quiet_says_nothing_of_success(void **state)
{
    (void)state;
    options.quiet = true;
    assert_killed_by(SIGSEGV, status_of(fault));
    assert_null(strstr(output_text(), "pyheapdump")); /* sanitizers may have their say */
    options.directory = "/proc/self";
    assert_killed_by(SIGSEGV, status_of(fault));
    assert_non_null(strstr(output_text(), "pyheapdump: no dump at /proc/self/python_heap_"));
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

/* ---- what a program does to itself and others to it ---- */

static atomic_bool may_fault;

static void *be_cancelled_and_fault(void *ignored)
{
    while (!atomic_load(&may_fault)) /* no cancellation point */
        continue;
    write_to_nowhere();
    return ignored;
}

static void fault_in_a_cancelled_thread(void)
{
    pthread_t thread;
    install();
    pthread_create(&thread, NULL, be_cancelled_and_fault, NULL);
    pthread_cancel(thread);
    atomic_store(&may_fault, true);
    pthread_join(thread, NULL);
}

static void a_cancelled_thread_crashes_all_the_same(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fault_in_a_cancelled_thread));
    assert_dumped("snapshot: 'clone'");
}

static void fault_with_a_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec often = {{0, 100 * 1000}, {0, 100 * 1000}};
    timer_t timer;
    signal(SIGALRM, SIG_IGN);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    fault_without_children();
}

static void a_timer_of_the_program_does_not_end_the_dump(void **state)
{
    (void)state;
    assert_int_equal(chmod(process.directory_name, 0777), 0);
    assert_killed_by(SIGSEGV, status_of(fault_with_a_timer));
    assert_dumped("snapshot: 'in place'");
}

static void be_aborted_from_outside(void)
{
    pid_t program = getpid();
    install();
    if (fork() == 0) {
        close(output[0]);
        for (int i = 0; i < 500 && kill(program, SIGABRT) == 0; i++)
            usleep(100);
        _exit(0);
    }
    for (;;)
        pause();
}

static void a_signal_from_outside_does_not_end_the_dump(void **state)
{
    (void)state;
    assert_killed_by(SIGABRT, status_of(be_aborted_from_outside));
    assert_dumped("snapshot: 'clone'");
}

static void *unreadable; /* a page */

static void call_without_context(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    before_theirs.sa_sigaction(signal_number, info, unreadable);
}

static void let_our_code_crash(void)
{
    struct sigaction action = {.sa_sigaction = call_without_context, .sa_flags = SA_SIGINFO | SA_NODEFER};
    unreadable = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install();
    sigaction(SIGSEGV, &action, &before_theirs);
    write_to_nowhere();
}

static void a_dump_that_is_given_up_is_told(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(let_our_code_crash));
    assert_non_null(strstr(output_text(), "(given up: "));
}

static void fault_after_a_child_by_vfork(void)
{
    struct sigaction action = {.sa_sigaction = tell_and_end, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    install();
    if (vfork() == 0) {
        write_to_nowhere();
        _exit(0);
    }
    write_to_nowhere();
}

static void a_child_that_shares_memory_takes_nothing_from_its_parent(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(fault_after_a_child_by_vfork)), 7);
    const char *text = output_text(), *first = strstr(text, "previous: 11 1 0x10\n");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "previous: 11 1 0x10\n"));
}

static sigjmp_buf recovered;

static void recover(int signal_number)
{
    (void)signal_number;
    siglongjmp(recovered, 1);
}

static void fault_and_recover(void)
{
    struct sigaction action = {.sa_handler = recover};
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < 3; i++) {
        install();
        if (sigsetjmp(recovered, 1) == 0)
            write_to_nowhere();
        phd_uninstall();
    }
    _exit(8);
}

static void a_program_that_recovers_may_install_again(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(fault_and_recover)), 8);
    assert_dumped("snapshot: 'clone'");
}

static void ignore_a_breakpoint(void)
{
    signal(SIGTRAP, SIG_IGN);
    step_on_a_breakpoint();
}

static void what_the_kernel_raises_cannot_be_ignored(void **state)
{
    (void)state;
    assert_killed_by(SIGTRAP, status_of(ignore_a_breakpoint));
    assert_dumped("snapshot: 'clone'");
}

static void fault_without_descriptors_0_to_2(void)
{
    close(0), close(1), close(2);
    install();
    write_to_nowhere();
}

static void without_stderr_there_is_a_dump(void **state)
{
    (void)state;
    assert_killed_by(SIGSEGV, status_of(fault_without_descriptors_0_to_2));
    assert_string_equal(output_text(), "");
}

/* Let the kernel answer the system calls `numbers` by `action` from now on. */
static void refuse_calls(const unsigned *numbers, size_t count, unsigned action)
{
    struct sock_filter code[32] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short used = 1;
    for (size_t i = 0; i < count; i++) {
        code[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
        code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    }
    code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {used, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(96);
}

static unsigned answer;

static void fault_in_a_sandbox(void)
{
    static const unsigned calls[] = {SYS_rt_tgsigqueueinfo, SYS_setpriority, SYS_close_range, SYS_uname,
                                     SYS_setitimer,         SYS_futex};
    refuse_calls(calls, sizeof calls / sizeof calls[0], answer);
    install();
    write_to_nowhere();
}

static void breakpoint_in_a_sandbox(void)
{
    static const unsigned calls[] = {SYS_rt_tgsigqueueinfo};
    refuse_calls(calls, 1, answer);
    install();
    __asm__ volatile("int3");
}

static void fault_in_a_newer_sandbox(void)
{
    static const unsigned calls[] = {SYS_clone, SYS_clone3, SYS_setitimer, SYS_getdents64, SYS_sched_setaffinity};
    install();
    refuse_calls(calls, sizeof calls / sizeof calls[0], answer);
    write_to_nowhere();
}

static void fault_without_clone(void)
{
    static const unsigned calls[] = {SYS_clone};
    refuse_calls(calls, 1, answer);
    install();
    write_to_nowhere();
}

static void (*end_by)(void);

static void end_in_a_newer_sandbox(void)
{
    static const unsigned calls[] = {SYS_rt_tgsigqueueinfo,
                                     SYS_rt_sigqueueinfo,
                                     SYS_process_vm_readv,
                                     SYS_clone,
                                     SYS_getdents64,
                                     SYS_setitimer,
                                     SYS_kill,
                                     SYS_getppid};
    install();
    refuse_calls(calls, sizeof calls / sizeof calls[0], answer);
    end_by();
}

static void stop_at_int3(void)
{
    __asm__ volatile("int3");
}

static void stop_at_long_int3(void)
{
    __asm__ volatile(".byte 0xcd, 3");
}

static void step_once(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" ::: "cc", "memory");
}

static void call_what_is_trapped(void)
{
    getppid();
}

static void abort_itself(void)
{
    abort();
}

static void handle_first(void)
{
    struct sigaction action = {.sa_sigaction = tell_and_end, .sa_flags = SA_SIGINFO};
    sigaction(raised, &action, NULL);
    end_in_a_newer_sandbox();
}

/* The signal itself, and for whoever handles it what it tells. */
static void under_a_newer_filter_the_end_is_the_same(void **state)
{
    static const struct {
        void (*end)(void);
        int signal;
        unsigned answer;
    } ends[] = {
        {write_to_nowhere, SIGSEGV, SECCOMP_RET_KILL_PROCESS},  {stop_at_int3, SIGTRAP, SECCOMP_RET_KILL_PROCESS},
        {stop_at_long_int3, SIGTRAP, SECCOMP_RET_KILL_PROCESS}, {step_once, SIGTRAP, SECCOMP_RET_KILL_PROCESS},
        {abort_itself, SIGABRT, SECCOMP_RET_KILL_PROCESS},      {call_what_is_trapped, SIGSYS, SECCOMP_RET_TRAP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char told[64];
        end_by = ends[i].end;
        raised = ends[i].signal;
        answer = ends[i].answer;
        assert_killed_by(raised, status_of(end_in_a_newer_sandbox));
        output_text();
        assert_int_equal(WEXITSTATUS(status_of(handle_first)), 7);
        snprintf(told, sizeof told, "previous: %d ", raised);
        assert_non_null(strstr(output_text(), told));
    }
}

/* Without us it would not have called them, nor died of that. */
static void under_a_newer_filter_there_is_no_dump(void **state)
{
    static const unsigned answers[] = {SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_TRAP, SECCOMP_RET_KILL_PROCESS};
    (void)state;
    for (int i = 0; i < 3; i++) {
        answer = answers[i];
        assert_killed_by(SIGSEGV, status_of(fault_in_a_newer_sandbox));
        const char *text = output_text();
        assert_non_null(strstr(text, "pyheapdump: no dump at "));
        assert_non_null(strstr(text, "a filter of system calls (seccomp) is newer"));
    }
}

static void refused_system_calls_do_not_change_the_end(void **state)
{
    static const unsigned answers[] = {SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_TRAP};
    (void)state;
    for (int i = 0; i < 2; i++) {
        answer = answers[i];
        assert_killed_by(SIGTRAP, status_of(breakpoint_in_a_sandbox));
        assert_dumped("snapshot: 'clone'");
        assert_killed_by(SIGSEGV, status_of(fault_in_a_sandbox));
        assert_dumped("snapshot: 'clone'");
        assert_killed_by(SIGSEGV, status_of(fault_without_clone));
        assert_dumped("snapshot: 'in place'");
    }
}

/* ---- fail-stop ---- */

static atomic_uint rounds;

static void *count_rounds(void *ignored)
{
    for (;;)
        atomic_fetch_add(&rounds, 1);
    return ignored;
}

static void recover_if_nobody_stands(int signal_number)
{
    unsigned before = atomic_load(&rounds);
    while (atomic_load(&rounds) == before)
        usleep(100);
    recover(signal_number);
}

static void recover_beside_a_thread(void)
{
    struct sigaction action = {.sa_handler = recover_if_nobody_stands};
    pthread_t thread;
    sigaction(SIGSEGV, &action, NULL);
    pthread_create(&thread, NULL, count_rounds, NULL);
    install();
    if (sigsetjmp(recovered, 1) == 0)
        write_to_nowhere();
    _exit(8);
}

static void a_handler_that_recovers_finds_no_thread_standing(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(recover_beside_a_thread)), 8);
    assert_dumped("snapshot: 'clone'");
}

static char other_directory[256];

/* A thread that cannot be stopped: it blocks every signal there is. */
static void *install_again_and_again(void *ignored)
{
    const uint64_t all = ~(uint64_t)0;
    struct phd_options elsewhere = options;
    elsewhere.directory = other_directory;
    elsewhere.quiet = true;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    for (;;) {
        phd_install(&elsewhere, &error);
        phd_install(&options, &error);
    }
    return ignored;
}

static void fault_while_options_change(void)
{
    pthread_t thread;
    install();
    pthread_create(&thread, NULL, install_again_and_again, NULL);
    usleep(1000);
    write_to_nowhere();
}

/* The line names the dump where it is. */
static void options_that_change_meanwhile_are_not_those_of_the_dump(void **state)
{
    char path[512];
    (void)state;
    snprintf(other_directory, sizeof other_directory, "%s/elsewhere", process.directory_name);
    assert_int_equal(mkdir(other_directory, 0777), 0);
    for (int i = 0; i < 10; i++) {
        assert_killed_by(SIGSEGV, status_of(fault_while_options_change));
        const char *found = strstr(output_text(), "pyheapdump: wrote ");
        if (!found)
            continue; /* those of the quiet ones held */
        assert_int_equal(sscanf(found, "pyheapdump: wrote %511s ", path), 1);
        assert_null(strstr(path, "elsewhere"));
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "rm -rf %s", other_directory);
    assert_int_equal(system(path), 0);
}

/* ---- the alarm clock ---- */

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void look_at_the_timer(int signal_number)
{
    struct sigaction action;
    struct itimerval timer;
    (void)signal_number;
    sigaction(SIGALRM, NULL, &action);
    getitimer(ITIMER_REAL, &timer);
    dprintf(output[1], "handler: %d, left: %d, interval: %d\n", action.sa_handler == on_alarm,
            (int)timer.it_value.tv_sec / 100, (int)timer.it_interval.tv_sec);
    _exit(7);
}

static void fault_with_an_alarm_set(void)
{
    struct sigaction action = {.sa_handler = look_at_the_timer};
    const struct itimerval timer = {.it_value.tv_sec = 599, .it_interval.tv_sec = 3};
    sigaction(SIGSEGV, &action, NULL);
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &timer, NULL);
    install();
    write_to_nowhere();
}

static void the_timer_of_the_program_is_put_back_with_its_time(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(fault_with_an_alarm_set)), 7);
    assert_non_null(strstr(output_text(), "handler: 1, left: 5, interval: 3\n"));
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
        TEST(under_a_newer_filter_there_is_no_dump),
        TEST(a_directory_is_made_when_it_is_needed),
        TEST(a_directory_that_takes_no_file_is_told),
        TEST(quiet_says_nothing_of_success),
        TEST(wrong_options_are_told),
        TEST(a_full_pipe_does_not_hold_the_end_up),
        TEST(a_cancelled_thread_crashes_all_the_same),
        TEST(a_timer_of_the_program_does_not_end_the_dump),
        TEST(a_signal_from_outside_does_not_end_the_dump),
        TEST(a_dump_that_is_given_up_is_told),
        TEST(a_child_that_shares_memory_takes_nothing_from_its_parent),
        TEST(a_program_that_recovers_may_install_again),
        TEST(what_the_kernel_raises_cannot_be_ignored),
        TEST(without_stderr_there_is_a_dump),
        TEST(refused_system_calls_do_not_change_the_end),
        TEST(under_a_newer_filter_the_end_is_the_same),
        TEST(a_handler_that_recovers_finds_no_thread_standing),
        TEST(options_that_change_meanwhile_are_not_those_of_the_dump),
        TEST(the_timer_of_the_program_is_put_back_with_its_time),
    };
    return cmocka_run_group_tests_name("crash handler", tests, NULL, NULL);
}
