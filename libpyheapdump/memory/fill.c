/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying all at once, while the target is stopped. What that takes depends on what the target has in memory, not on what
 * it has reserved: its kernel tells which pages there are (memory/resident.h), and the others stay absent and are known to
 * be zero (settled).
 *
 * Where the kernel can only tell of each page by itself, large mappings are looked through while the target still runs
 * (warm), and then again where something was found. A page elsewhere that came in between is read when it is wanted.
 *
 * Context: crash.
 */
#include <string.h>
#include <sys/mman.h>

#include "memory/copied.h"
#include "memory/resident.h"
#include "safe/pages.h"

enum {
    HUGE_PAGE = 2 << 20,
    SMALL = 64 << 20,  /* bytes of a mapping that is looked through, or read, as a whole */
    JOINED = 64 << 10, /* bytes between pages that are made together */
    FIRST_SPANS = 256
};
/* A mapping of this size is not memory that is used (the shadow of a sanitizer): to look at each of its pages takes long. */
#define MAX_LOOKED_AT ((uint64_t)1 << 38)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif

/* Does the copy take it, as the target can change it? */
static bool is_filled(const struct phd_mapping *mapping)
{
    return (mapping->permissions & PHD_READABLE) && (mapping->permissions & PHD_WRITABLE) &&
           !(mapping->permissions & PHD_SHARED);
}

/* ---- spans ---- */

/* False when memory is refused. */
static bool add_span(struct phd_spans *spans, uint64_t start, uint64_t end)
{
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity ? 2 * spans->capacity : FIRST_SPANS;
        struct phd_span *larger = phd__pages_alloc(capacity * sizeof *larger);
        if (!larger)
            return false;
        if (spans->count)
            memcpy(larger, spans->all, spans->count * sizeof *larger);
        phd__pages_free(spans->all, spans->capacity * sizeof *spans->all);
        spans->all = larger;
        spans->capacity = capacity;
    }
    spans->all[spans->count++] = (struct phd_span){start, end};
    return true;
}

/* ---- before the target stops ---- */

/* Make the pages of our own that the copy of a span will take. */
static void touch(const struct phd_region *region, uint64_t start, uint64_t end)
{
    uint8_t *bytes = region->bytes + (start - region->start);
    if (madvise(bytes, end - start, MADV_POPULATE_WRITE) == 0)
        return;
    for (uint64_t i = 0; i < end - start; i += PHD_PAGE) /* Linux before 5.14 */
        ((volatile uint8_t *)bytes)[i] = 0;
}

/* Huge pages where one would be used for the most part. */
static void make_pages(const struct phd_region *region, uint64_t start, uint64_t end)
{
    for (uint64_t at = start, next; at < end; at = next) {
        uint64_t huge = at & ~(uint64_t)(HUGE_PAGE - 1);
        next = huge + HUGE_PAGE < end ? huge + HUGE_PAGE : end;
        if (next - at > HUGE_PAGE / 2 && huge >= region->start && huge + HUGE_PAGE <= region->end)
            madvise(region->bytes + (huge - region->start), HUGE_PAGE, MADV_HUGEPAGE);
        touch(region, at, next);
    }
}

struct preparing {
    struct phd_copied *copied;
    const struct phd_region *region;
    size_t first; /* span of this mapping */
};

static void note_warm(uint64_t start, uint64_t end, void *argument)
{
    struct preparing *preparing = argument;
    struct phd_spans *warm = &preparing->copied->warm;
    struct phd_span *last = warm->count > preparing->first ? warm->all + warm->count - 1 : NULL;
    if (last && start - last->end <= JOINED)
        last->end = end;
    else
        add_span(warm, start, end); /* memory is short: the pages are made when they are needed */
}

void phd__copied_prepare(struct phd_copied *copied, const struct phd_mappings *mappings)
{
    struct phd_resident resident;
    struct preparing preparing = {copied, NULL, 0};
    phd__resident_open(&resident, copied->pid);
    for (size_t i = 0; i < mappings->count; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        preparing.region = is_filled(mapping) ? phd__copied_region(copied, mapping->start) : NULL;
        preparing.first = copied->warm.count;
        bool may_look = phd__resident_is_cheap(&resident) || mapping->end - mapping->start <= MAX_LOOKED_AT;
        if (preparing.region && may_look)
            phd__resident_each(&resident, mapping->start, mapping->end, note_warm, &preparing);
        for (size_t span = preparing.first; span < copied->warm.count; span++)
            make_pages(preparing.region, copied->warm.all[span].start, copied->warm.all[span].end);
    }
    phd__resident_close(&resident);
}

/* ---- while it is stopped ---- */

struct filling {
    struct phd_copied *copied;
    struct phd_region *region;
};

static void fill(uint64_t start, uint64_t end, void *argument)
{
    const struct filling *filling = argument;
    uint64_t origin = filling->region->start;
    phd__copied_read(filling->copied, filling->region, (start - origin) / PHD_PAGE, (end - start) / PHD_PAGE);
}

/* Copy the pages that there are. What is not there of a file stands in it, and is read when it is wanted. */
static bool fill_resident(struct filling *filling, struct phd_resident *resident, uint64_t start, uint64_t end,
                          bool of_file)
{
    if (!phd__resident_each(resident, start, end, fill, filling))
        return false;
    if (!of_file)
        add_span(&filling->copied->settled, start, end); /* else pages are read again, and found to be zero */
    return true;
}

/* Where something was found while the target ran, and a little around it. */
static void fill_warm(struct filling *filling, struct phd_resident *resident, const struct phd_mapping *mapping,
                      size_t *index)
{
    const struct phd_spans *warm = &filling->copied->warm;
    uint64_t done = mapping->start;
    for (; *index < warm->count && warm->all[*index].start < mapping->end; (*index)++) {
        const struct phd_span *span = warm->all + *index;
        uint64_t start = (span->start & ~(uint64_t)(HUGE_PAGE - 1)) - HUGE_PAGE;
        uint64_t end = (span->end & ~(uint64_t)(HUGE_PAGE - 1)) + 2 * HUGE_PAGE;
        start = start > done ? start : done;
        end = end < mapping->end ? end : mapping->end;
        if (start < end)
            fill_resident(filling, resident, start, end, mapping->inode != 0);
        done = end > done ? end : done;
    }
}

static void fill_mapping(struct filling *filling, struct phd_resident *resident, const struct phd_mapping *mapping,
                         size_t *warm)
{
    bool small = mapping->end - mapping->start <= SMALL, of_file = mapping->inode != 0;
    const struct phd_spans *spans = &filling->copied->warm;
    while (*warm < spans->count && spans->all[*warm].end <= mapping->start)
        (*warm)++;
    if (small && of_file) {
        fill(mapping->start, mapping->end, filling);
        return;
    }
    if (!small && !phd__resident_is_cheap(resident))
        fill_warm(filling, resident, mapping, warm);
    else if (!fill_resident(filling, resident, mapping->start, mapping->end, of_file) && small)
        fill(mapping->start, mapping->end, filling); /* nobody tells */
}

void phd__copied_fill(struct phd_copied *copied, const struct phd_mappings *mappings)
{
    struct phd_resident resident;
    struct filling filling = {copied, NULL};
    size_t warm = 0;
    phd__resident_open(&resident, copied->pid);
    for (size_t i = 0; i < mappings->count; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        filling.region = is_filled(mapping) ? phd__copied_region(copied, mapping->start) : NULL;
        if (filling.region)
            fill_mapping(&filling, &resident, mapping, &warm);
    }
    phd__resident_close(&resident);
}
