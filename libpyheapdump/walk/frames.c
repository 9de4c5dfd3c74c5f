/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of every version in one form, their FRAME records, and traceback objects.
 *
 * Before 3.11 a frame is a PyFrameObject. Since then the interpreter runs on `_PyInterpreterFrame`s, which get a frame
 * object only when somebody asks; the record is of the frame object where there is one. Context: crash.
 */
#include "safe/text.h"
#include "walk/special.h"
#include "walk/walk.h"

enum { INSTRUCTION = 2, MAX_SHIMS = 1000 };

/* ---- reading ---- */

static bool is_frame_object(struct phd_walk *walk, uint64_t object)
{
    return object && object % 8 == 0 && phd__type_of(walk, object)->shape == PHD_SHAPE_FRAME;
}

/* The same of what may be anything. Never faults. */
static bool is_sound_frame_object(struct phd_walk *walk, uint64_t object)
{
    struct phd_guard guard;
    volatile bool sound = false;
    if (!object)
        return false;
    if (PHD_GUARD(walk->memory, &guard))
        sound = is_frame_object(walk, object);
    PHD_UNGUARD(walk->memory, &guard);
    return sound;
}

/* How many variables the frame has. Where its code object cannot tell, the frame is shown without them. */
static void count_variables(struct phd_walk *walk, struct phd_frame *frame)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard))
        frame->local_count = phd__code_variables(walk, frame->code);
    else
        frame->local_problem = frame->stack_problem = walk->memory->fault_reason;
    PHD_UNGUARD(walk->memory, &guard);
}

/* The number of values between the start of the evaluation stack and the address `top`; none when that is before it. */
static void count_stack(struct phd_frame *frame, uint64_t top)
{
    uint64_t bytes = top > frame->stack ? top - frame->stack : 0;
    if (frame->stack_problem)
        return;
    if (bytes % 8 || bytes / 8 > PHD_MAX_STACK)
        frame->stack_problem = "an impossible size of the evaluation stack";
    else
        frame->stack_count = bytes / 8;
}

/* The byte offset `distance` of an instruction, if it is one of `code`. Until the first is reached it is that of the one
 * before. */
static int checked_lasti(struct phd_walk *walk, uint64_t code, int64_t distance)
{
    struct phd_guard guard;
    volatile int lasti = PHD_LASTI_UNKNOWN;
    if (distance < 0 && distance >= -INSTRUCTION)
        return -1;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (distance >= 0 && distance % INSTRUCTION == 0 && (uint64_t)distance < phd__code_length(walk, code))
            lasti = (int)distance;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return lasti;
}

static void read_old_stack(struct phd_walk *walk, uint64_t object, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    uint64_t top;
    bool running;
    frame->stack = phd__word_at(walk, object, at->frame_valuestack);
    if (at->frame_stackdepth != PHD_ABSENT) { /* 3.10: a depth, -1 while running */
        int depth = phd__int_at(walk, object, at->frame_stackdepth);
        top = depth > 0 ? frame->stack + 8 * (uint64_t)depth : 0;
        running = depth < 0;
    } else { /* 3.9: a pointer, NULL while running, and afterwards, when there is no block any more */
        top = phd__word_at(walk, object, at->frame_stacktop);
        running = !top;
    }
    count_stack(frame, running ? frame->stack + 8 * phd__stack_below_blocks(walk, object) : top);
}

static bool read_old_frame(struct phd_walk *walk, uint64_t object, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    if (!is_frame_object(walk, object))
        return false;
    frame->object = object;
    frame->code = phd__word_at(walk, object, at->frame_code);
    if (!phd__is_code(walk, frame->code))
        return false;
    frame->globals = phd__word_at(walk, object, at->frame_globals);
    frame->builtins = phd__word_at(walk, object, at->frame_builtins);
    frame->namespace_ = phd__word_at(walk, object, at->frame_locals);
    frame->lasti =
        checked_lasti(walk, frame->code, (int64_t)phd__int_at(walk, object, at->frame_lasti) * at->frame_lasti_unit);
    frame->localsplus = object + (uint64_t)at->frame_localsplus;
    count_variables(walk, frame);
    read_old_stack(walk, object, frame);
    frame->owner = "frame object";
    frame->entry = true; /* each call of a Python function is a call in C */
    return true;
}

static void read_stack(struct phd_walk *walk, uint64_t iframe, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    uint64_t top;
    bool running;
    frame->stack = frame->localsplus + 8 * frame->local_count;
    if (at->iframe_stackpointer != PHD_ABSENT) { /* 3.14+: NULL while running */
        top = phd__word_at(walk, iframe, at->iframe_stackpointer);
        running = !top;
    } else { /* counts the locals too; -1 while running */
        int64_t count = phd__int_at(walk, iframe, at->iframe_stacktop);
        top = count > 0 ? frame->localsplus + 8 * (uint64_t)count : 0;
        running = count < 0;
    }
    if (running && frame->owner[0] != 'f') /* one that its thread has left may be cut behind its locals */
        top = frame->stack + 8 * phd__stack_below_handler(walk, frame);
    count_stack(frame, top);
}

/* Where the instructions of `code` stand that `iframe` runs. */
static uint64_t find_instructions(struct phd_walk *walk, uint64_t iframe, uint64_t code)
{
    const struct phd_layout *at = walk->at;
    uint64_t copies = at->code_tlbc != PHD_ABSENT ? phd__word_at(walk, code, at->code_tlbc) : 0;
    if (copies) { /* free-threaded: each thread has its own copy of the bytecode (_PyCodeArray: size, entries) */
        int32_t index = phd__int_at(walk, iframe, at->iframe_tlbc_index);
        if (index > 0 && (uint64_t)index < phd__read_word(walk->memory, copies))
            return phd__read_word(walk->memory, copies + 8 + 8 * (uint64_t)index);
    }
    return code + (uint64_t)at->code_adaptive;
}

static const char *owner_name(struct phd_walk *walk, uint64_t iframe)
{
    int owner = phd__read_u8(walk->memory, iframe + (uint64_t)walk->at->iframe_owner);
    if (owner == walk->at->iframe_owner_generator)
        return "generator";
    return owner == walk->at->iframe_owner_frame_object ? "frame object" : "thread";
}

enum iframe_state { RUNS_CODE, IS_SHIM, IS_HIDDEN, IS_BROKEN };

/* Code that has no instruction which tracing sees is the interpreter's own: it checks what a specialised call of
 * `__init__` returned (3.13+, Python/specialize.c, _Py_InitCleanup). Python hides its frames (_PyFrame_IsIncomplete). */
static bool is_hidden_code(struct phd_walk *walk, uint64_t code)
{
    int32_t offset = walk->at->code_firsttraceable;
    return offset != PHD_ABSENT &&
           (int64_t)phd__int_at(walk, code, offset) * INSTRUCTION >= (int64_t)phd__code_length(walk, code);
}

/* Owners behind that of frame objects are those of the interpreter's own frames, which run no code of the program
 * (Include/internal/pycore_interpframe_structs.h, enum _frameowner). Never faults. */
static enum iframe_state iframe_state(struct phd_walk *walk, uint64_t iframe)
{
    enum { SHIM_OWNERS = 2 };
    const struct phd_layout *at = walk->at;
    struct phd_guard guard;
    volatile enum iframe_state state = IS_BROKEN;
    if (PHD_GUARD(walk->memory, &guard)) {
        int owner = phd__read_u8(walk->memory, iframe + (uint64_t)at->iframe_owner);
        uint64_t executable = phd__word_at(walk, iframe, at->iframe_executable) & ~(uint64_t)at->stackref_tag_mask;
        if (owner > at->iframe_owner_frame_object && owner <= at->iframe_owner_frame_object + SHIM_OWNERS)
            state = IS_SHIM;
        else if (phd__is_code(walk, executable))
            state = is_hidden_code(walk, executable) ? IS_HIDDEN : RUNS_CODE;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return state;
}

/* Since 3.12 a frame on the C stack that runs no code stands before each entry frame: a variable of
 * _PyEval_EvalFrameDefault (Python/ceval.c). `*ret_address` becomes where. */
static bool is_entry(struct phd_walk *walk, uint64_t iframe, uint64_t *ret_address)
{
    struct phd_guard guard;
    volatile bool found = false;
    volatile uint64_t address = 0;
    if (PHD_GUARD(walk->memory, &guard)) { /* the link of a generator that does not run may point anywhere */
        uint64_t previous = phd__word_at(walk, iframe, walk->at->iframe_previous);
        if (walk->at->iframe_is_entry != PHD_ABSENT)
            found = phd__read_u8(walk->memory, iframe + (uint64_t)walk->at->iframe_is_entry) != 0;
        else
            found = !previous || iframe_state(walk, previous) == IS_SHIM;
        address = found && walk->at->iframe_is_entry == PHD_ABSENT ? previous : 0;
    }
    PHD_UNGUARD(walk->memory, &guard);
    *ret_address = address;
    return found;
}

static bool read_iframe(struct phd_walk *walk, uint64_t iframe, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    enum iframe_state state = iframe_state(walk, iframe);
    if (state != RUNS_CODE && state != IS_HIDDEN)
        return false;
    frame->object = phd__word_at(walk, iframe, at->iframe_frame_object);
    frame->code = phd__word_at(walk, iframe, at->iframe_executable) & ~(uint64_t)at->stackref_tag_mask;
    frame->globals = phd__word_at(walk, iframe, at->iframe_globals);
    frame->builtins = phd__word_at(walk, iframe, at->iframe_builtins);
    frame->namespace_ = phd__word_at(walk, iframe, at->iframe_locals);
    count_variables(walk, frame);
    frame->localsplus = iframe + (uint64_t)at->iframe_localsplus;
    uint64_t instruction = phd__word_at(walk, iframe, at->iframe_instr);
    frame->lasti =
        checked_lasti(walk, frame->code, (int64_t)(instruction - find_instructions(walk, iframe, frame->code)));
    frame->owner = owner_name(walk, iframe);
    frame->entry = frame->owner[0] != 'f' && is_entry(walk, iframe, &frame->entry_address);
    read_stack(walk, iframe, frame);
    return true;
}

uint64_t phd__frame_entry(struct phd_walk *walk, uint64_t iframe)
{
    struct phd_guard guard;
    uint64_t object = phd__word_at(walk, iframe, walk->at->iframe_frame_object);
    volatile bool sound = false;
    if (!object)
        return iframe | PHD_ENTRY_IFRAME;
    if (PHD_GUARD(walk->memory, &guard)) /* where the object is broken the frame itself may be as it was */
        sound = is_frame_object(walk, object) && phd__word_at(walk, object, walk->at->frame_iframe) == iframe;
    PHD_UNGUARD(walk->memory, &guard);
    return sound ? object : iframe | PHD_ENTRY_IFRAME;
}

/* The first frame from `iframe` on that runs code or is broken. Behind a broken one a sound one must follow: what is
 * broken may be the link to it. */
static uint64_t first_entry(struct phd_walk *walk, uint64_t iframe, bool behind_broken)
{
    for (unsigned shims = 0; iframe && shims < MAX_SHIMS; shims++) {
        enum iframe_state state = iframe_state(walk, iframe);
        if (state == RUNS_CODE)
            return phd__frame_entry(walk, iframe);
        if (state == IS_BROKEN)
            return behind_broken || iframe % 8 ? 0 : iframe | PHD_ENTRY_IFRAME;
        iframe = phd__word_at(walk, iframe, walk->at->iframe_previous);
    }
    return 0;
}

/* The caller of interpreter frame `iframe`. */
static uint64_t iframe_caller(struct phd_walk *walk, uint64_t iframe)
{
    const struct phd_layout *at = walk->at;
    /* A frame that its thread no longer runs has no caller; its link may point anywhere. */
    if (phd__read_u8(walk->memory, iframe + (uint64_t)at->iframe_owner) == at->iframe_owner_frame_object)
        return 0;
    uint64_t previous = phd__word_at(walk, iframe, at->iframe_previous);
    return first_entry(walk, previous, iframe_state(walk, iframe) == IS_BROKEN);
}

uint64_t phd__frame_caller(struct phd_walk *walk, uint64_t entry)
{
    const struct phd_layout *at = walk->at;
    if (entry & PHD_ENTRY_IFRAME)
        return iframe_caller(walk, entry & ~PHD_ENTRY_IFRAME);
    if (!is_frame_object(walk, entry))
        return 0;
    uint64_t back = phd__word_at(walk, entry, at->frame_back);
    if (at->frame_iframe == PHD_ABSENT)
        return back;
    /* The object has a caller of its own only when its thread no longer runs it. */
    uint64_t iframe = phd__word_at(walk, entry, at->frame_iframe);
    if (!iframe || is_sound_frame_object(walk, back))
        return back;
    uint64_t caller = iframe_caller(walk, iframe);
    return caller ? caller : back;
}

bool phd__frame_read(struct phd_walk *walk, uint64_t entry, struct phd_frame *frame)
{
    struct phd_guard guard;
    memset(frame, 0, sizeof *frame);
    frame->address = entry & ~PHD_ENTRY_IFRAME;
    frame->interpreter = entry & PHD_ENTRY_IFRAME;
    bool found;
    if (walk->at->frame_iframe == PHD_ABSENT)
        found = read_old_frame(walk, frame->address, frame);
    else if (frame->interpreter)
        found = read_iframe(walk, frame->address, frame);
    else
        found = is_frame_object(walk, entry) &&
                read_iframe(walk, phd__word_at(walk, frame->address, walk->at->frame_iframe), frame);
    if (!found)
        return false;
    if (PHD_GUARD(walk->memory, &guard))
        frame->back = phd__frame_caller(walk, entry);
    else
        frame->back_problem = walk->memory->fault_reason;
    PHD_UNGUARD(walk->memory, &guard);
    return true;
}

uint64_t phd__thread_frame(struct phd_walk *walk, uint64_t thread)
{
    const struct phd_layout *at = walk->at;
    if (at->frame_iframe == PHD_ABSENT)
        return phd__word_at(walk, thread, at->thread_frame);
    uint64_t iframe;
    if (at->thread_cframe != PHD_ABSENT) {
        uint64_t cframe = phd__word_at(walk, thread, at->thread_cframe);
        iframe = cframe ? phd__word_at(walk, cframe, at->cframe_current_frame) : 0;
    } else {
        iframe = phd__word_at(walk, thread, at->thread_frame);
    }
    return first_entry(walk, iframe, false);
}

/* ---- writing ---- */

/* A reference to an object that must be of `shape`. */
struct reference {
    uint64_t entry;
    enum phd_shape shape;
    const char *problem; /* when it is not */
};

static void write_reference(struct phd_walk *walk, void *state)
{
    const struct reference *reference = state;
    uint64_t entry = reference->entry;
    if (entry & PHD_ENTRY_IFRAME) {
        bool is_new;
        uint64_t id = phd__walk_meet(walk, entry, &is_new);
        phd__put_id(walk, id, is_new);
        return;
    }
    if (entry % 8 || phd__type_of(walk, entry)->shape != reference->shape)
        phd__memory_fault(walk->memory, entry, reference->problem);
    phd__put_value(walk, entry);
}

static void put_reference(struct phd_walk *walk, uint64_t entry, enum phd_shape shape, const char *problem)
{
    if (entry)
        phd__put_guarded(walk, write_reference, &(struct reference){entry, shape, problem});
    else
        phd__pack_nil(walk->to);
}

void phd__put_frame_reference(struct phd_walk *walk, uint64_t entry)
{
    put_reference(walk, entry, PHD_SHAPE_FRAME, "not a frame");
}

/* Never faults: what cannot be read is no cell. */
static bool is_cell(struct phd_walk *walk, uint64_t object)
{
    struct phd_guard guard;
    volatile bool cell = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        const struct phd_type *type = object && object % 8 == 0 ? phd__type_of(walk, object) : NULL;
        cell = type && type->layout_name && phd__string_equal(type->layout_name, "cell");
    }
    PHD_UNGUARD(walk->memory, &guard);
    return cell;
}

/* The name of variable `index`, or another when it cannot be read. */
static void put_name(struct phd_walk *walk, uint64_t name, uint64_t index)
{
    char storage[1024];
    struct phd_text text;
    struct phd_guard guard;
    phd__text_init(&text, storage, sizeof storage);
    if (PHD_GUARD(walk->memory, &guard)) {
        text.used = phd__copy_str(walk, name, storage, sizeof storage);
    } else {
        walk->missing_values++;
        phd__text_string(&text, "<unreadable name of variable ");
        phd__text_unsigned(&text, index);
        phd__text_string(&text, ">");
    }
    PHD_UNGUARD(walk->memory, &guard);
    phd__pack_str(walk->to, text.used);
    phd__pack_str_body(walk->to, storage, text.used);
}

/* What is written of a frame by phd__put_guarded. */
struct frame_part {
    const struct phd_frame *frame;
    bool cells; /* of the variables: the cell objects of those that have one */
};

/* Write variable `index` of the frame, if it is bound. Returns whether it was. */
static bool put_variable(struct phd_walk *walk, const struct frame_part *part, uint64_t index)
{
    uint64_t tags = (uint64_t)walk->at->stackref_tag_mask;
    unsigned kind;
    uint64_t value = phd__read_word(walk->memory, part->frame->localsplus + 8 * index);
    uint64_t name = phd__code_variable(walk, part->frame->code, index, &kind);
    bool tagged_int = tags > 1 && (value & tags) == 3;
    bool cell = !tagged_int && (kind & (PHD_FAST_CELL | PHD_FAST_FREE)) && is_cell(walk, value & ~tags);
    if (!(value & ~tags) || (part->cells && !cell))
        return false;
    if (cell && !part->cells) {
        value = phd__read_word(walk->memory, (value & ~tags) + (uint64_t)walk->at->object_size);
        if (!value)
            return false;
    }
    put_name(walk, name, index);
    if (tagged_int)
        phd__put_stack_reference(walk, value);
    else
        phd__put_named_value(walk, name, value & ~tags);
    return true;
}

/* The variables of a frame that are bound: with their values, or (cells) the cell objects of those that have one. */
static void write_variables(struct phd_walk *walk, void *state)
{
    const struct frame_part *part = state;
    size_t header = walk->to->used;
    uint32_t count = 0;
    if (part->frame->local_problem)
        phd__memory_fault(walk->memory, part->frame->address, part->frame->local_problem);
    phd__buffer_append(walk->to, "\xdf\0\0\0\0", 5); /* map 32, counted below */
    for (uint64_t i = 0; i < part->frame->local_count; i++)
        count += put_variable(walk, part, i);
    for (unsigned i = 0; i < 4 && !walk->to->overflow; i++)
        walk->to->data[header + 1 + i] = (uint8_t)(count >> (24 - 8 * i));
}

static void write_stack(struct phd_walk *walk, void *state)
{
    const struct phd_frame *frame = ((const struct frame_part *)state)->frame;
    if (frame->stack_problem)
        phd__memory_fault(walk->memory, frame->address, frame->stack_problem);
    phd__pack_array(walk->to, frame->stack_count);
    for (uint64_t i = 0; i < frame->stack_count; i++)
        phd__put_stack_reference(walk, phd__read_word(walk->memory, frame->stack + 8 * i));
}

static void put_missing(struct phd_walk *walk, const char *reason, uint64_t address)
{
    walk->missing_values++;
    phd__pack_missing(walk->to, reason, address);
}

static void put_place(struct phd_walk *walk, const struct phd_frame *frame)
{
    struct phd_position position;
    phd__code_position(walk, frame->code, frame->lasti, &position);
    phd__pack_text(walk->to, "lasti");
    if (frame->lasti == PHD_LASTI_UNKNOWN)
        put_missing(walk, "an instruction outside of its code", frame->address);
    else
        phd__pack_int64(walk->to, frame->lasti);
    phd__pack_text(walk->to, "position");
    phd__put_position(walk, &position);
    phd__pack_text(walk->to, "owner");
    phd__pack_text(walk->to, frame->owner);
    phd__pack_text(walk->to, "entry");
    if (frame->entry)
        phd__pack_true(walk->to);
    else
        phd__pack_false(walk->to);
    if (frame->entry_address) {
        phd__pack_text(walk->to, "entry_address");
        phd__pack_uint64(walk->to, frame->entry_address);
    }
    phd__pack_text(walk->to, "back");
    if (frame->back_problem)
        put_missing(walk, frame->back_problem, frame->address);
    else
        phd__put_frame_reference(walk, frame->back);
}

static void write_namespace(struct phd_walk *walk, void *state)
{
    const uint64_t *object = state;
    const struct phd_type *type = phd__type_of(walk, *object);
    if (type->shape != PHD_SHAPE_DICT && !(type->flags & PHD_TPFLAGS_DICT_SUBCLASS))
        phd__memory_fault(walk->memory, *object, "not a dict");
    phd__put_value(walk, *object);
}

static void put_frame(struct phd_walk *walk, struct phd_frame *frame)
{
    bool meeting_roots = walk->meeting_roots;
    walk->meeting_roots = true; /* a frame borrows its globals, and since 3.14 values on its stack */
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_FRAME);
    phd__pack_map(walk->to, 12 + (frame->entry_address != 0));
    phd__pack_text(walk->to, "code");
    phd__put_value(walk, frame->code);
    put_place(walk, frame);
    phd__pack_text(walk->to, "locals");
    phd__put_guarded(walk, write_variables, &(struct frame_part){frame, false});
    phd__pack_text(walk->to, "cells");
    phd__put_guarded(walk, write_variables, &(struct frame_part){frame, true});
    phd__pack_text(walk->to, "stack");
    phd__put_guarded(walk, write_stack, &(struct frame_part){frame, false});
    phd__pack_text(walk->to, "namespace");
    if (frame->namespace_)
        phd__put_value(walk, frame->namespace_);
    else
        phd__pack_nil(walk->to);
    phd__pack_text(walk->to, "globals");
    phd__put_guarded(walk, write_namespace, &frame->globals);
    phd__pack_text(walk->to, "builtins");
    phd__put_guarded(walk, write_namespace, &frame->builtins);
    walk->meeting_roots = meeting_roots;
}

static void put_entry_record(struct phd_walk *walk, uint64_t entry)
{
    struct phd_frame frame;
    if (!phd__frame_read(walk, entry, &frame))
        phd__memory_fault(walk->memory, entry & ~PHD_ENTRY_IFRAME, "a frame without code");
    put_frame(walk, &frame);
}

void phd__put_frame_record(struct phd_walk *walk, uint64_t object)
{
    put_entry_record(walk, object);
}

void phd__put_iframe_record(struct phd_walk *walk, uint64_t iframe)
{
    put_entry_record(walk, iframe | PHD_ENTRY_IFRAME);
}

/* The place that `lasti` stands for in the frame of a traceback, as far as it can be told. */
static void find_place(struct phd_walk *walk, uint64_t entry, int lasti, struct phd_position *position)
{
    static const struct phd_position unknown = {-1, -1, -1, -1};
    struct phd_frame frame;
    struct phd_guard guard;
    *position = unknown;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__frame_read(walk, entry, &frame))
            phd__code_position(walk, frame.code, lasti, position);
    }
    PHD_UNGUARD(walk->memory, &guard);
}

void phd__put_traceback_record(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    const struct phd_layout *at = walk->at;
    struct phd_position position;
    uint64_t entry = phd__word_at(walk, object, at->traceback_frame);
    uint64_t next = phd__word_at(walk, object, at->traceback_next);
    int lasti = phd__int_at(walk, object, at->traceback_lasti);
    int line = phd__int_at(walk, object, at->traceback_lineno);
    find_place(walk, entry, lasti, &position);
    if (line < 0)
        line = position.line; /* 3.12+ computes it when asked */
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 17);
    phd__put_value(walk, type->address);
    phd__pack_map(walk->to, 5);
    phd__pack_text(walk->to, "tb_lasti");
    phd__pack_int64(walk->to, lasti);
    phd__pack_text(walk->to, "tb_lineno");
    phd__pack_int64(walk->to, line);
    phd__pack_text(walk->to, "position");
    phd__put_position(walk, &position);
    phd__pack_text(walk->to, "tb_frame");
    phd__put_frame_reference(walk, entry);
    phd__pack_text(walk->to, "tb_next");
    put_reference(walk, next, PHD_SHAPE_TRACEBACK, "not a traceback");
}

uint64_t phd__generator_frame(struct phd_walk *walk, uint64_t object)
{
    const struct phd_layout *at = walk->at;
    if (at->generator_frame != PHD_ABSENT)
        return phd__word_at(walk, object, at->generator_frame);
    int8_t state = (int8_t)phd__read_u8(walk->memory, object + (uint64_t)at->generator_state);
    return state < at->generator_state_completed ? phd__frame_entry(walk, object + (uint64_t)at->generator_iframe) : 0;
}

void phd__put_generator_base(struct phd_walk *walk, uint64_t object)
{
    uint64_t entry = phd__generator_frame(walk, object);
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 17);
    phd__pack_nil(walk->to);
    phd__pack_map(walk->to, 1);
    phd__pack_text(walk->to, "frame");
    phd__put_frame_reference(walk, entry);
}
