/* SPDX-License-Identifier: Apache-2.0
 *
 * The links tell the namespaces (namespaces(7)). One without init has no name yet: the link is there and cannot be read
 * (Linux, kernel/pid_namespace.c: pidns_for_children_get). Before 4.12 there is no such link, and nobody tells.
 *
 * Context: crash.
 */
#include "snapshot/namespace.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 64 /* "pid:[4026531836]" */ };

static const char own_link[] = "/proc/thread-self/ns/pid", childrens_link[] = "/proc/thread-self/ns/pid_for_children";

bool phd__children_are_strangers(void)
{
    char own[NAME_ROOM], childrens[NAME_ROOM];
    struct stat info;
    ssize_t length = readlinkat(AT_FDCWD, own_link, own, sizeof own);
    if (length <= 0 || fstatat(AT_FDCWD, childrens_link, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    return readlinkat(AT_FDCWD, childrens_link, childrens, sizeof childrens) != length ||
           memcmp(own, childrens, (size_t)length) != 0;
}
