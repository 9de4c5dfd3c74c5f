/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of ctypes, csv, json, pickle, compression, ElementTree, abc and sqlite3 (Modules/ of CPython),
 * whole, so that sizeof is their tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_FORMATS_H
#define PHD_LAYOUT_PRIVATE_FORMATS_H

/* Modules/_ctypes/ctypes.h: CDataObject (3.9 … 3.15) */
struct phd_private_ctypes_data {
    PyObject_HEAD
    const char *b_ptr;
    int b_needsfree;
    PyObject *b_base;
    Py_ssize_t b_size;
    Py_ssize_t b_length;
    Py_ssize_t b_index;
    PyObject *b_objects;
    long double b_value;
};

/* Modules/_ctypes/ctypes.h: PyCFuncPtrObject (3.9 … 3.15) */
struct phd_private_ctypes_function {
    PyObject_HEAD
    const char *b_ptr;
    int b_needsfree;
    PyObject *b_base;
    Py_ssize_t b_size;
    Py_ssize_t b_length;
    Py_ssize_t b_index;
    PyObject *b_objects;
    long double b_value;
    PyObject *thunk;
    PyObject *callable;
    PyObject *converters;
    PyObject *argtypes;
    PyObject *restype;
    PyObject *checker;
    PyObject *errcheck;
    PyObject *paramflags;
};

/* Modules/_ctypes/ctypes.h: CFieldObject (3.9 … 3.15) */
struct phd_private_ctypes_field {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030E0000
    Py_ssize_t offset;
    Py_ssize_t size;
#else
    Py_ssize_t byte_offset;
    Py_ssize_t byte_size;
#endif
    Py_ssize_t index;
    PyObject *proto;
    void *getfunc;
    void *setfunc;
#if PY_VERSION_HEX < 0x030E0000
    int anonymous;
#else
    unsigned int anonymous : 1;
    uint8_t bitfield_size;
    uint8_t bit_offset;
    PyObject *name;
#endif
};

/* Modules/_ctypes/ctypes.h: PyCArgObject (3.9 … 3.15) */
struct phd_private_ctypes_argument {
    PyObject_HEAD
    void *pffi_type;
#if PY_VERSION_HEX < 0x030F0000
    char tag;
#endif
#if PY_VERSION_HEX < 0x030E0000
    uint64_t value[2];
#endif
#if PY_VERSION_HEX >= 0x030F0000
    const char *tag;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    uint64_t value[4];
#endif
    PyObject *obj;
    Py_ssize_t size;
};

/* Modules/_csv.c: ReaderObj (3.9 … 3.15) */
struct phd_private_csv_reader {
    PyObject_HEAD
    PyObject *input_iter;
    PyObject *dialect;
    PyObject *fields;
    int state;
    void *field;
    Py_ssize_t field_size;
    Py_ssize_t field_len;
#if PY_VERSION_HEX < 0x030D0000
    int numeric_field;
#else
    char unquoted_field;
#endif
    unsigned long line_num;
};

/* Modules/_csv.c: WriterObj (3.9 … 3.15) */
struct phd_private_csv_writer {
    PyObject_HEAD
    PyObject *write;
    PyObject *dialect;
    void *rec;
    Py_ssize_t rec_size;
    Py_ssize_t rec_len;
    int num_fields;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *error_obj;
#endif
};

/* Modules/_csv.c: DialectObj (3.9 … 3.15) */
struct phd_private_csv_dialect {
    PyObject_HEAD
    char doublequote;
    char skipinitialspace;
    char strict;
    int quoting;
    uint32_t delimiter;
    uint32_t quotechar;
    uint32_t escapechar;
    PyObject *lineterminator;
};

/* Modules/_json.c: PyScannerObject (3.9 … 3.15) */
struct phd_private_json_scanner {
    PyObject_HEAD
    signed char strict;
    PyObject *object_hook;
    PyObject *object_pairs_hook;
#if PY_VERSION_HEX >= 0x030F0000
    PyObject *array_hook;
#endif
    PyObject *parse_float;
    PyObject *parse_int;
    PyObject *parse_constant;
#if PY_VERSION_HEX < 0x030D0000
    PyObject *memo;
#endif
};

/* Modules/_json.c: PyEncoderObject (3.9 … 3.15) */
struct phd_private_json_encoder {
    PyObject_HEAD
    PyObject *markers;
    PyObject *defaultfn;
    PyObject *encoder;
    PyObject *indent;
    PyObject *key_separator;
    PyObject *item_separator;
    char sort_keys;
    char skipkeys;
    int allow_nan;
    void *fast_encode;
};

/* Modules/_pickle.c: PicklerObject (3.9 … 3.15) */
struct phd_private_pickler {
    PyObject_HEAD
    void *memo;
#if PY_VERSION_HEX < 0x030D0000
    PyObject *pers_func;
    PyObject *pers_func_self;
#else
    PyObject *persistent_id;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *persistent_id_attr;
#endif
    PyObject *dispatch_table;
    PyObject *reducer_override;
    PyObject *write;
    PyObject *output_buffer;
    Py_ssize_t output_len;
    Py_ssize_t max_output_len;
    int proto;
    int bin;
    int framing;
    Py_ssize_t frame_start;
    Py_ssize_t buf_size;
    int fast;
    int fast_nesting;
    int fix_imports;
#if PY_VERSION_HEX >= 0x030E0000
    int running;
#endif
    PyObject *fast_memo;
    PyObject *buffer_callback;
};

/* Modules/_pickle.c: UnpicklerObject (3.9 … 3.15) */
struct phd_private_unpickler {
    PyObject_HEAD
    PyObject *stack;
    void *memo;
    size_t memo_size;
    size_t memo_len;
#if PY_VERSION_HEX < 0x030D0000
    PyObject *pers_func;
    PyObject *pers_func_self;
#endif
#if PY_VERSION_HEX >= 0x030F0000
    PyObject *memo_dict;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *persistent_load;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *persistent_load_attr;
#endif
    Py_buffer buffer;
    const char *input_buffer;
    const char *input_line;
    Py_ssize_t input_len;
    Py_ssize_t next_read_idx;
    Py_ssize_t prefetched_idx;
#if PY_VERSION_HEX >= 0x030E0000
    Py_ssize_t frame_end;
    Py_ssize_t saved_input_len;
#endif
    PyObject *read;
    PyObject *readinto;
    PyObject *readline;
    PyObject *peek;
    PyObject *buffers;
    const char *encoding;
    const char *errors;
    void *marks;
    Py_ssize_t num_marks;
    Py_ssize_t marks_size;
    int proto;
    int fix_imports;
#if PY_VERSION_HEX >= 0x030E0000
    int running;
#endif
};

/* Modules/zlibmodule.c: compobject (3.9 … 3.15) */
struct phd_private_zlib_object {
    PyObject_HEAD
    uint64_t zst[14];
    PyObject *unused_data;
    PyObject *unconsumed_tail;
    char eof;
#if PY_VERSION_HEX < 0x030C0000
    int is_initialised;
#else
    char is_initialised;
#endif
    PyObject *zdict;
#if PY_VERSION_HEX < 0x030F0000
    void *lock;
#else
    struct phd_private_mutex mutex;
#endif
};

/* Modules/_bz2module.c: BZ2Decompressor (3.9 … 3.15) */
struct phd_private_bz2_decompressor {
    PyObject_HEAD
    uint64_t bzs[10];
#if PY_VERSION_HEX >= 0x030E0000
    int bzerror;
#endif
    char eof;
    PyObject *unused_data;
    char needs_input;
    const char *input_buffer;
    size_t input_buffer_size;
    size_t bzs_avail_in_real;
#if PY_VERSION_HEX < 0x030F0000
    void *lock;
#else
    struct phd_private_mutex mutex;
#endif
};

/* Modules/_lzmamodule.c: Decompressor (3.9 … 3.15) */
struct phd_private_lzma_decompressor {
    PyObject_HEAD
    uint64_t alloc[3];
    uint64_t lzs[17];
    int check;
    char eof;
    PyObject *unused_data;
    char needs_input;
    void *input_buffer;
    size_t input_buffer_size;
#if PY_VERSION_HEX < 0x030F0000
    void *lock;
#else
    struct phd_private_mutex mutex;
#endif
};

/* Modules/_elementtree.c: ElementObject (3.9 … 3.15) */
struct phd_private_xml_element {
    PyObject_HEAD
    PyObject *tag;
    PyObject *text;
    PyObject *tail;
    void *extra;
    PyObject *weakreflist;
};

/* Modules/_elementtree.c: TreeBuilderObject (3.9 … 3.15) */
struct phd_private_tree_builder {
    PyObject_HEAD
    PyObject *root;
    PyObject *this;
    PyObject *last;
    PyObject *last_for_tail;
    PyObject *data;
    PyObject *stack;
    Py_ssize_t index;
    PyObject *element_factory;
    PyObject *comment_factory;
    PyObject *pi_factory;
    PyObject *events_append;
    PyObject *start_event_obj;
    PyObject *end_event_obj;
    PyObject *start_ns_event_obj;
    PyObject *end_ns_event_obj;
    PyObject *comment_event_obj;
    PyObject *pi_event_obj;
    char insert_comments;
    char insert_pis;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/_elementtree.c: XMLParserObject (3.9 … 3.15) */
struct phd_private_xml_parser {
    PyObject_HEAD
    void *parser;
    PyObject *target;
    PyObject *entity;
    PyObject *names;
    PyObject *handle_start_ns;
    PyObject *handle_end_ns;
    PyObject *handle_start;
    PyObject *handle_data;
    PyObject *handle_end;
    PyObject *handle_comment;
    PyObject *handle_pi;
    PyObject *handle_doctype;
    PyObject *handle_close;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *elementtree_module;
#endif
};

/* Modules/_abc.c: _abc_data (3.9 … 3.15) */
struct phd_private_abc_data {
    PyObject_HEAD
    PyObject *_abc_registry;
    PyObject *_abc_cache;
    PyObject *_abc_negative_cache;
#if PY_VERSION_HEX < 0x030D0000
    unsigned long long _abc_negative_cache_version;
#else
    uint64_t _abc_negative_cache_version;
#endif
};

/* Modules/_sqlite/connection.h: pysqlite_Connection (3.9 … 3.15) */
struct phd_private_sqlite_connection {
    PyObject_HEAD
    void *db;
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *state;
#endif
    int detect_types;
#if PY_VERSION_HEX < 0x030B0000
    double timeout;
    double timeout_started;
    PyObject *isolation_level;
    const char *begin_statement;
#else
    const char *isolation_level;
#endif
#if PY_VERSION_HEX >= 0x030C0000
    int autocommit;
#endif
    int check_same_thread;
    int initialized;
    unsigned long thread_ident;
    PyObject *statement_cache;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *statements;
#endif
#if PY_VERSION_HEX < 0x030F0000
    PyObject *cursors;
#endif
#if PY_VERSION_HEX < 0x030B0000
    int created_statements;
#else
    PyObject *blobs;
#endif
#if PY_VERSION_HEX < 0x030F0000
    int created_cursors;
#endif
    PyObject *row_factory;
    PyObject *text_factory;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *function_pinboard_trace_callback;
    PyObject *function_pinboard_progress_handler;
    PyObject *function_pinboard_authorizer_cb;
    PyObject *collations;
#else
    void *trace_ctx;
    void *progress_ctx;
    void *authorizer_ctx;
#endif
    PyObject *Warning;
    PyObject *Error;
    PyObject *InterfaceError;
    PyObject *DatabaseError;
    PyObject *DataError;
    PyObject *OperationalError;
    PyObject *IntegrityError;
    PyObject *InternalError;
    PyObject *ProgrammingError;
    PyObject *NotSupportedError;
};

/* Modules/_sqlite/cursor.h: pysqlite_Cursor (3.9 … 3.15) */
struct phd_private_sqlite_cursor {
    PyObject_HEAD
    PyObject *connection;
    PyObject *description;
    PyObject *row_cast_map;
#if PY_VERSION_HEX < 0x030E0000
    int arraysize;
#else
    uint32_t arraysize;
#endif
    PyObject *lastrowid;
    long rowcount;
    PyObject *row_factory;
    PyObject *statement;
    int closed;
#if PY_VERSION_HEX < 0x030B0000
    int reset;
#endif
    int locked;
    int initialized;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *next_row;
#endif
    PyObject *in_weakreflist;
};

/* Modules/_sqlite/row.h: pysqlite_Row (3.9 … 3.15) */
struct phd_private_sqlite_row {
    PyObject_HEAD
    PyObject *data;
    PyObject *description;
};

/* Modules/_sqlite/statement.h: pysqlite_Statement (3.9 … 3.15) */
struct phd_private_sqlite_statement {
    PyObject_HEAD
#if PY_VERSION_HEX < 0x030B0000
    void *db;
#endif
    void *st;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *sql;
#endif
#if PY_VERSION_HEX < 0x030C0000
    int in_use;
#endif
    int is_dml;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *in_weakreflist;
#endif
};

#if PY_VERSION_HEX >= 0x030B0000
/* Modules/_sqlite/blob.h: pysqlite_Blob (3.11 … 3.15) */
struct phd_private_sqlite_blob {
    PyObject_HEAD
    PyObject *connection;
    void *blob;
    int offset;
    PyObject *in_weakreflist;
};
#endif

#endif
