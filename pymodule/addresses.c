/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of DumpFile about where objects were: address() of an id, and find_address(), the search the other way round.
 *
 * The search reads the address columns block by block, in the worst case of the whole dump. It notes the range of
 * addresses of each block it has seen, so that later searches load fewer, and keeps every answer.
 */
#include "dumpfile.h"

PyObject *phd__dump_address(DumpFile *self, PyObject *argument)
{
    uint64_t id;
    size_t number;
    struct phd__read_error error;
    struct phd__loaded *loaded = phd__dump_acquire_object(self, argument, &id, &number);
    if (loaded == NULL)
        return NULL;
    const struct phd__block *block = phd__dump_block(self, number);
    enum phd__read_status status = phd__loaded_addresses(loaded, block, &error);
    uint64_t address = status == PHD__READ_OK ? (uint64_t)loaded->addresses[id - block->first] : 0;
    phd__dump_release(self, number);
    if (status == PHD__READ_OK)
        return PyLong_FromUnsignedLongLong(address);
    if (status == PHD__READ_NO_MEMORY)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

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
    const struct phd__block *block = phd__dump_block(self, number);
    struct address_range *range = &self->ranges[number];
    bool known = range->low <= range->high;
    if (known && (address < range->low || address > range->high))
        return 0;
    PyObject *reason = NULL;
    struct phd__read_error error;
    struct phd__loaded *loaded = phd__dump_acquire(self, number, &reason);
    Py_XDECREF(reason); /* told as a problem; its objects cannot be found by address */
    if (loaded == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int found = 0;
    enum phd__read_status status = phd__loaded_addresses(loaded, block, &error);
    if (status == PHD__READ_OK)
        found = search_loaded(loaded, block, address, range, ret);
    phd__dump_release(self, number);
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

PyObject *phd__dump_find_address(DumpFile *self, PyObject *argument)
{
    uint64_t address = PyLong_AsUnsignedLongLong(argument);
    if (PyErr_Occurred() || !phd__dump_is_open(self))
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
