/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of collections, array, datetime, zoneinfo, decimal, re, struct and random (Modules/ of CPython),
 * whole, so that sizeof is their tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_VALUES_H
#define PHD_LAYOUT_PRIVATE_VALUES_H

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

#endif
