/* SPDX-License-Identifier: Apache-2.0
 *
 * attach(): another process is dumped by this one. Policy and explanations are Python's, in attach.py.
 *
 * Context: normal; the GIL is released while the target is read.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <string.h>

#include "pyheapdump.h"
#include "pymodule/status.h"

int phd__add_attach(PyObject *module);

/* phd_attach works in static storage. */
static bool busy;

static PyObject *raise_problem(enum phd_status status, const struct phd_error *error)
{
    errno = error->system_errno;
    if (status == PHD_ERROR_SYSTEM)
        return PyErr_SetFromErrnoWithFilename(PyExc_OSError, error->step);
    if (status == PHD_ERROR_WRITE && error->system_errno)
        return PyErr_SetFromErrno(PyExc_OSError);
    return status == PHD_ERROR_UNREADABLE ? phd__raise_capture_error(error->step) : phd__raise_status(status, error);
}

static PyObject *result_dict(const struct phd_result *result, const struct phd_attach_times *times)
{
    return Py_BuildValue(
        "{s:K,s:K,s:K,s:d,s:i,s:O,s:d,s:K,s:I,s:O,s:O,s:s}", "bytes", (unsigned long long)result->bytes, "objects",
        (unsigned long long)result->objects, "broken", (unsigned long long)result->broken, "seconds", result->seconds,
        "write_errno", result->write_errno, "complete", result->complete ? Py_True : Py_False, "stopped",
        times->stopped, "bytes_copied", (unsigned long long)times->bytes_copied, "threads", times->threads, "in_place",
        times->in_place ? Py_True : Py_False, "asked", times->asked ? Py_True : Py_False, "why_not", times->why_not);
}

PyDoc_STRVAR(
    attach_doc,
    "attach(pid, directory, temporary_name, final_name, sequence, time_ns, level, max_bytes, max_seconds, "
    "sources, redact, freeze, freeze_seconds, only_stacks, memory, ask)\n--\n\n"
    "Dump the process `pid`, which needs nothing of ours. Return what was written and how long the process "
    "was stopped. Raises CaptureError; OSError, whose file name is the step that was refused, None: the writing.");

static PyObject *attach(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"pid",     "directory", "temporary_name", "final_name",  "sequence",
                            "time_ns", "level",     "max_bytes",      "max_seconds", "sources",
                            "redact",  "freeze",    "freeze_seconds", "only_stacks", "memory",
                            "ask",     NULL};
    struct phd_request request;
    struct phd_attach_options options;
    struct phd_attach_times times;
    struct phd_result result;
    struct phd_error error;
    int sources, redact, freeze, only_stacks, ask;
    long long time_ns;
    unsigned long long max_bytes, memory;
    enum phd_status status;
    (void)module;
    memset(&request, 0, sizeof request);
    memset(&result, 0, sizeof result);
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "iissILiKdpppdpKp", names, &options.pid, &request.directory,
                                     &request.temporary_name, &request.final_name, &request.sequence, &time_ns,
                                     &request.level, &max_bytes, &request.max_seconds, &sources, &redact, &freeze,
                                     &options.freeze_seconds, &only_stacks, &memory, &ask))
        return NULL;
    if (busy) {
        PyErr_SetString(PyExc_RuntimeError, "attach() is already running in another thread");
        return NULL;
    }
    request.time_ns = time_ns;
    request.max_bytes = max_bytes;
    request.sources = sources;
    request.redact = redact;
    request.only_stacks = only_stacks;
    request.reason = "attach";
    options.freeze = freeze;
    options.memory = memory;
    options.ask = ask;
    busy = true;
    Py_BEGIN_ALLOW_THREADS
    status = phd_attach(&request, &options, &times, &result, &error);
    Py_END_ALLOW_THREADS
    busy = false;
    return status == PHD_OK ? result_dict(&result, &times) : raise_problem(status, &error);
}

static PyMethodDef functions[] = {
    {"attach", (PyCFunction)(void (*)(void))attach, METH_VARARGS | METH_KEYWORDS, attach_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_attach(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
