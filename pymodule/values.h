/* SPDX-License-Identifier: Apache-2.0
 *
 * The Python types of what a decoded record can hold and Python has no type for (docs/format.md, section 3).
 */
#ifndef PHD_PYMODULE_VALUES_H
#define PHD_PYMODULE_VALUES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* Each returns a new reference, or NULL with MemoryError. */
PyObject *phd__ref_new(uint64_t id);                            /* an object of the dump */
PyObject *phd__run_new(uint64_t id, uint64_t count);            /* the objects id, id+1, ... as `count` values */
PyObject *phd__address_new(uint64_t address);                   /* an address not known to be an object's */
PyObject *phd__missing_new(PyObject *reason, uint64_t address); /* left out or unreadable; reason is a str */
PyObject *phd__absent(void);                                    /* the singleton ABSENT */
PyObject *phd__pairs_new(void);                                 /* an empty Pairs, a list subclass */

/* The id that `object` names: a Ref or an int from 0 to 2**64-1. False with an exception set otherwise. */
int phd__as_id(PyObject *object, uint64_t *ret);

/* Adds the types to the module. 0, or -1 with an exception set. */
int phd__add_values(PyObject *module);

#endif
