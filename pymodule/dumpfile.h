/* SPDX-License-Identifier: Apache-2.0
 *
 * The Python object DumpFile, and what its methods (dumpfile.c, pieces.c, addresses.c, largest.c) share.
 *
 * Building Python objects can run a garbage collection, and that can run anything, this DumpFile's methods included.
 * So a block is acquired before its bytes are decoded and released afterwards, and close() refuses while `in_use`.
 */
#ifndef PHD_PYMODULE_DUMPFILE_H
#define PHD_PYMODULE_DUMPFILE_H

#include "decode.h"

#include "read/reader.h"

/* The lowest and highest address in a block, once its addresses were read. */
struct address_range {
    uint64_t low;
    uint64_t high; /* high < low: not known yet */
};

typedef struct {
    PyObject_HEAD
    PyObject *path;             /* a str */
    PyObject *problems;         /* a list of str */
    struct phd__reader *reader; /* NULL when closed */
    uint64_t version;
    unsigned in_use;
    PyObject *addresses;          /* a dict: what find_address() found */
    struct address_range *ranges; /* per block, NULL until find_address() */
} DumpFile;

/* False with ValueError set when the file is closed. */
bool phd__dump_is_open(DumpFile *self);

/* Raises what an error record says, as one line with the file's name. Returns NULL. */
PyObject *phd__dump_error(DumpFile *self, const struct phd__read_error *error);

/* Block `number` of the index. */
const struct phd__block *phd__dump_block(DumpFile *self, size_t number);

/* The reason, a new str, why something in a block is missing. */
PyObject *phd__damaged_block(const struct phd__block *block, const char *what);

/* Loads a block; each success needs one phd__dump_release(). NULL and `*ret_reason` (a new str) when it is damaged,
 * NULL with an exception set, and `*ret_reason` NULL, for other failures. */
struct phd__loaded *phd__dump_acquire(DumpFile *self, size_t number, PyObject **ret_reason);
void phd__dump_release(DumpFile *self, size_t number);

/* Finds and loads the block of the object that `argument` (an int or a Ref) names. NULL with KeyError, or another
 * exception, set. */
struct phd__loaded *phd__dump_acquire_object(DumpFile *self, PyObject *argument, uint64_t *ret_id, size_t *ret_number);

/* Methods of DumpFile that stand in files of their own; what they do is told in dumpfile.c's table of methods. */
PyObject *phd__dump_values(DumpFile *self, PyObject *arguments);         /* pieces.c */
PyObject *phd__dump_content(DumpFile *self, PyObject *arguments);        /* pieces.c */
PyObject *phd__dump_content_kept(DumpFile *self, PyObject *arguments);   /* pieces.c */
PyObject *phd__dump_content_missing(DumpFile *self, PyObject *argument); /* pieces.c */
PyObject *phd__dump_address(DumpFile *self, PyObject *argument);         /* addresses.c */
PyObject *phd__dump_find_address(DumpFile *self, PyObject *argument);    /* addresses.c */
PyObject *phd__dump_largest(DumpFile *self, PyObject *argument);         /* largest.c */

#endif
