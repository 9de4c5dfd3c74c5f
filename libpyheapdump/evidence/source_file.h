/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening the source files that a dumped process names, with no more right than it has itself.
 *
 * The names stand in its memory, so they can be any. Who dumps another process as root, or reads the core that a
 * stranger sent, must not put a private file into the dump by that: the files of a running process are opened as its
 * user; those that a core names must be readable for everybody. Context: crash.
 */
#ifndef PHD_EVIDENCE_SOURCE_FILE_H
#define PHD_EVIDENCE_SOURCE_FILE_H

#include "pyheapdump.h"

/* A descriptor for reading, -1 with errno when there is no such regular file, or it may not be read. */
int phd__source_open(const struct phd_request *request, const char *filename);

#endif
