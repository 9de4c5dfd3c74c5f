/* SPDX-License-Identifier: Apache-2.0
 *
 * What the notes of a core tell: where each thread stood, the signal, the command line, the auxiliary vector, and which
 * files were mapped where. Layout, x86-64: Linux, include/linux/elfcore.h (struct elf_prstatus), include/uapi/linux/
 * elfcore.h (struct elf_prpsinfo), fs/binfmt_elf.c (fill_files_note). gdb's gcore writes the same notes, in another order
 * and behind the memory. Context: normal.
 */
#ifndef PHD_CORE_NOTES_H
#define PHD_CORE_NOTES_H

#include "core/headers.h"
#include "crash/crash.h"

enum { PHD_COMMAND_ROOM = 80 + 1 };

/* A range of memory that a file was mapped to; its ends are multiples of the page. */
struct phd_core_range {
    uint64_t start, end;
    uint64_t offset; /* in the file */
    const char *path;
    /* set by core/files.c */
    unsigned file; /* index of the file */
    uint64_t base; /* where the beginning of the file is mapped, to which this range belongs; 0: nowhere */
};

struct phd_core_notes {
    struct phd_core_range *ranges; /* ascending */
    size_t range_count, range_capacity;
    bool has_ranges;     /* there is a list of mapped files */
    unsigned threads;    /* whose registers are in the core */
    unsigned left_out;   /* ranges that make no sense */
    bool cut;            /* the last note is not whole */
    const uint8_t *auxv; /* pairs of words */
    size_t auxv_size;
    char command[PHD_COMMAND_ROOM]; /* cut by the kernel after 80 bytes */
};

/* Read the notes of `headers`, which must live as long, and put the signal and the threads into `where`. */
enum phd_status phd__core_notes_read(struct phd_core_notes *notes, const struct phd_core_headers *headers,
                                     struct phd_crash *where, struct phd_error *error);
void phd__core_notes_close(struct phd_core_notes *notes);

/* The value of entry `type` of the auxiliary vector (getauxval(3)), 0: there is none. */
uint64_t phd__core_auxv(const struct phd_core_notes *notes, uint64_t type);

#endif
