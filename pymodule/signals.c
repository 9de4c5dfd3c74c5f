/* SPDX-License-Identifier: Apache-2.0
 *
 * Fatal signals and alternate signal stacks, for signals.py.
 *
 * `watch_thread_start(original)` stands for a function of _thread that starts threads: it gives the thread a wrapper of
 * the caller's function that adds an alternate signal stack first and removes it last. Being C, the wrapper leaves no
 * trace in the thread's tracebacks.
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

/* ---- starting threads ---- */

/* A callable that adds and removes a signal stack around another one, or (starter) that starts threads with such. */
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

static PyObject *new_wrapper(PyTypeObject *type, PyObject *function)
{
    Wrapper *made = PyObject_GC_New(Wrapper, type);
    if (!made)
        return NULL;
    Py_INCREF(function);
    made->function = function;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

/* Call the original with its first argument, or the keyword `function`, wrapped. What is wrong with the arguments is for
 * the original to say. */
static PyObject *start_thread(Wrapper *self, PyObject *arguments, PyObject *keywords)
{
    if (PyTuple_GET_SIZE(arguments) == 0 || !PyCallable_Check(PyTuple_GET_ITEM(arguments, 0)))
        return PyObject_Call(self->function, arguments, keywords);
    PyObject *wrapped = new_wrapper(&thread_function_type, PyTuple_GET_ITEM(arguments, 0));
    PyObject *changed = wrapped ? PyTuple_New(PyTuple_GET_SIZE(arguments)) : NULL;
    if (!changed) {
        Py_XDECREF(wrapped);
        return NULL;
    }
    PyTuple_SET_ITEM(changed, 0, wrapped);
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(arguments); i++) {
        PyObject *argument = PyTuple_GET_ITEM(arguments, i);
        Py_INCREF(argument);
        PyTuple_SET_ITEM(changed, i, argument);
    }
    PyObject *result = PyObject_Call(self->function, changed, keywords);
    Py_DECREF(changed);
    return result;
}

static PyTypeObject thread_starter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.ThreadStarter",
    .tp_doc = "Starts threads that have an alternate signal stack.",
    .tp_basicsize = sizeof(Wrapper),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = (destructor)wrapper_dealloc,
    .tp_traverse = (traverseproc)wrapper_traverse,
    .tp_clear = (inquiry)wrapper_clear,
    .tp_repr = (reprfunc)wrapper_repr,
    .tp_call = (ternaryfunc)start_thread,
};

PyDoc_STRVAR(watch_thread_start_doc,
             "watch_thread_start(original)\n--\n\nA function that starts threads as `original` (of the module _thread) "
             "does, each with an alternate signal stack.");

static PyObject *watch_thread_start(PyObject *module, PyObject *original)
{
    (void)module;
    return new_wrapper(&thread_starter_type, original);
}

static PyMethodDef functions[] = {
    {"signals_install", (PyCFunction)(void (*)(void))signals_install, METH_VARARGS | METH_KEYWORDS,
     signals_install_doc},
    {"signals_uninstall", signals_uninstall, METH_NOARGS, signals_uninstall_doc},
    {"add_signal_stacks", add_signal_stacks, METH_VARARGS, add_signal_stacks_doc},
    {"thread_native_ids", thread_native_ids, METH_NOARGS, thread_native_ids_doc},
    {"is_main_interpreter", is_main_interpreter, METH_NOARGS, is_main_interpreter_doc},
    {"watch_thread_start", watch_thread_start, METH_O, watch_thread_start_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_signals(PyObject *module)
{
    if (PyType_Ready(&thread_function_type) < 0 || PyType_Ready(&thread_starter_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
