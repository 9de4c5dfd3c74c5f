/* SPDX-License-Identifier: Apache-2.0
 *
 * The last thing that the handler of a fatal signal does: the signal happens again, to whoever is to have it. Context:
 * crash.
 */
#ifndef PHD_CRASH_HAND_OVER_H
#define PHD_CRASH_HAND_OVER_H

#include <signal.h>

#include "safe/action.h"

/* Put `action` in place, and let the signal of `info`, which has interrupted `context`, happen again as soon as the
 * handler returns. Other threads are let go when a handler takes it, for that may recover. */
void phd__hand_over(const struct phd_action *action, siginfo_t *info, void *context);

#endif
