/* SPDX-License-Identifier: Apache-2.0
 *
 * The directories in which the kernel tells of the memory of the process's control groups (cgroups(7)). Context: crash.
 */
#ifndef PHD_LIMITS_CGROUP_H
#define PHD_LIMITS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

enum { PHD_CGROUP_PATH = 2048, PHD_CGROUP_VERSIONS = 2 };

/* The process's own group in a hierarchy that has memory. Its ancestors, as far as they can be seen, are the beginnings
 * of `path` down to `mount`. */
struct phd_cgroup {
    bool second;                /* version 2, else version 1 */
    char path[PHD_CGROUP_PATH]; /* of its directory, as the process sees it */
    size_t length;
    size_t mount; /* length of the part that is the mount point */
};

/* Find the groups of the calling process, one of each version. `root` stands before every path that is read ("" but in
 * tests). Returns how many there are. */
unsigned phd__cgroup_find(const char *root, struct phd_cgroup found[PHD_CGROUP_VERSIONS]);

/* The length of the path of the parent of the group whose path has this `length`; 0: none is visible. */
size_t phd__cgroup_parent(const struct phd_cgroup *group, size_t length);

#endif
