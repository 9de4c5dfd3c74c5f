/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/signal_frame.h"

enum {
    CONTEXT_REGISTERS = 40, /* ucontext: flags, link, stack_t; then the registers */
    CONTEXT_SIZE = 0x130,   /* … 256 bytes of struct sigcontext_64, and the signal mask of 8 */
    SIGINFO_SIGNAL = 0,
    SIGINFO_CODE = 8,
    SIGINFO_ADDRESS = 16,
    SIGINFO_SYSTEM_CALL = 24
};

/* The order of struct sigcontext_64. */
static const uint8_t order[PHD_REGISTER_COUNT] = {
    PHD_R8,  PHD_R9,  PHD_R10, PHD_R11, PHD_R12, PHD_R13, PHD_R14, PHD_R15, PHD_RDI,
    PHD_RSI, PHD_RBP, PHD_RBX, PHD_RDX, PHD_RAX, PHD_RCX, PHD_RSP, PHD_RIP,
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

void phd__signal_frame_read(struct phd_memory *memory, uint64_t stack_pointer, struct phd_signal_frame *frame)
{
    uint64_t siginfo = stack_pointer + CONTEXT_SIZE;
    frame->registers.known = 0;
    for (unsigned i = 0; i < PHD_REGISTER_COUNT; i++) {
        frame->registers.value[order[i]] = phd__read_word(memory, stack_pointer + CONTEXT_REGISTERS + 8 * i);
        frame->registers.known |= 1u << order[i];
    }
    frame->signal = phd__read_i32(memory, siginfo + SIGINFO_SIGNAL);
    frame->code = phd__read_i32(memory, siginfo + SIGINFO_CODE);
    frame->address = phd__read_word(memory, siginfo + SIGINFO_ADDRESS);
    frame->system_call = phd__read_i32(memory, siginfo + SIGINFO_SYSTEM_CALL);
}
