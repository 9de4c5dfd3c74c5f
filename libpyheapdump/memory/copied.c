/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages are read by process_vm_readv or, where that is forbidden or missing (seccomp profiles of containers), from
 * /proc/PID/mem. The copy of a large region is placed so that it can consist of huge pages, whose first touch costs a
 * fraction of the copy; with small ones it would cost more than the copy. Of what the target has only reserved neither
 * the copy nor its table of pages is ever touched.
 *
 * Context: crash.
 */
#include "memory/copied.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory/wiped.h"
#include "safe/pages.h"
#include "safe/process.h"
#include "safe/text.h"

enum {
    HUGE_PAGE = 2 << 20,
    LAZY_PAGES = 16, /* pages read together when one is wanted */
    PIECE = 4 << 20  /* bytes of one system call when all is copied */
};
#define MAX_REGION ((uint64_t)1 << 46)
/* Of one that is larger most is only reserved: huge pages would take memory for what nobody has. */
#define MOSTLY_RESERVED ((uint64_t)1 << 30)

enum page_state { ABSENT, PRESENT, UNREADABLE };

/* ---- reading ---- */

static int open_proc(int pid, const char *name)
{
    char path[PHD_PROC_PATH];
    return open(phd__proc_path(pid, name, path), O_RDONLY | O_CLOEXEC);
}

static uint64_t read_file(struct phd_copied *copied, uint64_t address, void *to, uint64_t length)
{
    if (copied->mem_fd < 0)
        copied->mem_fd = open_proc(copied->pid, "mem");
    ssize_t got = copied->mem_fd < 0 ? -1 : pread(copied->mem_fd, to, length, (off_t)address);
    return got > 0 ? (uint64_t)got : 0;
}

static uint64_t read_process(struct phd_copied *copied, uint64_t address, void *to, uint64_t length)
{
    struct iovec here = {to, length}, there = {(void *)(uintptr_t)address, length};
    if (copied->direct_refused)
        return read_file(copied, address, to, length);
    ssize_t got = process_vm_readv(copied->pid, &here, 1, &there, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS)) {
        copied->direct_refused = true;
        return read_file(copied, address, to, length);
    }
    return got > 0 ? (uint64_t)got : 0;
}

void phd__copied_read(struct phd_copied *copied, struct phd_region *region, uint64_t first, uint64_t count)
{
    while (count) {
        uint64_t size = count * PHD_PAGE > PIECE ? PIECE : count * PHD_PAGE;
        uint64_t address = region->start + first * PHD_PAGE;
        uint64_t got = copied->read(copied, address, region->bytes + first * PHD_PAGE, size) / PHD_PAGE;
        memset(region->pages + first, PRESENT, got);
        copied->bytes_read += got * PHD_PAGE;
        copied->bytes_kept += got * PHD_PAGE;
        if (got * PHD_PAGE < size)
            region->pages[first + got++] = UNREADABLE;
        first += got;
        count -= got;
    }
}

/* ---- views ---- */

struct phd_region *phd__copied_region(struct phd_copied *copied, uint64_t address)
{
    size_t low = 0, high = copied->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copied->regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    copied->last = low;
    return low < copied->count && copied->regions[low].start <= address ? copied->regions + low : NULL;
}

/* Was it found, when all was copied, that nothing is there but zeros? `*border` is where that changes behind `address`. */
static bool is_settled(const struct phd_copied *copied, uint64_t address, uint64_t *border)
{
    size_t low = 0, high = copied->settled.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copied->settled.all[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct phd_span *span = low < copied->settled.count ? copied->settled.all + low : NULL;
    bool inside = span && span->start <= address;
    *border = !span ? UINT64_MAX : inside ? span->end : span->start;
    return inside;
}

/* The page is absent: have it, and some of its neighbours behind. */
static void want_page(struct phd_copied *copied, struct phd_region *region, uint64_t page, uint64_t last)
{
    uint64_t end = (region->end - region->start) / PHD_PAGE, border, count = 1;
    if (is_settled(copied, region->start + page * PHD_PAGE, &border)) {
        region->pages[page] = PRESENT;
        return;
    }
    end = border < region->end ? (border - region->start) / PHD_PAGE : end;
    uint64_t wanted = last - page + 1 > LAZY_PAGES ? last - page + 1 : LAZY_PAGES;
    while (count < wanted && page + count < end && region->pages[page + count] == ABSENT)
        count++;
    phd__copied_read(copied, region, page, count);
}

/* Have the pages `first` … `last`. */
static void want_pages(struct phd_copied *copied, struct phd_region *region, uint64_t first, uint64_t last)
{
    for (uint64_t page = first; page <= last; page++) {
        if (region->pages[page] == ABSENT)
            want_page(copied, region, page, last);
        uint64_t address = region->start + page * PHD_PAGE;
        if (region->pages[page] == UNREADABLE)
            phd__memory_fault(&copied->memory, address, copied->why ? copied->why(copied, address) : "cannot be read");
    }
}

static const void *view(struct phd_memory *memory, uint64_t address, uint64_t length)
{
    struct phd_copied *copied = (struct phd_copied *)memory;
    struct phd_region *region = copied->regions + copied->last;
    if (copied->last >= copied->count || address < region->start || address >= region->end)
        region = phd__copied_region(copied, address);
    if (!region || length > region->end - address)
        phd__memory_fault(memory, address, "not mapped");
    uint64_t offset = address - region->start;
    uint64_t first = offset / PHD_PAGE, last = length ? (offset + length - 1) / PHD_PAGE : first;
    if (region->pages[first] != PRESENT || first != last)
        want_pages(copied, region, first, last);
    return region->bytes + offset;
}

/* ---- regions ---- */

static void release_region(struct phd_region *region)
{
    phd__pages_free(region->taken, region->taken_size);
    phd__pages_free(region->pages, (region->end - region->start) / PHD_PAGE);
}

static bool take_region(struct phd_region *region)
{
    uint64_t size = region->end - region->start;
    region->taken_size = size < HUGE_PAGE ? size : size + HUGE_PAGE;
    region->taken = phd__pages_alloc(region->taken_size);
    region->pages = phd__pages_alloc(size / PHD_PAGE);
    if (!region->taken || !region->pages) {
        release_region(region);
        return false;
    }
    if (size > MOSTLY_RESERVED) {
        madvise(region->taken, region->taken_size, MADV_NOHUGEPAGE);
        madvise(region->pages, size / PHD_PAGE, MADV_NOHUGEPAGE);
    }
    /* Where a huge page of the target would begin, one of the copy can. */
    uintptr_t at = (uintptr_t)region->taken;
    region->bytes = (uint8_t *)region->taken + (size < HUGE_PAGE ? 0 : (region->start - at) & (HUGE_PAGE - 1));
    return true;
}

/* The pages of one that was there before at the same place, from `*index` of those on; it is marked as taken from there.
 * Nobody has looked at any of them. */
static bool take_earlier(struct phd_region *region, const struct phd_copied *earlier, size_t *index)
{
    while (*index < earlier->count && earlier->regions[*index].start < region->start)
        (*index)++;
    struct phd_region *found = *index < earlier->count ? earlier->regions + *index : NULL;
    if (!found || found->start != region->start || found->end != region->end)
        return false;
    *region = *found;
    found->taken = found->pages = NULL;
    return true;
}

/* The readable mappings with nothing between them, from `*index` on. */
static bool next_region(const struct phd_mappings *mappings, size_t *index, struct phd_region *region)
{
    memset(region, 0, sizeof *region);
    for (; *index < mappings->count; (*index)++) {
        const struct phd_mapping *mapping = mappings->all + *index;
        bool readable = mapping->permissions & PHD_READABLE;
        if (region->end && (!readable || mapping->start != region->end || mapping->end - region->start > MAX_REGION))
            return true;
        if (!readable || mapping->end - mapping->start > MAX_REGION)
            continue;
        region->start = region->end ? region->start : mapping->start;
        region->end = mapping->end;
    }
    return region->end != 0;
}

static void take_all(struct phd_copied *copied, const struct phd_mappings *mappings, struct phd_copied *earlier)
{
    struct phd_region region;
    for (size_t index = 0, at = 0; next_region(mappings, &index, &region);) {
        if (take_earlier(&region, earlier, &at) || take_region(&region)) /* else reading there fails, and says so */
            copied->regions[copied->count++] = region;
    }
}

enum phd_status phd__copied_open(struct phd_copied *copied, int pid, const struct phd_mappings *mappings,
                                 struct phd_error *error)
{
    struct phd_copied earlier = *copied;
    memset(copied, 0, sizeof *copied);
    copied->memory.view = view;
    copied->read = read_process;
    copied->pid = pid;
    copied->mem_fd = -1;
    copied->capacity = mappings->count;
    copied->regions = phd__pages_alloc(copied->capacity * sizeof *copied->regions);
    if (copied->regions)
        take_all(copied, mappings, &earlier);
    copied->warm = earlier.warm;
    earlier.warm = (struct phd_spans){NULL, 0, 0};
    phd__copied_close(&earlier);
    if (copied->regions)
        return PHD_OK;
    phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the copy");
    return PHD_ERROR_MEMORY;
}

void phd__copied_close(struct phd_copied *copied)
{
    for (size_t i = 0; i < copied->count; i++)
        release_region(copied->regions + i);
    phd__pages_free(copied->regions, copied->capacity * sizeof *copied->regions);
    phd__pages_free(copied->warm.all, copied->warm.capacity * sizeof *copied->warm.all);
    phd__pages_free(copied->settled.all, copied->settled.capacity * sizeof *copied->settled.all);
    if (copied->capacity && copied->mem_fd >= 0)
        close(copied->mem_fd);
    memset(copied, 0, sizeof *copied);
}

/* ---- what was wiped ---- */

static void forbid(uint64_t start, uint64_t end, void *argument)
{
    struct phd_copied *copied = argument;
    struct phd_region *region = phd__copied_region(copied, start);
    if (region && end <= region->end)
        memset(region->pages + (start - region->start) / PHD_PAGE, UNREADABLE, (end - start) / PHD_PAGE);
}

static void find_wiped(struct phd_memory *memory)
{
    struct phd_copied *copied = (struct phd_copied *)memory;
    phd__wiped_each(copied->pid, forbid, copied);
}

void phd__copied_is_clone(struct phd_copied *copied)
{
    copied->memory.find_wiped = find_wiped;
}

/* ---- with little memory ---- */

static void trim(struct phd_memory *memory)
{
    struct phd_copied *copied = (struct phd_copied *)memory;
    if (copied->bytes_kept <= copied->most_bytes)
        return;
    for (size_t i = 0; i < copied->count; i++) {
        const struct phd_region *region = copied->regions + i;
        madvise(region->taken, region->taken_size, MADV_DONTNEED);
        madvise(region->pages, (region->end - region->start) / PHD_PAGE, MADV_DONTNEED); /* all ABSENT, which is 0 */
    }
    copied->bytes_kept = 0;
}

void phd__copied_bound(struct phd_copied *copied, uint64_t bytes)
{
    copied->most_bytes = bytes;
    copied->memory.trim = trim;
}
