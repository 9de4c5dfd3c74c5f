/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that were mapped when the core was written, and whether those of the same names here are still the same.
 *
 * A core leaves out what nobody can have changed: code and constants. They are taken from the files, but never from
 * another file than the one that was mapped: build-ids decide, where the core holds that page of the file; else the
 * program headers, the ranges that are mapped, and that the file is older than the core, and then the user is told that
 * it could not be checked. What can be written, and what the dynamic linker writes before it is made read-only, is never
 * taken from a file. Context: normal.
 */
#ifndef PHD_CORE_FILES_H
#define PHD_CORE_FILES_H

#include "core/notes.h"
#include "safe/text.h"

enum phd_file_state {
    PHD_FILE_SAME,      /* by its build-id */
    PHD_FILE_UNCHECKED, /* nothing speaks against it, but the core does not tell its build-id */
    PHD_FILE_OTHER,     /* another one than was mapped */
    PHD_FILE_ABSENT,    /* it cannot be opened here */
    PHD_FILE_DATA       /* no program or library: what the core lacks of it is missing */
};

struct phd_core_file {
    const char *path;   /* where it is opened */
    size_t path_length; /* without what the kernel appends */
    bool deleted;       /* it had gone when the core was written */
    bool needed;        /* the core leaves out parts that cannot have been written */
    bool has_image;     /* `image` is that of the file that was mapped */
    enum phd_file_state state;
    int fd; /* -1: not open */
    uint64_t size;
    struct phd_image image;
};

struct phd_core_files {
    struct phd_core_file *all;
    unsigned count;
    size_t capacity;
    unsigned executable; /* index of the program's own file; count: not known */
};

/* Find the files of `notes` and look at them; `executable`: the program's own is there, not where the core says; or NULL.
 * `time_ns`: when the core was written. To be closed. */
enum phd_status phd__core_files_open(struct phd_core_files *files, struct phd_core_notes *notes,
                                     const struct phd_core_headers *headers, const char *executable, int64_t time_ns,
                                     struct phd_error *error);
void phd__core_files_close(struct phd_core_files *files);

/* The segment of the file's that `address` of the range belongs to, or NULL. */
const struct phd_image_load *phd__core_file_load(const struct phd_core_file *file, const struct phd_core_range *range,
                                                 uint64_t address);

/* Is the file needed, and not to be had? */
bool phd__core_file_is_missing(const struct phd_core_file *file);

/* Is any? */
bool phd__core_any_file_is_missing(const struct phd_core_files *files);

/* Append a line for each kind of file that is needed and not there, not the same, or not checked. */
void phd__core_files_problems(const struct phd_core_files *files, struct phd_text *text);

#endif
