/* SPDX-License-Identifier: Apache-2.0
 *
 * The mappings of the target, as /proc/PID/maps lists them (Linux, Documentation/filesystems/proc.rst), and which of
 * them begin a module. Context: crash.
 */
#ifndef PHD_NATIVE_MAPPINGS_H
#define PHD_NATIVE_MAPPINGS_H

#include "pyheapdump.h"

enum {
    PHD_MAX_MAPPINGS = 1 << 18,
    PHD_MAX_MODULES = 4096,
    PHD_MAX_MODULE_NAMES = 1 << 20, /* bytes of all paths together */
    PHD_MAX_MAPS_LINE = 16 * 1024   /* bytes; a path has up to 4096, and its line feeds take four characters each */
};

enum phd_permission { PHD_EXECUTABLE = 1, PHD_WRITABLE = 2, PHD_READABLE = 4, PHD_SHARED = 8 };

struct phd_mapping {
    uint64_t start, end; /* end is not part of it */
    uint64_t offset;     /* in the file */
    uint64_t inode;      /* 0: no file */
    uint32_t device_major, device_minor;
    unsigned permissions;
};

/* A file mapping at offset 0 that an executable mapping of the same file follows, or the vdso. */
struct phd_module_start {
    size_t mapping; /* its index */
    const char *path;
    bool deleted; /* the file has gone since it was mapped */
};

struct phd_mappings {
    struct phd_mapping *all; /* ascending */
    size_t count;
    size_t capacity;
    struct phd_module_start *starts;
    size_t start_count;
    size_t start_capacity;
    char *names;
    size_t names_used;
    size_t names_capacity;
    bool cut; /* there are more than fit */
};

/* Read /proc/`pid`/maps. When that cannot be done there are no mappings. */
enum phd_status phd__mappings_read(struct phd_mappings *mappings, int pid, struct phd_error *error);
void phd__mappings_close(struct phd_mappings *mappings);

/* The mapping that holds `address`, or NULL. */
const struct phd_mapping *phd__mapping_at(const struct phd_mappings *mappings, uint64_t address);
bool phd__is_executable(const struct phd_mappings *mappings, uint64_t address);

bool phd__same_file(const struct phd_mapping *a, const struct phd_mapping *b);

/* What may be the first mapping of a module, until an executable one of the same file shows that it is. */
struct phd_module_candidate {
    size_t mapping;
    size_t path_length; /* of the path, which stands behind the used part of the names */
    bool pending;
};

/* Another source of mappings than maps: take memory for `count` of them whose paths have `bytes` bytes altogether. False
 * when it is refused. `mappings` is zeroed, and to be closed. */
bool phd__mappings_take(struct phd_mappings *mappings, size_t count, size_t bytes);

/* The next mapping, above all before it (another is left out), with the path of its file; `candidate` is zeroed before
 * the first one. */
void phd__mappings_add(struct phd_mappings *mappings, struct phd_module_candidate *candidate,
                       const struct phd_mapping *mapping, const char *path, size_t path_length);

/* One line of maps, without its line feed. False when it is none. */
bool phd__mapping_parse(const char *line, size_t length, struct phd_mapping *mapping, const char **path,
                        size_t *path_length);

#endif
