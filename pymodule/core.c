/* SPDX-License-Identifier: Apache-2.0
 *
 * core(): the process of a core file is dumped. unpack_zstd(): a core that was compressed. Policy and explanations are
 * Python's, in core.py.
 *
 * Context: normal; the GIL is released meanwhile.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "core/unpack.h"
#include "pyheapdump.h"
#include "pymodule/request.h"

int phd__add_core(PyObject *module);

/* phd_core works in static storage. */
static bool busy;

static struct phd_core_found found; /* large, and guarded by `busy` */

static PyObject *found_dict(void)
{
    return Py_BuildValue("{s:i,s:i,s:I,s:O,s:N}", "pid", found.pid, "signal", found.signal, "threads", found.threads,
                         "in_place", found.in_place ? Py_True : Py_False, "problems",
                         PyUnicode_DecodeUTF8(found.problems, (Py_ssize_t)strlen(found.problems), "replace"));
}

PyDoc_STRVAR(
    core_doc,
    "core(file, path, time_ns, cut, executable, /, *, directory, temporary_name, final_name, sequence, "
    "time_ns, level, max_bytes, max_buffer, max_buffers, max_seconds, sources, redact, only_stacks, memory)\n--\n\n"
    "Dump the process of the core that is open as descriptor `file`. Return what was written and what was "
    "found, or, with the key \"error\", why there is no dump. Raises CaptureError, OSError from the writing.");

/* The status of what the core itself is to blame for is a result: what was found explains it. */
static PyObject *result_of(enum phd_status status, const struct phd_result *result, const struct phd_error *error)
{
    if (status == PHD_ERROR_UNREADABLE || status == PHD_ERROR_ARGUMENT)
        return phd__merged_dict(found_dict(), Py_BuildValue("{s:s,s:O}", "error", error->step, "executable",
                                                            status == PHD_ERROR_ARGUMENT ? Py_True : Py_False));
    return status == PHD_OK ? phd__merged_dict(phd__result_dict(result), found_dict())
                            : phd__raise_outside(status, error);
}

static PyObject *core(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    struct phd_request request;
    struct phd_core_options options;
    struct phd_result result;
    struct phd_error error;
    enum phd_status status;
    long long time_ns;
    int cut;
    (void)module;
    memset(&result, 0, sizeof result);
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "iyLpz", &options.file, &options.path, &time_ns, &cut, &options.executable) ||
        !phd__parse_request(keywords, &request, &options.memory))
        return NULL;
    if (busy) {
        PyErr_SetString(PyExc_RuntimeError, "core() is already running in another thread");
        return NULL;
    }
    request.reason = "core";
    options.time_ns = time_ns;
    options.cut = cut;
    busy = true;
    Py_BEGIN_ALLOW_THREADS
    status = phd_core(&request, &options, &found, &result, &error);
    Py_END_ALLOW_THREADS
    PyObject *value = result_of(status, &result, &error);
    busy = false;
    return value;
}

PyDoc_STRVAR(
    unpack_doc,
    "unpack_zstd(source, target, max_bytes, /)\n--\n\n"
    "Decompress the zstd frames of descriptor `source` to `target`, leaving holes where there are zeros. Return "
    "(bytes, None), or (bytes that could be had, why it ends there). Raises OSError from the writing.");

static PyObject *unpack(PyObject *module, PyObject *arguments)
{
    int source, target;
    unsigned long long most;
    struct phd_unpacked unpacked;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iiK", &source, &target, &most))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    phd__unpack_zstd(source, target, most, &unpacked);
    Py_END_ALLOW_THREADS
    if (unpacked.write_errno) {
        errno = unpacked.write_errno;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_BuildValue("Kz", (unsigned long long)unpacked.bytes, unpacked.problem);
}

static PyMethodDef functions[] = {
    {"core", (PyCFunction)(void (*)(void))core, METH_VARARGS | METH_KEYWORDS, core_doc},
    {"unpack_zstd", unpack, METH_VARARGS, unpack_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_core(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
