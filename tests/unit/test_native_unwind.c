/* SPDX-License-Identifier: Apache-2.0
 *
 * Native stacks of the test itself, against what libgcc's unwinder (that of backtrace()) finds, and with parts of them destroyed.
 */
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "native/unwind.h"
#include "safe/pages.h"
#include "support/cmocka_header.h"
#include "support/stack_case.h"

enum { MOST_FRAMES = 64, MOST_EXPECTED = 2048, FULL_STEPS = 1 << 24 };

#define NOINLINE __attribute__((noinline))
#define UNCHECKED __attribute__((noinline, no_sanitize("undefined"), no_sanitize("address")))
/* Something to do behind a call, so that it does not become a jump. */
#define STAY() __asm__ volatile("" ::: "memory")

static struct phd_memory memory;
static struct phd_modules modules;
static struct phd_unwinder *unwinder;
static struct phd_native_frame frames[MOST_FRAMES];
static struct phd_native_stack stack;
static void *expected[MOST_EXPECTED];
static int expected_count;
static uint64_t budget = FULL_STEPS;

static int set_up(void **state)
{
    (void)state;
    unwinder = phd__pages_alloc(sizeof *unwinder);
    return unwinder ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    phd__pages_free(unwinder, sizeof *unwinder);
    return 0;
}

static _Unwind_Reason_Code add_expected(struct _Unwind_Context *context, void *count)
{
    if (++*(int *)count > 1 && expected_count < MOST_EXPECTED) /* not take_expected() itself */
        expected[expected_count++] = (void *)_Unwind_GetIP(context);
    return _URC_NO_REASON;
}

/* The stack of the caller as backtrace() tells it, which AddressSanitizer replaces by one of its own. */
static NOINLINE void take_expected(void)
{
    int count = 0;
    expected_count = 0;
    _Unwind_Backtrace(add_expected, &count);
    while (expected_count && !expected[expected_count - 1]) /* it may end with a null */
        expected_count--;
}

/* Unwind from `registers`; the memory is open. */
static void unwind_opened(const struct phd_registers *registers)
{
    assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
    unwinder->memory = &memory;
    unwinder->modules = &modules;
    unwinder->steps = budget;
    stack = (struct phd_native_stack){.frames = frames, .capacity = MOST_FRAMES, .inner = MOST_FRAMES - 16};
    phd__unwind(unwinder, registers, &stack);
    phd__modules_close(&modules);
}

static void unwind(const struct phd_registers *registers)
{
    open_own_memory(&memory);
    unwind_opened(registers);
    phd__memory_self_close(&memory);
}

/* What is expected from frame `first_expected` on is what we find from `first` on. */
static void assert_same_stack(unsigned first, int first_expected)
{
    assert_true(expected_count > first_expected);
    assert_int_equal(stack.count - first, expected_count - first_expected);
    for (int i = 0; i < expected_count - first_expected; i++)
        assert_int_equal(frames[first + i].address, (uint64_t)(uintptr_t)expected[first_expected + i]);
    assert_string_equal(stack.end, "the outermost frame");
}

static void assert_all_by_cfi(unsigned first)
{
    for (unsigned i = first; i < stack.count; i++)
        assert_int_equal(frames[i].source, PHD_BY_CFI);
}

/* Unwind from here; the innermost frame differs from the expected one by the place of the call. */
static NOINLINE void unwind_here(void)
{
    ucontext_t context;
    struct phd_registers registers;
    getcontext(&context);
    registers_of_context(&context, &registers);
    take_expected();
    unwind(&registers);
    STAY();
}

static void the_own_stack_is_that_of_backtrace(void **state)
{
    (void)state;
    unwind_here();
    assert_same_stack(1, 1);
    assert_int_equal(frames[0].source, PHD_BY_REGISTERS);
    assert_true(frames[0].exact);
    assert_all_by_cfi(1);
    assert_int_equal(stack.omitted, 0);
}

static int compare(const void *a, const void *b)
{
    if (!stack.count)
        unwind_here();
    return *(const int *)a - *(const int *)b;
}

static void a_callback_of_libc_is_passed(void **state)
{
    int numbers[] = {3, 1, 2};
    (void)state;
    stack.count = 0;
    qsort(numbers, 3, sizeof numbers[0], compare);
    assert_same_stack(1, 1);
    assert_all_by_cfi(1);
}

static NOINLINE void with_moving_stack(size_t size)
{
    volatile char *room = alloca(size);
    room[0] = 1;
    unwind_here();
    room[size - 1] = 2;
}

static void a_function_whose_stack_moves_is_passed(void **state)
{
    (void)state;
    with_moving_stack((size_t)getpid() % 100 + 500);
    assert_same_stack(1, 1);
    assert_all_by_cfi(1);
}

static NOINLINE void recurse(int depth)
{
    if (depth)
        recurse(depth - 1);
    else
        unwind_here();
    STAY();
}

static void a_deep_stack_keeps_both_ends(void **state)
{
    enum { DEPTH = 1000 };
    (void)state;
    recurse(DEPTH);
    assert_int_equal(stack.count, MOST_FRAMES);
    assert_int_equal(stack.count + stack.omitted, expected_count);
    assert_true(stack.omitted > DEPTH / 2);
    assert_string_equal(stack.end, "the outermost frame");
    for (unsigned i = 1; i < stack.inner; i++)
        assert_int_equal(frames[i].address, (uint64_t)(uintptr_t)expected[i]);
    for (unsigned i = 1; i <= stack.count - stack.inner; i++)
        assert_int_equal(frames[stack.count - i].address, (uint64_t)(uintptr_t)expected[expected_count - i]);
}

/* ---- in a signal handler ---- */

static sigjmp_buf after_signal;
static volatile bool unwind_from_handler; /* else from the interrupted place */
static struct phd_registers at_signal;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    registers_of_context(context, &at_signal);
    if (unwind_from_handler) {
        unwind_here();
    } else {
        take_expected();
        unwind(&at_signal);
    }
    siglongjmp(after_signal, 1);
}

/* Run `crash`, which must end in signal `number`. */
static void unwind_crash(int number, void (*crash)(void))
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK}, before;
    assert_int_equal(sigaction(number, &action, &before), 0);
    stack.count = 0;
    if (sigsetjmp(after_signal, 1) == 0) {
        crash();
        fail();
    }
    sigaction(number, &before, NULL);
    assert_true(stack.count > 0);
}

static volatile int *volatile nowhere = (volatile int *)16;

static UNCHECKED void write_to_nowhere(void)
{
    *nowhere = 1;
}

static NOINLINE void leaf_crash(void)
{
    write_to_nowhere();
    STAY();
}

static void a_crash_in_a_leaf_function(void **state)
{
    (void)state;
    unwind_from_handler = false;
    unwind_crash(SIGSEGV, leaf_crash);
    /* what is expected begins in the handler, behind which the kernel's frame stands */
    assert_same_stack(0, 2);
    assert_all_by_cfi(1);
    assert_true(frames[0].function && frames[0].function <= (uint64_t)(uintptr_t)write_to_nowhere);
}

static void a_signal_frame_is_passed(void **state)
{
    (void)state;
    unwind_from_handler = true;
    unwinder->wanted_signal = SIGSEGV;
    unwind_crash(SIGSEGV, leaf_crash);
    assert_same_stack(1, 1);
    unsigned signals = 0, at = 0;
    for (unsigned i = 0; i < stack.count; i++) {
        if (frames[i].source != PHD_BY_SIGNAL)
            continue;
        signals++;
        at = i;
        assert_true(frames[i].exact);
        assert_int_equal(frames[i].address, at_signal.value[PHD_RIP]);
    }
    assert_int_equal(signals, 1);
    assert_true(unwinder->found_signal);
    assert_int_equal(unwinder->found_at, at);
    assert_int_equal(unwinder->found.signal, SIGSEGV);
    assert_int_equal(unwinder->found.code, SEGV_MAPERR);
    assert_int_equal(unwinder->found.address, 16);
    assert_memory_equal(&unwinder->found.registers, &at_signal, sizeof at_signal);
}

static NOINLINE void raise_and_stay(void)
{
    raise(SIGUSR1);
    STAY();
}

/* A signal that was sent is no fault of the code that it interrupted. */
static void a_sent_signal_is_not_the_wanted_one(void **state)
{
    (void)state;
    unwind_from_handler = true;
    unwinder->wanted_signal = SIGUSR1;
    unwind_crash(SIGUSR1, raise_and_stay);
    assert_same_stack(1, 1);
    assert_false(unwinder->found_signal);
}

static void on_inner_signal(int number)
{
    (void)number;
    leaf_crash();
}

static void signal_within_signal(void)
{
    struct sigaction action = {.sa_handler = on_inner_signal}, before;
    sigaction(SIGUSR2, &action, &before);
    raise(SIGUSR2);
    STAY();
}

static void nested_signal_frames_are_passed(void **state)
{
    (void)state;
    unwind_from_handler = true;
    unwind_crash(SIGSEGV, signal_within_signal);
    assert_same_stack(1, 1);
    unsigned signals = 0;
    for (unsigned i = 0; i < stack.count; i++)
        signals += frames[i].source == PHD_BY_SIGNAL;
    assert_int_equal(signals, 2);
    signal(SIGUSR2, SIG_DFL);
}

static void a_handler_on_another_stack_is_passed(void **state)
{
    enum { SIZE = 1 << 20 };
    (void)state;
    stack_t alternate = {.ss_sp = malloc(SIZE), .ss_size = SIZE}, before;
    assert_int_equal(sigaltstack(&alternate, &before), 0);
    unwind_from_handler = true;
    unwind_crash(SIGSEGV, leaf_crash);
    sigaltstack(&before, NULL);
    assert_same_stack(1, 1);
    free(alternate.ss_sp);
}

/* ---- wrong code addresses ---- */

static void (*volatile bad_function)(void);

static UNCHECKED void call_bad_function(void)
{
    bad_function();
    STAY();
}

static void assert_bad_call(uint64_t address)
{
    bad_function = (void (*)(void))(uintptr_t)address; /* NOLINT */
    unwind_from_handler = false;
    unwind_crash(SIGSEGV, call_bad_function);
    assert_int_equal(frames[0].address, address);
    assert_int_equal(frames[0].module, PHD_NO_MODULE);
    assert_true(frames[1].address - (uint64_t)(uintptr_t)call_bad_function < 100);
    assert_string_equal(stack.end, "the outermost frame");
    assert_all_by_cfi(1);
    assert_true(stack.count > 4);
}

static void a_call_of_null(void **state)
{
    (void)state;
    assert_bad_call(0);
}

static void a_call_of_data(void **state)
{
    static uint64_t data[4];
    (void)state;
    bad_function = (void (*)(void))(uintptr_t)data; /* NOLINT */
    unwind_from_handler = false;
    unwind_crash(SIGSEGV, call_bad_function);
    assert_int_equal(frames[0].address, (uint64_t)(uintptr_t)data);
    assert_true(frames[1].address - (uint64_t)(uintptr_t)call_bad_function < 100);
    assert_string_equal(stack.end, "the outermost frame");
}

/* ---- code without call frame information, as a compiler at run time makes it ---- */

static const uint8_t generated_code[] = {
    /* 0: keeps a frame pointer and calls what follows */
    0x55, 0x48, 0x89, 0xe5,       /* push %rbp; mov %rsp, %rbp */
    0x48, 0x83, 0xec, 0x10,       /* sub $16, %rsp */
    0xe8, 0x13, 0x00, 0x00, 0x00, /* call 32 */
    0xc9, 0xc3, 0x90,             /* leave; ret */
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
    /* 32: keeps a frame pointer and calls its argument */
    0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3, 0x90, 0x90, 0x90, 0x90,
    /* 48: calls its argument without a frame pointer */
    0x48, 0x83, 0xec, 0x28, /* sub $40, %rsp */
    0xff, 0xd7,             /* call *%rdi */
    0x48, 0x83, 0xc4, 0x28, /* add $40, %rsp */
    0xc3};

enum { AFTER_CALL = 13, AFTER_INNER_CALL = 42, WITHOUT_FRAME_POINTER = 48, AFTER_BARE_CALL = 54 };

static uint8_t *generated;
static size_t generated_entry;

static UNCHECKED void call_generated(void)
{
    void (*code)(void (*)(void)) = (void (*)(void (*)(void)))(uintptr_t)(generated + generated_entry);
    code(leaf_crash);
    STAY();
}

static unsigned frame_at(uint64_t address)
{
    for (unsigned i = 0; i < stack.count; i++)
        if (frames[i].address == address)
            return i;
    return 0;
}

static void crash_below_generated(size_t entry)
{
    generated = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(generated != MAP_FAILED);
    memcpy(generated, generated_code, sizeof generated_code);
    assert_int_equal(mprotect(generated, 4096, PROT_READ | PROT_EXEC), 0);
    generated_entry = entry;
    unwind_from_handler = false;
    unwind_crash(SIGSEGV, call_generated);
    assert_string_equal(stack.end, "the outermost frame");
}

static void frame_pointers_lead_through_generated_code(void **state)
{
    (void)state;
    crash_below_generated(0);
    unsigned inner = frame_at((uint64_t)(uintptr_t)generated + AFTER_INNER_CALL);
    assert_true(inner > 0);
    assert_int_equal(frames[inner].module, PHD_NO_MODULE);
    assert_int_equal(frames[inner].function, 0);
    assert_int_equal(frames[inner + 1].address, (uint64_t)(uintptr_t)generated + AFTER_CALL);
    assert_int_equal(frames[inner + 1].source, PHD_BY_FRAME_POINTER);
    assert_true(frames[inner + 2].address - (uint64_t)(uintptr_t)call_generated < 100);
    munmap(generated, 4096);
}

static void a_scan_leads_through_generated_code(void **state)
{
    (void)state;
    crash_below_generated(WITHOUT_FRAME_POINTER);
    unsigned bare = frame_at((uint64_t)(uintptr_t)generated + AFTER_BARE_CALL);
    assert_true(bare > 0);
    /* frame pointers are not kept here, or they are and this one is passed with its caller */
    bool scanned = frames[bare + 1].source == PHD_BY_SCAN;
    assert_true(scanned || frames[bare + 1].source == PHD_BY_FRAME_POINTER);
    if (scanned)
        assert_true(frames[bare + 1].address - (uint64_t)(uintptr_t)call_generated < 100);
    munmap(generated, 4096);
}

static void an_exhausted_budget_ends_the_stack(void **state)
{
    struct phd_registers registers;
    ucontext_t context;
    (void)state;
    getcontext(&context);
    registers_of_context(&context, &registers);
    budget = 60;
    unwind(&registers);
    budget = FULL_STEPS;
    assert_in_range(stack.count, 1, 5);
    assert_string_equal(stack.end, "the limit of steps is reached");
}

/* ---- destroyed stacks: a copy of the real one is exchanged for it ---- */

enum { STACK_PART = 32 * 1024 };
static uint8_t stack_copy[STACK_PART];

/* Unwind from `registers` with `size` bytes at `offset` of the stack filled with `value`. */
static void unwind_filled(const struct phd_registers *registers, size_t offset, size_t size, uint8_t value)
{
    uint64_t begin = registers->value[PHD_RSP];
    struct exchanged exchanged = {begin + offset, size, stack_copy, NULL};
    memset(stack_copy, value, size);
    open_copied_memory(&memory, &exchanged);
    unwind_opened(registers);
    phd__memory_self_close(&memory);
}

static struct phd_registers here;

static NOINLINE void note_registers(void)
{
    ucontext_t context;
    getcontext(&context);
    registers_of_context(&context, &here);
    take_expected();
    for (size_t size = 8; size <= 4096; size += 40) {
        for (int value = 0; value < 256; value += 85) {
            unwind_filled(&here, 0, size, (uint8_t)value);
            assert_true(stack.count >= 1);
            assert_non_null(stack.end);
        }
    }
    STAY();
}

static void a_destroyed_stack_gives_a_shorter_one(void **state)
{
    (void)state;
    note_registers();
}

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

/* A word as it may stand on a stack: a return address, an address of the stack, a small number, anything. */
static uint64_t plausible_word(uint64_t stack_begin)
{
    switch (random_below(4)) {
    case 0: return (uint64_t)(uintptr_t)expected[random_below((unsigned)expected_count)];
    case 1: return stack_begin + 8 * (uint64_t)random_below(STACK_PART / 8);
    case 2: return random_below(100);
    }
    return (uint64_t)random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX);
}

static NOINLINE void unwind_made_up_stacks(void)
{
    ucontext_t context;
    getcontext(&context);
    registers_of_context(&context, &here);
    take_expected();
    random_state = 31;
    for (int round = 0; round < 300; round++) {
        struct phd_registers registers = here;
        for (size_t i = 0; i < STACK_PART; i += 8) {
            uint64_t word = plausible_word(here.value[PHD_RSP]);
            memcpy(stack_copy + i, &word, 8);
        }
        for (int i = 0; i < PHD_REGISTER_COUNT; i++)
            if (random_below(2))
                registers.value[i] = plausible_word(here.value[PHD_RSP]);
        registers.known &= ~(1u << random_below(PHD_RSP));
        struct exchanged exchanged = {here.value[PHD_RSP], STACK_PART, stack_copy, NULL};
        open_copied_memory(&memory, &exchanged);
        unwind_opened(&registers);
        phd__memory_self_close(&memory);
        assert_true(stack.count >= 1);
        assert_non_null(stack.end);
        assert_true(FULL_STEPS - unwinder->steps <= (uint64_t)(stack.count + stack.omitted) * PHD_MAX_STEPS_PER_FRAME);
    }
    STAY();
}

/* Chains in circles, return addresses in wrong order: every stack ends. */
static void made_up_stacks_end(void **state)
{
    (void)state;
    unwind_made_up_stacks();
}

/* The return address of the innermost function is destroyed: its caller cannot be known, but others can. */
static NOINLINE void lose_first_return_address(void)
{
    ucontext_t context;
    getcontext(&context);
    registers_of_context(&context, &here);
    take_expected();
    const uint64_t *word = (const uint64_t *)(uintptr_t)here.value[PHD_RSP];
    size_t offset = 0;
    open_own_memory(&memory);
    while (offset < STACK_PART &&
           phd__read_word(&memory, (uint64_t)(uintptr_t)(word + offset / 8)) != (uint64_t)(uintptr_t)expected[1])
        offset += 8;
    phd__memory_self_close(&memory);
    assert_true(offset < STACK_PART);
    unwind_filled(&here, offset, 8, 0x41);
    STAY();
}

static NOINLINE void lose_return_address_below(void)
{
    lose_first_return_address();
    STAY();
}

static NOINLINE void *lose_in_thread(void *argument)
{
    lose_return_address_below();
    STAY();
    return argument;
}

/* In a thread of its own, on whose stack nothing is left over from earlier calls. */
static void a_lost_return_address_is_passed(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, lose_in_thread, NULL), 0);
    pthread_join(thread, NULL);
    assert_true(expected_count >= 4 && stack.count >= 3);
    assert_true(frames[1].source == PHD_BY_SCAN || frames[1].source == PHD_BY_FRAME_POINTER);
    if (WITH_ADDRESS_SANITIZER) /* its start of a thread leaves return addresses behind, larger frames keep them */
        return;
    for (unsigned i = 1; i < stack.count; i++)
        assert_int_equal(frames[i].address, (uint64_t)(uintptr_t)expected[i + 1]); /* all but the lost one */
    assert_string_equal(stack.end, "the outermost frame");
}

/* ---- return addresses ---- */

static void calls_are_recognized(void **state)
{
    static const struct {
        bool is_call;
        size_t length;
        uint8_t code[8];
    } cases[] = {
        {true, 5, {0xe8, 1, 2, 3, 4}},
        {true, 2, {0xff, 0xd0}},                   /* *%rax */
        {true, 3, {0x41, 0xff, 0xd4}},             /* *%r12: the prefix is passed over */
        {true, 2, {0xff, 0x10}},                   /* *(%rax) */
        {true, 3, {0xff, 0x50, 8}},                /* *8(%rax) */
        {true, 6, {0xff, 0x90, 1, 2, 3, 4}},       /* *0x4030201(%rax) */
        {true, 6, {0xff, 0x15, 1, 2, 3, 4}},       /* *0x4030201(%rip) */
        {true, 3, {0xff, 0x14, 0xc1}},             /* *(%rcx,%rax,8) */
        {true, 7, {0xff, 0x14, 0xc5, 1, 2, 3, 4}}, /* *0x4030201(,%rax,8) */
        {true, 4, {0xff, 0x54, 0xc1, 8}},          /* *8(%rcx,%rax,8) */
        {true, 7, {0xff, 0x94, 0xc1, 1, 2, 3, 4}}, /* *0x4030201(%rcx,%rax,8) */
        {false, 5, {0xe9, 1, 2, 3, 4}},            /* jmp */
        {false, 2, {0xff, 0xe0}},                  /* jmp *%rax */
        {false, 2, {0xff, 0xc0}},                  /* inc %eax */
        {false, 6, {0xff, 0x25, 1, 2, 3, 4}},      /* jmp *(%rip) */
        {false, 3, {0xff, 0xd0, 0x90}},            /* something behind the call */
        {false, 6, {0xe8, 1, 2, 3, 4, 0x90}},
        {false, 7, {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90}},
    };
    (void)state;
    open_own_memory(&memory);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t code[16];
        struct phd_guard guard;
        volatile bool found = !cases[i].is_call;
        memset(code, 0x90, sizeof code);
        memcpy(code + sizeof code - cases[i].length, cases[i].code, cases[i].length);
        if (PHD_GUARD(&memory, &guard))
            found = phd__follows_call(&memory, (uint64_t)(uintptr_t)(code + sizeof code));
        PHD_UNGUARD(&memory, &guard);
        if (found != cases[i].is_call)
            fail_msg("case %zu", i);
    }
    phd__memory_self_close(&memory);
}

/* ---- another thread that waits ---- */

static int pipe_ends[2];
static atomic_int waiting_thread;

static NOINLINE void wait_in_read(void)
{
    char c;
    atomic_store(&waiting_thread, gettid());
    assert_int_equal(read(pipe_ends[0], &c, 1), 1);
    STAY();
}

static NOINLINE void *run_waiting(void *argument)
{
    wait_in_read();
    STAY();
    return argument;
}

/* Where the thread stands, as /proc tells it. */
static bool read_standing(int thread, struct phd_registers *registers)
{
    char path[64], text[256] = {0};
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    unsigned long call, rsp, rip;
    if (!length || sscanf(text, "%lu %*x %*x %*x %*x %*x %*x %lx %lx", &call, &rsp, &rip) != 3 || call != SYS_read)
        return false;
    memset(registers, 0, sizeof *registers);
    registers->value[PHD_RSP] = rsp;
    registers->value[PHD_RIP] = rip;
    registers->known = 1u << PHD_RSP | 1u << PHD_RIP;
    return true;
}

static bool stack_has_function(uint64_t function)
{
    bool found = false;
    for (unsigned i = 0; i < stack.count; i++)
        found |= frames[i].address - function < 400 && frames[i].function <= function;
    return found;
}

static void a_waiting_thread_of_which_little_is_known(void **state)
{
    pthread_t thread;
    struct phd_registers registers;
    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_waiting, NULL), 0);
    bool stands = false;
    for (int i = 0; i < 5000 && !stands; i++) {
        usleep(1000);
        stands = atomic_load(&waiting_thread) && read_standing(atomic_load(&waiting_thread), &registers);
    }
    if (stands)
        unwind(&registers);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    pthread_join(thread, NULL);
    assert_true(stands);
    assert_true(stack_has_function((uint64_t)(uintptr_t)wait_in_read));
    assert_true(stack_has_function((uint64_t)(uintptr_t)run_waiting));
    assert_string_equal(stack.end, "the outermost frame");
}

static void without_registers_there_is_no_frame(void **state)
{
    struct phd_registers registers = {{0}, 0};
    (void)state;
    unwind(&registers);
    assert_int_equal(stack.count, 0);
    assert_string_equal(stack.end, "the registers are not known");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_own_stack_is_that_of_backtrace),
        TEST(a_callback_of_libc_is_passed),
        TEST(a_function_whose_stack_moves_is_passed),
        TEST(a_deep_stack_keeps_both_ends),
        TEST(a_crash_in_a_leaf_function),
        TEST(a_signal_frame_is_passed),
        TEST(a_sent_signal_is_not_the_wanted_one),
        TEST(nested_signal_frames_are_passed),
        TEST(a_handler_on_another_stack_is_passed),
        TEST(a_call_of_null),
        TEST(a_call_of_data),
        TEST(frame_pointers_lead_through_generated_code),
        TEST(a_scan_leads_through_generated_code),
        TEST(an_exhausted_budget_ends_the_stack),
        TEST(a_destroyed_stack_gives_a_shorter_one),
        TEST(made_up_stacks_end),
        TEST(a_lost_return_address_is_passed),
        TEST(calls_are_recognized),
        TEST(a_waiting_thread_of_which_little_is_known),
        TEST(without_registers_there_is_no_frame),
    };
    return cmocka_run_group_tests_name("native_unwind", tests, NULL, NULL);
}
