/* SPDX-License-Identifier: Apache-2.0
 *
 * phd_attach: stop the target → its mappings and modules → its interpreter → copy its writable memory → let it go → walk
 * the copy and write it as any other dump. Context: normal.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "attach/freeze.h"
#include "attach/python.h"
#include "dump.h"
#include "memory/copied.h"
#include "safe/clock.h"
#include "safe/text.h"

enum {
    PATH_ROOM = 64,
    PROC_ROOM = 4096,
    SPARE = 64 << 20,     /* bytes that stay available beside the copy */
    LEAST_CACHE = 4 << 20 /* bytes of the target that are kept at least when it is read in place */
};

struct target {
    struct phd_frozen frozen;
    struct phd_modules modules;
    struct phd_copied copied;
    struct phd_crash where; /* its threads stand */
    struct phd_request request;
    struct phd_attach_times *times;
    uint64_t stopped_at; /* phd__clock_ns */
};

/* ---- memory ---- */

/* The number behind `key` in a file of /proc, 0: not found. */
static uint64_t number_in(const char *path, const char *key)
{
    char content[PROC_ROOM + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, content, PROC_ROOM);
    if (fd >= 0)
        close(fd);
    content[length > 0 ? length : 0] = 0;
    const char *found = strstr(content, key);
    uint64_t value = 0;
    for (found = found ? found + strlen(key) : ""; *found == ' ' || *found == '\t'; found++)
        ;
    phd__text_parse_unsigned(&found, &value);
    return value;
}

/* Is there memory for a copy of the target, and for the walk? Bytes to work with when there is not, else 0. */
static uint64_t short_memory(const struct phd_attach_options *options)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "/proc/%d/status", options->pid);
    uint64_t needed = (number_in(path, "RssAnon:") + number_in(path, "VmSwap:")) * 1024;
    uint64_t available = options->memory ? options->memory : number_in("/proc/meminfo", "MemAvailable:") * 1024;
    if (!available || needed + needed / 2 + SPARE <= available)
        return 0;
    return available / 4 > LEAST_CACHE ? available / 4 : LEAST_CACHE;
}

static enum phd_status stop(struct target *target, const struct phd_attach_options *options, struct phd_error *error)
{
    target->where.process = target->where.thread = options->pid;
    if (!options->freeze)
        return PHD_OK;
    target->stopped_at = phd__clock_ns();
    enum phd_status status = phd__freeze(&target->frozen, options->pid, options->freeze_seconds, error);
    if (status == PHD_OK)
        phd__frozen_registers(&target->frozen, &target->where);
    return status;
}

static void let_go(struct target *target)
{
    if (!target->frozen.count)
        return;
    target->times->threads = target->frozen.count;
    phd__unfreeze(&target->frozen);
    target->times->stopped = (double)(phd__clock_ns() - target->stopped_at) / 1e9;
}

/* The memory's wish to let its process go. */
static void release(struct phd_memory *memory)
{
    struct target *target = (struct target *)((char *)memory - offsetof(struct target, copied.memory));
    let_go(target);
}

/* Have the memory for the copy before the target stops. What goes wrong here goes wrong again, and is told, then. */
static void prepare(struct target *target, const struct phd_attach_options *options)
{
    struct phd_mappings mappings;
    memset(&mappings, 0, sizeof mappings);
    if (phd__mappings_read(&mappings, options->pid, NULL) == PHD_OK &&
        phd__copied_open(&target->copied, options->pid, &mappings, NULL) == PHD_OK)
        phd__copied_prepare(&target->copied, &mappings);
    phd__mappings_close(&mappings);
}

static enum phd_status find(struct target *target, const struct phd_attach_options *options, struct phd_error *error)
{
    struct phd_python python;
    /* The first thread may have ended, and then the process's memory is to be had by way of the others. */
    int living = target->frozen.count ? target->frozen.threads[0].thread : options->pid;
    enum phd_status status = phd__mappings_read(&target->modules.mappings, living, error);
    if (status == PHD_OK)
        status = phd__copied_open(&target->copied, living, &target->modules.mappings, error);
    if (status != PHD_OK)
        return status;
    target->copied.memory.release = release;
    phd__modules_find(&target->modules, &target->copied.memory);
    status = phd__python_find(&python, &target->copied.memory, &target->modules, error);
    if (status != PHD_OK)
        return status;
    target->request.runtime = python.runtime;
    target->request.python_version = python.version;
    target->request.python_micro = python.micro;
    target->request.free_threaded = python.free_threaded;
    target->request.pid = options->pid;
    target->request.files_of = living;
    target->request.stopped = options->freeze;
    target->request.crash = &target->where;
    target->request.native_stacks = true;
    return PHD_OK;
}

enum phd_status phd_attach(const struct phd_request *request, const struct phd_attach_options *options,
                           struct phd_attach_times *times, struct phd_result *result, struct phd_error *error)
{
    static struct target target; /* large; one at a time */
    memset(&target, 0, sizeof target);
    memset(times, 0, sizeof *times);
    target.request = *request;
    target.times = times;
    uint64_t cache = request->only_stacks ? 0 : short_memory(options);
    if (options->freeze && !request->only_stacks && !cache)
        prepare(&target, options);
    enum phd_status status = stop(&target, options, error);
    if (status == PHD_OK)
        status = find(&target, options, error);
    times->in_place = cache != 0;
    if (status == PHD_OK && cache) {
        phd__copied_bound(&target.copied, cache);
    } else if (status == PHD_OK && !request->only_stacks) {
        phd__copied_fill(&target.copied, &target.modules.mappings);
        let_go(&target);
    }
    if (status == PHD_OK)
        status = phd__dump_write(&target.request, &target.copied.memory,
                                 options->freeze ? "attach" : "attach, not stopped", result, error);
    let_go(&target);
    times->bytes_copied = target.copied.bytes_read;
    phd__modules_close(&target.modules);
    phd__copied_close(&target.copied);
    return status;
}
