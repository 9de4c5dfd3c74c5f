/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/unwind.h"

enum { WORD = 8, NEAR_CALL = 5, LONGEST_CALL = 7 };

static const uint32_t stack_known = 1u << PHD_RSP | 1u << PHD_RIP;

/* ---- return addresses ---- */

/* Length of "call r/m64" (opcode FF /2) whose ModRM byte is at `code[1]` (Intel SDM volume 2, 2.1); 0: it is none. */
static unsigned indirect_call_length(const uint8_t *code)
{
    unsigned modrm = code[1], mode = modrm >> 6, base = modrm & 7;
    if (code[0] != 0xff || (modrm >> 3 & 7) != 2)
        return 0;
    unsigned length = 2;
    if (mode != 3 && base == 4) { /* SIB byte */
        length++;
        if (mode == 0 && (code[2] & 7) == 5)
            length += 4;
    } else if (mode == 0 && base == 5) {
        length += 4; /* relative to rip */
    }
    return length + (mode == 1 ? 1 : mode == 2 ? 4 : 0);
}

bool phd__follows_call(struct phd_memory *memory, uint64_t address)
{
    const uint8_t *code = phd__view(memory, address - LONGEST_CALL, LONGEST_CALL);
    if (code[LONGEST_CALL - NEAR_CALL] == 0xe8)
        return true;
    for (unsigned length = 2; length <= LONGEST_CALL; length++) {
        uint8_t bytes[LONGEST_CALL + 1] = {0};
        memcpy(bytes, code + LONGEST_CALL - length, length);
        if (indirect_call_length(bytes) == length)
            return true;
    }
    return false;
}

/* May `address` be a return address? */
static bool is_return_address(struct phd_unwinder *unwinder, uint64_t address)
{
    const struct phd_mappings *mappings = &unwinder->modules->mappings;
    return phd__is_executable(mappings, address) && phd__is_executable(mappings, address - LONGEST_CALL) &&
           phd__follows_call(unwinder->memory, address);
}

/* ---- the ways to the caller: each sets unwinder->caller ---- */

static bool knows(const struct phd_unwinder *unwinder, enum phd_register number)
{
    return unwinder->registers.known >> number & 1;
}

static _Noreturn void refuse(struct phd_unwinder *unwinder, uint64_t address, const char *reason)
{
    phd__memory_fault(unwinder->memory, address, reason);
}

/* The caller stands behind the return address at `slot`. */
static void set_caller(struct phd_unwinder *unwinder, uint64_t slot, uint64_t address)
{
    unwinder->caller.known = stack_known;
    unwinder->caller.value[PHD_RSP] = slot + WORD;
    unwinder->caller.value[PHD_RIP] = address;
}

static bool by_signal_frame(struct phd_unwinder *unwinder)
{
    if (unwinder->exact || !phd__is_signal_return(unwinder->memory, unwinder->registers.value[PHD_RIP]))
        return false;
    if (unwinder->signal_frames == PHD_MAX_SIGNAL_FRAMES)
        refuse(unwinder, unwinder->registers.value[PHD_RSP], "too many signal frames");
    phd__signal_frame_read(unwinder->memory, &unwinder->modules->mappings, unwinder->registers.value[PHD_RSP],
                           unwinder->wanted_signal, &unwinder->passing);
    unwinder->caller = unwinder->passing.registers;
    unwinder->caller_exact = true;
    return true;
}

/* A call of what is no code has pushed the return address and done no more. */
static bool by_bad_call(struct phd_unwinder *unwinder)
{
    uint64_t slot = unwinder->registers.value[PHD_RSP];
    if (!unwinder->exact || phd__is_executable(&unwinder->modules->mappings, unwinder->registers.value[PHD_RIP]))
        return false;
    uint64_t address = phd__read_word(unwinder->memory, slot);
    if (!is_return_address(unwinder, address))
        refuse(unwinder, slot, "no return address where one must be after a call");
    unwinder->caller = unwinder->registers;
    unwinder->caller.value[PHD_RSP] = slot + WORD;
    unwinder->caller.value[PHD_RIP] = address;
    return true;
}

static bool by_cfi(struct phd_unwinder *unwinder)
{
    struct phd_cfi *cfi = &unwinder->cfi;
    uint64_t address = unwinder->registers.value[PHD_RIP] - !unwinder->exact;
    uint32_t module = phd__module_at(unwinder->modules, address);
    if (module == PHD_NO_MODULE)
        refuse(unwinder, address, "no module at the code address");
    if (!phd__cfi_find(cfi, unwinder->modules->all + module, address))
        refuse(unwinder, address, "no call frame information");
    unwinder->function = cfi->function.start;
    phd__cfi_rules(cfi, address);
    unwinder->rules_known = true;
    unwinder->outermost = cfi->row.registers[PHD_RIP].kind == PHD_CFI_UNDEFINED;
    if (unwinder->outermost)
        return false;
    unwinder->frame_address = phd__cfi_frame_address(cfi, &unwinder->registers);
    phd__cfi_apply(cfi, unwinder->frame_address, &unwinder->registers, &unwinder->caller);
    unwinder->caller_exact = cfi->function.signal_frame;
    return true;
}

/* A frame pointer points to the caller's one, behind which the return address stands. Links with another word there are
 * passed: it was overwritten. */
static bool by_frame_pointer(struct phd_unwinder *unwinder)
{
    const struct phd_mappings *mappings = &unwinder->modules->mappings;
    uint64_t stack = unwinder->registers.value[PHD_RSP], frame = unwinder->registers.value[PHD_RBP];
    const struct phd_mapping *mapping = phd__mapping_at(mappings, stack);
    if (!knows(unwinder, PHD_RBP) || frame < stack)
        return false;
    for (unsigned i = 0; i < PHD_MAX_BROKEN_LINKS && frame % WORD == 0; i++) {
        if (!mapping || phd__mapping_at(mappings, frame) != mapping)
            return false;
        uint64_t next = phd__read_word(unwinder->memory, frame);
        uint64_t address = phd__read_word(unwinder->memory, frame + WORD);
        bool goes_on = next > frame && phd__mapping_at(mappings, next) == mapping;
        if ((goes_on || !next) && is_return_address(unwinder, address)) { /* 0: the outermost frame pointer */
            set_caller(unwinder, frame + WORD, address);
            unwinder->caller.value[PHD_RBP] = next;
            unwinder->caller.known |= 1u << PHD_RBP;
            return true;
        }
        if (!goes_on)
            return false;
        frame = next;
    }
    return false;
}

/* Are the rules of the function known, and only the register that its frame address follows from is not? */
static bool lacks_frame_register(const struct phd_unwinder *unwinder)
{
    const struct phd_cfi_row *row = &unwinder->cfi.row;
    const struct phd_cfi_rule *rule = &row->registers[PHD_RIP];
    return unwinder->rules_known && rule->kind == PHD_CFI_OFFSET && rule->number == -WORD && !row->cfa_is_expression &&
           row->cfa_register < PHD_REGISTER_COUNT && !(unwinder->registers.known >> row->cfa_register & 1);
}

/* A return address was found at `slot`, which tells the frame address. */
static void set_scanned_caller(struct phd_unwinder *unwinder, uint64_t slot, uint64_t address)
{
    if (lacks_frame_register(unwinder))
        phd__cfi_apply(&unwinder->cfi, slot + WORD, &unwinder->registers, &unwinder->caller);
    else
        set_caller(unwinder, slot, address);
}

/* Does call frame information lead from the caller found on to a return address again, or say that there is none? */
static bool leads_on(struct phd_unwinder *unwinder)
{
    struct phd_cfi *cfi = &unwinder->probe;
    const struct phd_registers *caller = &unwinder->caller;
    uint64_t address = caller->value[PHD_RIP] - 1;
    uint32_t module = phd__module_at(unwinder->modules, address);
    if (module == PHD_NO_MODULE || !phd__cfi_find(cfi, unwinder->modules->all + module, address))
        return false;
    phd__cfi_rules(cfi, address);
    if (cfi->row.registers[PHD_RIP].kind == PHD_CFI_UNDEFINED)
        return true;
    phd__cfi_apply(cfi, phd__cfi_frame_address(cfi, caller), caller, &unwinder->beyond);
    return (unwinder->beyond.known & stack_known) == stack_known &&
           is_return_address(unwinder, unwinder->beyond.value[PHD_RIP]);
}

/* Where the call before return address `address` goes, or 0 when that cannot be told: directly, through the linkage table
 * (its entry jumps by a word), or by such a word itself. */
static uint64_t call_target(struct phd_unwinder *unwinder, uint64_t address)
{
    static const uint8_t end_branch[] = {0xf3, 0x0f, 0x1e, 0xfa};
    struct phd_memory *memory = unwinder->memory;
    const uint8_t *code = phd__view(memory, address - 6, 6);
    bool direct = code[1] == 0xe8, by_word = code[0] == 0xff && code[1] == 0x15;
    uint64_t target = address + (uint64_t)(int64_t)phd__read_i32(memory, address - 4);
    if (by_word)
        return phd__read_word(memory, target);
    if (!direct || !phd__is_executable(&unwinder->modules->mappings, target))
        return 0;
    uint64_t at = target;
    if (memcmp(phd__view(memory, at, sizeof end_branch), end_branch, sizeof end_branch) == 0)
        at += sizeof end_branch;
    at += phd__read_u8(memory, at) == 0xf2; /* the prefix "bnd" */
    if (phd__read_u8(memory, at) != 0xff || phd__read_u8(memory, at + 1) != 0x25)
        return target;
    return phd__read_word(memory, at + 6 + (uint64_t)(int64_t)phd__read_i32(memory, at + 2));
}

/* How much speaks for the caller found, more than that it is a return address: the stack goes on from it; what it called
 * may be the function where the thread is; it is. */
enum likelihood { POSSIBLE, CALLS_ANOTHER, LIKELY, CERTAIN };

static enum likelihood rate(struct phd_unwinder *unwinder)
{
    const struct phd_mappings *mappings = &unwinder->modules->mappings;
    if (!leads_on(unwinder))
        return POSSIBLE;
    uint64_t target = call_target(unwinder, unwinder->caller.value[PHD_RIP]);
    if (target && target == unwinder->function)
        return CERTAIN;
    if (!target || unwinder->frame_address) /* the caller proper is lost: this is one further out */
        return LIKELY;
    if (!unwinder->function &&
        phd__mapping_at(mappings, target) == phd__mapping_at(mappings, unwinder->registers.value[PHD_RIP]))
        return LIKELY;
    return CALLS_ANOTHER; /* which may have jumped to this one */
}

static enum likelihood rate_guarded(struct phd_unwinder *unwinder)
{
    struct phd_guard guard;
    volatile enum likelihood result = POSSIBLE;
    unwinder->probe.memory = unwinder->memory;
    unwinder->probe.steps = unwinder->cfi.steps;
    if (PHD_GUARD(unwinder->memory, &guard))
        result = rate(unwinder);
    PHD_UNGUARD(unwinder->memory, &guard);
    unwinder->cfi.steps = unwinder->probe.steps;
    return result;
}

/* Where a scan begins: at the stack pointer, or behind the function's frame where that is known. */
static uint64_t first_slot(const struct phd_unwinder *unwinder)
{
    const struct phd_mappings *mappings = &unwinder->modules->mappings;
    uint64_t slot = (unwinder->registers.value[PHD_RSP] + WORD - 1) & ~(uint64_t)(WORD - 1);
    uint64_t behind = unwinder->frame_address;
    bool is_behind =
        behind > slot && behind % WORD == 0 && phd__mapping_at(mappings, behind) == phd__mapping_at(mappings, slot);
    return is_behind ? behind : slot;
}

/* Return addresses of earlier calls are left over on the stack: the best of the first ones is taken. */
static bool by_scan(struct phd_unwinder *unwinder)
{
    uint64_t slot = first_slot(unwinder), best_slot = 0;
    const struct phd_mapping *mapping = phd__mapping_at(&unwinder->modules->mappings, slot);
    enum likelihood best = POSSIBLE;
    if (!mapping)
        refuse(unwinder, slot, "no stack at the stack pointer");
    unsigned left = PHD_MAX_SCANNED_WORDS;
    for (; left && slot < mapping->end && best != CERTAIN && unwinder->cfi.steps; left--, slot += WORD) {
        uint64_t address = phd__read_word(unwinder->memory, slot);
        unwinder->cfi.steps--;
        if (address == unwinder->registers.value[PHD_RIP] || !is_return_address(unwinder, address))
            continue;
        set_scanned_caller(unwinder, slot, address);
        enum likelihood likelihood = rate_guarded(unwinder);
        if (best_slot && likelihood <= best)
            continue;
        best_slot = slot;
        best = likelihood;
        if (best >= LIKELY && left > PHD_SCANNED_BEHIND)
            left = PHD_SCANNED_BEHIND;
    }
    if (!best_slot)
        refuse(unwinder, slot, "no return address on the stack");
    set_scanned_caller(unwinder, best_slot, phd__read_word(unwinder->memory, best_slot));
    return true;
}

/* ---- one frame ---- */

/* Is what was found a caller? The stack grows down, so its frame is above. Only a signal handler may stand on another
 * stack, and only the innermost function may have taken nothing of its stack. */
static bool is_caller(struct phd_unwinder *unwinder, bool from_signal)
{
    const struct phd_registers *caller = &unwinder->caller;
    uint64_t before = unwinder->registers.value[PHD_RSP], after = caller->value[PHD_RSP];
    if ((caller->known & stack_known) != stack_known)
        refuse(unwinder, 0, "the return address is not known");
    if (from_signal)
        return true; /* what the kernel saved is right, even where the thread jumped to no code */
    if (!phd__is_executable(&unwinder->modules->mappings, caller->value[PHD_RIP]))
        refuse(unwinder, caller->value[PHD_RIP], "the return address is no code");
    if (after < before || (after == before && !unwinder->exact))
        refuse(unwinder, after, "the stack pointer does not grow");
    return true;
}

typedef bool way(struct phd_unwinder *unwinder);

static bool attempt(struct phd_unwinder *unwinder, way *find)
{
    struct phd_guard guard;
    volatile bool found = false;
    unwinder->caller_exact = false;
    if (PHD_GUARD(unwinder->memory, &guard)) {
        found = find(unwinder) && is_caller(unwinder, unwinder->caller_exact);
    } else if (!unwinder->reason) {
        unwinder->reason = unwinder->memory->fault_reason;
        unwinder->reason_address = unwinder->memory->fault_address;
    }
    PHD_UNGUARD(unwinder->memory, &guard);
    return found;
}

/* Find the caller; false when there is none. */
static bool find_caller(struct phd_unwinder *unwinder, enum phd_frame_source *source)
{
    static const struct {
        way *find;
        enum phd_frame_source source;
    } ways[] = {
        {by_signal_frame, PHD_BY_SIGNAL},
        {by_bad_call, PHD_BY_CFI}, /* what call frame information says of the first instruction of any function */
        {by_cfi, PHD_BY_CFI},
        {by_frame_pointer, PHD_BY_FRAME_POINTER},
        {by_scan, PHD_BY_SCAN},
    };
    unwinder->reason = NULL;
    unwinder->function = 0;
    unwinder->frame_address = 0;
    unwinder->passing.signal = 0;
    unwinder->rules_known = unwinder->outermost = false;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && !unwinder->outermost; i++) {
        if (!attempt(unwinder, ways[i].find))
            continue;
        *source = unwinder->caller_exact ? PHD_BY_SIGNAL : ways[i].source;
        return true;
    }
    return false;
}

/* Go to the caller that was found. */
static void enter_caller(struct phd_unwinder *unwinder, enum phd_frame_source source, unsigned index)
{
    unwinder->registers = unwinder->caller;
    unwinder->exact = source == PHD_BY_SIGNAL;
    if (source != PHD_BY_SIGNAL)
        return;
    unwinder->signal_frames++;
    if (unwinder->wanted_signal && !unwinder->found_signal && unwinder->passing.signal == unwinder->wanted_signal) {
        unwinder->found_signal = true;
        unwinder->found = unwinder->passing;
        unwinder->found_at = index;
    }
}

/* ---- the stack ---- */

/* Where the next frame goes: when all places are taken, those of the outermost are used in turn. */
static struct phd_native_frame *next_place(struct phd_native_stack *stack)
{
    uint64_t index = stack->count + stack->omitted;
    if (stack->count < stack->capacity)
        return stack->frames + stack->count++;
    stack->omitted++;
    return stack->frames + stack->inner + (index - stack->inner) % (stack->capacity - stack->inner);
}

static void reverse(struct phd_native_frame *first, struct phd_native_frame *end)
{
    while (first + 1 < end) {
        struct phd_native_frame frame = *first;
        *first++ = *--end;
        *end = frame;
    }
}

/* Bring the outermost frames, which were written in turn, into their order. */
static void straighten(struct phd_native_stack *stack)
{
    struct phd_native_frame *first = stack->frames + stack->inner, *end = stack->frames + stack->count;
    if (!stack->omitted)
        return;
    struct phd_native_frame *oldest = first + stack->omitted % (stack->capacity - stack->inner);
    reverse(first, oldest);
    reverse(oldest, end);
    reverse(first, end);
}

static struct phd_native_frame *add_frame(struct phd_unwinder *unwinder, enum phd_frame_source source,
                                          struct phd_native_stack *stack)
{
    struct phd_native_frame *frame = next_place(stack);
    memset(frame, 0, sizeof *frame);
    frame->address = unwinder->registers.value[PHD_RIP];
    frame->stack_pointer = unwinder->registers.value[PHD_RSP];
    frame->exact = unwinder->exact;
    frame->source = (uint8_t)source;
    frame->module = phd__module_at(unwinder->modules, frame->address - !frame->exact);
    return frame;
}

/* Say why the stack ends where it does. */
static void end_stack(const struct phd_unwinder *unwinder, bool found, struct phd_native_stack *stack)
{
    stack->detail = NULL;
    stack->end_address = 0;
    if (unwinder->outermost) {
        stack->end = "the outermost frame";
    } else if (!unwinder->steps) {
        stack->end = "the limit of steps is reached";
    } else if (found) {
        stack->end = "the limit of frames is reached";
    } else {
        stack->end = "no caller found";
        stack->detail = unwinder->reason;
        stack->end_address = unwinder->reason_address;
    }
}

static void start(struct phd_unwinder *unwinder, const struct phd_registers *registers, struct phd_native_stack *stack)
{
    unwinder->cfi.memory = unwinder->memory;
    unwinder->registers = *registers;
    unwinder->exact = true;
    unwinder->signal_frames = 0;
    unwinder->found_signal = false;
    stack->count = 0;
    stack->omitted = 0;
}

/* Add the frame that the unwinder stands in, and find its caller. */
static bool leave_frame(struct phd_unwinder *unwinder, enum phd_frame_source *source, struct phd_native_stack *stack)
{
    uint64_t allowed = unwinder->steps < PHD_MAX_STEPS_PER_FRAME ? unwinder->steps : PHD_MAX_STEPS_PER_FRAME;
    struct phd_native_frame *frame = add_frame(unwinder, *source, stack);
    unwinder->cfi.steps = allowed;
    bool found = find_caller(unwinder, source);
    unwinder->steps -= allowed - unwinder->cfi.steps;
    frame->function = unwinder->function;
    return found;
}

void phd__unwind(struct phd_unwinder *unwinder, const struct phd_registers *registers, struct phd_native_stack *stack)
{
    enum phd_frame_source source = PHD_BY_REGISTERS;
    start(unwinder, registers, stack);
    if ((registers->known & stack_known) != stack_known) {
        stack->end = "the registers are not known";
        return;
    }
    bool found = leave_frame(unwinder, &source, stack);
    for (unsigned walked = 1; found && unwinder->steps && walked < PHD_MAX_UNWOUND; walked++) {
        enter_caller(unwinder, source, stack->count);
        found = leave_frame(unwinder, &source, stack);
    }
    end_stack(unwinder, found, stack);
    straighten(stack);
}
