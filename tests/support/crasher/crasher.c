/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension module `crasher`: it ends the process by a fatal signal in a chosen way and place.
 *
 * A *way* ("null_write", "abort", ...) is a function of the table below. A *place* is a function of the module: crash
 * with the interpreter's lock or without it, in a thread that Python does not know, in many threads at once, while the
 * garbage collector visits an object, when the process exits. Besides it has what a program around a crash may do:
 * handle the signal itself as a C++ library does, or forbid itself system calls.
 *
 * The functions that crash are not static and not inlined, so that a native backtrace shows their names. The module
 * can be imported in subinterpreters.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#undef NDEBUG
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN __attribute__((noinline, visibility("default")))

/* --- ways --------------------------------------------------------------------------------------------------------- */

/* The compiler must not know what is behind these. */
static char *volatile near_null = (char *)0x10;
static char *volatile not_canonical = (char *)0x5a5a5a5a5a5a5a58;
static void (*volatile null_function)(void) = NULL;
static void (*volatile wild_function)(void) = (void (*)(void))0x5a5a5a000;
static const char constant_text[] = "cannot be written";
static volatile int zero = 0;
static volatile int depth_reached;

SEEN int null_read(void)
{
    return *(volatile char *)near_null;
}

SEEN int null_write(void)
{
    *(volatile char *)near_null = 1;
    return 0;
}

SEEN int read_only_write(void)
{
    *(volatile char *)(uintptr_t)constant_text = 1;
    return 0;
}

SEEN int not_canonical_read(void)
{
    return *(volatile char *)not_canonical;
}

SEEN int null_call(void)
{
    null_function();
    return 0;
}

SEEN int wild_call(void)
{
    wild_function();
    return 0;
}

SEEN int division_by_zero(void)
{
    return 4711 / zero;
}

SEEN int illegal_instruction(void)
{
    __asm__ volatile("ud2");
    return 0;
}

SEEN int breakpoint_instruction(void)
{
    __asm__ volatile("int3\n\tnop");
    return 0;
}

/* A page of a file behind the file's end. */
SEEN int bus_error(void)
{
    char name[] = "/tmp/crasher-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0)
        return -1;
    unlink(name);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? -1 : *(volatile char *)(page + 0x20);
}

SEEN int call_abort(void)
{
    abort();
}

SEEN int failed_assertion(void)
{
    assert(zero == 1);
    return 0;
}

SEEN int raise_trap(void)
{
    return raise(SIGTRAP);
}

SEEN int raise_system_call(void)
{
    return raise(SIGSYS);
}

SEEN int raise_segmentation_fault(void)
{
    return raise(SIGSEGV);
}

static int install_filter(struct sock_filter *instructions, size_t count)
{
    struct sock_fprog program = {(unsigned short)count, instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* A sandbox that answers a forbidden system call with SIGSYS. */
SEEN int trapped_system_call(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    if (install_filter(filter, sizeof filter / sizeof filter[0]) != 0)
        return -1;
    return (int)syscall(SYS_getppid);
}

/* Each call has a page of its own, so the guard page is not jumped over. */
SEEN int overflow_stack(void)
{
    volatile char page[4096];
    page[0] = (char)depth_reached++;
    return depth_reached < 0 ? 0 : overflow_stack() + page[0];
}

enum { LARGE_CHUNK = 50000 }; /* no size that malloc keeps in a thread's own list, and none that it maps */

static void *sleep_for_good(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* malloc takes its locks only in a process of several threads (glibc, SINGLE_THREAD_P). */
static void start_idle_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_good, NULL);
}

/* A row of chunks, so that the neighbours of the middle ones are in use; volatile: the compiler must not see what is
 * done with them. */
enum { ROW = 16, MIDDLE = ROW / 2 };
static uintptr_t *volatile row[ROW];

static void make_row(void)
{
    start_idle_thread();
    for (int i = 0; i < ROW; i++)
        row[i] = malloc(LARGE_CHUNK);
}

/* free() finds that the chunk behind has no size, and aborts with the lock of the arena held. */
SEEN int malloc_finds_damage(void)
{
    make_row();
    row[MIDDLE + 1][-1] = 1;
    free(row[MIDDLE]);
    return 0;
}

/* malloc() follows the broken link of a free chunk, with the lock of the arena held. */
SEEN int malloc_follows_damage(void)
{
    make_row();
    free(row[MIDDLE]);
    row[MIDDLE][1] = 0x10;
    row[0] = malloc((size_t)LARGE_CHUNK + 4096);
    return 0;
}

struct way {
    const char *name;
    int (*go)(void);
};

static const struct way ways[] = {
    {"null_read", null_read},
    {"null_write", null_write},
    {"read_only_write", read_only_write},
    {"not_canonical_read", not_canonical_read},
    {"null_call", null_call},
    {"wild_call", wild_call},
    {"division_by_zero", division_by_zero},
    {"illegal_instruction", illegal_instruction},
    {"breakpoint_instruction", breakpoint_instruction},
    {"bus_error", bus_error},
    {"abort", call_abort},
    {"failed_assertion", failed_assertion},
    {"raise_trap", raise_trap},
    {"raise_system_call", raise_system_call},
    {"raise_segmentation_fault", raise_segmentation_fault},
    {"trapped_system_call", trapped_system_call},
    {"overflow_stack", overflow_stack},
    {"malloc_finds_damage", malloc_finds_damage},
    {"malloc_follows_damage", malloc_follows_damage},
};

static const struct way *find_way(const char *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    PyErr_Format(PyExc_ValueError, "crasher: there is no way %s", name);
    return NULL;
}

static PyObject *survived(const struct way *way)
{
    return PyErr_Format(PyExc_RuntimeError, "crasher: %s did not end the process", way->name);
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* crash(way): with the interpreter's lock, like most of C extensions' code. */
static PyObject *crash(PyObject *module, PyObject *arguments)
{
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s", &name))
        return NULL;
    const struct way *way = find_way(name);
    if (!way)
        return NULL;
    way->go();
    return survived(way);
}

/* crash_released(way, meet=0): without the interpreter's lock. With `meet` it waits first, lock released, until so many
 * threads are there. */
static PyObject *crash_released(PyObject *module, PyObject *arguments)
{
    static atomic_int arrived;
    const char *name;
    int meet = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s|i", &name, &meet))
        return NULL;
    const struct way *way = find_way(name);
    if (!way)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < meet)
        sched_yield();
    way->go();
    Py_END_ALLOW_THREADS
    return survived(way);
}

struct plain_thread {
    const struct way *way;
    pthread_barrier_t *barrier;
    int milliseconds;
};

SEEN void *plain_thread_main(void *argument)
{
    struct plain_thread *task = argument;
    if (task->milliseconds)
        usleep((useconds_t)task->milliseconds * 1000);
    if (task->barrier)
        pthread_barrier_wait(task->barrier);
    task->way->go();
    return NULL;
}

static PyObject *no_thread(int problem)
{
    return PyErr_Format(PyExc_RuntimeError, "crasher: cannot start a thread: %s", strerror(problem));
}

/* crash_in_plain_thread(way, count=1): in threads that have no PyThreadState, all at once, while the caller waits for
 * them without the interpreter's lock. */
static PyObject *crash_in_plain_thread(PyObject *module, PyObject *arguments)
{
    enum { MOST = 256 };
    const char *name;
    int count = 1, problem = 0;
    pthread_t threads[MOST];
    pthread_barrier_t barrier;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s|i", &name, &count))
        return NULL;
    struct plain_thread task = {find_way(name), &barrier, 0};
    if (!task.way)
        return NULL;
    if (count < 1 || count > MOST)
        return PyErr_Format(PyExc_ValueError, "crasher: count must be 1 to %d", MOST);
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    for (int i = 0; i < count && !problem; i++)
        problem = pthread_create(&threads[i], NULL, plain_thread_main, &task);
    if (problem)
        return no_thread(problem);
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    Py_END_ALLOW_THREADS
    return survived(task.way);
}

/* crash_soon_in_plain_thread(way, milliseconds): a thread without PyThreadState crashes while the caller goes on. */
static PyObject *crash_soon_in_plain_thread(PyObject *module, PyObject *arguments)
{
    static struct plain_thread task;
    const char *name;
    pthread_t thread;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "si", &name, &task.milliseconds))
        return NULL;
    task.way = find_way(name);
    if (!task.way)
        return NULL;
    int problem = pthread_create(&thread, NULL, plain_thread_main, &task);
    if (problem)
        return no_thread(problem);
    Py_RETURN_NONE;
}

/* The thread of a C library that calls back into Python. */
static void *call_back(void *callable)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = PyObject_CallFunction(callable, NULL);
    if (!result)
        PyErr_Print();
    Py_XDECREF(result);
    PyGILState_Release(state);
    return NULL;
}

/* call_in_c_thread(callable): in a thread made by C that gets its PyThreadState by PyGILState_Ensure(). */
static PyObject *call_in_c_thread(PyObject *module, PyObject *callable)
{
    pthread_t thread;
    (void)module;
    int problem = pthread_create(&thread, NULL, call_back, callable);
    if (problem)
        return no_thread(problem);
    Py_BEGIN_ALLOW_THREADS
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* sleep_in_c(seconds): a thread that is in C code, without the lock. */
static PyObject *sleep_in_c(PyObject *module, PyObject *arguments)
{
    int seconds;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "i", &seconds))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    sleep((unsigned)seconds);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static const struct way *way_at_exit;

SEEN void crash_at_exit(void)
{
    way_at_exit->go();
}

/* crash_at_exit(way, "Py_AtExit" | "atexit"): when the interpreter is gone, or when the C library's exit() runs. */
static PyObject *crash_at_exit_of(PyObject *module, PyObject *arguments)
{
    const char *name, *whose;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "ss", &name, &whose))
        return NULL;
    way_at_exit = find_way(name);
    if (!way_at_exit)
        return NULL;
    int problem = strcmp(whose, "atexit") == 0 ? atexit(crash_at_exit) : Py_AtExit(crash_at_exit);
    if (problem)
        return PyErr_Format(PyExc_RuntimeError, "crasher: %s is full", whose);
    Py_RETURN_NONE;
}

/* open_library(path): dlopen() alone, with the lock of the dynamic linker. */
static PyObject *open_library(PyObject *module, PyObject *arguments)
{
    const char *path;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s", &path))
        return NULL;
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL))
        return PyErr_Format(PyExc_OSError, "crasher: %s", dlerror());
    Py_RETURN_NONE;
}

/* fatal_error(text): Py_FatalError. */
static PyObject *fatal_error(PyObject *module, PyObject *arguments)
{
    const char *text;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s", &text))
        return NULL;
    Py_FatalError(text);
}

/* Trap(traverse=None, dealloc=None): an object whose type crashes when the garbage collector visits it, or when it is
 * freed. */
struct trap {
    PyObject ob_base;
    const struct way *traverse;
    const struct way *dealloc;
};

static PyObject *trap_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"traverse", "dealloc", NULL};
    const char *traverse = NULL, *dealloc = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|zz", names, &traverse, &dealloc))
        return NULL;
    const struct way *on_traverse = traverse ? find_way(traverse) : NULL;
    const struct way *on_dealloc = dealloc ? find_way(dealloc) : NULL;
    if (PyErr_Occurred())
        return NULL;
    struct trap *made = (struct trap *)type->tp_alloc(type, 0);
    if (made) {
        made->traverse = on_traverse;
        made->dealloc = on_dealloc;
    }
    return (PyObject *)made;
}

SEEN int trap_traverse(PyObject *self, visitproc visit, void *arg) /* Py_VISIT's name */
{
    Py_VISIT(Py_TYPE(self));
    if (((struct trap *)self)->traverse)
        ((struct trap *)self)->traverse->go();
    return 0;
}

SEEN void trap_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((struct trap *)self)->dealloc)
        ((struct trap *)self)->dealloc->go();
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot trap_slots[] = {
    {Py_tp_new, trap_new},
    {Py_tp_traverse, trap_traverse},
    {Py_tp_dealloc, trap_dealloc},
    {0, NULL},
};

static PyType_Spec trap_spec = {
    .name = "crasher.Trap",
    .basicsize = sizeof(struct trap),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = trap_slots,
};

/* --- around a crash ----------------------------------------------------------------------------------------------- */

/* What a library of the program does with a signal. */
static struct library {
    int descriptor; /* gets the siginfo_t */
    bool restores;  /* it restores the action before and lets the signal happen again; else it calls that action */
    struct sigaction before;
} libraries[NSIG];

static void happen_again(int signal_number, const siginfo_t *information, const struct sigaction *action)
{
    bool was_sent = information->si_code <= 0, comes_once = signal_number == SIGTRAP || signal_number == SIGSYS;
    sigaction(signal_number, action, NULL);
    if (was_sent || comes_once)
        raise(signal_number); /* a fault happens again when the handler returns */
}

SEEN void library_handler(int signal_number, siginfo_t *information, void *context)
{
    const struct library *library = &libraries[signal_number];
    ssize_t ignored = write(library->descriptor, information, sizeof *information);
    (void)ignored;
    if (library->restores || library->before.sa_handler == SIG_DFL)
        happen_again(signal_number, information, &library->before);
    else if (library->before.sa_flags & SA_SIGINFO)
        library->before.sa_sigaction(signal_number, information, context);
    else if (library->before.sa_handler != SIG_IGN)
        library->before.sa_handler(signal_number);
}

/* handle_as_library(signal, descriptor, restores=False, flags=SA_ONSTACK): writes the siginfo_t to the descriptor, then
 * hands the signal on. */
static PyObject *handle_as_library(PyObject *module, PyObject *arguments)
{
    int number, descriptor, restores = 0, flags = SA_ONSTACK;
    struct sigaction action;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "ii|pi", &number, &descriptor, &restores, &flags))
        return NULL;
    if (number < 1 || number >= NSIG)
        return PyErr_Format(PyExc_ValueError, "crasher: there is no signal %d", number);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = library_handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigemptyset(&action.sa_mask);
    libraries[number].descriptor = descriptor;
    libraries[number].restores = restores;
    if (sigaction(number, &action, &libraries[number].before) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

/* forbid(errno, number, ...): these system calls fail from now on, as in a strict container. */
static PyObject *forbid(PyObject *module, PyObject *arguments)
{
    enum { MOST = 16 };
    struct sock_filter filter[2 * MOST + 2];
    size_t used = 0;
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    (void)module;
    if (count < 2 || count > MOST + 1)
        return PyErr_Format(PyExc_ValueError, "crasher: forbid takes an errno and 1 to %d system calls", MOST);
    long problem = PyLong_AsLong(PyTuple_GET_ITEM(arguments, 0));
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (Py_ssize_t i = 1; i < count; i++) {
        long number = PyLong_AsLong(PyTuple_GET_ITEM(arguments, i));
        filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
        filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)problem);
    }
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (PyErr_Occurred())
        return NULL;
    if (install_filter(filter, used) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

/* own_signal_stack(): an alternate signal stack of the program's own for the calling thread; own_signal_stack_is_kept()
 * tells whether it is still in force. */
static char signal_stack[1 << 16];

static PyObject *own_signal_stack(PyObject *module, PyObject *unused)
{
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    (void)module;
    (void)unused;
    if (sigaltstack(&stack, NULL) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *own_signal_stack_is_kept(PyObject *module, PyObject *unused)
{
    stack_t stack;
    (void)module;
    (void)unused;
    if (sigaltstack(NULL, &stack) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyBool_FromLong(stack.ss_sp == signal_stack);
}

/* has_signal_stack(): has the calling thread an alternate signal stack? */
static PyObject *has_signal_stack(PyObject *module, PyObject *unused)
{
    stack_t stack;
    (void)module;
    (void)unused;
    if (sigaltstack(NULL, &stack) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyBool_FromLong(!(stack.ss_flags & SS_DISABLE));
}

/* --- the module --------------------------------------------------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"crash", crash, METH_VARARGS, NULL},
    {"crash_released", crash_released, METH_VARARGS, NULL},
    {"crash_in_plain_thread", crash_in_plain_thread, METH_VARARGS, NULL},
    {"crash_soon_in_plain_thread", crash_soon_in_plain_thread, METH_VARARGS, NULL},
    {"call_in_c_thread", call_in_c_thread, METH_O, NULL},
    {"sleep_in_c", sleep_in_c, METH_VARARGS, NULL},
    {"crash_at_exit", crash_at_exit_of, METH_VARARGS, NULL},
    {"open_library", open_library, METH_VARARGS, NULL},
    {"fatal_error", fatal_error, METH_VARARGS, NULL},
    {"handle_as_library", handle_as_library, METH_VARARGS, NULL},
    {"forbid", forbid, METH_VARARGS, NULL},
    {"own_signal_stack", own_signal_stack, METH_NOARGS, NULL},
    {"own_signal_stack_is_kept", own_signal_stack_is_kept, METH_NOARGS, NULL},
    {"has_signal_stack", has_signal_stack, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    PyObject *trap = PyType_FromSpec(&trap_spec);
    if (!trap)
        return -1;
    int status = PyModule_AddObject(module, "Trap", trap); /* takes the reference */
    if (status != 0)
        Py_DECREF(trap);
    return status;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "crasher",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_crasher(void)
{
    return PyModuleDef_Init(&definition);
}
