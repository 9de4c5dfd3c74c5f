/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#include "core/files.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/copied.h"
#include "safe/files.h"
#include "safe/pages.h"

enum { MAX_NAMED = 6 /* files in a problem's line; more are counted */, PATH_ROOM = 4096 };

static const char deleted_mark[] = " (deleted)"; /* what the kernel appends (fs/d_path.c) */

static uint64_t page_of(uint64_t value)
{
    return value & ~(uint64_t)(PHD_PAGE - 1);
}

/* ---- which files ---- */

static unsigned find_file(const struct phd_core_files *files, const char *path)
{
    for (unsigned i = files->count; i-- > 0;)
        if (strncmp(files->all[i].path, path, files->all[i].path_length) == 0 &&
            (!path[files->all[i].path_length] ||
             (files->all[i].deleted && strcmp(path + files->all[i].path_length, deleted_mark) == 0)))
            return i;
    return files->count;
}

static void add_file(struct phd_core_files *files, const char *path)
{
    struct phd_core_file *file = files->all + files->count++;
    size_t length = strlen(path), mark = sizeof deleted_mark - 1;
    file->deleted = length > mark && strcmp(path + length - mark, deleted_mark) == 0;
    file->path = path;
    file->path_length = length - (file->deleted ? mark : 0);
    file->fd = -1;
}

/* Give each range its file and the place of that file's beginning. */
static void list_files(struct phd_core_files *files, struct phd_core_notes *notes)
{
    for (size_t i = 0; i < notes->range_count; i++) {
        struct phd_core_range *range = notes->ranges + i;
        range->file = find_file(files, range->path);
        if (range->file == files->count) {
            if (files->count == files->capacity)
                continue; /* its memory is told to be missing */
            add_file(files, range->path);
        }
        if (range->offset == 0)
            range->base = range->start;
        else if (i && range[-1].file == range->file)
            range->base = range[-1].base;
    }
}

/* The file of the program: that which holds its program headers (getauxval(3), AT_PHDR). */
static unsigned find_executable(const struct phd_core_files *files, const struct phd_core_notes *notes)
{
    uint64_t address = phd__core_auxv(notes, AT_PHDR);
    for (size_t i = 0; i < notes->range_count; i++)
        if (notes->ranges[i].start <= address && address < notes->ranges[i].end)
            return notes->ranges[i].file;
    return files->count;
}

/* ---- what was mapped ---- */

/* A file as far as its beginning is in the core. */
static uint64_t read_from_core(const struct phd_elf_source *source, uint64_t offset, void *to, uint64_t size)
{
    if (offset >= source->size)
        return 0;
    size = size < source->size - offset ? size : source->size - offset;
    return phd__core_bytes(source->core, source->address + offset, to, size);
}

static bool read_mapped_image(const struct phd_core_headers *headers, const struct phd_core_notes *notes, unsigned file,
                              struct phd_image *image)
{
    for (size_t i = 0; i < notes->range_count; i++) {
        const struct phd_core_range *range = notes->ranges + i;
        const struct phd_elf_source source = {
            .read = read_from_core, .core = headers, .address = range->start, .size = range->end - range->start};
        if (range->file == file && range->offset == 0)
            return phd__image_read(&source, image);
    }
    return false;
}

/* ---- is it the same file? ---- */

const struct phd_image_load *phd__core_file_load(const struct phd_core_file *file, const struct phd_core_range *range,
                                                 uint64_t address)
{
    const struct phd_image *image = &file->image;
    if (!range->base || !file->has_image)
        return NULL;
    for (unsigned i = 0; i < image->load_count; i++) {
        const struct phd_image_load *load = image->loads + i;
        uint64_t bias = range->base - page_of(image->loads[0].address), from = bias + page_of(load->address);
        if (address >= from && address - from < load->memory_size + (load->address - page_of(load->address)))
            return load;
    }
    return NULL;
}

/* Is the page of the file at `offset` mapped at `address`? */
static bool is_mapped_at(const struct phd_core_notes *notes, unsigned file, uint64_t address, uint64_t offset)
{
    for (size_t i = 0; i < notes->range_count; i++) {
        const struct phd_core_range *range = notes->ranges + i;
        if (address >= range->start && address < range->end)
            return range->file == file && range->offset + (address - range->start) == offset;
    }
    return false;
}

/* Are the segments of the file mapped where its program headers want them? It may have more ranges: libffi maps a part of
 * itself once more (src/tramp.c). */
static bool is_mapped_so(const struct phd_core_notes *notes, const struct phd_image *image, unsigned file)
{
    uint64_t base = 0;
    for (size_t i = 0; i < notes->range_count && !base; i++)
        base = notes->ranges[i].file == file ? notes->ranges[i].base : 0;
    for (unsigned i = 0; i < image->load_count; i++) {
        const struct phd_image_load *load = image->loads + i;
        uint64_t address = base - page_of(image->loads[0].address) + page_of(load->address);
        if (load->size && !is_mapped_at(notes, file, address, page_of(load->offset)))
            return false;
    }
    return base != 0;
}

static bool same_segments(const struct phd_image *a, const struct phd_image *b)
{
    for (unsigned i = 0; i < a->load_count && a->load_count == b->load_count; i++) {
        const struct phd_image_load *one = a->loads + i, *other = b->loads + i;
        if (one->offset != other->offset || one->size != other->size || one->address != other->address ||
            one->flags != other->flags)
            return false;
    }
    return a->load_count == b->load_count;
}

/* Compare the file here, whose image is `here`, to what was mapped. `newer`: than the core. */
static enum phd_file_state compare(struct phd_core_file *file, const struct phd_image *here, bool newer,
                                   const struct phd_core_notes *notes, unsigned index)
{
    const struct phd_image *mapped = &file->image;
    if (file->has_image && mapped->build_id_size && here->build_id_size) {
        bool same = mapped->build_id_size == here->build_id_size &&
                    memcmp(mapped->build_id, here->build_id, here->build_id_size) == 0;
        return same ? PHD_FILE_SAME : PHD_FILE_OTHER;
    }
    if (newer || file->deleted || (file->has_image && !same_segments(mapped, here)))
        return PHD_FILE_OTHER;
    if (file->has_image)
        return PHD_FILE_UNCHECKED;
    if (!is_mapped_so(notes, here, index))
        return PHD_FILE_OTHER;
    file->image = *here;
    file->has_image = true;
    return PHD_FILE_UNCHECKED;
}

static int open_file(const struct phd_core_file *file)
{
    char path[PATH_ROOM];
    if (file->path_length >= sizeof path)
        return -1;
    memcpy(path, file->path, file->path_length);
    path[file->path_length] = 0;
    return phd__open_regular(path);
}

static void look_at(struct phd_core_file *file, unsigned index, const struct phd_core_notes *notes,
                    const struct phd_core_headers *headers, int64_t time_ns)
{
    struct phd_elf_source source;
    struct phd_image here;
    struct stat info;
    file->has_image = read_mapped_image(headers, notes, index, &file->image);
    file->fd = open_file(file);
    if (file->fd < 0 || fstat(file->fd, &info) != 0) {
        file->state = PHD_FILE_ABSENT;
    } else if (!phd__elf_of_file(&source, file->fd) || !phd__image_read(&source, &here)) {
        file->state = file->has_image ? PHD_FILE_OTHER : PHD_FILE_DATA;
    } else {
        bool newer = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec > time_ns;
        file->size = source.size;
        file->state = compare(file, &here, newer, notes, index);
    }
    if (file->fd >= 0 && file->state != PHD_FILE_SAME && file->state != PHD_FILE_UNCHECKED) {
        close(file->fd);
        file->fd = -1;
    }
}

/* ---- all ---- */

enum phd_status phd__core_files_open(struct phd_core_files *files, struct phd_core_notes *notes,
                                     const struct phd_core_headers *headers, const char *executable, int64_t time_ns,
                                     struct phd_error *error)
{
    memset(files, 0, sizeof *files);
    files->capacity = notes->range_count < PHD_MAX_MODULES ? notes->range_count : PHD_MAX_MODULES;
    files->all = files->capacity ? phd__pages_alloc(files->capacity * sizeof *files->all) : NULL;
    if (files->capacity && !files->all) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the mapped files");
        return PHD_ERROR_MEMORY;
    }
    list_files(files, notes);
    files->executable = find_executable(files, notes);
    if (executable && files->executable == files->count) {
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0, "the core does not tell which file its program is");
        return PHD_ERROR_ARGUMENT;
    }
    if (executable) {
        files->all[files->executable].path = executable;
        files->all[files->executable].path_length = strlen(executable);
        files->all[files->executable].deleted = false;
    }
    for (unsigned i = 0; i < files->count; i++)
        look_at(files->all + i, i, notes, headers, time_ns);
    if (executable && files->all[files->executable].fd < 0) {
        bool absent = files->all[files->executable].state == PHD_FILE_ABSENT;
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0,
                       absent ? "it cannot be opened" : "it is not the program of this core");
        return PHD_ERROR_ARGUMENT;
    }
    return PHD_OK;
}

void phd__core_files_close(struct phd_core_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        if (files->all[i].fd >= 0)
            close(files->all[i].fd);
    phd__pages_free(files->all, files->capacity * sizeof *files->all);
    memset(files, 0, sizeof *files);
}

/* ---- what to tell ---- */

bool phd__core_file_is_missing(const struct phd_core_file *file)
{
    return file->needed && (file->state == PHD_FILE_ABSENT || file->state == PHD_FILE_OTHER);
}

bool phd__core_any_file_is_missing(const struct phd_core_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        if (phd__core_file_is_missing(files->all + i))
            return true;
    return false;
}

/* Paths come from the core; a line is one line, and does nothing to a terminal. */
static void put_path(const struct phd_core_file *file, struct phd_text *text)
{
    for (size_t i = 0; i < file->path_length; i++) {
        bool control = (unsigned char)file->path[i] < ' ' || file->path[i] == 0x7f;
        phd__text_bytes(text, control ? "?" : file->path + i, 1);
    }
}

static void put_problem(const struct phd_core_files *files, enum phd_file_state state, const char *words,
                        struct phd_text *text)
{
    unsigned found = 0;
    for (unsigned i = 0; i < files->count; i++) {
        const struct phd_core_file *file = files->all + i;
        if (!file->needed || file->state != state || found++ >= MAX_NAMED)
            continue;
        phd__text_string(text, found == 1 ? words : ", ");
        put_path(file, text);
    }
    if (found > MAX_NAMED) {
        phd__text_string(text, " and ");
        phd__text_unsigned(text, found - MAX_NAMED);
        phd__text_string(text, " more");
    }
    if (found)
        phd__text_string(text, "\n");
}

void phd__core_files_problems(const struct phd_core_files *files, struct phd_text *text)
{
    put_problem(files, PHD_FILE_ABSENT, "files that were mapped cannot be opened here: ", text);
    put_problem(files, PHD_FILE_OTHER, "files are not those that were mapped, and are not used: ", text);
    put_problem(files, PHD_FILE_UNCHECKED,
                "files are used unchecked, as the core does not hold their build-ids: ", text);
}
