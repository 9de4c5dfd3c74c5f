/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a dump whose writer chooses them: absolute ones, in a directory that was named before. Context: crash.
 */
#ifndef PHD_PLACE_TARGET_H
#define PHD_PLACE_TARGET_H

#include "pyheapdump.h"

enum { PHD_MAX_PATH = 4096 };

struct phd_target {
    char final[PHD_MAX_PATH];
    char temporary[PHD_MAX_PATH];
    unsigned sequence;
    int not_made; /* why the directory could not be made, errno; 0: it was, or there was no need */
};

/* The names with this number. False when the directory's name is too long. */
bool phd__target_name(struct phd_target *target, const char *directory, int pid, unsigned number);

/* Make the directory if it is missing, and choose the first name python_heap_<pid>_<n>.dump that is free in it, from
 * `first` on. False when no name is free or the directory's name is too long. Whether the directory takes a file shows
 * when that is created. */
bool phd__target_choose(struct phd_target *target, const char *directory, int pid, unsigned first);

#endif
