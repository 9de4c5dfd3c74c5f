/* SPDX-License-Identifier: Apache-2.0
 *
 * How many of our dumps may stay in a directory. Context: crash.
 */
#ifndef PHD_WATCH_OLDEST_H
#define PHD_WATCH_OLDEST_H

/* Remove our oldest dumps from `directory` so that at most `keep` remain, as pymodule/pyheapdump/files.py does. Files of
 * others, and what a living process is writing, are not touched. */
void phd__oldest_remove(const char *directory, unsigned keep);

#endif
