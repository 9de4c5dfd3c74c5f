/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#include "attach/room.h"

#include "limits/small_file.h"

enum {
    SPARE = 64 << 20,     /* bytes that stay available beside the copy */
    LEAST_CACHE = 4 << 20 /* bytes of the target that are kept at least when it is read in place */
};

uint64_t phd__short_memory(uint64_t needed, uint64_t available)
{
    if (!available && phd__file_value("/proc/meminfo", "MemAvailable:", &available))
        available *= 1024;
    if (!available || needed + needed / 2 + SPARE <= available)
        return 0;
    return available / 4 > LEAST_CACHE ? available / 4 : LEAST_CACHE;
}
