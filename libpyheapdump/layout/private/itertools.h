/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of itertools and functools (Modules/ of CPython),
 * whole, so that sizeof is their tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_ITERTOOLS_H
#define PHD_LAYOUT_PRIVATE_ITERTOOLS_H

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

#endif
