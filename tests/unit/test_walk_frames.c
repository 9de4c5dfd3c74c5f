/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames, code objects and tracebacks of synthetic heaps, sound and broken: what is wrong costs itself, and the rest of the
 * stack is told.
 */
#include <string.h>

#include "support/heap_case.h"

enum { CODE_BYTES = 512, FRAME_BYTES = 512, INSTRUCTIONS = 8, FAST_LOCAL = 0x20, OWNED_BY_THREAD = 0 };

static uint64_t code_type, frame_type, traceback_type;
static bool old; /* frames are frame objects (before 3.11) */

static int set_up(void **state)
{
    set_up_heap(state);
    old = heap.at->frame_iframe == PHD_ABSENT;
    code_type = heap_new_type(&heap, "code", heap.object, 168, 0);
    frame_type = heap_new_type(&heap, "frame", heap.object, 64, 0);
    traceback_type = heap_new_type(&heap, "traceback", heap.object, 48, 0);
    return 0;
}

#define FRAME_CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down_heap)

static void assert_tells(uint64_t id, const char *part)
{
    const char *record = walked_record(&walked, id);
    if (!strstr(record, part))
        fail_msg("record %d lacks '%s': %s", (int)id, part, record);
}

/* ---- building ---- */

/* A function with the local variables `a` and `b`, whose instructions all stand in line 7. */
static uint64_t new_code(const char *name)
{
    /* 3.9: pairs of increments; 3.11+: an entry without columns for eight instructions in the first line. */
    static const uint8_t increments[] = {0}, locations[] = {0x80 | 13 << 3 | (INSTRUCTIONS - 1), 0};
    static const uint8_t instructions[2 * INSTRUCTIONS] = {0}, kinds[] = {FAST_LOCAL, FAST_LOCAL};
    const struct phd_layout *at = heap.at;
    uint64_t code = heap_shared(&heap, heap_new_object(&heap, code_type, CODE_BYTES));
    uint64_t names = TUPLE(&heap, heap_new_str(&heap, "a"), heap_new_str(&heap, "b"));
    uint64_t table = old ? heap_new_bytes(&heap, increments, 0) : heap_new_bytes(&heap, locations, sizeof locations);
    heap_set_word(code, at->code_name, heap_new_str(&heap, name));
    heap_set_word(code, at->code_filename, heap_new_str(&heap, "app.py"));
    heap_set_u32(code, at->code_firstlineno, 7);
    heap_set_u32(code, at->code_nlocals, 2);
    heap_set_word(code, at->code_linetable, table);
    if (old) {
        heap_set_word(code, at->code_bytes, heap_new_bytes(&heap, instructions, sizeof instructions));
        heap_set_word(code, at->code_varnames, names);
        heap_set_word(code, at->code_cellvars, heap_new_tuple(&heap, 0, NULL));
        heap_set_word(code, at->code_freevars, heap_new_tuple(&heap, 0, NULL));
    } else {
        heap_set_word(code, at->code_qualname, heap_new_str(&heap, name));
        heap_set_word(code, at->var_size, INSTRUCTIONS);
        heap_set_u32(code, at->code_nlocalsplus, 2);
        heap_set_word(code, at->code_localsplusnames, names);
        heap_set_word(code, at->code_localspluskinds, heap_new_bytes(&heap, kinds, 2));
    }
    return code;
}

static int64_t locals_offset(void)
{
    return old ? heap.at->frame_localsplus : heap.at->iframe_localsplus;
}

/* Let the frame stand at byte `lasti` of its instructions. */
static void set_lasti(uint64_t frame, uint64_t code, int lasti)
{
    if (old)
        heap_set_u32(frame, heap.at->frame_lasti, (uint32_t)(lasti / heap.at->frame_lasti_unit));
    else
        heap_set_word(frame, heap.at->iframe_instr, code + (uint64_t)heap.at->code_adaptive + (uint64_t)(int64_t)lasti);
}

static uint64_t code_slot(void)
{
    return (uint64_t)(old ? heap.at->frame_code : heap.at->iframe_executable);
}

/* A frame of `code` called by `back` (0: nobody), with a = 1 and b = 2, before its third instruction. */
static uint64_t new_frame(uint64_t code, uint64_t back)
{
    const struct phd_layout *at = heap.at;
    uint64_t space = heap_shared(&heap, heap_new_dict(&heap, 0, NULL));
    uint64_t frame =
        old ? heap_shared(&heap, heap_new_object(&heap, frame_type, FRAME_BYTES)) : heap_bytes(&heap, FRAME_BYTES);
    heap_set_word(frame, (int64_t)code_slot(), code);
    heap_set_word(frame, old ? at->frame_globals : at->iframe_globals, space);
    heap_set_word(frame, old ? at->frame_builtins : at->iframe_builtins, space);
    heap_set_word(frame, old ? at->frame_back : at->iframe_previous, back);
    heap_set_word(frame, locals_offset(), heap_new_int(&heap, 1));
    heap_set_word(frame, locals_offset() + 8, heap_new_int(&heap, 2));
    set_lasti(frame, code, 4);
    if (old)
        heap_set_word(frame, at->frame_valuestack, frame + (uint64_t)locals_offset() + 16);
    else
        *(uint8_t *)(uintptr_t)(frame + (uint64_t)at->iframe_owner) = OWNED_BY_THREAD;
    return frame;
}

static uint64_t entry_of(uint64_t frame)
{
    return old ? frame : frame | PHD_ENTRY_IFRAME;
}

/* A frame object for an interpreter frame (3.11+). */
static uint64_t new_frame_object(uint64_t iframe)
{
    uint64_t object = heap_shared(&heap, heap_new_object(&heap, frame_type, 64));
    heap_set_word(object, heap.at->frame_iframe, iframe);
    heap_set_word(iframe, heap.at->iframe_frame_object, object);
    return object;
}

/* ---- frames ---- */

static void a_sound_frame_is_told(void **state)
{
    uint64_t outer = new_frame(new_code("main"), 0), inner = new_frame(new_code("load"), outer);
    (void)state;
    walk_heap(&walked, &heap, entry_of(inner));
    assert_tells(0, "code: +1, lasti: 4, position: [7, ");
    assert_tells(0, "back: +2, locals: {a: 1, b: 2}, cells: {}, stack: []");
    assert_tells(1, "co_name: 'load', co_filename: 'app.py', ");
    assert_tells(1, "co_varnames: ['a', 'b']");
    assert_tells(2, "back: nil, locals: {a: 1, b: 2}");
    assert_int_equal(walked.broken, 0);
    assert_int_equal(walked.missing_values, 0);
}

static void an_instruction_outside_of_the_code_costs_the_place(void **state)
{
    uint64_t code = new_code("load"), frame = new_frame(code, 0);
    static const int wrong[] = {2 * INSTRUCTIONS, 3, -8};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (old && i == 1)
            continue; /* an odd one is found nowhere else */
        set_lasti(frame, code, wrong[i]);
        walk_heap(&walked, &heap, entry_of(frame));
        assert_tells(0, "lasti: missing(an instruction outside of its code), position: [nil, nil, nil, nil]");
        assert_tells(0, "locals: {a: 1, b: 2}");
        walked_close(&walked);
    }
    set_lasti(frame, code, -2 / (old ? 2 : 1)); /* before the first */
    walk_heap(&walked, &heap, entry_of(frame));
    assert_tells(0, "lasti: -1, position: [7, nil, nil, nil]");
}

static void a_code_object_with_too_few_names_costs_the_variables(void **state)
{
    uint64_t code = new_code("load"), frame = new_frame(code, 0);
    (void)state;
    heap_set_word(code, old ? heap.at->code_varnames : heap.at->code_localsplusnames,
                  TUPLE(&heap, heap_new_str(&heap, "a")));
    walk_heap(&walked, &heap, entry_of(frame));
    assert_tells(0, "position: [7, ");
    assert_tells(0, "locals: missing(a code object whose names are not as many as its variables)");
    assert_tells(0, "stack: missing(a code object whose names are not as many as its variables)");
    assert_tells(1, "co_name: 'load'");
}

static void broken_parts_of_a_code_object_cost_themselves(void **state)
{
    uint64_t code = new_code("load"), frame = new_frame(code, 0);
    uint64_t names = heap_word(code, old ? heap.at->code_varnames : heap.at->code_localsplusnames);
    (void)state;
    heap_set_word(code, heap.at->code_name, heap_new_int(&heap, 1));
    heap_set_word(code, heap.at->code_linetable, heap_new_int(&heap, 1));
    heap_set_u32(code, heap.at->code_argcount, 0x80000000);
    heap_set_word(names, heap.at->tuple_items, heap.unmapped);
    walk_heap(&walked, &heap, entry_of(frame));
    assert_tells(0, "position: [nil, nil, nil, nil]");
    assert_tells(0, "locals: {<unreadable name of variable 0>: 1, b: 2}");
    assert_tells(1, "co_name: missing(not a str), co_filename: 'app.py', ");
    assert_tells(1, "co_argcount: missing(an impossible number of variables)");
    assert_tells(1, "co_varnames: [missing(not mapped), 'b']");
    assert_tells(1, "co_linetable: missing(not a bytes object)");
}

static void what_is_no_dict_is_no_namespace(void **state)
{
    uint64_t frame = new_frame(new_code("load"), 0);
    (void)state;
    heap_set_word(frame, old ? heap.at->frame_globals : heap.at->iframe_globals, heap_new_int(&heap, 1));
    heap_set_word(frame, old ? heap.at->frame_builtins : heap.at->iframe_builtins, heap.unmapped);
    walk_heap(&walked, &heap, entry_of(frame));
    assert_tells(0, "locals: {a: 1, b: 2}");
    assert_tells(0, "globals: missing(not a dict), builtins: missing(not mapped)");
}

static void a_frame_without_code_is_told_as_broken(void **state)
{
    uint64_t frame = new_frame(new_code("load"), 0);
    (void)state;
    heap_set_word(frame, (int64_t)code_slot(), heap_new_int(&heap, 1));
    walk_heap(&walked, &heap, entry_of(frame));
    assert_record(0, "[0, 'a frame without code']");
}

static uint64_t stack[8];
static unsigned depth;

/* Follow the callers from stack[0] on, as roots.c does. */
static void follow_callers(struct phd_walk *walk)
{
    struct phd_guard guard;
    depth = 1;
    if (PHD_GUARD(walk->memory, &guard)) {
        for (; depth < 8; depth++) {
            stack[depth] = phd__frame_caller(walk, stack[depth - 1]);
            if (!stack[depth])
                break;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void a_broken_frame_does_not_hide_its_callers(void **state)
{
    uint64_t outer = new_frame(new_code("main"), 0), middle = new_frame(new_code("run"), outer);
    uint64_t inner = new_frame(new_code("load"), middle);
    (void)state;
    heap_set_word(middle, (int64_t)code_slot(), heap.unmapped);
    stack[0] = entry_of(inner);
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_int_equal(depth, 3);
    assert_int_equal(stack[1], entry_of(middle));
    assert_int_equal(stack[2], entry_of(outer));
}

/* What is behind a frame whose link leads astray is no frame, and not followed. */
static void a_broken_link_ends_the_stack(void **state)
{
    uint64_t garbage = heap_bytes(&heap, FRAME_BYTES), more = heap_bytes(&heap, FRAME_BYTES);
    uint64_t inner = new_frame(new_code("load"), garbage);
    (void)state;
    heap_set_word(garbage, old ? heap.at->frame_back : heap.at->iframe_previous, more);
    heap_set_word(more, old ? heap.at->frame_back : heap.at->iframe_previous, garbage);
    stack[0] = entry_of(inner);
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_true(depth <= 2);
    if (old)
        assert_tells(0, "back: missing(");
}

static void a_link_that_cannot_be_read_costs_itself(void **state)
{
    uint64_t inner = new_frame(new_code("load"), heap.unmapped);
    (void)state;
    walk_heap(&walked, &heap, entry_of(inner));
    assert_tells(0, "locals: {a: 1, b: 2}");
    assert_int_equal(walked.objects >= 2, 1);
}

static void a_broken_frame_object_does_not_hide_its_frame(void **state)
{
    uint64_t outer = new_frame(new_code("main"), 0), inner = new_frame(new_code("load"), outer);
    (void)state;
    if (old)
        return; /* there it is the frame */
    uint64_t object = new_frame_object(outer);
    stack[0] = entry_of(inner);
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_int_equal(stack[1], object);
    walked_close(&walked);
    heap_set_word(object, heap.at->object_type, heap.unmapped);
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_int_equal(stack[1], entry_of(outer));
    walked_close(&walked);
    heap_set_word(object, heap.at->object_type, frame_type);
    heap_set_word(object, heap.at->frame_iframe, inner); /* of another frame */
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_int_equal(stack[1], entry_of(outer));
}

/* A frame object that its thread still runs has no caller of its own. */
static void a_caller_that_no_frame_object_has_is_not_believed(void **state)
{
    uint64_t outer = new_frame(new_code("main"), 0), inner = new_frame(new_code("load"), outer);
    (void)state;
    if (old)
        return; /* there it has */
    stack[0] = new_frame_object(inner);
    heap_set_word(stack[0], heap.at->frame_back, 16);
    walk_heap_with(&walked, &heap, stack[0], follow_callers);
    assert_int_equal(depth, 2);
    assert_int_equal(stack[1], entry_of(outer));
}

static void an_impossible_stack_costs_itself(void **state)
{
    uint64_t frame = new_frame(new_code("load"), 0);
    (void)state;
    if (old)
        heap_set_word(frame, heap.at->frame_stacktop, frame + 8 * (PHD_MAX_STACK + 100));
    else
        heap_set_u32(frame, heap.at->iframe_stacktop, PHD_MAX_STACK + 100);
    walk_heap(&walked, &heap, entry_of(frame));
    assert_tells(0, "locals: {a: 1, b: 2}");
    assert_tells(0, "stack: missing(an impossible size of the evaluation stack)");
}

/* ---- tracebacks ---- */

static void links_of_a_traceback_that_lead_astray_cost_themselves(void **state)
{
    uint64_t traceback = heap_shared(&heap, heap_new_object(&heap, traceback_type, 64));
    uint64_t number = heap_new_int(&heap, 1000);
    (void)state;
    heap_set_word(traceback, heap.at->traceback_frame, number);
    heap_set_word(traceback, heap.at->traceback_next, number);
    heap_set_u32(traceback, heap.at->traceback_lineno, 12);
    walk_heap(&walked, &heap, traceback);
    assert_tells(0, "tb_lineno: 12");
    assert_tells(0, "tb_frame: missing(not a frame), tb_next: missing(not a traceback)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRAME_CASE(a_sound_frame_is_told),
        FRAME_CASE(an_instruction_outside_of_the_code_costs_the_place),
        FRAME_CASE(a_code_object_with_too_few_names_costs_the_variables),
        FRAME_CASE(broken_parts_of_a_code_object_cost_themselves),
        FRAME_CASE(what_is_no_dict_is_no_namespace),
        FRAME_CASE(a_frame_without_code_is_told_as_broken),
        FRAME_CASE(a_broken_frame_does_not_hide_its_callers),
        FRAME_CASE(a_broken_link_ends_the_stack),
        FRAME_CASE(a_link_that_cannot_be_read_costs_itself),
        FRAME_CASE(a_broken_frame_object_does_not_hide_its_frame),
        FRAME_CASE(a_caller_that_no_frame_object_has_is_not_believed),
        FRAME_CASE(an_impossible_stack_costs_itself),
        FRAME_CASE(links_of_a_traceback_that_lead_astray_cost_themselves),
    };
    return run_on_layouts("frames", tests, sizeof tests / sizeof tests[0]);
}
