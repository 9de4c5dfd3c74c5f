/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include "pymodule/request.h"

#include <errno.h>
#include <string.h>

#include "pymodule/status.h"

bool phd__parse_request(PyObject *keywords, struct phd_request *request, uint64_t *memory)
{
    static char *names[] = {"directory", "temporary_name", "final_name",  "sequence",    "time_ns",
                            "level",     "max_bytes",      "max_buffer",  "max_buffers", "max_seconds",
                            "sources",   "redact",         "only_stacks", "memory",      NULL};
    int sources, redact, only_stacks;
    long long time_ns;
    unsigned long long max_bytes, max_buffer, max_buffers, most_memory;
    PyObject *nothing = PyTuple_New(0);
    if (!nothing)
        return false;
    memset(request, 0, sizeof *request);
    bool parsed = PyArg_ParseTupleAndKeywords(nothing, keywords, "iyyILiKKKdpppK", names, &request->directory,
                                              &request->temporary_name, &request->final_name, &request->sequence,
                                              &time_ns, &request->level, &max_bytes, &max_buffer, &max_buffers,
                                              &request->max_seconds, &sources, &redact, &only_stacks, &most_memory);
    Py_DECREF(nothing);
    if (!parsed)
        return false;
    request->time_ns = time_ns;
    request->max_bytes = max_bytes;
    request->max_buffer = max_buffer;
    request->max_buffers = max_buffers;
    request->sources = sources;
    request->redact = redact;
    request->only_stacks = only_stacks;
    *memory = most_memory;
    return true;
}

PyObject *phd__result_dict(const struct phd_result *result)
{
    return Py_BuildValue("{s:K,s:K,s:K,s:d,s:i,s:O}", "bytes", (unsigned long long)result->bytes, "objects",
                         (unsigned long long)result->objects, "broken", (unsigned long long)result->broken, "seconds",
                         result->seconds, "write_errno", result->write_errno, "complete",
                         result->complete ? Py_True : Py_False);
}

PyObject *phd__merged_dict(PyObject *dict, PyObject *more)
{
    if (!dict || !more || PyDict_Update(dict, more) < 0)
        Py_CLEAR(dict);
    Py_XDECREF(more);
    return dict;
}

PyObject *phd__raise_outside(enum phd_status status, const struct phd_error *error)
{
    errno = error->system_errno;
    if (status == PHD_ERROR_SYSTEM)
        return PyErr_SetFromErrnoWithFilename(PyExc_OSError, error->step);
    if (status == PHD_ERROR_WRITE && error->system_errno)
        return PyErr_SetFromErrno(PyExc_OSError);
    bool told = status == PHD_ERROR_UNREADABLE || status == PHD_ERROR_LAYOUT;
    return told ? phd__raise_capture_error(error->step) : phd__raise_status(status, error);
}
