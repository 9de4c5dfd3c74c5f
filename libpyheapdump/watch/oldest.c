/* SPDX-License-Identifier: Apache-2.0
 *
 * Without memory for a list: the directory is read once for each file that goes, which is one file as a rule.
 * Context: crash.
 */
#include "watch/oldest.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "safe/text.h"

enum { MAX_REMOVED = 64 /* in one call */, NAME_ROOM = 128, PATH_ROOM = 64 };

static const char prefix[] = "python_heap_";
static const char suffix[] = ".dump";
static const char part_suffix[] = ".part";

struct search {
    unsigned count;
    int64_t oldest_ns;
    char oldest[NAME_ROOM];
};

/* Move `*text` behind `part`, if it begins so. */
static bool skip(const char **text, const char *part)
{
    size_t length = phd__string_length(part);
    if (phd__string_length(*text) < length || memcmp(*text, part, length) != 0)
        return false;
    *text += length;
    return true;
}

static bool skip_number(const char **text, uint64_t *number)
{
    const char *start = *text;
    for (*number = 0; **text >= '0' && **text <= '9'; (*text)++)
        *number = *number * 10 + (uint64_t)(**text - '0');
    return *text != start;
}

/* Is there a process with this id? */
static bool lives(uint64_t pid)
{
    char path[PATH_ROOM];
    struct phd_text text;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, "/proc/");
    phd__text_unsigned(&text, pid);
    path[text.used] = 0;
    return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

/* A dump of ours that nobody is writing. */
static bool may_go(const char *name)
{
    uint64_t pid, number;
    if (!skip(&name, prefix) || !skip_number(&name, &pid) || !skip(&name, "_") || !skip_number(&name, &number) ||
        !skip(&name, suffix))
        return false;
    return !*name || (phd__string_equal(name, part_suffix) && !lives(pid));
}

static void visit(const char *name, int directory, void *argument)
{
    struct search *search = argument;
    struct stat info;
    size_t length = phd__string_length(name);
    if (length >= NAME_ROOM || !may_go(name) || fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
        return;
    int64_t changed_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    if (search->count++ == 0 || changed_ns < search->oldest_ns) {
        search->oldest_ns = changed_ns;
        memcpy(search->oldest, name, length + 1);
    }
}

void phd__oldest_remove(const char *directory, unsigned keep)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return; /* not there yet, or not ours to read */
    for (unsigned i = 0; i < MAX_REMOVED; i++) {
        struct search search = {0, 0, ""};
        phd__directory_each(directory, visit, &search);
        if (search.count <= keep || unlinkat(fd, search.oldest, 0) != 0)
            break;
    }
    close(fd);
}
