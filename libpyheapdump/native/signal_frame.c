/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/signal_frame.h"

#include <signal.h>

enum {
    CONTEXT_REGISTERS = 40,                       /* ucontext: flags, link, stack_t; then struct sigcontext_64 */
    CONTEXT_SEGMENT = CONTEXT_REGISTERS + 18 * 8, /* cs, 16 bits */
    CONTEXT_ERROR = CONTEXT_REGISTERS + 19 * 8,
    CONTEXT_TRAP = CONTEXT_REGISTERS + 20 * 8,
    CONTEXT_CR2 = CONTEXT_REGISTERS + 22 * 8,
    CONTEXT_SIZE = 0x130, /* … of 256 bytes, and the signal mask of 8 */
    SIGINFO_SIGNAL = 0,
    SIGINFO_CODE = 8,
    SIGINFO_ADDRESS = 16,
    SIGINFO_SYSTEM_CALL = 24
};

/* cs of a 64-bit process (arch/x86/include/asm/segment.h, __USER_CS) */
static const uint32_t code_segment = 0x33;

/* The order of struct sigcontext_64. */
static const uint8_t order[PHD_REGISTER_COUNT] = {
    PHD_R8,  PHD_R9,  PHD_R10, PHD_R11, PHD_R12, PHD_R13, PHD_R14, PHD_R15, PHD_RDI,
    PHD_RSI, PHD_RBP, PHD_RBX, PHD_RDX, PHD_RAX, PHD_RCX, PHD_RSP, PHD_RIP,
};

/* Traps and what the kernel makes of them (arch/x86/include/asm/trapnr.h, arch/x86/kernel/traps.c, arch/x86/mm/fault.c).
 * Code 0: it depends. */
enum { TRAP_DIVIDE = 0, TRAP_PAGE_FAULT = 14 };
static const struct {
    uint64_t trap;
    int signal;
    int code;
} traps[] = {
    {TRAP_DIVIDE, SIGFPE, FPE_INTDIV}, {3, SIGTRAP, SI_KERNEL}, /* breakpoint */
    {6, SIGILL, ILL_ILLOPN},           {12, SIGBUS, SI_KERNEL}, /* stack segment */
    {13, SIGSEGV, SI_KERNEL},                                   /* general protection */
    {TRAP_PAGE_FAULT, SIGSEGV, 0},     {TRAP_PAGE_FAULT, SIGBUS, BUS_ADRERR},
    {16, SIGFPE, FPE_FLTUNK},                                    /* x87 */
    {17, SIGBUS, BUS_ADRALN},          {19, SIGFPE, FPE_FLTUNK}, /* SIMD */
};

bool phd__is_signal_return(struct phd_memory *memory, uint64_t address)
{
    /* mov $__NR_rt_sigreturn, %rax (glibc) or %eax (others); syscall */
    static const uint8_t long_form[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
    static const uint8_t short_form[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
    const uint8_t *code = phd__view(memory, address, sizeof short_form);
    if (memcmp(code, short_form, sizeof short_form) == 0)
        return true;
    if (memcmp(code, long_form, sizeof short_form) != 0)
        return false;
    return memcmp(phd__view(memory, address, sizeof long_form), long_form, sizeof long_form) == 0;
}

/* Is the instruction at `address` a div or idiv (opcodes F6 and F7, /6 and /7)? */
static bool is_division(struct phd_memory *memory, uint64_t address)
{
    enum { MAX_PREFIXES = 4 };
    for (unsigned i = 0; i < MAX_PREFIXES; i++) {
        uint8_t byte = phd__read_u8(memory, address + i);
        if ((byte & 0xfe) == 0xf6)
            return (phd__read_u8(memory, address + i + 1) >> 3 & 6) == 6;
    }
    return false;
}

/* The trap number of the frame is that of the thread's last trap, however long ago (0: there was none). Was it this one?
 * Not in a thread that has just sent the signal by a system call. */
static bool is_of_trap(struct phd_memory *memory, const struct phd_mappings *mappings,
                       const struct phd_signal_frame *frame, uint64_t trap)
{
    static const uint8_t system_call[] = {0x0f, 0x05};
    uint64_t address = frame->registers.value[PHD_RIP], before = address - sizeof system_call;
    if (!phd__is_executable(mappings, address))
        return trap == TRAP_PAGE_FAULT; /* the jump to where there is no code */
    if (trap == TRAP_DIVIDE)
        return is_division(memory, address);
    return !phd__is_executable(mappings, before) ||
           memcmp(phd__view(memory, before, sizeof system_call), system_call, sizeof system_call) != 0;
}

/* The code of a SIGSEGV by page fault: the page was there but not for this kind of access (bit 0 of the error code), or
 * its mapping allows no access at all, or there is none. */
static int code_of_page_fault(const struct phd_mappings *mappings, uint64_t error, uint64_t address)
{
    return error & 1 || phd__mapping_at(mappings, address) ? SEGV_ACCERR : SEGV_MAPERR;
}

/* Tell the signal by the trap that led to it. */
static void read_trap(struct phd_memory *memory, const struct phd_mappings *mappings, uint64_t context, int signal,
                      struct phd_signal_frame *frame)
{
    uint64_t trap = phd__read_word(memory, context + CONTEXT_TRAP);
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        if (traps[i].trap != trap || traps[i].signal != signal || !is_of_trap(memory, mappings, frame, trap))
            continue;
        frame->signal = signal;
        frame->code = traps[i].code;
        if (trap == TRAP_PAGE_FAULT)
            frame->address = phd__read_word(memory, context + CONTEXT_CR2);
        else
            frame->address = frame->code == SI_KERNEL ? 0 : frame->registers.value[PHD_RIP];
        if (!frame->code)
            frame->code = code_of_page_fault(mappings, phd__read_word(memory, context + CONTEXT_ERROR), frame->address);
    }
}

/* What stands in the place of struct siginfo may be left over from another signal: it must agree with what the trap
 * tells. Only a refused system call is no trap. */
static void read_siginfo(struct phd_memory *memory, uint64_t siginfo, int signal, struct phd_signal_frame *frame)
{
    int code = phd__read_i32(memory, siginfo + SIGINFO_CODE);
    uint64_t address = phd__read_word(memory, siginfo + SIGINFO_ADDRESS);
    if (phd__read_i32(memory, siginfo + SIGINFO_SIGNAL) != signal || code <= 0)
        return;
    if (frame->signal == signal && address == frame->address) {
        frame->code = code;
    } else if (signal == SIGSYS && address == frame->registers.value[PHD_RIP]) {
        frame->signal = signal;
        frame->code = code;
        frame->address = address;
        frame->system_call = phd__read_i32(memory, siginfo + SIGINFO_SYSTEM_CALL);
    }
}

void phd__signal_frame_read(struct phd_memory *memory, const struct phd_mappings *mappings, uint64_t stack_pointer,
                            int signal, struct phd_signal_frame *frame)
{
    memset(frame, 0, sizeof *frame);
    if ((phd__read_u32(memory, stack_pointer + CONTEXT_SEGMENT) & 0xffff) != code_segment)
        phd__memory_fault(memory, stack_pointer, "no signal frame where one must be");
    for (unsigned i = 0; i < PHD_REGISTER_COUNT; i++) {
        frame->registers.value[order[i]] = phd__read_word(memory, stack_pointer + CONTEXT_REGISTERS + 8 * i);
        frame->registers.known |= 1u << order[i];
    }
    if (!signal)
        return;
    read_trap(memory, mappings, stack_pointer, signal, frame);
    read_siginfo(memory, stack_pointer + CONTEXT_SIZE, signal, frame);
}
