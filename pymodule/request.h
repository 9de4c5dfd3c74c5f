/* SPDX-License-Identifier: Apache-2.0
 *
 * What every dump that is made from outside is asked for, as keyword arguments. Context: normal, with the GIL.
 */
#ifndef PHD_PYMODULE_REQUEST_H
#define PHD_PYMODULE_REQUEST_H

#include <Python.h>

#include "pyheapdump.h"

/* Fill `request`, and `memory`: bytes that a copy may take. The texts are borrowed from `keywords`. False when an
 * exception is set. */
bool phd__parse_request(PyObject *keywords, struct phd_request *request, uint64_t *memory);

/* {"bytes", "objects", "broken", "seconds", "write_errno", "complete"}; a new reference, or NULL with an exception. */
PyObject *phd__result_dict(const struct phd_result *result);

/* dict.update(), consuming both references; either may be NULL, with an exception set. */
PyObject *phd__merged_dict(PyObject *dict, PyObject *more);

/* Raise what a reader of others' memory ran into: OSError, whose file name is the step that was refused, or None for the
 * writing; or CaptureError. Returns NULL. */
PyObject *phd__raise_outside(enum phd_status status, const struct phd_error *error);

#endif
