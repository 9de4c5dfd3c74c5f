/* SPDX-License-Identifier: Apache-2.0
 *
 * The line on stderr that tells what became of a dump that the process itself has not asked for. Context: crash.
 */
#ifndef PHD_CRASH_MESSAGE_H
#define PHD_CRASH_MESSAGE_H

#include "pyheapdump.h"

/* Find out whether the descriptor 2 is stderr, and which file that is. Where a program was started without stderr, 2 is the
 * first file that it opens itself, and no line may go there. Context: normal. */
void phd__stderr_note(bool there);

/* The same, unless it is known. */
void phd__stderr_note_once(void);

/* Write a line, with its end, to stderr as the program's own language does: at once or, where that is not possible, not at
 * all. */
void phd__say_line(const char *line, size_t length);

/* Say where the dump is that `request` has asked for, or what is left of it. `snapshot` has what its writer has told: when
 * that has chosen no name, the directory is named. `quiet`: not a word of success. */
void phd__say_result(const struct phd_request *request, bool quiet, const struct phd_snapshot *snapshot);

#endif
