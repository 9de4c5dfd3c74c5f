/* SPDX-License-Identifier: Apache-2.0
 *
 * phd_attach: stop the target → its mappings and modules → its interpreter → copy its writable memory → let it go → walk
 * the copy and write it as any other dump. A target that can be asked makes a snapshot of itself as soon as it is stopped
 * and is let go; the rest is the same, with the snapshot in its place. Context: normal.
 */
#include <stdio.h>

#include "attach/ask.h"
#include "attach/freeze.h"
#include "attach/python.h"
#include "attach/room.h"
#include "dump.h"
#include "limits/small_file.h"
#include "memory/copied.h"
#include "safe/clock.h"

/* How long a snapshot is waited for: several times what the clone takes. */
static const double ASK_SECONDS = 1, ASK_SECONDS_PER_GIB = 0.1;

enum { PATH_ROOM = 64 };

struct target {
    struct phd_frozen frozen;
    struct phd_ask ask;
    struct phd_modules modules;
    struct phd_copied copied;
    struct phd_crash where; /* its threads stand */
    struct phd_request request;
    struct phd_attach_times *times;
    void (*trim)(struct phd_memory *memory); /* the memory's own, or NULL */
    bool is_held;
    uint64_t stopped_at; /* phd__clock_ns */
    uint64_t needed;     /* bytes that a copy takes */
    uint64_t cache;      /* bytes that may be kept where there is no memory for a copy; else 0 */
    int living;          /* a thread of it: the first may have ended, and then all is to be had by way of the others */
};

/* Is there memory for a copy of the target, and for the walk? */
static void measure(struct target *target, const struct phd_attach_options *options)
{
    char path[PATH_ROOM];
    uint64_t own = 0, swapped = 0; /* KiB */
    snprintf(path, sizeof path, "/proc/%d/status", options->pid);
    phd__file_value(path, "RssAnon:", &own);
    phd__file_value(path, "VmSwap:", &swapped);
    target->needed = (own + swapped) * 1024;
    target->cache = phd__short_memory(target->needed, options->memory);
}

static enum phd_status stop(struct target *target, const struct phd_attach_options *options, struct phd_error *error)
{
    target->where.process = target->where.thread = target->living = options->pid;
    if (!options->freeze)
        return PHD_OK;
    phd__frozen_close(&target->frozen);
    target->stopped_at = phd__clock_ns();
    enum phd_status status = phd__freeze(&target->frozen, options->pid, options->freeze_seconds, error);
    if (status != PHD_OK)
        return status;
    target->is_held = true;
    target->living = target->frozen.threads[0].thread;
    phd__frozen_registers(&target->frozen, &target->where);
    return PHD_OK;
}

static void let_go(struct target *target)
{
    if (!target->is_held)
        return;
    target->is_held = false;
    target->times->threads = target->frozen.count;
    phd__unfreeze(&target->frozen);
    target->times->stopped += (double)(phd__clock_ns() - target->stopped_at) / 1e9;
}

/* The memory's wish to let its process go. */
static void release(struct phd_memory *memory)
{
    struct target *target = (struct target *)((char *)memory - offsetof(struct target, copied.memory));
    let_go(target);
}

/* Between two records: threads that stop only now are not held until the dump is written. */
static void trim(struct phd_memory *memory)
{
    struct target *target = (struct target *)((char *)memory - offsetof(struct target, copied.memory));
    if (!target->is_held && target->frozen.count)
        phd__unfreeze(&target->frozen);
    if (target->trim)
        target->trim(memory);
}

/* Find whom to ask. The pages that are looked at for that are not those of the copy, which must be read anew. */
static void look_before(struct target *target, struct phd_modules *modules, int pid)
{
    struct phd_copied looked_at;
    memset(&looked_at, 0, sizeof looked_at);
    if (phd__copied_open(&looked_at, pid, &modules->mappings, NULL) == PHD_OK) {
        phd__modules_find(modules, &looked_at.memory);
        phd__ask_find(&target->ask, &looked_at.memory, modules);
    }
    phd__copied_close(&looked_at);
}

/* What can be done before the target stops: find whom to ask, and have the memory for the copy. What goes wrong here goes
 * wrong again, and is told, then. */
static void prepare(struct target *target, const struct phd_attach_options *options)
{
    struct phd_modules modules;
    memset(&modules, 0, sizeof modules);
    if (phd__mappings_read(&modules.mappings, options->pid, NULL) == PHD_OK) {
        if (options->ask)
            look_before(target, &modules, options->pid);
        if (!target->cache && phd__copied_open(&target->copied, options->pid, &modules.mappings, NULL) == PHD_OK)
            phd__copied_prepare(&target->copied, &modules.mappings);
    }
    phd__modules_close(&modules);
}

/* Have the target make a snapshot of itself, if it can, and let it go. It is stopped again should the snapshot not be
 * to be had after all. */
static enum phd_status ask(struct target *target, const struct phd_attach_options *options, struct phd_error *error)
{
    enum phd_status status = PHD_OK;
    double seconds = ASK_SECONDS + ASK_SECONDS_PER_GIB * (double)target->needed / (1 << 30);
    if (phd__ask(&target->ask, &target->frozen, seconds)) {
        let_go(target);
        target->times->asked = phd__ask_hold(&target->ask, seconds);
        if (!target->times->asked)
            status = stop(target, options, error);
    }
    memcpy(target->times->why_not, target->ask.why_not, sizeof target->times->why_not);
    return status;
}

static enum phd_status find(struct target *target, const struct phd_attach_options *options, struct phd_error *error)
{
    struct phd_python python;
    int memory_of = target->ask.child ? target->ask.child : target->living;
    enum phd_status status = phd__mappings_read(&target->modules.mappings, memory_of, error);
    if (status == PHD_OK)
        status = phd__copied_open(&target->copied, memory_of, &target->modules.mappings, error);
    if (status != PHD_OK)
        return status;
    target->copied.memory.release = release;
    phd__modules_find(&target->modules, &target->copied.memory);
    status = phd__python_find(&python, &target->copied.memory, &target->modules, error);
    if (status != PHD_OK)
        return status;
    phd__python_describe(&python, &target->request);
    if (target->ask.child)
        phd__copied_is_clone(&target->copied);
    target->request.pid = options->pid;
    target->request.files_of = target->living;
    target->request.stopped = options->freeze;
    target->request.crash = &target->where;
    target->request.modules = &target->modules;
    target->request.native_stacks = true;
    return PHD_OK;
}

/* Have all that the walk may want, and let the target go; or a cache, as large as memory allows. */
static void copy(struct target *target)
{
    if (target->cache) {
        phd__copied_bound(&target->copied, target->cache);
    } else if (!target->request.only_stacks) {
        phd__copied_fill(&target->copied, &target->modules.mappings);
        let_go(target);
    }
    target->trim = target->copied.memory.trim;
    target->copied.memory.trim = trim;
}

static const char *how(const struct phd_attach_options *options, const struct phd_attach_times *times)
{
    if (times->asked)
        return "attach, clone";
    return options->freeze ? "attach" : "attach, not stopped";
}

enum phd_status phd_attach(const struct phd_request *request, const struct phd_attach_options *options,
                           struct phd_attach_times *times, struct phd_result *result, struct phd_error *error)
{
    static struct target target; /* large; one at a time */
    memset(&target, 0, sizeof target);
    memset(times, 0, sizeof *times);
    target.request = *request;
    target.times = times;
    if (!request->only_stacks)
        measure(&target, options);
    if (options->freeze && !request->only_stacks)
        prepare(&target, options);
    enum phd_status status = stop(&target, options, error);
    if (status == PHD_OK)
        status = ask(&target, options, error);
    if (status == PHD_OK)
        status = find(&target, options, error);
    if (status == PHD_OK) {
        copy(&target);
        status = phd__dump_write(&target.request, &target.copied.memory, how(options, times), result, error);
    }
    let_go(&target);
    phd__frozen_close(&target.frozen);
    phd__ask_end(&target.ask);
    times->in_place = target.cache != 0;
    times->bytes_copied = target.copied.bytes_read;
    phd__modules_close(&target.modules);
    phd__copied_close(&target.copied);
    return status;
}
