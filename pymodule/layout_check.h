/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison of the layout table in use with the CPython headers the module was compiled with. Context: normal.
 */
#ifndef PHD_PYMODULE_LAYOUT_CHECK_H
#define PHD_PYMODULE_LAYOUT_CHECK_H

#include <Python.h>

/* Python function: a list of (name, value in the table, value in the headers); empty when they agree. */
PyObject *phd__layout_problems(PyObject *module, PyObject *ignored);

#endif
