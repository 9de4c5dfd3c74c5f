/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of the process itself: reads under guards, and what happens to faults that are not ours.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory/memory.h"
#include "support/cmocka_header.h"

enum { PAGE = 4096, STATUS_OUTSIDE_OF_GUARDS = 126 };

static struct phd_memory memory;
static uint8_t *pages;      /* one page, then one that cannot be read */
static uint64_t unreadable; /* address of the latter */

static int set_up(void **state)
{
    (void)state;
    pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    memset(pages, 'a', 2 * PAGE);
    assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
    unreadable = (uint64_t)(uintptr_t)pages + PAGE;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    munmap(pages, 2 * PAGE);
    return 0;
}

/* In the test itself and not before it: cmocka installs handlers of its own when a test begins. */
static void open_memory(void)
{
    assert_int_equal(phd__memory_self_open(&memory, NULL), PHD_OK);
}

/* The word at `address`, or `otherwise` when it cannot be read. */
static uint64_t word_or(uint64_t address, uint64_t otherwise)
{
    struct phd_guard guard;
    volatile uint64_t result = otherwise;
    if (PHD_GUARD(&memory, &guard))
        result = phd__read_word(&memory, address);
    PHD_UNGUARD(&memory, &guard);
    return result;
}

static void readable_memory_is_read(void **state)
{
    uint64_t word = 0x1122334455667788;
    (void)state;
    open_memory();
    assert_int_equal(word_or((uint64_t)(uintptr_t)&word, 1), word);
    assert_int_equal(word_or(unreadable - 8, 1), 0x6161616161616161);
    assert_int_equal(phd__read_u32(&memory, (uint64_t)(uintptr_t)&word), 0x55667788);
    assert_int_equal(phd__read_i32(&memory, unreadable - 4), 0x61616161);
    assert_int_equal(phd__read_u8(&memory, unreadable - 1), 'a');
    phd__memory_self_close(&memory);
}

static void an_unmapped_page_ends_in_the_guard(void **state)
{
    (void)state;
    open_memory();
    assert_int_equal(word_or(unreadable, 1), 1);
    assert_int_equal(memory.fault_address, unreadable);
    assert_string_equal(memory.fault_reason, "not mapped");
    assert_null(memory.recovery);
    for (int i = 0; i < 1000; i++) /* no state is left behind by a fault */
        assert_int_equal(word_or(unreadable + 8, 2), 2);
    assert_int_equal(word_or(unreadable - 8, 1), 0x6161616161616161);
    phd__memory_self_close(&memory);
}

static void a_word_across_the_end_of_a_mapping_is_unreadable(void **state)
{
    (void)state;
    open_memory();
    for (uint64_t inside = 1; inside < 8; inside++)
        assert_int_equal(word_or(unreadable - inside, 3), 3);
    assert_int_equal(memory.fault_address, unreadable);
    phd__memory_self_close(&memory);
}

static void addresses_outside_of_user_space_are_refused_unread(void **state)
{
    static const uint64_t addresses[] = {
        0, 8, PHD_LOWEST_ADDRESS - 1, PHD_HIGHEST_ADDRESS - 7, PHD_HIGHEST_ADDRESS, UINT64_MAX - 7, UINT64_MAX};
    (void)state;
    open_memory();
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        assert_int_equal(word_or(addresses[i], 4), 4);
        assert_int_equal(memory.fault_address, addresses[i]);
        assert_string_equal(memory.fault_reason, "not a user-space address");
    }
    phd__memory_self_close(&memory);
}

static void lengths_that_leave_user_space_are_refused(void **state)
{
    static const uint64_t lengths[] = {PHD_HIGHEST_ADDRESS, UINT64_MAX, UINT64_MAX - (1 << 20)};
    (void)state;
    open_memory();
    for (size_t i = 0; i < 3; i++) {
        struct phd_guard guard;
        volatile bool refused = true;
        if (PHD_GUARD(&memory, &guard)) {
            phd__view(&memory, (uint64_t)(uintptr_t)pages, lengths[i]);
            refused = false;
        }
        PHD_UNGUARD(&memory, &guard);
        assert_true(refused);
    }
    phd__memory_self_close(&memory);
}

/* A mapped file that is cut raises SIGBUS. */
static void a_page_behind_the_end_of_a_file_is_unreadable(void **state)
{
    int fd = memfd_create("cut", MFD_CLOEXEC);
    (void)state;
    open_memory();
    assert_int_equal(ftruncate(fd, PAGE), 0);
    void *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(mapped != MAP_FAILED);
    assert_int_equal(word_or((uint64_t)(uintptr_t)mapped, 5), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(word_or((uint64_t)(uintptr_t)mapped, 5), 5);
    munmap(mapped, PAGE);
    close(fd);
    phd__memory_self_close(&memory);
}

static void the_innermost_guard_takes_the_fault(void **state)
{
    struct phd_guard outer;
    volatile int outer_faults = 0;
    (void)state;
    open_memory();
    if (PHD_GUARD(&memory, &outer)) {
        assert_int_equal(word_or(unreadable, 6), 6);
        assert_int_equal(outer_faults, 0);
        assert_int_equal(phd__read_word(&memory, unreadable), 0); /* the inner guard is gone */
        fail();
    } else {
        outer_faults = outer_faults + 1;
        assert_int_equal(word_or(unreadable, 7), 7); /* a guard within the other branch */
    }
    PHD_UNGUARD(&memory, &outer);
    assert_int_equal(outer_faults, 1);
    assert_null(memory.recovery);
    phd__memory_self_close(&memory);
}

static void text_is_cut_and_terminated(void **state)
{
    char out[8];
    (void)state;
    open_memory();
    memcpy(pages, "short", 6);
    assert_int_equal(phd__read_text(&memory, (uint64_t)(uintptr_t)pages, out, sizeof out), 5);
    assert_string_equal(out, "short");
    assert_int_equal(phd__read_text(&memory, (uint64_t)(uintptr_t)pages, out, 3), 2);
    assert_string_equal(out, "sh");
    assert_int_equal(phd__read_text(&memory, (uint64_t)(uintptr_t)pages, out, 1), 0);
    assert_string_equal(out, "");
    memcpy(pages + PAGE - 3, "ab", 3); /* its end is the end of the mapping */
    assert_int_equal(phd__read_text(&memory, unreadable - 3, out, sizeof out), 2);
    assert_string_equal(out, "ab");
    phd__memory_self_close(&memory);
}

static const void *view_nothing(struct phd_memory *target, uint64_t address, uint64_t length)
{
    (void)length;
    phd__memory_fault(target, address, "by the view");
}

static void another_view_may_refuse(void **state)
{
    static struct phd_memory target = {.view = view_nothing}; /* not a local, which a jump may spoil */
    struct phd_guard guard;
    volatile bool refused = false;
    (void)state;
    open_memory();
    if (PHD_GUARD(&target, &guard))
        phd__read_word(&target, unreadable - 8);
    else
        refused = true;
    PHD_UNGUARD(&target, &guard);
    assert_true(refused);
    assert_string_equal(target.fault_reason, "by the view");
    phd__memory_self_close(&memory);
}

/* The status with which a child process ends that runs `body`. */
static int status_of_child(void (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void read_unguarded(void)
{
    phd__read_word(&memory, 0);
}

static void a_refused_read_outside_of_guards_ends_the_process(void **state)
{
    (void)state;
    open_memory();
    int status = status_of_child(read_unguarded);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STATUS_OUTSIDE_OF_GUARDS);
    phd__memory_self_close(&memory);
}

static void fault_by_program(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    phd__memory_self_close(&memory);
    sigaction(SIGSEGV, &standard, NULL);
    phd__memory_self_open(&memory, NULL);
    *(volatile uint8_t *)(uintptr_t)unreadable = 1;
}

static void send_signal(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    phd__memory_self_close(&memory);
    sigaction(SIGSEGV, &standard, NULL);
    phd__memory_self_open(&memory, NULL);
    kill(getpid(), SIGSEGV);
}

/* The program ends as it would without us. */
static void signals_that_are_not_ours_have_their_default_effect(void **state)
{
    (void)state;
    open_memory();
    int fault = status_of_child(fault_by_program), sent = status_of_child(send_signal);
    assert_true(WIFSIGNALED(fault) && WTERMSIG(fault) == SIGSEGV);
    assert_true(WIFSIGNALED(sent) && WTERMSIG(sent) == SIGSEGV);
    phd__memory_self_close(&memory);
}

static volatile sig_atomic_t handled;
static void *volatile handled_address;

/* A program's own handler, as some runtimes have: it makes the page usable and goes on. */
static void program_handler(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)context;
    handled = handled + 1;
    handled_address = info->si_addr;
    mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
}

static void *touch_unreadable(void *argument)
{
    (void)argument;
    return (void *)(uintptr_t) * (volatile uint8_t *)(uintptr_t)unreadable;
}

static void a_fault_of_another_thread_goes_to_the_programs_handler(void **state)
{
    struct sigaction action = {.sa_sigaction = program_handler, .sa_flags = SA_SIGINFO}, before, now;
    struct phd_guard guard;
    pthread_t thread;
    void *result;
    (void)state;
    sigaction(SIGSEGV, &action, &before);
    open_memory();
    handled = 0;
    if (PHD_GUARD(&memory, &guard)) { /* while this thread reads */
        assert_int_equal(pthread_create(&thread, NULL, touch_unreadable, NULL), 0);
        pthread_join(thread, &result);
    } else {
        fail();
    }
    PHD_UNGUARD(&memory, &guard);
    assert_int_equal(handled, 1);
    assert_int_equal((uint64_t)(uintptr_t)handled_address, unreadable);
    assert_int_equal((int)(uintptr_t)result, 'a');

    assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
    assert_int_equal(word_or(unreadable, 8), 8); /* our own reads are still guarded */
    assert_int_equal(handled, 1);
    phd__memory_self_close(&memory);
    sigaction(SIGSEGV, &before, &now);
    assert_true(now.sa_sigaction == program_handler && (now.sa_flags & SA_SIGINFO));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(readable_memory_is_read),
        TEST(an_unmapped_page_ends_in_the_guard),
        TEST(a_word_across_the_end_of_a_mapping_is_unreadable),
        TEST(addresses_outside_of_user_space_are_refused_unread),
        TEST(lengths_that_leave_user_space_are_refused),
        TEST(a_page_behind_the_end_of_a_file_is_unreadable),
        TEST(the_innermost_guard_takes_the_fault),
        TEST(text_is_cut_and_terminated),
        TEST(another_view_may_refuse),
        TEST(a_refused_read_outside_of_guards_ends_the_process),
        TEST(signals_that_are_not_ours_have_their_default_effect),
        TEST(a_fault_of_another_thread_goes_to_the_programs_handler),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
