/* SPDX-License-Identifier: Apache-2.0
 *
 * Order of what is written: headers and text, FACTS, ROOTS, frames and what they refer to directly, evidence of the
 * system and sources of the files on the stacks, the objects reachable from there, ROOTS again (sys.modules), the rest
 * of the objects, END, index, end of the message: a file that is cut has lost what matters least.
 * Context: crash.
 */
#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode/blocks.h"
#include "encode/foreign.h"
#include "evidence/evidence.h"
#include "layout/layout.h"
#include "native/native.h"
#include "report/late_texts.h"
#include "report/report.h"
#include "safe/clock.h"
#include "safe/pages.h"
#include "safe/text.h"
#include "walk/roots.h"
#include "walk/walk.h"

/* Kept back from max_bytes for what closes the file. */
enum { CLOSING_RESERVE = 64 * 1024 };

/* A duration that is as good as none, and fits when counted in nanoseconds. */
static const double MAX_SECONDS = 1e9;

/* So many steps from the roots are written, each in blocks of its own, before the evidence. */
enum { NEAR_LEVELS = 3 };

enum { DESCRIPTION_ROOM = 4096 };

static void pack_pair(struct phd_buffer *to, const char *key, const char *value)
{
    phd__pack_text(to, key);
    phd__pack_text(to, value ? value : "");
}

static void pack_number(struct phd_buffer *to, const char *key, uint64_t value)
{
    phd__pack_text(to, key);
    phd__pack_uint64(to, value);
}

/* Each line of `lines` is a str. */
static void pack_lines(struct phd_buffer *to, const char *lines)
{
    size_t count = 0;
    for (const char *at = lines; *at; at++)
        count += *at == '\n';
    phd__pack_array(to, count);
    for (const char *start = lines, *at = lines; *at; at++) {
        if (*at != '\n')
            continue;
        phd__pack_foreign(to, start, (size_t)(at - start));
        start = at + 1;
    }
}

static void put_core(struct phd_buffer *to, const struct phd_core_source *core)
{
    phd__pack_text(to, "core");
    phd__pack_map(to, 3);
    phd__pack_text(to, "path");
    phd__pack_foreign_text(to, core->path);
    phd__pack_text(to, "time");
    phd__pack_double(to, (double)core->time_ns / 1e9);
    phd__pack_text(to, "problems");
    pack_lines(to, core->problems);
}

static void put_limit(struct phd_buffer *to, const struct phd_near_limit *limit)
{
    phd__pack_text(to, "memory_limit");
    phd__pack_map(to, 5);
    pack_pair(to, "kind", limit->kind);
    pack_pair(to, "where", limit->where);
    pack_number(to, "bytes", limit->bytes);
    pack_number(to, "used", limit->used);
    pack_number(to, "threshold", limit->threshold);
}

static void put_facts(struct phd_walk *walk, const struct phd_request *request, const char *how)
{
    struct phd_buffer *to = &walk->items;
    to->used = 0;
    phd__pack_map(to, 15 + (request->label != NULL) + (request->held_back != 0) + (request->core != NULL) +
                          (request->limit != NULL));
    pack_number(to, "version", PHD_FORMAT_VERSION);
    phd__pack_text(to, "python");
    bool micro_known = request->python_micro >= 0;
    phd__pack_array(to, 2 + micro_known);
    phd__pack_uint64(to, (uint64_t)request->python_version >> 8);
    phd__pack_uint64(to, (uint64_t)request->python_version & 255);
    if (micro_known)
        phd__pack_uint64(to, (uint64_t)request->python_micro);
    pack_pair(to, "python_build", request->python_text);
    pack_pair(to, "executable", request->executable);
    pack_number(to, "pid", (uint64_t)request->pid);
    pack_number(to, "sequence", request->sequence);
    phd__pack_text(to, "time");
    phd__pack_double(to, (double)request->time_ns / 1e9);
    pack_pair(to, "reason", request->reason);
    if (request->label)
        pack_pair(to, "label", request->label);
    if (request->held_back)
        pack_number(to, "held_back", request->held_back);
    if (request->core)
        put_core(to, request->core);
    if (request->limit)
        put_limit(to, request->limit);
    pack_pair(to, "snapshot", how);
    phd__pack_text(to, "gil_held");
    if (request->gil_held)
        phd__pack_true(to);
    else
        phd__pack_false(to);
    phd__pack_text(to, "stopped");
    if (request->stopped)
        phd__pack_true(to);
    else
        phd__pack_false(to);
    pack_pair(to, "scope", "closure");
    pack_pair(to, "writer", "pyheapdump " PHD_VERSION);
    pack_number(to, "pointer_size", sizeof(void *));
    phd__pack_text(to, "limits");
    phd__pack_map(to, 4);
    pack_number(to, "max_bytes", request->max_bytes);
    pack_number(to, "max_buffer", request->max_buffer);
    pack_number(to, "max_buffers", request->max_buffers);
    phd__pack_text(to, "max_seconds");
    phd__pack_double(to, request->max_seconds);
    phd__blocks_put(walk->blocks, PHD_BLOCK_FACTS, 0, 1, 0, to->data, to->used);
    to->used = 0;
}

static void put_omission(struct phd_buffer *to, const char *what, uint64_t count, const char *reason)
{
    if (!count)
        return;
    phd__pack_map(to, 3);
    pack_pair(to, "what", what);
    pack_number(to, "count", count);
    pack_pair(to, "reason", reason);
}

/* What was left out on purpose. */
static void put_omitted(const struct phd_walk *walk, struct phd_buffer *to)
{
    phd__pack_text(to, "omitted");
    phd__pack_array(to, (walk->redaction.count != 0) + (walk->buffers_cut != 0) + (walk->buffer_bytes_cut != 0));
    put_omission(to, "texts", walk->redaction.count, "redacted: their names tell of a secret");
    put_omission(to, "buffers", walk->buffers_cut, "head and tail kept: max_buffer, max_buffers");
    put_omission(to, "bytes of buffers", walk->buffer_bytes_cut, "left out: max_buffer, max_buffers");
}

static void put_end(struct phd_walk *walk, const struct phd_result *result)
{
    struct phd_buffer *to = &walk->items;
    to->used = 0;
    phd__pack_map(to, walk->stopped ? 11 : 10);
    pack_number(to, "objects", result->objects);
    pack_number(to, "known", result->known);
    pack_number(to, "broken", walk->broken);
    pack_number(to, "missing_values", walk->missing_values);
    phd__pack_text(to, "complete");
    if (result->complete)
        phd__pack_true(to);
    else
        phd__pack_false(to);
    phd__pack_text(to, "seconds");
    phd__pack_double(to, result->seconds);
    put_omitted(walk, to);
    phd__pack_text(to, "tasks");
    phd__pack_array(to, walk->task_count);
    for (unsigned i = 0; i < walk->task_count; i++)
        phd__pack_reference(to, walk->tasks[i]);
    uint64_t listed = walk->suspect_count < PHD_MAX_SUSPECTS ? walk->suspect_count : PHD_MAX_SUSPECTS;
    pack_number(to, "suspect_count", walk->suspect_count);
    phd__pack_text(to, "suspects");
    phd__pack_array(to, listed);
    for (uint64_t i = 0; i < listed; i++)
        phd__pack_reference(to, walk->suspects[i]);
    if (walk->stopped)
        pack_pair(to, "reason", walk->stopped);
    phd__blocks_put(walk->blocks, PHD_BLOCK_END, 0, 1, 0, to->data, to->used);
}

static void fill_result(const struct phd_walk *walk, uint64_t started, struct phd_result *result)
{
    result->objects = walk->written;
    result->known = walk->next_id;
    result->broken = walk->broken;
    result->memory = phd__walk_memory(walk);
    result->seconds = (double)(phd__clock_ns() - started) / 1e9;
    result->complete = !walk->stopped && !walk->broken && !walk->missing_values;
}

static void put_signal(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native)
{
    struct phd_native_facts facts = {NULL, request->thread != 0};
    if (!request->free_threaded)
        facts.gil = request->gil_held ? "held" : "not held";
    phd__native_put(native, walk, request->crash, &facts);
}

static void write_objects(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                          const char *how)
{
    put_facts(walk, request, how);
    if (native)
        put_signal(walk, request, native);
    phd__roots_put(walk, request);
    walk->near_roots = true;
    walk->beginnings = request->only_stacks;
    for (int level = 0; level < NEAR_LEVELS; level++) {
        if (request->only_stacks && level == NEAR_LEVELS - 1) {
            phd__walk_meet_descriptions(walk);
            walk->leaves_only = true;
        }
        phd__walk_run_met(walk); /* the exception and the frames; what they refer to; what that refers to */
        phd__walk_flush(walk);
    }
    if (request->only_stacks) {
        phd__walk_run_met(walk); /* the long texts and numbers of what was read last */
        phd__walk_flush(walk);
        if (request->sources)
            phd__sources_find(walk, request);
        if (walk->memory->release)
            walk->memory->release(walk->memory);
        if (request->sources)
            phd__sources_put(walk);
        walk->stopped = walk->stopped ? walk->stopped : "only the stacks were asked for";
        return;
    }
    phd__evidence_put(walk, request);
    phd__walk_run_postponed(walk);
    phd__walk_run(walk);
    if (!walk->stopped) {
        phd__roots_put_modules(walk, request);
        phd__walk_run(walk);
    }
    phd__walk_flush(walk);
}

static void find_main_interpreter(struct phd_walk *walk, const struct phd_request *request)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t interpreter = phd__word_at(walk, request->runtime, walk->at->runtime_interpreters);
        for (unsigned i = 0; interpreter && i < PHD_MAX_THREADS; i++) {
            walk->main_interpreter = interpreter;
            if (phd__word_at(walk, interpreter, walk->at->interp_id) == 0)
                break;
            interpreter = phd__word_at(walk, interpreter, walk->at->interp_next);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

/* The report is written whatever the limits are: without it the file could not be read at all. */
static void set_budget(const struct phd_request *request, uint64_t started, struct phd_walk *walk,
                       struct phd_sink *sink)
{
    if (request->max_bytes)
        sink->limit = request->max_bytes > CLOSING_RESERVE ? request->max_bytes - CLOSING_RESERVE : 1;
    if (request->max_seconds > 0 && request->max_seconds < MAX_SECONDS)
        walk->deadline_ns = started + (uint64_t)(request->max_seconds * 1e9);
    if (request->max_buffers)
        walk->buffers_left = request->max_buffers;
}

static enum phd_status write_message(const struct phd_request *request, const struct phd_native *native,
                                     struct phd_walk *walk, struct phd_sink *sink, const char *how,
                                     struct phd_result *result, struct phd_error *error)
{
    char boundary[PHD_BOUNDARY_SIZE];
    uint64_t started = phd__clock_ns();
    find_main_interpreter(walk, request);
    phd__report_begin(walk, request, native, sink, boundary);
    walk->blocks->start = sink->written;
    set_budget(request, started, walk, sink);
    write_objects(walk, request, native, how);
    fill_result(walk, started, result);
    if (request->late_texts)
        phd__late_put(walk, request->late_texts);
    sink->limit = 0;
    put_end(walk, result);
    phd__blocks_finish(walk->blocks);
    phd__report_end(sink, boundary);
    result->bytes = sink->written;
    result->write_errno = sink->system_errno;
    if (sink->system_errno && !result->objects) {
        phd__error_set(error, PHD_ERROR_WRITE, sink->system_errno, "write");
        return PHD_ERROR_WRITE;
    }
    return PHD_OK; /* what could be written is a dump, and says that it is cut */
}

/* Did a link() whose answer was lost (NFS) do its work? */
static bool is_linked(const struct phd_request *request)
{
    struct stat temporary, final;
    return fstatat(request->directory, request->temporary_name, &temporary, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(request->directory, request->final_name, &final, AT_SYMLINK_NOFOLLOW) == 0 &&
           temporary.st_dev == final.st_dev && temporary.st_ino == final.st_ino;
}

/* Where a name can be taken neither by a link nor by a rename that replaces nothing: an empty file of ours takes it first. */
static bool rename_over_own(const struct phd_request *request)
{
    int directory = request->directory;
    int fd = openat(directory, request->final_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    if (renameat(directory, request->temporary_name, directory, request->final_name) == 0)
        return true;
    int refused = errno;
    unlinkat(directory, request->final_name, 0);
    errno = refused;
    return false;
}

/* Give the complete file its final name without replacing another: link() fails when the name is taken; some network and
 * FUSE file systems have no links, and some of those no RENAME_NOREPLACE. */
static enum phd_status publish(const struct phd_request *request, struct phd_error *error)
{
    int directory = request->directory;
    bool linked = linkat(directory, request->temporary_name, directory, request->final_name, 0) == 0;
    if (linked || (errno == EEXIST && is_linked(request))) {
        unlinkat(directory, request->temporary_name, 0);
        return PHD_OK;
    }
    if (errno != EEXIST &&
        (renameat2(directory, request->temporary_name, directory, request->final_name, RENAME_NOREPLACE) == 0 ||
         (errno != EEXIST && rename_over_own(request))))
        return PHD_OK;
    phd__error_set(error, PHD_ERROR_WRITE, errno, PHD_STEP_RENAME);
    return PHD_ERROR_WRITE;
}

/* The attribute `name` of the module sys, a str, as text in `storage`; NULL when it cannot be had. */
static const char *sys_text(struct phd_walk *walk, const struct phd_request *request, const char *name, char *storage,
                            size_t capacity)
{
    struct phd_guard guard;
    volatile bool done = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t interpreter = phd__word_at(walk, request->runtime, walk->at->runtime_interpreters);
        uint64_t modules = interpreter ? phd__word_at(walk, interpreter, walk->at->interp_modules) : 0;
        uint64_t sys = modules ? phd__dict_get(walk, modules, "sys") : 0;
        uint64_t text = sys ? phd__instance_get(walk, sys, name) : 0;
        if (text) {
            size_t length = phd__copy_str(walk, text, storage, capacity);
            for (size_t i = 0; i < length; i++) /* one line */
                storage[i] = storage[i] == '\n' ? ' ' : storage[i];
            done = true;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return done ? storage : NULL;
}

/* The micro version that sys.version begins with ("3.9.18 (main, ..."). */
static int micro_of(const char *text)
{
    int dots = 0, micro = 0;
    for (; *text && *text != ' ' && dots < 3; text++) {
        dots += *text == '.';
        if (dots == 2 && *text >= '0' && *text <= '9')
            micro = micro * 10 + *text - '0';
    }
    return micro;
}

/* Another process has told its version and executable to nobody. */
static void describe_from_memory(struct phd_walk *walk, struct phd_request *request)
{
    static char version[DESCRIPTION_ROOM], executable[DESCRIPTION_ROOM];
    if (!request->python_text)
        request->python_text = sys_text(walk, request, "version", version, sizeof version);
    if (!request->executable)
        request->executable = sys_text(walk, request, "executable", executable, sizeof executable);
    if (request->python_micro < 0 && request->python_text)
        request->python_micro = micro_of(request->python_text);
}

/* Find out what only the memory can tell, then write. */
static enum phd_status write_found(const struct phd_request *request, struct phd_walk *walk, struct phd_sink *sink,
                                   const char *how, struct phd_result *result, struct phd_error *error)
{
    static struct phd_request found;
    static struct phd_native native;
    found = *request;
    phd__threads_find(walk, &found);
    describe_from_memory(walk, &found);
    walk->request = &found;
    walk->trust_counts &= found.gil_held || found.stopped;
    if (!request->crash || !(request->crash->signal || request->native_stacks))
        return write_message(&found, NULL, walk, sink, how, result, error);
    phd__native_read(&native, walk->memory, request);
    enum phd_status status = write_message(&found, &native, walk, sink, how, result, error);
    phd__native_close(&native);
    return status;
}

static enum phd_status write_file(const struct phd_request *request, struct phd_memory *memory,
                                  const struct phd_layout *layout, const char *how, struct phd_sink *sink,
                                  struct phd_result *result, struct phd_error *error)
{
    struct phd_blocks blocks;
    static struct phd_walk walk; /* large; one dump at a time per process */
    enum phd_status status = phd__blocks_open(&blocks, sink, request->level, error);
    if (status == PHD_OK) {
        status = phd__walk_open(&walk, layout, memory, &blocks, error);
        walk.redaction.wanted = request->redact;
        if (status == PHD_OK)
            status = write_found(request, &walk, sink, how, result, error);
        phd__walk_close(&walk);
    }
    phd__blocks_close(&blocks);
    return status;
}

enum phd_status phd__dump_write(const struct phd_request *request, struct phd_memory *memory, const char *how,
                                struct phd_result *result, struct phd_error *error)
{
    struct phd_sink sink;
    memset(result, 0, sizeof *result);
    phd__pages_bound(request->max_memory);
    const struct phd_layout *layout =
        phd__layout_find(request->python_version, request->free_threaded, request->trace_refs);
    if (!layout) {
        phd__error_set(error, PHD_ERROR_LAYOUT, 0, "layout");
        return PHD_ERROR_LAYOUT;
    }
    phd__sink_create(&sink, request->directory, request->temporary_name);
    sink.on_created = request->on_created;
    enum phd_status status = write_file(request, memory, layout, how, &sink, result, error);
    phd__pages_bound(0);
    /* A file that could not be forced to the disk is a dump all the same; the result says so. */
    int finish_errno = phd__sink_finish(&sink);
    bool created = !sink.name; /* finishing may write what was held, and so create it */
    if (!created && sink.system_errno) {
        status = PHD_ERROR_WRITE;
        phd__error_set(error, status, sink.system_errno, PHD_STEP_OPEN);
    }
    if (!result->write_errno)
        result->write_errno = finish_errno;
    if (status == PHD_OK && created)
        status = publish(request, error);
    else if (created)
        unlinkat(request->directory, request->temporary_name, 0);
    phd__sink_close(&sink); /* not before: it is locked as long as it has no final name */
    return status;
}
