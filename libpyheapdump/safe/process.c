/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "safe/process.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "safe/clock.h"
#include "safe/text.h"

enum { STAT_ROOM = 1024, START_FIELD = 22 };

const char *phd__proc_path(int pid, const char *name, char storage[PHD_PROC_PATH])
{
    struct phd_text text;
    phd__text_init(&text, storage, PHD_PROC_PATH - 1);
    phd__text_string(&text, "/proc/");
    phd__text_unsigned(&text, (uint64_t)pid);
    phd__text_string(&text, "/");
    phd__text_string(&text, name);
    storage[text.used] = 0;
    return storage;
}

int64_t phd__process_start_ns(int pid)
{
    char path[PHD_PROC_PATH], content[STAT_ROOM + 1];
    struct timespec boot;
    int fd = open(phd__proc_path(pid, "stat", path), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, content, STAT_ROOM);
    if (fd >= 0)
        close(fd);
    content[length > 0 ? length : 0] = 0;
    ssize_t at = length;
    while (at > 0 && content[at - 1] != ')') /* the name, in parentheses, may hold anything */
        at--;
    for (unsigned field = 2; at < length && field < START_FIELD; at++)
        field += content[at] == ' ';
    const char *number = content + (at > 0 ? at : 0);
    uint64_t ticks = 0;
    if (!phd__text_parse_unsigned(&number, &ticks) || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    int64_t since_boot = (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec;
    return phd__wall_clock_ns() - since_boot + (int64_t)ticks * PHD_PROCESS_TICK_NS;
}
