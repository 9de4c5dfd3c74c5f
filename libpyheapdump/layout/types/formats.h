/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of ctypes, csv, json, pickle, compression, ElementTree, abc and sqlite3.
 * How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_FORMATS_H
#define PHD_LAYOUT_TYPES_FORMATS_H

/* What all ctypes instances begin with; b_ptr is where their memory is. */
static inline void phd__probe_ctypes_fields(struct phd_layout *at)
{
    PHD_FIELD(ADDRESS, "b_ptr", struct phd_private_ctypes_data, b_ptr)
    PHD_FIELD(BOOL, "_b_needsfree_", struct phd_private_ctypes_data, b_needsfree)
    PHD_FIELD(OBJECT, "_b_base_", struct phd_private_ctypes_data, b_base)
    PHD_NUMBER("b_size", struct phd_private_ctypes_data, b_size)
    PHD_NUMBER("b_length", struct phd_private_ctypes_data, b_length)
    PHD_NUMBER("b_index", struct phd_private_ctypes_data, b_index)
    PHD_FIELD(OBJECT, "_objects", struct phd_private_ctypes_data, b_objects)
}

/* ctypes; an instance of a Structure, Array … is a _CData */
static inline void phd__probe_ctypes_types(struct phd_layout *at)
{
    PHD_TYPE("_ctypes._CData", struct phd_private_ctypes_data)
    phd__probe_ctypes_fields(at);
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("_ctypes.PyCFuncPtr", struct phd_private_ctypes_function)
#else
    PHD_TYPE("_ctypes.CFuncPtr", struct phd_private_ctypes_function)
#endif
    phd__probe_ctypes_fields(at);
    PHD_FIELD(OBJECT_EX, "thunk", struct phd_private_ctypes_function, thunk)
    PHD_FIELD(OBJECT_EX, "callable", struct phd_private_ctypes_function, callable)
    PHD_FIELD(OBJECT_EX, "converters", struct phd_private_ctypes_function, converters)
    PHD_FIELD(OBJECT_EX, "argtypes", struct phd_private_ctypes_function, argtypes)
    PHD_FIELD(OBJECT_EX, "restype", struct phd_private_ctypes_function, restype)
    PHD_FIELD(OBJECT_EX, "checker", struct phd_private_ctypes_function, checker)
    PHD_FIELD(OBJECT_EX, "errcheck", struct phd_private_ctypes_function, errcheck)
    PHD_FIELD(OBJECT_EX, "paramflags", struct phd_private_ctypes_function, paramflags)
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_ctypes.CField", struct phd_private_ctypes_field)
    PHD_NUMBER("offset", struct phd_private_ctypes_field, offset)
    PHD_NUMBER("size", struct phd_private_ctypes_field, size)
    PHD_NUMBER("index", struct phd_private_ctypes_field, index)
    PHD_FIELD(OBJECT_EX, "proto", struct phd_private_ctypes_field, proto)
    PHD_FIELD(BOOL, "anonymous", struct phd_private_ctypes_field, anonymous)
#else
    PHD_TYPE("ctypes.CField", struct phd_private_ctypes_field)
    PHD_FIELD(OBJECT_EX, "name", struct phd_private_ctypes_field, name)
    PHD_NUMBER("byte_offset", struct phd_private_ctypes_field, byte_offset)
    PHD_NUMBER("byte_size", struct phd_private_ctypes_field, byte_size)
    PHD_NUMBER("index", struct phd_private_ctypes_field, index)
    PHD_FIELD(OBJECT_EX, "proto", struct phd_private_ctypes_field, proto)
    PHD_BITS("anonymous", struct phd_private_ctypes_field, anonymous)
    PHD_NUMBER("bitfield_size", struct phd_private_ctypes_field, bitfield_size)
    PHD_NUMBER("bit_offset", struct phd_private_ctypes_field, bit_offset)
#endif
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("CArgObject", struct phd_private_ctypes_argument)
#else
    PHD_TYPE("_ctypes.CArgObject", struct phd_private_ctypes_argument)
#endif
    PHD_FIELD(OBJECT_EX, "_obj", struct phd_private_ctypes_argument, obj)
    PHD_NUMBER("size", struct phd_private_ctypes_argument, size)
}

/* csv, json, pickle, compression, ElementTree, abc */
static inline void phd__probe_format_types(struct phd_layout *at)
{
    PHD_TYPE("_csv.reader", struct phd_private_csv_reader)
    PHD_FIELD(OBJECT_EX, "input_iter", struct phd_private_csv_reader, input_iter)
    PHD_FIELD(OBJECT_EX, "dialect", struct phd_private_csv_reader, dialect)
    PHD_FIELD(OBJECT_EX, "fields", struct phd_private_csv_reader, fields)
    PHD_NUMBER("state", struct phd_private_csv_reader, state)
    PHD_NUMBER("field_len", struct phd_private_csv_reader, field_len)
    PHD_NUMBER("line_num", struct phd_private_csv_reader, line_num)
    PHD_TYPE("_csv.writer", struct phd_private_csv_writer)
    PHD_FIELD(OBJECT_EX, "write", struct phd_private_csv_writer, write)
    PHD_FIELD(OBJECT_EX, "dialect", struct phd_private_csv_writer, dialect)
    PHD_NUMBER("num_fields", struct phd_private_csv_writer, num_fields)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "error_obj", struct phd_private_csv_writer, error_obj)
#endif
    PHD_TYPE("_csv.Dialect", struct phd_private_csv_dialect)
    PHD_FIELD(BOOL, "doublequote", struct phd_private_csv_dialect, doublequote)
    PHD_FIELD(BOOL, "skipinitialspace", struct phd_private_csv_dialect, skipinitialspace)
    PHD_FIELD(BOOL, "strict", struct phd_private_csv_dialect, strict)
    PHD_NUMBER("quoting", struct phd_private_csv_dialect, quoting)
    PHD_NUMBER("delimiter", struct phd_private_csv_dialect, delimiter)
    PHD_NUMBER("quotechar", struct phd_private_csv_dialect, quotechar)
    PHD_NUMBER("escapechar", struct phd_private_csv_dialect, escapechar)
    PHD_FIELD(OBJECT, "lineterminator", struct phd_private_csv_dialect, lineterminator)
    PHD_TYPE("_json.Scanner", struct phd_private_json_scanner)
    PHD_FIELD(BOOL, "strict", struct phd_private_json_scanner, strict)
    PHD_FIELD(OBJECT, "object_hook", struct phd_private_json_scanner, object_hook)
    PHD_FIELD(OBJECT, "object_pairs_hook", struct phd_private_json_scanner, object_pairs_hook)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT, "array_hook", struct phd_private_json_scanner, array_hook)
#endif
    PHD_FIELD(OBJECT, "parse_float", struct phd_private_json_scanner, parse_float)
    PHD_FIELD(OBJECT, "parse_int", struct phd_private_json_scanner, parse_int)
    PHD_FIELD(OBJECT, "parse_constant", struct phd_private_json_scanner, parse_constant)
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "memo", struct phd_private_json_scanner, memo)
#endif
    PHD_TYPE("_json.Encoder", struct phd_private_json_encoder)
    PHD_FIELD(OBJECT, "markers", struct phd_private_json_encoder, markers)
    PHD_FIELD(OBJECT, "default", struct phd_private_json_encoder, defaultfn)
    PHD_FIELD(OBJECT, "encoder", struct phd_private_json_encoder, encoder)
    PHD_FIELD(OBJECT, "indent", struct phd_private_json_encoder, indent)
    PHD_FIELD(OBJECT, "key_separator", struct phd_private_json_encoder, key_separator)
    PHD_FIELD(OBJECT, "item_separator", struct phd_private_json_encoder, item_separator)
    PHD_FIELD(BOOL, "sort_keys", struct phd_private_json_encoder, sort_keys)
    PHD_FIELD(BOOL, "skipkeys", struct phd_private_json_encoder, skipkeys)
    PHD_FIELD(BOOL, "allow_nan", struct phd_private_json_encoder, allow_nan)
    PHD_TYPE("_pickle.Pickler", struct phd_private_pickler)
    PHD_FIELD(OBJECT_EX, "dispatch_table", struct phd_private_pickler, dispatch_table)
    PHD_FIELD(OBJECT_EX, "reducer_override", struct phd_private_pickler, reducer_override)
    PHD_FIELD(OBJECT_EX, "write", struct phd_private_pickler, write)
    PHD_FIELD(OBJECT_EX, "output_buffer", struct phd_private_pickler, output_buffer)
    PHD_NUMBER("output_len", struct phd_private_pickler, output_len)
    PHD_NUMBER("proto", struct phd_private_pickler, proto)
    PHD_FIELD(BOOL, "bin", struct phd_private_pickler, bin)
    PHD_FIELD(BOOL, "framing", struct phd_private_pickler, framing)
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "pers_func", struct phd_private_pickler, pers_func)
#else
    PHD_FIELD(OBJECT_EX, "persistent_id", struct phd_private_pickler, persistent_id)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "persistent_id_attr", struct phd_private_pickler, persistent_id_attr)
#endif
    PHD_FIELD(OBJECT_EX, "fast_memo", struct phd_private_pickler, fast_memo)
    PHD_FIELD(OBJECT_EX, "buffer_callback", struct phd_private_pickler, buffer_callback)
    PHD_TYPE("_pickle.Unpickler", struct phd_private_unpickler)
    PHD_FIELD(OBJECT_EX, "stack", struct phd_private_unpickler, stack)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT_EX, "memo_dict", struct phd_private_unpickler, memo_dict)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "pers_func", struct phd_private_unpickler, pers_func)
#else
    PHD_FIELD(OBJECT_EX, "persistent_load", struct phd_private_unpickler, persistent_load)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "persistent_load_attr", struct phd_private_unpickler, persistent_load_attr)
#endif
    PHD_FIELD(OBJECT, "buffer", struct phd_private_unpickler, buffer.obj)
    PHD_NUMBER("next_read_idx", struct phd_private_unpickler, next_read_idx)
    PHD_NUMBER("input_len", struct phd_private_unpickler, input_len)
    PHD_FIELD(OBJECT_EX, "read", struct phd_private_unpickler, read)
    PHD_FIELD(OBJECT_EX, "readinto", struct phd_private_unpickler, readinto)
    PHD_FIELD(OBJECT_EX, "readline", struct phd_private_unpickler, readline)
    PHD_FIELD(OBJECT_EX, "peek", struct phd_private_unpickler, peek)
    PHD_FIELD(OBJECT_EX, "buffers", struct phd_private_unpickler, buffers)
    PHD_FIELD(STRING, "encoding", struct phd_private_unpickler, encoding)
    PHD_FIELD(STRING, "errors", struct phd_private_unpickler, errors)
    PHD_NUMBER("proto", struct phd_private_unpickler, proto)
    PHD_TYPE("zlib.Decompress", struct phd_private_zlib_object)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_zlib_object, unused_data)
    PHD_FIELD(OBJECT, "unconsumed_tail", struct phd_private_zlib_object, unconsumed_tail)
    PHD_FIELD(BOOL, "eof", struct phd_private_zlib_object, eof)
    PHD_FIELD(BOOL, "is_initialised", struct phd_private_zlib_object, is_initialised)
    PHD_FIELD(OBJECT_EX, "zdict", struct phd_private_zlib_object, zdict)
    PHD_TYPE("zlib.Compress", struct phd_private_zlib_object)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_zlib_object, unused_data)
    PHD_FIELD(OBJECT, "unconsumed_tail", struct phd_private_zlib_object, unconsumed_tail)
    PHD_FIELD(BOOL, "eof", struct phd_private_zlib_object, eof)
    PHD_FIELD(BOOL, "is_initialised", struct phd_private_zlib_object, is_initialised)
    PHD_FIELD(OBJECT_EX, "zdict", struct phd_private_zlib_object, zdict)
    PHD_TYPE("_bz2.BZ2Decompressor", struct phd_private_bz2_decompressor)
    PHD_FIELD(BOOL, "eof", struct phd_private_bz2_decompressor, eof)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_bz2_decompressor, unused_data)
    PHD_FIELD(BOOL, "needs_input", struct phd_private_bz2_decompressor, needs_input)
    PHD_TYPE("_lzma.LZMADecompressor", struct phd_private_lzma_decompressor)
    PHD_NUMBER("check", struct phd_private_lzma_decompressor, check)
    PHD_FIELD(BOOL, "eof", struct phd_private_lzma_decompressor, eof)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_lzma_decompressor, unused_data)
    PHD_FIELD(BOOL, "needs_input", struct phd_private_lzma_decompressor, needs_input)
    PHD_TYPE("xml.etree.ElementTree.Element", struct phd_private_xml_element)
    PHD_FIELD(OBJECT, "tag", struct phd_private_xml_element, tag)
    PHD_FIELD(OBJECT_EX, "text", struct phd_private_xml_element, text)
    PHD_FIELD(OBJECT_EX, "tail", struct phd_private_xml_element, tail)
    PHD_FIELD(OBJECT_INDIRECT, "attrib", struct phd_private_xml_element, extra)
    PHD_FIELD(ADDRESS, "_extra", struct phd_private_xml_element, extra)
    PHD_TYPE("xml.etree.ElementTree.TreeBuilder", struct phd_private_tree_builder)
    PHD_FIELD(OBJECT_EX, "root", struct phd_private_tree_builder, root)
    PHD_FIELD(OBJECT_EX, "this", struct phd_private_tree_builder, this)
    PHD_FIELD(OBJECT_EX, "last", struct phd_private_tree_builder, last)
    PHD_FIELD(OBJECT_EX, "last_for_tail", struct phd_private_tree_builder, last_for_tail)
    PHD_FIELD(OBJECT_EX, "data", struct phd_private_tree_builder, data)
    PHD_FIELD(OBJECT_EX, "stack", struct phd_private_tree_builder, stack)
    PHD_NUMBER("index", struct phd_private_tree_builder, index)
    PHD_FIELD(OBJECT_EX, "element_factory", struct phd_private_tree_builder, element_factory)
    PHD_FIELD(OBJECT_EX, "comment_factory", struct phd_private_tree_builder, comment_factory)
    PHD_FIELD(OBJECT_EX, "pi_factory", struct phd_private_tree_builder, pi_factory)
    PHD_FIELD(OBJECT_EX, "events_append", struct phd_private_tree_builder, events_append)
    PHD_FIELD(OBJECT_EX, "start_event_obj", struct phd_private_tree_builder, start_event_obj)
    PHD_FIELD(OBJECT_EX, "end_event_obj", struct phd_private_tree_builder, end_event_obj)
    PHD_FIELD(OBJECT_EX, "start_ns_event_obj", struct phd_private_tree_builder, start_ns_event_obj)
    PHD_FIELD(OBJECT_EX, "end_ns_event_obj", struct phd_private_tree_builder, end_ns_event_obj)
    PHD_FIELD(OBJECT_EX, "comment_event_obj", struct phd_private_tree_builder, comment_event_obj)
    PHD_FIELD(OBJECT_EX, "pi_event_obj", struct phd_private_tree_builder, pi_event_obj)
    PHD_FIELD(BOOL, "insert_comments", struct phd_private_tree_builder, insert_comments)
    PHD_FIELD(BOOL, "insert_pis", struct phd_private_tree_builder, insert_pis)
    PHD_TYPE("xml.etree.ElementTree.XMLParser", struct phd_private_xml_parser)
    PHD_FIELD(OBJECT_EX, "target", struct phd_private_xml_parser, target)
    PHD_FIELD(OBJECT_EX, "entity", struct phd_private_xml_parser, entity)
    PHD_FIELD(OBJECT_EX, "names", struct phd_private_xml_parser, names)
    PHD_FIELD(OBJECT_EX, "handle_start_ns", struct phd_private_xml_parser, handle_start_ns)
    PHD_FIELD(OBJECT_EX, "handle_end_ns", struct phd_private_xml_parser, handle_end_ns)
    PHD_FIELD(OBJECT_EX, "handle_start", struct phd_private_xml_parser, handle_start)
    PHD_FIELD(OBJECT_EX, "handle_data", struct phd_private_xml_parser, handle_data)
    PHD_FIELD(OBJECT_EX, "handle_end", struct phd_private_xml_parser, handle_end)
    PHD_FIELD(OBJECT_EX, "handle_comment", struct phd_private_xml_parser, handle_comment)
    PHD_FIELD(OBJECT_EX, "handle_pi", struct phd_private_xml_parser, handle_pi)
    PHD_FIELD(OBJECT_EX, "handle_doctype", struct phd_private_xml_parser, handle_doctype)
    PHD_FIELD(OBJECT_EX, "handle_close", struct phd_private_xml_parser, handle_close)
    PHD_TYPE("_abc._abc_data", struct phd_private_abc_data)
    PHD_FIELD(OBJECT_EX, "_abc_registry", struct phd_private_abc_data, _abc_registry)
    PHD_FIELD(OBJECT_EX, "_abc_cache", struct phd_private_abc_data, _abc_cache)
    PHD_FIELD(OBJECT_EX, "_abc_negative_cache", struct phd_private_abc_data, _abc_negative_cache)
    PHD_NUMBER("_abc_negative_cache_version", struct phd_private_abc_data, _abc_negative_cache_version)
}

/* sqlite3 */
static inline void phd__probe_sqlite_types(struct phd_layout *at)
{
    PHD_TYPE("sqlite3.Connection", struct phd_private_sqlite_connection)
    PHD_FIELD(ADDRESS, "db", struct phd_private_sqlite_connection, db)
    PHD_NUMBER("detect_types", struct phd_private_sqlite_connection, detect_types)
    PHD_FIELD(BOOL, "initialized", struct phd_private_sqlite_connection, initialized)
    PHD_FIELD(BOOL, "check_same_thread", struct phd_private_sqlite_connection, check_same_thread)
    PHD_NUMBER("thread_ident", struct phd_private_sqlite_connection, thread_ident)
    PHD_FIELD(OBJECT_EX, "row_factory", struct phd_private_sqlite_connection, row_factory)
    PHD_FIELD(OBJECT_EX, "text_factory", struct phd_private_sqlite_connection, text_factory)
    PHD_TYPE("sqlite3.Cursor", struct phd_private_sqlite_cursor)
    PHD_FIELD(OBJECT, "connection", struct phd_private_sqlite_cursor, connection)
    PHD_FIELD(OBJECT, "description", struct phd_private_sqlite_cursor, description)
    PHD_FIELD(OBJECT, "lastrowid", struct phd_private_sqlite_cursor, lastrowid)
    PHD_NUMBER("rowcount", struct phd_private_sqlite_cursor, rowcount)
    PHD_NUMBER("arraysize", struct phd_private_sqlite_cursor, arraysize)
    PHD_FIELD(OBJECT, "row_factory", struct phd_private_sqlite_cursor, row_factory)
    PHD_FIELD(OBJECT_EX, "statement", struct phd_private_sqlite_cursor, statement)
#if PY_VERSION_HEX < 0x030B0000
    PHD_FIELD(OBJECT_EX, "next_row", struct phd_private_sqlite_cursor, next_row)
#endif
    PHD_FIELD(BOOL, "closed", struct phd_private_sqlite_cursor, closed)
    PHD_FIELD(BOOL, "locked", struct phd_private_sqlite_cursor, locked)
    PHD_FIELD(BOOL, "initialized", struct phd_private_sqlite_cursor, initialized)
    PHD_TYPE("sqlite3.Row", struct phd_private_sqlite_row)
    PHD_FIELD(OBJECT_EX, "data", struct phd_private_sqlite_row, data)
    PHD_FIELD(OBJECT_EX, "description", struct phd_private_sqlite_row, description)
    PHD_TYPE("sqlite3.Statement", struct phd_private_sqlite_statement)
#if PY_VERSION_HEX < 0x030B0000
    PHD_FIELD(OBJECT_EX, "sql", struct phd_private_sqlite_statement, sql)
#endif
    PHD_FIELD(ADDRESS, "st", struct phd_private_sqlite_statement, st)
    PHD_FIELD(BOOL, "is_dml", struct phd_private_sqlite_statement, is_dml)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_TYPE("sqlite3.Blob", struct phd_private_sqlite_blob)
    PHD_FIELD(OBJECT_EX, "connection", struct phd_private_sqlite_blob, connection)
    PHD_FIELD(ADDRESS, "blob", struct phd_private_sqlite_blob, blob)
    PHD_NUMBER("offset", struct phd_private_sqlite_blob, offset)
#endif
}

#endif
