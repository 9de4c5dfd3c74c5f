/* SPDX-License-Identifier: Apache-2.0
 *
 * Ref, Run, Address, Missing, ABSENT and Pairs; see values.h.
 *
 * Ref, Run and Address are small immutable values made of one or two numbers and share their implementation. None of
 * the types but Pairs can be part of a reference cycle (a reason is a str), so they need no garbage collection.
 */
#include "values.h"

#include <stddef.h>
#include <structmember.h>

/* --- Ref, Run, Address --- */

typedef struct {
    PyObject_HEAD
    unsigned long long number; /* Ref, Run: the id; Address: the address */
    unsigned long long count;  /* Run only, else 1 */
} NumberObject;

static PyTypeObject RefType, RunType, AddressType;

static PyObject *number_new(PyTypeObject *type, uint64_t number, uint64_t count)
{
    NumberObject *self = PyObject_New(NumberObject, type);
    if (self == NULL)
        return NULL;
    self->number = number;
    self->count = count;
    return (PyObject *)self;
}

PyObject *phd__ref_new(uint64_t id)
{
    return number_new(&RefType, id, 1);
}

PyObject *phd__run_new(uint64_t id, uint64_t count)
{
    return number_new(&RunType, id, count);
}

PyObject *phd__address_new(uint64_t address)
{
    return number_new(&AddressType, address, 1);
}

static int as_number(PyObject *object, uint64_t *ret)
{
    unsigned long long number = PyLong_AsUnsignedLongLong(object);
    if (number == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    *ret = number;
    return 0;
}

int phd__as_id(PyObject *object, uint64_t *ret)
{
    if (Py_TYPE(object) == &RefType) {
        *ret = ((NumberObject *)object)->number;
        return 0;
    }
    return as_number(object, ret);
}

/* Makes a Ref, Run or Address from Python: one int each, two for Run. */
static PyObject *number_from_python(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *ref_names[] = {"id", NULL}, *run_names[] = {"id", "count", NULL}, *address_names[] = {"address", NULL};
    char **names = type == &RefType ? ref_names : type == &RunType ? run_names : address_names;
    PyObject *number = NULL, *count = NULL;
    uint64_t number_value = 0, count_value = 1;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, type == &RunType ? "OO" : "O", names, &number, &count))
        return NULL;
    if (as_number(number, &number_value) < 0 || (count != NULL && as_number(count, &count_value) < 0))
        return NULL;
    return number_new(type, number_value, count_value);
}

static PyObject *number_repr(PyObject *object)
{
    NumberObject *self = (NumberObject *)object;
    if (Py_TYPE(object) == &RunType)
        return PyUnicode_FromFormat("Run(%llu, %llu)", self->number, self->count);
    if (Py_TYPE(object) == &RefType)
        return PyUnicode_FromFormat("Ref(%llu)", self->number);
    char text[32]; /* PyUnicode_FromFormat() has no %llx before 3.12 */
    snprintf(text, sizeof text, "Address(0x%llx)", self->number);
    return PyUnicode_FromString(text);
}

static Py_hash_t number_hash(PyObject *object)
{
    NumberObject *self = (NumberObject *)object;
    Py_hash_t hash = (Py_hash_t)(self->number * 31 + self->count);
    return hash == -1 ? -2 : hash;
}

static PyObject *number_compare(PyObject *a, PyObject *b, int comparison)
{
    if ((comparison != Py_EQ && comparison != Py_NE) || Py_TYPE(a) != Py_TYPE(b))
        Py_RETURN_NOTIMPLEMENTED;
    NumberObject *left = (NumberObject *)a, *right = (NumberObject *)b;
    int equal = left->number == right->number && left->count == right->count;
    return PyBool_FromLong(equal == (comparison == Py_EQ));
}

static PyMemberDef ref_members[] = {
    {"id", T_ULONGLONG, offsetof(NumberObject, number), READONLY, "The object's id in the dump."},
    {NULL, 0, 0, 0, NULL},
};

static PyMemberDef run_members[] = {
    {"id", T_ULONGLONG, offsetof(NumberObject, number), READONLY, "The id of the first object."},
    {"count", T_ULONGLONG, offsetof(NumberObject, count), READONLY, "How many objects."},
    {NULL, 0, 0, 0, NULL},
};

static PyMemberDef address_members[] = {
    {"address", T_ULONGLONG, offsetof(NumberObject, number), READONLY, "The address in the dumped process."},
    {NULL, 0, 0, 0, NULL},
};

#define NUMBER_TYPE(type_name, type_members, type_doc)                                                                 \
    {                                                                                                                  \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump." type_name,                                  \
                                    .tp_basicsize = sizeof(NumberObject), .tp_flags = Py_TPFLAGS_DEFAULT,              \
                                    .tp_new = number_from_python, .tp_repr = number_repr, .tp_hash = number_hash,      \
                                    .tp_richcompare = number_compare, .tp_members = type_members, .tp_doc = type_doc,  \
    }

static PyTypeObject RefType = NUMBER_TYPE("Ref", ref_members, "Ref(id)\n\nA reference to an object of the dump.");
static PyTypeObject RunType =
    NUMBER_TYPE("Run", run_members, "Run(id, count)\n\nThe values Ref(id), Ref(id+1), ... in a sequence of values.");
static PyTypeObject AddressType =
    NUMBER_TYPE("Address", address_members, "Address(address)\n\nAn address that is not known to be an object's.");

/* --- Missing --- */

typedef struct {
    PyObject_HEAD
    PyObject *reason; /* a str */
    unsigned long long address;
} MissingObject;

static PyTypeObject MissingType;

PyObject *phd__missing_new(PyObject *reason, uint64_t address)
{
    MissingObject *self = PyObject_New(MissingObject, &MissingType);
    if (self == NULL)
        return NULL;
    Py_INCREF(reason);
    self->reason = reason;
    self->address = address;
    return (PyObject *)self;
}

static PyObject *missing_from_python(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"reason", "address", NULL};
    PyObject *reason = NULL, *address = NULL;
    uint64_t address_value = 0;
    (void)type; /* it cannot be subclassed */
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "U|O", names, &reason, &address))
        return NULL;
    if (address != NULL && as_number(address, &address_value) < 0)
        return NULL;
    return phd__missing_new(reason, address_value);
}

static void missing_dealloc(PyObject *object)
{
    Py_DECREF(((MissingObject *)object)->reason);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *missing_repr(PyObject *object)
{
    return PyUnicode_FromFormat("Missing(%R)", ((MissingObject *)object)->reason);
}

static PyMemberDef missing_members[] = {
    {"reason", T_OBJECT_EX, offsetof(MissingObject, reason), READONLY, "Why it is not there, in words."},
    {"address", T_ULONGLONG, offsetof(MissingObject, address), READONLY, "Where it was, 0 if that is not known."},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject MissingType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.Missing",
    .tp_basicsize = sizeof(MissingObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = missing_from_python,
    .tp_dealloc = missing_dealloc,
    .tp_repr = missing_repr,
    .tp_members = missing_members,
    .tp_doc = "Missing(reason, address=0)\n\nSomething that could not be read, or was left out on purpose.",
};

/* --- ABSENT --- */

static PyObject *absent_repr(PyObject *object)
{
    (void)object;
    return PyUnicode_FromString("ABSENT");
}

static PyTypeObject AbsentType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.Absent",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_repr = absent_repr,
    .tp_doc = "The type of ABSENT: an unset slot or an unbound local variable.",
};

static PyObject *absent_singleton; /* lives as long as the process */

PyObject *phd__absent(void)
{
    Py_INCREF(absent_singleton);
    return absent_singleton;
}

/* --- Pairs --- */

static PyTypeObject PairsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.Pairs",
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A map whose keys are not all str: a list of (key, value) tuples in the order of the dump.",
};

PyObject *phd__pairs_new(void)
{
    return PyObject_CallObject((PyObject *)&PairsType, NULL);
}

/* --- the module --- */

static int add_type(PyObject *module, PyTypeObject *type, const char *name)
{
    if (PyType_Ready(type) < 0)
        return -1;
    Py_INCREF(type);
    if (PyModule_AddObject(module, name, (PyObject *)type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    return 0;
}

int phd__add_values(PyObject *module)
{
    PairsType.tp_base = &PyList_Type;
    if (add_type(module, &RefType, "Ref") < 0 || add_type(module, &RunType, "Run") < 0 ||
        add_type(module, &AddressType, "Address") < 0 || add_type(module, &MissingType, "Missing") < 0 ||
        add_type(module, &PairsType, "Pairs") < 0 || PyType_Ready(&AbsentType) < 0)
        return -1;
    if (absent_singleton == NULL)
        absent_singleton = PyObject_New(PyObject, &AbsentType);
    if (absent_singleton == NULL)
        return -1;
    PyObject *absent = phd__absent();
    if (PyModule_AddObject(module, "ABSENT", absent) < 0) {
        Py_DECREF(absent);
        return -1;
    }
    return 0;
}
