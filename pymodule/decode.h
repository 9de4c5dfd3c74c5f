/* SPDX-License-Identifier: Apache-2.0
 *
 * From msgpack to Python objects (docs/format.md, section 3).
 */
#ifndef PHD_PYMODULE_DECODE_H
#define PHD_PYMODULE_DECODE_H

#include "values.h"

#include "read/token.h"

/* Decodes the next value or record of the cursor. `base` is the id that forward references (ext 1) count from.
 *
 * Returns a new reference. On failure NULL: either with a Python exception set (no memory), or without one and
 * `*problem` a static phrase that says how the data is damaged. */
PyObject *phd__decode(struct phd__cursor *cursor, uint64_t base, const char **problem);

#endif
