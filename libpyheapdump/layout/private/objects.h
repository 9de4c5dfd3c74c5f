/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of builtin types (Objects/ and Python/ of CPython), whole, so that sizeof is their tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_OBJECTS_H
#define PHD_LAYOUT_PRIVATE_OBJECTS_H

/* Objects/rangeobject.c: rangeobject (3.9 … 3.15) */
struct phd_private_range {
    PyObject_HEAD
    PyObject *start;
    PyObject *stop;
    PyObject *step;
    PyObject *length;
};

#if PY_VERSION_HEX < 0x030C0000
/* Objects/rangeobject.c: rangeiterobject (3.9 … 3.11) */
struct phd_private_range_iterator {
    PyObject_HEAD
    long index;
    long start;
    long step;
    long len;
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Include/internal/pycore_range.h: _PyRangeIterObject (3.12 … 3.15) */
struct phd_private_range_iterator {
    PyObject_HEAD
    long start;
    long step;
    long len;
};
#endif

/* Objects/rangeobject.c: longrangeiterobject (3.9 … 3.15) */
struct phd_private_long_range_iterator {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030C0000
    PyObject *index;
#endif
    PyObject *start;
    PyObject *step;
    PyObject *len;
};

/* Objects/enumobject.c: enumobject (3.9 … 3.15) */
struct phd_private_enum {
    PyObject_HEAD
    Py_ssize_t en_index;
    PyObject *en_sit;
    PyObject *en_result;
    PyObject *en_longindex;
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *one;
#endif
};

/* Objects/enumobject.c: reversedobject (3.9 … 3.15) */
struct phd_private_reversed {
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *seq;
};

/* Python/bltinmodule.c: zipobject (3.9 … 3.15) */
struct phd_private_zip {
    PyObject_HEAD
    Py_ssize_t tuplesize;
    PyObject *ittuple;
    PyObject *result;
#if PY_VERSION_HEX >= 0x030A0000
    int strict;
#endif
};

/* Python/bltinmodule.c: mapobject (3.9 … 3.15) */
struct phd_private_map {
    PyObject_HEAD
    PyObject *iters;
    PyObject *func;
#if PY_VERSION_HEX >= 0x030E0000
    int strict;
#endif
};

/* Python/bltinmodule.c: filterobject (3.9 … 3.15) */
struct phd_private_filter {
    PyObject_HEAD
    PyObject *func;
    PyObject *it;
};

/* Objects/iterobject.c: seqiterobject (3.9 … 3.15) */
struct phd_private_sequence_iterator {
    PyObject_HEAD
    Py_ssize_t it_index;
    PyObject *it_seq;
};

/* Objects/iterobject.c: calliterobject (3.9 … 3.15) */
struct phd_private_callable_iterator {
    PyObject_HEAD
    PyObject *it_callable;
    PyObject *it_sentinel;
};

/* Objects/setobject.c: setiterobject (3.9 … 3.15) */
struct phd_private_set_iterator {
    PyObject_HEAD
    PyObject *si_set;
    Py_ssize_t si_used;
    Py_ssize_t si_pos;
    Py_ssize_t len;
};

/* Objects/dictobject.c: dictiterobject (3.9 … 3.15) */
struct phd_private_dict_iterator {
    PyObject_HEAD
    PyObject *di_dict;
    Py_ssize_t di_used;
    Py_ssize_t di_pos;
    PyObject *di_result;
    Py_ssize_t len;
};

/* Objects/odictobject.c: odictiterobject (3.9 … 3.15) */
struct phd_private_ordered_dict_iterator {
    PyObject_HEAD
    int kind;
    PyObject *di_odict;
    Py_ssize_t di_size;
    size_t di_state;
    PyObject *di_current;
    PyObject *di_result;
};

#if PY_VERSION_HEX >= 0x030A0000
/* Objects/codeobject.c: lineiterator (3.10 … 3.15) */
struct phd_private_lineiterator {
    PyObject_HEAD
    PyObject *li_code;
    uint64_t li_line[5];
#if PY_VERSION_HEX < 0x030B0000
    const char *li_end;
#endif
};
#endif

#if PY_VERSION_HEX >= 0x030B0000
/* Objects/codeobject.c: positionsiterator (3.11 … 3.15) */
struct phd_private_positionsiterator {
    PyObject_HEAD
    PyObject *pi_code;
    uint64_t pi_range[5];
    int pi_offset;
    int pi_endline;
    int pi_column;
    int pi_endcolumn;
};
#endif

/* Objects/funcobject.c: staticmethod (3.9 … 3.15) */
struct phd_private_staticmethod {
    PyObject_HEAD
    PyObject *sm_callable;
    PyObject *sm_dict;
};

/* Objects/funcobject.c: classmethod (3.9 … 3.15) */
struct phd_private_classmethod {
    PyObject_HEAD
    PyObject *cm_callable;
    PyObject *cm_dict;
};

/* Objects/descrobject.c: wrapperobject (3.9 … 3.15) */
struct phd_private_wrapper {
    PyObject_HEAD
    PyObject *descr;
    PyObject *self;
};

/* Objects/descrobject.c: mappingproxyobject (3.9 … 3.15) */
struct phd_private_mappingproxy {
    PyObject_HEAD
    PyObject *mapping;
};

/* Objects/typeobject.c: superobject (3.9 … 3.15) */
struct phd_private_super {
    PyObject_HEAD
    PyObject *type;
    PyObject *obj;
    PyObject *obj_type;
};

/* Objects/capsule.c: PyCapsule (3.9 … 3.15) */
struct phd_private_capsule {
    PyObject_HEAD
    void *pointer;
    const char *name;
    void *context;
    void *destructor;
#if PY_VERSION_HEX >= 0x030D0000
    void *traverse_func;
    void *clear_func;
#endif
};

/* Objects/picklebufobject.c: PyPickleBufferObject (3.9 … 3.15) */
struct phd_private_pickle_buffer {
    PyObject_HEAD
    Py_buffer view;
    PyObject *weakreflist;
};

/* Objects/namespaceobject.c: _PyNamespaceObject (3.9 … 3.15) */
struct phd_private_namespace {
    PyObject_HEAD
    PyObject *ns_dict;
};

#if PY_VERSION_HEX >= 0x030D0000
/* Include/internal/pycore_frame.h: PyFrameLocalsProxyObject (3.13 … 3.15) */
struct phd_private_frame_locals_proxy {
    PyObject_HEAD
    PyObject *frame;
};
#endif

#if PY_VERSION_HEX >= 0x030F0000
/* Include/internal/pycore_lazyimportobject.h: PyLazyImportObject (3.15) */
struct phd_private_lazy_import {
    PyObject_HEAD
    PyObject *lz_builtins;
    PyObject *lz_from;
    PyObject *lz_attr;
    PyObject *lz_code;
    int lz_instr_offset;
    int lz_active;
};
#endif

#if PY_VERSION_HEX >= 0x030F0000
/* Objects/sentinelobject.c: sentinelobject (3.15) */
struct phd_private_sentinel {
    PyObject_HEAD
    PyObject *name;
    PyObject *module;
    PyObject *repr;
};
#endif

/* Objects/genobject.c: PyCoroWrapper (3.9 … 3.15) */
struct phd_private_coroutine_wrapper {
    PyObject_HEAD
    PyObject *cw_coroutine;
};

/* Objects/genobject.c: PyAsyncGenASend (3.9 … 3.15) */
struct phd_private_async_gen_asend {
    PyObject_HEAD
    PyObject *ags_gen;
    PyObject *ags_sendval;
    int ags_state;
};

/* Objects/genobject.c: PyAsyncGenAThrow (3.9 … 3.15) */
struct phd_private_async_gen_athrow {
    PyObject_HEAD
    PyObject *agt_gen;
#if PY_VERSION_HEX < 0x030F0000
    PyObject *agt_args;
#else
    PyObject *agt_typ;
    PyObject *agt_tb;
    PyObject *agt_val;
#endif
    int agt_state;
};

/* Objects/genobject.c: _PyAsyncGenWrappedValue (3.9 … 3.15) */
struct phd_private_async_gen_wrapped_value {
    PyObject_HEAD
    PyObject *agw_val;
};

#if PY_VERSION_HEX >= 0x030A0000
/* Objects/iterobject.c: anextawaitableobject (3.10 … 3.15) */
struct phd_private_anext_awaitable {
    PyObject_HEAD
    PyObject *wrapped;
    PyObject *default_value;
};
#endif

/* Objects/genericaliasobject.c: gaobject (3.9 … 3.15) */
struct phd_private_generic_alias {
    PyObject_HEAD
    PyObject *origin;
    PyObject *args;
    PyObject *parameters;
    PyObject *weakreflist;
#if PY_VERSION_HEX >= 0x030B0000
    char starred;
    void *vectorcall;
#endif
};

#if PY_VERSION_HEX >= 0x030B0000
/* Objects/genericaliasobject.c: gaiterobject (3.11 … 3.15) */
struct phd_private_generic_alias_iterator {
    PyObject_HEAD
    PyObject *obj;
};
#endif

#if PY_VERSION_HEX >= 0x030A0000
/* Objects/unionobject.c: unionobject (3.10 … 3.15) */
struct phd_private_union {
    PyObject_HEAD
    PyObject *args;
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *hashable_args;
    PyObject *unhashable_args;
#endif
    PyObject *parameters;
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *weakreflist;
#endif
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Objects/typevarobject.c: typevarobject (3.12 … 3.15) */
struct phd_private_typevar {
    PyObject_HEAD
    PyObject *name;
    PyObject *bound;
    PyObject *evaluate_bound;
    PyObject *constraints;
    PyObject *evaluate_constraints;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *default_value;
    PyObject *evaluate_default;
#endif
    char covariant;
    char contravariant;
    char infer_variance;
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Objects/typevarobject.c: paramspecobject (3.12 … 3.15) */
struct phd_private_paramspec {
    PyObject_HEAD
    PyObject *name;
    PyObject *bound;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *default_value;
    PyObject *evaluate_default;
#endif
    char covariant;
    char contravariant;
    char infer_variance;
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Objects/typevarobject.c: typevartupleobject (3.12 … 3.15) */
struct phd_private_typevartuple {
    PyObject_HEAD
    PyObject *name;
#if PY_VERSION_HEX >= 0x030F0000
    PyObject *bound;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *default_value;
    PyObject *evaluate_default;
#endif
#if PY_VERSION_HEX >= 0x030F0000
    char covariant;
    char contravariant;
    char infer_variance;
#endif
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Objects/typevarobject.c: paramspecattrobject (3.12 … 3.15) */
struct phd_private_paramspec_attribute {
    PyObject_HEAD
    PyObject *__origin__;
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Objects/typevarobject.c: typealiasobject (3.12 … 3.15) */
struct phd_private_type_alias {
    PyObject_HEAD
    PyObject *name;
#if PY_VERSION_HEX >= 0x030F0000
    PyObject *qualname;
#endif
    PyObject *type_params;
    PyObject *compute_value;
    PyObject *value;
    PyObject *module;
};
#endif

#if PY_VERSION_HEX >= 0x030E0000
/* Objects/typevarobject.c: constevaluatorobject (3.14 … 3.15) */
struct phd_private_const_evaluator {
    PyObject_HEAD
    PyObject *value;
};
#endif

#if PY_VERSION_HEX >= 0x030E0000
/* Objects/templateobject.c: templateobject (3.14 … 3.15) */
struct phd_private_template {
    PyObject_HEAD
    PyObject *strings;
    PyObject *interpolations;
};
#endif

#if PY_VERSION_HEX >= 0x030E0000
/* Objects/templateobject.c: templateiterobject (3.14 … 3.15) */
struct phd_private_template_iterator {
    PyObject_HEAD
    PyObject *stringsiter;
    PyObject *interpolationsiter;
    int from_strings;
};
#endif

#if PY_VERSION_HEX >= 0x030E0000
/* Objects/interpolationobject.c: interpolationobject (3.14 … 3.15) */
struct phd_private_interpolation {
    PyObject_HEAD
    PyObject *value;
    PyObject *expression;
    PyObject *conversion;
    PyObject *format_spec;
};
#endif

#endif
