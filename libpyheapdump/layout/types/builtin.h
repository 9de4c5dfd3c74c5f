/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of builtin types. How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_BUILTIN_H
#define PHD_LAYOUT_TYPES_BUILTIN_H

/* PyDescr_COMMON: what all descriptors of C types begin with */
#define PHD_DESCRIPTOR_FIELDS(structure)                                                                               \
    PHD_FIELD(OBJECT_EX, "__objclass__", structure, d_common.d_type)                                                   \
    PHD_FIELD(OBJECT_EX, "__name__", structure, d_common.d_name)                                                       \
    PHD_FIELD(OBJECT_EX, "d_qualname", structure, d_common.d_qualname)

/* functions, methods, what is in them */
static inline void phd__probe_function_types(struct phd_layout *at)
{
    PHD_TYPE("function", PyFunctionObject)
    PHD_FIELD(OBJECT_EX, "__code__", PyFunctionObject, func_code)
    PHD_FIELD(OBJECT_EX, "__globals__", PyFunctionObject, func_globals)
    PHD_FIELD(OBJECT_EX, "__name__", PyFunctionObject, func_name)
    PHD_FIELD(OBJECT_EX, "__qualname__", PyFunctionObject, func_qualname)
    PHD_FIELD(OBJECT, "__module__", PyFunctionObject, func_module)
    PHD_FIELD(OBJECT, "__defaults__", PyFunctionObject, func_defaults)
    PHD_FIELD(OBJECT, "__kwdefaults__", PyFunctionObject, func_kwdefaults)
    PHD_FIELD(OBJECT, "__closure__", PyFunctionObject, func_closure)
    PHD_FIELD(OBJECT, "__doc__", PyFunctionObject, func_doc)
    PHD_FIELD(OBJECT_EX, "__annotations__", PyFunctionObject, func_annotations)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT, "__builtins__", PyFunctionObject, func_builtins)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT, "__annotate__", PyFunctionObject, func_annotate)
#endif
#if PY_VERSION_HEX >= 0x030C0000
    PHD_FIELD(OBJECT, "__type_params__", PyFunctionObject, func_typeparams)
#endif
    PHD_FIELD(OBJECT_EX, "__dict__", PyFunctionObject, func_dict)
    PHD_TYPE("method", PyMethodObject)
    PHD_FIELD(OBJECT_EX, "__func__", PyMethodObject, im_func)
    PHD_FIELD(OBJECT_EX, "__self__", PyMethodObject, im_self)
    PHD_TYPE("builtin_function_or_method", PyCFunctionObject)
    PHD_FIELD(STRING_INDIRECT, "__name__", PyCFunctionObject, m_ml)
    PHD_FIELD(OBJECT, "__self__", PyCFunctionObject, m_self)
    PHD_FIELD(OBJECT, "__module__", PyCFunctionObject, m_module)
    PHD_TYPE("builtin_method", PyCMethodObject)
    PHD_FIELD(STRING_INDIRECT, "__name__", PyCMethodObject, func.m_ml)
    PHD_FIELD(OBJECT, "__self__", PyCMethodObject, func.m_self)
    PHD_FIELD(OBJECT, "__module__", PyCMethodObject, func.m_module)
    PHD_FIELD(OBJECT_EX, "mm_class", PyCMethodObject, mm_class)
}

/* ranges, slices and iterators of builtin types */
static inline void phd__probe_iteration_types(struct phd_layout *at)
{
    PHD_TYPE("range", struct phd_private_range)
    PHD_FIELD(OBJECT, "start", struct phd_private_range, start)
    PHD_FIELD(OBJECT, "stop", struct phd_private_range, stop)
    PHD_FIELD(OBJECT, "step", struct phd_private_range, step)
    PHD_FIELD(OBJECT, "length", struct phd_private_range, length)
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("range_iterator", struct phd_private_range_iterator)
    PHD_NUMBER("index", struct phd_private_range_iterator, index)
    PHD_NUMBER("start", struct phd_private_range_iterator, start)
    PHD_NUMBER("step", struct phd_private_range_iterator, step)
    PHD_NUMBER("len", struct phd_private_range_iterator, len)
#else
    PHD_TYPE("range_iterator", struct phd_private_range_iterator)
    PHD_NUMBER("start", struct phd_private_range_iterator, start)
    PHD_NUMBER("step", struct phd_private_range_iterator, step)
    PHD_NUMBER("len", struct phd_private_range_iterator, len)
#endif
    PHD_TYPE("longrange_iterator", struct phd_private_long_range_iterator)
#if PY_VERSION_HEX < 0x030C0000
    PHD_FIELD(OBJECT_EX, "index", struct phd_private_long_range_iterator, index)
#endif
    PHD_FIELD(OBJECT_EX, "start", struct phd_private_long_range_iterator, start)
    PHD_FIELD(OBJECT_EX, "step", struct phd_private_long_range_iterator, step)
    PHD_FIELD(OBJECT_EX, "len", struct phd_private_long_range_iterator, len)
    PHD_TYPE("slice", PySliceObject)
    PHD_FIELD(OBJECT, "start", PySliceObject, start)
    PHD_FIELD(OBJECT, "stop", PySliceObject, stop)
    PHD_FIELD(OBJECT, "step", PySliceObject, step)
    PHD_TYPE("enumerate", struct phd_private_enum)
    PHD_NUMBER("en_index", struct phd_private_enum, en_index)
    PHD_FIELD(OBJECT_EX, "en_sit", struct phd_private_enum, en_sit)
    PHD_FIELD(OBJECT_EX, "en_result", struct phd_private_enum, en_result)
    PHD_FIELD(OBJECT_EX, "en_longindex", struct phd_private_enum, en_longindex)
    PHD_TYPE("reversed", struct phd_private_reversed)
    PHD_NUMBER("index", struct phd_private_reversed, index)
    PHD_FIELD(OBJECT_EX, "seq", struct phd_private_reversed, seq)
    PHD_TYPE("zip", struct phd_private_zip)
    PHD_NUMBER("tuplesize", struct phd_private_zip, tuplesize)
    PHD_FIELD(OBJECT_EX, "ittuple", struct phd_private_zip, ittuple)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_zip, result)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(BOOL, "strict", struct phd_private_zip, strict)
#endif
    PHD_TYPE("map", struct phd_private_map)
    PHD_FIELD(OBJECT_EX, "iters", struct phd_private_map, iters)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_map, func)
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(BOOL, "strict", struct phd_private_map, strict)
#endif
    PHD_TYPE("filter", struct phd_private_filter)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_filter, func)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_filter, it)
    PHD_TYPE("iterator", struct phd_private_sequence_iterator)
    PHD_NUMBER("it_index", struct phd_private_sequence_iterator, it_index)
    PHD_FIELD(OBJECT_EX, "it_seq", struct phd_private_sequence_iterator, it_seq)
    PHD_TYPE("callable_iterator", struct phd_private_callable_iterator)
    PHD_FIELD(OBJECT_EX, "it_callable", struct phd_private_callable_iterator, it_callable)
    PHD_FIELD(OBJECT_EX, "it_sentinel", struct phd_private_callable_iterator, it_sentinel)
    PHD_TYPE("list_iterator", struct phd_private_sequence_iterator)
    PHD_NUMBER("it_index", struct phd_private_sequence_iterator, it_index)
    PHD_FIELD(OBJECT_EX, "it_seq", struct phd_private_sequence_iterator, it_seq)
    PHD_SAME_FIELDS("list_reverseiterator")
    PHD_SAME_FIELDS("tuple_iterator")
    PHD_SAME_FIELDS("str_iterator")
#if PY_VERSION_HEX >= 0x030B0000
    PHD_SAME_FIELDS("str_ascii_iterator")
#endif
    PHD_SAME_FIELDS("bytes_iterator")
    PHD_SAME_FIELDS("bytearray_iterator")
}

/* views and iterators of sets and dicts, iterators of code objects */
static inline void phd__probe_collection_iterator_types(struct phd_layout *at)
{
    PHD_TYPE("set_iterator", struct phd_private_set_iterator)
    PHD_FIELD(OBJECT_EX, "si_set", struct phd_private_set_iterator, si_set)
    PHD_NUMBER("si_used", struct phd_private_set_iterator, si_used)
    PHD_NUMBER("si_pos", struct phd_private_set_iterator, si_pos)
    PHD_NUMBER("len", struct phd_private_set_iterator, len)
    PHD_TYPE("dict_keys", _PyDictViewObject)
    PHD_FIELD(OBJECT_EX, "mapping", _PyDictViewObject, dv_dict)
    PHD_SAME_FIELDS("dict_values")
    PHD_SAME_FIELDS("dict_items")
    PHD_TYPE("dict_keyiterator", struct phd_private_dict_iterator)
    PHD_FIELD(OBJECT_EX, "di_dict", struct phd_private_dict_iterator, di_dict)
    PHD_NUMBER("di_used", struct phd_private_dict_iterator, di_used)
    PHD_NUMBER("di_pos", struct phd_private_dict_iterator, di_pos)
    PHD_FIELD(OBJECT_EX, "di_result", struct phd_private_dict_iterator, di_result)
    PHD_NUMBER("len", struct phd_private_dict_iterator, len)
    PHD_SAME_FIELDS("dict_valueiterator")
    PHD_SAME_FIELDS("dict_itemiterator")
    PHD_SAME_FIELDS("dict_reversekeyiterator")
    PHD_SAME_FIELDS("dict_reversevalueiterator")
    PHD_SAME_FIELDS("dict_reverseitemiterator")
    PHD_TYPE("odict_iterator", struct phd_private_ordered_dict_iterator)
    PHD_NUMBER("kind", struct phd_private_ordered_dict_iterator, kind)
    PHD_FIELD(OBJECT_EX, "di_odict", struct phd_private_ordered_dict_iterator, di_odict)
    PHD_NUMBER("di_size", struct phd_private_ordered_dict_iterator, di_size)
    PHD_NUMBER("di_state", struct phd_private_ordered_dict_iterator, di_state)
    PHD_FIELD(OBJECT_EX, "di_current", struct phd_private_ordered_dict_iterator, di_current)
    PHD_FIELD(OBJECT_EX, "di_result", struct phd_private_ordered_dict_iterator, di_result)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_TYPE("line_iterator", struct phd_private_lineiterator)
    PHD_FIELD(OBJECT_EX, "li_code", struct phd_private_lineiterator, li_code)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_TYPE("positions_iterator", struct phd_private_positionsiterator)
    PHD_FIELD(OBJECT_EX, "pi_code", struct phd_private_positionsiterator, pi_code)
    PHD_NUMBER("pi_offset", struct phd_private_positionsiterator, pi_offset)
#endif
}

/* attributes of types: descriptors, wrappers, what super() makes */
static inline void phd__probe_descriptor_types(struct phd_layout *at)
{
    PHD_TYPE("staticmethod", struct phd_private_staticmethod)
    PHD_FIELD(OBJECT_EX, "__func__", struct phd_private_staticmethod, sm_callable)
    PHD_TYPE("classmethod", struct phd_private_classmethod)
    PHD_FIELD(OBJECT_EX, "__func__", struct phd_private_classmethod, cm_callable)
    PHD_TYPE("classmethod_descriptor", PyMethodDescrObject)
    PHD_DESCRIPTOR_FIELDS(PyMethodDescrObject)
    PHD_FIELD(ADDRESS, "d_method", PyMethodDescrObject, d_method)
    PHD_SAME_FIELDS("method_descriptor")
    PHD_TYPE("wrapper_descriptor", PyWrapperDescrObject)
    PHD_DESCRIPTOR_FIELDS(PyWrapperDescrObject)
    PHD_FIELD(ADDRESS, "d_base", PyWrapperDescrObject, d_base)
    PHD_FIELD(ADDRESS, "d_wrapped", PyWrapperDescrObject, d_wrapped)
    PHD_TYPE("getset_descriptor", PyGetSetDescrObject)
    PHD_DESCRIPTOR_FIELDS(PyGetSetDescrObject)
    PHD_FIELD(ADDRESS, "d_getset", PyGetSetDescrObject, d_getset)
    PHD_TYPE("member_descriptor", PyMemberDescrObject)
    PHD_DESCRIPTOR_FIELDS(PyMemberDescrObject)
    PHD_FIELD(ADDRESS, "d_member", PyMemberDescrObject, d_member)
    PHD_TYPE("method-wrapper", struct phd_private_wrapper)
    PHD_FIELD(OBJECT_EX, "descr", struct phd_private_wrapper, descr)
    PHD_FIELD(OBJECT_EX, "__self__", struct phd_private_wrapper, self)
    PHD_TYPE("instancemethod", PyInstanceMethodObject)
    PHD_FIELD(OBJECT_EX, "__func__", PyInstanceMethodObject, func)
    PHD_TYPE("cell", PyCellObject)
    PHD_FIELD(OBJECT_EX, "cell_contents", PyCellObject, ob_ref)
    PHD_TYPE("property", struct phd_private_property)
    PHD_FIELD(OBJECT, "fget", struct phd_private_property, prop_get)
    PHD_FIELD(OBJECT, "fset", struct phd_private_property, prop_set)
    PHD_FIELD(OBJECT, "fdel", struct phd_private_property, prop_del)
    PHD_FIELD(OBJECT, "__doc__", struct phd_private_property, prop_doc)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "prop_name", struct phd_private_property, prop_name)
#endif
    PHD_TYPE("mappingproxy", struct phd_private_mappingproxy)
    PHD_FIELD(OBJECT_EX, "mapping", struct phd_private_mappingproxy, mapping)
    PHD_TYPE("super", struct phd_private_super)
    PHD_FIELD(OBJECT, "__thisclass__", struct phd_private_super, type)
    PHD_FIELD(OBJECT, "__self__", struct phd_private_super, obj)
    PHD_FIELD(OBJECT, "__self_class__", struct phd_private_super, obj_type)
}

/* objects that hold others: modules, capsules, weak references, buffers */
static inline void phd__probe_reference_types(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030F0000
    PHD_TYPE("module", PyModuleObject)
    PHD_FIELD(ADDRESS, "md_def", PyModuleObject, md_def)
    PHD_FIELD(ADDRESS, "md_state", PyModuleObject, md_state)
    PHD_FIELD(OBJECT, "md_name", PyModuleObject, md_name)
#else
    PHD_TYPE("module", PyModuleObject)
    PHD_FIELD(ADDRESS, "md_token", PyModuleObject, md_token)
    PHD_FIELD(BOOL, "md_token_is_def", PyModuleObject, md_token_is_def)
    PHD_FIELD(ADDRESS, "md_state", PyModuleObject, md_state)
    PHD_FIELD(OBJECT, "md_name", PyModuleObject, md_name)
#endif
    PHD_TYPE("PyCapsule", struct phd_private_capsule)
    PHD_FIELD(STRING, "name", struct phd_private_capsule, name)
    PHD_FIELD(ADDRESS, "pointer", struct phd_private_capsule, pointer)
    PHD_FIELD(ADDRESS, "context", struct phd_private_capsule, context)
    PHD_FIELD(ADDRESS, "destructor", struct phd_private_capsule, destructor)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("weakref", PyWeakReference)
#else
    PHD_TYPE("weakref.ReferenceType", PyWeakReference)
#endif
    PHD_FIELD(BORROWED, "wr_object", PyWeakReference, wr_object)
    PHD_FIELD(OBJECT, "__callback__", PyWeakReference, wr_callback)
#if PY_VERSION_HEX < 0x030A0000
    PHD_SAME_FIELDS("weakproxy")
#else
    PHD_SAME_FIELDS("weakref.ProxyType")
#endif
#if PY_VERSION_HEX < 0x030A0000
    PHD_SAME_FIELDS("weakcallableproxy")
#else
    PHD_SAME_FIELDS("weakref.CallableProxyType")
#endif
    PHD_SIZED_TYPE("memoryview", offsetof(PyMemoryViewObject, ob_array))
    PHD_FIELD(OBJECT_EX, "mbuf", PyMemoryViewObject, mbuf)
    PHD_FIELD(OBJECT, "obj", PyMemoryViewObject, view.obj)
    PHD_NUMBER("flags", PyMemoryViewObject, flags)
    PHD_NUMBER("exports", PyMemoryViewObject, exports)
    PHD_FIELD(ADDRESS, "buf", PyMemoryViewObject, view.buf)
    PHD_NUMBER("nbytes", PyMemoryViewObject, view.len)
    PHD_NUMBER("itemsize", PyMemoryViewObject, view.itemsize)
    PHD_FIELD(BOOL, "readonly", PyMemoryViewObject, view.readonly)
    PHD_NUMBER("ndim", PyMemoryViewObject, view.ndim)
    PHD_FIELD(STRING, "format", PyMemoryViewObject, view.format)
    PHD_FIELD(ADDRESS, "_shape", PyMemoryViewObject, view.shape)
    PHD_FIELD(ADDRESS, "_strides", PyMemoryViewObject, view.strides)
    PHD_FIELD(ADDRESS, "suboffsets", PyMemoryViewObject, view.suboffsets)
    PHD_TYPE("managedbuffer", _PyManagedBufferObject)
    PHD_FIELD(OBJECT, "obj", _PyManagedBufferObject, master.obj)
    PHD_NUMBER("flags", _PyManagedBufferObject, flags)
    PHD_NUMBER("exports", _PyManagedBufferObject, exports)
    PHD_FIELD(ADDRESS, "buf", _PyManagedBufferObject, master.buf)
    PHD_NUMBER("nbytes", _PyManagedBufferObject, master.len)
    PHD_TYPE("pickle.PickleBuffer", struct phd_private_pickle_buffer)
    PHD_FIELD(OBJECT, "obj", struct phd_private_pickle_buffer, view.obj)
    PHD_FIELD(ADDRESS, "buf", struct phd_private_pickle_buffer, view.buf)
    PHD_NUMBER("nbytes", struct phd_private_pickle_buffer, view.len)
    PHD_TYPE("types.SimpleNamespace", struct phd_private_namespace)
#if PY_VERSION_HEX >= 0x030D0000
    PHD_TYPE("FrameLocalsProxy", struct phd_private_frame_locals_proxy)
    PHD_FIELD(OBJECT_EX, "frame", struct phd_private_frame_locals_proxy, frame)
#endif
#if PY_VERSION_HEX >= 0x030F0000
    PHD_TYPE("lazy_import", struct phd_private_lazy_import)
    PHD_FIELD(OBJECT, "lz_builtins", struct phd_private_lazy_import, lz_builtins)
    PHD_FIELD(OBJECT, "lz_from", struct phd_private_lazy_import, lz_from)
    PHD_FIELD(OBJECT, "lz_attr", struct phd_private_lazy_import, lz_attr)
    PHD_FIELD(OBJECT, "lz_code", struct phd_private_lazy_import, lz_code)
    PHD_NUMBER("lz_instr_offset", struct phd_private_lazy_import, lz_instr_offset)
    PHD_TYPE("sentinel", struct phd_private_sentinel)
    PHD_FIELD(OBJECT, "__name__", struct phd_private_sentinel, name)
    PHD_FIELD(OBJECT, "__module__", struct phd_private_sentinel, module)
    PHD_FIELD(OBJECT, "repr", struct phd_private_sentinel, repr)
#endif
}

/* generators, coroutines and what awaits them; their frames are read by the walker */
static inline void phd__probe_generator_types(struct phd_layout *at)
{
#if PY_VERSION_HEX >= 0x030B0000
    PHD_SIZED_TYPE("generator", offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus))
#else
    PHD_TYPE("generator", PyGenObject)
#endif
#if PY_VERSION_HEX < 0x030A0000
    PHD_FIELD(BOOL, "gi_running", PyGenObject, gi_running)
#endif
#if PY_VERSION_HEX < 0x030C0000
    PHD_FIELD(OBJECT_EX, "gi_code", PyGenObject, gi_code)
#endif
    PHD_FIELD(OBJECT, "__name__", PyGenObject, gi_name)
    PHD_FIELD(OBJECT, "__qualname__", PyGenObject, gi_qualname)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_NUMBER("gi_frame_state", PyGenObject, gi_frame_state)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_SIZED_TYPE("coroutine", offsetof(PyCoroObject, cr_iframe) + offsetof(_PyInterpreterFrame, localsplus))
#else
    PHD_TYPE("coroutine", PyCoroObject)
#endif
#if PY_VERSION_HEX < 0x030A0000
    PHD_FIELD(BOOL, "cr_running", PyCoroObject, cr_running)
#endif
#if PY_VERSION_HEX < 0x030C0000
    PHD_FIELD(OBJECT_EX, "cr_code", PyCoroObject, cr_code)
#endif
    PHD_FIELD(OBJECT, "__name__", PyCoroObject, cr_name)
    PHD_FIELD(OBJECT, "__qualname__", PyCoroObject, cr_qualname)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_NUMBER("cr_frame_state", PyCoroObject, cr_frame_state)
#else
    PHD_FIELD(OBJECT, "cr_origin", PyCoroObject, cr_origin)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_FIELD(OBJECT, "cr_origin_or_finalizer", PyCoroObject, cr_origin_or_finalizer)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_SIZED_TYPE("async_generator", offsetof(PyAsyncGenObject, ag_iframe) + offsetof(_PyInterpreterFrame, localsplus))
#else
    PHD_TYPE("async_generator", PyAsyncGenObject)
#endif
#if PY_VERSION_HEX < 0x030A0000
    PHD_FIELD(BOOL, "ag_running", PyAsyncGenObject, ag_running)
#endif
#if PY_VERSION_HEX < 0x030C0000
    PHD_FIELD(OBJECT_EX, "ag_code", PyAsyncGenObject, ag_code)
#endif
    PHD_FIELD(OBJECT, "__name__", PyAsyncGenObject, ag_name)
    PHD_FIELD(OBJECT, "__qualname__", PyAsyncGenObject, ag_qualname)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_NUMBER("ag_frame_state", PyAsyncGenObject, ag_frame_state)
#else
    PHD_FIELD(OBJECT, "ag_finalizer", PyAsyncGenObject, ag_finalizer)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_FIELD(OBJECT, "ag_origin_or_finalizer", PyAsyncGenObject, ag_origin_or_finalizer)
#endif
    PHD_FIELD(BOOL, "ag_hooks_inited", PyAsyncGenObject, ag_hooks_inited)
    PHD_FIELD(BOOL, "ag_closed", PyAsyncGenObject, ag_closed)
    PHD_FIELD(BOOL, "ag_running_async", PyAsyncGenObject, ag_running_async)
    PHD_TYPE("coroutine_wrapper", struct phd_private_coroutine_wrapper)
    PHD_FIELD(OBJECT_EX, "cw_coroutine", struct phd_private_coroutine_wrapper, cw_coroutine)
    PHD_TYPE("async_generator_asend", struct phd_private_async_gen_asend)
    PHD_FIELD(OBJECT_EX, "ags_gen", struct phd_private_async_gen_asend, ags_gen)
    PHD_FIELD(OBJECT, "ags_sendval", struct phd_private_async_gen_asend, ags_sendval)
    PHD_NUMBER("ags_state", struct phd_private_async_gen_asend, ags_state)
    PHD_TYPE("async_generator_athrow", struct phd_private_async_gen_athrow)
    PHD_FIELD(OBJECT_EX, "agt_gen", struct phd_private_async_gen_athrow, agt_gen)
#if PY_VERSION_HEX < 0x030F0000
    PHD_FIELD(OBJECT, "agt_args", struct phd_private_async_gen_athrow, agt_args)
#else
    PHD_FIELD(OBJECT, "agt_typ", struct phd_private_async_gen_athrow, agt_typ)
    PHD_FIELD(OBJECT, "agt_tb", struct phd_private_async_gen_athrow, agt_tb)
    PHD_FIELD(OBJECT, "agt_val", struct phd_private_async_gen_athrow, agt_val)
#endif
    PHD_NUMBER("agt_state", struct phd_private_async_gen_athrow, agt_state)
    PHD_TYPE("async_generator_wrapped_value", struct phd_private_async_gen_wrapped_value)
    PHD_FIELD(OBJECT_EX, "agw_val", struct phd_private_async_gen_wrapped_value, agw_val)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_TYPE("anext_awaitable", struct phd_private_anext_awaitable)
    PHD_FIELD(OBJECT_EX, "wrapped", struct phd_private_anext_awaitable, wrapped)
    PHD_FIELD(OBJECT_EX, "default_value", struct phd_private_anext_awaitable, default_value)
#endif
}

/* generic aliases, unions, type parameters, templates */
static inline void phd__probe_typing_types(struct phd_layout *at)
{
    PHD_TYPE("types.GenericAlias", struct phd_private_generic_alias)
    PHD_FIELD(OBJECT, "__origin__", struct phd_private_generic_alias, origin)
    PHD_FIELD(OBJECT, "__args__", struct phd_private_generic_alias, args)
    PHD_FIELD(OBJECT_EX, "__parameters__", struct phd_private_generic_alias, parameters)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_FIELD(BOOL, "__unpacked__", struct phd_private_generic_alias, starred)
#endif
#if PY_VERSION_HEX >= 0x030B0000
    PHD_TYPE("generic_alias_iterator", struct phd_private_generic_alias_iterator)
    PHD_FIELD(OBJECT_EX, "obj", struct phd_private_generic_alias_iterator, obj)
#endif
#if PY_VERSION_HEX >= 0x030A0000
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("types.UnionType", struct phd_private_union)
#else
    PHD_TYPE("typing.Union", struct phd_private_union)
#endif
    PHD_FIELD(OBJECT, "__args__", struct phd_private_union, args)
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT, "hashable_args", struct phd_private_union, hashable_args)
    PHD_FIELD(OBJECT, "unhashable_args", struct phd_private_union, unhashable_args)
#endif
    PHD_FIELD(OBJECT_EX, "__parameters__", struct phd_private_union, parameters)
#endif
#if PY_VERSION_HEX >= 0x030C0000
    PHD_TYPE("typing.TypeVar", struct phd_private_typevar)
    PHD_FIELD(OBJECT, "__name__", struct phd_private_typevar, name)
    PHD_FIELD(OBJECT_EX, "__bound__", struct phd_private_typevar, bound)
    PHD_FIELD(OBJECT_EX, "evaluate_bound", struct phd_private_typevar, evaluate_bound)
    PHD_FIELD(OBJECT_EX, "__constraints__", struct phd_private_typevar, constraints)
    PHD_FIELD(OBJECT_EX, "evaluate_constraints", struct phd_private_typevar, evaluate_constraints)
#if PY_VERSION_HEX >= 0x030D0000
    PHD_FIELD(OBJECT_EX, "__default__", struct phd_private_typevar, default_value)
    PHD_FIELD(OBJECT_EX, "evaluate_default", struct phd_private_typevar, evaluate_default)
#endif
    PHD_FIELD(BOOL, "__covariant__", struct phd_private_typevar, covariant)
    PHD_FIELD(BOOL, "__contravariant__", struct phd_private_typevar, contravariant)
    PHD_FIELD(BOOL, "__infer_variance__", struct phd_private_typevar, infer_variance)
    PHD_TYPE("typing.ParamSpec", struct phd_private_paramspec)
    PHD_FIELD(OBJECT, "__name__", struct phd_private_paramspec, name)
    PHD_FIELD(OBJECT, "__bound__", struct phd_private_paramspec, bound)
#if PY_VERSION_HEX >= 0x030D0000
    PHD_FIELD(OBJECT_EX, "__default__", struct phd_private_paramspec, default_value)
    PHD_FIELD(OBJECT_EX, "evaluate_default", struct phd_private_paramspec, evaluate_default)
#endif
    PHD_FIELD(BOOL, "__covariant__", struct phd_private_paramspec, covariant)
    PHD_FIELD(BOOL, "__contravariant__", struct phd_private_paramspec, contravariant)
    PHD_FIELD(BOOL, "__infer_variance__", struct phd_private_paramspec, infer_variance)
    PHD_TYPE("typing.TypeVarTuple", struct phd_private_typevartuple)
    PHD_FIELD(OBJECT, "__name__", struct phd_private_typevartuple, name)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT, "__bound__", struct phd_private_typevartuple, bound)
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PHD_FIELD(OBJECT_EX, "__default__", struct phd_private_typevartuple, default_value)
    PHD_FIELD(OBJECT_EX, "evaluate_default", struct phd_private_typevartuple, evaluate_default)
#endif
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(BOOL, "__covariant__", struct phd_private_typevartuple, covariant)
    PHD_FIELD(BOOL, "__contravariant__", struct phd_private_typevartuple, contravariant)
    PHD_FIELD(BOOL, "__infer_variance__", struct phd_private_typevartuple, infer_variance)
#endif
    PHD_TYPE("typing.ParamSpecArgs", struct phd_private_paramspec_attribute)
    PHD_FIELD(OBJECT, "__origin__", struct phd_private_paramspec_attribute, __origin__)
    PHD_SAME_FIELDS("typing.ParamSpecKwargs")
    PHD_TYPE("typing.TypeAliasType", struct phd_private_type_alias)
    PHD_FIELD(OBJECT, "__name__", struct phd_private_type_alias, name)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT, "__qualname__", struct phd_private_type_alias, qualname)
#endif
    PHD_FIELD(OBJECT, "__type_params__", struct phd_private_type_alias, type_params)
    PHD_FIELD(OBJECT_EX, "__value__", struct phd_private_type_alias, value)
    PHD_FIELD(OBJECT_EX, "compute_value", struct phd_private_type_alias, compute_value)
    PHD_FIELD(OBJECT, "__module__", struct phd_private_type_alias, module)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_TYPE("_typing._ConstEvaluator", struct phd_private_const_evaluator)
    PHD_FIELD(OBJECT_EX, "value", struct phd_private_const_evaluator, value)
    PHD_TYPE("string.templatelib.Template", struct phd_private_template)
    PHD_FIELD(OBJECT, "strings", struct phd_private_template, strings)
    PHD_FIELD(OBJECT, "interpolations", struct phd_private_template, interpolations)
    PHD_TYPE("string.templatelib.TemplateIter", struct phd_private_template_iterator)
    PHD_FIELD(OBJECT_EX, "stringsiter", struct phd_private_template_iterator, stringsiter)
    PHD_FIELD(OBJECT_EX, "interpolationsiter", struct phd_private_template_iterator, interpolationsiter)
    PHD_FIELD(BOOL, "from_strings", struct phd_private_template_iterator, from_strings)
    PHD_TYPE("string.templatelib.Interpolation", struct phd_private_interpolation)
    PHD_FIELD(OBJECT, "value", struct phd_private_interpolation, value)
    PHD_FIELD(OBJECT, "expression", struct phd_private_interpolation, expression)
    PHD_FIELD(OBJECT, "conversion", struct phd_private_interpolation, conversion)
    PHD_FIELD(OBJECT, "format_spec", struct phd_private_interpolation, format_spec)
#endif
}

#endif
