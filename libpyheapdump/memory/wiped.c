/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/PID/smaps has a line "start-end …" for each mapping, and a line "VmFlags: …" among those that follow (proc(5)).
 *
 * Context: crash.
 */
#include "memory/wiped.h"

#include <string.h>

#include "limits/small_file.h"
#include "safe/process.h"

static const char flags[] = "VmFlags:", wiped[] = " wf";

struct search {
    uint64_t start, end; /* of the mapping at hand */
    void (*visit)(uint64_t start, uint64_t end, void *argument);
    void *argument;
};

static const char *take_hex(const char *text, uint64_t *value)
{
    for (*value = 0;; text++) {
        if (*text >= '0' && *text <= '9')
            *value = *value << 4 | (uint64_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            *value = *value << 4 | (uint64_t)(*text - 'a' + 10);
        else
            return text;
    }
}

/* Is `flag` among the words of the line? */
static bool has(const char *line, const char *flag, size_t length)
{
    for (; *line; line++) {
        if (strncmp(line, flag, length) == 0 && (line[length] == ' ' || !line[length]))
            return true;
    }
    return false;
}

static void look_at(const char *line, void *argument)
{
    struct search *search = argument;
    uint64_t start, end;
    const char *at = take_hex(line, &start);
    if (at != line && *at == '-') {
        take_hex(at + 1, &end);
        search->start = start;
        search->end = end;
    } else if (strncmp(line, flags, sizeof flags - 1) == 0 && has(line, wiped, sizeof wiped - 1)) {
        search->visit(search->start, search->end, search->argument);
    }
}

void phd__wiped_each(int pid, void (*visit)(uint64_t start, uint64_t end, void *argument), void *argument)
{
    char path[PHD_PROC_PATH];
    struct search search = {0, 0, visit, argument};
    phd__file_lines(phd__proc_path(pid, "smaps", path), look_at, &search);
}
