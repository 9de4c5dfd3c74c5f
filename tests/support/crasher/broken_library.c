/* SPDX-License-Identifier: Apache-2.0
 *
 * A shared library that crashes while the dynamic linker loads it, with the linker's lock held.
 */
#include <stddef.h>

static char *volatile nothing = (char *)0x10;

__attribute__((constructor, noinline)) void broken_constructor(void);

void broken_constructor(void)
{
    *(volatile char *)nothing = 1;
}
