/* SPDX-License-Identifier: Apache-2.0
 *
 * How dumps are made, as Python tells it: the keyword arguments that signals_install() and watch_configure() share.
 */
#ifndef PYMODULE_OPTIONS_H
#define PYMODULE_OPTIONS_H

#include <Python.h>

#include "pyheapdump.h"

/* `found`: the first of the directories that `paths`, a sequence, names. Returns the object that holds their names (a new
 * reference), or NULL with an exception. */
PyObject *phd__parse_directories(PyObject *paths, const char *found[PHD_DIRECTORIES]);

/* Fill `options` from the keywords directories, timeout, executable, level, max_bytes, max_buffer, max_buffers, max_seconds, max_dumps, sources,
 * redact, quiet. Returns the object that holds the directories' names (a new reference), or NULL with an exception. */
PyObject *phd__parse_options(PyObject *keywords, struct phd_options *options);

#endif
