/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose dumps these are is asked of the newest one itself: on a file server the user may have another number there.
 *
 * Who writes a dump holds a lock on it (sink/sink.c), wherever it runs: process ids are told apart neither by containers
 * that share a directory nor by machines that share a file server. Only where locks cannot be had the id in the name has
 * to do. The lock is held here, too, until an unfinished dump is gone: so who has just created it finds out.
 *
 * Without memory for a list: the directory is read once for each file that goes, which is one file as a rule.
 * Context: crash.
 */
#include "place/oldest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "place/target.h"
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

enum {
    HEAD_ROOM = 8192,  /* bytes at the beginning of a dump in which its kind is looked for */
    MAX_COMPARED = 256 /* dumps whose kinds are compared with all others, in one call */
};

/* A dump as its name tells. */
struct dump_name {
    uint64_t pid;
    bool part;
};

struct search {
    uid_t owner;
    const char *spared;
    int64_t after_ns; /* older ones stay */
    unsigned count;
    bool found;
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

static bool read_name(const char *name, struct dump_name *dump)
{
    uint64_t number;
    if (!skip(&name, prefix) || !phd__text_parse_unsigned(&name, &dump->pid) || !skip(&name, "_") ||
        !phd__text_parse_unsigned(&name, &number) || !skip(&name, suffix))
        return false;
    dump->part = phd__string_equal(name, part_suffix);
    return dump->part || !*name;
}

/* Is there a process with this id that may have changed a file at that time? The same id, 1 in a container above all, may
 * have had an earlier owner, whose files nobody will finish. */
static bool may_write(uint64_t pid, int64_t changed_ns)
{
    int64_t start_ns = phd__process_start_ns((int)pid);
    return start_ns && changed_ns > start_ns - CLOCK_SLACK * (int64_t)1000000000;
}

/* A descriptor that holds the lock of an unfinished dump which nobody is writing, or -1. */
static int lock_abandoned(int directory, const char *name, uint64_t pid, int64_t changed_ns)
{
    int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (locked || (errno != EWOULDBLOCK && !may_write(pid, changed_ns)))
        return fd;
    close(fd);
    return -1;
}

static int64_t changed_ns_of(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

static bool is_abandoned(int directory, const char *name, uint64_t pid, int64_t changed_ns)
{
    int fd = lock_abandoned(directory, name, pid, changed_ns);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void visit(const char *name, int directory, void *argument)
{
    struct search *search = argument;
    struct dump_name dump;
    struct stat info;
    size_t length = phd__string_length(name);
    if (length >= NAME_ROOM || !read_name(name, &dump) || fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode) || info.st_uid != search->owner)
        return;
    int64_t changed_ns = changed_ns_of(&info);
    if (dump.part && !is_abandoned(directory, name, dump.pid, changed_ns))
        return;
    search->count++;
    if (phd__string_equal(name, search->spared) || changed_ns <= search->after_ns ||
        (search->found && changed_ns >= search->oldest_ns))
        return;
    search->found = true;
    search->oldest_ns = changed_ns;
    memcpy(search->oldest, name, length + 1);
}

/* False when it stays, and will stay. */
static bool remove_found(int directory, const struct search *search)
{
    struct dump_name dump = {0, false};
    int lock = -1;
    read_name(search->oldest, &dump);
    if (dump.part) {
        lock = lock_abandoned(directory, search->oldest, dump.pid, search->oldest_ns);
        if (lock < 0)
            return true; /* it is in use by now, and is not found again */
    }
    bool gone = unlinkat(directory, search->oldest, 0) == 0 || errno == ENOENT;
    if (lock >= 0)
        close(lock);
    return gone;
}

/* The kind of a dump as its head tells, 0: none. */
static uint64_t kind_of(int directory, const char *name)
{
    static char head[HEAD_ROOM];
    static const char header[] = "\n" PHD_KIND_HEADER ": ";
    uint64_t kind = 0;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = pread(fd, head, sizeof head - 1, 0);
    close(fd);
    head[length > 0 ? length : 0] = 0;
    for (const char *at = head; *at; at++) {
        const char *value = at;
        if (at[0] == '\n' && at[1] == '\n')
            break; /* the end of the headers */
        if (skip(&value, header) && phd__text_parse_unsigned(&value, &kind))
            return kind;
    }
    return 0;
}

/* Are there an older and a newer one of its kind? */
struct comparison {
    uint64_t kind;
    int64_t changed_ns;
    bool has_older, has_newer;
};

static void compare(const char *name, int directory, void *argument)
{
    struct comparison *with = argument;
    struct dump_name dump;
    struct stat info;
    if ((with->has_older && with->has_newer) || !read_name(name, &dump) || dump.part ||
        fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
        return;
    int64_t changed_ns = changed_ns_of(&info);
    bool *found = changed_ns < with->changed_ns ? &with->has_older : &with->has_newer;
    if (changed_ns != with->changed_ns && !*found && kind_of(directory, name) == with->kind)
        *found = true;
}

static bool is_first_or_newest(const char *path, int directory, const struct search *search)
{
    struct comparison with = {.kind = kind_of(directory, search->oldest), .changed_ns = search->oldest_ns};
    if (with.kind == 0)
        return false;
    phd__directory_each(path, compare, &with);
    return !with.has_older || !with.has_newer;
}

/* Split `path`, absolute, into a directory in `storage` and a name. NULL when it is too long. */
static const char *split(const char *path, char storage[PHD_MAX_PATH])
{
    size_t slash = 0, length = phd__string_length(path);
    if (length >= PHD_MAX_PATH)
        return NULL;
    memcpy(storage, path, length + 1);
    for (size_t i = 0; i < length; i++)
        slash = path[i] == '/' ? i : slash;
    storage[slash ? slash : 1] = 0;
    return path + slash + 1;
}

/* Returns how many remain. */
static unsigned remove_down_to(unsigned keep, const char *path, int directory, const char *newest, uid_t owner,
                               bool with_regard_to_kinds)
{
    int64_t after_ns = INT64_MIN;
    unsigned removed = 0, compared = 0;
    for (;;) {
        struct search search = {.owner = owner, .spared = newest, .after_ns = after_ns};
        phd__directory_each(path, visit, &search);
        if (search.count <= keep || !search.found || removed == MAX_REMOVED || compared == MAX_COMPARED)
            return search.count;
        if (with_regard_to_kinds && ++compared && is_first_or_newest(path, directory, &search))
            after_ns = search.oldest_ns;
        else if (remove_found(directory, &search))
            removed++;
        else
            after_ns = search.oldest_ns;
    }
}

void phd__oldest_remove(const char *newest, unsigned keep)
{
    char directory[PHD_MAX_PATH];
    struct stat info;
    const char *name = split(newest, directory);
    if (!name || fstatat(AT_FDCWD, newest, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return; /* not ours to read: then all stay */
    if (remove_down_to(keep, directory, fd, name, info.st_uid, true) > keep)
        remove_down_to(keep, directory, fd, name, info.st_uid, false);
    close(fd);
}
