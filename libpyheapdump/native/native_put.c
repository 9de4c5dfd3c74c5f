/* SPDX-License-Identifier: Apache-2.0
 *
 * The SIGNAL block of the file (docs/format.md section 11). It must fit into one block: modules may take half of it, and
 * threads whose frames do not fit say so. Context: crash.
 */
#include "native/native.h"

#include <signal.h>

#include "encode/foreign.h"
#include "native/signal_names.h"

enum {
    TEXT_ROOM = 1024,
    /* upper bounds of what is packed, without texts */
    MODULE_ROOM = 64 + 5 * 9 + 2 * PHD_MAX_BUILD_ID,
    FRAME_ROOM = 6 * 9,
    THREAD_ROOM = 512,
    REST_ROOM = 16 * 1024
};

static const char *const register_names[PHD_REGISTER_COUNT] = {
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
};

static const char *const source_names[] = {"registers", "cfi", "frame pointer", "signal", "scan"};

static void pack_number(struct phd_buffer *to, const char *key, uint64_t value)
{
    phd__pack_text(to, key);
    phd__pack_uint64(to, value);
}

static void pack_signed(struct phd_buffer *to, const char *key, int64_t value)
{
    phd__pack_text(to, key);
    phd__pack_int64(to, value);
}

static void pack_bool(struct phd_buffer *to, const char *key, bool value)
{
    phd__pack_text(to, key);
    if (value)
        phd__pack_true(to);
    else
        phd__pack_false(to);
}

/* Pack the text that was built in `text`. */
static void pack_built(struct phd_buffer *to, const char *key, struct phd_text *text)
{
    text->data[text->used] = 0;
    phd__pack_text(to, key);
    phd__pack_foreign_text(to, text->data);
}

/* ---- the signal ---- */

/* Does the signal tell the address of what the thread did? */
static bool has_address(const struct phd_signal_frame *signal)
{
    static const int by_address[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof by_address / sizeof by_address[0]; i++)
        if (signal->signal == by_address[i])
            return signal->code > 0 && signal->code != SI_KERNEL;
    return false;
}

static void pack_sender(struct phd_buffer *to, const struct phd_crash *crash)
{
    phd__pack_text(to, "sender");
    phd__pack_map(to, 2);
    pack_signed(to, "pid", crash->sender_pid);
    pack_number(to, "uid", (uint32_t)crash->sender_uid);
}

static void pack_registers(struct phd_buffer *to, const struct phd_registers *registers)
{
    size_t count = 0;
    for (unsigned i = 0; i < PHD_REGISTER_COUNT; i++)
        count += registers->known >> i & 1;
    phd__pack_text(to, "registers");
    phd__pack_map(to, count);
    for (unsigned i = 0; i < PHD_REGISTER_COUNT; i++)
        if (registers->known >> i & 1)
            pack_number(to, register_names[i], registers->value[i]);
}

static void pack_names(struct phd_buffer *to, const struct phd_signal_frame *signal,
                       const struct phd_signal_reason *reason)
{
    const char *name = phd__signal_name(signal->signal);
    pack_signed(to, "signal", signal->signal);
    phd__pack_text(to, "name");
    if (name)
        phd__pack_text(to, name);
    else
        phd__pack_nil(to);
    pack_signed(to, "code", signal->code);
    phd__pack_text(to, "code_name");
    if (reason)
        phd__pack_text(to, reason->name);
    else
        phd__pack_nil(to);
}

static void pack_signal(struct phd_buffer *to, const struct phd_native *native, const struct phd_crash *crash,
                        const struct phd_native_facts *facts)
{
    char storage[TEXT_ROOM];
    struct phd_text text;
    phd__text_init(&text, storage, sizeof storage - 1);
    phd__native_summary(native, crash, &text);
    pack_built(to, "text", &text);
    if (native->message[0]) {
        phd__pack_text(to, "message");
        phd__pack_foreign_text(to, native->message);
    }
    pack_number(to, "thread", (uint64_t)crash->thread);
    pack_number(to, "ident", crash->thread_ident);
    phd__pack_text(to, "gil");
    if (facts->gil)
        phd__pack_text(to, facts->gil);
    else
        phd__pack_nil(to);
    pack_bool(to, "python_thread", facts->python_thread);
    pack_bool(to, "raised_again", native->raised_again);
    pack_registers(to, &native->signal.registers);
}

/* ---- modules ---- */

/* How many modules fit into half of a block. */
static uint32_t count_modules(const struct phd_native *native, const struct phd_buffer *to)
{
    size_t room = to->capacity / 2;
    uint32_t count = 0;
    for (; count < native->modules.count; count++) {
        size_t size = MODULE_ROOM + phd__string_length(native->modules.all[count].path);
        if (size > room)
            break;
        room -= size;
    }
    return count;
}

static void pack_build_id(struct phd_buffer *to, const struct phd_module *module)
{
    char hex[2 * PHD_MAX_BUILD_ID + 1];
    struct phd_text text;
    phd__text_init(&text, hex, sizeof hex - 1);
    for (unsigned i = 0; i < module->build_id_size; i++)
        phd__text_hex(&text, module->build_id[i], 2);
    if (text.used) {
        pack_built(to, "build_id", &text);
    } else {
        phd__pack_text(to, "build_id");
        phd__pack_nil(to);
    }
}

static void pack_modules(struct phd_buffer *to, const struct phd_native *native, uint32_t count)
{
    phd__pack_text(to, "modules");
    phd__pack_array(to, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct phd_module *module = native->modules.all + i;
        phd__pack_map(to, 6);
        phd__pack_text(to, "path");
        phd__pack_foreign_text(to, module->path);
        pack_number(to, "start", module->start);
        pack_number(to, "end", module->end);
        pack_number(to, "bias", module->bias);
        pack_build_id(to, module);
        pack_bool(to, "deleted", module->deleted);
    }
}

/* ---- threads ---- */

static size_t stack_size(const struct phd_native_stack *stack)
{
    size_t size = 0;
    for (unsigned i = 0; i < stack->count; i++)
        size += FRAME_ROOM + (stack->frames[i].symbol ? phd__string_length(stack->frames[i].symbol) : 0);
    return size;
}

static void pack_frame(struct phd_buffer *to, const struct phd_native_frame *frame, uint32_t modules)
{
    phd__pack_array(to, 6);
    phd__pack_uint64(to, frame->address);
    if (frame->module < modules)
        phd__pack_uint64(to, frame->module);
    else
        phd__pack_nil(to);
    if (frame->symbol) {
        phd__pack_foreign_text(to, frame->symbol);
        phd__pack_uint64(to, frame->offset);
    } else {
        phd__pack_nil(to);
        phd__pack_nil(to);
    }
    phd__pack_text(to, source_names[frame->source]);
    phd__pack_uint64(to, frame->stack_pointer);
}

static void pack_stack(struct phd_buffer *to, const struct phd_native_stack *stack, uint32_t modules)
{
    char storage[TEXT_ROOM];
    struct phd_text text;
    phd__text_init(&text, storage, sizeof storage - 1);
    phd__native_end_text(stack, &text);
    phd__pack_text(to, "frames");
    phd__pack_array(to, stack->count);
    for (unsigned i = 0; i < stack->count; i++)
        pack_frame(to, stack->frames + i, modules);
    if (stack->omitted) {
        phd__pack_text(to, "omitted");
        phd__pack_array(to, 2);
        phd__pack_uint64(to, stack->inner);
        phd__pack_uint64(to, stack->omitted);
    }
    pack_built(to, "end", &text);
}

static void pack_threads(struct phd_buffer *to, const struct phd_native *native, uint32_t modules, size_t room)
{
    phd__pack_text(to, "threads");
    phd__pack_array(to, native->count - native->first);
    for (unsigned i = native->first; i < native->count; i++) {
        const struct phd_native_stack none = {.end = "left out: the block is full"};
        const struct phd_native_stack *stack = &native->threads[i].stack;
        size_t size = stack_size(stack);
        bool fits = size <= room;
        stack = fits ? stack : &none;
        room -= fits ? size : 0;
        const struct phd_native_thread *thread = native->threads + i;
        bool in_call = thread->system_call != PHD_NO_SYSTEM_CALL;
        phd__pack_map(to, 3 + (stack->omitted != 0) + (thread->ident != 0) + in_call);
        pack_number(to, "thread", (uint64_t)thread->thread);
        if (thread->ident)
            pack_number(to, "ident", thread->ident);
        if (in_call)
            pack_signed(to, "system_call", thread->system_call);
        pack_stack(to, stack, modules);
    }
}

void phd__native_put(const struct phd_native *native, struct phd_walk *walk, const struct phd_crash *crash,
                     const struct phd_native_facts *facts)
{
    struct phd_buffer *to = &walk->items;
    const struct phd_signal_frame *signal = &native->signal;
    const struct phd_signal_reason *reason = phd__signal_reason(signal->signal, signal->code);
    bool sent = reason && reason->form == PHD_REASON_SENT, refused = signal->signal == SIGSYS && signal->code > 0;
    uint32_t modules = count_modules(native, to);
    to->used = 0;
    to->overflow = false;
    if (signal->signal) {
        phd__pack_map(to, 13 + (size_t)has_address(signal) + sent + refused + (native->message[0] != 0));
        pack_names(to, signal, reason);
        if (has_address(signal))
            pack_number(to, "address", signal->address);
        if (sent)
            pack_sender(to, crash);
        if (refused)
            pack_signed(to, "syscall", signal->system_call);
        pack_signal(to, native, crash, facts);
    } else {
        phd__pack_map(to, 2);
    }
    pack_modules(to, native, modules);
    size_t taken = to->used + REST_ROOM + native->count * THREAD_ROOM;
    pack_threads(to, native, modules, to->capacity > taken ? to->capacity - taken : 0);
    if (!to->overflow)
        phd__blocks_put(walk->blocks, signal->signal ? PHD_BLOCK_SIGNAL : PHD_BLOCK_NATIVE, 0, 1, 0, to->data,
                        to->used);
    to->used = 0;
    to->overflow = false;
}
