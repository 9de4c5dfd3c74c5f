/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "memory/resident.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "safe/pages.h"
#include "safe/process.h"

enum { ROOM = 256 * 1024, PAGE = 4096 };

/* The entries of pagemap: Linux, Documentation/admin-guide/mm/pagemap.rst */
#define ENTRY_PRESENT ((uint64_t)1 << 63)
#define ENTRY_SWAPPED ((uint64_t)1 << 62)

/* PAGEMAP_SCAN: include/uapi/linux/fs.h since 6.7 */
struct page_run {
    uint64_t start, end, categories;
};
struct page_scan {
    uint64_t size, flags, start, end, walk_end, runs, run_count, max_pages;
    uint64_t category_inverted, category_mask, category_any_of, categories_wanted;
};
#define SCAN_REQUEST 0xc0606610ul
enum { IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4 };

bool phd__resident_open(struct phd_resident *resident, int pid)
{
    char path[PHD_PROC_PATH];
    *resident = (struct phd_resident){open(phd__proc_path(pid, "pagemap", path), O_RDONLY | O_CLOEXEC),
                                      phd__pages_alloc(ROOM), false};
    return resident->pagemap >= 0 && resident->room;
}

void phd__resident_close(struct phd_resident *resident)
{
    if (resident->pagemap >= 0)
        close(resident->pagemap);
    phd__pages_free(resident->room, ROOM);
    *resident = (struct phd_resident){-1, NULL, true};
}

/* Have the first runs from `scan->start` on. How many, or negative. */
static long scan_on(const struct phd_resident *resident, struct page_scan *scan)
{
    scan->size = sizeof *scan;
    scan->runs = (uint64_t)(uintptr_t)resident->room;
    scan->run_count = ROOM / sizeof(struct page_run);
    scan->category_any_of = scan->categories_wanted = IS_PRESENT | IS_SWAPPED;
    return syscall(SYS_ioctl, resident->pagemap, SCAN_REQUEST, scan);
}

/* A run that is told in pieces. */
struct joined {
    uint64_t start, end; /* equal: there is none */
    void (*visit)(uint64_t start, uint64_t end, void *argument);
    void *argument;
};

static void end_run(struct joined *run)
{
    if (run->start != run->end)
        run->visit(run->start, run->end, run->argument);
    run->start = run->end = 0;
}

static void add(struct joined *run, uint64_t start, uint64_t end)
{
    if (run->end != start || run->start == run->end) {
        end_run(run);
        run->start = start;
    }
    run->end = end;
}

static bool scan_all(struct phd_resident *resident, uint64_t start, uint64_t end, struct joined *run)
{
    struct page_scan scan = {.start = start, .end = end};
    const struct page_run *runs = resident->room;
    while (scan.start < end) {
        long count = scan_on(resident, &scan);
        if (count < 0)
            return false;
        for (long i = 0; i < count; i++)
            add(run, runs[i].start, runs[i].end);
        if (scan.walk_end <= scan.start)
            return false;
        scan.start = scan.walk_end;
    }
    return true;
}

static bool read_all(struct phd_resident *resident, uint64_t start, uint64_t end, struct joined *run)
{
    const uint64_t *entries = resident->room;
    while (start < end) {
        uint64_t wanted = (end - start) / PAGE < ROOM / 8 ? (end - start) / PAGE : ROOM / 8;
        ssize_t got = pread(resident->pagemap, resident->room, wanted * 8, (off_t)(start / PAGE * 8));
        if (got < 8)
            return false;
        for (uint64_t i = 0; i < (uint64_t)got / 8; i++, start += PAGE) {
            if (entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED))
                add(run, start, start + PAGE);
        }
    }
    return true;
}

bool phd__resident_is_cheap(struct phd_resident *resident)
{
    struct page_scan scan = {.start = PAGE, .end = 2 * PAGE};
    if (!resident->scan_refused && resident->pagemap >= 0 && resident->room)
        resident->scan_refused = scan_on(resident, &scan) < 0;
    return !resident->scan_refused;
}

bool phd__resident_each(struct phd_resident *resident, uint64_t start, uint64_t end,
                        void (*visit)(uint64_t start, uint64_t end, void *argument), void *argument)
{
    struct joined run = {0, 0, visit, argument};
    if (resident->pagemap < 0 || !resident->room)
        return false;
    bool cheap = phd__resident_is_cheap(resident);
    bool all = cheap ? scan_all(resident, start, end, &run) : read_all(resident, start, end, &run);
    end_run(&run);
    return all;
}
