/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and meaning of a group's files: Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of the kernel;
 * of statm's numbers: proc_pid_statm(5).
 *
 * Context: crash.
 */
#include "limits/limits.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "limits/small_file.h"
#include "safe/process.h"

enum { PATH_ROOM = PHD_CGROUP_PATH + 64, KIB = 1024, RECLAIMABLE_KEYS = 3 };

/* Files of a group, by version. */
static const struct {
    const char *limits[2]; /* the smaller one counts: at the second the kernel only slows down, but to a crawl */
    const char *used;
    struct {
        const char *key;
        unsigned divisor;
    } reclaimable[RECLAIMABLE_KEYS]; /* in memory.stat what goes before any process is killed, here and in the groups
                                        below: file pages, those in use last, and what is known of names and inodes, of
                                        which half may be in use (MemAvailable reckons likewise: si_mem_available() in
                                        mm/page_alloc.c, Linux 6.1) */
    const char
        *limit_above; /* the key of the smallest limit of the group and all its ancestors, also of invisible ones */
} files[PHD_CGROUP_VERSIONS] = {
    {{"memory.limit_in_bytes", NULL},
     "memory.usage_in_bytes",
     {{"total_inactive_file", 1}, {"total_active_file", 1}}, /* of the third it does not tell */
     "hierarchical_memory_limit"},
    {{"memory.max", "memory.high"},
     "memory.current",
     {{"inactive_file", 1}, {"active_file", 1}, {"slab_reclaimable", 2}},
     NULL},
};

/* "ROOT/beginning of a directory's path/name" */
static const char *make_path(char path[PATH_ROOM], const char *directory, size_t length, const char *name)
{
    struct phd_text text;
    phd__text_init(&text, path, PATH_ROOM - 1);
    phd__text_bytes(&text, directory, length);
    phd__text_string(&text, name[0] == '/' ? "" : "/");
    phd__text_string(&text, name);
    path[text.used] = 0;
    return path;
}

static const char *proc_path(char path[PATH_ROOM], const char *root, const char *name)
{
    return make_path(path, root, phd__string_length(root), name);
}

static const char *group_path(char path[PATH_ROOM], const struct phd_limits *limits, const struct phd_limit *limit,
                              const char *name)
{
    return make_path(path, limits->groups[limit->group].path, limit->length, name);
}

/* ---- finding ---- */

static void add(struct phd_limits *limits, struct phd_limit limit, double share)
{
    if (limit.bytes == PHD_NO_LIMIT || limits->count == PHD_MAX_LIMITS)
        return;
    limit.threshold = limit.kind == PHD_LIMIT_GIVEN ? limit.bytes : (uint64_t)((double)limit.bytes * share);
    limits->list[limits->count++] = limit;
}

static void add_resource(struct phd_limits *limits, enum phd_limit_kind kind, int resource, double share)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        add(limits, (struct phd_limit){.kind = kind, .bytes = limit.rlim_cur}, share);
}

/* One that is larger than the machine's memory can never be reached. */
static void add_group(struct phd_limits *limits, unsigned group, size_t length, uint64_t machine, double share)
{
    char path[PATH_ROOM];
    const struct phd_cgroup *found = &limits->groups[group];
    struct phd_limit limit = {PHD_LIMIT_CGROUP, PHD_NO_LIMIT, 0, group, length, NULL};
    uint64_t number;
    for (int i = 0; i < 2 && files[found->second].limits[i]; i++) {
        const char *name = files[found->second].limits[i];
        if (phd__file_numbers(group_path(path, limits, &limit, name), &number, 1) && number < limit.bytes) {
            limit.bytes = number;
            limit.limit_file = name;
        }
    }
    const char *above = files[found->second].limit_above;
    if (above && length == found->mount &&
        phd__file_value(group_path(path, limits, &limit, "memory.stat"), above, &number) && number < limit.bytes) {
        limit.bytes = number;
        limit.limit_file = above;
    }
    if (limit.bytes < machine)
        add(limits, limit, share);
}

void phd__limits_find(struct phd_limits *limits, const char *root, uint64_t given, double share)
{
    char path[PATH_ROOM];
    uint64_t kibibytes, machine = PHD_NO_LIMIT;
    if (phd__file_value(proc_path(path, root, "/proc/meminfo"), "MemTotal:", &kibibytes))
        machine = kibibytes * KIB;
    limits->root = root;
    limits->count = 0;
    if (given)
        add(limits, (struct phd_limit){.kind = PHD_LIMIT_GIVEN, .bytes = given}, share);
    add_resource(limits, PHD_LIMIT_ADDRESS_SPACE, RLIMIT_AS, share);
    add_resource(limits, PHD_LIMIT_DATA, RLIMIT_DATA, share);
    limits->group_count = phd__cgroup_find(root, limits->groups);
    for (unsigned group = 0; group < limits->group_count; group++) {
        const struct phd_cgroup *found = &limits->groups[group];
        for (size_t length = found->length; length; length = phd__cgroup_parent(found, length))
            add_group(limits, group, length, machine, share);
    }
    add(limits, (struct phd_limit){.kind = PHD_LIMIT_MACHINE, .bytes = machine}, share);
}

/* ---- measuring ---- */

bool phd__process_memory(const char *root, struct phd_process_memory *process)
{
    enum { SIZE, RESIDENT, SHARED, TEXT, LIBRARIES, DATA, COUNT };
    uint64_t pages[COUNT];
    char path[PATH_ROOM];
    uint64_t page = getauxval(AT_PAGESZ);
    if (!phd__file_numbers(proc_path(path, root, "/proc/self/statm"), pages, COUNT))
        return false;
    *process = (struct phd_process_memory){pages[RESIDENT] * page, pages[SIZE] * page, pages[DATA] * page};
    return true;
}

static uint64_t group_used(const struct phd_limits *limits, const struct phd_limit *limit)
{
    char path[PATH_ROOM];
    uint64_t used, reclaimable;
    unsigned second = limits->groups[limit->group].second;
    if (!phd__file_numbers(group_path(path, limits, limit, files[second].used), &used, 1))
        return 0; /* the group is gone */
    group_path(path, limits, limit, "memory.stat");
    for (unsigned i = 0; i < RECLAIMABLE_KEYS && used >= limit->threshold; i++) {
        const char *key = files[second].reclaimable[i].key;
        if (key && phd__file_value(path, key, &reclaimable)) {
            reclaimable /= files[second].reclaimable[i].divisor;
            used -= reclaimable < used ? reclaimable : used;
        }
    }
    return used;
}

uint64_t phd__limit_used(const struct phd_limits *limits, const struct phd_limit *limit,
                         const struct phd_process_memory *process)
{
    switch (limit->kind) {
    case PHD_LIMIT_ADDRESS_SPACE: return process->address_space;
    case PHD_LIMIT_DATA: return process->data;
    case PHD_LIMIT_CGROUP: return group_used(limits, limit);
    default: return process->resident;
    }
}

uint64_t phd__limits_headroom(const struct phd_limits *limits, const struct phd_process_memory *process)
{
    char path[PATH_ROOM];
    uint64_t left = PHD_NO_LIMIT, available;
    if (phd__file_value(proc_path(path, limits->root, "/proc/meminfo"), "MemAvailable:", &available))
        left = available * KIB;
    for (unsigned i = 0; i < limits->count; i++) {
        const struct phd_limit *limit = &limits->list[i];
        if (limit->kind != PHD_LIMIT_CGROUP)
            continue;
        uint64_t used = phd__limit_used(limits, limit, process);
        uint64_t here = limit->bytes > used ? limit->bytes - used : 0;
        left = here < left ? here : left;
    }
    return left;
}

struct comparison {
    const char *root;
    uint64_t own_pages;
    bool is_largest;
};

/* A line of cgroup.procs: a process. One of another pid namespace is 0. */
static void compare(const char *line, void *argument)
{
    struct comparison *comparison = argument;
    uint64_t pid, pages[2];
    char path[PATH_ROOM], name[PHD_PROC_PATH];
    if (!comparison->is_largest || !phd__take_number(&line, &pid) || !pid)
        return;
    phd__proc_path((int)pid, "statm", name);
    if (phd__file_numbers(proc_path(path, comparison->root, name), pages, 2) && pages[1] > comparison->own_pages)
        comparison->is_largest = false;
}

bool phd__limit_is_ours(const struct phd_limits *limits, const struct phd_limit *limit, uint64_t resident)
{
    char path[PATH_ROOM];
    /* The others are read later, and may have grown since: what differs by so little is equal. */
    uint64_t pages = resident / getauxval(AT_PAGESZ);
    struct comparison comparison = {limits->root, pages + pages / 64, true};
    if (limit->kind == PHD_LIMIT_CGROUP)
        phd__file_lines(group_path(path, limits, limit, "cgroup.procs"), compare, &comparison);
    return comparison.is_largest;
}

bool phd__limits_pressure_file(const struct phd_limits *limits, char *path, size_t capacity)
{
    struct phd_text text;
    for (unsigned i = 0; i < limits->group_count; i++) {
        const struct phd_cgroup *group = &limits->groups[i];
        phd__text_init(&text, path, capacity - 1);
        phd__text_bytes(&text, group->path, group->length);
        phd__text_string(&text, "/memory.pressure");
        path[text.used] = 0;
        if (group->second && !text.full && faccessat(AT_FDCWD, path, R_OK | W_OK, 0) == 0)
            return true;
    }
    return false;
}

const char *phd__limit_kind(const struct phd_limit *limit)
{
    static const char *const kinds[] = {
        [PHD_LIMIT_GIVEN] = "given",   [PHD_LIMIT_ADDRESS_SPACE] = "RLIMIT_AS", [PHD_LIMIT_DATA] = "RLIMIT_DATA",
        [PHD_LIMIT_CGROUP] = "cgroup", [PHD_LIMIT_MACHINE] = "machine",
    };
    return kinds[limit->kind];
}

void phd__limit_put_source(const struct phd_limits *limits, const struct phd_limit *limit, struct phd_text *text)
{
    static const char *const names[] = {
        [PHD_LIMIT_GIVEN] = "memory_limit",
        [PHD_LIMIT_ADDRESS_SPACE] = "RLIMIT_AS",
        [PHD_LIMIT_DATA] = "RLIMIT_DATA",
        [PHD_LIMIT_MACHINE] = "the machine's memory",
    };
    if (limit->kind != PHD_LIMIT_CGROUP) {
        phd__text_string(text, names[limit->kind]);
        return;
    }
    phd__text_string(text, limit->limit_file);
    phd__text_string(text, " of cgroup ");
    phd__text_bytes(text, limits->groups[limit->group].path, limit->length);
}
