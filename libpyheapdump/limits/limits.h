/* SPDX-License-Identifier: Apache-2.0
 *
 * What limits the memory of the process, and how much of each is used.
 *
 *     given            a number of the user's, for the process's resident memory
 *     RLIMIT_AS        its address space; allocations fail there
 *     RLIMIT_DATA      its private writable memory; likewise
 *     control groups   its own and each of their ancestors that can be seen; the kernel kills there
 *     the machine      its resident memory is all there is
 *
 * Context: crash.
 */
#ifndef PHD_LIMITS_LIMITS_H
#define PHD_LIMITS_LIMITS_H

#include <stdint.h>

#include "limits/cgroup.h"
#include "safe/text.h"

enum { PHD_MAX_LIMITS = 24 };

enum phd_limit_kind { PHD_LIMIT_GIVEN, PHD_LIMIT_ADDRESS_SPACE, PHD_LIMIT_DATA, PHD_LIMIT_CGROUP, PHD_LIMIT_MACHINE };

struct phd_limit {
    enum phd_limit_kind kind;
    uint64_t bytes;     /* at which memory ends */
    uint64_t threshold; /* at which a dump is made */
    /* of a group: */
    unsigned group;
    size_t length;          /* of its path, the beginning of groups[group].path */
    const char *limit_file; /* in which the limit stands */
};

struct phd_limits {
    const char *root; /* stands before every path that is read: "" but in tests */
    struct phd_cgroup groups[PHD_CGROUP_VERSIONS];
    unsigned group_count;
    unsigned count;
    struct phd_limit list[PHD_MAX_LIMITS];
};

/* What the process uses, bytes. */
struct phd_process_memory {
    uint64_t resident;
    uint64_t address_space;
    uint64_t data;
};

/* Find the limits there are. `given`: bytes, 0 for none, a threshold by itself; of the others the threshold is `share`
 * (more than 0, less than 1) of the limit, rounded down. `root`: a string that lives as long as `limits`. */
void phd__limits_find(struct phd_limits *limits, const char *root, uint64_t given, double share);

/* False when /proc cannot be read. */
bool phd__process_memory(const char *root, struct phd_process_memory *process);

/* How much of the limit is used, bytes. What the kernel gives back before it kills in a group, file pages above all, is
 * no use of it; it is looked up only when it matters, when all together is at the threshold. */
uint64_t phd__limit_used(const struct phd_limits *limits, const struct phd_limit *limit,
                         const struct phd_process_memory *process);

/* How many bytes more this process and its children can use together before the kernel kills: of its groups and of the
 * machine. */
uint64_t phd__limits_headroom(const struct phd_limits *limits, const struct phd_process_memory *process);

/* Is this process, which has `resident` bytes, the largest one of the limit's group, the one that the kernel would kill
 * first? Of several that are about equal each is. Processes of the groups below it are not compared. True for limits
 * that are no group's. */
bool phd__limit_is_ours(const struct phd_limits *limits, const struct phd_limit *limit, uint64_t resident);

/* The path of the file of the process's own group that tells of pressure (version 2). False: there is none. */
bool phd__limits_pressure_file(const struct phd_limits *limits, char *path, size_t capacity);

/* For programs: "given", "RLIMIT_AS", "RLIMIT_DATA", "cgroup", "machine". */
const char *phd__limit_kind(const struct phd_limit *limit);

/* For people: "memory.limit_in_bytes of cgroup /sys/fs/cgroup/memory/crawler", "RLIMIT_AS". */
void phd__limit_put_source(const struct phd_limits *limits, const struct phd_limit *limit, struct phd_text *text);

#endif
