/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include "pymodule/exchange.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The system is asked to write there what is there: where it may not, that is an error and no signal. */
static bool is_writable(void **slot)
{
    int ends[2];
    void *value = *slot;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool written = write(ends[1], &value, sizeof value) == sizeof value && read(ends[0], slot, sizeof value) > 0;
    close(ends[0]);
    close(ends[1]);
    return written;
}

/* Other interpreters may call it meanwhile, without this one's GIL. */
static void store(void **slot, void *function)
{
    __atomic_store_n(slot, function, __ATOMIC_SEQ_CST);
}

bool phd__exchange(struct phd_exchanged *place, void **slot, void *ours)
{
    if (*slot == ours) /* also in a type that outlives the interpreter that it was exchanged for */
        place->reached = true;
    if (place->reached && place->slot == slot)
        return true;
    if (!is_writable(slot))
        return false;
    *place = (struct phd_exchanged){.slot = slot, .found = *slot, .ours = ours, .reached = true};
    store(slot, ours);
    return true;
}

bool phd__exchange_back(struct phd_exchanged *place)
{
    if (place->reached && *place->slot == place->ours) {
        store(place->slot, place->found);
        place->reached = false;
    }
    return !place->reached;
}

PyMethodDef *phd__builtin_definition(PyObject *builtin, const char *name, int flags)
{
    if (!builtin || !PyCFunction_CheckExact(builtin))
        return NULL;
    PyMethodDef *definition = ((PyCFunctionObject *)builtin)->m_ml;
    return definition->ml_flags == flags && strcmp(definition->ml_name, name) == 0 ? definition : NULL;
}
