/* SPDX-License-Identifier: Apache-2.0
 *
 * A module that the program may import later is noticed when it calls atexit.register(), for logged.py: `logging` does
 * that as the last thing of its import (CPython 3.9 to 3.15, Lib/logging/__init__.py).
 *
 * The C function of atexit.register is exchanged in its definition (exchange.h), so no attribute changes and no import is
 * slower. Other interpreters of the process share the definition; there the calls only pass.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "pymodule/exchange.h"

int phd__add_late_module(PyObject *module);

static struct phd_exchanged definition;
static PyObject *told;                  /* what is called after each call of atexit.register, or NULL */
static PyInterpreterState *interpreter; /* whose calls are told */

/* What the program registers is registered, whatever comes of ours. */
static PyObject *register_and_tell(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    PyObject *result = ((PyCFunctionWithKeywords)definition.found)(module, arguments, keywords);
    if (!result || !told || interpreter != PyInterpreterState_Get())
        return result;
    PyObject *function = told;
    Py_INCREF(function); /* it may end the telling */
    PyObject *done = PyObject_CallNoArgs(function);
    Py_DECREF(function);
    if (!done)
        PyErr_Clear();
    Py_XDECREF(done);
    return result;
}

static bool end_is_told; /* forget_interpreter will be called */

/* The interpreter has ended with its objects. The definition has not. */
static void forget_interpreter(void)
{
    end_is_told = false;
    phd__exchange_back(&definition);
    told = NULL;
    interpreter = NULL;
}

static PyMethodDef *find_register(PyObject *atexit)
{
    const PyModuleDef *found = PyModule_Check(atexit) ? PyModule_GetDef(atexit) : NULL;
    PyErr_Clear(); /* a module that is not of C */
    for (PyMethodDef *one = found ? found->m_methods : NULL; one && one->ml_name; one++)
        if (strcmp(one->ml_name, "register") == 0 && one->ml_flags == (METH_VARARGS | METH_KEYWORDS))
            return one;
    return NULL;
}

PyDoc_STRVAR(tell_registrations_doc,
             "tell_registrations(atexit, function)\n--\n\n"
             "Call `function` without arguments after each atexit.register() of this interpreter; what it raises is\n"
             "dropped. Return whether that could be done.");

static PyObject *tell_registrations(PyObject *module, PyObject *arguments)
{
    PyObject *atexit, *function;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &atexit, &function))
        return NULL;
    if (interpreter && interpreter != PyInterpreterState_Get())
        Py_RETURN_FALSE; /* it is another interpreter's */
    end_is_told = end_is_told || Py_AtExit(forget_interpreter) == 0;
    PyMethodDef *found = end_is_told ? find_register(atexit) : NULL;
    if (!found || !phd__exchange(&definition, (void **)&found->ml_meth, (void *)register_and_tell))
        Py_RETURN_FALSE;
    Py_INCREF(function);
    Py_XSETREF(told, function);
    interpreter = PyInterpreterState_Get();
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(tell_no_registrations_doc, "tell_no_registrations()\n--\n\nPut back what tell_registrations() found.");

static PyObject *tell_no_registrations(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    if (interpreter == PyInterpreterState_Get()) {
        phd__exchange_back(&definition);
        Py_CLEAR(told);
        interpreter = NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"tell_registrations", tell_registrations, METH_VARARGS, tell_registrations_doc},
    {"tell_no_registrations", tell_no_registrations, METH_NOARGS, tell_no_registrations_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_late_module(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
