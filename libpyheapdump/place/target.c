/* SPDX-License-Identifier: Apache-2.0
 *
 * The names are those of pymodule/pyheapdump/files.py. Context: crash.
 */
#include "place/target.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safe/text.h"

enum { MAX_TRIED = 10000 };

static bool exists(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* mkdir -p; the errno of the first that could not be made. That alone proves nothing, as some file systems say so of one
 * that is there. `path` is absolute and is changed and put back. */
static int make_directories(char *path)
{
    int refused = 0;
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST && !refused)
                refused = errno;
            *at = '/';
        }
    }
    return refused;
}

bool phd__target_name(struct phd_target *target, const char *directory, int pid, unsigned number)
{
    struct phd_text text;
    phd__text_init(&text, target->final, sizeof target->final - 1);
    phd__text_string(&text, directory);
    phd__text_string(&text, "/python_heap_");
    phd__text_unsigned(&text, (uint64_t)pid);
    phd__text_string(&text, "_");
    phd__text_unsigned(&text, number);
    phd__text_string(&text, ".dump");
    target->final[text.used] = 0;
    if (text.full)
        return false;
    phd__text_init(&text, target->temporary, sizeof target->temporary - 1);
    phd__text_string(&text, target->final);
    phd__text_string(&text, ".part");
    target->temporary[text.used] = 0;
    target->sequence = number;
    return !text.full;
}

bool phd__target_choose(struct phd_target *target, const char *directory, int pid, unsigned first)
{
    if (!phd__target_name(target, directory, pid, 0))
        return false;
    target->not_made = make_directories(target->final);
    for (unsigned tried = 0; tried < MAX_TRIED && phd__target_name(target, directory, pid, first + tried); tried++) {
        /* In this order: a dump that is finished in between has its final name when the other is gone. */
        if (!exists(target->temporary) && !exists(target->final))
            return true;
    }
    return false;
}
