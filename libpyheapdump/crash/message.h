/* SPDX-License-Identifier: Apache-2.0
 *
 * The line on stderr that tells what became of the dump of a fatal signal. Context: crash.
 */
#ifndef PHD_CRASH_MESSAGE_H
#define PHD_CRASH_MESSAGE_H

#include "pyheapdump.h"

/* The dump is at `path`. */
void phd__say_written(const char *path, const struct phd_result *result);

/* What a writer that failed has left under the temporary name. */
enum phd_left { PHD_LEFT_NOTHING, PHD_LEFT_PART, PHD_LEFT_UNKNOWN };

/* Looks at the file; for a file system that answers. */
enum phd_left phd__left_at(const char *temporary);

/* There is no dump: `path` is its name when nothing is left, or the directory when it has no name yet; else the temporary
 * name. */
void phd__say_failed(const char *path, enum phd_left left, const struct phd_error *error);

#endif
