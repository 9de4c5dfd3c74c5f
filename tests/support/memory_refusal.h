/* SPDX-License-Identifier: Apache-2.0
 *
 * Refuses memory: tests that are linked with -Wl,--wrap=mmap (CMakeLists.txt) can let the library's mmap calls fail.
 */
#ifndef TEST_MEMORY_REFUSAL_H
#define TEST_MEMORY_REFUSAL_H

#include <stdbool.h>

/* Let the `call`-th mapping of the library from now on fail (1: the next one), and all after it too if `for_good`. */
void refuse_memory(unsigned call, bool for_good);

/* Refuse nothing any more. Returns how many mappings were asked for since refuse_memory. */
unsigned allow_memory(void);

#endif
