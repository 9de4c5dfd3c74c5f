/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the interpreter in the memory of another process, or of one that has left a core: _PyRuntime is in the dynamic
 * symbol table of most builds, stripped ones too, and so are the symbols that tell the version; where there is no such
 * table it is found without (attach/unexported.h). Context: normal.
 */
#ifndef PHD_ATTACH_PYTHON_H
#define PHD_ATTACH_PYTHON_H

#include "native/modules.h"
#include "native/symbols.h"

struct phd_python {
    uint64_t runtime; /* address of _PyRuntime */
    int version;      /* major << 8 | minor */
    int micro;        /* -1: not known (before 3.11) */
    bool free_threaded;
    bool exported; /* symbols told of it */
};

/* Put it into `request`. */
void phd__python_describe(const struct phd_python *python, struct phd_request *request);

/* Find the running interpreter. PHD_ERROR_UNREADABLE: there is none, PHD_ERROR_LAYOUT: it is one that no
 * table describes, `python->version` is 0 when it is not known which; error->step says what was found instead. */
enum phd_status phd__python_find(struct phd_python *python, struct phd_memory *memory,
                                 const struct phd_modules *modules, struct phd_error *error);

#endif
