/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/native.h"

#include <signal.h>
#include <unistd.h>

#include "native/signal_names.h"
#include "safe/pages.h"

enum { MAX_ABORT_FRAMES = 16, MAX_UNNAMED_FRAMES = 8 };

/* ---- reading ---- */

static bool take_memory(struct phd_native *native, unsigned others)
{
    size_t frames = PHD_NATIVE_FRAMES + (size_t)others * PHD_NATIVE_OTHER_FRAMES;
    native->frames_size = frames * sizeof *native->frames + (others + 1) * sizeof *native->threads;
    native->frames = phd__pages_alloc(native->frames_size);
    if (!native->frames)
        return false;
    native->threads = (struct phd_native_thread *)(native->frames + frames);
    native->count = others + 1;
    for (unsigned i = 0; i <= others; i++) {
        struct phd_native_stack *stack = &native->threads[i].stack;
        stack->frames = native->frames + (i ? PHD_NATIVE_FRAMES + (size_t)(i - 1) * PHD_NATIVE_OTHER_FRAMES : 0);
        stack->capacity = i ? PHD_NATIVE_OTHER_FRAMES : PHD_NATIVE_FRAMES;
        stack->inner = i ? PHD_NATIVE_OTHER_INNER : PHD_NATIVE_INNER;
        stack->end = "no memory for its frames";
    }
    return true;
}

static void name_frames(struct phd_native *native, const struct phd_native_stack *stack)
{
    for (unsigned i = 0; i < stack->count; i++) {
        struct phd_native_frame *frame = stack->frames + i;
        if (frame->module == PHD_NO_MODULE)
            continue;
        struct phd_symbol symbol = phd__symbol_find(&native->symbols, native->modules.all + frame->module,
                                                    frame->address - !frame->exact, frame->function);
        frame->symbol = symbol.name;
        frame->offset = symbol.name ? frame->address - symbol.start : 0;
    }
}

static void read_other(struct phd_native *native, struct phd_unwinder *unwinder, const struct phd_standing *standing,
                       struct phd_native_thread *thread)
{
    thread->thread = standing->thread;
    thread->ident = standing->ident;
    thread->system_call = standing->system_call;
    phd__unwind(unwinder, &standing->registers, &thread->stack);
    name_frames(native, &thread->stack);
}

/* A handler that ran before ours has raised the signal again: then the frame of the first one is on the stack. */
static void read_crashed(struct phd_native *native, struct phd_unwinder *unwinder, const struct phd_crash *crash)
{
    struct phd_native_thread *thread = native->threads;
    bool sent_by_itself = crash->code <= 0 && crash->sender_pid == crash->process;
    thread->thread = crash->thread;
    thread->ident = crash->thread_ident;
    thread->system_call = crash->own.thread ? crash->own.system_call : PHD_NO_SYSTEM_CALL;
    unwinder->wanted_signal = sent_by_itself ? crash->signal : 0;
    phd__unwind(unwinder, &crash->registers, &thread->stack);
    name_frames(native, &thread->stack);
    unwinder->wanted_signal = 0;
    if (!unwinder->found_signal)
        return;
    native->raised_again = true;
    native->signal = unwinder->found;
    native->place = unwinder->found_at < thread->stack.inner ? unwinder->found_at : 0;
}

/* Does the symbol stand for `function` or a part of it ("fatal_error.cold")? */
static bool is_function(const char *symbol, const char *function)
{
    while (*function && *symbol == *function) {
        symbol++;
        function++;
    }
    return !*function && (!*symbol || *symbol == '.');
}

/* Is the frame one of those in which a process aborts itself: of libc, of libstdc++, of CPython? */
static bool is_abort_frame(const struct phd_native_frame *frame)
{
    static const char *const functions[] = {
        "abort",
        "raise",
        "gsignal",
        "tgkill",
        "pthread_kill",
        "__pthread_kill",
        "__pthread_kill_implementation",
        "__pthread_kill_internal",
        "__GI_raise",
        "__GI_abort",
        "__assert",
        "__assert_fail",
        "__assert_fail_base",
        "__assert_perror_fail",
        "__fortify_fail",
        "__chk_fail",
        "__stack_chk_fail",
        "__libc_message",
        "malloc_printerr",
        "_ZN9__gnu_cxx27__verbose_terminate_handlerEv",
        "_ZN10__cxxabiv111__terminateEPFvvE",
        "_ZSt9terminatev",
        "__cxa_throw",
        "__cxa_rethrow",
        "fatal_error",
        "fatal_error_exit",
        "Py_FatalError",
        "_Py_FatalErrorFunc",
        "_Py_FatalErrorFormat",
    };
    for (size_t i = 0; frame->symbol && i < sizeof functions / sizeof functions[0]; i++)
        if (is_function(frame->symbol, functions[i]))
            return true;
    return false;
}

/* The frame that called what aborts: stripped libraries do not name all frames in between. */
static unsigned place_of_abort(const struct phd_native_stack *stack)
{
    unsigned place = 0;
    for (unsigned i = 0; i < stack->count && i < MAX_ABORT_FRAMES; i++)
        if (is_abort_frame(stack->frames + i))
            place = i + 1;
    return place < stack->count ? place : 0;
}

static void read_abort(struct phd_native *native)
{
    native->place = place_of_abort(&native->threads[0].stack);
    phd__abort_message_read(&native->symbols, &native->modules, native->message);
}

static void copy_signal(struct phd_native *native, const struct phd_crash *crash)
{
    native->signal.signal = crash->signal;
    native->signal.code = crash->code;
    native->signal.address = crash->address;
    native->signal.system_call = crash->system_call;
    native->signal.registers = crash->registers;
}

static void find_modules(struct phd_native *native, struct phd_memory *memory, const struct phd_request *request)
{
    native->modules_lent = request->modules != NULL;
    if (request->modules)
        native->modules = *request->modules;
    else /* without them the stacks have one frame each */
        phd__modules_read(&native->modules, memory, request->files_of ? request->files_of : getpid(), NULL);
}

void phd__native_read(struct phd_native *native, struct phd_memory *memory, const struct phd_request *request)
{
    const struct phd_crash *crash = request->crash;
    unsigned others = crash->other_count < PHD_MAX_OTHER_THREADS ? crash->other_count : PHD_MAX_OTHER_THREADS;
    memset(native, 0, sizeof *native);
    copy_signal(native, crash);
    struct phd_unwinder *unwinder = phd__pages_alloc(sizeof *unwinder);
    if (unwinder && (take_memory(native, others) || take_memory(native, 0))) {
        find_modules(native, memory, request);
        phd__symbols_open(&native->symbols, memory);
        native->symbols.files_of = request->files_of;
        unwinder->memory = memory;
        unwinder->modules = &native->modules;
        unwinder->steps = PHD_MAX_STEPS;
        native->first = crash->signal == 0;
        if (crash->signal)
            read_crashed(native, unwinder, crash);
        for (unsigned i = 1; i < native->count; i++)
            read_other(native, unwinder, crash->others + i - 1, native->threads + i);
        if (crash->signal == SIGABRT && crash->sender_pid == crash->process)
            read_abort(native);
    }
    phd__pages_free(unwinder, sizeof *unwinder);
}

void phd__native_close(struct phd_native *native)
{
    phd__symbols_close(&native->symbols);
    if (!native->modules_lent)
        phd__modules_close(&native->modules);
    phd__pages_free(native->frames, native->frames_size);
    memset(native, 0, sizeof *native);
}

/* ---- text ---- */

static void put_address(struct phd_text *text, uint64_t address)
{
    phd__text_string(text, "0x");
    phd__text_hex(text, address, 1);
}

static void put_symbol(const struct phd_native_frame *frame, struct phd_text *text)
{
    phd__text_string(text, frame->symbol);
    phd__text_string(text, "+");
    put_address(text, frame->offset);
}

/* "libfoo.so: parse_row+0x1b", "libfoo.so+0x11b", "0x7f0012345678" */
static void put_place(const struct phd_native *native, const struct phd_native_frame *frame, struct phd_text *text)
{
    const struct phd_module *module = frame->module == PHD_NO_MODULE ? NULL : native->modules.all + frame->module;
    if (!module) {
        put_address(text, frame->address);
    } else if (frame->symbol) {
        phd__text_string(text, phd__module_name(module));
        phd__text_string(text, ": ");
        put_symbol(frame, text);
    } else {
        phd__text_string(text, phd__module_name(module));
        phd__text_string(text, "+");
        put_address(text, frame->address - module->bias);
    }
}

/* The caller to name beside frame `place`, which is no code or has no name; NULL when there is none to be sure of. */
static const struct phd_native_frame *named_caller(const struct phd_native *native, unsigned place)
{
    const struct phd_native_stack *stack = &native->threads[0].stack;
    const struct phd_native_frame *frame = stack->frames + place;
    if (frame->symbol || !native->modules.mappings.count)
        return NULL;
    for (unsigned i = 1; i <= MAX_UNNAMED_FRAMES && place + i < stack->inner && place + i < stack->count; i++) {
        if (frame[i].source != PHD_BY_CFI && frame[i].source != PHD_BY_FRAME_POINTER)
            return NULL;
        if (frame[i].symbol)
            return frame + i;
    }
    return NULL;
}

/* ", in …" and ", called from …": a null that was called and a stripped library tell nothing without their caller. */
static void put_where(const struct phd_native *native, struct phd_text *text)
{
    const struct phd_native_stack *stack = native->count ? &native->threads[0].stack : NULL;
    if (!stack || native->place >= stack->count)
        return;
    const struct phd_native_frame *frame = stack->frames + native->place;
    const struct phd_native_frame *caller = named_caller(native, native->place);
    if (!caller || phd__is_executable(&native->modules.mappings, frame->address)) {
        phd__text_string(text, ", in ");
        put_place(native, frame, text);
    }
    if (caller) {
        phd__text_string(text, ", called from ");
        put_place(native, caller, text);
    }
}

static void put_sender(const struct phd_native *native, const struct phd_crash *crash, struct phd_text *text)
{
    phd__text_string(text, "sent by ");
    if (crash->sender_pid == crash->process) {
        phd__text_string(text, "the process itself");
        if (native->message[0]) {
            phd__text_string(text, " (");
            phd__text_string(text, native->message);
            phd__text_string(text, ")");
        }
        put_where(native, text);
        return;
    }
    phd__text_string(text, "pid ");
    phd__text_signed(text, crash->sender_pid);
    phd__text_string(text, " (uid ");
    phd__text_unsigned(text, (uint32_t)crash->sender_uid);
    phd__text_string(text, ")");
}

/* Has the thread used up its stack? Then the access was near the stack pointer, below the mapping of the stack. */
static bool is_stack_overflow(const struct phd_native *native)
{
    const struct phd_signal_frame *signal = &native->signal;
    const struct phd_mapping *mappings = native->modules.mappings.all;
    size_t count = native->modules.mappings.count, i = 0;
    uint64_t stack_pointer = signal->registers.value[PHD_RSP], address = signal->address;
    if (signal->signal != SIGSEGV || (signal->code != SEGV_MAPERR && signal->code != SEGV_ACCERR) ||
        !(signal->registers.known >> PHD_RSP & 1))
        return false;
    while (i < count && (mappings[i].start <= address || !(mappings[i].permissions & PHD_WRITABLE)))
        i++;
    if (i == count || mappings[i].start - address > PHD_STACK_END_REACH)
        return false;
    const struct phd_mapping *around = phd__mapping_at(&native->modules.mappings, address);
    bool accessible = around && (around->permissions & PHD_WRITABLE);
    return !accessible && stack_pointer + PHD_STACK_END_REACH >= address &&
           stack_pointer <= mappings[i].start + PHD_STACK_END_REACH;
}

/* What the kernel raised the signal for. */
static void put_reason(const struct phd_native *native, const struct phd_signal_reason *reason, struct phd_text *text)
{
    const struct phd_signal_frame *signal = &native->signal;
    if (is_stack_overflow(native)) {
        phd__text_string(text, "stack overflow at ");
        put_address(text, signal->address);
    } else if (signal->signal == SIGSYS && signal->code > 0) {
        phd__text_string(text, "system call ");
        phd__text_signed(text, signal->system_call);
        phd__text_string(text, " refused");
    } else if (!reason) {
        phd__text_string(text, "code ");
        phd__text_signed(text, signal->code);
    } else {
        if (reason->form == PHD_REASON_ADDRESS) {
            phd__text_string(text, "address ");
            put_address(text, signal->address);
            phd__text_string(text, " ");
        }
        phd__text_string(text, reason->text);
    }
    put_where(native, text);
}

void phd__native_summary(const struct phd_native *native, const struct phd_crash *crash, struct phd_text *text)
{
    const char *name = phd__signal_name(native->signal.signal);
    const struct phd_signal_reason *reason = phd__signal_reason(native->signal.signal, native->signal.code);
    if (name) {
        phd__text_string(text, name);
    } else {
        phd__text_string(text, "signal ");
        phd__text_signed(text, native->signal.signal);
    }
    phd__text_string(text, ": ");
    if (reason && reason->form == PHD_REASON_SENT)
        put_sender(native, crash, text);
    else
        put_reason(native, reason, text);
}

void phd__native_end_text(const struct phd_native_stack *stack, struct phd_text *text)
{
    phd__text_string(text, stack->end);
    if (stack->detail) {
        phd__text_string(text, ": ");
        phd__text_string(text, stack->detail);
    }
    if (stack->end_address) {
        phd__text_string(text, " at ");
        put_address(text, stack->end_address);
    }
    if (stack->omitted) {
        phd__text_string(text, "; ");
        phd__text_unsigned(text, stack->omitted);
        phd__text_string(text, " frames after the first ");
        phd__text_unsigned(text, stack->inner);
        phd__text_string(text, " are left out");
    }
}

static void put_frame_line(const struct phd_native *native, const struct phd_native_frame *frame, struct phd_text *text)
{
    phd__text_string(text, "  ");
    if (frame->module == PHD_NO_MODULE) {
        put_address(text, frame->address);
    } else {
        const struct phd_module *module = native->modules.all + frame->module;
        phd__text_string(text, phd__module_name(module));
        phd__text_string(text, "+");
        put_address(text, frame->address - module->bias);
    }
    if (frame->symbol) {
        phd__text_string(text, " ");
        put_symbol(frame, text);
    }
    if (frame->source == PHD_BY_SCAN)
        phd__text_string(text, " (found by a scan of the stack)");
    if (frame->source == PHD_BY_SIGNAL)
        phd__text_string(text, " (interrupted by a signal)");
    phd__text_string(text, "\n");
}

void phd__native_stack_text(const struct phd_native *native, unsigned index, struct phd_text *text)
{
    if (index >= native->count)
        return;
    const struct phd_native_stack *stack = &native->threads[index].stack;
    for (unsigned i = 0; i < stack->count; i++) {
        if (stack->omitted && i == stack->inner) {
            phd__text_string(text, "  ... ");
            phd__text_unsigned(text, stack->omitted);
            phd__text_string(text, " more frames ...\n");
        }
        put_frame_line(native, stack->frames + i, text);
    }
    phd__text_string(text, "  (");
    phd__native_end_text(stack, text);
    phd__text_string(text, ")\n");
}
