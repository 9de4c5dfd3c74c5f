/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal, with the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include "pymodule/options.h"

#include <string.h>

PyObject *phd__parse_options(PyObject *keywords, struct phd_options *options)
{
    static char *names[] = {"directory",   "timeout", "executable", "level", "max_bytes",
                            "max_seconds", "sources", "redact",     "quiet", NULL};
    unsigned long long max_bytes;
    PyObject *directory;
    int sources, redact, quiet;
    PyObject *nothing = PyTuple_New(0);
    if (!nothing)
        return NULL;
    memset(options, 0, sizeof *options);
    phd_describe_python(&options->request);
    int parsed = PyArg_ParseTupleAndKeywords(nothing, keywords, "O&dsiKdppp", names, PyUnicode_FSConverter, &directory,
                                             &options->timeout, &options->request.executable, &options->request.level,
                                             &max_bytes, &options->request.max_seconds, &sources, &redact, &quiet);
    Py_DECREF(nothing);
    if (!parsed)
        return NULL;
    options->directory = PyBytes_AS_STRING(directory);
    options->request.max_bytes = max_bytes;
    options->request.sources = sources;
    options->request.redact = redact;
    options->quiet = quiet;
    return directory;
}
