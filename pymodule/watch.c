/* SPDX-License-Identifier: Apache-2.0
 *
 * Dumps of a process that lives, for watch.py: at a time, on a signal.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pyheapdump.h"
#include "pymodule/options.h"
#include "pymodule/status.h"
#include "safe/clock.h"

int phd__add_watch(PyObject *module);

static void finish_at_exit(void)
{
    phd_watch_finish(NULL);
}

PyDoc_STRVAR(
    watch_configure_doc,
    "watch_configure(gil_wait, *, directories, timeout, executable, level, max_bytes, max_buffer, max_buffers, max_seconds, max_dumps, "
    "sources, redact, quiet)\n--\n\nSet how the thread makes dumps. Raises CaptureError.");

static PyObject *watch_configure(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static bool is_finished_at_exit;
    struct phd_watch_options options;
    struct phd_error error;
    (void)module;
    memset(&options, 0, sizeof options);
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "d", &options.gil_wait))
        return NULL;
    options.gil = phd_python_gil();
    PyObject *texts = phd__parse_options(keywords, &options.dump);
    if (!texts)
        return NULL;
    enum phd_status status = phd_watch_configure(&options, &error);
    Py_DECREF(texts);
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    if (!is_finished_at_exit) /* what comes after the interpreter's end, and where C code calls exit() */
        is_finished_at_exit = atexit(finish_at_exit) == 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_disable_doc,
             "watch_disable()\n--\n\nLet the thread make no dumps until watch_configure() is called.");

static PyObject *watch_disable(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd_watch_configure(NULL, NULL);
    Py_RETURN_NONE;
}

/* An argument of the user's is wrong (ValueError), or something failed (CaptureError). */
static PyObject *raise_for(const char *function, enum phd_status status, const struct phd_error *error)
{
    if (status != PHD_ERROR_ARGUMENT)
        return phd__raise_status(status, error);
    PyErr_Format(PyExc_ValueError, "%s: %s", function, error->step);
    return NULL;
}

PyDoc_STRVAR(dump_later_doc, "dump_later(seconds, repeat, exit)\n--\n\nMake a dump when this time has passed.");

static PyObject *dump_later(PyObject *module, PyObject *arguments)
{
    struct phd_error error;
    double seconds;
    int repeat, exit;
    (void)module;
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "dpp", &seconds, &repeat, &exit))
        return NULL;
    enum phd_status status = phd_dump_later(seconds, repeat, exit, &error);
    if (status != PHD_OK)
        return raise_for("dump_later()", status, &error);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(cancel_dump_later_doc, "cancel_dump_later()\n--\n\nForget what dump_later() asked for.");

static PyObject *cancel_dump_later(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd_cancel_dump_later();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(register_signal_doc, "register_signal(signum, chain)\n--\n\nLet a signal make a dump.");

static PyObject *register_signal(PyObject *module, PyObject *arguments)
{
    struct phd_error error;
    int signal_number, chain;
    char function[64];
    (void)module;
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "ip", &signal_number, &chain))
        return NULL;
    enum phd_status status = phd_register(signal_number, chain, &error);
    PyOS_snprintf(function, sizeof function, "register(): signal %d", signal_number);
    if (status != PHD_OK)
        return raise_for(function, status, &error);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(unregister_signal_doc,
             "unregister_signal(signum)\n--\n\nUndo register_signal(); return whether it was registered.");

static PyObject *unregister_signal(PyObject *module, PyObject *number)
{
    long signal_number = PyLong_AsLong(number);
    (void)module;
    if (signal_number == -1 && PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(phd_unregister(signal_number > 0 && signal_number < 1000 ? (int)signal_number : 0));
}

PyDoc_STRVAR(watch_memory_doc, "watch_memory(bytes, share, hold_seconds)\n--\n\n"
                               "Make a dump when this much memory is used: bytes by the process (0: no such number), "
                               "the share of every limit of the system's.");

static PyObject *watch_memory(PyObject *module, PyObject *arguments)
{
    struct phd_memory_options options;
    struct phd_error error;
    unsigned long long bytes;
    (void)module;
    memset(&error, 0, sizeof error);
    if (!PyArg_ParseTuple(arguments, "Kdd", &bytes, &options.share, &options.hold_seconds))
        return NULL;
    options.bytes = bytes;
    enum phd_status status = phd_watch_memory(&options, &error);
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(unwatch_memory_doc, "unwatch_memory()\n--\n\nUndo watch_memory().");

static PyObject *unwatch_memory(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd_watch_memory(NULL, NULL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_start_doc, "watch_start()\n--\n\nStart the threads, so that they are there when they are needed.");

static PyObject *watch_start(PyObject *module, PyObject *ignored)
{
    struct phd_error error;
    (void)module, (void)ignored;
    memset(&error, 0, sizeof error);
    enum phd_status status = phd_watch_start(&error);
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    attachable_doc,
    "attachable(wanted)\n--\n\nLet attach() of another process ask this one for a snapshot of itself, or not.");

static PyObject *attachable(PyObject *module, PyObject *wanted)
{
    struct phd_error error;
    (void)module;
    memset(&error, 0, sizeof error);
    enum phd_status status = phd_attachable(wanted == Py_True, &error);
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    Py_RETURN_NONE;
}

/* The thread that ends the interpreter, while it waits without the GIL. */
static PyThreadState *ending;

/* Has a signal's handler raised, as Ctrl-C's does? */
static bool is_interrupted(void)
{
    PyEval_RestoreThread(ending);
    bool raised = PyErr_Occurred() || PyErr_CheckSignals() != 0;
    ending = PyEval_SaveThread();
    return raised;
}

PyDoc_STRVAR(
    watch_interpreter_ends_doc,
    "watch_interpreter_ends()\n--\n\nFinish the dumps that were asked for; later ones are made without the GIL.");

static PyObject *watch_interpreter_ends(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    ending = PyEval_SaveThread();
    phd_watch_finish(is_interrupted);
    phd_watch_interpreter_ends();
    PyEval_RestoreThread(ending);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_before_fork_doc, "watch_before_fork()\n--\n\nStop the thread for a fork.");

static PyObject *watch_before_fork(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd_watch_before_fork();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_after_fork_doc, "watch_after_fork(in_child)\n--\n\nStart the thread again where it is needed.");

/* From 3.12 on os.fork() counts the threads of the process and warns, in some versions after the functions of
 * register_at_fork: so the thread is started by a pending call, when os.fork() has returned. Such a call is soon made if
 * it is the main thread that forks; another one is a reason to warn anyway. C code that forks where no frame is (an
 * application server that embeds Python) is warned by nobody. */
#if PY_VERSION_HEX >= 0x030c0000

/* The call comes again and again while other functions of register_at_fork run, but not for ever. Versions differ in how
 * often: 3.13 makes it 32 times between two instructions. */
enum { MAX_DEPTH = 16, PATIENCE = 1000 * 1000 * 1000 /* nanoseconds */ };

/* Where os.fork() was called; for comparison alone. */
static PyFrameObject *forking_frame;
static uint64_t give_up_at; /* phd__clock_ns */

/* Is the current frame one that the forking frame has called? So it is until os.fork() returns. */
static bool inside_fork(void)
{
    PyFrameObject *frame = PyEval_GetFrame();
    bool inside = false;
    if (!frame || frame == forking_frame)
        return false;
    Py_INCREF(frame);
    for (int depth = 0; frame && !inside && depth < MAX_DEPTH; depth++) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
        inside = frame && frame == forking_frame;
    }
    Py_XDECREF(frame);
    return inside;
}

static int restart(void *ignored)
{
    (void)ignored;
    if (!inside_fork() || phd__clock_ns() > give_up_at || Py_AddPendingCall(restart, NULL) != 0)
        phd_watch_after_fork(false);
    return 0;
}

static bool restart_later(void)
{
    forking_frame = PyEval_GetFrame();
    give_up_at = phd__clock_ns() + PATIENCE;
    return forking_frame && gettid() == getpid() && Py_AddPendingCall(restart, NULL) == 0;
}

#else

static bool restart_later(void)
{
    return false;
}

#endif

static PyObject *watch_after_fork(PyObject *module, PyObject *in_child)
{
    (void)module;
    if (in_child == Py_True || !restart_later())
        phd_watch_after_fork(in_child == Py_True);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"watch_configure", (PyCFunction)(void (*)(void))watch_configure, METH_VARARGS | METH_KEYWORDS,
     watch_configure_doc},
    {"watch_disable", watch_disable, METH_NOARGS, watch_disable_doc},
    {"dump_later", dump_later, METH_VARARGS, dump_later_doc},
    {"cancel_dump_later", cancel_dump_later, METH_NOARGS, cancel_dump_later_doc},
    {"register_signal", register_signal, METH_VARARGS, register_signal_doc},
    {"unregister_signal", unregister_signal, METH_O, unregister_signal_doc},
    {"watch_memory", watch_memory, METH_VARARGS, watch_memory_doc},
    {"unwatch_memory", unwatch_memory, METH_NOARGS, unwatch_memory_doc},
    {"watch_start", watch_start, METH_NOARGS, watch_start_doc},
    {"attachable", attachable, METH_O, attachable_doc},
    {"watch_interpreter_ends", watch_interpreter_ends, METH_NOARGS, watch_interpreter_ends_doc},
    {"watch_before_fork", watch_before_fork, METH_NOARGS, watch_before_fork_doc},
    {"watch_after_fork", watch_after_fork, METH_O, watch_after_fork_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_watch(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
