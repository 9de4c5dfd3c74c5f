/* SPDX-License-Identifier: Apache-2.0
 *
 * A pointer to C code that lies in an object of Python's is exchanged: the function of a builtin, of a type's slot, of the
 * vectorcall of a Python function. No name, attribute or identity changes by it; whoever has a reference calls ours from
 * then on, and ours calls what was found. The definitions of builtins are shared by all interpreters of the process.
 *
 * Context: normal, with the GIL.
 */
#ifndef PHD_PYMODULE_EXCHANGE_H
#define PHD_PYMODULE_EXCHANGE_H

#include <Python.h>
#include <stdbool.h>

/* One place. What was found stays known after it was put back: calls may be under way. */
struct phd_exchanged {
    void **slot;
    void *found;
    void *ours;
    bool reached; /* ours is called, if only by what somebody else has put there since */
};

/* Put `ours` into `slot`, unless it is there or below another's already. False when the slot cannot be written. */
bool phd__exchange(struct phd_exchanged *place, void **slot, void *ours);

/* Put back what was found. False when somebody else has exchanged it since: then ours stays below that, and passes on. */
bool phd__exchange_back(struct phd_exchanged *place);

/* The definition of a builtin that is called `name` and takes its arguments as `flags` (METH_*) say, or NULL. */
PyMethodDef *phd__builtin_definition(PyObject *builtin, const char *name, int flags);

#endif
