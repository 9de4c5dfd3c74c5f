/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of locks, queues, context variables and asyncio.
 * How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_CONCURRENCY_H
#define PHD_LAYOUT_TYPES_CONCURRENCY_H

/* locks, thread-local data, queues */
static inline void phd__probe_thread_types(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_thread.lock", struct phd_private_lock)
    PHD_FIELD(BOOL, "locked", struct phd_private_lock, locked)
    PHD_FIELD(ADDRESS, "lock_lock", struct phd_private_lock, lock_lock)
#else
    PHD_TYPE("_thread.lock", struct phd_private_lock)
    PHD_BITS("locked", struct phd_private_lock, lock.locked)
#endif
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_thread.RLock", struct phd_private_rlock)
    PHD_NUMBER("count", struct phd_private_rlock, rlock_count)
    PHD_NUMBER("owner", struct phd_private_rlock, rlock_owner)
    PHD_FIELD(ADDRESS, "rlock_lock", struct phd_private_rlock, rlock_lock)
#else
    PHD_TYPE("_thread.RLock", struct phd_private_rlock)
    PHD_FIELD(LOCK_COUNT, "count", struct phd_private_rlock, lock)
    PHD_NUMBER("owner", struct phd_private_rlock, lock.thread)
    PHD_BITS("locked", struct phd_private_rlock, lock.mutex.locked)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_thread._local", struct phd_private_local)
    PHD_FIELD(OBJECT_EX, "key", struct phd_private_local, key)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_local, args)
    PHD_FIELD(OBJECT_EX, "kw", struct phd_private_local, kw)
    PHD_FIELD(OBJECT_EX, "dummies", struct phd_private_local, dummies)
    PHD_FIELD(OBJECT_EX, "wr_callback", struct phd_private_local, wr_callback)
#else
    PHD_TYPE("_thread._local", struct phd_private_local)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_local, args)
    PHD_FIELD(OBJECT_EX, "kw", struct phd_private_local, kw)
    PHD_FIELD(OBJECT_EX, "localdicts", struct phd_private_local, localdicts)
    PHD_FIELD(OBJECT_EX, "thread_watchdogs", struct phd_private_local, thread_watchdogs)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_thread._localdummy", struct phd_private_localdummy)
    PHD_FIELD(OBJECT_EX, "localdict", struct phd_private_localdummy, localdict)
#else
    PHD_TYPE("_thread._localdummy", struct phd_private_localdummy)
    PHD_TYPE("_thread._ThreadHandle", struct phd_private_thread_handle)
    PHD_FIELD(ADDRESS, "handle", struct phd_private_thread_handle, handle)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_queue.SimpleQueue", struct phd_private_simple_queue)
    PHD_FIELD(BOOL, "locked", struct phd_private_simple_queue, locked)
    PHD_FIELD(OBJECT_EX, "_lst", struct phd_private_simple_queue, lst)
    PHD_NUMBER("_lst_pos", struct phd_private_simple_queue, lst_pos)
#else
    PHD_TYPE("_queue.SimpleQueue", struct phd_private_simple_queue)
    PHD_FIELD(BOOL, "has_threads_waiting", struct phd_private_simple_queue, has_threads_waiting)
    PHD_NUMBER("_put_idx", struct phd_private_simple_queue, buf.put_idx)
    PHD_NUMBER("_get_idx", struct phd_private_simple_queue, buf.get_idx)
    PHD_FIELD(ADDRESS, "_items", struct phd_private_simple_queue, buf.items)
    PHD_NUMBER("_items_cap", struct phd_private_simple_queue, buf.items_cap)
    PHD_NUMBER("_num_items", struct phd_private_simple_queue, buf.num_items)
#endif
}

/* context variables, semaphores of multiprocessing */
static inline void phd__probe_context_types(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("Context", struct phd_private_context)
#else
    PHD_TYPE("_contextvars.Context", struct phd_private_context)
#endif
    PHD_FIELD(OBJECT, "ctx_prev", struct phd_private_context, ctx_prev)
    PHD_FIELD(OBJECT, "ctx_vars", struct phd_private_context, ctx_vars)
    PHD_FIELD(BOOL, "ctx_entered", struct phd_private_context, ctx_entered)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("ContextVar", struct phd_private_context_var)
#else
    PHD_TYPE("_contextvars.ContextVar", struct phd_private_context_var)
#endif
    PHD_FIELD(OBJECT, "name", struct phd_private_context_var, var_name)
    PHD_FIELD(OBJECT_EX, "var_default", struct phd_private_context_var, var_default)
    PHD_NUMBER("var_hash", struct phd_private_context_var, var_hash)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("Token", struct phd_private_context_token)
#else
    PHD_TYPE("_contextvars.Token", struct phd_private_context_token)
#endif
    PHD_FIELD(OBJECT, "tok_ctx", struct phd_private_context_token, tok_ctx)
    PHD_FIELD(OBJECT, "var", struct phd_private_context_token, tok_var)
    PHD_FIELD(OBJECT_EX, "tok_oldval", struct phd_private_context_token, tok_oldval)
    PHD_FIELD(BOOL, "tok_used", struct phd_private_context_token, tok_used)
    PHD_TYPE("hamt", struct phd_private_hamt)
    PHD_FIELD(OBJECT_EX, "h_root", struct phd_private_hamt, h_root)
    PHD_NUMBER("h_count", struct phd_private_hamt, h_count)
    PHD_SIZED_TYPE("hamt_bitmap_node", offsetof(struct phd_private_hamt_bitmap_node, b_array))
    PHD_NUMBER("b_bitmap", struct phd_private_hamt_bitmap_node, b_bitmap)
    PHD_SIZED_TYPE("hamt_collision_node", offsetof(struct phd_private_hamt_collision_node, c_array))
    PHD_NUMBER("c_hash", struct phd_private_hamt_collision_node, c_hash)
    PHD_TYPE("hamt_array_node", struct phd_private_hamt_array_node)
    PHD_NUMBER("a_count", struct phd_private_hamt_array_node, a_count)
    PHD_TYPE("_multiprocessing.SemLock", struct phd_private_sem_lock)
    PHD_FIELD(STRING, "name", struct phd_private_sem_lock, name)
    PHD_NUMBER("kind", struct phd_private_sem_lock, kind)
    PHD_NUMBER("maxvalue", struct phd_private_sem_lock, maxvalue)
    PHD_NUMBER("count", struct phd_private_sem_lock, count)
    PHD_NUMBER("last_tid", struct phd_private_sem_lock, last_tid)
    PHD_FIELD(ADDRESS, "handle", struct phd_private_sem_lock, handle)
}

/* The fields of a future come first in a task too (FutureObj_HEAD). */
static inline void phd__probe_future_fields(struct phd_layout *at)
{
    PHD_FIELD(OBJECT_EX, "_loop", struct phd_private_future, fut_loop)
    PHD_FIELD(OBJECT_EX, "fut_callback0", struct phd_private_future, fut_callback0)
    PHD_FIELD(OBJECT_EX, "fut_context0", struct phd_private_future, fut_context0)
    PHD_FIELD(OBJECT_EX, "fut_callbacks", struct phd_private_future, fut_callbacks)
    PHD_FIELD(OBJECT, "_exception", struct phd_private_future, fut_exception)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "fut_exception_tb", struct phd_private_future, fut_exception_tb)
#endif
    PHD_FIELD(OBJECT, "_result", struct phd_private_future, fut_result)
    PHD_FIELD(OBJECT, "_source_traceback", struct phd_private_future, fut_source_tb)
    PHD_FIELD(OBJECT, "_cancel_message", struct phd_private_future, fut_cancel_msg)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_FIELD(OBJECT_EX, "fut_cancelled_exc", struct phd_private_future, fut_cancelled_exc)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "fut_awaited_by", struct phd_private_future, fut_awaited_by)
#endif
    PHD_NUMBER("fut_state", struct phd_private_future, fut_state) /* 0 pending, 1 cancelled, 2 finished */
    PHD_BITS("_log_traceback", struct phd_private_future, fut_log_tb)
    PHD_BITS("_asyncio_future_blocking", struct phd_private_future, fut_blocking)
}

/* _asyncio; a task has the fields of its future first */
static inline void phd__probe_asyncio_types(struct phd_layout *at)
{
    PHD_TYPE("_asyncio.Future", struct phd_private_future)
    phd__probe_future_fields(at);
    PHD_TYPE("_asyncio.Task", struct phd_private_task)
    phd__probe_future_fields(at);
    PHD_FIELD(OBJECT_EX, "_coro", struct phd_private_task, task_coro)
    PHD_FIELD(OBJECT, "_fut_waiter", struct phd_private_task, task_fut_waiter)
    PHD_FIELD(OBJECT_EX, "task_name", struct phd_private_task, task_name)
    PHD_FIELD(OBJECT_EX, "task_context", struct phd_private_task, task_context)
    PHD_BITS("_must_cancel", struct phd_private_task, task_must_cancel)
    PHD_BITS("_log_destroy_pending", struct phd_private_task, task_log_destroy_pending)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_NUMBER("_num_cancels_requested", struct phd_private_task, task_num_cancels_requested)
#endif
    PHD_TYPE("_asyncio.FutureIter", struct phd_private_future_iterator)
    PHD_FIELD(OBJECT_EX, "future", struct phd_private_future_iterator, future)
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("TaskStepMethWrapper", struct phd_private_task_step_method)
#else
    PHD_TYPE("_asyncio.TaskStepMethWrapper", struct phd_private_task_step_method)
#endif
    PHD_FIELD(OBJECT_EX, "sw_task", struct phd_private_task_step_method, sw_task)
    PHD_FIELD(OBJECT_EX, "sw_arg", struct phd_private_task_step_method, sw_arg)
}

#endif
