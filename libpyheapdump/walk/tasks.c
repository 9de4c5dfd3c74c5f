/* SPDX-License-Identifier: Apache-2.0
 *
 * Since 3.14 (Modules/_asynciomodule.c) tasks are in lists whose links lie inside the tasks and do not count as
 * references: one of each thread, one of each interpreter. Before, asyncio.tasks has them in a WeakSet (Lib/asyncio/
 * tasks.py): _all_tasks up to 3.11, then _scheduled_tasks. Context: crash.
 */
#include "walk/tasks.h"

#include "safe/text.h"
#include "walk/roots.h"

enum { MAX_INTERPRETERS = 10000, MAX_AWAITS = 1000, MAX_FRAMES_OF_ALL = 200000 };

/* What is done with each task. */
struct visitor {
    const struct phd_request *request;
    void (*task)(struct phd_walk *walk, uint64_t task, const struct visitor *visitor);
    void (*frame)(struct phd_walk *walk, uint64_t entry, void *argument);
    void *argument;
    unsigned *left;  /* frames that may still be visited */
    bool with_known; /* also the tasks that sys.modules leads to */
};

/* ---- where a task waits ---- */

static uint64_t field_of(struct phd_walk *walk, uint64_t object, const char *name)
{
    const struct phd_type *type = phd__type_of(walk, object);
    for (unsigned i = 0; i < type->field_count; i++) {
        if (type->fields[i].name && phd__string_equal(type->fields[i].name, name))
            return phd__word_at(walk, object, type->fields[i].offset);
    }
    return 0;
}

static bool is_coroutine(struct phd_walk *walk, uint64_t object)
{
    static const char *const names[] = {"coroutine", "generator", "async_generator"};
    const char *name = phd__type_of(walk, object)->layout_name;
    for (size_t i = 0; name && i < sizeof names / sizeof names[0]; i++) {
        if (phd__string_equal(name, names[i]))
            return true;
    }
    return false;
}

/* Is the stack reference to no object: NULL, or (3.14+) an int in the reference itself? */
static bool is_no_object(struct phd_walk *walk, uint64_t reference)
{
    uint64_t tags = (uint64_t)walk->at->stackref_tag_mask;
    return !(reference & ~tags) || (tags > 1 && (reference & tags) == 3);
}

/* What the suspended frame awaits lies on top of its evaluation stack (Objects/genobject.c, _PyGen_yf); in 3.15 there is
 * an index above it, which is NULL for what is no sequence. */
static uint64_t awaited_by(struct phd_walk *walk, uint64_t entry)
{
    struct phd_frame frame;
    if (!entry || !phd__frame_read(walk, entry, &frame) || !frame.stack_count || frame.stack_count > PHD_MAX_STACK)
        return 0;
    uint64_t top = phd__read_word(walk->memory, frame.stack + 8 * (frame.stack_count - 1));
    if (is_no_object(walk, top) && frame.stack_count > 1)
        top = phd__read_word(walk->memory, frame.stack + 8 * (frame.stack_count - 2));
    return is_no_object(walk, top) ? 0 : top & ~(uint64_t)walk->at->stackref_tag_mask;
}

/* Meet the coroutine, its frame, and those of the coroutines that it awaits. */
static void meet_awaits(struct phd_walk *walk, uint64_t coroutine)
{
    bool is_new = true;
    for (unsigned i = 0; coroutine && is_new && i < MAX_AWAITS && is_coroutine(walk, coroutine); i++) {
        uint64_t entry = phd__generator_frame(walk, coroutine);
        phd__walk_meet(walk, coroutine, &is_new);
        if (entry) {
            bool new_frame;
            phd__walk_meet(walk, entry, &new_frame);
        }
        coroutine = awaited_by(walk, entry);
    }
}

static void meet_task(struct phd_walk *walk, uint64_t task, const struct visitor *visitor)
{
    bool is_new;
    phd__walk_meet(walk, task, &is_new);
    if (visitor->request->only_stacks)
        meet_awaits(walk, field_of(walk, task, "_coro"));
}

static void visit_frames(struct phd_walk *walk, uint64_t task, const struct visitor *visitor)
{
    uint64_t coroutine = field_of(walk, task, "_coro");
    for (unsigned i = 0; coroutine && i < MAX_AWAITS && *visitor->left && is_coroutine(walk, coroutine); i++) {
        uint64_t entry = phd__generator_frame(walk, coroutine);
        *visitor->left -= 1;
        if (entry)
            visitor->frame(walk, entry, visitor->argument);
        coroutine = awaited_by(walk, entry);
    }
}

static void visit_task(struct phd_walk *walk, uint64_t task, const struct visitor *visitor)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard))
        visitor->task(walk, task, visitor);
    PHD_UNGUARD(walk->memory, &guard);
}

/* ---- since 3.14 ---- */

static void visit_list(struct phd_walk *walk, const struct visitor *visitor, uint64_t head)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t links = phd__read_word(walk->memory, head);
        for (unsigned i = 0; links && links != head && i < PHD_MAX_TASKS; i++) {
            visit_task(walk, links - (uint64_t)walk->at->asyncio_task_links, visitor);
            links = phd__read_word(walk->memory, links);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void visit_thread_list(struct phd_walk *walk, const struct phd_thread *thread, void *argument)
{
    visit_list(walk, argument, thread->state + (uint64_t)walk->at->thread_asyncio_tasks);
}

/* ---- before ---- */

/* The members of a set of weak references; `strong`: of the objects themselves. */
static void visit_members(struct phd_walk *walk, const struct visitor *visitor, uint64_t set, bool strong)
{
    uint64_t mask = phd__word_at(walk, set, walk->at->set_mask);
    uint64_t table = phd__word_at(walk, set, walk->at->set_table);
    for (uint64_t i = 0; i <= mask && i < PHD_MAX_TASKS; i++) {
        uint64_t entry = table + i * (uint64_t)walk->at->set_entry_size;
        uint64_t key = phd__read_word(walk->memory, entry);
        if (!key || phd__read_word(walk->memory, entry + 8) == (uint64_t)-1) /* free, or deleted */
            continue;
        /* PyWeakReference.wr_object comes first (Include/cpython/weakrefobject.h); None: it is gone */
        uint64_t task = strong ? key : phd__word_at(walk, key, walk->at->object_size);
        if (phd__type_of(walk, task)->shape != PHD_SHAPE_NONE)
            visit_task(walk, task, visitor);
    }
}

static void visit_set(struct phd_walk *walk, const struct visitor *visitor, uint64_t module, const char *name)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t found = phd__instance_get(walk, module, name);
        bool strong = found && phd__type_of(walk, found)->shape == PHD_SHAPE_SET;
        uint64_t set = found && !strong ? phd__instance_get(walk, found, "data") : found;
        if (set && phd__type_of(walk, set)->shape == PHD_SHAPE_SET)
            visit_members(walk, visitor, set, strong);
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void visit_sets(struct phd_walk *walk, const struct visitor *visitor, uint64_t interpreter)
{
    uint64_t modules = phd__word_at(walk, interpreter, walk->at->interp_modules);
    uint64_t module = modules ? phd__dict_get(walk, modules, "asyncio.tasks") : 0;
    if (!module)
        return;
    visit_set(walk, visitor, module, "_all_tasks");
    visit_set(walk, visitor, module, "_scheduled_tasks");
    visit_set(walk, visitor, module, "_eager_tasks");
}

/* ---- all ---- */

static void visit_all_unguarded(struct phd_walk *walk, struct visitor *visitor)
{
    bool listed = walk->at->asyncio_task_links != PHD_ABSENT;
    if (listed)
        phd__threads_each(walk, visitor->request, visit_thread_list, visitor);
    uint64_t interpreter = phd__word_at(walk, visitor->request->runtime, walk->at->runtime_interpreters);
    for (unsigned i = 0; interpreter && i < MAX_INTERPRETERS; i++) {
        if (listed)
            visit_list(walk, visitor, interpreter + (uint64_t)walk->at->interp_asyncio_tasks);
        if (visitor->with_known)
            visit_sets(walk, visitor, interpreter);
        interpreter = phd__word_at(walk, interpreter, walk->at->interp_next);
    }
}

static void visit_all(struct phd_walk *walk, struct visitor *visitor)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard))
        visit_all_unguarded(walk, visitor);
    PHD_UNGUARD(walk->memory, &guard);
}

void phd__tasks_meet(struct phd_walk *walk, const struct phd_request *request)
{
    struct visitor visitor = {.request = request, .task = meet_task, .with_known = request->only_stacks};
    visit_all(walk, &visitor);
}

void phd__task_frames_each(struct phd_walk *walk, const struct phd_request *request,
                           void (*visit)(struct phd_walk *walk, uint64_t entry, void *argument), void *argument)
{
    unsigned left = MAX_FRAMES_OF_ALL;
    struct visitor visitor = {request, visit_frames, visit, argument, &left, true};
    visit_all(walk, &visitor);
}
