/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and searching the dump file; see input.h.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((size_t)64 * 1024)

static enum phd__read_status check_regular(int fd, uint64_t *ret_size, struct phd__read_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return phd__read_fail_os(error, "cannot look at it");
    if (S_ISDIR(status.st_mode))
        return phd__read_fail(error, PHD__READ_NOT_A_DUMP, "is a directory; give a dump file in it");
    if (!S_ISREG(status.st_mode))
        return phd__read_fail(error, PHD__READ_NOT_A_DUMP, "is not a regular file; copy the dump to a file first");
    *ret_size = (uint64_t)status.st_size;
    return PHD__READ_OK;
}

enum phd__read_status phd__input_open(const char *path, struct phd__input *ret, struct phd__read_error *error)
{
    /* O_NONBLOCK: opening a FIFO that nobody writes to must not hang. It means nothing for regular files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return phd__read_fail_os(error, "cannot be opened");
    struct phd__input input = {.fd = fd, .size = 0};
    enum phd__read_status status = check_regular(fd, &input.size, error);
    if (status != PHD__READ_OK) {
        phd__input_close(&input);
        return status;
    }
    *ret = input;
    return PHD__READ_OK;
}

void phd__input_close(struct phd__input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    input->fd = -1;
}

enum phd__read_status phd__input_read(const struct phd__input *input, uint64_t position, void *buffer, size_t size,
                                      struct phd__read_error *error)
{
    if (position > input->size || size > input->size - position)
        return phd__read_fail(error, PHD__READ_DAMAGED, "the file ends at byte %" PRIu64 ", before what is read here",
                              input->size);
    char *to = buffer;
    while (size > 0) {
        ssize_t got = pread(input->fd, to, size, (off_t)position);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return phd__read_fail_os(error, "cannot be read");
        if (got == 0)
            return phd__read_fail(error, PHD__READ_DAMAGED, "the file became shorter while it was read");
        to += got;
        position += (uint64_t)got;
        size -= (size_t)got;
    }
    return PHD__READ_OK;
}

enum phd__read_status phd__input_find(const struct phd__input *input, uint64_t from, uint64_t to, const void *pattern,
                                      size_t pattern_size, uint64_t *ret, struct phd__read_error *error)
{
    char window[WINDOW];
    if (to > input->size)
        to = input->size;
    while (from < to && to - from >= pattern_size) {
        size_t size = to - from < WINDOW ? (size_t)(to - from) : WINDOW;
        enum phd__read_status status = phd__input_read(input, from, window, size, error);
        if (status != PHD__READ_OK)
            return status;
        const char *found = memmem(window, size, pattern, pattern_size);
        if (found != NULL) {
            *ret = from + (uint64_t)(found - window);
            return PHD__READ_OK;
        }
        from += size - (pattern_size - 1); /* the pattern may lie across two windows */
    }
    return phd__read_fail(error, PHD__READ_NOT_FOUND, "not found");
}

enum phd__read_status phd__input_find_last(const struct phd__input *input, uint64_t to, const void *pattern,
                                           size_t pattern_size, uint64_t *ret, struct phd__read_error *error)
{
    char window[WINDOW];
    if (to > input->size)
        to = input->size;
    size_t size = to < WINDOW ? (size_t)to : WINDOW;
    uint64_t from = to - size;
    enum phd__read_status status = phd__input_read(input, from, window, size, error);
    if (status != PHD__READ_OK)
        return status;
    for (size_t i = size; i-- > 0;) {
        if (size - i >= pattern_size && memcmp(window + i, pattern, pattern_size) == 0) {
            *ret = from + i;
            return PHD__READ_OK;
        }
    }
    return phd__read_fail(error, PHD__READ_NOT_FOUND, "not found");
}
