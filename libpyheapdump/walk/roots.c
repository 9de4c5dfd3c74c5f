/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "walk/roots.h"

#include <sys/syscall.h>

#include "crash/crash.h"
#include "walk/runner.h"
#include "walk/tasks.h"

enum { MAX_INTERPRETERS = 10000, ROOT_ROOM = 64 * 1024, FIRST_THREADS_CAPACITY = 4096 };

/* ---- reading threads ---- */

static uint64_t first_interpreter(struct phd_walk *walk, const struct phd_request *request)
{
    return phd__word_at(walk, request->runtime, walk->at->runtime_interpreters);
}

/* threading._active: {ident: Thread} of the interpreter, or 0. */
static uint64_t active_threads(struct phd_walk *walk, uint64_t interpreter)
{
    uint64_t modules = phd__word_at(walk, interpreter, walk->at->interp_modules);
    uint64_t threading = modules ? phd__dict_get(walk, modules, "threading") : 0;
    return threading ? phd__instance_get(walk, threading, "_active") : 0;
}

uint64_t phd__small_int(struct phd_walk *walk, uint64_t object)
{
    uint64_t value = 0;
    uint64_t size = phd__word_at(walk, object, walk->at->long_size);
    uint64_t digits = walk->at->long_tagged ? size >> 3 : size;
    for (uint64_t i = digits <= 3 ? digits : 0; i-- > 0;)
        value = value << walk->at->long_digit_bits |
                phd__read_u32(walk->memory, object + (uint64_t)walk->at->long_digits + 4 * i);
    return value;
}

uint64_t phd__int_attribute(struct phd_walk *walk, uint64_t object, const char *name)
{
    uint64_t value = phd__instance_get(walk, object, name);
    return value && phd__type_of(walk, value)->shape == PHD_SHAPE_INT ? phd__small_int(walk, value) : 0;
}

static bool has_frames(struct phd_walk *walk, uint64_t state)
{
    return phd__thread_frame(walk, state) != 0;
}

/* What the Thread object knows of the thread: name, daemon, native id. */
static void read_thread_object(struct phd_walk *walk, struct phd_thread *thread)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value, active = active_threads(walk, thread->interpreter);
    thread->nameless = !active;
    if (!active)
        return;
    phd__dict_open(walk, active, &cursor);
    while (phd__dict_next(walk, &cursor, &key, &value)) {
        if (phd__type_of(walk, key)->shape != PHD_SHAPE_INT || phd__small_int(walk, key) != thread->ident)
            continue;
        uint64_t name = phd__instance_get(walk, value, "_name");
        uint64_t daemon = phd__instance_get(walk, value, "_daemonic");
        if (name)
            phd__copy_str(walk, name, thread->name, sizeof thread->name);
        if (daemon && phd__type_of(walk, daemon)->shape == PHD_SHAPE_BOOL)
            thread->daemon = phd__read_u32(walk->memory, daemon + (uint64_t)walk->at->long_digits) != 0;
        if (!thread->native_id)
            thread->native_id = phd__int_attribute(walk, value, "_native_id");
        return;
    }
}

/* The address of the GIL that the thread needs, or 0. */
static uint64_t gil_of(struct phd_walk *walk, const struct phd_request *request, uint64_t state)
{
    const struct phd_layout *at = walk->at;
    struct phd_guard guard;
    volatile uint64_t gil = 0;
    if (at->runtime_gil != PHD_ABSENT)
        return request->runtime + (uint64_t)at->runtime_gil;
    if (PHD_GUARD(walk->memory, &guard))
        gil = phd__word_at(walk, phd__word_at(walk, state, at->thread_interp), at->interp_gil);
    PHD_UNGUARD(walk->memory, &guard);
    return gil;
}

/* Does the thread hold the GIL of its interpreter? (Python/ceval_gil.c, take_gil: last_holder is set when locked is;
 * who drops it leaves last_holder.) */
static bool holds_gil(struct phd_walk *walk, const struct phd_request *request, uint64_t state)
{
    struct phd_guard guard;
    volatile bool found = false;
    uint64_t gil = gil_of(walk, request, state);
    if (PHD_GUARD(walk->memory, &guard)) {
        found = gil && phd__int_at(walk, gil, walk->at->gil_locked) == 1 &&
                phd__word_at(walk, gil, walk->at->gil_last_holder) == state;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return found;
}

/* The pthread_self() of a thread, as a state of the main interpreter tells it that has this kernel id; 0: not known. */
static uint64_t ident_of(struct phd_walk *walk, uint64_t kernel_id)
{
    struct phd_guard guard;
    volatile uint64_t ident = 0;
    if (walk->at->thread_native_id == PHD_ABSENT)
        return 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        for (unsigned i = 0; i < walk->thread_count && !ident; i++) {
            if (phd__word_at(walk, walk->threads[i], walk->at->thread_native_id) == kernel_id &&
                phd__word_at(walk, walk->threads[i], walk->at->thread_interp) == walk->main_interpreter)
                ident = phd__word_at(walk, walk->threads[i], walk->at->thread_ident);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return ident;
}

/* A state that no thread runs belongs to none; of one that has frames the ids stay, where who runs it is not known. */
static void correct_ids(struct phd_walk *walk, const struct phd_request *request, struct phd_thread *thread)
{
    const struct phd_standing *runner = request->crash ? phd__runner_of(walk, request->crash, thread->state) : NULL;
    if (runner) {
        thread->native_id = (uint64_t)runner->thread;
        uint64_t ident = runner->ident ? runner->ident : ident_of(walk, thread->native_id);
        thread->ident = ident ? ident : thread->ident;
    } else if (!thread->current && !has_frames(walk, thread->state)) {
        thread->native_id = thread->ident = 0;
    }
}

static void read_thread(struct phd_walk *walk, const struct phd_request *request, uint64_t state,
                        struct phd_thread *thread)
{
    struct phd_guard guard;
    memset(thread, 0, sizeof *thread);
    thread->state = state;
    thread->daemon = -1;
    thread->current = state == request->thread;
    thread->holds_gil = !request->free_threaded && holds_gil(walk, request, state);
    if (PHD_GUARD(walk->memory, &guard)) {
        thread->interpreter = phd__word_at(walk, state, walk->at->thread_interp);
        thread->ident = phd__word_at(walk, state, walk->at->thread_ident);
        if (walk->at->thread_native_id != PHD_ABSENT)
            thread->native_id = phd__word_at(walk, state, walk->at->thread_native_id);
        else if (thread->current)
            thread->native_id = request->native_id;
        thread->interpreter_id = phd__word_at(walk, thread->interpreter, walk->at->interp_id);
        if (phd__ids_may_be_wrong(walk, thread->interpreter_id))
            correct_ids(walk, request, thread);
        read_thread_object(walk, thread);
    } else {
        thread->problem = walk->memory->fault_reason;
    }
    PHD_UNGUARD(walk->memory, &guard);
}

/* ---- what threads wait for ---- */

/* A thread that waits for a PyMutex (3.13+) sleeps on a semaphore in a wait_entry on its stack; before the semaphore
 * stands the address of the mutex (Python/parking_lot.c, struct wait_entry), whose byte says that it is locked and that
 * somebody waits (Include/cpython/lock.h, _Py_LOCKED and _Py_HAS_PARKED). */
static uint64_t mutex_behind(struct phd_walk *walk, uint64_t semaphore)
{
    enum { LOCKED_AND_AWAITED = 3 };
    struct phd_guard guard;
    volatile uint64_t mutex = 0;
    if (walk->at->version < 0x030d)
        return 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t found = phd__read_word(walk->memory, semaphore - 8);
        if ((phd__read_u8(walk->memory, found) & LOCKED_AND_AWAITED) == LOCKED_AND_AWAITED)
            mutex = found;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return mutex;
}

/* Where the thread stood, NULL: not known. */
static const struct phd_standing *standing_of(const struct phd_crash *crash, const struct phd_thread *thread)
{
    for (unsigned i = 0; i <= crash->other_count; i++) {
        const struct phd_standing *standing = i ? crash->others + i - 1 : &crash->own;
        bool same =
            standing->ident ? standing->ident == thread->ident : (uint64_t)standing->thread == thread->native_id;
        if (standing->thread && same)
            return standing;
    }
    return NULL;
}

static void find_wait(struct phd_walk *walk, const struct phd_request *request, struct phd_thread *thread)
{
    const struct phd_standing *standing = request->crash ? standing_of(request->crash, thread) : NULL;
    thread->system_call = standing ? standing->system_call : PHD_NO_SYSTEM_CALL;
    if (thread->system_call != SYS_futex)
        return;
    uint64_t gil = gil_of(walk, request, thread->state);
    thread->futex = standing->argument;
    thread->waits_for_gil = gil && thread->futex - gil < (uint64_t)walk->at->gil_size;
    thread->mutex = thread->waits_for_gil ? 0 : mutex_behind(walk, thread->futex);
}

/* A program that has not imported threading gives no names. The thread that the process began with, whose kernel id is
 * the process's, has the one that threading would give it (Lib/threading.py, _MainThread). */
static void name_main_thread(const struct phd_request *request, struct phd_thread *thread)
{
    const struct phd_standing *standing = request->crash ? standing_of(request->crash, thread) : NULL;
    uint64_t kernel_id = standing ? (uint64_t)standing->thread : thread->native_id;
    if (thread->nameless && thread->interpreter_id == 0 && request->pid > 0 && kernel_id == (uint64_t)request->pid)
        memcpy(thread->name, "MainThread", sizeof "MainThread");
}

typedef void (*thread_visitor)(struct phd_walk *walk, const struct phd_thread *thread, void *argument);

static void visit_state(struct phd_walk *walk, const struct phd_request *request, uint64_t state, thread_visitor visit,
                        void *argument)
{
    struct phd_thread thread;
    read_thread(walk, request, state, &thread);
    find_wait(walk, request, &thread);
    name_main_thread(request, &thread);
    visit(walk, &thread, argument);
}

void phd__threads_each(struct phd_walk *walk, const struct phd_request *request, thread_visitor visit, void *argument)
{
    if (request->thread)
        visit_state(walk, request, request->thread, visit, argument);
    for (unsigned i = 0; i < walk->thread_count; i++) {
        if (walk->threads[i] != request->thread)
            visit_state(walk, request, walk->threads[i], visit, argument);
    }
}

/* ---- finding threads ---- */

/* List the threads of one interpreter from `first` on, without our own. `seen` holds those met: a damaged list may lead
 * back into itself. A link to what cannot be read is listed: its record says so. */
static void list_threads(struct phd_walk *walk, uint64_t first, uint64_t own_thread, struct phd_addrset *seen)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        bool added = true;
        for (uint64_t state = first; state && walk->thread_count < PHD_MAX_THREADS;
             state = phd__word_at(walk, state, walk->at->thread_next)) {
            phd__addrset_enter(seen, state, 0, &added);
            if (!added)
                break;
            if (state != own_thread)
                walk->threads[walk->thread_count++] = state;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void list_all_threads(struct phd_walk *walk, const struct phd_request *request, struct phd_addrset *seen)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t interpreter = first_interpreter(walk, request);
        for (unsigned i = 0; interpreter && i < MAX_INTERPRETERS; i++) {
            bool added;
            phd__addrset_enter(seen, interpreter, 0, &added);
            if (!added)
                break;
            list_threads(walk, phd__word_at(walk, interpreter, walk->at->interp_threads), request->own_thread, seen);
            interpreter = phd__word_at(walk, interpreter, walk->at->interp_next);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

/* How well a thread state fits the thread that got the signal; 0: it is another thread's. A thread that works in several
 * interpreters has a state in each: the one that holds the GIL runs, next comes one that has frames. */
static int fitness(struct phd_walk *walk, const struct phd_request *request, uint64_t state)
{
    struct phd_guard guard;
    volatile int found = 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__word_at(walk, state, walk->at->thread_ident) == request->crash->thread_ident) {
            found = 1;
            if (holds_gil(walk, request, state))
                found = 3;
            else if (has_frames(walk, state))
                found = 2;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return found;
}

static void find_crashed_thread(struct phd_walk *walk, struct phd_request *request)
{
    int best = 0;
    for (unsigned i = 0; i < walk->thread_count; i++) {
        int found = fitness(walk, request, walk->threads[i]);
        if (found > best) {
            best = found;
            request->thread = walk->threads[i];
        }
    }
    request->gil_held = best == 3 && !request->free_threaded;
}

/* A dump that is made on time or on request is about the thread that holds the GIL; when none does, about the main thread: a list of
 * thread states has the newest first, and the main interpreter is the oldest. */
static void find_running_thread(struct phd_walk *walk, struct phd_request *request)
{
    for (unsigned i = 0; i < walk->thread_count; i++) {
        if (!request->free_threaded && holds_gil(walk, request, walk->threads[i])) {
            request->thread = walk->threads[i];
            return;
        }
    }
    if (walk->thread_count)
        request->thread = walk->threads[walk->thread_count - 1];
}

void phd__threads_find(struct phd_walk *walk, struct phd_request *request)
{
    struct phd_addrset seen;
    if (!phd__addrset_open(&seen, FIRST_THREADS_CAPACITY))
        return; /* without memory there is little that could be written of them */
    list_all_threads(walk, request, &seen);
    phd__addrset_close(&seen);
    if (request->crash && request->crash->signal)
        find_crashed_thread(walk, request);
    else if (request->find_thread)
        find_running_thread(walk, request);
}

unsigned phd__frames_to_skip(const struct phd_request *request, const struct phd_thread *thread)
{
    return thread->current ? request->skip_frames : 0;
}

/* ---- writing ---- */

/* Returns why not all frames could be written, or NULL. */
static const char *put_frames(struct phd_walk *walk, const struct phd_request *request, const struct phd_thread *thread)
{
    struct phd_guard guard;
    const char *volatile problem = NULL;
    volatile unsigned skip = phd__frames_to_skip(request, thread);
    size_t header = walk->to->used;
    volatile uint32_t count = 0;
    phd__buffer_append(walk->to, "\xdd\0\0\0\0", 5); /* array 32, counted below */
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t entry = phd__thread_frame(walk, thread->state);
        for (unsigned i = 0; entry && i < PHD_MAX_FRAMES; i++) {
            if (walk->to->capacity - walk->to->used < ROOT_ROOM) {
                problem = "there are more frames than fit";
                break;
            }
            if (i >= skip) {
                phd__put_frame_reference(walk, entry);
                count = count + 1;
            }
            entry = phd__frame_caller(walk, entry);
        }
    } else {
        problem = walk->memory->fault_reason;
    }
    PHD_UNGUARD(walk->memory, &guard);
    for (unsigned i = 0; i < 4; i++)
        walk->to->data[header + 1 + i] = (uint8_t)(count >> (24 - 8 * i));
    return problem;
}

static void put_bool(struct phd_walk *walk, bool value)
{
    if (value)
        phd__pack_true(walk->to);
    else
        phd__pack_false(walk->to);
}

static void put_number_or_nil(struct phd_walk *walk, const char *key, uint64_t value, bool known)
{
    phd__pack_text(walk->to, key);
    if (known)
        phd__pack_uint64(walk->to, value);
    else
        phd__pack_nil(walk->to);
}

uint64_t phd__handled_exception(struct phd_walk *walk, uint64_t state)
{
    struct phd_guard guard;
    volatile uint64_t value = 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t item = phd__word_at(walk, state, walk->at->thread_exc_info);
        for (unsigned depth = 0; item && !value && depth < PHD_MAX_FRAMES; depth++) {
            value = phd__word_at(walk, item, walk->at->excinfo_value);
            if (value && phd__type_of(walk, value)->shape == PHD_SHAPE_NONE)
                value = 0;
            item = phd__word_at(walk, item, walk->at->excinfo_previous);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return value;
}

struct roots {
    const struct phd_request *request;
    volatile uint32_t threads; /* counted under a recovery point, and read after it */
};

static void put_thread(struct phd_walk *walk, const struct phd_thread *thread, void *argument)
{
    struct roots *roots = argument;
    if (walk->to->capacity - walk->to->used < ROOT_ROOM)
        return; /* the block is full: the remaining threads' frames are reached through sys.modules only */
    roots->threads = roots->threads + 1;
    phd__pack_map(walk->to, 14);
    phd__pack_text(walk->to, "ident");
    phd__pack_uint64(walk->to, thread->ident);
    phd__pack_text(walk->to, "native_id");
    phd__pack_uint64(walk->to, thread->native_id);
    phd__pack_text(walk->to, "name");
    if (thread->name[0])
        phd__pack_text(walk->to, thread->name);
    else
        phd__pack_nil(walk->to);
    phd__pack_text(walk->to, "current");
    put_bool(walk, thread->current);
    phd__pack_text(walk->to, "holds_gil");
    put_bool(walk, thread->holds_gil);
    phd__pack_text(walk->to, "interpreter");
    phd__pack_uint64(walk->to, thread->interpreter_id);
    put_number_or_nil(walk, "system_call", (uint64_t)thread->system_call, thread->system_call != PHD_NO_SYSTEM_CALL);
    put_number_or_nil(walk, "futex", thread->futex, thread->futex != 0);
    put_number_or_nil(walk, "mutex", thread->mutex, thread->mutex != 0);
    phd__pack_text(walk->to, "waits_for_gil");
    put_bool(walk, thread->waits_for_gil);
    phd__pack_text(walk->to, "daemon");
    if (thread->daemon < 0)
        phd__pack_nil(walk->to);
    else
        put_bool(walk, thread->daemon);
    phd__pack_text(walk->to, "frames");
    const char *problem = put_frames(walk, roots->request, thread);
    problem = thread->problem ? thread->problem : problem;
    phd__pack_text(walk->to, "exception");
    uint64_t handled = phd__handled_exception(walk, thread->state);
    if (handled)
        phd__put_value(walk, handled);
    else
        phd__pack_nil(walk->to);
    phd__pack_text(walk->to, "problem");
    if (problem)
        phd__pack_text(walk->to, problem);
    else
        phd__pack_nil(walk->to);
}

static __attribute__((noinline)) void put_root(struct phd_walk *walk, const char *key, uint64_t object)
{
    phd__pack_text(walk->to, key);
    if (object)
        phd__put_value(walk, object);
    else
        phd__pack_nil(walk->to);
}

/* Meet the frames of the traceback, the innermost first: it is the nearest to the fault. */
static __attribute__((noinline)) void meet_traceback_frames(struct phd_walk *walk, uint64_t traceback)
{
    enum { NEAREST = 256 };
    uint64_t nearest[NEAREST];
    unsigned count = 0;
    for (; traceback && count < PHD_MAX_FRAMES; count++) {
        nearest[count % NEAREST] = phd__word_at(walk, traceback, walk->at->traceback_frame);
        traceback = phd__word_at(walk, traceback, walk->at->traceback_next);
    }
    for (unsigned i = 0; i < count && i < NEAREST; i++) {
        bool is_new;
        phd__walk_meet(walk, nearest[(count - 1 - i) % NEAREST], &is_new);
    }
}

static void begin_roots(struct phd_walk *walk)
{
    walk->to = &walk->items;
    walk->items.used = 0;
    walk->own_id = 0;
    walk->careful = true;
    walk->meeting_roots = true;
}

static void end_roots(struct phd_walk *walk)
{
    phd__blocks_put(walk->blocks, PHD_BLOCK_ROOTS, 0, 1, 0, walk->items.data, walk->items.used);
    walk->items.used = 0;
    walk->to = &walk->records;
    walk->careful = false;
    walk->meeting_roots = false;
}

void phd__roots_put(struct phd_walk *walk, const struct phd_request *request)
{
    struct roots roots = {request, 0};
    struct phd_guard guard;
    begin_roots(walk);
    phd__pack_map(walk->to, 4);
    phd__pack_text(walk->to, "reason");
    phd__pack_text(walk->to, request->reason);
    put_root(walk, "exception", request->exception);
    if (request->traceback) {
        if (PHD_GUARD(walk->memory, &guard))
            meet_traceback_frames(walk, request->traceback);
        PHD_UNGUARD(walk->memory, &guard);
    }
    put_root(walk, "traceback", request->traceback);
    phd__pack_text(walk->to, "threads");
    size_t header = walk->to->used;
    phd__buffer_append(walk->to, "\xdd\0\0\0\0", 5);
    if (PHD_GUARD(walk->memory, &guard)) {
        phd__threads_each(walk, request, put_thread, &roots);
        phd__tasks_meet(walk, request);
    }
    PHD_UNGUARD(walk->memory, &guard);
    for (unsigned i = 0; i < 4; i++)
        walk->to->data[header + 1 + i] = (uint8_t)(roots.threads >> (24 - 8 * i));
    end_roots(walk);
}

static __attribute__((noinline)) void put_interpreters(struct phd_walk *walk, const struct phd_request *request)
{
    uint64_t interpreter = first_interpreter(walk, request);
    uint64_t main = interpreter;
    for (unsigned i = 0; interpreter && i < MAX_INTERPRETERS; i++) {
        if (phd__word_at(walk, interpreter, walk->at->interp_id) == 0)
            main = interpreter;
        interpreter = phd__word_at(walk, interpreter, walk->at->interp_next);
    }
    put_root(walk, "modules", phd__word_at(walk, main, walk->at->interp_modules));
    phd__pack_text(walk->to, "interpreters");
    size_t header = walk->to->used;
    uint16_t count = 0;
    phd__buffer_append(walk->to, "\xdc\0\0", 3);
    interpreter = first_interpreter(walk, request);
    for (unsigned i = 0; interpreter && i < MAX_INTERPRETERS; i++, count++) {
        phd__pack_map(walk->to, 2);
        phd__pack_text(walk->to, "id");
        phd__pack_uint64(walk->to, phd__word_at(walk, interpreter, walk->at->interp_id));
        put_root(walk, "modules", phd__word_at(walk, interpreter, walk->at->interp_modules));
        interpreter = phd__word_at(walk, interpreter, walk->at->interp_next);
    }
    walk->to->data[header + 1] = (uint8_t)(count >> 8);
    walk->to->data[header + 2] = (uint8_t)count;
}

void phd__roots_put_modules(struct phd_walk *walk, const struct phd_request *request)
{
    struct phd_guard guard;
    volatile bool done = false;
    begin_roots(walk);
    phd__pack_map(walk->to, 2);
    if (PHD_GUARD(walk->memory, &guard)) {
        put_interpreters(walk, request);
        done = true;
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (!done) {
        walk->items.used = 0;
        phd__pack_map(walk->to, 1);
        phd__pack_text(walk->to, "modules");
        phd__pack_missing(walk->to, walk->memory->fault_reason, walk->memory->fault_address);
    }
    end_roots(walk);
}
