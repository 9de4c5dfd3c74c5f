/* SPDX-License-Identifier: Apache-2.0
 *
 * Fatal signals, and alternate signal stacks for threads that run already (thread_starts.c: for those to come), for
 * signals.py.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "pyheapdump.h"
#include "pymodule/options.h"
#include "pymodule/status.h"

int phd__add_signals(PyObject *module);

PyDoc_STRVAR(
    signals_install_doc,
    "signals_install(*, directories, timeout, executable, level, max_bytes, max_buffer, max_buffers, max_seconds, max_dumps, sources, redact, "
    "quiet)\n--\n\nLet fatal signals leave a dump, and give this thread an alternate signal stack. Raises CaptureError.");

static PyObject *signals_install(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    struct phd_options options;
    struct phd_error error;
    (void)module, (void)arguments;
    memset(&error, 0, sizeof error);
    PyObject *texts = phd__parse_options(keywords, &options);
    if (!texts)
        return NULL;
    enum phd_status status = phd_install(&options, &error);
    Py_DECREF(texts);
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signals_uninstall_doc, "signals_uninstall()\n--\n\nPut back what signals_install() found.");

static PyObject *signals_uninstall(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd_uninstall();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(add_signal_stacks_doc,
             "add_signal_stacks(native_ids, seconds)\n--\n\n"
             "Give other threads, by their kernel ids, alternate signal stacks; return how many have one now.");

static PyObject *add_signal_stacks(PyObject *module, PyObject *arguments)
{
    PyObject *ids;
    double seconds;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!d", &PyList_Type, &ids, &seconds))
        return NULL;
    unsigned count = (unsigned)PyList_GET_SIZE(ids), added;
    int *threads = PyMem_RawCalloc(count ? count : 1, sizeof *threads);
    if (!threads)
        return PyErr_NoMemory();
    for (unsigned i = 0; i < count && !PyErr_Occurred(); i++)
        threads[i] = (int)PyLong_AsLong(PyList_GET_ITEM(ids, i));
    if (PyErr_Occurred()) {
        PyMem_RawFree(threads);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS /* the threads answer at once, but one may wait for the GIL with its signals held back */
    added = phd_signal_stack_add_to(threads, count, seconds);
    Py_END_ALLOW_THREADS
    PyMem_RawFree(threads);
    return PyLong_FromUnsignedLong(added);
}

PyDoc_STRVAR(thread_native_ids_doc, "thread_native_ids()\n--\n\n"
                                    "The kernel ids of all threads that Python knows, as far as it notes them (3.11).");

static PyObject *thread_native_ids(PyObject *module, PyObject *ignored)
{
    PyObject *found = PyList_New(0);
    (void)module, (void)ignored;
#if PY_VERSION_HEX >= 0x030b0000
    PyThreadState *state = found ? PyInterpreterState_ThreadHead(PyInterpreterState_Get()) : NULL;
    for (; state; state = PyThreadState_Next(state)) {
        PyObject *id = PyLong_FromUnsignedLong(state->native_thread_id);
        if (!id || PyList_Append(found, id) < 0)
            Py_CLEAR(found);
        Py_XDECREF(id);
        if (!found)
            break;
    }
#endif
    return found;
}

PyDoc_STRVAR(is_main_interpreter_doc,
             "is_main_interpreter()\n--\n\nWhether the caller runs in the main interpreter of the process.");

static PyObject *is_main_interpreter(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyBool_FromLong(PyInterpreterState_Get() == PyInterpreterState_Main());
}

static PyMethodDef functions[] = {
    {"signals_install", (PyCFunction)(void (*)(void))signals_install, METH_VARARGS | METH_KEYWORDS,
     signals_install_doc},
    {"signals_uninstall", signals_uninstall, METH_NOARGS, signals_uninstall_doc},
    {"add_signal_stacks", add_signal_stacks, METH_VARARGS, add_signal_stacks_doc},
    {"thread_native_ids", thread_native_ids, METH_NOARGS, thread_native_ids_doc},
    {"is_main_interpreter", is_main_interpreter, METH_NOARGS, is_main_interpreter_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_signals(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
