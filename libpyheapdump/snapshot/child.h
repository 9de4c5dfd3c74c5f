/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a copy of the program, which raw clone() has left, a writer of dumps: it offers itself first to the OOM
 * killer, keeps no descriptor of the program, so that no pipe or socket of it stays open, and none of its handlers.
 * Context: crash.
 */
#ifndef PHD_SNAPSHOT_CHILD_H
#define PHD_SNAPSHOT_CHILD_H

/* Give up what the child must not have of the program, but for the descriptor `kept` (negative: none). */
void phd__child_become(int kept);

/* End without any of the program's functions for that. */
_Noreturn void phd__child_end(int code);

#endif
