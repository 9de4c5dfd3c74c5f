/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel puts on the stack when it calls a signal handler on x86-64: where the thread was, and why. Layout:
 * struct rt_sigframe (Linux 6.1, arch/x86/include/asm/sigframe.h) holds the return address, struct ucontext
 * (include/uapi/asm-generic/ucontext.h; struct sigcontext_64 in arch/x86/include/uapi/asm/sigcontext.h) and struct
 * siginfo (include/uapi/asm-generic/siginfo.h). The last is only written for a handler with SA_SIGINFO
 * (arch/x86/kernel/signal_64.c); without it (faulthandler has none) the number of the processor's trap tells what
 * happened. Context: crash.
 */
#ifndef PHD_NATIVE_SIGNAL_FRAME_H
#define PHD_NATIVE_SIGNAL_FRAME_H

#include "memory/memory.h"
#include "native/mappings.h"
#include "native/registers.h"

struct phd_signal_frame {
    int signal; /* 0: the kernel did not raise it for what the thread did, or that cannot be told */
    int code;
    int system_call;  /* of SIGSYS */
    uint64_t address; /* si_addr */
    struct phd_registers registers;
};

/* Is the code at `address` what a handler returns to? */
bool phd__is_signal_return(struct phd_memory *memory, uint64_t address);

/* Read the frame whose return address has just been taken from the stack: `stack_pointer` is behind it. `signal`: what
 * the frame is thought to be about, or 0 for the registers alone. */
void phd__signal_frame_read(struct phd_memory *memory, const struct phd_mappings *mappings, uint64_t stack_pointer,
                            int signal, struct phd_signal_frame *frame);

#endif
