/* SPDX-License-Identifier: Apache-2.0
 *
 * The line on stderr that tells what became of a dump that the process itself has not asked for. Context: crash.
 */
#ifndef PHD_CRASH_MESSAGE_H
#define PHD_CRASH_MESSAGE_H

#include "pyheapdump.h"

/* Say where the dump of the process `pid` is, or what is left of it. `snapshot` has what its writer has told: when that
 * has chosen no name in `directory`, that is named. `quiet`: not a word of success. */
void phd__say_result(const char *directory, int pid, bool quiet, const struct phd_snapshot *snapshot);

#endif
