/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of the function at an address: by .symtab of the module's file when that file is the one that is mapped (by
 * device and inode, or by build-id), else by .dynsym in memory. A symbol counts when the address lies within its size, or
 * when it has no size and call frame information lets the function begin at it; nothing is guessed. Files are read, not
 * mapped: a file that is cut meanwhile must not fault. Formats: System V gABI chapters 4 and 5; DT_GNU_HASH as GNU
 * binutils write it (bfd/elflink.c, bfd_elf_size_dynsym_hash_dynstr). Context: crash.
 */
#ifndef PHD_NATIVE_SYMBOLS_H
#define PHD_NATIVE_SYMBOLS_H

#include "native/modules.h"

enum {
    PHD_SYMBOL_SLOTS = 4096,        /* addresses whose answer is kept */
    PHD_SYMBOL_NAMES = 1 << 18,     /* bytes of all names together */
    PHD_MAX_SYMBOL_NAME = 2048,     /* bytes; C++ makes long ones */
    PHD_MAX_SYMBOLS = 1 << 22,      /* of one module */
    PHD_MAX_SYMBOL_STEPS = 1 << 27, /* symbols looked at in all */
    PHD_MAX_SECTIONS = 65535,
    PHD_MAX_DYNAMIC = 1024, /* entries of a dynamic section */
    PHD_SYMBOL_BUFFER = 64 * 1024
};

struct phd_symbol {
    uint64_t address; /* the question */
    const char *name; /* NULL: no symbol covers the address */
    uint64_t start;   /* address of the symbol */
};

struct phd_symbols {
    struct phd_memory *memory;
    uint64_t steps;
    struct phd_symbol *known;
    unsigned known_count;
    char *names;
    size_t names_used;
    uint8_t *buffer;
    int files_of; /* the process whose files are read, as it sees them; 0: those that this one sees */
};

/* False when memory is refused; nothing is found then. */
bool phd__symbols_open(struct phd_symbols *symbols, struct phd_memory *memory);

/* Names stay valid until here. */
void phd__symbols_close(struct phd_symbols *symbols);

/* The symbol that covers `address` in `module`. `function`: where call frame information lets the function begin, or 0. */
struct phd_symbol phd__symbol_find(struct phd_symbols *symbols, const struct phd_module *module, uint64_t address,
                                   uint64_t function);

/* The address of the function or object `name` that `module` exports, or 0. */
uint64_t phd__symbol_address(struct phd_symbols *symbols, const struct phd_module *module, const char *name);

#endif
