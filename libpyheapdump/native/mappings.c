/* SPDX-License-Identifier: Apache-2.0
 *
 * The text is read twice: to count its lines, so that no more memory is taken than needed, and to parse them. Lines that
 * make no sense are skipped. Context: crash.
 */
#include "native/mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "memory/memory.h"
#include "safe/pages.h"
#include "safe/text.h"

enum { PROC_PATH_ROOM = 64, BUFFER_SIZE = 2 * PHD_MAX_MAPS_LINE, SPARE_LINES = 64 };

static const char deleted_mark[] = " (deleted)"; /* what the kernel appends */

/* ---- one line ---- */

struct line {
    const char *at, *end;
    bool wrong;
};

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static uint64_t take_number(struct line *line, unsigned base, uint64_t limit)
{
    uint64_t value = 0;
    bool any = false;
    for (; line->at < line->end && digit_of(*line->at) < base; line->at++) {
        unsigned digit = digit_of(*line->at);
        any = true;
        if (value > (limit - digit) / base)
            line->wrong = true;
        else
            value = value * base + digit;
    }
    line->wrong |= !any;
    return value;
}

static void take_character(struct line *line, char expected)
{
    if (line->at < line->end && *line->at == expected)
        line->at++;
    else
        line->wrong = true;
}

static unsigned take_permissions(struct line *line)
{
    unsigned permissions = 0;
    if (line->end - line->at < 4) {
        line->wrong = true;
        return 0;
    }
    permissions |= line->at[0] == 'r' ? PHD_READABLE : 0;
    permissions |= line->at[1] == 'w' ? PHD_WRITABLE : 0;
    permissions |= line->at[2] == 'x' ? PHD_EXECUTABLE : 0;
    permissions |= line->at[3] == 's' ? PHD_SHARED : 0;
    line->at += 4;
    return permissions;
}

bool phd__mapping_parse(const char *line, size_t length, struct phd_mapping *mapping, const char **path,
                        size_t *path_length)
{
    struct line rest = {line, line + length, false};
    mapping->start = take_number(&rest, 16, UINT64_MAX);
    take_character(&rest, '-');
    mapping->end = take_number(&rest, 16, UINT64_MAX);
    take_character(&rest, ' ');
    mapping->permissions = take_permissions(&rest);
    take_character(&rest, ' ');
    mapping->offset = take_number(&rest, 16, UINT64_MAX);
    take_character(&rest, ' ');
    mapping->device_major = (uint32_t)take_number(&rest, 16, UINT32_MAX);
    take_character(&rest, ':');
    mapping->device_minor = (uint32_t)take_number(&rest, 16, UINT32_MAX);
    take_character(&rest, ' ');
    mapping->inode = take_number(&rest, 10, UINT64_MAX);
    while (rest.at < rest.end && *rest.at == ' ')
        rest.at++;
    *path = rest.at;
    *path_length = (size_t)(rest.end - rest.at);
    return !rest.wrong && mapping->start < mapping->end && mapping->end <= PHD_HIGHEST_ADDRESS;
}

/* ---- where modules begin ---- */

bool phd__same_file(const struct phd_mapping *a, const struct phd_mapping *b)
{
    return a->inode == b->inode && a->device_major == b->device_major && a->device_minor == b->device_minor;
}

static void keep_candidate(struct phd_mappings *mappings, struct phd_module_candidate *candidate, const char *path,
                           size_t length)
{
    candidate->pending = length < mappings->names_capacity - mappings->names_used;
    if (!candidate->pending) {
        mappings->cut = true;
        return;
    }
    candidate->mapping = mappings->count - 1;
    candidate->path_length = length;
    memcpy(mappings->names + mappings->names_used, path, length);
}

static void confirm_candidate(struct phd_mappings *mappings, struct phd_module_candidate *candidate)
{
    const size_t mark = sizeof deleted_mark - 1;
    char *path = mappings->names + mappings->names_used;
    size_t length = candidate->path_length;
    candidate->pending = false;
    if (mappings->start_count == mappings->start_capacity) {
        mappings->cut = true;
        return;
    }
    bool deleted = length > mark && memcmp(path + length - mark, deleted_mark, mark) == 0;
    length -= deleted ? mark : 0;
    path[length] = 0;
    mappings->names_used += length + 1;
    mappings->starts[mappings->start_count++] = (struct phd_module_start){candidate->mapping, path, deleted};
}

void phd__mappings_add(struct phd_mappings *mappings, struct phd_module_candidate *candidate,
                       const struct phd_mapping *mapping, const char *path, size_t path_length)
{
    static const char vdso[] = "[vdso]";
    if (mappings->count == mappings->capacity) {
        mappings->cut = true;
        return;
    }
    const struct phd_mapping *previous = mappings->count ? mappings->all + mappings->count - 1 : NULL;
    if (previous && mapping->start < previous->end)
        return;
    mappings->all[mappings->count++] = *mapping;
    bool is_vdso = path_length == sizeof vdso - 1 && memcmp(path, vdso, path_length) == 0;
    /* A small file may be mapped several times from offset 0, side by side, with different permissions. */
    bool goes_on = previous && phd__same_file(mapping, previous) && mapping->start == previous->end;
    if (is_vdso || (mapping->inode && mapping->offset == 0 && !goes_on))
        keep_candidate(mappings, candidate, path, path_length);
    if (candidate->pending && (mapping->permissions & PHD_EXECUTABLE) &&
        phd__same_file(mapping, mappings->all + candidate->mapping))
        confirm_candidate(mappings, candidate);
}

/* ---- the file ---- */

static int open_maps(int pid)
{
    char path[PROC_PATH_ROOM];
    struct phd_text text;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, "/proc/");
    if (pid == getpid())
        phd__text_string(&text, "self"); /* /proc may be that of another pid namespace */
    else
        phd__text_unsigned(&text, (uint64_t)pid);
    phd__text_string(&text, "/maps");
    path[text.used] = 0;
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* How many lines and bytes the text has; false when it cannot be read. */
static bool count_lines(int fd, char *buffer, size_t *lines, size_t *bytes)
{
    ssize_t length;
    *lines = *bytes = 0;
    while (*lines < PHD_MAX_MAPPINGS && (length = read(fd, buffer, BUFFER_SIZE)) > 0) {
        *bytes += (size_t)length;
        for (ssize_t i = 0; i < length; i++)
            *lines += buffer[i] == '\n';
    }
    return *lines && lseek(fd, 0, SEEK_SET) == 0;
}

static void add_line(struct phd_mappings *mappings, struct phd_module_candidate *candidate, const char *line,
                     size_t length)
{
    struct phd_mapping mapping;
    const char *path;
    size_t path_length;
    if (phd__mapping_parse(line, length, &mapping, &path, &path_length))
        phd__mappings_add(mappings, candidate, &mapping, path, path_length);
}

static void parse_lines(struct phd_mappings *mappings, int fd, char *buffer)
{
    struct phd_module_candidate candidate = {0, 0, false};
    size_t used = 0;
    ssize_t length;
    while (!mappings->cut && (length = read(fd, buffer + used, BUFFER_SIZE - used)) > 0) {
        size_t start = 0;
        used += (size_t)length;
        for (size_t i = used - (size_t)length; i < used; i++) {
            if (buffer[i] != '\n')
                continue;
            add_line(mappings, &candidate, buffer + start, i - start);
            start = i + 1;
        }
        if (start == 0 && used == BUFFER_SIZE)
            start = used; /* no line of maps is that long */
        memmove(buffer, buffer + start, used - start);
        used -= start;
    }
}

bool phd__mappings_take(struct phd_mappings *mappings, size_t count, size_t bytes)
{
    mappings->capacity = (count < PHD_MAX_MAPPINGS ? count : PHD_MAX_MAPPINGS) + SPARE_LINES;
    mappings->start_capacity = count < PHD_MAX_MODULES ? count : PHD_MAX_MODULES;
    mappings->names_capacity = bytes < PHD_MAX_MODULE_NAMES ? bytes : PHD_MAX_MODULE_NAMES;
    mappings->all = phd__pages_alloc(mappings->capacity * sizeof *mappings->all);
    mappings->starts = phd__pages_alloc(mappings->start_capacity * sizeof *mappings->starts);
    mappings->names = phd__pages_alloc(mappings->names_capacity);
    return mappings->all && mappings->starts && mappings->names;
}

enum phd_status phd__mappings_read(struct phd_mappings *mappings, int pid, struct phd_error *error)
{
    size_t lines, bytes;
    enum phd_status status = PHD_OK;
    memset(mappings, 0, sizeof *mappings);
    char *buffer = phd__pages_alloc(BUFFER_SIZE);
    int fd = open_maps(pid);
    if (!buffer) {
        status = PHD_ERROR_MEMORY;
    } else if (fd < 0 || !count_lines(fd, buffer, &lines, &bytes)) {
        status = PHD_ERROR_SYSTEM;
    } else if (!phd__mappings_take(mappings, lines, bytes)) {
        status = PHD_ERROR_MEMORY;
        phd__mappings_close(mappings);
    } else {
        parse_lines(mappings, fd, buffer);
    }
    if (status != PHD_OK)
        phd__error_set(error, status, errno, "maps");
    if (fd >= 0)
        close(fd);
    phd__pages_free(buffer, BUFFER_SIZE);
    return status;
}

void phd__mappings_close(struct phd_mappings *mappings)
{
    phd__pages_free(mappings->all, mappings->capacity * sizeof *mappings->all);
    phd__pages_free(mappings->starts, mappings->start_capacity * sizeof *mappings->starts);
    phd__pages_free(mappings->names, mappings->names_capacity);
    memset(mappings, 0, sizeof *mappings);
}

/* ---- lookup ---- */

const struct phd_mapping *phd__mapping_at(const struct phd_mappings *mappings, uint64_t address)
{
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings->all[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < mappings->count && mappings->all[low].start <= address ? mappings->all + low : NULL;
}

bool phd__is_executable(const struct phd_mappings *mappings, uint64_t address)
{
    const struct phd_mapping *mapping = phd__mapping_at(mappings, address);
    return mapping && (mapping->permissions & PHD_EXECUTABLE);
}
