/* SPDX-License-Identifier: Apache-2.0
 *
 * The Python type DumpFile: random access to the records of a dump, on top of libpyheapdump/read.
 *
 *     DumpFile(path)         phd__reader_open, then a look at FACTS for the version
 *     .record(id)            find the block, load it (cached), decode one record of it
 *     .blocks(kind)          the maps of all blocks of a kind
 *     .values() .content()   containers, str and bytes so large that they are in pieces: pieces.c
 *     .address() ...         where objects were: addresses.c
 *     .largest()             which of them are the largest: largest.c
 */
#include "dumpfile.h"

#include <stddef.h>
#include <structmember.h>

int phd__add_dumpfile(PyObject *module);

static PyObject *dump_error; /* the exception type DumpError */

/* --- errors --- */

PyObject *phd__dump_error(DumpFile *self, const struct phd__read_error *error)
{
    if (error->status == PHD__READ_NO_MEMORY)
        return PyErr_NoMemory();
    PyObject *text = PyUnicode_DecodeUTF8(error->text, (Py_ssize_t)strlen(error->text), "replace");
    if (text != NULL) {
        PyErr_Format(dump_error, "%U: %U", self->path, text);
        Py_DECREF(text);
    }
    return NULL;
}

/* Raises KeyError(reason); takes a reference to the reason, which may be NULL with an exception set. */
static PyObject *raise_key_error(PyObject *reason)
{
    if (reason != NULL) {
        PyErr_SetObject(PyExc_KeyError, reason);
        Py_DECREF(reason);
    }
    return NULL;
}

bool phd__dump_is_open(DumpFile *self)
{
    if (self->reader == NULL)
        PyErr_Format(PyExc_ValueError, "%U: the dump file is closed", self->path);
    return self->reader != NULL;
}

/* Called by the reader for each damage it finds. */
static void note_problem(void *argument, const char *text)
{
    DumpFile *self = argument;
    PyObject *problem = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (problem == NULL || PyList_Append(self->problems, problem) < 0)
        PyErr_WriteUnraisable((PyObject *)self); /* no memory for the note; the reader goes on */
    Py_XDECREF(problem);
}

static PyObject *no_such_object(DumpFile *self, uint64_t id)
{
    return PyUnicode_FromFormat("object %llu is not in the file, which has the objects below %llu",
                                (unsigned long long)id, (unsigned long long)phd__reader_object_count(self->reader));
}

PyObject *phd__damaged_block(const struct phd__block *block, const char *what)
{
    return PyUnicode_FromFormat("the block at byte %zu is damaged: %s", (size_t)block->position, what);
}

/* --- using blocks --- */

const struct phd__block *phd__dump_block(DumpFile *self, size_t number)
{
    return &phd__reader_index(self->reader)->blocks[number];
}

struct phd__loaded *phd__dump_acquire(DumpFile *self, size_t number, PyObject **ret_reason)
{
    struct phd__loaded *loaded = NULL;
    struct phd__read_error error;
    *ret_reason = NULL;
    enum phd__read_status status = phd__reader_acquire(self->reader, number, &loaded, &error);
    if (status == PHD__READ_OK) {
        self->in_use++;
        return loaded;
    }
    if (status == PHD__READ_DAMAGED)
        *ret_reason = phd__damaged_block(phd__dump_block(self, number), error.text);
    else
        phd__dump_error(self, &error);
    return NULL;
}

void phd__dump_release(DumpFile *self, size_t number)
{
    phd__reader_release(self->reader, number);
    self->in_use--;
}

struct phd__loaded *phd__dump_acquire_object(DumpFile *self, PyObject *argument, uint64_t *ret_id, size_t *ret_number)
{
    if (!phd__dump_is_open(self) || phd__as_id(argument, ret_id) < 0)
        return NULL;
    if (!phd__reader_find_object(self->reader, *ret_id, ret_number)) {
        raise_key_error(no_such_object(self, *ret_id));
        return NULL;
    }
    PyObject *reason = NULL;
    struct phd__loaded *loaded = phd__dump_acquire(self, *ret_number, &reason);
    if (reason != NULL)
        raise_key_error(reason);
    return loaded;
}

/* --- opening and closing --- */

/* Notes once that a block's content cannot be decoded, so long as the list of problems is of a sensible length. An
 * exception is set when there is no memory. */
static void note_damaged_map(DumpFile *self, size_t number, const char *what)
{
    if (PyList_GET_SIZE(self->problems) > 2 * PHD__MAX_PROBLEMS)
        return;
    PyObject *problem = phd__damaged_block(phd__dump_block(self, number), what);
    if (problem != NULL && PySequence_Contains(self->problems, problem) == 0)
        PyList_Append(self->problems, problem);
    Py_XDECREF(problem);
}

/* Decodes the one map of a block. NULL without an exception when the block is damaged; that is a problem, told. */
static PyObject *block_map(DumpFile *self, size_t number)
{
    PyObject *reason = NULL;
    const char *problem = NULL;
    struct phd__loaded *loaded = phd__dump_acquire(self, number, &reason);
    Py_XDECREF(reason); /* the reader has told it already */
    if (loaded == NULL)
        return NULL;
    struct phd__cursor cursor = {loaded->content, loaded->content + loaded->size};
    PyObject *map = phd__decode(&cursor, 0, &problem);
    phd__dump_release(self, number);
    if (map != NULL || problem == NULL)
        return map;
    note_damaged_map(self, number, problem);
    return NULL;
}

/* The version that the first readable FACTS block names; 0 when there is none. -1 with an exception set. */
static int facts_version(DumpFile *self, uint64_t *ret)
{
    const struct phd__index *index = phd__reader_index(self->reader);
    PyObject *facts = NULL;
    *ret = 0;
    for (size_t i = 0; i < index->count && facts == NULL; i++) {
        if (index->blocks[i].kind == PHD__BLOCK_FACTS)
            facts = block_map(self, i);
        if (PyErr_Occurred())
            return -1;
    }
    if (facts == NULL)
        return 0;
    PyObject *version = PyDict_CheckExact(facts) ? PyDict_GetItemString(facts, "version") : NULL;
    if (version != NULL && PyLong_CheckExact(version)) {
        *ret = PyLong_AsUnsignedLongLong(version);
        PyErr_Clear(); /* too large or negative: 2**64-1 then stands for a version that nobody knows */
    }
    Py_DECREF(facts);
    return 0;
}

static int check_version(DumpFile *self)
{
    const struct phd__message *message = phd__reader_message(self->reader);
    uint64_t facts = 0;
    if (facts_version(self, &facts) < 0)
        return -1;
    if (facts > PHD__FORMAT_VERSION) {
        PyErr_Format(dump_error,
                     "%U: has format version %llu, this pyheapdump reads version %d; open it with a newer pyheapdump",
                     self->path, (unsigned long long)facts, PHD__FORMAT_VERSION);
        return -1;
    }
    self->version = message->version_known ? message->version : facts ? facts : PHD__FORMAT_VERSION;
    return 0;
}

static int open_reader(DumpFile *self, PyObject *path_bytes)
{
    struct phd__read_error error;
    self->path = PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(path_bytes), PyBytes_GET_SIZE(path_bytes));
    self->problems = PyList_New(0);
    self->addresses = PyDict_New();
    if (self->path == NULL || self->problems == NULL || self->addresses == NULL)
        return -1;
    if (phd__reader_open(PyBytes_AS_STRING(path_bytes), note_problem, self, &self->reader, &error) != PHD__READ_OK) {
        phd__dump_error(self, &error);
        return -1;
    }
    return check_version(self);
}

static PyObject *dumpfile_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"path", NULL};
    PyObject *path_bytes = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&:DumpFile", names, PyUnicode_FSConverter, &path_bytes))
        return NULL;
    DumpFile *self = (DumpFile *)type->tp_alloc(type, 0); /* all fields are 0 */
    if (self != NULL && open_reader(self, path_bytes) < 0)
        Py_CLEAR(self);
    Py_DECREF(path_bytes);
    return (PyObject *)self;
}

static void close_reader(DumpFile *self)
{
    phd__reader_close(self->reader);
    self->reader = NULL;
    PyMem_Free(self->ranges);
    self->ranges = NULL;
}

static void dumpfile_dealloc(PyObject *object)
{
    DumpFile *self = (DumpFile *)object;
    close_reader(self);
    Py_CLEAR(self->path);
    Py_CLEAR(self->problems);
    Py_CLEAR(self->addresses);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *dumpfile_close(DumpFile *self, PyObject *unused)
{
    (void)unused;
    if (self->in_use > 0)
        return PyErr_Format(dump_error, "%U: cannot be closed while a record of it is being decoded", self->path);
    close_reader(self);
    Py_RETURN_NONE;
}

static PyObject *dumpfile_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!phd__dump_is_open((DumpFile *)self))
        return NULL;
    Py_INCREF(self);
    return self;
}

static PyObject *dumpfile_exit(DumpFile *self, PyObject *arguments)
{
    (void)arguments;
    return dumpfile_close(self, NULL);
}

static PyObject *dumpfile_repr(PyObject *object)
{
    DumpFile *self = (DumpFile *)object;
    return PyUnicode_FromFormat("<DumpFile %R%s>", self->path, self->reader == NULL ? " closed" : "");
}

/* --- the message --- */

static PyObject *header_pair(const struct phd__header *header)
{
    return Py_BuildValue("(NN)", PyUnicode_DecodeASCII(header->name, (Py_ssize_t)header->name_size, "replace"),
                         PyUnicode_DecodeUTF8(header->value, (Py_ssize_t)header->value_size, "surrogateescape"));
}

static PyObject *get_headers(DumpFile *self, void *unused)
{
    (void)unused;
    if (!phd__dump_is_open(self))
        return NULL;
    const struct phd__message *message = phd__reader_message(self->reader);
    self->in_use++;
    PyObject *headers = PyList_New((Py_ssize_t)message->header_count);
    for (size_t i = 0; headers != NULL && i < message->header_count; i++) {
        PyObject *pair = header_pair(&message->headers[i]);
        if (pair == NULL)
            Py_CLEAR(headers);
        else
            PyList_SET_ITEM(headers, (Py_ssize_t)i, pair);
    }
    self->in_use--;
    return headers;
}

static PyObject *get_text(DumpFile *self, void *unused)
{
    (void)unused;
    if (!phd__dump_is_open(self))
        return NULL;
    const struct phd__message *message = phd__reader_message(self->reader);
    struct phd__read_error error;
    char *bytes = PyMem_Malloc((size_t)message->text_size + 1);
    if (bytes == NULL)
        return PyErr_NoMemory();
    PyObject *text = NULL;
    if (phd__input_read(phd__reader_input(self->reader), message->text_start, bytes, (size_t)message->text_size,
                        &error) != PHD__READ_OK)
        phd__dump_error(self, &error);
    else
        text = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)message->text_size, "replace");
    PyMem_Free(bytes);
    return text;
}

static PyObject *get_size(DumpFile *self, void *unused)
{
    (void)unused;
    return phd__dump_is_open(self) ? PyLong_FromUnsignedLongLong(phd__reader_input(self->reader)->size) : NULL;
}

static PyObject *get_version(DumpFile *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->version);
}

static PyObject *get_problems(DumpFile *self, void *unused)
{
    (void)unused;
    return PyList_GetSlice(self->problems, 0, PyList_GET_SIZE(self->problems));
}

/* --- the index --- */

static PyObject *block_tuple(const struct phd__block *block)
{
    return Py_BuildValue("(KIKKIIK)", (unsigned long long)block->position, block->kind,
                         (unsigned long long)block->first, (unsigned long long)block->count, block->raw_size,
                         block->stored_size, (unsigned long long)block->offset);
}

static PyObject *get_index(DumpFile *self, void *unused)
{
    (void)unused;
    if (!phd__dump_is_open(self))
        return NULL;
    size_t count = phd__reader_index(self->reader)->count;
    self->in_use++;
    PyObject *index = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; index != NULL && i < count; i++) {
        PyObject *entry = block_tuple(phd__dump_block(self, i));
        if (entry == NULL)
            Py_CLEAR(index);
        else
            PyList_SET_ITEM(index, (Py_ssize_t)i, entry);
    }
    self->in_use--;
    return index;
}

static PyObject *get_index_found(DumpFile *self, void *unused)
{
    (void)unused;
    return phd__dump_is_open(self) ? PyBool_FromLong(phd__reader_index(self->reader)->found) : NULL;
}

static PyObject *get_object_count(DumpFile *self, void *unused)
{
    (void)unused;
    return phd__dump_is_open(self) ? PyLong_FromUnsignedLongLong(phd__reader_object_count(self->reader)) : NULL;
}

static PyObject *dumpfile_blocks(DumpFile *self, PyObject *argument)
{
    unsigned long kind = PyLong_AsUnsignedLong(argument);
    if (PyErr_Occurred() || !phd__dump_is_open(self))
        return NULL;
    if (!phd__block_holds_map(kind))
        return PyErr_Format(PyExc_ValueError, "blocks of kind %lu hold no map; use record(), values(), content()",
                            kind);
    PyObject *maps = PyList_New(0);
    self->in_use++;
    for (size_t i = 0; maps != NULL && i < phd__reader_index(self->reader)->count; i++) {
        if (phd__dump_block(self, i)->kind != kind)
            continue;
        PyObject *map = block_map(self, i);
        if (PyErr_Occurred() || (map != NULL && PyList_Append(maps, map) < 0))
            Py_CLEAR(maps);
        Py_XDECREF(map);
    }
    self->in_use--;
    return maps;
}

/* --- records --- */

static PyObject *dumpfile_has(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    if (!phd__dump_is_open(self) || phd__as_id(argument, &id) < 0)
        return NULL;
    bool has = phd__reader_find_object(self->reader, id, &number) && !phd__reader_is_damaged(self->reader, number);
    return PyBool_FromLong(has);
}

static PyObject *dumpfile_record(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    const char *problem = NULL;
    struct phd__loaded *loaded = phd__dump_acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    struct phd__cursor cursor = phd__loaded_record(loaded, id - phd__dump_block(self, number)->first);
    PyObject *record = phd__decode(&cursor, id, &problem);
    phd__dump_release(self, number);
    if (record == NULL && problem != NULL)
        return raise_key_error(
            PyUnicode_FromFormat("the record of object %llu is damaged: %s", (unsigned long long)id, problem));
    return record;
}

/* --- the type --- */

static PyMethodDef dumpfile_methods[] = {
    {"blocks", (PyCFunction)dumpfile_blocks, METH_O,
     "blocks(kind) -> list\n\nThe maps of all readable blocks of a kind: 1 FACTS, 2 ROOTS, 6 SOURCE, 7 PROC, 8 END, 9 SIGNAL."},
    {"has", (PyCFunction)dumpfile_has, METH_O,
     "has(id) -> bool\n\nIs the object in the file, in a block that is not known to be damaged?"},
    {"record", (PyCFunction)dumpfile_record, METH_O,
     "record(id) -> list\n\nThe decoded record of an object. KeyError(reason) when it is not in the file or damaged."},
    {"address", (PyCFunction)phd__dump_address, METH_O,
     "address(id) -> int | None\n\nWhere the object was. KeyError(reason) like record()."},
    {"values", (PyCFunction)phd__dump_values, METH_VARARGS,
     "values(id, start, stop) -> list\n\nThe values start to stop-1 of a SPLIT container, runs expanded; a Missing "
     "for each one that\nis not in the file. ValueError for more than 4,194,304 at once."},
    {"content", (PyCFunction)phd__dump_content, METH_VARARGS,
     "content(id, start=0, stop=end) -> bytes\n\nThe bytes start to stop-1 of a SPLIT str, bytes or buffer, so far as "
     "they are in the file.\nValueError for more than 256 MiB at once."},
    {"content_kept", (PyCFunction)phd__dump_content_kept, METH_VARARGS,
     "content_kept(id, start=0, stop=end) -> int\n\nHow many of these bytes are in the file, as its index tells; none is "
     "read."},
    {"content_missing", (PyCFunction)phd__dump_content_missing, METH_O,
     "content_missing(id) -> int\n\nHow many bytes of its content are not in the file. KeyError(reason) like record()."},
    {"find_address", (PyCFunction)phd__dump_find_address, METH_O,
     "find_address(address) -> int | None\n\nThe id of the object at an address. Reads the whole dump when it is not "
     "found."},
    {"largest", (PyCFunction)phd__dump_largest, METH_O,
     "largest(count) -> (objects, bytes, by_own, by_held)\n\nHow many objects the file has and what they take; then "
     "two lists of at most `count` (id, own, held, elements,\nway), the largest first: by the size of the object itself, "
     "and by what it directly refers to. `way`: the ids of the\nobjects that lead to it, the nearest first. Reads the "
     "whole dump. ValueError for a count that is not from 1 to 1000."},
    {"close", (PyCFunction)dumpfile_close, METH_NOARGS, "close()\n\nCloses the file; it cannot be used any more."},
    {"__enter__", (PyCFunction)dumpfile_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)dumpfile_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef dumpfile_members[] = {
    {"path", T_OBJECT_EX, offsetof(DumpFile, path), READONLY, "The path as it was given, a str."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef dumpfile_getset[] = {
    {"size", (getter)get_size, NULL, "Bytes of the file.", NULL},
    {"version", (getter)get_version, NULL, "The version of the format.", NULL},
    {"headers", (getter)get_headers, NULL, "The message's headers: a list of (name, value), unfolded but raw.", NULL},
    {"text", (getter)get_text, NULL, "The text part: the tracebacks for people.", NULL},
    {"index", (getter)get_index, NULL,
     "A list of (position, kind, first, count, raw_size, stored_size, offset), one per block.", NULL},
    {"index_found", (getter)get_index_found, NULL, "False when the index had to be rebuilt from the blocks.", NULL},
    {"problems", (getter)get_problems, NULL, "The damage found so far, a list of str.", NULL},
    {"object_count", (getter)get_object_count, NULL, "1 + the highest object id in the file.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject DumpFileType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pyheapdump._pyheapdump.DumpFile",
    .tp_basicsize = sizeof(DumpFile),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = dumpfile_new,
    .tp_dealloc = dumpfile_dealloc,
    .tp_repr = dumpfile_repr,
    .tp_methods = dumpfile_methods,
    .tp_members = dumpfile_members,
    .tp_getset = dumpfile_getset,
    .tp_doc = "DumpFile(path)\n\nA dump opened for reading. Reads the index, never the heap, until asked for objects.\n"
              "DumpError: the file cannot be read, is no dump, has a later version, or is damaged beyond use.",
};

static int add_object(PyObject *module, const char *name, PyObject *object)
{
    Py_INCREF(object);
    if (PyModule_AddObject(module, name, object) < 0) {
        Py_DECREF(object);
        return -1;
    }
    return 0;
}

int phd__add_dumpfile(PyObject *module)
{
    if (dump_error == NULL)
        dump_error = PyErr_NewExceptionWithDoc(
            "pyheapdump.DumpError", "A dump cannot be opened. One line: the file, what is wrong, the remedy.", NULL,
            NULL);
    if (dump_error == NULL || PyType_Ready(&DumpFileType) < 0 || phd__add_values(module) < 0)
        return -1;
    if (add_object(module, "DumpError", dump_error) < 0)
        return -1;
    return add_object(module, "DumpFile", (PyObject *)&DumpFileType);
}
