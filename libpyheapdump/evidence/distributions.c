/* SPDX-License-Identifier: Apache-2.0
 *
 * Which distributions were installed: the *.dist-info and *.egg-info entries of the directories on sys.path, by reading
 * the directories (importlib.metadata would run code). Context: crash.
 */
#include <fcntl.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "evidence/evidence.h"
#include "safe/files.h"
#include "safe/text.h"

enum { MAX_PATHS = 256, MAX_PATH = 4096, TEXT_ROOM = 512 * 1024 };

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t end_length = phd__string_length(end);
    return length > end_length && memcmp(name + length - end_length, end, end_length) == 0;
}

static void add_entry(const char *name, int directory, void *argument)
{
    struct phd_text *text = argument;
    size_t length = phd__string_length(name);
    (void)directory;
    if (!ends_with(name, length, ".dist-info") && !ends_with(name, length, ".egg-info"))
        return;
    phd__text_string(text, "  ");
    phd__text_bytes(text, name, length);
    phd__text_string(text, "\n");
}

static void add_path(struct phd_walk *walk, uint64_t object, int files_of, struct phd_text *text)
{
    char path[MAX_PATH], storage[PHD_TARGET_PATH];
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_STR || !phd__copy_str(walk, object, path, sizeof path))
        return;
    phd__text_string(text, path);
    phd__text_string(text, "\n");
    phd__directory_each(phd__target_path(files_of, path, storage), add_entry, text);
}

static __attribute__((noinline)) void add_paths(struct phd_walk *walk, int files_of, struct phd_text *text)
{
    uint64_t interpreter = walk->main_interpreter;
    uint64_t modules = interpreter ? phd__word_at(walk, interpreter, walk->at->interp_modules) : 0;
    uint64_t sys = modules ? phd__dict_get(walk, modules, "sys") : 0;
    uint64_t paths = sys ? phd__instance_get(walk, sys, "path") : 0;
    if (!paths || phd__type_of(walk, paths)->shape != PHD_SHAPE_LIST)
        return;
    uint64_t count = phd__word_at(walk, paths, walk->at->var_size);
    uint64_t items = phd__word_at(walk, paths, walk->at->list_items);
    for (uint64_t i = 0; i < count && i < MAX_PATHS; i++)
        add_path(walk, phd__read_word(walk->memory, items + 8 * i), files_of, text);
}

void phd__distributions_put(struct phd_walk *walk, const struct phd_request *request)
{
    struct phd_guard guard;
    struct phd_text text;
    phd__text_init(&text, (char *)walk->items.data + PHD_EVIDENCE_OFFSET, TEXT_ROOM);
    if (PHD_GUARD(walk->memory, &guard))
        add_paths(walk, request->files_of, &text);
    PHD_UNGUARD(walk->memory, &guard);
    phd__evidence_put_text(walk, "sys.path", text.used);
}
