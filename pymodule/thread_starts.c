/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that Python starts get an alternate signal stack on their way in, for signals.py.
 *
 * The C functions of `_thread` that start threads are exchanged in their definitions (exchange.h), which the module keeps
 * whatever others have made of its attributes. Ours gives the thread a wrapper of the caller's function that adds the
 * stack first and removes it last. Being C, the wrapper leaves no trace in the thread's tracebacks. Other interpreters of
 * the process share the definitions; there the calls only pass.
 *
 * The functions and their arguments: CPython 3.9 to 3.15, Modules/_threadmodule.c.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "pyheapdump.h"
#include "pymodule/exchange.h"

int phd__add_thread_starts(PyObject *module);

/* ---- the thread's function ---- */

/* A callable that adds and removes a signal stack around another one. */
typedef struct {
    PyObject_HEAD
    PyObject *function;
} Wrapper;

/* The function of the thread has failed. Up to 3.12 whoever called us hands the function that he called to
 * sys.unraisablehook, which would be the wrapper: so the same is done here with the program's own. Later versions name it
 * in the message alone, by its repr. */
static PyObject *tell_failure(PyObject *function)
{
#if PY_VERSION_HEX < 0x030d0000
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        _PyErr_WriteUnraisableMsg("in thread started by", function);
        Py_RETURN_NONE;
    }
#endif
    (void)function;
    return NULL;
}

static PyObject *run_in_thread(Wrapper *self, PyObject *arguments, PyObject *keywords)
{
    struct phd_signal_stack stack;
    struct phd_error error;
    phd_signal_stack_add(&stack, &error); /* refused: an overflow of this thread's stack leaves no dump */
    PyObject *result = PyObject_Call(self->function, arguments, keywords);
    phd_signal_stack_remove(&stack);
    return result ? result : tell_failure(self->function);
}

static void wrapper_dealloc(Wrapper *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->function);
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free((PyObject *)self);
}

static int wrapper_traverse(Wrapper *self, visitproc visit, void *arg) /* Py_VISIT wants the name */
{
    Py_VISIT(self->function);
    return 0;
}

static int wrapper_clear(Wrapper *self)
{
    Py_CLEAR(self->function);
    return 0;
}

/* Messages of _thread name the function of the thread: it is the caller's. */
static PyObject *wrapper_repr(Wrapper *self)
{
    return PyObject_Repr(self->function);
}

static PyTypeObject thread_function_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.ThreadFunction",
    .tp_doc = "A thread's function, called with an alternate signal stack.",
    .tp_basicsize = sizeof(Wrapper),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = (destructor)wrapper_dealloc,
    .tp_traverse = (traverseproc)wrapper_traverse,
    .tp_clear = (inquiry)wrapper_clear,
    .tp_repr = (reprfunc)wrapper_repr,
    .tp_call = (ternaryfunc)run_in_thread,
};

static PyObject *new_wrapper(PyObject *function)
{
    Wrapper *made = PyObject_GC_New(Wrapper, &thread_function_type);
    if (!made)
        return NULL;
    Py_INCREF(function);
    made->function = function;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

/* ---- the functions that start threads ---- */

static PyObject *start_new_thread(PyObject *module, PyObject *arguments);
static PyObject *start_new(PyObject *module, PyObject *arguments);
static PyObject *start_joinable_thread(PyObject *module, PyObject *arguments, PyObject *keywords);

enum { START_NEW_THREAD, START_NEW, START_JOINABLE_THREAD, START_COUNT };

static struct start {
    const char *name;
    int flags; /* how it takes its arguments */
    void *ours;
    struct phd_exchanged definition;
} starts[START_COUNT] = {
    [START_NEW_THREAD] = {.name = "start_new_thread", .flags = METH_VARARGS, .ours = (void *)start_new_thread},
    [START_NEW] = {.name = "start_new", .flags = METH_VARARGS, .ours = (void *)start_new},
    [START_JOINABLE_THREAD] = {.name = "start_joinable_thread", /* 3.13 */
                               .flags = METH_VARARGS | METH_KEYWORDS,
                               .ours = (void *)start_joinable_thread},
};

static PyInterpreterState *interpreter; /* whose threads get stacks; NULL: nobody's */

/* A new reference to the arguments with the function wrapped; to the same ones where there is nothing to wrap: what is
 * wrong with them is for Python to say. NULL: an error is set. */
static PyObject *wrap_first(PyObject *arguments)
{
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    if (interpreter != PyInterpreterState_Get() || count == 0 || !PyCallable_Check(PyTuple_GET_ITEM(arguments, 0))) {
        Py_INCREF(arguments);
        return arguments;
    }
    PyObject *wrapped = new_wrapper(PyTuple_GET_ITEM(arguments, 0));
    PyObject *changed = wrapped ? PyTuple_New(count) : NULL;
    if (!changed) {
        Py_XDECREF(wrapped);
        return NULL;
    }
    PyTuple_SET_ITEM(changed, 0, wrapped);
    for (Py_ssize_t i = 1; i < count; i++) {
        PyObject *argument = PyTuple_GET_ITEM(arguments, i);
        Py_INCREF(argument);
        PyTuple_SET_ITEM(changed, i, argument);
    }
    return changed;
}

/* Likewise of the keywords, where the function is one of them. */
static PyObject *wrap_keyword(PyObject *keywords)
{
    PyObject *function = keywords ? PyDict_GetItemString(keywords, "function") : NULL;
    if (!function || interpreter != PyInterpreterState_Get() || !PyCallable_Check(function)) {
        Py_XINCREF(keywords);
        return keywords;
    }
    PyObject *wrapped = new_wrapper(function);
    PyObject *changed = wrapped ? PyDict_Copy(keywords) : NULL;
    if (changed && PyDict_SetItemString(changed, "function", wrapped) < 0)
        Py_CLEAR(changed);
    Py_XDECREF(wrapped);
    return changed;
}

static PyObject *start(int which, PyObject *module, PyObject *arguments)
{
    PyObject *changed = wrap_first(arguments);
    PyObject *result = changed ? ((PyCFunction)starts[which].definition.found)(module, changed) : NULL;
    Py_XDECREF(changed);
    return result;
}

static PyObject *start_new_thread(PyObject *module, PyObject *arguments)
{
    return start(START_NEW_THREAD, module, arguments);
}

static PyObject *start_new(PyObject *module, PyObject *arguments)
{
    return start(START_NEW, module, arguments);
}

static PyObject *start_joinable_thread(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    PyCFunctionWithKeywords found = (PyCFunctionWithKeywords)starts[START_JOINABLE_THREAD].definition.found;
    PyObject *changed = wrap_first(arguments);
    PyObject *changed_keywords = changed ? wrap_keyword(keywords) : NULL;
    PyObject *result = NULL;
    if (changed && (changed_keywords || !keywords))
        result = found(module, changed, changed_keywords);
    Py_XDECREF(changed);
    Py_XDECREF(changed_keywords);
    return result;
}

/* ---- opening and closing ---- */

static void put_back(void)
{
    for (struct start *start = starts; start < starts + START_COUNT; start++)
        phd__exchange_back(&start->definition);
    interpreter = NULL;
}

static bool end_is_told; /* forget_interpreter will be called */

/* The interpreter has ended. The definitions have not. */
static void forget_interpreter(void)
{
    end_is_told = false;
    put_back();
}

/* The definition in the module's own list, or NULL. */
static PyMethodDef *find_definition(PyMethodDef *definitions, const struct start *start)
{
    for (PyMethodDef *definition = definitions; definition && definition->ml_name; definition++)
        if (strcmp(definition->ml_name, start->name) == 0 && definition->ml_flags == start->flags)
            return definition;
    return NULL;
}

static bool open_starts(PyMethodDef *definitions)
{
    bool open = true;
    for (struct start *start = starts; start < starts + START_COUNT; start++) {
        PyMethodDef *definition = find_definition(definitions, start);
        if (definition)
            open &= phd__exchange(&start->definition, (void **)&definition->ml_meth, start->ours);
        else
            open &= start != &starts[START_NEW_THREAD]; /* the others are not in every version */
    }
    return open;
}

PyDoc_STRVAR(thread_starts_open_doc,
             "thread_starts_open(module)\n--\n\nGive an alternate signal stack to each thread that `module` (_thread) "
             "starts in this\ninterpreter from now on. Return whether that could be done.");

static PyObject *thread_starts_open(PyObject *module, PyObject *threads)
{
    (void)module;
    PyModuleDef *definition = PyModule_Check(threads) ? PyModule_GetDef(threads) : NULL;
    if (!definition) {
        PyErr_Clear(); /* a module that is not of C */
        Py_RETURN_FALSE;
    }
    if (interpreter && interpreter != PyInterpreterState_Get())
        Py_RETURN_FALSE; /* they are another interpreter's */
    end_is_told = end_is_told || Py_AtExit(forget_interpreter) == 0;
    if (!end_is_told)
        Py_RETURN_FALSE;
    interpreter = PyInterpreterState_Get();
    return PyBool_FromLong(open_starts(definition->m_methods));
}

PyDoc_STRVAR(thread_starts_close_doc, "thread_starts_close()\n--\n\nPut back what thread_starts_open() found.");

static PyObject *thread_starts_close(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    if (interpreter == PyInterpreterState_Get())
        put_back();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"thread_starts_open", thread_starts_open, METH_O, thread_starts_open_doc},
    {"thread_starts_close", thread_starts_close, METH_NOARGS, thread_starts_close_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_thread_starts(PyObject *module)
{
    if (PyType_Ready(&thread_function_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
