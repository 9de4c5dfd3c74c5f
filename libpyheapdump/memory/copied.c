/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages are read by process_vm_readv or, where that is forbidden or missing (seccomp profiles of containers), from
 * /proc/PID/mem. The copy of a large region is placed so that it can consist of huge pages, whose first touch costs a
 * fraction of the copy; with small ones it would cost more than the copy.
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
    LAZY_PAGES = 16,            /* pages read together when one is wanted */
    PIECE = 4 << 20,            /* bytes of one system call when all is copied */
    PAGEMAP_ENTRIES = 32 * 1024 /* read at a time */
};
/* A mapping of this size is not memory that is used (the shadow of a sanitizer); its pages are read when wanted. */
#define MAX_FILLED ((uint64_t)1 << 38)
#define MAX_REGION ((uint64_t)1 << 44)

enum page_state { ABSENT, PRESENT, UNREADABLE };

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif

/* pagemap entries: Linux, Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT ((uint64_t)1 << 63)
#define PAGEMAP_SWAPPED ((uint64_t)1 << 62)

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

/* Read pages of a region; what cannot be read is marked. */
static void read_pages(struct phd_copied *copied, struct phd_region *region, uint64_t first, uint64_t count)
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

static struct phd_region *region_of(struct phd_copied *copied, uint64_t address)
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

/* Have the pages `first` … `last`, reading those that are absent with their neighbours behind. */
static void want_pages(struct phd_copied *copied, struct phd_region *region, uint64_t first, uint64_t last)
{
    uint64_t end = (region->end - region->start) / PHD_PAGE;
    for (uint64_t page = first; page <= last; page++) {
        if (region->pages[page] == ABSENT) {
            uint64_t wanted = last - page + 1 > LAZY_PAGES ? last - page + 1 : LAZY_PAGES, count = 1;
            while (count < wanted && page + count < end && region->pages[page + count] == ABSENT)
                count++;
            read_pages(copied, region, page, count);
        }
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
        region = region_of(copied, address);
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
    region->taken_size = size + HUGE_PAGE;
    region->taken = phd__pages_alloc(region->taken_size);
    region->pages = phd__pages_alloc(size / PHD_PAGE);
    if (!region->taken || !region->pages) {
        release_region(region);
        return false;
    }
    /* Where a huge page of the target would begin, one of the copy can. */
    uintptr_t at = (uintptr_t)region->taken;
    region->bytes = (uint8_t *)region->taken + ((region->start - at) & (HUGE_PAGE - 1));
    return true;
}

/* The pages of one that was there before at the same place; it is marked as taken from there. */
static bool take_earlier(struct phd_region *region, const struct phd_copied *earlier)
{
    for (size_t i = 0; i < earlier->count; i++) {
        struct phd_region *found = earlier->regions + i;
        if (!found->taken || found->start != region->start || found->end != region->end)
            continue;
        *region = *found;
        memset(region->pages, ABSENT, (region->end - region->start) / PHD_PAGE);
        found->taken = found->pages = NULL;
        return true;
    }
    return false;
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
    for (size_t index = 0; next_region(mappings, &index, &region);) {
        if (take_earlier(&region, earlier) || take_region(&region)) /* else reading there fails, and says so */
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
    if (copied->capacity && copied->mem_fd >= 0)
        close(copied->mem_fd);
    memset(copied, 0, sizeof *copied);
}

/* Does the copy take it whole? */
static bool is_filled(const struct phd_mapping *mapping)
{
    return (mapping->permissions & PHD_READABLE) && (mapping->permissions & PHD_WRITABLE) &&
           !(mapping->permissions & PHD_SHARED) && mapping->end - mapping->start <= MAX_FILLED;
}

/* Mark the pages of an anonymous mapping that the target has never touched: they are zero, as ours are. */
static void skip_untouched(int pagemap, const struct phd_mapping *mapping, struct phd_region *region, uint64_t *entries)
{
    uint64_t first = (mapping->start - region->start) / PHD_PAGE, count = (mapping->end - mapping->start) / PHD_PAGE;
    for (uint64_t done = 0; done < count;) {
        uint64_t wanted = count - done < PAGEMAP_ENTRIES ? count - done : PAGEMAP_ENTRIES;
        ssize_t got = pread(pagemap, entries, wanted * 8, (off_t)((mapping->start / PHD_PAGE + done) * 8));
        if (got < 8)
            return;
        for (uint64_t i = 0; i < (uint64_t)got / 8; i++) {
            if (!(entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)))
                region->pages[first + done + i] = PRESENT;
        }
        done += (uint64_t)got / 8;
    }
}

/* ---- what was wiped ---- */

static void forbid(uint64_t start, uint64_t end, void *argument)
{
    struct phd_copied *copied = argument;
    struct phd_region *region = region_of(copied, start);
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

/* ---- before that ---- */

/* Make the pages of our own that the copy of `count` pages from `page` on will take. */
static void touch_pages(struct phd_region *region, uint64_t page, uint64_t count)
{
    uint8_t *bytes = region->bytes + page * PHD_PAGE;
    if (madvise(bytes, count * PHD_PAGE, MADV_POPULATE_WRITE) == 0)
        return;
    for (uint64_t i = 0; i < count; i++) /* Linux before 5.14 */
        ((volatile uint8_t *)bytes)[i * PHD_PAGE] = 0;
}

/* A piece of a region that has about one huge page of the copy; some of the target's pages are in memory. */
static void touch_piece(struct phd_region *region, uint64_t page, const uint64_t *entries, uint64_t count)
{
    uint64_t present = 0;
    for (uint64_t i = 0; i < count; i++)
        present += (entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) != 0;
    if (present > count / 2) {
        if (count == HUGE_PAGE / PHD_PAGE)
            madvise(region->bytes + page * PHD_PAGE, HUGE_PAGE, MADV_HUGEPAGE);
        touch_pages(region, page, count);
        return;
    }
    for (uint64_t i = 0, end; present && i < count; i = end + 1) {
        for (end = i; end < count && (entries[end] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)); end++)
            ;
        if (end > i)
            touch_pages(region, page + i, end - i);
    }
}

static void touch_mapping(int pagemap, const struct phd_mapping *mapping, struct phd_region *region, uint64_t *entries)
{
    uint64_t page = mapping->start / PHD_PAGE, end = mapping->end / PHD_PAGE;
    while (page < end) {
        uint64_t border = (page + HUGE_PAGE / PHD_PAGE) & ~(uint64_t)(HUGE_PAGE / PHD_PAGE - 1);
        uint64_t count = (border < end ? border : end) - page;
        if (pread(pagemap, entries, count * 8, (off_t)(page * 8)) != (ssize_t)(count * 8))
            return;
        touch_piece(region, page - region->start / PHD_PAGE, entries, count);
        page += count;
    }
}

void phd__copied_prepare(struct phd_copied *copied, const struct phd_mappings *mappings)
{
    uint64_t entries[HUGE_PAGE / PHD_PAGE];
    int pagemap = open_proc(copied->pid, "pagemap");
    for (size_t i = 0; i < mappings->count && pagemap >= 0; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        struct phd_region *region = is_filled(mapping) ? region_of(copied, mapping->start) : NULL;
        if (region)
            touch_mapping(pagemap, mapping, region, entries);
    }
    if (pagemap >= 0)
        close(pagemap);
}

/* ---- all at once ---- */

static void fill_mapping(struct phd_copied *copied, const struct phd_mapping *mapping, struct phd_region *region)
{
    uint64_t page = (mapping->start - region->start) / PHD_PAGE, end = (mapping->end - region->start) / PHD_PAGE;
    while (page < end) {
        uint64_t count = 0;
        while (page < end && region->pages[page] != ABSENT)
            page++;
        while (page + count < end && region->pages[page + count] == ABSENT)
            count++;
        read_pages(copied, region, page, count);
        page += count;
    }
}

void phd__copied_fill(struct phd_copied *copied, const struct phd_mappings *mappings)
{
    uint64_t *entries = phd__pages_alloc(PAGEMAP_ENTRIES * sizeof *entries);
    int pagemap = open_proc(copied->pid, "pagemap");
    for (size_t i = 0; i < mappings->count; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        struct phd_region *region = is_filled(mapping) ? region_of(copied, mapping->start) : NULL;
        if (!region)
            continue;
        if (!mapping->inode && entries && pagemap >= 0)
            skip_untouched(pagemap, mapping, region, entries);
        fill_mapping(copied, mapping, region);
    }
    if (pagemap >= 0)
        close(pagemap);
    phd__pages_free(entries, PAGEMAP_ENTRIES * sizeof *entries);
}
