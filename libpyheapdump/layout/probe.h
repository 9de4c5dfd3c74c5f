/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout probe: fills a `struct phd_layout` from the CPython headers it is compiled with.
 *
 * It is the one place that knows which CPython version calls a thing by which name. Two programs include it:
 * tools/generate_layouts.py compiles it once per version to print the tables; pymodule/layout_check.c compiles it into
 * the extension to compare the table with the interpreter it was built for. Structs that CPython defines in .c files
 * are re-declared in private_structs.h; an instance is read by one only when its tp_basicsize agrees.
 *
 * Context: normal. Needs Python.h; never part of libpyheapdump.
 */
#ifndef PHD_LAYOUT_PROBE_H
#define PHD_LAYOUT_PROBE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "internal/pycore_gc.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_runtime.h"
#if PY_VERSION_HEX >= 0x030A0000
#include "internal/pycore_moduleobject.h"
#endif
#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_code.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#endif
#if PY_VERSION_HEX >= 0x030C0000
#include "internal/pycore_typeobject.h"
#endif
#if PY_VERSION_HEX >= 0x030E0000
#include "internal/pycore_genobject.h"
#include "internal/pycore_interpframe.h"
#include "internal/pycore_stackref.h"
#include "internal/pycore_tstate.h"
#endif

#include "layout/layout.h"
#include "layout/private_structs.h"

#define PHD_AT(structure, member) ((int32_t)offsetof(structure, member))

static inline int32_t phd__probe_first_bit(uint32_t word)
{
    return word ? __builtin_ctz(word) : PHD_ABSENT;
}

static inline void phd__probe_object(struct phd_layout *at)
{
    at->version = PY_VERSION_HEX >> 16;
    at->object_size = (int32_t)sizeof(PyObject);
#ifdef Py_GIL_DISABLED
    at->free_threaded = 1;
    at->object_refcnt = PHD_AT(PyObject, ob_ref_local);
    at->object_ref_shared = PHD_AT(PyObject, ob_ref_shared);
    at->gc_head_size = 0;
#else
    at->free_threaded = 0;
    at->object_refcnt = PHD_AT(PyObject, ob_refcnt);
    at->gc_head_size = (int32_t)sizeof(PyGC_Head);
#endif
#ifdef Py_TRACE_REFS
    at->trace_refs = 1;
#else
    at->trace_refs = 0;
#endif
    at->object_type = PHD_AT(PyObject, ob_type);
    at->var_size = PHD_AT(PyVarObject, ob_size);
}

static inline void phd__probe_type(struct phd_layout *at)
{
    at->type_size = (int32_t)sizeof(PyTypeObject);
    at->type_name = PHD_AT(PyTypeObject, tp_name);
    at->type_basicsize = PHD_AT(PyTypeObject, tp_basicsize);
    at->type_itemsize = PHD_AT(PyTypeObject, tp_itemsize);
    at->type_dealloc = PHD_AT(PyTypeObject, tp_dealloc);
    at->type_str = PHD_AT(PyTypeObject, tp_str);
    at->type_flags = PHD_AT(PyTypeObject, tp_flags);
    at->type_doc = PHD_AT(PyTypeObject, tp_doc);
    at->type_weaklistoffset = PHD_AT(PyTypeObject, tp_weaklistoffset);
    at->type_members = PHD_AT(PyTypeObject, tp_members);
    at->type_base = PHD_AT(PyTypeObject, tp_base);
    at->type_dict = PHD_AT(PyTypeObject, tp_dict);
    at->type_dictoffset = PHD_AT(PyTypeObject, tp_dictoffset);
    at->type_bases = PHD_AT(PyTypeObject, tp_bases);
    at->type_mro = PHD_AT(PyTypeObject, tp_mro);
    at->type_subclasses = PHD_AT(PyTypeObject, tp_subclasses);
    at->heap_type_size = (int32_t)sizeof(PyHeapTypeObject);
    at->heap_type_name = PHD_AT(PyHeapTypeObject, ht_name);
    at->heap_type_qualname = PHD_AT(PyHeapTypeObject, ht_qualname);
    at->heap_type_module = PHD_AT(PyHeapTypeObject, ht_module);
    at->heap_type_cached_keys = PHD_AT(PyHeapTypeObject, ht_cached_keys);
#ifdef Py_TPFLAGS_MANAGED_DICT
    at->flag_managed_dict = (int32_t)Py_TPFLAGS_MANAGED_DICT;
#endif
#ifdef Py_TPFLAGS_INLINE_VALUES
    at->flag_inline_values = (int32_t)Py_TPFLAGS_INLINE_VALUES;
#endif
    /* Objects/dictobject.c, Include/internal/pycore_object.h: _PyObject_DictPointer (3.11), MANAGED_DICT_OFFSET */
#if PY_VERSION_HEX >= 0x030D0000
#ifdef Py_GIL_DISABLED
    at->managed_dict = -1 * (int32_t)sizeof(void *);
#else
    at->managed_dict = -3 * (int32_t)sizeof(void *);
#endif
#elif PY_VERSION_HEX >= 0x030C0000
    at->managed_dict = -3 * (int32_t)sizeof(void *);
    at->managed_dict_tagged = 1;
#elif PY_VERSION_HEX >= 0x030B0000
    at->managed_dict = -3 * (int32_t)sizeof(void *);
    at->managed_values = -4 * (int32_t)sizeof(void *);
#endif
}

static inline uint32_t phd__probe_unicode_word(const PyASCIIObject *text)
{
    uint32_t word;
    memcpy(&word, &text->state, sizeof word);
    return word;
}

static inline void phd__probe_text(struct phd_layout *at)
{
    PyASCIIObject text;
    at->unicode_length = PHD_AT(PyASCIIObject, length);
    at->unicode_state = PHD_AT(PyASCIIObject, state);
    memset(&text, 0, sizeof text);
    text.state.kind = 1;
    at->unicode_kind_shift = phd__probe_first_bit(phd__probe_unicode_word(&text));
    memset(&text, 0, sizeof text);
    text.state.compact = 1;
    at->unicode_compact_mask = (int32_t)phd__probe_unicode_word(&text);
    memset(&text, 0, sizeof text);
    text.state.ascii = 1;
    at->unicode_ascii_mask = (int32_t)phd__probe_unicode_word(&text);
    at->unicode_ascii_size = (int32_t)sizeof(PyASCIIObject);
    at->unicode_compact_size = (int32_t)sizeof(PyCompactUnicodeObject);
    at->unicode_data = PHD_AT(PyUnicodeObject, data);
    at->unicode_utf8 = PHD_AT(PyCompactUnicodeObject, utf8);
    at->unicode_utf8_length = PHD_AT(PyCompactUnicodeObject, utf8_length);
    at->bytes_data = PHD_AT(PyBytesObject, ob_sval);
    at->bytearray_start = PHD_AT(PyByteArrayObject, ob_start);
    at->memoryview_buffer = PHD_AT(PyMemoryViewObject, view);
}

static inline void phd__probe_numbers(struct phd_layout *at)
{
#if PY_VERSION_HEX >= 0x030C0000
    at->long_tagged = 1;
    at->long_size = PHD_AT(PyLongObject, long_value.lv_tag);
    at->long_digits = PHD_AT(PyLongObject, long_value.ob_digit);
#else
    at->long_tagged = 0;
    at->long_size = PHD_AT(PyVarObject, ob_size);
    at->long_digits = PHD_AT(PyLongObject, ob_digit);
#endif
    at->long_digit_bits = PyLong_SHIFT;
    at->float_value = PHD_AT(PyFloatObject, ob_fval);
    at->complex_value = PHD_AT(PyComplexObject, cval);
}

static inline void phd__probe_containers(struct phd_layout *at)
{
    at->list_items = PHD_AT(PyListObject, ob_item);
    at->tuple_items = PHD_AT(PyTupleObject, ob_item);
    at->set_used = PHD_AT(PySetObject, used);
    at->set_mask = PHD_AT(PySetObject, mask);
    at->set_table = PHD_AT(PySetObject, table);
    at->set_entry_size = (int32_t)sizeof(setentry);
    at->dict_used = PHD_AT(PyDictObject, ma_used);
    at->dict_keys = PHD_AT(PyDictObject, ma_keys);
    at->dict_values = PHD_AT(PyDictObject, ma_values);
#if PY_VERSION_HEX >= 0x030B0000
    at->keys_log2 = 1;
    at->keys_size = PHD_AT(PyDictKeysObject, dk_log2_size);
    at->keys_log2_index_bytes = PHD_AT(PyDictKeysObject, dk_log2_index_bytes);
    at->keys_kind = PHD_AT(PyDictKeysObject, dk_kind);
    at->keys_entries_used = PHD_AT(PyDictKeysObject, dk_nentries);
    at->keys_indices = PHD_AT(PyDictKeysObject, dk_indices);
#else
    at->keys_log2 = 0;
    at->keys_size = PHD_AT(struct phd_private_dictkeys, dk_size);
    at->keys_entries_used = PHD_AT(struct phd_private_dictkeys, dk_nentries);
    at->keys_indices = PHD_AT(struct phd_private_dictkeys, dk_indices);
#endif
#if PY_VERSION_HEX >= 0x030D0000
    at->values_form = 2;
    at->values_items = PHD_AT(PyDictValues, values);
    at->values_capacity = PHD_AT(PyDictValues, capacity);
    at->values_count = PHD_AT(PyDictValues, size);
    at->values_valid = PHD_AT(PyDictValues, valid);
#elif PY_VERSION_HEX >= 0x030B0000
    at->values_form = 1;
    at->values_items = 0;
#else
    at->values_form = 0;
    at->values_items = 0;
#endif
    at->property_getter = PHD_AT(struct phd_private_property, prop_get);
#if PY_VERSION_HEX >= 0x030A0000
    at->module_dict = PHD_AT(PyModuleObject, md_dict);
    at->module_name = PHD_AT(PyModuleObject, md_name);
#else
    at->module_dict = PHD_AT(struct phd_private_module, md_dict);
    at->module_name = PHD_AT(struct phd_private_module, md_name);
#endif
}

static inline void phd__probe_code(struct phd_layout *at)
{
    at->code_argcount = PHD_AT(PyCodeObject, co_argcount);
    at->code_posonlyargcount = PHD_AT(PyCodeObject, co_posonlyargcount);
    at->code_kwonlyargcount = PHD_AT(PyCodeObject, co_kwonlyargcount);
    at->code_nlocals = PHD_AT(PyCodeObject, co_nlocals);
    at->code_flags = PHD_AT(PyCodeObject, co_flags);
    at->code_firstlineno = PHD_AT(PyCodeObject, co_firstlineno);
    at->code_name = PHD_AT(PyCodeObject, co_name);
    at->code_filename = PHD_AT(PyCodeObject, co_filename);
    at->code_names = PHD_AT(PyCodeObject, co_names);
    at->code_consts = PHD_AT(PyCodeObject, co_consts);
#if PY_VERSION_HEX >= 0x030B0000
    at->linetable_form = 2;
    at->code_qualname = PHD_AT(PyCodeObject, co_qualname);
    at->code_linetable = PHD_AT(PyCodeObject, co_linetable);
    at->code_exceptiontable = PHD_AT(PyCodeObject, co_exceptiontable);
    at->code_localsplusnames = PHD_AT(PyCodeObject, co_localsplusnames);
    at->code_localspluskinds = PHD_AT(PyCodeObject, co_localspluskinds);
    at->code_nlocalsplus = PHD_AT(PyCodeObject, co_nlocalsplus);
    at->code_adaptive = PHD_AT(PyCodeObject, co_code_adaptive);
    at->code_firsttraceable = PHD_AT(PyCodeObject, _co_firsttraceable);
#ifdef Py_GIL_DISABLED
#if PY_VERSION_HEX >= 0x030E0000
    at->code_tlbc = PHD_AT(PyCodeObject, co_tlbc);
#endif
#endif
#else
    at->code_bytes = PHD_AT(PyCodeObject, co_code);
    at->code_varnames = PHD_AT(PyCodeObject, co_varnames);
    at->code_cellvars = PHD_AT(PyCodeObject, co_cellvars);
    at->code_freevars = PHD_AT(PyCodeObject, co_freevars);
#if PY_VERSION_HEX >= 0x030A0000
    at->linetable_form = 1;
    at->code_linetable = PHD_AT(PyCodeObject, co_linetable);
#else
    at->linetable_form = 0;
    at->code_linetable = PHD_AT(PyCodeObject, co_lnotab);
#endif
#endif
}

static inline void phd__probe_old_frames(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030B0000
    at->stackref_tag_mask = 0;
    at->frame_back = PHD_AT(PyFrameObject, f_back);
    at->frame_lineno = PHD_AT(PyFrameObject, f_lineno);
    at->frame_code = PHD_AT(PyFrameObject, f_code);
    at->frame_globals = PHD_AT(PyFrameObject, f_globals);
    at->frame_builtins = PHD_AT(PyFrameObject, f_builtins);
    at->frame_locals = PHD_AT(PyFrameObject, f_locals);
    at->frame_lasti = PHD_AT(PyFrameObject, f_lasti);
    at->frame_localsplus = PHD_AT(PyFrameObject, f_localsplus);
    at->frame_valuestack = PHD_AT(PyFrameObject, f_valuestack);
    at->frame_block_count = PHD_AT(PyFrameObject, f_iblock);
    at->frame_blocks = PHD_AT(PyFrameObject, f_blockstack);
    at->frame_block_size = (int32_t)sizeof(PyTryBlock);
    at->frame_block_level = PHD_AT(PyTryBlock, b_level);
#if PY_VERSION_HEX >= 0x030A0000
    at->frame_lasti_unit = 2; /* f_lasti counts instructions since 3.10 (Objects/frameobject.c, frame_getlasti) */
    at->frame_stackdepth = PHD_AT(PyFrameObject, f_stackdepth);
#else
    at->frame_lasti_unit = 1;
    at->frame_stacktop = PHD_AT(PyFrameObject, f_stacktop);
#endif
    at->generator_frame = PHD_AT(PyGenObject, gi_frame);
#else
    (void)at;
#endif
}

static inline void phd__probe_frames(struct phd_layout *at)
{
#if PY_VERSION_HEX >= 0x030B0000
    at->frame_back = PHD_AT(struct _frame, f_back);
    at->frame_iframe = PHD_AT(struct _frame, f_frame);
    at->frame_lineno = PHD_AT(struct _frame, f_lineno);
    at->iframe_size = (int32_t)sizeof(_PyInterpreterFrame);
#if PY_VERSION_HEX >= 0x030D0000
    at->iframe_executable = PHD_AT(_PyInterpreterFrame, f_executable);
#else
    at->iframe_executable = PHD_AT(_PyInterpreterFrame, f_code);
#endif
#if PY_VERSION_HEX >= 0x030C0000
    at->iframe_function = PHD_AT(_PyInterpreterFrame, f_funcobj);
#else
    at->iframe_function = PHD_AT(_PyInterpreterFrame, f_func);
    at->iframe_is_entry = PHD_AT(_PyInterpreterFrame, is_entry);
#endif
    at->iframe_globals = PHD_AT(_PyInterpreterFrame, f_globals);
    at->iframe_builtins = PHD_AT(_PyInterpreterFrame, f_builtins);
    at->iframe_locals = PHD_AT(_PyInterpreterFrame, f_locals);
    at->iframe_frame_object = PHD_AT(_PyInterpreterFrame, frame_obj);
    at->iframe_previous = PHD_AT(_PyInterpreterFrame, previous);
#if PY_VERSION_HEX >= 0x030D0000
    at->iframe_instr = PHD_AT(_PyInterpreterFrame, instr_ptr);
    at->iframe_instr_is_previous = 0;
#else
    at->iframe_instr = PHD_AT(_PyInterpreterFrame, prev_instr);
    at->iframe_instr_is_previous = 1;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    at->iframe_stackpointer = PHD_AT(_PyInterpreterFrame, stackpointer);
    at->stackref_tag_mask = Py_TAG_BITS;
#ifdef Py_GIL_DISABLED
    at->iframe_tlbc_index = PHD_AT(_PyInterpreterFrame, tlbc_index);
#endif
#else
    at->iframe_stacktop = PHD_AT(_PyInterpreterFrame, stacktop);
    at->stackref_tag_mask = 0;
#endif
    at->iframe_owner = PHD_AT(_PyInterpreterFrame, owner);
    at->iframe_localsplus = PHD_AT(_PyInterpreterFrame, localsplus);
    at->iframe_owner_thread = FRAME_OWNED_BY_THREAD;
    at->iframe_owner_generator = FRAME_OWNED_BY_GENERATOR;
    at->iframe_owner_frame_object = FRAME_OWNED_BY_FRAME_OBJECT;
    at->generator_iframe = PHD_AT(PyGenObject, gi_iframe);
    at->generator_state = PHD_AT(PyGenObject, gi_frame_state);
#if PY_VERSION_HEX >= 0x030F0000
    at->generator_state_completed = FRAME_CLEARED;
#else
    at->generator_state_completed = FRAME_COMPLETED;
#endif
#else
    (void)at;
#endif
}

static inline void phd__probe_exceptions(struct phd_layout *at)
{
    at->traceback_next = PHD_AT(PyTracebackObject, tb_next);
    at->traceback_frame = PHD_AT(PyTracebackObject, tb_frame);
    at->traceback_lasti = PHD_AT(PyTracebackObject, tb_lasti);
    at->traceback_lineno = PHD_AT(PyTracebackObject, tb_lineno);
    at->exception_args = PHD_AT(PyBaseExceptionObject, args);
    at->exception_traceback = PHD_AT(PyBaseExceptionObject, traceback);
    at->exception_context = PHD_AT(PyBaseExceptionObject, context);
    at->exception_cause = PHD_AT(PyBaseExceptionObject, cause);
}

static inline void phd__probe_threads(struct phd_layout *at)
{
    at->thread_next = PHD_AT(PyThreadState, next);
    at->thread_interp = PHD_AT(PyThreadState, interp);
#if PY_VERSION_HEX >= 0x030D0000
    at->thread_frame = PHD_AT(PyThreadState, current_frame);
#elif PY_VERSION_HEX >= 0x030B0000
    at->thread_cframe = PHD_AT(PyThreadState, cframe);
    at->cframe_current_frame = PHD_AT(_PyCFrame, current_frame);
#else
    at->thread_frame = PHD_AT(PyThreadState, frame);
#endif
    at->thread_ident = PHD_AT(PyThreadState, thread_id);
#if PY_VERSION_HEX >= 0x030B0000
    at->thread_native_id = PHD_AT(PyThreadState, native_thread_id);
    at->excinfo_value = PHD_AT(_PyErr_StackItem, exc_value);
#else
    at->excinfo_value = PHD_AT(_PyErr_StackItem, exc_value);
#endif
    at->excinfo_previous = PHD_AT(_PyErr_StackItem, previous_item);
    at->thread_exc_info = PHD_AT(PyThreadState, exc_info);
#if PY_VERSION_HEX >= 0x030C0000
    at->thread_current_exception = PHD_AT(PyThreadState, current_exception);
#else
    at->thread_current_exception = PHD_AT(PyThreadState, curexc_value);
#endif
#if PY_VERSION_HEX >= 0x030E0000
    at->thread_asyncio_tasks = PHD_AT(_PyThreadStateImpl, asyncio_tasks_head);
    at->interp_asyncio_tasks = PHD_AT(PyInterpreterState, asyncio_tasks_head);
    at->asyncio_task_links = PHD_AT(struct phd_private_task, task_node);
#endif
}

static inline void phd__probe_runtime(struct phd_layout *at)
{
    at->interp_next = PHD_AT(PyInterpreterState, next);
    at->interp_id = PHD_AT(PyInterpreterState, id);
#if PY_VERSION_HEX >= 0x030B0000
    at->interp_threads = PHD_AT(PyInterpreterState, threads.head);
#else
    at->interp_threads = PHD_AT(PyInterpreterState, tstate_head);
#endif
#if PY_VERSION_HEX >= 0x030D0000
    at->interp_modules = PHD_AT(PyInterpreterState, imports.modules);
    at->interp_builtin_types = PHD_AT(PyInterpreterState, types.builtins.initialized);
    at->interp_builtin_type_stride = (int32_t)sizeof(managed_static_type_state);
    at->interp_builtin_type_type = PHD_AT(managed_static_type_state, type);
    at->interp_builtin_type_dict = PHD_AT(managed_static_type_state, tp_dict);
    at->interp_builtin_type_count = _Py_MAX_MANAGED_STATIC_BUILTIN_TYPES;
#elif PY_VERSION_HEX >= 0x030C0000
    at->interp_modules = PHD_AT(PyInterpreterState, imports.modules);
    at->interp_builtin_types = PHD_AT(PyInterpreterState, types.builtins);
    at->interp_builtin_type_stride = (int32_t)sizeof(static_builtin_state);
    at->interp_builtin_type_type = PHD_AT(static_builtin_state, type);
    at->interp_builtin_type_dict = PHD_AT(static_builtin_state, tp_dict);
    at->interp_builtin_type_count = _Py_MAX_STATIC_BUILTIN_TYPES;
#else
    at->interp_modules = PHD_AT(PyInterpreterState, modules);
#endif
    at->runtime_interpreters = PHD_AT(_PyRuntimeState, interpreters.head);
    at->runtime_main_interpreter = PHD_AT(_PyRuntimeState, interpreters.main);
    at->runtime_next_interpreter = PHD_AT(_PyRuntimeState, interpreters.next_id);
#if PY_VERSION_HEX >= 0x030C0000
    at->interp_gil = PHD_AT(PyInterpreterState, ceval.gil);
#else
    at->runtime_gil = PHD_AT(_PyRuntimeState, ceval.gil);
#endif
    at->gil_size = (int32_t)sizeof(struct _gil_runtime_state);
    at->gil_last_holder = PHD_AT(struct _gil_runtime_state, last_holder);
    at->gil_locked = PHD_AT(struct _gil_runtime_state, locked);
}

#include "layout/struct_types.h"

/* Fill `layout` from the headers this file is compiled with. */
static inline void phd__layout_probe(struct phd_layout *layout)
{
#define PHD_CLEAR(name) layout->name = PHD_ABSENT;
    PHD_LAYOUT_SCALARS(PHD_CLEAR)
#undef PHD_CLEAR
    phd__probe_object(layout);
    phd__probe_type(layout);
    phd__probe_text(layout);
    phd__probe_numbers(layout);
    phd__probe_containers(layout);
    phd__probe_code(layout);
    phd__probe_old_frames(layout);
    phd__probe_frames(layout);
    phd__probe_exceptions(layout);
    phd__probe_threads(layout);
    phd__probe_runtime(layout);
    phd__probe_struct_types(layout);
}

#endif
