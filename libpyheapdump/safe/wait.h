/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads and processes that wait for a word to change (futex(2)): what a signal handler may wake, and what can be waited
 * for with a limit. Context: crash.
 */
#ifndef PHD_SAFE_WAIT_H
#define PHD_SAFE_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "safe/clock.h"

/* Wait while `*word` is `value`, until somebody wakes or `deadline_ns` (phd__clock_ns) has passed; may return early. */
void phd__wait(_Atomic uint32_t *word, uint32_t value, uint64_t deadline_ns);
void phd__wake(_Atomic uint32_t *word);

#endif
