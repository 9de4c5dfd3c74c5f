/* SPDX-License-Identifier: Apache-2.0
 *
 * What /proc tells about a process. Context: crash.
 */
#ifndef PHD_SAFE_PROCESS_H
#define PHD_SAFE_PROCESS_H

#include <stdint.h>

enum { PHD_PROC_PATH = 128 };

/* "/proc/PID/NAME", cut when `name` is too long. Returns `storage`. */
const char *phd__proc_path(int pid, const char *name, char storage[PHD_PROC_PATH]);

/* The clock ticks of /proc: USER_HZ, 100 a second on every Linux since 2.6. Starts are known to one tick below. */
#define PHD_PROCESS_TICK_NS 10000000

/* When process `pid` began, in nanoseconds since 1970: field 22 of /proc/PID/stat (proc(5)). 0 when there is no such
 * process, or nobody tells. */
int64_t phd__process_start_ns(int pid);

#endif
