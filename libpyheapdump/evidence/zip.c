/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "evidence/zip.h"

#include <string.h>
#include <unistd.h>

#include "safe/text.h"

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, MAX_COMMENT = 65535, METHOD_STORED = 0, METHOD_DEFLATED = 8 };

static uint32_t u16_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t u32_at(const uint8_t *bytes)
{
    return u16_at(bytes) | u16_at(bytes + 2) << 16;
}

static bool read_at(int fd, uint64_t offset, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t length = pread(fd, to + done, size - done, (off_t)(offset + done));
        if (length <= 0)
            return false;
        done += (size_t)length;
    }
    return true;
}

struct directory {
    uint64_t position; /* in the file */
    uint32_t size;
    uint64_t shift; /* bytes before the archive: a shebang line, an executable */
};

/* The end of central directory record stands in the last 64 KiB. */
static bool find_directory(int fd, uint8_t *scratch, size_t scratch_size, struct directory *directory)
{
    off_t end = lseek(fd, 0, SEEK_END);
    size_t window = END_SIZE + MAX_COMMENT;
    if (window > scratch_size)
        window = scratch_size;
    if (end >= 0 && (uint64_t)end < window)
        window = (size_t)end;
    if (end < END_SIZE || !read_at(fd, (uint64_t)end - window, scratch, window))
        return false;
    for (size_t at = window - END_SIZE + 1; at-- > 0;) {
        if (memcmp(scratch + at, "PK\5\6", 4) != 0)
            continue;
        uint64_t position = (uint64_t)end - window + at;
        uint64_t said = u32_at(scratch + at + 16);
        directory->size = u32_at(scratch + at + 12);
        if (directory->size > position || position - directory->size < said)
            return false;
        directory->position = position - directory->size;
        directory->shift = directory->position - said;
        return true;
    }
    return false;
}

static bool locate(int fd, const uint8_t *entry, uint64_t shift, struct phd_zip_member *member)
{
    uint8_t local[LOCAL_SIZE];
    uint32_t method = u16_at(entry + 10);
    uint64_t header = shift + u32_at(entry + 42);
    if ((method != METHOD_STORED && method != METHOD_DEFLATED) || !read_at(fd, header, local, sizeof local) ||
        memcmp(local, "PK\3\4", 4) != 0)
        return false;
    member->offset = header + LOCAL_SIZE + u16_at(local + 26) + u16_at(local + 28);
    member->stored_size = u32_at(entry + 20);
    member->deflated = method == METHOD_DEFLATED;
    return true;
}

bool phd__zip_find(int fd, const char *name, uint8_t *scratch, size_t scratch_size, struct phd_zip_member *member)
{
    struct directory directory;
    size_t name_length = phd__string_length(name);
    if (!find_directory(fd, scratch, scratch_size, &directory) || directory.size > scratch_size ||
        !read_at(fd, directory.position, scratch, directory.size))
        return false;
    for (size_t at = 0; at + ENTRY_SIZE <= directory.size;) {
        const uint8_t *entry = scratch + at;
        size_t length = u16_at(entry + 28);
        if (memcmp(entry, "PK\1\2", 4) != 0 || at + ENTRY_SIZE + length > directory.size)
            return false;
        if (length == name_length && memcmp(entry + ENTRY_SIZE, name, length) == 0)
            return locate(fd, entry, directory.shift, member);
        at += ENTRY_SIZE + length + u16_at(entry + 30) + u16_at(entry + 32);
    }
    return false;
}
