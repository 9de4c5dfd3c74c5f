/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of every version in one form, their FRAME records, and traceback objects.
 *
 * Before 3.11 a frame is a PyFrameObject. Since then the interpreter runs on `_PyInterpreterFrame`s, which get a frame
 * object only when somebody asks; the record is of the frame object where there is one. Context: crash.
 */
#include "walk/walk.h"

enum { FAST_CELL = 0x40, FAST_FREE = 0x80, MAX_LASTI = 1 << 28, MAX_SHIMS = 1000 };

/* ---- reading ---- */

static void read_old_stack(struct phd_walk *walk, uint64_t object, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    frame->stack = phd__word_at(walk, object, at->frame_valuestack);
    if (at->frame_stackdepth != PHD_ABSENT) { /* 3.10: a depth, -1 while running */
        int depth = phd__int_at(walk, object, at->frame_stackdepth);
        frame->stack_count = depth > 0 ? (uint64_t)depth : 0;
    } else { /* 3.9: a pointer, NULL while running */
        uint64_t top = phd__word_at(walk, object, at->frame_stacktop);
        frame->stack_count = top > frame->stack ? (top - frame->stack) / 8 : 0;
    }
}

static uint64_t tuple_length(struct phd_walk *walk, uint64_t tuple)
{
    return tuple ? phd__word_at(walk, tuple, walk->at->var_size) : 0;
}

static bool read_old_frame(struct phd_walk *walk, uint64_t object, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    frame->object = object;
    frame->code = phd__word_at(walk, object, at->frame_code);
    if (!phd__is_code(walk, frame->code))
        return false;
    frame->globals = phd__word_at(walk, object, at->frame_globals);
    frame->builtins = phd__word_at(walk, object, at->frame_builtins);
    frame->namespace_ = phd__word_at(walk, object, at->frame_locals);
    frame->back = phd__word_at(walk, object, at->frame_back);
    frame->lasti = phd__int_at(walk, object, at->frame_lasti) * at->frame_lasti_unit;
    if (frame->lasti < 0)
        frame->lasti = -1;
    frame->localsplus = object + (uint64_t)at->frame_localsplus;
    frame->local_count = (uint64_t)phd__int_at(walk, frame->code, at->code_nlocals) +
                         tuple_length(walk, phd__word_at(walk, frame->code, at->code_cellvars)) +
                         tuple_length(walk, phd__word_at(walk, frame->code, at->code_freevars));
    read_old_stack(walk, object, frame);
    frame->owner = "frame object";
    frame->entry = true; /* each call of a Python function is a call in C */
    return true;
}

static void read_stack(struct phd_walk *walk, uint64_t iframe, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    frame->stack = frame->localsplus + 8 * frame->local_count;
    if (at->iframe_stackpointer != PHD_ABSENT) { /* 3.14+: NULL while running */
        uint64_t top = phd__word_at(walk, iframe, at->iframe_stackpointer);
        frame->stack_count = top > frame->stack ? (top - frame->stack) / 8 : 0;
    } else { /* counts the locals too; -1 while running */
        int64_t top = phd__int_at(walk, iframe, at->iframe_stacktop);
        frame->stack_count = top > (int64_t)frame->local_count ? (uint64_t)top - frame->local_count : 0;
    }
}

static int read_lasti(struct phd_walk *walk, uint64_t iframe, uint64_t code)
{
    const struct phd_layout *at = walk->at;
    uint64_t instructions = code + (uint64_t)at->code_adaptive;
    if (at->code_tlbc != PHD_ABSENT) { /* free-threaded: each thread has its own copy of the bytecode */
        int32_t index = phd__int_at(walk, iframe, at->iframe_tlbc_index);
        uint64_t copies = phd__word_at(walk, code, at->code_tlbc);
        if (index > 0 && copies)
            instructions = phd__read_word(walk->memory, copies + 8 + 8 * (uint64_t)index);
    }
    int64_t distance = (int64_t)(phd__word_at(walk, iframe, at->iframe_instr) - instructions);
    return distance < 0 || distance > MAX_LASTI ? -1 : (int)distance;
}

static const char *owner_name(struct phd_walk *walk, uint64_t iframe)
{
    int owner = phd__read_u8(walk->memory, iframe + (uint64_t)walk->at->iframe_owner);
    if (owner == walk->at->iframe_owner_generator)
        return "generator";
    return owner == walk->at->iframe_owner_frame_object ? "frame object" : "thread";
}

static bool runs_code(struct phd_walk *walk, uint64_t iframe)
{
    uint64_t tags = (uint64_t)walk->at->stackref_tag_mask;
    uint64_t code = phd__word_at(walk, iframe, walk->at->iframe_executable) & ~tags;
    int owner = phd__read_u8(walk->memory, iframe + (uint64_t)walk->at->iframe_owner);
    return owner <= walk->at->iframe_owner_frame_object && phd__is_code(walk, code);
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
            found = !previous || !runs_code(walk, previous);
        address = found && walk->at->iframe_is_entry == PHD_ABSENT ? previous : 0;
    }
    PHD_UNGUARD(walk->memory, &guard);
    *ret_address = address;
    return found;
}

static bool read_iframe(struct phd_walk *walk, uint64_t iframe, struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    if (!runs_code(walk, iframe))
        return false;
    frame->object = phd__word_at(walk, iframe, at->iframe_frame_object);
    frame->code = phd__word_at(walk, iframe, at->iframe_executable) & ~(uint64_t)at->stackref_tag_mask;
    frame->globals = phd__word_at(walk, iframe, at->iframe_globals);
    frame->builtins = phd__word_at(walk, iframe, at->iframe_builtins);
    frame->namespace_ = phd__word_at(walk, iframe, at->iframe_locals);
    frame->local_count = (uint64_t)phd__int_at(walk, frame->code, at->code_nlocalsplus);
    frame->localsplus = iframe + (uint64_t)at->iframe_localsplus;
    frame->lasti = read_lasti(walk, iframe, frame->code);
    frame->owner = owner_name(walk, iframe);
    frame->entry = frame->owner[0] != 'f' && is_entry(walk, iframe, &frame->entry_address);
    read_stack(walk, iframe, frame);
    return true;
}

uint64_t phd__frame_entry(struct phd_walk *walk, uint64_t iframe)
{
    uint64_t object = phd__word_at(walk, iframe, walk->at->iframe_frame_object);
    return object ? object : iframe | PHD_ENTRY_IFRAME;
}

/* The first frame from `iframe` on that runs code. */
static uint64_t first_entry(struct phd_walk *walk, uint64_t iframe)
{
    for (unsigned shims = 0; iframe && shims < MAX_SHIMS; shims++) {
        if (runs_code(walk, iframe))
            return phd__frame_entry(walk, iframe);
        iframe = phd__word_at(walk, iframe, walk->at->iframe_previous);
    }
    return 0;
}

uint64_t phd__frame_caller(struct phd_walk *walk, uint64_t entry)
{
    const struct phd_layout *at = walk->at;
    if (at->frame_iframe == PHD_ABSENT)
        return phd__word_at(walk, entry, at->frame_back);
    uint64_t iframe = entry & ~PHD_ENTRY_IFRAME;
    if (!(entry & PHD_ENTRY_IFRAME)) {
        uint64_t back = phd__word_at(walk, entry, at->frame_back);
        iframe = phd__word_at(walk, entry, at->frame_iframe);
        if (back || !iframe)
            return back;
    }
    /* A frame that its thread no longer runs has no caller; its link may point anywhere. */
    int owner = phd__read_u8(walk->memory, iframe + (uint64_t)at->iframe_owner);
    if (owner == at->iframe_owner_frame_object)
        return 0;
    return first_entry(walk, phd__word_at(walk, iframe, at->iframe_previous));
}

bool phd__frame_read(struct phd_walk *walk, uint64_t entry, struct phd_frame *frame)
{
    memset(frame, 0, sizeof *frame);
    frame->address = entry & ~PHD_ENTRY_IFRAME;
    frame->interpreter = entry & PHD_ENTRY_IFRAME;
    bool found;
    if (walk->at->frame_iframe == PHD_ABSENT)
        found = read_old_frame(walk, frame->address, frame);
    else if (frame->interpreter)
        found = read_iframe(walk, frame->address, frame);
    else
        found = read_iframe(walk, phd__word_at(walk, frame->address, walk->at->frame_iframe), frame);
    if (found)
        frame->back = phd__frame_caller(walk, entry);
    return found && frame->local_count <= PHD_MAX_LOCALS;
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
    return first_entry(walk, iframe);
}

/* ---- writing ---- */

void phd__put_frame_reference(struct phd_walk *walk, uint64_t entry)
{
    if (!entry) {
        phd__pack_nil(walk->to);
    } else if (entry & PHD_ENTRY_IFRAME) {
        bool is_new;
        uint64_t id = phd__walk_meet(walk, entry, &is_new);
        phd__put_id(walk, id, is_new);
    } else {
        phd__put_value(walk, entry);
    }
}

/* Name and kind of local variable `index`. Before 3.11: locals, then cells, then free variables. */
static uint64_t local_name(struct phd_walk *walk, uint64_t code, uint64_t index, unsigned *kind)
{
    const struct phd_layout *at = walk->at;
    uint64_t names;
    *kind = 0;
    if (at->code_localsplusnames != PHD_ABSENT) {
        names = phd__word_at(walk, code, at->code_localsplusnames);
        uint64_t kinds = phd__word_at(walk, code, at->code_localspluskinds);
        *kind = phd__read_u8(walk->memory, kinds + (uint64_t)at->bytes_data + index);
    } else {
        uint64_t locals = (uint64_t)phd__int_at(walk, code, at->code_nlocals);
        names = phd__word_at(walk, code, at->code_varnames);
        if (index >= locals) {
            index -= locals;
            names = phd__word_at(walk, code, at->code_cellvars);
            *kind = FAST_CELL;
            if (index >= tuple_length(walk, names)) {
                index -= tuple_length(walk, names);
                names = phd__word_at(walk, code, at->code_freevars);
                *kind = FAST_FREE;
            }
        }
    }
    if (index >= tuple_length(walk, names))
        phd__memory_fault(walk->memory, code, "a code object with too few names");
    return phd__read_word(walk->memory, names + (uint64_t)at->tuple_items + 8 * index);
}

static bool is_cell(struct phd_walk *walk, uint64_t object)
{
    const struct phd_type *type = object && object % 8 == 0 ? phd__type_of(walk, object) : NULL;
    return type && type->layout_name && type->layout_name[0] == 'c' && type->layout_name[1] == 'e' &&
           type->layout_name[2] == 'l' && type->layout_name[3] == 'l' && !type->layout_name[4];
}

static void put_name(struct phd_walk *walk, uint64_t name)
{
    char text[1024];
    size_t length = phd__copy_str(walk, name, text, sizeof text);
    phd__pack_str(walk->to, length);
    phd__pack_str_body(walk->to, text, length);
}

/* The variables of a frame that are bound: with their values, or (cells) the cell objects of those that have one. */
static void put_variables(struct phd_walk *walk, const struct phd_frame *frame, bool cells)
{
    uint64_t tags = (uint64_t)walk->at->stackref_tag_mask;
    size_t header = walk->to->used;
    uint32_t count = 0;
    phd__buffer_append(walk->to, "\xdf\0\0\0\0", 5); /* map 32, counted below */
    for (uint64_t i = 0; i < frame->local_count; i++) {
        unsigned kind;
        uint64_t value = phd__read_word(walk->memory, frame->localsplus + 8 * i);
        uint64_t name = local_name(walk, frame->code, i, &kind);
        bool tagged_int = tags > 1 && (value & tags) == 3;
        bool cell = !tagged_int && (kind & (FAST_CELL | FAST_FREE)) && is_cell(walk, value & ~tags);
        if (!(value & ~tags) || (cells && !cell))
            continue;
        if (cell && !cells) {
            value = phd__read_word(walk->memory, (value & ~tags) + (uint64_t)walk->at->object_size);
            if (!value)
                continue;
        }
        put_name(walk, name);
        if (tagged_int)
            phd__put_stack_reference(walk, value);
        else
            phd__put_named_value(walk, name, value & ~tags);
        count++;
    }
    for (unsigned i = 0; i < 4 && !walk->to->overflow; i++)
        walk->to->data[header + 1 + i] = (uint8_t)(count >> (24 - 8 * i));
}

static void put_stack(struct phd_walk *walk, const struct phd_frame *frame)
{
    uint64_t count = frame->stack_count > PHD_MAX_STACK ? 0 : frame->stack_count;
    phd__pack_array(walk->to, count);
    for (uint64_t i = 0; i < count; i++)
        phd__put_stack_reference(walk, phd__read_word(walk->memory, frame->stack + 8 * i));
}

static void put_frame(struct phd_walk *walk, const struct phd_frame *frame)
{
    struct phd_position position;
    bool meeting_roots = walk->meeting_roots;
    walk->meeting_roots = true; /* a frame borrows its globals, and since 3.14 values on its stack */
    phd__code_position(walk, frame->code, frame->lasti, &position);
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_FRAME);
    phd__pack_map(walk->to, 12 + (frame->entry_address != 0));
    phd__pack_text(walk->to, "code");
    phd__put_value(walk, frame->code);
    phd__pack_text(walk->to, "lasti");
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
    phd__put_frame_reference(walk, frame->back);
    phd__pack_text(walk->to, "locals");
    put_variables(walk, frame, false);
    phd__pack_text(walk->to, "cells");
    put_variables(walk, frame, true);
    phd__pack_text(walk->to, "stack");
    put_stack(walk, frame);
    phd__pack_text(walk->to, "namespace");
    if (frame->namespace_)
        phd__put_value(walk, frame->namespace_);
    else
        phd__pack_nil(walk->to);
    phd__pack_text(walk->to, "globals");
    phd__put_value(walk, frame->globals);
    phd__pack_text(walk->to, "builtins");
    phd__put_value(walk, frame->builtins);
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

void phd__put_traceback_record(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    const struct phd_layout *at = walk->at;
    struct phd_frame frame;
    struct phd_position position = {-1, -1, -1, -1};
    uint64_t entry = phd__word_at(walk, object, at->traceback_frame);
    uint64_t next = phd__word_at(walk, object, at->traceback_next);
    int lasti = phd__int_at(walk, object, at->traceback_lasti);
    int line = phd__int_at(walk, object, at->traceback_lineno);
    if (phd__frame_read(walk, entry, &frame))
        phd__code_position(walk, frame.code, lasti, &position);
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
    phd__put_frame_reference(walk, next);
}

void phd__put_generator_base(struct phd_walk *walk, uint64_t object)
{
    const struct phd_layout *at = walk->at;
    uint64_t entry = 0;
    if (at->generator_frame != PHD_ABSENT) {
        entry = phd__word_at(walk, object, at->generator_frame);
    } else if ((int8_t)phd__read_u8(walk->memory, object + (uint64_t)at->generator_state) <
               at->generator_state_completed) {
        entry = phd__frame_entry(walk, object + (uint64_t)at->generator_iframe);
    }
    phd__pack_array(walk->to, 3);
    phd__pack_uint32(walk->to, 17);
    phd__pack_nil(walk->to);
    phd__pack_map(walk->to, 1);
    phd__pack_text(walk->to, "frame");
    phd__put_frame_reference(walk, entry);
}
