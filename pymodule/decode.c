/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder: one token after the other (read/token.h), recursion for arrays and maps up to the nesting limit.
 *
 * It builds Python objects directly, on top of the library's pull parser instead of msgpack-c's unpack_template.h;
 * read/token.h says why. No Python code runs in here, except what a garbage collection may run.
 *
 * Memory: an element needs one byte of input at least, so the slots of all arrays and maps together are never more
 * than the bytes there were at the start (`slots_left`); and the number of arrays and maps, which are large objects
 * for one byte of input, has a limit of its own (the format has no use for many small ones: containers are records).
 */
#include "decode.h"

#include "read/block.h"
#include "read/loaded.h"

#include <string.h>

#define MAX_CONTAINERS ((uint32_t)1 << 20)

enum extension {
    EXT_FORWARD = 1,
    EXT_REFERENCE = 2,
    EXT_RUN = PHD__EXT_RUN,
    EXT_BIG_INT = 4,
    EXT_SURROGATES = 5,
    EXT_MISSING = 6,
    EXT_ADDRESS = 7,
    EXT_ABSENT = 8,
    EXT_COMPLEX = 9,
};

struct decoder {
    struct phd__cursor *cursor;
    uint64_t base;
    uint64_t slots_left;
    uint32_t containers_left;
    const char *problem;
};

static PyObject *decode(struct decoder *decoder, int depth);

static PyObject *damaged(struct decoder *decoder, const char *problem)
{
    decoder->problem = problem;
    return NULL;
}

/* --- extension types --- */

static PyObject *reference(struct decoder *decoder, const struct phd__token *token, uint64_t base)
{
    uint64_t number;
    if (!phd__big_endian(token->bytes, token->size, &number) || number > PHD__MAX_ID || base > PHD__MAX_ID)
        return damaged(decoder, "a reference is damaged");
    return phd__ref_new(base + number);
}

static PyObject *run(struct decoder *decoder, const struct phd__token *token)
{
    uint64_t first, count;
    if (!phd__run_parse(token, &first, &count))
        return damaged(decoder, "a run of references is damaged");
    return phd__run_new(first, count);
}

static PyObject *big_int(const struct phd__token *token)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromNativeBytes(token->bytes, token->size, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    return _PyLong_FromByteArray(token->bytes, token->size, 1, 1);
#endif
}

static PyObject *surrogates(struct decoder *decoder, const struct phd__token *token)
{
    PyObject *text = PyUnicode_DecodeUTF8((const char *)token->bytes, token->size, "surrogatepass");
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return damaged(decoder, "a str is damaged");
    }
    return text;
}

/* Text that should be UTF-8; bytes that are not are shown as \xNN rather than lost. */
static PyObject *text(const struct phd__token *token)
{
    return PyUnicode_DecodeUTF8((const char *)token->bytes, token->size, "backslashreplace");
}

static PyObject *missing(struct decoder *decoder, const struct phd__token *token)
{
    struct phd__cursor cursor = {token->bytes, token->bytes + token->size};
    struct phd__token array, reason;
    uint64_t address = 0;
    if (!phd__token_next(&cursor, &array) || array.type != PHD__TOKEN_ARRAY || array.size < 1 ||
        !phd__token_next(&cursor, &reason) || reason.type != PHD__TOKEN_STR)
        return damaged(decoder, "a note about something missing is damaged");
    if (array.size > 1 && !phd__token_unsigned(&cursor, &address))
        address = 0; /* nil: not known */
    PyObject *reason_text = text(&reason);
    if (reason_text == NULL)
        return NULL;
    PyObject *result = phd__missing_new(reason_text, address);
    Py_DECREF(reason_text);
    return result;
}

static PyObject *address(struct decoder *decoder, const struct phd__token *token)
{
    uint64_t number;
    if (!phd__big_endian(token->bytes, token->size, &number))
        return damaged(decoder, "an address is damaged");
    return phd__address_new(number);
}

static PyObject *complex_number(struct decoder *decoder, const struct phd__token *token)
{
    uint64_t raw[2];
    double parts[2];
    if (token->size != 16 || !phd__big_endian(token->bytes, 8, &raw[0]) ||
        !phd__big_endian(token->bytes + 8, 8, &raw[1]))
        return damaged(decoder, "a complex number is damaged");
    memcpy(parts, raw, sizeof parts);
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

static PyObject *unknown_extension(const struct phd__token *token)
{
    PyObject *reason =
        PyUnicode_FromFormat("a value of a type that this pyheapdump does not know (ext %d)", (int)token->ext_code);
    if (reason == NULL)
        return NULL;
    PyObject *result = phd__missing_new(reason, 0);
    Py_DECREF(reason);
    return result;
}

static PyObject *extension(struct decoder *decoder, const struct phd__token *token)
{
    switch (token->ext_code) {
    case EXT_FORWARD: return reference(decoder, token, decoder->base);
    case EXT_REFERENCE: return reference(decoder, token, 0);
    case EXT_RUN: return run(decoder, token);
    case EXT_BIG_INT: return big_int(token);
    case EXT_SURROGATES: return surrogates(decoder, token);
    case EXT_MISSING: return missing(decoder, token);
    case EXT_ADDRESS: return address(decoder, token);
    case EXT_ABSENT: return phd__absent();
    case EXT_COMPLEX: return complex_number(decoder, token);
    default: return unknown_extension(token);
    }
}

/* --- arrays and maps --- */

static bool may_contain(struct decoder *decoder, uint64_t slots, int depth)
{
    if (depth >= PHD__MAX_NESTING)
        decoder->problem = "it is nested deeper than 32 levels";
    else if (decoder->containers_left == 0 || slots > decoder->slots_left)
        decoder->problem = "it claims more elements than a dump can have";
    else {
        decoder->containers_left--;
        decoder->slots_left -= slots;
        return true;
    }
    return false;
}

static PyObject *array(struct decoder *decoder, uint32_t size, int depth)
{
    if (!may_contain(decoder, size, depth))
        return NULL;
    PyObject *list = PyList_New(size);
    if (list == NULL)
        return NULL;
    for (uint32_t i = 0; i < size; i++) {
        PyObject *item = decode(decoder, depth + 1);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static int append_pair(PyObject *pairs, PyObject *key, PyObject *value)
{
    PyObject *pair = PyTuple_Pack(2, key, value);
    if (pair == NULL)
        return -1;
    int result = PyList_Append(pairs, pair);
    Py_DECREF(pair);
    return result;
}

/* What was a dict so far becomes a Pairs. Steals `dict`. */
static PyObject *pairs_of_dict(PyObject *dict)
{
    PyObject *pairs = phd__pairs_new();
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (pairs != NULL && PyDict_Next(dict, &position, &key, &value))
        if (append_pair(pairs, key, value) < 0)
            Py_CLEAR(pairs);
    Py_DECREF(dict);
    return pairs;
}

/* Adds one pair to `*map`, which stays a dict as long as all keys are str. */
static int add_pair(PyObject **map, PyObject *key, PyObject *value)
{
    if (PyDict_Check(*map)) {
        if (PyUnicode_CheckExact(key))
            return PyDict_SetItem(*map, key, value);
        *map = pairs_of_dict(*map);
        if (*map == NULL)
            return -1;
    }
    return append_pair(*map, key, value);
}

static PyObject *map(struct decoder *decoder, uint32_t size, int depth)
{
    if (!may_contain(decoder, (uint64_t)size * 2, depth))
        return NULL;
    PyObject *result = PyDict_New();
    for (uint32_t i = 0; i < size && result != NULL; i++) {
        PyObject *key = decode(decoder, depth + 1);
        PyObject *value = key != NULL ? decode(decoder, depth + 1) : NULL;
        if (value == NULL || add_pair(&result, key, value) < 0)
            Py_CLEAR(result);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return result;
}

static PyObject *decode(struct decoder *decoder, int depth)
{
    struct phd__token token;
    if (!phd__token_next(decoder->cursor, &token))
        return damaged(decoder, "its data is damaged or ends too early");
    switch (token.type) {
    case PHD__TOKEN_NIL: Py_RETURN_NONE;
    case PHD__TOKEN_FALSE: Py_RETURN_FALSE;
    case PHD__TOKEN_TRUE: Py_RETURN_TRUE;
    case PHD__TOKEN_UNSIGNED: return PyLong_FromUnsignedLongLong(token.value.u);
    case PHD__TOKEN_NEGATIVE: return PyLong_FromLongLong(token.value.i);
    case PHD__TOKEN_FLOAT: return PyFloat_FromDouble(token.value.d);
    case PHD__TOKEN_STR: return text(&token);
    case PHD__TOKEN_BIN: return PyBytes_FromStringAndSize((const char *)token.bytes, token.size);
    case PHD__TOKEN_EXT: return extension(decoder, &token);
    case PHD__TOKEN_ARRAY: return array(decoder, token.size, depth);
    case PHD__TOKEN_MAP: return map(decoder, token.size, depth);
    }
    return damaged(decoder, "its data is damaged"); /* not reached: the parser gives no other type */
}

PyObject *phd__decode(struct phd__cursor *cursor, uint64_t base, const char **problem)
{
    struct decoder decoder = {
        .cursor = cursor,
        .base = base,
        .slots_left = (uint64_t)(cursor->end - cursor->at),
        .containers_left = MAX_CONTAINERS,
    };
    PyObject *result = decode(&decoder, 0);
    *problem = decoder.problem;
    return result;
}
