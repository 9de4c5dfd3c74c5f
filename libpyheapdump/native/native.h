/* SPDX-License-Identifier: Apache-2.0
 *
 * The native side of a fatal signal: what it means, where every thread stood, and what was mapped.
 *
 * Flow: phd__native_read → modules.c reads the maps, unwind.c walks the stacks, symbols.c names their functions; then
 * phd__native_summary and phd__native_stack_text for people, phd__native_put (native_put.c) for the SIGNAL block of the
 * file. Context: crash.
 */
#ifndef PHD_NATIVE_NATIVE_H
#define PHD_NATIVE_NATIVE_H

#include "crash/crash.h"
#include "native/abort_message.h"
#include "native/unwind.h"
#include "safe/text.h"
#include "walk/walk.h"

enum {
    /* of the thread that got the signal: innermost and outermost ones of a stack that overflowed */
    PHD_NATIVE_INNER = 192,
    PHD_NATIVE_FRAMES = 256,
    /* of every other thread */
    PHD_NATIVE_OTHER_INNER = 96,
    PHD_NATIVE_OTHER_FRAMES = 128,
    PHD_STACK_END_REACH = 64 * 1024 /* bytes: so near to its end a fault is taken for an overflow of the stack */
};

struct phd_native_thread {
    int thread;          /* kernel id */
    uint64_t ident;      /* its pthread_self(), 0: not known */
    int64_t system_call; /* as in phd_standing */
    struct phd_native_stack stack;
};

struct phd_native {
    struct phd_modules modules;
    bool modules_lent;                 /* they are the caller's */
    struct phd_native_thread *threads; /* that of the signal at index 0 */
    unsigned count;
    unsigned first; /* index of the first thread: 1 when there is no signal, and so none that got it */
    struct phd_native_frame *frames;
    size_t frames_size;
    struct phd_symbols symbols; /* keeps the names */
    /* The signal, or the first one when a handler has raised it again. */
    bool raised_again;
    struct phd_signal_frame signal;
    char message[PHD_MAX_ABORT_MESSAGE]; /* what libc said when it aborted the process, or "" */
    unsigned place;                      /* index of the frame of the first thread where it happened */
};

/* What the caller knows of the thread that got the signal. */
struct phd_native_facts {
    const char *gil;    /* "held", "not held", or NULL: not known */
    bool python_thread; /* it has a PyThreadState */
};

/* Find out everything about `request->crash`; `memory` is that of the process that got the signal or its clone, or of one
 * that is read from outside; request->modules and files_of as described there. What cannot be had is missing, and the
 * stacks say why they end; it never fails. To be closed before request->modules are. */
void phd__native_read(struct phd_native *native, struct phd_memory *memory, const struct phd_request *request);
void phd__native_close(struct phd_native *native);

/* One line: what happened, where. */
void phd__native_summary(const struct phd_native *native, const struct phd_crash *crash, struct phd_text *text);

/* The frames of the `index`-th thread, a line for each, innermost first: "  libfoo.so+0x11b parse_row+0x1b". */
void phd__native_stack_text(const struct phd_native *native, unsigned index, struct phd_text *text);

/* Why the stack ends, and what was left out of it. */
void phd__native_end_text(const struct phd_native_stack *stack, struct phd_text *text);

/* Write the SIGNAL block (docs/format.md section 11) or, where `crash` is of no signal, the NATIVE block. */
void phd__native_put(const struct phd_native *native, struct phd_walk *walk, const struct phd_crash *crash,
                     const struct phd_native_facts *facts);

#endif
