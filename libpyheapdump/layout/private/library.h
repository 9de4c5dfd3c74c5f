/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of C types of the standard library (Modules/ of CPython), whole, so that sizeof is their
 * tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_LIBRARY_H
#define PHD_LAYOUT_PRIVATE_LIBRARY_H

/* Modules/itertoolsmodule.c: countobject (3.9 … 3.15) */
struct phd_private_count {
    PyObject_HEAD
    Py_ssize_t cnt;
    PyObject *long_cnt;
    PyObject *long_step;
};

/* Modules/itertoolsmodule.c: cycleobject (3.9 … 3.15) */
struct phd_private_cycle {
    PyObject_HEAD
    PyObject *it;
    PyObject *saved;
    Py_ssize_t index;
#if PY_VERSION_HEX < 0x030E0000
    int firstpass;
#endif
};

/* Modules/itertoolsmodule.c: repeatobject (3.9 … 3.15) */
struct phd_private_repeat {
    PyObject_HEAD
    PyObject *element;
    Py_ssize_t cnt;
};

/* Modules/itertoolsmodule.c: chainobject (3.9 … 3.15) */
struct phd_private_chain {
    PyObject_HEAD
    PyObject *source;
    PyObject *active;
};

/* Modules/itertoolsmodule.c: isliceobject (3.9 … 3.15) */
struct phd_private_islice {
    PyObject_HEAD
    PyObject *it;
    Py_ssize_t next;
    Py_ssize_t stop;
    Py_ssize_t step;
    Py_ssize_t cnt;
};

/* Modules/itertoolsmodule.c: accumulateobject (3.9 … 3.15) */
struct phd_private_accumulate {
    PyObject_HEAD
    PyObject *total;
    PyObject *it;
    PyObject *binop;
    PyObject *initial;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/itertoolsmodule.c: compressobject (3.9 … 3.15) */
struct phd_private_compress {
    PyObject_HEAD
    PyObject *data;
    PyObject *selectors;
};

/* Modules/itertoolsmodule.c: dropwhileobject (3.9 … 3.15) */
struct phd_private_dropwhile {
    PyObject_HEAD
    PyObject *func;
    PyObject *it;
    long start;
};

/* Modules/itertoolsmodule.c: takewhileobject (3.9 … 3.15) */
struct phd_private_takewhile {
    PyObject_HEAD
    PyObject *func;
    PyObject *it;
    long stop;
};

/* Modules/itertoolsmodule.c: filterfalseobject (3.9 … 3.15) */
struct phd_private_filterfalse {
    PyObject_HEAD
    PyObject *func;
    PyObject *it;
};

/* Modules/itertoolsmodule.c: starmapobject (3.9 … 3.15) */
struct phd_private_starmap {
    PyObject_HEAD
    PyObject *func;
    PyObject *it;
};

/* Modules/itertoolsmodule.c: groupbyobject (3.9 … 3.15) */
struct phd_private_groupby {
    PyObject_HEAD
    PyObject *it;
    PyObject *keyfunc;
    PyObject *tgtkey;
    PyObject *currkey;
    PyObject *currvalue;
    void *currgrouper;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/itertoolsmodule.c: _grouperobject (3.9 … 3.15) */
struct phd_private_grouper {
    PyObject_HEAD
    PyObject *parent;
    PyObject *tgtkey;
};

/* Modules/itertoolsmodule.c: productobject (3.9 … 3.15) */
struct phd_private_product {
    PyObject_HEAD
    PyObject *pools;
    void *indices;
    PyObject *result;
    int stopped;
};

/* Modules/itertoolsmodule.c: combinationsobject (3.9 … 3.15) */
struct phd_private_combinations {
    PyObject_HEAD
    PyObject *pool;
    void *indices;
    PyObject *result;
    Py_ssize_t r;
    int stopped;
};

/* Modules/itertoolsmodule.c: cwrobject (3.9 … 3.15) */
struct phd_private_combinations_with_replacement {
    PyObject_HEAD
    PyObject *pool;
    void *indices;
    PyObject *result;
    Py_ssize_t r;
    int stopped;
};

/* Modules/itertoolsmodule.c: permutationsobject (3.9 … 3.15) */
struct phd_private_permutations {
    PyObject_HEAD
    PyObject *pool;
    void *indices;
    void *cycles;
    PyObject *result;
    Py_ssize_t r;
    int stopped;
};

/* Modules/itertoolsmodule.c: zip_longestobject (3.9 … 3.15) */
struct phd_private_zip_longest {
    PyObject_HEAD
    Py_ssize_t tuplesize;
    Py_ssize_t numactive;
    PyObject *ittuple;
    PyObject *result;
    PyObject *fillvalue;
};

#if PY_VERSION_HEX >= 0x030A0000
/* Modules/itertoolsmodule.c: pairwiseobject (3.10 … 3.15) */
struct phd_private_pairwise {
    PyObject_HEAD
    PyObject *it;
    PyObject *old;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *result;
#endif
};
#endif

#if PY_VERSION_HEX >= 0x030C0000
/* Modules/itertoolsmodule.c: batchedobject (3.12 … 3.15) */
struct phd_private_batched {
    PyObject_HEAD
    PyObject *it;
    Py_ssize_t batch_size;
#if PY_VERSION_HEX >= 0x030D0000
    char strict;
#endif
};
#endif

/* Modules/itertoolsmodule.c: teeobject (3.9 … 3.15) */
struct phd_private_tee {
    PyObject_HEAD
    PyObject *dataobj;
    int index;
    PyObject *weakreflist;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/itertoolsmodule.c: teedataobject (3.9 … 3.15) */
struct phd_private_teedata {
    PyObject_HEAD
    PyObject *it;
    int numread;
    int running;
    PyObject *nextlink;
    PyObject *values[57];
};

/* Modules/_functoolsmodule.c: partialobject (3.9 … 3.15) */
struct phd_private_partial {
    PyObject_HEAD
    PyObject *fn;
    PyObject *args;
    PyObject *kw;
    PyObject *dict;
    PyObject *weakreflist;
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *placeholder;
    Py_ssize_t phcount;
#endif
    void *vectorcall;
};

/* Modules/_functoolsmodule.c: lru_list_elem (3.9 … 3.15) */
struct phd_private_lru_list_elem {
    PyObject_HEAD
    struct phd_private_lru_list_elem *prev;
    struct phd_private_lru_list_elem *next;
    Py_hash_t hash;
    PyObject *key;
    PyObject *result;
};

/* Modules/_functoolsmodule.c: lru_cache_object (3.9 … 3.15) */
struct phd_private_lru_cache {
    struct phd_private_lru_list_elem root;
    void *wrapper;
    int typed;
    PyObject *cache;
    Py_ssize_t hits;
    PyObject *func;
    Py_ssize_t maxsize;
    Py_ssize_t misses;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *kwd_mark;
    PyObject *lru_list_elem_type;
#endif
    PyObject *cache_info_type;
    PyObject *dict;
    PyObject *weakreflist;
};

/* Modules/_functoolsmodule.c: keyobject (3.9 … 3.15) */
struct phd_private_cmp_key {
    PyObject_HEAD
    PyObject *cmp;
    PyObject *object;
};

/* Modules/_operator.c: itemgetterobject (3.9 … 3.15) */
struct phd_private_itemgetter {
    PyObject_HEAD
    Py_ssize_t nitems;
    PyObject *item;
    Py_ssize_t index;
#if PY_VERSION_HEX >= 0x030B0000
    void *vectorcall;
#endif
};

/* Modules/_operator.c: attrgetterobject (3.9 … 3.15) */
struct phd_private_attrgetter {
    PyObject_HEAD
    Py_ssize_t nattrs;
    PyObject *attr;
#if PY_VERSION_HEX >= 0x030B0000
    void *vectorcall;
#endif
};

/* Modules/_operator.c: methodcallerobject (3.9 … 3.15) */
struct phd_private_methodcaller {
    PyObject_HEAD
    PyObject *name;
#if (PY_VERSION_HEX < 0x030D0000) || (PY_VERSION_HEX >= 0x030E0000)
    PyObject *args;
#endif
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
    PyObject *xargs;
#endif
    PyObject *kwds;
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
    void *vectorcall_args;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *vectorcall_args;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *vectorcall_kwnames;
    void *vectorcall;
#endif
};

/* Modules/_collectionsmodule.c: dequeobject (3.9 … 3.15) */
struct phd_private_deque {
    PyObject_VAR_HEAD
    void *leftblock;
    void *rightblock;
    Py_ssize_t leftindex;
    Py_ssize_t rightindex;
    size_t state;
    Py_ssize_t maxlen;
#if PY_VERSION_HEX >= 0x030B0000
    Py_ssize_t numfreeblocks;
    void *freeblocks[16];
#endif
    PyObject *weakreflist;
};

/* Modules/_collectionsmodule.c: dequeiterobject (3.9 … 3.15) */
struct phd_private_deque_iterator {
    PyObject_HEAD
    void *b;
    Py_ssize_t index;
    PyObject *deque;
    size_t state;
    Py_ssize_t counter;
};

/* Modules/_collectionsmodule.c: defdictobject (3.9 … 3.15) */
struct phd_private_defdict {
    PyDictObject dict;
    PyObject *default_factory;
};

/* Modules/_collectionsmodule.c: _tuplegetterobject (3.9 … 3.15) */
struct phd_private_tuple_getter {
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *doc;
};

/* Objects/odictobject.c: PyODictObject (3.9 … 3.15) */
struct phd_private_ordered_dict {
    PyDictObject od_dict;
    void *od_first;
    void *od_last;
    void *od_fast_nodes;
    Py_ssize_t od_fast_nodes_size;
    void *od_resize_sentinel;
    size_t od_state;
    PyObject *od_inst_dict;
    PyObject *od_weakreflist;
};

/* Modules/arraymodule.c: arrayobject (3.9 … 3.15) */
struct phd_private_array {
    PyObject_VAR_HEAD
    const char *ob_item;
    Py_ssize_t allocated;
    void *ob_descr;
    PyObject *weakreflist;
    Py_ssize_t ob_exports;
};

/* Modules/arraymodule.c: arrayiterobject (3.9 … 3.15) */
struct phd_private_array_iterator {
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *ao;
    void *getitem;
};

/* Modules/_datetimemodule.c: PyDateTime_TimeZone (3.9 … 3.15) */
struct phd_private_timezone {
    PyObject_HEAD
    PyObject *offset;
    PyObject *name;
};

/* Modules/_zoneinfo.c: PyZoneInfo_ZoneInfo (3.9 … 3.15) */
struct phd_private_zone_info {
    PyObject_HEAD
    PyObject *key;
    PyObject *file_repr;
    PyObject *weakreflist;
    size_t num_transitions;
    size_t num_ttinfos;
    void *trans_list_utc;
    int64_t *trans_list_wall[2];
    void *trans_ttinfos;
    void *ttinfo_before;
    uint64_t tzrule_after[12];
    void *_ttinfos;
    unsigned char fixed_offset;
    unsigned char source;
};

/* Modules/_decimal/libmpdec/mpdecimal.h: mpd_t (3.9 … 3.15) */
struct phd_private_mpd {
    uint8_t flags;
    int64_t exp;
    int64_t digits;
    int64_t len;
    int64_t alloc;
    void *data;
};

/* Modules/_decimal/_decimal.c: PyDecObject (3.9 … 3.15) */
struct phd_private_decimal {
    PyObject_HEAD
    Py_hash_t hash;
    struct phd_private_mpd dec;
    uint64_t data[4];
};

/* Modules/_decimal/libmpdec/mpdecimal.h: mpd_context_t (3.9 … 3.15) */
struct phd_private_mpd_context {
    int64_t prec;
    int64_t emax;
    int64_t emin;
    uint32_t traps;
    uint32_t status;
    uint32_t newtrap;
    int round;
    int clamp;
    int allcr;
};

/* Modules/_decimal/_decimal.c: PyDecContextObject (3.9 … 3.15) */
struct phd_private_decimal_context {
    PyObject_HEAD
    struct phd_private_mpd_context ctx;
    PyObject *traps;
    PyObject *flags;
    int capitals;
    void *tstate;
#if PY_VERSION_HEX >= 0x030E0000
    void *modstate;
#endif
};

/* Modules/_decimal/_decimal.c: PyDecSignalDictObject (3.9 … 3.15) */
struct phd_private_decimal_signals {
    PyObject_HEAD
    void *flags;
};

/* Modules/_decimal/_decimal.c: PyDecContextManagerObject (3.9 … 3.15) */
struct phd_private_decimal_context_manager {
    PyObject_HEAD
    PyObject *local;
    PyObject *global;
};

/* Modules/_sre/sre.h: PatternObject (3.9 … 3.15) */
struct phd_private_sre_pattern {
    PyObject_VAR_HEAD
    Py_ssize_t groups;
    PyObject *groupindex;
    PyObject *indexgroup;
    PyObject *pattern;
    int flags;
    PyObject *weakreflist;
    int isbytes;
    Py_ssize_t codesize;
    uint32_t code[1];
};

/* Modules/_sre/sre.h: MatchObject (3.9 … 3.15) */
struct phd_private_sre_match {
    PyObject_VAR_HEAD
    PyObject *string;
    PyObject *regs;
    PyObject *pattern;
    Py_ssize_t pos;
    Py_ssize_t endpos;
    Py_ssize_t lastindex;
    Py_ssize_t groups;
    Py_ssize_t mark[1];
};

/* Modules/_sre/sre.h: ScannerObject (3.9 … 3.15) */
struct phd_private_sre_scanner {
    PyObject_HEAD
    PyObject *pattern;
#if PY_VERSION_HEX < 0x030D0000
    uint64_t state[26];
#endif
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
    uint64_t state[27];
#endif
#if PY_VERSION_HEX >= 0x030E0000
    uint64_t state[29];
#endif
    int executing;
};

/* Modules/_struct.c: PyStructObject (3.9 … 3.15) */
struct phd_private_struct {
    PyObject_HEAD
    Py_ssize_t s_size;
    Py_ssize_t s_len;
    void *s_codes;
    PyObject *s_format;
    PyObject *weakreflist;
#if PY_VERSION_HEX >= 0x030F0000
    char init_called;
#endif
};

/* Modules/_struct.c: unpackiterobject (3.9 … 3.15) */
struct phd_private_struct_unpack_iterator {
    PyObject_HEAD
    PyObject *so;
    Py_buffer buf;
    Py_ssize_t index;
};

/* Modules/_randommodule.c: RandomObject (3.9 … 3.15) */
struct phd_private_random {
    PyObject_HEAD
    int index;
    uint32_t state[624];
};

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
