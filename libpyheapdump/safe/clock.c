/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "safe/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t phd__clock_ns(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t phd__wall_clock_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
