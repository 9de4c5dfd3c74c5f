/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling _PyRuntime by what it leads to: a right one is told, one that lacks anything is not, and the search has an end.
 */
#include "attach/unmarked.h"
#include "support/heap_case.h"

enum { STRUCT_BYTES = 4096, STEPS = 100000 };

static uint64_t runtime, interpreter, thread;

static uint64_t make_module(uint64_t dict)
{
    uint64_t type = heap_new_type(&heap, "module", heap.object, 56, 0);
    uint64_t module = heap_new_object(&heap, type, 64);
    heap_set_word(type, heap.at->type_dictoffset, (uint64_t)heap.at->module_dict);
    heap_set_word(module, heap.at->module_dict, dict);
    return module;
}

static void set_version(uint32_t hexversion)
{
    uint64_t attributes = DICT(&heap, heap_new_str(&heap, "hexversion"), heap_new_int(&heap, hexversion));
    uint64_t modules = DICT(&heap, heap_new_str(&heap, "sys"), make_module(attributes));
    heap_set_word(interpreter, heap.at->interp_modules, modules);
}

static uint32_t right_version(void)
{
    return (uint32_t)heap.at->version << 16 | 0x07f0;
}

static void make_runtime(void)
{
    runtime = heap_bytes(&heap, STRUCT_BYTES);
    interpreter = heap_bytes(&heap, STRUCT_BYTES);
    thread = heap_bytes(&heap, STRUCT_BYTES);
    heap_set_word(runtime, heap.at->runtime_interpreters, interpreter);
    heap_set_word(runtime, heap.at->runtime_main_interpreter, interpreter);
    heap_set_word(runtime, heap.at->runtime_next_interpreter, 1);
    heap_set_word(interpreter, heap.at->interp_threads, thread);
    heap_set_word(thread, heap.at->thread_interp, interpreter);
    set_version(right_version());
}

/* Is it told, in `steps`? */
static bool is_told(uint64_t steps, struct phd_unexported *found)
{
    struct phd_memory memory;
    struct phd_guard guard;
    struct phd_unmarked search = {&memory, steps};
    volatile bool told = false;
    assert_int_equal(phd__memory_self_open(&memory, NULL), PHD_OK);
    if (PHD_GUARD(&memory, &guard))
        told = phd__unmarked_at(&search, runtime + (uint64_t)heap.at->runtime_interpreters, found);
    PHD_UNGUARD(&memory, &guard);
    phd__memory_self_close(&memory);
    return told;
}

static void the_runtime_is_told(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    assert_true(is_told(STEPS, &found));
    assert_int_equal(found.runtime, runtime);
    assert_int_equal(found.version, right_version());
    assert_false(found.free_threaded);
}

static void a_younger_interpreter_leads_to_the_oldest(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    uint64_t younger = heap_bytes(&heap, STRUCT_BYTES);
    heap_set_word(younger, heap.at->interp_next, interpreter);
    heap_set_word(younger, heap.at->interp_id, 1);
    heap_set_word(runtime, heap.at->runtime_interpreters, younger);
    assert_true(is_told(STEPS, &found));
    heap_set_word(younger, heap.at->interp_next, heap.unmapped);
    assert_false(is_told(STEPS, &found));
}

static void another_version_is_not_told(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    set_version(0x036307f0); /* neighbours may share what is read here */
    assert_false(is_told(STEPS, &found));
    heap_set_word(interpreter, heap.at->interp_modules, heap_new_int(&heap, 1));
    assert_false(is_told(STEPS, &found));
    heap_set_word(interpreter, heap.at->interp_modules, heap.unmapped);
    assert_false(is_told(STEPS, &found));
}

static void what_does_not_lead_back_is_not_told(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    heap_set_word(thread, heap.at->thread_interp, runtime);
    assert_false(is_told(STEPS, &found));
    heap_set_word(interpreter, heap.at->interp_threads, 0);
    assert_false(is_told(STEPS, &found));
    make_runtime();
    heap_set_word(interpreter, heap.at->interp_id, 1); /* the oldest has the number 0 */
    assert_false(is_told(STEPS, &found));
    make_runtime();
    heap_set_word(runtime, heap.at->runtime_next_interpreter, 0);
    assert_false(is_told(STEPS, &found));
}

static void a_circle_has_an_end(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    uint64_t other = heap_bytes(&heap, STRUCT_BYTES);
    heap_set_word(other, heap.at->interp_next, other);
    heap_set_word(runtime, heap.at->runtime_interpreters, other);
    assert_false(is_told(STEPS, &found));
    assert_false(is_told(UINT64_MAX, &found));
}

static void without_steps_nothing_is_told(void **state)
{
    struct phd_unexported found;
    (void)state;
    make_runtime();
    assert_false(is_told(0, &found));
    assert_false(is_told(10, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_CASE(the_runtime_is_told),         HEAP_CASE(a_younger_interpreter_leads_to_the_oldest),
        HEAP_CASE(another_version_is_not_told), HEAP_CASE(what_does_not_lead_back_is_not_told),
        HEAP_CASE(a_circle_has_an_end),         HEAP_CASE(without_steps_nothing_is_told),
    };
    return run_on_layouts("unmarked", tests, sizeof tests / sizeof tests[0]);
}
