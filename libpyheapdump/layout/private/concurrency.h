/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of locks, queues, context variables and asyncio (Modules/ of CPython),
 * whole, so that sizeof is their tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_CONCURRENCY_H
#define PHD_LAYOUT_PRIVATE_CONCURRENCY_H

/* Modules/_threadmodule.c: lockobject (3.9 … 3.15) */
struct phd_private_lock {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030E0000
    void *lock_lock;
    PyObject *in_weakreflist;
    char locked;
#else
    struct phd_private_mutex lock;
#endif
};

/* Modules/_threadmodule.c: rlockobject (3.9 … 3.15) */
struct phd_private_rlock {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030E0000
    void *rlock_lock;
#endif
#if PY_VERSION_HEX < 0x030D0000
    unsigned long rlock_owner;
#endif
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
    unsigned long long rlock_owner;
#endif
#if PY_VERSION_HEX < 0x030E0000
    unsigned long rlock_count;
    PyObject *in_weakreflist;
#else
    struct phd_private_recursive_mutex lock;
#endif
};

/* Modules/_threadmodule.c: localobject (3.9 … 3.15) */
struct phd_private_local {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030D0000
    PyObject *key;
#endif
    PyObject *args;
    PyObject *kw;
    PyObject *weakreflist;
#if PY_VERSION_HEX < 0x030D0000
    PyObject *dummies;
    PyObject *wr_callback;
#else
    PyObject *localdicts;
    PyObject *thread_watchdogs;
#endif
};

/* Modules/_threadmodule.c: localdummyobject (3.9 … 3.15) */
struct phd_private_localdummy {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030D0000
    PyObject *localdict;
#endif
    PyObject *weakreflist;
};

#if PY_VERSION_HEX >= 0x030D0000
/* Modules/_threadmodule.c: PyThreadHandleObject (3.13 … 3.15) */
struct phd_private_thread_handle {
    PyObject_HEAD
    void *handle;
};
#endif

#if PY_VERSION_HEX >= 0x030D0000
/* Modules/_queuemodule.c: RingBuf (3.13 … 3.15) */
struct phd_private_ring {
    Py_ssize_t put_idx;
    Py_ssize_t get_idx;
    void *items;
    Py_ssize_t items_cap;
    Py_ssize_t num_items;
};
#endif

/* Modules/_queuemodule.c: simplequeueobject (3.9 … 3.15) */
struct phd_private_simple_queue {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030D0000
    void *lock;
    int locked;
    PyObject *lst;
    Py_ssize_t lst_pos;
#else
    char has_threads_waiting;
    struct phd_private_ring buf;
#endif
    PyObject *weakreflist;
};

/* Include/internal/pycore_context.h: _pycontextobject (3.9 … 3.15) */
struct phd_private_context {
    PyObject_HEAD
    PyObject *ctx_prev;
    PyObject *ctx_vars;
    PyObject *ctx_weakreflist;
    int ctx_entered;
};

/* Include/internal/pycore_context.h: _pycontextvarobject (3.9 … 3.15) */
struct phd_private_context_var {
    PyObject_HEAD
    PyObject *var_name;
    PyObject *var_default;
    PyObject *var_cached;
    uint64_t var_cached_tsid;
    uint64_t var_cached_tsver;
    Py_hash_t var_hash;
};

/* Include/internal/pycore_context.h: _pycontexttokenobject (3.9 … 3.15) */
struct phd_private_context_token {
    PyObject_HEAD
    PyObject *tok_ctx;
    PyObject *tok_var;
    PyObject *tok_oldval;
    int tok_used;
};

/* Include/internal/pycore_hamt.h: PyHamtObject (3.9 … 3.15) */
struct phd_private_hamt {
    PyObject_HEAD
    void *h_root;
    PyObject *h_weakreflist;
    Py_ssize_t h_count;
};

/* Python/hamt.c: PyHamtNode_Bitmap (3.9 … 3.15) */
struct phd_private_hamt_bitmap_node {
    PyObject_VAR_HEAD
    uint32_t b_bitmap;
    PyObject *b_array[1]; /* pairs of key and value; key NULL: the value is a node */
};

/* Python/hamt.c: PyHamtNode_Collision (3.9 … 3.15) */
struct phd_private_hamt_collision_node {
    PyObject_VAR_HEAD
    int32_t c_hash;
    PyObject *c_array[1];
};

/* Python/hamt.c: PyHamtNode_Array (3.9 … 3.15) */
struct phd_private_hamt_array_node {
    PyObject_HEAD
    PyObject *a_array[32];
    Py_ssize_t a_count;
};

/* Modules/_multiprocessing/semaphore.c: SemLockObject (3.9 … 3.15) */
struct phd_private_sem_lock {
    PyObject_HEAD
    void *handle;
    unsigned long last_tid;
    int count;
    int maxvalue;
    int kind;
    const char *name;
};

/* Modules/_asynciomodule.c: FutureObj (3.9 … 3.15) */
struct phd_private_future {
    PyObject_HEAD
    PyObject *fut_loop;
    PyObject *fut_callback0;
    PyObject *fut_context0;
    PyObject *fut_callbacks;
    PyObject *fut_exception;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *fut_exception_tb;
#endif
    PyObject *fut_result;
    PyObject *fut_source_tb;
    PyObject *fut_cancel_msg;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *fut_cancelled_exc;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *fut_awaited_by;
#endif
    int fut_state;
#if PY_VERSION_HEX < 0x030D0000
    int fut_log_tb;
    int fut_blocking;
    PyObject *dict;
    PyObject *fut_weakreflist;
#endif
#if PY_VERSION_HEX < 0x030B0000
    uint64_t fut_cancelled_exc_state[4];
#endif
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    PyObject *fut_cancelled_exc;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    char fut_is_task;
    char fut_awaited_by_is_set;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    unsigned int fut_log_tb : 1;
    unsigned int fut_blocking : 1;
#endif
};

/* Modules/_asynciomodule.c: TaskObj (3.9 … 3.15) */
struct phd_private_task {
    PyObject_HEAD
    PyObject *task_loop;
    PyObject *task_callback0;
    PyObject *task_context0;
    PyObject *task_callbacks;
    PyObject *task_exception;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *task_exception_tb;
#endif
    PyObject *task_result;
    PyObject *task_source_tb;
    PyObject *task_cancel_msg;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *task_cancelled_exc;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *task_awaited_by;
#endif
    int task_state;
#if PY_VERSION_HEX < 0x030D0000
    int task_log_tb;
    int task_blocking;
    PyObject *dict;
    PyObject *task_weakreflist;
#endif
#if PY_VERSION_HEX < 0x030B0000
    uint64_t task_cancelled_exc_state[4];
#endif
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    PyObject *task_cancelled_exc;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    char task_is_task;
    char task_awaited_by_is_set;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    unsigned int task_log_tb : 1;
    unsigned int task_blocking : 1;
    unsigned int task_must_cancel : 1;
    unsigned int task_log_destroy_pending : 1;
    int task_num_cancels_requested;
#endif
    PyObject *task_fut_waiter;
    PyObject *task_coro;
    PyObject *task_name;
    PyObject *task_context;
#if PY_VERSION_HEX < 0x030D0000
    int task_must_cancel;
    int task_log_destroy_pending;
#endif
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    int task_num_cancels_requested;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    uint64_t task_node[2];
#endif
};

/* Modules/_asynciomodule.c: futureiterobject (3.9 … 3.15) */
struct phd_private_future_iterator {
    PyObject_HEAD
    PyObject *future;
};

/* Modules/_asynciomodule.c: TaskStepMethWrapper (3.9 … 3.15) */
struct phd_private_task_step_method {
    PyObject_HEAD
    PyObject *sw_task;
    PyObject *sw_arg;
};

#endif
