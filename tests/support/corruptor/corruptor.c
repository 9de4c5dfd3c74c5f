/* SPDX-License-Identifier: Apache-2.0
 *
 * A CPython extension for tests: damages the memory of its own interpreter and crashes at once.
 *
 *     corruptor.add(GROUP, address, size)      bytes that may be damaged; SACRED: bytes whose damage excuses a wrong stack
 *     corruptor.add_parts(object)              the key table of a dict, the items of a list
 *     pid = corruptor.fork()                   the child has the memory of all threads, and only this one runs
 *     corruptor.corrupt_and_crash(seed, group, report_fd)
 *
 * corrupt_and_crash chooses words of the group by a generator that starts from `seed`, tells what it is going to do on
 * `report_fd` (struct report), writes the words, and reads address 0: between the first wrong word and the signal no
 * Python code runs and no memory is allocated. The frames and thread states are found at that moment, by the layout
 * table of libpyheapdump, so the same source serves every version.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/uio.h>
#include <unistd.h>

#include "layout/layout.h"

enum group { OBJECTS, HEADERS, TYPES, TABLES, ITEMS, CODE, FRAMES, OTHER_FRAMES, THREADS, NOTHING, SACRED, GROUPS };

enum { MAX_RANGES = 1 << 18, MAX_CHANGES = 16, MAX_FRAMES = 256, MAX_THREADS = 64, FREED = 4096, OVERFLOW_WORDS = 12 };

struct range {
    uint64_t start, size;
};

struct ranges {
    struct range *all;
    size_t count;
};

struct change {
    uint64_t owner, address, before, after; /* owner: where the damaged object or table begins */
};

struct report {
    uint64_t changes, sacred; /* how many of them hit what is sacred */
    struct change all[MAX_CHANGES];
};

static struct ranges groups[GROUPS];
static const struct phd_layout *at;
static uint64_t unmapped, freed;

/* ---- memory ---- */

/* Through the kernel, so that an address which cannot be read or written is no crash of its own. */
static int read_words(uint64_t address, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)size;
}

static uint64_t word(uint64_t address)
{
    uint64_t found = 0;
    return read_words(address, &found, sizeof found) ? found : 0;
}

static int write_word(uint64_t address, uint64_t value)
{
    struct iovec here = {&value, sizeof value}, there = {(void *)(uintptr_t)address, sizeof value};
    return process_vm_writev(getpid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof value;
}

static void add_range(enum group group, uint64_t start, uint64_t size)
{
    struct ranges *ranges = &groups[group];
    if (!ranges->all)
        ranges->all = calloc(MAX_RANGES, sizeof *ranges->all);
    if (ranges->all && start && size && ranges->count < MAX_RANGES)
        ranges->all[ranges->count++] = (struct range){start, size};
}

static int is_sacred(uint64_t address)
{
    for (size_t i = 0; i < groups[SACRED].count; i++) {
        const struct range *range = &groups[SACRED].all[i];
        if (address + 8 > range->start && address < range->start + range->size)
            return 1;
    }
    return 0;
}

/* ---- what the stack needs ---- */

static void add_object(enum group group, PyObject *object)
{
    if (!object)
        return;
    Py_ssize_t items = Py_TYPE(object)->tp_itemsize ? Py_SIZE(object) : 0;
    uint64_t size = (uint64_t)Py_TYPE(object)->tp_basicsize +
                    (uint64_t)(items < 0 ? -items : items) * (uint64_t)Py_TYPE(object)->tp_itemsize;
    if (PyUnicode_Check(object))
        size += (uint64_t)PyUnicode_GET_LENGTH(object) * 4;
    add_range(group, (uint64_t)(uintptr_t)object, size);
}

static PyObject *object_at(uint64_t holder, int32_t offset)
{
    return offset == PHD_ABSENT ? NULL : (PyObject *)(uintptr_t)word(holder + (uint64_t)(int64_t)offset);
}

static void add_tuple_of_names(PyObject *tuple)
{
    add_object(SACRED, tuple);
    for (Py_ssize_t i = 0; tuple && PyTuple_Check(tuple) && i < PyTuple_GET_SIZE(tuple); i++)
        add_object(SACRED, PyTuple_GET_ITEM(tuple, i));
}

static void add_code(uint64_t code)
{
    add_object(SACRED, (PyObject *)(uintptr_t)code);
    const int32_t texts[] = {at->code_name,      at->code_qualname, at->code_filename,
                             at->code_linetable, at->code_bytes,    at->code_localspluskinds};
    const int32_t tuples[] = {at->code_varnames, at->code_cellvars, at->code_freevars, at->code_localsplusnames};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        add_object(SACRED, object_at(code, texts[i]));
    for (size_t i = 0; i < sizeof tuples / sizeof tuples[0]; i++)
        add_tuple_of_names(object_at(code, tuples[i]));
}

/* ---- frames and threads ---- */

static void add_frame_object(enum group group, uint64_t frame)
{
    add_range(group, frame, (uint64_t)PyFrame_Type.tp_basicsize + 8 * 16);
}

static void add_iframe(enum group group, uint64_t iframe, uint64_t code)
{
    uint64_t variables = 0;
    if (code && Py_TYPE((PyObject *)(uintptr_t)code) == &PyCode_Type)
        variables = (uint32_t)word(code + (uint64_t)at->code_nlocalsplus);
    add_range(group, iframe, (uint64_t)at->iframe_localsplus + 8 * variables);
}

/* The frames of a thread, and (when it is the running one) their code. */
static void add_frames(enum group group, uint64_t thread, int running)
{
    uint64_t frame = word(thread + (uint64_t)at->thread_frame);
    int old = at->frame_iframe == PHD_ABSENT;
    if (!old && at->thread_cframe != PHD_ABSENT) {
        uint64_t cframe = word(thread + (uint64_t)at->thread_cframe);
        frame = word(cframe + (uint64_t)at->cframe_current_frame);
        if (running)
            add_range(SACRED, cframe, 64);
    }
    for (int i = 0; frame && i < MAX_FRAMES; i++) {
        uint64_t code = word(frame + (uint64_t)(old ? at->frame_code : at->iframe_executable));
        code &= ~(uint64_t)(old ? 0 : at->stackref_tag_mask);
        enum group targets[2] = {group, SACRED};
        for (int j = 0; j <= running; j++) {
            if (old)
                add_frame_object(targets[j], frame);
            else
                add_iframe(targets[j], frame, code);
        }
        uint64_t object = old ? 0 : word(frame + (uint64_t)at->iframe_frame_object);
        if (object)
            add_frame_object(group, object); /* the frame itself is enough for its place and variables */
        if (running && code && Py_TYPE((PyObject *)(uintptr_t)code) == &PyCode_Type)
            add_code(code);
        frame = word(frame + (uint64_t)(old ? at->frame_back : at->iframe_previous));
    }
}

static void add_threads(void)
{
    uint64_t running = (uint64_t)(uintptr_t)PyThreadState_Get();
    uint64_t interpreter = word(running + (uint64_t)at->thread_interp);
    uint64_t thread = word(interpreter + (uint64_t)at->interp_threads);
    const int32_t members[] = {at->interp_next, at->interp_id, at->interp_threads, at->interp_modules};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        add_range(THREADS, interpreter + (uint64_t)members[i], 8);
        add_range(SACRED, interpreter + (uint64_t)members[i], 8);
    }
    for (int i = 0; thread && i < MAX_THREADS; i++) {
        add_range(THREADS, thread, 256);
        /* The list of threads leads through the others to the running one. */
        add_range(SACRED, thread, thread == running ? 4096 : 8 + (uint64_t)at->thread_next);
        add_frames(thread == running ? FRAMES : OTHER_FRAMES, thread, thread == running);
        thread = word(thread + (uint64_t)at->thread_next);
    }
}

/* ---- damage ---- */

static uint64_t random_state;

static uint64_t next_random(void) /* splitmix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t some_object(void)
{
    const struct ranges *objects = &groups[OBJECTS];
    return objects->count ? objects->all[next_random() % objects->count].start : 0;
}

static uint64_t garbage(uint64_t before)
{
    switch (next_random() % 12) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2:
    case 3: return some_object();
    case 4: return some_object() + 8 * (next_random() % 4);
    case 5: return freed + 16 * (next_random() % (FREED / 16));
    case 6: return unmapped + next_random() % 4096;
    case 7: return before + 8;
    case 8:
    case 9: return before ^ UINT64_C(1) << next_random() % 64;
    case 10: return next_random() % 256;
    default: return next_random();
    }
}

static void choose_change(const struct ranges *targets, struct report *report)
{
    const struct range *range = &targets->all[next_random() % targets->count];
    uint64_t address = (range->start & ~UINT64_C(7)) + 8 * (next_random() % ((range->size + 7) / 8));
    uint64_t words = next_random() % 8 ? 1 : 1 + next_random() % OVERFLOW_WORDS; /* now and then an overflow */
    for (uint64_t i = 0; i < words && report->changes < MAX_CHANGES; i++, address += 8) {
        uint64_t before;
        if (!read_words(address, &before, sizeof before))
            return;
        report->sacred += (uint64_t)is_sacred(address);
        report->all[report->changes++] = (struct change){range->start, address, before, garbage(before)};
    }
}

static void crash(void)
{
    volatile int *volatile nothing = NULL;
    *nothing = 1;
}

static PyObject *corrupt_and_crash(PyObject *module, PyObject *args)
{
    unsigned long long seed;
    int group, report_fd;
    struct report report = {0, 0, {{0, 0, 0, 0}}};
    (void)module;
    if (!PyArg_ParseTuple(args, "Kii", &seed, &group, &report_fd))
        return NULL;
    add_threads();
    if (group < 0 || group > NOTHING || (group != NOTHING && !groups[group].count))
        return PyErr_Format(PyExc_ValueError, "nothing to damage in group %d", group);
    random_state = seed;
    for (uint64_t wanted = group == NOTHING ? 0 : 1 + next_random() % 4; wanted; wanted--)
        choose_change(&groups[group], &report);
    if (write(report_fd, &report, sizeof report) != (ssize_t)sizeof report)
        _exit(98);
    for (uint64_t i = 0; i < report.changes; i++)
        write_word(report.all[i].address, report.all[i].after);
    crash();
    _exit(99);
}

/* ---- for Python ---- */

static PyObject *add(PyObject *module, PyObject *args)
{
    int group;
    unsigned long long start, size;
    (void)module;
    if (!PyArg_ParseTuple(args, "iKK", &group, &start, &size))
        return NULL;
    if (group < 0 || group >= GROUPS)
        return PyErr_Format(PyExc_ValueError, "no such group: %d", group);
    add_range((enum group)group, start, size);
    Py_RETURN_NONE;
}

/* The key table of a dict, or the items of a list. */
static PyObject *add_parts(PyObject *module, PyObject *object)
{
    (void)module;
    uint64_t address = (uint64_t)(uintptr_t)object;
    if (PyDict_Check(object)) {
        add_range(TABLES, address, (uint64_t)PyDict_Type.tp_basicsize);
        add_range(TABLES, word(address + (uint64_t)at->dict_keys), 32 + 40 * (uint64_t)PyDict_GET_SIZE(object));
        uint64_t values = word(address + (uint64_t)at->dict_values);
        add_range(TABLES, values, values ? 8 * (uint64_t)PyDict_GET_SIZE(object) : 0);
    } else if (PyList_Check(object)) {
        add_range(ITEMS, address, (uint64_t)PyList_Type.tp_basicsize);
        add_range(ITEMS, word(address + (uint64_t)at->list_items), 8 * (uint64_t)PyList_GET_SIZE(object));
    }
    Py_RETURN_NONE;
}

/* libc's fork: what Python does in a child (forgetting the other threads) is left out. */
static PyObject *fork_process(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromLong(fork());
}

/* Let the program that is executed next have the same addresses in every run. False when it has, or when that cannot be. */
static PyObject *fix_addresses(PyObject *module, PyObject *ignored)
{
    int before = personality(0xffffffff);
    (void)module;
    (void)ignored;
    return PyBool_FromLong(before != -1 && !(before & ADDR_NO_RANDOMIZE) &&
                           personality((unsigned long)before | ADDR_NO_RANDOMIZE) != -1);
}

static PyMethodDef methods[] = {{"add", add, METH_VARARGS, NULL},
                                {"add_parts", add_parts, METH_O, NULL},
                                {"fix_addresses", fix_addresses, METH_NOARGS, NULL},
                                {"fork", fork_process, METH_NOARGS, NULL},
                                {"corrupt_and_crash", corrupt_and_crash, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "corruptor", .m_methods = methods};

PyMODINIT_FUNC PyInit_corruptor(void)
{
    at = phd__layout_find(PY_VERSION_HEX >> 16, 0, 0);
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *block = malloc(FREED);
    freed = (uint64_t)(uintptr_t)block;
    free(block);
    unmapped = (uint64_t)(uintptr_t)page;
    if (!at || page == MAP_FAILED) {
        PyErr_SetString(PyExc_ImportError, "no layout for this Python");
        return NULL;
    }
    return PyModule_Create(&definition);
}
