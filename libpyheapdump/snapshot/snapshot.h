/* SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot that somebody else reads; those that write a dump are in pyheapdump.h. Context: crash.
 */
#ifndef PHD_SNAPSHOT_SNAPSHOT_H
#define PHD_SNAPSHOT_SNAPSHOT_H

#include "pyheapdump.h"

/* Why there is no dump where phd__filters_grown() holds; PHD_ERROR_CLONE's step. */
extern const char phd__newer_filter[];

/* A child that is a copy of the process's memory, without its descriptors, and ends: for who traces the calling thread, and
 * so holds the child. Its id, or -errno. Like other children of snapshots it is found by waitpid with __WALL alone. */
int phd__snapshot_memory(void);

/* Has the writer told its result, or ended without? That is waited for up to `seconds` (negative: without limit). What it
 * has told by then is in `snapshot`. */
bool phd__snapshot_told(struct phd_snapshot *snapshot, double seconds);

/* Has its file not come into being in a time that is long enough for that? Then nobody waits for the rest. */
bool phd__snapshot_hangs(const struct phd_snapshot *snapshot);

/* The same as phd__snapshot_told, but for its file to be there: then its name is known. */
bool phd__snapshot_begun(struct phd_snapshot *snapshot, double seconds);

#endif
