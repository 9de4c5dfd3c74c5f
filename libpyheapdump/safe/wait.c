/* SPDX-License-Identifier: Apache-2.0
 *
 * Without FUTEX_PRIVATE_FLAG: the word may be in a page that two processes share. Context: crash.
 */
#include "safe/wait.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE = 1000 * 1000 /* nanoseconds, where a filter of the program (seccomp) refuses the system call */ };

void phd__wait(_Atomic uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
    struct timespec deadline = {(time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};
    /* FUTEX_WAIT_BITSET takes a point in time on CLOCK_MONOTONIC, FUTEX_WAIT a duration. */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, deadline_ns == PHD_FOREVER ? NULL : &deadline,
                          NULL, FUTEX_BITSET_MATCH_ANY);
    if (result != 0 && errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT)
        nanosleep(&(const struct timespec){0, PAUSE}, NULL); /* who waits in a loop must not take the processor */
}

void phd__wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
