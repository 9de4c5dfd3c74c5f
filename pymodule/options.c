/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include "pymodule/options.h"

#include <string.h>

PyObject *phd__parse_directories(PyObject *paths, const char *found[PHD_DIRECTORIES])
{
    PyObject *kept = PySequence_Tuple(paths);
    PyObject *encoded = kept ? PyTuple_New(PyTuple_GET_SIZE(kept)) : NULL;
    for (Py_ssize_t i = 0; encoded && i < PyTuple_GET_SIZE(kept); i++) {
        PyObject *bytes = NULL;
        if (!PyUnicode_FSConverter(PyTuple_GET_ITEM(kept, i), &bytes)) {
            Py_CLEAR(encoded);
            break;
        }
        PyTuple_SET_ITEM(encoded, i, bytes);
        if (i < PHD_DIRECTORIES)
            found[i] = PyBytes_AS_STRING(bytes);
    }
    Py_XDECREF(kept);
    return encoded;
}

PyObject *phd__parse_options(PyObject *keywords, struct phd_options *options)
{
    static char *names[] = {"directories", "timeout",     "executable",  "level",     "max_bytes",
                            "max_buffer",  "max_buffers", "max_seconds", "max_dumps", "sources",
                            "redact",      "quiet",       NULL};
    const char *directories[PHD_DIRECTORIES] = {NULL};
    unsigned long long max_bytes, max_buffer, max_buffers;
    PyObject *paths;
    int sources, redact, quiet;
    PyObject *nothing = PyTuple_New(0);
    if (!nothing)
        return NULL;
    memset(options, 0, sizeof *options);
    phd_describe_python(&options->request);
    int parsed = PyArg_ParseTupleAndKeywords(nothing, keywords, "OdsiKKKdIppp", names, &paths, &options->timeout,
                                             &options->request.executable, &options->request.level, &max_bytes,
                                             &max_buffer, &max_buffers, &options->request.max_seconds,
                                             &options->request.max_dumps, &sources, &redact, &quiet);
    Py_DECREF(nothing);
    PyObject *texts = parsed ? phd__parse_directories(paths, directories) : NULL;
    if (!texts)
        return NULL;
    options->directory = directories[0];
    for (int i = 1; i < PHD_DIRECTORIES; i++)
        options->fallbacks[i - 1] = directories[i];
    options->request.max_bytes = max_bytes;
    options->request.max_buffer = max_buffer;
    options->request.max_buffers = max_buffers;
    options->request.sources = sources;
    options->request.redact = redact;
    options->quiet = quiet;
    return texts;
}
