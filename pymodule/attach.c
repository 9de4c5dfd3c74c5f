/* SPDX-License-Identifier: Apache-2.0
 *
 * attach(): another process is dumped by this one. Policy and explanations are Python's, in attach.py.
 *
 * Context: normal; the GIL is released while the target is read.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "pyheapdump.h"
#include "pymodule/request.h"

int phd__add_attach(PyObject *module);

/* phd_attach works in static storage. */
static bool busy;

static PyObject *result_dict(const struct phd_result *result, const struct phd_attach_times *times)
{
    PyObject *more = Py_BuildValue("{s:d,s:K,s:I,s:O,s:O,s:s}", "stopped", times->stopped, "bytes_copied",
                                   (unsigned long long)times->bytes_copied, "threads", times->threads, "in_place",
                                   times->in_place ? Py_True : Py_False, "asked", times->asked ? Py_True : Py_False,
                                   "why_not", times->why_not);
    return phd__merged_dict(phd__result_dict(result), more);
}

PyDoc_STRVAR(
    attach_doc,
    "attach(pid, freeze, freeze_seconds, ask, /, *, directory, temporary_name, final_name, sequence, time_ns, level, "
    "max_bytes, max_buffer, max_buffers, max_seconds, sources, redact, only_stacks, memory)\n--\n\n"
    "Dump the process `pid`, which needs nothing of ours. Return what was written and how long the process "
    "was stopped. Raises CaptureError; OSError, whose file name is the step that was refused, None: the writing.");

static PyObject *attach(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    struct phd_request request;
    struct phd_attach_options options;
    struct phd_attach_times times;
    struct phd_result result;
    struct phd_error error;
    int freeze, ask;
    enum phd_status status;
    (void)module;
    memset(&result, 0, sizeof result);
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "ipdp", &options.pid, &freeze, &options.freeze_seconds, &ask) ||
        !phd__parse_request(keywords, &request, &options.memory))
        return NULL;
    if (busy) {
        PyErr_SetString(PyExc_RuntimeError, "attach() is already running in another thread");
        return NULL;
    }
    request.reason = "attach";
    options.freeze = freeze;
    options.ask = ask;
    busy = true;
    Py_BEGIN_ALLOW_THREADS
    status = phd_attach(&request, &options, &times, &result, &error);
    Py_END_ALLOW_THREADS
    busy = false;
    return status == PHD_OK ? result_dict(&result, &times) : phd__raise_outside(status, &error);
}

static PyMethodDef functions[] = {
    {"attach", (PyCFunction)(void (*)(void))attach, METH_VARARGS | METH_KEYWORDS, attach_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_attach(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
