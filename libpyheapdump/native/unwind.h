/* SPDX-License-Identifier: Apache-2.0
 *
 * From the registers of a thread to the frames of its native stack. For each frame the ways to its caller are tried in
 * this order:
 *   1. the frame that a signal interrupted, when the code is what signal handlers return to;
 *   2. the word at the stack pointer, when the code address of an interrupted frame is no code: it was called;
 *   3. call frame information;
 *   4. the chain of frame pointers, when rbp and what it points to look like one;
 *   5. a scan of the stack for a word that points behind a call instruction, best one from which the stack goes on.
 * A caller is believed when its code address is executable and its stack pointer is above its callee's, so that the walk
 * ends. Context: crash.
 */
#ifndef PHD_NATIVE_UNWIND_H
#define PHD_NATIVE_UNWIND_H

#include "native/cfi.h"
#include "native/signal_frame.h"

enum {
    PHD_MAX_SIGNAL_FRAMES = 16,
    PHD_MAX_BROKEN_LINKS = 4,     /* of a chain of frame pointers, one after the other */
    PHD_MAX_SCANNED_WORDS = 4096, /* of a stack, for one caller */
    PHD_SCANNED_BEHIND = 512,     /* … behind a likely one, for a certain one */
    PHD_MAX_UNWOUND = 1 << 18,    /* frames walked to find the outermost of an overflown stack */
    PHD_MAX_STEPS_PER_FRAME = 1 << 17,
    PHD_MAX_STEPS = 1 << 26 /* of all threads together */
};

enum phd_frame_source { PHD_BY_REGISTERS, PHD_BY_CFI, PHD_BY_FRAME_POINTER, PHD_BY_SIGNAL, PHD_BY_SCAN };

struct phd_native_frame {
    uint64_t address;
    uint64_t function;  /* where the function begins by call frame information, 0: not known */
    const char *symbol; /* or NULL */
    uint64_t offset;    /* from the symbol */
    uint64_t stack_pointer;
    uint32_t module; /* or PHD_NO_MODULE */
    uint8_t source;  /* enum phd_frame_source */
    bool exact;      /* `address` is the next instruction to execute; otherwise a return address */
};

/* The frames of one thread. When there are more than fit, the innermost `inner` are kept, and then the outermost. */
struct phd_native_stack {
    struct phd_native_frame *frames;
    unsigned capacity;
    unsigned inner;
    unsigned count;
    uint64_t omitted;     /* frames left out behind the `inner` innermost */
    const char *end;      /* why the stack ends */
    const char *detail;   /* more about that, or NULL */
    uint64_t end_address; /* what `detail` is about, 0: nothing */
};

struct phd_unwinder {
    struct phd_memory *memory;
    const struct phd_modules *modules;
    uint64_t steps; /* how much more may be done in all */
    /* of the frame being left */
    struct phd_registers registers;
    bool exact;
    unsigned signal_frames;
    uint64_t function;      /* where its function begins, 0: not known */
    uint64_t frame_address; /* its canonical frame address, 0: not known */
    bool rules_known;       /* cfi.row holds the rules of its code address */
    bool outermost;         /* call frame information says that it has no caller */
    /* its caller, as found */
    struct phd_registers caller;
    bool caller_exact;
    const char *reason; /* why the first way to it failed */
    uint64_t reason_address;
    /* the innermost signal frame of `wanted_signal` that the kernel raised for what the thread did */
    int wanted_signal; /* 0: none is wanted */
    bool found_signal;
    unsigned found_at; /* index of the frame that it interrupted */
    struct phd_signal_frame found;
    struct phd_signal_frame passing;
    struct phd_cfi cfi;
    /* of a caller that a scan found: is it one? */
    struct phd_registers beyond;
    struct phd_cfi probe;
};

/* Fill `stack`, whose frames and capacity are set. `unwinder->memory`, `modules`, `steps` and `wanted_signal` are set. */
void phd__unwind(struct phd_unwinder *unwinder, const struct phd_registers *registers, struct phd_native_stack *stack);

/* Is the code before `address` a call instruction, so that `address` may be a return address? Faults when it cannot be
 * read. */
bool phd__follows_call(struct phd_memory *memory, uint64_t address);

#endif
