/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of DumpFile for objects so large that they are in the dump in pieces (SPLIT records): values() of containers
 * from ITEMS blocks, content() of str, bytes and buffers from CONTENT blocks.
 *
 * Pieces come sorted by offset. What lies between them, or in a damaged one, is missing: a Missing for each value, and
 * for content a number of bytes. Where a hostile file lets pieces overlap, the earlier one wins.
 */
#include "dumpfile.h"

/* What one call may be asked for, so that a lying dump cannot make a caller take all memory at once. */
#define MAX_VALUES ((uint64_t)1 << 22)
#define MAX_CONTENT ((uint64_t)1 << 28)

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
            return append_missing(to, end, phd__damaged_block(block, problem));
        }
        skip = 0;
    }
    return true;
}

static bool append_block(struct collection *to, size_t number)
{
    DumpFile *self = to->self;
    struct phd__block block = *phd__dump_block(self, number);
    PyObject *reason = NULL;
    struct phd__loaded *loaded = phd__dump_acquire(self, number, &reason);
    if (loaded == NULL)
        return reason != NULL && append_missing(to, block.offset + block.count, reason);
    bool ok = append_values(to, loaded, &block);
    phd__dump_release(self, number);
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
        const struct phd__block *block = phd__dump_block(self, number);
        if (block->offset + block->count <= to->at)
            continue;
        if (block->offset > to->at && !append_missing(to, block->offset, not_in_file()))
            return false;
        if (to->at < to->stop && !append_block(to, number))
            return false;
    }
    return to->at >= to->stop || append_missing(to, to->stop, not_in_file());
}

PyObject *phd__dump_values(DumpFile *self, PyObject *arguments)
{
    PyObject *id = NULL;
    unsigned long long start, stop;
    struct collection to = {.self = self};
    if (!PyArg_ParseTuple(arguments, "OKK:values", &id, &start, &stop) || phd__as_id(id, &to.owner) < 0)
        return NULL;
    if (!phd__dump_is_open(self))
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
    const struct phd__block *block = phd__dump_block(self, number);
    uint64_t from = block->offset > sum->end ? block->offset : sum->end;
    uint64_t until = block->offset + block->raw_size < sum->stop ? block->offset + block->raw_size : sum->stop;
    if (from >= until)
        return true;
    if (sum->load) {
        PyObject *reason = NULL;
        struct phd__loaded *loaded = phd__dump_acquire(self, number, &reason);
        Py_XDECREF(reason); /* a damaged piece is missing; content_missing() tells how much */
        if (loaded == NULL)
            return !PyErr_Occurred();
        if (sum->to != NULL)
            memcpy(sum->to + sum->size, loaded->content + (from - block->offset), (size_t)(until - from));
        phd__dump_release(self, number);
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
        if (phd__dump_block(self, number)->offset >= sum->stop)
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

/* The object and the range that content() and content_kept() are asked for. False with an exception set. */
static bool parse_range(DumpFile *self, PyObject *arguments, const char *format, uint64_t *owner,
                        unsigned long long *start, unsigned long long *stop)
{
    PyObject *id = NULL;
    *start = 0;
    *stop = PHD__MAX_ID;
    return PyArg_ParseTuple(arguments, format, &id, start, stop) && phd__as_id(id, owner) == 0 &&
           phd__dump_is_open(self);
}

PyObject *phd__dump_content(DumpFile *self, PyObject *arguments)
{
    uint64_t owner;
    unsigned long long start, stop;
    if (!parse_range(self, arguments, "O|KK:content", &owner, &start, &stop))
        return NULL;
    self->in_use++;
    PyObject *result = content(self, owner, start, stop);
    self->in_use--;
    return result;
}

PyObject *phd__dump_content_kept(DumpFile *self, PyObject *arguments)
{
    uint64_t owner;
    unsigned long long start, stop;
    if (!parse_range(self, arguments, "O|KK:content_kept", &owner, &start, &stop))
        return NULL;
    struct piece_sum planned = {.stop = stop};
    return add_pieces(self, owner, start, &planned) ? PyLong_FromUnsignedLongLong(planned.size) : NULL;
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

PyObject *phd__dump_content_missing(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    struct phd__loaded *loaded = phd__dump_acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    uint64_t size = split_size(phd__loaded_record(loaded, id - phd__dump_block(self, number)->first));
    struct piece_sum sum = {.stop = size, .load = true};
    bool ok = add_pieces(self, id, 0, &sum);
    phd__dump_release(self, number);
    return ok ? PyLong_FromUnsignedLongLong(size - sum.size) : NULL;
}
