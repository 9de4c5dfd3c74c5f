/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers of a core file: which parts of the process's memory it has, and its notes. A core is not trusted, and may
 * be cut anywhere. Format: System V gABI chapters 4 and 5; Linux, fs/binfmt_elf.c (elf_core_dump). Context: normal.
 */
#ifndef PHD_CORE_HEADERS_H
#define PHD_CORE_HEADERS_H

#include "core/elf.h"

enum {
    PHD_MAX_CORE_SEGMENTS = PHD_MAX_MAPPINGS,
    PHD_MAX_NOTE_BYTES = 64 << 20, /* of a core: some 10,000 threads */
    PHD_MAX_NOTE_SEGMENTS = 16
};

/* A part of the process's memory: its ends are multiples of the page. */
struct phd_core_load {
    uint64_t start, end;
    uint64_t offset;  /* in the core */
    uint64_t in_core; /* so many bytes from `start` on are in the core */
    unsigned flags;   /* PF_* */
};

struct phd_core_headers {
    struct phd_elf_source source;
    struct phd_core_load *loads; /* ascending */
    size_t load_count, load_capacity;
    uint8_t *notes; /* the contents of all note segments, one after the other */
    size_t notes_size, notes_capacity;
    uint64_t whole_size; /* bytes that the file had if nothing were cut off */
    unsigned left_out;   /* segments that make no sense */
};

/* Read them from the file `fd`, which is borrowed. PHD_ERROR_UNREADABLE: it is no core that can be read, error->step says
 * why. To be closed in any case. */
enum phd_status phd__core_headers_read(struct phd_core_headers *headers, int fd, struct phd_error *error);
void phd__core_headers_close(struct phd_core_headers *headers);

/* Up to `length` bytes of the process's memory at `address`, from the core alone; returns how many it has. */
uint64_t phd__core_bytes(const struct phd_core_headers *headers, uint64_t address, void *to, uint64_t length);

#endif
