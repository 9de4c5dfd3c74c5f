/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a thread stands, from the registers that ptrace and core files give in the same order. Context: normal.
 */
#ifndef PHD_ATTACH_STANDING_H
#define PHD_ATTACH_STANDING_H

#include <sys/user.h>

#include "crash/crash.h"

/* Fill `standing` for the thread with kernel id `thread`. */
void phd__standing_set(struct phd_standing *standing, int thread, const struct user_regs_struct *registers);

#endif
