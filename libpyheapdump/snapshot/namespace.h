/* SPDX-License-Identifier: Apache-2.0
 *
 * The pid namespace that a child of the calling thread would be born in. Context: crash.
 */
#ifndef PHD_SNAPSHOT_NAMESPACE_H
#define PHD_SNAPSHOT_NAMESPACE_H

#include <stdbool.h>

/* Would a child be born in another pid namespace than the thread's own (unshare(2), CLONE_NEWPID)? The first one there is
 * its init: when a writer of ours has been that, and has ended, the program can make no child any more. */
bool phd__children_are_strangers(void);

#endif
