/* SPDX-License-Identifier: Apache-2.0
 *
 * The file a dump is read from: positioned exact reads and bounded searches.
 *
 * pread and not mmap: a mapped file that someone cuts while it is read kills the reader with SIGBUS; a short pread is
 * an ordinary error.
 */
#ifndef PHD_READ_INPUT_H
#define PHD_READ_INPUT_H

#include "read_error.h"

#include <stddef.h>
#include <stdint.h>

struct phd__input {
    int fd;
    uint64_t size; /* when it was opened */
};

/* Opens a regular file for reading. On failure there is nothing to close. */
enum phd__read_status phd__input_open(const char *path, struct phd__input *ret, struct phd__read_error *error);
void phd__input_close(struct phd__input *input);

/* Reads exactly `size` bytes at `position`. Anything less is a failure; `buffer` is then undefined. */
enum phd__read_status phd__input_read(const struct phd__input *input, uint64_t position, void *buffer, size_t size,
                                      struct phd__read_error *error);

/* The first place >= `from` where `pattern` lies wholly before `to`. PHD__READ_NOT_FOUND when there is none.
 * `pattern_size` is at most 256. */
enum phd__read_status phd__input_find(const struct phd__input *input, uint64_t from, uint64_t to, const void *pattern,
                                      size_t pattern_size, uint64_t *ret, struct phd__read_error *error);

/* The last place where `pattern` lies wholly before `to`, among the 64 KiB before `to`. PHD__READ_NOT_FOUND when there is
 * none. */
enum phd__read_status phd__input_find_last(const struct phd__input *input, uint64_t to, const void *pattern,
                                           size_t pattern_size, uint64_t *ret, struct phd__read_error *error);

#endif
