/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of C types of well-known packages. How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_PACKAGES_H
#define PHD_LAYOUT_TYPES_PACKAGES_H

/* What both numpys know of a dtype, under the names that Python shows */
#define PHD_NUMPY_DTYPE_FIELDS(structure)                                                                              \
    PHD_FIELD(OBJECT, "type", structure, typeobj)                                                                      \
    PHD_FIELD(CHAR, "kind", structure, kind)                                                                           \
    PHD_FIELD(CHAR, "char", structure, type)                                                                           \
    PHD_FIELD(CHAR, "byteorder", structure, byteorder)                                                                 \
    PHD_NUMBER("num", structure, type_num)                                                                             \
    PHD_NUMBER("flags", structure, flags)                                                                              \
    PHD_NUMBER("itemsize", structure, elsize)                                                                          \
    PHD_NUMBER("alignment", structure, alignment)                                                                      \
    PHD_FIELD(OBJECT, "metadata", structure, metadata)

/* … and of one that is not of the newest kinds. No type is called so: the reader of dtypes looks it up (walk/numpy.c)
 * when the number of the dtype says that it is such a one. */
#define PHD_NUMPY_LEGACY_DTYPE(structure)                                                                              \
    PHD_TYPE("numpy.dtype, legacy", structure)                                                                         \
    PHD_FIELD(OBJECT, "names", structure, names)                                                                       \
    PHD_FIELD(OBJECT, "fields", structure, fields)                                                                     \
    PHD_FIELD(ADDRESS, "subarray", structure, subarray)                                                                \
    PHD_FIELD(ADDRESS, "c_metadata", structure, c_metadata)

/* numpy arrays and their dtypes */
static inline void phd__probe_numpy_types(struct phd_layout *at)
{
    PHD_TYPE("numpy.ndarray", struct phd_private_numpy_array)
    PHD_FIELD(ADDRESS, "data", struct phd_private_numpy_array, data)
    PHD_NUMBER("ndim", struct phd_private_numpy_array, nd)
    PHD_FIELD(ADDRESS, "_dimensions", struct phd_private_numpy_array, dimensions)
    PHD_FIELD(ADDRESS, "_strides", struct phd_private_numpy_array, strides)
    PHD_FIELD(OBJECT, "base", struct phd_private_numpy_array, base)
    PHD_FIELD(OBJECT, "dtype", struct phd_private_numpy_array, descr)
    PHD_NUMBER("_flags", struct phd_private_numpy_array, flags)
    PHD_OTHER_SIZE(offsetof(struct phd_private_numpy_array, mem_handler)) /* numpy 1.20, 1.21 */
    PHD_OTHER_SIZE(offsetof(struct phd_private_numpy_array, buffer_info)) /* before */
    PHD_TYPE("numpy.dtype", struct phd_private_numpy1_dtype)
    PHD_NUMPY_DTYPE_FIELDS(struct phd_private_numpy1_dtype)
    PHD_NUMPY_LEGACY_DTYPE(struct phd_private_numpy1_dtype)
    PHD_SIZED_TYPE("numpy.dtype", offsetof(struct phd_private_numpy2_dtype, subarray))
    PHD_NUMPY_DTYPE_FIELDS(struct phd_private_numpy2_dtype)
    PHD_NUMPY_LEGACY_DTYPE(struct phd_private_numpy2_dtype)
}

#define PHD_NUMPY_NUMBER(tp_name, name)                                                                                \
    PHD_TYPE(tp_name, struct phd_private_numpy_##name)                                                                 \
    PHD_NUMBER("obval", struct phd_private_numpy_##name, obval)

#define PHD_NUMPY_FIELD(tp_name, name, kind)                                                                           \
    PHD_TYPE(tp_name, struct phd_private_numpy_##name)                                                                 \
    PHD_FIELD(kind, "obval", struct phd_private_numpy_##name, obval)

/* numpy scalars; str_ and bytes_ are subclasses of str and bytes, and nothing more */
static inline void phd__probe_numpy_scalar_types(struct phd_layout *at)
{
    PHD_NUMPY_FIELD("numpy.bool_", bool, BOOL)
    PHD_SAME_FIELDS("numpy.bool") /* numpy 2 */
    PHD_NUMPY_NUMBER("numpy.int8", int8)
    PHD_NUMPY_NUMBER("numpy.uint8", uint8)
    PHD_NUMPY_NUMBER("numpy.int16", int16)
    PHD_NUMPY_NUMBER("numpy.uint16", uint16)
    PHD_NUMPY_NUMBER("numpy.int32", int32)
    PHD_NUMPY_NUMBER("numpy.uint32", uint32)
    PHD_NUMPY_NUMBER("numpy.int64", int64)
    PHD_NUMPY_NUMBER("numpy.uint64", uint64)
    PHD_NUMPY_NUMBER("numpy.longlong", longlong)
    PHD_NUMPY_NUMBER("numpy.ulonglong", ulonglong)
    PHD_NUMPY_FIELD("numpy.float16", float16, BYTES)
    PHD_NUMPY_FIELD("numpy.float32", float32, FLOAT)
    PHD_NUMPY_FIELD("numpy.float64", float64, DOUBLE)
    PHD_NUMPY_FIELD("numpy.longdouble", longdouble, BYTES)
    PHD_NUMPY_FIELD("numpy.clongdouble", clongdouble, BYTES)
    PHD_NUMPY_FIELD("numpy.object_", object, OBJECT)
    PHD_TYPE("numpy.complex64", struct phd_private_numpy_complex64)
    PHD_FIELD(FLOAT, "real", struct phd_private_numpy_complex64, obval[0])
    PHD_FIELD(FLOAT, "imag", struct phd_private_numpy_complex64, obval[1])
    PHD_TYPE("numpy.complex128", struct phd_private_numpy_complex128)
    PHD_FIELD(DOUBLE, "real", struct phd_private_numpy_complex128, obval[0])
    PHD_FIELD(DOUBLE, "imag", struct phd_private_numpy_complex128, obval[1])
    PHD_TYPE("numpy.datetime64", struct phd_private_numpy_time)
    PHD_NUMBER("obval", struct phd_private_numpy_time, obval)
    PHD_NUMBER("unit", struct phd_private_numpy_time, unit)
    PHD_NUMBER("num", struct phd_private_numpy_time, num)
    PHD_SAME_FIELDS("numpy.timedelta64")
    PHD_TYPE("numpy.void", struct phd_private_numpy_void)
    PHD_FIELD(ADDRESS, "obval", struct phd_private_numpy_void, obval)
    PHD_FIELD(OBJECT, "dtype", struct phd_private_numpy_void, descr)
    PHD_NUMBER("_flags", struct phd_private_numpy_void, flags)
    PHD_FIELD(OBJECT, "base", struct phd_private_numpy_void, base)
    PHD_TYPE("numpy.str_", struct phd_private_numpy_str)
    PHD_SIZED_TYPE("numpy.bytes_", (sizeof(PyBytesObject) + 7) & ~(size_t)7)
}

/* What every subclass of datetime begins with */
#define PHD_PANDAS_DATETIME_FIELDS(structure)                                                                          \
    PHD_FIELD(BYTES, "data", structure, base.data)                                                                     \
    PHD_NUMBER("fold", structure, base.fold)                                                                           \
    PHD_OBJECT_IF(base.hastzinfo, "tzinfo", structure, base.tzinfo)                                                    \
    PHD_NUMBER("value", structure, value)

/* pandas' scalars: subclasses of datetime and timedelta whose truth stands beside the builtin value */
static inline void phd__probe_pandas_types(struct phd_layout *at)
{
    PHD_TYPE("pandas._libs.tslibs.timestamps._Timestamp", struct phd_private_pandas_timestamp)
    PHD_PANDAS_DATETIME_FIELDS(struct phd_private_pandas_timestamp)
    PHD_NUMBER("nanosecond", struct phd_private_pandas_timestamp, nanosecond)
    PHD_NUMBER("year", struct phd_private_pandas_timestamp, year)
    PHD_NUMBER("unit", struct phd_private_pandas_timestamp, unit)
    PHD_TYPE("pandas._libs.tslibs.timestamps._Timestamp", struct phd_private_pandas15_timestamp)
    PHD_PANDAS_DATETIME_FIELDS(struct phd_private_pandas15_timestamp)
    PHD_NUMBER("nanosecond", struct phd_private_pandas15_timestamp, nanosecond)
    PHD_NUMBER("year", struct phd_private_pandas15_timestamp, year)
    PHD_FIELD(OBJECT, "freq", struct phd_private_pandas15_timestamp, freq)
    PHD_NUMBER("unit", struct phd_private_pandas15_timestamp, unit)
    PHD_TYPE("pandas._libs.tslibs.timestamps._Timestamp", struct phd_private_pandas1_timestamp)
    PHD_PANDAS_DATETIME_FIELDS(struct phd_private_pandas1_timestamp)
    PHD_NUMBER("nanosecond", struct phd_private_pandas1_timestamp, nanosecond)
    PHD_FIELD(OBJECT, "freq", struct phd_private_pandas1_timestamp, freq)
    PHD_TYPE("pandas._libs.tslibs.timedeltas._Timedelta", struct phd_private_pandas_timedelta)
    PHD_NUMBER("value", struct phd_private_pandas_timedelta, value)
    PHD_NUMBER("_populated", struct phd_private_pandas_timedelta, populated)
    PHD_NUMBER("unit", struct phd_private_pandas_timedelta, unit)
    PHD_TYPE("pandas._libs.tslibs.nattype._NaT", struct phd_private_pandas_nat)
    PHD_NUMBER("value", struct phd_private_pandas_nat, value)
    PHD_OTHER_SIZE(sizeof(struct phd_private_pandas_nat) + sizeof(PyObject *))
}

#define PHD_PANDAS_BLOCK(tp_name, structure)                                                                           \
    PHD_TYPE(tp_name, structure)                                                                                       \
    PHD_FIELD(OBJECT, "_mgr_locs", structure, mgr_locs)                                                                \
    PHD_NUMBER("ndim", structure, ndim)                                                                                \
    PHD_FIELD(OBJECT, "values", structure, values)

#define PHD_PANDAS2_BLOCK(tp_name, structure)                                                                          \
    PHD_PANDAS_BLOCK(tp_name, structure)                                                                               \
    PHD_FIELD(OBJECT, "refs", structure, refs)

#define PHD_PANDAS_MANAGER(structure)                                                                                  \
    PHD_FIELD(OBJECT, "blocks", structure, blocks)                                                                     \
    PHD_FIELD(OBJECT, "axes", structure, axes)                                                                         \
    PHD_NUMBER("_known_consolidated", structure, known_consolidated)                                                   \
    PHD_NUMBER("_is_consolidated", structure, is_consolidated)

#define PHD_PANDAS_BLOCK_NUMBERS(structure)                                                                            \
    PHD_FIELD(OBJECT, "_blknos", structure, blknos)                                                                    \
    PHD_FIELD(OBJECT, "_blklocs", structure, blklocs)

/* The managers of pandas 1.5 and 3.1 are equally large. The one is not for Python 3.12, the other not for 3.10; in 3.11,
 * which has both, only what they share is told. */
static inline void phd__probe_large_pandas_manager(struct phd_layout *at)
{
    PHD_TYPE("pandas._libs.internals.BlockManager", struct phd_private_pandas31_manager)
    PHD_PANDAS_MANAGER(struct phd_private_pandas31_manager)
#if PY_VERSION_HEX < 0x030b0000
    PHD_PANDAS_BLOCK_NUMBERS(struct phd_private_pandas_manager)
    PHD_FIELD(OBJECT, "refs", struct phd_private_pandas15_manager, refs)
    PHD_FIELD(OBJECT, "parent", struct phd_private_pandas15_manager, parent)
#elif PY_VERSION_HEX >= 0x030c0000
    PHD_FIELD(OBJECT, "_interleaved_dtype", struct phd_private_pandas31_manager, interleaved_dtype)
    PHD_FIELD(OBJECT, "_dtypes_cache", struct phd_private_pandas31_manager, dtypes_cache)
    PHD_PANDAS_BLOCK_NUMBERS(struct phd_private_pandas31_manager)
#endif
}

/* What holds the arrays of a DataFrame or Series of pandas */
static inline void phd__probe_pandas_block_types(struct phd_layout *at)
{
    PHD_TYPE("pandas._libs.internals.BlockPlacement", struct phd_private_pandas_placement)
    PHD_FIELD(OBJECT, "_as_slice", struct phd_private_pandas_placement, as_slice)
    PHD_FIELD(OBJECT, "_as_array", struct phd_private_pandas_placement, as_array)
    PHD_NUMBER("_has_slice", struct phd_private_pandas_placement, has_slice)
    PHD_NUMBER("_has_array", struct phd_private_pandas_placement, has_array)
    PHD_NUMBER("_is_known_slice_like", struct phd_private_pandas_placement, is_known_slice_like)
    PHD_PANDAS2_BLOCK("pandas._libs.internals.Block", struct phd_private_pandas_block)
    PHD_SAME_FIELDS("pandas._libs.internals.NumpyBlock")
    PHD_SAME_FIELDS("pandas._libs.internals.NDArrayBackedBlock")
    PHD_PANDAS_BLOCK("pandas._libs.internals.Block", struct phd_private_pandas1_block)
    PHD_SAME_FIELDS("pandas._libs.internals.NumpyBlock")
    PHD_SAME_FIELDS("pandas._libs.internals.NDArrayBackedBlock")
    PHD_TYPE("pandas._libs.internals.BlockManager", struct phd_private_pandas_manager)
    PHD_PANDAS_MANAGER(struct phd_private_pandas_manager)
    PHD_PANDAS_BLOCK_NUMBERS(struct phd_private_pandas_manager)
    PHD_SIZED_TYPE("pandas._libs.internals.BlockManager", offsetof(struct phd_private_pandas15_manager, parent))
    PHD_PANDAS_MANAGER(struct phd_private_pandas_manager)
    PHD_PANDAS_BLOCK_NUMBERS(struct phd_private_pandas_manager)
    PHD_FIELD(OBJECT, "refs", struct phd_private_pandas15_manager, refs)
    phd__probe_large_pandas_manager(at);
    PHD_TYPE("pandas._libs.internals.BlockValuesRefs", struct phd_private_pandas_references)
    PHD_FIELD(OBJECT, "referenced_blocks", struct phd_private_pandas_references, referenced_blocks)
    PHD_NUMBER("clear_counter", struct phd_private_pandas_references, clear_counter)
    PHD_TYPE("pandas._libs.internals.BlockValuesRefs", struct phd_private_pandas2_references)
    PHD_FIELD(OBJECT, "referenced_blocks", struct phd_private_pandas2_references, referenced_blocks)
    PHD_NUMBER("clear_counter", struct phd_private_pandas2_references, clear_counter)
    PHD_SIZED_TYPE("pandas._libs.internals.BlockValuesRefs",
                   offsetof(struct phd_private_pandas2_references, clear_counter))
    PHD_FIELD(OBJECT, "referenced_blocks", struct phd_private_pandas2_references, referenced_blocks)
    PHD_TYPE("pandas._libs.arrays.NDArrayBacked", struct phd_private_pandas_array)
    PHD_FIELD(OBJECT, "_ndarray", struct phd_private_pandas_array, ndarray)
    PHD_FIELD(OBJECT, "_dtype", struct phd_private_pandas_array, dtype)
}

#endif
