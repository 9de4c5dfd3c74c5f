/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/self/cgroup names the group inside its hierarchy, /proc/self/mountinfo where which part of that hierarchy is
 * mounted:
 *
 *     4:memory:/docker/ab12                                            version 1: the hierarchy that has "memory"
 *     0::/app.slice/crawler.service                                    version 2
 *     35 31 0:32 /docker/ab12 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
 *                ^ this part  ^ is here
 *
 * What lies below the mounted part is the rest of the path. Where the group lies outside of it (another cgroup namespace:
 * "/../..", or a path of the host's) the mount point itself is what a container is given of its own group.
 *
 * Both versions can be there at once (hybrid); which of them governs memory is told by the files in the directories.
 *
 * Context: crash.
 */
#include "limits/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "limits/small_file.h"
#include "safe/text.h"

struct search {
    const char *root;
    bool second;
    char own[PHD_CGROUP_PATH]; /* the group inside its hierarchy; empty: none */
    struct phd_cgroup *found;
    bool is_mounted; /* some part of the hierarchy */
    bool fits;       /* the part in which the group lies */
};

/* A part of a line. */
struct field {
    const char *start;
    size_t length;
};

/* The next field of a line before `separator`; empty at the line's end. */
static struct field take_field(const char **line, char separator)
{
    struct field field = {*line, 0};
    while (**line && **line != separator)
        (*line)++;
    field.length = (size_t)(*line - field.start);
    if (**line)
        (*line)++;
    return field;
}

static bool is_text(struct field field, const char *text)
{
    return field.length == phd__string_length(text) && memcmp(field.start, text, field.length) == 0;
}

/* Is `name` one of the names in the field, which commas separate? */
static bool has_name(struct field field, const char *name)
{
    while (field.length) {
        size_t length = 0;
        while (length < field.length && field.start[length] != ',')
            length++;
        if (is_text((struct field){field.start, length}, name))
            return true;
        length += length < field.length;
        field.start += length;
        field.length -= length;
    }
    return false;
}

/* "ID:controllers:path" */
static void look_for_own(const char *line, void *argument)
{
    struct search *search = argument;
    struct field id = take_field(&line, ':'), controllers = take_field(&line, ':');
    bool wanted = search->second ? is_text(id, "0") && !controllers.length : has_name(controllers, "memory");
    size_t length = phd__string_length(line);
    if (wanted && line[0] == '/' && length < sizeof search->own)
        memcpy(search->own, line, length + 1);
}

/* Copy a path of mountinfo, in which spaces and the like are written as \040 (proc_pid_mountinfo(5)). */
static bool copy_path(struct field from, char *to, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < from.length; i++) {
        const char *at = from.start + i;
        bool escaped = *at == '\\' && from.length - i > 3;
        if (used == capacity - 1)
            return false;
        to[used++] = escaped ? (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')) : *at;
        i += escaped ? 3 : 0;
    }
    to[used] = 0;
    return true;
}

/* The rest of `path` below `part`, beginning with a slash or empty; NULL when it lies elsewhere. */
static const char *rest_below(const char *path, const char *part)
{
    size_t length = phd__string_equal(part, "/") ? 0 : phd__string_length(part);
    if (strncmp(path, part, length) != 0 || (path[length] && path[length] != '/'))
        return NULL;
    const char *rest = path + length;
    for (const char *at = rest; *at; at++) {
        if (at[0] == '/' && at[1] == '.' && at[2] == '.' && (!at[3] || at[3] == '/'))
            return NULL;
    }
    return phd__string_equal(rest, "/") ? "" : rest;
}

static bool is_directory(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

/* Is the group that lies `rest` below the mount point at `place` there? Then it is what was found. */
static bool try_place(struct search *search, const char *place, const char *rest)
{
    struct phd_cgroup tried;
    struct phd_text path;
    phd__text_init(&path, tried.path, sizeof tried.path - 1);
    phd__text_string(&path, search->root);
    phd__text_string(&path, place);
    tried.mount = path.used;
    phd__text_string(&path, rest);
    tried.path[path.used] = 0;
    tried.length = path.used;
    tried.second = search->second;
    if (path.full || !is_directory(tried.path))
        return false;
    *search->found = tried;
    return true;
}

/* "ID parent device part place options [tags] - type source options" */
static void look_for_mount(const char *line, void *argument)
{
    struct search *search = argument;
    char part[PHD_CGROUP_PATH], place[PHD_CGROUP_PATH];
    struct field fields[5];
    for (int i = 0; i < 5; i++)
        fields[i] = take_field(&line, ' ');
    while (*line && !is_text(take_field(&line, ' '), "-"))
        continue;
    struct field type = take_field(&line, ' ');
    take_field(&line, ' ');
    struct field options = take_field(&line, ' ');
    bool wanted = search->second ? is_text(type, "cgroup2") : is_text(type, "cgroup") && has_name(options, "memory");
    if (!wanted || search->fits || !copy_path(fields[3], part, sizeof part) ||
        !copy_path(fields[4], place, sizeof place))
        return;
    const char *rest = rest_below(search->own, part);
    if (rest && try_place(search, place, rest))
        search->fits = search->is_mounted = true;
    else if (!search->is_mounted)
        search->is_mounted = try_place(search, place, "");
}

static bool find_one(const char *root, bool second, struct phd_cgroup *found)
{
    struct search search = {root, second, "", found, false, false};
    char path[PHD_CGROUP_PATH];
    struct phd_text text;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, root);
    phd__text_string(&text, "/proc/self/cgroup");
    path[text.used] = 0;
    phd__file_lines(path, look_for_own, &search);
    if (!search.own[0] || text.full)
        return false;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, root);
    phd__text_string(&text, "/proc/self/mountinfo");
    path[text.used] = 0;
    return phd__file_lines(path, look_for_mount, &search) && search.is_mounted;
}

unsigned phd__cgroup_find(const char *root, struct phd_cgroup found[PHD_CGROUP_VERSIONS])
{
    unsigned count = 0;
    for (int second = 0; second < PHD_CGROUP_VERSIONS; second++)
        count += find_one(root, second, &found[count]);
    return count;
}

size_t phd__cgroup_parent(const struct phd_cgroup *group, size_t length)
{
    while (length > group->mount) {
        if (group->path[--length] == '/')
            return length;
    }
    return 0;
}
