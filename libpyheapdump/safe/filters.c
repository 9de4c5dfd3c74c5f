/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/thread-self/status tells how many filters a thread has (Linux 5.9: Seccomp_filters), before that whether it has
 * some (Seccomp: 2). Filters are inherited and never taken away, so the number only grows. Read through a small buffer: a
 * handler may stand on a stack of a few KiB. It waits for nothing, so no deadline is needed; by bare system calls.
 *
 * Context: crash.
 */
#include "safe/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIECE = 512, NOT_KNOWN = -1, NOT_TOLD = -2 /* because of what else the process lacks: descriptors, /proc */ };

static _Atomic int noted = NOT_KNOWN;

/* A line "KEY number" that is looked for in a text that comes in pieces. */
struct number {
    const char *key;
    unsigned matched; /* characters of the key so far; one that does not match ends the search in this line */
    bool skip;        /* the rest of the line is another one's */
    int value;        /* NOT_KNOWN: no digit yet */
};

static void look_at(struct number *number, char c)
{
    if (c == '\n') {
        number->matched = 0;
        number->skip = false;
    } else if (number->skip) {
        return;
    } else if (number->key[number->matched]) {
        number->skip = number->key[number->matched++] != c;
    } else if (c >= '0' && c <= '9' && number->value < 1 << 20) {
        number->value = (number->value < 0 ? 0 : number->value * 10) + (c - '0');
    }
}

/* The process may be without what is needed to ask: then the reason is not a filter. */
static bool is_lack(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOENT || why == ENOTDIR;
}

static int count_filters(void)
{
    struct number filters = {"Seccomp_filters:", 0, false, NOT_KNOWN}, mode = {"Seccomp:", 0, false, NOT_KNOWN};
    char piece[PIECE];
    ssize_t length;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return is_lack(errno) ? NOT_TOLD : NOT_KNOWN;
    while ((length = syscall(SYS_read, fd, piece, sizeof piece)) > 0) {
        for (ssize_t i = 0; i < length; i++) {
            look_at(&filters, piece[i]);
            look_at(&mode, piece[i]);
        }
    }
    syscall(SYS_close, fd);
    return filters.value >= 0 ? filters.value : mode.value;
}

void phd__filters_note(void)
{
    atomic_store(&noted, count_filters());
}

bool phd__filters_grown(void)
{
    int before = atomic_load(&noted), now = before < 0 ? before : count_filters();
    if (before < 0)
        return false;
    if (now == NOT_TOLD)
        return before == 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
    return now > before || now == NOT_KNOWN; /* it could be read before: a filter is what refuses it now */
}
