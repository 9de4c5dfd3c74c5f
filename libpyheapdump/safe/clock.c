/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "safe/clock.h"

#include <stdbool.h>
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

uint64_t phd__deadline_after(double seconds)
{
    static const double longest = 1e9; /* as good as no limit, and fits when counted in nanoseconds */
    bool forever = !(seconds >= 0 && seconds < longest);
    return forever ? PHD_FOREVER : phd__clock_ns() + (uint64_t)(seconds * 1e9);
}

double phd__seconds_until(uint64_t deadline_ns)
{
    uint64_t now = phd__clock_ns();
    if (deadline_ns == PHD_FOREVER)
        return -1;
    return now < deadline_ns ? (double)(deadline_ns - now) / 1e9 : 0;
}
