/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of another process, as a copy: regions of our own address space that are filled page by page, when they are
 * first looked at or all at once while the target is stopped.
 *
 * A view is a pointer into the copy, so it stays valid and costs a look at the state of its pages. Neighbouring mappings
 * are one region: an object may stand across their border.
 *
 * Context: crash (no malloc, no locks), though it is used by tools in normal context.
 */
#ifndef PHD_MEMORY_COPIED_H
#define PHD_MEMORY_COPIED_H

#include "memory/memory.h"
#include "native/mappings.h"

enum { PHD_PAGE = 4096 };

struct phd_region {
    uint64_t start, end; /* in the target */
    uint8_t *bytes;      /* the copy */
    uint8_t *pages;      /* enum page_state of each page */
    void *taken;         /* what `bytes` lies in */
    size_t taken_size;
};

/* Parts of the target's address space, ascending, in pages that double when they are full. */
struct phd_span {
    uint64_t start, end;
};
struct phd_spans {
    struct phd_span *all;
    size_t count, capacity;
};

struct phd_copied {
    struct phd_memory memory; /* the first, so that one is the other */
    struct phd_region *regions;
    size_t count, capacity;
    size_t last; /* the region of the last view */
    /* Read up to `length` bytes of the target at `address`; returns how many could be read. */
    uint64_t (*read)(struct phd_copied *copied, uint64_t address, void *to, uint64_t length);
    /* Why the page at `address` could not be read, static text; NULL: there is no more to tell. */
    const char *(*why)(const struct phd_copied *copied, uint64_t address);
    int pid;
    int mem_fd; /* /proc/PID/mem, opened when process_vm_readv is refused; -1 */
    bool direct_refused;
    uint64_t bytes_read;
    uint64_t most_bytes; /* kept of what is read when it is wanted, 0: all; see phd__copied_bound */
    uint64_t bytes_kept;
    struct phd_spans warm;    /* of which phd__copied_prepare found pages in memory */
    struct phd_spans settled; /* filled: pages that are absent there are zero */
};

/* The readable mappings of process `pid`, which must outlive neither. Nothing is read yet. `copied` is zeroed, or was
 * opened before, for phd__copied_prepare alone: the pages that it made stay where the mappings have stayed. Closed by
 * phd__copied_close. */
enum phd_status phd__copied_open(struct phd_copied *copied, int pid, const struct phd_mappings *mappings,
                                 struct phd_error *error);
void phd__copied_close(struct phd_copied *copied);

/* The process is a clone, made to be read: what was wiped in it is found when need be. */
void phd__copied_is_clone(struct phd_copied *copied);

/* fill.c: make the pages of our own that phd__copied_fill will need, while the target still runs: a first touch costs several
 * times as much as the copy. */
void phd__copied_prepare(struct phd_copied *copied, const struct phd_mappings *mappings);

/* From now on keep about so many bytes at most: more are given back between records, and read again when wanted. */
void phd__copied_bound(struct phd_copied *copied, uint64_t bytes);

/* fill.c: copy what the target can change: its private writable mappings, as far as they are in memory or swapped out. */
void phd__copied_fill(struct phd_copied *copied, const struct phd_mappings *mappings);

/* The region that has `address`, or NULL. */
struct phd_region *phd__copied_region(struct phd_copied *copied, uint64_t address);
/* Read pages of a region; what cannot be read is marked. */
void phd__copied_read(struct phd_copied *copied, struct phd_region *region, uint64_t first, uint64_t count);

#endif
