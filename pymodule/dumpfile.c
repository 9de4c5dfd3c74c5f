/* SPDX-License-Identifier: Apache-2.0
 *
 * The Python type DumpFile: random access to the records of a dump, on top of libpyheapdump/read.
 *
 *     DumpFile(path)         phd__reader_open, then a look at FACTS for the version
 *     .record(id)            find the block, load it (cached), decode one record of it
 *     .values(id, ...)       the ITEMS blocks of a large container, runs of references expanded
 *     .content(id, ...)      the CONTENT blocks of a large str or bytes
 *     .blocks(kind)          the maps of all blocks of a kind
 *     .find_address(a)       search through the address columns
 *
 * Building Python objects can run a garbage collection, and that can run anything, this DumpFile's methods included.
 * So a block is acquired before its bytes are decoded and released afterwards, and close() refuses while `in_use`.
 */
#include "decode.h"

#include "read/reader.h"

#include <stddef.h>
#include <structmember.h>

/* What one call may be asked for, so that a lying dump cannot make a caller take all memory at once. */
#define MAX_VALUES ((uint64_t)1 << 22)
#define MAX_CONTENT ((uint64_t)1 << 28)

int phd__add_dumpfile(PyObject *module);

static PyObject *dump_error; /* the exception type DumpError */

/* The lowest and highest address in a block, once its addresses were read. */
struct address_range {
    uint64_t low;
    uint64_t high; /* high < low: not known yet */
};

typedef struct {
    PyObject_HEAD
    PyObject *path;             /* a str */
    PyObject *problems;         /* a list of str */
    struct phd__reader *reader; /* NULL when closed */
    uint64_t version;
    unsigned in_use;
    PyObject *addresses;          /* a dict: what find_address() found */
    struct address_range *ranges; /* per block, NULL until find_address() */
} DumpFile;

/* --- errors --- */

/* Raises what an error record says, as one line with the file's name. Returns NULL. */
static PyObject *raise_error(DumpFile *self, const struct phd__read_error *error)
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

static bool is_open(DumpFile *self)
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

static PyObject *damaged_block(size_t position, const char *what)
{
    return PyUnicode_FromFormat("the block at byte %zu is damaged: %s", position, what);
}

/* --- using blocks --- */

static const struct phd__block *block_of(DumpFile *self, size_t number)
{
    return &phd__reader_index(self->reader)->blocks[number];
}

/* Loads a block. NULL and `*ret_reason` (a new str) when it is damaged, NULL and an exception for other failures. */
static struct phd__loaded *acquire(DumpFile *self, size_t number, PyObject **ret_reason)
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
        *ret_reason = damaged_block((size_t)block_of(self, number)->position, error.text);
    else
        raise_error(self, &error);
    return NULL;
}

static void release(DumpFile *self, size_t number)
{
    phd__reader_release(self->reader, number);
    self->in_use--;
}

/* Finds and loads the block of an object. NULL with KeyError, or another exception, set. */
static struct phd__loaded *acquire_object(DumpFile *self, PyObject *argument, uint64_t *ret_id, size_t *ret_number)
{
    if (!is_open(self) || phd__as_id(argument, ret_id) < 0)
        return NULL;
    if (!phd__reader_find_object(self->reader, *ret_id, ret_number)) {
        raise_key_error(no_such_object(self, *ret_id));
        return NULL;
    }
    PyObject *reason = NULL;
    struct phd__loaded *loaded = acquire(self, *ret_number, &reason);
    if (reason != NULL)
        raise_key_error(reason);
    return loaded;
}

/* --- opening and closing --- */

/* Decodes the one map of a block. NULL without an exception when the block is damaged; that is a problem, told. */
static PyObject *block_map(DumpFile *self, size_t number)
{
    PyObject *reason = NULL;
    const char *problem = NULL;
    struct phd__loaded *loaded = acquire(self, number, &reason);
    Py_XDECREF(reason); /* the reader has told it already */
    if (loaded == NULL)
        return NULL;
    struct phd__cursor cursor = {loaded->content, loaded->content + loaded->size};
    PyObject *map = phd__decode(&cursor, 0, &problem);
    size_t position = (size_t)block_of(self, number)->position;
    release(self, number);
    if (map != NULL || problem == NULL)
        return map;
    reason = damaged_block(position, problem);
    if (reason != NULL && PyList_Append(self->problems, reason) < 0)
        Py_CLEAR(reason);
    Py_XDECREF(reason);
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
        PyErr_Clear(); /* too large or negative: the sentinel is a version that nobody knows */
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
        raise_error(self, &error);
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
    if (!is_open((DumpFile *)self))
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
    if (!is_open(self))
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
    if (!is_open(self))
        return NULL;
    const struct phd__message *message = phd__reader_message(self->reader);
    struct phd__read_error error;
    char *bytes = PyMem_Malloc((size_t)message->text_size + 1);
    if (bytes == NULL)
        return PyErr_NoMemory();
    PyObject *text = NULL;
    if (phd__input_read(phd__reader_input(self->reader), message->text_start, bytes, (size_t)message->text_size,
                        &error) != PHD__READ_OK)
        raise_error(self, &error);
    else
        text = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)message->text_size, "replace");
    PyMem_Free(bytes);
    return text;
}

static PyObject *get_size(DumpFile *self, void *unused)
{
    (void)unused;
    return is_open(self) ? PyLong_FromUnsignedLongLong(phd__reader_input(self->reader)->size) : NULL;
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
    if (!is_open(self))
        return NULL;
    size_t count = phd__reader_index(self->reader)->count;
    self->in_use++;
    PyObject *index = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; index != NULL && i < count; i++) {
        PyObject *entry = block_tuple(block_of(self, i));
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
    return is_open(self) ? PyBool_FromLong(phd__reader_index(self->reader)->found) : NULL;
}

static PyObject *get_object_count(DumpFile *self, void *unused)
{
    (void)unused;
    return is_open(self) ? PyLong_FromUnsignedLongLong(phd__reader_object_count(self->reader)) : NULL;
}

static PyObject *dumpfile_blocks(DumpFile *self, PyObject *argument)
{
    unsigned long kind = PyLong_AsUnsignedLong(argument);
    if (PyErr_Occurred() || !is_open(self))
        return NULL;
    if (!phd__block_holds_map(kind))
        return PyErr_Format(PyExc_ValueError, "blocks of kind %lu hold no map; use record(), values(), content()",
                            kind);
    PyObject *maps = PyList_New(0);
    self->in_use++;
    for (size_t i = 0; maps != NULL && i < phd__reader_index(self->reader)->count; i++) {
        if (block_of(self, i)->kind != kind)
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
    if (!is_open(self) || phd__as_id(argument, &id) < 0)
        return NULL;
    bool has = phd__reader_find_object(self->reader, id, &number) && !phd__reader_is_damaged(self->reader, number);
    return PyBool_FromLong(has);
}

static PyObject *dumpfile_record(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    const char *problem = NULL;
    struct phd__loaded *loaded = acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    struct phd__cursor cursor = phd__loaded_record(loaded, id - block_of(self, number)->first);
    PyObject *record = phd__decode(&cursor, id, &problem);
    release(self, number);
    if (record == NULL && problem != NULL)
        return raise_key_error(
            PyUnicode_FromFormat("the record of object %llu is damaged: %s", (unsigned long long)id, problem));
    return record;
}

static PyObject *dumpfile_address(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    struct phd__read_error error;
    struct phd__loaded *loaded = acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    const struct phd__block *block = block_of(self, number);
    enum phd__read_status status = phd__loaded_addresses(loaded, block, &error);
    uint64_t address = status == PHD__READ_OK ? (uint64_t)loaded->addresses[id - block->first] : 0;
    release(self, number);
    if (status == PHD__READ_OK)
        return PyLong_FromUnsignedLongLong(address);
    if (status == PHD__READ_NO_MEMORY)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* --- the values of a large container --- */

/* A range of values being collected. */
struct collection {
    DumpFile *self;
    PyObject *list;
    uint64_t owner;
    uint64_t at;   /* the next value */
    uint64_t stop; /* the value not wanted any more */
};

/* Appends `item`, of which it takes the reference; NULL is a failure that has set its exception. */
static bool append(struct collection *to, PyObject *item)
{
    bool ok = item != NULL && PyList_Append(to->list, item) == 0;
    Py_XDECREF(item);
    to->at++;
    return ok;
}

/* Appends one Missing, again and again, up to value `end`. Takes the reference to `reason`. */
static bool append_missing(struct collection *to, uint64_t end, PyObject *reason)
{
    if (reason == NULL)
        return false;
    PyObject *missing = phd__missing_new(reason, 0);
    Py_DECREF(reason);
    bool ok = missing != NULL;
    while (ok && to->at < end && to->at < to->stop) {
        Py_INCREF(missing);
        ok = append(to, missing);
    }
    Py_XDECREF(missing);
    return ok;
}

/* Appends what the cursor holds next; `skip` values of it come before to->at. */
static bool append_next(struct collection *to, struct phd__cursor *cursor, uint64_t skip, const char **problem)
{
    struct phd__cursor probe = *cursor;
    struct phd__token token;
    uint64_t first, count;
    if (!phd__token_next(&probe, &token) || !phd__run_parse(&token, &first, &count))
        return append(to, phd__decode(cursor, to->owner, problem));
    *cursor = probe;
    for (uint64_t i = skip; i < count && to->at < to->stop; i++)
        if (!append(to, phd__ref_new(first + i)))
            return false;
    return true;
}

/* Appends the values of a loaded block, from to->at on. */
static bool append_values(struct collection *to, const struct phd__loaded *loaded, const struct phd__block *block)
{
    uint64_t before = 0;
    uint64_t end = block->offset + block->count;
    const char *problem = NULL;
    struct phd__cursor cursor = phd__loaded_value(loaded, to->at - block->offset, &before);
    uint64_t skip = to->at - block->offset - before;
    while (to->at < to->stop && to->at < end) {
        if (!append_next(to, &cursor, skip, &problem)) {
            if (problem == NULL)
                return false;
            to->at--; /* the value that could not be decoded counts with what follows it in its block */
            return append_missing(to, end, damaged_block((size_t)block->position, problem));
        }
        skip = 0;
    }
    return true;
}

static bool append_block(struct collection *to, size_t number)
{
    DumpFile *self = to->self;
    struct phd__block block = *block_of(self, number);
    PyObject *reason = NULL;
    struct phd__loaded *loaded = acquire(self, number, &reason);
    if (loaded == NULL)
        return reason != NULL && append_missing(to, block.offset + block.count, reason);
    bool ok = append_values(to, loaded, &block);
    release(self, number);
    return ok;
}

static PyObject *not_in_file(void)
{
    return PyUnicode_FromString("not in the file: the block with this part of it is missing");
}

static bool collect(struct collection *to)
{
    DumpFile *self = to->self;
    size_t position = phd__reader_first_piece(self->reader, PHD__BLOCK_ITEMS, to->owner, to->at);
    size_t number;
    while (to->at < to->stop && phd__reader_piece(self->reader, position++, PHD__BLOCK_ITEMS, to->owner, &number)) {
        const struct phd__block *block = block_of(self, number);
        if (block->offset + block->count <= to->at)
            continue;
        if (block->offset > to->at && !append_missing(to, block->offset, not_in_file()))
            return false;
        if (to->at < to->stop && !append_block(to, number))
            return false;
    }
    return to->at >= to->stop || append_missing(to, to->stop, not_in_file());
}

static PyObject *dumpfile_values(DumpFile *self, PyObject *arguments)
{
    PyObject *id = NULL;
    unsigned long long start, stop;
    struct collection to = {.self = self};
    if (!PyArg_ParseTuple(arguments, "OKK:values", &id, &start, &stop) || phd__as_id(id, &to.owner) < 0)
        return NULL;
    if (!is_open(self))
        return NULL;
    if (stop > start && stop - start > MAX_VALUES)
        return PyErr_Format(PyExc_ValueError, "values() gives at most %llu values at once, %llu were asked for",
                            (unsigned long long)MAX_VALUES, stop - start);
    to.at = start;
    to.stop = stop;
    to.list = PyList_New(0);
    self->in_use++;
    if (to.list != NULL && !collect(&to))
        Py_CLEAR(to.list);
    self->in_use--;
    return to.list;
}

/* --- the content of a large str or bytes --- */

/* The union of an object's pieces, so far as it lies in [start, stop). Pieces come sorted by offset. */
struct piece_sum {
    uint64_t stop;
    uint64_t end;  /* where the last piece ended: what is before it is done */
    uint64_t size; /* bytes found so far */
    bool load;     /* load the pieces, and leave out damaged ones; else believe the index */
    char *to;      /* copy them here, if not NULL */
};

/* Adds one piece. False with an exception set. */
static bool add_piece(DumpFile *self, size_t number, struct piece_sum *sum)
{
    const struct phd__block *block = block_of(self, number);
    uint64_t from = block->offset > sum->end ? block->offset : sum->end;
    uint64_t until = block->offset + block->raw_size < sum->stop ? block->offset + block->raw_size : sum->stop;
    if (from >= until)
        return true;
    if (sum->load) {
        PyObject *reason = NULL;
        struct phd__loaded *loaded = acquire(self, number, &reason);
        Py_XDECREF(reason); /* a damaged piece is missing; content_missing() tells how much */
        if (loaded == NULL)
            return !PyErr_Occurred();
        if (sum->to != NULL)
            memcpy(sum->to + sum->size, loaded->content + (from - block->offset), (size_t)(until - from));
        release(self, number);
    }
    sum->size += until - from;
    sum->end = until;
    return true;
}

/* Adds up the pieces of an object from byte `start` on. */
static bool add_pieces(DumpFile *self, uint64_t owner, uint64_t start, struct piece_sum *sum)
{
    size_t position = phd__reader_first_piece(self->reader, PHD__BLOCK_CONTENT, owner, start);
    size_t number;
    sum->end = start;
    while (phd__reader_piece(self->reader, position++, PHD__BLOCK_CONTENT, owner, &number)) {
        if (block_of(self, number)->offset >= sum->stop)
            break;
        if (!add_piece(self, number, sum) || PyErr_CheckSignals() < 0)
            return false;
    }
    return true;
}

static PyObject *content(DumpFile *self, uint64_t owner, uint64_t start, uint64_t stop)
{
    struct piece_sum planned = {.stop = stop};
    struct piece_sum loaded = {.stop = stop, .load = true};
    if (!add_pieces(self, owner, start, &planned))
        return NULL;
    if (planned.size > MAX_CONTENT)
        return PyErr_Format(PyExc_ValueError,
                            "content() gives at most %llu bytes at once and there are %llu; ask for a part",
                            (unsigned long long)MAX_CONTENT, (unsigned long long)planned.size);
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)planned.size);
    if (result == NULL)
        return NULL;
    loaded.to = PyBytes_AS_STRING(result);
    if (!add_pieces(self, owner, start, &loaded)) /* the union of fewer pieces: never more than planned */
        Py_CLEAR(result);
    else if (loaded.size != planned.size)
        _PyBytes_Resize(&result, (Py_ssize_t)loaded.size);
    return result;
}

static PyObject *dumpfile_content(DumpFile *self, PyObject *arguments)
{
    PyObject *id = NULL;
    uint64_t owner;
    unsigned long long start = 0, stop = PHD__MAX_ID;
    if (!PyArg_ParseTuple(arguments, "O|KK:content", &id, &start, &stop) || phd__as_id(id, &owner) < 0)
        return NULL;
    if (!is_open(self))
        return NULL;
    self->in_use++;
    PyObject *result = content(self, owner, start, stop);
    self->in_use--;
    return result;
}

/* The size `n` of the SPLIT record [16, code, n] that the record is, or carries as its base. 0 when there is none. */
static uint64_t split_size(struct phd__cursor cursor)
{
    enum { RECORD_OBJECT = 1, RECORD_SPLIT = 16 };
    struct phd__token array;
    uint64_t code, size;
    if (!phd__token_next(&cursor, &array) || array.type != PHD__TOKEN_ARRAY || !phd__token_unsigned(&cursor, &code))
        return 0;
    if (code == RECORD_OBJECT) { /* [1, type, base, ...] */
        if (!phd__token_skip(&cursor) || !phd__token_next(&cursor, &array) || array.type != PHD__TOKEN_ARRAY ||
            !phd__token_unsigned(&cursor, &code))
            return 0;
    }
    if (code != RECORD_SPLIT || !phd__token_unsigned(&cursor, &code) || !phd__token_unsigned(&cursor, &size))
        return 0;
    return size;
}

static PyObject *dumpfile_content_missing(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    struct phd__loaded *loaded = acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    uint64_t size = split_size(phd__loaded_record(loaded, id - block_of(self, number)->first));
    struct piece_sum sum = {.stop = size, .load = true};
    bool ok = add_pieces(self, id, 0, &sum);
    release(self, number);
    return ok ? PyLong_FromUnsignedLongLong(size - sum.size) : NULL;
}

/* --- search by address --- */

static bool make_ranges(DumpFile *self)
{
    size_t count = phd__reader_index(self->reader)->count;
    if (self->ranges != NULL)
        return true;
    self->ranges = PyMem_Calloc(count + 1, sizeof *self->ranges);
    if (self->ranges == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < count; i++)
        self->ranges[i] = (struct address_range){.low = 1, .high = 0};
    return true;
}

/* Searches the addresses of one loaded block and notes their range. */
static bool search_loaded(const struct phd__loaded *loaded, const struct phd__block *block, uint64_t address,
                          struct address_range *range, uint64_t *ret)
{
    bool found = false;
    *range = (struct address_range){.low = UINT64_MAX, .high = 0};
    for (uint64_t i = 0; i < block->count; i++) {
        uint64_t at = (uint64_t)loaded->addresses[i];
        range->low = at < range->low ? at : range->low;
        range->high = at > range->high ? at : range->high;
        if (at == address && !found) {
            *ret = block->first + i;
            found = true;
        }
    }
    return found;
}

/* 1: found, 0: not in this block (or it is damaged), -1: an exception is set. */
static int search_block(DumpFile *self, size_t number, uint64_t address, uint64_t *ret)
{
    const struct phd__block *block = block_of(self, number);
    struct address_range *range = &self->ranges[number];
    bool known = range->low <= range->high;
    if (known && (address < range->low || address > range->high))
        return 0;
    PyObject *reason = NULL;
    struct phd__read_error error;
    struct phd__loaded *loaded = acquire(self, number, &reason);
    Py_XDECREF(reason); /* told as a problem; its objects cannot be found by address */
    if (loaded == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int found = 0;
    enum phd__read_status status = phd__loaded_addresses(loaded, block, &error);
    if (status == PHD__READ_OK)
        found = search_loaded(loaded, block, address, range, ret);
    release(self, number);
    if (status == PHD__READ_NO_MEMORY)
        PyErr_NoMemory();
    return status == PHD__READ_NO_MEMORY ? -1 : found;
}

static PyObject *search_address(DumpFile *self, uint64_t address)
{
    const struct phd__index *index = phd__reader_index(self->reader);
    uint64_t id = 0;
    int found = make_ranges(self) ? 0 : -1;
    for (size_t i = 0; found == 0 && i < index->count; i++) {
        if (index->blocks[i].kind != PHD__BLOCK_OBJECTS || phd__reader_is_damaged(self->reader, i))
            continue;
        found = search_block(self, i, address, &id);
        if (PyErr_CheckSignals() < 0)
            return NULL;
    }
    if (found < 0)
        return NULL;
    if (found == 0)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(id);
}

static PyObject *dumpfile_find_address(DumpFile *self, PyObject *argument)
{
    uint64_t address = PyLong_AsUnsignedLongLong(argument);
    if (PyErr_Occurred() || !is_open(self))
        return NULL;
    PyObject *key = PyLong_FromUnsignedLongLong(address);
    if (key == NULL)
        return NULL;
    PyObject *id = PyDict_GetItemWithError(self->addresses, key);
    Py_XINCREF(id);
    if (id == NULL && !PyErr_Occurred()) {
        self->in_use++;
        id = search_address(self, address);
        self->in_use--;
        if (id != NULL && PyDict_SetItem(self->addresses, key, id) < 0)
            Py_CLEAR(id);
    }
    Py_DECREF(key);
    return id;
}

/* --- the type --- */

static PyMethodDef dumpfile_methods[] = {
    {"blocks", (PyCFunction)dumpfile_blocks, METH_O,
     "blocks(kind) -> list\n\nThe maps of all readable blocks of a kind: 1 FACTS, 2 ROOTS, 6 SOURCE, 7 PROC, 8 END."},
    {"has", (PyCFunction)dumpfile_has, METH_O,
     "has(id) -> bool\n\nIs the object in the file, in a block that is not known to be damaged?"},
    {"record", (PyCFunction)dumpfile_record, METH_O,
     "record(id) -> list\n\nThe decoded record of an object. KeyError(reason) when it is not in the file or damaged."},
    {"address", (PyCFunction)dumpfile_address, METH_O,
     "address(id) -> int | None\n\nWhere the object was. KeyError(reason) like record()."},
    {"values", (PyCFunction)dumpfile_values, METH_VARARGS,
     "values(id, start, stop) -> list\n\nThe values start to stop-1 of a SPLIT container, runs expanded; a Missing "
     "for each one that\nis not in the file. ValueError for more than 4,194,304 at once."},
    {"content", (PyCFunction)dumpfile_content, METH_VARARGS,
     "content(id, start=0, stop=end) -> bytes\n\nThe bytes start to stop-1 of a SPLIT str, bytes or buffer, so far as "
     "they are in the file.\nValueError for more than 256 MiB at once."},
    {"content_missing", (PyCFunction)dumpfile_content_missing, METH_O,
     "content_missing(id) -> int\n\nHow many bytes of its content are not in the file. KeyError(reason) like record()."},
    {"find_address", (PyCFunction)dumpfile_find_address, METH_O,
     "find_address(address) -> int | None\n\nThe id of the object at an address. Reads the whole dump when it is not "
     "found."},
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
