/* SPDX-License-Identifier: Apache-2.0
 *
 * Is there memory for a copy of the target? Context: normal.
 */
#ifndef PHD_ATTACH_ROOM_H
#define PHD_ATTACH_ROOM_H

#include <stdint.h>

/* Is there memory for a copy of `needed` bytes, and for the walk? Bytes of it to keep at a time when there is not, else 0.
 * `available`: bytes that may be taken, 0: what the system has. */
uint64_t phd__short_memory(uint64_t needed, uint64_t available);

#endif
