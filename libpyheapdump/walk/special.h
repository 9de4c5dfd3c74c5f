/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers for C types whose content fields alone cannot tell (a deque's blocks, an array's items …).
 *
 * A special reader writes the *base* of an OBJECT record (docs/format.md section 4): a nested record of a builtin code,
 * or MAPPED. Fields and attributes are written by the common code. Context: crash.
 */
#ifndef PHD_WALK_SPECIAL_H
#define PHD_WALK_SPECIAL_H

#include "layout/layout.h"

struct phd_walk;
struct phd_type;

struct phd_special {
    const char *type_name; /* tp_name of the C type */
    /* Write the base of the instance at `object` into the current record. Faults when the object is broken. */
    void (*write)(struct phd_walk *walk, uint64_t object, const struct phd_type *type);
};

/* The special reader for C type `name`, or NULL. */
const struct phd_special *phd__special_find(const char *name);

#endif
