/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#define PY_SSIZE_T_CLEAN
#include "layout/probe.h"

#include "pymodule/layout_check.h"

static int add_problem(PyObject *problems, const char *name, int32_t table, int32_t header)
{
    if (table == header)
        return 0;
    PyObject *row = Py_BuildValue("sii", name, table, header);
    int failed = row ? PyList_Append(problems, row) : -1;
    Py_XDECREF(row);
    return failed;
}

PyObject *phd__layout_problems(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    struct phd_layout compiled;
    phd__layout_probe(&compiled);
    const struct phd_layout *table = phd__layout_find(compiled.version, compiled.free_threaded, compiled.trace_refs);
    PyObject *problems = PyList_New(0);
    if (!problems)
        return NULL;
    int failed = 0;
    if (!table)
        failed = add_problem(problems, "no table for this version", 0, compiled.version);
#define COMPARE(name)                                                                                                  \
    if (table && !failed)                                                                                              \
        failed = add_problem(problems, #name, table->name, compiled.name);
    PHD_LAYOUT_SCALARS(COMPARE)
#undef COMPARE
    for (int32_t i = 0; table && !failed && i < table->field_count && i < compiled.field_count; i++)
        failed = add_problem(problems, table->fields[i].name, table->fields[i].offset, compiled.fields[i].offset);
    if (failed)
        Py_CLEAR(problems);
    return problems;
}
