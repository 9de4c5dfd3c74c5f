/* SPDX-License-Identifier: Apache-2.0
 *
 * See memory_refusal.h. With -Wl,--wrap=mmap the linker turns every call of mmap in our objects into one of
 * __wrap_mmap, and __real_mmap is the C library's.
 */
#include "support/memory_refusal.h"

#include <errno.h>
#include <sys/mman.h>

/* The names are the linker's. */
void *__real_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);

static unsigned calls, refused_call;
static bool refusing_for_good;

void refuse_memory(unsigned call, bool for_good)
{
    calls = 0;
    refused_call = call;
    refusing_for_good = for_good;
}

unsigned allow_memory(void)
{
    refused_call = 0;
    return calls;
}

void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (refused_call) {
        calls++;
        if (calls == refused_call || (refusing_for_good && calls > refused_call)) {
            errno = ENOMEM;
            return MAP_FAILED;
        }
    }
    return __real_mmap(address, length, protection, flags, fd, offset);
}
