/* SPDX-License-Identifier: Apache-2.0
 *
 * The modules of the target (executable, shared libraries, vdso), with what their ELF headers in memory tell: load bias,
 * build-id, unwind and dynamic tables.
 *
 * Only mappings that executable mappings of the same file follow have their headers read: touching a page of any mapped
 * data file could wait for a disk or a server. A header is believed when the executable segments that it lists are
 * mapped where it says. Formats: System V gABI chapters 4 and 5 (ELF), LSB core 5.0 chapter 10 (PT_GNU_EH_FRAME),
 * GNU gABI extensions (NT_GNU_BUILD_ID). Context: crash.
 */
#ifndef PHD_NATIVE_MODULES_H
#define PHD_NATIVE_MODULES_H

#include "memory/memory.h"
#include "native/mappings.h"

enum {
    PHD_MAX_PROGRAM_HEADERS = 256, /* of a module */
    PHD_MAX_NOTES = 64 * 1024,     /* bytes of a note segment */
    PHD_MAX_BUILD_ID = 64          /* bytes; a SHA-1 has 20 */
};

#define PHD_NO_MODULE UINT32_MAX

struct phd_module {
    const char *path;
    uint64_t start, end; /* from the first to the last mapping of the file */
    uint64_t bias;       /* address - bias: the address in the file */
    const struct phd_mapping *first;
    uint64_t unwind_table; /* address of .eh_frame_hdr, 0: there is none */
    uint64_t unwind_table_size;
    uint64_t dynamic; /* address of the dynamic section, 0: there is none */
    uint64_t dynamic_size;
    uint8_t build_id[PHD_MAX_BUILD_ID];
    unsigned build_id_size; /* 0: there is none */
    bool deleted;           /* the file has gone since it was mapped */
};

struct phd_modules {
    struct phd_mappings mappings;
    struct phd_module *all; /* ascending */
    uint32_t count;
    uint32_t capacity;
};

/* Read the mappings of process `pid`, and the headers of the modules among them. When that cannot be done there are no
 * mappings and no modules. */
enum phd_status phd__modules_read(struct phd_modules *modules, struct phd_memory *memory, int pid,
                                  struct phd_error *error);
void phd__modules_close(struct phd_modules *modules);

/* The second half of that: `modules->mappings` is filled, all else is zero. */
void phd__modules_find(struct phd_modules *modules, struct phd_memory *memory);

/* Index of the module that holds `address`, or PHD_NO_MODULE. */
uint32_t phd__module_at(const struct phd_modules *modules, uint64_t address);

/* Do the `size` bytes at `address` stand within the module? */
bool phd__module_holds(const struct phd_module *module, uint64_t address, uint64_t size);

/* The last part of the module's path. */
const char *phd__module_name(const struct phd_module *module);

/* Find the build-id in the `size` bytes of a note segment whose entries are aligned to `alignment`. Returns its length,
 * 0 when there is none. */
unsigned phd__build_id_find(const uint8_t *notes, uint64_t size, uint64_t alignment,
                            uint8_t build_id[PHD_MAX_BUILD_ID]);

#endif
