/* SPDX-License-Identifier: Apache-2.0
 *
 * Roots: where the walk begins, in the order of their worth to the reader: the exception and its traceback, the frames
 * of the failing thread, those of the others; later sys.modules. Context: crash.
 */
#ifndef PHD_WALK_ROOTS_H
#define PHD_WALK_ROOTS_H

#include "walk/walk.h"

enum { PHD_MAX_THREAD_NAME = 256 };

/* One thread of the target, read from its PyThreadState. */
struct phd_thread {
    uint64_t state;          /* address of the PyThreadState */
    uint64_t interpreter;    /* address of its PyInterpreterState */
    uint64_t interpreter_id; /* 0 is the main one */
    uint64_t ident;
    uint64_t native_id; /* 0: not known */
    bool current;       /* the thread the dump is about */
    bool holds_gil;
    int64_t system_call; /* its number; PHD_NO_SYSTEM_CALL: in none, or not known */
    uint64_t futex;      /* the address that it waits for by futex(2), or 0 */
    uint64_t mutex;      /* the PyMutex that it waits for so, or 0 */
    bool waits_for_gil;
    int daemon;                     /* 0, 1, or -1: not known */
    char name[PHD_MAX_THREAD_NAME]; /* empty: not known */
    bool nameless;                  /* the program has not imported threading, whose threads have names */
    const char *problem;            /* why something of it could not be read, or NULL */
};

/* List the threads of every interpreter in `walk->threads`, each once, and find the one that got the fatal signal:
 * `request->thread` and `request->gil_held` are set. Without a signal, a thread that is asked for is found, the GIL's
 * holder or else the main thread. Before everything else here. */
void phd__threads_find(struct phd_walk *walk, struct phd_request *request);

/* Call `visit` for every thread of every interpreter, the failing one first. */
void phd__threads_each(struct phd_walk *walk, const struct phd_request *request,
                       void (*visit)(struct phd_walk *walk, const struct phd_thread *thread, void *argument),
                       void *argument);

/* The exception that the thread with this state is handling (sys.exc_info), or 0. */
uint64_t phd__handled_exception(struct phd_walk *walk, uint64_t state);

/* Frames of `thread` to leave out: the dumper's own. */
unsigned phd__frames_to_skip(const struct phd_request *request, const struct phd_thread *thread);

/* Meet the exception and all threads and write the first ROOTS block. */
void phd__roots_put(struct phd_walk *walk, const struct phd_request *request);

/* Meet sys.modules of every interpreter and write the second ROOTS block. */
void phd__roots_put_modules(struct phd_walk *walk, const struct phd_request *request);

#endif
