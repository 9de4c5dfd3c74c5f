/* SPDX-License-Identifier: Apache-2.0
 *
 * The capturing half of the extension module: start a snapshot, wait for it, and call something so that its exception
 * is seen on the way out. Policy (which hooks, which directory, which limits) is Python's, in capture.py.
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "crash/message.h"
#include "dump.h"
#include "pyheapdump.h"
#include "pymodule/layout_check.h"
#include "pymodule/options.h"
#include "pymodule/status.h"
#include "safe/clock.h"
#include "safe/filters.h"
#include "snapshot/report.h"
#include "snapshot/snapshot.h"

int phd__add_capture(PyObject *module);

static PyObject *capture_error;

/* Of a file that could not be created the exception has the attribute `errno`. */
static void tell_refusal(int number)
{
    PyObject *type, *value, *traceback, *found = PyLong_FromLong(number);
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (found && PyObject_SetAttrString(value, "errno", found) < 0)
        PyErr_Clear();
    Py_XDECREF(found);
    PyErr_Restore(type, value, traceback);
}

PyObject *phd__raise_status(enum phd_status status, const struct phd_error *error)
{
    if (status == PHD_ERROR_WRITE && strcmp(error->step, PHD_STEP_RENAME) == 0 && error->system_errno != EEXIST)
        return PyErr_Format(capture_error,
                            "the dump is complete, but could not get its name, and is still called .part (%s)",
                            strerror(error->system_errno));
    if (error->system_errno)
        PyErr_Format(capture_error, "%s (%s: %s)", phd_status_text(status), error->step, strerror(error->system_errno));
    else
        PyErr_Format(capture_error, "%s (%s)", phd_status_text(status), error->step);
    if (status == PHD_ERROR_WRITE && error->system_errno && strcmp(error->step, PHD_STEP_OPEN) == 0)
        tell_refusal(error->system_errno);
    return NULL;
}

PyObject *phd__raise_capture_error(const char *text)
{
    PyErr_SetString(capture_error, text);
    return NULL;
}

static void fill_process(struct phd_request *request)
{
    phd_describe_python(request);
    request->gil_held = !request->free_threaded;
    request->thread = (uint64_t)(uintptr_t)PyThreadState_Get();
    request->native_id = PyThread_get_thread_native_id();
}

static uint64_t address_of(PyObject *object)
{
    return object == Py_None ? 0 : (uint64_t)(uintptr_t)object;
}

static const char SNAPSHOT[] = "pyheapdump.snapshot";

/* What a capsule holds. `busy`: a thread looks at the snapshot without the GIL; others leave it alone meanwhile. */
struct kept_snapshot {
    struct phd_snapshot snapshot;
    bool busy;
};

static void forget_snapshot(PyObject *capsule)
{
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    phd__report_free(kept->snapshot.report); /* of one that nobody has waited for; the child has its own mapping */
    PyMem_Free(kept);
}

/* A new capsule for one, made before it: then no memory is needed any more. */
static PyObject *new_snapshot(struct phd_snapshot **snapshot)
{
    struct kept_snapshot *kept = PyMem_Calloc(1, sizeof *kept);
    PyObject *capsule = kept ? PyCapsule_New(kept, SNAPSHOT, forget_snapshot) : PyErr_NoMemory();
    if (!capsule)
        PyMem_Free(kept);
    *snapshot = capsule ? &kept->snapshot : NULL;
    return capsule;
}

/* The texts that a request refers to. */
struct texts {
    PyObject *directories, *temporary_name, *final_name;
};

static void free_texts(struct texts *texts)
{
    Py_CLEAR(texts->directories);
    Py_CLEAR(texts->temporary_name);
    Py_CLEAR(texts->final_name);
}

static bool name_file(PyObject *path, struct texts *texts, struct phd_request *request)
{
    if (path == Py_None)
        return true;
    if (!PyUnicode_FSConverter(path, &texts->final_name))
        return false;
    texts->temporary_name = PyBytes_FromFormat("%s.part", PyBytes_AS_STRING(texts->final_name));
    if (!texts->temporary_name)
        return false;
    request->directory = AT_FDCWD;
    request->final_name = PyBytes_AS_STRING(texts->final_name);
    request->temporary_name = PyBytes_AS_STRING(texts->temporary_name);
    return true;
}

static bool parse_start(PyObject *arguments, PyObject *keywords, struct texts *texts, struct phd_request *request)
{
    static char *names[] = {"exception",  "traceback",   "skip_frames", "directories",  "path",    "reason",
                            "executable", "pid",         "sequence",    "time_ns",      "level",   "max_bytes",
                            "max_buffer", "max_buffers", "max_seconds", "max_dumps",    "sources", "redact",
                            "label",      "kind",        "held_back",   "texts_follow", NULL};
    PyObject *exception, *traceback, *directories, *path;
    int sources, redact, texts_follow = 0;
    long long time_ns;
    unsigned long long max_bytes, max_buffer, max_buffers, kind;
    memset(request, 0, sizeof *request);
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOIOOssiILiKKKdIppzKI|p", names, &exception, &traceback,
                                     &request->skip_frames, &directories, &path, &request->reason, &request->executable,
                                     &request->pid, &request->sequence, &time_ns, &request->level, &max_bytes,
                                     &max_buffer, &max_buffers, &request->max_seconds, &request->max_dumps, &sources,
                                     &redact, &request->label, &kind, &request->held_back, &texts_follow))
        return false;
    texts->directories = phd__parse_directories(directories, request->directories);
    if (!texts->directories || !name_file(path, texts, request))
        return false;
    request->exception = address_of(exception);
    request->traceback = address_of(traceback);
    request->time_ns = time_ns;
    request->max_bytes = max_bytes;
    request->kind = kind;
    request->max_buffer = max_buffer;
    request->max_buffers = max_buffers;
    request->sources = sources;
    request->texts_follow = texts_follow;
    request->redact = redact;
    return true;
}

PyDoc_STRVAR(snapshot_start_doc,
             "snapshot_start(exception, traceback, skip_frames, directories, path, reason, executable, pid, sequence, "
             "time_ns, level, max_bytes, max_buffer, max_buffers, max_seconds, max_dumps, sources, redact, label, "
             "kind, held_back)\n--\n\n"
             "Freeze the process in a child that writes the dump; return (for snapshot_wait, pid, nanoseconds held).\n"
             "pid 0: the dump was written in place. Raises CaptureError.");

static PyObject *snapshot_start(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    struct texts texts = {NULL, NULL, NULL};
    struct phd_request request;
    struct phd_snapshot *snapshot;
    struct phd_error error;
    (void)module;
    memset(&error, 0, sizeof error);
    if (!parse_start(arguments, keywords, &texts, &request)) {
        free_texts(&texts);
        return NULL;
    }
    fill_process(&request);
    PyObject *capsule = new_snapshot(&snapshot);
    enum phd_status status = capsule ? phd_snapshot_start(&request, snapshot, &error) : PHD_ERROR_MEMORY;
    free_texts(&texts);
    if (status == PHD_OK)
        return Py_BuildValue("NiK", capsule, snapshot->pid, (unsigned long long)snapshot->paused_ns);
    if (capsule)
        phd__raise_status(status, &error);
    Py_XDECREF(capsule);
    return NULL;
}

PyDoc_STRVAR(
    snapshot_told_doc,
    "snapshot_told(snapshot)\n--\n\nHas the child finished the dump, or ended? Then it need not be waited for.");

static PyObject *snapshot_told(PyObject *module, PyObject *capsule)
{
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    (void)module;
    if (!kept)
        return NULL;
    return PyBool_FromLong(!kept->busy && phd__snapshot_told(&kept->snapshot, 0));
}

PyDoc_STRVAR(
    snapshot_texts_doc,
    "snapshot_texts(snapshot, texts)\n--\n\n"
    "Give the child the texts of exceptions, pairs of exception and UTF-8, as far as there is room: snapshot_start\n"
    "was told that they follow, and the child waits for them at its end, for a short time.");

static bool add_texts(struct phd_late_texts *late, PyObject *texts)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(texts); i++) {
        PyObject *exception, *text;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(texts, i), "OS", &exception, &text))
            return false;
        if (!phd__late_add(late, address_of(exception), PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text)))
            break;
    }
    return true;
}

static PyObject *snapshot_texts(PyObject *module, PyObject *arguments)
{
    PyObject *capsule, *texts;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO!", &capsule, &PyList_Type, &texts))
        return NULL;
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    if (!kept)
        return NULL;
    struct phd_report *report = kept->busy ? NULL : kept->snapshot.report;
    if (!report || atomic_load(&report->late.state) != PHD_LATE_EXPECTED)
        Py_RETURN_NONE; /* the dump is complete, or another thread waits for it */
    bool ok = add_texts(&report->late, texts);
    phd__late_told(&report->late);
    if (!ok)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    snapshot_wait_doc,
    "snapshot_wait(snapshot, seconds)\n--\n\n"
    "Wait until the dump is written (seconds < 0: without limit), without the GIL. Return a dict of what was "
    "written; raises CaptureError, and what a signal handler of the program raises: then the dump goes on, and "
    "can be waited for again. Threads may wait for the same one.");

enum { SLICE_MS = 50 }; /* between two looks whether signals have come */

/* True when that is all: the child has told its result, or the time is over. */
static bool wait_a_while(struct kept_snapshot *kept, double seconds_left, enum phd_status *status,
                         struct phd_result *result, struct phd_error *error)
{
    bool last = seconds_left >= 0 && seconds_left < SLICE_MS / 1e3;
    kept->busy = true;
    Py_BEGIN_ALLOW_THREADS
    last = phd__snapshot_told(&kept->snapshot, last ? seconds_left : SLICE_MS / 1e3) || last ||
           phd__snapshot_hangs(&kept->snapshot);
    if (last)
        *status = phd_snapshot_wait(&kept->snapshot, 0, result, error);
    Py_END_ALLOW_THREADS
    kept->busy = false;
    return last;
}

static bool leave_to_others(void)
{
    static const struct timespec slice = {0, SLICE_MS * 1000 * 1000};
    Py_BEGIN_ALLOW_THREADS
    nanosleep(&slice, NULL);
    Py_END_ALLOW_THREADS
    return false;
}

static PyObject *snapshot_wait(PyObject *module, PyObject *arguments)
{
    struct phd_result result;
    struct phd_error error;
    double seconds;
    bool told = false;
    enum phd_status status = PHD_OK;
    (void)module;
    memset(&result, 0, sizeof result);
    memset(&error, 0, sizeof error);
    PyObject *capsule;
    if (!PyArg_ParseTuple(arguments, "Od", &capsule, &seconds))
        return NULL;
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    if (!kept)
        return NULL;
    for (uint64_t deadline = phd__deadline_after(seconds); !told;) {
        told =
            kept->busy ? leave_to_others() : wait_a_while(kept, phd__seconds_until(deadline), &status, &result, &error);
        if (!told && PyErr_CheckSignals() < 0)
            return NULL;
    }
    if (status != PHD_OK)
        return phd__raise_status(status, &error);
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:d,s:i,s:O}", "bytes", (unsigned long long)result.bytes, "objects",
                         (unsigned long long)result.objects, "known", (unsigned long long)result.known, "broken",
                         (unsigned long long)result.broken, "memory", (unsigned long long)result.memory, "seconds",
                         result.seconds, "write_errno", result.write_errno, "complete",
                         result.complete ? Py_True : Py_False);
}

PyDoc_STRVAR(snapshot_begun_doc,
             "snapshot_begun(snapshot, seconds)\n--\n\n"
             "Wait until the child has created the file, or ended, without the GIL; then snapshot_named() is right. "
             "Raises what a signal handler of the program raises.");

/* The other thread, if there is one, takes over what the child tells. */
static bool wait_a_while_for_name(struct kept_snapshot *kept)
{
    bool begun;
    if (kept->busy) {
        leave_to_others();
        return kept->snapshot.named || kept->snapshot.told;
    }
    kept->busy = true;
    Py_BEGIN_ALLOW_THREADS
    begun = phd__snapshot_begun(&kept->snapshot, SLICE_MS / 1e3) || phd__snapshot_hangs(&kept->snapshot);
    Py_END_ALLOW_THREADS
    kept->busy = false;
    return begun;
}

static PyObject *snapshot_begun(PyObject *module, PyObject *arguments)
{
    PyObject *capsule;
    double seconds;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Od", &capsule, &seconds))
        return NULL;
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    if (!kept)
        return NULL;
    uint64_t deadline = phd__deadline_after(seconds);
    while (!wait_a_while_for_name(kept) && phd__clock_ns() < deadline) {
        if (PyErr_CheckSignals() < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(snapshot_named_doc,
             "snapshot_named(snapshot)\n--\n\n"
             "What the child has told of the name that it chose: (which of the directories, number, "
             "errno of the first that was refused or 0), or None.");

static PyObject *snapshot_named(PyObject *module, PyObject *capsule)
{
    struct kept_snapshot *kept = PyCapsule_GetPointer(capsule, SNAPSHOT);
    (void)module;
    if (!kept)
        return NULL;
    if (!kept->snapshot.named)
        Py_RETURN_NONE;
    return Py_BuildValue("IIi", kept->snapshot.directory, kept->snapshot.sequence, kept->snapshot.refused_errno);
}

PyDoc_STRVAR(number_next_doc, "number_next()\n--\n\nThe number of this process's next dump, which nobody else gets.");

static PyObject *number_next(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyLong_FromUnsignedLong(phd_number_next());
}

PyDoc_STRVAR(
    filters_note_doc,
    "filters_note()\n--\n\nThe filters of system calls (seccomp) that the thread has now came before install().");

static PyObject *filters_note(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    phd__filters_note();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(number_peek_doc, "number_peek()\n--\n\nThe number that number_next() would return.");

static PyObject *number_peek(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyLong_FromUnsignedLong(phd_number_peek());
}

PyDoc_STRVAR(number_reached_doc, "number_reached(number)\n--\n\nA dump has this number; later ones have larger ones.");

static PyObject *number_reached(PyObject *module, PyObject *number)
{
    unsigned long reached = PyLong_AsUnsignedLong(number);
    (void)module;
    if (reached == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    phd_number_reached((unsigned)reached);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(say_doc, "say(line)\n--\n\nWrite bytes to stderr if that is possible at once and it is stderr.");

static PyObject *say(PyObject *module, PyObject *line)
{
    char *text;
    Py_ssize_t length;
    (void)module;
    if (PyBytes_AsStringAndSize(line, &text, &length) < 0)
        return NULL;
    phd__say_line(text, (size_t)length);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(note_stderr_doc, "note_stderr(there)\n--\n\nThe descriptor 2 is now stderr, if it is `there`.");

static PyObject *note_stderr(PyObject *module, PyObject *there)
{
    (void)module;
    phd__stderr_note(there == Py_True);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    call_watched_doc,
    "call_watched(on_exception, function, *args, **kwargs)\n--\n\n"
    "Call function(*args, **kwargs); when it raises, call on_exception(exception) first, whose own errors are\n"
    "written to stderr. Being C, it adds no entry to the traceback.");

/* The exception being raised, normalised, with its traceback; it stays raised. Returns a new reference. */
static PyObject *raised_exception(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    PyObject *exception = value ? value : Py_None;
    Py_INCREF(exception);
    PyErr_Restore(type, value, traceback);
    return exception;
}

static void tell(PyObject *on_exception)
{
    PyObject *type, *value, *traceback;
    PyObject *exception = raised_exception();
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *ignored = PyObject_CallFunctionObjArgs(on_exception, exception, NULL);
    if (!ignored)
        PyErr_WriteUnraisable(on_exception);
    Py_XDECREF(ignored);
    Py_DECREF(exception);
    PyErr_Restore(type, value, traceback);
}

static PyObject *call_watched(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    (void)module;
    if (PyTuple_GET_SIZE(arguments) < 2) {
        PyErr_SetString(PyExc_TypeError, "call_watched() needs on_exception and function");
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(arguments, 2, PyTuple_GET_SIZE(arguments));
    if (!rest)
        return NULL;
    PyObject *result = PyObject_Call(PyTuple_GET_ITEM(arguments, 1), rest, keywords);
    Py_DECREF(rest);
    if (!result)
        tell(PyTuple_GET_ITEM(arguments, 0));
    return result;
}

PyDoc_STRVAR(layout_problems_doc,
             "layout_problems()\n--\n\nList of (name, in the table, in the headers): fields of the "
             "layout table that differ from the headers this module was compiled with.");

static PyMethodDef functions[] = {
    {"snapshot_start", (PyCFunction)(void (*)(void))snapshot_start, METH_VARARGS | METH_KEYWORDS, snapshot_start_doc},
    {"snapshot_texts", snapshot_texts, METH_VARARGS, snapshot_texts_doc},
    {"snapshot_told", snapshot_told, METH_O, snapshot_told_doc},
    {"snapshot_begun", snapshot_begun, METH_VARARGS, snapshot_begun_doc},
    {"snapshot_named", snapshot_named, METH_O, snapshot_named_doc},
    {"snapshot_wait", snapshot_wait, METH_VARARGS, snapshot_wait_doc},
    {"say", say, METH_O, say_doc},
    {"note_stderr", note_stderr, METH_O, note_stderr_doc},
    {"number_next", number_next, METH_NOARGS, number_next_doc},
    {"filters_note", filters_note, METH_NOARGS, filters_note_doc},
    {"number_peek", number_peek, METH_NOARGS, number_peek_doc},
    {"number_reached", number_reached, METH_O, number_reached_doc},
    {"call_watched", (PyCFunction)(void (*)(void))call_watched, METH_VARARGS | METH_KEYWORDS, call_watched_doc},
    {"layout_problems", phd__layout_problems, METH_NOARGS, layout_problems_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_capture(PyObject *module)
{
    capture_error =
        PyErr_NewExceptionWithDoc("pyheapdump.CaptureError", "A dump could not be made; says why.", NULL, NULL);
    if (!capture_error || PyModule_AddFunctions(module, functions) < 0)
        return -1;
    Py_INCREF(capture_error);
    return PyModule_AddObject(module, "CaptureError", capture_error);
}
