/* SPDX-License-Identifier: Apache-2.0
 *
 * The method largest() of DumpFile: which objects are the largest, which hold most, and how each is reached
 * (libpyheapdump/graph/largest.h).
 *
 * The search holds the GIL, as every use of the reader does, and lets go of it between blocks for a moment.
 */
#include "dumpfile.h"

#include "graph/largest.h"

/* Objects on the way to one that are told; of a longer way (a linked list) those near to it. */
#define MAX_WAY 200

static bool go_on(void *unused)
{
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    return PyErr_CheckSignals() == 0;
}

/* The ids of the objects by which this one is reached, the nearest first. */
static PyObject *way_to(const struct phd__largest *largest, uint64_t id)
{
    PyObject *way = PyList_New(0);
    for (int steps = 0; way != NULL && steps < MAX_WAY && phd__largest_referrer(largest, id, &id); steps++) {
        PyObject *one = PyLong_FromUnsignedLongLong(id);
        if (one == NULL || PyList_Append(way, one) < 0)
            Py_CLEAR(way);
        Py_XDECREF(one);
    }
    return way;
}

static PyObject *ranking_list(const struct phd__largest *largest, const struct phd__ranking *ranking)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < ranking->count; i++) {
        const struct phd__ranked *ranked = &ranking->at[i];
        PyObject *one = Py_BuildValue("(KKKKN)", (unsigned long long)ranked->id, (unsigned long long)ranked->own,
                                      (unsigned long long)ranked->held, (unsigned long long)ranked->elements,
                                      way_to(largest, ranked->id));
        if (one == NULL || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *search_failed(DumpFile *self, const struct phd__read_error *error)
{
    if (PyErr_Occurred())
        return NULL;
    return phd__dump_error(self, error);
}

PyObject *phd__dump_largest(DumpFile *self, PyObject *argument)
{
    Py_ssize_t wanted = PyLong_AsSsize_t(argument);
    if (PyErr_Occurred() || !phd__dump_is_open(self))
        return NULL;
    if (wanted < 1 || (size_t)wanted > PHD__MAX_RANKED)
        return PyErr_Format(PyExc_ValueError, "largest() takes a number from 1 to %zu", PHD__MAX_RANKED);
    struct phd__largest *largest = PyMem_Malloc(sizeof *largest);
    struct phd__read_error error;
    if (largest == NULL)
        return PyErr_NoMemory();
    self->in_use++;
    enum phd__read_status status = phd__largest_init(largest, self->reader, (size_t)wanted, go_on, NULL, &error);
    self->in_use--;
    PyObject *found = NULL;
    if (status == PHD__READ_OK) {
        found = Py_BuildValue("(KKNN)", (unsigned long long)largest->objects, (unsigned long long)largest->bytes,
                              ranking_list(largest, &largest->by_own), ranking_list(largest, &largest->by_held));
        phd__largest_deinit(largest);
    }
    PyMem_Free(largest);
    return status == PHD__READ_OK ? found : search_failed(self, &error);
}
