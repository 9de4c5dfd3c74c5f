/* SPDX-License-Identifier: Apache-2.0
 *
 * The mask is in /proc/self/task/TID/status. While a thread waits for signals they are taken out of its mask
 * (do_sigtimedwait, kernel/signal.c): then /proc/self/task/TID/syscall tells which set it waits for.
 *
 * Context: crash.
 */
#include "crash/signal_taken.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crash/record.h"
#include "safe/text.h"

enum { PATH_ROOM = 64, STATUS_ROOM = 4096, MASK_DIGITS = 16 };

static const char BLOCKED[] = "\nSigBlk:\t";

static bool has(uint64_t set, int signal_number)
{
    return set >> (signal_number - 1) & 1;
}

/* The hexadecimal number of MASK_DIGITS digits at `digits`. */
static uint64_t read_mask(const char *digits)
{
    uint64_t mask = 0;
    for (int i = 0; i < MASK_DIGITS; i++) {
        char c = digits[i];
        mask = mask << 4 | (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return mask;
}

/* `directory`: /proc/self/task/TID. */
static bool is_blocked(int directory, int signal_number)
{
    char status[STATUS_ROOM];
    int fd = openat(directory, "status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, status, sizeof status), label = sizeof BLOCKED - 1;
    if (fd >= 0)
        close(fd);
    for (ssize_t at = 0; at + label + MASK_DIGITS <= length; at++) {
        if (memcmp(status + at, BLOCKED, (size_t)label) == 0)
            return has(read_mask(status + at + label), signal_number);
    }
    return true;
}

/* `directory`: /proc/self/task. The thread may go on meanwhile: its memory is read as the kernel lets us. */
static bool is_waited_for(const char *name, int directory, int thread, int signal_number)
{
    struct phd_standing standing;
    uint64_t set = 0;
    if (phd__standing_read(name, directory, thread, &standing) != PHD_LOOK_WAITS ||
        standing.system_call != SYS_rt_sigtimedwait)
        return false;
    struct iovec to = {&set, sizeof set}, from = {(void *)(uintptr_t)standing.argument, sizeof set};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) != sizeof set || has(set, signal_number);
}

bool phd__signal_is_taken(int thread, int signal_number)
{
    char name[PATH_ROOM];
    struct phd_text text;
    phd__text_init(&text, name, sizeof name - 1);
    phd__text_unsigned(&text, (uint64_t)thread);
    name[text.used] = 0;
    int all = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int own = all < 0 ? -1 : openat(all, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool taken = own >= 0 && !is_blocked(own, signal_number) && !is_waited_for(name, all, thread, signal_number);
    if (own >= 0)
        close(own);
    if (all >= 0)
        close(all);
    return taken;
}
