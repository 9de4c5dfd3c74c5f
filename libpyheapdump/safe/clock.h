/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clocks, in nanoseconds. Context: crash. (clock_gettime is async-signal-safe by POSIX and fails for no clock of
 * these two.)
 */
#ifndef PHD_SAFE_CLOCK_H
#define PHD_SAFE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC: for durations and deadlines */
uint64_t phd__clock_ns(void);

/* CLOCK_REALTIME: since 1970, for what a reader is told */
int64_t phd__wall_clock_ns(void);

#endif
