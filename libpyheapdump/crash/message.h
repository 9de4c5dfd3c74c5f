/* SPDX-License-Identifier: Apache-2.0
 *
 * The line on stderr that tells what became of the dump of a fatal signal. Context: crash.
 */
#ifndef PHD_CRASH_MESSAGE_H
#define PHD_CRASH_MESSAGE_H

#include "pyheapdump.h"

/* The dump is at `path`. */
void phd__say_written(const char *path, const struct phd_result *result);

/* There is no dump at `path`, or only what the writer got to put into `temporary` before it failed. */
void phd__say_failed(const char *path, const char *temporary, const struct phd_error *error);

#endif
