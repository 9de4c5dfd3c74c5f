/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clocks, in nanoseconds. Context: crash. (clock_gettime is async-signal-safe by POSIX and fails for no clock of
 * these two.)
 */
#ifndef PHD_SAFE_CLOCK_H
#define PHD_SAFE_CLOCK_H

#include <stdint.h>

/* A point in time that never comes. */
#define PHD_FOREVER UINT64_MAX

/* CLOCK_MONOTONIC: for durations and deadlines */
uint64_t phd__clock_ns(void);

/* CLOCK_REALTIME: since 1970, for what a reader is told */
int64_t phd__wall_clock_ns(void);

/* The point in time on CLOCK_MONOTONIC that many seconds from now; PHD_FOREVER for a negative number, for none (NaN) and
 * for one that is as good as none. */
uint64_t phd__deadline_after(double seconds);

/* Seconds until `deadline_ns`, 0 when it has passed, -1 for PHD_FOREVER. */
double phd__seconds_until(uint64_t deadline_ns);

#endif
