/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "safe/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "safe/text.h"

const char *phd__target_path(int pid, const char *path, char storage[PHD_TARGET_PATH])
{
    struct phd_text text;
    if (!pid)
        return path;
    phd__text_init(&text, storage, PHD_TARGET_PATH - 1);
    phd__text_string(&text, "/proc/");
    phd__text_unsigned(&text, (uint64_t)pid);
    phd__text_string(&text, path[0] == '/' ? "/root" : "/cwd/");
    phd__text_string(&text, path);
    storage[text.used] = 0;
    return storage;
}

int phd__open_regular(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}
