/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of structs that CPython defines in its .c files (so no header tells them).
 * Each names the file and the versions it was taken from. Members keep CPython's names; pointers that do not matter
 * here are void *. The structs of types that have rows in types/ stand in private/. Included by probe.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_STRUCTS_H
#define PHD_LAYOUT_PRIVATE_STRUCTS_H

#include <datetime.h>

#include <stdint.h>

/* Objects/descrobject.c: propertyobject (3.9 … 3.15) */
struct phd_private_property {
    PyObject_HEAD
    PyObject *prop_get;
    PyObject *prop_set;
    PyObject *prop_del;
    PyObject *prop_doc;
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *prop_name;
#endif
    int getter_doc;
};

#if PY_VERSION_HEX < 0x030B0000
/* Objects/dict-common.h: struct _dictkeysobject (3.9, 3.10) */
struct phd_private_dictkeys {
    Py_ssize_t dk_refcnt;
    Py_ssize_t dk_size;
    void *dk_lookup;
    Py_ssize_t dk_usable;
    Py_ssize_t dk_nentries;
    char dk_indices[1];
};
#endif

#if PY_VERSION_HEX < 0x030A0000
/* Objects/moduleobject.c: PyModuleObject (3.9) */
struct phd_private_module {
    PyObject_HEAD
    PyObject *md_dict;
    struct PyModuleDef *md_def;
    void *md_state;
    PyObject *md_weaklist;
    PyObject *md_name;
};
typedef struct phd_private_module PyModuleObject; /* as the headers of 3.10 call it */
#endif

/* Include/cpython/lock.h, Include/internal/pycore_lock.h: PyMutex, _PyRecursiveMutex (3.13 … 3.15) */
struct phd_private_mutex {
    unsigned char locked : 1;
    unsigned char has_parked : 1;
};

struct phd_private_recursive_mutex {
    struct phd_private_mutex mutex;
    unsigned long long thread;
    size_t level; /* how often it was taken again, beyond the first time */
};

#include "layout/private/concurrency.h"
#include "layout/private/formats.h"
#include "layout/private/io.h"
#include "layout/private/itertools.h"
#include "layout/private/objects.h"
#include "layout/private/packages.h"
#include "layout/private/values.h"

#endif
