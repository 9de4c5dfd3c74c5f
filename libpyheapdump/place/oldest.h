/* SPDX-License-Identifier: Apache-2.0
 *
 * How many of our dumps may stay in a directory. Context: crash.
 */
#ifndef PHD_PLACE_OLDEST_H
#define PHD_PLACE_OLDEST_H

/* After the dump `newest`, an absolute path: remove the oldest dumps of the same owner beside it, so that at most `keep`
 * remain with it, which stays in any case. The first and the newest of a kind (phd_request.kind) go last, when there is
 * nothing else to remove. Not touched are files of others, and what somebody is writing. */
void phd__oldest_remove(const char *newest, unsigned keep);

#endif
