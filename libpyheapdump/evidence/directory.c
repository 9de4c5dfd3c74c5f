/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "evidence/directory.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's record of a directory entry (getdents64(2)). */
struct kernel_dirent {
    uint64_t d_ino;
    int64_t d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[];
};

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

bool phd__directory_each(const char *path, void (*visit)(const char *name, int directory, void *argument),
                         void *argument)
{
    union {
        char bytes[8192];
        uint64_t alignment;
    } buffer;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    long length;
    while ((length = syscall(SYS_getdents64, fd, buffer.bytes, sizeof buffer.bytes)) > 0) {
        for (long at = 0; at < length;) {
            const struct kernel_dirent *entry = (const struct kernel_dirent *)(const void *)(buffer.bytes + at);
            at += entry->d_reclen;
            if (!is_dots(entry->d_name))
                visit(entry->d_name, fd, argument);
        }
    }
    close(fd);
    return true;
}
