/* SPDX-License-Identifier: Apache-2.0
 *
 * phd_core: headers → notes → mapped files → memory and mappings → the interpreter → walk it and write it as any other
 * dump. Context: normal.
 */
#include <string.h>

#include "attach/python.h"
#include "attach/room.h"
#include "core/arguments.h"
#include "core/layout.h"
#include "dump.h"

struct core {
    struct phd_core_headers headers;
    struct phd_core_notes notes;
    struct phd_core_files files;
    struct phd_core_memory memory;
    struct phd_modules modules;
    struct phd_crash where;
    struct phd_core_source source;
    struct phd_request request;
};

/* ---- what is wrong with it ---- */

static void put_size_problem(const struct core *core, const struct phd_core_options *options, struct phd_text *text)
{
    const struct phd_core_headers *headers = &core->headers;
    if (headers->whole_size > headers->source.size) {
        phd__text_string(text, "the core is cut: it has ");
        phd__text_unsigned(text, headers->source.size);
        phd__text_string(text, " of ");
        phd__text_unsigned(text, headers->whole_size);
        phd__text_string(text, " bytes\n");
    } else if (options->cut) {
        phd__text_string(text, "the core is cut: its compressed file ends early\n");
    }
}

static void put_problems(const struct core *core, const struct phd_core_options *options, char *to)
{
    struct phd_text text;
    phd__text_init(&text, to, PHD_CORE_PROBLEMS - 1);
    put_size_problem(core, options, &text);
    if (core->notes.cut)
        phd__text_string(&text, "the core's notes are cut: threads and mapped files may be missing\n");
    if (core->headers.left_out || core->notes.left_out)
        phd__text_string(&text, "the core's headers are damaged: parts that make no sense are left out\n");
    if (!core->notes.has_ranges)
        phd__text_string(&text, "the core has no list of mapped files\n");
    if (core->notes.threads > PHD_MAX_OTHER_THREADS)
        phd__text_string(&text, "the core has more threads than are read; native stacks are missing\n");
    phd__core_files_problems(&core->files, &text);
    to[text.used] = 0;
}

/* ---- reading ---- */

static enum phd_status open_core(struct core *core, const struct phd_core_options *options, struct phd_error *error)
{
    enum phd_status status = phd__core_headers_read(&core->headers, options->file, error);
    if (status == PHD_OK)
        status = phd__core_notes_read(&core->notes, &core->headers, &core->where, error);
    if (status == PHD_OK)
        status = phd__core_files_open(&core->files, &core->notes, &core->headers, options->executable, options->time_ns,
                                      error);
    if (status == PHD_OK)
        status = phd__core_lay_out(&core->memory, &core->modules.mappings, &core->headers, &core->notes, &core->files,
                                   error);
    return status;
}

static void close_core(struct core *core)
{
    phd__modules_close(&core->modules);
    phd__core_memory_close(&core->memory);
    phd__core_files_close(&core->files);
    phd__core_notes_close(&core->notes);
    phd__core_headers_close(&core->headers);
}

static uint64_t bytes_in_core(const struct core *core)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < core->headers.load_count; i++)
        bytes += core->headers.loads[i].in_core;
    return bytes < core->headers.source.size ? bytes : core->headers.source.size;
}

static void describe(struct core *core, const struct phd_core_options *options, const struct phd_core_found *found)
{
    core->source.path = options->path;
    core->source.time_ns = options->time_ns;
    core->source.problems = found->problems;
    core->source.command = core->notes.command;
    phd__core_arguments_find(&core->source, &core->notes, &core->memory.copied.memory);
    core->request.core = &core->source;
    core->request.pid = core->where.process;
    core->request.files_of = 0;
    core->request.stopped = true;
    core->request.crash = &core->where;
    core->request.modules = &core->modules;
    core->request.native_stacks = true;
    if (core->where.signal)
        core->request.reason = "signal";
}

/* Symbols and constants are missing where a file is: what is found, or not, without them is no answer. */
static enum phd_status find_python(struct core *core, struct phd_python *python, struct phd_error *error)
{
    enum phd_status status = phd__python_find(python, &core->memory.copied.memory, &core->modules, error);
    const char *problem = NULL;
    if (status == PHD_OK && !python->exported &&
        phd__core_lacks_file(&core->files, &core->modules.mappings, python->runtime))
        problem = "no Python runs in it";
    else if (status == PHD_ERROR_LAYOUT && !python->version && phd__core_any_file_is_missing(&core->files))
        problem = "it does not tell which Python runs in it";
    if (!problem)
        return status;
    phd__error_set(error, PHD_ERROR_UNREADABLE, 0, problem);
    return PHD_ERROR_UNREADABLE;
}

static enum phd_status dump_core(struct core *core, const struct phd_core_options *options,
                                 struct phd_core_found *found, struct phd_result *result, struct phd_error *error)
{
    struct phd_python python;
    struct phd_memory *memory = &core->memory.copied.memory;
    uint64_t cache = phd__short_memory(bytes_in_core(core), options->memory);
    phd__modules_find(&core->modules, memory);
    enum phd_status status = find_python(core, &python, error);
    if (status != PHD_OK)
        return status;
    phd__python_describe(&python, &core->request);
    describe(core, options, found);
    found->in_place = cache != 0;
    if (cache)
        phd__copied_bound(&core->memory.copied, cache);
    return phd__dump_write(&core->request, memory, "core", result, error);
}

enum phd_status phd_core(const struct phd_request *request, const struct phd_core_options *options,
                         struct phd_core_found *found, struct phd_result *result, struct phd_error *error)
{
    static struct core core; /* large; one at a time */
    memset(&core, 0, sizeof core);
    memset(found, 0, sizeof *found);
    core.request = *request;
    enum phd_status status = open_core(&core, options, error);
    found->pid = core.where.process;
    found->signal = core.where.signal;
    found->threads = core.notes.threads;
    if (core.headers.notes_size)
        put_problems(&core, options, found->problems);
    if (status == PHD_OK)
        status = dump_core(&core, options, found, result, error);
    close_core(&core);
    return status;
}
