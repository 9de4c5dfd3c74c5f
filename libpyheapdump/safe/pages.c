/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages and arena. Context: crash.
 */
#include "safe/pages.h"

#include <sys/mman.h>

enum { ARENA_CHUNK = 256 * 1024 };

void *phd__pages_alloc(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void phd__pages_free(void *pages, size_t size)
{
    if (pages)
        munmap(pages, size);
}

void *phd__arena_alloc(struct phd_arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > arena->capacity - arena->used) {
        size_t capacity = size > ARENA_CHUNK ? size : ARENA_CHUNK;
        uint8_t *chunk = phd__pages_alloc(capacity);
        if (!chunk)
            return NULL;
        arena->chunk = chunk;
        arena->capacity = capacity;
        arena->used = 0;
    }
    void *block = arena->chunk + arena->used;
    arena->used += size;
    return block;
}
