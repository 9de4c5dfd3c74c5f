/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a copy of the program, which raw clone() has left, a writer of dumps: it keeps no descriptor of the program,
 * so that no pipe or socket of it stays open, and none of its handlers; it offers itself first to the OOM killer, takes the
 * processor and the disk when nobody else wants them, and ends at its deadline whatever holds it. Context: crash.
 */
#ifndef PHD_SNAPSHOT_CHILD_H
#define PHD_SNAPSHOT_CHILD_H

/* Give up what the child must not have of the program, but for the descriptor `kept` (negative: none), and end in `seconds`
 * at the latest (0: no deadline), also when nobody waits for it any more. */
void phd__child_become(int kept, double seconds);

/* End without any of the program's functions for that. */
_Noreturn void phd__child_end(int code);

#endif
