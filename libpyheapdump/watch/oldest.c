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
#include "safe/process.h"
#include "safe/text.h"

enum {
    MAX_REMOVED = 64, /* in one call */
    NAME_ROOM = 128,
    CLOCK_SLACK = 60 /* seconds: the clock may have been set since the process began */
};

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

/* Is there a process with this id that may have changed a file at that time? The same id, 1 in a container above all, may
 * have had an earlier owner, whose files nobody will finish. */
static bool may_write(uint64_t pid, int64_t changed_ns)
{
    int64_t start_ns = phd__process_start_ns((int)pid);
    return start_ns && changed_ns > start_ns - CLOCK_SLACK * (int64_t)1000000000;
}

/* A dump of ours that nobody is writing. */
static bool may_go(const char *name, int64_t changed_ns)
{
    uint64_t pid, number;
    if (!skip(&name, prefix) || !phd__text_parse_unsigned(&name, &pid) || !skip(&name, "_") ||
        !phd__text_parse_unsigned(&name, &number) || !skip(&name, suffix))
        return false;
    return !*name || (phd__string_equal(name, part_suffix) && !may_write(pid, changed_ns));
}

static void visit(const char *name, int directory, void *argument)
{
    struct search *search = argument;
    struct stat info;
    size_t length = phd__string_length(name);
    if (length >= NAME_ROOM || fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
        return;
    int64_t changed_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    if (!may_go(name, changed_ns))
        return;
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
