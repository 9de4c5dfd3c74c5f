/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of structs that CPython defines in its .c files (so no header tells them), up to the last one we read.
 * Each names the file and the versions it was taken from. Included by probe.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_STRUCTS_H
#define PHD_LAYOUT_PRIVATE_STRUCTS_H

/* Objects/descrobject.c: propertyobject (3.9 … 3.15) */
struct phd_private_property {
    PyObject_HEAD
    PyObject *prop_get;
    PyObject *prop_set;
    PyObject *prop_del;
    PyObject *prop_doc;
#if PY_VERSION_HEX >= 0x030D0000
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
#endif

#endif
