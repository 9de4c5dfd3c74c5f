/* SPDX-License-Identifier: Apache-2.0
 *
 * Python's hooks for exceptions that nobody catches, seen without a change that the program could notice, for hooks.py.
 * Each hook is a door with up to three places, at which a pointer to C code is exchanged (exchange.h):
 *
 *     definition   the builtin's own C function: sys.excepthook, threading.excepthook, sys.unraisablehook as Python made
 *                  them. What the program puts in their place and ends by calling them comes by here, too.
 *     function     the vectorcall of a function of the program's that is the hook already
 *     maker        tp_new of the type of a hook's argument (threading.ExceptHookArgs): an exception that leaves a thread
 *                  is seen there whatever the hook is
 *
 *     hook called ──▶ begin(exception, traceback) ──▶ what was found, with the same arguments ──▶ finish(printed)
 *
 * `begin` is Python's (hooks.py); it returns what finishes the dump, or None. It is told whether that will be called:
 * at the maker there is nothing to come after. `printed` is the exception when Python itself has printed it, or None. The two raise only what a signal handler of the program has raised
 * meanwhile, and that leaves the hook. Other interpreters of the process share the definitions; there the calls only pass.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "pymodule/exchange.h"

int phd__add_hooks(PyObject *module);

typedef PyObject *(*fast_function)(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

struct door {
    const char *name;    /* of the hook, for hooks.py */
    const char *builtin; /* how the builtin is called */
    int flags;           /* how it takes its arguments */
    void *ours;
    struct phd_exchanged definition, function, maker;
    PyObject *owner; /* the function */
    PyObject *begin;
    PyInterpreterState *interpreter; /* whose exceptions are seen; NULL: nobody's */
};

static PyObject *excepthook(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
static PyObject *thread_excepthook(PyObject *module, PyObject *argument);
static PyObject *unraisable_hook(PyObject *module, PyObject *argument);

enum { EXCEPTHOOK, THREAD_EXCEPTHOOK, UNRAISABLE_HOOK, DOOR_COUNT };

static struct door doors[DOOR_COUNT] = {
    [EXCEPTHOOK] = {.name = "excepthook", .builtin = "excepthook", .flags = METH_FASTCALL, .ours = (void *)excepthook},
    [THREAD_EXCEPTHOOK] = {.name = "thread_excepthook",
                           .builtin = "_excepthook",
                           .flags = METH_O,
                           .ours = (void *)thread_excepthook},
    [UNRAISABLE_HOOK] = {.name = "unraisable_hook",
                         .builtin = "unraisablehook",
                         .flags = METH_O,
                         .ours = (void *)unraisable_hook},
};

/* ---- a call of a hook ---- */

/* What is to be done behind the hook: a dump to finish, what a signal handler raised before it. */
struct passing {
    PyObject *finish;
    PyObject *type, *value, *traceback;
};

static struct passing begin(const struct door *door, PyObject *exception, PyObject *traceback, PyObject *finishes)
{
    struct passing passing = {NULL, NULL, NULL, NULL};
    PyObject *start = door->begin;
    if (!start || door->interpreter != PyInterpreterState_Get() || !PyExceptionInstance_Check(exception))
        return passing;
    Py_INCREF(start); /* the door may be closed meanwhile */
    passing.finish = PyObject_CallFunctionObjArgs(start, exception, traceback, finishes, NULL);
    Py_DECREF(start);
    if (!passing.finish)
        PyErr_Fetch(&passing.type, &passing.value, &passing.traceback);
    return passing;
}

/* `printed`: the exception, when Python itself has printed it; else NULL */
static void finish(struct passing *passing, PyObject *printed)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* of the hook, where it has failed */
    PyObject *done = PyObject_CallFunctionObjArgs(passing->finish, printed ? printed : Py_None, NULL);
    if (!done)
        PyErr_Fetch(&passing->type, &passing->value, &passing->traceback);
    Py_XDECREF(done);
    PyErr_Restore(type, value, traceback);
}

/* `result` is the hook's, `printed` as above. Returns what the caller of the hook is to get. */
static PyObject *end(struct passing *passing, PyObject *result, PyObject *printed)
{
    if (passing->finish && passing->finish != Py_None)
        finish(passing, result ? printed : NULL);
    Py_XDECREF(passing->finish);
    if (!passing->type)
        return result;
    Py_XDECREF(result);
    PyErr_Restore(passing->type, passing->value, passing->traceback);
    return NULL;
}

/* The hooks that take one argument take a tuple with names: (type, exception, traceback, ...). */
static struct passing begin_with(const struct door *door, PyObject *argument, PyObject *finishes)
{
    if (PyTuple_Check(argument) && PyTuple_GET_SIZE(argument) >= 3)
        return begin(door, PyTuple_GET_ITEM(argument, 1), PyTuple_GET_ITEM(argument, 2), finishes);
    return (struct passing){NULL, NULL, NULL, NULL};
}

static PyObject *exception_of(PyObject *argument)
{
    return PyTuple_Check(argument) && PyTuple_GET_SIZE(argument) >= 3 ? PyTuple_GET_ITEM(argument, 1) : NULL;
}

/* ---- the builtins ---- */

static PyObject *excepthook(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct door *door = &doors[EXCEPTHOOK];
    fast_function found = (fast_function)door->definition.found;
    if (count != 3)
        return found(module, arguments, count);
    struct passing passing = begin(door, arguments[1], arguments[2], Py_True);
    return end(&passing, found(module, arguments, count), arguments[1]);
}

static PyObject *with_one_argument(struct door *door, PyObject *module, PyObject *argument)
{
    PyCFunction found = (PyCFunction)door->definition.found;
    struct passing passing = begin_with(door, argument, Py_True);
    return end(&passing, found(module, argument), exception_of(argument));
}

static PyObject *thread_excepthook(PyObject *module, PyObject *argument)
{
    return with_one_argument(&doors[THREAD_EXCEPTHOOK], module, argument);
}

static PyObject *unraisable_hook(PyObject *module, PyObject *argument)
{
    return with_one_argument(&doors[UNRAISABLE_HOOK], module, argument);
}

/* ---- functions of the program ---- */

/* Has the interpreter called the hook, and not the program, for an exception that it has caught? */
static bool is_printed(PyObject *exception)
{
    return PySys_GetObject("last_value") == exception || PySys_GetObject("last_exc") == exception;
}

/* A method gets its object first. */
static struct passing begin_function(const struct door *door, PyObject *const *arguments, Py_ssize_t count)
{
    if (door != &doors[EXCEPTHOOK] && count >= 1)
        return begin_with(door, arguments[count - 1], Py_True);
    if (door == &doors[EXCEPTHOOK] && count >= 3 && is_printed(arguments[count - 2]))
        return begin(door, arguments[count - 2], arguments[count - 1], Py_True);
    return (struct passing){NULL, NULL, NULL, NULL};
}

static PyObject *call_function(PyObject *function, PyObject *const *arguments, size_t flags, PyObject *names)
{
    static vectorcallfunc every_function; /* it is the same for all of them, and some call may come late */
    struct door *door = doors;
    while (door < doors + DOOR_COUNT && door->owner != function)
        door++;
    if (door == doors + DOOR_COUNT)
        return every_function(function, arguments, flags, names);
    vectorcallfunc found = every_function = (vectorcallfunc)door->function.found;
    struct passing passing = {NULL, NULL, NULL, NULL};
    if (!names)
        passing = begin_function(door, arguments, PyVectorcall_NARGS(flags));
    return end(&passing, found(function, arguments, flags, names), NULL);
}

/* ---- the argument of threading.excepthook ---- */

/* The dump is finished behind the hook, where that is seen, too, or else at the end of the program. */
static PyObject *make_argument(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct door *door = &doors[THREAD_EXCEPTHOOK];
    PyObject *made = ((newfunc)door->maker.found)(type, arguments, keywords);
    if (!made)
        return NULL;
    struct passing passing = begin_with(door, made, Py_False);
    return end(&passing, made, NULL);
}

/* ---- opening and closing ---- */

static struct door *door_of(PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    for (int i = 0; text && i < DOOR_COUNT; i++)
        if (strcmp(doors[i].name, text) == 0)
            return &doors[i];
    if (text)
        PyErr_Format(PyExc_ValueError, "no hook %R", name);
    return NULL;
}

static bool end_is_told; /* forget_interpreter will be called */

/* The interpreter has ended. Its objects are gone, the definitions are not. */
static void forget_interpreter(void)
{
    end_is_told = false;
    for (struct door *door = doors; door < doors + DOOR_COUNT; door++) {
        phd__exchange_back(&door->definition);
        door->function.reached = door->maker.reached = false;
        door->owner = door->begin = NULL;
        door->interpreter = NULL;
    }
}

static bool open_definition(struct door *door, PyObject *builtin)
{
    PyMethodDef *definition = phd__builtin_definition(builtin, door->builtin, door->flags);
    return definition && phd__exchange(&door->definition, (void **)&definition->ml_meth, door->ours);
}

PyDoc_STRVAR(
    hook_open_doc,
    "hook_open(name, builtin, maker, begin)\n--\n\n"
    "See the exceptions that come to the hook: at the builtin, and where `maker`, the type of its argument or\n"
    "None, is called. Return whether both could be opened.");

static PyObject *hook_open(PyObject *module, PyObject *arguments)
{
    PyObject *name, *builtin, *maker, *begin_function;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "UOOO", &name, &builtin, &maker, &begin_function))
        return NULL;
    struct door *door = door_of(name);
    if (!door)
        return NULL;
    if (door->interpreter && door->interpreter != PyInterpreterState_Get())
        Py_RETURN_FALSE; /* it is another interpreter's */
    end_is_told = end_is_told || Py_AtExit(forget_interpreter) == 0;
    if (!end_is_told)
        Py_RETURN_FALSE;
    bool open = open_definition(door, builtin);
    if (open && PyType_Check(maker))
        open = phd__exchange(&door->maker, (void **)&((PyTypeObject *)maker)->tp_new, (void *)make_argument);
    Py_INCREF(begin_function);
    Py_XSETREF(door->begin, begin_function);
    door->interpreter = PyInterpreterState_Get();
    return PyBool_FromLong(open);
}

PyDoc_STRVAR(hook_open_function_doc,
             "hook_open_function(name, function)\n--\n\n"
             "See the exceptions also where a Python function is called as the hook, which hook_open() has opened.\n"
             "Return whether that could be done.");

static PyObject *hook_open_function(PyObject *module, PyObject *arguments)
{
    PyObject *name, *function;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "UO", &name, &function))
        return NULL;
    struct door *door = door_of(name);
    if (!door)
        return NULL;
    if (!PyFunction_Check(function))
        Py_RETURN_FALSE;
    if (door->owner == function)
        Py_RETURN_TRUE;
    if (door->owner && !phd__exchange_back(&door->function))
        Py_RETURN_FALSE;
    void **slot = (void **)&((PyFunctionObject *)function)->vectorcall;
    bool open = phd__exchange(&door->function, slot, (void *)call_function);
    if (open) {
        Py_INCREF(function);
        Py_XSETREF(door->owner, function);
    }
    return PyBool_FromLong(open);
}

PyDoc_STRVAR(hook_close_doc, "hook_close(name)\n--\n\nPut back what was there before hook_open().");

static PyObject *hook_close(PyObject *module, PyObject *name)
{
    (void)module;
    struct door *door = door_of(name);
    if (!door)
        return NULL;
    if (door->interpreter != PyInterpreterState_Get())
        Py_RETURN_NONE;
    phd__exchange_back(&door->definition);
    phd__exchange_back(&door->maker);
    if (phd__exchange_back(&door->function))
        Py_CLEAR(door->owner);
    Py_CLEAR(door->begin);
    door->interpreter = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"hook_open", hook_open, METH_VARARGS, hook_open_doc},
    {"hook_open_function", hook_open_function, METH_VARARGS, hook_open_function_doc},
    {"hook_close", hook_close, METH_O, hook_close_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_hooks(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
