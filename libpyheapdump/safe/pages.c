/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages and arena. Context: crash.
 */
#include "safe/pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17, include/uapi/asm-generic/mman-common.h */
#endif

enum { ARENA_CHUNK = 256 * 1024, PAGE = 4096, HUGE_PAGE = 2 << 20 };

static uint8_t *reserve;
static size_t reserve_size;
static _Atomic size_t reserve_used;

static uint64_t bound; /* 0: none */
static uint64_t given_out;
static bool bound_reached;

/* Where pages are taken when they must stand apart: far below what the kernel chooses, which begins at the upper end of
 * the address space, and above the program, its heap and the shadow memory of sanitizers. */
#define APART_FROM ((uintptr_t)1 << 45)
#define APART_UP_TO ((uintptr_t)5 << 44)
#define APART_STEP ((uintptr_t)1 << 30) /* on from what is in the way */

static uintptr_t apart; /* the next place, 0: the kernel chooses */

static void *map_at(uintptr_t place, int more, size_t size)
{
    void *pages =
        mmap((void *)place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | more, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

/* A kernel before 4.17 takes the place for a wish. */
static void *map_apart(size_t size)
{
    if (size >= HUGE_PAGE)
        apart = (apart + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    for (; apart < APART_UP_TO && size < APART_UP_TO - apart; apart += APART_STEP) {
        void *pages = map_at(apart, MAP_FIXED_NOREPLACE, size);
        if (!pages && errno != EEXIST)
            return NULL;
        if ((uintptr_t)pages == apart) {
            apart += (size + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
            return pages;
        }
        if (pages)
            munmap(pages, size);
    }
    return NULL;
}

static void *map(size_t size)
{
    return apart ? map_apart(size) : map_at(0, 0, size);
}

void phd__pages_apart(void)
{
    apart = APART_FROM;
}

/* Address space alone, also in a process that locks all its memory (mlockall(2) with MCL_FUTURE): there a mapping is filled
 * as soon as it can be accessed, unless it has been unlocked before. */
static void *map_unlocked(size_t size)
{
    void *pages = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    munlock(pages, size);
    if (mprotect(pages, size, PROT_READ | PROT_WRITE) == 0)
        return pages;
    munmap(pages, size);
    return NULL;
}

bool phd__pages_reserve(size_t size)
{
    if (!reserve) {
        reserve = map_unlocked(size);
        reserve_size = reserve ? size : 0;
        /* Not in core files: the kernel writes a mapping whole as soon as one page of it was used, and may join this one
           to a neighbour that is. Where this is refused, core files are that much larger, with a hole in them. */
        if (reserve)
            (void)madvise(reserve, size, MADV_DONTDUMP);
    }
    return reserve != NULL;
}

static void *take_from_reserve(size_t size)
{
    size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    size_t start = atomic_load(&reserve_used);
    do {
        if (size > reserve_size - start)
            return NULL;
    } while (!atomic_compare_exchange_weak(&reserve_used, &start, start + size));
    return reserve + start;
}

void phd__pages_bound(uint64_t bytes)
{
    bound = bytes;
    given_out = 0;
    bound_reached = false;
}

bool phd__pages_bound_reached(void)
{
    return bound_reached;
}

void *phd__pages_alloc(size_t size)
{
    if (bound && (given_out > bound || size > bound - given_out)) {
        bound_reached = true;
        return NULL;
    }
    void *pages = map(size);
    pages = pages ? pages : take_from_reserve(size);
    if (pages)
        given_out += size;
    return pages;
}

static bool of_reserve(const uint8_t *pages)
{
    return reserve && pages >= reserve && pages < reserve + reserve_size;
}

void phd__pages_free(void *pages, size_t size)
{
    if (!pages || of_reserve(pages))
        return;
    munmap(pages, size);
    given_out -= size < given_out ? size : given_out;
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
