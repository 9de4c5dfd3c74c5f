/* SPDX-License-Identifier: Apache-2.0
 *
 * libpyheapdump: write the heap of a CPython process to one file.
 *
 * The library reads struct layouts out of memory; it never calls the CPython API and does not link libpython. This is
 * its only public header.
 *
 * Contexts. "normal": ordinary code. "crash": may run in a signal handler or in the raw clone of a process whose
 * locks are in an unknown state; such functions allocate nothing from malloc, take no lock and use only direct
 * system calls. Each declaration says which.
 */
#ifndef PYHEAPDUMP_H
#define PYHEAPDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PHD_PUBLIC __attribute__((visibility("default")))
#else
#define PHD_PUBLIC
#endif

#define PHD_VERSION "0.3.0"
#define PHD_FORMAT_VERSION 3
/* The header of a dump that tells its kind, phd_request.kind. */
#define PHD_KIND_HEADER "X-Python-Heapdump-Kind"

enum phd_status {
    PHD_OK = 0,
    PHD_ERROR_SYSTEM,     /* a system call failed; see error->system_errno */
    PHD_ERROR_LAYOUT,     /* no layout table for this CPython */
    PHD_ERROR_CLONE,      /* no child could be made */
    PHD_ERROR_CHILD,      /* the child died or overran its deadline; what it wrote is kept */
    PHD_ERROR_WRITE,      /* the file could not be written */
    PHD_ERROR_MEMORY,     /* no memory for the walk itself */
    PHD_ERROR_UNREADABLE, /* the target's memory could not be read at all */
    PHD_ERROR_ARGUMENT    /* the caller's request is wrong */
};

/* What went wrong, in the caller's storage; never allocated. */
struct phd_error {
    enum phd_status status;
    int system_errno; /* errno of the failing call, or 0 */
    uint64_t address; /* the address that mattered, or 0 */
    char step[128];   /* what was being done, for a message: "open", "write", "rename" … */
};

struct phd_crash;   /* what a fatal signal told; made by the library's own handler */
struct phd_modules; /* what is mapped, as the library found it */

/* The core file that is read in place of a process; made by phd_core. */
struct phd_core_source {
    const char *path;     /* for people */
    int64_t time_ns;      /* wall-clock time when it was written, ns since 1970 */
    const char *problems; /* a line for each reason why not all memory can be read, or "" */
    const char *command;  /* the beginning of the command line, as the core's notes have it, or "" */
    /* Addresses of the arguments, of the environment behind them, and of the end of that; 0: not found. */
    uint64_t arguments, environment, environment_end;
};

/* The limit of memory that is near, where that is why a dump is made. */
struct phd_near_limit {
    const char *kind;   /* "given", "RLIMIT_AS", "RLIMIT_DATA", "cgroup", "machine" */
    const char *where;  /* for people: "RLIMIT_AS", "memory.max of cgroup /sys/fs/cgroup/crawler" (ASCII) */
    uint64_t bytes;     /* of the limit */
    uint64_t used;      /* bytes of it */
    uint64_t threshold; /* bytes at which the dump was to be made */
};

/* Directories that are tried for a dump. */
enum { PHD_DIRECTORIES = 3 };

/* One dump of the calling process. All pointers are borrowed for the duration of the call. */
struct phd_request {
    int python_version; /* major << 8 | minor */
    int python_micro;
    bool free_threaded;
    bool trace_refs;
    bool stopped;                       /* no thread of the process runs while its memory is read: counts are right */
    bool only_stacks;                   /* end when the stacks and what is near to them are written */
    bool gil_held;                      /* the caller holds the GIL: the heap is consistent */
    uint64_t runtime;                   /* address of _PyRuntime */
    uint64_t thread;                    /* address of the PyThreadState of the failing thread, or 0 */
    uint64_t exception;                 /* address of the exception object, or 0 */
    uint64_t traceback;                 /* address of its traceback, or 0 */
    unsigned long native_id;            /* kernel id of the calling thread (for 3.9 and 3.10, which do not know it) */
    const struct phd_crash *crash;      /* the fatal signal the dump is about; NULL: none, the threads are asked now */
    const struct phd_modules *modules;  /* of the process; NULL: they are looked for */
    const struct phd_core_source *core; /* NULL: a process is read, and /proc tells of it */
    bool native_stacks;                 /* write native stacks, also without a signal */
    bool find_thread;                   /* thread 0 stands for the one that holds the GIL, or else the main thread */
    uint64_t own_thread;                /* address of a PyThreadState that is the dumper's own and is left out, or 0 */
    unsigned skip_frames;               /* innermost frames of the failing thread to leave out: the dumper's own */
    const struct phd_near_limit *limit; /* NULL: the dump is not about memory */
    const char *reason;                 /* "exception", "request", … (ASCII) */
    const char *label;                  /* what the caller calls it: a test, a request, a job (UTF-8), or NULL */
    uint64_t kind;                      /* dumps with the same number are of the same kind; 0: of no kind */
    unsigned held_back;                 /* failures of its kind that made no dump since the last one */
    const char *python_text;            /* sys.version, one line; NULL: it is read from the process */
    const char *executable;             /* sys.executable; NULL: likewise */
    int directory;                      /* descriptor of the directory to write to */
    const char *temporary_name;         /* name in that directory while writing */
    const char *final_name;             /* name when complete; never replaces an existing file */
    /* Absolute paths, of which the first one that the process may write to is taken; [0] NULL: the names are given. The
     * writer makes the directory if it is missing and chooses the first free name python_heap_<pid>_<n>.dump, n from
     * `sequence` on, so that a file system that does not answer holds nobody else. */
    const char *directories[PHD_DIRECTORIES];
    unsigned max_dumps; /* of the same owner in the directory; when the dump is complete the oldest beyond that are
                              removed; 0: all stay; only where the writer chooses the name */
    void (*on_created)(void); /* the library's own: the file is there */
    int pid;                  /* of the process that is dumped */
    int files_of;             /* the process whose files are read, as it sees them; 0: those that this one sees */
    unsigned sequence;        /* number of this dump in the process, the <n> of its name */
    int64_t time_ns;          /* wall-clock time, ns since 1970 */
    int level;                /* zstd compression level, 1…19 (above 3 needs more memory) */
    uint64_t max_bytes;       /* file size at which the walk ends, 0 for none */
    uint64_t max_buffer;      /* bytes that are kept of one buffer or text, head and tail, 0 for all */
    uint64_t max_buffers;     /* bytes that are kept of all of them together, 0 for all */
    double max_seconds;       /* duration at which the walk ends, 0 for none */
    uint64_t max_memory;      /* bytes of the writer's own memory at which the walk ends, 0 for none */
    bool sources;             /* put the sources of the files on the stacks into the dump */
    bool texts_follow;        /* of exceptions, given to the snapshot while it is written (report/late_texts.h) */
    struct phd_late_texts *late_texts; /* where they come; the snapshot sets it */
    bool redact;                       /* leave out values whose names tell of a secret */
};

/* What a finished dump reports. */
struct phd_result {
    uint64_t bytes;   /* size of the file */
    uint64_t objects; /* objects written */
    uint64_t known;   /* objects met */
    uint64_t broken;  /* objects that could not be read */
    uint64_t memory;  /* bytes of the writer's own memory */
    double seconds;   /* duration of the walk */
    int write_errno;  /* why the file could not take more, or 0 */
    bool complete;    /* nothing was left out */
};

/* A dump in progress in a child process. */
struct phd_snapshot {
    int pid;                   /* of the child, 0 when the dump was made in place, or the child has ended */
    uint64_t paused_ns;        /* how long the calling thread was held by the snapshot itself */
    uint64_t begin_by_ns;      /* on the monotonic clock: when it is given up if there is no file by then */
    bool named;                /* the writer has told which name it chose (`directories`) */
    unsigned directory;        /* where, a number of `directories` */
    unsigned sequence;         /* the <n> of that name */
    int refused_errno;         /* why it is not in the first of them, or 0 */
    bool overran;              /* the child was killed at its deadline; the file system may be what it waited for */
    struct phd_report *report; /* of the child to the process, private; NULL when it has none */
    bool told;                 /* the rest is known */
    enum phd_status status;
    struct phd_result result;
    struct phd_error error;
};

/* The number of this process's next dump, for its name: nobody gets it a second time. A forked child begins with 0.
 * Context: crash. */
PHD_PUBLIC unsigned phd_number_next(void);

/* The number that would be next. */
PHD_PUBLIC unsigned phd_number_peek(void);

/* A dump has found the names before `number` taken, and has this one. Context: crash. */
PHD_PUBLIC void phd_number_reached(unsigned number);

/* Start a dump: freeze the process's memory in a child that writes the file, and return at once. The child is not
 * reported through SIGCHLD nor to wait() without __WALL. If no child can be made the dump is written in place, guarded,
 * before the call returns. Returns PHD_OK and fills `snapshot`, or an error. Context: crash. */
PHD_PUBLIC enum phd_status phd_snapshot_start(const struct phd_request *request, struct phd_snapshot *snapshot,
                                              struct phd_error *error);

/* Wait up to `seconds` (negative: without limit) for the child of `snapshot` to finish and fill `result`. A child that
 * overruns, or has no file after a minute, is killed; its file keeps the temporary name and opens. `snapshot` keeps what is known of
 * the name. Context: crash. */
PHD_PUBLIC enum phd_status phd_snapshot_wait(struct phd_snapshot *snapshot, double seconds, struct phd_result *result,
                                             struct phd_error *error);

/* The name of a status, for messages; static storage. Context: crash. */
PHD_PUBLIC const char *phd_status_text(enum phd_status status);

/* How the process leaves a dump when a fatal signal ends it. */
struct phd_options {
    /* What the dump is of and what it holds: python_version … trace_refs, runtime, python_text, executable, level,
     * max_bytes, max_buffer, max_buffers, max_seconds, max_dumps, sources, redact; the rest is filled in at the signal. phd_describe_python fills
     * the first part. The texts are copied. */
    struct phd_request request;
    const char *directory;                      /* absolute; where dumps go; made at the signal if need be; copied */
    const char *fallbacks[PHD_DIRECTORIES - 1]; /* where they go when the process may not write there; likewise */
    double timeout; /* seconds the signal waits for the dump before the writer is killed; > 0 */
    bool quiet;     /* no line on stderr when the dump is written */
};

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS and SIGTRAP leave a dump, whatever thread they hit, then
 * happen as if we were not there: the handler or default action found now takes them, with the signal's own
 * information. At most one dump is made. The calling thread gets an alternate signal stack unless it has one; other
 * threads need phd_signal_stack_add for overflows of their stacks. Called again it replaces the options.
 *
 * With the static library, link the program with -Wl,-z,now: the dynamic linker must not run in a crashed process.
 * PHD_ERROR_ARGUMENT: the directory is not absolute or too long, or the timeout is not positive. Context: normal. */
PHD_PUBLIC enum phd_status phd_install(const struct phd_options *options, struct phd_error *error);

/* Put back the actions found by phd_install, where ours are still in place. Context: normal. */
PHD_PUBLIC void phd_uninstall(void);

/* An alternate signal stack that phd_signal_stack_add made; pages NULL: none. */
struct phd_signal_stack {
    void *pages;
    size_t size;
};

/* Give the calling thread an alternate signal stack with a guard page, so that an overflow of its own stack can be
 * handled. One that is there already, whoever made it, stays: then `stack->pages` is NULL. Context: crash. */
PHD_PUBLIC enum phd_status phd_signal_stack_add(struct phd_signal_stack *stack, struct phd_error *error);

/* At the end of the thread: take `stack` away and release it. Does nothing when another one is in its place. Context:
 * crash. */
PHD_PUBLIC void phd_signal_stack_remove(const struct phd_signal_stack *stack);

/* The same as phd_signal_stack_add for other threads of the process, given by their kernel ids: each is interrupted by
 * a real-time signal that has no handler yet. Waits up to `seconds` for them and returns how many have a stack now; a
 * thread that has ended, blocks the signal or waits for it is left alone. Context: normal. */
PHD_PUBLIC unsigned phd_signal_stack_add_to(const int *threads, unsigned count, double seconds);

/* How another process is read. */
struct phd_attach_options {
    int pid;
    bool freeze;           /* stop its threads meanwhile; otherwise it may change while it is read */
    double freeze_seconds; /* how long to wait for threads that do not stop at once */
    uint64_t memory;       /* bytes that a copy of the target may take, 0: what the system has available */
    bool ask;              /* a target that is phd_attachable makes a snapshot of itself, which is read */
};

/* What the target went through. */
struct phd_attach_times {
    double stopped;        /* seconds its threads were stopped */
    uint64_t bytes_copied; /* out of its memory */
    unsigned threads;      /* that were stopped */
    bool in_place;         /* memory for a copy was short: it was read through a cache */
    bool asked;            /* it made a snapshot of itself, and was stopped for that alone */
    char why_not[64];      /* it is phd_attachable, but made none: why; else empty */
};

/* Dump another process, which needs nothing of ours in it. `request` says where to and what; what describes the target
 * is found in it. Its writable memory is copied while it is stopped and walked when it goes on; with `only_stacks`, and
 * where memory is short, it is read in place. PHD_ERROR_SYSTEM with step "ptrace" or "maps": no permission, or no such process (see the errno);
 * PHD_ERROR_UNREADABLE: no Python that can be read, error->step says why. Context: normal, one at a time. */
PHD_PUBLIC enum phd_status phd_attach(const struct phd_request *request, const struct phd_attach_options *options,
                                      struct phd_attach_times *times, struct phd_result *result,
                                      struct phd_error *error);

/* How a core file is read. */
struct phd_core_options {
    int file;               /* descriptor of the core: a file, not compressed; read by pread */
    const char *path;       /* its name, for people */
    int64_t time_ns;        /* wall-clock time when it was written */
    bool cut;               /* it has been cut before it came here, whatever its headers say */
    const char *executable; /* the program's file, where it is not where the core says; NULL */
    uint64_t memory;        /* bytes that a copy of its memory may take, 0: what the system has available */
};

enum { PHD_CORE_PROBLEMS = 8192 };

/* What the core told. */
struct phd_core_found {
    int pid;
    int signal;       /* the fatal one, 0: none */
    unsigned threads; /* whose registers are in it */
    bool in_place;    /* memory for a copy was short: it was read through a small cache */
    char problems
        [PHD_CORE_PROBLEMS]; /* a line for each reason why not all memory can be read, and what was not checked */
};

/* Dump the process of a core file (ELF, x86-64 Linux), which needs nothing of ours in it. `request` says where to and
 * what; what describes the process is found in the core. What the core leaves out is taken from the files that were
 * mapped, when they are here and their build-ids are right. PHD_ERROR_UNREADABLE: no core, or no Python in it that can be
 * read, error->step says why and found->problems what else is wrong. PHD_ERROR_ARGUMENT: `executable` is not the program
 * of the core. The core is not trusted. Context: normal, one at a time. */
PHD_PUBLIC enum phd_status phd_core(const struct phd_request *request, const struct phd_core_options *options,
                                    struct phd_core_found *found, struct phd_result *result, struct phd_error *error);

/* How a thread of the library's own gets the GIL; phd_python_gil() tells. */
struct phd_gil {
    uint64_t (*make)(void);           /* a new PyThreadState of the main interpreter for the calling thread, or 0 */
    void (*acquire)(uint64_t thread); /* wait for the GIL */
    void (*release)(uint64_t thread); /* let it go, and end the PyThreadState */
};

/* Dumps of a process that lives: when a time has passed, on a signal, before memory runs out. Threads of the library's
 * own make them, one at a time; they need nothing of Python and are started by the first of these calls. */
struct phd_watch_options {
    struct phd_options dump; /* as for phd_install, but timeout: seconds a dump may take, 0 for no limit */
    double gil_wait;         /* seconds to wait for the GIL before the dump is made without it; 0 not to ask for it */
    struct phd_gil gil;      /* NULL: it is not asked for */
};

/* Set how dumps are made from now on; before everything below. PHD_ERROR_ARGUMENT: the directory is not absolute, or a
 * text is too long. PHD_ERROR_MEMORY: no address space to set aside. Context: normal. */
PHD_PUBLIC enum phd_status phd_watch_configure(const struct phd_watch_options *options, struct phd_error *error);

/* Make a dump in `seconds` from now (repeat: every `seconds`), in place of what an earlier call asked for; with `exit`
 * the process ends after it by _exit(1). PHD_ERROR_ARGUMENT: the time is not positive or too long. PHD_ERROR_SYSTEM: no
 * thread could be started. Context: normal. */
PHD_PUBLIC enum phd_status phd_dump_later(double seconds, bool repeat, bool exit, struct phd_error *error);
PHD_PUBLIC void phd_cancel_dump_later(void);

/* From now on the signal makes a dump, and the process goes on (SA_RESTART). Signals that come before the dump has begun
 * share it. With `chain` the handler or action found here takes the signal as well, as soon as the process is frozen.
 * PHD_ERROR_ARGUMENT: not a signal that can be had. Context: normal. */
PHD_PUBLIC enum phd_status phd_register(int signal_number, bool chain, struct phd_error *error);

/* Put back what phd_register found, if ours is still in place. False when the signal was not registered. Context:
 * normal. */
PHD_PUBLIC bool phd_unregister(int signal_number);

/* When a dump is made because memory runs out. */
struct phd_memory_options {
    uint64_t bytes;      /* resident memory of the process at which it is made, 0: no such number */
    double share;        /* and the part of every limit of the system's at which it is made; more than 0, less than 1 */
    double hold_seconds; /* the longest time that the program may be held while the dump is written */
};

/* From now on a thread watches the memory of the process and of its control groups, and makes one dump when a threshold
 * is crossed (docs/memory.md). Called again it is ready for one more; NULL: not any more. PHD_ERROR_ARGUMENT: the share is
 * out of range. PHD_ERROR_SYSTEM: no thread could be started. Context: normal. */
PHD_PUBLIC enum phd_status phd_watch_memory(const struct phd_memory_options *options, struct phd_error *error);

/* Start the threads, so that they are there when they are needed. Context: normal. */
PHD_PUBLIC enum phd_status phd_watch_start(struct phd_error *error);

/* Make a dump of the process as it is now, about `thread` (its PyThreadState, or 0), and return when it is
 * written, or, with `seconds` 0, as soon as the process is frozen. `gil_held`: by the calling thread. False when there is no dump: none are configured, or
 * another one is being made. Context: crash. */
PHD_PUBLIC bool phd_watch_dump(const char *reason, uint64_t thread, bool gil_held, double seconds);

/* Let phd_attach of another process ask this one for a snapshot of itself, by a thread that waits for that; or no longer.
 * PHD_ERROR_SYSTEM: no thread could be started. Context: normal. */
PHD_PUBLIC enum phd_status phd_attachable(bool wanted, struct phd_error *error);

/* Wait for the dump that a thread is making, and for one that it was asked for before, not for those that come later:
 * for the end of a program, as a container ends with its first process, and so does what writes the dump. Not longer than
 * the options let the two dumps take, however often it is called; `give_up` (NULL: nobody) is asked now and then whether
 * that is long enough, and then not waited any more. Without the GIL. Context: normal. */
PHD_PUBLIC void phd_watch_finish(bool (*give_up)(void));

/* The interpreter is about to end: the GIL is not asked for any more. Without the GIL. Context: normal. */
PHD_PUBLIC void phd_watch_interpreter_ends(void);

/* Around a fork of the process. The threads are stopped before, unless they are at work, and are started again after it.
 * In the child (of fork() without these calls, too) a dump_later is cancelled and registered signals are kept. Context:
 * normal. */
PHD_PUBLIC void phd_watch_before_fork(void);
PHD_PUBLIC void phd_watch_after_fork(bool in_child);

#ifdef Py_PYTHON_H                            /* Python.h is included before */
PyAPI_DATA(struct pyruntimestate) _PyRuntime; /* exported by every CPython; only its address is used */

/* Fill the part of `request` that tells which Python this is. Needs no initialised interpreter. Context: normal. */
static inline void phd_describe_python(struct phd_request *request)
{
    request->python_version = PY_VERSION_HEX >> 16;
    request->python_micro = PY_VERSION_HEX >> 8 & 255;
#ifdef Py_GIL_DISABLED
    request->free_threaded = true;
#endif
#ifdef Py_TRACE_REFS
    request->trace_refs = true;
#endif
    request->runtime = (uint64_t)(uintptr_t)&_PyRuntime;
    request->python_text = Py_GetVersion();
}

static inline uint64_t phd_make_thread_state(void)
{
    return (uint64_t)(uintptr_t)PyThreadState_New(PyInterpreterState_Main());
}

static inline void phd_acquire_gil(uint64_t thread)
{
    PyEval_AcquireThread((PyThreadState *)(uintptr_t)thread);
}

static inline void phd_release_gil(uint64_t thread)
{
    PyThreadState_Clear((PyThreadState *)(uintptr_t)thread);
    PyThreadState_DeleteCurrent();
}

/* For phd_watch_options. Context: normal. */
static inline struct phd_gil phd_python_gil(void)
{
    struct phd_gil gil = {phd_make_thread_state, phd_acquire_gil, phd_release_gil};
    return gil;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
