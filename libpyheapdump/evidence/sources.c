/* SPDX-License-Identifier: Apache-2.0
 *
 * The sources of the files on the stacks, each once, from the disk. Context: crash.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "walk/roots.h"

enum {
    MAX_SOURCE_BYTES = 900 * 1024, /* fits a block together with its map */
    MAX_SOURCES = 1024,
    MAX_NAME = 4096
};

struct sources {
    const struct phd_request *request;
    uint64_t names[MAX_SOURCES]; /* addresses of the co_filename objects already done */
    unsigned count;
};

static bool first_time(struct sources *sources, uint64_t name)
{
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->names[i] == name)
            return false;
    }
    if (sources->count == MAX_SOURCES)
        return false;
    sources->names[sources->count++] = name;
    return true;
}

static void put_source(struct phd_walk *walk, const char *filename, const char *origin, int fd, const struct stat *info)
{
    struct phd_buffer *to = &walk->items;
    to->used = 0;
    phd__pack_map(to, 4);
    phd__pack_text(to, "filename");
    phd__pack_text(to, filename);
    phd__pack_text(to, "origin");
    phd__pack_text(to, origin);
    phd__pack_text(to, "mtime");
    phd__pack_double(to, (double)info->st_mtim.tv_sec + (double)info->st_mtim.tv_nsec / 1e9);
    phd__pack_text(to, "text");
    size_t header = to->used, used = 0;
    uint8_t *content = to->data + header + 5;
    ssize_t length;
    while (used < MAX_SOURCE_BYTES && (length = read(fd, content + used, MAX_SOURCE_BYTES - used)) > 0)
        used += (size_t)length;
    uint8_t bin32[5] = {0xc6, (uint8_t)(used >> 24), (uint8_t)(used >> 16), (uint8_t)(used >> 8), (uint8_t)used};
    phd__buffer_append(to, bin32, sizeof bin32);
    phd__blocks_put(walk->blocks, PHD_BLOCK_SOURCE, 0, 1, 0, to->data, to->used + used);
    to->used = 0;
}

static void put_code_source(struct phd_walk *walk, struct sources *sources, uint64_t code)
{
    char filename[MAX_NAME];
    struct stat info;
    uint64_t name = phd__word_at(walk, code, walk->at->code_filename);
    if (!first_time(sources, name))
        return;
    phd__copy_str(walk, name, filename, sizeof filename);
    int fd = open(filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        put_source(walk, filename, "disk", fd, &info);
    close(fd);
}

static void put_frame_source(struct phd_walk *walk, struct sources *sources, uint64_t entry)
{
    struct phd_guard guard;
    struct phd_frame frame;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__frame_read(walk, entry, &frame))
            put_code_source(walk, sources, frame.code);
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void visit_thread(struct phd_walk *walk, const struct phd_thread *thread, void *argument)
{
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t entry = phd__thread_frame(walk, thread->state);
        for (unsigned i = 0; entry && i < PHD_MAX_FRAMES; i++) {
            put_frame_source(walk, argument, entry);
            entry = phd__frame_caller(walk, entry);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static void visit_traceback(struct phd_walk *walk, struct sources *sources, uint64_t traceback)
{
    for (unsigned i = 0; traceback && i < PHD_MAX_FRAMES; i++) {
        put_frame_source(walk, sources, phd__word_at(walk, traceback, walk->at->traceback_frame));
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

void phd__sources_put(struct phd_walk *walk, const struct phd_request *request)
{
    static struct sources sources; /* large; one dump at a time per process */
    struct phd_guard guard;
    sources.request = request;
    sources.count = 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        visit_exceptions(walk, &sources, request->exception);
        if (request->traceback)
            visit_traceback(walk, &sources, request->traceback);
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (PHD_GUARD(walk->memory, &guard))
        phd__threads_each(walk, request, visit_thread, &sources);
    PHD_UNGUARD(walk->memory, &guard);
}
