/* SPDX-License-Identifier: Apache-2.0
 *
 * The native side of real signals: the line that tells what happened and where, the stacks as text, the SIGNAL block.
 */
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native/native.h"
#include "support/heap_case.h"
#include "support/memory_refusal.h"
#include "support/stack_case.h"

#define NOINLINE __attribute__((noinline))
#define UNCHECKED __attribute__((noinline, no_sanitize("address"), no_sanitize("undefined")))
#define STAY() __asm__ volatile("" ::: "memory")

enum { TEXT_SIZE = 64 * 1024 };

static struct phd_memory memory;
static struct phd_native native;
static struct phd_crash crash;
static struct phd_registers at_signal;
static char summary[1024];
static char stack_text[TEXT_SIZE];

static const char *text_of_summary(void)
{
    struct phd_text text;
    phd__text_init(&text, summary, sizeof summary - 1);
    phd__native_summary(&native, &crash, &text);
    summary[text.used] = 0;
    return summary;
}

static const char *text_of_stack(unsigned thread)
{
    struct phd_text text;
    phd__text_init(&text, stack_text, sizeof stack_text - 1);
    phd__native_stack_text(&native, thread, &text);
    stack_text[text.used] = 0;
    return stack_text;
}

static void read_native(void)
{
    open_own_memory(&memory);
    const struct phd_request request = {.crash = &crash};
    phd__native_read(&native, &memory, &request);
    phd__memory_self_close(&memory);
}

/* `text` begins with `start`, and goes on with "0x" and digits. */
static void assert_starts(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("'%s' does not begin with '%s'", text, start);
}

/* ---- real signals ---- */

static sigjmp_buf after_signal;

static void on_signal(int number, siginfo_t *info, void *context)
{
    memset(&crash, 0, sizeof crash);
    crash.signal = number;
    crash.code = info->si_code;
    crash.thread = gettid();
    crash.process = getpid();
    crash.thread_ident = (uint64_t)pthread_self();
    if (info->si_code > 0) {
        crash.address = (uint64_t)(uintptr_t)info->si_addr;
        crash.system_call = number == SIGSYS ? info->si_syscall : 0;
    } else {
        crash.sender_pid = info->si_pid;
        crash.sender_uid = (int)info->si_uid;
    }
    registers_of_context(context, &crash.registers);
    at_signal = crash.registers;
    read_native();
    siglongjmp(after_signal, 1);
}

/* Run `body`, which must end in signal `number`, and read its native side. To be closed by phd__native_close. */
static void crash_by(int number, void (*body)(void))
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK}, before;
    assert_int_equal(sigaction(number, &action, &before), 0);
    crash.signal = 0;
    if (sigsetjmp(after_signal, 1) == 0)
        body();
    sigaction(number, &before, NULL);
    assert_int_equal(crash.signal, number);
}

static volatile int *volatile nowhere;

static UNCHECKED void write_to_nowhere(void)
{
    *nowhere = 1;
}

static NOINLINE void call_write(void)
{
    write_to_nowhere();
    STAY();
}

static void a_write_to_nowhere(void **state)
{
    (void)state;
    nowhere = (volatile int *)16;
    crash_by(SIGSEGV, call_write);
    assert_starts(text_of_summary(), "SIGSEGV: address 0x10 not mapped, in test_native: write_to_nowhere+0x");
    assert_starts(text_of_stack(0), "  test_native+0x");
    char *second = strchr(stack_text, '\n') + 1;
    assert_non_null(strstr(stack_text, " write_to_nowhere+0x"));
    assert_starts(second, "  test_native+0x");
    assert_true(strstr(second, " call_write+0x") < strchr(second, '\n'));
    assert_non_null(strstr(stack_text, "\n  (the outermost frame)\n"));
    assert_false(native.raised_again);
    assert_string_equal(text_of_stack(1), "");
    phd__native_close(&native);
}

static void a_write_to_what_is_read_only(void **state)
{
    char expected[128];
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    nowhere = page;
    crash_by(SIGSEGV, call_write);
    snprintf(expected, sizeof expected, "SIGSEGV: address %p not accessible in this way, in test_native: write_to",
             page);
    assert_starts(text_of_summary(), expected);
    phd__native_close(&native);
    munmap(page, 4096);
}

static void a_write_to_no_address_at_all(void **state)
{
    (void)state;
    nowhere = (volatile int *)0x4141414141414141;
    crash_by(SIGSEGV, call_write);
    assert_starts(text_of_summary(), "SIGSEGV: access to an impossible (non-canonical) address, in test_native: write");
    phd__native_close(&native);
}

static void a_write_behind_the_end_of_a_file(void **state)
{
    char expected[128];
    int fd = memfd_create("empty", MFD_CLOEXEC);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)state;
    nowhere = page;
    crash_by(SIGBUS, call_write);
    snprintf(expected, sizeof expected, "SIGBUS: address %p behind the end of the mapped file, in test_native: ", page);
    assert_starts(text_of_summary(), expected);
    phd__native_close(&native);
    munmap(page, 4096);
    close(fd);
}

static UNCHECKED void divide(void)
{
    int quotient = 1, rest = 0;
    __asm__ volatile("idivl %2" : "+a"(quotient), "+d"(rest) : "r"(0));
}

static UNCHECKED void break_here(void)
{
    __asm__ volatile("int3");
}

static UNCHECKED void do_the_undefined(void)
{
    __asm__ volatile("ud2");
}

static void other_faults_are_named(void **state)
{
    (void)state;
    crash_by(SIGFPE, divide);
    assert_starts(text_of_summary(), "SIGFPE: integer division by zero, in test_native: divide+0x");
    phd__native_close(&native);
    crash_by(SIGTRAP, break_here);
    assert_starts(text_of_summary(), "SIGTRAP: breakpoint, in test_native: break_here+0x");
    phd__native_close(&native);
    crash_by(SIGILL, do_the_undefined);
    assert_starts(text_of_summary(), "SIGILL: illegal instruction, in test_native: do_the_undefined+0x");
    phd__native_close(&native);
}

static void (*volatile function)(void);

static UNCHECKED void call_function(void)
{
    function();
    STAY();
}

static void a_call_of_null(void **state)
{
    (void)state;
    function = NULL;
    crash_by(SIGSEGV, call_function);
    assert_starts(text_of_summary(), "SIGSEGV: address 0x0 not mapped, called from test_native: call_function+0x");
    assert_starts(text_of_stack(0), "  0x0\n  test_native+0x");
    phd__native_close(&native);
}

/* As code without a symbol would look like. */
static void the_caller_of_what_has_no_name_is_told(void **state)
{
    (void)state;
    nowhere = (volatile int *)16;
    crash_by(SIGSEGV, call_write);
    native.threads[0].stack.frames[0].symbol = NULL;
    assert_starts(text_of_summary(), "SIGSEGV: address 0x10 not mapped, in test_native+0x");
    assert_non_null(strstr(summary, ", called from test_native: call_write+0x"));
    native.threads[0].stack.frames[1].source = PHD_BY_SCAN; /* it may be none */
    assert_null(strstr(text_of_summary(), "called"));
    phd__native_close(&native);
}

/* fatal_error.cold: raises SIGABRT with a frame of its own */
static NOINLINE __attribute__((used)) void raise_for_fatal(void)
{
    raise(SIGABRT);
    STAY();
}
__asm__(".pushsection .text\n"
        ".type fatal_error.cold, @function\n"
        "fatal_error.cold: .cfi_startproc\n sub $8, %rsp\n .cfi_def_cfa_offset 16\n"
        " call *%rdi\n"
        " add $8, %rsp\n .cfi_def_cfa_offset 8\n ret\n .cfi_endproc\n"
        ".size fatal_error.cold, . - fatal_error.cold\n"
        ".popsection\n");
extern void fatal_part(void (*raising)(void)) __asm__("fatal_error.cold") __attribute__((visibility("hidden")));

static NOINLINE void raise_fatal(void)
{
    fatal_part(raise_for_fatal);
    STAY();
}

/* A part of a function of CPython as gcc names it; its callers are passed too. */
static void parts_of_aborting_functions_are_passed(void **state)
{
    (void)state;
    crash_by(SIGABRT, raise_fatal);
    assert_starts(text_of_summary(), "SIGABRT: sent by the process itself, in test_native: raise_fatal+0x");
    phd__native_close(&native);
}

static NOINLINE void raise_abort(void)
{
    raise(SIGABRT);
    STAY();
}

static void raise_names_its_caller(void **state)
{
    (void)state;
    crash_by(SIGABRT, raise_abort);
    assert_starts(text_of_summary(), "SIGABRT: sent by the process itself, in test_native: raise_abort+0x");
    assert_true(native.place > 0);
    phd__native_close(&native);
}

static NOINLINE void do_abort(void)
{
    abort();
}

/* What assert() calls; its header hides it when assertions are off (glibc, assert/assert.h). */
extern _Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line, const char *name);

static NOINLINE void fail_assertion(void)
{
    __assert_fail("two == 2", "two.c", 7, "check\ntwo");
}

static NOINLINE void free_wrongly(void)
{
    void (*volatile release)(void *) = free; /* hides from the compiler what is wrong here */
    char *block = malloc(100);
    release(block + 16);
    STAY();
}

/* In a child, where abort() may be left and no assertion may fail: does `body` end with this line? */
static int status_of_abort(void (*body)(void), const char *line, const char *place)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        close(STDERR_FILENO); /* libc tells it there */
        crash_by(SIGABRT, body);
        text_of_summary();
        _exit(strncmp(summary, line, strlen(line)) == 0 && strstr(summary, place) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void abort_names_its_caller(void **state)
{
    (void)state;
    assert_int_equal(status_of_abort(do_abort, "SIGABRT: sent by the process itself, in test_native: do_abort+0x", ""),
                     0);
}

static void a_failed_assertion_has_its_message(void **state)
{
    (void)state;
    assert_int_equal(status_of_abort(fail_assertion,
                                     "SIGABRT: sent by the process itself (test_native: two.c:7: check two: Assertion "
                                     "`two == 2' failed.), in test_native: fail_assertion+0x",
                                     ""),
                     0);
}

static void a_damaged_heap_has_its_message(void **state)
{
    (void)state;
    if (WITH_ADDRESS_SANITIZER) {
        print_message("skipped: AddressSanitizer replaces the heap\n");
        return;
    }
    assert_int_equal(
        status_of_abort(free_wrongly, "SIGABRT: sent by the process itself (free(): invalid ", "libc.so.6: free+0x"),
        0);
}

/* ---- stack overflow ---- */

static UNCHECKED int use_up_stack(int depth)
{
    volatile char room[200];
    room[depth % 200] = (char)depth;
    int result = depth < INT_MAX ? use_up_stack(depth + 1) : 0;
    return result + room[depth % 200];
}

static void overflow(void)
{
    exit(use_up_stack(0));
}

static void assert_overflow(void)
{
    char expected[128];
    snprintf(expected, sizeof expected, "SIGSEGV: stack overflow at 0x%llx, in test_native: use_up_stack",
             (unsigned long long)crash.address);
    assert_starts(text_of_summary(), expected);
    const struct phd_native_stack *stack = &native.threads[0].stack;
    assert_int_equal(stack->count, PHD_NATIVE_FRAMES);
    assert_true(stack->omitted > 100);
    assert_string_equal(stack->end, "the outermost frame");
    text_of_stack(0);
    assert_non_null(strstr(stack_text, " more frames ...\n"));
    assert_non_null(strstr(stack_text, " frames after the first 192 are left out)\n"));
}

static void *overflow_in_thread(void *handler_stack)
{
    stack_t stack = {.ss_sp = handler_stack, .ss_size = 1 << 20};
    sigaltstack(&stack, NULL);
    crash_by(SIGSEGV, overflow);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    return NULL;
}

static void a_thread_that_uses_up_its_stack(void **state)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *handler_stack = malloc(1 << 20);
    (void)state;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512 * 1024);
    assert_int_equal(pthread_create(&thread, &attributes, overflow_in_thread, handler_stack), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert_overflow();
    assert_non_null(strstr(stack_text, " overflow_in_thread+0x"));
    phd__native_close(&native);
    free(handler_stack);
}

static void the_main_thread_that_uses_up_its_stack(void **state)
{
    void *handler_stack = malloc(1 << 20);
    (void)state;
    overflow_in_thread(handler_stack);
    assert_overflow();
    assert_non_null(strstr(stack_text, " main+0x"));
    phd__native_close(&native);
    free(handler_stack);
}

/* ---- a handler that raises the signal again ---- */

/* A handler before ours that raises the signal again; without SA_SIGINFO the kernel leaves less on the stack. */
static void raise_again(int number)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(number, &action, NULL);
    raise(number);
    STAY();
}

static void raise_again_with_information(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    raise_again(number);
    STAY();
}

/* Run `body` with a handler before ours that raises the signal again. */
static void crash_by_again(int number, void (*body)(void), int flags)
{
    struct sigaction action = {.sa_flags = SA_NODEFER | flags}, before;
    if (flags & SA_SIGINFO)
        action.sa_sigaction = raise_again_with_information;
    else
        action.sa_handler = raise_again;
    sigaction(number, NULL, &before);
    if (sigsetjmp(after_signal, 1) == 0) {
        sigaction(number, &action, NULL);
        body();
    }
    sigaction(number, &before, NULL);
    assert_int_equal(crash.signal, number);
    assert_true(crash.code <= 0);
}

static void assert_first_signal(int code, uint64_t address, const char *line)
{
    assert_true(native.raised_again);
    assert_int_equal(native.signal.code, code);
    assert_int_equal(native.signal.address, address);
    assert_int_equal(native.signal.registers.known, (1u << PHD_REGISTER_COUNT) - 1);
    assert_int_not_equal(native.signal.registers.value[PHD_RIP], crash.registers.value[PHD_RIP]);
    assert_starts(text_of_summary(), line);
    assert_non_null(strstr(text_of_stack(0), " (interrupted by a signal)\n"));
    phd__native_close(&native);
}

static void a_signal_raised_again_tells_of_the_first(void **state)
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    for (int flags = 0; flags <= SA_SIGINFO; flags += SA_SIGINFO) {
        nowhere = (volatile int *)16;
        crash_by_again(SIGSEGV, call_write, flags);
        assert_first_signal(SEGV_MAPERR, 16, "SIGSEGV: address 0x10 not mapped, in test_native: write_to_nowhere+0x");
        nowhere = page;
        crash_by_again(SIGSEGV, call_write, flags);
        assert_first_signal(SEGV_ACCERR, (uint64_t)(uintptr_t)page, "SIGSEGV: address 0x");
        nowhere = (volatile int *)0x4141414141414141;
        crash_by_again(SIGSEGV, call_write, flags);
        assert_first_signal(SI_KERNEL, 0, "SIGSEGV: access to an impossible (non-canonical) address, in test_native: ");
        function = NULL;
        crash_by_again(SIGSEGV, call_function, flags);
        assert_first_signal(SEGV_MAPERR, 0, "SIGSEGV: address 0x0 not mapped, called from test_native: call_function");
        crash_by_again(SIGFPE, divide, flags);
        assert_first_signal(FPE_INTDIV, (uint64_t)native.signal.registers.value[PHD_RIP],
                            "SIGFPE: integer division by zero, in test_native: divide+0x");
        crash_by_again(SIGILL, do_the_undefined, flags);
        assert_first_signal(ILL_ILLOPN, (uint64_t)native.signal.registers.value[PHD_RIP],
                            "SIGILL: illegal instruction, in test_native: do_the_undefined+0x");
        crash_by_again(SIGTRAP, break_here, flags);
        assert_first_signal(SI_KERNEL, 0, "SIGTRAP: breakpoint, in test_native: break_here+0x");
    }
    munmap(page, 4096);
}

static NOINLINE void raise_fault(void)
{
    raise(SIGSEGV);
    STAY();
}

static NOINLINE void raise_division(void)
{
    raise(SIGFPE);
    STAY();
}

/* The thread's last trap was another signal's; what it told then is still in the frame of this one. */
static void a_signal_that_was_only_sent_stays_what_it_is(void **state)
{
    (void)state;
    for (int flags = 0; flags <= SA_SIGINFO; flags += SA_SIGINFO) {
        nowhere = (volatile int *)16;
        crash_by_again(SIGSEGV, call_write, flags);
        phd__native_close(&native);
        crash_by_again(SIGSEGV, raise_fault, flags);
        assert_false(native.raised_again);
        assert_starts(text_of_summary(), "SIGSEGV: sent by the process itself, in ");
        phd__native_close(&native);
        crash_by_again(SIGFPE, raise_division, flags);
        assert_false(native.raised_again);
        phd__native_close(&native);
    }
}

enum { REFUSED_CALL = SYS_ptrace, NO_FILTER = 100 };

static NOINLINE void make_refused_call(void)
{
    syscall(REFUSED_CALL, 0, 0, 0, 0);
    STAY();
}

static void refuse_call(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REFUSED_CALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(NO_FILTER);
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* In a child, where no assertion may fail: the filter cannot be taken away. */
static int check_refused_call(void)
{
    static const char line[] = "SIGSYS: system call 101 refused, in ";
    refuse_call();
    crash_by(SIGSYS, make_refused_call);
    if (!begins(text_of_summary(), line) || !strstr(text_of_stack(0), " make_refused_call+0x"))
        return 1;
    crash_by_again(SIGSYS, make_refused_call, SA_SIGINFO);
    if (!native.raised_again || native.signal.system_call != REFUSED_CALL || !begins(text_of_summary(), line))
        return 2;
    return 0;
}

static void a_refused_system_call_is_told(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(check_refused_call());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_FILTER)
        print_message("skipped: this system lets no process filter its system calls\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- made up ones ---- */

static void make_up(int number, int code)
{
    memset(&crash, 0, sizeof crash);
    crash.signal = number;
    crash.code = code;
    crash.thread = gettid();
    crash.process = getpid();
}

static void assert_summary(const char *expected)
{
    read_native();
    assert_string_equal(text_of_summary(), expected);
    phd__native_close(&native);
}

static void signals_without_registers_have_their_line(void **state)
{
    (void)state;
    make_up(SIGSEGV, SI_USER);
    crash.sender_pid = 4711;
    assert_summary("SIGSEGV: sent by pid 4711 (uid 0)");
    crash.sender_uid = -2;
    assert_summary("SIGSEGV: sent by pid 4711 (uid 4294967294)");
    crash.sender_pid = getpid();
    assert_summary("SIGSEGV: sent by the process itself");
    make_up(SIGSYS, 1);
    crash.system_call = 101;
    assert_summary("SIGSYS: system call 101 refused");
    make_up(SIGSYS, SI_USER);
    crash.sender_pid = 1;
    assert_summary("SIGSYS: sent by pid 1 (uid 0)");
    make_up(SIGSEGV, 77);
    assert_summary("SIGSEGV: code 77");
    make_up(50, SI_TIMER);
    assert_summary("signal 50: raised by a timer");
    make_up(SIGFPE, -99);
    assert_summary("SIGFPE: code -99");
}

/* ---- other threads ---- */

enum { WAITING = 3 };
static int pipe_ends[2];
static atomic_int waiting[WAITING];

static NOINLINE void wait_in_read(atomic_int *id)
{
    char c;
    atomic_store(id, gettid());
    assert_int_equal(read(pipe_ends[0], &c, 1), 1);
    STAY();
}

static NOINLINE void *run_waiting(void *id)
{
    wait_in_read(id);
    STAY();
    return NULL;
}

/* A thread of which the kernel told no more than that. */
static struct phd_standing standing_at(int thread, uint64_t stack_pointer, uint64_t program_counter)
{
    struct phd_standing standing = {.thread = thread, .system_call = PHD_NO_SYSTEM_CALL};
    standing.registers.value[PHD_RSP] = stack_pointer;
    standing.registers.value[PHD_RIP] = program_counter;
    standing.registers.known = stack_pointer && program_counter ? 1u << PHD_RSP | 1u << PHD_RIP : 0;
    return standing;
}

static bool read_standing(int thread, struct phd_standing *standing)
{
    char path[64], text[256] = {0};
    unsigned long call, rsp, rip;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    if (!length || sscanf(text, "%lu %*x %*x %*x %*x %*x %*x %lx %lx", &call, &rsp, &rip) != 3 || call != SYS_read)
        return false;
    *standing = standing_at(thread, rsp, rip);
    return true;
}

static void add_waiting(void)
{
    for (int i = 0; i < WAITING; i++) {
        bool stands = false;
        for (int attempt = 0; attempt < 5000 && !stands; attempt++) {
            int thread = atomic_load(waiting + i);
            stands = thread && read_standing(thread, crash.others + crash.other_count);
            usleep(stands ? 0 : 1000);
        }
        crash.other_count += stands;
    }
}

static void other_threads_have_their_stacks(void **state)
{
    pthread_t threads[WAITING];
    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(pthread_create(threads + i, NULL, run_waiting, waiting + i), 0);
    make_up(SIGSEGV, SI_USER);
    add_waiting();
    crash.others[crash.other_count++] = standing_at(1234, 0, 0);       /* nothing is known */
    crash.others[crash.other_count++] = standing_at(1235, 4096, 4096); /* nothing is right */
    read_native();
    assert_int_equal(write(pipe_ends[1], "xxx", WAITING), WAITING);
    for (int i = 0; i < WAITING; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(native.count, 1 + WAITING + 2);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(native.threads[1 + i].thread, atomic_load(waiting + i));
        text_of_stack(1 + (unsigned)i);
        assert_non_null(strstr(stack_text, " wait_in_read+0x"));
        assert_non_null(strstr(stack_text, " run_waiting+0x"));
        assert_non_null(strstr(stack_text, "\n  (the outermost frame)\n"));
    }
    assert_string_equal(text_of_stack(0), "  (the registers are not known)\n");
    assert_string_equal(text_of_stack(1 + WAITING), "  (the registers are not known)\n");
    assert_starts(text_of_stack(2 + WAITING), "  0x1000\n  (no caller found: ");
    phd__native_close(&native);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* ---- the block ---- */

static int open_heap(void **state)
{
    (void)state;
    heap_open(&heap, 3 << 8 | 13);
    return 0;
}

static struct phd_native_facts facts;

static void put(struct phd_walk *walk)
{
    phd__native_put(&native, walk, &crash, &facts);
}

/* Write the block and read it back. */
static const char *written_block(void)
{
    walk_heap_with(&walked, &heap, heap_new_list(&heap, 0, NULL), put);
    return walked_block(&walked, PHD_BLOCK_SIGNAL, 0);
}

static void close_block(void)
{
    walked_close(&walked);
    walked.reader = NULL;
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%.2000s'", part, text);
}

static void the_block_has_it_all(void **state)
{
    char expected[256];
    (void)state;
    nowhere = (volatile int *)16;
    crash_by(SIGSEGV, call_write);
    facts = (struct phd_native_facts){"held", true};
    const char *text = written_block();
    assert_starts(text, "{signal: 11, name: 'SIGSEGV', code: 1, code_name: 'SEGV_MAPERR', address: 16, "
                        "text: 'SIGSEGV: address 0x10 not mapped, in test_native: write_to_nowhere+0x");
    snprintf(expected, sizeof expected,
             "thread: %d, ident: %llu, gil: 'held', python_thread: true, raised_again: false, ", crash.thread,
             (unsigned long long)crash.thread_ident);
    assert_contains(text, expected);
    snprintf(expected, sizeof expected, "rip: %llu}", (unsigned long long)at_signal.value[PHD_RIP]);
    assert_contains(text, expected);
    snprintf(expected, sizeof expected, "threads: [{thread: %d, ident: %llu, frames: [[%llu, ", crash.thread,
             (unsigned long long)crash.thread_ident, (unsigned long long)at_signal.value[PHD_RIP]);
    assert_contains(text, expected);
    assert_contains(text, ", 'write_to_nowhere', ");
    assert_contains(text, ", 'registers', ");
    assert_contains(text, ", 'cfi', ");
    assert_contains(text, "end: 'the outermost frame'}]");
    assert_contains(text, "modules: [{path: '");
    assert_contains(text, "path: '[vdso]'");
    assert_contains(text, ", deleted: false}");
    phd__native_close(&native);
}

static void a_sent_signal_has_its_sender(void **state)
{
    (void)state;
    make_up(SIGTERM, SI_QUEUE);
    crash.sender_pid = 4711;
    crash.sender_uid = 1000;
    read_native();
    facts = (struct phd_native_facts){NULL, false};
    const char *text = written_block();
    assert_starts(text,
                  "{signal: 15, name: 'SIGTERM', code: -1, code_name: 'SI_QUEUE', sender: {pid: 4711, uid: 1000}, "
                  "text: 'SIGTERM: sent by pid 4711 (uid 1000)'");
    assert_contains(text, "gil: nil, python_thread: false, raised_again: false, registers: {}, ");
    assert_contains(text, "frames: [], end: 'the registers are not known'}]");
    phd__native_close(&native);
}

static void unknown_signals_are_written_too(void **state)
{
    (void)state;
    make_up(50, 12345);
    read_native();
    assert_starts(written_block(),
                  "{signal: 50, name: nil, code: 12345, code_name: nil, text: 'signal 50: code 12345'");
    phd__native_close(&native);
    close_block();
    make_up(SIGSYS, 1);
    crash.system_call = 101;
    crash.address = 4096;
    read_native();
    assert_starts(written_block(), "{signal: 31, name: 'SIGSYS', code: 1, code_name: 'SYS_SECCOMP', address: 4096, "
                                   "syscall: 101, text: 'SIGSYS: system call 101 refused'");
    phd__native_close(&native);
}

/* Names may hold any bytes, the block's texts only UTF-8. */
static void foreign_bytes_become_question_marks(void **state)
{
    static const char *const texts[][2] = {
        {"/tmp/\xff\xfe.so", "path: '/tmp/?"
                             "?.so'"},
        {"/tmp/\xc3\xa4.so", "path: '/tmp/\xc3\xa4.so'"},
        {"/tmp/\xe2\x82\xac\xf0\x9f\x90\x8d", "path: '/tmp/\xe2\x82\xac\xf0\x9f\x90\x8d'"},
        {"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "path: '?"
                                                 "?"
                                                 "?"
                                                 "?"
                                                 "?"
                                                 "?"
                                                 "?"
                                                 "?"
                                                 "?'"}, /* too long, surrogate, beyond Unicode */
        {"cut \xe2\x82", "path: 'cut ?"
                         "?'"},
        {"cut \xf0", "path: 'cut ?'"},
    };
    (void)state;
    make_up(SIGSEGV, SI_USER);
    read_native();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        native.modules.all[0].path = texts[i][0];
        assert_contains(written_block(), texts[i][1]);
        close_block();
    }
    phd__native_close(&native);
}

/* Hundreds of deep stacks with long names do not fit into a block. */
static void what_does_not_fit_says_so(void **state)
{
    static char name[PHD_MAX_SYMBOL_NAME];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    make_up(SIGSEGV, SI_USER);
    crash.other_count = 600;
    for (unsigned i = 0; i < crash.other_count; i++)
        crash.others[i] = standing_at((int)i, 0, 0);
    read_native();
    for (unsigned i = 0; i < native.count; i++) {
        struct phd_native_stack *stack = &native.threads[i].stack;
        stack->count = 40;
        for (unsigned k = 0; k < stack->count; k++)
            stack->frames[k] = (struct phd_native_frame){.address = k, .symbol = name, .module = PHD_NO_MODULE};
    }
    const char *text = written_block();
    assert_contains(text, "threads: [{thread: ");
    assert_contains(text, "end: 'the registers are not known'}, {thread: 0, ");
    assert_contains(text, "{thread: 599, frames: [], end: 'left out: the block is full'}]");
    phd__native_close(&native);
}

static void the_message_of_an_abort_is_in_the_block(void **state)
{
    (void)state;
    make_up(SIGABRT, SI_TKILL);
    crash.sender_pid = getpid();
    read_native();
    assert_string_equal(native.message, "");
    strcpy(native.message, "free(): what \xff?");
    assert_contains(written_block(), "text: 'SIGABRT: sent by the process itself (free(): what ?"
                                     "?)', message: 'free(): what ?"
                                     "?', thread");
    phd__native_close(&native);
}

static void omitted_frames_are_counted(void **state)
{
    (void)state;
    make_up(SIGSEGV, SI_USER);
    read_native();
    native.threads[0].stack.omitted = 1000;
    assert_contains(written_block(), "frames: [], omitted: [192, 1000], end: 'the registers are not known; "
                                     "1000 frames after the first 192 are left out'}]");
    phd__native_close(&native);
}

/* ---- refusals ---- */

static void refused_memory_costs_what_needs_it(void **state)
{
    (void)state;
    nowhere = (volatile int *)16;
    crash_by(SIGSEGV, call_write);
    phd__native_close(&native);
    for (unsigned call = 1; call < 12; call++) {
        refuse_memory(call, false);
        read_native();
        allow_memory();
        assert_starts(text_of_summary(), "SIGSEGV: address 0x10 not mapped");
        text_of_stack(0);
        phd__native_close(&native);
        refuse_memory(call, true);
        read_native();
        allow_memory();
        assert_starts(text_of_summary(), "SIGSEGV: address 0x10 not mapped");
        phd__native_close(&native);
    }
}

#define WITH_HEAP(test) cmocka_unit_test_setup_teardown(test, open_heap, tear_down_heap)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_to_nowhere),
        cmocka_unit_test(a_write_to_what_is_read_only),
        cmocka_unit_test(a_write_to_no_address_at_all),
        cmocka_unit_test(a_write_behind_the_end_of_a_file),
        cmocka_unit_test(other_faults_are_named),
        cmocka_unit_test(a_call_of_null),
        cmocka_unit_test(the_caller_of_what_has_no_name_is_told),
        cmocka_unit_test(raise_names_its_caller),
        cmocka_unit_test(parts_of_aborting_functions_are_passed),
        cmocka_unit_test(abort_names_its_caller),
        cmocka_unit_test(a_failed_assertion_has_its_message),
        cmocka_unit_test(a_damaged_heap_has_its_message),
        cmocka_unit_test(a_thread_that_uses_up_its_stack),
        cmocka_unit_test(the_main_thread_that_uses_up_its_stack),
        cmocka_unit_test(a_signal_raised_again_tells_of_the_first),
        cmocka_unit_test(a_signal_that_was_only_sent_stays_what_it_is),
        cmocka_unit_test(a_refused_system_call_is_told),
        cmocka_unit_test(signals_without_registers_have_their_line),
        cmocka_unit_test(other_threads_have_their_stacks),
        WITH_HEAP(the_block_has_it_all),
        WITH_HEAP(a_sent_signal_has_its_sender),
        WITH_HEAP(unknown_signals_are_written_too),
        WITH_HEAP(foreign_bytes_become_question_marks),
        WITH_HEAP(what_does_not_fit_says_so),
        WITH_HEAP(the_message_of_an_abort_is_in_the_block),
        WITH_HEAP(omitted_frames_are_counted),
        cmocka_unit_test(refused_memory_costs_what_needs_it),
    };
    return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
