/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of a process as a core file has it: a copy (memory/copied.h) whose pages are read, when they are wanted,
 * from the core or, where the core leaves them out, from the file that was mapped there. Which, the table of pieces says;
 * core/ makes it.
 *
 * Context: crash (no malloc, no locks), though it is used by tools in normal context.
 */
#ifndef PHD_MEMORY_CORE_H
#define PHD_MEMORY_CORE_H

#include "memory/copied.h"

/* A range of the process's memory. */
struct phd_core_piece {
    uint64_t start, end;
    uint64_t offset;      /* in the core */
    uint64_t in_core;     /* so many bytes from `start` on are in the core, unless it is cut */
    int file;             /* descriptor of the file that has those behind them; -1: nothing has */
    uint64_t file_offset; /* of `start` in that file */
    uint64_t file_size;
    const char *missing; /* why nothing has them: static text */
};

struct phd_core_memory {
    struct phd_copied copied;      /* the first, so that one is the other */
    int fd;                        /* the core; borrowed */
    uint64_t size;                 /* of the core */
    struct phd_core_piece *pieces; /* ascending */
    size_t count, capacity;
};

/* Take memory for a table of `capacity` pieces, which phd__core_memory_add fills. False when it is refused. To be closed. */
bool phd__core_memory_take(struct phd_core_memory *memory, int fd, uint64_t size, size_t capacity);

/* The next piece. Its ends are multiples of the page; one that is not above all before it, or does not fit, is left
 * out. */
bool phd__core_memory_add(struct phd_core_memory *memory, const struct phd_core_piece *piece);

/* All pieces are there: views become possible of the readable ones among `mappings`. */
enum phd_status phd__core_memory_open(struct phd_core_memory *memory, const struct phd_mappings *mappings,
                                      struct phd_error *error);
void phd__core_memory_close(struct phd_core_memory *memory);

#endif
