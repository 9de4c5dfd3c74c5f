/* SPDX-License-Identifier: Apache-2.0
 *
 * The sources of the files on the stacks, each once: from the disk; from the archive that stands at the beginning of the
 * path (zipapp, pex); or from linecache's memory (cells of IPython, generated code). All read without running code of
 * the program. The viewer shows no other source. Which files there are is found first, as long as the process stands;
 * reading them can take longer. Context: crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "evidence/source_file.h"
#include "evidence/zip.h"
#include "safe/process.h"
#include "safe/text.h"
#include "walk/roots.h"
#include "walk/tasks.h"

enum {
    MAX_SOURCE_BYTES = 900 * 1024, /* fits a block together with its map */
    MAX_SOURCES = 1024,
    MAX_NAME = 4096,
    MAX_NAMES_BYTES = 256 * 1024,
    MAX_LINES = 100000,
    CLOCK_SLACK_NS = 30 * 1000 * 1000 /* a start is known to the tick below, a file's time to the timer's tick */
};

struct sources {
    const struct phd_request *request;
    uint64_t names[MAX_SOURCES]; /* addresses of the co_filename objects already seen */
    unsigned name_count;
    char *files[MAX_SOURCES]; /* their texts, each once, in `texts`; behind each stands its path as the system has it */
    unsigned file_count;
    char texts[MAX_NAMES_BYTES];
    size_t used;
    uint64_t line_cache;      /* address of linecache.cache, or 0 */
    int64_t process_start_ns; /* since 1970, 0: not known */
};

static bool first_time(struct sources *sources, uint64_t name)
{
    for (unsigned i = 0; i < sources->name_count; i++) {
        if (sources->names[i] == name)
            return false;
    }
    if (sources->name_count == MAX_SOURCES)
        return false;
    sources->names[sources->name_count++] = name;
    return true;
}

static void note_file(struct phd_walk *walk, struct sources *sources, uint64_t name)
{
    char *text = sources->texts + sources->used;
    if (sources->used + 2 * MAX_NAME > sizeof sources->texts || !first_time(sources, name))
        return;
    phd__copy_str(walk, name, text, MAX_NAME);
    for (unsigned i = 0; i < sources->file_count; i++) {
        if (phd__string_equal(sources->files[i], text))
            return;
    }
    sources->files[sources->file_count++] = text;
    sources->used += phd__string_length(text) + 1;
    sources->used += phd__copy_path(walk, name, sources->texts + sources->used, MAX_NAME) + 1;
}

/* ---- writing one source ---- */

/* Begin the map of a source; its text follows as `text`, by end_source. Returns where the text is to be put. */
static uint8_t *begin_source(struct phd_walk *walk, const char *filename, const char *origin, bool deflated,
                             const struct stat *info, const struct sources *sources)
{
    struct phd_buffer *to = &walk->items;
    int64_t mtime_ns = info ? (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec : 0;
    bool changed = mtime_ns > sources->process_start_ns + CLOCK_SLACK_NS;
    bool dated = info && sources->process_start_ns > 0 && (changed || !sources->request->core);
    to->used = 0;
    phd__pack_map(to, 3 + (info != NULL) + dated + deflated);
    phd__pack_text(to, "filename");
    phd__pack_text(to, filename);
    phd__pack_text(to, "origin");
    phd__pack_text(to, origin);
    if (info) {
        phd__pack_text(to, "mtime");
        phd__pack_double(to, (double)mtime_ns / 1e9);
    }
    if (dated) {
        phd__pack_text(to, "changed");
        if (changed)
            phd__pack_true(to);
        else
            phd__pack_false(to);
    }
    if (deflated) {
        phd__pack_text(to, "compression");
        phd__pack_text(to, "deflate");
    }
    phd__pack_text(to, "text");
    return to->data + to->used + 5;
}

static void end_source(struct phd_walk *walk, size_t length)
{
    struct phd_buffer *to = &walk->items;
    uint8_t bin32[5] = {0xc6, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                        (uint8_t)length};
    phd__buffer_append(to, bin32, sizeof bin32);
    phd__blocks_put(walk->blocks, PHD_BLOCK_SOURCE, 0, 1, 0, to->data, to->used + length);
    to->used = 0;
}

static void put_file(struct phd_walk *walk, const struct sources *sources, const char *filename, int fd)
{
    struct stat info;
    size_t used = 0;
    ssize_t length;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    uint8_t *content = begin_source(walk, filename, "disk", false, &info, sources);
    while (used < MAX_SOURCE_BYTES && (length = read(fd, content + used, MAX_SOURCE_BYTES - used)) > 0)
        used += (size_t)length;
    end_source(walk, used);
}

static bool put_member(struct phd_walk *walk, const struct sources *sources, const char *filename, int fd,
                       const char *member_name)
{
    struct phd_zip_member member;
    struct stat info;
    size_t used = 0;
    ssize_t length;
    if (!phd__zip_find(fd, member_name, walk->items.data, walk->items.capacity, &member) ||
        member.stored_size > MAX_SOURCE_BYTES || fstat(fd, &info) != 0)
        return false;
    uint8_t *content = begin_source(walk, filename, "zip", member.deflated, &info, sources);
    while (used < member.stored_size &&
           (length = pread(fd, content + used, member.stored_size - used, (off_t)(member.offset + used))) > 0)
        used += (size_t)length;
    end_source(walk, used);
    return true;
}

/* "/srv/app.pyz/shop/cart.py": the part of the path that is a file is an archive, the rest its member. */
static bool put_from_archive(struct phd_walk *walk, const struct sources *sources, const char *filename, char *path)
{
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/')
            continue;
        path[i] = 0;
        int fd = phd__source_open(sources->request, path);
        struct stat info;
        bool archive = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
        path[i] = '/';
        bool found = archive && put_member(walk, sources, filename, fd, path + i + 1);
        if (fd >= 0)
            close(fd);
        if (archive)
            return found;
    }
    return false;
}

/* linecache.cache: {filename: (size, mtime, [line, …], fullname)} */
static void put_from_line_cache(struct phd_walk *walk, const struct sources *sources, const char *filename)
{
    uint64_t entry = sources->line_cache ? phd__dict_get(walk, sources->line_cache, filename) : 0;
    if (!entry || phd__type_of(walk, entry)->shape != PHD_SHAPE_TUPLE ||
        phd__word_at(walk, entry, walk->at->var_size) < 3)
        return;
    uint64_t lines = phd__read_word(walk->memory, entry + (uint64_t)walk->at->tuple_items + 16);
    if (phd__type_of(walk, lines)->shape != PHD_SHAPE_LIST)
        return;
    uint64_t count = phd__word_at(walk, lines, walk->at->var_size);
    uint64_t array = phd__word_at(walk, lines, walk->at->list_items);
    size_t used = 0;
    uint8_t *content = begin_source(walk, filename, "linecache", false, NULL, sources);
    for (uint64_t i = 0; i < count && i < MAX_LINES && used + MAX_NAME < MAX_SOURCE_BYTES; i++)
        used += phd__copy_str(walk, phd__read_word(walk->memory, array + 8 * i), (char *)content + used, MAX_NAME);
    end_source(walk, used);
}

static void put_source(struct phd_walk *walk, const struct sources *sources, char *filename)
{
    char *path = filename + phd__string_length(filename) + 1;
    int fd = phd__source_open(sources->request, path);
    if (fd >= 0) {
        put_file(walk, sources, filename, fd);
        close(fd);
        return;
    }
    if (errno == ENOTDIR && put_from_archive(walk, sources, filename, path))
        return;
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard))
        put_from_line_cache(walk, sources, filename);
    PHD_UNGUARD(walk->memory, &guard);
}

/* ---- which files ---- */

static __attribute__((noinline)) uint64_t find_line_cache(struct phd_walk *walk)
{
    uint64_t interpreter = walk->main_interpreter;
    uint64_t modules = interpreter ? phd__word_at(walk, interpreter, walk->at->interp_modules) : 0;
    uint64_t module = modules ? phd__dict_get(walk, modules, "linecache") : 0;
    uint64_t cache = module ? phd__instance_get(walk, module, "cache") : 0;
    return cache && phd__type_of(walk, cache)->shape == PHD_SHAPE_DICT ? cache : 0;
}

static void visit_frame(struct phd_walk *walk, uint64_t entry, void *argument)
{
    struct phd_guard guard;
    struct phd_frame frame;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__frame_read(walk, entry, &frame))
            note_file(walk, argument, phd__word_at(walk, frame.code, walk->at->code_filename));
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void visit_traceback(struct phd_walk *walk, struct sources *sources, uint64_t traceback)
{
    for (unsigned i = 0; traceback && i < PHD_MAX_FRAMES; i++) {
        visit_frame(walk, phd__word_at(walk, traceback, walk->at->traceback_frame), sources);
        traceback = phd__word_at(walk, traceback, walk->at->traceback_next);
    }
}

/* The tracebacks of the exception and of the chain behind it. */
static void visit_exceptions(struct phd_walk *walk, struct sources *sources, uint64_t exception)
{
    for (unsigned depth = 0; exception && depth < 32; depth++) {
        uint64_t cause = phd__word_at(walk, exception, walk->at->exception_cause);
        uint64_t traceback = phd__word_at(walk, exception, walk->at->exception_traceback);
        if (traceback && phd__type_of(walk, traceback)->shape == PHD_SHAPE_TRACEBACK)
            visit_traceback(walk, sources, traceback);
        exception = cause ? cause : phd__word_at(walk, exception, walk->at->exception_context);
    }
}

static void visit_thread(struct phd_walk *walk, const struct phd_thread *thread, void *argument)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        const struct sources *sources = argument;
        unsigned skip = phd__frames_to_skip(sources->request, thread);
        uint64_t entry = phd__thread_frame(walk, thread->state);
        for (unsigned i = 0; entry && i < PHD_MAX_FRAMES; i++) {
            if (i >= skip)
                visit_frame(walk, entry, argument);
            entry = phd__frame_caller(walk, entry);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (PHD_GUARD(walk->memory, &guard))
        visit_exceptions(walk, argument, phd__handled_exception(walk, thread->state));
    PHD_UNGUARD(walk->memory, &guard);
}

static struct sources sources; /* large; one dump at a time per process */

void phd__sources_find(struct phd_walk *walk, const struct phd_request *request)
{
    struct phd_guard guard;
    sources.request = request;
    sources.name_count = sources.file_count = 0;
    sources.used = 0;
    sources.line_cache = 0;
    /* That of a core began before the core was written; its id may be another process's by now. */
    sources.process_start_ns = request->core ? request->core->time_ns : phd__process_start_ns(request->pid);
    if (PHD_GUARD(walk->memory, &guard))
        sources.line_cache = find_line_cache(walk);
    PHD_UNGUARD(walk->memory, &guard);
    if (PHD_GUARD(walk->memory, &guard)) {
        visit_exceptions(walk, &sources, request->exception);
        if (request->traceback)
            visit_traceback(walk, &sources, request->traceback);
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (PHD_GUARD(walk->memory, &guard))
        phd__threads_each(walk, request, visit_thread, &sources);
    PHD_UNGUARD(walk->memory, &guard);
    phd__task_frames_each(walk, request, visit_frame, &sources);
}

void phd__sources_put(struct phd_walk *walk)
{
    for (unsigned i = 0; i < sources.file_count; i++)
        put_source(walk, &sources, sources.files[i]);
}
