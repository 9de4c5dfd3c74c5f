/* SPDX-License-Identifier: Apache-2.0
 *
 * One counter for all that make dumps, hooks, handler and threads alike: two of the same moment do not choose the same
 * name. Context: crash.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "pyheapdump.h"

/* The process << 32 | the next number. A forked child begins anew: its names have its own process id. */
static _Atomic uint64_t counter;

static uint64_t of_this_process(uint64_t value)
{
    uint64_t process = (uint64_t)getpid() << 32;
    return value >> 32 == process >> 32 ? value : process;
}

unsigned phd_number_next(void)
{
    uint64_t seen = atomic_load(&counter);
    while (!atomic_compare_exchange_weak(&counter, &seen, of_this_process(seen) + 1))
        continue;
    return (unsigned)of_this_process(seen);
}

unsigned phd_number_peek(void)
{
    return (unsigned)of_this_process(atomic_load(&counter));
}

void phd_number_reached(unsigned number)
{
    uint64_t seen = atomic_load(&counter);
    while ((unsigned)of_this_process(seen) <= number &&
           !atomic_compare_exchange_weak(&counter, &seen, (of_this_process(seen) >> 32 << 32) + number + 1))
        continue;
}
