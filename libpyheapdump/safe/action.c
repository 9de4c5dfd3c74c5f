/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "safe/action.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

bool phd__action_get(int signal_number, struct phd_action *action)
{
    return syscall(SYS_rt_sigaction, signal_number, NULL, action, sizeof action->mask) == 0;
}

bool phd__action_set(int signal_number, const struct phd_action *action)
{
    return syscall(SYS_rt_sigaction, signal_number, action, NULL, sizeof action->mask) == 0;
}
