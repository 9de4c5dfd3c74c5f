/* SPDX-License-Identifier: Apache-2.0
 *
 * make_frame(): a real frame object that was never executed and never will be; set_line_table() for its code.
 *
 * Debuggers want frames, and frames cannot be made from Python. PyFrame_New() makes one whose f_locals is any mapping,
 * provided that its code has neither CO_OPTIMIZED nor CO_NEWLOCALS (viewer/frames.py makes such code). What it does not
 * let one choose is set afterwards: the calling frame, the line, the current instruction. Where these are kept:
 *
 *     3.9, 3.10   in the public struct; f_lasti counts bytes in 3.9, code units of 2 bytes in 3.10
 *     3.11+       the frame object has f_back and f_lineno; the instruction pointer is in the interpreter's frame that
 *                 the object owns: `prev_instr` until 3.12, `instr_ptr` since 3.13
 *
 * In 3.9 f_lineno always follows from `lasti` and the code's line table; a caller gives both so that they agree.
 *
 * A code object is shared by all frames of a function and by the traceback entries in them, and those are met one by
 * one. So its table of lines can be replaced: viewer/frames.py adds a line when it meets one. This is only sound for
 * code that is not executed, and whoever has hashed the code by its value will not find it again.
 *
 * Reading f_locals in 3.9 to 3.12 first deletes the names in co_varnames from the mapping, as these fast locals are
 * unbound. The mapping must answer with KeyError, which is ignored.
 */
#include "patchlevel.h"

#if PY_VERSION_HEX >= 0x030B0000
#define Py_BUILD_CORE 1
#endif

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>
#include <stdbool.h>

#if PY_VERSION_HEX >= 0x030B0000
#include <internal/pycore_frame.h>
#endif
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe_structs.h>
#endif

int phd__add_frames(PyObject *module);

/* What the caller of make_frame() gives; all borrowed. */
struct request {
    PyCodeObject *code;
    PyObject *globals;
    PyObject *locals;
    PyObject *back; /* a frame, or None */
    int line;
    int lasti; /* bytes, or -1 */
};

#if PY_VERSION_HEX >= 0x030B0000

static void set_instruction(PyFrameObject *frame, const struct request *request)
{
    int unit = request->lasti < 0 ? -1 : request->lasti / (int)sizeof(_Py_CODEUNIT);
    _Py_CODEUNIT *instruction = (_Py_CODEUNIT *)request->code->co_code_adaptive + unit;
#if PY_VERSION_HEX >= 0x030D0000
    frame->f_frame->instr_ptr = instruction;
#else
    frame->f_frame->prev_instr = instruction;
#endif
}

#else

static void set_instruction(PyFrameObject *frame, const struct request *request)
{
#if PY_VERSION_HEX >= 0x030A0000
    frame->f_lasti = request->lasti < 0 ? -1 : request->lasti / (int)sizeof(_Py_CODEUNIT);
    frame->f_state = FRAME_RAISED; /* not FRAME_CREATED: it looks like a frame that an exception went through */
#else
    frame->f_lasti = request->lasti;
#endif
}

#endif

/* 3.9 and 3.10 make the running frame the caller of a new one. */
static void set_back(PyFrameObject *frame, PyObject *back)
{
    PyFrameObject *old = frame->f_back;
    frame->f_back = NULL;
    if (back != Py_None) {
        Py_INCREF(back);
        frame->f_back = (PyFrameObject *)back;
    }
    Py_XDECREF(old);
}

static bool check_code(PyCodeObject *code, int lasti)
{
    if (code->co_flags & (CO_OPTIMIZED | CO_NEWLOCALS)) {
        PyErr_SetString(PyExc_ValueError, "make_frame: code with CO_OPTIMIZED or CO_NEWLOCALS does not take a mapping");
        return false;
    }
    PyObject *bytecode = PyObject_GetAttrString((PyObject *)code, "co_code");
    if (bytecode == NULL)
        return false;
    Py_ssize_t size = PyBytes_Check(bytecode) ? PyBytes_GET_SIZE(bytecode) : 0;
    Py_DECREF(bytecode);
    if (lasti < -1 || lasti >= size || (lasti >= 0 && lasti % 2 != 0)) {
        PyErr_Format(PyExc_ValueError, "make_frame: lasti is %d, the code has %zd bytes", lasti, size);
        return false;
    }
    return true;
}

/* The interpreter takes what `__builtins__` of the globals is for a dict or a module without looking. */
static bool check_globals(PyObject *globals)
{
    PyObject *builtins = PyDict_GetItemString(globals, "__builtins__");
    if (builtins != NULL && !PyDict_Check(builtins) && !PyModule_Check(builtins)) {
        PyErr_SetString(PyExc_TypeError, "make_frame: __builtins__ of the globals must be a dict or a module");
        return false;
    }
    return true;
}

static bool check_request(const struct request *request)
{
    if (!PyMapping_Check(request->locals)) {
        PyErr_SetString(PyExc_TypeError, "make_frame: locals must be a mapping");
        return false;
    }
    if (request->back != Py_None && !PyFrame_Check(request->back)) {
        PyErr_SetString(PyExc_TypeError, "make_frame: back must be a frame or None");
        return false;
    }
    if (request->line < 0) {
        PyErr_SetString(PyExc_ValueError, "make_frame: the line must not be negative");
        return false;
    }
    return check_code(request->code, request->lasti) && check_globals(request->globals);
}

static PyObject *make_frame(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"code", "globals", "locals", "back", "lineno", "lasti", NULL};
    struct request request = {.lasti = -1};
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!O!OOi|i:make_frame", names, &PyCode_Type, &request.code,
                                     &PyDict_Type, &request.globals, &request.locals, &request.back, &request.line,
                                     &request.lasti) ||
        !check_request(&request))
        return NULL;
    PyFrameObject *frame = PyFrame_New(PyThreadState_Get(), request.code, request.globals, request.locals);
    if (frame == NULL)
        return NULL;
    set_back(frame, request.back);
    set_instruction(frame, &request);
    frame->f_lineno = request.line;
    return (PyObject *)frame;
}

static PyObject *set_line_table(PyObject *module, PyObject *arguments)
{
    PyCodeObject *code = NULL;
    PyObject *table = NULL;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!S:set_line_table", &PyCode_Type, &code, &table))
        return NULL;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject **place = &code->co_linetable;
#else
    PyObject **place = &code->co_lnotab;
#endif
    PyObject *old = *place;
    Py_INCREF(table);
    *place = table;
    Py_DECREF(old);
    Py_RETURN_NONE;
}

static PyMethodDef frame_functions[] = {
    {"set_line_table", set_line_table, METH_VARARGS,
     "set_line_table(code, table)\n\n"
     "Replaces the table of lines (bytes; co_lnotab in 3.9, else co_linetable) of code that is never executed."},
    {"make_frame", (PyCFunction)(void (*)(void))make_frame, METH_VARARGS | METH_KEYWORDS,
     "make_frame(code, globals, locals, back, lineno, lasti=-1) -> frame\n\n"
     "A frame object that was never executed. f_locals is the mapping `locals`, whose __delitem__ must raise KeyError;\n"
     "f_back is the frame `back` or None; lasti is the byte offset of the current instruction. In 3.9 f_lineno is the\n"
     "line that the code has for lasti. TypeError, ValueError for arguments that the interpreter could not live with."},
    {NULL, NULL, 0, NULL},
};

int phd__add_frames(PyObject *module)
{
    return PyModule_AddFunctions(module, frame_functions);
}
