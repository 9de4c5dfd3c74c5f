/* SPDX-License-Identifier: Apache-2.0
 *
 * See fake_process.h. Its CPython is 3.11.
 */
#include "support/fake_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cmocka_header.h"

enum { VERSION = 3 << 8 | 11, STRUCT_BYTES = 4096, THREAD_BYTES = 512 };

static void make_threads(struct fake_process *process, unsigned count)
{
    struct heap *heap = &process->heap;
    uint64_t next = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t thread = heap_bytes(heap, THREAD_BYTES);
        heap_set_word(thread, heap->at->thread_next, next);
        heap_set_word(thread, heap->at->thread_interp, process->interpreter);
        heap_set_word(thread, heap->at->thread_ident, 1000 + i);
        next = thread;
    }
    process->threads = next;
    heap_set_word(process->interpreter, heap->at->interp_threads, next);
}

static uint64_t make_runtime(struct fake_process *process, unsigned thread_count)
{
    struct heap *heap = &process->heap;
    uint64_t runtime = heap_bytes(heap, STRUCT_BYTES);
    process->interpreter = heap_bytes(heap, STRUCT_BYTES);
    heap_set_word(runtime, heap->at->runtime_interpreters, process->interpreter);
    heap_set_word(process->interpreter, heap->at->interp_modules, heap_new_dict(heap, 0, NULL));
    make_threads(process, thread_count);
    return runtime;
}

void fake_process_raise(struct fake_process *process, uint64_t argument)
{
    struct heap *heap = &process->heap;
    uint64_t type = heap_new_type(heap, "ValueError", heap->object, 72, 0);
    uint64_t exception = heap_shared(heap, heap_new_object(heap, type, 72));
    heap_set_word(exception, heap->at->exception_args, TUPLE(heap, argument));
    process->request.exception = exception;
}

void fake_process_open(struct fake_process *process, unsigned thread_count)
{
    memset(process, 0, sizeof *process);
    heap_open(&process->heap, VERSION);
    strcpy(process->directory_name, "/tmp/fake_process_XXXXXX");
    assert_non_null(mkdtemp(process->directory_name));
    process->directory = open(process->directory_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(process->directory >= 0);
    process->request = (struct phd_request){
        .python_version = VERSION,
        .gil_held = true,
        .runtime = make_runtime(process, thread_count),
        .thread = process->threads,
        .reason = "exception",
        .python_text = "3.11 (fake)",
        .directory = process->directory,
        .temporary_name = "dump.tmp",
        .final_name = "dump",
        .pid = getpid(),
        .time_ns = INT64_C(1795248000) * 1000000000,
        .level = 1,
    };
    fake_process_raise(process, heap_new_str(&process->heap, "no such order"));
}

void fake_process_close(struct fake_process *process)
{
    DIR *files = opendir(process->directory_name);
    struct dirent *entry;
    while (files && (entry = readdir(files)) != NULL) {
        if (entry->d_name[0] != '.')
            unlinkat(process->directory, entry->d_name, 0);
    }
    if (files)
        closedir(files);
    close(process->directory);
    rmdir(process->directory_name);
    heap_close(&process->heap);
}

int64_t fake_process_file(const struct fake_process *process, const char *name)
{
    struct stat info;
    return fstatat(process->directory, name, &info, 0) == 0 ? (int64_t)info.st_size : -1;
}

const char *fake_process_path(const struct fake_process *process, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", process->directory_name, name);
    return path;
}
