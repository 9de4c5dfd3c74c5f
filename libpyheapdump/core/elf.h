/* SPDX-License-Identifier: Apache-2.0
 *
 * The program headers of ELF files that may be damaged: of cores, and of the files that were mapped. Formats: System V
 * gABI chapters 4 and 5; GNU gABI extensions (NT_GNU_BUILD_ID). Context: normal.
 */
#ifndef PHD_CORE_ELF_H
#define PHD_CORE_ELF_H

#include <elf.h>

#include "native/modules.h"

enum { PHD_MAX_IMAGE_LOADS = 32 /* of a mapped file; linkers make four to six */ };

struct phd_core_headers;

/* Where the bytes of an ELF file come from. */
struct phd_elf_source {
    /* Read up to `size` bytes at `offset`; returns how many could be read. */
    uint64_t (*read)(const struct phd_elf_source *source, uint64_t offset, void *to, uint64_t size);
    int fd;
    uint64_t size;
    /* of a file as far as it is in a core */
    const struct phd_core_headers *core;
    uint64_t address; /* where its beginning is mapped */
};

/* An open file; its size is taken now. False when it is no regular file. */
bool phd__elf_of_file(struct phd_elf_source *source, int fd);

/* A PT_LOAD segment of a file. */
struct phd_image_load {
    uint64_t offset, size;         /* in the file */
    uint64_t address, memory_size; /* where it wants to be, but for the bias */
    unsigned flags;                /* PF_* */
};

/* What tells two files apart, and what of them is mapped how. */
struct phd_image {
    struct phd_image_load loads[PHD_MAX_IMAGE_LOADS];
    unsigned load_count;
    uint8_t build_id[PHD_MAX_BUILD_ID];
    unsigned build_id_size; /* 0: there is none, or it cannot be read */
};

/* Read the headers of an executable or library for x86-64. False when it is none, or they cannot be read. */
bool phd__image_read(const struct phd_elf_source *source, struct phd_image *image);

#endif
