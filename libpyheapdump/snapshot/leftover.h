/* SPDX-License-Identifier: Apache-2.0
 *
 * Children that were killed and did not end while they were waited for: the kernel was still busy with them (the pages of a
 * large process, a file system that does not answer). They are looked after at the next dump, so that no zombie stays for
 * ever. Context: crash.
 */
#ifndef PHD_SNAPSHOT_LEFTOVER_H
#define PHD_SNAPSHOT_LEFTOVER_H

/* Remember the child; when there are too many the oldest is forgotten. */
void phd__leftover_add(int pid);

/* Take the status of those that have ended by now. */
void phd__leftovers_reap(void);

#endif
