/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of Python that end the process's image at once: os._exit(), os.execv(), os.execve(). What is to be done
 * before, waiting for dumps that are being written, is called there: a new image would inherit what writes them as a
 * child that it knows nothing of, and the end of a container's first process would end it. The C functions are exchanged
 * in the definitions of the builtins (exchange.h).
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pymodule/exchange.h"

int phd__add_ends(PyObject *module);

typedef PyObject *(*fast_function)(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
typedef PyObject *(*fast_function_with_names)(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                              PyObject *names);

static struct phd_exchanged exits, execv_calls, execve_calls;
static PyObject *before;
static PyInterpreterState *interpreter; /* whose `before` it is; NULL: nobody's */

/* What a signal handler raises meanwhile comes too late: the process is to end. */
static void call_before(void)
{
    PyObject *callable = before;
    if (!callable || interpreter != PyInterpreterState_Get())
        return;
    Py_INCREF(callable);
    PyObject *done = PyObject_CallObject(callable, NULL);
    if (!done)
        PyErr_Clear();
    Py_XDECREF(done);
    Py_DECREF(callable);
}

static PyObject *call_exit(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    call_before();
    return ((fast_function_with_names)exits.found)(module, arguments, count, names);
}

static PyObject *call_execv(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    call_before();
    return ((fast_function)execv_calls.found)(module, arguments, count);
}

static PyObject *call_execve(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    call_before();
    return ((fast_function_with_names)execve_calls.found)(module, arguments, count, names);
}

/* The interpreter has ended. */
static void forget_interpreter(void)
{
    phd__exchange_back(&exits);
    phd__exchange_back(&execv_calls);
    phd__exchange_back(&execve_calls);
    before = NULL;
    interpreter = NULL;
}

static void exchange(struct phd_exchanged *place, PyObject *module, const char *name, int flags, void *ours)
{
    PyObject *builtin = PyObject_GetAttrString(module, name);
    PyMethodDef *definition = phd__builtin_definition(builtin, name, flags);
    if (definition)
        phd__exchange(place, (void **)&definition->ml_meth, ours);
    PyErr_Clear();
    Py_XDECREF(builtin);
}

PyDoc_STRVAR(call_before_end_doc, "call_before_end(posix, function)\n--\n\n"
                                  "From now on call `function` before the module's _exit(), execv() and execve().");

static PyObject *call_before_end(PyObject *module, PyObject *arguments)
{
    PyObject *posix, *function;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &posix, &function))
        return NULL;
    if (interpreter || Py_AtExit(forget_interpreter) != 0)
        Py_RETURN_NONE;
    Py_INCREF(function);
    before = function;
    interpreter = PyInterpreterState_Get();
    exchange(&exits, posix, "_exit", METH_FASTCALL | METH_KEYWORDS, (void *)call_exit);
    exchange(&execv_calls, posix, "execv", METH_FASTCALL, (void *)call_execv);
    exchange(&execve_calls, posix, "execve", METH_FASTCALL | METH_KEYWORDS, (void *)call_execve);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"call_before_end", call_before_end, METH_VARARGS, call_before_end_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_ends(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
