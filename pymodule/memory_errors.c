/* SPDX-License-Identifier: Apache-2.0
 *
 * A dump at the allocation that fails, while the frame that asked for it is on the stack; when MemoryError is caught or
 * printed it may be gone.
 *
 * The allocator of the RAW domain is wrapped (PyMem_SetAllocator): the wrapper does nothing until NULL is returned. Small
 * objects do not pass through it: pymalloc, which serves them, turns to the RAW domain for what it cannot serve itself
 * (Objects/obmalloc.c, _PyObject_Malloc), and so do the arenas' failures. Only where PYTHONMALLOC=malloc has replaced
 * pymalloc the MEM and OBJ domains are wrapped, too.
 *
 * The functions keep the context of those they wrap: other threads use the RAW domain while it is changed, and may see
 * the one without the other.
 *
 * Context: normal; the wrappers in any thread, with or without the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "pyheapdump.h"

int phd__add_memory_errors(PyObject *module);

enum {
    DOMAINS = 3,
    BURST = 60,       /* seconds: failures that follow within them belong together */
    PROBE_SLACK = 256 /* bytes that a layer between adds */
};

static const PyMemAllocatorDomain domains[DOMAINS] = {PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
static PyMemAllocatorEx previous[DOMAINS];
static bool wrapped[DOMAINS];
static atomic_bool active;
static _Atomic size_t largest;
static _Atomic uint64_t last_failure;
static double seconds; /* that a dump may take */

/* An allocation of this size fails everywhere; ours looks whether it gets here. */
static const size_t PROBE = ((size_t)1 << 62) + 4711;
static atomic_bool probe_seen;

static bool begins_burst(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    uint64_t now = (uint64_t)time.tv_sec + 1;
    uint64_t last = atomic_exchange(&last_failure, now);
    return last == 0 || now - last >= BURST;
}

/* The thread state that this thread runs Python with, which is that of the GIL's holder; NULL when it does not.
 * PyGILState_Check() says yes to all as soon as there is a subinterpreter. */
static PyThreadState *running_state(void)
{
#if PY_VERSION_HEX >= 0x030d0000
    return PyThreadState_GetUnchecked();
#elif PY_VERSION_HEX >= 0x030c0000
    return _PyThreadState_UncheckedGet();
#else
    PyThreadState *holder = _PyThreadState_UncheckedGet(); /* of the process: another thread's may end meanwhile */
    unsigned long thread = 0;
    if (!holder || holder == PyGILState_GetThisThreadState())
        return holder;
    struct iovec to = {&thread, sizeof thread}, from = {&holder->thread_id, sizeof thread};
    bool is_read = process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof thread;
    return is_read && thread == PyThread_get_thread_ident() ? holder : NULL;
#endif
}

/* A subinterpreter may have a GIL of its own (3.12). */
static bool holds_main_gil(const PyThreadState *state)
{
#if PY_VERSION_HEX >= 0x030c0000
    return state && state->interp == PyInterpreterState_Main();
#else
    return state;
#endif
}

/* An allocation has failed; nothing may be allocated here. */
static void *failed(size_t size)
{
    char reason[80];
    int saved_errno = errno;
    if (size >= PROBE && size - PROBE < PROBE_SLACK)
        atomic_store(&probe_seen, true);
    if (!atomic_load(&active) || size > atomic_load(&largest) || !begins_burst())
        return NULL;
    PyOS_snprintf(reason, sizeof reason, "memory error: %zu bytes could not be had", size);
    PyThreadState *state = running_state();
    bool gil_held = holds_main_gil(state);
    state = state ? state : PyGILState_GetThisThreadState(); /* it has let the GIL go for the call that fails */
    phd_watch_dump(reason, (uint64_t)(uintptr_t)state, gil_held, seconds);
    errno = saved_errno;
    return NULL;
}

#define WRAPPERS(name, domain)                                                                                         \
    static void *name##_malloc(void *context, size_t size)                                                             \
    {                                                                                                                  \
        void *found = previous[domain].malloc(context, size);                                                          \
        return found ? found : failed(size);                                                                           \
    }                                                                                                                  \
    static void *name##_calloc(void *context, size_t count, size_t size)                                               \
    {                                                                                                                  \
        void *found = previous[domain].calloc(context, count, size);                                                   \
        return found ? found : failed(count * size);                                                                   \
    }                                                                                                                  \
    static void *name##_realloc(void *context, void *block, size_t size)                                               \
    {                                                                                                                  \
        void *found = previous[domain].realloc(context, block, size);                                                  \
        return found ? found : failed(size);                                                                           \
    }

WRAPPERS(raw, 0)
WRAPPERS(mem, 1)
WRAPPERS(obj, 2)

static const PyMemAllocatorEx wrappers[DOMAINS] = {
    {NULL, raw_malloc, raw_calloc, raw_realloc, NULL},
    {NULL, mem_malloc, mem_calloc, mem_realloc, NULL},
    {NULL, obj_malloc, obj_calloc, obj_realloc, NULL},
};

/* Do allocations of the domain still come by here? Somebody may have wrapped us since, and calls us; or has put back what
 * he found before us, as tracemalloc does that was started before. */
static bool leads_to_us(int domain)
{
    PyMemAllocatorEx current;
    PyMem_GetAllocator(domains[domain], &current);
    atomic_store(&probe_seen, false);
    void *impossible = current.malloc(current.ctx, PROBE);
    if (impossible)
        current.free(current.ctx, impossible);
    return atomic_load(&probe_seen);
}

static void wrap(int domain)
{
    PyMemAllocatorEx ours = wrappers[domain];
    if (wrapped[domain] && leads_to_us(domain))
        return;
    PyMem_GetAllocator(domains[domain], &previous[domain]);
    ours.ctx = previous[domain].ctx;
    ours.free = previous[domain].free;
    PyMem_SetAllocator(domains[domain], &ours);
    wrapped[domain] = true;
}

/* Who has wrapped us since (tracemalloc) keeps us: then the wrapper stays and does nothing. */
static void unwrap(int domain)
{
    PyMemAllocatorEx current;
    if (!wrapped[domain])
        return;
    PyMem_GetAllocator(domains[domain], &current);
    if (current.malloc == wrappers[domain].malloc)
        PyMem_SetAllocator(domains[domain], &previous[domain]);
    else if (leads_to_us(domain))
        return;
    wrapped[domain] = false;
}

PyDoc_STRVAR(memory_errors_install_doc, "memory_errors_install(largest, all_domains)\n--\n\n"
                                        "Let a failing allocation of at most `largest` bytes make a dump.");

static PyObject *memory_errors_install(PyObject *module, PyObject *arguments)
{
    unsigned long long limit;
    int all_domains;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Kdp", &limit, &seconds, &all_domains))
        return NULL;
    atomic_store(&largest, (size_t)limit);
    atomic_store(&last_failure, 0);
    for (int domain = 0; domain < (all_domains ? DOMAINS : 1); domain++)
        wrap(domain);
    atomic_store(&active, true);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(memory_errors_uninstall_doc, "memory_errors_uninstall()\n--\n\nPut back the allocators.");

static PyObject *memory_errors_uninstall(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    atomic_store(&active, false);
    for (int domain = 0; domain < DOMAINS; domain++)
        unwrap(domain);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"memory_errors_install", memory_errors_install, METH_VARARGS, memory_errors_install_doc},
    {"memory_errors_uninstall", memory_errors_uninstall, METH_NOARGS, memory_errors_uninstall_doc},
    {NULL, NULL, 0, NULL},
};

int phd__add_memory_errors(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
