/* SPDX-License-Identifier: Apache-2.0
 *
 * The small text files in which the kernel tells numbers (/proc, cgroups). Nothing is kept open. Context: crash.
 */
#ifndef PHD_LIMITS_SMALL_FILE_H
#define PHD_LIMITS_SMALL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What "max" in such a file stands for, and numbers that do not fit. */
#define PHD_NO_LIMIT UINT64_MAX

/* The unsigned decimal number at `*text`, or "max"; `*text` is moved behind it. False: there is none. */
bool phd__take_number(const char **text, uint64_t *number);

/* The first `count` numbers of a file, separated by spaces. False: the file or a number is not there. */
bool phd__file_numbers(const char *path, uint64_t *numbers, unsigned count);

/* The number behind `key` at the start of a line: "inactive_file 4096", "MemTotal:   16384 kB". */
bool phd__file_value(const char *path, const char *key, uint64_t *number);

/* Call `visit` with each line, without its end; what a line has beyond PHD_LINE_ROOM bytes is dropped. False: the file
 * cannot be read. */
enum { PHD_LINE_ROOM = 8192 };
bool phd__file_lines(const char *path, void (*visit)(const char *line, void *argument), void *argument);

#endif
