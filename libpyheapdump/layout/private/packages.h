/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of C types of well-known packages, from their public headers, so that nothing of them is needed to build.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_PACKAGES_H
#define PHD_LAYOUT_PRIVATE_PACKAGES_H

/* numpy/ndarraytypes.h: PyArrayObject_fields (numpy 1.22 … 2.5; the last members came with 1.20 and 1.22) */
struct phd_private_numpy_array {
    PyObject_HEAD
    void *data;
    int nd;
    void *dimensions;
    void *strides;
    PyObject *base;
    PyObject *descr;
    int flags;
    PyObject *weakreflist;
    void *buffer_info;
    PyObject *mem_handler;
};

/* numpy/ndarraytypes.h: PyArray_Descr of numpy 1 */
struct phd_private_numpy1_dtype {
    PyObject_HEAD
    PyObject *typeobj;
    char kind;
    char type;
    char byteorder;
    char flags;
    int type_num;
    int elsize;
    int alignment;
    void *subarray;
    PyObject *fields;
    PyObject *names;
    void *f;
    PyObject *metadata;
    void *c_metadata;
    Py_hash_t hash;
};

/* numpy/ndarraytypes.h: PyArray_Descr of numpy 2, then the members of _PyArray_LegacyDescr, which all but the newest kinds
 * of dtype have */
struct phd_private_numpy2_dtype {
    PyObject_HEAD
    PyObject *typeobj;
    char kind;
    char type;
    char byteorder;
    char former_flags;
    int type_num;
    uint64_t flags;
    Py_ssize_t elsize;
    Py_ssize_t alignment;
    PyObject *metadata;
    Py_hash_t hash;
    void *reserved_null[2];
    void *subarray;
    PyObject *fields;
    PyObject *names;
    void *c_metadata;
};

/* numpy/arrayscalars.h */
#define PHD_NUMPY_SCALAR(name, type)                                                                                   \
    struct phd_private_numpy_##name {                                                                                  \
        PyObject_HEAD                                                                                                  \
        type obval;                                                                                                    \
    };

PHD_NUMPY_SCALAR(bool, char)
PHD_NUMPY_SCALAR(int8, signed char)
PHD_NUMPY_SCALAR(uint8, unsigned char)
PHD_NUMPY_SCALAR(int16, short)
PHD_NUMPY_SCALAR(uint16, unsigned short)
PHD_NUMPY_SCALAR(int32, int)
PHD_NUMPY_SCALAR(uint32, unsigned int)
PHD_NUMPY_SCALAR(int64, long)
PHD_NUMPY_SCALAR(uint64, unsigned long)
PHD_NUMPY_SCALAR(longlong, long long)
PHD_NUMPY_SCALAR(ulonglong, unsigned long long)
PHD_NUMPY_SCALAR(float16, unsigned short)
PHD_NUMPY_SCALAR(float32, float)
PHD_NUMPY_SCALAR(float64, double)
PHD_NUMPY_SCALAR(longdouble, long double)
PHD_NUMPY_SCALAR(object, PyObject *)

struct phd_private_numpy_complex64 {
    PyObject_HEAD
    float obval[2];
};

struct phd_private_numpy_complex128 {
    PyObject_HEAD
    double obval[2];
};

struct phd_private_numpy_clongdouble {
    PyObject_HEAD
    long double obval[2];
};

/* PyDatetimeScalarObject, PyTimedeltaScalarObject */
struct phd_private_numpy_time {
    PyObject_HEAD
    int64_t obval;
    int unit; /* obmeta.base, NPY_DATETIMEUNIT */
    int num;  /* obmeta.num */
};

/* PyVoidScalarObject (numpy 1.20 … 2.5) */
struct phd_private_numpy_void {
    PyObject_VAR_HEAD
    void *obval;
    PyObject *descr;
    int flags;
    PyObject *base;
    void *buffer_info;
};

/* PyUnicodeScalarObject (numpy 1.20 … 2.5) */
struct phd_private_numpy_str {
    PyUnicodeObject base;
    void *obval;
    void *buffer_fmt;
};

/* pandas/_libs/tslibs/timestamps.pxd, timedeltas.pxd, nattype.pxd: what Cython makes of them. The base is that of
 * datetime; `vtable` is Cython's. Units are numbers of NPY_DATETIMEUNIT. */
struct phd_private_pandas_timestamp { /* pandas 2.0 … 3.1 */
    PyDateTime_DateTime base;
    void *vtable;
    int64_t value;
    int64_t nanosecond;
    int64_t year;
    int unit;
};

struct phd_private_pandas15_timestamp { /* 1.5 */
    PyDateTime_DateTime base;
    void *vtable;
    int64_t value;
    int64_t nanosecond;
    int64_t year;
    PyObject *freq;
    int unit;
};

struct phd_private_pandas1_timestamp { /* 1.1 … 1.4 */
    PyDateTime_DateTime base;
    void *vtable;
    int64_t value;
    int64_t nanosecond;
    PyObject *freq;
};

/* 1.5 … 3.1; in 1.1 … 1.4 a pointer to an object stands where `populated` is, no `unit`, and the rest as far behind */
struct phd_private_pandas_timedelta {
    PyDateTime_Delta base;
    void *vtable;
    int64_t value;
    int64_t populated; /* an int, in memory that was zero */
    int64_t parts[7];  /* days to nanoseconds, made when asked for */
    int unit;
};

struct phd_private_pandas_nat { /* 1.4 … 3.1; in 1.1 … 1.3 a pointer to an object follows */
    PyDateTime_DateTime base;
    int64_t value;
};

/* pandas/_libs/internals.pyx: what holds the arrays of a DataFrame or Series, and pandas/_libs/arrays.pyx, as Cython makes
 * them. The flags are C ints. */
struct phd_private_pandas_placement { /* pandas 1.1 … 3.1 */
    PyObject_HEAD
    void *vtable;
    PyObject *as_slice;
    PyObject *as_array;
    int has_slice;
    int has_array;
    int is_known_slice_like;
};

struct phd_private_pandas_block { /* 2.0 … 3.1; the base SharedBlock of 2.0 and 2.1 ends before `values` */
    PyObject_HEAD
    void *vtable;
    PyObject *mgr_locs;
    PyObject *refs;
    int ndim;
    PyObject *values;
};

struct phd_private_pandas1_block { /* 1.3 … 1.5; SharedBlock ends before `values` */
    PyObject_HEAD
    void *vtable;
    PyObject *mgr_locs;
    int ndim;
    PyObject *values;
};

struct phd_private_pandas_manager { /* 1.3, 1.4, 2.0 … 3.0 */
    PyObject_HEAD
    void *vtable;
    PyObject *blocks;
    PyObject *axes;
    int known_consolidated;
    int is_consolidated;
    PyObject *blknos;
    PyObject *blklocs;
};

struct phd_private_pandas15_manager { /* 1.5; in 1.5.0 without `parent` */
    struct phd_private_pandas_manager base;
    PyObject *refs;
    PyObject *parent;
};

struct phd_private_pandas31_manager { /* 3.1: as large as that of 1.5 */
    PyObject_HEAD
    void *vtable;
    PyObject *blocks;
    PyObject *axes;
    int known_consolidated;
    int is_consolidated;
    PyObject *interleaved_dtype;
    PyObject *dtypes_cache;
    PyObject *blknos;
    PyObject *blklocs;
};

struct phd_private_pandas_references { /* 3.0, 3.1 */
    PyObject_HEAD
    void *vtable;
    PyObject *referenced_blocks;
    int clear_counter;
};

struct phd_private_pandas2_references { /* 2.1 … 2.3; in 2.0 without the counter */
    PyObject_HEAD
    PyObject *referenced_blocks;
    int clear_counter;
};

struct phd_private_pandas_array { /* 1.3 … 3.1 */
    PyObject_HEAD
    void *vtable;
    PyObject *ndarray;
    PyObject *dtype;
};

#endif
