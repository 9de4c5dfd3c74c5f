/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that needs more stack than a signal handler may have. Context: crash.
 */
#ifndef PHD_WATCH_OWN_STACK_H
#define PHD_WATCH_OWN_STACK_H

#include <stdbool.h>

/* Call `work(argument)` on a stack that is mapped for it. False when no memory can be had. */
bool phd__run_on_own_stack(void (*work)(void *argument), void *argument);

#endif
